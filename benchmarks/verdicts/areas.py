"""Areas drawn at random: places, cells and hours that differ, and tests that scatter inside blocks.

Rates are products of lognormal factors of the mean 1, one for each place, cell, hour and test, so
the truth of an area is known exactly: the mean over all places and hours it might have been
measured in, not over those it was. Shares draw how good a place or hour is from a beta
distribution whose intra-class correlation is given.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from collector.kpi import Area, Ground, Operator
from collector.kpi._attempts import Attempts, Block, Place

OPERATOR = "operator"
APART = 10
"""Squares between places: 1 km."""
HOURS_APART = 7
"""Between visits: they go round the clock."""
HALF = 0.5
NO_ROWS = pa.table({})
"""Blocks are drawn as such; no test stands behind them."""
_FIRST_HOUR = 480_000
_CHUNK = 250

_Floats = npt.NDArray[np.float64]


class Visits(NamedTuple):
    """Where and when an area is measured: the same in each area of a scenario."""

    places: int
    hours: int
    """Visits of each place."""
    together: int = 1
    """Places visited in one clock hour: 1 for a probe that drives, all for probes that stay."""
    cells: int | None = None
    """Each serves as many places; None: one for each place."""
    extra_hours: int = 0
    """Visits of the first place beyond those of the others: a probe on somebody's desk."""

    def blocks(self) -> list[tuple[int, int, int]]:
        """Place, hour and cell of each block, by number."""
        cells = self.cells or self.places
        visits = [
            (place, (place // self.together) * self.hours + hour)
            for place in range(self.places)
            for hour in range(self.hours)
        ]
        last = max(hour for _, hour in visits) + 1
        visits += [(0, last + hour) for hour in range(self.extra_hours)]
        return [(place, hour, place * cells // self.places) for place, hour in visits]


class Rates(NamedTuple):
    """How rates scatter, as coefficients of variation."""

    test: float = 0.8
    place: float = 0.0
    cell: float = 0.0
    hour: float = 0.0
    tests: int = 2
    """In each block."""
    failed: float = 0.0
    """Share of tests that the network fails, beside the mean."""
    normal: bool = False
    """Tests scatter evenly, not with a long tail."""


class Sessions(NamedTuple):
    """How the outcomes of video sessions go together, as intra-class correlations."""

    place: float = 0.0
    hour: float = 0.0
    cell: float = 0.0
    attempts: tuple[int, ...] = (1,)
    """In each block, in turn; those of one block end alike."""
    unserved: float = 0.0
    """Share of the failed blocks that found no cell at all."""


def ground(count: int) -> Ground:
    """As many communes and one operator."""
    return Ground(
        boundary_set=None,
        areas=tuple(
            Area(level="commune", code=f"{number:05d}", name=f"{number:05d}")
            for number in range(count)
        ),
        roads=(),
        operators=(Operator(name=OPERATOR, plmns=("45204",), technologies=("lte",)),),
    )


def rate_areas(
    visits: Visits, rates: Rates, *, mean: float, count: int, chance: np.random.Generator
) -> Iterator[Attempts]:
    """What was measured in `count` areas of this true mean, some hundred areas at a time."""
    blocks = visits.blocks()
    places, hours, cells = zip(*blocks, strict=True)
    for size in _chunks(count):
        level = mean * (
            _factor(places, rates.place, size, chance)
            * _factor(hours, rates.hour, size, chance)
            * _factor(cells, rates.cell, size, chance)
        )
        shape = (size, len(blocks), rates.tests)
        tests = (
            np.maximum(chance.normal(1.0, rates.test, shape), 0.0)
            if rates.normal
            else _lognormal(rates.test, shape, chance)
        )
        failed = chance.random(shape) < rates.failed
        yield _attempts(blocks, level[:, :, None] * tests, failed)


def session_areas(
    visits: Visits,
    sessions: Sessions,
    *,
    share: float,
    rate_mbit_s: float,
    count: int,
    chance: np.random.Generator,
) -> Iterator[Attempts]:
    """What was measured in `count` areas of this true share of good sessions, as `rate_areas`."""
    blocks = visits.blocks()
    places, hours, cells = zip(*blocks, strict=True)
    sizes = [sessions.attempts[n % len(sessions.attempts)] for n in range(len(blocks))]
    # Good where the place is good and the hour is: their shares multiply to the whole.
    both = sessions.place and sessions.hour
    root = share**HALF if both else share
    for size in _chunks(count):
        good = _good(places, root, sessions.place, size, chance)
        good *= _good(hours, root, sessions.hour, size, chance)
        good *= _good(cells, share, sessions.cell, size, chance)
        if not sessions.place and not sessions.hour and not sessions.cell:
            good *= share
        well = chance.random(good.shape) < good
        # Of those not good, every other is slow and every other fails.
        failed = ~well & (chance.random(good.shape) < HALF)
        speed = np.where(well, 2.0, 0.5) * rate_mbit_s
        lost = (
            failed & (chance.random(good.shape) < sessions.unserved) if sessions.unserved else None
        )
        yield _attempts(blocks, speed[:, :, None], failed[:, :, None], sizes, lost)


def _chunks(count: int) -> Iterator[int]:
    for done in range(0, count, _CHUNK):
        yield min(_CHUNK, count - done)


def _lognormal(variation: float, shape: tuple[int, ...], chance: np.random.Generator) -> _Floats:
    """Of the mean 1."""
    scale = np.log1p(variation**2) ** 0.5
    return np.exp(chance.normal(-(scale**2) / 2, scale, shape))


def _factor(
    index: Sequence[int], variation: float, size: int, chance: np.random.Generator
) -> _Floats:
    """What all blocks of one place (hour, cell) share."""
    return _lognormal(variation, (size, max(index) + 1), chance)[:, index]


def _good(
    index: Sequence[int], share: float, correlation: float, size: int, chance: np.random.Generator
) -> _Floats:
    """How likely a session is good, for all blocks of one place (hour)."""
    if not correlation:
        return np.ones((size, len(index)))
    both = 1 / correlation - 1
    return chance.beta(share * both, (1 - share) * both, (size, max(index) + 1))[:, index]


def _attempts(
    blocks: Sequence[tuple[int, int, int]],
    tests: _Floats,
    failed: npt.NDArray[np.bool_],
    sizes: Sequence[int] | None = None,
    unserved: npt.NDArray[np.bool_] | None = None,
) -> Attempts:
    """`sizes` says how often each test of a block was made, with the same end.

    Blocks that are `unserved` have no cell.
    """
    times = sizes or [1] * len(blocks)
    made = []
    for number, (area, lost) in enumerate(zip(tests.tolist(), failed.tolist(), strict=True)):
        areas = {"commune": f"{number:05d}"}
        for index, (place, hour, cell) in enumerate(blocks):
            pairs = zip(area[index], lost[index], strict=True)
            rates = tuple(rate for rate, gone in pairs if not gone) * times[index]
            count = len(area[index]) * times[index]
            made.append(
                Block(
                    areas=areas,
                    operator=OPERATOR,
                    place=Place(place * APART, 0),
                    hour=_FIRST_HOUR + hour * HOURS_APART,
                    rates_mbit_s=rates,
                    failures=count - len(rates),
                    smooth=len(rates),
                    judged=count,
                    cell_id=None if unserved is not None and unserved[number, index] else cell,
                )
            )
    return Attempts(rows=NO_ROWS, blocks=tuple(made), left=())
