"""Roads by linear referencing: the way a vehicle goes, parallel roads, junctions and days."""

from datetime import date

import numpy as np
import pytest

from collector.geo.geojson import GeographyError
from collector.geo.roads import Roads

from .geography import DEGREE_M, feature, line, write

NORTH, EAST, SOUTH, WEST = 0.0, 90.0, 180.0, 270.0


@pytest.fixture
def write_roads(tmp_path):
    def write_roads(*features, name="roads.geojson"):
        return Roads([write(tmp_path / name, *features)])

    return write_roads


@pytest.fixture
def crossing(write_roads):
    """QL14 to the north and QL28 to the east, across each other at 12.05 N 107.05 E."""
    return write_roads(
        feature(line([107.05, 12.0], [107.05, 12.1]), road="QL14"),
        feature(line([107.0, 12.05], [107.1, 12.05]), road="QL28"),
    )


def project(roads, lon, lat, course, speed=15.0, **more):
    lat, lon, course, speed = (np.atleast_1d(one) for one in (lat, lon, course, speed))
    return roads.project(*np.broadcast_arrays(lat, lon, course, speed), **more)


def beside(metres):
    return 107.05 + metres / DEGREE_M


def test_a_junction_gives_each_course_its_own_road(crossing):
    # 5 m beside QL14 and 20 m beside QL28.
    lat = 12.05 + 20 / 110_622
    found = project(crossing, beside(5), lat, [NORTH, SOUTH, EAST, WEST])
    assert list(found.road) == ["QL14", "QL14", "QL28", "QL28"]
    assert list(found.direction) == [1, -1, 1, -1]
    assert found.offset_m == pytest.approx([5, 5, 20, 20], abs=0.1)


@pytest.mark.parametrize(
    ("turn", "road"), [(0, "QL14"), (59, "QL14"), (61, None), (119, None), (121, "QL14")]
)
def test_a_course_sixty_degrees_off_is_of_another_road(write_roads, turn, road):
    roads = write_roads(feature(line([107.05, 12.0], [107.05, 12.1]), road="QL14"))
    assert project(roads, 107.05, 12.05, turn).road[0] == road


def test_the_limits_can_be_set(write_roads):
    roads = write_roads(feature(line([107.05, 12.0], [107.05, 12.1]), road="QL14"))
    assert project(roads, 107.05, 12.05, 40.0, max_turn_deg=30).road[0] is None
    assert project(roads, beside(70), 12.05, NORTH, max_offset_m=80).road[0] == "QL14"
    assert project(roads, beside(20), 12.05, NORTH, max_offset_m=10).road[0] is None


@pytest.mark.parametrize(
    ("course", "speed"), [(np.nan, 15.0), (EAST, 2.9), (EAST, np.nan), (EAST, 0.0)]
)
def test_a_course_that_says_nothing_excludes_nothing(write_roads, course, speed):
    roads = write_roads(feature(line([107.05, 12.0], [107.05, 12.1]), road="QL14"))
    found = project(roads, 107.05, 12.05, course, speed)
    assert (found.road[0], found.direction[0]) == ("QL14", 0)


def test_chainage_is_the_same_in_both_directions_and_known_from_both_ends(write_roads):
    roads = write_roads(feature(line([107.05, 12.0], [107.05, 12.1]), road="QL14"))
    found = project(roads, 107.05, 12.02, [NORTH, SOUTH])
    assert found.chainage_m[0] == found.chainage_m[1] == pytest.approx(2212.4, abs=1)
    assert found.chainage_m[0] + found.to_end_m[0] == pytest.approx(roads.lengths_m["QL14"])


def test_of_two_parallel_roads_the_nearer_one_has_the_point(write_roads):
    roads = write_roads(
        feature(line([107.05, 12.0], [107.05, 12.1]), road="QL14"),
        feature(line([beside(40), 12.0], [beside(40), 12.1]), road="service road"),
    )
    found = project(roads, [beside(15), beside(25)], [12.05, 12.05], NORTH)
    assert list(found.road) == ["QL14", "service road"]


def test_points_that_are_no_numbers_are_on_no_road(crossing):
    found = project(crossing, [np.nan, np.inf, 107.05], [12.05, 12.05, np.nan], NORTH)
    assert list(found.road) == [None, None, None]
    assert np.isnan(found.chainage_m).all()
    assert not found.direction.any()


def test_without_roads_or_points_nothing_is_found(crossing):
    assert list(project(Roads([]), 107.05, 12.05, NORTH).road) == [None]
    assert len(project(crossing, [], [], []).road) == 0


@pytest.fixture
def moved(tmp_path):
    """QL14 before and after it was moved 30 m to the east."""
    file = write(
        tmp_path / "roads.geojson",
        feature(line([107.05, 12.0], [107.05, 12.1]), road="QL14", valid_to="2025-06-30"),
        feature(
            line([beside(30), 12.05], [beside(30), 12.1]), road="QL14", valid_from="2025-07-01"
        ),
    )
    return Roads([file])


def test_a_road_has_the_course_of_the_day(moved):
    days = np.array(["2025-06-30", "2025-07-01"], "datetime64[D]")
    found = moved.find(np.full(2, 12.08), np.full(2, beside(10)), days)
    assert found.offset_m == pytest.approx([10, 20], abs=0.1)
    assert found.chainage_m == pytest.approx([8849.8, 3318.7], abs=1)
    assert moved.on(date(2025, 6, 30)).lengths_m["QL14"] == pytest.approx(11_062.3, abs=1)
    assert moved.on(date(2025, 7, 1)).lengths_m["QL14"] == pytest.approx(5_531.1, abs=1)


def test_two_courses_of_one_road_on_one_day_are_refused(tmp_path):
    file = write(
        tmp_path / "roads.geojson",
        feature(line([107.05, 12.0], [107.05, 12.1]), road="QL14", valid_to="2025-07-01"),
        feature(line([107.06, 12.0], [107.06, 12.1]), road="QL14", valid_from="2025-07-01"),
    )
    with pytest.raises(GeographyError, match="feature 1: 'QL14' has another line on some of these"):
        Roads([file])


def east(first_m, last_m, north_m=0.0, step_m=50.0):
    """Vertices of a straight to the east, or back to the west, `north_m` beside 12 N."""
    at = np.arange(first_m, last_m, step_m if last_m > first_m else -step_m)
    return [[107.0 + one / DEGREE_M, 12 + north_m / 110_622.3] for one in [*at.tolist(), last_m]]


def pieces(*coordinates):
    geometry = {"type": "MultiLineString", "coordinates": list(coordinates)}
    return feature(geometry, road="QL14")


def test_joints_between_pieces_are_part_of_the_road(write_roads):
    roads = write_roads(pieces(east(0, 3200), east(3245, 3500), east(3545, 9000)))
    [road] = roads.lines
    assert road.length_m == pytest.approx(9000, abs=1)
    assert [(round(one.at_m), round(one.length_m)) for one in road.joints] == [
        (3200, 45), (3500, 45)
    ]  # fmt: skip
    at = np.array([3220.0, 8000.0])
    found = roads.find(np.full(2, 12.0), 107.0 + at / DEGREE_M)
    assert found.chainage_m == pytest.approx(at, abs=1)


def test_pieces_that_meet_have_no_joint(write_roads):
    [road] = write_roads(pieces(east(0, 3000), east(3000, 9000))).lines
    assert road.joints == ()
    assert len(road.segments) == 180


@pytest.mark.parametrize("apart_m", [0, 12, 24, 45])
def test_carriageways_of_one_road_are_not_put_end_to_end(write_roads, apart_m):
    there, back = east(0, 5000), east(5000, 0, apart_m)
    with pytest.raises(GeographyError, match=r"feature 1: runs for 4,\d+ m beside what 'QL14' has"):
        write_roads(feature(line(*there), road="QL14"), feature(line(*back), road="QL14"))


def test_carriageways_in_pieces_are_found_too(write_roads):
    with pytest.raises(GeographyError, match="beside what 'QL14' has already"):
        write_roads(pieces(east(0, 500), east(500, 1000), east(1000, 500, 24), east(500, 0, 24)))


def test_a_ring_given_twice_is_refused(write_roads, tmp_path):
    ring = feature(
        line([107.0, 12.0], [107.01, 12.0], [107.01, 12.01], [107.0, 12.01], [107.0, 12.0]),
        road="QL14",
    )
    assert write_roads(ring).lines[0].ring
    other = write(tmp_path / "again.geojson", ring)
    with pytest.raises(
        GeographyError, match=r"'QL14' has already in roads.geojson, from its chainage"
    ):
        Roads([tmp_path / "roads.geojson", other])


def legs(apart_m, leg_m=600):
    """Six legs beside each other, with the vertices of their turns."""
    return [
        [*(east(0, leg_m, one * apart_m) if one % 2 == 0 else east(leg_m, 0, one * apart_m))]
        for one in range(6)
    ]


@pytest.mark.parametrize("apart_m", [15, 40, 60])
def test_a_serpentine_in_one_piece_is_a_road(write_roads, apart_m):
    vertices = [one for leg in legs(apart_m) for one in leg]
    [road] = write_roads(feature(line(*vertices), road="QL14")).lines
    assert road.length_m == pytest.approx(3600 + 5 * apart_m, abs=2)


def test_the_legs_of_a_serpentine_may_be_pieces(write_roads):
    # The turns lie on lines of their own, as where a map was cut at bridges.
    [road] = write_roads(pieces(*legs(45))).lines
    assert road.length_m == pytest.approx(3600 + 5 * 45, abs=2)


def test_a_million_points_take_no_loop(write_roads):
    """Each of 200,000 fixes along a bent road comes back where it was taken."""
    rng = np.random.default_rng(1)
    bends = np.column_stack([107.0 + np.arange(200) * 1e-3, 12 + 2e-4 * rng.normal(size=200)])
    roads = write_roads(feature(line(*bends.tolist()), road="QL28"))
    at = np.sort(rng.uniform(0, 198.9, 200_000))
    lon = np.interp(at, np.arange(200), bends[:, 0])
    lat = np.interp(at, np.arange(200), bends[:, 1])
    found = project(roads, lon, lat, EAST)
    assert (found.road == "QL28").all()
    assert found.offset_m.max() < 0.01
    assert (np.diff(found.chainage_m) > -0.01).all()
