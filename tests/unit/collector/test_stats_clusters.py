"""Design effects: what places, cells and hours in common cost."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import stats

PLACES = {"place": [place for place in range(3) for _ in range(10)]}
"""Three places of ten blocks."""


def spread_over(levels, scatter, hours=10):
    """Blocks of places with these levels, scattering evenly around each."""
    return [level + scatter * (hour % 2 or -1) for level in levels for hour in range(hours)]


def test_places_that_differ_are_the_independent_values():
    found = stats.clustered_mean(spread_over([30, 40, 50], 2), where=PLACES)
    places = stats.mean([30, 40, 50])
    assert found.by == ("place",)
    assert found.mean == pytest.approx(places)
    assert stats.mean_limits(found.mean).lower == pytest.approx(23.1, abs=0.1)


def test_places_alike_leave_the_blocks_alone():
    values = spread_over([40, 40, 40], 10)
    found = stats.clustered_mean(values, where=PLACES)
    assert found.by == ()
    assert found.mean == stats.mean(values)


def test_of_place_and_cell_the_wider_counts_and_an_hour_adds_to_it():
    cells = {"cell": [0] * 15 + [1] * 15}
    hours = {"hour": list(range(10)) * 3}
    values = [
        30 + 10 * place + 3 * (hour % 5) + 0.1 * ((place + hour) % 2)
        for place in range(3)
        for hour in range(10)
    ]
    ground = stats.clustered_mean(values, where={**PLACES, **cells})
    assert ground.by in {("place",), ("cell",)}
    both = stats.clustered_mean(values, where={**PLACES, **cells}, when=hours)
    time = stats.clustered_mean(values, when=hours)
    assert time.by == ()  # Beside the places, hours scatter less than blocks do.
    assert both == ground
    drive = [10.0 * (hour // 4) + (hour % 4) for hour in range(24)]
    places = {"place": [n // 2 for n in range(24)]}
    crossed = stats.clustered_mean(drive, where=places, when={"hour": [n // 4 for n in range(24)]})
    assert crossed.by == ("place", "hour")
    assert crossed.mean.variance > stats.clustered_mean(drive, where=places).mean.variance


def test_a_probe_on_a_desk_is_hardly_more_than_one_place():
    places = {"place": [0] * 60 + [1, 2]}
    values = [60.0 + n % 3 for n in range(60)] + [30.0, 32.0]
    found = stats.clustered_mean(values, where=places)
    assert found.by == ("place",)
    assert found.mean.degrees_of_freedom == pytest.approx(62**2 / 3602 - 1)
    lower, upper = stats.mean_limits(found.mean)
    assert lower < 0
    assert upper > 100


def test_one_place_tells_nothing_of_places():
    values = [40.0, 50.0, 45.0]
    found = stats.clustered_mean(values, where={"place": ["here"] * 3})
    assert found == (stats.mean(values), ())


def test_one_block_and_none():
    assert stats.clustered_mean([]) is None
    assert stats.clustered_mean([5.0], where={"place": [1]}) == (stats.Mean(5, None, 0), ())
    assert stats.clustered_trials([], []) == (0, 0, ())
    assert stats.clustered_trials([1], [1], where={"place": [1]}) == (1, 1, ())


VALUES = st.lists(
    st.tuples(st.floats(1, 200), st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=40
)


@settings(deadline=None, max_examples=40)
@given(VALUES, st.randoms(use_true_random=False))
def test_order_changes_nothing_and_clusters_only_widen(blocks, chance):
    shuffled = list(blocks)
    chance.shuffle(shuffled)

    def found(of):
        return stats.clustered_mean(
            [value for value, _, _ in of],
            where={"place": [place for _, place, _ in of]},
            when={"hour": [hour for _, _, hour in of]},
        )

    assert found(shuffled) == found(blocks)
    assert found(blocks).mean.variance >= stats.mean([value for value, _, _ in blocks]).variance


def test_59_good_units_of_59_are_59_trials_wherever_they_were():
    places = {"place": [unit % 3 for unit in range(59)]}
    assert stats.clustered_trials([1] * 59, [1] * 59, where=places) == (59, 59, ())
    assert stats.clopper_pearson(59, 59).lower >= 0.95


def test_bad_sessions_that_keep_to_one_place_count_for_less():
    places = {"place": [unit // 20 for unit in range(60)]}
    together = stats.clustered_trials([1] * 50 + [0] * 10, [1] * 60, where=places)
    apart = stats.clustered_trials([1, 1, 1, 1, 1, 0] * 10, [1] * 60, where=places)
    assert apart == (60, 50, ())
    assert together.by == ("place",)
    assert together.trials < 5
    assert together.successes / together.trials == pytest.approx(50 / 60)
    assert stats.clopper_pearson(together.successes, together.trials).upper > 0.95


def test_attempts_of_one_unit_are_one_trial():
    found = stats.clustered_trials([10, 10, 0, 10], [10, 10, 10, 10])
    assert found == (4, 3, ())
    uneven = stats.clustered_trials([30, 1, 0], [30, 1, 1])
    assert uneven.trials == pytest.approx(1.135, abs=1e-3)


def test_all_failed_is_as_many_trials_as_units():
    places = {"place": [unit % 3 for unit in range(40)]}
    assert stats.clustered_trials([0] * 40, [2] * 40, where=places) == (40, 0, ())


def test_design_effect_is_the_ratio_of_the_variances():
    assert stats.design_effect(4.0, 2.0) == 2
    assert stats.design_effect(None, 2.0) is None
    assert stats.design_effect(4.0, 0.0) is None
    tests = [value for value in (20.0, 60.0, 35.0, 45.0) for _ in range(5)]
    clustered = stats.mean([20.0, 60.0, 35.0, 45.0]).variance
    effect = stats.design_effect(clustered, stats.mean(tests).variance)
    assert stats.effective_count(tests, clustered) == pytest.approx(20 / effect)
    assert stats.effective_count([40.0, 40.0], 0.0) is None


def test_cluster_variance_of_equal_clusters_is_that_of_their_means():
    chance = np.random.Generator(np.random.PCG64(3))
    levels = chance.normal(40, 10, 12)
    values = (levels[:, None] + chance.normal(0, 1, (12, 5))).ravel().tolist()
    places = {"place": [n // 5 for n in range(60)]}
    means = [math.fsum(values[n : n + 5]) / 5 for n in range(0, 60, 5)]
    assert stats.clustered_mean(values, where=places).mean == pytest.approx(stats.mean(means))
