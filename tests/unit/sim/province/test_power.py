"""Chances of right verdicts, against simulation and against the published table."""

import numpy as np
import pytest
from scipy.stats import t

from sim.province.power import (
    lognormal_below,
    mean_beyond,
    median_below,
    ratio_within,
    share_missed,
    share_reached,
)


@pytest.mark.parametrize(
    ("failures", "trials"), [(0, 59), (1, 93), (2, 124), (3, 153), (4, 181), (5, 208)]
)
def test_a_share_is_proven_from_as_many_trials_as_the_table_says(failures, trials):
    # A share so close to 1 that the chance is that of no more than so many failures.
    share = 1 - 1e-9
    assert share_reached(share, 0.95, trials) == pytest.approx(1)
    assert share_reached(0.0, 0.95, trials) == 0
    fewer = trials - 1
    exactly = 1 - failures / fewer
    assert share_reached(exactly, 0.95, fewer) < share_reached(exactly, 0.95, trials)


def test_58_good_ones_prove_nothing():
    assert share_reached(1.0, 0.95, 58) == 0
    assert share_reached(1.0, 0.95, 59) == 1


def test_nothing_is_missed_or_reached_without_trials():
    assert share_reached(1.0, 0.95, 0) == share_missed(0.0, 0.95, 0) == 0
    assert ratio_within(0, 0, 0, 0.05) == median_below(0, 0, 0) == 0


def test_at_the_threshold_one_verdict_in_twenty_is_wrong():
    assert share_reached(0.95, 0.95, 4_000) == pytest.approx(0.05, abs=0.01)
    assert share_missed(0.95, 0.95, 4_000) == pytest.approx(0.05, abs=0.01)
    assert mean_beyond(0.0, 1.0, 40) == pytest.approx(0.05, abs=1e-6)


def test_the_chance_of_a_mean_is_that_of_a_simulation():
    dice = np.random.default_rng(1)
    values = dice.normal(45, 14, (20_000, 50))
    error = values.std(axis=1, ddof=1) / np.sqrt(50)
    lower = values.mean(axis=1) - t.ppf(0.95, 49) * error
    assert mean_beyond(5, 14 / np.sqrt(50), 49) == pytest.approx((lower >= 40).mean(), abs=0.01)


def test_a_mean_far_away_is_certain():
    assert mean_beyond(100, 1, 30) == 1
    assert mean_beyond(1, 0, 30) == 1
    assert mean_beyond(1, 1, 0) == 0


def test_the_share_of_rates_below_a_value_is_that_of_a_simulation():
    dice = np.random.default_rng(2)
    means = np.array([30.0, 40.0, 60.0])
    rates = dice.lognormal(np.log(dice.choice(means, 200_000)) - 0.09 / 2, 0.3)
    assert lognormal_below(40, means, 0.3) == pytest.approx((rates < 40).mean(), abs=0.005)
