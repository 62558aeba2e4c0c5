"""What single rows say of 5G: a look at the radio, a modem that was served by it, data over it.

NR is there where the modem is served by NR (stand-alone) or has an NR leg beside LTE (EN-DC). That
it is not there a look says only where it could have been: the modem may use NR, and either finds no
service at all or is in connected mode (3GPP TS 37.340, 7.2: the network adds the NR leg to a
connection, never to an idle modem). Whether the modem can use the operator's NR at all, its bands
above all, no row says by itself; that it was served elsewhere does.
"""

from collections.abc import Sequence

import ibis
from ibis.expr import types as ir

from collector.kpi import KEY, Ground, Point
from collector.kpi._attempts import (
    ATTEMPT_COLUMNS,
    HOME_MCC,
    Exclusions,
    operator_exclusions,
    position_exclusions,
    probe_exclusions,
    with_operator,
)
from collector.kpi._cadence import thinned
from collector.kpi._coverage import LOOK_COLUMNS, with_network
from collector.kpi._points import in_some_tile

_NR_COLUMNS = (
    "modem_imei",
    "sim_iccid",
    "nr_rat",
    "nr_band",
    "serving_band",
    "rrc_state",
)
_LOCKS_WITHOUT_NR = ("2g", "3g", "4g")
_CONNECTED = "connect"
_EACH_MINUTE = 60


def looks(
    table: ir.Table,
    *,
    ground: Ground,
    points: Sequence[Point],
    radius_m: float,
    max_position_error_m: float,
) -> ir.Table:
    """Looks near a point: `on_nr` with its level `nr_dbm`, or the look proves there is none.

    Of a probe at a surveyed place one a minute.
    """
    rows = table.select(*LOOK_COLUMNS, *_NR_COLUMNS)
    rows = thinned(in_some_tile(rows, points, radius_m=radius_m), moving_every_s=1)
    rows = with_network(rows, ground)
    home = ibis.cases((rows.registered.startswith(HOME_MCC), rows.registered))
    on_nr = _on_nr(rows)
    without = rows.outcome == "no_service"
    before: Exclusions = (
        *probe_exclusions(rows),
        (rows.outcome == "failed", "failed"),
        (home.isnull() & rows.sim_home_plmn.isnull(), "operator_unknown"),
        *operator_exclusions(rows, rows.registered)[1:],
        *position_exclusions(rows, max_error_m=max_position_error_m),
        (~on_nr & _locked_away(rows), "locked"),
        (~on_nr & ~without & (rows.registered.isnull() | rows.serving_rat.isnull()), "unread"),
        (~on_nr & ~without & (ibis.coalesce(rows.rrc_state, "") != _CONNECTED), "idle"),
    )
    return rows.select(
        *KEY,
        "date",
        "utc",
        "received_utc",
        "operator",
        _modem(rows).name("modem"),
        lat_deg=rows.position_lat_deg,
        lon_deg=rows.position_lon_deg,
        on_nr=on_nr,
        nr_dbm=ibis.cases(
            (rows.serving_rat == "nr", rows.serving_rsrp_dbm), else_=rows.nr_rsrp_dbm
        ),
        nr_band=ibis.cases((rows.serving_rat == "nr", rows.serving_band), else_=rows.nr_band),
        data_ok=ibis.null("boolean"),
        reason=ibis.cases(*before, else_=None),
    )


def served(table: ir.Table, *, ground: Ground) -> ir.Table:
    """One look a minute that found its modem served by an operator's NR, wherever it was."""
    rows = table.select(*LOOK_COLUMNS, *_NR_COLUMNS)
    rows = rows.filter((rows.serving_rat == "nr") | rows.nr_rat.notnull())
    rows = with_network(thinned(rows, moving_every_s=_EACH_MINUTE), ground)
    rows = rows.filter(
        rows.outcome.isin(["ok", "slow"]),
        rows.operator.notnull(),
        rows.registered.startswith(HOME_MCC),
    )
    return rows.select(*KEY, "date", "utc", "received_utc", "operator", _modem(rows).name("modem"))


def data(
    table: ir.Table,
    *,
    ground: Ground,
    points: Sequence[Point],
    radius_m: float,
    max_position_error_m: float,
    came_through: str | None,
) -> ir.Table:
    """Checks or tests near a point that 5G served: whether data came through, as `data_ok`.

    `came_through` is the column that says so; None takes a test that finished.
    """
    more = () if came_through is None else (came_through,)
    rows = table.select(*ATTEMPT_COLUMNS, "modem_usb_path", "modem_imei", "sim_iccid", *more)
    rows = with_operator(in_some_tile(rows, points, radius_m=radius_m), rows.radio_plmn, ground)
    rows = rows.filter(rows.radio_rat_class == "5g")
    finished = rows.outcome.isin(["ok", "slow"])
    through = finished if came_through is None else finished & rows[came_through]
    before: Exclusions = (
        *probe_exclusions(rows),
        *operator_exclusions(rows, rows.radio_plmn),
        *position_exclusions(rows, max_error_m=max_position_error_m),
    )
    return rows.select(
        *KEY,
        "date",
        "utc",
        "received_utc",
        "operator",
        _modem(rows).name("modem"),
        lat_deg=rows.position_lat_deg,
        lon_deg=rows.position_lon_deg,
        on_nr=ibis.literal(True),
        nr_dbm=ibis.null("float64"),
        nr_band=ibis.null("int64"),
        data_ok=ibis.coalesce(through, False),
        reason=ibis.cases(*before, else_=None),
    )


def _on_nr(rows: ir.Table) -> ir.BooleanValue:
    nr = (rows.serving_rat == "nr") | rows.nr_rat.notnull()
    answered = rows.outcome.isin(["ok", "slow"])
    return ibis.coalesce(answered & nr & rows.registered.startswith(HOME_MCC), False)


def _locked_away(rows: ir.Table) -> ir.BooleanValue:
    locks = list(_LOCKS_WITHOUT_NR)
    asked = ibis.coalesce(rows.rat_lock_asked.isin(locks), False)
    read_back = ibis.coalesce(rows.rat_lock_read_back.isin(locks), False)
    return asked | read_back | rows.rat_lock_narrowed_to.notnull()


def _modem(rows: ir.Table) -> ir.StringValue:
    """Modem and SIM: 5G takes both."""
    device = ibis.coalesce(rows.modem_imei, rows.probe + " " + rows.modem_usb_path)
    return device + " " + ibis.coalesce(rows.sim_iccid, "")
