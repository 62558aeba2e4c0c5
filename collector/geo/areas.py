"""Old and new areas side by side: in which area of each boundary set points lie.

A code says nothing without its set: 24611 was the ward Nghĩa Đức before 1 July 2025 and is the ward
Bắc Gia Nghĩa since, made of four old communes. So every set that has areas on a day stays
available, and points are assigned to one set at a time.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from collector.geo import layer
from collector.geo._tiles import Tiles
from collector.geo.boundaries import GEOMETRIES, NOWHERE, Area, AreaProperties, Level
from collector.geo.geojson import GeographyError
from collector.geo.layer import Layer

__all__ = ["NOWHERE", "Area", "AreaSet", "AreaSets", "Placed"]


class Placed(NamedTuple):
    """Arrays, one entry a point. A code is None where the set does not say it."""

    area: Any
    """Index into `AreaSet.areas`, or `NOWHERE`."""
    border: Any
    """Whether the circle of the position's error reaches another area or the outside.

    Such a sample is counted once all the same: in the area that contains it.
    """
    commune: Any
    district: Any
    province: Any


class AreaSet:
    """The areas of one boundary set that are valid together. Never changes: threads may share it.

    Where two areas claim a point, the one listed first has it.
    """

    def __init__(
        self,
        name: str,
        version: str | None,
        sha256: str | None,
        areas: Iterable[Area],
        outlines: Iterable[Any],
    ) -> None:
        """Areas and their outlines, polygons in degrees and longitude first, in one order."""
        self.name = name
        self.version = version
        self.sha256 = sha256
        """Of the layer's content; None for a file whose hash nobody took."""
        self.areas = tuple(areas)
        self.outlines = np.array(list(outlines), dtype=object)
        self._days: dict[tuple[bool, ...], AreaSet] = {}

    @property
    def title(self) -> str:
        """Name and version: what `boundary_set` says in a row."""
        return self.name if self.version is None else f"{self.name} {self.version}"

    @property
    def level(self) -> Level:
        """What its areas are."""
        return self.areas[0].level if self.areas else "commune"

    @property
    def demo(self) -> bool:
        """Whether any of it is drawn for the demo."""
        return any(area.demo for area in self.areas)

    def valid(self, day: date) -> "AreaSet":
        """The set with only the areas of that day, maybe none."""
        valid = tuple(area.valid(day) for area in self.areas)
        if all(valid):
            return self
        if valid not in self._days:
            kept = np.flatnonzero(valid)
            self._days[valid] = AreaSet(
                self.name,
                self.version,
                self.sha256,
                [self.areas[i] for i in kept],
                self.outlines[kept],
            )
        return self._days[valid]

    def codes(self, level: Level) -> Any:
        """Code of each area at a level, or None; one more than there are areas, for `NOWHERE`."""
        if level == self.level:
            return np.array([*(area.code for area in self.areas), None], dtype=object)
        field = f"{level}_code"
        return np.array([*(getattr(area, field, None) for area in self.areas), None], dtype=object)

    def assign(self, lat_deg: Any, lon_deg: Any, error_m: Any) -> Placed:
        """The area of each point; `error_m` is the radius that holds it with 95 %.

        An error that is not known (NaN) makes no point a border point: leave such points out
        before, or give them the error you believe. A point that is no number lies nowhere.
        """
        lat, lon, error = (np.asarray(one, dtype=float) for one in (lat_deg, lon_deg, error_m))
        area, border = self._tiles.find(lat, lon, error)
        return Placed(
            area=area,
            border=border,
            commune=self._commune[area],
            district=self._district[area],
            province=self._province[area],
        )

    @cached_property
    def _tiles(self) -> Tiles:
        return Tiles(self.outlines)

    @cached_property
    def _commune(self) -> Any:
        return self.codes("commune")

    @cached_property
    def _district(self) -> Any:
        return self.codes("district")

    @cached_property
    def _province(self) -> Any:
        return self.codes("province")


class AreaSets:
    """Every boundary set that is configured or imported, in this order."""

    def __init__(self, sources: Iterable[Path | Layer]) -> None:
        """Read the sets; raises `geojson.GeographyError`."""
        self.sets: tuple[AreaSet, ...] = tuple(_set(source) for source in sources)

    def on(self, day: date) -> tuple[AreaSet, ...]:
        """All sets with areas on that day, and of each only those."""
        found = (one.valid(day) for one in self.sets)
        return tuple(one for one in found if one.areas)

    def named(self, title: str) -> AreaSet | None:
        """The set of that name and version, or the last one of that name."""
        exact = [one for one in self.sets if one.title == title]
        return next(reversed(exact or [one for one in self.sets if one.name == title]), None)


def _set(source: Path | Layer) -> AreaSet:
    found = layer.read(source, AreaProperties, GEOMETRIES)
    file = source if isinstance(source, Path) else source.file
    areas = []
    of_code: dict[str, list[Area]] = defaultdict(list)
    for feature in found.features:
        properties = msgspec.structs.asdict(feature.properties)
        area = Area(boundary_set=found.name, **properties)
        areas.append(area)
        if area.level != areas[0].level:
            what = f"is a {area.level} in a set of {areas[0].level}s: one set for each level"
            raise GeographyError(file, feature.place, what)
        if any(layer.overlap(area, other) is not None for other in of_code[area.code]):
            what = f"has the code {area.code!r} of another area on the same days"
            raise GeographyError(file, feature.place, what)
        of_code[area.code].append(area)
    outlines = [feature.geometry for feature in found.features]
    if isinstance(source, Path):
        return AreaSet(found.name, None, None, areas, outlines)
    return AreaSet(source.name, source.version, source.sha256, areas, outlines)
