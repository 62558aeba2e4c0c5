"""Looks around one place, thinned to what is independent of each other.

A look each second from one spot is one look, however long it went on. So each visit gives one value
for each square that it measured: the share of its looks there with service. The squares are the
trials of the share, and the sum of their values its successes.
"""

from typing import NamedTuple

import numpy as np

from collector.kpi._arrays import US_PER_S, Flags, Floats, Ints, starts
from collector.kpi._points import Near


class Thinning(NamedTuple):
    """What makes one visit, and one square."""

    pause_s: float
    """Where nobody measured for so long, another visit begins."""
    square_m: float


class Squares(NamedTuple):
    """One entry for each square of each visit, in order of visits."""

    visit: Ints
    """Counting from 0."""
    value: Floats
    """Share of the looks with service."""
    distance_m: Floats
    """From the place to the middle of the looks."""

    @property
    def visits(self) -> int:
        """How many there were."""
        return int(self.visit[-1]) + 1 if len(self.visit) else 0

    @property
    def successes(self) -> float:
        """Squares with service; one with service half of the time is half a success."""
        return float(np.sum(self.value))

    def latest(self, *, least: int) -> Floats:
        """The values of the last visit to so many squares, or of the last if none had as many."""
        full = np.flatnonzero(np.bincount(self.visit) >= least)
        visit = full[-1] if len(full) else self.visits - 1
        own: Floats = self.value[self.visit == visit]
        return own


def visits(at_us: Ints, *, pause_s: float) -> Ints:
    """The visit of each look, from 0: a pause of all that measured here begins another."""
    order = np.argsort(at_us, kind="stable")
    begins = np.diff(at_us[order], prepend=at_us[order[:1]]) >= pause_s * US_PER_S
    found = np.empty(len(at_us), np.int64)
    found[order] = np.cumsum(begins)
    return found


def thinned(near: Near, *, at_us: Ints, covered: Flags, thinning: Thinning) -> Squares:
    """One value for each visit and square; nothing of nothing."""
    visit = visits(at_us, pause_s=thinning.pause_s)
    row = np.floor(near.north_m / thinning.square_m)
    column = np.floor(near.east_m / thinning.square_m)
    order = np.lexsort((column, row, visit))
    first = starts(visit[order], row[order], column[order])
    if not len(first):
        nothing = np.empty(0, np.float64)
        return Squares(np.empty(0, np.int64), nothing, nothing)
    looks = np.diff(np.append(first, len(order)))
    value = np.add.reduceat(covered[order].astype(np.float64), first) / looks
    distance_m = np.add.reduceat(near.distance_m[order], first) / looks
    return Squares(visit[order][first], value, distance_m)
