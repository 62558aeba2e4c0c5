import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.plan.geo_files import (
    MAX_BYTES,
    MAX_PLACES,
    MAX_POINTS,
    GeoError,
    parse_area,
    parse_places,
)
from agent.plan.shapes import NEAR_M, Circle, Point, Polygons, distance_m

M_PER_DEG = math.radians(6_371_000.0)
SQUARE = [[107.0, 12.0], [107.01, 12.0], [107.01, 12.01], [107.0, 12.01], [107.0, 12.0]]
HOLE = [[107.004, 12.004], [107.006, 12.004], [107.006, 12.006], [107.004, 12.006]]
HOLE.append(HOLE[0])


def polygon(*rings):
    return Polygons([[Point(lat, lon) for lon, lat in ring] for ring in rings])


def document(*features):
    return json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()


def feature(rings, kind="Polygon", **properties):
    geometry = {"type": kind, "coordinates": rings}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def test_a_degree_of_latitude_is_111_km():
    assert distance_m(Point(12.0, 107.0), Point(13.0, 107.0)) == pytest.approx(M_PER_DEG)


def test_inside_is_below_zero_and_outside_above():
    square = polygon(SQUARE)
    middle = square.outside_m(Point(12.005, 107.005))
    assert middle == pytest.approx(-0.005 * M_PER_DEG * math.cos(math.radians(12.005)), rel=1e-3)
    assert square.outside_m(Point(11.999, 107.005)) == pytest.approx(0.001 * M_PER_DEG, rel=1e-3)


def test_a_hole_is_outside():
    ring = polygon(SQUARE, HOLE)
    assert ring.outside_m(Point(12.005, 107.005)) > 100
    assert ring.outside_m(Point(12.002, 107.002)) < -100


def test_far_away_is_at_least_said_to_be_far():
    assert polygon(SQUARE).outside_m(Point(12.5, 107.5)) > NEAR_M
    assert polygon(SQUARE).outside_m(Point(-12.5, -107.5)) > NEAR_M


def test_a_circle_reaches_as_far_as_its_radius():
    circle = Circle(Point(12.0, 107.0), 100.0)
    assert circle.outside_m(Point(12.0, 107.0)) == -100.0
    assert circle.outside_m(Point(12.0 + 150 / M_PER_DEG, 107.0)) == pytest.approx(50.0)


@settings(max_examples=50)
@given(st.integers(0, 360), st.floats(0, 3000))
def test_a_polygon_of_many_corners_is_a_circle(bearing_deg, away_m):
    centre, radius_m = Point(12.0, 107.0), 1000.0

    def at(angle_deg, metres):
        north = metres * math.cos(math.radians(angle_deg)) / M_PER_DEG
        east = metres * math.sin(math.radians(angle_deg)) / M_PER_DEG
        return Point(centre.lat_deg + north, centre.lon_deg + east / math.cos(math.radians(12.0)))

    ring = [at(angle, radius_m) for angle in range(0, 360, 5)]
    round_ = Polygons([[*ring, ring[0]]])
    outside_m = round_.outside_m(at(bearing_deg, away_m))
    wanted_m = Circle(centre, radius_m).outside_m(at(bearing_deg, away_m))
    assert outside_m == pytest.approx(wanted_m, abs=3.0)


def test_an_area_is_read_by_its_property():
    other = [[[lon + 1, lat] for lon, lat in SQUARE]]
    data = document(feature([SQUARE], code="1", n=5), feature(other, code="2", n=6))
    assert parse_area(data, where={"code": "1", "n": 5}) == polygon(SQUARE)
    assert parse_area(data, where={"code": "2"}).outside_m(Point(12.005, 108.005)) < 0
    both = parse_area(data)
    assert both.outside_m(Point(12.005, 107.005)) < 0
    assert both.outside_m(Point(12.005, 108.005)) < 0


def test_several_polygons_and_heights_are_read():
    high = [[lon, lat, 600.0] for lon, lat in SQUARE]
    assert parse_area(document(feature([[high], [SQUARE]], kind="MultiPolygon")))
    assert parse_area(b'{"type": "Polygon", "coordinates": [[[1,1],[2,1],[2,2],[1,1]]]}')


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 200_000, "xpected `object`"),
        (b'{"type": "FeatureCollection", "x": ' + b"[" * 200_000, "recursion"),
        (b'{"type": "Point", "coordinates": [1, 2]}', "'Point' is no area"),
        (document(), "no polygon in it"),
        (document({"type": "Feature", "geometry": None}), "no polygon in it"),
        (document(feature([[[1, 2], [3, 4]]])), "features[0].geometry.coordinates: a ring needs 4"),
        (document(feature([SQUARE[:-1]])), "ends where it begins"),
        (document(feature([[[12, 107]] * 4])), "longitude, then latitude"),
        (document(feature([[[1]] * 4])), "features[0].geometry.coordinates:"),
        (document(feature([[["a", 2]] * 4])), "features[0].geometry.coordinates:"),
        (document(feature("x")), "features[0].geometry.coordinates:"),
        (document(feature([[[-179, 0], [179, 0], [0, 1], [-179, 0]]])), "half around the earth"),
        (document(feature([SQUARE * 10_000 + SQUARE[:1]])), f"more than {MAX_POINTS} points"),
        (b" " * (MAX_BYTES + 1), "longer than"),
    ],
)
def test_a_hostile_area_is_an_error_with_its_place(data, complaint):
    with pytest.raises(GeoError) as caught:
        parse_area(data)
    assert complaint.lower() in str(caught.value).lower()


def test_a_property_nobody_has_is_an_error():
    with pytest.raises(GeoError, match="as 'where' says"):
        parse_area(document(feature([SQUARE], code="1")), where={"code": "3"})


def test_a_list_of_places_is_read():
    data = "\ufeffname,lat,lon,radius_m\r\nChợ,12.0,107.7,80\r\n".encode()
    (spot,) = parse_places(data)
    assert spot.name == "Chợ"
    assert spot.circle == Circle(Point(12.0, 107.7), 80.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: no column 'name'"),
        ("name,lat,lon\na,1,2", "line 1: no column 'radius_m'"),
        ("name,lat,lon,radius_m\n", "no place in it"),
        ("name,lat,lon,radius_m\na,x,2,50", "line 2: lat: not a number"),
        ("name,lat,lon,radius_m\na,1", "line 2: lon: not a number"),
        ("name,lat,lon,radius_m\na,nan,2,50", "line 2: lat: needs -90 to 90"),
        ("name,lat,lon,radius_m\na,1,inf,50", "line 2: lon: needs -180 to 180"),
        ("name,lat,lon,radius_m\na,1,2,1", "line 2: radius_m: needs 5 to 100000"),
        ("name,lat,lon,radius_m\n,1,2,50", "line 2: name: needs 1 to 100 characters"),
        ("name,lat,lon,radius_m\na,1,2,50\na,1,2,50", "line 3: name: 'a' is there already"),
        ('name,lat,lon,radius_m\n"a,1,2,50', "unexpected end of data"),
        ("name,lat,lon,radius_m\n" + "a" * 200_000 + ",1,2,50", "field larger than"),
        (
            "name,lat,lon,radius_m\n" + "".join(f"p{n},1,2,50\n" for n in range(MAX_PLACES + 1)),
            f"more than {MAX_PLACES} places",
        ),
    ],
)
def test_a_hostile_list_is_an_error_with_its_line(text, complaint):
    with pytest.raises(GeoError) as caught:
        parse_places(text.encode())
    assert complaint in str(caught.value)


def test_a_list_that_is_no_text_is_an_error():
    with pytest.raises(GeoError, match="not UTF-8"):
        parse_places(b"name\xff")


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(data):
    for parse in (parse_area, parse_places):
        try:
            parse(data)
        except GeoError:
            continue
