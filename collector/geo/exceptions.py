"""Stretches of roads that do not count as others do: tunnels, detours, ferries, closed ones."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from collector.geo import layer
from collector.geo.geojson import NO_GEOMETRY
from collector.geo.layer import Dated, Layer

GEOMETRIES = frozenset({NO_GEOMETRY})

Chainage = Annotated[float, Meta(ge=0, le=10_000_000)]


class StretchKind(StrEnum):
    """Why a stretch is an exception."""

    TUNNEL = "tunnel"
    DETOUR = "detour"
    """Traffic goes elsewhere, so nobody drives here."""
    CLOSED = "closed"
    FERRY = "ferry"


class Stretch(Dated, frozen=True, kw_only=True):
    """One exception, by road and chainage from the beginning of its centre line."""

    road: str
    from_m: Chainage
    to_m: Chainage
    kind: StretchKind
    operator: str | None = None
    """The only one it is granted to; None is granted to all."""
    note: str | None = None


class Exceptions:
    """The exceptions of all layers together."""

    def __init__(self, sources: Iterable[Path | Layer]) -> None:
        """Read the layers; raises `geojson.GeographyError`."""
        self.stretches: tuple[Stretch, ...] = tuple(
            feature.properties
            for source in sources
            for feature in layer.read(source, Stretch, GEOMETRIES).features
        )

    def on(self, road: str, day: date, *, operator: str | None = None) -> tuple[Stretch, ...]:
        """Those of a road on a day, by chainage: granted to all, and to the operator if named."""
        found = [
            stretch
            for stretch in self.stretches
            if stretch.road == road
            and stretch.valid(day)
            and (stretch.operator is None or stretch.operator == operator)
        ]
        return tuple(sorted(found, key=lambda stretch: (stretch.from_m, stretch.to_m)))
