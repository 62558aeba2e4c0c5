"""Record files - JSON lines, also zstd - on the same way in as MQTT, e.g. from a USB stick."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec
import zstandard

from collector.ingest.decode import Source, decode_lines
from collector.ingest.intake import Intake
from wire.codec import MAX_LINE_BYTES

SUFFIXES = (".jsonl", ".jsonl.zst")
_CHUNK_BYTES = 1 << 8
"""Compressed at a time: four bytes may unpack to 128 KiB, so even hostile ones give 8 MiB."""


class UnreadableFileError(Exception):
    """A file that cannot be read to its end. What came before has been stored."""

    def __init__(self, file: Path, problem: str) -> None:
        """Keep the file."""
        super().__init__(f"{file}: {problem}")
        self.file = file
        self.problem = problem


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the lines of some files."""

    files: int = 0
    read: int = 0
    new: int = 0
    duplicates: int = 0
    rejected: int = 0
    problems: tuple[str, ...] = ()
    """Files that could not be read to their end."""


def record_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and those in folders, in order of name."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.name.endswith(SUFFIXES))
        else:
            found.append(path)
    return found


def import_files(
    files: Iterable[Path],
    intake: Intake,
    *,
    batch_rows: int,
    on_progress: Callable[[Path, Imported], None],
) -> Imported:
    """Store the records of the files; again and again is the same as once.

    A file that is damaged is named in `problems` and does not stop the others. Raises `LakeError`
    and `LedgerError`.
    """
    total = Imported()
    for file in files:
        source = Source(f"file:{file.name}")
        try:
            for lines in _chunks(_lines(file), batch_rows):
                taken = intake.take([decode_lines(source, lines)], datetime.now(UTC))
                total = msgspec.structs.replace(
                    total,
                    read=total.read + taken.read,
                    new=total.new + taken.new,
                    duplicates=total.duplicates + taken.duplicates,
                    rejected=total.rejected + taken.rejected,
                )
                on_progress(file, total)
        except UnreadableFileError as error:
            total = msgspec.structs.replace(total, problems=(*total.problems, str(error)))
        total = msgspec.structs.replace(total, files=total.files + 1)
    return total


def _chunks(lines: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    while chunk := list(islice(lines, size)):
        yield chunk


def _lines(file: Path) -> Iterator[bytes]:
    """Non-blank lines, the longest cut short behind what any record may need."""
    rest = b""
    cutting = False
    for piece in _pieces(file):
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
        yield rest


def _pieces(file: Path) -> Iterator[bytes]:
    """The file's bytes, unpacked; raises `UnreadableFileError`."""
    try:
        with file.open("rb") as stream:
            chunks = iter(lambda: stream.read(_CHUNK_BYTES), b"")
            yield from _unpacked(chunks) if file.suffix == ".zst" else chunks
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise UnreadableFileError(file, str(error)) from error


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Frames one behind the other; EOFError where the last one is cut."""
    frame = None
    for chunk in chunks:
        left = chunk
        while left:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(left)
            left = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError("ends in the middle of a zstd frame")
