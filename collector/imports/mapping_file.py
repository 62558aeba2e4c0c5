"""Mappings as TOML files: read, and checked against the kind that they are for."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from collector.imports.errors import MappingError
from collector.imports.kinds import Kind, kinds
from collector.imports.mapping import DELIMITERS, ENCODINGS, UNITS, Mapping, Sheet
from collector.imports.values import ISO, UNIX, Times, zone_of

MAX_BYTES = 256 << 10
_THOUSANDS = ("", ".", ",", " ", "'")
_MOST_SKIPPED = 1000
_SAMPLE = datetime(2026, 11, 23, 13, 45, tzinfo=UTC)

_Problems = Iterator[tuple[str, str]]
"""Key and what is wrong with it."""


def read(file: Path) -> Mapping:
    """The mapping in a TOML file; raises `MappingError`, which names the key."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise MappingError(file, "", f"is larger than {MAX_BYTES >> 10} kB")
        text = file.read_text(encoding="utf-8")
        raw: dict[str, Any] = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(file, "", f"cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise MappingError(file, "", f"not TOML: {error}") from error
    for key in ("text", "name"):
        if key in raw:
            raise MappingError(file, key, "unknown key")
    try:
        found = msgspec.convert({**raw, "text": text, "name": file.name}, Mapping)
    except msgspec.ValidationError as error:
        raise MappingError.invalid(file, error) from error
    for place, problem in _problems(found):
        raise MappingError(file, place, problem)
    return found


def _problems(mapping: Mapping) -> _Problems:
    if not mapping.series.strip():
        yield "series", "must have a name"
    yield from _of_sheet(mapping.file)
    yield from _of_times(mapping.time)
    if mapping.communes.by not in {"code", "name"}:
        yield "communes.by", "must be code or name"
    kind = kinds().get(mapping.kind)
    if kind is None:
        yield "kind", f"{mapping.kind!r} is none of {', '.join(sorted(kinds()))}"
    else:
        yield from _of_names(mapping, kind)
        yield from _of_columns(mapping, kind)
        yield from _of_units(mapping, kind)


def _of_sheet(sheet: Sheet) -> _Problems:
    if sheet.encoding not in ENCODINGS:
        yield "file.encoding", f"must be one of {', '.join(ENCODINGS)}"
    if sheet.delimiter not in DELIMITERS:
        yield "file.delimiter", f"must be one of {' '.join(map(repr, DELIMITERS))}"
    if sheet.decimal not in {".", ","}:
        yield "file.decimal", "must be . or ,"
    if sheet.thousands not in _THOUSANDS or sheet.thousands == sheet.decimal:
        yield "file.thousands", "must be empty, another sign than file.decimal, a blank or '"
    if not 0 <= sheet.skip_lines <= _MOST_SKIPPED:
        yield "file.skip_lines", f"must be between 0 and {_MOST_SKIPPED}"


def _of_times(times: Times) -> _Problems:
    try:
        zone_of(times.zone)
    except ValueError as error:
        yield "time.zone", str(error)
    if times.format != ISO and times.format not in UNIX and not _reads_back(times.format):
        yield "time.format", f"{times.format!r} names no moment"
    if not _reads_back(times.month, days=False):
        yield "time.month", f"{times.month!r} names no month"
    if not _reads_back(times.day):
        yield "time.day", f"{times.day!r} names no day"


def _reads_back(form: str, *, days: bool = True) -> bool:
    """Whether a time written so can be read again."""
    try:
        found = datetime.strptime(_SAMPLE.strftime(form), form)  # noqa: DTZ007  # only compared
    except ValueError:
        return False
    same_month = (found.year, found.month) == (_SAMPLE.year, _SAMPLE.month)
    return same_month and (found.day == _SAMPLE.day or not days)


def _of_names(mapping: Mapping, kind: Kind) -> _Problems:
    for part in ("columns", "constants", "units", "values"):
        for name in getattr(mapping, part):
            if name not in kind.fields:
                yield f"{part}.{name}", f"unknown; {kind.name} has {', '.join(kind.fields)}"
    for name in mapping.values:
        if not kind.fields[name].valued:
            yield f"values.{name}", "takes no map of values"
    if mapping.figures and "figures" not in kind.columns.names:
        yield "figures", f"unknown; {kind.name} has none"


def _of_columns(mapping: Mapping, kind: Kind) -> _Problems:
    said = {*mapping.columns, *mapping.constants}
    for name, field in kind.fields.items():
        if field.required and name not in said:
            yield f"columns.{name}", "is needed"
        if name in mapping.columns and name in mapping.constants:
            yield f"constants.{name}", "is a column as well"
    if "commune" not in said and not {"lat_deg", "lon_deg"} <= said:
        yield "columns", "commune is needed, or both lat_deg and lon_deg"
    headings = [*mapping.columns.values(), *mapping.figures.values()]
    twice = next((one for one in headings if headings.count(one) > 1), None)
    if twice is not None:
        yield "columns", f"two of them are {twice!r}"


def _of_units(mapping: Mapping, kind: Kind) -> _Problems:
    for name, field in kind.fields.items():
        if field.unit is None:
            if name in mapping.units:
                yield f"units.{name}", "has no unit"
            continue
        known = UNITS[field.unit]
        if name in mapping.columns and mapping.units.get(name) not in known:
            yield f"units.{name}", f"is needed: one of {', '.join(known)}"
