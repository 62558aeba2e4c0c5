"""Whether a layer makes sense: in itself, and beside what is there already."""

from collections.abc import Callable, Sequence
from typing import Any

from collector.geo.checks import boundaries, declared, exceptions, points, population, roads
from collector.geo.checks.checked import Checked
from collector.geo.geojson import Feature
from collector.geo.layer import Kind
from collector.geo.surroundings import Surroundings

__all__ = ["Checked", "check"]

_CHECKS: dict[Kind, Callable[[Sequence[Feature[Any]], Surroundings], Checked]] = {
    Kind.BOUNDARIES: boundaries.check,
    Kind.ROADS: roads.check,
    Kind.EXCEPTIONS: exceptions.check,
    Kind.POINTS: points.check,
    Kind.POPULATION: population.check,
    Kind.DECLARED: declared.check_coverage,
    Kind.SITES: declared.check_sites,
}


def check(kind: Kind, features: Sequence[Feature[Any]], around: Surroundings) -> Checked:
    """What was found, and the figures by which a person sees that it is the right file."""
    return _CHECKS[kind](features, around)
