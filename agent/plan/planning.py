"""What a plan's entries have in common: local time, trust in positions, assumed rates."""

from datetime import date, datetime, timedelta
from typing import Annotated, NamedTuple

import msgspec

QuietText = Annotated[
    str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$")
]
"""`22:00-06:00`"""
Rate = Annotated[float, msgspec.Meta(gt=0, le=20_000)]


class Planning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[planning]` of the configuration."""

    utc_offset_h: Annotated[float, msgspec.Meta(ge=-12, le=14)] = 7.0
    """Local time of `cron`, `quiet_hours` and dates; Viet Nam knows no summer time."""
    max_position_error_m: Annotated[float, msgspec.Meta(ge=5, le=500)] = 50.0
    """Fixes that are known less well move no distance and enter no area."""
    max_gap_s: Annotated[float, msgspec.Meta(ge=2, le=600)] = 60.0
    """The way between two fixes is taken as straight for so long; a longer gap counts nothing."""
    assumed_down_mbit_s: Rate = 50.0
    """What a capacity test is taken to load in `dosong-agent plan`."""
    assumed_up_mbit_s: Rate = 20.0

    def local(self, utc: datetime) -> datetime:
        """Local time, without a zone."""
        return (utc + timedelta(hours=self.utc_offset_h)).replace(tzinfo=None)


class Hours(NamedTuple):
    """A part of each day in minutes from midnight; over midnight if it ends before it begins."""

    begin: int
    end: int

    def __contains__(self, local: object) -> bool:
        if not isinstance(local, datetime):
            return False
        minute = 60 * local.hour + local.minute
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def hours(text: str) -> Hours:
    """What a `QuietText` means; raises ValueError where it means nothing."""
    begin, end = (60 * int(part[:2]) + int(part[3:]) for part in text.split("-"))
    if begin == end:
        raise ValueError("ends when it begins")
    return Hours(begin, end)


def in_season(local: datetime, first: date | None, last: date | None) -> bool:
    """Whether the day lies between both, which belong to it; None is no limit."""
    day = local.date()
    return (first is None or first <= day) and (last is None or day <= last)
