"""Tables of others for tests: communes on a grid, mappings, and files brought into a real store."""

import json
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from collector.extracts import LakeSource
from collector.geo.boundaries import Boundaries
from collector.imports import mapping_file, table
from collector.imports.bringing import bring
from collector.imports.place import Place
from collector.imports.store import ImportStore
from collector.store.engine import connect
from collector.targets import operators

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
OLD, NEW = "old 71", "new 28"
SAMPLES = """
kind = "ispeed"
series = "vnnic"

[columns]
time = "time"
commune = "commune"
lat_deg = "lat"
lon_deg = "lon"
operator = "operator"
technology = "technology"
download = "down"

[units]
download = "Mbit/s"

[communes]
boundary_set = "old 71"
"""
SAMPLE_HEAD = "time,commune,lat,lon,operator,technology,down"
FIGURES = """
kind = "ispeed_month"
series = "vnnic-month"

[columns]
month = "month"
commune = "commune"
operator = "operator"
technology = "technology"
samples = "n"
download_mean = "mean"
download_median = "median"

[units]
download_mean = "Mbit/s"
download_median = "Mbit/s"

[communes]
boundary_set = "old 71"
"""
FIGURE_HEAD = "month,commune,operator,technology,n,mean,median"


def square(west, south, size=0.1):
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def boundaries_file(folder, name, communes, **more):
    """A set of square communes from west to east: code and name of each."""
    features = [
        {
            "type": "Feature",
            "geometry": square(107.0 + 0.1 * index, 12.0),
            "properties": {
                "code": code,
                "name": title,
                "district_code": "660",
                "district": "Thành phố Gia Nghĩa",
                "province_code": "67",
                "province": "Đắk Nông",
                **more,
            },
        }
        for index, (code, title) in enumerate(communes)
    ]
    file = folder / f"{name.replace(' ', '-')}.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "name": name, "features": features}))
    return file


def place(folder):
    """An old set of two communes, and a new one in which a code was used again."""
    old = boundaries_file(folder, OLD, [("24611", "Phường Nghĩa Đức"), ("24612", "Xã Quảng Tân")])
    new = boundaries_file(folder, NEW, [("24611", "Phường Bắc Gia Nghĩa")], valid_from="2025-07-01")
    return Place(Boundaries([old, new]), operators())


class Desk:
    """Where tables arrive: a folder with mappings, files and the store."""

    def __init__(self, folder):
        self.folder = folder
        self.database = folder / "imports.db"
        self.place = place(folder)
        self._count = 0

    def mapping(self, text):
        self._count += 1
        file = self.folder / f"mapping-{self._count}.toml"
        file.write_text(text, encoding="utf-8")
        return mapping_file.read(file)

    def file(self, *lines, name=None):
        self._count += 1
        file = self.folder / (name or f"file-{self._count}.csv")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    def bring(self, mapping, *lines, now=NOW, **options):
        with ImportStore(self.database) as store:
            return bring(
                self.file(*lines),
                self.mapping(mapping),
                place=self.place,
                store=store,
                now=now,
                **options,
            )

    def rows(self, kind="ispeed"):
        return table.rows(self.database, kind).to_pylist()

    def source(self, lake):
        return LakeSource(connect("duckdb://", lake), imported=partial(table.rows, self.database))


class Squares:
    """Layers over square communes 0.1 degrees wide, from 107.0 east on; all of one district."""

    def __init__(self, codes, declared=None):
        self._codes = codes
        self._declared = declared or {}

    def areas(self, rows):
        found = []
        for lat, lon in zip(rows["lat_deg"].to_pylist(), rows["lon_deg"].to_pylist(), strict=True):
            index = int((lon - 107.0) // 0.1)
            inside = 12.0 <= lat < 12.1 and 0 <= index < len(self._codes)
            found.append(self._codes[index] if inside else None)
        there = pa.array(found, pa.string())
        known = pc.is_valid(there)
        none = pa.scalar(None, pa.string())
        return pa.table(
            {
                "commune": there,
                "district": pc.if_else(known, "660", none),
                "province": pc.if_else(known, "67", none),
                "border": pa.repeat(False, len(rows)),
            }
        )

    def declared(self, rows, operator, technology):
        """East of a meridian everything is declared, where an operator has one."""
        west = self._declared.get((operator, technology))
        if west is None:
            return None
        return pa.chunked_array([pc.greater_equal(rows["lon_deg"], west).combine_chunks()])
