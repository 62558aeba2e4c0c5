"""Which tests count, and in which statistical block (shared by the KPIs made of tests).

Every row of the period either counts or is left out for exactly one reason, the first that
applies. Rows of one block - operator, serving cell, 100 m of ground, clock hour - are not
independent of each other; blocks are taken to be.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import ibis
from ibis.expr import types as ir

from collector.kpi import Ground, Period

HOME_MCC = "452"
BLOCK_M = 100.0
_METRES_PER_DEGREE = 111_320.0
_ROWS_PER_DEGREE = _METRES_PER_DEGREE / BLOCK_M
_LOCAL_OFFSET = timedelta(hours=7)
_LOCAL_OFFSET_H = 7
_LEVELS = ("commune", "district", "province")
_BLOCK = ("plmn", "cell_id", "grid_row", "grid_column", "hour")
_UNDATED = "undated"
_MAX_BITS_PER_S = 1e11
"""No radio carries more; whatever says so was not measured."""

Exclusions = Sequence[tuple[ir.BooleanValue, str]]


class Place(NamedTuple):
    """One square of the 100 m grid."""

    row: int
    column: int

    @property
    def north_m(self) -> float:
        """Distance from the equator."""
        return self.row * BLOCK_M

    @property
    def east_m(self) -> float:
        """Distance from Greenwich along the parallel: good for comparing neighbours."""
        return self.column * BLOCK_M


class Block(NamedTuple):
    """Tests that are not independent of each other."""

    areas: dict[str, str | None]
    """Code by level."""
    operator: str
    place: Place
    hour: int
    """Clock hours since 1970, UTC."""
    rates_mbit_s: tuple[float, ...]
    """Of the tests that finished."""
    failures: int
    smooth: int
    """Tests that finished and also met the KPI's second condition, e.g. no stall."""
    judged: int
    """Tests that could meet it, whatever came of them: nothing is played in a paced one."""

    @property
    def attempts(self) -> int:
        """Tests of the block, whatever came of them."""
        return len(self.rates_mbit_s) + self.failures

    @property
    def unit(self) -> tuple[str, Place, int]:
        """What makes one value of a mean or one trial of a share, whatever the cells."""
        return self.operator, self.place, self.hour

    @property
    def hour_of_day(self) -> int:
        """Hour of the Vietnamese day the block began in."""
        return (self.hour + _LOCAL_OFFSET_H) % 24


class Left(NamedTuple):
    """Rows left out for one reason in one place."""

    areas: dict[str, str | None]
    operator: str | None
    reason: str
    rows: int


class Attempts(NamedTuple):
    """What one query over the tests of a period gives."""

    blocks: tuple[Block, ...]
    left: tuple[Left, ...]
    queries: dict[str, str]


COLUMNS = (
    "outcome",
    "utc",
    "profile",
    "sim_home_plmn",
    "rat_lock_narrowed_to",
    "position_source",
    "position_lat_deg",
    "position_lon_deg",
    "position_horizontal_error_m",
)
"""What every KPI reads of a record."""
TEST_COLUMNS = (
    *COLUMNS,
    *_LEVELS,
    "boundary_set",
    "bits_per_second",
    "cut_off",
    "radio_plmn",
    "radio_cell_id",
)
"""What every KPI made of tests reads."""


def within(table: ir.Table, period: Period, columns: Sequence[str]) -> ir.Table:
    """These columns of the rows of the period.

    Rows whose time is still unknown go by when they were received.
    """
    first = (period.start_utc + _LOCAL_OFFSET).date().isoformat()
    last = (period.end_utc + _LOCAL_OFFSET).date().isoformat()
    moment = ibis.coalesce(table.utc, table.received_utc)
    return table.filter(
        (table.date == _UNDATED) | table.date.between(first, last),
        moment >= ibis.literal(period.start_utc),
        moment < ibis.literal(period.end_utc),
    ).select(*columns)


def with_operator(table: ir.Table, registered: ir.StringValue, ground: Ground) -> ir.Table:
    """With the column `operator`: who served the row, or by its SIM should have."""
    plmn = ibis.coalesce(registered, table.sim_home_plmn)
    names = [(plmn == code, one.name) for one in ground.operators for code in one.plmns]
    operator = ibis.cases(*names, else_=None) if names else ibis.null("string")
    return table.mutate(operator=operator)


def position_exclusions(table: ir.Table, *, max_error_m: float) -> Exclusions:
    """No position, or one not known to be good enough; surveyed places always are."""
    error = table.position_horizontal_error_m
    return (
        (table.position_lat_deg.isnull() | table.position_lon_deg.isnull(), "no_position"),
        (
            (table.position_source != "surveyed") & (error.isnull() | (error > max_error_m)),
            "position_error",
        ),
    )


def probe_exclusions(table: ir.Table) -> Exclusions:
    """What the probe, not the network, is to blame for."""
    return (
        (table.outcome == "invalid", "invalid"),
        (table.outcome == "skipped", "skipped"),
        (table.outcome == "modem_gone", "modem_gone"),
        (table.utc.isnull(), "time_unknown"),
    )


def operator_exclusions(table: ir.Table, registered: ir.StringValue) -> Exclusions:
    """Not on the SIM's own network, or on none that the configuration names."""
    return (
        (registered.isnull() & table.sim_home_plmn.isnull(), "operator_unknown"),
        (~registered.startswith(HOME_MCC), "foreign_network"),
        (registered != table.sim_home_plmn, "roaming"),
        (table.operator.isnull(), "other_operator"),
    )


def area_exclusions(table: ir.Table, ground: Ground) -> Exclusions:
    """Outside of the areas that are judged, or located by other boundaries than these."""
    outside = (table.commune.isnull(), "outside_areas")
    if ground.boundary_set is None:
        return (outside,)
    return (outside, (table.boundary_set != ground.boundary_set, "other_boundary_set"))


def read(
    table: ir.Table,
    *,
    ground: Ground,
    profiles: Sequence[str],
    max_position_error_m: float,
    further: Exclusions,
    smooth: ir.BooleanValue,
    failed: ir.BooleanValue,
) -> Attempts:
    """Blocks and the rows left out, by one query.

    `table` comes from `within` and `with_operator`; `further` are the KPI's own exclusions, after
    those that hold for all.
    """
    exclusions = (
        *probe_exclusions(table),
        (table.rat_lock_narrowed_to.notnull(), "narrowed"),
        (~table.profile.isin(list(profiles)) | table.profile.isnull(), "other_profile"),
        *operator_exclusions(table, table.radio_plmn),
        *position_exclusions(table, max_error_m=max_position_error_m),
        *area_exclusions(table, ground),
        *further,
        (~failed & table.bits_per_second.isnull(), "no_result"),
        (~failed & ~table.bits_per_second.between(0, _MAX_BITS_PER_S), "impossible_result"),
    )
    row = (table.position_lat_deg * _ROWS_PER_DEGREE).floor()
    parallel = ((row + 0.5) / _ROWS_PER_DEGREE).radians().cos()
    column = (table.position_lon_deg * parallel * _ROWS_PER_DEGREE).floor()
    reasoned = table.mutate(
        reason=ibis.cases(*exclusions, else_=None), failed=ibis.coalesce(failed, False)
    )
    counts = reasoned.reason.isnull()
    marked = reasoned.select(
        *_LEVELS,
        "operator",
        "reason",
        "failed",
        rate_mbit_s=reasoned.bits_per_second / 1e6,
        smooth=smooth,
        plmn=ibis.cases((counts, reasoned.radio_plmn)),
        cell_id=ibis.cases((counts, reasoned.radio_cell_id)),
        grid_row=ibis.cases((counts, row.cast("int64"))),
        grid_column=ibis.cases((counts, column.cast("int64"))),
        hour=ibis.cases((counts, (reasoned.utc.epoch_seconds() // 3600).cast("int64"))),
    )
    # Rows left out have no place and no hour here: they fall together by reason.
    found = marked.group_by(*_LEVELS, "operator", "reason", *_BLOCK).aggregate(
        rates=marked.rate_mbit_s.collect(where=~marked.failed),
        failures=marked.failed.sum(),
        smooth=(ibis.coalesce(marked.smooth, False) & ~marked.failed).sum(),
        judged=marked.smooth.notnull().sum(),
        rows=marked.count(),
    )
    groups = found.to_pyarrow().to_pylist()
    return Attempts(
        blocks=tuple(_block(group) for group in groups if group["reason"] is None),
        left=tuple(
            Left(_areas(group), group["operator"], group["reason"], group["rows"])
            for group in groups
            if group["reason"] is not None
        ),
        queries={"blocks": str(ibis.to_sql(found))},
    )


def left_in(
    left: Iterable[Left],
    *,
    level: str | None = None,
    code: str | None = None,
    operator: str | None = None,
) -> dict[str, int]:
    """Rows left out by reason: in an area, of an operator, or all of them."""
    rows: Counter[str] = Counter()
    for one in left:
        if level is not None and one.areas[level] != code:
            continue
        if operator is None or one.operator == operator:
            rows[one.reason] += one.rows
    return dict(sorted(rows.items()))


def _areas(found: Mapping[str, str | None]) -> dict[str, str | None]:
    return {level: found[level] for level in _LEVELS}


def _block(found: Mapping[str, object]) -> Block:
    return Block(
        areas={level: found[level] for level in _LEVELS},  # type: ignore[misc]
        operator=str(found["operator"]),
        place=Place(found["grid_row"], found["grid_column"]),  # type: ignore[arg-type]
        hour=found["hour"],  # type: ignore[arg-type]
        rates_mbit_s=tuple(found["rates"] or ()),  # type: ignore[arg-type]
        failures=found["failures"],  # type: ignore[arg-type]
        smooth=found["smooth"],  # type: ignore[arg-type]
        judged=found["judged"],  # type: ignore[arg-type]
    )
