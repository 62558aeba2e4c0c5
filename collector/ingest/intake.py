"""Decoded records into the lake, then into the ledger; only then may anybody be told.

`locate -> lake -> fsync -> ledger`. Killed at any point, the same records may simply come again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from collector.geo.locate import Locator
from collector.ingest.decode import MAX_SEQ, Decoded, Source, refuse
from collector.store import columns
from collector.store.lake import Lake
from collector.store.ledger import DropNotice, Ledger, Received
from collector.store.quarantine import Refused
from collector.store.runs import count, covers
from wire.codec import encode_record
from wire.control import Ack, Range
from wire.messages import AnyMeasurement

MAX_ACK_RUNS = 256
"""Runs in one acknowledgement: what else is stored is said when it is sent again."""

Key = tuple[str, UUID]
"""Probe and epoch."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a micro-batch. All of it is on the disk."""

    read: int
    new: int
    duplicates: int
    rejected: int
    acks: tuple[Ack, ...]
    latest: tuple[AnyMeasurement, ...]
    """The newest of the new records of each probe and kind."""


@dataclass(slots=True)
class _Share:
    """What a micro-batch holds of one epoch."""

    fresh: dict[int, tuple[AnyMeasurement, Source]] = field(default_factory=dict)
    repeated: list[int] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)
    rejected_batches: set[str] = field(default_factory=set)


class Intake:
    """The one way in, for MQTT and for files. One thread owns it and what it writes to."""

    def __init__(self, lake: Lake, ledger: Ledger, locator: Locator) -> None:
        """Write to this lake and this ledger."""
        self._lake = lake
        self._ledger = ledger
        self._locator = locator

    def take(self, batches: Sequence[Decoded], now: datetime) -> Taken:
        """Store a micro-batch; raises `LakeError` or `LedgerError`, and then nobody is told."""
        shares = self._sort(batches)
        refused = [one for batch in batches for one in batch.refused]
        refused += self._store(shares, now)
        for one in refused:
            _reject(shares, one)
        self._ledger.commit([_received(key, share) for key, share in shares.items()], refused, now)
        fresh = [record for share in shares.values() for record, _ in share.fresh.values()]
        return Taken(
            read=sum(batch.read for batch in batches),
            new=len(fresh),
            duplicates=sum(len(share.repeated) for share in shares.values()),
            rejected=len(refused),
            acks=tuple(self._ack(key, share) for key, share in shares.items()),
            latest=tuple(_latest(fresh)),
        )

    def _sort(self, batches: Iterable[Decoded]) -> dict[Key, _Share]:
        """Records by epoch, split into those that are new and those that were here before."""
        found: dict[Key, list[tuple[AnyMeasurement, Source]]] = defaultdict(list)
        for batch in batches:
            for record in batch.records:
                found[record.probe, record.epoch].append((record, batch.source))
        shares: dict[Key, _Share] = defaultdict(_Share)
        for key, records in found.items():
            share = shares[key]
            seqs = [record.seq for record, _ in records]
            known = self._ledger.received_runs(*key, (min(seqs), max(seqs)))
            for record, source in records:
                if record.seq in share.fresh or covers(known, record.seq):
                    share.repeated.append(record.seq)
                else:
                    share.fresh[record.seq] = (record, source)
        return shares

    def _store(self, shares: dict[Key, _Share], now: datetime) -> list[Refused]:
        """Bring the new records to the lake; those that fit no column are taken out again."""
        by_kind: dict[str, list[tuple[AnyMeasurement, Source]]] = defaultdict(list)
        for share in shares.values():
            for record, source in share.fresh.values():
                by_kind[record.kind].append((record, source))
        refused = []
        for kind, pairs in by_kind.items():
            fitting = pairs
            try:
                rows = columns.flatten(kind, [record for record, _ in pairs], now)
            except columns.UnstorableRecordsError as error:
                for index, reason in error.reasons.items():
                    record, source = pairs[index]
                    refused.append(refuse(source, record, encode_record(record), reason))
                    del shares[record.probe, record.epoch].fresh[record.seq]
                fitting = [pair for n, pair in enumerate(pairs) if n not in error.reasons]
                rows = columns.flatten(kind, [record for record, _ in fitting], now)
            if fitting:
                self._lake.merge(kind, self._locator.locate(rows))
        return refused

    def _ack(self, key: Key, share: _Share) -> Ack:
        account = self._ledger.account(*key)
        seqs = [*share.fresh, *share.repeated, *share.rejected]
        span = (min(seqs), max(seqs)) if seqs else (0, 0)
        return Ack(
            probe=key[0],
            epoch=key[1],
            contiguous_seq=account.contiguous_seq,
            stored=_most_wanted(account.stored, span),
            rejected=_most_wanted(account.rejected, span),
            rejected_batches=tuple(sorted(share.rejected_batches)),
        )


def _reject(shares: dict[Key, _Share], one: Refused) -> None:
    """Note what may be answered about refused bytes, to the probe that sent them."""
    if one.probe is None or one.epoch is None:
        return
    share = shares[one.probe, one.epoch]
    if one.seq is not None:
        share.rejected.append(one.seq)
    elif one.batch is not None:
        share.rejected_batches.add(one.batch)


def _received(key: Key, share: _Share) -> Received:
    records = [record for record, _ in share.fresh.values()]
    return Received(
        probe=key[0],
        epoch=key[1],
        seqs=list(share.fresh),
        rejected=share.rejected,
        duplicates=len(share.repeated),
        drops=[notice for record in records if (notice := _drop_notice(record)) is not None],
    )


def _drop_notice(record: AnyMeasurement) -> DropNotice | None:
    if record.kind != "event" or record.payload is None or record.payload.name != "outbox_dropped":
        return None
    numbers = [record.payload.detail.get(name) for name in ("first_seq", "last_seq", "count")]
    match numbers:
        case [int(first), int(last), int(dropped)] if 1 <= first <= last <= MAX_SEQ:
            dropped = max(0, min(dropped, count([(first, last)])))
            return DropNotice(seq=record.seq, first_seq=first, last_seq=last, dropped=dropped)
        case _:
            return None


def _most_wanted(runs: Sequence[Range], span: Range) -> tuple[Range, ...]:
    """At most `MAX_ACK_RUNS` of the runs, first of all those that touch what was just sent."""
    if len(runs) <= MAX_ACK_RUNS:
        return tuple(runs)
    touching = [run for run in runs if run[0] <= span[1] and run[1] >= span[0]]
    others = [run for run in runs if run[0] > span[1] or run[1] < span[0]]
    return tuple(sorted((touching + others)[:MAX_ACK_RUNS]))


def _latest(records: Iterable[AnyMeasurement]) -> Iterable[AnyMeasurement]:
    newest: dict[tuple[str, str, UUID], AnyMeasurement] = {}
    for record in records:
        key = (record.probe, record.kind, record.epoch)
        if key not in newest or newest[key].seq < record.seq:
            newest[key] = record
    return newest.values()
