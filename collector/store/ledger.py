"""The ledger: what was received per probe and epoch, what was refused, and who is there.

One SQLite file, WAL and synchronous=FULL. A row enters it only after the lake has it on the disk,
so whatever stands here need not be sent, stored or asked for again.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import msgspec
from sqlite_utils import Database

from collector.store.file_lock import FileLock
from collector.store.quarantine import Quarantine, QuarantineRow, Refused
from collector.store.runs import count, gaps, merge, within
from wire.control import Presence, Range

RECEIVED = "received"
REJECTED = "rejected"
DROPPED = "dropped"

_BUSY_S = 30.0
_LAST_SEQ = (1 << 63) - 1
"""Also the largest number SQLite can compare with."""
_TABLES: dict[str, tuple[dict[str, type], str | tuple[str, ...]]] = {
    "run": (
        {"probe": str, "epoch": str, "state": str, "first_seq": int, "last_seq": int},
        ("probe", "epoch", "state", "first_seq"),
    ),
    "epoch": (
        {
            "probe": str,
            "epoch": str,
            "made": int,
            "duplicates_dropped": int,
            "last_received_utc": str,
        },
        ("probe", "epoch"),
    ),
    "drop_notice": (
        {
            "probe": str,
            "epoch": str,
            "seq": int,
            "first_seq": int,
            "last_seq": int,
            "dropped": int,
        },
        ("probe", "epoch", "seq"),
    ),
    "presence": (
        {"probe": str, "online": int, "received_utc": str, "message": str},
        "probe",
    ),
    "lake": ({"kind": str, "table_id": str}, "kind"),
}


class LedgerError(Exception):
    """The ledger cannot be used or written: nothing may be acknowledged."""


class DropNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A probe's own word (`outbox_dropped`) that it gave up `dropped` rows of a range."""

    seq: int
    """Of the event that says so."""
    first_seq: int
    last_seq: int
    dropped: int


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What one micro-batch brought of one epoch."""

    probe: str
    epoch: UUID
    seqs: Sequence[int] = ()
    """On the disk in the lake now."""
    rejected: Sequence[int] = ()
    duplicates: int = 0
    drops: Sequence[DropNotice] = ()


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What is accounted for of one epoch, as an acknowledgement says it."""

    contiguous_seq: int
    stored: tuple[Range, ...]
    """Runs above `contiguous_seq`, lowest first."""
    rejected: tuple[Range, ...]


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of one probe: every number ever given out is in exactly one of the counts.

    `made = received + missing + rejected + dropped_at_probe`, where a row that the probe gave up
    after it had been received counts as received.
    """

    probe: str
    epoch: str
    made: int
    received: int
    missing: int
    missing_ranges: tuple[Range, ...]
    """Where the missing ones lie; a range may also hold rows that the probe gave up."""
    duplicates_dropped: int
    rejected: int
    dropped_at_probe: int
    last_received_utc: str | None


class PresenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """The last presence of a probe."""

    probe: str
    online: bool
    received_utc: str
    message: Presence


class Ledger:
    """The ledger's file. One thread at a time owns it; any number of processes may read."""

    def __init__(
        self, path: Path, *, read_only: bool = False, quarantine_rows: int = 100_000
    ) -> None:
        """Open the file, made where it is not there; raises `LedgerError`."""
        self._read_only = read_only
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            if read_only:
                self._db = Database(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True))
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._db = Database(sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False))
                self._create(quarantine_rows)
            self._quarantine = Quarantine(self._db, max_rows=quarantine_rows)
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(f"{path}: {error}") from error

    def claim_lake(self, table_ids: dict[str, str]) -> None:
        """Say which lake this ledger speaks of; `LedgerError` when it spoke of another one.

        Acknowledging what a lost lake once held would lose it at the probe as well.
        """
        with self._writing():
            known = {row["kind"]: row["table_id"] for row in self._db.table("lake").rows}
            for kind, table_id in table_ids.items():
                if known.get(kind, table_id) != table_id:
                    raise LedgerError(
                        f"the ledger belongs to another lake: table {kind} was {known[kind]},"
                        f" is {table_id}; restore that lake or set the ledger aside"
                    )
                self._db.table("lake").upsert({"kind": kind, "table_id": table_id}, pk="kind")

    def received_runs(self, probe: str, epoch: UUID, span: Range) -> list[Range]:
        """Runs of stored records that touch `span`."""
        return self._runs(probe, str(epoch), RECEIVED, span)

    def commit(
        self, received: Iterable[Received], refused: Iterable[Refused], now: datetime
    ) -> None:
        """All of one micro-batch or, with `LedgerError`, nothing of it. On the disk on return."""
        with self._writing():
            for each in received:
                self._receive(each, now)
            for one in refused:
                self._quarantine.add(one, now)

    def greet(self, presences: Iterable[Presence], now: datetime) -> None:
        """Keep the presence of some probes, and what they say they have made."""
        with self._writing():
            for presence in presences:
                self._db.table("presence").upsert(
                    {
                        "probe": presence.probe,
                        "online": int(presence.online),
                        "received_utc": now.isoformat(),
                        "message": msgspec.json.encode(presence).decode(),
                    },
                    pk="probe",
                )
                if presence.epoch is not None:
                    self._meet(presence.probe, str(presence.epoch), made=presence.made or 0)

    def account(self, probe: str, epoch: UUID) -> Account:
        """What may be said to the probe about this epoch."""
        key = (probe, str(epoch))
        stored = self._runs(*key, RECEIVED)
        rejected = self._runs(*key, REJECTED)
        given_up = self._runs(*key, DROPPED)
        settled = merge([*stored, *rejected, *given_up])
        contiguous = settled[0][1] if settled and settled[0][0] == 1 else 0
        above = tuple(
            (max(first, contiguous + 1), last) for first, last in stored if last > contiguous
        )
        return Account(contiguous_seq=contiguous, stored=above, rejected=tuple(rejected))

    def ledger(self, probe: str | None = None) -> list[LedgerRow]:
        """Every epoch of every probe, or of one."""
        where, values = ("probe = ?", [probe]) if probe is not None else (None, None)
        rows = self._db.table("epoch").rows_where(
            where, values, order_by="probe, last_received_utc"
        )
        return [self._row(row) for row in rows]

    def quarantine(self, *, limit: int = 1000) -> list[QuarantineRow]:
        """The refused bytes that came last, newest first."""
        return self._quarantine.rows(limit=limit)

    def quarantine_given_up(self) -> int:
        """Refused messages whose bytes were given up because there were too many."""
        return self._quarantine.given_up()

    def presence(self) -> list[PresenceRow]:
        """The last presence of every probe."""
        return [
            PresenceRow(
                probe=row["probe"],
                online=bool(row["online"]),
                received_utc=row["received_utc"],
                message=msgspec.json.decode(row["message"], type=Presence),
            )
            for row in self._db.table("presence").rows_where(order_by="probe")
        ]

    def close(self) -> None:
        """Close the file."""
        with nullcontext() if self._read_only else self._lock.held(_BUSY_S):
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _create(self, quarantine_rows: int) -> None:
        with self._lock.held(_BUSY_S):
            self._db.enable_wal()
            self._db.execute("PRAGMA synchronous = FULL")
            with self._db.atomic():
                for name, (columns, key) in _TABLES.items():
                    self._db.table(name).create(columns, pk=key, strict=True, if_not_exists=True)
                Quarantine(self._db, max_rows=quarantine_rows).create()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, on the disk at the end. No two processes write at the same instant."""
        try:
            with self._lock.held(_BUSY_S), self._db.atomic():
                yield
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(str(error)) from error

    def _receive(self, each: Received, now: datetime) -> None:
        key = (each.probe, str(each.epoch))
        self._add_runs(*key, RECEIVED, each.seqs)
        self._add_runs(*key, REJECTED, each.rejected)
        for notice in each.drops:
            self._note_drop(*key, notice)
        self._meet(
            *key,
            made=max([*each.seqs, *each.rejected], default=0),
            duplicates=each.duplicates,
            now=now,
        )

    def _meet(
        self,
        probe: str,
        epoch: str,
        *,
        made: int = 0,
        duplicates: int = 0,
        now: datetime | None = None,
    ) -> None:
        self._db.execute(
            "INSERT INTO epoch VALUES (:probe, :epoch, :made, :duplicates, :now)"
            " ON CONFLICT (probe, epoch) DO UPDATE SET made = max(made, excluded.made),"
            " duplicates_dropped = duplicates_dropped + excluded.duplicates_dropped,"
            " last_received_utc = coalesce(excluded.last_received_utc, last_received_utc)",
            {
                "probe": probe,
                "epoch": epoch,
                "made": made,
                "duplicates": duplicates,
                "now": None if now is None else now.isoformat(),
            },
        )

    def _add_runs(self, probe: str, epoch: str, state: str, seqs: Iterable[int]) -> None:
        for new in merge((seq, seq) for seq in seqs):
            self._add_run(probe, epoch, state, new)

    def _add_run(self, probe: str, epoch: str, state: str, new: Range) -> None:
        touching = self._runs(probe, epoch, state, (new[0] - 1, min(new[1] + 1, _LAST_SEQ)))
        first, last = merge([*touching, new])[0]
        for run_first, _ in touching:
            self._db.execute(
                "DELETE FROM run WHERE probe = ? AND epoch = ? AND state = ? AND first_seq = ?",
                (probe, epoch, state, run_first),
            )
        self._db.execute(
            "INSERT INTO run VALUES (?, ?, ?, ?, ?)", (probe, epoch, state, first, last)
        )

    def _note_drop(self, probe: str, epoch: str, notice: DropNotice) -> None:
        self._db.table("drop_notice").upsert(
            {"probe": probe, "epoch": epoch, **msgspec.structs.asdict(notice)},
            pk=("probe", "epoch", "seq"),
        )
        if notice.dropped == count([(notice.first_seq, notice.last_seq)]):
            # Only now is it sure of every number in between that it will not come.
            self._add_run(probe, epoch, DROPPED, (notice.first_seq, notice.last_seq))

    def _runs(
        self, probe: str, epoch: str, state: str, span: Range = (0, _LAST_SEQ)
    ) -> list[Range]:
        """Runs that overlap `span`, lowest first."""
        before = self._db.execute(
            "SELECT first_seq, last_seq FROM run WHERE probe = ? AND epoch = ? AND state = ?"
            " AND first_seq < ? ORDER BY first_seq DESC LIMIT 1",
            (probe, epoch, state, span[0]),
        ).fetchall()
        inside = self._db.execute(
            "SELECT first_seq, last_seq FROM run WHERE probe = ? AND epoch = ? AND state = ?"
            " AND first_seq BETWEEN ? AND ? ORDER BY first_seq",
            (probe, epoch, state, *span),
        ).fetchall()
        return [run for run in before if run[1] >= span[0]] + inside

    def _row(self, row: dict[str, Any]) -> LedgerRow:
        key = (row["probe"], row["epoch"])
        received = self._runs(*key, RECEIVED)
        settled = merge([*received, *self._runs(*key, REJECTED)])
        holes = gaps(settled, row["made"])
        dropped = 0
        explained = []
        for span, said in self._drops(*key):
            here = count(within(holes, span))
            dropped += min(said, here)
            if said >= here:
                explained.append(span)
        return LedgerRow(
            probe=row["probe"],
            epoch=row["epoch"],
            made=row["made"],
            received=count(received),
            missing=count(holes) - dropped,
            missing_ranges=tuple(gaps(merge([*settled, *explained]), row["made"])),
            duplicates_dropped=row["duplicates_dropped"],
            rejected=count(settled) - count(received),
            dropped_at_probe=dropped,
            last_received_utc=row["last_received_utc"],
        )

    def _drops(self, probe: str, epoch: str) -> list[tuple[Range, int]]:
        """Spans in which rows were given up and how many; notices that overlap are one."""
        clusters: list[tuple[Range, int]] = []
        for notice in self._db.table("drop_notice").rows_where(
            "probe = ? AND epoch = ?", [probe, epoch], order_by="first_seq"
        ):
            first, last, dropped = notice["first_seq"], notice["last_seq"], notice["dropped"]
            if clusters and first <= clusters[-1][0][1]:
                (start, end), before = clusters.pop()
                first, last, dropped = start, max(end, last), dropped + before
            clusters.append(((first, last), dropped))
        return clusters
