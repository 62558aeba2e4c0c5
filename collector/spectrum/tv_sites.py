"""The customer's list of television transmitters, and how far they are. Optional; never needed.

A CSV file in UTF-8 with the columns `name,lat_deg,lon_deg,channel,erp_kw,valid_from,valid_to`; the
last three may be empty. All of it is read or none. Distance is all that is worked out: what arrives
depends on antenna, terrain and pattern, of which the list says nothing.
"""

import csv
import io
import math
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from collector.spectrum.channels import CHANNELS
from collector.spectrum.errors import FileError

COLUMNS = ("name", "lat_deg", "lon_deg", "channel", "erp_kw", "valid_from", "valid_to")
MAX_BYTES = 4 << 20
"""Of a whole file; Viet Nam has some hundreds of transmitters."""
MAX_ERP_KW = 1000.0
_MAX_NAME = 200
_MAX_DIGITS = 32
_FORMULA = ("=", "+", "-", "@")
"""A cell that begins so is run by a spreadsheet that the list is pasted into."""
_EARTH_KM = 6371.0088


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the earth, WGS 84."""

    lat_deg: float
    lon_deg: float

    def __post_init__(self) -> None:
        if not (abs(self.lat_deg) <= 90 and abs(self.lon_deg) <= 180):  # noqa: PLR2004  # degrees
            raise ValueError("latitude and longitude must be degrees")


class TvSite(msgspec.Struct, frozen=True, kw_only=True):
    """One channel from one site."""

    name: str
    at: Point
    channel: int
    erp_kw: float | None
    valid_from: date | None
    valid_to: date | None
    """Last day; None while no end is known."""

    def on_air(self, day: date) -> bool:
        """Whether the list says it transmits on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


class Transmitter(msgspec.Struct, frozen=True, kw_only=True):
    """A site of the list as it lies to some place."""

    name: str
    channel: int
    erp_kw: float | None
    distance_km: float
    """Along the ground."""


def nearest(sites: Iterable[TvSite], at: Point | None, day: date) -> tuple[Transmitter, ...]:
    """Sites that the list says transmit on a day, the nearest first; none without a place."""
    if at is None:
        return ()
    there = (
        Transmitter(
            name=site.name,
            channel=site.channel,
            erp_kw=site.erp_kw,
            distance_km=distance_km(site.at, at),
        )
        for site in sites
        if site.on_air(day)
    )
    return tuple(sorted(there, key=lambda one: (one.distance_km, one.name, one.channel)))


def distance_km(one: Point, other: Point) -> float:
    """Great circle on a sphere of the mean radius: 0.5 % off at worst."""
    lat, other_lat = math.radians(one.lat_deg), math.radians(other.lat_deg)
    half_lat = (other_lat - lat) / 2
    half_lon = math.radians(other.lon_deg - one.lon_deg) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat) * math.cos(other_lat) * math.sin(half_lon) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(chord)))


def read(file: Path) -> tuple[TvSite, ...]:
    """The sites of a file; raises `FileError`, which names the line and the column."""
    sites: dict[tuple[str, int, date | None], TvSite] = {}
    rows = csv.reader(io.StringIO(_text(file), newline=""), strict=True)
    try:
        header = next(rows, None)
        if header is None or tuple(header) != COLUMNS:
            raise FileError(file, "line 1", f"must be the columns {','.join(COLUMNS)}")
        for row in rows:
            if not row:
                continue
            place = f"line {rows.line_num}"
            site = _site(file, place, row)
            key = (site.name, site.channel, site.valid_from)
            if key in sites:
                raise FileError(
                    file, place, f"{site.name}, channel {site.channel}: stands there twice"
                )
            sites[key] = site
    except csv.Error as error:
        raise FileError(file, f"line {rows.line_num}", f"not CSV: {error}") from error
    return tuple(sites.values())


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileError(file, "", f"cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise FileError(file, "", f"larger than {MAX_BYTES >> 20} MiB: no list of sites")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(file, f"line {line}", "not UTF-8; save it as CSV UTF-8") from error


class _Row(NamedTuple):
    """One line of the file, and how to say where it is wrong."""

    file: Path
    place: str
    cells: dict[str, str]

    def wrong(self, key: str, problem: str) -> FileError:
        return FileError(self.file, f"{self.place}: {key}", problem)

    def name(self) -> str:
        name = self.cells["name"]
        if not name or len(name) > _MAX_NAME or not name.isprintable() or name.startswith(_FORMULA):
            raise self.wrong("name", "needs a plain name that no spreadsheet takes for a formula")
        return name

    def degrees(self, key: str, limit: float) -> float:
        value = _number(self.cells[key])
        if value is None or abs(value) > limit:
            raise self.wrong(key, f"must be degrees, -{limit:g} to {limit:g}, with a decimal point")
        return value

    def channel(self) -> int:
        text = self.cells["channel"]
        if not (text.isascii() and text.isdigit() and int(text[:_MAX_DIGITS]) in CHANNELS):
            raise self.wrong("channel", f"must be {CHANNELS.start} to {CHANNELS.stop - 1}")
        return int(text)

    def erp_kw(self) -> float | None:
        if not self.cells["erp_kw"]:
            return None
        value = _number(self.cells["erp_kw"])
        if value is None or not 0 < value <= MAX_ERP_KW:
            raise self.wrong("erp_kw", f"must be more than 0 and at most {MAX_ERP_KW:g} kilowatts")
        return value

    def day(self, key: str) -> date | None:
        try:
            return date.fromisoformat(self.cells[key]) if self.cells[key] else None
        except ValueError as error:
            raise self.wrong(key, "must be a day like 2026-10-31") from error


def _site(file: Path, place: str, row: list[str]) -> TvSite:
    if len(row) != len(COLUMNS):
        raise FileError(file, place, f"{len(row)} columns instead of {len(COLUMNS)}")
    line = _Row(file, place, dict(zip(COLUMNS, map(str.strip, row), strict=True)))
    site = TvSite(
        name=line.name(),
        at=Point(lat_deg=line.degrees("lat_deg", 90.0), lon_deg=line.degrees("lon_deg", 180.0)),
        channel=line.channel(),
        erp_kw=line.erp_kw(),
        valid_from=line.day("valid_from"),
        valid_to=line.day("valid_to"),
    )
    if site.valid_from and site.valid_to and site.valid_to < site.valid_from:
        raise line.wrong("valid_to", "is before valid_from")
    return site


def _number(text: str) -> float | None:
    """A finite number as a person writes it, or None."""
    try:
        value = float(text) if len(text) <= _MAX_DIGITS and "_" not in text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
