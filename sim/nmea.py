"""NMEA 0183 sentences of a GNSS receiver for one instant. No I/O."""

import math
from datetime import UTC, datetime
from typing import NamedTuple

KNOTS_PER_M_S = 3600 / 1852
GEOID_M = -5.0
"""Height of the geoid above the ellipsoid around Dak Nong."""
HDOP = 0.8
SKY_TURN_S = 43_082.0
"""After half a sidereal day the satellites stand where they stood."""


class Satellite(NamedTuple):
    """One satellite above the horizon."""

    number: int
    elevation_deg: int
    azimuth_deg: int
    snr_db: int


class Epoch(NamedTuple):
    """What the receiver knows of one instant."""

    unix_s: float
    lat_deg: float
    lon_deg: float
    altitude_m: float
    """Above the WGS 84 ellipsoid."""
    speed_m_s: float
    course_deg: float
    mode: int
    """1 no fix, 2 two-dimensional, 3 with height."""


def sentences(epoch: Epoch) -> bytes:
    """RMC, GGA, GSA and GSV of one epoch, in this order."""
    when = datetime.fromtimestamp(epoch.unix_s, UTC)
    satellites = sky(epoch.unix_s)
    lines = [_rmc(epoch, when), _gga(epoch, when, len(satellites)), _gsa(epoch, satellites)]
    lines += _gsv(satellites)
    return b"".join(framed(line) for line in lines)


def framed(body: str) -> bytes:
    """A sentence with its start, checksum and end."""
    total = 0
    for byte in body.encode("ascii"):
        total ^= byte
    return f"${body}*{total:02X}\r\n".encode("ascii")


def sky(unix_s: float) -> tuple[Satellite, ...]:
    """Eleven satellites that wander over the sky as the hours pass."""
    turn = unix_s / SKY_TURN_S * 360
    return tuple(
        Satellite(
            number=2 * index + 3,
            elevation_deg=round(50 + 35 * math.sin(math.radians(turn + 97 * index))),
            azimuth_deg=round(turn + 137 * index) % 360,
            snr_db=round(38 + 6 * math.sin(math.radians(turn + 61 * index))),
        )
        for index in range(11)
    )


def _rmc(epoch: Epoch, when: datetime) -> str:
    time, date = _time(when), when.strftime("%d%m%y")
    if epoch.mode == 1:
        return f"GPRMC,{time},V,,,,,,,{date},,,N"
    speed = epoch.speed_m_s * KNOTS_PER_M_S
    place = _place(epoch)
    return f"GPRMC,{time},A,{place},{speed:.2f},{epoch.course_deg:.1f},{date},,,A"


def _gga(epoch: Epoch, when: datetime, used: int) -> str:
    if epoch.mode == 1:
        return f"GPGGA,{_time(when)},,,,,0,00,99.9,,,,,,"
    mean_sea = epoch.altitude_m - GEOID_M
    heights = f"{mean_sea:.1f},M,{GEOID_M:.1f},M" if epoch.mode > 2 else ",M,,M"  # noqa: PLR2004 - 3D
    return f"GPGGA,{_time(when)},{_place(epoch)},1,{used:02d},{HDOP},{heights},,"


def _gsa(epoch: Epoch, satellites: tuple[Satellite, ...]) -> str:
    used = [] if epoch.mode == 1 else [f"{satellite.number:02d}" for satellite in satellites]
    slots = ",".join((used + [""] * 12)[:12])
    dops = "99.9,99.9,99.9" if epoch.mode == 1 else f"1.4,{HDOP},1.1"
    return f"GPGSA,A,{epoch.mode},{slots},{dops}"


def _gsv(satellites: tuple[Satellite, ...]) -> list[str]:
    groups = [satellites[start : start + 4] for start in range(0, len(satellites), 4)]
    return [
        f"GPGSV,{len(groups)},{number},{len(satellites):02d},"
        + ",".join(
            f"{s.number:02d},{s.elevation_deg:02d},{s.azimuth_deg:03d},{s.snr_db:02d}"
            for s in group
        )
        for number, group in enumerate(groups, start=1)
    ]


def _time(when: datetime) -> str:
    return f"{when:%H%M%S}.{when.microsecond // 10_000:02d}"


def _place(epoch: Epoch) -> str:
    north = "N" if epoch.lat_deg >= 0 else "S"
    east = "E" if epoch.lon_deg >= 0 else "W"
    return f"{_minutes(epoch.lat_deg, 2)},{north},{_minutes(epoch.lon_deg, 3)},{east}"


def _minutes(angle_deg: float, digits: int) -> str:
    """Degrees and minutes as NMEA writes them; a carry of the rounding goes into the degrees."""
    ten_thousandths = round(abs(angle_deg) * 60 * 1_000_00)
    degrees, minutes = divmod(ten_thousandths, 60 * 1_000_00)
    return f"{degrees:0{digits}d}{minutes // 1_000_00:02d}.{minutes % 1_000_00:05d}"
