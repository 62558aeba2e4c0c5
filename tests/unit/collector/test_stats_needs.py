"""How much is still missing, against what it then is."""

import numpy as np
import pytest

from collector import stats


def test_trials_that_decide_at_the_present_share():
    assert stats.trials_to_decide(98, 100, share=0.95) > 0
    more = stats.trials_to_decide(98, 100, share=0.95)
    count = 100 + more
    assert stats.clopper_pearson(0.98 * count, count).lower >= 0.95
    below = stats.trials_to_decide(90, 100, share=0.95)
    count = 100 + below
    assert stats.clopper_pearson(0.9 * count, count).upper < 0.95
    assert stats.trials_to_decide(59, 59, share=0.95) == 0
    assert stats.trials_to_decide(0, 0, share=0.95) == 59
    assert stats.trials_to_decide(20, 20, share=0.95) == 39
    assert stats.trials_to_decide(95, 100, share=0.95) is None


def test_trials_for_power_decide_as_often_as_promised():
    more = stats.trials_to_decide(98, 100, share=0.95, probability=0.8)
    assert more > stats.trials_to_decide(98, 100, share=0.95)
    chance = np.random.Generator(np.random.PCG64(1))
    count = 100 + more
    decided = [
        stats.clopper_pearson(int(hits), count).lower >= 0.95
        for hits in chance.binomial(count, 0.98, 2000)
    ]
    assert np.mean(decided) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("truth", [46.0, 34.0])
def test_blocks_for_power_decide_as_often_as_promised(truth):
    start = stats.Mean(truth, 20.0**2 / 10, 9)
    count = 10 + stats.blocks_to_decide(start, 10, threshold=40, probability=0.8)
    assert count > 10 + stats.blocks_to_decide(start, 10, threshold=40)
    chance = np.random.Generator(np.random.PCG64(2))
    decided = []
    for values in chance.normal(truth, 20, (1500, count)).tolist():
        lower, upper = stats.mean_limits(stats.mean(values))
        decided.append(lower >= 40 or upper < 40)
    assert np.mean(decided) == pytest.approx(0.8, abs=0.04)


def test_more_places_and_not_more_blocks_decide_a_clustered_mean():
    # Three places: 2 degrees of freedom. Their number grows, and the degrees with it.
    estimate = stats.Mean(50, 30.0, 2)
    more = stats.blocks_to_decide(estimate, 3, threshold=40)
    grown = stats.Mean(50, 30.0 * 3 / (3 + more), 2 + more)
    assert stats.mean_limits(grown).lower >= 40
    assert more == 2


def test_the_tail_asks_for_more_blocks_to_fail():
    estimate = stats.Mean(35, 5.0**2, 29)
    plain = stats.blocks_to_decide(estimate, 30, threshold=40)
    assert stats.blocks_to_decide(estimate, 30, threshold=40, skewed=True) > plain
