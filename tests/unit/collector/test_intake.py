"""What becomes of a micro-batch, and who is told what."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from collector.geo.boundaries import Boundaries
from collector.geo.locate import Locator
from collector.geo.roads import Roads
from collector.ingest.decode import Decoded, Source
from collector.ingest.intake import Intake
from collector.store.lake import Lake, snapshot
from collector.store.ledger import Ledger

from .records import BOOT, PROBE, event_record, radio_record

NOW = datetime(2026, 11, 26, tzinfo=UTC)
COPY = UUID(int=9)
"""The boot of a probe on a copy of the card."""


def batch(boot, *records):
    return Decoded(Source("t", PROBE, sender=boot), [*records])


def answers(taken):
    return {ack.sender: (ack.contiguous_seq, ack.stored, ack.conflicts) for ack in taken.acks}


def test_two_copies_in_one_micro_batch_are_answered_each_by_itself(intake):
    shared = [radio_record(seq) for seq in (1, 2)]
    taken = intake.take(
        [
            batch(BOOT, *shared, radio_record(3)),
            batch(COPY, *shared, radio_record(3, boot_id=COPY), radio_record(4, boot_id=COPY)),
        ],
        NOW,
    )
    assert answers(taken) == {BOOT: (3, (), ()), COPY: (0, ((1, 2), (4, 4)), ((3, 3),))}
    assert (taken.new, taken.duplicates, taken.conflicts) == (4, 2, 1)


def test_what_fits_no_column_is_acknowledged_to_none_of_two_copies(intake, ledger):
    bad = radio_record(2, mono_ns=1 << 80)
    taken = intake.take([batch(BOOT, radio_record(1), bad), batch(COPY, bad)], NOW)
    assert [ack.rejected for ack in taken.acks if ack.sender == BOOT] == [((2, 2),)]
    assert ledger.ledger()[0].received == 1


class Interrupted(Lake):
    """A lake whose writer is overtaken by another worker between the lake and the ledger."""

    meanwhile = staticmethod(lambda: None)

    def merge(self, kind, rows):
        done = super().merge(kind, rows)
        self.meanwhile()
        return done


@pytest.mark.parametrize(
    "copied", [radio_record(1, boot_id=COPY), event_record(1, "modem_back", boot_id=COPY)]
)
def test_of_two_workers_with_two_copies_in_hand_one_stores_and_the_other_tells(
    tmp_path, lake, lake_folder, copied
):
    locator = Locator(Boundaries([]), Roads([]))
    slow_lake = Interrupted(lake_folder)
    file = tmp_path / "collector.db"
    told = []
    with Ledger(file) as ledger, Ledger(file) as other:
        fast = Intake(lake, other, locator)
        slow_lake.meanwhile = lambda: told.append(fast.take([batch(COPY, copied)], NOW))
        slow = Intake(slow_lake, ledger, locator).take([batch(BOOT, radio_record(1))], NOW)
    assert answers(slow) == {BOOT: (1, (), ())}
    assert answers(told[0]) == {COPY: (0, (), ((1, 1),))}
    assert not snapshot(lake_folder, "event").files
