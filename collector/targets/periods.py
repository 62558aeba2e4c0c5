"""Calendar periods of Viet Nam (UTC+7) and spans of days, as targets count them."""

import re
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from collector.kpi import Period

VIET_NAM = timezone(timedelta(hours=7))

_YEAR = re.compile(r"20\d{2}")
_MONTH = re.compile(r"(?P<year>20\d{2})-(?P<month>0[1-9]|1[0-2])")
_QUARTER = re.compile(r"(?P<year>20\d{2})-Q(?P<quarter>[1-4])")
INSTANT = timedelta(microseconds=1)
"""The last one of a period lies so long before its end."""
_MONTHS_A_QUARTER = 3
_MOST_DAYS = 3660
_MONTHS_A_YEAR = 12


class UnknownPeriodError(ValueError):
    """The text names no period; `text` is what was given."""

    def __init__(self, text: str) -> None:
        """Keep the text."""
        super().__init__(
            f"period {text!r}: say a month, 2026-10, a quarter, 2026-Q4, or a year, 2026"
        )
        self.text = text


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which period a target is judged over."""

    kind: str
    """`month`, `quarter`, `year` or `days`."""
    days: int | None = None
    """With `days`: so many, up to the moment of judging."""

    def __post_init__(self) -> None:
        if self.kind not in {*_HOLDING, "days"}:
            raise ValueError(f"period kind {self.kind!r} is none of {', '.join(_HOLDING)}, days")
        if (self.kind == "days") != (self.days is not None):
            raise ValueError("`days` belongs to the period kind days, and only to it")
        if self.days is not None and not 1 <= self.days <= _MOST_DAYS:
            raise ValueError(f"{self.days} days are not between 1 and {_MOST_DAYS}")

    def over(self, now: datetime, asked: Period | None = None) -> Period:
        """The last whole period before `now`, or the one asked for; days count back from its end.

        A month that still runs is judged only when it is asked for: half of it proves little.
        """
        if self.days is not None:
            # Up to the end of the day: what was judged once today need not be judged anew.
            end = _day_after(now)
            end = end if asked is None else min(end, asked.end_utc)
            start = end - timedelta(days=self.days)
            first, last = (bound.astimezone(VIET_NAM).date() for bound in (start, end - INSTANT))
            return Period(label=f"{first}/{last}", start_utc=start, end_utc=end)
        if asked is not None:
            # A year is not proven by one of its months.
            return year_of(asked.end_utc - INSTANT) if self.kind == "year" else asked
        holding = _HOLDING[self.kind]
        return holding(holding(now).start_utc - INSTANT)


def parse(text: str) -> Period:
    """The period a text like `2026-10`, `2026-Q4` or `2026` names.

    Raises `UnknownPeriodError`.
    """
    if found := _MONTH.fullmatch(text):
        return month(int(found["year"]), int(found["month"]))
    if found := _QUARTER.fullmatch(text):
        return quarter(int(found["year"]), int(found["quarter"]))
    if _YEAR.fullmatch(text):
        return year(int(text))
    raise UnknownPeriodError(text)


def month_of(at: datetime) -> Period:
    """The calendar month in Viet Nam that holds an instant."""
    local = at.astimezone(VIET_NAM)
    return month(local.year, local.month)


def quarter_of(at: datetime) -> Period:
    """The calendar quarter in Viet Nam that holds an instant."""
    local = at.astimezone(VIET_NAM)
    return quarter(local.year, (local.month - 1) // _MONTHS_A_QUARTER + 1)


def year_of(at: datetime) -> Period:
    """The calendar year in Viet Nam that holds an instant."""
    return year(at.astimezone(VIET_NAM).year)


def recent_months(now: datetime, count: int) -> tuple[Period, ...]:
    """The month that runs and those before it, newest first."""
    months = [month_of(now)]
    while len(months) < count:
        months.append(month_of(months[-1].start_utc - INSTANT))
    return tuple(months)


def _day_after(at: datetime) -> datetime:
    day = at.astimezone(VIET_NAM).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=VIET_NAM).astimezone(UTC)


def month(year: int, month_of_year: int) -> Period:
    """A calendar month."""
    return _months(f"{year:04}-{month_of_year:02}", year, month_of_year, 1)


def quarter(year: int, quarter_of_year: int) -> Period:
    """Three calendar months."""
    first = (quarter_of_year - 1) * _MONTHS_A_QUARTER + 1
    return _months(f"{year:04}-Q{quarter_of_year}", year, first, _MONTHS_A_QUARTER)


def year(number: int) -> Period:
    """A calendar year."""
    return _months(f"{number:04}", number, 1, _MONTHS_A_YEAR)


def _months(label: str, year: int, first: int, count: int) -> Period:
    after = first - 1 + count
    start = datetime(year, first, 1, tzinfo=VIET_NAM)
    end = datetime(year + after // _MONTHS_A_YEAR, after % _MONTHS_A_YEAR + 1, 1, tzinfo=VIET_NAM)
    return Period(label=label, start_utc=start.astimezone(UTC), end_utc=end.astimezone(UTC))


_HOLDING = {"month": month_of, "quarter": quarter_of, "year": year_of}
"""What gives the period of a kind that holds an instant."""
