"""Expected verdicts on targets T5 and T6: shares of video sessions, in months and quarters."""

from collections.abc import Iterator, Sequence

from sim.province.areas import (
    MERGED_FROM,
    NEW_PROVINCE,
    NEW_SET,
    OLD_PROVINCE,
    OLD_SET,
    Areas,
)
from sim.province.counts import Test
from sim.province.operators import ALL_TOGETHER, OPERATORS
from sim.province.population import Population
from sim.province.power import DECIDABLE, share_missed, share_reached
from sim.province.scenario import Month, Scenario
from sim.province.truth import FAIL, PASS, Expected

THRESHOLD = 0.95
TARGETS = (("T5", Test.VIDEO_1080), ("T6", Test.VIDEO_2160))

Area = tuple[str, str, str, tuple[str, ...]]
"""Boundary set, level, code, and the old communes it is made of."""


def expected_shares(scenario: Scenario, areas: Areas, population: Population) -> Iterator[Expected]:
    """T5 and T6 at every level, by both boundary sets."""
    periods = [
        *((month.label, (month,)) for month in scenario.months),
        *scenario.quarters(),
    ]
    for target, test in TARGETS:
        for label, months in periods:
            for area in _areas(scenario, areas, months):
                for operator, indices in _operators():
                    found = _expected(
                        population,
                        target=target,
                        test=test,
                        area=area,
                        operator=operator,
                        indices=indices,
                        label=label,
                        months=months,
                    )
                    if found is not None:
                        yield found


def _operators() -> Iterator[tuple[str, tuple[int, ...]]]:
    for index, one in enumerate(OPERATORS):
        yield one.name, (index,)
    yield ALL_TOGETHER, tuple(range(len(OPERATORS)))


def _areas(scenario: Scenario, areas: Areas, months: Sequence[Month]) -> Iterator[Area]:
    for commune in scenario.communes:
        yield OLD_SET, "commune", commune, (commune,)
    for district, communes in areas.districts(scenario.communes).items():
        yield OLD_SET, "district", district, communes
    yield OLD_SET, "province", OLD_PROVINCE[0], scenario.communes
    if months[0].first.isoformat() >= MERGED_FROM:
        for area in areas.merged:
            if set(area.parts) & set(scenario.communes):
                yield NEW_SET, "commune", area.code, area.parts
        yield NEW_SET, "province", NEW_PROVINCE[0], scenario.communes


def _expected(
    population: Population,
    *,
    target: str,
    test: Test,
    area: Area,
    operator: str,
    indices: Sequence[int],
    label: str,
    months: Sequence[Month],
) -> Expected | None:
    boundary_set, level, code, communes = area
    found = population.shares(test, communes, indices, months)
    if found is None:
        return None
    holds = found.share >= THRESHOLD
    reach = share_reached if holds else share_missed
    # What several operators found at one place and hour may be one and the same. Of failures some
    # come together by chance, and a collector that looks for clusters halves what it has.
    trials = found.attempts // len(indices)
    chance = reach(found.share, THRESHOLD, trials if found.share == 1 else trials // 2)
    right = PASS if holds else FAIL
    return Expected(
        target=target,
        boundary_set=boundary_set,
        level=level,
        code=code,
        operator=operator,
        period=label,
        value=found.share,
        threshold=THRESHOLD,
        decidable=right if chance >= DECIDABLE else None,
        chance=chance,
        why="" if chance >= DECIDABLE else "near the threshold for so few attempts",
        n=found.attempts,
        failures=found.failures,
    )
