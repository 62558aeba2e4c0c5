"""What operators say of their networks: coverage areas and sites. Claims to be audited."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from collector.geo import layer
from collector.geo.layer import Dated, Layer

COVERAGE_GEOMETRIES = frozenset({"Polygon", "MultiPolygon"})
SITE_GEOMETRIES = frozenset({"Point"})


class Technology(StrEnum):
    """What a network runs."""

    G2 = "2g"
    G3 = "3g"
    G4 = "4g"
    G5 = "5g"


class CoverageProperties(Dated, frozen=True, kw_only=True):
    """Whose coverage it is."""

    operator: str
    """Its name or one of its PLMNs, as `operators.toml` has them."""
    technology: Technology
    note: str | None = None


class Coverage(NamedTuple):
    """One declared polygon, in degrees, longitude first."""

    properties: CoverageProperties
    geometry: Any
    layer: str
    """Name and version of the layer that has it."""


class SiteProperties(Dated, frozen=True, kw_only=True):
    """What an operator's list says of a site."""

    operator: str
    code: str
    technology: Technology | None = None
    """A site with several has one line for each; None is not said."""
    name: str | None = None
    area_code: str | None = None
    height_m: Annotated[float, Meta(ge=0, le=1000)] | None = None
    """Of the antennas above the ground."""
    note: str | None = None


class Site(NamedTuple):
    """One site of a list."""

    properties: SiteProperties
    lat_deg: float
    lon_deg: float
    layer: str


class Declared:
    """The declared coverage of all layers together."""

    def __init__(self, sources: Iterable[Path | Layer]) -> None:
        """Read the layers; raises `geojson.GeographyError`."""
        self.coverage: tuple[Coverage, ...] = tuple(
            Coverage(feature.properties, feature.geometry, found.name)
            for found in (
                layer.read(one, CoverageProperties, COVERAGE_GEOMETRIES) for one in sources
            )
            for feature in found.features
        )

    def on(
        self, day: date, *, technology: Technology, operator: str | None = None
    ) -> tuple[Coverage, ...]:
        """What is declared on that day, by one operator or by all."""
        return tuple(
            one
            for one in self.coverage
            if one.properties.valid(day)
            and one.properties.technology is technology
            and operator in (None, one.properties.operator)
        )


class Sites:
    """The site lists of all layers together."""

    def __init__(self, sources: Iterable[Path | Layer]) -> None:
        """Read the layers; raises `geojson.GeographyError`."""
        self.sites: tuple[Site, ...] = tuple(
            Site(feature.properties, feature.geometry.y, feature.geometry.x, found.name)
            for found in (layer.read(one, SiteProperties, SITE_GEOMETRIES) for one in sources)
            for feature in found.features
        )

    def on(
        self, day: date, *, technology: Technology | None = None, operator: str | None = None
    ) -> tuple[Site, ...]:
        """The sites listed on that day; a site that does not say its technology is of none."""
        return tuple(
            one
            for one in self.sites
            if one.properties.valid(day)
            and technology in (None, one.properties.technology)
            and operator in (None, one.properties.operator)
        )
