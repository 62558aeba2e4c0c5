"""Points: codes once, inside of the boundaries, and in the commune they name."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import shapely

from collector.geo.areas import NOWHERE
from collector.geo.checks.checked import Checked, duplicates, outside, shortened
from collector.geo.finding import Finding
from collector.geo.geojson import Feature
from collector.geo.points import PointProperties
from collector.geo.surroundings import Surroundings

Given = Sequence[Feature[PointProperties]]


def check(features: Given, around: Surroundings) -> Checked:
    """Unique codes; points outside or in another commune are told; how many of each kind."""
    findings = [
        *shortened(duplicates(features, lambda one: (one.kind.value, one.code), "kind and code")),
        *shortened(outside(features, around)),
        *shortened(_elsewhere(features, around)),
    ]
    counts = Counter(feature.properties.kind.value for feature in features)
    return Checked(tuple(findings), {kind: float(count) for kind, count in counts.items()})


def _elsewhere(features: Given, around: Surroundings) -> Iterator[Finding]:
    """Points whose commune is known in some set and does not contain them in any."""
    sets = [one for one in around.area_sets.sets if one.level == "commune"]
    claiming = [feature for feature in features if feature.properties.area_code is not None]
    if not sets or not claiming:
        return
    places = np.array([feature.geometry for feature in claiming])
    known = [{area.code for area in area_set.areas} for area_set in sets]
    placed = [
        one.assign(shapely.get_y(places), shapely.get_x(places), np.zeros(len(places)))
        for one in sets
    ]
    for index, feature in enumerate(claiming):
        code = feature.properties.area_code
        if not any(code in codes for codes in known):
            yield Finding(feature.place, f"area_code {code} is of no boundary set")
        elif all(one.commune[index] != code for one in placed):
            there = [
                area_set.areas[one.area[index]].name
                for area_set, one in zip(sets, placed, strict=True)
                if one.area[index] != NOWHERE
            ]
            text = f"area_code is {code}, but the point lies in {' or '.join(there) or 'no area'}"
            yield Finding(feature.place, text)
