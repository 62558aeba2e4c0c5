"""Looks along a road, cut into passes: runs of looks of one modem in one direction.

A pause of ten minutes begins another pass, and so does driving back by 100 m. Passes that go the
same way through the same 50 m within a minute are one: several modems of one car, or a convoy.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

BIN_M = 50.0
PAUSE_US = 600 * 1_000_000
TURN_M = 100.0
TOGETHER_US = 60 * 1_000_000
MOST_M = 1e7


class Look(NamedTuple):
    """One second of radio on the road."""

    modem: tuple[str, str]
    at_us: int
    chainage_m: float
    error_m: float
    """95 % error of its position."""
    covered: bool
    counts: bool
    """It does not where data checks around it disagree; the modem drove there all the same."""

    @property
    def bin(self) -> int:
        """The 50 m of road it lies in."""
        return max(int(self.chainage_m // BIN_M), 0)


class Pass(NamedTuple):
    """All looks of one ride."""

    legs: list[list[Look]]
    """Of each modem, along the road."""
    ended_us: int


def passes_of(looks: Iterable[Look]) -> list[Pass]:
    """The passes of one operator over one road."""
    by_modem: dict[tuple[str, str], list[Look]] = defaultdict(list)
    for look in looks:
        by_modem[look.modem].append(look)
    legs: list[list[Look]] = []
    upwards: list[bool] = []
    for own in by_modem.values():
        own.sort(key=lambda look: look.at_us)
        for leg, up in (found for run in runs(own) for found in turns(run)):
            legs.append(sorted(leg, key=lambda look: (look.chainage_m, look.at_us)))
            upwards.append(up)
    return [
        Pass([legs[one] for one in ride], max(look.at_us for one in ride for look in legs[one]))
        for ride in rides(legs, upwards)
    ]


def runs(looks: Sequence[Look]) -> Iterator[Sequence[Look]]:
    """Cut where a modem paused."""
    first = 0
    for index in range(1, len(looks) + 1):
        at_end = index == len(looks)
        if at_end or looks[index].at_us - looks[index - 1].at_us >= PAUSE_US:
            yield looks[first:index]
            first = index


def turns(run: Sequence[Look]) -> Iterator[tuple[Sequence[Look], bool]]:
    """Cut where it turned; nothing of a modem that stood. True is towards higher chainage."""
    along = [look.chainage_m for look in run]
    away = (at for at, there in enumerate(along) if abs(there - along[0]) >= TURN_M)
    first = next(away, None)
    if first is None:
        return
    way = 1 if along[first] > along[0] else -1
    start, farthest = 0, first
    for at in range(first, len(along)):
        ahead = way * (along[at] - along[farthest])
        if ahead >= 0:
            farthest = at
        elif ahead <= -TURN_M:
            yield run[start : farthest + 1], way > 0
            start, farthest, way = farthest + 1, at, -way
    yield run[start:], way > 0


def rides(legs: Sequence[Sequence[Look]], upwards: Sequence[bool]) -> list[list[int]]:
    """Numbers of the legs that are one ride, in the order of their first ones."""
    entries: dict[tuple[int, bool], list[tuple[int, int]]] = defaultdict(list)
    for leg, looks in enumerate(legs):
        entered: dict[int, int] = {}
        for look in looks:
            entered.setdefault(look.bin, look.at_us)
        for bin_, at_us in entered.items():
            entries[bin_, upwards[leg]].append((at_us, leg))
    joined = list(range(len(legs)))

    def first_of(leg: int) -> int:
        while joined[leg] != leg:
            leg = joined[leg]
        return leg

    for found in entries.values():
        found.sort()
        for (before_us, before), (after_us, after) in pairwise(found):
            if after_us - before_us <= TOGETHER_US:
                one, other = sorted((first_of(before), first_of(after)))
                joined[other] = one
    together: dict[int, list[int]] = defaultdict(list)
    for leg in range(len(legs)):
        together[first_of(leg)].append(leg)
    return list(together.values())
