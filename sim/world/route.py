"""A line on the ground and the distance along it.

Distances are those of the WGS 84 ellipsoid in the small: each segment is measured with the
metres per degree at its own middle, which agrees with the geodesic to better than 1 : 100,000
for segments of a few kilometres.
"""

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LatLon = tuple[float, float]

_CHUNK_POINTS = 2048
"""Points projected at once: bounds the memory for points x segments."""


class Place(NamedTuple):
    """A point on a route."""

    lat_deg: float
    lon_deg: float
    course_deg: float
    """Direction of the route there, clockwise from north, 0 <= course < 360."""


class Route:
    """A polyline of (latitude, longitude) with chainage from its first point."""

    def __init__(self, points: Sequence[LatLon]) -> None:
        """Measure the line; two neighbouring points may not be the same."""
        if len(points) < 2:  # noqa: PLR2004 - a line has two ends
            raise ValueError(f"a route needs two points or more, not {len(points)}")
        self.points = tuple(points)
        self._lat = np.array([lat for lat, _ in points])
        self._lon = np.array([lon for _, lon in points])
        lengths = [distance_m(a, b) for a, b in itertools.pairwise(points)]
        if not all(lengths):
            raise ValueError("a route with two equal neighbouring points")
        self._chainage_m = np.concatenate([[0.0], np.cumsum(lengths)])

    @property
    def length_m(self) -> float:
        """From the first point to the last."""
        return float(self._chainage_m[-1])

    def at(self, chainage_m: float) -> Place:
        """The point at a distance along the route; beyond an end, that end."""
        lat, lon = self.lat_lon(np.array([chainage_m]))
        last = len(self.points) - 2
        segment = min(max(bisect_right(self._chainage_m, chainage_m) - 1, 0), last)
        return Place(
            float(lat[0]), float(lon[0]), course_deg(self.points[segment], self.points[segment + 1])
        )

    def lat_lon(self, chainage_m: Floats) -> tuple[Floats, Floats]:
        """Latitudes and longitudes at many distances along the route."""
        return (
            np.interp(chainage_m, self._chainage_m, self._lat),
            np.interp(chainage_m, self._chainage_m, self._lon),
        )

    def project(self, lat_deg: Floats, lon_deg: Floats) -> tuple[Floats, Floats]:
        """Chainage of the nearest point of the route and the distance to it, both in metres."""
        chainage = np.empty(len(lat_deg))
        offset = np.empty(len(lat_deg))
        for start in range(0, len(lat_deg), _CHUNK_POINTS):
            part = slice(start, start + _CHUNK_POINTS)
            chainage[part], offset[part] = self._project(lat_deg[part], lon_deg[part])
        return chainage, offset

    def part(self, start_m: float, end_m: float) -> "Route":
        """The route between two distances along this one."""
        inner = [
            point
            for point, chainage in zip(self.points, self._chainage_m, strict=True)
            if start_m + 0.1 < chainage < end_m - 0.1
        ]
        return Route([self.at(start_m)[:2], *inner, self.at(end_m)[:2]])

    def _project(self, lat_deg: Floats, lon_deg: Floats) -> tuple[Floats, Floats]:
        lat_m, lon_m = metres_per_degree(float(np.mean(lat_deg)))
        east = (self._lon[None, :] - lon_deg[:, None]) * lon_m
        north = (self._lat[None, :] - lat_deg[:, None]) * lat_m
        along_east = np.diff(east, axis=1)
        along_north = np.diff(north, axis=1)
        share = -(east[:, :-1] * along_east + north[:, :-1] * along_north)
        share = np.clip(share / (along_east**2 + along_north**2), 0.0, 1.0)
        distance = np.hypot(east[:, :-1] + share * along_east, north[:, :-1] + share * along_north)
        nearest = np.argmin(distance, axis=1)
        row = np.arange(len(lat_deg))
        lengths = np.diff(self._chainage_m)
        chainage = self._chainage_m[nearest] + share[row, nearest] * lengths[nearest]
        return chainage, distance[row, nearest]


def metres_per_degree(lat_deg: float) -> tuple[float, float]:
    """Metres per degree of latitude and of longitude at a latitude, on WGS 84."""
    phi = math.radians(lat_deg)
    return (
        111132.954 - 559.822 * math.cos(2 * phi) + 1.175 * math.cos(4 * phi),
        111412.84 * math.cos(phi) - 93.5 * math.cos(3 * phi) + 0.118 * math.cos(5 * phi),
    )


def distance_m(start: LatLon, end: LatLon) -> float:
    """Distance of two points not far from each other."""
    lat_m, lon_m = metres_per_degree((start[0] + end[0]) / 2)
    return math.hypot((end[0] - start[0]) * lat_m, (end[1] - start[1]) * lon_m)


def course_deg(start: LatLon, end: LatLon) -> float:
    """Direction from one point to another, clockwise from north."""
    lat_m, lon_m = metres_per_degree((start[0] + end[0]) / 2)
    angle = math.atan2((end[1] - start[1]) * lon_m, (end[0] - start[0]) * lat_m)
    return math.degrees(angle) % 360
