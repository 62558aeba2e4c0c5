"""A road as a strip of bins of 50 m: covered, uncovered, unknown, or excepted."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from collector.kpi import Stretch
from collector.kpi._arrays import Flags, Ints, starts
from collector.kpi._passes import BIN_M, Driven

EDGE_STEP_M = 100.0
"""Two looks of one pass farther apart than this say nothing of what lies between them."""
_EDGE_SLACK_M = 1.0
"""120 km/h with a look every 3 s is 100 m, and no odometer is exact."""

State = Literal["covered", "uncovered", "unknown"]
UNKNOWN, COVERED, UNCOVERED = 0, 1, 2
_NUMBERS: dict[State, int] = {"unknown": UNKNOWN, "covered": COVERED, "uncovered": UNCOVERED}
_NAMES = {number: name for name, number in _NUMBERS.items()}

Bins = npt.NDArray[np.int8]


class Rule(NamedTuple):
    """How many passes make a bin what it is."""

    last_passes: int
    covered_passes: int
    confirming_passes: int
    """What fewer passes saw is no proof of a gap."""
    stale_us: int
    """The latest of the passes over a bin must be no older than this, or the bin is unknown."""


class Run(NamedTuple):
    """Bins of one kind, the last one included; excepted ones may lie among them."""

    first: int
    last: int


class Strip(NamedTuple):
    """One road as one operator, or any of them, covers it."""

    length_m: float
    states: Bins
    passes: Ints
    """Of the passes that are looked at. With several operators: of one that covers the bin, or of
    the one with the fewest where none does."""
    stale: Flags
    """Unknown because the latest pass is too old."""
    ends: Flags
    """Unknown only because a gap ends in them, and the passes do not agree where: it lies on one
    side of them. Between two gaps nothing ends."""
    excepted: Flags
    """Tunnels, detours and the like: no part of the road that is judged."""

    @property
    def judged_m(self) -> float:
        """Length of the road without its exceptions."""
        return float(self._lengths_m[~self.excepted].sum())

    def share(self, state: State) -> float:
        """Share of the judged length in this state; 0 where all of the road is excepted."""
        return self._share(self.states == _NUMBERS[state])

    def share_seen(self, passes: int) -> float:
        """Share of the judged length with at least so many passes."""
        return self._share(self.passes >= passes)

    @property
    def share_unclear(self) -> float:
        """Share of the judged length that is unknown, without the bins in which gaps end."""
        return self._share((self.states == UNKNOWN) & ~self.ends)

    @property
    def share_stale(self) -> float:
        """Share of the judged length whose latest pass is too old."""
        return self._share(self.stale)

    def where(self, wanted: Flags) -> list[Run]:
        """The judged bins that are wanted, in runs."""
        return [Run(begin, end - 1) for begin, end in _spans(wanted & ~self.excepted)]

    def longest_m(self, states: Sequence[State], *, passes: int = 0, through: bool = True) -> float:
        """Length of the longest run of bins in these states, each seen by so many passes.

        Exceptions are taken out of the road, so that a run goes on behind them unless they are
        covered; with `through` false they end it.
        """
        runs = self.runs(states, passes=passes, through=through)
        return max((self.run_m(run) for run in runs), default=0.0)

    def runs(
        self, states: Sequence[State], *, passes: int = 0, through: bool = True
    ) -> Iterator[Run]:
        """The runs of bins in these states, from the beginning of the road."""
        wanted = np.isin(self.states, [_NUMBERS[state] for state in states])
        wanted &= (self.passes >= passes) & ~self.excepted
        kept = np.flatnonzero(~self.excepted | (self.states == COVERED) | (not through))
        among = wanted[kept]
        for begin, end in _spans(among):
            yield Run(int(kept[begin]), int(kept[end - 1]))

    def pieces(self, run: Run) -> Iterator[Run]:
        """The parts of a run between its exceptions."""
        for begin, end in _spans(~self.excepted[run.first : run.last + 1]):
            yield Run(run.first + begin, run.first + end - 1)

    def run_m(self, run: Run) -> float:
        """Length of a run without its exceptions; the last bin of a road is rarely whole."""
        own = slice(run.first, run.last + 1)
        return float(self._lengths_m[own][~self.excepted[own]].sum())

    def fewest(self, run: Run) -> int:
        """The fewest passes that saw any judged bin of a run."""
        own = slice(run.first, run.last + 1)
        return int(self.passes[own][~self.excepted[own]].min())

    def span_m(self, run: Run) -> tuple[float, float]:
        """Chainage where a run begins and ends."""
        return run.first * BIN_M, self.end_m(run.last)

    def unknown_m(self, bin_: int, *, step: int) -> float:
        """How much of the road is unknown from this bin on, upwards or, with -1, downwards."""
        found_m = 0.0
        while 0 <= bin_ < len(self.states) and self.states[bin_] == UNKNOWN:
            if self.excepted[bin_]:
                break
            found_m += self.end_m(bin_) - bin_ * BIN_M
            bin_ += step
        return found_m

    def end_m(self, bin_: int) -> float:
        """Chainage where a bin ends."""
        return min((bin_ + 1) * BIN_M, self.length_m)

    def stretches(self) -> list[tuple[float, float, str]]:
        """The whole road from its beginning: from, to, and state or `exception`."""
        names = [
            "exception" if out else _NAMES[int(state)]
            for state, out in zip(self.states, self.excepted, strict=True)
        ]
        found: list[tuple[float, float, str]] = []
        first = 0
        for name, bins in groupby(names):
            after = first + len(list(bins))
            found.append((first * BIN_M, self.end_m(after - 1), name))
            first = after
        return found

    @property
    def _lengths_m(self) -> npt.NDArray[np.float64]:
        lengths = np.full(len(self.states), BIN_M)
        lengths[-1] = self.length_m - (len(self.states) - 1) * BIN_M
        return lengths

    def _share(self, wanted: Flags) -> float:
        judged_m = self.judged_m
        if not judged_m:
            return 0.0
        return float(self._lengths_m[wanted & ~self.excepted].sum()) / judged_m


def bins_of(length_m: float) -> int:
    """How many bins a road has; it has one however short it is."""
    return max(math.ceil(length_m / BIN_M), 1)


def excepted(stretches: Sequence[Stretch], length_m: float) -> Flags:
    """The bins of which at least half lie in exceptions."""
    count = bins_of(length_m)
    first_m = np.arange(count) * BIN_M
    last_m = np.minimum(first_m + BIN_M, length_m)
    inside_m = np.zeros(count)
    reached_m = -math.inf
    for one in sorted(stretches, key=lambda one: (one.from_m, one.to_m)):
        from_m = max(one.from_m, reached_m)  # what two of them share counts once
        inside_m += np.clip(np.minimum(last_m, one.to_m) - np.maximum(first_m, from_m), 0, None)
        reached_m = max(reached_m, one.to_m)
    out: Flags = inside_m >= (last_m - first_m) / 2
    return out


def survey(
    driven: Driven,
    *,
    covered: Flags,
    counts: Flags,
    length_m: float,
    out: Flags,
    rule: Rule,
    upwards: bool | None = None,
) -> Strip:
    """The strip that one operator's passes over one road make.

    `covered` and `counts` are of the looks of `driven`; `out` are the excepted bins. `upwards`
    takes the passes of one direction only.
    """
    count = bins_of(length_m)
    if upwards is not None:
        counts = counts & (driven.upwards[driven.drive] == upwards)
    drive, bin_, hit = _seen(driven, covered=covered, counts=counts)
    bin_ = np.minimum(bin_, count - 1)
    order = np.lexsort((hit, drive, bin_))
    drive, bin_, hit = drive[order], bin_[order], hit[order]
    last = np.append(starts(bin_, drive)[1:], len(bin_)) - 1 if len(bin_) else starts(bin_)
    drive, bin_, hit = drive[last], bin_[last], hit[last]  # any look with service covers the bin
    order = np.lexsort((drive, -driven.ended_us[drive], bin_))
    drive, bin_, hit = drive[order], bin_[order], hit[order]
    first = starts(bin_)
    rank = np.arange(len(bin_)) - np.repeat(first, np.diff(np.append(first, len(bin_))))
    recent = rank < rule.last_passes
    passes = np.bincount(bin_[recent], minlength=count)
    hits = np.bincount(bin_[recent], weights=hit[recent], minlength=count)
    fresh = np.zeros(count, np.bool_)
    fresh[bin_[first]] = driven.ended_us[drive[first]] >= rule.stale_us
    states = np.full(count, UNKNOWN, np.int8)
    states[fresh & (passes > 0) & (hits == 0)] = UNCOVERED
    states[fresh & (hits >= rule.covered_passes)] = COVERED
    mixed = fresh & (states == UNKNOWN) & (passes >= rule.last_passes)
    dark = np.pad(states == UNCOVERED, 1)
    return Strip(
        length_m,
        states,
        passes.astype(np.int64),
        stale=(passes > 0) & ~fresh,
        ends=mixed & (dark[:-2] ^ dark[2:]),
        excepted=out,
    )


def merged(strips: Sequence[Strip]) -> Strip:
    """The strip of any operator: uncovered only where each of them is known to be so.

    Covered by one is covered; what is granted to one operator only is judged by the others.
    """
    states = np.stack([one.states for one in strips])
    out = np.stack([one.excepted for one in strips])
    found = np.full(states.shape[1], UNKNOWN, np.int8)
    found[((states == UNCOVERED) | out).all(axis=0)] = UNCOVERED
    found[(states == COVERED).any(axis=0)] = COVERED
    passes = np.stack([one.passes for one in strips])
    most = np.where((states == COVERED) | (found != COVERED), passes, 0).max(axis=0)
    fewest = np.where(out, most, passes).min(axis=0)
    return Strip(
        strips[0].length_m,
        found,
        np.where(found == UNCOVERED, fewest, most),
        stale=np.stack([one.stale for one in strips]).any(axis=0) & (found == UNKNOWN),
        ends=np.stack([one.ends for one in strips]).any(axis=0) & (found == UNKNOWN),
        excepted=np.logical_and.reduce(out, axis=0),
    )


def close(driven: Driven, counts: Flags) -> tuple[Ints, Ints]:
    """Neighbouring looks of one pass that are close enough to say what lies between them."""
    index = np.flatnonzero(counts)
    before, after = index[:-1], index[1:]
    step_m = driven.chainage_m[after] - driven.chainage_m[before]
    near = (driven.leg[before] == driven.leg[after]) & (step_m <= EDGE_STEP_M + _EDGE_SLACK_M)
    return before[near], after[near]


def _seen(driven: Driven, *, covered: Flags, counts: Flags) -> tuple[Ints, Ints, Flags]:
    """Drive, bin and service, of each look and of each bin passed over between two like looks."""
    before, after = close(driven, counts)
    bin_ = driven.bin
    over = (bin_[after] - bin_[before] == 2) & (covered[after] == covered[before])  # noqa: PLR2004
    between = before[over]
    looks = np.flatnonzero(counts)
    return (
        np.concatenate([driven.drive[looks], driven.drive[between]]),
        np.concatenate([bin_[looks], bin_[between] + 1]),
        np.concatenate([covered[looks], covered[between]]),
    )


def _spans(wanted: Flags) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of true values."""
    edge = np.diff(np.concatenate([[False], wanted, [False]]).astype(np.int8))
    yield from zip(
        np.flatnonzero(edge == 1).tolist(), np.flatnonzero(edge == -1).tolist(), strict=True
    )
