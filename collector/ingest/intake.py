"""Decoded records into the lake, then into the ledger; only then may anybody be told.

`locate -> lake -> fsync -> ledger`. Killed at any point, the same records may simply come again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from collector.geo.locate import Locator
from collector.ingest.decode import Decoded, Source, refuse
from collector.ingest.notices import notices
from collector.store import columns
from collector.store.lake import Lake
from collector.store.ledger import ANSWERED_RUNS, Claim, Counted, Ledger, Received
from collector.store.quarantine import Refused
from collector.store.runs import covers, merge, without
from wire.codec import encode_record
from wire.control import Ack, Range
from wire.messages import AnyMeasurement


class Asker(NamedTuple):
    """Who is answered by itself: two probes on copies of one card share name and epoch."""

    probe: str
    epoch: UUID
    sender: UUID | None

    @property
    def key(self) -> tuple[str, UUID]:
        """Whose numbers."""
        return (self.probe, self.epoch)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a micro-batch. All of it is on the disk."""

    read: int
    new: int
    duplicates: int
    rejected: int
    conflicts: int
    """Records of a copy of an outbox: not stored, and the probe is told to number them anew."""
    acks: tuple[Ack, ...]
    latest: tuple[AnyMeasurement, ...]
    """The newest of the new records of each probe and kind."""


Boots = dict[int, list[int]]
"""Numbers by boot, each as often as it came. The boot as a number, which is quick to look up."""


@dataclass(slots=True)
class _Share:
    """What a micro-batch holds of one asker."""

    fresh: dict[int, tuple[AnyMeasurement, Source]] = field(default_factory=dict)
    brought: Boots = field(default_factory=lambda: defaultdict(list))
    """What is stored now: the fresh ones, and those that were here before."""
    conflicts: Boots = field(default_factory=lambda: defaultdict(list))
    rejected: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    """As of `Received`."""
    rejected_batches: set[str] = field(default_factory=set)

    def take_out(self, boot: int, runs: Sequence[Range]) -> list[int]:
        """Numbers that came from a boot and are not to be stored after all, as often as they came.

        `runs` as `merge` gives them.
        """
        brought = self.brought[boot]
        out = [seq for seq in brought if covers(runs, seq)] if runs else []
        if out:
            self.brought[boot] = [seq for seq in brought if not covers(runs, seq)]
        for seq in out:
            self.fresh.pop(seq, None)
        return out

    def latest(self) -> Iterable[AnyMeasurement]:
        """The newest of the fresh ones, of each kind."""
        newest: dict[str, AnyMeasurement] = {}
        for record, _ in self.fresh.values():
            if record.kind not in newest or newest[record.kind].seq < record.seq:
                newest[record.kind] = record
        return newest.values()


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
        self._claim(shares)
        refused = [(one, batch.source) for batch in batches for one in batch.refused]
        refused += self._store(shares, now)
        for one, source in refused:
            _reject(shares, one, source)
        received = [_received(asker, share) for asker, share in shares.items()]
        counted = self._ledger.commit(received, [one for one, _ in refused], now)
        return Taken(
            read=sum(batch.read for batch in batches),
            new=sum(one.new for one in counted),
            duplicates=sum(one.duplicates for one in counted),
            rejected=len(refused),
            conflicts=sum(len(s) for each in received for s in each.conflicts.values()),
            acks=tuple(
                self._ack(asker, share, one)
                for (asker, share), one in zip(shares.items(), counted, strict=True)
            ),
            latest=tuple(record for share in shares.values() for record in share.latest()),
        )

    def _sort(self, batches: Iterable[Decoded]) -> dict[Asker, _Share]:
        """Records by asker: new ones, those that were here before, and those of a copy."""
        found: dict[tuple[str, UUID], list[tuple[AnyMeasurement, Source]]] = defaultdict(list)
        for batch in batches:
            for record in batch.records:
                found[record.probe, record.epoch].append((record, batch.source))
        shares: dict[Asker, _Share] = defaultdict(_Share)
        for key, records in found.items():
            by_sender: dict[UUID | None, _Share] = defaultdict(_Share)
            boots: dict[int, UUID] = {}
            seqs = [record.seq for record, _ in records]
            known = self._ledger.known(*key, (min(seqs), max(seqs)))
            for record, source in records:
                seq, boot = record.seq, record.boot_id
                share = by_sender[source.sender]
                if known.conflicts(seq, boot) or boots.get(seq, boot) != boot:
                    share.conflicts[boot.int].append(seq)
                    continue
                share.brought[boot.int].append(seq)
                if seq not in boots and not known.holds(seq):
                    boots[seq] = boot
                    share.fresh[seq] = (record, source)
            shares |= {Asker(*key, sender): share for sender, share in by_sender.items()}
        return shares

    def _claim(self, shares: dict[Asker, _Share]) -> None:
        """Leave out what another worker is about to store of a copy of the same outbox."""
        fresh: dict[tuple[str, UUID, int], list[int]] = defaultdict(list)
        for asker, share in shares.items():
            for seq, (record, _) in share.fresh.items():
                fresh[asker.probe, asker.epoch, record.boot_id.int].append(seq)
        claims = [
            Claim(probe, epoch, UUID(int=boot), seqs)
            for (probe, epoch, boot), seqs in fresh.items()
        ]
        of_epoch = _by_epoch(shares)
        for claim, foreign in zip(claims, self._ledger.claim(claims), strict=True):
            for share in of_epoch[claim.probe, claim.epoch]:
                share.conflicts[claim.boot.int] += share.take_out(claim.boot.int, foreign)

    def _store(self, shares: dict[Asker, _Share], now: datetime) -> list[tuple[Refused, Source]]:
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
                    refused.append((refuse(source, record, encode_record(record), reason), source))
                _take_out(shares, [pairs[index][0] for index in error.reasons])
                fitting = [pair for n, pair in enumerate(pairs) if n not in error.reasons]
                rows = columns.flatten(kind, [record for record, _ in fitting], now)
            if fitting:
                self._lake.merge(kind, self._locator.locate(rows))
        return refused

    def _ack(self, asker: Asker, share: _Share, counted: Counted) -> Ack:
        conflicts = counted.conflicts
        rejected = merge((seq, seq) for seq in share.rejected)
        if conflicts:
            # Two outboxes speak: only what came just now is known to be the asker's.
            contiguous, stored = 0, tuple(without(counted.stored, conflicts)[:ANSWERED_RUNS])
        else:
            heard = {UUID(int=boot): max(seqs) for boot, seqs in share.brought.items() if seqs}
            sent = (counted.stored[0][0], counted.stored[-1][1]) if counted.stored else (0, 0)
            account = self._ledger.account(*asker.key, heard, sent=sent, rejected=rejected)
            contiguous, stored = account.contiguous_seq, account.stored
        return Ack(
            **asker._asdict(),
            contiguous_seq=contiguous,
            stored=stored,
            rejected=tuple(rejected),
            rejected_batches=tuple(sorted(share.rejected_batches)),
            conflicts=conflicts,
        )


def _by_epoch(shares: dict[Asker, _Share]) -> dict[tuple[str, UUID], list[_Share]]:
    """The shares of all who speak of an epoch."""
    found = defaultdict(list)
    for asker, share in shares.items():
        found[asker.key].append(share)
    return found


def _take_out(shares: dict[Asker, _Share], records: Iterable[AnyMeasurement]) -> None:
    """Whoever brought them, they are not stored."""
    found: dict[tuple[str, UUID, int], list[Range]] = defaultdict(list)
    for record in records:
        found[record.probe, record.epoch, record.boot_id.int].append((record.seq, record.seq))
    of_epoch = _by_epoch(shares)
    for (probe, epoch, boot), runs in found.items():
        for share in of_epoch[probe, epoch]:
            share.take_out(boot, merge(runs))


def _reject(shares: dict[Asker, _Share], one: Refused, source: Source) -> None:
    """Note what may be answered about refused bytes, to the probe that sent them."""
    if one.probe is None or one.epoch is None:
        return
    share = shares[Asker(one.probe, one.epoch, source.sender)]
    if source.probe is None:
        share.unread += [] if one.seq is None else [one.seq]
    elif one.seq is not None:
        share.rejected.append(one.seq)
    elif one.batch is not None:
        share.rejected_batches.add(one.batch)


def _received(asker: Asker, share: _Share) -> Received:
    records = [record for record, _ in share.fresh.values()]
    return Received(
        probe=asker.probe,
        epoch=asker.epoch,
        brought={UUID(int=boot): seqs for boot, seqs in share.brought.items()},
        conflicts={UUID(int=boot): seqs for boot, seqs in share.conflicts.items()},
        rejected=share.rejected,
        unread=share.unread,
        latest={record.kind: record.seq for record in share.latest()},
        **notices(records),
    )
