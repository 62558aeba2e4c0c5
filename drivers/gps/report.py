"""What gpsd says, understood and judged. No I/O.

gpsd repeats a dead fix for ever, and gpsd-py3 fills in 0.0 where the receiver said nothing:
only keys that were really sent count, and only a fix whose time advances is believed.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol

import msgspec

from wire.codec import UNDECODABLE
from wire.messages import Position, PositionSource

STALE_S = 3.0
"""A fix whose time lags the monotonic clock by more than this is no fix."""
MAX_SPEED_M_S = 90.0
"""No vehicle of ours is faster: what moves more is a jump."""
SETTLE_S = 5.0
"""A fix that contradicts what was believed is believed once it has been consistent this long."""
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
"""This software is younger: an earlier date is a receiver's week rollover."""
NULL_ISLAND_DEG = 1e-4
DRIFT = 1e-3
"""The probe's clock may run this much faster than the satellites' without seeming late."""
FIX_2D = 2
PLACES = 7
"""Decimals of a degree: 1 cm, which is more than any receiver knows."""
EARTH_RADIUS_M = 6_371_000.0


class Tpv(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """gpsd's time-position-velocity report, as far as we use it."""

    device: str | None = None
    mode: int = 0
    time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    lat: float | None = None
    lon: float | None = None
    altHAE: float | None = None  # noqa: N815 - gpsd's name
    speed: float | None = None
    track: float | None = None
    eph: float | None = None
    epx: float | None = None
    epy: float | None = None


class Satellite(msgspec.Struct, frozen=True, kw_only=True):
    """One satellite of a sky view."""

    used: bool = False


class Sky(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """gpsd's sky view; newer daemons send it in parts, some without satellites."""

    device: str | None = None
    hdop: float | None = None
    satellites: list[Satellite] | None = None


class Response(Protocol):
    """What we use of gpsd-py3's `GpsResponse`: 0.0 and 0 stand for what was not said."""

    mode: int
    lat: float
    lon: float
    hspeed: float
    track: float
    sats: int
    sats_valid: int


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """One GNSS epoch as the receiver gave it; not yet believed."""

    mode: int
    """gpsd: 0 unknown, 1 no fix, 2 2D, 3 3D."""
    utc: datetime | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None
    altitude_m: float | None = None
    """Above the WGS 84 ellipsoid."""
    speed_m_s: float | None = None
    course_deg: float | None = None
    horizontal_error_m: float | None = None
    hdop: float | None = None
    satellites_used: int | None = None
    satellites_seen: int | None = None


class UnreadableReportError(ValueError):
    """A line of gpsd's that is no JSON object, or has a field of another type."""


class _Class(msgspec.Struct, frozen=True):
    class_: str = msgspec.field(name="class", default="")


def read_line(line: bytes) -> Tpv | Sky | None:
    """The report in one line; None for other classes. Raises `UnreadableReportError`."""
    try:
        match msgspec.json.decode(line, type=_Class).class_:
            case "TPV":
                return msgspec.json.decode(line, type=Tpv)
            case "SKY":
                return msgspec.json.decode(line, type=Sky)
            case _:
                return None
    except UNDECODABLE as error:
        raise UnreadableReportError(str(error)) from error


def packet(tpv: Tpv, sky: Sky | None) -> dict[str, Any]:
    """Both reports in the form that `GpsResponse.from_json` understands (gpsd's POLL)."""
    view = {} if sky is None else msgspec.to_builtins(sky)
    return {"active": 1, "tpv": [{"mode": 0, **msgspec.to_builtins(tpv)}], "sky": [view]}


def fix(response: Response, tpv: Tpv, sky: Sky | None) -> Fix:
    """The epoch, with None wherever the receiver said nothing."""
    fixed = response.mode >= FIX_2D
    seen = sky is not None and sky.satellites is not None
    return Fix(
        mode=response.mode,
        utc=tpv.time,
        lat_deg=round(response.lat, PLACES) if fixed and tpv.lat is not None else None,
        lon_deg=round(response.lon, PLACES) if fixed and tpv.lon is not None else None,
        altitude_m=tpv.altHAE,
        speed_m_s=response.hspeed if fixed and tpv.speed is not None else None,
        course_deg=response.track if fixed and tpv.track is not None else None,
        horizontal_error_m=_horizontal_error_m(tpv),
        hdop=None if sky is None else sky.hdop,
        satellites_used=response.sats_valid if seen else None,
        satellites_seen=response.sats if seen else None,
    )


def distance_m(a: Fix, b: Fix) -> float:
    """Great-circle distance of two fixes that have a position."""
    if a.lat_deg is None or a.lon_deg is None or b.lat_deg is None or b.lon_deg is None:
        raise ValueError("a fix without a position is at no distance")
    lat_a, lat_b = math.radians(a.lat_deg), math.radians(b.lat_deg)
    half_lat = math.sin((lat_b - lat_a) / 2) ** 2
    half_lon = math.sin(math.radians(b.lon_deg - a.lon_deg) / 2) ** 2
    chord = half_lat + math.cos(lat_a) * math.cos(lat_b) * half_lon
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))


class FixGate:
    """Says of each fix whether to believe it, and where the probe is.

    The monotonic time is passed in. A fix that breaks with what was believed (its time lags or
    leaps, its place jumps) is refused until its successors have agreed with it for `SETTLE_S`:
    one wild epoch moves nobody, and a wrong beginning does not last.
    """

    def __init__(self, *, not_before: datetime = NOT_BEFORE) -> None:
        """`not_before` is a date that no true fix can precede."""
        self._not_before = not_before
        self._believed: _Run | None = None
        self._contender: _Run | None = None
        self._last_refusal: str | None = None

    def judge(self, fix_: Fix, mono_s: float) -> str | None:
        """None if the fix is believed, else why not: the word `position` records carry."""
        self._last_refusal = self._refusal(fix_, mono_s)
        return self._last_refusal

    def position(self, mono_s: float) -> Position:
        """Where the probe is by the last believed fix; once that is stale, nowhere."""
        run = self._believed
        if run is None or run.lag_s(mono_s) > STALE_S:
            return Position()
        last = run.fix
        return Position(
            source=PositionSource.GNSS,
            lat_deg=last.lat_deg,
            lon_deg=last.lon_deg,
            altitude_m=last.altitude_m,
            speed_m_s=last.speed_m_s,
            course_deg=last.course_deg,
            horizontal_error_m=last.horizontal_error_m,
            age_s=max(0.0, run.lag_s(mono_s)),
            fix_mode=last.mode,
        )

    def rejected(self, mono_s: float) -> str | None:
        """Why there is no position now; None when there is one, or nothing was ever said."""
        run = self._believed
        if run is None:
            return self._last_refusal
        return (self._last_refusal or "stale") if run.lag_s(mono_s) > STALE_S else None

    def _refusal(self, fix_: Fix, mono_s: float) -> str | None:
        impossible = _impossible_place(fix_)
        if impossible is not None:
            return impossible
        if fix_.utc is None:
            return "no_time"
        if fix_.utc < self._not_before:
            return "old_date"
        return self._break(fix_, fix_.utc, mono_s)

    def _break(self, fix_: Fix, utc: datetime, mono_s: float) -> str | None:
        """How a complete fix breaks with what was believed, if it does."""
        believed = self._believed
        if believed is None:
            self._believed = _Run(fix_, utc, mono_s)
            return None
        breach = believed.breach(fix_, utc, mono_s)
        if breach is None:
            believed.extend(fix_, utc, mono_s)
            self._contender = None
            return None
        contender = self._contender
        if contender is None or contender.breach(fix_, utc, mono_s) is not None:
            self._contender = _Run(fix_, utc, mono_s)
            return breach
        contender.extend(fix_, utc, mono_s)
        if contender.lasted_s(mono_s) < SETTLE_S:
            return breach
        self._believed, self._contender = contender, None
        return None


class _Run:
    """Fixes that agree with each other, the latest of them, and the receiver's clock in them."""

    def __init__(self, fix_: Fix, utc: datetime, mono_s: float) -> None:
        self.fix = fix_
        self._utc = utc
        self._since_mono_s = mono_s
        self._heard_mono_s = mono_s
        self._offset_s = utc.timestamp() - mono_s
        """Receiver's clock minus ours, of the fix that came with the least delay."""

    def lag_s(self, mono_s: float) -> float:
        """How far the latest fix lies behind the receiver's own clock."""
        return self._offset_s + mono_s - self._utc.timestamp()

    def lasted_s(self, mono_s: float) -> float:
        """Since the first fix of the run."""
        return mono_s - self._since_mono_s

    def breach(self, fix_: Fix, utc: datetime, mono_s: float) -> str | None:
        """How the fix would not follow from this run."""
        lag_s = self._offset_s + mono_s - utc.timestamp()
        if lag_s > STALE_S:
            return "stale"
        if lag_s < -STALE_S:
            return "time_jump"
        moved_s = max(abs((utc - self._utc) / timedelta(seconds=1)), 1.0)
        if distance_m(self.fix, fix_) > MAX_SPEED_M_S * moved_s:
            return "jump"
        return None

    def extend(self, fix_: Fix, utc: datetime, mono_s: float) -> None:
        """Take the fix as the latest; one that is older than the latest changes nothing."""
        drift_s = DRIFT * (mono_s - self._heard_mono_s)
        self._offset_s = max(self._offset_s - drift_s, utc.timestamp() - mono_s)
        self._heard_mono_s = mono_s
        if utc >= self._utc:
            self.fix = fix_
            self._utc = utc


def _impossible_place(fix_: Fix) -> str | None:
    if fix_.mode < FIX_2D:
        return "no_fix"
    if fix_.lat_deg is None or fix_.lon_deg is None:
        return "no_position"
    if max(abs(fix_.lat_deg), abs(fix_.lon_deg)) < NULL_ISLAND_DEG:
        return "null_island"
    if abs(fix_.lat_deg) > 90 or abs(fix_.lon_deg) > 180:  # noqa: PLR2004 - degrees
        return "out_of_range"
    return None


def _horizontal_error_m(tpv: Tpv) -> float | None:
    if tpv.eph is not None:
        return tpv.eph
    if tpv.epx is not None and tpv.epy is not None:
        return math.hypot(tpv.epx, tpv.epy)
    return None
