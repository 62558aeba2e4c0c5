"""Which road a point lies on, how far along it, how far beside it, and which way it was driven.

Linear referencing as target T3 wants it (standards of the plan, row T3): projection on the centre
line, at most 50 m beside it, and only where the vehicle went as the road goes.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import shapely

from collector.geo import geojson, layer
from collector.geo._way_back import BesideItself, WayBack
from collector.geo.ellipsoid import Foot, distance_m, foot, metres
from collector.geo.geojson import Feature
from collector.geo.layer import Dated, Layer

MAX_OFFSET_M = 50.0
"""A point farther from every centre line is on no road."""
MAX_TURN_DEG = 60.0
"""A course farther from both directions of a road is that of a road that crosses it."""
MIN_SPEED_M_S = 3.0
"""Slower, or at an unknown speed, the course of a receiver says nothing."""

_END_IT = "end the older one by valid_to, or withdraw it"
_SAME_PLACE_M = 0.1
"""Pieces that begin so near to the end of the one before meet."""

GEOMETRIES = frozenset({"LineString", "MultiLineString"})

_SHORTEST_DEGREE_M = 110_000.0
"""Of latitude, rounded down; of scaled longitude likewise."""
_HALF_TURN_DEG = 180.0
_ALWAYS = (np.datetime64("0001-01-01", "D"), np.datetime64("9999-12-31", "D"))


class RoadProperties(Dated, frozen=True, kw_only=True):
    """What is known of a piece of road apart from its course."""

    road: str
    demo: bool = False
    """Drawn for the demo: no real road."""
    note: str | None = None
    passes: tuple[int, ...] | None = None
    """Of a line built from traces: how many are behind each vertex; 0 is drawn straight."""
    spread_m: tuple[float | None, ...] | None = None
    """How far those traces lie apart at each vertex; None where there are less than two."""


class Joint(NamedTuple):
    """A straight line between two pieces of a road, part of its length."""

    at_m: float
    """Chainage of its beginning."""
    length_m: float


class Line(Dated, frozen=True, kw_only=True):
    """The centre line of one road on some days, through all its pieces."""

    road: str
    segments: Any
    """Start and end of each, longitude first."""
    start_m: Any
    """Chainage of each segment's start."""
    length_m: float
    demo: bool
    joints: tuple["Joint", ...] = ()
    """Where its pieces do not meet; straight lines join them."""

    @property
    def ring(self) -> bool:
        """Whether it ends where it begins: a ring, whose chainage begins anew there."""
        first, last = self.segments[0, 0], self.segments[-1, 1]
        return float(distance_m(first, last)) <= MAX_OFFSET_M < self.length_m / 2

    @property
    def sha256(self) -> str:
        """Of its course, from its beginning."""
        return hashlib.sha256(
            np.ascontiguousarray(self.segments, dtype="<f8").tobytes()
        ).hexdigest()


class OnRoad(NamedTuple):
    """Arrays, one entry per point; off every road `road` is None and the numbers are NaN."""

    road: Any
    chainage_m: Any
    """From the beginning of the road, whichever way it was driven."""
    offset_m: Any
    direction: Any
    """1 towards higher chainage, -1 towards lower, 0 where the course says nothing."""
    to_end_m: Any
    """To the end of the road: the chainage as counted from there."""


class Roads:
    """All configured centre lines, cut into their straight segments."""

    def __init__(self, sources: Sequence[Path | Layer]) -> None:
        """Read the lines; raises `geojson.GeographyError`.

        Chainage counts from the first vertex of a road. Its further lines and features of the same
        days continue it, in the order they stand in, and must begin where the one before
        ends: a road with a hole would hide what lies in it. What is left between them is joined
        straight, and counts. None may lead back beside what is there.
        """
        self._use(lines(map(given, sources)))

    @classmethod
    def of(cls, lines: Sequence[Line]) -> Self:
        """The roads that these lines are."""
        made = cls(())
        made._use(lines)
        return made

    def on(self, day: date) -> "Roads":
        """The roads of one day."""
        return Roads.of([line for line in self.lines if line.valid(day)])

    def find(self, lat_deg: Any, lon_deg: Any, day: Any = None) -> OnRoad:
        """The nearest road of each of the finite points, where one is near enough.

        `day` has the local day of each; without it every line counts, of whatever days.
        """
        unknown = np.full(len(lat_deg), np.nan)
        return self.project(lat_deg, lon_deg, unknown, unknown, day=day)

    def project(
        self,
        lat_deg: Any,
        lon_deg: Any,
        course_deg: Any,
        speed_m_s: Any,
        *,
        day: Any = None,
        max_offset_m: float = MAX_OFFSET_M,
        max_turn_deg: float = MAX_TURN_DEG,
    ) -> OnRoad:
        """The nearest road that goes the way the vehicle went, within `max_offset_m`.

        A course (degrees clockwise from north) more than `max_turn_deg` off both directions of a
        segment excludes it: at a junction the road that crosses, beside it the one that climbs
        away. A missing course, or a speed that is missing or below 3 m/s, excludes nothing.
        """
        lat, lon, course, speed = (
            np.asarray(one, dtype=float) for one in (lat_deg, lon_deg, course_deg, speed_m_s)
        )
        points = np.column_stack([lon, lat])
        point, segment = self._near(points, max_offset_m)
        if day is not None:
            there = (day[point] >= self._from[segment]) & (day[point] <= self._to[segment])
            point, segment = point[there], segment[there]
        feet = foot(points[point], self._segments[segment, 0], self._segments[segment, 1])
        course = np.where(speed >= MIN_SPEED_M_S, course, np.nan)[point]
        turn_deg = np.abs(
            (course - self._bearing_deg[segment] + _HALF_TURN_DEG) % 360 - _HALF_TURN_DEG
        )
        off_deg = np.minimum(turn_deg, _HALF_TURN_DEG - turn_deg)
        fits = (feet.offset_m <= max_offset_m) & ~(off_deg > max_turn_deg)
        best = _nearest(point, feet.offset_m, fits)
        way = np.where(turn_deg[best] <= _HALF_TURN_DEG / 2, 1, -1)
        return self._found(
            len(points),
            which=point[best],
            segment=segment[best],
            feet=Foot(*(one[best] for one in feet)),
            direction=np.where(np.isnan(turn_deg[best]), 0, way),
        )

    def _found(self, count: int, *, which: Any, segment: Any, feet: Foot, direction: Any) -> OnRoad:
        """What is known of `count` points, when it is known of `which` of them."""
        found = _nothing(count)
        chainage_m = self._start_m[segment] + feet.share * feet.length_m
        found.road[which] = self._names[segment]
        found.chainage_m[which] = chainage_m
        found.offset_m[which] = feet.offset_m
        found.direction[which] = direction
        found.to_end_m[which] = np.maximum(self._length_m[segment] - chainage_m, 0.0)
        return found

    def _use(self, lines: Sequence[Line]) -> None:
        self.lines = tuple(lines)
        self.demo = any(line.demo for line in lines)
        """Whether any of them is drawn for the demo."""
        self.lengths_m: Mapping[str, float] = {line.road: line.length_m for line in lines}
        """Length of each road by its name; of several lines of one road the last."""
        count = [len(line.segments) for line in lines]
        self._names = np.repeat(np.array([line.road for line in lines], dtype=object), count)
        self._length_m = np.repeat(np.array([line.length_m for line in lines]), count)
        days = [(line.valid_from, line.valid_to) for line in lines]
        self._from = np.repeat(_days([first for first, _ in days], _ALWAYS[0]), count)
        self._to = np.repeat(_days([last for _, last in days], _ALWAYS[1]), count)
        none = np.empty((0, 2, 2))
        self._segments = np.concatenate([none, *(line.segments for line in lines)])
        self._start_m = np.concatenate([np.empty(0), *(line.start_m for line in lines)])
        east, north = metres(self._segments[:, 0], self._segments[:, 1])
        self._bearing_deg = np.degrees(np.arctan2(east, north))
        middle = self._segments[:, :, 1].mean() if lines else 0.0
        self._scale = np.array([np.cos(np.radians(middle)), 1.0])
        self._tree = shapely.STRtree(shapely.linestrings(self._segments * self._scale))

    def _near(self, points: Any, offset_m: float) -> Any:
        """Pairs of points and segments that may be so near: more rather than less."""
        finite = np.flatnonzero(np.isfinite(points).all(axis=1))
        if not len(finite) or not len(self._segments):
            return np.empty((2, 0), dtype=np.intp)
        point, segment = self._tree.query(
            shapely.points(points[finite] * self._scale),
            predicate="dwithin",
            distance=2 * offset_m / _SHORTEST_DEGREE_M,
        )
        return finite[point], segment


def _nearest(point: Any, offset_m: Any, fits: Any) -> Any:
    """Index of the nearest fitting pair of each point that has one; of equals the first."""
    fitting = np.flatnonzero(fits)
    order = fitting[np.lexsort((offset_m[fitting], point[fitting]))]
    return order[np.unique(point[order], return_index=True)[1]]


def _nothing(count: int) -> OnRoad:
    return OnRoad(
        np.full(count, None, object),
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.zeros(count, dtype=np.int8),
        np.full(count, np.nan),
    )


class Given(NamedTuple):
    """The features of one file."""

    file: Path
    title: str
    """By which a person knows it."""
    features: Sequence[Feature[RoadProperties]]


def given(source: Path | Layer) -> Given:
    """What a file or layer holds; raises `geojson.GeographyError`."""
    features = layer.read(source, RoadProperties, GEOMETRIES).features
    if isinstance(source, Path):
        return Given(source, source.name, features)
    in_library = source.version is not None
    return Given(source.file, source.title if in_library else source.file.name, features)


def lines(files: Iterable[Given]) -> list[Line]:
    """The lines that the features of these files make; raises `geojson.GeographyError`."""
    open_lines: dict[tuple[str, date | None, date | None], _OpenLine] = {}
    for one in files:
        for feature in one.features:
            said = feature.properties
            key = (said.road, said.valid_from, said.valid_to)
            if key not in open_lines:
                _refuse_overlap(one, feature.place, said, open_lines.values())
            line = open_lines.setdefault(key, _OpenLine(said, one))
            for piece in shapely.get_parts(feature.geometry):
                hole_m = line.add(shapely.get_coordinates(piece), demo=said.demo)
                _refuse_piece(one, feature.place, line, hole_m)
            line.latest = one
    return [line.closed() for line in open_lines.values()]


def _refuse_overlap(
    new: Given, place: int | str, said: RoadProperties, others: Iterable["_OpenLine"]
) -> None:
    for other in others:
        if other.days.road == said.road and layer.overlap(said, other.days) is not None:
            here = other.latest.file == new.file
            where = "another line" if here else f"a line in {other.latest.title} already,"
            what = f"{said.road!r} has {where} on some of these days: {_END_IT}"
            raise geojson.GeographyError(new.file, place, what)


def _refuse_piece(new: Given, place: int | str, line: "_OpenLine", hole_m: float) -> None:
    """A piece that does not go on where the road ends, or goes back beside it."""
    road, here = line.days.road, line.latest.file == new.file
    back = line.way_back()
    what = None
    if hole_m > MAX_OFFSET_M and here:
        what = (
            f"begins {hole_m:.0f} m from where {road!r} ends so far: put its lines"
            " in order, or give them names of their own"
        )
    elif hole_m > MAX_OFFSET_M:
        what = (
            f"{road!r} has a line in {line.latest.title} already, which ends {hole_m:,.0f} m from"
            f" where this one begins: {_END_IT}"
        )
    elif back is not None:
        where = "" if here else f" in {line.latest.title}"
        what = (
            f"runs for {back.length_m:,.0f} m beside what {road!r} has already{where}, from its"
            f" chainage {back.from_m:,.0f} m on, so its length would count twice: give one centre"
            " line, or each carriageway as a road of its own; a hairpin belongs in one piece"
        )
    if what is not None:
        raise geojson.GeographyError(new.file, place, what)


class _OpenLine:
    """A road that may still go on."""

    def __init__(self, days: RoadProperties, given: Given) -> None:
        self.days = days
        self.latest = given
        """Where its last piece is from."""
        self._segments: list[Any] = []
        self._start_m: list[Any] = []
        self._length_m = 0.0
        self._demo = False
        self._joints: list[Joint] = []
        self._way = BesideItself()

    def add(self, vertices: Any, *, demo: bool) -> float:
        """Go on with these vertices; metres from where the road ended."""
        end = self._segments[-1][-1, 1] if self._segments else vertices[0]
        hole_m = float(distance_m(end, vertices[0]))
        if hole_m > _SAME_PLACE_M:
            self._joints.append(Joint(self._length_m, hole_m))
            self._append(np.array([end, vertices[0]]))
        begun_m = self._length_m
        self._append(vertices)
        self._way.add(vertices, begun_m)
        self._demo |= demo
        return hole_m

    def way_back(self) -> WayBack | None:
        """Where the last piece runs beside the pieces before it."""
        return self._way.of_last_piece()

    def closed(self) -> Line:
        """The whole road."""
        return Line(
            road=self.days.road,
            segments=np.concatenate(self._segments),
            start_m=np.concatenate(self._start_m),
            length_m=self._length_m,
            demo=self._demo,
            joints=tuple(self._joints),
            valid_from=self.days.valid_from,
            valid_to=self.days.valid_to,
        )

    def _append(self, vertices: Any) -> None:
        segments = np.stack([vertices[:-1], vertices[1:]], axis=1)
        length_m = distance_m(segments[:, 0], segments[:, 1])
        self._segments.append(segments)
        self._start_m.append(self._length_m + np.cumsum(length_m) - length_m)
        self._length_m += float(length_m.sum())


def _days(days: Iterable[date | None], unknown: np.datetime64) -> Any:
    return np.array(
        [unknown if day is None else np.datetime64(day, "D") for day in days], "datetime64[D]"
    )
