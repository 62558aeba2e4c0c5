"""Where a record was made: communes by day, H3 cells, roads in metres, and honest errors."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import h3
import numpy as np
import pytest

from collector.geo.boundaries import NOWHERE, Boundaries
from collector.geo.geojson import GeographyError
from collector.geo.locate import Locator
from collector.geo.roads import Roads
from collector.store import columns
from wire.messages import Position, PositionSource

from .records import radio_record

DEMO = Path(__file__).parents[3] / "config" / "geo"
NOW = datetime(2026, 11, 2, tzinfo=UTC)


def square(west, south, size=0.1):
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def feature(geometry, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


@pytest.fixture
def write(tmp_path):
    def write(*features, name="set.geojson", **more):
        file = tmp_path / name
        file.write_text(
            json.dumps({"type": "FeatureCollection", "features": list(features)} | more)
        )
        return file

    return write


def codes(boundaries, lat, lon, day=date(2026, 11, 1)):
    days = np.full(len(lat), np.datetime64(day, "D"))
    found = boundaries.find(np.array(lat), np.array(lon), days)
    return [None if n == NOWHERE else boundaries.areas[n].code for n in found]


def test_a_point_is_in_the_area_around_it(write):
    file = write(
        feature(square(107.0, 12.0), code="1", name="Một"),
        feature(square(107.1, 12.0), code="2", name="Hai"),
    )
    assert codes(Boundaries([file]), [12.05, 12.05, 13.0], [107.05, 107.15, 107.05]) == [
        "1",
        "2",
        None,
    ]


def test_a_point_on_a_border_has_one_area_and_always_the_same(write):
    file = write(
        feature(square(107.0, 12.0), code="1", name="Một"),
        feature(square(107.1, 12.0), code="2", name="Hai"),
    )
    assert codes(Boundaries([file]), [12.05], [107.1]) == ["1"]


def test_boundaries_count_on_the_days_they_were_valid(write):
    old = feature(square(107.0, 12.0), code="24611", name="cũ", valid_to="2025-06-30")
    new = feature(square(107.0, 12.0, 0.5), code="24611x", name="mới", valid_from="2025-07-01")
    boundaries = Boundaries([write(old, name="a.geojson"), write(new, name="b.geojson")])
    assert codes(boundaries, [12.05], [107.05], date(2025, 6, 30)) == ["24611"]
    assert codes(boundaries, [12.05], [107.05], date(2025, 7, 1)) == ["24611x"]


def test_the_set_is_named_by_itself_or_by_its_file(write):
    area = feature(square(107.0, 12.0), code="1", name="Một")
    named = write(area, name="x.geojson", version=3)
    assert Boundaries([named]).areas[0].boundary_set == "x 3"


def test_no_boundary_set_at_all_knows_no_area():
    assert codes(Boundaries([]), [12.0], [107.0]) == [None]


def test_the_demo_communes_all_hold_their_own_point():
    boundaries = Boundaries([DEMO / "demo-communes.geojson"])
    assert len(boundaries.areas) == 71
    assert {area.province_code for area in boundaries.areas} == {"67"}


def road(*points, name="QL14"):
    return feature({"type": "LineString", "coordinates": points}, road=name)


def test_chainage_is_metres_along_the_ellipsoid(write):
    roads = Roads([write(road([107.0, 12.0], [107.0, 12.1], [107.1, 12.1]))])
    found = roads.find(np.array([12.05, 12.1]), np.array([107.0, 107.1]))
    # A tenth of a degree at 12 N: 11 063 m of meridian, 10 888 m of parallel (WGS 84).
    assert found.chainage_m[0] == pytest.approx(11_063 / 2, abs=2)
    assert found.chainage_m[1] == pytest.approx(11_063 + 10_888, abs=6)
    assert roads.lengths_m["QL14"] == pytest.approx(found.chainage_m[1], abs=0.01)


def test_a_point_farther_than_fifty_metres_is_on_no_road(write):
    roads = Roads([write(road([107.0, 12.0], [107.0, 12.1]))])
    degree_m = 108_900
    found = roads.find(np.array([12.05] * 2), 107.0 + np.array([49.0, 51.0]) / degree_m)
    assert list(found.road) == ["QL14", None]
    assert found.offset_m[0] == pytest.approx(49, abs=0.1)
    assert np.isnan(found.chainage_m[1])


def test_the_nearer_of_two_roads_is_taken(write):
    near, far = (
        road([107.0, 12.0], [107.0, 12.1]),
        road([107.0003, 12.0], [107.0003, 12.1], name="b"),
    )
    found = Roads([write(far, near)]).find(np.array([12.05]), np.array([107.0001]))
    assert list(found.road) == ["QL14"]


def test_beyond_the_end_of_a_road_chainage_stays_at_its_end(write):
    roads = Roads([write(road([107.0, 12.0], [107.0, 12.1]))])
    found = roads.find(np.array([12.1002]), np.array([107.0]))
    assert found.chainage_m[0] == pytest.approx(roads.lengths_m["QL14"])
    assert found.offset_m[0] == pytest.approx(22, abs=1)


def test_chainage_goes_on_through_all_features_of_a_road(write):
    whole = Roads([write(road([107.0, 12.0], [107.0, 12.1], [107.1, 12.1]), name="whole.geojson")])
    halves = Roads(
        [
            write(road([107.0, 12.0], [107.0, 12.1]), name="a.geojson"),
            write(road([107.0, 12.1], [107.1, 12.1]), name="b.geojson"),
        ]
    )
    points = np.array([12.05, 12.1]), np.array([107.0, 107.05])
    assert halves.find(*points).chainage_m == pytest.approx(whole.find(*points).chainage_m)
    assert halves.lengths_m["QL14"] == pytest.approx(whole.lengths_m["QL14"])


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(road([107.1, 12.1], [107.0, 12.1]), id="turned round"),
        pytest.param(road([107.0, 12.101], [107.1, 12.1]), id="behind a hole"),
    ],
)
def test_a_road_in_pieces_that_do_not_join_is_refused(write, second):
    file = write(road([107.0, 12.0], [107.0, 12.1]), second)
    with pytest.raises(GeographyError, match=r"feature 1: begins \d+ m from where 'QL14' ends"):
        Roads([file])


def test_lines_of_one_feature_with_a_hole_between_them_are_refused(write):
    lines = [[[107.0, 12.0], [107.0, 12.1]], [[107.0, 12.2], [107.0, 12.3]]]
    geometry = {"type": "MultiLineString", "coordinates": lines}
    with pytest.raises(GeographyError, match=r"feature 0: begins 1106\d m"):
        Roads([write(feature(geometry, road="QL14"))])


def locate(*records, boundaries=(), roads=()):
    flat = columns.flatten(records[0].kind, records, NOW)
    located = Locator(Boundaries(boundaries), Roads(roads)).locate(flat)
    assert located.schema.names == columns.schema(records[0].kind).names
    return located.select(columns.AREA_COLUMNS.names).to_pylist()


def at(lat, lon):
    return Position(source=PositionSource.GNSS, lat_deg=lat, lon_deg=lon)


def test_a_row_gets_area_cells_and_road(write):
    commune = feature(
        square(107.0, 12.0), code="1", name="Một", district_code="660", province_code="67"
    )
    [row] = locate(
        radio_record(1, position=at(12.05, 107.05)),
        boundaries=[write(commune)],
        roads=[write(road([107.05, 12.0], [107.05, 12.1]), name="roads.geojson")],
    )
    assert row["commune"] == "1"
    assert (row["district"], row["province"], row["boundary_set"]) == ("660", "67", "set")
    cells = [h3.str_to_int(h3.latlng_to_cell(12.05, 107.05, resolution)) for resolution in (8, 10)]
    assert [row["h3_8"], row["h3_10"]] == cells
    assert row["road"] == "QL14"
    assert row["road_offset_m"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    "position", [Position(), at(91.0, 107.0), at(12.0, 181.0), at(12.0, None), at(None, 107.0)]
)
def test_without_a_possible_position_there_is_no_area(position):
    rows = locate(radio_record(1, position=position), radio_record(2, position=at(12.0, 107.7)))
    assert set(rows[0].values()) == {None}
    assert rows[1]["h3_8"] is not None


def test_a_row_without_time_is_located_by_the_day_it_came(write):
    old = feature(square(107.0, 12.0), code="old", name="cũ", valid_to="2026-11-01")
    new = feature(square(107.0, 12.0), code="new", name="mới", valid_from="2026-11-02")
    [row] = locate(
        radio_record(1, utc=None, position=at(12.05, 107.05)), boundaries=[write(old, new)]
    )
    assert row["commune"] == "new"


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (feature(square(107.0, 12.0), name="ohne"), "code"),
        (feature(None, code="1", name="x"), "geometry"),
        (feature({"type": "Point", "coordinates": [107, 12]}, code="1", name="x"), "Point"),
        (feature(square(550_000.0, 1_330_000.0, 10), code="1", name="x"), "degrees"),
        (feature(square(107.0, 12.0), code="1", name="x", valid_from="1.7.2025"), "valid_from"),
        (
            feature(
                {
                    "type": "Polygon",
                    "coordinates": [[[107, 12], [108, 13], [108, 12], [107, 13], [107, 12]]],
                },
                code="1",
                name="x",
            ),
            "not valid",
        ),
    ],
)
def test_a_broken_feature_is_named_with_its_file(write, broken, says):
    file = write(feature(square(107.0, 12.0), code="0", name="ok"), broken)
    with pytest.raises(GeographyError) as caught:
        Boundaries([file])
    assert str(caught.value).startswith("set.geojson: feature 1: ")
    assert says in caught.value.problem


@pytest.mark.parametrize("content", ["", "{}", '{"features": []}', "\x00", "[" * 100_000])
def test_a_broken_file_is_named(tmp_path, content):
    file = tmp_path / "set.geojson"
    file.write_text(content)
    with pytest.raises(GeographyError, match=r"^set\.geojson: "):
        Boundaries([file])
