from collections import Counter
from concurrent.futures import Future
from itertools import pairwise

import msgspec
import pytest

from agent.outbox import OutboxFullError
from agent.outbox.waiting import Waiting, WaitingRecords
from wire.messages import Modem


@pytest.fixture
def seconds(make):
    """Radio rows of so many seconds, of each modem in turn."""

    def seconds(count, *usb_paths):
        for second in range(count):
            for usb_path in usb_paths:
                modem = Modem(usb_path=usb_path)
                row = msgspec.structs.replace(make("radio"), modem=modem, mono_ns=second)
                yield Waiting(record=row)

    return seconds


def add(queue, rows, safe=0):
    return [queue.add(row, safe=safe) for row in rows]


def seconds_of(queue, usb_path):
    rows = [row.record for row in queue.first(len(queue))]
    return [row.mono_ns for row in rows if row.modem is not None and row.modem.usb_path == usb_path]


def test_thinning_leaves_no_hole(seconds):
    queue = WaitingRecords(1000)
    assert all(add(queue, seconds(4000, "1-1", "1-2")))
    assert len(queue) <= 1000
    for usb_path in ("1-1", "1-2"):
        kept = seconds_of(queue, usb_path)
        gaps = {after - before for before, after in pairwise(kept)}
        assert max(gaps) <= 16
        assert kept == sorted(kept)
        assert kept[0] == 0
        assert kept[-1] >= 4000 - 16


def test_every_row_is_kept_or_counted(seconds):
    queue = WaitingRecords(100)
    rows = list(seconds(777, "1-1", "1-2", "1-3"))
    assert all(add(queue, rows))
    losses = queue.take_losses()
    assert len(queue) + losses.left_out["radio"].count == len(rows)
    assert queue.left_out == losses.left_out["radio"].count
    assert losses.left_out["radio"].one_of >= len(rows) // 100


def test_what_is_being_committed_stays(seconds):
    queue = WaitingRecords(100)
    add(queue, seconds(100, "1-1"))
    under_way = queue.first(40)
    add(queue, seconds(500, "1-1"), safe=40)
    assert queue.first(40) == under_way


def test_tests_and_events_stay_while_radio_is_thinned(seconds, make):
    queue = WaitingRecords(100)
    add(queue, [Waiting(record=make("throughput")) for _ in range(20)])
    add(queue, [Waiting(record=make("event")) for _ in range(20)])
    add(queue, seconds(5000, "1-1"))
    kinds = Counter(row.record.kind for row in queue.first(len(queue)))
    assert (kinds["throughput"], kinds["event"]) == (20, 20)
    assert kinds["radio"] >= 30


def test_losses_that_could_not_be_reported_are_reported_with_the_next(seconds):
    queue = WaitingRecords(10)
    add(queue, seconds(11, "1-1"))
    losses = queue.take_losses()
    assert not queue.has_losses
    queue.give_back(losses)
    queue.refuse()
    again = queue.take_losses()
    assert (again.left_out, again.refused) == (losses.left_out, 1)


def test_who_waits_for_a_row_that_makes_room_is_told(make):
    queue = WaitingRecords(1)
    stored = Future()
    add(queue, [Waiting(record=make("status"), stored=stored), Waiting(record=make("event"))])
    with pytest.raises(OutboxFullError):
        stored.result(0)


def test_a_full_queue_of_what_matters_takes_no_radio(make, seconds):
    queue = WaitingRecords(2)
    add(queue, [Waiting(record=make("event")), Waiting(record=make("event"))])
    assert add(queue, seconds(3, "1-1")) == [False, False, False]
    assert queue.take_losses().refused == 3
