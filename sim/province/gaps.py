"""The listed signal gaps: points in communes, some of them covered by now, and visits to them."""

import math
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import shapely

from sim.province.areas import Areas
from sim.province.checks import data_check
from sim.province.networks import HOURS
from sim.province.operators import ANY, OPERATORS
from sim.province.places import CLEAR_M, Places
from sim.province.probe import Row
from sim.province.scenario import Month, Scenario
from sim.province.schedule import Plan
from sim.province.service import Service, look
from sim.province.truth import FAIL, PASS, Expected
from sim.world.places import read_roads
from sim.world.route import Route, distance_m, metres_per_degree
from wire.cells import RatClass, TestRadio
from wire.messages import Position, PositionSource

POINTS = 12
FEWER = 6
"""Of a part of the province."""
MANY_COMMUNES = 40
REACH_M = 280.0
"""How far from a point it is looked around."""
LINE_M = 70.0
SPEED_M_S = 12.0
VISITS = (1, 5)
"""Which of a month's visits to the commune also look at its point."""
LEAST_VISITS = 2
THRESHOLD = 0.95
_AFTER_HOUR = HOURS[2] + 1
_CLEAR_OF_PLACES_M = 900.0
_CLEAR_OF_ROADS_M = 600.0
_CHECK_EVERY_S = 50
_TURN_MS = 600_000

_SERVED: tuple[tuple[Service, Service, Service, Service], ...] = (
    (Service.NONE, Service.NONE, Service.NONE, Service.NONE),
    (Service.BROADBAND, Service.NONE, Service.WEAK, Service.NONE),
    (Service.BROADBAND, Service.BROADBAND, Service.BROADBAND, Service.BROADBAND),
    (Service.NO_DATA, Service.NONE, Service.NONE, Service.GSM),
    (Service.NONE, Service.BROADBAND, Service.NONE, Service.NONE),
    (Service.WEAK, Service.WEAK, Service.WEAK, Service.WEAK),
)
"""What each operator offers at a point, by turns."""


class GapPoint(NamedTuple):
    """One point of the list."""

    code: str
    name: str
    commune: str
    lat_deg: float
    lon_deg: float
    services: tuple[Service, ...]
    """By operator."""

    def covered(self, operator: int) -> bool:
        """Whether there is mobile broadband that carries data."""
        return self.services[operator] is Service.BROADBAND


def choose_points(
    scenario: Scenario, areas: Areas, places: dict[str, Places]
) -> tuple[GapPoint, ...]:
    """Points in as many communes, away from roads and from where probes stop."""
    dice = np.random.default_rng([scenario.seed, 5])
    routes = [Route(points) for points in read_roads().values()]
    names = {one.code: one.name for one in areas.communes}
    found: list[GapPoint] = []
    wanted = POINTS if len(scenario.communes) >= MANY_COMMUNES else FEWER
    for commune in dice.permutation(sorted(places)).tolist():
        here = _clear(areas, commune, places[commune], routes, dice)
        if here is not None:
            number = len(found) + 1
            services = _SERVED[(number - 1) % len(_SERVED)]
            found.append(
                GapPoint(
                    f"lom-{number:02}", f"Điểm {number}, {names[commune]}", commune, *here, services
                )
            )
        if len(found) == wanted:
            break
    return tuple(found)


def visit_rows(
    scenario: Scenario, points: tuple[GapPoint, ...], probe: int, month: Month, plan: Plan
) -> Iterator[Row]:
    """What a probe records around the points of its communes: all modems, each second."""
    dice = np.random.default_rng([scenario.seed, 6, probe, month.number])
    for number, point in enumerate(points):
        days = plan.visits.get(point.commune, ())
        for visit in VISITS:
            if visit < len(days):
                at_ms = month.at_ms(days[visit], _AFTER_HOUR) + number % 2 * _TURN_MS
                yield from _look_around(point, at_ms, dice)


def expected_gaps(
    scenario: Scenario, points: tuple[GapPoint, ...], visits: dict[tuple[str, Month], int]
) -> Iterator[Expected]:
    """T2 at every point; `visits` says how often a commune's point was visited in a month."""
    for month in scenario.months:
        before = Month(month.number - 1)
        for point in points:
            count = sum(visits.get((point.commune, each), 0) for each in (before, month))
            served = [point.covered(index) for index in range(len(OPERATORS))]
            names = [*(one.name for one in OPERATORS), ANY]
            for name, covered in zip(names, [*served, any(served)], strict=True):
                right = PASS if covered else FAIL
                yield Expected(
                    target="T2",
                    boundary_set=None,
                    level="point",
                    code=point.code,
                    operator=name,
                    period=month.label,
                    value=float(covered),
                    threshold=THRESHOLD,
                    decidable=right if count >= LEAST_VISITS else None,
                    chance=float(count >= LEAST_VISITS),
                    why="" if count >= LEAST_VISITS else "visited too rarely",
                )


def visits_to(points: tuple[GapPoint, ...], plan: Plan) -> Iterator[str]:
    """Communes whose points this plan visits, each as often as it does."""
    for point in points:
        days = plan.visits.get(point.commune, ())
        yield from (point.commune for visit in VISITS if visit < len(days))


def _look_around(point: GapPoint, at_ms: int, dice: np.random.Generator) -> Iterator[Row]:
    """Back and forth over the disc around the point, data checks on the way."""
    lat_m, lon_m = metres_per_degree(point.lat_deg)
    for second, (north_m, east_m) in enumerate(_track()):
        position = Position(
            source=PositionSource.GNSS,
            lat_deg=round(point.lat_deg + north_m / lat_m, 7),
            lon_deg=round(point.lon_deg + east_m / lon_m, 7),
            speed_m_s=SPEED_M_S,
            horizontal_error_m=5.0,
            age_s=0.3,
            fix_mode=3,
        )
        levels = dice.normal(-98, 2, len(OPERATORS)).tolist()
        for operator, service in enumerate(point.services):
            now_ms = at_ms + second * 1000 + operator * 200
            heard = look(service, operator, levels[operator])
            yield Row(
                now_ms, "radio", heard.payload, heard.outcome, heard.reason, position, operator
            )
            if second % _CHECK_EVERY_S == 0:
                served = service in {Service.BROADBAND, Service.NO_DATA}
                yield data_check(
                    now_ms + 100,
                    operator,
                    position,
                    TestRadio(
                        rat_class=RatClass.G4 if served else None,
                        coverage=1.0,
                        snapshots=4,
                        snapshots_without_service=0 if served else 4,
                        plmn=OPERATORS[operator].plmn if served else None,
                    ),
                    dice,
                    ok=service is Service.BROADBAND,
                )


@cache
def _track() -> tuple[tuple[float, float], ...]:
    """Metres north and east of the point at each second: lines over the disc, by turns."""
    found: list[tuple[float, float]] = []
    lines = range(-round(REACH_M), round(REACH_M) + 1, round(LINE_M))
    for number, north_m in enumerate(lines):
        half_m = math.sqrt(max(REACH_M**2 - north_m**2, 0.0))
        east = np.arange(-half_m, half_m + 1, SPEED_M_S).tolist()
        found += [(float(north_m), each) for each in (east if number % 2 else reversed(east))]
    return tuple(found)


def _clear(
    areas: Areas,
    commune: str,
    places: Places,
    routes: list[Route],
    dice: np.random.Generator,
) -> tuple[float, float] | None:
    """A place in the commune far from everything else that is measured; None where none is."""
    outline = areas.outlines[commune]
    west, south, east, north = outline.bounds
    lat_m, _ = metres_per_degree(south)
    inside = shapely.buffer(outline, -(CLEAR_M + REACH_M) / lat_m)
    for x, y in dice.random((200, 2)).tolist():
        here = (south + y * (north - south), west + x * (east - west))
        if not shapely.contains_xy(inside, here[1], here[0]):
            continue
        if any(distance_m(here, place[:2]) < _CLEAR_OF_PLACES_M for place in places.places):
            continue
        point = (np.array([here[0]]), np.array([here[1]]))
        if all(float(route.project(*point)[1][0]) > _CLEAR_OF_ROADS_M for route in routes):
            return here
    return None
