"""A table of small tiles over a set of areas: what it knows at once, and what needs a closer look.

Most tiles are crossed by no outline, so one look into the table places a point. Only points in
tiles near an outline are tested against the polygons themselves, so the answer is exact.
"""

from typing import Any

import numpy as np
import shapely

from collector.geo.boundaries import NOWHERE
from collector.geo.ellipsoid import foot, metres_per_degree

TILE_M = 100.0
"""Size that is aimed at; fixes count up to 50 m of error, which such a tile's margin covers."""
MOST_TILES = 2048
"""Along each side, so that a whole country still fits into memory."""

_OPEN = -2
"""In the table: near an outline, or claimed by several areas."""
_PAD = 3
"""Tiles around everything: the outermost are touched by nothing and stand for the rest."""
_STEP = 0.5
"""Of a tile: how closely outlines are followed."""
_MARGIN = 0.75
"""Of a tile. Each sample of an outline marks its tile and the eight around it, so whoever is in no
marked tile is a whole tile away from every sample, and every outline is `_STEP / 2` from one."""
_MERCATOR_LIMIT_DEG = 89.0


class Tiles:
    """Where points lie among outlines. Never changes: any thread may use it."""

    def __init__(self, outlines: Any) -> None:
        """Polygons in degrees, longitude first; of those that claim a point the first has it."""
        self._outlines = outlines
        shapely.prepare(outlines)
        self._tree = shapely.STRtree(outlines)
        self._edges = _edges(outlines)
        self._edge_tree = shapely.STRtree(shapely.linestrings(_conformal(self._edges)))
        if not len(outlines):
            self._west_south = self._size_deg = np.ones(2)
            self._safe_m = np.inf
            self._table = np.full((1, 1), NOWHERE, dtype=np.int32)
            return
        west, south, east, north = shapely.total_bounds(outlines)
        span_deg = np.array([east - west, north - south])
        furthest_deg = min(max(abs(south), abs(north)), _MERCATOR_LIMIT_DEG)
        degree_m = np.array([metres_per_degree(furthest_deg)[0], metres_per_degree(0.0)[1]])
        count = np.clip(np.ceil(span_deg * degree_m / TILE_M), 1, MOST_TILES).astype(int)
        self._size_deg = span_deg / count
        self._safe_m = _MARGIN * float((self._size_deg * degree_m).min())
        """A position better than this in a plain tile is no border sample."""
        self._west_south = np.array([west, south]) - _PAD * self._size_deg
        self._table = self._filled(count + 2 * _PAD + 1)

    def find(self, lat_deg: Any, lon_deg: Any, error_m: Any) -> tuple[Any, Any]:
        """Index of the outline around each point or `NOWHERE`, and whether it is a border point."""
        points = np.column_stack([lon_deg, lat_deg])
        area = self._table.take(self._tile(points)).astype(np.intp)
        opened = area == _OPEN
        several = np.zeros(len(points), dtype=bool)
        look = np.flatnonzero(opened)
        area[look], several[look] = self._exact(points[look])
        with np.errstate(invalid="ignore"):
            known = np.isfinite(points).all(axis=1) & (error_m >= 0)
            near = np.flatnonzero(known & (opened | (error_m > self._safe_m)))
        border = several & known
        if len(self._outlines):
            border[near] |= self._outline_m(points[near]) <= error_m[near]
        return area, border

    def _tile(self, points: Any) -> Any:
        """Index into the flat table; what is outside, or no number, is at its edge."""
        rows, columns = self._table.shape
        east, north = ((points - self._west_south) / self._size_deg).T
        # Unlike the others, fmin and fmax prefer a number to NaN.
        row = np.fmax(np.fmin(north, rows - 1), 0).astype(np.intp)
        return row * columns + np.fmax(np.fmin(east, columns - 1), 0).astype(np.intp)

    def _filled(self, count: Any) -> Any:
        """The table: in each row, neighbouring plain tiles are asked for together."""
        marked = self._marked(count)
        first = ~marked
        first[:, 1:] &= marked[:, :-1]
        row, column = np.nonzero(first)
        centres = self._west_south + (np.column_stack([column, row]) + 0.5) * self._size_deg
        area, several = self._exact(centres)
        area[several] = _OPEN
        run = np.cumsum(first).reshape(first.shape) - 1
        return np.where(marked, _OPEN, area[run]).astype(np.int32)

    def _marked(self, count: Any) -> Any:
        """Which tiles an outline touches or comes near to."""
        marked = np.zeros((count[1], count[0]), dtype=bool)
        start, end = ((self._edges[:, i] - self._west_south) / self._size_deg for i in (0, 1))
        steps = np.ceil(np.abs(end - start).max(axis=1) / _STEP).astype(int) + 1
        edge = np.repeat(np.arange(len(steps)), steps)
        number = np.arange(len(edge)) - np.repeat(np.cumsum(steps) - steps, steps)
        share = number / np.maximum(steps - 1, 1)[edge]
        tile = np.floor(start[edge] + (end - start)[edge] * share[:, None]).astype(int)
        for right in (-1, 0, 1):
            for up in (-1, 0, 1):
                marked[tile[:, 1] + up, tile[:, 0] + right] = True
        return marked

    def _exact(self, points: Any) -> tuple[Any, Any]:
        """The first outline that each point is in or on, and whether there are several."""
        which, outline = self._tree.query(shapely.points(points))
        inside = shapely.intersects_xy(self._outlines[outline], *points[which].T)
        which, outline = which[inside], outline[inside]
        area = np.full(len(points), len(self._outlines))
        np.minimum.at(area, which, outline)
        area[area == len(self._outlines)] = NOWHERE
        return area, np.bincount(which, minlength=len(points)) > 1

    def _outline_m(self, points: Any) -> Any:
        """Metres to the nearest outline."""
        which, edge = self._edge_tree.query_nearest(
            shapely.points(_conformal(points)), all_matches=False
        )
        found = np.full(len(points), np.inf)
        start, end = self._edges[edge, 0], self._edges[edge, 1]
        found[which] = foot(points[which], start, end).offset_m
        return found


def _edges(outlines: Any) -> Any:
    rings = shapely.get_parts(shapely.boundary(outlines))
    vertices, ring = shapely.get_coordinates(rings, return_index=True)
    together = ring[:-1] == ring[1:]
    return np.stack([vertices[:-1][together], vertices[1:][together]], axis=1)


def _conformal(degrees: Any) -> Any:
    """Mercator's projection: what is nearest in it is nearest on the ground."""
    lat = np.clip(degrees[..., 1], -_MERCATOR_LIMIT_DEG, _MERCATOR_LIMIT_DEG)
    return np.stack([degrees[..., 0], np.degrees(np.arcsinh(np.tan(np.radians(lat))))], axis=-1)
