"""Population: people once, in areas that there are or in cells that do not overlap."""

from collections.abc import Iterator, Sequence

import numpy as np
import shapely

from collector.geo.checks.checked import Checked, duplicates, named, shortened
from collector.geo.ellipsoid import area_km2
from collector.geo.finding import Finding
from collector.geo.geojson import Feature
from collector.geo.layer import overlap
from collector.geo.population import PopulationProperties
from collector.geo.surroundings import Surroundings

OVERLAP_SHARE = 0.01
"""Of a cell. Less is how it was rounded."""
TRIED_CELLS = 5000
"""A grid of the wrong cell size overlaps everywhere: its first cells tell."""

People = Sequence[Feature[PopulationProperties]]


def check(features: People, around: Surroundings) -> Checked:
    """Codes once, cells apart; unknown codes are told; how many people there are."""
    areas = [feature for feature in features if feature.geometry is None]
    cells = [feature for feature in features if feature.geometry is not None]
    findings = [
        *shortened(_nowhere(areas)),
        *shortened(duplicates(areas, lambda one: (one.boundary_set, one.code), "set and code")),
        *shortened(_overlaps(cells)),
        *shortened(_unknown(areas, around)),
    ]
    figures = {
        "people": sum(feature.properties.population for feature in features),
        "areas": float(len(areas)),
        "cells": float(len(cells)),
    }
    return Checked(tuple(findings), figures)


def _nowhere(areas: People) -> Iterator[Finding]:
    for feature in areas:
        if feature.properties.code is None:
            text = "has neither the code of an area nor a place: people of where?"
            yield Finding(feature.place, text, fatal=True)


def _overlaps(cells: People) -> Iterator[Finding]:
    """Cells that would count people twice."""
    tried = cells[:TRIED_CELLS]
    outlines = np.array([feature.geometry for feature in tried], dtype=object)
    one, other = shapely.STRtree(outlines).query(outlines, predicate="intersects")
    pairs = one < other
    one, other = one[pairs], other[pairs]
    shared = area_km2(shapely.intersection(outlines[one], outlines[other]))
    smaller = np.minimum(area_km2(outlines[one]), area_km2(outlines[other]))
    for index in np.flatnonzero(shared > OVERLAP_SHARE * smaller):
        first, second = tried[one[index]], tried[other[index]]
        if overlap(first.properties, second.properties) is not None:
            text = (
                f"shares {shared[index] / smaller[index]:.0%} of its cell with"
                f" {named(first.place)}: is the size of the cells right?"
            )
            yield Finding(second.place, text, fatal=True)


def _unknown(areas: People, around: Surroundings) -> Iterator[Finding]:
    sets = around.area_sets.sets
    titles = {title for one in sets for title in (one.title, one.name)}
    for feature in areas:
        said = feature.properties
        own = [one for one in sets if said.boundary_set in (None, one.title, one.name)]
        if said.boundary_set is not None and said.boundary_set not in titles:
            text = f"boundary_set {said.boundary_set!r} is not there; there are:"
            yield Finding(feature.place, f"{text} {', '.join(sorted(titles)) or 'none yet'}")
        elif own and not any(area.code == said.code for one in own for area in one.areas):
            yield Finding(feature.place, f"code {said.code} is in no boundary set it may be of")
