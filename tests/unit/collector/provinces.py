"""A small configured collector: two communes with polygons, a road, and a month of a campaign."""

import json

from collector.config import load


def commune(code, name, lon):
    west, east = lon - 0.05, lon + 0.05
    ring = [[west, 11.9], [east, 11.9], [east, 12.1], [west, 12.1], [west, 11.9]]
    return {
        "type": "Feature",
        "properties": {
            "code": code,
            "name": name,
            "district_code": "660",
            "district": "Gia Nghĩa",
            "province_code": "67",
            "province": "Đắk Nông",
        },
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def road(name, degrees):
    return {
        "type": "Feature",
        "properties": {"road": name},
        "geometry": {
            "type": "LineString",
            "coordinates": [[107.7, 12.0], [107.7, 12.0 + degrees]],
        },
    }


def collection(name, features):
    return json.dumps({"type": "FeatureCollection", "name": name, "features": features})


def configured(folder, *, second="Nghĩa Trung", more=""):
    """The configuration of a collector on the areas and the road, in `folder`."""
    areas = [commune("24611", "Nghĩa Đức", 107.7), commune("24612", second, 107.9)]
    (folder / "areas.geojson").write_text(collection("test-2024", areas), encoding="utf-8")
    (folder / "roads.geojson").write_text(collection("roads", [road("QL14", 0.054)]))
    (folder / "collector.toml").write_text(
        '[store]\nfolder = "data"\n'
        f'[geo]\nboundaries = ["areas.geojson"]\nroads = ["roads.geojson"]\n{more}'
    )
    return load(folder / "collector.toml")
