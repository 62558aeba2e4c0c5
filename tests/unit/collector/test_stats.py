"""Limits and sample counts against published tables and against plain simulation."""

import math

import numpy as np
import pytest

from collector import stats


@pytest.mark.parametrize(
    ("failures", "trials"), [(0, 59), (1, 93), (2, 124), (3, 153), (4, 181), (5, 208)]
)
def test_trials_that_prove_95_percent(failures, trials):
    assert stats.successes_to_prove(0, failures, share=0.95) == trials - failures
    proven = stats.clopper_pearson(trials - failures, trials).lower
    one_less = stats.clopper_pearson(trials - 1 - failures, trials - 1).lower
    assert one_less < 0.95 <= proven


def test_285_of_300_is_not_a_proven_95_percent():
    shown = stats.wilson(285, 300)
    assert shown.lower == pytest.approx(0.919, abs=5e-4)
    assert shown.upper == pytest.approx(0.9695, abs=5e-4)
    assert stats.clopper_pearson(285, 300).lower < 0.95


def test_clopper_pearson_two_sided_of_a_textbook():
    # 10 of 100, two-sided 95 %: 4.90 % to 17.62 % (Newcombe 1998 and every table since).
    limits = stats.clopper_pearson(10, 100, confidence=0.975)
    assert limits.lower == pytest.approx(0.0490, abs=5e-5)
    assert limits.upper == pytest.approx(0.1762, abs=5e-5)


def test_wilson_of_newcombe_1998():
    # 81 of 263: 0.2553 to 0.3662; 15 of 148: 0.0624 to 0.1605.
    assert stats.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert stats.wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_rule_of_three_is_the_upper_limit_of_nothing():
    assert stats.clopper_pearson(0, 100).upper == pytest.approx(1 - 0.05 ** (1 / 100))
    assert stats.clopper_pearson(0, 100).lower == 0
    assert stats.clopper_pearson(100, 100).upper == 1


def test_no_trial_has_no_limits():
    assert stats.clopper_pearson(0, 0) == (None, None)
    assert stats.wilson(0, 0) == (None, None)


def test_proven_share_needs_nothing_more():
    assert stats.successes_to_prove(59, 59, share=0.95) == 0


def test_a_certain_share_cannot_be_proven():
    assert stats.successes_to_prove(10, 10, share=1.0) is None


def test_student_limits_of_a_small_sample():
    # Mean 10, s = 2, n = 9: t(0.95, 8) = 1.8595, so 10 -+ 1.2397.
    values = [8.0, 12.0] * 4 + [10.0]
    assert stats.mean(values) == pytest.approx((10, 4 / 9, 8))
    assert stats.mean_limits(stats.mean(values)) == pytest.approx((8.7603, 11.2397), abs=1e-4)


def test_one_block_has_a_mean_and_no_limits():
    assert stats.mean([7.5]) == (7.5, None, 0)
    assert stats.mean_limits(stats.mean([7.5])) == (None, None)
    assert stats.mean([]) is None
    assert stats.mean_limits(None) == (None, None)


def test_strata_of_equal_weight_ignore_how_often_each_was_tested():
    often, rarely = stats.mean([10.0, 12.0] * 50), stats.mean([30.0, 32.0])
    both = stats.weighted_mean([(1, often), (1, rarely)])
    assert both.value == pytest.approx(21)
    assert both.variance == pytest.approx((often.variance + rarely.variance) / 4)
    assert 1 <= both.degrees_of_freedom < 1.1


def test_a_stratum_of_one_block_leaves_the_whole_without_limits():
    both = stats.weighted_mean([(1, stats.mean([1.0, 2.0])), (3, stats.mean([4.0]))])
    assert both == (3.375, None, 0)
    assert stats.weighted_mean([]) is None


def test_blocks_to_decide_is_where_the_limit_meets_the_threshold():
    values = [30.0, 60.0] * 8
    estimate = stats.mean(values)
    more = stats.blocks_to_decide(estimate, len(values), threshold=40)
    assert more > 0
    scatter = estimate.variance * len(values)
    enough = stats.Mean(45, scatter / (len(values) + more), len(values) + more - 1)
    short = stats.Mean(45, scatter / (len(values) + more - 1), len(values) + more - 2)
    assert stats.mean_limits(enough).lower >= 40 > stats.mean_limits(short).lower


def test_a_mean_on_the_threshold_is_never_decided():
    assert stats.blocks_to_decide(stats.mean([39.0, 41.0]), 2, threshold=40) is None
    assert stats.blocks_to_decide(stats.mean([39.0]), 1, threshold=40) is None


def test_identical_tests_inside_blocks_count_as_the_blocks():
    blocks = [20.0, 60.0, 35.0, 45.0, 30.0, 55.0]
    tests = [value for value in blocks for _ in range(10)]
    effective = stats.effective_count(tests, stats.mean(blocks).variance)
    assert effective == pytest.approx(5.1, abs=0.1)
    assert stats.effective_count(blocks, stats.mean(blocks).variance) == 6
    assert stats.effective_count([1.0], None) is None


def test_kish_counts_blocks_of_one_size_and_fewer_of_unequal_ones():
    assert stats.kish_count([1] * 59) == 59
    assert stats.kish_count([4] * 10) == pytest.approx(10)
    assert stats.kish_count([30, 1, 1]) == pytest.approx(1.135, abs=1e-3)
    assert stats.kish_count([]) == 0


def test_median_of_even_and_odd():
    assert stats.median([3.0, 1.0, 2.0]) == 2
    assert stats.median([4.0, 1.0, 2.0, 3.0]) == 2.5
    assert stats.median([]) is None


def test_limits_of_the_mean_hold_in_95_of_100_campaigns():
    chance = np.random.default_rng(20261101)
    above = 0
    for _ in range(600):
        values = chance.lognormal(3.5, 0.5, 40).tolist()
        truth = math.exp(3.5 + 0.125)
        above += stats.mean_limits(stats.mean(values)).lower > truth
    assert above / 600 < 0.07


def test_one_cluster_that_outweighs_all_others_leaves_one_trial():
    good = [1.0] * 299 + [0.5]
    found = stats.clustered_trials(
        good, [1] * 300, where={"cell": ["long"] * 298 + ["short", "shorter"]}
    )
    assert found.trials == 1.0
    assert found.by == ("cell",)
    assert stats.wilson(found.successes, found.trials).lower < 0.3
