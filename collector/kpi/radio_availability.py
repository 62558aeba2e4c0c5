"""Share of places and hours with a usable level (QCVN 81:2019, clause 2.1.1).

The regulation counts samples whose received level is at least a minimum. At one sample a second a
parked car would be the whole survey, so here all looks of one operator in one square of 100 m and
one clock hour are one sample, met as far as its looks met it. Looks are taken every five seconds,
those of a probe on its desk every minute; the others say nothing new and are not read.

A look meets the level when the modem is registered at home and served by LTE or NR at least so
strongly; one without service does not. See `collector.kpi._coverage`.
"""

from collections.abc import Sequence

import msgspec
import pyarrow.compute as pc
from ibis.expr import types as ir

from collector.kpi import Extract, Ground, Measured, Period, Source, Text
from collector.kpi._attempts import AREA_COLUMNS, extract_of, placed
from collector.kpi._cadence import thinned
from collector.kpi._coverage import LOOK_COLUMNS, looks
from collector.kpi._evidence import Minimum
from collector.kpi._shares import Question, measured

TITLE = Text(vi="Độ sẵn sàng của mạng vô tuyến", en="Availability of the radio network")
UNIT = "share"
HIGHER_IS_BETTER = True
TOGETHER = "all"
TABLES = ("radio",)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    min_rsrp_dbm: float
    """A level at least this strong is received, LTE RSRP or SS-RSRP."""
    max_position_error_m: float = 50.0
    minimum: Minimum = Minimum(blocks=0)


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Some of the seconds of radio."""
    return (
        extract_of("radio_availability", "radio", _looks, ground=ground, parameters=parameters),
    )


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all operators pooled."""
    [extract] = extracts(ground=ground, parameters=parameters)
    rows = placed(source.rows(extract, period), ground)
    unheard = pc.and_(pc.invert(rows["met"]), pc.is_null(rows["rsrp_dbm"]))
    return measured(
        rows.append_column("failed", unheard),
        ground=ground,
        levels=levels,
        question=Question(
            share=threshold,
            minimum=parameters.minimum,
            together=TOGETHER,
            each_unit_once=True,
        ),
    )


def _looks(table: ir.Table, *, ground: Ground, parameters: Parameters) -> ir.Table:
    found = looks(
        thinned(table.select(*LOOK_COLUMNS, *AREA_COLUMNS)),
        ground=ground,
        min_rsrp_dbm=parameters.min_rsrp_dbm,
        available_rsrp_dbm=parameters.min_rsrp_dbm,
        max_position_error_m=parameters.max_position_error_m,
        keep=AREA_COLUMNS,
    )
    return found.drop("available", "data_ok", "cell_rsrp_dbm").rename(met="covered", cell_id="cell")
