"""Which commune, district and province a point lies in, by the boundaries valid on that day."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import shapely

from collector.geo import layer
from collector.geo.layer import Dated, Layer

GEOMETRIES = frozenset({"Polygon", "MultiPolygon"})
_FIRST_DAY = np.datetime64("0001-01-01", "D")
_LAST_DAY = np.datetime64("9999-12-31", "D")

NOWHERE = -1
"""Instead of an index into `areas`: no boundary set knows the place."""


Level = Literal["commune", "district", "province"]


class AreaProperties(Dated, frozen=True, kw_only=True):
    """What is known of an area apart from its outline."""

    code: str
    name: str
    level: Level = "commune"
    """Of the whole set; a set of communes may name the districts and provinces around them."""
    type: str | None = None
    district_code: str | None = None
    district: str | None = None
    province_code: str | None = None
    province: str | None = None
    demo: bool = False
    """Drawn for the demo: no legal boundary."""


class Area(AreaProperties, frozen=True, kw_only=True):
    """One area in one boundary set. Codes are unique within a set and a day only."""

    boundary_set: str


class Boundaries:
    """All sets of communes. Where two claim a point, the one listed first has it.

    Sets of districts or provinces are left to `areas`.
    """

    def __init__(self, sources: Iterable[Path | Layer]) -> None:
        """Read the sets; raises `geojson.GeographyError`."""
        areas: list[Area] = []
        polygons: list[Any] = []
        for source in sources:
            found = layer.read(source, AreaProperties, GEOMETRIES)
            for feature in found.features:
                if feature.properties.level == "commune":
                    properties = msgspec.structs.asdict(feature.properties)
                    areas.append(Area(boundary_set=found.name, **properties))
                    polygons.append(feature.geometry)
        self.areas = tuple(areas)
        self._polygons = np.array(polygons, dtype=object)
        shapely.prepare(self._polygons)
        self._tree = shapely.STRtree(polygons)
        self._from = _days((area.valid_from for area in areas), _FIRST_DAY)
        self._to = _days((area.valid_to for area in areas), _LAST_DAY)

    def find(self, lat_deg: Any, lon_deg: Any, day: Any) -> Any:
        """Index into `areas`, or `NOWHERE`, for arrays of finite points and their local days."""
        point, area = self._tree.query(shapely.points(lon_deg, lat_deg))
        valid = (day[point] >= self._from[area]) & (day[point] <= self._to[area])
        point, area = point[valid], area[valid]
        inside = shapely.intersects_xy(self._polygons[area], lon_deg[point], lat_deg[point])
        found = np.full(len(lat_deg), len(self.areas))
        np.minimum.at(found, point[inside], area[inside])
        return np.where(found == len(self.areas), NOWHERE, found)


def _days(days: Iterable[date | None], unknown: np.datetime64) -> Any:
    return np.array(
        [unknown if day is None else np.datetime64(day, "D") for day in days], "datetime64[D]"
    )
