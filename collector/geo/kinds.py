"""What the features of each kind of layer must say, and which geometry they have."""

from typing import NamedTuple

from collector.geo import boundaries, declared, exceptions, points, population, roads
from collector.geo.layer import Dated, Kind


class Shape(NamedTuple):
    """One kind of layer."""

    properties: type[Dated]
    geometries: frozenset[str]


SHAPES = {
    Kind.BOUNDARIES: Shape(boundaries.AreaProperties, boundaries.GEOMETRIES),
    Kind.ROADS: Shape(roads.RoadProperties, roads.GEOMETRIES),
    Kind.EXCEPTIONS: Shape(exceptions.Stretch, exceptions.GEOMETRIES),
    Kind.POINTS: Shape(points.PointProperties, points.GEOMETRIES),
    Kind.POPULATION: Shape(population.PopulationProperties, population.GEOMETRIES),
    Kind.DECLARED: Shape(declared.CoverageProperties, declared.COVERAGE_GEOMETRIES),
    Kind.SITES: Shape(declared.SiteProperties, declared.SITE_GEOMETRIES),
}
