"""Samples of one modem along a road, cut into passes. Pure functions of numbers."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

PAUSE_S = 600.0
"""A longer pause between two samples begins a new pass."""
TURN_M = 100.0
"""Driving back farther than this begins a new pass; less is the noise of the receiver.
A run of samples that never gets farther than this from where it began is no pass at all."""
EDGE_STEP_M = 100.0
"""Two samples farther apart than this say nothing of what lies between them."""


class Sample(NamedTuple):
    """One second of one modem."""

    at_s: float
    chainage_m: float
    covered: bool


class Edge(NamedTuple):
    """Where service begins or ends, seen by one pass."""

    at_m: float
    ends: bool
    """Towards higher chainage: covered before, uncovered after."""


class Pass(NamedTuple):
    """One drive along a road in one direction."""

    ended_s: float
    upwards: bool
    """Towards higher chainage."""
    samples: tuple[Sample, ...]
    """By rising chainage."""

    def edges(self) -> Iterator[Edge]:
        """Every change of service: half-way between the two samples that differ."""
        for before, after in zip(self.samples, self.samples[1:], strict=False):
            if (
                before.covered != after.covered
                and after.chainage_m - before.chainage_m <= EDGE_STEP_M
            ):
                yield Edge((before.chainage_m + after.chainage_m) / 2, ends=before.covered)


def passes(samples: Sequence[Sample]) -> Iterator[Pass]:
    """Passes among the samples of one modem on one road, given in order of time."""
    start = 0
    for index in range(1, len(samples) + 1):
        over = index == len(samples)
        if over or samples[index].at_s - samples[index - 1].at_s >= PAUSE_S:
            yield from _by_direction(samples[start:index])
            start = index


def _by_direction(samples: Sequence[Sample]) -> Iterator[Pass]:
    """Cut a run at its turning points: where it was farthest before it came back by `TURN_M`."""
    start = turn = 0
    direction = 0
    for index, sample in enumerate(samples):
        ahead_m = sample.chainage_m - samples[turn].chainage_m
        if direction == 0:
            moved_m = sample.chainage_m - samples[start].chainage_m
            if abs(moved_m) >= TURN_M:
                direction, turn = (1 if moved_m > 0 else -1), index
        elif ahead_m * direction >= 0:
            turn = index
        elif abs(ahead_m) >= TURN_M:
            yield _pass(samples[start : turn + 1], direction)
            start, direction, turn = turn + 1, -direction, index
    if direction:
        yield _pass(samples[start:], direction)


def _pass(samples: Sequence[Sample], direction: int) -> Pass:
    return Pass(
        ended_s=samples[-1].at_s,
        upwards=direction > 0,
        samples=tuple(sorted(samples, key=lambda sample: sample.chainage_m)),
    )
