"""Capacity tests of one generation of radio: which count (shared by the KPIs made of them)."""

from typing import Protocol

import ibis
from ibis.expr import types as ir

from collector.kpi import Ground
from collector.kpi._attempts import (
    TEST_COLUMNS,
    marked,
    server_exclusions,
    with_operator,
)
from collector.kpi._generation import COLUMNS as GENERATION_COLUMNS
from collector.kpi._generation import Asked, generation_exclusions

_COLUMNS = (*GENERATION_COLUMNS, "direction", "radio_coverage", "total_payload_bytes")
_LEAST_COVERAGE = 0.8
"""Of a test that was looked at less - or more than wholly, which cannot be - nobody knows what
served it, also when it failed."""


class AskedOfTests(Asked, Protocol):
    """What the parameters of a KPI made of capacity tests say of them."""

    @property
    def min_server_mbit_s(self) -> float | None:
        """What the server must have reached in its own control test: twice what is asked."""


def capacity_tests(
    rows: ir.Table,
    *,
    ground: Ground,
    parameters: AskedOfTests,
    direction: str,
    started: bool = False,
) -> ir.Table:
    """Each test in this direction, made by `collector.kpi._attempts.marked`.

    With `started`, tests that never moved a byte are left out as `not_started`.
    """
    read_of = rows.select(*TEST_COLUMNS, *_COLUMNS)
    found = with_operator(read_of, read_of.radio_plmn, ground)
    found = found.filter((found.direction == direction) | found.direction.isnull())
    cut_off = ibis.coalesce(found.cut_off, False)
    failed = found.outcome.isin(["failed", "no_service"]) | cut_off
    unseen = ~ibis.coalesce(found.radio_coverage.between(_LEAST_COVERAGE, 1), True)
    idle = failed & ~cut_off & ~ibis.coalesce(found.total_payload_bytes > 0, False)
    return marked(
        found,
        profiles=parameters.profiles,
        max_position_error_m=parameters.max_position_error_m,
        further=(
            *server_exclusions(found, parameters.min_server_mbit_s),
            *generation_exclusions(found, parameters, failed, unseen=unseen),
            *(((idle, "not_started"),) if started else ()),
        ),
        smooth=ibis.literal(True),
        failed=failed,
    )
