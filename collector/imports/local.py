"""Days of Viet Nam (UTC+7)."""

from datetime import UTC, date, datetime

from collector.targets.periods import VIET_NAM


def local_day(utc: datetime) -> date:
    """The day in Viet Nam."""
    return utc.astimezone(VIET_NAM).date()


def begin_of(day: date) -> datetime:
    """The first instant of a day in Viet Nam, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=VIET_NAM).astimezone(UTC)
