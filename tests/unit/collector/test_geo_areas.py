"""Old and new areas side by side: who contains a point, and who is too near a border to be sure."""

from datetime import date

import numpy as np
import pytest

from collector.geo.areas import NOWHERE, AreaSets
from collector.geo.boundaries import Boundaries
from collector.geo.geojson import GeographyError

from .geography import DEGREE_M, DEMO, feature, square, write

OLD, NEW = date(2025, 6, 30), date(2025, 7, 1)


@pytest.fixture
def two(tmp_path):
    """Two communes side by side, the border between them at 107.1 E."""
    west = feature(
        square(107.0, 12.0), code="1", name="Một", district_code="660", province_code="67"
    )
    east = feature(square(107.1, 12.0), code="2", name="Hai", district_code="661")
    return AreaSets([write(tmp_path / "two.geojson", west, east)]).sets[0]


def placed(area_set, lon, *, lat=12.05, error_m=0.0):
    lon = np.atleast_1d(lon)
    return area_set.assign(np.full(len(lon), lat), lon, np.full(len(lon), error_m))


def test_a_point_has_the_codes_of_every_level_that_its_set_knows(two):
    found = placed(two, [107.05, 107.15, 108.0])
    assert list(found.area) == [0, 1, NOWHERE]
    assert list(found.commune) == ["1", "2", None]
    assert list(found.district) == ["660", "661", None]
    assert list(found.province) == ["67", None, None]


@pytest.mark.parametrize("error_m", [5.0, 40.0, 900.0])
def test_a_circle_that_reaches_over_the_border_makes_a_border_sample(two, error_m):
    beside = 107.1 + np.array([-1.02, -0.98, 0.98, 1.02]) * error_m / DEGREE_M
    found = placed(two, beside, lat=12.0500, error_m=error_m)
    assert list(found.border) == [False, True, True, False]
    assert list(found.commune) == ["1", "1", "2", "2"]


def test_a_circle_that_reaches_the_outside_makes_a_border_sample_too(two):
    inside = placed(two, 107.0 + 20 / DEGREE_M, error_m=30.0)
    assert (inside.commune[0], inside.border[0]) == ("1", True)
    outside = placed(two, 107.0 - 20 / DEGREE_M, error_m=30.0)
    assert (outside.commune[0], outside.border[0]) == (None, True)


def test_on_the_border_itself_the_area_listed_first_has_the_point(two):
    found = placed(two, 107.1)
    assert (found.commune[0], found.border[0]) == ("1", True)


def test_an_error_nobody_knows_makes_no_border_sample(two):
    assert not placed(two, 107.1, error_m=np.nan).border[0]


@pytest.mark.parametrize("lat", [np.nan, np.inf, -np.inf, 91.0, 1e300])
def test_an_impossible_point_lies_nowhere(two, lat):
    found = placed(two, [107.05], lat=lat, error_m=10.0)
    assert (found.area[0], found.border[0]) == (NOWHERE, False)


def test_where_two_areas_overlap_the_first_has_the_point_and_it_is_a_border_sample(tmp_path):
    file = write(
        tmp_path / "x.geojson",
        feature(square(107.0, 12.0, 0.2), code="1", name="Một"),
        feature(square(107.1, 12.1, 0.2), code="2", name="Hai"),
    )
    found = placed(AreaSets([file]).sets[0], [107.15, 107.05], lat=12.15, error_m=1.0)
    assert list(found.commune) == ["1", "1"]
    assert list(found.border) == [True, False]


def test_a_hole_is_outside(tmp_path):
    outer, inner = square(107.0, 12.0), square(107.04, 12.04, 0.02)
    geometry = {
        "type": "Polygon",
        "coordinates": [outer["coordinates"][0], inner["coordinates"][0]],
    }
    area_set = AreaSets([write(tmp_path / "x.geojson", feature(geometry, code="1", name="x"))])
    found = placed(area_set.sets[0], [107.02, 107.05], error_m=10.0)
    assert list(found.area) == [0, NOWHERE]


def test_a_code_means_another_area_after_the_reform(tmp_path):
    old = write(
        tmp_path / "old.geojson",
        feature(square(107.0, 12.0), code="24611", name="Phường Nghĩa Đức", valid_to="2025-06-30"),
    )
    new = write(
        tmp_path / "new.geojson",
        feature(
            square(107.0, 12.0, 0.4), code="24611", name="Phường Bắc Gia Nghĩa",
            valid_from="2025-07-01",
        ),
        version=2025,
    )  # fmt: skip
    sets = AreaSets([old, new])
    [before] = sets.on(OLD)
    [after] = sets.on(NEW)
    assert (before.title, before.areas[0].name) == ("old", "Phường Nghĩa Đức")
    assert (after.title, after.areas[0].name) == ("new 2025", "Phường Bắc Gia Nghĩa")
    # Outside of the old ward and inside of the new one of the same code.
    assert list(placed(before, 107.3).commune) == [None]
    assert list(placed(after, 107.3).commune) == ["24611"]


def test_old_areas_kept_for_reports_stay_beside_the_new_ones(tmp_path):
    old = write(tmp_path / "old.geojson", feature(square(107.0, 12.0), code="1", name="cũ"))
    districts = write(
        tmp_path / "d.geojson",
        feature(square(107.0, 12.0, 0.3), code="660", name="Gia Nghĩa", level="district"),
    )
    new = write(
        tmp_path / "new.geojson",
        feature(square(107.0, 12.0), code="1", name="mới", valid_from="2025-07-01"),
    )
    sets = AreaSets([old, districts, new])
    assert [one.title for one in sets.on(OLD)] == ["old", "d"]
    assert [one.title for one in sets.on(NEW)] == ["old", "d", "new"]
    found = placed(sets.named("d"), 107.25)
    assert (found.district[0], found.commune[0]) == ("660", None)


def test_a_set_of_districts_gives_no_row_a_commune(tmp_path):
    file = write(
        tmp_path / "d.geojson",
        feature(square(107.0, 12.0), code="660", name="Gia Nghĩa", level="district"),
    )
    assert Boundaries([file]).areas == ()


def test_a_set_has_one_level(tmp_path):
    file = write(
        tmp_path / "x.geojson",
        feature(square(107.0, 12.0), code="1", name="x"),
        feature(square(107.1, 12.0), code="660", name="y", level="district"),
    )
    with pytest.raises(GeographyError, match=r"^x\.geojson: feature 1: is a district in a set of"):
        AreaSets([file])


def test_no_point_and_no_area_are_no_problem(two):
    assert len(placed(two, []).area) == 0
    assert list(placed(two.valid(date(1, 1, 1)), 107.05).commune) == ["1"]
    empty = AreaSets([]).sets
    assert empty == ()


@pytest.mark.parametrize("day", [OLD, NEW])
def test_the_table_of_tiles_says_what_the_polygons_say(day):
    [area_set] = AreaSets([DEMO / "demo-communes.geojson"]).on(day)
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(11.6, 13.0, 50_000), rng.uniform(107.1, 108.2, 50_000)
    found = area_set.assign(lat, lon, np.full(len(lat), 50.0))
    days = np.full(len(lat), np.datetime64(day, "D"))
    assert (found.area == Boundaries([DEMO / "demo-communes.geojson"]).find(lat, lon, days)).all()
    # Whoever is no border sample is in the same area wherever in the circle he is.
    sure = ~found.border
    for bearing in np.radians(range(0, 360, 30)):
        moved_lat = lat + 49.9 * np.cos(bearing) / 110_700
        moved_lon = lon + 49.9 * np.sin(bearing) / 109_100
        moved = area_set.assign(moved_lat, moved_lon, np.zeros(len(lat)))
        assert (moved.area == found.area)[sure].all()
    assert 0.003 < found.border.mean() < 0.05
