"""Files as customers have them: GeoJSON, CSV and GPX as features whose properties nobody checked.

A reader gives everything it can read and says of each thing where it stands; what cannot be read
at all is an error that names the file and, where there is one, the line.
"""

from collections.abc import Callable
from pathlib import Path

from collector.geo.foreign import csv_file, geojson_file, gpx_file
from collector.geo.foreign.given import Given, Options
from collector.geo.geojson import GeographyError

__all__ = ["MAX_BYTES", "SUFFIXES", "Given", "Options", "read"]

MAX_BYTES = 512 << 20
"""A population grid of a province has some 100 MB."""

_READERS: dict[str, Callable[[Path, bytes, Options], list[Given]]] = {
    ".geojson": geojson_file.read,
    ".json": geojson_file.read,
    ".csv": csv_file.read,
    ".txt": csv_file.read,
    ".gpx": gpx_file.read,
}
SUFFIXES = tuple(_READERS)


def read(file: Path, content: bytes, options: Options) -> list[Given]:
    """The features of a file, by the ending of its name; raises `GeographyError`."""
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        what = f"{file.suffix or 'no ending'} is none of {', '.join(SUFFIXES)}"
        if file.suffix.lower() in {".shp", ".kml", ".kmz", ".tab", ".gpkg", ".xlsx", ".xls"}:
            what += ": export it as GeoJSON (EPSG:4326) or as CSV UTF-8, e.g. with QGIS or Excel"
        raise GeographyError(file, None, what)
    given = reader(file, content, options)
    if not given:
        raise GeographyError(file, None, f"holds nothing to import as {options.kind}")
    return given
