"""Arithmetic of runs: sorted, disjoint ranges of `seq`, both ends included."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from wire.control import Range


def merge(runs: Iterable[Range]) -> list[Range]:
    """The union, lowest first; runs that touch become one."""
    merged: list[Range] = []
    for first, last in sorted(runs):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def without(runs: Sequence[Range], taken: Sequence[Range]) -> list[Range]:
    """What of `runs` lies in none of `taken`; both sorted and disjoint."""
    left = []
    index = 0
    for first, last in runs:
        expected = first
        while index < len(taken) and taken[index][0] <= last:
            if taken[index][0] > expected:
                left.append((expected, taken[index][0] - 1))
            expected = max(expected, taken[index][1] + 1)
            if taken[index][1] > last:
                break  # it reaches into the next run as well
            index += 1
        if expected <= last:
            left.append((expected, last))
    return left


def overlap(runs: Sequence[Range], others: Sequence[Range]) -> list[Range]:
    """What lies in both; both sorted and disjoint."""
    return without(runs, without(runs, others))


def gaps(runs: Sequence[Range], last: int) -> list[Range]:
    """What lies between 1 and `last` and in no run; `runs` as `merge` gives them."""
    return without([(1, last)], runs)


def within(runs: Iterable[Range], span: Range) -> list[Range]:
    """The parts of the runs that lie in `span`."""
    return [
        (max(first, span[0]), min(last, span[1]))
        for first, last in runs
        if first <= span[1] and last >= span[0]
    ]


def count(runs: Iterable[Range]) -> int:
    """How many numbers the runs hold."""
    return sum(last - first + 1 for first, last in runs)


def covers(runs: Sequence[Range], seq: int) -> bool:
    """Whether one of the runs, as `merge` gives them, holds `seq`."""
    index = bisect_right(runs, (seq, 1 << 63)) - 1
    return index >= 0 and runs[index][1] >= seq
