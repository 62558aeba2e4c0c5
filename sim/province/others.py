"""Expected verdicts on targets T4, T7A, T7B and A6, which rest on few numbers or decide nothing."""

import math
from collections.abc import Iterator, Mapping

from sim.province.areas import CENTRES, OLD_PROVINCE, OLD_SET, Areas
from sim.province.coverage import declared, share_of_people
from sim.province.networks import Networks
from sim.province.operators import ANY, OPERATORS
from sim.province.people import grid
from sim.province.scenario import Scenario
from sim.province.schedule import Schedule
from sim.province.truth import PASS, Expected

HALF = 0.5


def expected_gsm(scenario: Scenario) -> Iterator[Expected]:
    """T4: evidence only. What is heard is no breach."""
    for month in scenario.months:
        for one in OPERATORS:
            if one.gsm:
                yield Expected(
                    target="T4",
                    boundary_set=OLD_SET,
                    level="province",
                    code=OLD_PROVINCE[0],
                    operator=one.name,
                    period=month.label,
                    value=None,
                    threshold=None,
                    decidable=None,
                    why="evidence only: carriers are on air",
                )


def expected_centres(
    scenario: Scenario, areas: Areas, networks: Networks, schedule: Schedule
) -> Iterator[Expected]:
    """T7A in every district that is looked after: 5G at its centre, by one operator or any.

    That there is none can hardly be shown, so only what is there is decidable, and only where
    the probe that looks after the centre measured this month.
    """
    keepers = {code: probe for probe, beat in enumerate(schedule.beats) for code in beat}
    for month in scenario.months:
        for district in areas.districts(scenario.communes):
            centre = CENTRES[district]
            if centre not in keepers or schedule.in_workshop(keepers[centre], month):
                continue
            there = {
                one.name: networks.has_nr(one.plmn, centre, month)
                for one in OPERATORS
                if one.nr is not None
            }
            for name, has in {**there, ANY: any(there.values())}.items():
                yield Expected(
                    target="T7A",
                    boundary_set=OLD_SET,
                    level="district",
                    code=district,
                    operator=name,
                    period=month.label,
                    value=float(has),
                    threshold=1.0,
                    decidable=PASS if has else None,
                    chance=float(has),
                    why="" if has else "absence is hard to show",
                )


def expected_people(
    scenario: Scenario, areas: Areas, networks: Networks, people: dict[str, int]
) -> Iterator[Expected]:
    """T7B by quarter: the share of people inside the maps that are declared.

    It is a claim until drives have audited it, so nothing is decidable here.
    """
    cells = grid(areas, people)
    # The installation holds one map: that of the last month.
    maps = declared(areas, networks, scenario.months[-1])
    share = share_of_people(cells, [one.outline for one in maps])
    for label, _ in scenario.quarters():
        yield Expected(
            target="T7B",
            boundary_set=OLD_SET,
            level="province",
            code=OLD_PROVINCE[0],
            operator=ANY,
            period=label,
            value=share,
            threshold=HALF,
            decidable=None,
            why="a declared map is to be audited",
        )


def expected_ranking(scenario: Scenario, areas: Areas, networks: Networks) -> Iterator[Expected]:
    """A6 by quarter: the true 4G mean of each operator in a district, communes alike."""
    for label, months in scenario.quarters():
        for district, communes in areas.districts(scenario.communes).items():
            own = [code for code in communes if code in scenario.communes]
            means: Mapping[str, float] = {
                one.name: math.fsum(
                    networks.quality(code, index, month).mean_4g_mbit_s
                    for code in own
                    for month in months
                )
                / (len(own) * len(months))
                for index, one in enumerate(OPERATORS)
            }
            for name, mean in means.items():
                yield Expected(
                    target="A6",
                    boundary_set=OLD_SET,
                    level="district",
                    code=district,
                    operator=name,
                    period=label,
                    value=mean,
                    threshold=None,
                    decidable=None,
                    why="an order, not a limit",
                )
