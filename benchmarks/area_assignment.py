"""How fast points find their commune: a spatial index, H3 cells, and the table of tiles we ship.

All ways take turns in one run on the same points and must give the same areas. H3 is tried with
cells worked out from the points, and with cells that are in the rows already, as in the lake. The
last row also says which points are border samples, which no other way does.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h3.api.basic_int as h3
import numpy as np
import shapely

from collector.geo.areas import NOWHERE, AreaSet, AreaSets

POINTS = 1_000_000
ROUNDS = 7
QUICK_POINTS = 100_000
QUICK_ROUNDS = 3
H3_RESOLUTION = 9
"""Cells of about 0.1 km2: a finer one has more cells to keep, a coarser one more borders."""
ERROR_M = 15.0
SEED = 1
DEMO = Path(__file__).parents[1] / "config" / "geo" / "demo-communes.geojson"

_AROUND = 0.05
"""Share of the extent that points lie outside of it."""
_CELL_GROWN = 1.2
"""A cell is no exact hexagon in degrees: a grown one must be inside as a whole."""


class Row(NamedTuple):
    """One way on one file."""

    file: str
    way: str
    build_s: float
    """Once for each boundary set."""
    points_per_s: float
    """Median."""
    ratio: float
    """To the spatial index, of the medians."""
    ratio_spread: tuple[float, float]
    """Smallest and largest over the rounds."""
    same: bool
    """Whether every point got the area that the spatial index says."""


Way = Callable[[], Any]


def run(arguments: Sequence[str]) -> int:
    """Measure and print; 1 where two ways differ."""
    options = _options(arguments)
    points, rounds = (QUICK_POINTS, QUICK_ROUNDS) if options.quick else (POINTS, ROUNDS)
    rows = [row for file in options.geojson or [DEMO] for row in measured(file, points, rounds)]
    if options.json:
        found = {"points": points, "rows": [row._asdict() for row in rows]}
        print(json.dumps({"area_assignment": found}))
    else:
        print(
            f"{'file':<34} {'way':<28} {'build s':>7} {'points/s':>11} {'ratio':>6} {'spread':>11}"
        )
        for row in rows:
            low, high = row.ratio_spread
            print(
                f"{row.file:<34.34} {row.way:<28} {row.build_s:>7.2f} {row.points_per_s:>11,.0f}"
                f" {row.ratio:>6.2f} {low:>5.2f}-{high:.2f}{'' if row.same else '  DIFFERENT'}"
            )
    return 0 if all(row.same for row in rows) else 1


def measured(file: Path, count: int, rounds: int) -> list[Row]:
    """Every way on one file, taking turns."""
    area_set = AreaSets([file]).sets[0]
    lat, lon = _points(area_set, count)
    built: dict[str, tuple[float, Way]] = {}

    def add(name: str, make: Callable[[], Way]) -> None:
        started_s = time.perf_counter()
        way = make()
        built[name] = (time.perf_counter() - started_s, way)

    add("spatial index (shapely)", lambda: _by_index(area_set, lat, lon))
    add("H3, cells worked out", lambda: _by_h3(area_set, lat, lon, cells=None))
    cells = _cells(lat, lon)
    add("H3, cells in the rows", lambda: _by_h3(area_set, lat, lon, cells=cells))
    add("tiles", lambda: _by_tiles(file, lat, lon, 0.0))
    add("tiles, border samples too", lambda: _by_tiles(file, lat, lon, ERROR_M))
    taken_s: dict[str, list[float]] = {name: [] for name in built}
    answers: dict[str, Any] = {}
    for _ in range(rounds):
        for name, (_, way) in built.items():
            started_s = time.perf_counter()
            answers[name] = way()
            taken_s[name].append(time.perf_counter() - started_s)
    base, *_ = taken_s.values()
    truth, *_ = answers.values()
    return [
        Row(
            file=file.name,
            way=name,
            build_s=built[name][0],
            points_per_s=count / statistics.median(times),
            ratio=statistics.median(base) / statistics.median(times),
            ratio_spread=(
                min(one / other for one, other in zip(base, times, strict=True)),
                max(one / other for one, other in zip(base, times, strict=True)),
            ),
            same=bool((answers[name] == truth).all()),
        )
        for name, times in taken_s.items()
    ]


def _points(area_set: AreaSet, count: int) -> tuple[Any, Any]:
    west, south, east, north = shapely.total_bounds(area_set.outlines)
    rng = np.random.default_rng(SEED)
    wide, high = (east - west) * _AROUND, (north - south) * _AROUND
    return (
        rng.uniform(south - high, north + high, count),
        rng.uniform(west - wide, east + wide, count),
    )


def _by_index(area_set: AreaSet, lat: Any, lon: Any) -> Way:
    exact = _Exact(area_set.outlines)
    return lambda: exact.find(lat, lon)


def _by_h3(area_set: AreaSet, lat: Any, lon: Any, *, cells: Any) -> Way:
    prefilter = _H3(area_set.outlines)
    return lambda: prefilter.find(lat, lon, _cells(lat, lon) if cells is None else cells)


def _by_tiles(file: Path, lat: Any, lon: Any, error_m: float) -> Way:
    area_set = AreaSets([file]).sets[0]
    error = np.full(len(lat), error_m)
    area_set.assign(lat[:1], lon[:1], error[:1])  # the table is made when it is first needed
    return lambda: area_set.assign(lat, lon, error).area


class _Exact:
    """As the manual of shapely does it, on prepared polygons."""

    def __init__(self, outlines: Any) -> None:
        self._outlines = outlines
        shapely.prepare(outlines)
        self._tree = shapely.STRtree(outlines)

    def find(self, lat: Any, lon: Any) -> Any:
        point, area = self._tree.query(shapely.points(lon, lat))
        inside = shapely.intersects_xy(self._outlines[area], lon[point], lat[point])
        found = np.full(len(lat), len(self._outlines))
        np.minimum.at(found, point[inside], area[inside])
        found[found == len(self._outlines)] = NOWHERE
        return found


class _H3:
    """Cells that lie wholly in one area are looked up; points in any other are tested."""

    def __init__(self, outlines: Any) -> None:
        self._exact = _Exact(outlines)
        cells = np.array(sorted(set().union(*(_inside(one) for one in outlines))), dtype=np.int64)
        grown = np.array([_grown(cell) for cell in cells.tolist()], dtype=object)
        cell, owner = shapely.STRtree(outlines).query(grown, predicate="intersects")
        alone = np.bincount(cell, minlength=len(cells))[cell] == 1
        cell, owner = cell[alone], owner[alone]
        whole = shapely.contains_properly(outlines[owner], grown[cell])
        self._cells, self._owners = cells[cell[whole]], owner[whole]

    def find(self, lat: Any, lon: Any, cells: Any) -> Any:
        at = np.minimum(np.searchsorted(self._cells, cells), len(self._cells) - 1)
        known = self._cells[at] == cells
        found = self._owners[at]
        look = np.flatnonzero(~known)
        found[look] = self._exact.find(lat[look], lon[look])
        return found


def _inside(outline: Any) -> set[int]:
    return {
        cell for part in shapely.get_parts(outline) for cell in h3.geo_to_cells(part, H3_RESOLUTION)
    }


def _grown(cell: int) -> Any:
    corners = np.array(h3.cell_to_boundary(cell))[:, ::-1]
    middle = corners.mean(axis=0)
    grown = middle + (corners - middle) * _CELL_GROWN
    return shapely.Polygon(grown)


def _cells(lat: Any, lon: Any) -> Any:
    pairs = zip(lat.tolist(), lon.tolist(), strict=True)
    return np.array([h3.latlng_to_cell(*pair, H3_RESOLUTION) for pair in pairs], dtype=np.int64)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="area_assignment", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_POINTS:,} points")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument(
        "--geojson", type=Path, nargs="+", metavar="FILE", help="boundary sets (default: the demo)"
    )
    return parser.parse_args(arguments)
