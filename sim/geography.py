"""Draws the demo geography: areas and roads of our own around real place names.

The names, codes and representative points of the communes are facts (`communes.csv`). Everything
else is drawn here: a commune is the set of points nearest to its representative point inside an
outline of ours, a road is a rounded line from town to town. No boundary or road is the legal or
the real one, and every feature says so. A real installation imports its own files instead.
"""

import argparse
import itertools
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import MultiPoint, Point, mapping

from sim.cli import Command
from sim.world.places import (
    COMMUNES_FILE,
    FACTS_FILE,
    ROADS_FILE,
    Commune,
    geo_dir,
    read_communes,
)
from sim.world.route import LatLon, distance_m, metres_per_degree

NOTE = (
    "Demo geography drawn by dosong: cells around representative points and lines between towns. "
    "Not a legal boundary and not the course of a real road."
)
VALID_FROM = "2020-01-01"
"""Since then all 71 communes and 8 districts carried these names and codes."""
VALID_TO = None
"""Kept as reporting areas; a customer's own set carries the dates of the law."""

_OUTLINE_HULL_RATIO = 0.5
_OUTLINE_MARGIN_DEG = 0.04
_DECIMALS = 5
_BEND_EVERY_M = 2600.0
_BEND_M = 260.0
_ROUNDINGS = 3

ROADS: dict[str, tuple[LatLon, ...]] = {
    # From the bridge at Tam Thang south-west through the district towns to Kien Duc.
    "QL14-demo": (
        (12.6240, 107.9070),
        (12.5837, 107.8920),
        (12.5826, 107.8416),
        (12.5404, 107.8091),
        (12.5532, 107.7311),
        (12.5152, 107.7004),
        (12.4830, 107.6619),
        (12.4491, 107.6168),
        (12.3938, 107.5751),
        (12.2853, 107.6108),
        (12.2511, 107.6184),
        (12.1898, 107.6584),
        (12.1069, 107.6486),
        (12.0051, 107.6690),
        (11.9628, 107.6127),
        (11.9882, 107.5317),
        (12.0017, 107.5055),
    ),
    # From Gia Nghia east and north through Quang Son to Krong No.
    "QL28-demo": (
        (11.9742, 107.6920),
        (11.9521, 107.7382),
        (11.9228, 107.8270),
        (12.0469, 107.7962),
        (12.1552, 107.8651),
        (12.2851, 107.9311),
        (12.3290, 107.8358),
        (12.4307, 107.8593),
        (12.4583, 107.8247),
    ),
}
"""Towns each demo road passes near, in order."""


def draw_communes(communes: Sequence[Commune]) -> dict[str, Any]:
    """A GeoJSON collection of one cell per commune, in the order given."""
    points = MultiPoint([(commune.lon_deg, commune.lat_deg) for commune in communes])
    outline = shapely.concave_hull(points, ratio=_OUTLINE_HULL_RATIO).buffer(
        _OUTLINE_MARGIN_DEG, quad_segs=4
    )
    cells = shapely.voronoi_polygons(points, extend_to=outline).geoms
    features = []
    for commune in communes:
        point = Point(commune.lon_deg, commune.lat_deg)
        cell = next(cell for cell in cells if cell.contains(point))
        drawn = shapely.set_precision(cell.intersection(outline), 10**-_DECIMALS)
        features.append(_feature(_area_properties(commune), mapping(drawn.normalize())))
    return _collection(features)


def draw_roads() -> dict[str, Any]:
    """A GeoJSON collection of the demo roads."""
    features = []
    for name, towns in ROADS.items():
        line = _without_repeats(
            (round(lon, _DECIMALS), round(lat, _DECIMALS))
            for lat, lon in _rounded_corners(_with_bends(towns))
        )
        geometry = {"type": "LineString", "coordinates": line}
        features.append(_feature({"road": name, "demo": True, "note": NOTE}, geometry))
    return _collection(features)


def write(folder: Path) -> None:
    """Draw everything anew into a folder that holds the facts."""
    communes = draw_communes(read_communes(folder))
    (folder / COMMUNES_FILE).write_text(_lines(communes), encoding="utf-8")
    (folder / ROADS_FILE).write_text(_lines(draw_roads()), encoding="utf-8")


def _area_properties(commune: Commune) -> dict[str, Any]:
    return {
        "code": commune.code,
        "name": commune.name,
        "type": commune.type,
        "district_code": commune.district_code,
        "district": commune.district,
        "province_code": commune.province_code,
        "province": commune.province,
        "valid_from": VALID_FROM,
        "valid_to": VALID_TO,
        "demo": True,
        "note": NOTE,
    }


def _with_bends(towns: Sequence[LatLon]) -> list[LatLon]:
    """The towns, and between them points set aside in turns to the left and to the right."""
    line = [towns[0]]
    side = 1.0
    for start, end in itertools.pairwise(towns):
        length_m = distance_m(start, end)
        steps = max(1, round(length_m / _BEND_EVERY_M))
        lat_m, lon_m = metres_per_degree(start[0])
        angle = math.atan2((end[0] - start[0]) * lat_m, (end[1] - start[1]) * lon_m) + math.pi / 2
        for step in range(1, steps):
            share = step / steps
            line.append(
                (
                    start[0]
                    + share * (end[0] - start[0])
                    + side * _BEND_M * math.sin(angle) / lat_m,
                    start[1]
                    + share * (end[1] - start[1])
                    + side * _BEND_M * math.cos(angle) / lon_m,
                )
            )
            side = -side
        line.append(end)
    return line


def _rounded_corners(line: Sequence[LatLon]) -> list[LatLon]:
    """Chaikin's corner cutting: each corner becomes two at the quarters of its sides."""
    for _ in range(_ROUNDINGS):
        cut = [line[0]]
        for (lat_a, lon_a), (lat_b, lon_b) in itertools.pairwise(line):
            cut.append((0.75 * lat_a + 0.25 * lat_b, 0.75 * lon_a + 0.25 * lon_b))
            cut.append((0.25 * lat_a + 0.75 * lat_b, 0.25 * lon_a + 0.75 * lon_b))
        line = [*cut, line[-1]]
    return list(line)


def _without_repeats(points: Iterable[LatLon]) -> list[LatLon]:
    line: list[LatLon] = []
    for point in points:
        if not line or point != line[-1]:
            line.append(point)
    return line


def _feature(properties: dict[str, Any], geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "demo": True, "note": NOTE, "features": features}


def _lines(collection: dict[str, Any]) -> str:
    """One feature a line, so that a change shows as the lines it touches."""
    features = collection["features"]
    head = json.dumps({**collection, "features": []}, ensure_ascii=False)
    body = ",\n".join(
        json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features
    )
    return f"{head[:-2]}\n{body}\n]}}\n"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", type=Path, default=geo_dir(), help=f"holds {FACTS_FILE} (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    write(arguments.folder)
    return 0


COMMAND = Command(
    name="geography",
    help="draw the demo communes and roads anew",
    add_arguments=_add_arguments,
    run=_run,
)
