"""Who leads, as far as it can be told."""

import itertools

import numpy as np
import pytest

from collector import stats
from collector.stats import Limits

TIE, AHEAD, BEHIND = Limits(-1, 1), Limits(0.5, 2), Limits(-2, -0.5)


def test_one_that_is_better_than_all_wins_alone():
    found = stats.joint_winners(
        ["A", "B", "C"], {("A", "B"): AHEAD, ("C", "A"): BEHIND, ("B", "C"): TIE}
    )
    assert found == (("A",), ("B", "C"), ())


def test_ties_that_do_not_carry_on_leave_two_winners():
    pairs = {("A", "B"): TIE, ("B", "C"): TIE, ("A", "C"): AHEAD}
    assert stats.joint_winners(["A", "B", "C"], pairs) == (("A", "B"), ("C",), ())


def test_a_circle_leads_together():
    pairs = {("A", "B"): AHEAD, ("B", "C"): AHEAD, ("C", "A"): AHEAD}
    pairs |= {(name, "D"): AHEAD for name in "ABC"}
    assert stats.joint_winners(list("ABCD"), pairs) == (("A", "B", "C"), ("D",), ())


def test_the_end_of_an_interval_is_a_tie():
    assert stats.joint_winners(["A", "B"], {("A", "B"): Limits(0, 3)}).winners == ("A", "B")
    assert stats.joint_winners(["A", "B"], {("A", "B"): Limits(-3, 0)}).winners == ("A", "B")


def test_nobody_is_ranked_on_ground_that_others_were_not_measured_on():
    pairs = {("A", "B"): AHEAD, ("A", "C"): Limits(None, None)}
    assert stats.joint_winners(["A", "B", "C"], pairs) == (("A",), ("B",), ("C",))
    assert stats.joint_winners(["A", "B"], {}) == ((), (), ("A", "B"))
    assert stats.joint_winners(["A"], {}) == (("A",), (), ())
    assert stats.joint_winners([], {}) == ((), (), ())


def test_the_order_of_the_pairs_and_of_each_changes_nothing():
    pairs = {("A", "B"): TIE, ("B", "C"): AHEAD, ("A", "C"): TIE}
    wanted = stats.joint_winners(["A", "B", "C"], pairs)
    for order in itertools.permutations(pairs.items()):
        turned = {
            (second, first): Limits(-limits.upper, -limits.lower)
            for (first, second), limits in order
        }
        assert stats.joint_winners(["A", "B", "C"], dict(order)) == wanted
        assert stats.joint_winners(["A", "B", "C"], turned) == wanted


@pytest.fixture
def drive():
    """Two operators on 40 places of 8 segments; places differ more than the operators do."""
    chance = np.random.Generator(np.random.PCG64(21))
    places = chance.normal(50, 20, 40)
    noise = chance.normal(0, 2, (2, 40))
    first = {(n, n // 5): float(places[n] + 4 + noise[0, n]) for n in range(40)}
    second = {(n, n // 5): float(places[n] + noise[1, n]) for n in range(40)}
    return first, second, {n: n // 5 for n in range(40)}


def test_pairs_tell_apart_what_means_do_not(drive):
    first, second, segments = drive
    found = stats.paired_difference(first, second, seed=6, segments=segments)
    assert (found.blocks, found.value) == (40, pytest.approx(4, abs=1))
    assert found.interval.lower > 0
    naive = [stats.mean_interval(stats.mean(list(one.values()))) for one in (first, second)]
    assert naive[0].lower < naive[1].upper


def test_the_interval_is_the_wider_of_both(drive):
    first, second, segments = drive
    found = stats.paired_difference(first, second, seed=6, segments=segments)
    assert found.interval.lower == min(found.student.lower, found.bootstrap.lower)
    assert found.interval.upper == max(found.student.upper, found.bootstrap.upper)
    assert found.bootstrap.confidence == 0.975
    backwards = dict(reversed(first.items()))
    assert stats.paired_difference(backwards, second, seed=6, segments=segments) == found


def test_only_common_blocks_count(drive):
    first, second, _ = drive
    alone = {(place + 100, hour): rate for (place, hour), rate in second.items()}
    assert stats.paired_difference(first, alone, seed=6) is None
    assert stats.paired_difference(first, {**alone, (0, 0): 1.0}, seed=6).blocks == 1


def test_a_single_segment_has_no_interval():
    first, second = {("x", 1): 5.0, ("x", 2): 7.0}, {("x", 1): 4.0, ("x", 2): 3.0}
    found = stats.paired_difference(first, second, seed=6)
    assert found.value == 2.5
    assert found.interval == (None, None)
