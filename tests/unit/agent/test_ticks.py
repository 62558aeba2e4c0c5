from hypothesis import given
from hypothesis import strategies as st

from agent.ticks import MOST_MISSED, NS_PER_S, Ticks


def test_nothing_is_due_before_the_first_step():
    ticks = Ticks(10 * NS_PER_S)
    assert ticks.due(10 * NS_PER_S - 1) is None
    assert ticks.wait_s(8 * NS_PER_S) == 2.0
    assert ticks.due(10 * NS_PER_S).tick_ns == 10 * NS_PER_S


def test_a_late_look_does_not_move_the_next_step():
    ticks = Ticks(0)
    assert ticks.due(300_000_000).tick_ns == 0
    assert ticks.wait_s(300_000_000) == 0.7


def test_missed_steps_are_told_once_and_in_order():
    ticks = Ticks(0)
    due = ticks.due(3 * NS_PER_S + 5)
    assert due.missed_ns == (0, NS_PER_S, 2 * NS_PER_S)
    assert due.tick_ns == 3 * NS_PER_S
    assert ticks.due(3 * NS_PER_S + 6) is None


def test_a_long_sleep_is_counted_but_not_told_one_by_one():
    due = Ticks(0).due(10_000 * NS_PER_S)
    assert len(due.missed_ns) == MOST_MISSED
    assert due.uncounted == 10_000 - MOST_MISSED
    assert due.missed_ns[-1] == 9_999 * NS_PER_S


@given(st.lists(st.integers(0, 700 * NS_PER_S), min_size=1, max_size=30))
def test_no_step_is_lost_or_told_twice_however_late_we_look(pauses_ns):
    ticks, now_ns, told = Ticks(0), 0, []
    uncounted = 0
    for pause_ns in pauses_ns:
        now_ns += pause_ns
        due = ticks.due(now_ns)
        if due is not None:
            told += [*due.missed_ns, due.tick_ns]
            uncounted += due.uncounted
    assert len(set(told)) == len(told)
    assert len(told) + uncounted == (now_ns // NS_PER_S + 1 if told else 0)
