"""Bins, passes and what checks say, on numbers alone."""

import itertools

import numpy as np
import pytest

from collector.kpi import Stretch
from collector.kpi._data_checks import Reach, Track, answers, explained
from collector.kpi._passes import cut, driven
from collector.kpi._strip import COVERED, UNCOVERED, UNKNOWN, Rule, excepted, survey

SECOND = 1_000_000
RULE = Rule(last_passes=3, covered_passes=2, confirming_passes=2, stale_us=0)


def stretch(from_m, to_m):
    return Stretch(from_m=from_m, to_m=to_m, kind="tunnel")


@pytest.mark.parametrize(
    ("stretches", "bins"),
    [
        ([], []),
        ([(100.0, 200.0)], [2, 3]),
        ([(110.0, 190.0)], [2, 3]),
        ([(100.0, 124.0)], []),
        ([(100.0, 112.0), (112.0, 125.0)], [2]),
        ([(100.0, 112.0), (100.0, 112.0)], []),
        ([(415.0, 900.0)], [8]),
        ([(-100.0, 30.0)], [0]),
    ],
)
def test_a_bin_is_excepted_when_half_of_it_is(stretches, bins):
    out = excepted([stretch(*one) for one in stretches], 430.0)
    assert np.flatnonzero(out).tolist() == bins


def naive_turns(along):
    """The rule of a turn, look by look."""
    legs, start, turn, direction = [], 0, 0, 0
    for index, at in enumerate(along):
        ahead = at - along[turn]
        if direction == 0:
            if abs(at - along[start]) >= 100:
                direction, turn = (1 if at > along[start] else -1), index
        elif ahead * direction >= 0:
            turn = index
        elif abs(ahead) >= 100:
            legs.append((start, turn + 1, direction > 0))
            start, direction, turn = turn + 1, -direction, index
    return [*legs, (start, len(along), direction > 0)] if direction else legs


@pytest.mark.parametrize("seed", range(20))
def test_turns_are_those_of_the_rule_look_by_look(seed):
    rng = np.random.default_rng(seed)
    along = np.cumsum(rng.normal(0, 40, 3000)) + 5000
    found = cut(
        modem=np.zeros(3000, np.int64),
        at_us=np.arange(3000) * SECOND,
        chainage_m=along,
    )
    wanted = naive_turns(along.tolist())
    assert found.upwards.tolist() == [up for *_, up in wanted]
    for number, (start, after, _) in enumerate(wanted):
        assert np.flatnonzero(found.of_look == number).tolist() == list(range(start, after))


def drive(*passes, every_us=SECOND):
    """Passes of (start in s, looks of (chainage, covered)); the strip of 300 m they make."""
    rows = [
        (number, start * SECOND + index * every_us, at_m, covered)
        for number, (start, looks) in enumerate(passes)
        for index, (at_m, covered) in enumerate(looks)
    ]
    leg, at_us, chainage_m, covered = map(np.array, zip(*rows, strict=True))
    made = driven(
        row=np.arange(len(rows)),
        leg=leg,
        chainage_m=chainage_m.astype(np.float64),
        at_us=at_us,
        upwards=np.ones(len(passes), np.bool_),
    )
    return made, survey(
        made,
        covered=covered[made.row],
        counts=np.ones(len(rows), np.bool_),
        length_m=300.0,
        out=np.zeros(6, np.bool_),
        rule=RULE,
    )


def test_a_bin_between_two_like_looks_100_m_apart_is_what_they_are():
    looks = [(10.0, False), (110.0, False), (210.0, False)]
    _, strip = drive((0, looks), (4000, looks))
    assert strip.states.tolist() == [UNCOVERED] * 5 + [0]
    far = [(10.0, False), (112.0, False)]
    _, strip = drive((0, far), (4000, far))
    assert strip.states.tolist() == [UNCOVERED, 0, UNCOVERED, 0, 0, 0]


def test_nothing_is_said_of_a_bin_between_looks_that_differ():
    looks = [(10.0, True), (110.0, False)]
    _, strip = drive((0, looks), (4000, looks))
    assert strip.states.tolist() == [COVERED, 0, UNCOVERED, 0, 0, 0]


def test_modems_of_one_ride_are_one_pass_and_a_minute_later_is_another():
    looks = [(at, False) for at in range(0, 300, 20)]
    made, strip = drive((0, looks), (30, looks), (95, looks))
    assert len(made.upwards) == 2
    assert strip.passes.tolist() == [2] * 6


def test_service_of_one_modem_of_a_ride_is_service():
    heard = [(at, True) for at in range(0, 300, 20)]
    deaf = [(at, False) for at in range(0, 300, 20)]
    _, strip = drive((0, heard), (1, deaf), (4000, deaf), (4001, heard))
    assert strip.states.tolist() == [COVERED] * 6


def seen_thrice(*bins):
    """Three passes that agree on bins that are covered (`C`) or not (`U`), and not on others."""

    def pass_(number):
        sees = {"C": True, "U": False, "?": number == 0}
        return [
            (at, sees[state])
            for bin_, state in enumerate(bins)
            for at in (bin_ * 50 + 5, bin_ * 50 + 45)
        ]

    return drive(*((4000 * number, pass_(number)) for number in range(3)))[1]


def test_passes_may_differ_on_where_a_gap_ends_and_not_in_its_middle():
    end = seen_thrice("C", "?", "U", "U", "?", "C")
    assert np.flatnonzero(end.states == UNKNOWN).tolist() == [1, 4]
    assert (end.share("unknown"), end.share_unclear) == (pytest.approx(1 / 3), 0)
    middle = seen_thrice("U", "?", "U", "?", "U", "C")
    assert middle.share_unclear == pytest.approx(1 / 3)


def test_a_gap_may_reach_as_far_as_nothing_is_known():
    strip = seen_thrice("C", "?", "?", "U", "?", "C")
    assert strip.unknown_m(2, step=-1) == 100
    assert strip.unknown_m(4, step=1) == 50
    assert strip.unknown_m(3, step=1) == 0
    assert strip.unknown_m(-1, step=-1) == strip.unknown_m(6, step=1) == 0


REACH = Reach(time_s=120.0, along_m=1000.0)


def said(checks, *, at_s=0.0, along_m=0.0):
    """What checks of (second, metres, good) say of one look."""
    found = answers(
        Track(np.zeros(1, np.int64), np.array([int(at_s * SECOND)]), np.array([along_m])),
        Track(
            np.zeros(len(checks), np.int64),
            np.array([int(at * SECOND) for at, *_ in checks], np.int64),
            np.array([float(along) for _, along, _ in checks]),
        ),
        np.array([good for *_, good in checks], np.bool_),
        REACH,
    )
    return "".join(
        name[0]
        for name, flag in zip(("asked", "failed", "doubtful"), found, strict=True)
        if flag[0]
    )


@pytest.mark.parametrize(
    ("checks", "wanted"),
    [
        ([], ""),
        ([(-60, 0, True)], "a"),
        ([(-60, 0, True), (60, 0, True)], "a"),
        ([(-60, 0, False)], "ad"),
        ([(-60, 0, False), (60, 0, True)], "ad"),
        ([(-60, 0, True), (60, 0, False)], "ad"),
        ([(-60, 0, False), (60, 0, False)], "af"),
        ([(-90, 0, False), (-60, 0, True), (60, 0, True)], "a"),
        ([(-121, 5000, False)], ""),
        ([(-121, 900, False)], "ad"),
        ([(-601, 0, False)], ""),
        ([(0, 0, False)], "ad"),
    ],
)
def test_the_checks_before_and_after_a_look_say_whether_data_came(checks, wanted):
    assert said(checks) == wanted


def test_checks_of_another_modem_say_nothing():
    one, other = (Track(np.array([who]), np.zeros(1, np.int64), np.zeros(1)) for who in (0, 1))
    found = answers(one, other, np.array([False]), REACH)
    assert not any(itertools.chain.from_iterable(flag.tolist() for flag in found))


def test_a_check_15_s_from_a_look_without_service_is_explained():
    check = Track(np.zeros(3, np.int64), np.array([0, 15, 16]) * SECOND, np.zeros(3))
    look = Track(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1))
    assert explained(check, look).tolist() == [True, True, False]
    assert explained(check, look._replace(modem=np.ones(1, np.int64))).tolist() == [False] * 3
