"""Texts of a table as numbers and times, by what the mapping says; pure functions."""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

import msgspec

ISO = "iso"
UNIX = {"unix": 1, "unix_ms": 1000}
"""Formats that `strptime` does not have."""
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[01][0-9]):(?P<minutes>[0-5][0-9])")
_PLAIN = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
_LATEST_UNIX_S = 4_102_444_800


class Unusable(ValueError):  # noqa: N818  # a line that cannot be used is no fault of ours
    """A line says something that cannot be used; `field` is what of it."""

    def __init__(self, field: str, problem: str) -> None:
        """Keep what."""
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class Numbers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How numbers are written."""

    decimal: str = "."
    """Sign before the decimals."""
    thousands: str = ""
    """Sign between groups of three digits; empty where there is none."""


class Times(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How times are written."""

    format: str = ISO
    """Of a moment: `iso`, `unix`, `unix_ms` or as `strptime` has it, `%d/%m/%Y %H:%M:%S`."""
    month: str = "%Y-%m"
    """Of a month."""
    day: str = "%Y-%m-%d"
    """Of a day."""
    zone: str = "+07:00"
    """Of moments that do not say it themselves: an offset or a name, `Asia/Ho_Chi_Minh`."""


def zone_of(text: str) -> tzinfo:
    """The time zone a text names; raises ValueError."""
    if found := _OFFSET.fullmatch(text):
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
        return timezone(-offset if found["sign"] == "-" else offset)
    if text == "UTC":
        return UTC
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{text!r} is no time zone; write +07:00") from error


def number_of(field: str, text: str, numbers: Numbers) -> Decimal:
    """The number a text writes, digit by digit; raises `Unusable`.

    Only digits, one sign and the marks of `numbers`: no exponent, no infinity, no guess. `1.234`
    is refused where the mapping makes it neither a decimal nor a thousand.
    """
    if not _pattern(numbers.decimal, numbers.thousands).fullmatch(text):
        raise Unusable(field, f"{text[:40]!r} is no number written with {numbers.decimal!r}")
    plain = text.replace(numbers.thousands, "") if numbers.thousands else text
    return Decimal(plain.replace(numbers.decimal, "."))


def instant_of(field: str, text: str, times: Times) -> datetime:
    """The moment a text names, in UTC; raises `Unusable`."""
    try:
        found = _instant(text, times.format)
    except (ValueError, OverflowError) as error:
        what = f"{text[:40]!r} is no moment written as {times.format}"
        raise Unusable(field, what) from error
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone_of(times.zone))
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise Unusable(field, f"{text[:40]!r} is beyond every calendar") from error


def month_of(field: str, text: str, times: Times) -> date:
    """The first day of the month a text names; raises `Unusable`."""
    return _day(field, text, times.month, "month").replace(day=1)


def day_of(field: str, text: str, times: Times) -> date:
    """The day a text names; raises `Unusable`."""
    return _day(field, text, times.day, "day")


@cache
def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    grouped = f"[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}}){{1,5}}" if thousands else "[0-9]"
    return re.compile(f"[+-]?(?:{grouped}|[0-9]{{1,18}})(?:{re.escape(decimal)}[0-9]{{1,18}})?")


def _instant(text: str, form: str) -> datetime:
    if form == ISO:
        return datetime.fromisoformat(text)
    if form in UNIX:
        seconds = Decimal(text) / UNIX[form] if _PLAIN.fullmatch(text) else Decimal(-1)
        if not 0 <= seconds <= _LATEST_UNIX_S:
            raise ValueError(text)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))
    return datetime.strptime(text, form)  # noqa: DTZ007  # the zone is the mapping's


def _day(field: str, text: str, form: str, what: str) -> date:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007  # a day has no zone
    except ValueError as error:
        raise Unusable(field, f"{text[:40]!r} is no {what} written as {form}") from error
