"""How good each network truly is: planted values, most of them far from or just beside a threshold.

A test's rate is

    mean of the commune x factor of the place x factor of the hour x block noise x test noise

with factors whose mean over places and hours is 1 and lognormal noise of mean 1. So the mean over
the blocks that a fleet samples from - every place at every hour - is the planted one, exactly.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.province.areas import CENTRES
from sim.province.operators import OPERATORS
from sim.province.scenario import Month, Scenario

MEANS_4G_MBIT_S = (
    *(22.0, 27.0, 30.0, 33.0, 36.5, 38.5, 39.6, 40.4),
    *(41.5, 44.0, 48.0, 52.0, 56.0, 60.0, 66.0, 72.0, 80.0, 58.0, 63.0, 95.0),
)
"""Target T1 asks for 40."""
MEANS_5G_MBIT_S = (70.0, 84.0, 99.0, 101.0, 118.0, 135.0, 160.0, 210.0)
"""Target T8 asks for 100."""
FAILED_SHARES = (0.0, 0.0, 0.002, 0.0, 0.0, 0.01, 0.0, 0.03, 0.0, 0.0, 0.06, 0.1)
"""Of capacity tests; above 5 % no mean passes."""
POOR_1080_SHARES = (
    *(0.0, 0.0, 0.0, 0.004, 0.0, 0.0, 0.02, 0.0, 0.04, 0.0),
    *(0.045, 0.055, 0.0, 0.06, 0.1, 0.14, 0.22, 0.0),
)
POOR_2160_SHARES = (0.0, 0.03, 0.045, 0.055, 0.0, 0.12, 0.3, 0.5)
"""Sessions that fail or are too slow; targets T5 and T6 allow 5 %."""
FAILED_OF_POOR = 0.4
"""Of poor sessions fail; the others are too slow."""

UPGRADE_FACTOR = 1.4
UPGRADED_SHARE = 0.15
"""Of the networks become faster in a month of the year."""

HOURS = (7, 9, 11, 13, 15, 17, 19, 21)
"""A day's stops, local time."""
_HOURLY = np.array([1.12, 1.08, 1.04, 1.02, 1.05, 0.97, 0.86, 0.86])
HOUR_FACTORS = _HOURLY / _HOURLY.mean()
BLOCK_SIGMA = 0.22
"""Of the logarithm: what all tests of one place and hour share."""
TEST_SIGMA = 0.15
SIGMA = math.hypot(BLOCK_SIGMA, TEST_SIGMA)

NR_CENTRES = {
    "45201": frozenset({"660", "661", "662", "664", "666"}),
    "45202": frozenset({"660", "661", "663", "664", "665", "666"}),
    "45204": frozenset({"660", "661", "662", "663", "665", "666"}),
    "45205": frozenset[str](),
}
"""Districts whose centre has 5G from the start."""
LATE_NR = ("45204", "667", 6)
"""Operator, district and the month since which its centre has 5G, too."""


class Quality(NamedTuple):
    """What is true of one operator in one commune and month."""

    mean_4g_mbit_s: float
    mean_5g_mbit_s: float | None
    """None where it has no 5G."""
    failed_share: float
    poor_1080_share: float
    poor_2160_share: float


class Networks:
    """Draws what is true of every operator everywhere; the same for the same scenario."""

    def __init__(self, scenario: Scenario) -> None:
        """Deal the planted values out to the communes, so that each value is there."""
        communes = scenario.communes
        count = len(communes)
        dice = np.random.default_rng([scenario.seed, 1])
        self._index = {code: index for index, code in enumerate(communes)}
        self._centre_of = {code: district for district, code in CENTRES.items()}
        shape = (len(OPERATORS), count)
        self._means_4g = _dealt(dice, MEANS_4G_MBIT_S, shape)
        self._failed = _dealt(dice, FAILED_SHARES, shape)
        self._poor_1080 = _dealt(dice, POOR_1080_SHARES, shape)
        self._means_5g = _dealt(dice, MEANS_5G_MBIT_S, (len(OPERATORS), len(CENTRES)))
        self._poor_2160 = _dealt(dice, POOR_2160_SHARES, (len(OPERATORS), len(CENTRES)))
        self._upgraded = np.where(
            dice.random(shape) < UPGRADED_SHARE, dice.integers(1, 12, shape), 10**6
        )
        self._districts = sorted(CENTRES)

    def has_nr(self, plmn: str, commune: str, month: Month) -> bool:
        """Whether the operator has 5G at the centre that this commune is; elsewhere never."""
        district = self._centre_of.get(commune)
        if district is None:
            return False
        late = (plmn, district) == LATE_NR[:2] and month.number >= LATE_NR[2]
        return late or district in NR_CENTRES[plmn]

    def is_centre(self, commune: str) -> bool:
        """Whether it is the centre of a district: there 2160p sessions are run, too."""
        return commune in self._centre_of

    def quality(self, commune: str, operator: int, month: Month) -> Quality:
        """What is true there."""
        at = (operator, self._index[commune])
        district = self._centre_of.get(commune)
        centre = None if district is None else (operator, self._districts.index(district))
        nr = self.has_nr(OPERATORS[operator].plmn, commune, month)
        faster = UPGRADE_FACTOR if month.number >= self._upgraded[at] else 1.0
        return Quality(
            mean_4g_mbit_s=float(self._means_4g[at]) * faster,
            mean_5g_mbit_s=float(self._means_5g[centre]) if nr and centre else None,
            failed_share=float(self._failed[at]),
            poor_1080_share=float(self._poor_1080[at]),
            poor_2160_share=float(self._poor_2160[centre]) if centre else 0.0,
        )


def _dealt(
    dice: np.random.Generator, values: Sequence[float], shape: tuple[int, int]
) -> np.ndarray:
    """Each row: the values again and again, shuffled."""
    rows, count = shape
    pack = np.resize(np.array(values), count)
    return np.stack([dice.permutation(pack) for _ in range(rows)])
