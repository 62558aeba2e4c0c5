"""What tests are drawn from, as moments: so much is known before a single one is made."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sim.province.counts import Counts, Test
from sim.province.networks import BLOCK_SIGMA, HOUR_FACTORS, SIGMA, TEST_SIGMA, Networks
from sim.province.places import Places
from sim.province.power import lognormal_below
from sim.province.scenario import Month


class Rates(NamedTuple):
    """Capacity tests of one operator in one area, as a population of blocks."""

    mean: float
    variance: float
    """Of block means, one test each."""
    blocks: int
    tests: int
    failures_expected: float
    failures_variance: float
    attempts: int
    below_expected: float
    """How many of the tests lie below the threshold."""
    below_variance: float
    failures: int
    """That there are, for the count; nothing is reckoned from it."""
    places: tuple[float, ...]
    """The true mean of each place."""

    @property
    def clustered_variance(self) -> float:
        """Of the estimate as it looks where each place is one value: few, and far apart."""
        count = len(self.places)
        between = float(np.var(self.places, ddof=1)) if count > 1 else 0.0
        within = max(self.variance - float(np.var(self.places)), 0.0)
        return between / count + within / self.blocks


class Shares(NamedTuple):
    """Video sessions of some operators in some areas."""

    share: float
    """That reach the rate, over all attempts that are made."""
    attempts: int
    failures: int


class Population:
    """Moments of everything that is sampled."""

    def __init__(self, networks: Networks, places: dict[str, Places], counts: Counts) -> None:
        """`counts` says how many tests count, once they are made."""
        self._networks = networks
        self._places = places
        self._counts = counts

    def rates(
        self, test: Test, commune: str, operator: int, month: Month, threshold: float
    ) -> Rates | None:
        """Of one commune; None where nothing is measured or the operator has no such network."""
        if commune not in self._places:
            return None
        quality = self._networks.quality(commune, operator, month)
        mean = quality.mean_4g_mbit_s if test is Test.MEAN_4G else quality.mean_5g_mbit_s
        count = self._counts.of(test, commune, operator, month)
        if mean is None or not count.attempts:
            return None
        factors = self._factors(commune)
        spread = float((factors**2).mean()) * math.exp(BLOCK_SIGMA**2 + TEST_SIGMA**2)
        below = lognormal_below(threshold, mean * factors, SIGMA)
        failed = quality.failed_share
        return Rates(
            mean=mean,
            variance=mean * mean * (spread - 1),
            blocks=count.blocks,
            tests=count.finished,
            failures_expected=failed * count.attempts,
            failures_variance=failed * (1 - failed) * count.attempts,
            attempts=count.attempts,
            below_expected=below * count.finished,
            below_variance=below * (1 - below) * count.finished,
            failures=count.failed,
            places=tuple((mean * self._places[commune].factors).tolist()),
        )

    def shares(
        self,
        test: Test,
        communes: Iterable[str],
        operators: Sequence[int],
        months: Sequence[Month],
    ) -> Shares | None:
        """Of all of these together; None where nothing is measured."""
        attempts = failures = 0
        good = 0.0
        for commune in communes:
            if commune not in self._places:
                continue
            for month in months:
                for operator in operators:
                    count = self._counts.of(test, commune, operator, month)
                    quality = self._networks.quality(commune, operator, month)
                    poor = (
                        quality.poor_1080_share
                        if test is Test.VIDEO_1080
                        else quality.poor_2160_share
                    )
                    attempts += count.attempts
                    failures += count.failed
                    good += (1 - poor) * count.attempts
        return Shares(good / attempts, attempts, failures) if attempts else None

    def _factors(self, commune: str) -> Any:
        return np.outer(self._places[commune].factors, HOUR_FACTORS).ravel()


def pooled(parts: Sequence[Rates]) -> Rates:
    """Several areas of one operator as one population of blocks, each as often as it is sampled."""
    blocks = sum(one.blocks for one in parts)
    weights = [one.blocks / blocks if blocks else 0.0 for one in parts]
    mean = math.fsum(w * one.mean for w, one in zip(weights, parts, strict=True))
    square = math.fsum(
        w * (one.variance + one.mean**2) for w, one in zip(weights, parts, strict=True)
    )
    return Rates(
        mean=mean,
        variance=max(square - mean * mean, 0.0),
        blocks=blocks,
        tests=sum(one.tests for one in parts),
        failures_expected=math.fsum(one.failures_expected for one in parts),
        failures_variance=math.fsum(one.failures_variance for one in parts),
        attempts=sum(one.attempts for one in parts),
        below_expected=math.fsum(one.below_expected for one in parts),
        below_variance=math.fsum(one.below_variance for one in parts),
        failures=sum(one.failures for one in parts),
        places=tuple(place for one in parts for place in one.places),
    )
