"""The ground of the province: the demo's 71 communes, and the 28 they were merged into.

Which commune went where on 1 July 2025 is a fact (`communes-2025.csv`). The outline of a merged
one is the union of our own demo cells, so it is no more a legal boundary than they are.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import shapely
from shapely.geometry import mapping, shape

from sim.geography import NOTE
from sim.world.places import COMMUNES_FILE, Commune, geo_dir, read_communes

MERGERS_FILE = "communes-2025.csv"
MERGED_FROM = "2025-07-01"
OLD_SET = "province-2020"
NEW_SET = "province-2025"
"""Names of the two boundary sets."""
OLD_PROVINCE = ("67", "Đắk Nông")
NEW_PROVINCE = ("68", "Lâm Đồng")

CENTRES: Mapping[str, str] = {
    "660": "24612",
    "661": "24631",
    "662": "24640",
    "663": "24664",
    "664": "24688",
    "665": "24717",
    "666": "24733",
    "667": "24739",
}
"""Commune of each district's centre: where the People's Committee sat."""

_DECIMALS = 5


class Merger(msgspec.Struct, frozen=True, kw_only=True):
    """Where one old commune went."""

    code: str
    merged_code: str
    merged_name: str
    merged_type: str


class Merged(NamedTuple):
    """One commune or ward since 1 July 2025."""

    code: str
    name: str
    type: str
    parts: tuple[str, ...]
    """Codes of the old communes it was made of."""


class Areas:
    """Communes, districts and merged communes, with the outlines of the demo geography."""

    @cached_property
    def communes(self) -> tuple[Commune, ...]:
        """The 71, by code."""
        return read_communes()

    @cached_property
    def merged(self) -> tuple[Merged, ...]:
        """The 28, by code."""
        parts: dict[str, list[Merger]] = defaultdict(list)
        for one in read_mergers():
            parts[one.merged_code].append(one)
        return tuple(
            Merged(
                code,
                ones[0].merged_name,
                ones[0].merged_type,
                tuple(one.code for one in ones),
            )
            for code, ones in sorted(parts.items())
        )

    @cached_property
    def outlines(self) -> dict[str, Any]:
        """Outline of each old commune by its code."""
        text = (geo_dir() / COMMUNES_FILE).read_text(encoding="utf-8")
        return {
            feature["properties"]["code"]: shape(feature["geometry"])
            for feature in json.loads(text)["features"]
        }

    def districts(self, codes: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Codes of all communes of the districts that hold some of these, by district."""
        found: dict[str, list[str]] = defaultdict(list)
        for commune in self.communes:
            found[commune.district_code].append(commune.code)
        return {
            district: tuple(members)
            for district, members in sorted(found.items())
            if set(members) & set(codes)
        }

    def old_set(self) -> dict[str, Any]:
        """The 71 as a boundary set; without an end, as reporting areas outlive the reform."""
        return _collection(
            OLD_SET,
            [
                _area(
                    {
                        "code": one.code,
                        "name": one.name,
                        "type": one.type,
                        "district_code": one.district_code,
                        "district": one.district,
                        "province_code": one.province_code,
                        "province": one.province,
                        "valid_from": "2020-01-01",
                        "valid_to": None,
                    },
                    self.outlines[one.code],
                )
                for one in self.communes
            ],
        )

    def new_set(self) -> dict[str, Any]:
        """The 28 as a boundary set, in force from the day of the reform."""
        province_code, province = NEW_PROVINCE
        return _collection(
            NEW_SET,
            [
                _area(
                    {
                        "code": one.code,
                        "name": one.name,
                        "type": one.type,
                        "province_code": province_code,
                        "province": province,
                        "valid_from": MERGED_FROM,
                        "valid_to": None,
                    },
                    shapely.set_precision(
                        shapely.union_all([self.outlines[code] for code in one.parts]),
                        10**-_DECIMALS,
                    ),
                )
                for one in self.merged
            ],
        )


def read_mergers(folder: Path | None = None) -> tuple[Merger, ...]:
    """What became of each old commune, in the order of the old codes."""
    with ((folder or geo_dir()) / MERGERS_FILE).open(encoding="utf-8", newline="") as rows:
        return tuple(msgspec.convert(row, Merger) for row in csv.DictReader(rows))


def _area(properties: dict[str, Any], outline: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {**properties, "demo": True, "note": NOTE},
        "geometry": mapping(outline.normalize()),
    }


def _collection(name: str, features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "name": name, "demo": True, "features": features}
