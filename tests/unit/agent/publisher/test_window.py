from uuid import UUID

import pytest

from agent.publisher.window import Window
from wire.control import Ack

EPOCH = UUID(int=1)


@pytest.fixture
def window():
    window = Window(max_rows=100, ack_timeout_s=30.0)
    window.restart(EPOCH)
    return window


def ack(contiguous=0, **fields):
    return Ack(probe="dn-01", epoch=EPOCH, contiguous_seq=contiguous, **fields)


def send(window, first, last, mid, tries=1):
    seqs = tuple(range(first, last + 1))
    window.sent(batch=f"{EPOCH}/{first}-{last}", mid=mid, seqs=seqs, tries=tries)


def test_what_is_under_way_takes_room(window):
    send(window, 1, 60, mid=1)
    assert (window.rows, window.room, window.after) == (60, 40, 60)
    window.acknowledged(ack(50))
    assert (window.rows, window.room, window.after) == (10, 90, 60)


def test_holes_stay_under_way(window):
    send(window, 1, 10, mid=1)
    window.acknowledged(ack(2, stored=((5, 6), (9, 10)), rejected=((4, 4),)))
    assert window.rows == 3


def test_before_the_puback_nothing_is_overdue(window):
    send(window, 1, 10, mid=1)
    assert window.overdue(1e6) is None
    window.at_broker(1, 100.0)
    assert window.overdue(129.0) is None
    assert window.overdue(131.0).seqs == tuple(range(1, 11))


def test_each_try_gets_twice_the_time_up_to_a_limit(window):
    send(window, 1, 1, mid=1, tries=3)
    window.at_broker(1, 0.0)
    assert window.overdue(119.0) is None
    window.landed(window.overdue(121.0))
    send(window, 1, 1, mid=2, tries=99)
    window.at_broker(2, 0.0)
    assert window.overdue(599.0) is None
    assert window.overdue(601.0) is not None


def test_what_the_broker_did_not_pass_on_is_tried_again_soon(window):
    send(window, 1, 10, mid=1)
    window.at_broker(1, 100.0, kept=False)
    assert window.overdue(101.0) is None
    window.landed(window.overdue(103.0))
    send(window, 1, 10, mid=2, tries=2)
    window.at_broker(2, 103.0, kept=False)
    assert window.overdue(106.0) is None
    assert window.overdue(108.0) is not None


def test_rows_of_a_refused_batch_are_sent_alone(window):
    send(window, 1, 3, mid=1)
    assert window.acknowledged(ack(1, rejected_batches=(f"{EPOCH}/1-3",))) == ()
    alone = []
    while (seq := window.alone) is not None:
        alone.append(seq)
        window.alone_done()
    assert alone == [2, 3]


def test_a_row_refused_alone_is_hopeless(window):
    send(window, 7, 7, mid=1)
    assert window.acknowledged(ack(rejected_batches=(f"{EPOCH}/7-7",))) == (7,)
    assert window.rows == 0


def test_another_epoch_says_nothing_of_ours(window):
    send(window, 1, 3, mid=1)
    window.acknowledged(Ack(probe="dn-01", epoch=UUID(int=2), contiguous_seq=3))
    assert window.rows == 3


def test_a_number_that_stands_for_another_record_stays_under_way(window):
    send(window, 1, 10, mid=1)
    window.acknowledged(ack(6, stored=((9, 10),), conflicts=((4, 5), (10, 10))))
    assert window.rows == 5


def test_a_new_connection_starts_from_the_lowest_row(window):
    send(window, 1, 3, mid=1)
    window.restart(EPOCH)
    assert (window.rows, window.after) == (0, 0)
