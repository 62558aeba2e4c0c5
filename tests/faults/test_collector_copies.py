"""A card restored from a backup, or cloned: two outboxes give out the same numbers."""

import contextlib
import random
from uuid import UUID

import pytest

from sim.fleet.delivery import Delivery
from tests.faults.collector_parts import PROBES, Site, epoch_of, epochs, record, wait_until
from tests.unit.collector.probe import Probe
from wire.control import batch_id

PROBE = PROBES[0]
NEW_EPOCH = UUID(int=17)
COPY_BOOT = UUID(int=30)
MADE, COPIED_AT, COPY_MADE = 200, 100, 280
"""The original made 200 rows; the copy of its state at 100 went on from there to 280."""
BATCH = 20
SEED = 17


@pytest.fixture
def site(tmp_path):
    with contextlib.closing(Site(tmp_path, workers=2)) as site:
        for worker in (1, 2):
            site.start(worker=worker)
        wait_until(lambda: site.connections() >= 2, "both workers listen")
        yield site


def copied(first, last, **changes):
    """Rows of the copy: up to 100 they are the original's, behind it they are its own."""
    return [
        record(PROBE, seq, **(changes if seq <= COPIED_AT else {"boot_id": COPY_BOOT} | changes))
        for seq in range(first, last + 1)
    ]


def numbers(runs):
    return {seq for first, last in runs for seq in range(first, last + 1)}


@pytest.mark.fault(17, 30)
def test_a_copy_of_an_outbox_is_told_and_loses_nothing(site, tally):
    with Delivery(site.broker.port, site.keys, epochs([PROBE]), resend_after_s=2.0) as original:
        for first in range(1, MADE, BATCH):
            original.send([record(PROBE, seq) for seq in range(first, first + BATCH)])
        original.drain()

    # The copy sends all it has at once, and two workers take it in whatever order.
    firsts = list(range(COPIED_AT - BATCH + 1, COPY_MADE, BATCH))
    random.Random(SEED).shuffle(firsts)  # noqa: S311
    stored, conflicts = set(), set()
    with contextlib.closing(Probe(site.broker, site.keys)) as probe:
        for first in firsts:
            last = first + BATCH - 1
            probe.send_records(*copied(first, last), batch=batch_id(epoch_of(PROBE), first, last))
        while len(stored | conflicts) < COPY_MADE - COPIED_AT:
            ack = probe.ack()
            said = numbers([(1, ack.contiguous_seq), *ack.stored])
            stored |= {seq for seq in said if COPIED_AT < seq <= COPY_MADE}
            conflicts |= numbers(ack.conflicts)
        assert not stored & numbers([(COPIED_AT + 1, MADE)]), "the copy would delete these"
        assert conflicts >= numbers([(COPIED_AT + 1, MADE)])

        # It numbers anew what it was not told is stored.
        anew = [row for row in copied(COPIED_AT + 1, COPY_MADE) if row.seq not in stored]
        rows = [
            record(PROBE, seq, boot_id=row.boot_id, mono_ns=row.mono_ns, epoch=NEW_EPOCH)
            for seq, row in enumerate(anew, 1)
        ]
        probe.send_records(*rows, batch=batch_id(NEW_EPOCH, 1, len(rows)))
        assert probe.ack().contiguous_seq == len(rows)

    accounts = {row.epoch: row for row in site.rows()}
    old, new = accounts[str(epoch_of(PROBE))], accounts[str(NEW_EPOCH)]
    assert old.received == MADE + len(stored)
    assert (old.conflicts, old.conflict_since_utc is None) == (len(conflicts), False)
    assert (old.missing, new.missing) == (0, 0)
    made = MADE + COPY_MADE - COPIED_AT
    lost = made - old.received - new.received
    duplicates = site.recounted().duplicates_visible
    tally.tried(rows=made, lost=lost, duplicates=duplicates)
    assert (lost, duplicates) == (0, 0)
