"""Which rows lie near which listed point. Distances are on the ground, in metres."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import ibis
import numpy as np
from ibis.expr import types as ir

from collector.kpi import Point
from collector.kpi._arrays import Flags, Floats, Ints

_METRES_PER_DEGREE = 111_320.0
_TILES_PER_DEGREE = 100.0
"""A tile is about 1.1 km: what lies within 1 km of a point lies in its tile or in a neighbour."""
_ROW = 100_000.0
MAX_RADIUS_M = 1000.0


class Near(NamedTuple):
    """The rows within the radius of one point, in their order."""

    row: Ints
    north_m: Floats
    """From the point."""
    east_m: Floats

    @property
    def distance_m(self) -> Floats:
        """From the point."""
        return np.hypot(self.north_m, self.east_m)

    def only(self, chosen: Flags) -> "Near":
        """Those of them that are chosen."""
        return Near(self.row[chosen], self.north_m[chosen], self.east_m[chosen])


def in_some_tile(
    rows: ir.Table, points: Sequence[Point], *, radius_m: float = MAX_RADIUS_M
) -> ir.Table:
    """The rows that may lie so near to a point, and some more."""
    # A place that cannot be would otherwise end the whole query.
    lat_deg = ibis.cases((rows.position_lat_deg.between(-90, 90), rows.position_lat_deg))
    lon_deg = ibis.cases((rows.position_lon_deg.between(-180, 180), rows.position_lon_deg))
    row = (lat_deg * _TILES_PER_DEGREE).floor()
    column = (lon_deg * _TILES_PER_DEGREE).floor()
    tiles = sorted(_tiles(points, reach=math.ceil(radius_m / MAX_RADIUS_M)))
    return rows.filter((row * _ROW + column).isin(tiles) if tiles else ibis.literal(False))


def near(
    points: Iterable[Point], *, lat_deg: Floats, lon_deg: Floats, radius_m: float
) -> Iterator[tuple[Point, Near]]:
    """Each point with what lies near it; a row near two points is near both."""
    order = np.argsort(lat_deg, kind="stable").astype(np.int64)
    ordered = lat_deg[order]
    reach_deg = radius_m / _METRES_PER_DEGREE
    for point in points:
        begin = np.searchsorted(ordered, point.lat_deg - reach_deg, side="left")
        end = np.searchsorted(ordered, point.lat_deg + reach_deg, side="right")
        index = np.sort(order[begin:end])
        north_m = (lat_deg[index] - point.lat_deg) * _METRES_PER_DEGREE
        parallel = math.cos(math.radians(point.lat_deg))
        east_m = (lon_deg[index] - point.lon_deg) * _METRES_PER_DEGREE * parallel
        inside = np.hypot(north_m, east_m) <= radius_m
        yield point, Near(index[inside], north_m[inside], east_m[inside])


def _tiles(points: Iterable[Point], *, reach: int) -> set[float]:
    """Tiles with a point in them, and those up to `reach` tiles away."""
    found: set[float] = set()
    steps = range(-reach, reach + 1)
    for point in points:
        row = math.floor(point.lat_deg * _TILES_PER_DEGREE)
        column = math.floor(point.lon_deg * _TILES_PER_DEGREE)
        found.update((row + up) * _ROW + column + right for up in steps for right in steps)
    return found
