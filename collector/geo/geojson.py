"""GeoJSON files as typed features, or an error that names the file and the feature."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
import shapely

from collector.geo.as_stored import nfc, rounded

MAX_LATITUDE_DEG = 90.0
MAX_LONGITUDE_DEG = 180.0

_DEGREES = ("CRS84", ":4326")
"""How the names of the system end that is ours."""

NO_GEOMETRY = "none"
"""Among the types of geometry that make sense: a feature may do without."""

P = TypeVar("P", bound=msgspec.Struct)


class GeographyError(ValueError):
    """A file of boundaries, roads or the like cannot be used.

    `feature` counts from 0, or names the place in a file of another format; None is the file.
    """

    def __init__(self, file: Path, feature: int | str | None, problem: str) -> None:
        """Keep where and what."""
        super().__init__(f"{file.name}:{place_of(feature)} {problem}")
        self.file = file
        self.feature = feature
        self.problem = problem


def place_of(feature: int | str | None) -> str:
    """` feature 3:` or ` line 12:`, or nothing for the whole file."""
    if feature is None:
        return ""
    return f" feature {feature}:" if isinstance(feature, int) else f" {feature}:"


class Feature(msgspec.Struct, Generic[P], frozen=True):
    """One feature: its checked properties and its geometry in degrees, longitude first."""

    properties: P
    geometry: Any
    place: int | str
    """Where it stands in its file: a number counts features from 0."""


class Collection(msgspec.Struct, Generic[P], frozen=True):
    """A whole file. `name` is the set's own name and version, else the file's."""

    name: str
    features: tuple[Feature[P], ...]


class RawFeature(msgspec.Struct, frozen=True):
    """A feature as it stands in the file."""

    properties: msgspec.Raw
    geometry: msgspec.Raw


class Crs(msgspec.Struct, frozen=True):
    """The coordinate system, as files of before RFC 7946 say it."""

    properties: dict[str, Any] = {}


class RawCollection(msgspec.Struct, frozen=True):
    """A file as it is, its features still to be looked at."""

    features: list[msgspec.Raw]
    name: str | None = None
    version: str | int | None = None
    crs: Crs | None = None

    def title(self, file: Path) -> str:
        """Name and version of the set, else the file's."""
        parts = (self.name or file.stem, self.version)
        return " ".join(str(part) for part in parts if part is not None)


def read(file: Path, properties: type[P], geometries: frozenset[str]) -> Collection[P]:
    """The features of a file; `geometries` are the GeoJSON types that make sense.

    Coordinates and texts are those that would be stored: a verdict that is made from a file in
    place is made from what is frozen with it. Raises `GeographyError`.
    """
    try:
        raw = msgspec.json.decode(file.read_bytes(), type=RawCollection)
    except (OSError, ValueError, RecursionError) as error:
        raise GeographyError(file, None, str(error)) from error
    check_system(file, raw)
    if not raw.features:
        raise GeographyError(file, None, "holds no feature")
    lines = []
    said = []
    for index, line in enumerate(raw.features):
        try:
            lines.append(msgspec.json.decode(line, type=RawFeature))
            said.append(msgspec.json.decode(lines[-1].properties, type=properties))
        except (ValueError, RecursionError) as error:
            raise GeographyError(file, index, str(error)) from error
    given = _all_decoded(file, lines)
    _refuse_first(file, given, geometries)
    found = rounded(given)
    # Rounding moves vertices: what is judged must be valid as well.
    _refuse_first(file, found, geometries)
    features = tuple(map(Feature, map(_as_stored, said), found, range(len(said))))
    return Collection(raw.title(file), features)


def check_system(file: Path, raw: RawCollection) -> None:
    """Raises `GeographyError` where the file says that it is in another system than ours."""
    system = str(raw.crs.properties.get("name", "")) if raw.crs else ""
    if system and not system.endswith(_DEGREES):
        what = f"coordinates are in {system}: export them in WGS 84 (EPSG:4326)"
        raise GeographyError(file, None, what)


def decoded(geometry: msgspec.Raw) -> Any:
    """The geometry, not looked at yet; None for `null`. Raises ValueError."""
    if bytes(geometry) == b"null":
        return None
    try:
        return shapely.from_geojson(bytes(geometry))
    except shapely.GEOSException as error:
        raise ValueError(f"geometry cannot be read: {error}") from error


def checked(geometry: Any, geometries: frozenset[str]) -> Any:
    """The geometry, if it is one of these types, in degrees and valid. Raises ValueError."""
    kind = NO_GEOMETRY if geometry is None else geometry.geom_type
    if kind not in geometries:
        raise ValueError(f"geometry is {kind}, not {' or '.join(sorted(geometries))}")
    if geometry is None:
        return None
    coordinates = shapely.get_coordinates(geometry)
    if not len(coordinates) or not np.isfinite(coordinates).all():
        raise ValueError("geometry without coordinates")
    limits = np.array([MAX_LONGITUDE_DEG, MAX_LATITUDE_DEG])
    if (np.abs(coordinates) > limits).any():
        raise ValueError(f"coordinates are not longitude and latitude in degrees{_hint(geometry)}")
    if not shapely.is_valid(geometry):
        raise ValueError(f"geometry is not valid: {shapely.is_valid_reason(geometry)}")
    return geometry


def _all_decoded(file: Path, lines: Sequence[RawFeature]) -> Any:
    """The geometries of all features; grids have hundreds of thousands."""
    texts = [bytes(line.geometry) for line in lines]
    given = np.array([None if text == b"null" else text for text in texts], dtype=object)
    try:
        return shapely.from_geojson(given)
    except shapely.GEOSException as together:
        for index, line in enumerate(lines):
            try:
                decoded(line.geometry)
            except ValueError as error:
                raise GeographyError(file, index, str(error)) from error
        raise GeographyError(file, None, str(together)) from together


def _refuse_first(file: Path, found: Any, geometries: frozenset[str]) -> None:
    """Raise `GeographyError` for the first that `checked` has something to say about."""
    for index in np.flatnonzero(~_fine(found, geometries))[:1].tolist():
        try:
            checked(found[index], geometries)
        except ValueError as error:
            raise GeographyError(file, index, str(error)) from error


def _as_stored(properties: P) -> P:
    """Properties, a struct, with their texts as they are stored."""
    changed = {}
    for name in properties.__struct_fields__:
        value = getattr(properties, name)
        if type(value) is str and (stored := nfc(value)) != value:
            changed[name] = stored
    return msgspec.structs.replace(properties, **changed) if changed else properties


def _fine(found: Any, geometries: frozenset[str]) -> Any:
    """Which of them `checked` has nothing to say about."""
    missing = shapely.is_missing(found)
    types = shapely.get_type_id(found)
    allowed = [shapely.GeometryType[name.upper()] for name in geometries - {NO_GEOMETRY}]
    west, south, east, north = shapely.bounds(found).T
    inside = (west >= -MAX_LONGITUDE_DEG) & (east <= MAX_LONGITUDE_DEG)
    inside &= (south >= -MAX_LATITUDE_DEG) & (north <= MAX_LATITUDE_DEG)
    good = np.isin(types, allowed) & inside & shapely.is_valid(found)
    return np.where(missing, NO_GEOMETRY in geometries, good)


def _hint(geometry: Any) -> str:
    """What may have happened to them."""
    first, second = shapely.get_coordinates(geometry)[0]
    if abs(first) <= MAX_LATITUDE_DEG and abs(second) <= MAX_LONGITUDE_DEG:
        return f": they look swapped, latitude {first:g} stands first"
    if max(abs(first), abs(second)) > 2 * MAX_LONGITUDE_DEG:
        return ": they look like metres (VN-2000, UTM); export them in WGS 84 (EPSG:4326)"
    return ""
