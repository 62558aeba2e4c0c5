"""How many people live where: in areas by their code, or in the cells of a grid.

The plan's target for 5G coverage (T7b) is a share of people, and a district's mean may be weighted
by its communes' people (T1): neither is worked out from a number that nobody gave.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import shapely
from msgspec import Meta

from collector.geo import layer
from collector.geo.areas import NOWHERE, AreaSet
from collector.geo.geojson import NO_GEOMETRY
from collector.geo.layer import Dated, Layer

GEOMETRIES = frozenset({NO_GEOMETRY, "Polygon", "MultiPolygon"})

People = Annotated[float, Meta(ge=0, le=2e9)]


class PopulationProperties(Dated, frozen=True, kw_only=True):
    """The people of one area or of one cell. Grids have fractions of them."""

    population: People
    code: str | None = None
    """Of the area; a cell has an outline instead."""
    boundary_set: str | None = None
    """Name of the boundary set, with or without its version, that the code is of."""


class Cells(NamedTuple):
    """The cells of all grids on a day, one entry each."""

    people: Any
    lat_deg: Any
    """Of a point inside."""
    lon_deg: Any
    outlines: Any
    """Polygons in degrees, longitude first."""


class Population:
    """The population of all layers together."""

    def __init__(self, sources: Iterable[Path | Layer]) -> None:
        """Read the layers; raises `geojson.GeographyError`."""
        self._areas: list[PopulationProperties] = []
        self._cells: list[tuple[PopulationProperties, Any]] = []
        for source in sources:
            for feature in layer.read(source, PopulationProperties, GEOMETRIES).features:
                if feature.geometry is None:
                    self._areas.append(feature.properties)
                else:
                    self._cells.append((feature.properties, feature.geometry))

    @property
    def count(self) -> int:
        """How many areas and cells have a number."""
        return len(self._areas) + len(self._cells)

    def by_code(self, area_set: AreaSet, day: date) -> dict[str, float]:
        """People by code of an area, as lists give them for this boundary set and day.

        An area without a number is not in it. A list that names no set is of all of them; where
        two give a number, the one listed first counts.
        """
        known = {area.code for area in area_set.areas}
        found: dict[str, float] = {}
        for one in self._areas:
            if one.code in known and one.valid(day) and _is_of(one, area_set):
                found.setdefault(one.code, one.population)
        return found

    def cells(self, day: date) -> Cells:
        """The cells of the grids on that day."""
        valid = [(one.population, outline) for one, outline in self._cells if one.valid(day)]
        outlines = np.array([outline for _, outline in valid], dtype=object)
        inside = shapely.point_on_surface(outlines)
        return Cells(
            people=np.array([people for people, _ in valid], dtype=float),
            lat_deg=shapely.get_y(inside),
            lon_deg=shapely.get_x(inside),
            outlines=outlines,
        )

    def of(self, area_set: AreaSet, day: date) -> dict[str, float]:
        """People by code: as a list gives them, else the sum of the cells inside an area.

        An area that no list names and that holds no cell is not in it: unknown is not 0.
        """
        cells = self.cells(day)
        placed = area_set.assign(cells.lat_deg, cells.lon_deg, np.zeros(len(cells.people)))
        summed: dict[str, float] = {}
        for index in np.unique(placed.area[placed.area != NOWHERE]):
            people = cells.people[placed.area == index].sum()
            summed[area_set.areas[index].code] = float(people)
        return summed | self.by_code(area_set, day)


def _is_of(one: PopulationProperties, area_set: AreaSet) -> bool:
    return one.boundary_set in (None, area_set.title, area_set.name)
