"""Roads: pieces that join, one line at a time, and no long straight where nobody drew."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import shapely

from collector.geo._way_back import within_a_line
from collector.geo.areas import NOWHERE, AreaSets
from collector.geo.checks.checked import SHOWN, Checked, shortened
from collector.geo.ellipsoid import distance_m
from collector.geo.finding import Finding
from collector.geo.geojson import Feature, GeographyError
from collector.geo.roads import Given, Line, RoadProperties, Roads, given, lines
from collector.geo.surroundings import Surroundings

LONG_STRAIGHT_M = 2000.0
"""A road of the highlands has no longer one: vertices are missing."""
TOLD_JOINT_M = 1.0

_NEW = Path("the new layer")


def check(features: Sequence[Feature[RoadProperties]], around: Surroundings) -> Checked:
    """Length by road; what does not join is fatal, in itself or with the layers there are."""
    findings = list(shortened(_straights(features)))
    lengths: dict[str, float] = {}
    new = Given(_NEW, str(_NEW), features)
    try:
        roads = Roads.of(lines([new]))
        lengths = {f"{road} (m)": length_m for road, length_m in roads.lengths_m.items()}
        findings += shortened(courses(roads.lines, around.area_sets))
        lines([*map(given, around.roads), new])
    except GeographyError as error:
        findings.append(Finding(error.feature, error.problem, fatal=True))
    return Checked(tuple(findings), lengths)


def courses(roads: Iterable[Line], area_sets: AreaSets) -> Iterator[Finding]:
    """What a person should know of the course of each road before a gap is measured on it."""
    for line in roads:
        name = f"road {line.road!r}"
        joints = [one for one in line.joints if one.length_m > TOLD_JOINT_M]
        if joints:
            places = [f"{one.length_m:.0f} m at {one.at_m:,.0f} m" for one in joints]
            rest = len(places) - SHOWN
            shown = places if rest <= 0 else [*places[:SHOWN], f"and {rest} more"]
            text = f"{name}: pieces do not meet, straight joints count instead: {', '.join(shown)}"
            yield Finding(None, text)
        if line.ring:
            text = (
                f"{name} ends where it begins: a gap across that place is counted as two; begin and"
                " end a ring where there is service"
            )
            yield Finding(None, text)
        back = within_a_line(_vertices(line))
        if back is not None:
            text = (
                f"{name} runs for {back.length_m:,.0f} m beside itself, from chainage"
                f" {back.from_m:,.0f} m on: does it double back, or are these two carriageways?"
            )
            yield Finding(None, text)
        if _outside(line, area_sets):
            lon, lat = line.segments[0, 0]
            text = (
                f"{name} lies outside of every boundary: it begins at latitude {lat:g}, longitude"
                f" {lon:g}"
            )
            yield Finding(None, text)


def _vertices(line: Line) -> np.ndarray:
    return np.concatenate([line.segments[:1, 0], line.segments[:, 1]])


def _outside(line: Line, area_sets: AreaSets) -> bool:
    """Whether no vertex is in an area of any set; not where there is no set."""
    vertices = _vertices(line)
    lon, lat = vertices.T
    return bool(area_sets.sets) and not any(
        (one.assign(lat, lon, np.zeros(len(lat))).area != NOWHERE).any() for one in area_sets.sets
    )


def _straights(features: Sequence[Feature[RoadProperties]]) -> Iterator[Finding]:
    for feature in features:
        for piece in shapely.get_parts(feature.geometry):
            vertices = shapely.get_coordinates(piece)
            long_m = distance_m(vertices[:-1], vertices[1:])
            for index in np.flatnonzero(long_m > LONG_STRAIGHT_M):
                lon, lat = vertices[index]
                text = (
                    f"runs {long_m[index]:,.0f} m straight from latitude {lat:.5f}, longitude"
                    f" {lon:.5f}: are vertices missing?"
                )
                yield Finding(feature.place, text)
