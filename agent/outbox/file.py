"""The outbox's SQLite file. No threads here: whoever opens it must be the only one to use it.

WAL with synchronous=FULL is the only cheap setting that lost nothing in power cuts: NORMAL lost
acknowledged rows in 36 of 40, SQLite's default DELETE/FULL the last row in 20 of 40. No mmap and
no second writer: SQLite before 3.51.3 can damage a WAL that two connections reset at once.
"""

import fcntl
import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec

from agent.outbox import wal
from agent.outbox.door import Database
from agent.outbox.errors import NewerFileError, OutboxTakenError, UnusableFileError
from agent.outbox.ranks import RANK_NAMES, drop_rank
from agent.outbox.schema import NEWEST, bring_up, schema_of
from wire.codec import UNDECODABLE, UnreadableRecordError, encode_record, pack_line, unpack_line
from wire.control import Range
from wire.messages import AnyMeasurement

log = logging.getLogger(__name__)

Line = bytes
"""A record as one line of JSON, or packed."""

PRAGMAS = (
    "busy_timeout=5000",
    # These two are heard only before the first table is made.
    f"page_size={wal.PAGE_BYTES}",
    "auto_vacuum=INCREMENTAL",
    "journal_mode=WAL",
    "synchronous=FULL",
    f"wal_autocheckpoint={wal.PAGES}",
    f"journal_size_limit={wal.LENGTH_BYTES}",
    "mmap_size=0",
)
QUICK_CHECK_S = 10.0
"""A probe that has to start measuring does not wait longer for the look at its file."""
VACUUM_ABOVE_PAGES = 4096
VACUUM_PAGES = 2048
MOST_PAGES = 0xFFFFFFFE
"""SQLite's own limit."""
SAVE_EVERY_ROWS = 2000
"""So many rows at most are counted when the file is opened."""
REJECTED_KEPT = 1000
DROP_CHUNK_ROWS = 1000
BATCH_READ_ROWS = 5000
ROW_OVERHEAD_BYTES = 16

CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One stored record: its number and its line as `wire.codec` encodes it."""

    seq: int
    line: bytes


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """Rows of one rank that were given up: `count` of those between the two numbers."""

    kinds: str
    first_seq: int
    last_seq: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Held:
    """How many rows of one rank there are, and what they take."""

    rows: int
    bytes: int


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, e.g. SQLITE_FULL; SQLITE_ERROR where Python names none."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


class OutboxFile:
    """Numbers records and keeps them until they are acknowledged.

    Every method is one transaction: after an exception nothing of it has happened, except after
    an I/O error, where only opening the file again tells. Raises sqlite3.Error as it comes; the
    owner knows what to do about a full disk.
    """

    def __init__(self, path: Path, *, check_s: float | None = QUICK_CHECK_S) -> None:
        """Open or create the file; raises `UnusableFileError` when it is damaged or foreign.

        `check_s` limits SQLite's quick_check; None leaves it out.
        """
        self.path = path
        self._lock_fd = lock(path)
        try:
            self._db = Database(path, execute_plugins=False)
            try:
                self._prepare(check_s)
                self._read_state()
            except BaseException:
                self._db.close()
                raise
        except sqlite3.Error as error:
            os.close(self._lock_fd)
            if primary_code(error) in CORRUPT_CODES:
                raise UnusableFileError(path, str(error)) from error
            raise
        except BaseException:
            os.close(self._lock_fd)
            raise

    def _prepare(self, check_s: float | None) -> None:
        for pragma in PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        schema = schema_of(self._db)
        if schema > NEWEST:
            raise NewerFileError(self.path, schema=schema, newest=NEWEST)
        if check_s is not None:
            self._quick_check(check_s)
        self._checkpoint()
        if schema < NEWEST:
            bring_up(self._db)
        wal.lengthen(self.path)

    def _quick_check(self, limit_s: float) -> None:
        deadline_s = time.monotonic() + limit_s
        self._db.conn.set_progress_handler(lambda: int(time.monotonic() > deadline_s), 10_000)
        try:
            verdict = self._scalar("PRAGMA quick_check(1)")
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_INTERRUPT:
                raise
            log.warning("%s is too large to be checked within %g s", self.path, limit_s)
            return
        finally:
            self._db.conn.set_progress_handler(None, 0)
        if verdict != "ok":
            raise UnusableFileError(self.path, f"quick_check: {verdict}")

    def _checkpoint(self) -> None:
        """Bring what the WAL holds to the disk again, and prove it.

        After a failed fsync the page cache shows what the disk has not got; only then may rows
        of an unclear commit be counted as kept. On a full disk nothing was unclear.
        """
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            if primary_code(error) != sqlite3.SQLITE_FULL:
                raise
            log.warning("%s: the disk is full", self.path)

    def _read_state(self) -> None:
        epoch, made, dropped, rejected, lent, held = self._db.execute(
            "SELECT epoch, made, dropped, rejected, lent, held FROM saved"
        ).fetchone()
        self.epoch = UUID(epoch)
        self.made: int = made
        """Highest `seq` given out in the epoch."""
        self.dropped: int = dropped
        self.rejected: int = rejected
        self.held: tuple[Held, ...] = tuple(
            Held(rows=rows, bytes=size) for rows, size in json.loads(held)
        )
        self.saved_made = made
        self.must_save = False
        for rank, rows, content, last_seq in self._db.execute(
            "SELECT rank, count(*), sum(length(record)), max(seq) FROM outbox"
            " WHERE seq > ? GROUP BY rank",
            (made,),
        ):
            self._count(rank, rows, content + rows * ROW_OVERHEAD_BYTES)
            self.made = max(self.made, last_seq)
        self.lent: int = min(lent, self.made)
        """Highest `seq` that may have left the probe."""
        self.dropped_up_to = (0,) * len(RANK_NAMES)
        """Of each rank: below it there are none, so that nobody looks there again."""
        if lent > self.made:
            self._take_back()

    def _take_back(self) -> None:
        """Numbers lent in advance were given to nobody: a copy of this file may use them too."""
        try:
            with self.transaction():
                self.must_save = True
        except sqlite3.Error as error:
            if primary_code(error) != sqlite3.SQLITE_FULL:
                raise
            self.must_save = True

    @property
    def rows(self) -> int:
        """Rows that wait for their acknowledgement."""
        return sum(held.rows for held in self.held)

    @property
    def bytes(self) -> int:
        """What these rows take."""
        return sum(held.bytes for held in self.held)

    def close(self) -> None:
        """Close it; SQLite folds the WAL into the file."""
        self._db.close()
        os.close(self._lock_fd)

    def write(
        self,
        records: Sequence[AnyMeasurement],
        *,
        cap_bytes: int,
        on_drop: Callable[[Dropped], AnyMeasurement],
        most_dropped_bytes: int | None = None,
    ) -> None:
        """Number and store `records`, in order; above `cap_bytes` give up rows by rank.

        What was given up is itself recorded, by `on_drop`, in the same transaction. No more than
        `most_dropped_bytes` at once, where that is given.
        """
        # A little further than needed, so that not every commit has to drop again.
        with self.transaction():
            dropped: list[Dropped] = []
            if most_dropped_bytes is None:
                self._insert(records)
                if self.bytes > cap_bytes:
                    dropped = self._drop(cap_bytes - cap_bytes // 50)
            else:
                # Rows have to go first: there may be no page for the new ones.
                slack_bytes = min(cap_bytes // 10, most_dropped_bytes)
                if self.bytes > cap_bytes - slack_bytes // 2:
                    target_bytes = cap_bytes - slack_bytes
                    dropped = self._drop(max(target_bytes, self.bytes - most_dropped_bytes))
                self._insert(records)
            self._insert([on_drop(each) for each in dropped])

    def rows_after(self, seq: int, *, up_to: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Rows above `seq`, lowest first, at least one if there is any."""
        rows: list[Row] = []
        size = 0
        for found_seq, record in self._db.execute(
            "SELECT seq, record FROM outbox WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (seq, up_to, min(max_rows, BATCH_READ_ROWS)),
        ):
            line = self._unpacked(record)
            size += len(line)
            if rows and size > max_bytes:
                break
            rows.append(Row(seq=found_seq, line=line))
        return rows

    def _unpacked(self, record: Line) -> Line:
        try:
            return unpack_line(record)
        except UnreadableRecordError as error:
            raise UnusableFileError(self.path, f"a record cannot be read: {error}") from error

    def _renumbered(self, record: Line, epoch: UUID, seq: int) -> Line:
        try:
            return _readdressed(self._unpacked(record), epoch, seq)[1]
        except UNDECODABLE as error:
            raise UnusableFileError(self.path, f"a record cannot be read: {error}") from error

    def highest(self, up_to: int) -> int | None:
        """The highest row up to a number; None when there is none."""
        found: int | None = self._db.execute(
            "SELECT max(seq) FROM outbox WHERE seq <= ?", (up_to,)
        ).fetchone()[0]
        return found

    def lend(self, up_to: int) -> None:
        """Remember that rows up to a number may have left the probe, before they do."""
        if up_to > self.lent:
            with self.transaction():
                self.lent, self.must_save = up_to, True

    def forget(self, stored: Iterable[Range], rejected: Iterable[Range]) -> None:
        """Delete what the collector has, and set aside what it could not read."""
        with self.transaction():
            for span in rejected:
                self._db.execute(
                    "INSERT OR REPLACE INTO rejected SELECT seq, record FROM outbox"
                    " WHERE seq BETWEEN ? AND ?",
                    span,
                )
                self.rejected += self._delete(span)
                self._db.execute(
                    "DELETE FROM rejected WHERE seq NOT IN"
                    " (SELECT seq FROM rejected ORDER BY seq DESC LIMIT ?)",
                    (REJECTED_KEPT,),
                )
            for span in stored:
                self._delete(span)

    def tidy(self) -> None:
        """Give pages back to the file system, where most are free and few have to be moved."""
        free = self._scalar("PRAGMA freelist_count")
        if free > VACUUM_ABOVE_PAGES and free > self._scalar("PRAGMA page_count") // 2:
            # Not `execute`: Python steps a pragma without columns once, which frees one page.
            self._db.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")

    def hold_room(self, size: int) -> None:
        """Take room from the disk, for rows to come."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO rejected VALUES (0, zeroblob(?))", (size,))
        with self.transaction():
            self._db.execute("DELETE FROM rejected WHERE seq = 0")

    def grow(self, *, allowed: bool) -> None:
        """Whether the file may take more of the disk than it has; as opened, it may."""
        pages = MOST_PAGES if allowed else self._scalar("PRAGMA page_count")
        self._scalar(f"PRAGMA max_page_count={pages}")

    def all_in_place(self) -> bool:
        """Fold the log into the database as far as readers allow; whether that was all."""
        try:
            result = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            if primary_code(error) != sqlite3.SQLITE_FULL:
                raise
            return False
        _, pages, folded = result[0]
        return bool(pages == folded)

    def adopt(self, lines: Sequence[Line]) -> None:
        """Store records of another file under numbers of this one."""
        with self.transaction():
            own = [
                _readdressed(line, self.epoch, seq) for seq, line in enumerate(lines, self.made + 1)
            ]
            self._store((drop_rank(kind), line) for kind, line in own)

    def renew_epoch(self, progress: Callable[[], None]) -> UUID:
        """Number what is left anew, from 1, in a new epoch; the new epoch.

        A full file takes minutes: `progress` is called again and again.
        """
        epoch = uuid4()
        with self.transaction():
            old, new = 0, 0
            while rows := self._db.execute(
                "SELECT seq, rank, record FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
                (old, DROP_CHUNK_ROWS),
            ).fetchall():
                progress()
                # Ascending, so that the new number is never above the old one: none collides.
                for seq, rank, record in rows:
                    old, new = seq, new + 1
                    own = pack_line(self._renumbered(record, epoch, new))
                    self._db.execute(
                        "UPDATE outbox SET seq = ?, record = ? WHERE seq = ?", (new, own, old)
                    )
                    self._count(rank, 0, len(own) - len(record))
            self._db.execute("DELETE FROM rejected")
            self.epoch, self.made, self.lent = epoch, new, 0
            self.dropped, self.rejected = 0, 0
            self.dropped_up_to = (0,) * len(RANK_NAMES)
            self.must_save = True
        return epoch

    def _insert(self, records: Sequence[AnyMeasurement]) -> None:
        self._store(
            (
                drop_rank(record.kind),
                encode_record(msgspec.structs.replace(record, epoch=self.epoch, seq=seq)),
            )
            for seq, record in enumerate(records, self.made + 1)
        )

    def _store(self, lines: Iterable[tuple[int, Line]]) -> None:
        rows = []
        for seq, (rank, line) in enumerate(lines, self.made + 1):
            record = pack_line(line)
            rows.append({"seq": seq, "rank": rank, "record": record})
            self._count(rank, 1, len(record) + ROW_OVERHEAD_BYTES)
        self._db.table("outbox").insert_all(rows)
        self.made += len(rows)

    def _drop(self, target_bytes: int) -> list[Dropped]:
        dropped = []
        for rank, name in enumerate(RANK_NAMES):
            seqs: list[int] = []
            while self.held[rank].rows and self.bytes > target_bytes:
                chunk = self._droppable(rank, target_bytes)
                self._db.conn.executemany(
                    "DELETE FROM outbox WHERE seq = ?", [(seq,) for seq, _ in chunk]
                )
                seqs.extend(seq for seq, _ in chunk)
                up_to = self.dropped_up_to
                self.dropped_up_to = (*up_to[:rank], seqs[-1], *up_to[rank + 1 :])
                self._count(rank, -len(chunk), -sum(size for _, size in chunk))
            if seqs:
                self.dropped += len(seqs)
                self.must_save = True
                dropped.append(
                    Dropped(kinds=name, first_seq=seqs[0], last_seq=seqs[-1], count=len(seqs))
                )
        return dropped

    def _droppable(self, rank: int, target_bytes: int) -> list[tuple[int, int]]:
        """The oldest rows of a rank, with their sizes, until the target or the chunk is full."""
        chunk = []
        left = self.bytes
        for seq, size in self._db.execute(
            "SELECT seq, length(record) FROM outbox"
            " WHERE seq > ? AND rank = ? ORDER BY seq LIMIT ?",
            (self.dropped_up_to[rank], rank, DROP_CHUNK_ROWS),
        ):
            if left <= target_bytes:
                break
            left -= size + ROW_OVERHEAD_BYTES
            chunk.append((seq, size + ROW_OVERHEAD_BYTES))
        return chunk

    def _delete(self, span: Range) -> int:
        """Delete a run of rows; how many there were."""
        found = self._db.execute(
            "SELECT rank, count(*), sum(length(record)) FROM outbox"
            " WHERE seq BETWEEN ? AND ? GROUP BY rank",
            span,
        ).fetchall()
        if not found:
            return 0
        self.must_save = True
        self._db.execute("DELETE FROM outbox WHERE seq BETWEEN ? AND ?", span)
        for rank, rows, content in found:
            self._count(rank, -rows, -content - rows * ROW_OVERHEAD_BYTES)
        return sum(rows for _, rows, _ in found)

    def _count(self, rank: int, rows: int, size: int) -> None:
        before = self.held[rank]
        after = Held(rows=before.rows + rows, bytes=before.bytes + size)
        self.held = (*self.held[:rank], after, *self.held[rank + 1 :])

    def _save(self) -> None:
        held = json.dumps([(held.rows, held.bytes) for held in self.held], separators=(",", ":"))
        self._db.execute(
            "UPDATE saved SET epoch = ?, made = ?, dropped = ?, rejected = ?, lent = ?, held = ?",
            (str(self.epoch), self.made, self.dropped, self.rejected, self.lent, held),
        )
        self.saved_made, self.must_save = self.made, False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, our own counts included; one inside another is part of it."""
        if self._db.conn.in_transaction:
            yield
            return
        before = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        try:
            with self._db.atomic():
                yield
                if self.must_save or self.made - self.saved_made >= SAVE_EVERY_ROWS:
                    self._save()
        except BaseException:
            vars(self).update(before)
            raise

    def _scalar(self, sql: str) -> Any:
        return self._db.execute(sql).fetchone()[0]


def _readdressed(line: bytes, epoch: UUID, seq: int) -> tuple[str, bytes]:
    """The same record under another key, whatever else its line says; its kind and its line."""
    record = msgspec.json.decode(line)
    match record:
        case {"kind": "event", "payload": {"name": "outbox_dropped", "detail": dict(detail)}}:
            # The numbers in it stay those of the epoch in which it was written.
            detail.setdefault("epoch", record["epoch"])
    return record["kind"], msgspec.json.encode(record | {"epoch": epoch, "seq": seq})


def lock(path: Path) -> int:
    """Keep every other process away; a file of its own, since SQLite drops locks we share."""
    fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise OutboxTakenError(path) from error
    return fd
