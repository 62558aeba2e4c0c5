"""The drive to begin with: the one that most of the others agree with, mended by them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import shapely

from collector.geo._polyline import TURN, chainage, heading, turn

LOOP_NEAR_M = 20.0
"""The same place again, within the noise of two fixes."""
LOOP_LENGTH_M = 60.0
RETRACED_SHARE = 0.7
"""Of the fixes between turning back and going on; the turning itself is on other ground."""


def first_line(drives: Sequence[Any], *, near_m: float, hole_m: float) -> Any:
    """Vertices in metres. Holes longer than `hole_m` that no drive fills are left straight."""
    paths = [without_turning_back(drive) for drive in drives]
    lines = [shapely.LineString(path) for path in paths]
    shapely.prepare(lines)
    fixes = [shapely.points(drive) for drive in drives]

    def missed(index: int) -> tuple[float, float]:
        """How much of the others is somewhere else; of equals the shortest is best."""
        away = [
            float((~shapely.dwithin(points, lines[index], near_m)).mean())
            for other, points in enumerate(fixes)
            if other != index
        ]
        return round(sum(away), 2), lines[index].length

    best = min(range(len(paths)), key=missed)
    others = [path for index, path in enumerate(paths) if index != best]
    return _filled(paths[best], others, near_m=near_m, hole_m=hole_m)


def without_turning_back(path: Any) -> Any:
    """The way without what was driven there and back before it went on.

    A hairpin comes near itself in the other direction only, a spiral leads over new ground: both
    stay, as does a round through a village, in which another drive will be preferred.
    """
    way = heading(path)
    driven = chainage(path)
    kept: list[int] = []
    for index in range(len(path)):
        before = np.array(kept, dtype=int)
        near = np.hypot(*(path[before] - path[index]).T) <= LOOP_NEAR_M
        near &= driven[index] - driven[before] >= LOOP_LENGTH_M
        near &= np.abs(turn(way[before], way[index])) <= TURN
        for back in np.flatnonzero(near)[:1].tolist():
            loop = before[back:]
            if _there_and_back(path[loop], way[loop]):
                kept = kept[: back + 1]
        kept.append(index)
    return path[kept]


def _there_and_back(path: Any, way: Any) -> bool:
    points = shapely.points(path)
    one, other = shapely.STRtree(points).query(points, "dwithin", LOOP_NEAR_M)
    opposite = np.abs(turn(way[one], way[other])) >= np.pi - TURN
    return len(np.unique(one[opposite])) >= RETRACED_SHARE * len(path)


def _filled(path: Any, others: Sequence[Any], *, near_m: float, hole_m: float) -> Any:
    """The path with its holes filled from other drives that have been there."""
    pieces = [path[:1]]
    for before, after in pairwise(path):
        if np.hypot(*(after - before)) > hole_m:
            pieces.append(_bridge(before, after, others, near_m))
        pieces.append(after[None])
    return np.concatenate(pieces)


def _bridge(before: Any, after: Any, others: Sequence[Any], near_m: float) -> Any:
    """What the drive with the smallest holes has between two places; nothing if none was there."""
    smallest_m = float(np.hypot(*(after - before)))
    found = before[None][:0]
    for other in others:
        to_before, to_after = (np.hypot(*(other - place).T) for place in (before, after))
        first, last = int(np.argmin(to_before)), int(np.argmin(to_after))
        if last - first > 1 and max(to_before[first], to_after[last]) <= near_m:
            part = other[first : last + 1]
            longest_m = float(np.hypot(*np.diff(part, axis=0).T).max())
            if longest_m < smallest_m:
                smallest_m, found = longest_m, part[1:-1]
    return found
