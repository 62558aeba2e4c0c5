"""Areas from GeoJSON (RFC 7946) and places from a CSV list. No I/O; both bounded."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

from agent.plan.shapes import Circle, Point, Polygons
from wire.codec import UNDECODABLE

MAX_BYTES = 4 << 20
MAX_POINTS = 20_000
"""Distances to the border are looked at each second."""
MAX_PLACES = 1_000
MAX_SPAN_DEG = 180.0
MAX_LAT_DEG, MAX_LON_DEG = 90.0, 180.0
RING_POINTS = 4
LEAST_RADIUS_M, MOST_RADIUS_M = 5.0, 100_000.0
COLUMNS = ("name", "lat", "lon", "radius_m")
NAME_LENGTH = 100


class GeoError(ValueError):
    """A file that cannot be used; the text says where in it, and why."""


class Spot(NamedTuple):
    """One place of a list."""

    name: str
    circle: Circle


class _Geometry(msgspec.Struct, frozen=True):
    type: str
    coordinates: msgspec.Raw = msgspec.Raw(b"null")


class _Feature(msgspec.Struct, frozen=True):
    type: str
    geometry: _Geometry | None = None
    properties: dict[str, msgspec.Raw] | None = None


class _Document(msgspec.Struct, frozen=True):
    type: str
    features: tuple[_Feature, ...] = ()
    geometry: _Geometry | None = None
    properties: dict[str, msgspec.Raw] | None = None
    coordinates: msgspec.Raw = msgspec.Raw(b"null")


_Position = Annotated[tuple[float, ...], msgspec.Meta(min_length=2, max_length=4)]
_Ring = tuple[_Position, ...]


def parse_area(data: bytes, *, where: Mapping[str, str | int] | None = None) -> Polygons:
    """The area of all polygons in `data`, or of those whose properties are as in `where`.

    Raises `GeoError`, also when there is none.
    """
    _refuse_long(data)
    rings: list[list[Point]] = []
    points = 0
    for place, geometry in _geometries(_decode(data, _Document, ""), where or {}):
        for ring in _rings(geometry, place):
            points += len(ring)
            if points > MAX_POINTS:
                raise GeoError(f"{place}: more than {MAX_POINTS} points; simplify it")
            rings.append(ring)
    if not rings:
        raise GeoError("no polygon in it" + (" that is as 'where' says" if where else ""))
    lons = [point.lon_deg for ring in rings for point in ring]
    if max(lons) - min(lons) > MAX_SPAN_DEG:
        raise GeoError("reaches half around the earth")
    return Polygons(rings)


def parse_places(data: bytes) -> tuple[Spot, ...]:
    """The places of a CSV list with the columns `name,lat,lon,radius_m`; raises `GeoError`."""
    _refuse_long(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GeoError(f"not UTF-8: {error.reason}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    spots: dict[str, Spot] = {}
    try:
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise GeoError(f"line 1: no column '{missing[0]}'; needs {','.join(COLUMNS)}")
        for row in reader:
            line = f"line {reader.line_num}"
            spot = _spot(row, line)
            if spot.name in spots:
                raise GeoError(f"{line}: name: '{spot.name}' is there already")
            if len(spots) == MAX_PLACES:
                raise GeoError(f"{line}: more than {MAX_PLACES} places")
            spots[spot.name] = spot
    except csv.Error as error:
        raise GeoError(f"line {reader.line_num}: {error}") from error
    if not spots:
        raise GeoError("no place in it")
    return tuple(spots.values())


def _spot(row: Mapping[str, str | None], line: str) -> Spot:
    name = (row["name"] or "").strip()
    if not 0 < len(name) <= NAME_LENGTH:
        raise GeoError(f"{line}: name: needs 1 to {NAME_LENGTH} characters")
    lat_deg = _number(row, "lat", line, least=-MAX_LAT_DEG, most=MAX_LAT_DEG)
    lon_deg = _number(row, "lon", line, least=-MAX_LON_DEG, most=MAX_LON_DEG)
    radius_m = _number(row, "radius_m", line, least=LEAST_RADIUS_M, most=MOST_RADIUS_M)
    return Spot(name, Circle(Point(lat_deg, lon_deg), radius_m))


def _number(
    row: Mapping[str, str | None], key: str, line: str, *, least: float, most: float
) -> float:
    try:
        value = float(row[key] or "")
    except ValueError:
        raise GeoError(f"{line}: {key}: not a number") from None
    if not least <= value <= most:
        raise GeoError(f"{line}: {key}: needs {least:g} to {most:g}")
    return value


def _geometries(
    document: _Document, where: Mapping[str, str | int]
) -> Iterator[tuple[str, _Geometry]]:
    """The wanted polygons, each with its place in the document."""
    match document.type:
        case "FeatureCollection":
            for index, feature in enumerate(document.features):
                if feature.geometry is not None and _fits(feature.properties, where):
                    yield f"features[{index}].geometry", feature.geometry
        case "Feature":
            if document.geometry is not None and _fits(document.properties, where):
                yield "geometry", document.geometry
        case "Polygon" | "MultiPolygon":
            if not where:
                yield "", _Geometry(document.type, document.coordinates)
        case other:
            raise GeoError(f"type: '{other[:30]}' is no area")


def _fits(properties: dict[str, msgspec.Raw] | None, where: Mapping[str, str | int]) -> bool:
    """Whether each wanted property is there with the wanted value."""
    there = properties or {}
    return all(
        key in there and _decode(bytes(there[key]), object, f"properties.{key}") == value
        for key, value in where.items()
    )


def _rings(geometry: _Geometry, place: str) -> Iterator[list[Point]]:
    """Outer and inner rings alike; geometries without an area have none."""
    place = f"{place}.coordinates".lstrip(".")
    raw = bytes(geometry.coordinates)
    if geometry.type == "Polygon":
        many: tuple[tuple[_Ring, ...], ...] = (_decode(raw, tuple[_Ring, ...], place),)
    elif geometry.type == "MultiPolygon":
        many = _decode(raw, tuple[tuple[_Ring, ...], ...], place)
    else:
        return
    for ring in (ring for polygon in many for ring in polygon):
        if len(ring) < RING_POINTS or ring[0][:2] != ring[-1][:2]:
            raise GeoError(f"{place}: a ring needs {RING_POINTS} points and ends where it begins")
        if not all(abs(each[0]) <= MAX_LON_DEG and abs(each[1]) <= MAX_LAT_DEG for each in ring):
            raise GeoError(f"{place}: a position is longitude, then latitude, in degrees")
        yield [Point(position[1], position[0]) for position in ring]


def _decode(data: bytes, type_: Any, place: str) -> Any:
    try:
        return msgspec.json.decode(data, type=type_)
    except UNDECODABLE as error:
        raise GeoError(": ".join(part for part in (place, str(error)) if part)) from error


def _refuse_long(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise GeoError(f"longer than {MAX_BYTES} bytes")
