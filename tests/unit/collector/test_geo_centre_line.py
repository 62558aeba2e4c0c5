"""A centre line from drives that are noisy, broken, turned back and of both directions."""

from itertools import pairwise

import numpy as np
import pytest
import shapely

from collector.geo.centre_line import CentreLineError, build
from collector.geo.ellipsoid import distance_m, metres_per_degree
from collector.geo.traces import Trace, drives, passes, usable

ORIGIN = np.array([107.6, 12.2])
SCALE = np.array(metres_per_degree(ORIGIN[1]))
NOISE_M = 5.0
"""Root mean square of the distance from the true place."""


def winding(length_m=12_000, radius_m=100, seed=0):
    """A road of the highlands, a vertex every metre: bends down to about half of `radius_m`."""
    rng = np.random.default_rng(seed)
    bend = np.convolve(rng.normal(size=length_m), np.hanning(241), "same")
    way = 1.9 * np.sin(np.cumsum(bend / np.abs(bend).max() / radius_m))
    return np.cumsum(np.column_stack([np.cos(way), np.sin(way)]), axis=0)


def degrees(metres):
    return metres / SCALE + ORIGIN


class Driver:
    """Drives a road at 54 km/h, a fix a second."""

    def __init__(self, road, seed=1):
        self.road = road
        self.rng = np.random.default_rng(seed)

    def drive(self, stations=None, *, aside_m=0.0, noise_m=NOISE_M, lost=(), error_m=8.0):
        """From station to station along the road, in metres; fixes in `lost` are left out."""
        stations = [0, len(self.road) - 1] if stations is None else stations
        legs = [
            np.arange(first, last, 15 if last > first else -15) if first != last
            else np.full(60, first)
            for first, last in pairwise(stations)
        ]  # fmt: skip
        at = np.concatenate([*legs, [stations[-1]]])
        noise = self.rng.normal(0, noise_m / np.sqrt(2), (len(at), 2))
        fixes = degrees(self.road[at] + noise + [0, aside_m])
        kept = ~np.any([(at > first) & (at < last) for first, last in lost or [(0, 0)]], axis=0)
        time_s = np.arange(len(at), dtype=float)
        trace = Trace(fixes[:, 1], fixes[:, 0], time_s, np.full(len(at), error_m))
        return trace.part(kept)

    @property
    def ends(self):
        first, last = degrees(self.road[[0, -1]])
        return tuple(first[::-1]), tuple(last[::-1])

    @property
    def length_m(self):
        points = degrees(self.road)
        return float(distance_m(points[:-1], points[1:]).sum())

    def built(self, *traces):
        """The line, and how far it is from the truth along the road."""
        found = [one for trace in traces for one in passes(trace, *self.ends)]
        line = build(found, *self.ends)
        vertices = (np.column_stack([line.lon_deg, line.lat_deg]) - ORIGIN) * SCALE
        away = shapely.distance(shapely.points(self.road[::5]), shapely.LineString(vertices))
        return line, away


def test_noisy_broken_and_turned_drives_agree_on_the_road():
    driver = Driver(winding())
    end = len(driver.road) - 1
    line, away = driver.built(
        driver.drive(),
        driver.drive([end, 0], lost=[(3000, 3600)]),  # the other way, with a drop-out
        driver.drive([0, 5000, 5000, end]),  # stood for a minute
        driver.drive([0, 8000, 7000, end]),  # turned back for a kilometre
    )
    assert away.max() < 5.0
    assert line.length_m == pytest.approx(driver.length_m, rel=0.001)
    assert line.traces == 4
    assert set(line.passes[5:-5]) == {3, 4}
    assert 0.5 < np.median(line.spread_m) < 3.0


@pytest.mark.parametrize("seed", range(3))
def test_three_drives_of_a_gentler_road_do(seed):
    driver = Driver(winding(radius_m=200, seed=seed), seed)
    end = len(driver.road) - 1
    line, away = driver.built(driver.drive(), driver.drive([end, 0]), driver.drive())
    assert away.max() < 5.0
    assert line.length_m == pytest.approx(driver.length_m, rel=0.001)


def test_one_receiver_that_was_misled_does_not_bend_the_road():
    driver = Driver(winding(radius_m=200))
    _, away = driver.built(driver.drive(), driver.drive(), driver.drive(aside_m=45.0))
    assert np.quantile(away, 0.95) < 5.0
    assert np.median(away) < 2.0


def test_where_only_one_drive_was_the_line_says_so():
    driver = Driver(winding(6000, radius_m=200))
    line, away = driver.built(
        driver.drive(), driver.drive(lost=[(2000, 3000)]), driver.drive(lost=[(1900, 3100)])
    )
    assert line.share(1, 1) == pytest.approx(1000 / 6000, abs=0.03)
    single = line.passes == 1
    assert np.isnan(line.spread_m[single]).all()
    assert np.isfinite(line.spread_m[line.passes > 1]).all()
    assert away.max() < 8.0


def test_where_no_drive_was_the_line_says_so_too():
    driver = Driver(winding(6000, radius_m=400))
    hole = [(2000, 2300)]
    line, _ = driver.built(driver.drive(lost=hole), driver.drive(lost=hole))
    assert 0 < line.share(0, 0) < 0.06


def test_a_single_drive_makes_a_line_of_single_passes():
    driver = Driver(winding(3000, radius_m=200))
    line, away = driver.built(driver.drive())
    assert line.share(1, 1) == 1.0
    assert away.max() < 12.0


def test_a_detour_through_a_village_is_left_to_the_other_drives():
    driver = Driver(winding(6000, radius_m=200))
    detour = driver.road.copy()
    out = np.arange(2500, 3500)
    east, north = detour[3500] - detour[2500]
    aside = 400 * np.array([-north, east]) / np.hypot(east, north)
    detour[out] += np.sin(np.pi * (out - 2500) / 1000)[:, None] * aside
    village = Driver(detour, seed=3).drive()
    _, away = driver.built(village, driver.drive(), driver.drive())
    assert away.max() < 5.0


def test_a_hairpin_is_no_turning_back():
    radius = 20
    leg = np.arange(0, 400.0)
    bow = np.linspace(0, np.pi, int(np.pi * radius))[1:-1]
    road = np.concatenate(
        [
            np.column_stack([leg, 0 * leg]),
            np.column_stack([400 + radius * np.sin(bow), radius - radius * np.cos(bow)]),
            np.column_stack([leg[::-1], 0 * leg + 2 * radius]),
        ]
    )
    driver = Driver(road)
    line, away = driver.built(*(driver.drive(noise_m=2.0) for _ in range(4)))
    assert line.length_m == pytest.approx(driver.length_m, rel=0.02)
    assert away.max() < 6.0


def serpentine(apart_m, *, legs=8, leg_m=600):
    """Legs there and back beside each other, a vertex every metre."""
    radius_m = apart_m / 2
    bow = np.linspace(0, np.pi, int(np.pi * radius_m))[1:-1]
    east = np.arange(0.0, leg_m)
    parts = []
    for number in range(legs):
        there = number % 2 == 0
        leg = east if there else east[::-1]
        side = leg_m + radius_m * np.sin(bow) if there else -radius_m * np.sin(bow)
        north = number * apart_m
        parts.append(np.column_stack([leg, 0 * leg + north]))
        parts.append(np.column_stack([side, north + radius_m - radius_m * np.cos(bow)]))
    return np.concatenate(parts[:-1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("apart_m", [40, 50, 60])
def test_a_serpentine_that_comes_back_near_its_ends_loses_no_leg(apart_m, seed):
    driver = Driver(serpentine(apart_m), seed)
    there = [0, len(driver.road) - 1]
    traces = [driver.drive(way, noise_m=4.0) for way in (there, there[::-1], there, there[::-1])]
    line, away = driver.built(*traces)
    assert line.traces == 4
    assert line.length_m == pytest.approx(driver.length_m, rel=0.01)
    assert away.max() < 8.0


def test_a_pass_of_a_serpentine_goes_from_end_to_end_in_a_drive_there_and_back():
    driver = Driver(serpentine(60))
    end = len(driver.road) - 1
    found = list(passes(driver.drive([0, end, 0], noise_m=2.0), *driver.ends))
    assert [len(one.lat_deg) for one in found] == pytest.approx([end / 15] * 2, abs=8)


@pytest.mark.parametrize("beyond_m", [30, 200, 700])
def test_a_drive_that_turns_beyond_the_end_is_cut_at_the_end(beyond_m):
    road = winding(4000, radius_m=200)
    driver = Driver(road)
    ends = tuple(tuple(degrees(road[at])[::-1]) for at in (800, 3200))
    stations = [800 - beyond_m, 3200 + beyond_m, 3200 + beyond_m, 800 - beyond_m, 3200]
    found = list(passes(driver.drive(stations, noise_m=3.0), *ends))
    assert len(found) == 3
    for one in found:
        # Turning within reach of the end may be in it, and noise makes a way longer.
        moved = usable(one).points
        assert distance_m(moved[:-1], moved[1:]).sum() == pytest.approx(2400, abs=200)
        assert distance_m(moved[0], np.array(ends[0][::-1])) < 80


def test_end_points_close_to_each_other_are_not_taken_for_one_another():
    bow = np.linspace(0, 2 * np.pi - 0.1, 4000)
    ring = 400 * np.column_stack([np.cos(bow), np.sin(bow)])
    driver = Driver(ring[::2])
    line, _ = driver.built(*(driver.drive([0, 1999], noise_m=2.0) for _ in range(3)))
    assert line.traces == 3
    assert line.length_m == pytest.approx(driver.length_m, rel=0.01)


def test_each_part_of_a_line_has_its_length_and_that_of_the_drives():
    driver = Driver(winding(9000))
    turned = driver.drive([0, 5000, 4000, len(driver.road) - 1], noise_m=2.0)
    line, _ = driver.built(driver.drive(noise_m=2.0), driver.drive(noise_m=2.0), turned)
    whole, *parts = line.parts
    assert (whole.from_m, whole.to_m) == (0, pytest.approx(line.length_m, rel=0.001))
    assert [part.from_m for part in parts[1:]] == [part.to_m for part in parts[:-1]]
    assert whole.line_m == pytest.approx(line.length_m, rel=0.01)
    assert sorted(whole.driven_m) == pytest.approx([9000, 9000, 11_000], rel=0.03)


def test_drives_that_never_meet_the_ends_make_no_line():
    driver = Driver(winding(3000))
    elsewhere = (13.0, 108.0), (13.1, 108.0)
    assert list(passes(driver.drive(), *elsewhere)) == []
    with pytest.raises(CentreLineError, match="no drive has two usable fixes"):
        build([], *driver.ends)
    with pytest.raises(CentreLineError, match="do not lead from the start to the end"):
        build([driver.drive()], driver.ends[0], driver.ends[0])


def test_a_pass_is_found_in_each_direction_and_turned():
    driver = Driver(winding(3000))
    end = len(driver.road) - 1
    found = list(passes(driver.drive([0, end, 0, end]), *driver.ends))
    assert len(found) == 3
    start = np.array(driver.ends[0][::-1])
    assert all(distance_m(one.points[0], start) < 100 for one in found)


def test_standing_noise_and_bad_fixes_are_left_out():
    driver = Driver(winding(3000))
    stood = usable(driver.drive([0, 1500, 1500, 2999], noise_m=1.0))
    assert distance_m(stood.points[:-1], stood.points[1:]).min() >= 8
    assert len(usable(driver.drive(error_m=30.0)).lat_deg) == 0
    lost = driver.drive()
    lost.lat_deg[5] = np.nan
    assert np.isfinite(usable(lost).lat_deg).all()


def test_a_pause_of_ten_minutes_ends_a_drive():
    time_s = np.array([0.0, 1.0, 601.0, 602.0])
    trace = Trace(np.zeros(4), np.zeros(4), time_s, np.zeros(4), "dn-01")
    assert [list(one.time_s) for one in drives(trace)] == [[0.0, 1.0], [601.0, 602.0]]
    assert list(drives(trace.part(slice(0, 0)))) == []
