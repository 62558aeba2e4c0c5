"""Small maps for the collector's tests."""

import json
from pathlib import Path

DEMO = Path(__file__).parents[3] / "config" / "geo"
DEGREE_M = 108_902.65
"""Of longitude at 12 N on the WGS 84 ellipsoid; one of latitude is 110 622.3 m there."""


def square(west, south, size=0.1):
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def point(lon, lat):
    return {"type": "Point", "coordinates": [lon, lat]}


def line(*vertices):
    return {"type": "LineString", "coordinates": [list(one) for one in vertices]}


def feature(geometry, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def write(file, *features, **more):
    collection = {"type": "FeatureCollection", "features": list(features)} | more
    file.write_text(json.dumps(collection, ensure_ascii=False), encoding="utf-8")
    return file
