"""A foreign CSV file as lines of text, or an error that says where it is none."""

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from collector.imports.errors import SheetError
from collector.imports.mapping import Mapping
from collector.imports.text import nfc

MAX_BYTES = 128 << 20
"""A year of the province's samples has some 30 MB."""
MAX_LINES = 2_000_000
MAX_COLUMNS = 500


class Raw(NamedTuple):
    """One line with something in it."""

    number: int
    """Of its first line in the file, from 1."""
    fields: dict[str, str | None]
    """Text by our name of the field, None where it is empty. Figures of a report are
    `figures.NAME`."""
    problem: str | None
    """Why it is no line of the table."""
    text: str
    """As it stands, for whoever corrects it."""


class Table(NamedTuple):
    """A file that was read."""

    sha256: str
    bytes: int
    lines: tuple[Raw, ...]


def read(file: Path, mapping: Mapping) -> Table:
    """The lines of a file by a mapping; raises `SheetError`."""
    content = _content(file)
    text = _decoded(file, content, mapping.file.encoding)
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise SheetError(file, line, "holds a zero byte: it is no CSV, or in another encoding")
    lines = tuple(_lines(file, text, mapping))
    return Table(hashlib.sha256(content).hexdigest(), len(content), lines)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SheetError(file, None, f"cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise SheetError(
            file, None, f"is larger than {MAX_BYTES >> 20} MB: bring it month by month"
        )
    return content


def _decoded(file: Path, content: bytes, encoding: str) -> str:
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        what = f"is not {encoding} (byte {error.start}): say file.encoding in the mapping"
        raise SheetError(file, line, what) from error
    except UnicodeError as error:
        what = f"is not {encoding}: say file.encoding in the mapping"
        raise SheetError(file, 1, what) from error


class _Record(NamedTuple):
    number: int
    cells: list[str]
    text: str


def _lines(file: Path, text: str, mapping: Mapping) -> Iterator[Raw]:
    records = _records(file, text, mapping)
    header = next(records, None)
    if header is None:
        raise SheetError(file, None, "holds no line that names the columns")
    places = _places(file, header, mapping)
    for count, record in enumerate(records, 1):
        if count > MAX_LINES:
            what = f"more than {MAX_LINES} lines: bring it month by month"
            raise SheetError(file, record.number, what)
        yield _raw(record, len(header.cells), places, mapping)


def _records(file: Path, text: str, mapping: Mapping) -> Iterator[_Record]:
    """Each record that has something in it; one may go over several lines."""
    skipped = mapping.file.skip_lines
    lines = list(io.StringIO(text, newline=""))[skipped:]
    reader = csv.reader(lines, delimiter=mapping.file.delimiter, strict=True)
    before = 0
    while before < len(lines):
        try:
            cells = next(reader)
        except csv.Error as error:
            what = f"is no line of a CSV file: {error}"
            raise SheetError(file, skipped + before + 1, what) from error
        except StopIteration:
            return
        if any(cell.strip() for cell in cells):
            raw = "".join(lines[before : reader.line_num]).rstrip("\r\n")
            yield _Record(skipped + before + 1, cells, raw)
        before = reader.line_num


def _raw(record: _Record, width: int, places: dict[str, int], mapping: Mapping) -> Raw:
    number, cells, text = record
    if len(cells) != width:
        return Raw(number, {}, f"has {len(cells)} fields, and there are {width} columns", text)
    fields: dict[str, str | None] = dict(mapping.constants)
    for name, place in places.items():
        cell = nfc(cells[place])
        fields[name] = None if not cell or cell in mapping.file.empty else cell
    return Raw(number, fields, None, text)


def _places(file: Path, header: _Record, mapping: Mapping) -> dict[str, int]:
    """Index of the column of each mapped field."""
    headings = [nfc(cell) for cell in header.cells]
    if len(headings) > MAX_COLUMNS:
        what = f"has {len(headings)} columns, more than {MAX_COLUMNS}"
        raise SheetError(file, header.number, what)
    figures = {f"figures.{name}": heading for name, heading in mapping.figures.items()}
    found = {}
    for name, heading in (mapping.columns | figures).items():
        times = headings.count(nfc(heading))
        if times != 1:
            problem = "there is no column" if not times else f"{times} columns are called"
            known = ", ".join(repr(one[:40]) for one in headings[:40])
            what = f"{problem} {heading!r} ({name}); there are: {known}"
            raise SheetError(file, header.number, what)
        found[name] = headings.index(nfc(heading))
    return found
