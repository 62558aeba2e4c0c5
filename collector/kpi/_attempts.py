"""Which tests count, and in which statistical block (shared by the KPIs made of tests).

Every row of the period either counts or is left out for exactly one reason, the first that
applies. Rows of one block - operator, serving cell, 100 m of ground, clock hour - are not
independent of each other; blocks are taken to be.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from collector.geo.geojson import MAX_LATITUDE_DEG, MAX_LONGITUDE_DEG
from collector.kpi import KEY, Extract, Ground, Period, Source

HOME_MCC = "452"
BLOCK_M = 100.0
_METRES_PER_DEGREE = 111_320.0
_ROWS_PER_DEGREE = _METRES_PER_DEGREE / BLOCK_M
_LOCAL_OFFSET_H = 7
_HOUR_US = 3_600_000_000
LEVELS = ("commune", "district", "province")
_BLOCK = ("operator", "plmn", "cell_id", "grid_row", "grid_column", "hour")
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
    cell_id: int | None = None
    """Serving cell; None where none served the tests."""

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
        return hour_of_day(self.hour)


def hour_of_day(hour: int) -> int:
    """Hour of the Vietnamese day of a clock hour since 1970, UTC."""
    return (hour + _LOCAL_OFFSET_H) % 24


class Left(NamedTuple):
    """Rows left out for one reason in one place."""

    areas: dict[str, str | None]
    operator: str | None
    reason: str
    rows: int


class Attempts(NamedTuple):
    """The tests of a period in the areas of one boundary set."""

    rows: pa.Table
    """Each of them, with `reason` where it does not count; see `collector.kpi.Measured`."""
    blocks: tuple[Block, ...]
    left: tuple[Left, ...]


COLUMNS = (
    *KEY,
    "date",
    "utc",
    "received_utc",
    "outcome",
    "reason",
    "profile",
    "sim_home_plmn",
    "rat_lock_narrowed_to",
    "position_source",
    "position_lat_deg",
    "position_lon_deg",
    "position_horizontal_error_m",
)
"""What every KPI reads of a record."""
AREA_COLUMNS = (*LEVELS, "boundary_set")
"""Where the record lay when it was received."""
ATTEMPT_COLUMNS = (
    *COLUMNS,
    *AREA_COLUMNS,
    "radio_plmn",
    "radio_cell_id",
    "radio_rat_class",
)
"""What every KPI made of attempts reads, whatever was attempted."""
TEST_COLUMNS = (
    *ATTEMPT_COLUMNS,
    "bits_per_second",
    "cut_off",
    "server_check_control_bits_per_second",
)
"""What every KPI made of tests of a rate reads."""


def settings(ground: Ground, parameters: Any) -> dict[str, Any]:
    """What an extract of tests depends on besides its rows."""
    return {"operators": ground.operators, "parameters": parameters}


def extract_of(
    name: str,
    kind: str,
    build: Callable[..., ir.Table],
    *,
    ground: Ground,
    parameters: Any,
    **more: Any,
) -> Extract:
    """An extract by `build(rows, ground=, parameters=, **more)`, which depends on nothing else.

    Of the ground it may ask for the operators only.
    """
    return Extract(
        name=name,
        kind=kind,
        build=partial(build, ground=ground, parameters=parameters, **more),
        settings={**settings(ground, parameters), **more},
    )


def with_operator(table: ir.Table, registered: ir.StringValue, ground: Ground) -> ir.Table:
    """With the column `operator`: who served the row, or by its SIM should have."""
    plmn = ibis.coalesce(registered, table.sim_home_plmn)
    names = [(plmn == code, one.name) for one in ground.operators for code in one.plmns]
    operator = ibis.cases(*names, else_=None) if names else ibis.null("string")
    return table.mutate(operator=operator)


def position_exclusions(table: ir.Table, *, max_error_m: float) -> Exclusions:
    """No position on the Earth, or one not known to be good enough; surveyed places always are."""
    error = table.position_horizontal_error_m
    lat, lon = table.position_lat_deg, table.position_lon_deg
    somewhere = lat.between(-MAX_LATITUDE_DEG, MAX_LATITUDE_DEG) & lon.between(
        -MAX_LONGITUDE_DEG, MAX_LONGITUDE_DEG
    )
    return (
        (~ibis.coalesce(somewhere, False), "no_position"),
        (
            (table.position_source != "surveyed")
            & ~ibis.coalesce(error.between(0, max_error_m), False),
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


def server_exclusions(table: ir.Table, min_server_mbit_s: float | None) -> Exclusions:
    """The wired control test just before says that the server itself was no faster than this.

    What a server cannot deliver must not be blamed on the radio; of one that says nothing of
    itself nothing is known.
    """
    if min_server_mbit_s is None:
        return ()
    control = table.server_check_control_bits_per_second
    return ((ibis.coalesce(control < min_server_mbit_s * 1e6, False), "server_slow"),)


def operator_exclusions(table: ir.Table, registered: ir.StringValue) -> Exclusions:
    """Not on the SIM's own network, or on none that the configuration names."""
    return (
        (registered.isnull() & table.sim_home_plmn.isnull(), "operator_unknown"),
        (~registered.startswith(HOME_MCC), "foreign_network"),
        (registered != table.sim_home_plmn, "roaming"),
        (table.operator.isnull(), "other_operator"),
    )


def marked(
    tests: ir.Table,
    *,
    profiles: Sequence[str],
    max_position_error_m: float,
    further: Exclusions,
    smooth: ir.BooleanValue,
    failed: ir.BooleanValue,
) -> ir.Table:
    """Each test of a rate with what it says, and why it does not count but for its area.

    `tests` has `TEST_COLUMNS` and comes from `with_operator`; `further` are the KPI's own
    exclusions, after those that hold for all and after that of the area.
    """
    return attempted(
        tests,
        profiles=profiles,
        max_position_error_m=max_position_error_m,
        failed=failed,
        after=(
            *further,
            (~failed & tests.bits_per_second.isnull(), "no_result"),
            (~failed & ~tests.bits_per_second.between(0, _MAX_BITS_PER_S), "impossible_result"),
        ),
        rate_mbit_s=tests.bits_per_second / 1e6,
        smooth=smooth,
    )


def attempted(
    tests: ir.Table,
    *,
    profiles: Sequence[str],
    max_position_error_m: float,
    failed: ir.BooleanValue,
    after: Exclusions,
    **says: ir.Value,
) -> ir.Table:
    """Each attempt with what it `says`, and why it does not count but for its area.

    `tests` has `ATTEMPT_COLUMNS`; `after` are exclusions that come after
    those that hold for all and after that of the area.
    """
    before = (
        *probe_exclusions(tests),
        (tests.rat_lock_narrowed_to.notnull(), "narrowed"),
        (~tests.profile.isin(list(profiles)) | tests.profile.isnull(), "other_profile"),
        *operator_exclusions(tests, tests.radio_plmn),
        *position_exclusions(tests, max_error_m=max_position_error_m),
    )
    return tests.select(
        *(name for name in COLUMNS if not name.startswith(("reason", "position_"))),
        *AREA_COLUMNS,
        "operator",
        said=tests.reason,
        lat_deg=tests.position_lat_deg,
        lon_deg=tests.position_lon_deg,
        error_m=ibis.cases(
            (tests.position_source == "surveyed", 0.0), else_=tests.position_horizontal_error_m
        ),
        plmn=tests.radio_plmn,
        cell_id=tests.radio_cell_id,
        rat_class=tests.radio_rat_class,
        failed=ibis.coalesce(failed, False),
        before=ibis.cases(*before, else_=None),
        after=ibis.cases(*after, else_=None) if after else ibis.null("string"),
        **says,
    )


def read(source: Source, extract: Extract, *, ground: Ground, period: Period) -> Attempts:
    """The tests that `extract`, made of `marked`, finds, each in its area and block."""
    rows = placed(source.rows(extract, period), ground)
    counts = rows.filter(pc.is_null(rows["reason"]))
    return Attempts(rows=rows, blocks=_blocks(counts), left=left_out(rows))


def placed(rows: pa.Table, ground: Ground) -> pa.Table:
    """Rows made of `attempted`, each with its area, place, hour and one `reason` or none."""
    located = located_in_areas(rows, ground)
    reason = pc.coalesce(rows["before"], located["reason"], rows["after"])
    rows = rows.drop_columns([*AREA_COLUMNS, "before", "after"]).append_column("reason", reason)
    for name in (*LEVELS, "border"):
        rows = rows.append_column(name, located[name])
    return in_blocks(rows)


def located_in_areas(rows: pa.Table, ground: Ground) -> pa.Table:
    """Code of each row's area by level, `border`, and the `reason` of rows that lie in none."""
    if ground.layers is None:
        found = rows.select(LEVELS).append_column("border", pa.repeat(False, len(rows)))
        elsewhere = pc.fill_null(
            pc.not_equal(rows["boundary_set"], ground.boundary_set or ""), False
        )
        known = pa.repeat(ground.boundary_set is not None, len(rows))
        elsewhere = pc.and_(elsewhere, known)
    else:
        found = ground.layers.areas(rows)
        elsewhere = pa.repeat(False, len(rows))
    # A set of districts knows no communes.
    outside = pc.is_null(pc.coalesce(*(found[level] for level in LEVELS)))
    reason = pc.if_else(
        outside,
        "outside_areas",
        pc.if_else(elsewhere, "other_boundary_set", pa.scalar(None, pa.string())),
    )
    return found.append_column("reason", reason)


def in_blocks(rows: pa.Table) -> pa.Table:
    """With the square of the 100 m grid and the clock hour of each row; null where unknown."""
    lat = rows["lat_deg"].to_numpy()
    lon = rows["lon_deg"].to_numpy()
    row = np.floor(lat * _ROWS_PER_DEGREE)
    parallel = np.cos(np.radians((row + 0.5) / _ROWS_PER_DEGREE))
    column = np.floor(lon * parallel * _ROWS_PER_DEGREE)
    hour = pc.floor(pc.divide(rows["utc"].cast(pa.int64()).cast(pa.float64()), float(_HOUR_US)))
    return (
        rows.append_column("grid_row", _whole(row))
        .append_column("grid_column", _whole(column))
        .append_column("hour", hour.cast(pa.int64()))
    )


def _whole(values: Any) -> pa.Array:
    known = np.isfinite(values)
    return pa.array(np.where(known, values, 0).astype("int64"), mask=~known)


def _blocks(counts: pa.Table) -> tuple[Block, ...]:
    """Blocks in the order of their first row: the keys' order, whatever the engine."""
    names = (*LEVELS, *_BLOCK)
    together: dict[tuple[Any, ...], list[tuple[float | None, bool, bool | None]]] = defaultdict(
        list
    )
    said = (counts["rate_mbit_s"], counts["failed"], counts["smooth"])
    for key, *row in zip(
        zip(*(counts[name].to_pylist() for name in names), strict=True),
        *(column.to_pylist() for column in said),
        strict=True,
    ):
        together[key].append(tuple(row))
    return tuple(_block(dict(zip(names, key, strict=True)), rows) for key, rows in together.items())


_Said = tuple[float | None, bool, bool | None]
"""Rate in Mbit/s, whether the network failed it, and whether it was smooth."""


def _block(key: Mapping[str, Any], rows: Sequence[_Said]) -> Block:
    return Block(
        areas={level: key[level] for level in LEVELS},
        operator=key["operator"],
        place=Place(key["grid_row"], key["grid_column"]),
        hour=key["hour"],
        rates_mbit_s=tuple(rate for rate, failed, _ in rows if not failed and rate is not None),
        failures=sum(failed for _, failed, _ in rows),
        smooth=sum(bool(smooth) and not failed for _, failed, smooth in rows),
        judged=sum(smooth is not None for *_, smooth in rows),
        cell_id=key["cell_id"],
    )


def left_out(rows: pa.Table) -> tuple[Left, ...]:
    """The rows with a reason, counted by area, operator and reason."""
    names = (*LEVELS, "operator", "reason")
    out = rows.filter(pc.is_valid(rows["reason"]))
    counted = Counter(zip(*(out[name].to_pylist() for name in names), strict=True))
    return tuple(
        Left(dict(zip(LEVELS, key[:-2], strict=True)), key[-2], key[-1], number)
        for key, number in counted.items()
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
