"""The outbox's SQLite file. No threads here: whoever opens it must be the only one to use it.

WAL with synchronous=FULL is the only cheap setting that lost nothing in power cuts: NORMAL lost
acknowledged rows in 36 of 40, SQLite's default DELETE/FULL the last row in 20 of 40. No mmap and
no second writer: SQLite before 3.51.3 can damage a WAL that two connections reset at once.
"""

import fcntl
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

from agent.outbox.door import Database
from agent.outbox.errors import OutboxTakenError, UnusableFileError
from wire.codec import encode_record
from wire.control import Range
from wire.messages import AnyMeasurement

log = logging.getLogger(__name__)

SCHEMA = 1
PRAGMAS = (
    "busy_timeout=5000",
    "auto_vacuum=INCREMENTAL",  # is heard only before the first table is made
    "journal_mode=WAL",
    "synchronous=FULL",
    "wal_autocheckpoint=1000",
    "journal_size_limit=8388608",
    "mmap_size=0",
)
QUICK_CHECK_S = 10.0
"""A probe that has to start measuring does not wait longer for the look at its file."""
VACUUM_ABOVE_PAGES = 1024
VACUUM_PAGES = 256
REJECTED_KEPT = 1000
DROP_CHUNK_ROWS = 1000
BATCH_READ_ROWS = 5000
ROW_OVERHEAD_BYTES = 16

DROP_FIRST = ("position", "radio", "status")
"""Given up in this order, oldest first: dense in time, so a gap hurts least."""
DROP_LAST = "event"
"""Given up last, after every test result: events say what is missing and when the clock was set."""
CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_TABLES: dict[str, tuple[dict[str, Any], str]] = {
    "outbox": ({"seq": int, "rank": int, "record": bytes}, "seq"),
    "rejected": ({"seq": int, "record": bytes}, "seq"),
    "state": (
        {"id": int, "epoch": str, "made": int, "dropped": int, "rejected": int},
        "id",
    ),
    # Kept rather than counted: going through a full file takes a card a minute.
    "held": ({"rank": int, "rows": int, "bytes": int}, "rank"),
}


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


def drop_rank(kind: str) -> int:
    """When rows of a kind are given up: the lower, the sooner."""
    if kind in DROP_FIRST:
        return DROP_FIRST.index(kind)
    return len(DROP_FIRST) + (kind == DROP_LAST)


_RANK_NAMES = (*DROP_FIRST, "test", DROP_LAST)


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
        self._lock_fd = _lock(path)
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
        schema = self._scalar("PRAGMA user_version")
        if schema not in (0, SCHEMA):
            raise UnusableFileError(self.path, f"made by other software (schema {schema})")
        if check_s is not None:
            self._quick_check(check_s)
        self._checkpoint()
        if schema == 0:
            self._create()

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

    def _create(self) -> None:
        with self._db.atomic():
            for name, (columns, pk) in _TABLES.items():
                self._db.table(name).create(
                    columns, pk=pk, not_null=set(columns) - {pk}, strict=True
                )
            self._db.table("state").insert(
                {"id": 1, "epoch": str(uuid4()), "made": 0, "dropped": 0, "rejected": 0}
            )
            self._db.table("held").insert_all(
                {"rank": rank, "rows": 0, "bytes": 0} for rank in range(len(_RANK_NAMES))
            )
            self._db.execute(f"PRAGMA user_version={SCHEMA}")

    def _read_state(self) -> None:
        state = self._db.table("state").get(1)
        self.epoch = UUID(state["epoch"])
        self.made: int = state["made"]
        """Highest `seq` given out in the epoch."""
        self.dropped: int = state["dropped"]
        self.rejected: int = state["rejected"]
        self.held: tuple[Held, ...] = tuple(
            Held(rows=rows, bytes=size)
            for rows, size in self._db.execute("SELECT rows, bytes FROM held ORDER BY rank")
        )
        self.dropped_up_to = (0,) * len(_RANK_NAMES)
        """Of each rank: below it there are none, so that nobody looks there again."""

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
    ) -> None:
        """Number and store `records`, in order; above `cap_bytes` give up rows by rank.

        What was given up is itself recorded, by `on_drop`, in the same transaction.
        """
        with self._transaction():
            self._insert(records)
            if self.bytes > cap_bytes:
                # A little further than needed, so that not every commit has to drop again.
                dropped = self._drop(cap_bytes - cap_bytes // 50)
                self._insert([on_drop(each) for each in dropped])
            self._save_state()

    def rows_after(self, seq: int, *, up_to: int, max_rows: int, max_bytes: int) -> list[Row]:
        """Rows above `seq`, lowest first, at least one if there is any."""
        rows: list[Row] = []
        size = 0
        for found_seq, line in self._db.execute(
            "SELECT seq, record FROM outbox WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (seq, up_to, min(max_rows, BATCH_READ_ROWS)),
        ):
            size += len(line)
            if rows and size > max_bytes:
                break
            rows.append(Row(seq=found_seq, line=line))
        return rows

    def forget(self, stored: Iterable[Range], rejected: Iterable[Range]) -> None:
        """Delete what the collector has, and set aside what it could not read."""
        with self._transaction():
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
            self._save_state()
        if self._scalar("PRAGMA freelist_count") > VACUUM_ABOVE_PAGES:
            # Not `execute`: Python steps a pragma without columns once, which frees one page.
            self._db.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")

    def renew_epoch(self, progress: Callable[[], None]) -> UUID:
        """Number what is left anew, from 1, in a new epoch; the new epoch.

        A full file takes minutes: `progress` is called again and again.
        """
        epoch = uuid4()
        with self._transaction():
            old, new = 0, 0
            while rows := self.rows_after(
                old, up_to=self.made, max_rows=DROP_CHUNK_ROWS, max_bytes=1 << 24
            ):
                progress()
                # Ascending, so that the new number is never above the old one: none collides.
                for row in rows:
                    old, new = row.seq, new + 1
                    kind, line = _readdressed(row.line, epoch, new)
                    self._db.execute(
                        "UPDATE outbox SET seq = ?, record = ? WHERE seq = ?", (new, line, old)
                    )
                    self._count(drop_rank(kind), 0, len(line) - len(row.line))
            self._db.execute("DELETE FROM rejected")
            self.epoch, self.made, self.dropped, self.rejected = epoch, new, 0, 0
            self._save_state()
        self._read_state()
        return epoch

    def _insert(self, records: Sequence[AnyMeasurement]) -> None:
        rows = []
        for seq, record in enumerate(records, self.made + 1):
            line = encode_record(msgspec.structs.replace(record, epoch=self.epoch, seq=seq))
            rank = drop_rank(record.kind)
            rows.append({"seq": seq, "rank": rank, "record": line})
            self._count(rank, 1, len(line) + ROW_OVERHEAD_BYTES)
        self._db.table("outbox").insert_all(rows)
        self.made += len(rows)

    def _drop(self, target_bytes: int) -> list[Dropped]:
        dropped = []
        for rank, name in enumerate(_RANK_NAMES):
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
        self._db.execute("DELETE FROM outbox WHERE seq BETWEEN ? AND ?", span)
        for rank, rows, content in found:
            self._count(rank, -rows, -content - rows * ROW_OVERHEAD_BYTES)
        return sum(rows for _, rows, _ in found)

    def _count(self, rank: int, rows: int, size: int) -> None:
        before = self.held[rank]
        after = Held(rows=before.rows + rows, bytes=before.bytes + size)
        self.held = (*self.held[:rank], after, *self.held[rank + 1 :])

    def _save_state(self) -> None:
        self._db.execute(
            "UPDATE state SET epoch = ?, made = ?, dropped = ?, rejected = ? WHERE id = 1",
            (str(self.epoch), self.made, self.dropped, self.rejected),
        )
        for rank, held in enumerate(self.held):
            # A row that stays as it is is not written.
            self._db.execute(
                "UPDATE held SET rows = ?1, bytes = ?2"
                " WHERE rank = ?3 AND (rows, bytes) <> (?1, ?2)",
                (held.rows, held.bytes, rank),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, our own counts included."""
        before = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        try:
            with self._db.atomic():
                yield
        except BaseException:
            vars(self).update(before)
            raise

    def _scalar(self, sql: str) -> Any:
        return self._db.execute(sql).fetchone()[0]


def _readdressed(line: bytes, epoch: UUID, seq: int) -> tuple[str, bytes]:
    """The same record under another key, whatever else its line says; its kind and its line."""
    record = msgspec.json.decode(line)
    return record["kind"], msgspec.json.encode(record | {"epoch": epoch, "seq": seq})


def _lock(path: Path) -> int:
    """Keep every other process away; a file of its own, since SQLite drops locks we share."""
    fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise OutboxTakenError(path) from error
    return fd
