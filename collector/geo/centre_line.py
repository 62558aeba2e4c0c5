"""A centre line from our own repeated drives, for a road that nobody gives us.

One drive is a few metres off and has holes; several of them agree on where the road is. Each is
laid along a common line and a course is fitted to it; across the drives the median is taken, so
that one receiver that was misled does not bend the road. Then one smooth course is fitted through
the fixes of all drives that agree, and their places along it are worked out anew until it stays.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import shapely

from collector.geo import _polyline as polyline
from collector.geo._first_line import first_line
from collector.geo._smooth_course import smooth_course
from collector.geo.ellipsoid import distance_m, metres_per_degree
from collector.geo.traces import NEAR_END_M, Place, Trace, usable

STEP_M = 10.0
"""Between the places at which the drives are compared."""
WINDOW_M = 80.0
"""Half of the stretch to which the course of one drive is fitted."""
GUARD_M = 60.0
"""A fix farther from the line was on another road, or nowhere."""
HOLE_M = 80.0
"""A drive without a fix for so far knows nothing in between."""
AGREED_M = 10.0
"""A drive this far from the median of all is left out there, unless all of them lie apart."""
THINNED_M = 0.25
"""How far the thinned line may leave the full one; more would shorten bends."""
MAX_STRAIGHT_M = 200.0
"""Between vertices, so that the spread is known all along."""
COARSE_M = 10.0
"""What is finer is left out of lengths that are compared: noise makes a way longer."""
PART_M = 2000.0
"""Lengths are compared in parts of about this: in a long road a lost bend is a small share."""
MEDIAN_ROUNDS = 2
FITTED_ROUNDS = 3

_LEVEL_M = 40.0
"""From the end of a line, for the way in which it ends."""
_FEWEST_FIXES = 5
_MAD_TO_SIGMA = 1.4826


class CentreLineError(ValueError):
    """The drives make no line."""


class Part(NamedTuple):
    """A part of a built line beside what was driven there."""

    from_m: float
    to_m: float
    line_m: float
    """Its length without what is finer than `COARSE_M`."""
    driven_m: tuple[float, ...]
    """The same of each drive that has been at both its ends, turning back and detours included."""


class CentreLine(NamedTuple):
    """A built line: arrays, one entry a vertex, from the start to the end."""

    lat_deg: Any
    lon_deg: Any
    passes: Any
    """Drives that are behind the vertex: 1 is a single one, 0 is nothing but smoothness."""
    spread_m: Any
    """Standard deviation across the drives, estimated from the median one; NaN below two."""
    length_m: float
    traces: int
    """Drives that were used at all."""
    parts: tuple["Part", ...]
    """The whole first, then about every `PART_M`."""

    def share(self, fewest: int, most: int) -> float:
        """Share of the length with so many drives behind it, both included."""
        points = np.column_stack([self.lon_deg, self.lat_deg])
        length_m = distance_m(points[:-1], points[1:])
        count = np.minimum(self.passes[:-1], self.passes[1:])
        return float(length_m[(count >= fewest) & (count <= most)].sum() / length_m.sum())


def build(traces: Sequence[Trace], start: Place, end: Place) -> CentreLine:
    """The line that drives from `start` to `end` have in common; each is given in that direction.

    One drive makes a line too, marked as such. Raises `CentreLineError`.
    """
    cleaned = [one for one in (usable(trace) for trace in traces) if len(one.lat_deg) > 1]
    if not cleaned:
        raise CentreLineError("no drive has two usable fixes between the end points")
    plane = _Plane(np.concatenate([one.points for one in cleaned]))
    drives = [plane.metres(one.points) for one in cleaned]
    ends = plane.metres(np.array([start[::-1], end[::-1]]))
    line = first_line(drives, near_m=GUARD_M, hole_m=HOLE_M)
    for number in range(MEDIAN_ROUNDS + FITTED_ROUNDS):
        line = _resampled(_trimmed(line, ends))
        offsets = _offsets(line, drives)
        if not np.isfinite(offsets).any():
            raise CentreLineError("the drives have no stretch in common")
        first = number < MEDIAN_ROUNDS
        line = _moved(line, offsets) if first else _fitted(line, drives, offsets)
    line = _trimmed(line, ends)
    offsets = _offsets(line, drives)
    counts = np.isfinite(offsets).sum(axis=0)
    kept = _thinned(line, counts)
    points = plane.degrees(line[kept])
    return CentreLine(
        lat_deg=points[:, 1],
        lon_deg=points[:, 0],
        passes=counts[kept],
        spread_m=_spread(offsets)[kept],
        length_m=float(distance_m(points[:-1], points[1:]).sum()),
        traces=len(drives),
        parts=tuple(_parts(line, drives)),
    )


class _Plane:
    """Metres around the middle of what was driven; good for some hundred kilometres."""

    def __init__(self, degrees: Any) -> None:
        self._origin = (degrees.min(axis=0) + degrees.max(axis=0)) / 2
        self._scale = np.array(metres_per_degree(self._origin[1]))

    def metres(self, degrees: Any) -> Any:
        return (degrees - self._origin) * self._scale

    def degrees(self, metres: Any) -> Any:
        return metres / self._scale + self._origin


def _resampled(line: Any) -> Any:
    """The same line with a vertex about every `STEP_M`, evenly."""
    at = polyline.chainage(line)
    even = np.linspace(0.0, at[-1], max(round(at[-1] / STEP_M), 3) + 1)
    return np.column_stack([np.interp(even, at, line[:, axis]) for axis in (0, 1)])


def _trimmed(line: Any, ends: Any) -> Any:
    """The line between the places nearest to the two ends, gone on straight where it must be."""
    line = np.vstack([_ahead(line[::-1]), line, _ahead(line)])
    whole = shapely.LineString(line)
    first, last = shapely.line_locate_point(whole, shapely.points(ends))
    if last - first < STEP_M:
        raise CentreLineError("the drives do not lead from the start to the end")
    at = polyline.chainage(line)
    edges = shapely.get_coordinates(shapely.line_interpolate_point(whole, [first, last]))
    return np.vstack([edges[0], line[(at > first) & (at < last)], edges[1]])


def _parts(line: Any, drives: Sequence[Any]) -> Iterator[Part]:
    at = polyline.chainage(line)
    count = max(round(at[-1] / PART_M), 1)
    cuts = np.searchsorted(at, np.linspace(0, at[-1], count + 1)).clip(0, len(line) - 1)
    seen = [_fixes_at(line[cuts], drive) for drive in drives]
    spans = [(0, count), *(pairwise(range(count + 1)) if count > 1 else ())]
    for begin, end in spans:
        driven_m = [
            _coarse_m(drive[fix[begin] : fix[end] + 1])
            for drive, fix in zip(drives, seen, strict=True)
            if -1 < fix[begin] < fix[end]
        ]
        first, last = cuts[begin], cuts[end]
        line_m = _coarse_m(line[first : last + 1])
        yield Part(float(at[first]), float(at[last]), line_m, tuple(driven_m))


def _fixes_at(places: Any, drive: Any) -> list[int]:
    """Index of the fix of a drive that is nearest to each place; -1 where none is near."""
    away_m = [np.hypot(*(drive - place).T) for place in places]
    return [int(np.argmin(one)) if one.min() <= GUARD_M else -1 for one in away_m]


def _coarse_m(line: Any) -> float:
    return float(shapely.LineString(line).simplify(COARSE_M).length)


def _ahead(line: Any) -> Any:
    """Where it leads to from its end: the last fix of a drive is rarely at the end of the road."""
    last = line[-1]
    before = line[np.hypot(*(line - last).T) > _LEVEL_M]
    if not len(before):
        return last[None]
    way = last - before[-1]
    return (last + NEAR_END_M * way / np.hypot(*way))[None]


def _offsets(line: Any, drives: Sequence[Any]) -> Any:
    """How far left of each vertex each drive went, one row a drive; NaN where it does not say."""
    return np.stack([_offset(line, drive) for drive in drives])


def _offset(line: Any, drive: Any) -> Any:
    """The offset of one drive by a parabola fitted around each vertex.

    It is weighted towards the vertex, and a parabola keeps bends of one radius where they are.
    """
    chainage, fixes = polyline.projected(line, drive, GUARD_M)
    at = polyline.chainage(line)
    reach = int(WINDOW_M // STEP_M)
    near = np.clip(np.searchsorted(at, chainage), 0, len(line) - 1)
    vertex = near[:, None] + np.arange(-reach, reach + 1)
    fix = np.broadcast_to(np.arange(len(fixes))[:, None], vertex.shape)
    inside = (vertex >= 0) & (vertex < len(line))
    vertex, fix = vertex[inside], fix[inside]
    beside = (chainage[fix] - at[vertex]) / WINDOW_M
    weight = np.clip(1 - np.abs(beside) ** 3, 0, None) ** 3
    left = ((fixes[fix] - line[vertex]) * polyline.normals(line)[vertex]).sum(axis=1)
    moments = [np.bincount(vertex, weight * beside**power, len(line)) for power in range(5)]
    lefts = [np.bincount(vertex, weight * beside**power * left, len(line)) for power in range(3)]
    known = (np.bincount(vertex, minlength=len(line)) >= _FEWEST_FIXES) & _seen(at, chainage)
    matrix = np.array([moments[row : row + 3] for row in range(3)]).transpose(2, 0, 1)[known]
    right = np.array(lefts).T[known][..., None]
    found = np.full(len(line), np.nan)
    found[known] = np.linalg.solve(matrix + 1e-9 * np.eye(3), right)[:, 0, 0]
    return found


def _seen(at: Any, chainage: Any) -> Any:
    """Whether a drive has fixes close before and behind each vertex; at its ends close will do."""
    fixes = np.concatenate([[-np.inf], np.sort(chainage), [np.inf]])
    behind = np.clip(np.searchsorted(fixes, at), 1, len(fixes) - 1)
    to_before, to_after = at - fixes[behind - 1], fixes[behind] - at
    hole_m = to_before + to_after
    at_end = np.isinf(hole_m) & (np.minimum(to_before, to_after) <= HOLE_M / 2)
    return (hole_m <= HOLE_M) | at_end


def _moved(line: Any, offsets: Any) -> Any:
    """The line at the median of the drives; where none was, between what is known."""
    at = polyline.chainage(line)
    known, median = _median(offsets)
    return line + np.interp(at, at[known], median[known])[:, None] * polyline.normals(line)


def _fitted(line: Any, drives: Sequence[Any], offsets: Any) -> Any:
    """One smooth course through the fixes of all drives, each where it agrees with the others."""
    at = polyline.chainage(line)
    known, median = _median(offsets)
    allowed_m = np.maximum(AGREED_M, 2 * np.nan_to_num(_spread(offsets), nan=0.0))
    chainages, fixes = [], []
    for drive, offset in zip(drives, offsets, strict=True):
        chainage, near = polyline.projected(line, drive, GUARD_M)
        # A drive that says nothing of a vertex the others know is on its way to elsewhere.
        agreed = ~known | (np.abs(offset - median) <= allowed_m)
        agreed = agreed[np.clip(np.searchsorted(at, chainage), 0, len(line) - 1)]
        chainages.append(chainage[agreed])
        fixes.append(near[agreed])
    return smooth_course(np.concatenate(chainages), np.concatenate(fixes), at[-1], len(line))


def _median(offsets: Any) -> tuple[Any, Any]:
    """Where any drive is known, and the median of those that are."""
    known = np.isfinite(offsets).any(axis=0)
    median = np.full(offsets.shape[1], np.nan)
    median[known] = np.nanmedian(offsets[:, known], axis=0)
    return known, median


def _spread(offsets: Any) -> Any:
    several = np.isfinite(offsets).sum(axis=0) > 1
    some = offsets[:, several]
    spread = np.full(offsets.shape[1], np.nan)
    spread[several] = np.nanmedian(np.abs(some - np.nanmedian(some, axis=0)), axis=0)
    return _MAD_TO_SIGMA * spread


def _thinned(line: Any, counts: Any) -> Any:
    """Indices of the vertices that are needed, and of those where the number of drives changes."""
    step = int(MAX_STRAIGHT_M // STEP_M)
    changes = np.flatnonzero(np.diff(np.minimum(counts, 2)))
    cuts = sorted({0, len(line) - 1, *range(0, len(line), step), *changes, *(changes + 1)})
    kept = {cuts[-1]}
    for first, last in pairwise(cuts):
        part = line[first : last + 1]
        simple = shapely.simplify(shapely.LineString(part), THINNED_M, preserve_topology=False)
        where = {tuple(vertex): first + index for index, vertex in enumerate(part.tolist())}
        kept |= {where[tuple(vertex)] for vertex in shapely.get_coordinates(simple).tolist()}
    return np.array(sorted(kept))
