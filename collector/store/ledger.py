"""The ledger: what was received per probe and epoch, what was refused, and who is there.

One SQLite file, WAL and synchronous=FULL. A row enters it only after the lake has it on the disk,
so whatever stands here need not be sent, stored or asked for again.
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import UUID

import msgspec
from sqlite_utils import Database

from collector.store import schema
from collector.store.file_lock import FileLock
from collector.store.horizon import Horizons
from collector.store.quarantine import Quarantine, QuarantineRow, Refused
from collector.store.run_table import (
    LAST_SEQ,
    PAGE_RUNS,
    UNKNOWN_BOOT,
    Key,
    Run,
    RunTable,
    State,
)
from collector.store.runs import count, covers, gaps, merge, overlap, within, without
from wire.control import Presence, Range
from wire.messages import AnyMeasurement

_BUSY_S = 30.0
ANSWERED_RUNS = 4096
"""Runs in one acknowledgement of what has just come. Where a probe gave up every second row, what
is not said of them comes again. Of what came before a page of the lowest is said."""


class LedgerError(Exception):
    """The ledger cannot be used or written: nothing may be acknowledged."""


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """Whatever SQLite or the disk says as a `LedgerError`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise LedgerError(str(error)) from error


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
    brought: Mapping[UUID, Sequence[int]] = {}
    """Numbers by boot, each as often as it came. All of them are on the disk in the lake."""
    conflicts: Mapping[UUID, Sequence[int]] = {}
    """Numbers by boot that were not stored: other records have them, see `Known`."""
    rejected: Sequence[int] = ()
    unread: Sequence[int] = ()
    """Refused as they stood in a file, which may be damaged where the probe's own rows are not:
    they count as rejected, and the probe is told nothing."""
    drops: Sequence[DropNotice] = ()
    thinned: Mapping[int, int] = {}
    """Rows that were thinned out before the outbox took them, by the `seq` of the event."""
    refused: Mapping[int, int] = {}
    """Rows that the outbox could not take."""
    latest: Mapping[str, int] = {}
    """Highest number of each kind."""
    renumbered: Mapping[UUID, int] = {}
    """What this epoch was begun for: numbers of another one, up to here, come again in it."""


class Claim(NamedTuple):
    """Numbers whose records are about to be stored."""

    probe: str
    epoch: UUID
    boot: UUID
    seqs: Sequence[int]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What of `Received` was new when the ledger was written, whoever else stored meanwhile."""

    new: int
    duplicates: int
    stored: tuple[Range, ...]
    """Numbers that came and are stored, now or before."""
    conflicts: tuple[Range, ...]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of an epoch already."""

    runs: tuple[Run, ...]
    conflicting: frozenset[str]
    """Boots of copies of the outbox: none of their rows is taken any more."""

    def conflicts(self, seq: int, boot: UUID) -> bool:
        """Whether the number belongs to a record of another boot."""
        run = self._run(seq)
        if run is None:
            return bool(self.conflicting) and str(boot) in self.conflicting
        return run.is_of_other(str(boot))

    def holds(self, seq: int) -> bool:
        """Whether a record of this number is stored."""
        return self._run(seq) is not None

    def _run(self, seq: int) -> Run | None:
        if not self.runs:
            return None
        index = bisect_right(self.runs, seq, key=attrgetter("first")) - 1
        return self.runs[index] if index >= 0 and self.runs[index].last >= seq else None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What is accounted for of one epoch, as an acknowledgement says it."""

    contiguous_seq: int
    stored: tuple[Range, ...]
    """Runs above `contiguous_seq`, lowest first."""


class Hole(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that were given out and have not arrived."""

    first_seq: int
    last_seq: int
    since_utc: str | None
    """When something above it arrived or was announced; None for holes of before 26.12."""


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of one probe: every number ever given out is in exactly one of the counts.

    `made = received + missing + rejected + dropped_at_probe + renumbered`, where a row that the
    probe gave up after it had been received counts as received.
    """

    probe: str
    epoch: str
    made: int
    received: int
    missing: int
    holes: tuple[Hole, ...]
    """Where the missing ones lie; a hole may also hold rows that the probe gave up."""
    duplicates_dropped: int
    rejected: int
    dropped_at_probe: int
    thinned_at_probe: int
    """Not in `made`: left out before they were given a number, because the queue was full."""
    refused_at_probe: int
    """Not in `made`: the disk failed and memory was full."""
    conflicts: int
    """Numbers that a copy of the outbox used as well; its rows come again under a new epoch."""
    conflict_since_utc: str | None
    renumbered: int
    """Of `conflicts`, those that the copy alone used."""
    last_received_utc: str | None


class PresenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """The last presence of a probe."""

    probe: str
    online: bool
    received_utc: str
    message: Presence


class Ledger:
    """The ledger's file. One thread at a time owns it; any number of processes may read.

    Every method raises `LedgerError`.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, quarantine_rows: int = 100_000
    ) -> None:
        """Open the file, made where it is not there; raises `LedgerError`."""
        self._read_only = read_only
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            if read_only:
                self._db = _reading(path)
                if schema.version(self._db) < schema.VERSION:
                    self._db.close()
                    Ledger(path).close()
                    self._db = _reading(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._db = Database(sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False))
                self._create()
            if schema.version(self._db) > schema.VERSION:
                raise LedgerError(f"{path}: made by a newer collector; this one cannot use it")
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(f"{path}: {error}") from error
        self._quarantine = Quarantine(self._db, max_rows=quarantine_rows)
        self._runs = RunTable(self._db)
        self._horizons = Horizons(self._db, self._runs)

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

    @_told_as_ours()
    def known(self, probe: str, epoch: UUID, span: Range) -> Known:
        """What is stored of the numbers in `span`."""
        key = Key(probe, str(epoch))
        return Known(
            runs=tuple(self._runs.touching(key, State.RECEIVED, span)),
            conflicting=frozenset(self._runs.boots(key, State.CONFLICT)),
        )

    def claim(self, claims: Sequence[Claim]) -> list[list[Range]]:
        """Keep numbers for their boots; of each claim, those that another boot has already.

        On the disk before any record reaches the lake: where two workers have records of two
        copies of an outbox in hand, one of them stores, and ledger and lake agree which.
        """
        if not claims:
            return []
        with self._writing():
            return [self._claim(each) for each in claims]

    def commit(
        self, received: Iterable[Received], refused: Iterable[Refused], now: datetime
    ) -> list[Counted]:
        """All of one micro-batch or, with `LedgerError`, nothing of it. On the disk on return.

        Counts in the order of `received`, against what is stored at this moment: another worker
        may have had the same rows in hand.
        """
        with self._writing():
            counted = [self._receive(each, now) for each in received]
            for one in refused:
                self._quarantine.add(one, now)
        return counted

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
                    key = Key(presence.probe, str(presence.epoch))
                    self._meet(key, now, made=presence.made or 0)

    def note_made(self, probe: str, epoch: UUID, made: int, now: datetime) -> None:
        """Keep how many records a probe has made, where no presence says so."""
        with self._writing():
            self._meet(Key(probe, str(epoch)), now, made=made)

    @_told_as_ours()
    def account(
        self,
        probe: str,
        epoch: UUID,
        heard: Mapping[UUID, int],
        *,
        sent: Range = (1, LAST_SEQ),
        rejected: Sequence[Range] = (),
    ) -> Account:
        """What may be said to who has sent records of these boots, up to these numbers.

        Nothing else: what another boot has stored, or the same one above, may be a stranger's. A
        copy of the outbox that is on its way with rows under those numbers would delete them.

        Of runs above the first hole only the lowest, and those that touch `sent`: there may be
        millions.
        """
        key = Key(probe, str(epoch))
        highest = {str(boot): seq for boot, seq in heard.items()}
        contiguous = 0
        while (further := self._further(key, highest, contiguous, rejected)) > contiguous:
            contiguous = further
        above = (contiguous + 1, LAST_SEQ)
        lowest = self._stored(key, highest, above, PAGE_RUNS)
        stored = merge([*lowest, *self._stored(key, highest, sent, ANSWERED_RUNS)])
        return Account(contiguous_seq=contiguous, stored=tuple(within(stored, above)))

    @_told_as_ours()
    def ledger(self, probe: str | None = None) -> list[LedgerRow]:
        """Every epoch of every probe, or of one."""
        where, values = ("probe = ?", [probe]) if probe is not None else (None, None)
        rows = self._db.table("epoch").rows_where(
            where, values, order_by="probe, last_received_utc"
        )
        return [self._row(row) for row in rows]

    @_told_as_ours()
    def quarantine(self, *, limit: int = 1000) -> list[QuarantineRow]:
        """The refused bytes that came last, newest first."""
        return self._quarantine.rows(limit=limit)

    @_told_as_ours()
    def quarantine_given_up(self) -> int:
        """Refused messages whose bytes were given up because there were too many."""
        return self._quarantine.given_up()

    @_told_as_ours()
    def is_latest(self, record: AnyMeasurement) -> bool:
        """Whether no worker has stored a newer one of its probe and kind."""
        found = self._db.execute(
            "SELECT epoch, seq FROM latest WHERE probe = ? AND kind = ?",
            (record.probe, record.kind),
        ).fetchone()
        return found is None or found == (str(record.epoch), record.seq)

    @_told_as_ours()
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

    def _create(self) -> None:
        with self._lock.held(_BUSY_S):
            self._db.enable_wal()
            self._db.execute("PRAGMA synchronous = FULL")
            schema.bring_up_to_date(self._db)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, on the disk at the end. No two processes write at the same instant."""
        with _told_as_ours(), self._lock.held(_BUSY_S), self._db.atomic():
            yield

    def _further(
        self, key: Key, highest: Mapping[str, int], contiguous: int, rejected: Sequence[Range]
    ) -> int:
        """Up to where all is accounted for, a page of runs further on."""
        above = (contiguous + 1, LAST_SEQ)
        stored = self._stored(key, highest, above, PAGE_RUNS)
        others = [
            run.span
            for state in (State.REJECTED, State.DROPPED)
            for run in self._runs.touching(key, state, above, most=PAGE_RUNS)
        ]
        others = within(others, (1, min(highest.values(), default=0)))
        settled = within(merge([*stored, *others, *rejected]), above)
        return settled[0][1] if settled and settled[0][0] == above[0] else contiguous

    def _stored(self, key: Key, highest: Mapping[str, int], span: Range, most: int) -> list[Range]:
        """The first runs that overlap `span`, as far as who sent these boots may hear of them."""
        return [
            (run.first, min(run.last, highest.get(run.boot, run.last)))
            for run in self._runs.touching(key, State.RECEIVED, span, most=most)
            if run.boot == UNKNOWN_BOOT or highest.get(run.boot, 0) >= run.first
        ]

    def _claim(self, claim: Claim) -> list[Range]:
        key, boot, came = Key(claim.probe, str(claim.epoch)), str(claim.boot), _as_runs(claim.seqs)
        known = [
            run
            for state in (State.RECEIVED, State.CLAIMED)
            for run in self._runs.touching(key, state, (came[0][0], came[-1][1]))
        ]
        foreign = overlap(came, merge(run.span for run in known if run.is_of_other(boot)))
        self._runs.add(key, State.CLAIMED, without(came, foreign), boot=boot)
        return foreign

    def _receive(self, each: Received, now: datetime) -> Counted:
        key = Key(each.probe, str(each.epoch))
        came = sum(len(seqs) for seqs in each.brought.values())
        new: list[Range] = []
        repeated: list[Range] = []
        conflicts: list[Range] = []
        for boot, seqs in each.brought.items():
            fresh, again, foreign = self._split(key, str(boot), seqs)
            self._runs.add(key, State.RECEIVED, fresh, boot=str(boot))
            self._conflict(key, str(boot), foreign, now)
            new += fresh
            repeated += again
            conflicts += foreign
            came -= sum(covers(foreign, seq) for seq in seqs) if foreign else 0
        for boot, seqs in each.conflicts.items():
            foreign = _as_runs(seqs)
            self._conflict(key, str(boot), foreign, now)
            conflicts += foreign
        self._runs.add(key, State.REJECTED, _as_runs(each.rejected))
        self._runs.add(key, State.UNREAD, _as_runs(each.unread))
        refused = [*each.rejected, *each.unread]
        for notice in each.drops:
            self._note_drop(key, notice)
        for epoch, made in each.renumbered.items():
            self._note_renumbered(Key(each.probe, str(epoch)), made)
        for kind, seq in each.latest.items():
            self._note_latest(key, kind, seq)
        new = merge(new)
        duplicates = came - count(new)
        self._meet(
            key,
            now,
            made=max([*(last for _, last in new + repeated), *refused], default=0),
            arrived=new,
            duplicates=duplicates,
            thinned=sum(n for seq, n in each.thinned.items() if covers(new, seq)),
            refused=sum(n for seq, n in each.refused.items() if covers(new, seq)),
        )
        touched = [*new, *_as_runs(refused), *conflicts]
        touched += [(notice.first_seq, notice.last_seq) for notice in each.drops]
        if touched:
            span = min(first for first, _ in touched), max(last for _, last in touched)
            self._horizons.settle(key, span)
        return Counted(
            new=count(new),
            duplicates=duplicates,
            stored=tuple(merge([*new, *repeated])),
            conflicts=tuple(merge(conflicts)),
        )

    def _split(
        self, key: Key, boot: str, seqs: Sequence[int]
    ) -> tuple[list[Range], list[Range], list[Range]]:
        """Numbers that are new, those stored before, and those that another boot has."""
        came = _as_runs(seqs)
        if not came:
            return [], [], []
        known = self._runs.touching(key, State.RECEIVED, (came[0][0], came[-1][1]))
        mine = merge(run.span for run in known if not run.is_of_other(boot))
        others = merge(run.span for run in known if run.is_of_other(boot))
        foreign = overlap(came, others)
        return without(without(came, mine), foreign), overlap(came, mine), foreign

    def _conflict(self, key: Key, boot: str, runs: Sequence[Range], now: datetime) -> None:
        if runs:
            self._runs.add(key, State.CONFLICT, runs, boot=boot)
            self._db.execute(
                "UPDATE epoch SET conflict_since_utc = coalesce(conflict_since_utc, ?)"
                " WHERE probe = ? AND epoch = ?",
                (now.isoformat(), *key),
            )

    def _note_renumbered(self, key: Key, made: int) -> None:
        """The copy has said itself that it numbers anew whatever it had up to `made`."""
        known = self._runs.spans(key, State.CONFLICT)
        if known and known[0][0] <= made:
            self._runs.add(key, State.CONFLICT, [(known[0][0], made)])
            self._horizons.settle(key, (known[0][0], made))

    def _note_latest(self, key: Key, kind: str, seq: int) -> None:
        """Within an epoch numbers tell; between epochs the later arrival is believed."""
        self._db.execute(
            "INSERT INTO latest VALUES (?, ?, ?, ?) ON CONFLICT (probe, kind) DO UPDATE"
            " SET epoch = excluded.epoch, seq = excluded.seq"
            " WHERE epoch != excluded.epoch OR seq < excluded.seq",
            (key.probe, kind, key.epoch, seq),
        )

    def _meet(
        self,
        key: Key,
        now: datetime,
        *,
        made: int,
        arrived: Sequence[Range] | None = None,
        duplicates: int = 0,
        thinned: int = 0,
        refused: int = 0,
    ) -> None:
        known = self._db.execute(
            "SELECT made FROM epoch WHERE probe = ? AND epoch = ?", key
        ).fetchone()
        before = 0 if known is None else known[0]
        self._db.execute(
            "INSERT INTO epoch (probe, epoch, made, duplicates_dropped, last_received_utc,"
            " thinned_at_probe, refused_at_probe)"
            " VALUES (:probe, :epoch, :made, :duplicates, :now, :thinned, :refused)"
            " ON CONFLICT (probe, epoch) DO UPDATE SET made = max(made, excluded.made),"
            " duplicates_dropped = duplicates_dropped + excluded.duplicates_dropped,"
            " thinned_at_probe = thinned_at_probe + excluded.thinned_at_probe,"
            " refused_at_probe = refused_at_probe + excluded.refused_at_probe,"
            " last_received_utc = coalesce(excluded.last_received_utc, last_received_utc)",
            {
                "probe": key.probe,
                "epoch": key.epoch,
                "made": made,
                "duplicates": duplicates,
                "thinned": thinned,
                "refused": refused,
                "now": None if arrived is None else now.isoformat(),
            },
        )
        if without([(before + 1, made)] if made > before else [], arrived or ()):
            self._horizons.rise(key, (before + 1, made), now)

    def _note_drop(self, key: Key, notice: DropNotice) -> None:
        self._db.table("drop_notice").upsert(
            {**key._asdict(), **msgspec.structs.asdict(notice)}, pk=("probe", "epoch", "seq")
        )
        if notice.dropped == count([(notice.first_seq, notice.last_seq)]):
            # Only now is it sure of every number in between that it will not come.
            self._runs.add(key, State.DROPPED, [(notice.first_seq, notice.last_seq)])

    def _row(self, row: dict[str, Any]) -> LedgerRow:
        key = Key(row["probe"], row["epoch"])
        received = self._runs.spans(key, State.RECEIVED)
        settled = merge([*received, *self._runs.spans(key, State.REJECTED, State.UNREAD)])
        conflicts = self._runs.spans(key, State.CONFLICT)
        open_ = gaps(settled, row["made"])
        holes = without(open_, conflicts)
        dropped = 0
        explained = []
        for span, said in self._drops(key):
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
            holes=tuple(
                Hole(first_seq=first, last_seq=last, since_utc=since)
                for (first, last), since in self._horizons.ages(
                    key, without(holes, merge(explained))
                )
            ),
            duplicates_dropped=row["duplicates_dropped"],
            rejected=count(settled) - count(received),
            dropped_at_probe=dropped,
            thinned_at_probe=row["thinned_at_probe"],
            refused_at_probe=row["refused_at_probe"],
            conflicts=count(conflicts),
            conflict_since_utc=row["conflict_since_utc"],
            renumbered=count(open_) - count(holes),
            last_received_utc=row["last_received_utc"],
        )

    def _drops(self, key: Key) -> list[tuple[Range, int]]:
        """Spans in which rows were given up and how many; notices that overlap are one."""
        clusters: list[tuple[Range, int]] = []
        for notice in self._db.table("drop_notice").rows_where(
            "probe = ? AND epoch = ?", [*key], order_by="first_seq"
        ):
            first, last, dropped = notice["first_seq"], notice["last_seq"], notice["dropped"]
            if clusters and first <= clusters[-1][0][1]:
                (start, end), before = clusters.pop()
                first, last, dropped = start, max(end, last), dropped + before
            clusters.append(((first, last), dropped))
        return clusters


def _reading(path: Path) -> Database:
    return Database(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True))


def _as_runs(seqs: Iterable[int]) -> list[Range]:
    return merge((seq, seq) for seq in seqs)
