"""Files of customers: read as they are, or refused with file, line and reason."""

import csv

import numpy as np
import pytest
import shapely

from collector.geo.foreign import Options, read
from collector.geo.foreign.numbers import Decimals
from collector.geo.geojson import GeographyError
from collector.geo.layer import Kind

POINTS = Options(Kind.POINTS)
GPX = '<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">{}</gpx>'


@pytest.fixture
def given(tmp_path):
    def given(name, content, options=POINTS):
        content = content if isinstance(content, bytes) else content.encode()
        return read(tmp_path / name, content, options)

    return given


@pytest.mark.parametrize(
    "content",
    [
        "code,lat,lon\nG1,12.05,107.5\n",
        "code;lat;lon\nG1;12,05;107,5\n",
        "code\tlat\tlon\nG1\t12,05\t107,5\n",
        "code|lat|lon\r\nG1|12.05|107.5\r\n",
        "sep=;\ncode;lat;lon\nG1;12,05;107,5\n",
        "\ufeffcode,lat,lon\nG1,12.05,107.5\n",
        "Mã;Vĩ độ;Kinh độ\nG1;12,05;107,5\n",
        "code,Latitude,LONG\n\nG1,12.05,107.5\n,,\n",
        '"code","lat","lon"\n"G1","12,05","107,5"\n',
    ],
)
def test_a_table_is_read_however_it_was_saved(given, content):
    [one] = given("a.csv", content)
    assert one.problem is None
    assert (one.properties["code"], one.geometry.y, one.geometry.x) == ("G1", 12.05, 107.5)


def test_how_long_a_cell_may_be_elsewhere_stays_as_it_was(given):
    before = csv.field_size_limit()
    given("a.csv", "code,lat,lon\nG1,12.05,107.5\n")
    with pytest.raises(GeographyError):
        given("a.csv", 'code,lat,lon\n"a"b,1,2\n')
    assert csv.field_size_limit() == before


def test_utf_16_of_a_spreadsheet_is_read(given):
    [one] = given("a.txt", "name\tlat\tlon\nBon Đăk Nur\t12.05\t107.5\n".encode("utf-16"))
    assert one.properties["name"] == "Bon Đăk Nur"


def test_windows_1258_is_named_and_read_when_asked_for(given):
    content = "name,lat,lon\nXã Đắk,12.05,107.5\n"
    content = "name,lat,lon\nXa\u0303 \u0110\u0103\u0301k,12.05,107.5\n".encode("cp1258")
    with pytest.raises(GeographyError, match=r"^a\.csv: line 2: byte 0xDE .*Windows-1258.*cp1258"):
        given("a.csv", content)
    [one] = given("a.csv", content, Options(Kind.POINTS, encoding="cp1258"))
    assert one.properties["name"] == "Xa\u0303 \u0110\u0103\u0301k"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "line 1: is empty; it must name the columns"),
        ("code,,lon\n1,2,3\n", "line 1: a column has no name"),
        ("code,lat,lat\n1,2,3\n", "line 1: two columns are called 'lat'"),
        ("code,lat,lon\n", "holds nothing to import as points"),
        (b"c\x00o\x00d\x00e\x00\n", "line 1: holds zero bytes"),
        ('code,lat,lon\n"G1,12,107\n', "line 2: unexpected end of data"),
    ],
)
def test_what_is_no_table_is_refused(given, content, says):
    with pytest.raises(GeographyError) as caught:
        given("a.csv", content)
    assert f"a.csv: {says}" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("G1,12.05", "has 2 columns, the heading has 3"),
        ("G1,12.05,abc", "'abc' is no number"),
        ("G1,nan,107.5", "'nan' is no number"),
        ("G1,1_2.05,107.5", "'1_2.05' is no number"),
        ("G1,12.05,", "has no lon"),
    ],
)
def test_a_bad_line_is_told_and_the_others_are_read(given, line, says):
    bad, good = given("a.csv", f"code,lat,lon\n{line}\nG2,12.05,107.5\n")
    assert (bad.place, bad.problem) == ("line 2", says)
    assert good.problem is None


@pytest.mark.parametrize(
    ("text", "mark", "number"),
    [
        ("12.5", ".", 12.5),
        ("12,5", ".", 12.5),
        ("-.5", None, -0.5),
        ("1.234.567", None, 1234567),
        ("3,926", ".", 3926),
        ("3.926", ",", 3926),
        ("3.926", ".", 3.926),
        ("3 926", None, 3926),
        ("1e3", None, 1000),
    ],
)
def test_numbers_have_the_decimal_mark_of_their_file(text, mark, number):
    assert Decimals(mark).number(text) == number


def test_a_number_that_may_be_two_is_not_guessed():
    with pytest.raises(ValueError, match=r"3\.926 may be 3926 or 3\.926: write 3926"):
        Decimals(None).number("3.926")


def test_columns_are_mapped_and_values_set(given):
    options = Options(Kind.POINTS, {"code": "Mã xã", "area_code": "Mã xã"}, {"kind": "key_place"})
    [one] = given("a.csv", "Ma xa,lat,lon\n24611,12.05,107.5\n", options)
    assert one.properties["code"] == one.properties["area_code"] == "24611"
    assert one.properties["kind"] == "key_place"
    with pytest.raises(GeographyError, match=r"has no 'id' to take 'code' from; there are: a, b"):
        given("a.csv", "a,b\n1,2\n", Options(Kind.POINTS, {"code": "id"}))


def test_cells_of_a_grid_are_squares_around_their_middle(given):
    options = Options(Kind.POPULATION, values={"cell_m": "100"})
    [cell] = given("a.csv", "lat,lon,population\n12,107,17.5\n", options)
    west, south, east, north = cell.geometry.bounds
    assert (east - west) * 108_902.65 == pytest.approx(100, abs=0.01)
    assert (north - south) * 110_622.3 == pytest.approx(100, abs=0.01)
    [cell] = given("a.csv", "lat,lon,population\n12,107,17.5\n", Options(Kind.POPULATION))
    assert cell.problem == ("a cell of a grid needs its size: a column cell_m, or --set cell_m=100")


def test_population_of_a_code_has_no_place(given):
    [one] = given("a.csv", "code,population\n24611,3926\n", Options(Kind.POPULATION))
    assert (one.geometry, one.properties["population"]) == (None, 3926)


def test_the_vertices_of_a_road_are_its_lines_in_order(given):
    content = "road,lat,lon\nQL14,12,107\nQL14,12.1,107\nQL28,12.2,107\nQL28,12.3,107.1\n"
    first, second = given("a.csv", content, Options(Kind.ROADS))
    assert first.geometry.coords[:] == [(107, 12), (107, 12.1)]
    assert (second.place, second.properties["road"]) == ("line 4", "QL28")
    [alone] = given("a.csv", "road,lat,lon\nQL14,12,107\n", Options(Kind.ROADS))
    assert alone.problem == "road 'QL14' has a single vertex here"


def test_outlines_may_be_wkt(given):
    content = 'code;name;wkt\n1;x;"POLYGON((107 12,107.1 12,107.1 12.1,107 12))"\n2;y;POLYGON(\n'
    good, bad = given("a.csv", content, Options(Kind.BOUNDARIES))
    assert shapely.get_num_coordinates(good.geometry) == 4
    assert bad.problem.startswith("WKT cannot be read")


@pytest.mark.parametrize("name", ["a.geojson", "A.JSON"])
def test_geojson_is_read_with_foreign_properties(given, name):
    content = (
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties":'
        ' {"MA": 24611, "rep_point": [1, 2]}, "geometry": {"type": "Point", "coordinates":'
        " [107.5, 12.05, 640.0]}}]}"
    )
    [one] = given(name, content, Options(Kind.POINTS, {"code": "MA"}))
    assert one.properties["code"] == 24611


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "no GeoJSON FeatureCollection: "),
        ('{"type": "Feature"}', "missing required field `features`"),
        ("[" * 100_000, "no GeoJSON FeatureCollection: "),
        (
            '{"crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::3405"}}, "features": []}',
            "coordinates are in urn:ogc:def:crs:EPSG::3405: export them in WGS 84 (EPSG:4326)",
        ),
        ('{"features": []}', "holds nothing to import as points"),
    ],
)
def test_what_is_no_geojson_is_refused(given, content, says):
    with pytest.raises(GeographyError) as caught:
        given("a.geojson", content)
    assert says in str(caught.value)


@pytest.mark.parametrize("system", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"])
def test_degrees_may_be_said(given, system):
    content = (
        f'{{"crs": {{"properties": {{"name": "{system}"}}}}, "features": [{{"properties": null,'
        ' "geometry": null}]}'
    )
    assert len(given("a.geojson", content)) == 1


@pytest.mark.parametrize(
    ("properties", "geometry", "says"),
    [
        ('{"code": 1, "code": 2}', "null", "property 'code' stands there twice"),
        ("[1]", "null", "properties are no object"),
        ("{}", '{"type": "Circle"}', "geometry cannot be read"),
        ("{}", '{"type": "Polygon", "coordinates": [[[107, 12], [108, 12]]]}', "cannot be read"),
    ],
)
def test_a_bad_feature_is_told_with_its_number(given, properties, geometry, says):
    content = f'{{"features": [{{"properties": {properties}, "geometry": {geometry}}}]}}'
    [one] = given("a.geojson", content)
    assert one.place == 0
    assert says in one.problem


def test_waypoints_are_points(given):
    content = GPX.format(
        '<wpt lat="12.05" lon="107.5"><ele>640</ele><name>Bon Đăk Nur</name></wpt>'
        '<trk><trkseg><trkpt lat="12" lon="107"/><trkpt lat="12" lon="108"/></trkseg></trk>'
    )
    [one] = given("a.gpx", content, Options(Kind.POINTS, {"code": "name"}))
    assert (one.place, one.geometry.x) == ("waypoint 1", 107.5)
    assert one.properties["code"] == one.properties["name"] == "Bon Đăk Nur"


def test_tracks_and_routes_are_roads(given):
    content = GPX.format(
        '<wpt lat="1" lon="1"/>'
        '<rte><name>QL28</name><rtept lat="12" lon="107"/><rtept lat="12.1" lon="107"/></rte>'
        '<trk><name>QL14</name><trkseg><trkpt lat="12" lon="107"/><trkpt lat="12.1" lon="107"/>'
        '</trkseg><trkseg><trkpt lat="12.1" lon="107"/><trkpt lat="12.2" lon="107"/></trkseg></trk>'
    )
    route, track = given("a.gpx", content, Options(Kind.ROADS))
    assert (route.properties["road"], route.geometry.geom_type) == ("QL28", "LineString")
    assert (track.properties["road"], track.geometry.geom_type) == ("QL14", "MultiLineString")
    assert np.allclose(shapely.get_coordinates(track.geometry)[:, 1], [12, 12.1, 12.1, 12.2])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("<kml/>", "line 1: no GPX: begins with <kml>, not with <gpx>"),
        ("<gpx>\n<wpt lat='12'>", "line 2: no GPX: <wpt> without 'lon'"),
        ("<gpx>\n<wpt", "line 2: no GPX: unclosed token"),
        ("<gpx>\n<wpt lat='x' lon='y'/></gpx>", "line 2: no GPX: could not convert string"),
        ("<gpx><trkpt lat='12' lon='107'/></gpx>", "holds nothing to import as points"),
        (
            '<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><gpx>&b;</gpx>',
            "holds a document type declaration, which GPX has no use for",
        ),
    ],
)
def test_what_is_no_gpx_is_refused(given, content, says):
    with pytest.raises(GeographyError) as caught:
        given("a.gpx", content)
    assert says in str(caught.value)


def test_a_track_of_one_point_is_told(given):
    content = GPX.format('<trk><trkseg><trkpt lat="12" lon="107"/></trkseg></trk>')
    [one] = given("a.gpx", content, Options(Kind.ROADS))
    assert (one.place, one.problem) == ("track 1", "has less than two points")


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("a.shp", Kind.ROADS, ".shp is none of .geojson, .json, .csv, .txt, .gpx: export it as"),
        ("a", Kind.ROADS, "no ending is none of"),
        ("a.gpx", Kind.BOUNDARIES, "GPX holds points and lines, no boundaries"),
    ],
)
def test_other_files_are_refused(given, name, kind, says):
    with pytest.raises(GeographyError) as caught:
        given(name, "<gpx/>", Options(kind))
    assert says in str(caught.value)
