"""Points, exceptions, population, declared coverage: each on the days for which it counts."""

from datetime import date

import pytest

from collector.geo.areas import AreaSets
from collector.geo.declared import Declared, Sites, Technology
from collector.geo.exceptions import Exceptions
from collector.geo.geojson import GeographyError
from collector.geo.layer import Kind, Layer
from collector.geo.points import PointKind, Points
from collector.geo.population import Population

from .geography import feature, point, square, write

DAY = date(2025, 7, 1)


def test_points_have_a_kind_and_a_place(tmp_path):
    file = write(
        tmp_path / "points.geojson",
        feature(
            point(107.5, 12.1), kind="signal_gap", code="G1", name="Bon Đăk Nur", area_code="1"
        ),
        feature(point(107.6, 12.2), kind="district_centre", code="660", name="Gia Nghĩa"),
    )
    gap, centre = Points([file]).on(DAY)
    assert (gap.kind, gap.lat_deg, gap.lon_deg, gap.area_code) == ("signal_gap", 12.1, 107.5, "1")
    assert gap.layer == "points"
    assert Points([file]).on(DAY, PointKind.DISTRICT_CENTRE) == (centre,)
    assert centre.area_code is None


def test_of_a_point_listed_twice_the_first_layer_has_it(tmp_path):
    files = [
        write(
            tmp_path / f"{name}.geojson",
            feature(point(107.5, 12.1), kind="signal_gap", code="G1", name=name),
        )
        for name in ("first", "second")
    ]
    assert [one.name for one in Points(files).on(DAY)] == ["first"]


def test_a_layer_narrows_the_days_of_its_points(tmp_path):
    file = write(
        tmp_path / "points.geojson",
        feature(point(107.5, 12.1), kind="key_place", code="1", name="a", valid_to="2025-12-31"),
        feature(point(107.5, 12.1), kind="key_place", code="2", name="b", valid_to="2025-06-30"),
    )
    layer = Layer(kind=Kind.POINTS, name="places", sha256="", file=file, valid_from=DAY)
    assert [one.code for one in Points([layer]).points] == ["1"]
    [one] = Points([layer]).on(DAY)
    assert (one.valid_from, one.valid_to) == (DAY, date(2025, 12, 31))


@pytest.fixture
def exceptions(tmp_path):
    return Exceptions(
        [
            write(
                tmp_path / "exceptions.geojson",
                feature(None, road="QL14", from_m=2000, to_m=2400, kind="tunnel"),
                feature(None, road="QL14", from_m=100, to_m=900, kind="detour", operator="Viettel"),
                feature(None, road="QL14", from_m=0, to_m=50, kind="closed", valid_to="2025-06-30"),
                feature(None, road="QL28", from_m=0, to_m=50, kind="ferry"),
            )
        ]
    )


def test_an_exception_is_of_a_road_a_day_and_maybe_an_operator(exceptions):
    assert [one.kind for one in exceptions.on("QL14", DAY)] == ["tunnel"]
    of_viettel = exceptions.on("QL14", DAY, operator="Viettel")
    assert [one.kind for one in of_viettel] == ["detour", "tunnel"]
    assert [one.kind for one in exceptions.on("QL14", DAY, operator="MobiFone")] == ["tunnel"]
    assert exceptions.on("QL14", date(2025, 6, 30))[0].kind == "closed"
    assert exceptions.on("QL1", DAY) == ()


@pytest.mark.parametrize("changed", [{"from_m": -1}, {"kind": "hole"}, {"to_m": "far"}])
def test_an_exception_that_makes_no_sense_is_refused(tmp_path, changed):
    good = {"road": "QL14", "from_m": 0, "to_m": 10, "kind": "tunnel"}
    file = write(tmp_path / "x.geojson", feature(None, **(good | changed)))
    with pytest.raises(GeographyError, match=r"^x\.geojson: feature 0: "):
        Exceptions([file])


@pytest.fixture
def communes(tmp_path):
    file = write(
        tmp_path / "communes.geojson",
        *(
            feature(square(west, 12.0), code=code, name=code)
            for code, west in (("1", 107.0), ("2", 107.1), ("3", 107.2))
        ),
        version=2025,
    )
    return AreaSets([file]).sets[0]


def test_population_is_by_code_of_the_set_it_names(tmp_path, communes):
    people = Population(
        [
            write(
                tmp_path / "people.geojson",
                feature(None, code="1", population=3926, boundary_set="communes 2025"),
                feature(None, code="2", population=10, boundary_set="communes 2019"),
                feature(None, code="3", population=500),
                feature(None, code="9", population=1),
            )
        ]
    )
    assert people.by_code(communes, DAY) == {"1": 3926, "3": 500}


def test_cells_are_summed_where_no_list_says_it(tmp_path, communes):
    people = Population(
        [
            write(
                tmp_path / "grid.geojson",
                feature(square(107.01, 12.01, 0.01), population=10.5),
                feature(square(107.02, 12.01, 0.01), population=4.5),
                feature(square(107.11, 12.01, 0.01), population=99),
                feature(square(109.0, 12.01, 0.01), population=7),
                feature(None, code="2", population=100),
            )
        ]
    )
    assert people.of(communes, DAY) == {"1": 15.0, "2": 100}
    assert people.cells(DAY).people.sum() == 121


def test_without_any_list_nobody_is_counted(communes):
    nobody = Population([])
    assert nobody.of(communes, DAY) == {}
    assert len(nobody.cells(DAY).people) == 0


def test_coverage_is_declared_by_an_operator_for_a_technology(tmp_path):
    declared = Declared(
        [
            write(
                tmp_path / "5g.geojson",
                feature(square(107.0, 12.0), operator="Viettel", technology="5g"),
                feature(square(107.0, 12.0), operator="MobiFone", technology="5g"),
                feature(square(107.0, 12.0), operator="Viettel", technology="4g"),
            )
        ]
    )
    assert len(declared.on(DAY, technology=Technology.G5)) == 2
    [one] = declared.on(DAY, technology=Technology.G5, operator="Viettel")
    assert (one.layer, one.geometry.bounds[0]) == ("5g", 107.0)


def test_sites_are_listed_by_an_operator(tmp_path):
    sites = Sites(
        [
            write(
                tmp_path / "sites.geojson",
                feature(point(107.5, 12.1), operator="VNPT", code="DNO001", technology="5g"),
                feature(point(107.6, 12.1), operator="VNPT", code="DNO002", height_m=42),
            )
        ]
    )
    assert [one.lat_deg for one in sites.on(DAY, technology=Technology.G5)] == [12.1]
    assert len(sites.on(DAY, operator="VNPT")) == 2
    assert sites.on(DAY, operator="Viettel") == ()
