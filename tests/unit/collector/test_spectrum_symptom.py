"""Good level and poor quality: the rule, its edges, and what it never says."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.spectrum import facts as facts_of
from collector.spectrum import words
from collector.spectrum.symptom import CellHour, Pattern, judge

RULE = facts_of.load().rules.symptom_on(date(2026, 11, 1))
MIDNIGHT = 24 * 20_000


def hours(of_day, *, n=10, rsrp_dbm=-85.0, sinr_db=-3.0, rsrq_db=None, below_db=10.0):
    return [CellHour(MIDNIGHT + hour, n, rsrp_dbm, sinr_db, rsrq_db, below_db) for hour in of_day]


DAY, NIGHT = (8, 12, 17), (2, 3, 4)


def pattern(*groups):
    return judge([hour for group in groups for hour in group], RULE).pattern


def test_poor_by_day_and_at_night_is_the_symptom():
    assert pattern(hours(DAY), hours(NIGHT)) is Pattern.SYMPTOM


def test_poor_only_under_load_follows_load():
    assert pattern(hours(DAY), hours(NIGHT[:2], sinr_db=12.0)) is Pattern.FOLLOWS_LOAD


def test_good_nights_do_not_hide_what_the_load_does():
    nights = hours(NIGHT, sinr_db=12.0) + hours((26, 27, 28), sinr_db=12.0)
    assert pattern(hours(DAY), nights) is Pattern.FOLLOWS_LOAD
    assert pattern(hours(DAY[:2]), nights) is Pattern.NONE
    assert pattern(hours(DAY, n=6), nights) is Pattern.NONE


def test_without_enough_at_night_the_load_is_unknown():
    assert pattern(hours(DAY)) is Pattern.LOW_LOAD_UNKNOWN
    assert pattern(hours(DAY), hours([3], n=19)) is Pattern.LOW_LOAD_UNKNOWN
    assert pattern(hours(DAY), hours([3], n=20)) is Pattern.SYMPTOM


@pytest.mark.parametrize(("hour", "counts"), [(1, False), (2, True), (4, True), (5, False)])
def test_the_hours_of_low_load_are_two_to_five(hour, counts):
    found = judge(hours([hour]), RULE)
    assert found.low_load.hours == counts


@pytest.mark.parametrize(
    ("below_db", "expected"),
    [(5.9, Pattern.NEIGHBOUR), (6.0, Pattern.SYMPTOM), (None, Pattern.SYMPTOM)],
)
def test_a_neighbour_nearly_as_strong_is_told_apart(below_db, expected):
    assert pattern(hours(DAY, below_db=below_db), hours(NIGHT, below_db=below_db)) is expected


@pytest.mark.parametrize(
    ("values", "poor"),
    [
        ({"sinr_db": -0.1}, True),
        ({"sinr_db": 0.0}, False),
        ({"sinr_db": None, "rsrq_db": -15.5}, True),
        ({"sinr_db": None, "rsrq_db": -15.0}, False),
        ({"sinr_db": 10.0, "rsrq_db": -16.0}, True),
        ({"sinr_db": None, "rsrq_db": None}, False),
        ({"rsrp_dbm": -95.0}, True),
        ({"rsrp_dbm": -95.1}, False),
    ],
)
def test_level_and_quality_at_their_limits(values, poor):
    found = judge([*hours(DAY, **values), *hours(NIGHT, **values)], RULE)
    assert found.pattern is (Pattern.SYMPTOM if poor else Pattern.NONE)
    assert bool(found.poor_hours_of_day) == poor


@pytest.mark.parametrize("few", [[], hours([8, 12], n=50), hours([8, 12, 17], n=6)])
def test_too_few_samples_or_hours_say_nothing(few):
    assert judge(few, RULE).pattern is Pattern.TOO_FEW


def test_each_hour_has_one_vote():
    parked = hours([9], n=3600, sinr_db=20.0)
    assert pattern(parked, hours(DAY), hours(NIGHT, n=7)) is Pattern.SYMPTOM


def test_since_when_and_at_which_hours_it_was_poor():
    found = judge([*hours(DAY), *hours([20], sinr_db=9.0), *hours(NIGHT)], RULE)
    assert found.poor_hours_of_day == (2, 3, 4, 8, 12, 17)
    assert (found.first_poor_hour, found.last_poor_hour) == (MIDNIGHT + 2, MIDNIGHT + 17)
    assert (found.all_hours.samples, found.low_load.samples) == (70, 30)


def test_a_cell_without_hours_has_no_medians():
    found = judge([], RULE)
    assert found.all_hours.rsrp_dbm is None
    assert found.first_poor_hour is None


LEVELS = st.floats(-140, -40, allow_nan=False)
QUALITIES = st.one_of(st.none(), st.floats(-23, 40, allow_nan=False))


@given(st.lists(st.tuples(st.integers(0, 999), LEVELS, QUALITIES), unique_by=lambda one: one[0]))
def test_the_order_of_the_hours_changes_nothing(found):
    made = [CellHour(hour, 10, level, sinr, None, None) for hour, level, sinr in found]
    assert judge(made, RULE) == judge(made[::-1], RULE)


@pytest.mark.parametrize(("below_db", "unknown"), [(None, True), (10.0, False)])
def test_a_neighbour_that_no_modem_named_is_not_ruled_out(below_db, unknown):
    shown = judge([*hours(DAY, below_db=below_db), *hours(NIGHT, below_db=below_db)], RULE)
    assert ("not ruled out" in words.pattern(shown).en) == unknown
    assert "ruled out" not in words.pattern(judge([], RULE)).en


def test_no_word_of_ours_names_a_cause():
    report = words.report(words.RELATIONS[next(iter(words.RELATIONS))])
    assert report.en.startswith("quality degradation of unknown cause; spectrum context: ")
    assert "Trung tâm Tần số" in report.en
    assert report.vi.startswith("Suy giảm chất lượng chưa rõ nguyên nhân")
    for text in [report, *words.PATTERNS.values(), *words.RELATIONS.values()]:
        for blaming in ("caused by", "due to", "because of", "interferes with"):
            assert blaming not in text.en
        for blaming in ("gây ra", "do truyền hình", "nguyên nhân là", "gây nhiễu"):
            assert blaming not in text.vi
    assert "own-network interference is the likelier" in words.PATTERNS[Pattern.FOLLOWS_LOAD].en
    assert "the cause is not established" in words.PATTERNS[Pattern.FOLLOWS_LOAD].en
