"""What the checks of every kind have in common."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely

from collector.geo.areas import NOWHERE
from collector.geo.finding import Finding
from collector.geo.geojson import Feature
from collector.geo.layer import overlap
from collector.geo.surroundings import Surroundings

SHOWN = 10
"""Findings of one sort; the rest is counted."""


class Checked(NamedTuple):
    """The result of a check."""

    findings: tuple[Finding, ...]
    figures: dict[str, float]
    """By what they are, with the unit in the name."""


def duplicates(
    features: Sequence[Feature[Any]], key: Callable[[Any], Hashable], what: str
) -> Iterator[Finding]:
    """Features that say the same of the same days; `what` names the key."""
    seen: dict[Hashable, list[Feature[Any]]] = {}
    for feature in features:
        said = key(feature.properties)
        for other in seen.setdefault(said, []):
            if overlap(feature.properties, other.properties) is not None:
                text = f"has the same {what} as {named(other.place)}, on the same days: {said}"
                yield Finding(feature.place, text, fatal=True)
                break
        seen[said].append(feature)


def outside(features: Sequence[Feature[Any]], around: Surroundings) -> Iterator[Finding]:
    """Points in no area of any set; none where there is no set at all."""
    sets = around.area_sets.sets
    if not sets or not features:
        return
    places = np.array([feature.geometry for feature in features])
    lat, lon = shapely.get_y(places), shapely.get_x(places)
    inside = np.zeros(len(features), dtype=bool)
    for area_set in sets:
        inside |= area_set.assign(lat, lon, np.zeros(len(lat))).area != NOWHERE
    for index in np.flatnonzero(~inside).tolist():
        text = f"lies outside of every boundary: latitude {lat[index]:g}, longitude {lon[index]:g}"
        yield Finding(features[index].place, text)


def unknown_operators(features: Sequence[Feature[Any]], around: Surroundings) -> Iterator[Finding]:
    """Operators that no list of networks has: what is said of them would never be used."""
    if not around.operators:
        return
    known = ", ".join(sorted(around.operators))
    for feature in features:
        operator = feature.properties.operator
        if operator is not None and operator not in around.operators:
            text = f"operator {operator!r} is none of those that are judged: {known}"
            yield Finding(feature.place, text, fatal=True)


def shortened(findings: Iterator[Finding], shown: int = SHOWN) -> tuple[Finding, ...]:
    """The first ones, and how many more there are."""
    found = list(findings)
    if len(found) <= shown:
        return tuple(found)
    rest = found[shown:]
    more = Finding(None, f"and {len(rest)} more like the last", any(one.fatal for one in rest))
    return (*found[:shown], more)


def named(place: int | str) -> str:
    """`feature 3` or `line 12`."""
    return f"feature {place}" if isinstance(place, int) else place
