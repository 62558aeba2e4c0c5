"""The block bootstrap: the same bits for the same blocks, and the limits of SciPy."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import stats

BLOCKS = np.random.Generator(np.random.PCG64(11)).lognormal(3.5, 0.6, 60).tolist()


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_limits_are_those_of_scipy_on_the_sorted_blocks(method):
    found = stats.bootstrap_mean(BLOCKS, seed=9, method=method)
    theirs = scipy.stats.bootstrap(
        (sorted(BLOCKS),),
        np.mean,
        n_resamples=2000,
        confidence_level=0.90,
        method=method,
        rng=np.random.Generator(np.random.PCG64(9)),
    ).confidence_interval
    assert found.limits == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert found.value == pytest.approx(np.mean(BLOCKS))
    assert found.lower < found.value < found.upper
    assert (found.seed, found.resamples, found.method) == (9, 2000, method)


@settings(max_examples=15, deadline=None)
@given(st.permutations(BLOCKS[:25]))
def test_blocks_in_any_order_give_the_same_bits(blocks):
    assert stats.bootstrap_mean(blocks, seed=4) == stats.bootstrap_mean(BLOCKS[:25], seed=4)


def test_another_seed_gives_nearly_the_same_limits():
    one, two = (stats.bootstrap_mean(BLOCKS, seed=seed) for seed in (1, 2))
    assert one.limits != two.limits
    assert one.limits == pytest.approx(two.limits, rel=0.03)


def test_a_ratio_of_sums_is_the_mean_over_segments():
    segments = [(30.0, 1.0), (80.0, 2.0), (50.0, 1.0), (70.0, 2.0), (20.0, 1.0), (100.0, 2.0)]
    found = stats.bootstrap_ratio(segments, seed=8)
    assert found.value == pytest.approx(350 / 9)
    assert found == stats.bootstrap_ratio(segments[::-1], seed=8)
    assert found.lower < 350 / 9 < found.upper


def test_no_block_one_block_and_equal_blocks():
    assert stats.bootstrap_mean([], seed=1) is None
    assert stats.bootstrap_ratio([(1.0, 0.0)], seed=1) is None
    assert stats.bootstrap_mean([5.0], seed=1).limits == (None, None)
    assert stats.bootstrap_mean([5.0] * 9, seed=1).limits == (None, None)


def test_few_resamples_are_refused():
    with pytest.raises(ValueError, match="at least 2000"):
        stats.bootstrap_mean(BLOCKS, seed=1, resamples=500)


def test_where_bca_has_no_limits_the_percentile_stands_and_says_so():
    # All pairs have the same ratio: nothing to correct for, and nothing is scattered.
    found = stats.bootstrap_ratio([(2.0, 1.0), (4.0, 2.0), (6.0, 3.0)], seed=1)
    assert found.method == "percentile"
    assert found.limits == pytest.approx((2, 2))
