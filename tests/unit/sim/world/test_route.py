import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.world.places import read_roads
from sim.world.route import Route, distance_m

ROAD = Route(read_roads()["QL14-demo"])


def test_a_degree_of_latitude_at_the_equator_is_that_of_the_ellipsoid():
    # WGS 84: one degree of the meridian from the equator, and one of the equator itself.
    assert distance_m((0, 107), (1, 107)) == pytest.approx(110_574.3, abs=1)
    assert distance_m((0, 107), (0, 108)) == pytest.approx(111_319.5, abs=1)


@given(st.floats(0, ROAD.length_m))
def test_projecting_a_point_of_the_road_gives_its_chainage(chainage):
    place = ROAD.at(chainage)
    back, offset = ROAD.project(np.array([place.lat_deg]), np.array([place.lon_deg]))
    assert back[0] == pytest.approx(chainage, abs=0.1)
    assert offset[0] < 0.1


def test_beyond_its_ends_a_route_stands_still():
    assert ROAD.at(-5)[:2] == pytest.approx(ROAD.points[0])
    assert ROAD.at(ROAD.length_m + 5)[:2] == pytest.approx(ROAD.points[-1])


def test_a_part_is_as_long_as_asked():
    part = ROAD.part(30_000, 33_400)
    assert part.length_m == pytest.approx(3_400, abs=0.5)
    assert part.points[0] == pytest.approx(ROAD.at(30_000)[:2])


def test_course_is_where_the_road_leads():
    east = Route([(12.0, 107.0), (12.0, 107.1)])
    north = Route([(12.0, 107.0), (12.1, 107.0)])
    assert east.at(100).course_deg == pytest.approx(90)
    assert north.at(100).course_deg == pytest.approx(0)


def test_a_point_beside_the_road_is_that_far_away():
    east = Route([(12.0, 107.0), (12.0, 107.1)])
    chainage, offset = east.project(np.array([12.001]), np.array([107.05]))
    assert offset[0] == pytest.approx(distance_m((12.0, 107.05), (12.001, 107.05)), abs=0.1)
    assert chainage[0] == pytest.approx(east.length_m / 2, abs=0.5)


@pytest.mark.parametrize("points", [[], [(12.0, 107.0)], [(12.0, 107.0), (12.0, 107.0)]])
def test_a_line_without_length_is_refused(points):
    with pytest.raises(ValueError, match="route"):
        Route(points)
