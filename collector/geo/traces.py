"""GNSS traces: what a vehicle drove, and the passes of a road in it."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from collector.geo.ellipsoid import distance_m

MAX_ERROR_M = 25.0
"""A fix known worse than this bends a line more than it tells of it."""
STANDING_M = 8.0
"""Fixes nearer to the last one than this are the noise of a vehicle that stands or creeps."""
BREAK_S = 600.0
"""A longer pause ends a drive."""
NEAR_END_M = 60.0
"""A drive that comes so near to an end point of a road has been there."""

AGREED_NEAR_M = 25.0
"""An approach so much farther from an end point than the nearest of its drive is another bend."""
SAME_NEAR_M = 6.0
"""Approaches that differ by no more are equally near: that is noise, and the other lane."""

_BEYOND = 3

Place = tuple[float, float]
"""Latitude and longitude in degrees."""


class Trace(NamedTuple):
    """Fixes of one drive in order of time: arrays, one entry a fix."""

    lat_deg: Any
    lon_deg: Any
    time_s: Any
    error_m: Any
    """Radius that holds the place with 95 %; NaN where the receiver did not say."""
    name: str = ""
    """Whose drive and when, for the provenance of what is made of it."""

    def part(self, keep: Any) -> "Trace":
        """The fixes at these indices, or in this slice."""
        arrays = (self.lat_deg, self.lon_deg, self.time_s, self.error_m)
        lat, lon, time, error = (np.asarray(one)[keep] for one in arrays)
        return Trace(lat, lon, time, error, self.name)

    @property
    def points(self) -> Any:
        """Longitude and latitude of each fix."""
        return np.column_stack([self.lon_deg, self.lat_deg]).astype(float)


def drives(trace: Trace) -> Iterator[Trace]:
    """A day's fixes cut where nothing was heard for `BREAK_S`."""
    if not len(trace.lat_deg):
        return
    cuts = np.flatnonzero(np.diff(trace.time_s) >= BREAK_S) + 1
    for indices in np.split(np.arange(len(trace.lat_deg)), cuts):
        yield trace.part(indices)


def usable(trace: Trace) -> Trace:
    """The fixes that tell something: finite, known well enough, and moved since the last one."""
    points = trace.points
    error = np.asarray(trace.error_m, dtype=float)
    trace = trace.part(np.isfinite(points).all(axis=1) & ~(error > MAX_ERROR_M))
    points = trace.points
    kept: list[int] = []
    for index in range(len(points)):
        if not kept or distance_m(points[kept[-1]], points[index]) >= STANDING_M:
            kept.append(index)
    return trace.part(np.array(kept, dtype=int))


def passes(trace: Trace, start: Place, end: Place) -> Iterator[Trace]:
    """Every drive from one place to the other, in either direction, as if driven from `start`.

    It begins and ends a few fixes beyond where it came nearest to the two places. A road that
    winds comes near its own end more than once: what counts is where the drive came nearest, so
    that no bend is lost. Of equally near approaches the last counts before it leaves, and the
    first when it arrives: whatever lies between went on beyond the end and came back.
    """
    points = trace.points
    known = ~(np.asarray(trace.error_m, dtype=float) > MAX_ERROR_M)
    places = [np.array(place[::-1], dtype=float) for place in (start, end)]
    # Of two end points close to each other one is never taken for the other.
    within_m = min(AGREED_NEAR_M, float(distance_m(*places)) / 2)
    approaches = sorted(
        (index, near_m, which)
        for which, place in enumerate(places)
        for index, near_m in _approaches(
            np.where(known, distance_m(points, place), np.inf), within_m
        )
    )
    stays = [list(stay) for _, stay in groupby(approaches, key=itemgetter(2))]
    for left, reached in pairwise(stays):
        first, last = _nearest(left[::-1]), _nearest(reached)
        part = trace.part(slice(max(first - _BEYOND, 0), last + _BEYOND + 1))
        yield part if left[0][2] == 0 else reversed_trace(part)


def _approaches(away_m: Any, within_m: float) -> Iterator[tuple[int, float]]:
    """Index and distance of the nearest fix of each stay near a place; not of other bends."""
    near = np.flatnonzero(away_m <= NEAR_END_M)
    nearest_m = away_m[near].min(initial=np.inf)
    for stay in np.split(near, np.flatnonzero(np.diff(near) > 1) + 1):
        if len(stay):
            index = int(stay[np.argmin(away_m[stay])])
            if away_m[index] <= nearest_m + within_m:
                yield index, float(away_m[index])


def _nearest(approaches: Sequence[tuple[int, float, int]]) -> int:
    """Index of the first that is as near as any."""
    most_m = min(near_m for _, near_m, _ in approaches) + SAME_NEAR_M
    return next(index for index, near_m, _ in approaches if near_m <= most_m)


def reversed_trace(trace: Trace) -> Trace:
    """The same fixes in the other order, as if driven the other way."""
    return trace.part(slice(None, None, -1))
