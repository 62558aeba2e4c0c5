"""Attempts to reach the Internet: latency checks (shared by the KPIs made of them).

An access begins when the name is looked up or, where the server is an address, with the first
request, and succeeds with the first answer. That is the IP-service access of ETSI TS 102 250-2 as
nearly as a probe sees it; the radio's wake-up is in it.
"""

import ibis
from ibis.expr import types as ir

from collector.kpi import Ground
from collector.kpi._attempts import ATTEMPT_COLUMNS, Exclusions, attempted, with_operator
from collector.kpi._generation import COLUMNS as GENERATION_COLUMNS
from collector.kpi._generation import Asked, generation_exclusions

_COLUMNS = (*GENERATION_COLUMNS, "dns_ms", "first_rtt_ms", "received")
_MS_PER_S = 1000.0


def accesses(
    rows: ir.Table, *, ground: Ground, parameters: Asked, further: Exclusions = ()
) -> ir.Table:
    """Each attempt with `failed` (nothing answered) and `delay_s` (to the first answer)."""
    read_of = rows.select(*ATTEMPT_COLUMNS, *_COLUMNS)
    found = with_operator(read_of, read_of.radio_plmn, ground)
    ended = found.outcome.isin(["failed", "no_service"])
    failed = ended & ~ibis.coalesce(found.received > 0, False)
    delay_ms = ibis.coalesce(found.dns_ms, 0.0) + found.first_rtt_ms
    return attempted(
        found,
        profiles=parameters.profiles,
        max_position_error_m=parameters.max_position_error_m,
        failed=failed,
        after=(
            # A check is short: it has rarely more than one look, so none is asked for.
            *generation_exclusions(found, parameters, failed),
            *further,
        ),
        delay_s=delay_ms / _MS_PER_S,
    )
