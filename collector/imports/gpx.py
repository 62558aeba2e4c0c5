"""Points for a navigation device: GPX 1.1."""

from collections.abc import Iterable
from typing import NamedTuple, TextIO
from xml.sax.saxutils import escape

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gpx version="1.1" creator="dosong" xmlns="http://www.topografix.com/GPX/1/1">\n'
)


class Waypoint(NamedTuple):
    """One place to go to."""

    lat_deg: float
    lon_deg: float
    name: str
    note: str


def write_gpx(stream: TextIO, waypoints: Iterable[Waypoint]) -> None:
    """The points in their order."""
    stream.write(_HEAD)
    stream.writelines(map(_line, waypoints))
    stream.write("</gpx>\n")


def _line(one: Waypoint) -> str:
    place = f'lat="{one.lat_deg:.6f}" lon="{one.lon_deg:.6f}"'
    text = f"<name>{escape(one.name)}</name><desc>{escape(one.note)}</desc>"
    return f"  <wpt {place}>{text}</wpt>\n"
