"""The looks and data checks on roads, each in its place: what a road's verdict is made of."""

import math
from collections import Counter
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from collector.kpi import Extract, Ground, Period, Source
from collector.kpi._arrays import Codes, Flags, Floats, Ints, flags, floats, micros, with_reason
from collector.kpi._attempts import Exclusions, settings
from collector.kpi._coverage import CHECK_COLUMNS, LOOK_COLUMNS, MODEM, checks, looks
from collector.kpi._data_checks import Reach
from collector.kpi._held import spread
from collector.kpi._judged import Judged, judged, together
from collector.kpi._levels import LevelRule
from collector.kpi._passes import Driven, cut, driven

_PLACE_COLUMNS = (
    "h3_8",
    "position_course_deg",
    "position_speed_m_s",
    "road",
    "chainage_m",
    "road_offset_m",
)
_KEEP = (
    "road",
    "chainage_m",
    "road_offset_m",
    "position_course_deg",
    "position_speed_m_s",
)
_LEVEL_PLACE_M = 100.0
"""Levels of modems are compared in stretches of this length."""
_MAX_CHAINAGE_M = 1e7


class Limits(Protocol):
    """What the target's parameters say of single rows."""

    @property
    def min_rsrp_dbm(self) -> float:
        """Usable."""

    @property
    def available_rsrp_dbm(self) -> float:
        """Available in the sense of the QCVN."""

    @property
    def max_position_error_m(self) -> float:
        """At 95 %."""

    @property
    def max_offset_m(self) -> float:
        """From the centre line."""


class OnRoads(NamedTuple):
    """All rows on all roads, judged, and the passes they make."""

    judged: Judged
    error_m: Floats
    driven: dict[tuple[str, str], Driven]
    """By road and operator; `row` points into the judged rows."""
    served: frozenset[int]
    """Modems that had service, or at least a level that is available, somewhere on a road."""
    of: dict[tuple[str, str | None], Ints]
    """The rows of each road and operator, those left out included."""

    @property
    def rows(self) -> pa.Table:
        """See `collector.kpi.Measured.rows`."""
        return self.judged.rows

    def excluded(self, index: Ints) -> dict[str, int]:
        """Of these rows: how many were left out for which reason."""
        reasons = self.rows["reason"].take(pa.array(index))
        counted = Counter(
            {one["values"]: one["counts"] for one in pc.value_counts(reasons).to_pylist()}
        )
        return {reason: counted[reason] for reason in sorted(filter(None, counted))}

    def excluded_in_all(self) -> dict[str, int]:
        """Of all rows: how many were left out for which reason."""
        return self.excluded(np.arange(len(self.rows)))


def extracts(name: str, *, ground: Ground, parameters: Limits) -> tuple[Extract, Extract]:
    """Looks at the radio, and data checks, that may lie on a road."""
    depends: dict[str, Any] = {
        **settings(ground, parameters),
        "roads": [(one.code, one.line_sha256) for one in ground.roads],
    }
    finish = partial(_on_roads, ground=ground, parameters=parameters)
    return (
        Extract(
            name=name,
            kind="radio",
            build=partial(_looks, ground=ground, parameters=parameters),
            finish=finish,
            settings=depends,
        ),
        Extract(
            name=f"{name}_checks",
            kind="latency",
            build=partial(_checks, ground=ground, parameters=parameters),
            finish=finish,
            settings=depends,
        ),
    )


def read(
    source: Source,
    extracts_: tuple[Extract, Extract],
    *,
    period: Period,
    level_rule: LevelRule,
    reach: Reach,
) -> OnRoads:
    """The rows of the period, cut into passes; a modem that never moved `standing` has none."""
    rows = together(*(source.rows(one, period) for one in extracts_))
    chainage_m = np.nan_to_num(floats(rows["chainage_m"]), posinf=0.0, neginf=0.0)
    rows, chainage_m = _spread(rows, np.clip(chainage_m, 0.0, _MAX_CHAINAGE_M))
    roads, groups = Codes(rows, "road"), Codes(rows, "road", "operator")
    stretch = np.floor(chainage_m / _LEVEL_PLACE_M).astype(np.int64)
    found = judged(
        rows,
        place=roads.of_row * (int(_MAX_CHAINAGE_M / _LEVEL_PLACE_M) + 1) + stretch,
        track=roads.of_row,
        along_m=chainage_m,
        rule=level_rule,
        reach=reach,
    )
    moving = np.flatnonzero((found.counts | found.doubtful) & found.is_look)
    legs = cut(
        modem=Codes(rows, "road", "operator", *MODEM).of_row[moving],
        at_us=found.at_us[moving],
        chainage_m=chainage_m[moving],
    )
    still = np.zeros(len(rows), np.bool_)
    still[moving[legs.of_look < 0]] = True
    found = found._replace(
        rows=with_reason(found.rows, "standing", still), counts=found.counts & ~still
    )
    drove = legs.of_look >= 0
    return OnRoads(
        judged=found,
        error_m=floats(rows["error_m"]),
        driven=_driven(
            row=moving[drove],
            leg=legs.of_look[drove],
            upwards=legs.upwards,
            groups=groups,
            at_us=found.at_us,
            chainage_m=chainage_m,
        ),
        served=frozenset(
            np.unique(
                found.modem[found.is_look & found.counts & (found.covered | found.available)]
            ).tolist()
        ),
        of=_by_label(groups),
    )


def _spread(rows: pa.Table, chainage_m: Floats) -> tuple[pa.Table, Floats]:
    """With each row where it was when its position had not been repeated; see `spread`.

    A car that leaves the road tells by its rows beside it how far it had gone.
    """
    reason = rows["reason"]
    placed = pc.or_kleene(pc.is_null(reason), pc.equal(reason, "off_road"))
    found = spread(
        track=Codes(rows, "road", *MODEM).of_row,
        at_us=micros(rows["utc"]),
        chainage_m=chainage_m,
        offset_m=floats(rows["offset_m"]),
        speed_m_s=floats(rows["speed_m_s"]),
        use=flags(placed) & np.isfinite(floats(rows["chainage_m"])),
    )
    index = rows.column_names.index("chainage_m")
    known = pa.array(found.chainage_m, mask=np.isnan(floats(rows["chainage_m"])))
    rows = rows.set_column(index, "chainage_m", known)
    return with_reason(rows, "position_held", found.lost), found.chainage_m


def _driven(
    *, row: Ints, leg: Ints, upwards: Flags, groups: Codes, at_us: Ints, chainage_m: Floats
) -> dict[tuple[str, str], Driven]:
    group = groups.of_row[row]
    order = np.argsort(group, kind="stable")
    row, leg, group = row[order], leg[order], group[order]
    made = {}
    for number, begin in zip(*np.unique(group, return_index=True), strict=True):
        own = slice(begin, np.searchsorted(group, number, side="right"))
        made[groups.labels[number]] = driven(
            row=row[own],
            leg=leg[own],
            chainage_m=chainage_m[row[own]],
            at_us=at_us[row[own]],
            upwards=upwards,
        )
    return made


def _by_label(groups: Codes) -> dict[tuple[str, str | None], Ints]:
    order = np.argsort(groups.of_row, kind="stable").astype(np.int64)
    ordered, numbers = groups.of_row[order], np.arange(len(groups.labels))
    begins = np.searchsorted(ordered, numbers, side="left")
    ends = np.searchsorted(ordered, numbers, side="right")
    return {
        label: order[begin:end]
        for label, begin, end in zip(groups.labels, begins, ends, strict=True)
    }


def _looks(table: ir.Table, *, ground: Ground, parameters: Limits) -> ir.Table:
    rows = _near_roads(table.select(*LOOK_COLUMNS, *_PLACE_COLUMNS), ground)
    return looks(
        rows,
        ground=ground,
        min_rsrp_dbm=parameters.min_rsrp_dbm,
        available_rsrp_dbm=parameters.available_rsrp_dbm,
        max_position_error_m=parameters.max_position_error_m,
        keep=_KEEP,
        further=_fixed(rows),
    )


def _checks(table: ir.Table, *, ground: Ground, parameters: Limits) -> ir.Table:
    rows = _near_roads(table.select(*CHECK_COLUMNS, *_PLACE_COLUMNS), ground)
    return checks(
        rows,
        ground=ground,
        max_position_error_m=parameters.max_position_error_m,
        keep=_KEEP,
        further=_fixed(rows),
    )


def _near_roads(rows: ir.Table, ground: Ground) -> ir.Table:
    if ground.layers is None:
        return rows.filter(rows.road.isin([road.code for road in ground.roads]))
    return rows.filter(rows.h3_8.isin(ground.layers.road_cells()))


def _fixed(rows: ir.Table) -> Exclusions:
    return ((rows.position_source == "surveyed", "not_driving"),)


def _on_roads(rows: pa.Table, *, ground: Ground, parameters: Limits) -> pa.Table:
    """With the place on the road; rows beside every road are none of ours."""
    rows = rows.rename_columns(
        {
            "road_offset_m": "offset_m",
            "position_course_deg": "course_deg",
            "position_speed_m_s": "speed_m_s",
        }
    )
    if ground.layers is not None:
        found = ground.layers.roads(rows)
        for name in found.column_names:
            rows = rows.set_column(rows.column_names.index(name), name, found[name])
        rows = rows.filter(pc.is_valid(rows["road"]))
    offset_m = pc.fill_null(rows["offset_m"], math.inf)
    off_road = pc.or_(pc.is_null(rows["chainage_m"]), pc.greater(offset_m, parameters.max_offset_m))
    none = pa.scalar(None, pa.string())
    reason = pc.coalesce(rows["before"], pc.if_else(off_road, "off_road", none), rows["after"])
    return rows.drop_columns(["before", "after"]).append_column("reason", reason)
