"""Days and billing periods as Vietnamese operators count them. No I/O, no clock."""

from datetime import date, datetime, time, timedelta, timezone
from typing import NamedTuple

LOCAL = timezone(timedelta(hours=7))
"""Viet Nam, all year."""
LAST_RESET_DAY = 28
"""Every month has one."""
DECEMBER = 12


class Period(NamedTuple):
    """From the first day up to, and without, the day after the last."""

    start: date
    end: date


def local_day(utc: datetime) -> date:
    """The local calendar day of an instant."""
    return utc.astimezone(LOCAL).date()


def midnight(day: date) -> datetime:
    """When a local day begins."""
    return datetime.combine(day, time(), LOCAL)


def period_of(day: date, resets_on_day: int) -> Period:
    """The billing period that a day lies in; it begins on day 1 to 28 of a month."""
    this = day.replace(day=resets_on_day)
    start = this if day >= this else _month_before(this)
    return Period(start, _month_after(start))


def share_passed(period: Period, utc: datetime) -> float:
    """How much of the period lies behind an instant, from 0 to 1."""
    start, end = midnight(period.start), midnight(period.end)
    return min(1.0, max(0.0, (utc - start) / (end - start)))


def _month_after(day: date) -> date:
    if day.month == DECEMBER:
        return day.replace(year=day.year + 1, month=1)
    return day.replace(month=day.month + 1)


def _month_before(day: date) -> date:
    if day.month == 1:
        return day.replace(year=day.year - 1, month=DECEMBER)
    return day.replace(month=day.month - 1)
