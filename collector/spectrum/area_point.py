"""A point inside an area of the configured boundary sets, to measure distances from."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec
import shapely

from collector.geo import geojson
from collector.spectrum.tv_sites import Point

_POLYGONS = frozenset({"Polygon", "MultiPolygon"})


class _Properties(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    valid_from: date | None = None
    valid_to: date | None = None

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


def area_point(files: Iterable[Path], code: str, day: date) -> Point | None:
    """A point well inside the commune of a code on a day, of the set listed first that has it.

    None where no set has it, as for whole districts and provinces. Raises `GeographyError`.
    """
    for file in files:
        for feature in geojson.read(file, _Properties, _POLYGONS).features:
            if feature.properties.code == code and feature.properties.valid_on(day):
                inside = shapely.point_on_surface(feature.geometry)
                return Point(lat_deg=inside.y, lon_deg=inside.x)
    return None
