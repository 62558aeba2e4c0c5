"""Expected verdicts on target T3: the longest true gap of each road, and where it lies."""

from collections.abc import Iterator

from sim.province.drives import SPEEDS_KM_H, VEHICLES, Drives
from sim.province.operators import ANY, OPERATORS
from sim.province.scenario import Month, Scenario
from sim.province.stretches import TUNNELS, UNDRIVEN, Interval, blanks, gaps, gaps_of_all
from sim.province.truth import FAIL, PASS, Expected, RoadGap, RoadStretch

LONGEST_M = 1_000.0
GREY_M = 115.0
"""Two bins of 50 m and the receiver's error: so close to the threshold nothing is promised."""
SHORTEST_M = 150.0
"""Gaps that are listed; all planted ones are longer."""


def expected_roads(scenario: Scenario) -> Iterator[Expected]:
    """T3 on every road, of every operator and of any."""
    for month in scenario.months:
        for road in scenario.roads:
            for operator, found in _by_operator(road, month):
                yield _expected(road, operator, month, found)


def road_gaps(scenario: Scenario, drives: Drives) -> Iterator[RoadGap]:
    """Every true gap."""
    for month in scenario.months:
        speeds = [one.speed_km_h for vehicle in VEHICLES for one in drives.passes(vehicle, month)]
        for road in scenario.roads:
            for operator, found in _by_operator(road, month):
                for from_m, to_m in found:
                    yield RoadGap(
                        road=road,
                        operator=operator,
                        period=month.label,
                        from_m=from_m,
                        to_m=to_m,
                        fastest_km_h=max(speeds, default=SPEEDS_KM_H[0]),
                    )


def road_stretches(scenario: Scenario) -> Iterator[RoadStretch]:
    """Tunnels, and what nobody drove."""
    for month in scenario.months:
        for road in scenario.roads:
            for what, kind in (("undriven", UNDRIVEN), ("tunnel", TUNNELS)):
                for from_m, to_m in blanks(kind, road, month):
                    yield RoadStretch(
                        road=road, period=month.label, what=what, from_m=from_m, to_m=to_m
                    )


def _by_operator(road: str, month: Month) -> Iterator[tuple[str, tuple[Interval, ...]]]:
    for one in OPERATORS:
        yield one.name, gaps(road, one.plmn, month)
    yield ANY, gaps_of_all(road, month)


def _expected(road: str, operator: str, month: Month, found: tuple[Interval, ...]) -> Expected:
    longest_m = max((to_m - from_m for from_m, to_m in found), default=0.0)
    undriven = bool(blanks(UNDRIVEN, road, month))
    holds = longest_m <= LONGEST_M
    why = ""
    if abs(longest_m - LONGEST_M) <= GREY_M:
        why = "near the threshold"
    elif holds and undriven:
        why = "not driven everywhere"
    return Expected(
        target="T3",
        boundary_set=None,
        level="road",
        code=road,
        operator=operator,
        period=month.label,
        value=longest_m,
        threshold=LONGEST_M,
        decidable=None if why else PASS if holds else FAIL,
        chance=0.0 if why else 1.0,
        why=why,
    )
