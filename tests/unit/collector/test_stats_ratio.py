"""Limits of the ratio of two means."""

import math

import pytest
import scipy.stats

from collector import stats


def test_limits_of_a_ratio_are_those_of_the_difference_of_logarithms():
    this, last = stats.Mean(80.0, 16.0, 59), stats.Mean(40.0, 4.0, 59)
    lower, upper = stats.ratio_limits(this, last)
    error = math.sqrt(16 / 6400 + 4 / 1600)
    reach = scipy.stats.t.ppf(0.95, 118) * error
    assert (lower, upper) == pytest.approx((2 * math.exp(-reach), 2 * math.exp(reach)))
    assert stats.p_ratio_above(this, last, threshold=lower) == pytest.approx(0.05)
    assert stats.p_ratio_below(this, last, threshold=upper) == pytest.approx(0.05)


def test_a_ratio_without_scatter_or_with_nothing_below_has_no_limits():
    this = stats.Mean(80.0, 16.0, 59)
    for last in (None, stats.Mean(40.0, None, 0), stats.Mean(0.0, 1.0, 10)):
        assert stats.ratio_limits(this, last) == (None, None)
        assert stats.p_ratio_below(this, last, threshold=2.0) is None
