"""A list to drive by: places and stretches in a sensible order, as GPX and as CSV."""

import csv
import io
import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from collector.needs.report import Report, Stop
from collector.needs.stretches import Stretch

HEADER = (
    "order",
    "kind",
    "area",
    "name",
    "lat_deg",
    "lon_deg",
    "from_m",
    "to_m",
    "why",
    "targets",
    "operators",
    "missing",
    "day_parts",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_GPX = "http://www.topografix.com/GPX/1/1"
_METRES_PER_DEGREE = 111_320.0
_IMPROVED_AT_MOST = 200
"""Longer lists are only put in order by the nearest neighbour."""


def in_order(stops: Sequence[Stop]) -> list[Stop]:
    """From the stop farthest north always to the nearest one left, then without crossings.

    Straight lines, not roads: good enough to plan by, and the same for the same stops.
    """
    left = sorted(stops, key=lambda one: (-one.lat_deg, one.lon_deg, one.code))
    if not left:
        return []
    order = [left.pop(0)]
    while left:
        last = order[-1]
        nearest = min(range(len(left)), key=lambda index: _apart_m(last, left[index]))
        order.append(left.pop(nearest))
    return _uncrossed(order) if len(order) <= _IMPROVED_AT_MOST else order


def as_csv(report: Report) -> str:
    """One line for each stop in order, then one for each stretch.

    No cell begins as a formula of a spreadsheet would: names come from imported maps.
    """
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow(HEADER)
    number = 0
    for number, stop in enumerate(in_order(report.stops), 1):
        out.writerow(_cells(number, "place", *_of_stop(stop)))
    for index, stretch in enumerate(report.stretches, number + 1):
        out.writerow(_cells(index, "stretch", *_of_stretch(stretch)))
    return text.getvalue()


def as_gpx(report: Report) -> bytes:
    """Stops as waypoints and as one route, stretches as tracks (GPX 1.1)."""
    root = ET.Element("gpx", {"xmlns": _GPX, "version": "1.1", "creator": "dosong"})
    metadata = ET.SubElement(root, "metadata")
    ET.SubElement(metadata, "name").text = f"dosong {report.period.label}"
    ET.SubElement(metadata, "time").text = f"{report.made_utc:%Y-%m-%dT%H:%M:%SZ}"
    order = in_order(report.stops)
    for number, stop in enumerate(order, 1):
        name = f"{number} {stop.name}"
        _point(root, "wpt", (stop.lat_deg, stop.lon_deg), name=name, desc=_said(stop))
    if order:
        route = ET.SubElement(root, "rte")
        ET.SubElement(route, "name").text = f"dosong {report.period.label}"
        for number, stop in enumerate(order, 1):
            at = (stop.lat_deg, stop.lon_deg)
            _point(route, "rtept", at, name=f"{number} {stop.name}")
    for stretch in report.stretches:
        if not stretch.line:
            continue
        track = ET.SubElement(root, "trk")
        name = f"{stretch.road} km {stretch.from_m / 1000:.2f}-{stretch.to_m / 1000:.2f}"
        ET.SubElement(track, "name").text = _clean(f"{name} ({stretch.why})")
        ET.SubElement(track, "desc").text = _clean(", ".join(stretch.operators))
        segment = ET.SubElement(track, "trkseg")
        for at in stretch.line:
            _point(segment, "trkpt", at)
    ET.indent(root)
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _uncrossed(order: list[Stop]) -> list[Stop]:
    """Turn parts round as long as that makes the way shorter (2-opt); the first stop stays."""
    better = True
    while better:
        better = False
        for first in range(1, len(order) - 1):
            for last in range(first + 1, len(order)):
                if _saved_m(order, first, last) > 1.0:
                    order[first : last + 1] = reversed(order[first : last + 1])
                    better = True
    return order


def _saved_m(order: Sequence[Stop], first: int, last: int) -> float:
    before = _apart_m(order[first - 1], order[first])
    after = _apart_m(order[first - 1], order[last])
    if last + 1 < len(order):
        before += _apart_m(order[last], order[last + 1])
        after += _apart_m(order[first], order[last + 1])
    return before - after


def _apart_m(one: Stop, other: Stop) -> float:
    north = one.lat_deg - other.lat_deg
    east = (one.lon_deg - other.lon_deg) * math.cos(math.radians(one.lat_deg))
    return math.hypot(north, east) * _METRES_PER_DEGREE


def _of_stop(stop: Stop) -> tuple[object, ...]:
    return (
        stop.code,
        stop.name,
        f"{stop.lat_deg:.6f}",
        f"{stop.lon_deg:.6f}",
        "",
        "",
        "least measured" if stop.blocks else "unmeasured",
        " ".join(stop.targets),
        ", ".join(stop.operators),
        stop.missing,
        " ".join(stop.day_parts),
    )


def _of_stretch(stretch: Stretch) -> tuple[object, ...]:
    lat, lon = stretch.line[0] if stretch.line else ("", "")
    return (
        stretch.road,
        stretch.road,
        lat if lat == "" else f"{lat:.6f}",
        lon if lon == "" else f"{lon:.6f}",
        f"{stretch.from_m:.0f}",
        f"{stretch.to_m:.0f}",
        stretch.why,
        stretch.target,
        ", ".join(stretch.operators),
        "",
        "",
    )


def _cells(*values: object) -> list[str]:
    return [f"'{text}" if text.startswith(_FORMULA) else text for text in map(str, values)]


def _said(stop: Stop) -> str:
    return (
        f"{' '.join(stop.targets)}: {', '.join(stop.operators)}; +{stop.missing};"
        f" {' '.join(stop.day_parts)}"
    )


def _point(parent: ET.Element, tag: str, at: tuple[float, float], **says: str) -> None:
    lat, lon = at
    point = ET.SubElement(parent, tag, {"lat": f"{lat:.6f}", "lon": f"{lon:.6f}"})
    for key, text in says.items():
        ET.SubElement(point, key).text = _clean(text)


def _clean(text: str) -> str:
    """Without what XML cannot say at all."""
    return "".join(one for one in text if one.isprintable())
