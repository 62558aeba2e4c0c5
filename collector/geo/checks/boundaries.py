"""Boundary sets: one level, codes once, and no ground that two areas claim or none does."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import shapely

from collector.geo.boundaries import AreaProperties
from collector.geo.checks.checked import Checked, duplicates, named, shortened
from collector.geo.ellipsoid import area_km2
from collector.geo.finding import Finding
from collector.geo.geojson import Feature
from collector.geo.layer import overlap
from collector.geo.surroundings import Surroundings

SLIVER_KM2 = 0.01
"""Less is how outlines are drawn and not what they mean; it is added up."""

Areas = Sequence[Feature[AreaProperties]]


def check(features: Areas, around: Surroundings) -> Checked:
    """One level, unique codes; overlaps, holes and codes that other sets use too are told."""
    findings = [
        *shortened(_levels(features)),
        *shortened(duplicates(features, lambda area: area.code, "code")),
    ]
    outlines = np.array([feature.geometry for feature in features], dtype=object)
    overlaps = list(_overlaps(features, outlines))
    holes = list(_holes(features, outlines))
    findings += shortened(finding for km2, finding in overlaps if km2 >= SLIVER_KM2)
    findings += shortened(finding for km2, finding in holes if km2 >= SLIVER_KM2)
    findings += shortened(_reused(features, around))
    return Checked(
        tuple(findings),
        {
            "area_km2": float(np.sum(area_km2(outlines))),
            "overlaps_km2": sum(km2 for km2, _ in overlaps),
            "holes_km2": sum(km2 for km2, _ in holes),
        },
    )


def _levels(features: Areas) -> Iterator[Finding]:
    level = features[0].properties.level
    for feature in features:
        if feature.properties.level != level:
            text = f"is a {feature.properties.level} in a set of {level}s: one set for each level"
            yield Finding(feature.place, text, fatal=True)


def _overlaps(features: Areas, outlines: Any) -> Iterator[tuple[float, Finding]]:
    """Ground that two areas claim on the same days, the largest first."""
    tree = shapely.STRtree(outlines)
    one, other = tree.query(outlines, predicate="intersects")
    pairs = one < other
    one, other = one[pairs], other[pairs]
    km2 = area_km2(shapely.intersection(outlines[one], outlines[other]))
    for index in np.argsort(-km2):
        first, second = features[one[index]], features[other[index]]
        if km2[index] > 0 and overlap(first.properties, second.properties) is not None:
            text = (
                f"{second.properties.name} overlaps {named(first.place)}, {first.properties.name},"
                f" by {km2[index]:.2f} km2: the one listed first has it"
            )
            yield float(km2[index]), Finding(second.place, text)


def _holes(features: Areas, outlines: Any) -> Iterator[tuple[float, Finding]]:
    """Ground inside of the set that no area claims, the largest first."""
    holes: dict[bytes, Any] = {}
    for day in sorted({feature.properties.valid_from or date.min for feature in features}):
        valid = [feature.properties.valid(day) for feature in features]
        union = shapely.union_all(outlines[np.array(valid)])
        for part in shapely.get_parts(union):
            for ring in shapely.get_rings(part)[1:]:
                hole = shapely.normalize(shapely.Polygon(ring))
                holes[shapely.to_wkb(hole)] = hole
    for hole in sorted(holes.values(), key=area_km2, reverse=True):
        place = shapely.point_on_surface(hole)
        around = [
            feature.properties.name
            for feature, near in zip(features, shapely.intersects(outlines, hole), strict=True)
            if near
        ]
        km2 = float(area_km2(hole))
        text = (
            f"no area has {km2:.2f} km2 at latitude {place.y:.5f}, longitude {place.x:.5f},"
            f" between {', '.join(around[:4])}"
        )
        yield km2, Finding(None, text)


def _reused(features: Areas, around: Surroundings) -> Iterator[Finding]:
    """Codes that name another area in another set on the same days."""
    for area_set in around.area_sets.sets:
        others = {area.code: area for area in area_set.areas}
        reused = [
            (feature.properties, others[feature.properties.code])
            for feature in features
            if feature.properties.code in others
            and others[feature.properties.code].name != feature.properties.name
            and overlap(feature.properties, others[feature.properties.code]) is not None
        ]
        if reused:
            ours, theirs = reused[0]
            text = (
                f"{len(reused)} codes name another area in {area_set.title!r} on the same days,"
                f" e.g. {ours.code} is {ours.name} here and {theirs.name} there: a code is only"
                " known with its set"
            )
            yield Finding(None, text)
