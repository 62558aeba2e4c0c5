"""Means, their limits and their p-values beside SciPy and statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp
from statsmodels.stats.weightstats import DescrStatsW

from collector import stats

RATES = st.lists(st.floats(1, 200), min_size=2, max_size=40)


def scattered(values):
    return max(values) > 1.05 * min(values)


@settings(deadline=None, max_examples=40)
@given(RATES.filter(scattered), st.floats(5, 150))
def test_student_is_that_of_scipy_and_statsmodels(values, threshold):
    estimate = stats.mean(values)
    less = ttest_1samp(values, threshold, alternative="less")
    more = ttest_1samp(values, threshold, alternative="greater")
    limits = stats.mean_limits(estimate)
    assert limits.upper == pytest.approx(less.confidence_interval(0.95).high)
    assert limits.lower == pytest.approx(more.confidence_interval(0.95).low)
    assert stats.p_mean_below(estimate, threshold=threshold) == pytest.approx(less.pvalue)
    assert stats.p_mean_above(estimate, threshold=threshold) == pytest.approx(more.pvalue)
    assert stats.mean_interval(estimate) == pytest.approx(DescrStatsW(values).tconfint_mean(0.05))


@settings(deadline=None, max_examples=40)
@given(RATES, st.randoms(use_true_random=False))
def test_the_order_of_the_blocks_changes_not_even_the_last_bit(values, chance):
    shuffled = list(values)
    chance.shuffle(shuffled)
    assert stats.mean(shuffled) == stats.mean(values)


@settings(deadline=None, max_examples=40)
@given(RATES.filter(scattered), st.floats(5, 150))
def test_a_skewed_limit_below_the_threshold_and_its_p_value_are_one(values, threshold):
    estimate = stats.mean(values)
    lower, upper = stats.mean_limits(estimate, skewed=True)
    assert lower <= estimate.value <= upper
    plain = stats.mean_limits(estimate)
    assert lower == plain.lower
    assert upper >= plain.upper
    if abs(upper - threshold) > 1e-6 * threshold:
        p_value = stats.p_mean_below(estimate, threshold=threshold, skewed=True)
        assert (upper < threshold) == (p_value < 0.05)


def test_the_tail_of_few_rates_widens_the_upper_limit_and_that_of_many_hardly():
    few, many = stats.Mean(40, 5.8**2, 29), stats.Mean(40, 1.0, 1000)
    assert stats.mean_limits(few) == pytest.approx((30.1, 49.9), abs=0.05)
    assert stats.mean_limits(few, skewed=True).upper == pytest.approx(60.3, abs=0.1)
    assert stats.mean_limits(many, skewed=True).upper == pytest.approx(41.7, abs=0.1)
    # Nothing positive, nothing skewed.
    assert stats.mean_limits(stats.Mean(-1, 4, 9), skewed=True) == stats.mean_limits(
        stats.Mean(-1, 4, 9)
    )


def test_two_equal_blocks_are_rounded_and_prove_nothing_finer():
    estimate = stats.mean([50.0, 50.0])
    lower, upper = stats.mean_limits(estimate)
    assert (lower, upper) == pytest.approx((48.71, 51.29), abs=0.01)
    assert stats.p_mean_above(estimate, threshold=49.9) > 0.05
    assert stats.mean_limits(stats.mean([50.0] * 30)) == pytest.approx((49.91, 50.09), abs=0.01)
    assert stats.mean([50.0, 50.000001]).variance == pytest.approx(estimate.variance)


def test_blocks_of_nothing_but_zero_have_no_limits():
    assert stats.mean_limits(stats.mean([0.0, 0.0, 0.0])) == (None, None)
    assert stats.p_mean_below(stats.mean([0.0, 0.0]), threshold=40) is None
    assert stats.blocks_to_decide(stats.mean([0.0, 0.0]), 2, threshold=40) is None


def test_one_block_and_none_have_no_p_value():
    assert stats.p_mean_above(stats.mean([7.5]), threshold=5) is None
    assert stats.p_mean_below(None, threshold=5) is None


def test_hall_keeps_what_is_promised_where_student_does_not():
    chance = np.random.Generator(np.random.PCG64(5))
    scale = np.log1p(0.64) ** 0.5
    student = hall = 0
    for values in np.exp(chance.normal(-(scale**2) / 2, scale, (3000, 30))).tolist():
        estimate = stats.mean(values)
        student += stats.mean_limits(estimate).upper < 1
        hall += stats.mean_limits(estimate, skewed=True).upper < 1
    assert student / 3000 > 0.09
    assert hall / 3000 < 0.055
