"""Where to measure next in an area: places far from what is known, that people live or drive at."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import h3.api.basic_int as h3
import msgspec
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from collector.geo.roads import Line
from collector.kpi import PopulationCell
from collector.kpi._attempts import Place
from collector.needs.outlines import METRES_PER_DEGREE

RESOLUTION = 8
"""Of the H3 cells that are candidates: about 0.7 km2, 900 m from centre to centre."""
SPREAD_M = 500.0
"""Places nearer to each other count as one."""
NEAR_ROAD_M = 500.0


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A place to go to."""

    lat_deg: float
    lon_deg: float
    blocks: int
    """Measured so far in its cell."""


class _Candidate(NamedTuple):
    lat_deg: float
    lon_deg: float
    blocks: int
    people: float
    near_road: bool

    @property
    def rank(self) -> tuple[int, bool, bool]:
        """Least measured first, then where people live, then where a road leads."""
        return self.blocks, self.people <= 0, not self.near_road


class Land(NamedTuple):
    """What helps to choose among places that are equally unknown."""

    population: Sequence[PopulationCell] = ()
    roads: Sequence[Line] = ()


def next_spots(
    outline: BaseGeometry, measured: Iterable[Place], *, land: Land, count: int
) -> list[Spot]:
    """The best places of an area, at least `SPREAD_M` from each other and where none is known.

    Of those that rank alike the one farthest from everything measured or chosen comes first, so
    that a few stops spread over the area. The order of `measured` does not matter.
    """
    known = [_degrees(place) for place in sorted(measured)]
    left = _candidates(outline, known, land)
    taken = list(known)
    chosen: list[Spot] = []
    while left and len(chosen) < count:
        best = min(
            left, key=lambda one: (one.rank, -_clear_m(one, taken), one.lat_deg, one.lon_deg)
        )
        left.remove(best)
        if _clear_m(best, [(one.lat_deg, one.lon_deg) for one in chosen]) < SPREAD_M:
            continue
        taken.append((best.lat_deg, best.lon_deg))
        chosen.append(Spot(lat_deg=best.lat_deg, lon_deg=best.lon_deg, blocks=best.blocks))
    return chosen


def _candidates(
    outline: BaseGeometry, known: Sequence[tuple[float, float]], land: Land
) -> list[_Candidate]:
    shapely.prepare(outline)
    blocks = Counter(h3.latlng_to_cell(*place, RESOLUTION) for place in known)
    people: Counter[int] = Counter()
    for cell in land.population:
        if shapely.intersects_xy(outline, cell.lon_deg, cell.lat_deg):
            people[h3.latlng_to_cell(cell.lat_deg, cell.lon_deg, RESOLUTION)] += cell.population  # type: ignore[assignment]  # people may be parts of one
    driven = _along(land.roads, outline)
    cells = sorted(h3.geo_to_cells(shapely.geometry.mapping(outline), RESOLUTION))
    found = []
    for cell in cells:
        lat, lon = h3.cell_to_latlng(cell)
        found.append(_Candidate(lat, lon, blocks[cell], people[cell], _near(lat, lon, driven)))
    if not found:  # smaller than a cell
        inside = shapely.point_on_surface(outline)
        found.append(_Candidate(inside.y, inside.x, len(known), 0.0, near_road=False))
    return found


def _along(roads: Iterable[Line], outline: BaseGeometry) -> list[BaseGeometry]:
    near = outline.buffer(NEAR_ROAD_M / METRES_PER_DEGREE)
    lines = (shapely.multilinestrings(shapely.linestrings(line.segments)) for line in roads)
    return [line for line in lines if near.intersects(line)]


def _near(lat: float, lon: float, lines: Sequence[BaseGeometry]) -> bool:
    reach = NEAR_ROAD_M / METRES_PER_DEGREE
    point = shapely.Point(lon, lat)
    return any(shapely.dwithin(point, line, reach) for line in lines)


def _clear_m(one: _Candidate, others: Sequence[tuple[float, float]]) -> float:
    """To the nearest of the others; infinite without any."""
    if not others:
        return math.inf
    there = np.array(others)
    north_m = (there[:, 0] - one.lat_deg) * METRES_PER_DEGREE
    east_m = (there[:, 1] - one.lon_deg) * METRES_PER_DEGREE * math.cos(math.radians(one.lat_deg))
    return float(np.hypot(north_m, east_m).min())


def _degrees(place: Place) -> tuple[float, float]:
    """Latitude and longitude of the middle of a square; see `collector.kpi._attempts.in_blocks`."""
    lat = (place.north_m + _HALF_M) / METRES_PER_DEGREE
    return lat, (place.east_m + _HALF_M) / METRES_PER_DEGREE / math.cos(math.radians(lat))


_HALF_M = 50.0
