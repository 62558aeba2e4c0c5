"""Writes what the outbox holds as record files. Nothing is deleted: only acknowledgements do that.

Each file has its name only once it is on the disk in full, and the list of them comes last, so a
stick may be pulled out at any moment. What lies there whole from an earlier time is not written
again.
"""

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

from agent.carry.earlier import whole_files
from agent.carry.folder import Folder, write_all
from agent.carry.rows import EpochRenewedError, OutboxRows
from agent.outbox.errors import OutboxError
from agent.outbox.watermark import Carried
from wire.carried import CarriedFile, FileName, Manifest, manifest_name, parse_file_name
from wire.codec import pack_file
from wire.control import Range

ROWS_PER_FILE = 20_000
"""About half a megabyte: what is lost of a stick that becomes full, or has a bad spot."""
BYTES_PER_FILE = 64 << 20
"""Of lines, before they are packed."""
LEAST_FREE_BYTES = 1 << 20
"""Below it no file is begun: the list of the files must still fit."""
TRIES = 3
"""When the outbox is numbered anew meanwhile, all is written once more."""


class Trouble(StrEnum):
    """Why a disk did not take everything."""

    FULL = "full"
    READ_ONLY = "read-only"
    IN_USE = "in use"
    FAILED = "failed"
    """Pulled out, or broken."""


_BY_ERRNO = {
    errno.ENOSPC: Trouble.FULL,
    errno.EDQUOT: Trouble.FULL,
    errno.EFBIG: Trouble.FULL,
    errno.EROFS: Trouble.READ_ONLY,
    errno.EACCES: Trouble.READ_ONLY,
    errno.EPERM: Trouble.READ_ONLY,
    errno.EWOULDBLOCK: Trouble.IN_USE,
}


def trouble_of(error: OSError) -> Trouble:
    """What an error of the disk means for the person who holds it."""
    return _BY_ERRNO.get(error.errno or 0, Trouble.FAILED)


class Progress(NamedTuple):
    """How far it is; `share` of the numbers, from 0 to 1."""

    rows: int
    files: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What came of it."""

    epoch: UUID
    made: int
    rows: int = 0
    """Written now."""
    files: int = 0
    """Written now."""
    bytes: int = 0
    """Of these files."""
    there: int = 0
    """Rows that lay there whole before."""
    unreadable: int = 0
    """Rows whose bytes in the outbox are damaged."""
    trouble: Trouble | None = None
    """Why not everything was written."""
    reason: str = ""
    """The same as the computer says it."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """One probe's outbox, ready to be carried out."""

    outbox: Path
    probe: str
    software: str
    utc: Callable[[], datetime | None] = field(default=lambda: None)

    def into(self, folder: Folder, on_progress: Callable[[Progress], None]) -> Exported:
        """Write what is not there yet, up to what the outbox holds at the beginning.

        `on_progress` is called at least for every thousand rows; what it raises ends the export
        and leaves whole files. Raises `OutboxError` when the outbox cannot be read; what is wrong
        with the folder is told as `trouble`.
        """
        rows = OutboxRows(self.outbox)
        for _ in range(TRIES - 1):
            with suppress(EpochRenewedError):
                return self._one_epoch(rows, folder, on_progress)
        return self._one_epoch(rows, folder, on_progress)

    def _one_epoch(
        self, rows: OutboxRows, folder: Folder, on_progress: Callable[[Progress], None]
    ) -> Exported:
        state = rows.state()
        try:
            # Without it, rows that the collector acknowledges would seem to be somebody else's.
            Carried(self.outbox).note(state.epoch, state.made)
        except OSError as error:
            raise OutboxError(
                f"{error.filename or self.outbox.parent}: {error.strerror}"
            ) from error
        told = Exported(epoch=state.epoch, made=state.made)
        files: list[CarriedFile] = []
        try:
            folder.claim()
            files = whole_files(
                folder, self.probe, state.epoch, lambda: on_progress(Progress(0, 0, 0.0))
            )
            told = replace(told, there=sum(file.rows for file in files))
            if state.first_seq is not None:
                spans = uncovered(map(_span, files), (state.first_seq, state.made))
                writing = _Writing(self.probe, rows, folder, state.made, on_progress)
                for file, unreadable in writing.files(spans, state.epoch):
                    files.append(file)
                    told = replace(
                        told,
                        rows=told.rows + file.rows,
                        files=told.files + 1,
                        bytes=told.bytes + file.bytes,
                        unreadable=told.unreadable + unreadable,
                    )
            self._list(folder, told, files)
        except OSError as error:
            told = replace(told, trouble=trouble_of(error), reason=error.strerror or str(error))
            self._list_what_fitted(folder, told, files)
        return told

    def _list(self, folder: Folder, told: Exported, files: list[CarriedFile]) -> None:
        manifest = Manifest(
            probe=self.probe,
            epoch=told.epoch,
            made=told.made,
            complete=told.trouble is None and not told.unreadable,
            software=self.software,
            utc=self.utc(),
            files=tuple(sorted(files, key=_span)),
        )
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        folder.write(manifest_name(self.probe, told.epoch), content + b"\n")

    def _list_what_fitted(self, folder: Folder, told: Exported, files: list[CarriedFile]) -> None:
        """The disk is in trouble already: the files are whole without a list as well."""
        if told.trouble is not Trouble.FULL:
            return
        try:
            self._list(folder, told, files)
        except OSError:
            return


class _Writing(NamedTuple):
    """Files in the making."""

    probe: str
    rows: OutboxRows
    folder: Folder
    made: int
    on_progress: Callable[[Progress], None]

    def files(self, spans: Iterable[Range], epoch: UUID) -> Iterator[tuple[CarriedFile, int]]:
        """Each file once it is on the disk, and how many of its rows could not be read."""
        rows = files = 0
        for first, last in spans:
            seq = first - 1
            while seq < last:
                if self.folder.free_bytes() < LEAST_FREE_BYTES:
                    raise OSError(errno.ENOSPC, "no space left on the disk")
                written = self._file(seq, last, epoch, Progress(rows, files, 0.0))
                if written is None:
                    break
                file, seq, unreadable = written
                if file is not None:
                    rows, files = rows + file.rows, files + 1
                    yield file, unreadable

    def _file(
        self, seq: int, last: int, epoch: UUID, before: Progress
    ) -> tuple[CarriedFile | None, int, int] | None:
        """One file with rows above `seq`, and the last one looked at; None when there is none."""
        first_seq = rows = size = unpacked = unreadable = 0
        digest = hashlib.sha256()
        with self.folder.draft() as draft:
            while rows < ROWS_PER_FILE and unpacked < BYTES_PER_FILE:
                piece = self.rows.after(
                    seq, up_to=last, epoch=epoch, most_rows=ROWS_PER_FILE - rows
                )
                if piece is None:
                    break
                first_seq = first_seq or piece.first_seq
                seq = piece.last_seq
                unreadable += piece.unreadable
                if piece.lines:
                    frame = pack_file(piece.lines)
                    write_all(draft, frame)
                    digest.update(frame)
                    rows, size = rows + len(piece.lines), size + len(frame)
                    unpacked += sum(map(len, piece.lines))
                self.on_progress(Progress(before.rows + rows, before.files, seq / self.made))
            if not first_seq:
                return None
            if not rows:
                return None, seq, unreadable
            name = str(FileName(self.probe, epoch, (first_seq, seq)))
            self.folder.keep(draft, name)
        file = CarriedFile(name=name, rows=rows, bytes=size, sha256=digest.hexdigest())
        return file, seq, unreadable


def uncovered(covered: Iterable[Range], span: Range) -> Iterator[Range]:
    """The parts of `span` that are in none of the ranges, which come by their first number."""
    seq, last = span
    for begin, end in covered:
        if begin > last:
            break
        if seq < begin:
            yield seq, begin - 1
        seq = max(seq, end + 1)
    if seq <= last:
        yield seq, last


def _span(file: CarriedFile) -> Range:
    said = parse_file_name(file.name)
    if said is None:
        raise ValueError(file.name)
    return said.span
