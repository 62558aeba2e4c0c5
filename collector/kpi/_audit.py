"""Whether the squares of a random sample have the 5G that their operator declares.

A square is **confirmed** by drive-test rows inside it (or within `reach_m` of it): enough seconds
with an NR level, and a data check that ran on 5G. It is **refuted** where a modem was held on 5G
for as long and the square is not confirmed, if the same modem has heard this operator's NR in
another square: one that lacks the operator's band hears nothing anywhere, and proves nothing. Any
other square is **open**: nobody was there, or what was seen decides nothing. A modem that idles on
LTE says nothing of 5G, which non-stand-alone networks only show when there is traffic.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from collector.kpi import KEY, Extract, Ground, Period, Source
from collector.kpi._attempts import (
    COLUMNS,
    Exclusions,
    operator_exclusions,
    position_exclusions,
    probe_exclusions,
    with_operator,
)

METRES_PER_DEGREE = 111_320.0
TILE_DEG = 0.01
"""Rows are looked for by tiles of this size, row by row and the same on every engine."""
_TILES_PER_DEGREE = 100
_TILE_ROW = 100_000
_LOCKS_ON_5G = ("5g", "5g-nsa", "5g-sa")
_LOCKS_OFF_5G = ("2g", "3g", "4g")
_MODEM = ("modem_imei", "modem_usb_path")
_RADIO = (
    *_MODEM,
    "registration",
    "plmn",
    "serving_rat",
    "serving_rsrp_dbm",
    "nr_rsrp_dbm",
    "rat_lock_asked",
)
_CHECK = (*_MODEM, "data_ok", "radio_plmn", "radio_rat_class", "rat_lock_asked")


class Rule(NamedTuple):
    """When a square is confirmed."""

    min_rsrp_dbm: float
    reach_m: float
    min_samples: int
    min_data_checks: int
    min_data_share: float
    max_position_error_m: float


class Square(NamedTuple):
    """One drawn square."""

    key: tuple[str, str, int]
    operator: str
    lat_deg: float
    lon_deg: float
    side_m: float
    hits: int


class Seen(NamedTuple):
    """Squares with what became of them, and the rows that say it."""

    states: Mapping[tuple[str, str, int], str]
    """`confirmed`, `refuted` or `open`, by the key of the square."""
    rows: pa.Table


def look(
    source: Source, squares: Sequence[Square], *, ground: Ground, period: Period, rule: Rule
) -> Seen:
    """What drive tests of the period say of the squares; nothing is read where there is none."""
    if not squares:
        return Seen({}, pa.table({}))
    tiles = sorted({tile for square in squares for tile in _tiles(square, rule.reach_m)})
    found = {
        what: _in_squares(source.rows(extract, period), squares, rule.reach_m)
        for what, extract in _extracts(ground, rule, tiles).items()
    }
    return Seen(_states(found["radio"], found["check"], squares, rule), _together(found))


def _extracts(ground: Ground, rule: Rule, tiles: Sequence[int]) -> dict[str, Extract]:
    settings = {"operators": ground.operators, "rule": rule._asdict(), "tiles": tiles}
    radio = partial(_radio, ground=ground, rule=rule, tiles=tiles)
    checks = partial(_checks, ground=ground, rule=rule, tiles=tiles)
    return {
        "radio": Extract("audit_radio", "radio", radio, settings),
        "check": Extract("audit_check", "latency", checks, settings),
    }


def _radio(table: ir.Table, *, ground: Ground, rule: Rule, tiles: Sequence[int]) -> ir.Table:
    rows = _near(table.select(*COLUMNS, *_RADIO), tiles)
    registered = ibis.coalesce(
        rows.plmn, ibis.cases((rows.registration == "home", rows.sim_home_plmn))
    )
    rows = with_operator(rows, registered, ground)
    level_dbm = ibis.cases(
        (rows.serving_rat == "nr", rows.serving_rsrp_dbm), else_=rows.nr_rsrp_dbm
    )
    answered = rows.outcome.isin(["ok", "slow"])
    heard = ibis.coalesce(answered & (level_dbm >= rule.min_rsrp_dbm), False)
    return _told(
        rows,
        _exclusions(rows, registered, rule),
        level_dbm=level_dbm,
        heard=heard,
        good=ibis.literal(False),
    )


def _checks(table: ir.Table, *, ground: Ground, rule: Rule, tiles: Sequence[int]) -> ir.Table:
    rows = _near(table.select(*COLUMNS, *_CHECK), tiles)
    rows = with_operator(rows, rows.radio_plmn, ground)
    on_5g = ibis.coalesce(rows.radio_rat_class == "5g", False)
    held = ibis.coalesce(rows.rat_lock_asked.isin(list(_LOCKS_ON_5G)), False)
    good = on_5g & rows.outcome.isin(["ok", "slow"]) & ibis.coalesce(rows.data_ok, False)
    exclusions = (
        *_exclusions(rows, rows.radio_plmn, rule),
        (~on_5g & ~held, "other_technology"),
    )
    return _told(
        rows,
        exclusions,
        level_dbm=ibis.null("float64"),
        heard=ibis.literal(False),
        good=good,
    )


def _exclusions(rows: ir.Table, registered: ir.StringValue, rule: Rule) -> Exclusions:
    return (
        *probe_exclusions(rows),
        *operator_exclusions(rows, registered),
        *position_exclusions(rows, max_error_m=rule.max_position_error_m),
        (rows.rat_lock_asked.isin(list(_LOCKS_OFF_5G)), "locked"),
        (rows.rat_lock_narrowed_to.notnull(), "narrowed"),
    )


def _told(rows: ir.Table, exclusions: Exclusions, **said: ir.Value) -> ir.Table:
    held = ibis.coalesce(rows.rat_lock_asked.isin(list(_LOCKS_ON_5G)), False)
    return rows.select(
        *KEY,
        "date",
        "utc",
        "received_utc",
        "operator",
        modem=ibis.coalesce(rows.modem_imei, rows.probe + " " + rows.modem_usb_path),
        lat_deg=rows.position_lat_deg,
        lon_deg=rows.position_lon_deg,
        held=held,
        reason=ibis.cases(*exclusions, else_=None),
        **said,
    )


def _near(rows: ir.Table, tiles: Sequence[int]) -> ir.Table:
    row = (rows.position_lat_deg * _TILES_PER_DEGREE).floor().cast("int64")
    column = (rows.position_lon_deg * _TILES_PER_DEGREE).floor().cast("int64")
    return rows.filter((row * _TILE_ROW + column).isin(list(tiles)))


def _tiles(square: Square, reach_m: float) -> set[int]:
    """Tiles that a square with its reach touches."""
    north_deg, east_deg = _half_deg(square, reach_m)
    rows, columns = (
        range(
            math.floor((middle - half) * _TILES_PER_DEGREE),
            math.floor((middle + half) * _TILES_PER_DEGREE) + 1,
        )
        for middle, half in ((square.lat_deg, north_deg), (square.lon_deg, east_deg))
    )
    return {row * _TILE_ROW + column for row in rows for column in columns}


def _half_deg(square: Square, reach_m: float) -> tuple[float, float]:
    """Half the side of a square with its reach, in degrees north and east."""
    half_m = square.side_m / 2 + reach_m
    north_deg = half_m / METRES_PER_DEGREE
    return north_deg, north_deg / math.cos(math.radians(square.lat_deg))


def _in_squares(rows: pa.Table, squares: Sequence[Square], reach_m: float) -> pa.Table:
    """Rows of a square of their own operator with its place in `squares`; others are left away.

    A row belongs to the square that it lies in. One beside all of them belongs to the one within
    whose reach it lies, of two squares to the one drawn first.
    """
    square = np.full(len(rows), -1)
    lat, lon = rows["lat_deg"].to_numpy(), rows["lon_deg"].to_numpy()
    operators = np.array(rows["operator"].to_pylist(), dtype=object)
    for beyond_m in (reach_m, 0.0):
        for place, one in reversed(list(enumerate(squares))):
            north_deg, east_deg = _half_deg(one, beyond_m)
            inside = np.abs(lat - one.lat_deg) <= north_deg
            inside &= np.abs(lon - one.lon_deg) <= east_deg
            square[inside & (operators == one.operator)] = place
    there = rows.append_column("square", pa.array(square, pa.int64()))
    return there.filter(pc.greater_equal(there["square"], 0))


class _Look(NamedTuple):
    """What one modem saw in one square."""

    heard: int = 0
    held: int = 0
    checks: int = 0
    good: int = 0


def _states(
    radio: pa.Table, checks: pa.Table, squares: Sequence[Square], rule: Rule
) -> dict[tuple[str, str, int], str]:
    looks = _looks(radio, checks)
    hearing: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for (place, modem), one in looks.items():
        if modem is not None and one.heard:
            hearing[squares[place].operator, modem].add(place)
    states = {}
    for place, square in enumerate(squares):
        here = {modem: one for (where, modem), one in looks.items() if where == place}
        if _confirmed(list(here.values()), rule):
            states[square.key] = "confirmed"
            continue
        refuting = any(
            one.held >= rule.min_samples and hearing[square.operator, modem] - {place}
            for modem, one in here.items()
            if modem is not None
        )
        states[square.key] = "refuted" if refuting else "open"
    return states


def _confirmed(looks: Sequence[_Look], rule: Rule) -> bool:
    heard = sum(one.heard for one in looks)
    checks = sum(one.checks for one in looks)
    good = sum(one.good for one in looks)
    return (
        heard >= rule.min_samples
        and good >= rule.min_data_checks
        and good >= rule.min_data_share * checks
    )


def _looks(radio: pa.Table, checks: pa.Table) -> dict[tuple[int, str | None], _Look]:
    """By square and modem."""
    found: defaultdict[tuple[int, str | None], _Look] = defaultdict(_Look)
    for place, modem, heard, held in _counting(radio, "heard", "held"):
        one = found[place, modem]
        found[place, modem] = one._replace(heard=one.heard + heard, held=one.held + held)
    for place, modem, good, _ in _counting(checks, "good", "held"):
        one = found[place, modem]
        found[place, modem] = one._replace(checks=one.checks + 1, good=one.good + good)
    return dict(found)


def _counting(rows: pa.Table, *names: str) -> list[tuple[int, str | None, bool, bool]]:
    counting = rows.filter(pc.is_null(rows["reason"]))
    columns = (counting[name].to_pylist() for name in ("square", "modem", *names))
    return list(zip(*columns, strict=True))


def _together(found: Mapping[str, pa.Table]) -> pa.Table:
    return pa.concat_tables(
        [
            rows.append_column("what", pa.repeat(pa.scalar(what, pa.string()), len(rows)))
            for what, rows in found.items()
        ]
    )
