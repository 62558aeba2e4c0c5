"""Operators side by side: differences where and when both were measured, and who may share first.

Compared are only blocks of the same place and hour; nobody is ranked on ground that the other was
not measured on. An order is claimed only where the two-sided 95 % interval of a difference leaves
0 out. With more than two operators some pairs are told apart by chance: four that are all equal
lose one from the winners in about one campaign of five (the range of four means, Tukey 1949), so
a narrow lead says little.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from collector.stats.bootstrap import Bootstrap, bootstrap_ratio
from collector.stats.clusters import clustered_mean
from collector.stats.limits import CONFIDENCE, NO_LIMITS, Limits
from collector.stats.means import mean_interval

PlaceHour = tuple[Hashable, Hashable]
"""Where and when a block was measured."""


class Difference(NamedTuple):
    """One operator less another, over the blocks that both have."""

    value: float
    blocks: int
    """That both have."""
    student: Limits
    """Two-sided 95 % interval by Student's t, with segments or hours as clusters where they are."""
    bootstrap: Bootstrap
    """Two-sided 95 %: each limit at 97.5 %, from drawing whole segments again."""

    @property
    def interval(self) -> Limits:
        """The wider of the two; no limits where either has none."""
        lower = (self.student.lower, self.bootstrap.lower)
        upper = (self.student.upper, self.bootstrap.upper)
        if None in lower or None in upper:
            return NO_LIMITS
        return Limits(
            min(x for x in lower if x is not None), max(x for x in upper if x is not None)
        )


class Standing(NamedTuple):
    """Who leads, as far as it can be told."""

    winners: tuple[str, ...]
    """Not shown to be worse than the best: one, or several with the same right."""
    worse: tuple[str, ...]
    unranked: tuple[str, ...]
    """Not compared with all the others, for want of common blocks."""


def paired_difference(
    first: Mapping[PlaceHour, float],
    second: Mapping[PlaceHour, float],
    *,
    seed: int,
    segments: Mapping[Hashable, Hashable] | None = None,
) -> Difference | None:
    """First minus second over the blocks of the same place and hour; None if there are none.

    `segments` gives the road segment of a place, and is the place itself by default. The bootstrap
    draws whole segments again; with a single one it has no limits.
    """
    common = [key for key in first if key in second]
    if not common:
        return None
    values = [first[key] - second[key] for key in common]
    labels = [(segments or {}).get(place, place) for place, _ in common]
    found = clustered_mean(
        values, where={"segment": labels}, when={"hour": [hour for _, hour in common]}
    )
    by_segment: dict[Hashable, list[float]] = defaultdict(list)
    for label, value in zip(labels, values, strict=True):
        by_segment[label].append(value)
    drawn = bootstrap_ratio(
        [(math.fsum(one), float(len(one))) for one in by_segment.values()],
        seed=seed,
        confidence=0.5 + CONFIDENCE / 2,
    )
    if found is None or drawn is None:
        return None
    return Difference(found.mean.value, len(values), mean_interval(found.mean), drawn)


def joint_winners(names: Sequence[str], differences: Mapping[tuple[str, str], Limits]) -> Standing:
    """The operators that none is shown to be better than, given intervals of first minus second.

    An interval that holds 0, its ends included, is a tie. Ties need not carry on: if A ties with B
    and B with C, but A is better than C, then A and B lead. Should each be beaten by another in a
    circle, the circle leads (the smallest sets that nobody outside of them beats: Schwartz 1986).
    An operator without an interval to others is not ranked; of those, the ones with the most gaps
    are left out until all that remain are compared with each other. Given in the order of `names`,
    whatever the order of `differences`.
    """
    better = _better(names, differences)
    ranked = _compared(names, better)
    beaten = {one: {two for two in ranked if better.get((two, one))} for one in ranked}
    winners = [one for one in ranked if one in _leaders(beaten)]
    return Standing(
        winners=tuple(winners),
        worse=tuple(one for one in ranked if one not in winners),
        unranked=tuple(one for one in names if one not in ranked),
    )


def _better(
    names: Sequence[str], differences: Mapping[tuple[str, str], Limits]
) -> dict[tuple[str, str], bool]:
    """Of each pair that was compared: whether the first is shown to be better."""
    better: dict[tuple[str, str], bool] = {}
    for (first, second), (lower, upper) in differences.items():
        if lower is None or upper is None or not {first, second} <= set(names):
            continue
        better[first, second] = lower > 0
        better[second, first] = upper < 0
    return better


def _compared(names: Sequence[str], better: Mapping[tuple[str, str], bool]) -> list[str]:
    """Those that were all compared with each other."""
    left = list(dict.fromkeys(names))

    def gaps(one: str) -> int:
        return sum(two != one and (one, two) not in better for two in left)

    while left and (most := max(map(gaps, left))):
        left.remove(max((one for one in left if gaps(one) == most), key=left.index))
    return left if len(left) > 1 or len(names) == 1 else []


def _leaders(beaten: Mapping[str, set[str]]) -> set[str]:
    """Members of the smallest sets that nobody outside beats, given who beats whom."""
    above = {one: _reached(one, beaten) for one in beaten}
    return {one for one in above if all(one in above[two] for two in above[one])}


def _reached(start: str, beaten: Mapping[str, set[str]]) -> set[str]:
    """Everyone who beats `start`, or beats one who does, and so on."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for one in beaten[waiting.pop()] - found:
            found.add(one)
            waiting.append(one)
    return found
