"""Limits of shares beside tables, SciPy and statsmodels, and what fractional trials mean."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from collector import stats

TRIALS = st.integers(1, 400)


@st.composite
def outcomes(draw):
    trials = draw(TRIALS)
    return draw(st.integers(0, trials)), trials


@pytest.mark.parametrize(
    ("failures", "trials"), [(0, 52), (1, 87), (2, 118), (3, 147), (4, 175), (5, 202)]
)
def test_wilson_one_sided_reaches_95_percent_with_these_trials(failures, trials):
    # One-sided at 95 % is a side of the two-sided interval at 90 %.
    def lower(count):
        return stats.wilson(count - failures, count, confidence=0.90).lower

    assert lower(trials - 1) < 0.95 <= lower(trials)


@settings(deadline=None, max_examples=40)
@given(outcomes())
def test_exact_limits_are_those_of_scipy_and_statsmodels(outcome):
    successes, trials = outcome
    ours = stats.clopper_pearson(successes, trials)
    less = binomtest(successes, trials, alternative="less").proportion_ci(0.95, "exact")
    more = binomtest(successes, trials, alternative="greater").proportion_ci(0.95, "exact")
    assert ours == pytest.approx((more.low, less.high), abs=1e-9)
    both = proportion_confint(successes, trials, alpha=0.10, method="beta")
    assert ours == pytest.approx(both, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(outcomes())
def test_wilson_is_that_of_scipy_and_statsmodels(outcome):
    successes, trials = outcome
    ours = stats.wilson(successes, trials)
    theirs = binomtest(successes, trials).proportion_ci(0.95, "wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours == pytest.approx(
        proportion_confint(successes, trials, alpha=0.05, method="wilson"), abs=1e-9
    )


@settings(deadline=None, max_examples=40)
@given(outcomes(), st.floats(0.01, 0.99))
def test_p_values_are_those_of_the_exact_test(outcome, threshold):
    successes, trials = outcome
    above = binomtest(successes, trials, threshold, alternative="greater").pvalue
    below = binomtest(successes, trials, threshold, alternative="less").pvalue
    assert stats.p_share_above(successes, trials, threshold=threshold) == pytest.approx(above)
    assert stats.p_share_below(successes, trials, threshold=threshold) == pytest.approx(below)


FRACTIONS = st.tuples(st.floats(0.5, 300), st.floats(0, 1), st.floats(0, 1))


@settings(deadline=None, max_examples=40)
@given(FRACTIONS)
def test_limits_hold_the_share_and_rise_with_it_also_for_fractional_trials(found):
    trials, share, other = found
    low, high = sorted((share, other))
    first = stats.clopper_pearson(low * trials, trials)
    second = stats.clopper_pearson(high * trials, trials)
    assert 0 <= first.lower <= low + 1e-9
    assert high - 1e-9 <= second.upper <= 1
    assert first.lower <= second.lower + 1e-9
    assert first.upper <= second.upper + 1e-9


@settings(deadline=None, max_examples=40)
@given(st.floats(0.5, 300), st.floats(0, 1), st.floats(0.05, 0.95))
def test_a_limit_beyond_the_threshold_and_a_p_value_below_5_percent_are_one(trials, share, line):
    lower, upper = stats.clopper_pearson(share * trials, trials)
    above = stats.p_share_above(share * trials, trials, threshold=line)
    below = stats.p_share_below(share * trials, trials, threshold=line)
    if abs(lower - line) > 1e-9:
        assert (lower >= line) == (above <= 0.05)
    if abs(upper - line) > 1e-9:
        assert (upper < line) == (below < 0.05)


def test_fractional_trials_lie_between_their_whole_neighbours():
    lowers = [stats.clopper_pearson(trials, trials).lower for trials in (59, 59.4, 60)]
    assert lowers == sorted(lowers)
    assert lowers[0] < lowers[1] < lowers[2]
    # All good: the lower limit is the solution of share ** trials = 5 %, whole or not.
    assert lowers[1] == pytest.approx(0.05 ** (1 / 59.4))


def test_nothing_tried_and_everything_failed():
    assert stats.p_share_above(0, 0, threshold=0.95) is None
    assert stats.p_share_below(0, 0, threshold=0.95) is None
    assert stats.clopper_pearson(0, 40) == pytest.approx((0, 1 - 0.05 ** (1 / 40)))
    assert stats.wilson(0, 40).lower == 0
    assert stats.wilson(40, 40).upper == 1
    assert stats.p_share_below(0, 40, threshold=0.95) == pytest.approx(0.05**40)
    assert stats.p_share_above(0, 40, threshold=0.95) == 1
