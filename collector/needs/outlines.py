"""The shapes of areas as needs use them: whole for places, and simple enough to be sent."""

import math
from collections.abc import Iterable

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from collector.geo.areas import AreaSet

METRES_PER_DEGREE = 111_320.0
_FINEST_M = 50.0
_COARSEST_M = 6_400.0
_DECIMALS = 5
"""Of a degree: a metre."""

Corners = tuple[tuple[float, float], ...]
"""Latitude first."""


class Outlines:
    """The areas of some boundary sets by level and code."""

    def __init__(self, sets: Iterable[AreaSet]) -> None:
        """All sets of one day."""
        self._sets = {one.title: one for one in sets}
        self._known: dict[tuple[str, str, str], BaseGeometry | None] = {}

    def of(self, boundary_set: str | None, level: str, code: str) -> BaseGeometry | None:
        """The whole area, in degrees and longitude first; None for one that nobody drew."""
        if boundary_set not in self._sets or level not in {"commune", "district", "province"}:
            return None
        key = (boundary_set, level, code)
        if key not in self._known:
            areas = self._sets[boundary_set]
            mine = areas.codes(level)[:-1] == code  # type: ignore[arg-type]  # one of three
            found = shapely.union_all(areas.outlines[mine])
            self._known[key] = None if shapely.is_empty(found) else found
        return self._known[key]


def simple(outline: BaseGeometry, *, corners: int) -> Corners:
    """A polygon with so few corners around the whole outline: it may be wider, never narrower."""
    tolerance_m = _FINEST_M
    while tolerance_m <= _COARSEST_M:
        wide = outline.buffer(tolerance_m / METRES_PER_DEGREE)
        ring = _ring(wide.simplify(tolerance_m / METRES_PER_DEGREE))
        if ring is not None and len(ring) <= corners:
            return ring
        tolerance_m *= 2
    return _box(outline)


def circle(outline: BaseGeometry) -> tuple[float, float, float]:
    """Latitude, longitude and radius in metres of a circle around the whole outline."""
    west, south, east, north = outline.bounds
    lat, lon = (south + north) / 2, (west + east) / 2
    vertices = shapely.get_coordinates(outline)
    scale = math.cos(math.radians(min(abs(south), abs(north))))
    east_m = (vertices[:, 0] - lon) * METRES_PER_DEGREE * scale
    north_m = (vertices[:, 1] - lat) * METRES_PER_DEGREE
    return lat, lon, float(np.hypot(east_m, north_m).max()) * 1.01 + 1.0


def _ring(shape: BaseGeometry) -> Corners | None:
    """The outer ring of one polygon; None of several."""
    if not isinstance(shape, shapely.Polygon):
        return None
    vertices = shapely.get_coordinates(shape.exterior)[:-1].tolist()
    return tuple((round(lat, _DECIMALS), round(lon, _DECIMALS)) for lon, lat in vertices)


def _box(outline: BaseGeometry) -> Corners:
    ring = _ring(shapely.box(*outline.buffer(_FINEST_M / METRES_PER_DEGREE).bounds))
    return ring or ()
