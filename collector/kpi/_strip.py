"""A road as a strip of bins: covered, uncovered or unknown, and the gaps in it."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from collector import stats
from collector.kpi._passes import Edge, Pass

BIN_M = 50.0
NEAR_BINS = 2
"""An edge of service this far from where a run of bins ends belongs to it."""

State = Literal["covered", "uncovered", "unknown"]


class Rule(NamedTuple):
    """How many passes make a bin what it is."""

    last_passes: int
    covered_passes: int
    fresh_s: float
    """The latest of the passes over a bin must be younger than this, or the bin is unknown."""


class Bin(NamedTuple):
    """What is known of 50 m of road."""

    state: State
    passes: int
    """Of the passes that are looked at; with several operators, of the one with the fewest."""


class Run(NamedTuple):
    """Neighbouring bins, the last one included."""

    first: int
    last: int


class Gap(NamedTuple):
    """One stretch of uncovered bins, with its ends as sharp as the samples allow."""

    bins: Run
    from_m: float
    to_m: float
    passes: int
    """The fewest that saw any of its bins."""

    @property
    def length_m(self) -> float:
        """From where service ends to where it begins again."""
        return self.to_m - self.from_m


class Strip(NamedTuple):
    """One road as one operator, or any of them, covers it."""

    length_m: float
    bins: tuple[Bin, ...]
    gaps: tuple[Gap, ...]

    def share(self, state: State) -> float:
        """Share of the road's length in this state."""
        runs = _runs(self.bins, lambda one: one.state == state)
        return sum(self.run_m(run) for run in runs) / self.length_m

    def share_seen(self, passes: int) -> float:
        """Share of the road's length with at least so many passes."""
        runs = _runs(self.bins, lambda one: one.passes >= passes)
        return sum(self.run_m(run) for run in runs) / self.length_m

    def longest_m(self, states: Iterable[State], *, passes: int = 0) -> float:
        """Length of the longest run of bins in these states, each seen by so many passes."""
        wanted = set(states)
        runs = _runs(self.bins, lambda one: one.state in wanted and one.passes >= passes)
        return max((self.run_m(run) for run in runs), default=0.0)

    def run_m(self, run: Run) -> float:
        """Length of a run; the last bin of a road is rarely whole."""
        return min((run.last + 1) * BIN_M, self.length_m) - run.first * BIN_M

    def stretches(self) -> list[tuple[float, float, State]]:
        """The whole road from its beginning: from, to and state of each stretch."""
        found: list[tuple[float, float, State]] = []
        first = 0
        for state, bins in groupby(one.state for one in self.bins):
            after = first + len(list(bins))
            found.append((first * BIN_M, min(after * BIN_M, self.length_m), state))
            first = after
        return found


def survey(passes: Sequence[Pass], *, length_m: float, now_s: float, rule: Rule) -> Strip:
    """The strip that one operator's passes over one road make."""
    count = max(math.ceil(length_m / BIN_M), 1)
    seen = [0] * count
    hits = [0] * count
    latest = [-math.inf] * count
    newest = sorted(passes, key=lambda one: one.ended_s, reverse=True)
    for one in newest:
        for index, covered in _bins_of(one, count).items():
            if seen[index] < rule.last_passes:
                seen[index] += 1
                hits[index] += covered
                latest[index] = max(latest[index], one.ended_s)
    bins = tuple(
        Bin(_state(seen[i], hits[i], rule, fresh=now_s - latest[i] <= rule.fresh_s), seen[i])
        for i in range(count)
    )
    return Strip(length_m, bins, tuple(_gaps(bins, newest, length_m, rule)))


def merged(strips: Sequence[Strip]) -> Strip:
    """The strip of `any operator`: a gap only where each of them is known to have one."""
    bins = tuple(_any(column) for column in zip(*(one.bins for one in strips), strict=True))
    gaps = []
    for run in _runs(bins, lambda one: one.state == "uncovered"):
        around = [gap for one in strips for gap in one.gaps if _inside(run, gap.bins)]
        gaps.append(
            Gap(
                bins=run,
                from_m=max(gap.from_m for gap in around),
                to_m=min(gap.to_m for gap in around),
                passes=min(bins[i].passes for i in range(run.first, run.last + 1)),
            )
        )
    return Strip(strips[0].length_m, bins, tuple(gaps))


def _bins_of(one: Pass, count: int) -> dict[int, bool]:
    found: dict[int, bool] = {}
    for sample in one.samples:
        index = min(max(int(sample.chainage_m // BIN_M), 0), count - 1)
        found[index] = found.get(index, False) or sample.covered
    return found


def _state(seen: int, hits: int, rule: Rule, *, fresh: bool) -> State:
    if not fresh:
        return "unknown"
    if hits >= rule.covered_passes:
        return "covered"
    return "uncovered" if seen and not hits else "unknown"


def _any(column: Sequence[Bin]) -> Bin:
    states = {one.state for one in column}
    state: State = "unknown"
    if "covered" in states:
        state = "covered"
    elif states == {"uncovered"}:
        state = "uncovered"
    return Bin(state, min(one.passes for one in column))


def _runs(bins: Sequence[Bin], wanted: Callable[[Bin], bool]) -> Iterator[Run]:
    for keep, group in groupby(range(len(bins)), lambda index: wanted(bins[index])):
        if keep:
            indices = list(group)
            yield Run(indices[0], indices[-1])


def _gaps(
    bins: Sequence[Bin], newest: Sequence[Pass], length_m: float, rule: Rule
) -> Iterator[Gap]:
    edges = [list(one.edges()) for one in newest]
    for run in _runs(bins, lambda one: one.state == "uncovered"):
        bin_from_m, bin_to_m = run.first * BIN_M, min((run.last + 1) * BIN_M, length_m)
        starts = [_nearest(pass_, bin_from_m, ends=True) for pass_ in edges]
        stops = [_nearest(pass_, bin_to_m, ends=False) for pass_ in edges]
        from_m = stats.median([at for at in starts if at is not None][: rule.last_passes])
        to_m = stats.median([at for at in stops if at is not None][: rule.last_passes])
        yield Gap(
            bins=run,
            from_m=bin_from_m if from_m is None else from_m,
            to_m=bin_to_m if to_m is None else to_m,
            passes=min(bins[i].passes for i in range(run.first, run.last + 1)),
        )


def _nearest(edges: Sequence[Edge], bin_edge_m: float, *, ends: bool) -> float | None:
    near = [
        edge.at_m
        for edge in edges
        if edge.ends is ends and abs(edge.at_m - bin_edge_m) <= NEAR_BINS * BIN_M
    ]
    return min(near, key=lambda at_m: abs(at_m - bin_edge_m), default=None)


def _inside(run: Run, bins: Run) -> bool:
    return bins.first <= run.first and run.last <= bins.last
