"""Where probes stop: six places in each commune, some of them a few metres from its border."""

import math
from typing import Any, NamedTuple

import numpy as np
import shapely

from sim.province.areas import Areas
from sim.province.networks import Networks
from sim.province.scenario import Scenario
from sim.world.places import Commune
from sim.world.route import distance_m, metres_per_degree

PLACES = 6
APART_M = 560.0
CENTRE_RADIUS_M = 1_200.0
"""Places of a district's centre lie this close to it, as 5G is looked for there."""
BORDER_M = 9.0
"""How far inside a border place lies: less than the receiver's error."""
CLEAR_M = 150.0
"""All other places keep this far from a border."""
WANDER_M = 7.0
BORDER_WANDER_M = 3.0
PLACE_SIGMA = 0.12
_BORDER_EVERY = 9
"""One commune in so many has a border place."""
_SPREADS_M = (1_600.0, 2_500.0, 4_000.0, 8_000.0)
_CANDIDATES = 400


class Place(NamedTuple):
    """Where a probe stops."""

    lat_deg: float
    lon_deg: float
    wander_m: float
    """How far from it the vehicle stands each time."""
    border: bool


class Places(NamedTuple):
    """All places of one commune."""

    places: tuple[Place, ...]
    factors: Any
    """How rates there compare with the commune's; their mean is 1."""


def choose_places(scenario: Scenario, areas: Areas, networks: Networks) -> dict[str, Places]:
    """The places of each commune that is looked after."""
    chosen = {}
    for commune in areas.communes:
        if commune.code in scenario.communes:
            dice = np.random.default_rng([scenario.seed, 2, int(commune.code)])
            outline = areas.outlines[commune.code]
            places = _apart(
                commune,
                outline,
                dice,
                limit_m=_limit_m(commune, networks),
                borders=_borders(commune),
            )
            factors = dice.lognormal(0, PLACE_SIGMA, len(places))
            chosen[commune.code] = Places(places, factors / factors.mean())
    return chosen


def _limit_m(commune: Commune, networks: Networks) -> float:
    return CENTRE_RADIUS_M if networks.is_centre(commune.code) else math.inf


def _borders(commune: Commune) -> int:
    return int(int(commune.code) % _BORDER_EVERY == 0)


def _apart(
    commune: Commune, outline: Any, dice: np.random.Generator, *, limit_m: float, borders: int
) -> tuple[Place, ...]:
    """Places far enough from each other and from the border, and as many at the border."""
    found: list[Place] = []
    lat_m, lon_m = metres_per_degree(commune.lat_deg)
    if borders and math.isinf(limit_m):
        found += _border_place(outline, dice, commune)
    inside = shapely.buffer(outline, -CLEAR_M / lat_m)
    centre = (commune.lat_deg, commune.lon_deg)
    for spread_m in _SPREADS_M:
        north_m, east_m = dice.normal(0, min(spread_m, limit_m), (2, _CANDIDATES))
        for north, east in zip(north_m.tolist(), east_m.tolist(), strict=True):
            here = (commune.lat_deg + north / lat_m, commune.lon_deg + east / lon_m)
            if (
                distance_m(here, centre) <= limit_m
                and shapely.contains_xy(inside, here[1], here[0])
                and all(distance_m(here, one[:2]) >= APART_M for one in found)
            ):
                found.append(Place(*here, WANDER_M, border=False))
            if len(found) == PLACES:
                return tuple(found)
    return tuple(found)


def _border_place(outline: Any, dice: np.random.Generator, commune: Commune) -> list[Place]:
    """A point just inside the outline."""
    _, lon_m = metres_per_degree(commune.lat_deg)
    ring = shapely.get_exterior_ring(shapely.buffer(outline, -BORDER_M / lon_m))
    point = shapely.line_interpolate_point(ring, float(dice.random()), normalized=True)
    lat_deg, lon_deg = float(shapely.get_y(point)), float(shapely.get_x(point))
    return [Place(lat_deg, lon_deg, BORDER_WANDER_M, border=True)]
