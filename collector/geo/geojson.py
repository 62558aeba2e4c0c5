"""GeoJSON files as typed features, or an error that names the file and the feature."""

from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
import shapely

MAX_LATITUDE_DEG = 90.0
MAX_LONGITUDE_DEG = 180.0

P = TypeVar("P")


class GeographyError(ValueError):
    """A file of boundaries or roads cannot be used; `feature` counts from 0, None is the file."""

    def __init__(self, file: Path, feature: int | None, problem: str) -> None:
        """Keep where and what."""
        place = "" if feature is None else f" feature {feature}:"
        super().__init__(f"{file.name}:{place} {problem}")
        self.file = file
        self.feature = feature
        self.problem = problem


class Feature(msgspec.Struct, Generic[P], frozen=True):
    """One feature: its checked properties and its geometry in degrees, longitude first."""

    properties: P
    geometry: Any


class Collection(msgspec.Struct, Generic[P], frozen=True):
    """A whole file. `name` is the set's own name and version, else the file's."""

    name: str
    features: tuple[Feature[P], ...]


class _RawFeature(msgspec.Struct, frozen=True):
    properties: dict[str, Any]
    geometry: msgspec.Raw


class _RawCollection(msgspec.Struct, frozen=True):
    features: list[msgspec.Raw]
    name: str | None = None
    version: str | int | None = None


def read(file: Path, properties: type[P], geometries: frozenset[str]) -> Collection[P]:
    """The features of a file; `geometries` are the GeoJSON types that make sense.

    Raises `GeographyError`.
    """
    try:
        raw = msgspec.json.decode(file.read_bytes(), type=_RawCollection)
    except (OSError, msgspec.DecodeError) as error:
        raise GeographyError(file, None, str(error)) from error
    if not raw.features:
        raise GeographyError(file, None, "holds no feature")
    name = " ".join(str(part) for part in (raw.name or file.stem, raw.version) if part is not None)
    features = []
    for index, line in enumerate(raw.features):
        try:
            features.append(_feature(line, properties, geometries))
        except ValueError as error:
            raise GeographyError(file, index, str(error)) from error
    return Collection(name, tuple(features))


def _feature(line: msgspec.Raw, properties: type[P], geometries: frozenset[str]) -> Feature[P]:
    raw = msgspec.json.decode(line, type=_RawFeature)
    try:
        geometry: Any = shapely.from_geojson(bytes(raw.geometry))
    except shapely.GEOSException as error:
        raise ValueError(f"geometry cannot be read: {error}") from error
    if geometry is None or geometry.geom_type not in geometries:
        kind = "none" if geometry is None else geometry.geom_type
        raise ValueError(f"geometry is {kind}, not {' or '.join(sorted(geometries))}")
    coordinates = shapely.get_coordinates(geometry)
    if not len(coordinates) or not np.isfinite(coordinates).all():
        raise ValueError("geometry without coordinates")
    limits = np.array([MAX_LONGITUDE_DEG, MAX_LATITUDE_DEG])
    if (np.abs(coordinates) > limits).any():
        raise ValueError("coordinates are not longitude and latitude in degrees")
    if not shapely.is_valid(geometry):
        raise ValueError(f"geometry is not valid: {shapely.is_valid_reason(geometry)}")
    return Feature(msgspec.convert(raw.properties, properties), geometry)
