import threading

from agent.runtime import Stop

DEADLINE_S = 10.0


def test_waiting_ends_with_the_wish():
    stop = Stop()
    threading.Timer(0.01, stop.set).start()
    assert stop.wait(DEADLINE_S)
    assert stop.is_set()


def test_nobody_asked_is_false_in_time():
    assert not Stop().wait(0.01)


def test_whatever_blocks_is_woken_once():
    stop = Stop()
    woken = []
    with stop.wakes(lambda: woken.append("port")), stop.wakes(lambda: woken.append("queue")):
        stop.set()
        stop.set()
    assert woken == ["port", "queue"]


def test_who_comes_late_is_woken_at_once():
    stop = Stop()
    stop.set()
    woken = []
    with stop.wakes(lambda: woken.append("late")):
        assert woken == ["late"]


def test_who_has_left_is_not_woken():
    stop = Stop()
    woken = []
    with stop.wakes(lambda: woken.append("left")):
        pass
    stop.set()
    assert woken == []
