"""What is made: which months, communes and roads, from which seed."""

import calendar
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

import msgspec

from sim.province.areas import Areas
from sim.world.places import read_roads

LOCAL = timezone(timedelta(hours=7))
"""Viet Nam, all year."""
SEED = 25
YEAR = "2025-01..2025-12"
SMALL_MONTHS = "2025-06..2025-07"
"""The reform of 1 July lies between them."""
SMALL_DISTRICTS = ("661", "667")
SMALL_ROADS = ("QL28-demo",)
_MONTHS_A_YEAR = 12
_FIRST_YEAR = 2025
_MOST_MONTHS = 60
_SPAN = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])(?:\.\.(20\d{2})-(0[1-9]|1[0-2]))?")


class Scale(StrEnum):
    """How much of a province there is."""

    FULL = "full"
    SMALL = "small"
    """Two districts, one road, two months: for a test that takes seconds."""


class UnknownScenarioError(ValueError):
    """Months or communes that are none; the text says which and what to write instead."""


class Month(msgspec.Struct, frozen=True, order=True):
    """One calendar month."""

    number: int
    """Months since January 2025: what is planted goes by it."""

    @property
    def first(self) -> date:
        """Its first day."""
        year, month = divmod(self.number, _MONTHS_A_YEAR)
        return date(_FIRST_YEAR + year, month + 1, 1)

    @property
    def label(self) -> str:
        """`2025-06`."""
        return f"{self.first:%Y-%m}"

    @property
    def quarter(self) -> str:
        """Label of the quarter it lies in, `2025-Q2`."""
        return f"{self.first.year}-Q{(self.first.month - 1) // 3 + 1}"

    @property
    def days(self) -> int:
        """How many it has."""
        return calendar.monthrange(self.first.year, self.first.month)[1]

    def at_ms(self, day: int, hour: int) -> int:
        """Unix time of a local clock hour on a day, counted from 1, in milliseconds."""
        start = datetime(self.first.year, self.first.month, 1, tzinfo=LOCAL)
        return round(start.timestamp() * 1000) + ((day - 1) * 24 + hour) * 3_600_000


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One province over some months. The same scenario makes the same bytes."""

    seed: int
    months: tuple[Month, ...]
    communes: tuple[str, ...]
    """Codes of those that probes look after."""
    roads: tuple[str, ...]

    def quarters(self) -> Iterator[tuple[str, tuple[Month, ...]]]:
        """Quarters that are covered whole, with their months."""
        labels = dict.fromkeys(month.quarter for month in self.months)
        for label in labels:
            months = tuple(month for month in self.months if month.quarter == label)
            if len(months) == 3:  # noqa: PLR2004  # a quarter
                yield label, months


def scenario(
    areas: Areas,
    *,
    scale: Scale = Scale.FULL,
    months: str | None = None,
    communes: str | None = None,
    seed: int = SEED,
) -> Scenario:
    """What the command line asks for; raises `UnknownScenarioError`."""
    small = scale is Scale.SMALL
    known = [commune.code for commune in areas.communes]
    if communes is not None:
        chosen = _communes(communes, known)
    elif small:
        chosen = tuple(one.code for one in areas.communes if one.district_code in SMALL_DISTRICTS)
    else:
        chosen = tuple(known)
    return Scenario(
        seed=seed,
        months=_months(months or (SMALL_MONTHS if small else YEAR)),
        communes=chosen,
        roads=SMALL_ROADS if small else tuple(read_roads()),
    )


def _months(text: str) -> tuple[Month, ...]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UnknownScenarioError(f"months {text!r}: write 2025-06 or 2025-01..2025-12")
    year, month, last_year, last_month = found.groups()
    first = _number(year, month)
    last = first if last_year is None else _number(last_year, last_month)
    if not 0 <= last - first < _MOST_MONTHS or first < 0:
        raise UnknownScenarioError(
            f"months {text!r}: they begin in {_FIRST_YEAR} or later and are at most {_MOST_MONTHS}"
        )
    return tuple(Month(number) for number in range(first, last + 1))


def _number(year: str, month: str) -> int:
    return (int(year) - _FIRST_YEAR) * _MONTHS_A_YEAR + int(month) - 1


def _communes(text: str, known: list[str]) -> tuple[str, ...]:
    words = text.split(",")
    if len(words) == 1 and text.isdecimal() and 1 <= int(text) <= len(known):
        return tuple(known[: int(text)])
    unknown = set(words) - set(known)
    if unknown:
        raise UnknownScenarioError(
            f"communes {text!r}: a number up to {len(known)}, or codes with commas;"
            f" {', '.join(sorted(unknown))} is none"
        )
    return tuple(sorted(set(words)))
