"""Stretches of road to be driven: unknown ones, and gaps too close to the limit to be believed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from collector.geo.roads import Line
from collector.targets import Value, Verdict

_CHAINAGE = re.compile(r"km (?P<first>\d+(?:\.\d+)?)-(?P<last>\d+(?:\.\d+)?)")
_STEP_M = 100.0
_SHORTEST_M = 1.0
SHORTEST_DRIVE_M = 25.0
"""Nobody can drive to help less: the last bin of a road may be millimetres long."""


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a road to be driven again."""

    target: str
    road: str
    from_m: float
    to_m: float
    why: str
    """`unknown`, `redrive` (a gap close to the limit) or `passes` (driven too rarely)."""
    operators: tuple[str, ...]
    line: tuple[tuple[float, float], ...]
    """Latitude and longitude along it; empty where the road's course is not known."""


def stretches(verdicts: Iterable[Verdict], lines: Iterable[Line]) -> list[Stretch]:
    """What the verdicts on roads still lack, each stretch once with the operators it is for."""
    courses = {line.road: line for line in lines}
    found: dict[tuple[str, str, float, float, str], list[str]] = {}
    for one in verdicts:
        if one.level != "road" or "strip" not in one.context:
            continue
        for first_m, last_m, why in _of(one):
            if last_m - first_m < min(SHORTEST_DRIVE_M, float(one.context["road_m"])):
                continue
            key = (one.target, one.code, first_m, last_m, why)
            found.setdefault(key, []).append(one.operator)
    return [
        Stretch(
            target=target,
            road=road,
            from_m=first_m,
            to_m=last_m,
            why=why,
            operators=tuple(operators),
            line=_course(courses.get(road), first_m, last_m),
        )
        for (target, road, first_m, last_m, why), operators in sorted(found.items())
    ]


def _of(verdict: Verdict) -> Iterator[tuple[float, float, str]]:
    context: Mapping[str, Any] = verdict.context
    for text in context.get("redrive", ()):
        if found := _CHAINAGE.fullmatch(text):
            yield float(found["first"]) * 1000, float(found["last"]) * 1000, "redrive"
    if verdict.verdict not in {Value.NOT_PROVEN, Value.NO_DATA}:
        return
    unknown = [(first, last) for first, last, state in context["strip"] if state == "unknown"]
    for first, last in unknown:
        yield float(first), float(last), "unknown"
    for need in verdict.need:
        if need.what == "passes" and need.where == verdict.name:
            yield 0.0, float(context["road_m"]), "passes"
        elif need.what == "passes" and (found := _CHAINAGE.fullmatch(need.where or "")):
            yield float(found["first"]) * 1000, float(found["last"]) * 1000, "passes"


def _course(line: Line | None, from_m: float, to_m: float) -> tuple[tuple[float, float], ...]:
    if line is None:
        return ()
    to_m = min(to_m, line.length_m)
    steps = max(int((to_m - from_m) // _STEP_M), 1)
    return tuple(_at(line, at) for at in np.linspace(from_m, to_m, steps + 1).tolist())


def _at(line: Line, chainage_m: float) -> tuple[float, float]:
    """Latitude and longitude of a chainage."""
    index = int(np.clip(np.searchsorted(line.start_m, chainage_m, side="right") - 1, 0, None))
    ends = [*line.start_m[1:], line.length_m]
    length_m = max(float(ends[index] - line.start_m[index]), _SHORTEST_M)
    share = min(max((chainage_m - float(line.start_m[index])) / length_m, 0.0), 1.0)
    (lon_a, lat_a), (lon_b, lat_b) = line.segments[index].tolist()
    return lat_a + (lat_b - lat_a) * share, lon_a + (lon_b - lon_a) * share
