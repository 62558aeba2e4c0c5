"""What an installation has beside its records: boundaries, roads, lists, maps, configuration."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from shapely.geometry import mapping

from sim.demo.toml import toml
from sim.geography import NOTE, draw_roads
from sim.province.areas import CENTRES, MERGED_FROM, NEW_SET, OLD_SET, Areas
from sim.province.coverage import declared
from sim.province.gaps import GapPoint
from sim.province.ispeed import write_ispeed
from sim.province.networks import Networks
from sim.province.people import grid
from sim.province.scenario import Scenario
from sim.province.stretches import TUNNELS

GEO_FOLDER = "geo"
CONFIG_FILE = "collector.toml"
BATCH_ROWS = 60_000
"""Taken at once by an import: a probe's month has rows of thirty days."""


def write_papers(
    folder: Path,
    *,
    scenario: Scenario,
    areas: Areas,
    points: Sequence[GapPoint],
    people: dict[str, int],
    networks: Networks,
) -> None:
    """Write all of it below `folder`, the configuration at its top."""
    geo = folder / GEO_FOLDER
    geo.mkdir(exist_ok=True)
    cells = grid(areas, people)
    roads = draw_roads()
    roads["features"] = [
        one for one in roads["features"] if one["properties"]["road"] in scenario.roads
    ]
    layers: dict[str, list[dict[str, Any]]] = {
        "boundaries": [areas.old_set(), areas.new_set()],
        "roads": [{"name": "roads", **roads}],
        "exceptions": [_collection("exceptions", _tunnels(scenario))],
        "points": [
            _collection("signal-gaps", map(_gap, points)),
            _collection("district-centres", _centres(areas)),
        ],
        "population": [
            _collection("people-2020", _people(areas, people)),
            _collection("people-2025", _merged_people(areas, people)),
            _collection(
                "people-grid",
                (_feature({"population": round(one.population, 1)}, one.outline) for one in cells),
            ),
        ],
        "declared": [
            _collection(
                "declared-5g",
                (
                    _feature({"operator": one.operator, "technology": "5g"}, one.outline)
                    for one in declared(areas, networks, scenario.months[-1])
                ),
            )
        ],
    }
    named = {}
    for key, collections in layers.items():
        named[key] = [_written(geo, one) for one in collections]
    write_ispeed(folder / "ispeed", scenario, areas)
    text = toml(
        {},
        {
            "store": {"folder": "store"},
            "ingest": {"batch_rows": BATCH_ROWS},
            "geo": {
                key: [f"{GEO_FOLDER}/{name}" for name in names] for key, names in named.items()
            },
        },
    )
    (folder / CONFIG_FILE).write_text(text, encoding="utf-8")


def _written(folder: Path, collection: dict[str, Any]) -> str:
    name = f"{collection['name']}.geojson"
    (folder / name).write_text(
        json.dumps(collection, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
    )
    return name


def _collection(name: str, features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "name": name, "demo": True, "features": list(features)}


def _feature(properties: dict[str, Any], geometry: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": None if geometry is None else mapping(geometry),
    }


def _point(properties: dict[str, Any], lat_deg: float, lon_deg: float) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {**properties, "note": NOTE},
        "geometry": {"type": "Point", "coordinates": [round(lon_deg, 7), round(lat_deg, 7)]},
    }


def _gap(point: GapPoint) -> dict[str, Any]:
    properties = {
        "kind": "signal_gap",
        "code": point.code,
        "name": point.name,
        "area_code": point.commune,
    }
    return _point(properties, point.lat_deg, point.lon_deg)


def _centres(areas: Areas) -> Iterable[dict[str, Any]]:
    by_code = {one.code: one for one in areas.communes}
    for district, code in CENTRES.items():
        commune = by_code[code]
        properties = {
            "kind": "district_centre",
            "code": district,
            "name": commune.district,
            "area_code": code,
            "district_code": district,
        }
        yield _point(properties, commune.lat_deg, commune.lon_deg)


def _tunnels(scenario: Scenario) -> Iterable[dict[str, Any]]:
    for one in TUNNELS:
        if one.road in scenario.roads:
            yield _feature(
                {"road": one.road, "from_m": one.start_m, "to_m": one.end_m, "kind": "tunnel"}, None
            )


def _people(areas: Areas, people: dict[str, int]) -> Iterable[dict[str, Any]]:
    for one in areas.communes:
        yield _feature(
            {"code": one.code, "boundary_set": OLD_SET, "population": people[one.code]}, None
        )


def _merged_people(areas: Areas, people: dict[str, int]) -> Iterable[dict[str, Any]]:
    for one in areas.merged:
        yield _feature(
            {
                "code": one.code,
                "boundary_set": NEW_SET,
                "population": sum(people[part] for part in one.parts),
                "valid_from": MERGED_FROM,
            },
            None,
        )
