"""Areas, places, networks and points: what the truth rests on."""

import itertools
import math

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from sim.province.areas import CENTRES, Areas, read_mergers
from sim.province.gaps import choose_points
from sim.province.networks import HOUR_FACTORS, MEANS_4G_MBIT_S, Networks
from sim.province.operators import OPERATORS
from sim.province.people import grid, populations
from sim.province.places import APART_M, BORDER_M, choose_places
from sim.province.scenario import Month, Scale, UnknownScenarioError, scenario
from sim.province.sessions import poorness
from sim.world.route import distance_m, metres_per_degree

AREAS = Areas()
FULL = scenario(AREAS)
NETWORKS = Networks(FULL)
PLACES = choose_places(FULL, AREAS, NETWORKS)


def test_71_communes_went_into_28():
    assert len(read_mergers()) == 71
    assert len(AREAS.merged) == 28
    assert sum(len(one.parts) for one in AREAS.merged) == 71
    assert sum(one.type == "Phường" for one in AREAS.merged) == 3


def test_a_code_was_used_again_for_a_larger_area():
    (new,) = (one for one in AREAS.merged if one.code == "24611")
    assert new.name == "Phường Bắc Gia Nghĩa"
    assert new.parts == ("24611", "24612", "24619", "24622")
    assert {one.code for one in AREAS.communes} >= {one.code for one in AREAS.merged}


def test_three_communes_stayed_as_they_were():
    assert sum(one.parts == (one.code,) for one in AREAS.merged) == 3


def test_merged_areas_cover_the_same_ground():
    new = [shape(one["geometry"]) for one in AREAS.new_set()["features"]]
    assert all(one.is_valid for one in new)
    old = shapely.union_all(list(AREAS.outlines.values()))
    assert shapely.union_all(new).symmetric_difference(old).area < 1e-6 * old.area


def test_places_lie_apart_inside_their_commune():
    for code, here in PLACES.items():
        assert len(here.places) == 6
        for one in here.places:
            assert AREAS.outlines[code].contains(shapely.Point(one.lon_deg, one.lat_deg))
        for one, other in itertools.combinations(here.places, 2):
            assert distance_m(one[:2], other[:2]) >= APART_M


def test_some_places_lie_at_a_border():
    at_border = [(code, one) for code, here in PLACES.items() for one in here.places if one.border]
    assert len(at_border) == 3
    for code, one in at_border:
        edge = AREAS.outlines[code].exterior.distance(shapely.Point(one.lon_deg, one.lat_deg))
        assert edge * metres_per_degree(one.lat_deg)[0] <= 1.1 * BORDER_M


def test_factors_leave_the_planted_mean_as_it_is():
    for here in PLACES.values():
        factors = np.outer(here.factors, HOUR_FACTORS)
        assert factors.mean() == pytest.approx(1)
        assert np.vectorize(poorness)(factors).mean() == pytest.approx(1)
        assert factors.max() < 2


def test_values_beside_the_threshold_are_planted_for_every_operator():
    for operator in range(len(OPERATORS)):
        means = {
            NETWORKS.quality(code, operator, Month(0)).mean_4g_mbit_s for code in FULL.communes
        }
        assert means >= set(MEANS_4G_MBIT_S)


def test_5g_stands_at_the_centres_and_comes_late_to_one():
    assert NETWORKS.has_nr("45204", CENTRES["660"], Month(0))
    assert not NETWORKS.has_nr("45204", CENTRES["667"], Month(5))
    assert NETWORKS.has_nr("45204", CENTRES["667"], Month(6))
    assert not any(NETWORKS.has_nr("45205", code, Month(6)) for code in FULL.communes)
    assert NETWORKS.quality("24625", 0, Month(0)).mean_5g_mbit_s is None


def test_listed_points_lie_away_from_everything_else():
    points = choose_points(FULL, AREAS, PLACES)
    assert len(points) == 12
    for point in points:
        for here in PLACES[point.commune].places:
            assert distance_m((point.lat_deg, point.lon_deg), here[:2]) >= 900
    assert {any(one.covered(o) for o in range(4)) for one in points} == {True, False}


def test_the_grid_holds_everybody():
    people = populations(FULL, AREAS)
    assert math.fsum(cell.population for cell in grid(AREAS, people)) == pytest.approx(
        sum(people.values())
    )


@pytest.mark.parametrize("months", ["2025", "2025-13", "2025-03..2025-01", "2024-12", "x"])
def test_months_that_are_none_are_named(months):
    with pytest.raises(UnknownScenarioError, match=months.replace(".", r"\.")):
        scenario(AREAS, months=months)


@pytest.mark.parametrize("communes", ["0", "72", "24611,x", "nobody"])
def test_communes_that_are_none_are_named(communes):
    with pytest.raises(UnknownScenarioError, match="communes"):
        scenario(AREAS, communes=communes)


def test_a_small_province_straddles_the_reform():
    small = scenario(AREAS, scale=Scale.SMALL)
    assert [month.label for month in small.months] == ["2025-06", "2025-07"]
    assert len(small.communes) == 13
    assert small.roads == ("QL28-demo",)
    assert list(FULL.quarters())[3][0] == "2025-Q4"
    assert list(small.quarters()) == []
