"""A table as text: one feature a line, or one vertex of a road a line.

The place is in columns of latitude and longitude, or in one of WKT. The delimiter is found from
the heading; numbers may have a decimal comma where the delimiter is another one.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from collector.geo.ellipsoid import metres_per_degree
from collector.geo.foreign.given import Given, Options
from collector.geo.foreign.numbers import Decimals
from collector.geo.foreign.text import decoded
from collector.geo.geojson import MAX_LATITUDE_DEG, GeographyError
from collector.geo.layer import Kind

DELIMITERS = ";,\t|"
MAX_CELL = 16 << 20
"""Characters: WKT of a large commune has some 100 000."""

_COORDINATES = ("lat", "lon")
_LARGEST_CELL_M = 100_000.0


def read(file: Path, content: bytes, options: Options) -> list[Given]:
    """Its lines as features; raises `GeographyError` for what is no table."""
    lines = list(_lines(file, decoded(file, content, options.encoding), options))
    texts = [line.properties.get(key) for line in lines for key in _COORDINATES]
    decimals = Decimals.of([text for text in texts if isinstance(text, str)])
    if options.kind is Kind.ROADS and any("lat" in line.properties for line in lines):
        return list(_roads(lines, decimals))
    return [_placed(line, options.kind, decimals) for line in lines]


def _lines(file: Path, text: str, options: Options) -> Iterator[Given]:
    """Each line by the names of its columns, still without a place."""
    stream = io.StringIO(text, newline="")
    delimiter = _delimiter(stream)
    # The limit is one of the whole process: other readers have their own.
    usual = csv.field_size_limit(MAX_CELL)
    rows = csv.reader(stream, delimiter=delimiter, strict=True)
    try:
        heading = [cell.strip() for cell in next(rows, [])]
        _check_heading(file, heading)
        for row in rows:
            place = f"line {rows.line_num}"
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(heading):
                what = f"has {len(row)} columns, the heading has {len(heading)}"
                yield Given(place, {}, None, what)
                continue
            cells = {key: cell.strip() for key, cell in zip(heading, row, strict=True)}
            # A column that is not there is the file's fault and not each line's.
            named = options.named(cells)
            yield Given(place, {key: cell for key, cell in named.items() if cell != ""}, None)
    except (csv.Error, ValueError) as error:
        raise GeographyError(file, f"line {max(rows.line_num, 1)}", str(error)) from error
    finally:
        csv.field_size_limit(usual)


def _delimiter(stream: io.StringIO) -> str:
    """The most frequent one of the heading. Excel may name it in a line before."""
    start = stream.tell()
    first = stream.readline()
    if first.lower().startswith("sep=") and len(first.rstrip("\r\n")) == len("sep=;"):
        return first[4]
    stream.seek(start)
    return max(DELIMITERS, key=first.count)


def _check_heading(file: Path, heading: Sequence[str]) -> None:
    if not any(heading):
        raise GeographyError(file, "line 1", "is empty; it must name the columns")
    for name in heading:
        if not name:
            raise GeographyError(file, "line 1", "a column has no name")
        if heading.count(name) > 1:
            raise GeographyError(file, "line 1", f"two columns are called {name!r}")


def _placed(line: Given, kind: Kind, decimals: Decimals) -> Given:
    if line.problem is not None:
        return line
    try:
        properties = {
            key: decimals.number(text) if key in _NUMBERS else text
            for key, text in line.properties.items()
        }
        return line._replace(properties=properties, geometry=_geometry(properties, kind))
    except ValueError as error:
        return line._replace(problem=str(error))


def _geometry(properties: dict[str, Any], kind: Kind) -> Any:
    if "wkt" in properties:
        try:
            return shapely.from_wkt(properties["wkt"])
        except shapely.GEOSException as error:
            raise ValueError(f"WKT cannot be read: {error}") from error
    missing = [key for key in _COORDINATES if key not in properties]
    if len(missing) == len(_COORDINATES):
        return None
    if missing:
        raise ValueError(f"has no {missing[0]}")
    lat, lon = (properties[key] for key in _COORDINATES)
    if kind is Kind.POPULATION and "code" not in properties:
        return _cell(lat, lon, properties.get("cell_m"))
    return None if kind in _WITHOUT_PLACE else shapely.Point(lon, lat)


def _cell(lat: float, lon: float, size_m: float | None) -> Any:
    """A square around its middle."""
    if size_m is None:
        raise ValueError("a cell of a grid needs its size: a column cell_m, or --set cell_m=100")
    if not 0 < size_m <= _LARGEST_CELL_M:
        raise ValueError(f"cell_m is {size_m:g}, not between 0 and {_LARGEST_CELL_M:g}")
    if abs(lat) >= MAX_LATITUDE_DEG:
        return shapely.Point(lon, lat)  # whoever checks geometries says what is wrong
    per_lon, per_lat = metres_per_degree(lat)
    half_lon, half_lat = size_m / 2 / per_lon, size_m / 2 / per_lat
    return shapely.box(lon - half_lon, lat - half_lat, lon + half_lon, lat + half_lat)


def _roads(lines: Sequence[Given], decimals: Decimals) -> Iterator[Given]:
    """Neighbouring lines of one road are its vertices in order."""
    placed = [_placed(line, Kind.ROADS, decimals) for line in lines]
    yield from (line for line in placed if line.problem is not None)
    good = [line for line in placed if line.problem is None]
    for road, group in groupby(good, key=lambda line: line.properties.get("road")):
        vertices = list(group)
        first = vertices[0]
        wrong = next((one for one in vertices if one.geometry is None), None)
        if wrong is not None:
            yield wrong._replace(problem="has no lat and lon")
        elif len(vertices) == 1:
            yield first._replace(problem=f"road {road!r} has a single vertex here")
        else:
            points = np.array([one.geometry for one in vertices])
            yield first._replace(geometry=shapely.LineString(shapely.get_coordinates(points)))


_NUMBERS = frozenset({"lat", "lon", "population", "cell_m", "from_m", "to_m", "height_m"})
_WITHOUT_PLACE = frozenset({Kind.EXCEPTIONS, Kind.POPULATION})
