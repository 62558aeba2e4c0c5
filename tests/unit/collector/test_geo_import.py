"""Imports: everything is checked before anything is stored, and what is wrong is named."""

import json
from datetime import UTC, date, datetime

import pytest

from collector.config import load
from collector.geo import configured
from collector.geo.foreign import Options
from collector.geo.geojson import GeographyError
from collector.geo.importing import About, draft, layer_name, name_of, store
from collector.geo.layer import Kind
from collector.geo.typed import clean, day

from .geography import feature, line, point, square, write

NOW = datetime(2026, 11, 2, tzinfo=UTC)
OPERATORS = frozenset({"Viettel", "MobiFone"})


@pytest.fixture
def config(tmp_path):
    (tmp_path / "collector.toml").write_text('[store]\nfolder = "var"\n')
    return load(tmp_path / "collector.toml")


@pytest.fixture
def take(config, tmp_path):
    """The draft of some features, stored if nothing is wrong with it."""

    def take(kind, *features, name="new", file=None, columns=None, values=None, **about):
        file = file or write(tmp_path / f"{name}.geojson", *features)
        options = Options(kind, columns or {}, values or {})
        made = draft(config, file, About(kind=kind, name=name, **about), options, OPERATORS)
        if not made.refused:
            store(config, made, NOW)
        return made

    return take


def fatal(made):
    return [str(one) for one in made.findings if one.fatal]


def warnings(made):
    return [str(one) for one in made.findings if not one.fatal]


@pytest.fixture
def communes(take):
    take(
        Kind.BOUNDARIES,
        feature(square(107.0, 12.0), code="1", name="Một"),
        feature(square(107.1, 12.0), code="2", name="Hai"),
        name="communes",
    )


@pytest.fixture
def road(take):
    take(
        Kind.ROADS,
        feature(line(*[[107.05, 12 + n / 100] for n in range(11)]), road="QL14"),
        name="QL14",
    )


def test_what_was_imported_is_used_and_known_to_be_from_where(take, config):
    made = take(
        Kind.BOUNDARIES,
        feature(square(107.0, 12.0), MA=24611, TEN="  Phường   Nghĩa Đư\u0301c "),
        columns={"code": "MA", "name": "TEN"},
        values={"province_code": "67"},
        valid_to=date(2025, 6, 30),
        source="Sở Khoa học và Công nghệ",
        licence="for this project",
    )
    assert made.findings == ()
    assert made.figures["area_km2"] == pytest.approx(120.46, abs=0.02)
    [entry] = configured.library(config).entries()
    assert (entry.name, entry.version, entry.features) == ("new", 1, 1)
    assert (entry.source, entry.licence) == ("Sở Khoa học và Công nghệ", "for this project")
    assert entry.original_file == "new.geojson"
    [area_set] = configured.area_sets(config).on(date(2025, 6, 30))
    [area] = area_set.areas
    assert (area.code, area.name, area.province_code) == ("24611", "Phường Nghĩa Đức", "67")
    assert configured.area_sets(config).on(date(2025, 7, 1)) == ()


def test_nothing_is_stored_when_one_feature_is_wrong(take, config):
    bow_tie = {
        "type": "Polygon",
        "coordinates": [[[107, 12], [108, 13], [108, 12], [107, 13], [107, 12]]],
    }
    made = take(
        Kind.BOUNDARIES,
        feature(square(107.0, 12.0), code="1", name="Một"),
        feature(bow_tie, code="2", name="Hai"),
        feature(square(107.1, 12.0), name="Ba"),
    )
    first, second = fatal(made)
    assert first.startswith("feature 1: geometry is not valid: Self-intersection")
    assert second == "feature 2: has no code: say --map code=THEIR_COLUMN or --set code=VALUE"
    assert configured.library(config).entries() == ()


@pytest.mark.parametrize(
    ("kind", "features", "says"),
    [
        (
            Kind.BOUNDARIES,
            [feature(square(12.0, 107.0, 0.1), code="1", name="x")],
            "not longitude and latitude in degrees: they look swapped, latitude 12 stands first",
        ),
        (
            Kind.BOUNDARIES,
            [feature(square(430_000.0, 1_330_000.0, 1000), code="1", name="x")],
            "they look like metres (VN-2000, UTM); export them in WGS 84 (EPSG:4326)",
        ),
        (
            Kind.BOUNDARIES,
            [
                feature(square(107.0, 12.0), code="1", name="x"),
                feature(square(107.1, 12.0), code="1", name="y"),
            ],
            "feature 1: has the same code as feature 0, on the same days: 1",
        ),
        (
            Kind.BOUNDARIES,
            [
                feature(square(107.0, 12.0), code="1", name="x"),
                feature(square(107.1, 12.0), code="660", name="y", level="district"),
            ],
            "feature 1: is a district in a set of communes: one set for each level",
        ),
        (
            Kind.ROADS,
            [
                feature(line([107.0, 12.0], [107.0, 12.01]), road="QL14"),
                feature(line([107.1, 12.01], [107.1, 12.02]), road="QL14"),
            ],
            "feature 1: begins 10890 m from where 'QL14' ends so far",
        ),
        (
            Kind.POINTS,
            [
                feature(point(107.0, 12.0), kind="signal_gap", code="1", name="x"),
                feature(point(107.1, 12.0), kind="signal_gap", code="1", name="y"),
            ],
            "feature 1: has the same kind and code as feature 0, on the same days",
        ),
        (
            Kind.POINTS,
            [feature(point(107.0, 12.0), kind="gap", code="1", name="x")],
            "kind: Invalid enum value 'gap'; one of signal_gap, district_centre, key_place",
        ),
        (
            Kind.POPULATION,
            [feature(None, population=5)],
            "feature 0: has neither the code of an area nor a place: people of where?",
        ),
        (
            Kind.POPULATION,
            [feature(None, code="1", population=5), feature(None, code="1", population=6)],
            "feature 1: has the same set and code as feature 0, on the same days",
        ),
        (
            Kind.POPULATION,
            [
                feature(square(107.0, 12.0, 0.001), population=5),
                feature(square(107.0005, 12.0, 0.001), population=5),
            ],
            "feature 1: shares 50% of its cell with feature 0: is the size of the cells right?",
        ),
        (
            Kind.POPULATION,
            [feature(None, code="1", population=-5)],
            "feature 0: population: Expected `float` >= 0.0",
        ),
        (
            Kind.DECLARED,
            [feature(square(107.0, 12.0), operator="Vietel", technology="5g")],
            "feature 0: operator 'Vietel' is none of those that are judged: MobiFone, Viettel",
        ),
        (
            Kind.SITES,
            [
                feature(point(107.0, 12.0), operator="Viettel", code="1", technology="5g"),
                feature(point(107.0, 12.0), operator="Viettel", code="1", technology="5g"),
            ],
            "feature 1: has the same operator, code and technology as feature 0",
        ),
        (
            Kind.EXCEPTIONS,
            [feature(None, road="QL14", from_m=0, to_m=10, kind="tunnel")],
            "feature 0: no road is called 'QL14' on these days; there are: none yet",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_feature(take, kind, features, says):
    assert any(says in one for one in fatal(take(kind, *features)))


def test_overlaps_and_holes_of_a_set_are_told_in_square_kilometres(take):
    ring = [
        (107.0, 12.0, 0.1), (107.1, 12.0, 0.1), (107.2, 12.0, 0.1), (107.0, 12.1, 0.1),
        (107.2, 12.1, 0.1), (107.0, 12.2, 0.1), (107.1, 12.2, 0.1), (107.2, 12.2, 0.1),
    ]  # fmt: skip
    made = take(
        Kind.BOUNDARIES,
        *(
            feature(square(*one), code=str(index), name=f"Xã {index}")
            for index, one in enumerate(ring)
        ),
        feature(square(107.25, 11.95, 0.1), code="9", name="Xã 9"),
    )
    assert fatal(made) == []
    overlap, hole = warnings(made)
    assert overlap == (
        "feature 8: Xã 9 overlaps feature 2, Xã 2, by 30.11 km2: the one listed first has it"
    )
    assert hole.startswith("no area has 120.4")
    assert "between Xã 0, Xã 1, Xã 2, Xã 3" in hole
    assert made.figures["overlaps_km2"] == pytest.approx(30.11, abs=0.01)
    assert made.figures["holes_km2"] == pytest.approx(120.4, abs=0.1)


def test_areas_of_other_days_do_not_overlap(take):
    made = take(
        Kind.BOUNDARIES,
        feature(square(107.0, 12.0), code="1", name="cũ", valid_to="2025-06-30"),
        feature(square(107.0, 12.0), code="1", name="mới", valid_from="2025-07-01"),
    )
    assert made.findings == ()


@pytest.mark.usefixtures("communes")
def test_a_code_that_names_another_area_elsewhere_is_told(take):
    made = take(Kind.BOUNDARIES, feature(square(107.0, 12.0, 0.2), code="1", name="Lớn"))
    [told] = warnings(made)
    assert told.startswith("1 codes name another area in 'communes 1' on the same days, e.g. 1 is")


@pytest.mark.usefixtures("communes")
def test_points_outside_or_in_another_commune_are_told(take):
    made = take(
        Kind.POINTS,
        feature(point(107.05, 12.05), kind="signal_gap", code="a", name="x", area_code="1"),
        feature(point(107.15, 12.05), kind="signal_gap", code="b", name="x", area_code="1"),
        feature(point(108.0, 12.05), kind="signal_gap", code="c", name="x"),
        feature(point(107.05, 12.05), kind="signal_gap", code="d", name="x", area_code="77"),
    )
    assert warnings(made) == [
        "feature 2: lies outside of every boundary: latitude 12.05, longitude 108",
        "feature 1: area_code is 1, but the point lies in Hai",
        "feature 3: area_code 77 is of no boundary set",
    ]
    assert made.figures == {"signal_gap": 4}


@pytest.mark.usefixtures("road")
def test_a_new_road_must_go_with_those_there_are(take):
    other = feature(line([107.06, 12.0], [107.06, 12.01]), road="QL14", valid_from="2025-07-01")
    assert (
        "'QL14' has a line in QL14 1 already, on some of these days: end the older one"
        in fatal(take(Kind.ROADS, other, name="other"))[0]
    )
    assert fatal(take(Kind.ROADS, other, name="QL14")) == []  # takes the place of the old one


@pytest.mark.usefixtures("road")
def test_a_road_that_is_there_is_named_with_its_layer(take):
    again = feature(line(*[[107.05, 12 + n / 100] for n in range(11)]), road="QL14")
    [problem] = fatal(take(Kind.ROADS, again, name="other"))
    assert problem.startswith("feature 0: 'QL14' has a line in QL14 1 already, which ends 11,062 m")


def test_joints_rings_and_ways_back_are_told(take):
    pieces = [[[107.0, 12.0], [107.01, 12.0]], [[107.0103, 12.0], [107.02, 12.0]]]
    ring = [[107.1, 12.0], [107.11, 12.0], [107.11, 12.01], [107.1, 12.01], [107.1, 12.0]]
    back = [[107.2, 12.0], [107.21, 12.0], [107.205, 12.0], [107.22, 12.0]]
    made = take(
        Kind.ROADS,
        feature({"type": "MultiLineString", "coordinates": pieces}, road="joined"),
        feature(line(*ring), road="ring"),
        feature(line(*back), road="back"),
    )
    joint, closed, doubled = warnings(made)
    assert joint == (
        "road 'joined': pieces do not meet, straight joints count instead: 33 m at 1,089 m"
    )
    assert closed.startswith("road 'ring' ends where it begins: a gap across that place")
    assert doubled.startswith("road 'back' runs for 9")
    assert made.figures["joined (m)"] == pytest.approx(2178, abs=1)


@pytest.mark.usefixtures("communes")
def test_a_road_outside_of_every_boundary_is_told(take):
    made = take(
        Kind.ROADS,
        feature(line([7.5, 52.0], [7.51, 52.0]), road="far"),
        feature(line([107.05, 12.05], [107.06, 12.05]), road="near"),
    )
    assert warnings(made) == [
        "road 'far' lies outside of every boundary: it begins at latitude 52, longitude 7.5"
    ]


def test_a_long_straight_is_told(take):
    made = take(Kind.ROADS, feature(line([107.0, 12.0], [107.0, 12.05]), road="QL14"))
    [told] = warnings(made)
    assert told.startswith("feature 0: runs 5,531 m straight from latitude 12.00000")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"to_m": 11_200.0}, "to_m 11,200 is beyond the end of QL14, which is 11,062 m long"),
        ({"from_m": 500.0, "to_m": 500.0}, "from_m 500 is not before to_m 500"),
        ({"road": "QL41"}, "no road is called 'QL41' on these days; there are: QL14"),
        ({"operator": "Gmobile"}, "operator 'Gmobile' is none of those that are judged"),
    ],
)
@pytest.mark.usefixtures("road")
def test_an_exception_must_lie_on_its_road(take, changed, says):
    good = {"road": "QL14", "from_m": 100.0, "to_m": 900.0, "kind": "tunnel"}
    assert says in fatal(take(Kind.EXCEPTIONS, feature(None, **(good | changed))))[0]


@pytest.mark.usefixtures("road")
def test_exceptions_are_summed(take, config):
    good = {"road": "QL14", "from_m": 100.0, "to_m": 900.0, "kind": "tunnel"}
    made = take(Kind.EXCEPTIONS, feature(None, **good))
    assert made.figures == {"tunnel on QL14 (m)": 800}
    assert len(configured.exceptions(config).on("QL14", date(2026, 1, 1))) == 1


@pytest.mark.usefixtures("communes")
def test_population_is_totalled_and_unknown_codes_are_told(take):
    made = take(
        Kind.POPULATION,
        feature(None, code="1", population=3926, boundary_set="communes"),
        feature(None, code="3", population=74, boundary_set="communes 1"),
        feature(None, code="1", population=5, boundary_set="comunes"),
    )
    assert made.figures["people"] == 4005
    assert warnings(made) == [
        "feature 1: code 3 is in no boundary set it may be of",
        "feature 2: boundary_set 'comunes' is not there; there are: communes, communes 1",
    ]


def test_declared_coverage_is_summed_by_operator(take):
    made = take(Kind.DECLARED, feature(square(107.0, 12.0), operator="Viettel", technology="5g"))
    assert made.figures["Viettel 5g (km2)"] == pytest.approx(120.46, abs=0.02)


def test_many_findings_are_counted(take):
    made = take(
        Kind.POINTS,
        *(feature(point(107.0, 12.0), kind="x", code=str(one), name="x") for one in range(50)),
    )
    assert len(made.findings) == 11
    assert str(made.findings[-1]) == "and 40 more like the last"
    assert made.findings[-1].fatal


def test_the_days_of_a_layer_may_leave_nothing(take):
    made = take(
        Kind.POINTS,
        feature(point(107, 12), kind="key_place", code="1", name="x", valid_to="2025-06-30"),
        valid_from=date(2025, 7, 1),
    )
    assert fatal(made) == ["no feature counts on any of the days given"]


def test_a_field_nobody_has_is_refused(take):
    with pytest.raises(
        GeographyError, match=r"points have no field 'colour'; there are: area_code"
    ):
        take(Kind.POINTS, feature(None), values={"colour": "red"})


def test_a_draft_with_faults_is_never_stored(take, config):
    made = take(Kind.POPULATION, feature(None, population=5))
    with pytest.raises(ValueError, match="refused"):
        store(config, made, NOW)


def test_a_file_that_is_not_there_is_named(config, tmp_path):
    about = About(kind=Kind.POINTS, name="x")
    with pytest.raises(GeographyError, match=r"^x\.csv: cannot be read: No such file"):
        draft(config, tmp_path / "x.csv", about, Options(Kind.POINTS), OPERATORS)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("=HYPERLINK(1)", "begins as a formula"),
        ("@x", "begins as a formula"),
        ("a\u202eb", "cannot be seen: RIGHT-TO-LEFT OVERRIDE"),
        ("a\x1b[2J", "cannot be seen: U+001B"),
        ("x" * 501, "has 501 characters"),
        ([1], "list is no text"),
        (True, "bool is no text"),
    ],
)
def test_texts_that_may_do_harm_are_refused(take, name, says):
    made = take(Kind.POINTS, feature(point(107, 12), kind="key_place", code="1", name=name))
    assert says in fatal(made)[0]
    assert fatal(made)[0].startswith("feature 0: name: ")


@pytest.mark.parametrize("code", [24611, 24611.0, "24611", "24611.0", " 24611 "])
def test_a_code_that_a_spreadsheet_made_a_number_is_a_code(take, code):
    made = take(Kind.POINTS, feature(point(107, 12), kind="key_place", code=code, name="x"))
    assert json.loads(made.content)["features"][0]["properties"]["code"] == "24611"


@pytest.mark.parametrize("text", ["2025-07-01", "01/07/2025", "1.7.2025", "1-7-2025"])
def test_days_are_iso_or_day_first(text):
    assert day(text) == date(2025, 7, 1)


@pytest.mark.parametrize("text", ["31/02/2025", "2025", "0001-01-01", "07/13/2025", "x"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(ValueError, match=r"is no day|is not between"):
        day(text)


def test_names_of_layers_can_be_typed(tmp_path):
    assert layer_name("communes-2025.v1") == "communes-2025.v1"
    assert layer_name("xã_2025") == "xã_2025"
    assert name_of(tmp_path / "Ranh giới xã (mới).geojson") == "Ranh-giới-xã-mới"
    for bad in ("", "a b", "-x", "../x", "a/b", "x" * 65):
        with pytest.raises(ValueError, match="is no name"):
            layer_name(bad)


def test_texts_are_composed_and_trimmed():
    assert clean(" Nghi\u0303a  Đư\u0301c ") == "Nghĩa Đức"


@pytest.fixture
def highlands(take):
    names = {
        "24611": "Phường Nghĩa Đức", "24640": "Thị trấn Ea T'Ling", "24646": "Xã Đắk Plao",
        "24700": "Xã Hoà An", "24664": "Thị trấn Đắk Mil", "24670": "Xã Đắk Mil",
    }  # fmt: skip
    take(
        Kind.BOUNDARIES,
        *(
            feature(square(107.0 + n / 10, 12.0), code=code, name=name)
            for n, (code, name) in enumerate(names.items())
        ),
        name="highlands",
    )


@pytest.mark.usefixtures("highlands")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Phường Nghĩa Đức", "24611"),
        ("nghi\u0303a đư\u0301c", "24611"),
        ("TT. Ea T\u2019ling", "24640"),
        ("Dak Plao", "24646"),
        ("Xã Đăk Plao", "24646"),
        ("Hòa An", "24700"),
        ("Xã Đắk Mil", "24670"),
    ],
)
def test_areas_are_found_by_their_names(take, name, code):
    made = take(Kind.POPULATION, feature(None, name=name, population=5))
    assert fatal(made) == []
    assert json.loads(made.content)["features"][0]["properties"]["code"] == code


@pytest.mark.usefixtures("highlands")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Đắk Mil", "'Đắk Mil' is the name of several areas, 24664, 24670: say which"),
        ("Xã Đắk Plaoo", "no area is called 'Xã Đắk Plaoo'; is it Xã Đắk Plao or Xã Đắk Mil?"),
        ("Sài Gòn", "no area is called 'Sài Gòn'"),
    ],
)
def test_a_name_of_no_area_or_of_several_is_told(take, name, says):
    made = take(Kind.POPULATION, feature(None, name=name, population=5))
    assert fatal(made) == [f"feature 0: {says}"]


@pytest.mark.usefixtures("highlands")
def test_a_point_may_name_its_commune(take):
    made = take(
        Kind.POINTS,
        feature(point(107.05, 12.05), kind="signal_gap", code="1", name="x", area_name="Nghĩa Đức"),
    )
    assert json.loads(made.content)["features"][0]["properties"]["area_code"] == "24611"
