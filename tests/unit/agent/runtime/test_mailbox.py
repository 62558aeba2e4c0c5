import threading

import pytest

from agent.runtime import Mailbox, RankedMailbox

DEADLINE_S = 10.0


def test_first_in_first_out():
    box = Mailbox(3)
    assert [box.post(item) for item in "abc"] == [True] * 3
    assert [box.take(0) for _ in range(3)] == ["a", "b", "c"]


def test_a_full_box_refuses_and_counts():
    box = Mailbox(1)
    assert box.post("kept")
    assert not box.post("refused")
    assert (box.refused, len(box)) == (1, 1)
    assert box.take(0) == "kept"


def test_an_empty_box_is_none_in_time():
    assert Mailbox(1).take(0.01) is None


def test_who_waits_gets_what_comes():
    box = Mailbox(1)
    threading.Timer(0.01, box.post, ["late"]).start()
    assert box.take(DEADLINE_S) == "late"


def test_waking_ends_one_wait_without_an_item():
    box = Mailbox(1)
    threading.Timer(0.01, box.wake).start()
    assert box.take(DEADLINE_S) is None
    assert box.take(0.01) is None


def test_waking_before_the_wait_is_not_lost():
    box = Mailbox(1)
    box.wake()
    assert box.take(DEADLINE_S) is None


def test_a_box_without_room_is_a_mistake():
    with pytest.raises(ValueError, match="at least one"):
        Mailbox(0)


def ranked(limit=4):
    return RankedMailbox(limit, rank=lambda item: item[0])


def test_the_lowest_rank_is_first_and_equals_in_their_order():
    box = ranked()
    for item in ((2, "a"), (1, "b"), (2, "c"), (1, "d")):
        assert box.put(item) is None
    assert [box.take(0)[1] for _ in range(4)] == ["b", "d", "a", "c"]


def test_in_a_full_box_the_last_of_the_highest_rank_has_to_go():
    box = ranked(2)
    box.put((5, "a"))
    box.put((5, "b"))
    assert box.put((1, "c")) == (5, "b")
    assert box.put((9, "d")) == (9, "d")
    assert not box.post((1, "e"))
    assert box.refused == 3
    assert [box.take(0)[1] for _ in range(2)] == ["c", "a"]


def test_what_is_put_back_comes_before_its_equals():
    box = ranked(2)
    box.put((5, "a"))
    box.put((5, "b"))
    taken = box.take(0)
    assert not box.outranks(taken)
    assert box.post((1, "c"))
    assert box.outranks(taken)
    box.put_back(taken)
    assert [box.take(0)[1] for _ in range(3)] == ["c", "a", "b"]
