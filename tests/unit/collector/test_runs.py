"""Arithmetic of runs, against sets of numbers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.store.runs import count, covers, gaps, merge, overlap, within, without

RUNS = st.lists(
    st.tuples(st.integers(1, 60), st.integers(0, 8)).map(lambda run: (run[0], run[0] + run[1]))
)


def numbers(runs):
    return {seq for first, last in runs for seq in range(first, last + 1)}


@given(RUNS)
def test_merging_keeps_the_numbers_and_leaves_nothing_touching(runs):
    merged = merge(runs)
    assert numbers(merged) == numbers(runs)
    assert count(merged) == len(numbers(runs))
    assert all(left[1] + 1 < right[0] for left, right in pairwise(merged))


@given(RUNS, st.integers(0, 70))
def test_gaps_are_what_the_runs_leave_out(runs, last):
    assert numbers(gaps(merge(runs), last)) == set(range(1, last + 1)) - numbers(runs)


@given(RUNS, st.integers(0, 70))
def test_a_number_is_covered_when_a_run_holds_it(runs, seq):
    assert covers(merge(runs), seq) == (seq in numbers(runs))


@given(RUNS, st.integers(1, 60), st.integers(0, 20))
def test_within_clips_to_the_span(runs, first, length):
    span = (first, first + length)
    assert numbers(within(merge(runs), span)) == numbers(runs) & numbers([span])


@given(RUNS, RUNS)
def test_what_is_taken_away_and_what_is_shared_are_the_whole(runs, others):
    runs, others = merge(runs), merge(others)
    assert numbers(without(runs, others)) == numbers(runs) - numbers(others)
    assert numbers(overlap(runs, others)) == numbers(runs) & numbers(others)
