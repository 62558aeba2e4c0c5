"""Record files - JSON lines, also zstd - on the same way in as MQTT, e.g. from a USB stick."""

import codecs
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import zstandard

from collector.ingest import foreign
from collector.ingest.decode import MICRO_BATCH_BYTES, Source, decode_lines
from collector.ingest.intake import Intake
from collector.store.ledger import Ledger
from wire.carried import (
    MAX_MANIFEST_BYTES,
    CarriedFile,
    Manifest,
    decode_manifest,
    is_manifest_name,
    manifest_name,
    parse_file_name,
)
from wire.codec import MAX_LINE_BYTES
from wire.messages import AnyMeasurement

SUFFIXES = (".jsonl", ".jsonl.zst")
PLAIN_BYTES = 1 << 16
"""Of lines that are not packed, at a time."""
_OTHERS = {
    b"\x1f\x8b": "is packed by gzip; unpack it first: gunzip",
    codecs.BOM_UTF16_LE: "is UTF-16; records are UTF-8",
    codecs.BOM_UTF16_BE: "is UTF-16; records are UTF-8",
}
"""What is wrong with a file that begins so."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the lines of some files."""

    files: int = 0
    read: int = 0
    new: int = 0
    duplicates: int = 0
    rejected: int = 0
    conflicts: int = 0
    """Records of a copy of an outbox: their numbers belong to others, so they are not stored."""
    untold: int = 0
    """Records with a `utc` that nobody told, by their `clock_state`: no verdict believes it."""
    problems: tuple[str, ...] = ()
    """Files that are not there, not whole, or not what their name or their list says."""


class Progress(NamedTuple):
    """How far it is."""

    file: Path
    read_bytes: int
    """Of all files, as they lie on the disk."""
    imported: Imported


@dataclass(frozen=True, kw_only=True)
class Found:
    """The record files of some folders, and the lists that probes have put beside them."""

    files: list[Path] = field(default_factory=list)
    manifests: dict[Path, Manifest] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the files that are there."""
        return sum(path.lstat().st_size for path in self.files if os.path.lexists(path))

    def listed(self, file: Path) -> CarriedFile | None:
        """What the list beside a file says of it."""
        said = parse_file_name(file.name)
        if said is None:
            return None
        manifest = self.manifests.get(file.with_name(manifest_name(said.probe, said.epoch)))
        if manifest is None:
            return None
        return next((each for each in manifest.files if each.name == file.name), None)


def find(paths: Iterable[Path]) -> Found:
    """The files themselves, and those in folders in order of name; no link in a folder counts."""
    found = Found()
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if is_manifest_name(file.name):
                    _read_manifest(found, file)
                elif file.name.endswith(SUFFIXES):
                    found.files.append(file)
        elif is_manifest_name(path.name):
            _read_manifest(found, path)
        else:
            found.files.append(path)
            said = parse_file_name(path.name)
            beside = None if said is None else path.with_name(manifest_name(*said[:2]))
            if beside is not None and os.path.lexists(beside) and beside not in found.manifests:
                _read_manifest(found, beside)
    return found


def import_files(
    found: Found,
    intake: Intake,
    ledger: Ledger,
    *,
    batch_rows: int,
    on_progress: Callable[[Progress], None],
) -> Imported:
    """Store the records of the files; again and again is the same as once.

    What is wrong with a file is named in `problems` and does not stop the others: what is damaged
    is left out, as the probe still has it. Then the ledger learns how many records the probes had
    made. Raises `LakeError` and `LedgerError`.
    """
    total = Imported(problems=tuple(found.problems))
    before_bytes = 0
    for file in found.files:
        strangers: Counter[str] = Counter()
        problems: list[str] = []
        before, conflicts, why = total, 0, ""
        try:
            with foreign.opened(file) as stream:
                unended: list[bytes] = []
                lines = _lines(_believed(stream, file, found.listed(file), problems), unended)
                while some := _some(lines, batch_rows):
                    decoded = decode_lines(Source(f"file:{file.name}"), some)
                    strangers.update(_strangers(file, decoded.records))
                    why = why or next((one.reason for one in decoded.refused), "")
                    last = [one.content for one in decoded.refused[-1:]]
                    if unended and last == unended and not problems:
                        problems.append("ends in the middle of a line")
                    taken = intake.take([decoded], datetime.now(UTC))
                    total = msgspec.structs.replace(
                        total,
                        read=total.read + taken.read,
                        new=total.new + taken.new,
                        duplicates=total.duplicates + taken.duplicates,
                        rejected=total.rejected + taken.rejected,
                        conflicts=total.conflicts + taken.conflicts,
                        untold=total.untold + _untold(decoded.records),
                    )
                    conflicts += taken.conflicts
                    on_progress(Progress(file, before_bytes + stream.tell(), total))
                before_bytes += os.fstat(stream.fileno()).st_size
        except (OSError, zstandard.ZstdError) as error:
            problems.append(f"cannot be read: {_words_of(error)}")
        read, refused = total.read - before.read, total.rejected - before.rejected
        if 0 < read == refused:
            problems.append(f"none of its {read} lines is a record that can be stored: {why}")
        problems += [
            f"holds {count} records of {who}, stored as theirs" for who, count in strangers.items()
        ]
        if conflicts:
            problems.append(
                f"{conflicts} records have numbers of others (a copied card) and are not stored;"
                " the probe numbers them anew at its next uplink"
            )
        total = msgspec.structs.replace(
            total,
            files=total.files + 1,
            problems=(*total.problems, *(f"{file}: {problem}" for problem in problems)),
        )
    for manifest in found.manifests.values():
        ledger.note_made(manifest.probe, manifest.epoch, manifest.made, datetime.now(UTC))
    return total


def _read_manifest(found: Found, file: Path) -> None:
    try:
        with foreign.opened(file) as stream:
            manifest = decode_manifest(stream.read(MAX_MANIFEST_BYTES + 1))
    except (OSError, ValueError) as error:
        found.problems.append(f"{file}: cannot be used: {_words_of(error)}")
        return
    if file.name != manifest_name(manifest.probe, manifest.epoch):
        found.problems.append(f"{file}: is the list of another probe or epoch")
        return
    found.manifests[file] = manifest
    found.problems.extend(
        f"{file.with_name(each.name)}: is named in {file.name} and not there"
        for each in manifest.files
        if not os.path.lexists(file.with_name(each.name))
    )


def _believed(
    stream: BinaryIO, file: Path, listed: CarriedFile | None, problems: list[str]
) -> Iterator[bytes]:
    """What may be stored of a file's bytes, unpacked; what is wrong with it goes to `problems`."""
    if file.suffix != ".zst":
        return _plain(stream, problems)
    checked = foreign.check(stream)
    if checked.problem is not None:
        problems.append(checked.problem)
    if listed is not None and (checked.size, checked.sha256) != (listed.bytes, listed.sha256):
        problems.append("is not as the probe wrote it (SHA-256)")
    return foreign.unpacked(stream, checked.believed_bytes)


def _plain(stream: BinaryIO, problems: list[str]) -> Iterator[bytes]:
    """The bytes of a file of lines, without the mark that editors put before UTF-8."""
    begins = stream.read(PLAIN_BYTES)
    for magic, problem in _OTHERS.items():
        if begins.startswith(magic):
            problems.append(problem)
            return iter(())
    rest = iter(lambda: stream.read(PLAIN_BYTES), b"")
    return chain([begins.removeprefix(codecs.BOM_UTF8)], rest)


def _lines(pieces: Iterable[bytes], unended: list[bytes]) -> Iterator[bytes]:
    """Non-blank lines, the longest cut short behind what any record may need.

    A last one without its line break goes to `unended` besides.
    """
    rest = b""
    cutting = False
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            if line.strip() and not cutting:
                yield line
            cutting = False
        if len(rest) > MAX_LINE_BYTES:
            if not cutting:
                yield rest
            rest, cutting = b"", True
    if rest.strip() and not cutting:
        unended.append(rest)
        yield rest


def _some(lines: Iterator[bytes], rows: int) -> list[bytes]:
    """The next lines: so many, or as many as make `MICRO_BATCH_BYTES`."""
    some = []
    size = 0
    for line in islice(lines, rows):
        some.append(line)
        size += len(line)
        if size >= MICRO_BATCH_BYTES:
            break
    return some


def _strangers(file: Path, records: Iterable[AnyMeasurement]) -> Iterator[str]:
    """Whose records they are that the file's name does not speak of."""
    said = parse_file_name(file.name)
    if said is not None:
        for record in records:
            if (record.probe, record.epoch) != said[:2]:
                yield f"probe {record.probe}, epoch {record.epoch}"


def _untold(records: Iterable[AnyMeasurement]) -> int:
    return sum(one.utc is not None and not one.clock_state.is_told for one in records)


def _words_of(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
