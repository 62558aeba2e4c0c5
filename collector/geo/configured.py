"""The geography in use: files that the configuration names, then the layers of the library.

Where two layers claim the same place the one listed first has it, so files go before the library,
and in the library what was imported first goes first.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from collector.config import Config, ConfigError
from collector.geo import geojson
from collector.geo.areas import AreaSets
from collector.geo.boundaries import Boundaries
from collector.geo.declared import Declared, Sites
from collector.geo.exceptions import Exceptions
from collector.geo.geojson import GeographyError
from collector.geo.kinds import SHAPES
from collector.geo.layer import Kind, Layer
from collector.geo.library import Library
from collector.geo.locate import Locator
from collector.geo.normal import normalised, sha256_of
from collector.geo.points import Points
from collector.geo.population import Population
from collector.geo.roads import Roads

T = TypeVar("T")


def library(config: Config) -> Library:
    """The library of this installation."""
    return Library(config.store.geo)


def layers(config: Config, kind: Kind) -> tuple[Layer, ...]:
    """All layers of a kind: files in place, then the library.

    Raises `ConfigError` for a file and `library.LibraryError`.
    """
    return (*files_in_place(config, kind), *library(config).layers(kind))


def files_in_place(config: Config, kind: Kind) -> tuple[Layer, ...]:
    """The files that the configuration names; raises `ConfigError`."""
    files: Sequence[Path] = getattr(config.geo, kind.value)
    found = []
    for index, file in enumerate(files):
        try:
            found.append(in_place(kind, file))
        except GeographyError as error:
            raise ConfigError(config.file, f"geo.{kind}[{index}]", str(error)) from error
    return tuple(found)


def in_place(kind: Kind, file: Path) -> Layer:
    """A file as a layer; raises `GeographyError`."""
    shape = SHAPES[kind]
    found = geojson.read(file, shape.properties, shape.geometries)
    sha256 = sha256_of(normalised(found.features))
    return Layer(kind=kind, name=found.name, sha256=sha256, file=file)


def boundaries(config: Config) -> Boundaries:
    """The communes, for ingest; raises `ConfigError` or `library.LibraryError`, as all below."""
    return _read(config, Kind.BOUNDARIES, Boundaries)


def area_sets(config: Config) -> AreaSets:
    """Every boundary set beside each other, for verdicts."""
    return _read(config, Kind.BOUNDARIES, AreaSets)


def roads(config: Config) -> Roads:
    """The centre lines."""
    return _read(config, Kind.ROADS, Roads)


def exceptions(config: Config) -> Exceptions:
    """The stretches of roads that do not count as others do."""
    return _read(config, Kind.EXCEPTIONS, Exceptions)


def points(config: Config) -> Points:
    """The named points."""
    return _read(config, Kind.POINTS, Points)


def population(config: Config) -> Population:
    """Who lives where."""
    return _read(config, Kind.POPULATION, Population)


def declared(config: Config) -> Declared:
    """The operators' declared coverage."""
    return _read(config, Kind.DECLARED, Declared)


def sites(config: Config) -> Sites:
    """The operators' sites."""
    return _read(config, Kind.SITES, Sites)


def locator(config: Config) -> Locator:
    """What locates records by communes and roads."""
    return Locator(boundaries(config), roads(config))


def _read(config: Config, kind: Kind, read: Callable[[tuple[Layer, ...]], T]) -> T:
    found = layers(config, kind)
    try:
        return read(found)
    except GeographyError as error:
        # Whole layers were read before, so what is wrong lies between two of them.
        files: Sequence[Path] = getattr(config.geo, kind.value)
        if error.file in files:
            place = f"geo.{kind}[{files.index(error.file)}]"
            raise ConfigError(config.file, place, str(error)) from error
        raise
