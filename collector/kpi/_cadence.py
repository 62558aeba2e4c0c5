"""Fewer looks than one a second, where more would say nothing new and fill the memory."""

import ibis
from ibis.expr import types as ir

MOVING_EVERY_S = 5
"""At 60 km/h a look every 83 m: no square of 100 m on the way is passed over for long."""
STANDING_EVERY_S = 60
"""Of a probe at a surveyed place, which is always the same."""


def thinned(
    rows: ir.Table,
    *,
    moving_every_s: int = MOVING_EVERY_S,
    standing_every_s: int = STANDING_EVERY_S,
) -> ir.Table:
    """The looks of some seconds of each minute by the clock, whatever came of them.

    What has no time yet is thinned by its number. Both cadences divide a minute.
    """
    every_s = ibis.cases(
        (rows.position_source == "surveyed", standing_every_s), else_=moving_every_s
    )
    return rows.filter(ibis.coalesce(rows.utc.second().cast("int64"), rows.seq) % every_s == 0)
