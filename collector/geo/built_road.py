"""A road built from what our probes drove: their positions in the lake, passes, centre line."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import ibis
import numpy as np
import pyarrow as pa
import shapely

from collector.geo.as_stored import rounded
from collector.geo.centre_line import CentreLine, CentreLineError, Part, build
from collector.geo.finding import Finding
from collector.geo.geojson import Feature
from collector.geo.roads import RoadProperties
from collector.geo.traces import Place, Trace, drives, passes, usable
from collector.store import columns

MOST_PASSES = 30
"""The latest; more make a line no better, and old ones may be of an old road."""
WANTED_PASSES = 3
LOST_SHARE = 0.03
LOST_M = 60.0
"""A part of a line that is by more shorter than what was driven there has lost a bend."""
NOISE_SHARE = 0.01
NOISE_M = 20.0
"""A whole line and the drives behind it may differ by so much in length."""
OTHER_WAY_SHARE = 0.1
"""A pass that is so much longer or shorter than the line went another way, or has holes."""

_AROUND_DEG = 0.1
"""How far a road may swing out beside its end points, at least: some ten kilometres."""
_DAY = timedelta(days=1)
_US_PER_S = 1e6


class Asked(NamedTuple):
    """Which drives a line is built from."""

    probes: tuple[str, ...] = ()
    """Empty is any."""
    from_utc: datetime | None = None
    to_utc: datetime | None = None
    start: Place | None = None
    """End points of the road, both or none: without them those of the longest drive."""
    end: Place | None = None


class Built(NamedTuple):
    """A line and what it was built from."""

    line: CentreLine
    drives: tuple[str, ...]
    """Probe and begin of each pass, the latest last."""

    def feature(self, road: str) -> Feature[RoadProperties]:
        """As a road of a layer."""
        vertices = shapely.LineString(np.column_stack([self.line.lon_deg, self.line.lat_deg]))
        spread = [None if np.isnan(one) else round(one, 1) for one in self.line.spread_m.tolist()]
        properties = RoadProperties(
            road=road, passes=tuple(self.line.passes.tolist()), spread_m=tuple(spread)
        )
        return Feature(properties, rounded(vertices), 0)

    def findings(self) -> Iterator[Finding]:
        """What a person should know before believing it."""
        if self.line.traces < WANTED_PASSES:
            text = f"built from {self.line.traces} passes: {WANTED_PASSES} find a receiver's error"
            yield Finding(None, text)
        for most, what in ((0, "no pass: it is drawn smoothly there"), (1, "a single pass")):
            share = self.line.share(most, most)
            if share > 0:
                yield Finding(None, f"{share:.1%} of the length has {what}")
        yield from self._lengths()

    def _lengths(self) -> Iterator[Finding]:
        """Whether the line is as long as what was driven: a road must not lose a bend."""
        lost = [
            one for one in self.line.parts if _shorter_m(one) > LOST_M + LOST_SHARE * one.line_m
        ]
        # The narrowest part tells where.
        for one in sorted(lost, key=lambda part: part.to_m - part.from_m)[:1]:
            what = (
                f"{_lengths_said(one)}: a part of the road is missing; check --start and --end, and"
                " leave out drives that turned back or went another way (--probe, --from, --to)"
            )
            yield Finding(None, what, fatal=len(one.driven_m) > 1)
        whole = self.line.parts[0]
        other = sum(
            abs(one - whole.line_m) > LOST_M + OTHER_WAY_SHARE * whole.line_m
            for one in whole.driven_m
        )
        if not lost and _shorter_m(whole) > NOISE_M + NOISE_SHARE * whole.line_m:
            what = "bends may be cut short, and gaps then look shorter than they are"
            yield Finding(None, f"{_lengths_said(whole)}: {what}")
        elif not lost and other:
            what = f"{other} of the passes went another way, turned back or had holes"
            yield Finding(None, f"{_lengths_said(whole)}: {what}")

    def notes(self) -> tuple[str, ...]:
        """Where it came from, for the library."""
        known = self.line.spread_m[np.isfinite(self.line.spread_m)]
        spread = f"{np.median(known):.1f} m" if len(known) else "not known"
        made = f"built from {self.line.traces} passes; median spread {spread}"
        return (made, *(f"pass of {name}" for name in self.drives))


def built_road(tables: Any, asked: Asked) -> Built:
    """The centre line of the drives that were asked for; `tables` as `engine.connect` has them.

    Raises `CentreLineError` where there are none.
    """
    found = [drive for trace in _traces(tables, asked) for drive in drives(trace)]
    start, end = asked.start, asked.end
    if start is None or end is None:
        start, end = _ends(found)
    driven = [one for drive in found for one in passes(drive, start, end)]
    driven.sort(key=lambda one: min(one.time_s[0], one.time_s[-1]))
    driven = driven[-MOST_PASSES:]
    if not driven:
        what = f"{len(found)} drives, none of them from {_said(start)} to {_said(end)} or back"
        raise CentreLineError(f"{what}: are the end points on the road?")
    return Built(build(driven, start, end), tuple(_name(one) for one in driven))


def _traces(tables: Any, asked: Asked) -> Iterator[Trace]:
    """The fixes of each probe in order of time."""
    table = tables.position
    lat, lon = table.position_lat_deg, table.position_lon_deg
    kept = [table.position_source == "gnss", table.utc.notnull(), lat.notnull(), lon.notnull()]
    if asked.probes:
        kept.append(table.probe.isin(asked.probes))
    # The days first: they are partitions, and the right time of a row is worked out only after.
    undated = table[columns.DATE] == columns.UNDATED
    if asked.from_utc is not None:
        kept.append(table.utc >= ibis.literal(asked.from_utc))
        kept.append(undated | (table[columns.DATE] >= (asked.from_utc - _DAY).date().isoformat()))
    if asked.to_utc is not None:
        kept.append(table.utc < ibis.literal(asked.to_utc))
        kept.append(undated | (table[columns.DATE] <= (asked.to_utc + _DAY).date().isoformat()))
    if asked.start is not None and asked.end is not None:
        south, west, north, east = _box(asked.start, asked.end)
        kept += [lat.between(south, north), lon.between(west, east)]
    error_m = table.position_horizontal_error_m
    fixes = table.filter(*kept).select("probe", "utc", lat=lat, lon=lon, error_m=error_m)
    rows = tables.read(fixes.order_by("probe", "utc"))
    probes = np.array(rows["probe"].to_pylist(), dtype=object)
    time_us = rows["utc"].cast(pa.int64())
    arrays = [
        rows["lat"].to_numpy(),
        rows["lon"].to_numpy(),
        time_us.to_numpy() / _US_PER_S,
        rows["error_m"].to_numpy(),
    ]
    for probe in dict.fromkeys(probes.tolist()):
        own = probes == probe
        lat_deg, lon_deg, time_s, error_m = (one[own] for one in arrays)
        yield Trace(lat_deg, lon_deg, time_s, error_m, probe)


def _box(start: Place, end: Place) -> tuple[float, float, float, float]:
    """South, west, north and east of where the road may lead."""
    (south, north), (west, east) = (sorted(pair) for pair in zip(start, end, strict=True))
    around = max((north - south) / 2, (east - west) / 2, _AROUND_DEG)
    return south - around, west - around, north + around, east + around


def _ends(found: Sequence[Trace]) -> tuple[Place, Place]:
    """Where the longest drive began and ended."""
    moved = [drive for drive in (usable(one) for one in found) if len(drive.lat_deg) > 1]
    if not moved:
        raise CentreLineError("no drive was found: are probe and time right?")
    longest = max(moved, key=lambda drive: len(drive.lat_deg))
    first, last = (
        (float(longest.lat_deg[index]), float(longest.lon_deg[index])) for index in (0, -1)
    )
    return first, last


def _shorter_m(part: Part) -> float:
    """By how much a part is shorter than most of what was driven there."""
    driven_m = sorted(part.driven_m)
    # Of an even number the shorter: one of two passes may have turned back.
    return driven_m[(len(driven_m) - 1) // 2] - part.line_m if driven_m else 0.0


def _lengths_said(part: Part) -> str:
    low, high = (f"{one:,.0f}" for one in (min(part.driven_m), max(part.driven_m)))
    driven = low if low == high else f"{low} to {high}"
    return (
        f"from {part.from_m:,.0f} to {part.to_m:,.0f} m the line is {part.line_m:,.0f} m long, and"
        f" {len(part.driven_m)} passes drove {driven} m (small bends left out of both)"
    )


def _name(drive: Trace) -> str:
    begun = datetime.fromtimestamp(float(min(drive.time_s[0], drive.time_s[-1])), UTC)
    way = "there" if drive.time_s[0] <= drive.time_s[-1] else "back"
    return f"{drive.name}, {begun:%Y-%m-%d %H:%M} UTC, {way}"


def _said(place: Place) -> str:
    return f"{place[0]:.5f},{place[1]:.5f}"
