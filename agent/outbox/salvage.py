"""Takes what can still be read of a damaged outbox over into a new one.

Only rows that the damaged file still holds to be there: what lies in its free pages was delivered.
Damaged pages are found by halving the range of numbers until what is left can be read or is one
row. The work is bounded by time and by how often SQLite may refuse.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec

from agent.outbox.file import OutboxFile, primary_code
from agent.outbox.watermark import Watermark
from wire.codec import UNDECODABLE, UnreadableRecordError, unpack_line

log = logging.getLogger(__name__)

SALVAGE_S = 120.0
REFUSALS_AT_MOST = 20_000
GROUP_ROWS = 500
MAGIC = b"SQLite format 3\0"
FRACTIONS = bytes((64, 32, 32))
"""Bytes 21 to 23 of every database."""
FAR = 1 << 40
"""Where the highest number is unknown."""


@dataclass(frozen=True, kw_only=True)
class Salvaged:
    """What came of it."""

    epoch: UUID | None
    """Of the damaged file; None where it does not tell."""
    rows: int
    """Taken over."""
    unaccounted: int | None
    """Rows that waited in the damaged file, as it or this run knows, and were not taken over."""


class _Key(msgspec.Struct, frozen=True):
    epoch: UUID
    seq: int
    kind: str


_key_decoder = msgspec.json.Decoder(_Key)


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """What a damaged file says of itself."""

    epoch: UUID
    made: int
    waiting: int
    """Rows up to `made`."""


def salvage(
    damaged: Path, into: OutboxFile, *, watermark: Watermark, progress: Callable[[], None]
) -> Salvaged:
    """Copy the readable rows of a file, which is only read, under numbers of `into`.

    A disk that gets full ends it.
    """
    deadline_s = time.monotonic() + SALVAGE_S
    _mend_first_bytes(damaged)
    with closing(sqlite3.connect(f"{damaged.as_uri()}?mode=ro", uri=True)) as db:
        standing = _standing(db)
        epoch = None if standing is None else standing.epoch
        top = _highest(db)
        if standing is not None:
            top = max(top or 0, standing.made, watermark.of(standing.epoch))
        rows = 0
        try:
            for group in _groups(_readable(db, top or FAR, deadline_s), epoch):
                progress()
                into.adopt(group)
                rows += len(group)
        except sqlite3.Error as error:
            if primary_code(error) != sqlite3.SQLITE_FULL:
                raise
            log.warning("%s: no room to salvage more of it", damaged)
    unaccounted = None
    if standing is not None and top is not None:
        unaccounted = max(0, standing.waiting + top - standing.made - rows)
    return Salvaged(epoch=epoch, rows=rows, unaccounted=unaccounted)


def _mend_first_bytes(damaged: Path) -> None:
    """Write what every database begins with, if the rest of its header stands.

    A stray write to a descriptor that was closed hits just there.
    """
    with damaged.open("r+b") as stream:
        header = stream.read(24)
        if header[21:24] == FRACTIONS and header[: len(MAGIC)] != MAGIC:
            stream.seek(0)
            stream.write(MAGIC)


def _standing(db: sqlite3.Connection) -> _Standing | None:
    try:
        epoch, made, held = db.execute("SELECT epoch, made, held FROM saved").fetchone()
        waiting = sum(rows for rows, _ in json.loads(held))
    except (sqlite3.Error, ValueError, TypeError):
        try:
            epoch, made = db.execute("SELECT epoch, made FROM state").fetchone()
            (waiting,) = db.execute("SELECT sum(rows) FROM held").fetchone()
        except (sqlite3.Error, TypeError):
            return None
    try:
        return _Standing(epoch=UUID(epoch), made=int(made), waiting=int(waiting))
    except (ValueError, TypeError, AttributeError):
        return None


def _highest(db: sqlite3.Connection) -> int | None:
    try:
        found: int | None = db.execute("SELECT max(seq) FROM outbox").fetchone()[0]
    except sqlite3.Error:
        return None
    return found


def _readable(db: sqlite3.Connection, top: int, deadline_s: float) -> Iterator[tuple[int, bytes]]:
    """Rows with their numbers, ascending."""
    ranges = [(1, top)]
    refusals = 0
    while ranges and refusals < REFUSALS_AT_MOST and time.monotonic() < deadline_s:
        first, last = ranges.pop()
        try:
            for seq, record in db.execute(
                "SELECT seq, record FROM outbox WHERE seq BETWEEN ? AND ? ORDER BY seq",
                (first, last),
            ):
                first = seq + 1
                yield seq, record
        except sqlite3.Error:
            refusals += 1
            if first < last:
                middle = (first + last) // 2
                ranges += [(middle + 1, last), (first, middle)]


def _groups(rows: Iterator[tuple[int, bytes]], epoch: UUID | None) -> Iterator[list[bytes]]:
    """Those that are whole, some at a time."""
    group = []
    for seq, record in rows:
        line = _whole(seq, record, epoch)
        if line is not None:
            group.append(line)
        if len(group) == GROUP_ROWS:
            yield group
            group = []
    if group:
        yield group


def _whole(seq: int, record: bytes, epoch: UUID | None) -> bytes | None:
    """The record's line; None where it is not the record of that number."""
    try:
        line = unpack_line(record)
        key = _key_decoder.decode(line)
        msgspec.json.decode(line)  # the other fields too: they are written anew
    except (UnreadableRecordError, *UNDECODABLE, TypeError, AttributeError):
        return None
    return line if key.seq == seq and epoch in (None, key.epoch) else None
