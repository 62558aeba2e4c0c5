"""A layer: the features of one kind in one file, and the days on which they count."""

from collections.abc import Iterable, Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from collector.geo import geojson


class Kind(StrEnum):
    """What a layer holds."""

    BOUNDARIES = "boundaries"
    ROADS = "roads"
    EXCEPTIONS = "exceptions"
    """Tunnels, detours, ferries and closed stretches of roads."""
    POINTS = "points"
    """The list of signal gaps, the centres of districts, key places."""
    POPULATION = "population"
    DECLARED = "declared"
    """Coverage as operators declare it."""
    SITES = "sites"
    """Sites as operators list them."""


class Dated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What counts from a day on or up to a day, both included."""

    valid_from: date | None = None
    """First day; None has always been."""
    valid_to: date | None = None
    """Last day; None is still."""

    def valid(self, day: date) -> bool:
        """Whether it counts on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


class Layer(Dated, frozen=True, kw_only=True, omit_defaults=False):
    """One version of a layer, or a file that the configuration names.

    `valid_from` and `valid_to` narrow the days of every feature.
    """

    kind: Kind
    name: str
    version: str | None = None
    sha256: str
    """Of the normalised features: the same whether they lie in the library or in a file."""
    file: Path

    @property
    def title(self) -> str:
        """Name and version, e.g. `communes 2`; what `boundary_set` says in a row."""
        return self.name if self.version is None else f"{self.name} {self.version}"


D = TypeVar("D", bound=Dated)


def read(
    source: Path | Layer, properties: type[D], geometries: frozenset[str]
) -> geojson.Collection[D]:
    """The features of a layer with the days that both they and the layer allow.

    Raises `geojson.GeographyError`.
    """
    if isinstance(source, Path):
        return geojson.read(source, properties, geometries)
    found = geojson.read(source.file, properties, geometries)
    return geojson.Collection(source.title, tuple(narrowed(found.features, source)))


def overlap(one: Dated, other: Dated) -> Dated | None:
    """The days on which both count, or None."""
    starts = [day for day in (one.valid_from, other.valid_from) if day is not None]
    ends = [day for day in (one.valid_to, other.valid_to) if day is not None]
    both = Dated(valid_from=max(starts, default=None), valid_to=min(ends, default=None))
    if both.valid_from is not None and both.valid_to is not None:
        return both if both.valid_from <= both.valid_to else None
    return both


def narrowed(features: Iterable[geojson.Feature[D]], days: Dated) -> Iterator[geojson.Feature[D]]:
    """The features on these days only; those that count on none of them are left out."""
    for feature in features:
        both = overlap(feature.properties, days)
        if both is not None:
            properties = msgspec.structs.replace(
                feature.properties, valid_from=both.valid_from, valid_to=both.valid_to
            )
            yield geojson.Feature(properties, feature.geometry, feature.place)
