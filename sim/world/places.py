"""The demo geography as it is published: communes and roads around real place names."""

import csv
import json
import sysconfig
from pathlib import Path

import msgspec

from sim.world.route import LatLon

COMMUNES_FILE = "demo-communes.geojson"
ROADS_FILE = "demo-roads.geojson"
FACTS_FILE = "communes.csv"


class Commune(msgspec.Struct, frozen=True, kw_only=True):
    """A commune as published: codes, names and one point inside it."""

    province_code: str
    province: str
    district_code: str
    district: str
    code: str
    name: str
    type: str
    lat_deg: float
    lon_deg: float


def geo_dir() -> Path:
    """Where the demo geography lies: the checkout's `config/geo`, or the installed one."""
    checkout = Path(__file__).parent.parent.parent / "config" / "geo"
    if (checkout / FACTS_FILE).is_file():
        return checkout
    return Path(sysconfig.get_path("data")) / "share" / "dosong" / "config" / "geo"


def read_communes(folder: Path | None = None) -> tuple[Commune, ...]:
    """The facts about the communes, in the order of their codes."""
    with ((folder or geo_dir()) / FACTS_FILE).open(encoding="utf-8", newline="") as rows:
        return tuple(msgspec.convert(row, Commune, strict=False) for row in csv.DictReader(rows))


def read_roads(folder: Path | None = None) -> dict[str, tuple[LatLon, ...]]:
    """The demo roads as published, by name: the lines that chainage is measured on."""
    text = ((folder or geo_dir()) / ROADS_FILE).read_text(encoding="utf-8")
    return {
        feature["properties"]["road"]: tuple(
            (lat, lon) for lon, lat in feature["geometry"]["coordinates"]
        )
        for feature in json.loads(text)["features"]
    }
