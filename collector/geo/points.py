"""Named points: the list of signal gaps, the centres of districts, key places."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from pathlib import Path

from collector.geo import layer
from collector.geo.layer import Dated, Layer

GEOMETRIES = frozenset({"Point"})


class PointKind(StrEnum):
    """Why a point is looked at."""

    SIGNAL_GAP = "signal_gap"
    """Of the list of places without signal (target T2)."""
    DISTRICT_CENTRE = "district_centre"
    """The seat of a district's People's Committee (target T7a)."""
    KEY_PLACE = "key_place"
    """Hospitals, industrial parks, border gates and the like."""


class PointProperties(Dated, frozen=True, kw_only=True):
    """What is known of a point apart from where it is."""

    kind: PointKind
    code: str
    name: str
    area_code: str | None = None
    """Of the commune, as its list says; None is found from the boundaries."""
    district_code: str | None = None
    note: str | None = None


class Point(PointProperties, frozen=True, kw_only=True):
    """One point. Codes are unique within a kind and a day."""

    lat_deg: float
    lon_deg: float
    layer: str
    """Name and version of the layer that has it."""


class Points:
    """The points of all layers. Of a code in two of them the layer listed first has it."""

    def __init__(self, sources: Iterable[Path | Layer]) -> None:
        """Read the layers; raises `geojson.GeographyError`."""
        self.points: tuple[Point, ...] = tuple(
            Point(
                **{key: getattr(feature.properties, key) for key in _KEYS},
                lat_deg=feature.geometry.y,
                lon_deg=feature.geometry.x,
                layer=found.name,
            )
            for found in (layer.read(one, PointProperties, GEOMETRIES) for one in sources)
            for feature in found.features
        )

    def on(self, day: date, kind: PointKind | None = None) -> tuple[Point, ...]:
        """The points that count on that day, of one kind or of all, in the order of the layers."""
        found: dict[tuple[PointKind, str], Point] = {}
        for point in self.points:
            if point.valid(day) and kind in (None, point.kind):
                found.setdefault((point.kind, point.code), point)
        return tuple(found.values())


_KEYS = PointProperties.__struct_fields__
