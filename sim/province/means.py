"""Expected verdicts on targets T1 and T8: means of blocks, of communes, of operators."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sim.province.areas import CENTRES, MERGED_FROM, NEW_SET, OLD_SET, Areas
from sim.province.counts import Test
from sim.province.operators import ALL_TOGETHER, OPERATORS
from sim.province.population import Population, Rates, pooled
from sim.province.power import (
    DECIDABLE,
    mean_beyond,
    median_below,
    normal,
    ratio_within,
    student,
)
from sim.province.scenario import Month, Scenario
from sim.province.truth import FAIL, PASS, Expected

THRESHOLD_4G = 40.0
THRESHOLD_5G = 100.0
LEAST_BLOCKS = 30
MOST_FAILURES = 0.05
CLUSTER_SLACK = 1.25
"""By chance places lie farther apart than they truly do, and rates have long tails."""


class Mean(NamedTuple):
    """A mean made of parts, each sampled by itself."""

    parts: tuple[tuple[float, Rates], ...]
    """With the weight of each; they add up to 1."""
    complete: bool
    """Whether nothing that belongs to it is missing."""

    @property
    def value(self) -> float:
        """The true one."""
        return math.fsum(weight * one.mean for weight, one in self.parts)

    @property
    def standard_error(self) -> float:
        """Of its estimate."""
        return math.sqrt(math.fsum(self._variances()))

    @property
    def degrees(self) -> float:
        """Of freedom, by Satterthwaite."""
        return _degrees(self._variances(), [one.blocks for _, one in self.parts])

    @property
    def clustered_reach(self) -> float:
        """How far a limit lies from the estimate where each place is one value."""
        variances = [weight**2 * one.clustered_variance for weight, one in self.parts]
        degrees = _degrees(variances, [len(one.places) for _, one in self.parts])
        return student(degrees) * math.sqrt(math.fsum(variances))

    @property
    def rates(self) -> Rates:
        """All of it together."""
        return pooled([one for _, one in self.parts])

    def _variances(self) -> list[float]:
        return [weight**2 * one.variance / one.blocks for weight, one in self.parts]


def expected_4g(
    scenario: Scenario, areas: Areas, population: Population, people: Mapping[str, int]
) -> Iterator[Expected]:
    """T1 in every commune and district that is looked after, by both boundary sets."""
    for month in scenario.months:
        found = {
            (commune, operator): population.rates(
                Test.MEAN_4G, commune, operator, month, THRESHOLD_4G
            )
            for commune in scenario.communes
            for operator in range(len(OPERATORS))
        }
        for commune in scenario.communes:
            yield from _of_area(
                "T1",
                (OLD_SET, "commune", commune),
                month,
                [_alone(found[commune, operator]) for operator in range(len(OPERATORS))],
                THRESHOLD_4G,
            )
        for district, communes in areas.districts(scenario.communes).items():
            for weights in ("equal", "population"):
                means = [
                    _of_communes(
                        [
                            (
                                people[one] if weights == "population" else 1,
                                found.get((one, operator)),
                            )
                            for one in communes
                        ]
                    )
                    for operator in range(len(OPERATORS))
                ]
                where = (OLD_SET, "district", district)
                yield from _of_area("T1", where, month, means, THRESHOLD_4G, weights=weights)
        if month.first.isoformat() >= MERGED_FROM:
            for area in areas.merged:
                if set(area.parts) & set(scenario.communes):
                    means = [
                        _together([found.get((one, operator)) for one in area.parts])
                        for operator in range(len(OPERATORS))
                    ]
                    yield from _of_area(
                        "T1", (NEW_SET, "commune", area.code), month, means, THRESHOLD_4G
                    )


def expected_5g(scenario: Scenario, areas: Areas, population: Population) -> Iterator[Expected]:
    """T8 in every district whose centre is looked after: 5G stands nowhere else."""
    with_nr = [index for index, one in enumerate(OPERATORS) if one.nr is not None]
    for month in scenario.months:
        for district in areas.districts(scenario.communes):
            means = [
                _alone(
                    population.rates(Test.MEAN_5G, CENTRES[district], operator, month, THRESHOLD_5G)
                )
                for operator in with_nr
            ]
            yield from _of_area(
                "T8",
                (OLD_SET, "district", district),
                month,
                means,
                THRESHOLD_5G,
                operators=with_nr,
            )


def _degrees(variances: Sequence[float], counts: Sequence[int]) -> float:
    spread = math.fsum(v * v / (n - 1) for v, n in zip(variances, counts, strict=True))
    return math.fsum(variances) ** 2 / spread if spread > 0 else 0.0


def _alone(rates: Rates | None) -> Mean | None:
    return None if rates is None else Mean(((1.0, rates),), complete=True)


def _together(parts: Sequence[Rates | None]) -> Mean | None:
    """Blocks of several communes as those of one area."""
    there = [one for one in parts if one is not None]
    return _alone(pooled(there)) if there else None


def _of_communes(parts: Sequence[tuple[int, Rates | None]]) -> Mean | None:
    """The mean of a district: of its communes by population, each of them measured."""
    there = [(people, one) for people, one in parts if one is not None and one.blocks > 1]
    total = sum(people for people, _ in there)
    if not total:
        return None
    return Mean(
        tuple((people / total, one) for people, one in there), complete=len(there) == len(parts)
    )


def _of_operators(means: Sequence[Mean | None]) -> Mean | None:
    """All operators, each with the same weight."""
    there = [one for one in means if one is not None]
    if not there:
        return None
    return Mean(
        tuple((weight / len(there), part) for one in there for weight, part in one.parts),
        complete=len(there) == len(means) and all(one.complete for one in there),
    )


def _of_area(
    target: str,
    where: tuple[str, str, str],
    month: Month,
    means: Sequence[Mean | None],
    threshold: float,
    *,
    operators: Sequence[int] | None = None,
    weights: str | None = None,
) -> Iterator[Expected]:
    chosen = range(len(OPERATORS)) if operators is None else operators
    names = [*(OPERATORS[index].name for index in chosen), ALL_TOGETHER]
    for name, mean in zip(names, [*means, _of_operators(means)], strict=True):
        if mean is not None:
            found = _expected(
                target, where, operator=name, month=month, mean=mean, threshold=threshold
            )
            yield msgspec.structs.replace(found, weights=weights)


def _expected(
    target: str,
    where: tuple[str, str, str],
    *,
    operator: str,
    month: Month,
    mean: Mean,
    threshold: float,
) -> Expected:
    chance, why = _chance(mean, threshold)
    right = PASS if mean.value >= threshold else FAIL
    rates = mean.rates
    return Expected(
        target=target,
        boundary_set=where[0],
        level=where[1],
        code=where[2],
        operator=operator,
        period=month.label,
        value=mean.value,
        threshold=threshold,
        decidable=right if chance >= DECIDABLE else None,
        chance=chance,
        why=why,
        n=rates.tests,
        failures=rates.failures,
    )


def _chance(mean: Mean, threshold: float) -> tuple[float, str]:
    """Of the right decision, and what mostly stands against it."""
    rates = mean.rates
    if not mean.complete:
        return 0.0, "not measured everywhere"
    if rates.blocks < LEAST_BLOCKS or any(one.blocks < 2 for _, one in mean.parts):  # noqa: PLR2004
        return 0.0, "too few blocks"
    holds = mean.value >= threshold
    below = median_below(rates.below_expected, rates.below_variance, rates.tests)
    distance = abs(mean.value - threshold)
    beyond = mean_beyond(distance, mean.standard_error, mean.degrees)
    spaced = normal((distance - CLUSTER_SLACK * mean.clustered_reach) / mean.standard_error)
    misses = {
        "near the threshold": 1 - min(beyond, spaced),
        "mean and median apart": 1 - (below if holds else 1 - below),
    }
    if holds:
        misses["failures"] = 1 - ratio_within(
            rates.failures_expected, rates.failures_variance, rates.attempts, MOST_FAILURES
        )
    chance = max(0.0, 1 - sum(misses.values()))
    return chance, "" if chance >= DECIDABLE else max(misses, key=lambda why: misses[why])
