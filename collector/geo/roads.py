"""Which road a point lies on, how far along it, and how far beside it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import shapely

from collector.geo import geojson

MAX_OFFSET_M = 50.0
"""A point farther from every centre line is on no road."""

_GEOMETRIES = frozenset({"LineString", "MultiLineString"})
_EQUATOR_M = 6_378_137.0
_ECCENTRICITY_2 = 0.00669437999014
_SHORTEST_DEGREE_M = 110_000.0
"""Of latitude, rounded down; of scaled longitude likewise."""


class _Properties(msgspec.Struct, frozen=True):
    road: str
    demo: bool = False
    """Drawn for the demo: no real road."""


class OnRoad(NamedTuple):
    """Arrays, one entry per point; off every road `road` is None and the numbers are NaN."""

    road: Any
    chainage_m: Any
    offset_m: Any


class Roads:
    """All configured centre lines, cut into their straight segments."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Read the lines; raises `geojson.GeographyError`.

        Chainage counts from the first vertex of a road. Its further lines and features continue
        it, in the order they stand in, and must begin where the one before ends: a road with a
        hole would hide what lies in it.
        """
        self.demo = False
        """Whether any of them is drawn for the demo."""
        names: list[str] = []
        lengths: dict[str, float] = {}
        ends: dict[str, Any] = {}
        pieces: list[Any] = []
        starts: list[Any] = []
        for file in files:
            for index, feature in enumerate(geojson.read(file, _Properties, _GEOMETRIES).features):
                road = feature.properties.road
                self.demo |= feature.properties.demo
                for line in shapely.get_parts(feature.geometry):
                    segments = _segments(line)
                    hole_m = _distance_m(ends.get(road, segments[0, 0]), segments[0, 0])
                    if hole_m > MAX_OFFSET_M:
                        raise geojson.GeographyError(
                            file,
                            index,
                            f"begins {hole_m:.0f} m from where {road!r} ends so far: put its lines"
                            " in order, or give them names of their own",
                        )
                    length = np.hypot(*_metres(segments[:, 0], segments[:, 1]))
                    before_m = lengths.get(road, 0.0)
                    names += [road] * len(segments)
                    pieces.append(segments)
                    starts.append(before_m + np.cumsum(length) - length)
                    lengths[road] = before_m + float(length.sum())
                    ends[road] = segments[-1, 1]
        self.lengths_m: Mapping[str, float] = lengths
        """Length of each road by its name."""
        self._names = np.array(names, dtype=object)
        self._segments = np.concatenate(pieces) if pieces else np.empty((0, 2, 2))
        self._start_m = np.concatenate(starts) if starts else np.empty(0)
        middle = self._segments[:, :, 1].mean() if names else 0.0
        self._scale = np.array([np.cos(np.radians(middle)), 1.0])
        self._tree = shapely.STRtree(shapely.linestrings(self._segments * self._scale))

    def find(self, lat_deg: Any, lon_deg: Any) -> OnRoad:
        """The nearest road of each of the finite points, where one is near enough."""
        none = OnRoad(
            np.full(len(lat_deg), None, object),
            np.full(len(lat_deg), np.nan),
            np.full(len(lat_deg), np.nan),
        )
        if not len(self._names) or not len(lat_deg):
            return none
        points = np.column_stack([lon_deg, lat_deg])
        which, segment = self._tree.query_nearest(
            shapely.points(points * self._scale),
            max_distance=2 * MAX_OFFSET_M / _SHORTEST_DEGREE_M,
            all_matches=False,
        )
        start, end = self._segments[segment, 0], self._segments[segment, 1]
        along = np.column_stack(_metres(start, end))
        beside = np.column_stack(_metres(start, points[which]))
        squared = (along * along).sum(axis=1)
        share = np.clip((along * beside).sum(axis=1) / np.where(squared > 0, squared, 1), 0, 1)
        offset = np.hypot(*(beside - along * share[:, None]).T)
        near = offset <= MAX_OFFSET_M
        which = which[near]
        none.road[which] = self._names[segment[near]]
        none.chainage_m[which] = (self._start_m[segment] + share * np.sqrt(squared))[near]
        none.offset_m[which] = offset[near]
        return none


def _segments(line: Any) -> Any:
    vertices = shapely.get_coordinates(line)
    return np.stack([vertices[:-1], vertices[1:]], axis=1)


def _distance_m(start: Any, end: Any) -> float:
    return float(np.hypot(*_metres(start, end)))


def _metres(start: Any, end: Any) -> tuple[Any, Any]:
    """East and north from `start` to `end`, on the WGS 84 ellipsoid, for points not far apart."""
    latitude = np.radians((start[..., 1] + end[..., 1]) / 2)
    east, north = np.radians(end - start).T
    flattened = 1 - _ECCENTRICITY_2 * np.sin(latitude) ** 2
    normal_m = _EQUATOR_M / np.sqrt(flattened)
    meridian_m = normal_m * (1 - _ECCENTRICITY_2) / flattened
    return east * normal_m * np.cos(latitude), north * meridian_m
