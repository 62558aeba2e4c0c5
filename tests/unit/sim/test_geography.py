import itertools
import json
import math

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from sim.geography import draw_communes, draw_roads, write
from sim.world.places import (
    COMMUNES_FILE,
    FACTS_FILE,
    ROADS_FILE,
    geo_dir,
    read_communes,
    read_roads,
)
from sim.world.route import Route, distance_m


@pytest.fixture(scope="module")
def communes():
    return json.loads((geo_dir() / COMMUNES_FILE).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cells(communes):
    return [shape(feature["geometry"]) for feature in communes["features"]]


def test_the_published_communes_are_what_is_drawn(communes, cells):
    drawn = draw_communes(read_communes())
    for published, cell, feature in zip(
        communes["features"], cells, drawn["features"], strict=True
    ):
        assert published["properties"] == feature["properties"]
        # Another processor may round a corner to the next 0.00001 degree.
        assert cell.symmetric_difference(shape(feature["geometry"])).area < 1e-6


def test_the_published_roads_are_what_is_drawn():
    published = json.loads((geo_dir() / ROADS_FILE).read_text(encoding="utf-8"))
    drawn = draw_roads()
    assert [f["properties"] for f in published["features"]] == [
        f["properties"] for f in drawn["features"]
    ]
    for old, new in zip(published["features"], drawn["features"], strict=True):
        assert np.allclose(
            old["geometry"]["coordinates"], new["geometry"]["coordinates"], rtol=0, atol=2e-5
        )


def test_each_commune_has_one_cell_around_its_point(communes, cells):
    assert len(cells) == 71
    facts = {commune.code: commune for commune in read_communes()}
    for feature, cell in zip(communes["features"], cells, strict=True):
        commune = facts[feature["properties"]["code"]]
        assert cell.is_valid
        assert cell.contains(shapely.Point(commune.lon_deg, commune.lat_deg))
        assert feature["properties"]["name"] == commune.name


def test_cells_cover_the_outline_without_overlap(cells):
    union = shapely.union_all(cells)
    assert union.geom_type == "Polygon"
    assert sum(cell.area for cell in cells) == pytest.approx(union.area, rel=1e-6)


def test_the_eight_districts_have_their_communes(communes):
    counts: dict[str, int] = {}
    for feature in communes["features"]:
        code = feature["properties"]["district_code"]
        counts[code] = counts.get(code, 0) + 1
    assert counts == {
        "660": 8,
        "661": 7,
        "662": 8,
        "663": 10,
        "664": 12,
        "665": 9,
        "666": 11,
        "667": 6,
    }


@pytest.mark.parametrize("name", [COMMUNES_FILE, ROADS_FILE])
def test_everything_drawn_says_that_it_is_demo(name):
    collection = json.loads((geo_dir() / name).read_text(encoding="utf-8"))
    assert collection["demo"] is True
    for feature in collection["features"]:
        assert feature["properties"]["demo"] is True
        assert "Not a legal boundary" in feature["properties"]["note"]


def test_roads_lie_inside_the_province_and_bend_gently(cells):
    province = shapely.union_all(cells)
    for name, points in read_roads().items():
        line = shapely.LineString([(lon, lat) for lat, lon in points])
        assert province.contains(line), name
        assert line.is_simple, name
        turns = [abs((b - a + 180) % 360 - 180) for a, b in itertools.pairwise(_courses(points))]
        assert max(turns) < 45, name
    assert 60_000 < Route(read_roads()["QL14-demo"]).length_m < 120_000


def test_writing_needs_only_the_facts(tmp_path):
    (tmp_path / FACTS_FILE).write_bytes((geo_dir() / FACTS_FILE).read_bytes())
    write(tmp_path)
    assert read_roads(tmp_path) == read_roads()


def _courses(points):
    return [
        math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
        for a, b in itertools.pairwise(points)
        if distance_m(a, b) > 0
    ]
