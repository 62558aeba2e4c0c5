"""Passes over the roads at 60 to 120 km/h, every modem looked at once a second.

A receiver wanders by a few metres, and one fix in a thousand is of no use. One of the three
vehicles has an antenna that reads 12 dB low; without it each month still has three passes.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from sim.province.checks import data_check
from sim.province.operators import OPERATORS
from sim.province.probe import Boot, Row
from sim.province.scenario import Month, Scenario
from sim.province.service import COVERED, Service, look
from sim.province.stretches import TUNNELS, UNDRIVEN, blanks, services_at
from sim.world.places import read_roads
from sim.world.route import Route, metres_per_degree
from wire.cells import RatClass, TestRadio
from wire.messages import Outcome, Position, PositionSource

VEHICLES = ("road-1", "road-2", "road-3")
SHIFTED = "road-2"
SHIFT_DB = -12.0
PASSES = ((5, "road-1"), (12, "road-2"), (19, "road-3"), (26, "road-1"))
"""Day of the month and who drives."""
SPEEDS_KM_H = (120.0, 90.0, 60.0, 100.0)
START_HOUR = 8
BOOT_MS = 1_200_000
"""Before the start."""
_MODEM_OFFSET_MS = 200
_CHECK_EVERY_S = 120
_ALONG_M = 2.5
_ASIDE_M = 2.0
_BAD_FIX_SHARE = 0.001
_BAD_FIX_M = 90.0
_GONE_M = (300.0, 600.0)
"""Where, in one pass of the year, the modem of one operator is gone."""
_GONE_MONTH = 4
_LEVEL_DBM = -93.0


class Drive(NamedTuple):
    """One pass over one road."""

    road: str
    day: int
    speed_km_h: float
    upwards: bool


class Drives:
    """All passes of the vehicles."""

    def __init__(self, scenario: Scenario) -> None:
        """On the scenario's roads."""
        self._scenario = scenario
        self.routes = {name: Route(read_roads()[name]) for name in scenario.roads}

    def passes(self, vehicle: str, month: Month) -> tuple[Drive, ...]:
        """What one vehicle drives in a month: each road on a day of its own.

        In every other month all of it at 120 km/h.
        """
        found = []
        for number, (day, name) in enumerate(PASSES):
            if name == vehicle:
                for index, road in enumerate(self.routes):
                    fastest = month.number % 2 == 0
                    speed = SPEEDS_KM_H[0 if fastest else (number + index) % len(SPEEDS_KM_H)]
                    upwards = (number + month.number + index) % 2 == 0
                    found.append(Drive(road, day + index, speed, upwards))
        return tuple(found)

    def boots(self, vehicle: str, month: Month) -> tuple[Boot, ...]:
        """One for each day it drives."""
        return tuple(
            Boot(month.at_ms(one.day, START_HOUR) - BOOT_MS) for one in self.passes(vehicle, month)
        )

    def rows(self, vehicle: str, month: Month) -> Iterator[Row]:
        """All rows of one vehicle's month, not in order."""
        for one in self.passes(vehicle, month):
            yield from self._pass(vehicle, month, one)

    def _pass(self, vehicle: str, month: Month, one: Drive) -> Iterator[Row]:
        route = self.routes[one.road]
        dice = np.random.default_rng(
            [self._scenario.seed, 7, VEHICLES.index(vehicle), month.number, one.day]
        )
        chainage_m = _chainage(route.length_m, one, dice)
        positions = _positions(route, chainage_m, one, month, dice)
        start_ms = month.at_ms(one.day, START_HOUR)
        undriven = _inside(chainage_m, blanks(UNDRIVEN, one.road, month))
        tunnel = _inside(chainage_m, blanks(TUNNELS, one.road, month))
        shift_db = SHIFT_DB if vehicle == SHIFTED else 0.0
        for operator, network in enumerate(OPERATORS):
            levels = (_levels(chainage_m, operator, dice) + shift_db).tolist()
            services = np.full(len(chainage_m), Service.BROADBAND, object)
            for from_m, to_m, service in services_at(one.road, network.plmn, month):
                services[_inside(chainage_m, [(from_m, to_m)])] = service
            services[tunnel] = Service.NONE
            gone = _gone(vehicle, month, operator) & _inside(chainage_m, [_GONE_M])
            for second in np.flatnonzero(~undriven).tolist():
                at_ms = start_ms + second * 1000 + operator * _MODEM_OFFSET_MS
                position = positions[second]
                if gone[second]:
                    yield Row(
                        at_ms,
                        "radio",
                        None,
                        Outcome.MODEM_GONE,
                        "modem gone",
                        position,
                        operator,
                    )
                    continue
                heard = look(services[second], operator, levels[second])
                yield Row(
                    at_ms,
                    "radio",
                    heard.payload,
                    heard.outcome,
                    heard.reason,
                    position,
                    operator,
                )
                if second % _CHECK_EVERY_S == 0:
                    served = services[second] in COVERED
                    yield data_check(
                        at_ms + 50,
                        operator,
                        position,
                        TestRadio(
                            rat_class=RatClass.G4 if served else None,
                            coverage=1.0,
                            snapshots=3,
                            snapshots_without_service=0 if served else 3,
                            plmn=network.plmn if served else None,
                        ),
                        dice,
                        ok=served,
                    )


def _chainage(length_m: float, one: Drive, dice: np.random.Generator) -> Any:
    """Where the vehicle is at each second: a steady speed that swings by 3 %."""
    speed_m_s = one.speed_km_h / 3.6
    seconds = np.arange(math.ceil(length_m / speed_m_s) + 60)
    swing = 1 + 0.03 * np.sin(seconds / 47 + dice.uniform(0, 6))
    moved_m = np.cumsum(speed_m_s * swing) - dice.uniform(0, speed_m_s)
    moved_m = moved_m[(moved_m >= 0) & (moved_m <= length_m)]
    return moved_m if one.upwards else length_m - moved_m


def _positions(
    route: Route, chainage_m: Any, one: Drive, month: Month, dice: np.random.Generator
) -> list[Position]:
    """What the receiver says at each second; nothing in a tunnel."""
    count = len(chainage_m)
    lat, lon = route.lat_lon(
        np.clip(chainage_m + dice.normal(0, _ALONG_M, count), 0, route.length_m)
    )
    lat_m, lon_m = metres_per_degree(float(lat[0]))
    north, east = np.gradient(lat) * lat_m, np.gradient(lon) * lon_m
    course = np.degrees(np.arctan2(east, north)) % 360
    bad = dice.random(count) < _BAD_FIX_SHARE
    aside = dice.normal(0, _ASIDE_M, (2, count)) + np.where(bad, _BAD_FIX_M, 0.0)
    error_m = np.where(bad, _BAD_FIX_M, dice.uniform(3, 8, count))
    tunnel = _inside(chainage_m, blanks(TUNNELS, one.road, month))
    speed_m_s = round(one.speed_km_h / 3.6, 1)
    return [
        Position()
        if hidden
        else Position(
            source=PositionSource.GNSS,
            lat_deg=round(at_lat, 7),
            lon_deg=round(at_lon, 7),
            speed_m_s=speed_m_s,
            course_deg=round(at_course, 1),
            horizontal_error_m=round(at_error, 1),
            age_s=0.3,
            fix_mode=3,
        )
        for at_lat, at_lon, at_course, at_error, hidden in zip(
            (lat + aside[0] / lat_m).tolist(),
            (lon + aside[1] / lon_m).tolist(),
            course.tolist(),
            error_m.tolist(),
            tunnel.tolist(),
            strict=True,
        )
    ]


def _levels(chainage_m: Any, operator: int, dice: np.random.Generator) -> Any:
    """Level of a good cell along the road: never below -109 dBm, so never a gap by itself."""
    slow = 5.0 * np.sin(chainage_m / 270 + operator)
    quick = 3.0 * np.sin(chainage_m / 68 + 2 * operator)
    noise = np.clip(dice.normal(0, 1.5, len(chainage_m)), -5, 5)
    return _LEVEL_DBM - 2.0 + slow + quick + noise


def _inside(chainage_m: Any, intervals: Sequence[tuple[float, float]]) -> Any:
    found = np.zeros(len(chainage_m), bool)
    for from_m, to_m in intervals:
        found |= (chainage_m >= from_m) & (chainage_m < to_m)
    return found


def _gone(vehicle: str, month: Month, operator: int) -> bool:
    return vehicle == VEHICLES[0] and month.number == _GONE_MONTH and operator == 0
