"""Circles and polygons on the earth, and how far a point is from their border. No I/O.

Distances are flat ones around the point asked about: within 100 km of it they are right to 0.1 %.
"""

import math
from array import array
from collections.abc import Sequence
from typing import NamedTuple, Protocol

EARTH_RADIUS_M = 6_371_000.0
NEAR_M = 2_000.0
"""Borders farther away than this are only said to be farther away."""


class Point(NamedTuple):
    """A place on the earth."""

    lat_deg: float
    lon_deg: float


class Shape(Protocol):
    """An area."""

    def outside_m(self, point: Point) -> float:
        """Distance to the border; below 0 inside.

        Where the point is far outside it may be less than the distance, but more than `NEAR_M`.
        """


class Circle(NamedTuple):
    """All within a distance of one point."""

    centre: Point
    radius_m: float

    def outside_m(self, point: Point) -> float:
        """As `Shape`."""
        return distance_m(self.centre, point) - self.radius_m


class Polygons:
    """Rings as GeoJSON has them: what an odd number of rings surround is inside."""

    def __init__(self, rings: Sequence[Sequence[Point]]) -> None:
        """Each ring ends where it begins."""
        self._rings = tuple(
            (array("d", (at.lat_deg for at in ring)), array("d", (at.lon_deg for at in ring)))
            for ring in rings
        )
        self._south = min(min(lats) for lats, _ in self._rings)
        self._north = max(max(lats) for lats, _ in self._rings)
        self._west = min(min(lons) for _, lons in self._rings)
        self._east = max(max(lons) for _, lons in self._rings)
        self._asked: tuple[Point, float] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polygons) and self._rings == other._rings

    __hash__ = None  # type: ignore[assignment]  # arrays have none

    def outside_m(self, point: Point) -> float:
        """As `Shape`. To ask again about the same point costs nothing: several modems do."""
        asked = self._asked
        if asked is None or asked[0] != point:
            asked = self._asked = (point, self._look(point))
        return asked[1]

    def _look(self, point: Point) -> float:
        box_m = self._box_m(point)
        if box_m > NEAR_M:
            return box_m
        m_per_lat = math.radians(EARTH_RADIUS_M)
        m_per_lon = m_per_lat * math.cos(math.radians(point.lat_deg))
        inside = False
        nearest_m2 = math.inf
        for lats, lons in self._rings:
            x0, y0 = (lons[0] - point.lon_deg) * m_per_lon, (lats[0] - point.lat_deg) * m_per_lat
            for lat, lon in zip(lats[1:], lons[1:], strict=True):
                x1, y1 = (lon - point.lon_deg) * m_per_lon, (lat - point.lat_deg) * m_per_lat
                nearest_m2 = min(nearest_m2, _origin_to_segment_m2(x0, y0, x1, y1))
                # A ray to the east from the point, which is the origin, crosses this side.
                if (y0 > 0) != (y1 > 0) and x0 + (x1 - x0) * -y0 / (y1 - y0) > 0:
                    inside = not inside
                x0, y0 = x1, y1
        border_m = math.sqrt(nearest_m2)
        return -border_m if inside else border_m

    def _box_m(self, point: Point) -> float:
        """Distance to the box around all; 0 inside it."""
        nearest = Point(
            min(max(point.lat_deg, self._south), self._north),
            min(max(point.lon_deg, self._west), self._east),
        )
        return distance_m(point, nearest)


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance, by the haversine formula."""
    lat_a, lat_b = math.radians(a.lat_deg), math.radians(b.lat_deg)
    half_lat = math.sin((lat_b - lat_a) / 2)
    half_lon = math.sin(math.radians(b.lon_deg - a.lon_deg) / 2)
    square = half_lat * half_lat + math.cos(lat_a) * math.cos(lat_b) * half_lon * half_lon
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(square)))


def _origin_to_segment_m2(x0: float, y0: float, x1: float, y1: float) -> float:
    dx, dy = x1 - x0, y1 - y0
    length_m2 = dx * dx + dy * dy
    along = 0.0 if length_m2 == 0 else min(1.0, max(0.0, -(x0 * dx + y0 * dy) / length_m2))
    x, y = x0 + along * dx, y0 + along * dy
    return x * x + y * y
