from datetime import UTC, date, datetime

import pytest

from agent.budget.period import local_day, period_of, share_passed


@pytest.mark.parametrize(
    ("day", "resets_on_day", "start", "end"),
    [
        ((2026, 11, 1), 1, (2026, 11, 1), (2026, 12, 1)),
        ((2026, 12, 31), 1, (2026, 12, 1), (2027, 1, 1)),
        ((2026, 2, 27), 28, (2026, 1, 28), (2026, 2, 28)),
        ((2026, 2, 28), 28, (2026, 2, 28), (2026, 3, 28)),
        ((2026, 1, 3), 15, (2025, 12, 15), (2026, 1, 15)),
    ],
)
def test_a_period_begins_on_its_day_of_a_month(day, resets_on_day, start, end):
    assert period_of(date(*day), resets_on_day) == (date(*start), date(*end))


def test_days_are_those_of_viet_nam():
    assert local_day(datetime(2026, 11, 30, 16, 59, tzinfo=UTC)) == date(2026, 11, 30)
    assert local_day(datetime(2026, 11, 30, 17, 0, tzinfo=UTC)) == date(2026, 12, 1)


def test_the_share_of_a_period_goes_from_nothing_to_all():
    november = period_of(date(2026, 11, 5), 1)
    assert share_passed(november, datetime(2026, 10, 31, 17, tzinfo=UTC)) == 0
    assert share_passed(november, datetime(2026, 11, 15, 17, tzinfo=UTC)) == 0.5
    assert share_passed(november, datetime(2027, 1, 1, tzinfo=UTC)) == 1
