"""What one look at the radio, or one data check, says of service (shared by the KPIs of coverage).

Service is mobile broadband: registered on a Vietnamese network, served by LTE or NR at a level that
is usable, and data comes through where that was tried. Everything here is row by row; what a data
check says of the looks around it is worked out in `_data_checks`.
"""

from collections.abc import Sequence

import ibis
from ibis.expr import types as ir

from collector.kpi import KEY, Ground
from collector.kpi._attempts import (
    COLUMNS,
    HOME_MCC,
    Exclusions,
    operator_exclusions,
    position_exclusions,
    probe_exclusions,
    with_operator,
)

MODEM = ("probe", "modem_usb_path")
"""What names a modem as it is built in."""

LOOK_COLUMNS = (
    *COLUMNS,
    "modem_usb_path",
    "plmn",
    "registration",
    "serving_rat",
    "serving_rsrp_dbm",
    "serving_cell_id",
    "serving_pci",
    "serving_arfcn",
    "nr_rsrp_dbm",
    "rat_lock_asked",
    "rat_lock_read_back",
)
"""What is read of a record of the kind `radio`."""

CHECK_COLUMNS = (
    *COLUMNS,
    "modem_usb_path",
    "radio_plmn",
    "method",
    "data_ok",
    "rat_lock_asked",
    "rat_lock_read_back",
)
"""What is read of a record of the kind `latency`."""

_BROADBAND = ("lte", "nr")
_LOCKS_WITHOUT_LTE = ("2g", "3g", "5g", "5g-nsa", "5g-sa")
_PCIS = 1008
"""Of NR (3GPP TS 38.211, 7.4.2.1); LTE has half as many."""
_MAX_ARFCN = 3_279_165
"""Of NR (3GPP TS 38.104, table 5.4.2.1-1); EARFCNs are smaller."""


def with_network(rows: ir.Table, ground: Ground) -> ir.Table:
    """With `registered`, the PLMN that served each look or would have, and its `operator`."""
    registered = ibis.coalesce(
        rows.plmn, ibis.cases((rows.registration == "home", rows.sim_home_plmn))
    )
    rows = rows.mutate(registered=registered)
    return with_operator(rows, _at_home(rows), ground)


def covered(rows: ir.Table, min_rsrp_dbm: float) -> tuple[ir.BooleanValue, ir.BooleanValue]:
    """Whether mobile broadband was there, and whether it was not. Neither: nobody said.

    `rows` come from `with_network`. The level is that of the serving cell or of the NR leg,
    whichever is stronger: LTE RSRP (3GPP TS 36.133, 9.1.4) or SS-RSRP (TS 38.133, 10.1.6), in dBm.
    """
    registered = ibis.coalesce(
        rows.registration.isin(["home", "roaming"]), rows.registered.notnull()
    )
    unregistered = rows.registration.isin(["searching", "denied", "emergency", "idle"])
    at_home = rows.registered.startswith(HOME_MCC)
    level_dbm = strongest_dbm(rows)
    broadband = rows.serving_rat.isin(list(_BROADBAND))
    answered = rows.outcome.isin(["ok", "slow"])
    there = answered & registered & at_home & broadband & (level_dbm >= min_rsrp_dbm)
    not_there = (rows.outcome == "no_service") | (
        answered & (unregistered | ~at_home | ~broadband | (level_dbm < min_rsrp_dbm))
    )
    return ibis.coalesce(there, False), ibis.coalesce(not_there, False)


def strongest_dbm(rows: ir.Table) -> ir.FloatingValue:
    """The level of the serving cell or of the NR leg, whichever is stronger."""
    return ibis.greatest(
        ibis.coalesce(rows.serving_rsrp_dbm, rows.nr_rsrp_dbm),
        ibis.coalesce(rows.nr_rsrp_dbm, rows.serving_rsrp_dbm),
    )


def looks(
    rows: ir.Table,
    *,
    ground: Ground,
    min_rsrp_dbm: float,
    available_rsrp_dbm: float,
    max_position_error_m: float,
    keep: Sequence[str] = (),
    further: Exclusions = (),
) -> ir.Table:
    """Each look at the radio: `covered`, `available` (at the other level), and why it is left out.

    `rows` has `LOOK_COLUMNS` and those of `keep`. The reason is `before` or, if that is null and
    the place is good, `after`. `further` are the KPI's own, before those of the position.
    """
    said = with_network(rows, ground)
    there, not_there = covered(said, min_rsrp_dbm)
    available, _ = covered(said, available_rsrp_dbm)
    home = _at_home(said)
    before: Exclusions = (
        *probe_exclusions(said),
        (said.outcome == "failed", "failed"),
        (home.isnull() & said.sim_home_plmn.isnull(), "operator_unknown"),
        *operator_exclusions(said, home)[2:],
        *further,
        *position_exclusions(said, max_error_m=max_position_error_m),
    )
    after: Exclusions = (
        (not_there & locked_away_from_lte(said), "locked"),
        (~(there | not_there), "unread"),
    )
    return said.select(
        *_kept(said, keep),
        rsrp_dbm=strongest_dbm(said),
        cell=_cell(said),
        cell_rsrp_dbm=said.serving_rsrp_dbm,
        covered=there,
        available=available,
        data_ok=ibis.null("boolean"),
        before=ibis.cases(*before, else_=None),
        after=ibis.cases(*after, else_=None),
    )


def checks(
    rows: ir.Table,
    *,
    ground: Ground,
    max_position_error_m: float,
    keep: Sequence[str] = (),
    further: Exclusions = (),
) -> ir.Table:
    """Each data check: `data_ok`, and why it is left out; the columns are those of `looks`.

    `rows` has `CHECK_COLUMNS` and those of `keep`. A check is good when the whole small file came
    (100 kB after DNS, standards of the plan: "level alone is no service"), and not good when the
    network failed it at whatever stage. An echo without a file is no data check.
    """
    said = with_operator(rows, rows.radio_plmn, ground)
    lost = said.outcome.isin(["failed", "no_service"])
    data_ok = ibis.cases((lost, False), else_=said.data_ok)
    echo = ibis.coalesce(said.method == "icmp", False) & said.data_ok.isnull()
    before: Exclusions = (
        *probe_exclusions(said),
        (said.rat_lock_narrowed_to.notnull(), "narrowed"),
        *operator_exclusions(said, said.radio_plmn),
        *further,
        *position_exclusions(said, max_error_m=max_position_error_m),
    )
    after: Exclusions = (
        (echo | data_ok.isnull(), "no_data_check"),
        (~data_ok & locked_away_from_lte(said), "locked"),
    )
    return said.select(
        *_kept(said, keep),
        rsrp_dbm=ibis.null("float64"),
        cell=ibis.null("int64"),
        cell_rsrp_dbm=ibis.null("float64"),
        covered=ibis.null("boolean"),
        available=ibis.null("boolean"),
        data_ok=data_ok,
        before=ibis.cases(*before, else_=None),
        after=ibis.cases(*after, else_=None),
    )


def locked_away_from_lte(rows: ir.Table) -> ir.BooleanValue:
    """A modem that may not use LTE, or all of it, cannot prove that there is none."""
    locks = list(_LOCKS_WITHOUT_LTE)
    asked = ibis.coalesce(rows.rat_lock_asked.isin(locks), False)
    read_back = ibis.coalesce(rows.rat_lock_read_back.isin(locks), False)
    return asked | read_back | rows.rat_lock_narrowed_to.notnull()


def _at_home(rows: ir.Table) -> ir.StringValue:
    """The registered network if it is a Vietnamese one."""
    return ibis.cases((rows.registered.startswith(HOME_MCC), rows.registered))


def _kept(rows: ir.Table, keep: Sequence[str]) -> list[ir.Value]:
    names = (*KEY, "date", "utc", "received_utc", "operator", "modem_usb_path", *keep)
    error_m = ibis.cases(
        (rows.position_source == "surveyed", 0.0), else_=rows.position_horizontal_error_m
    )
    return [
        *(rows[name] for name in names),
        rows.position_lat_deg.name("lat_deg"),
        rows.position_lon_deg.name("lon_deg"),
        error_m.name("error_m"),
    ]


def _cell(rows: ir.Table) -> ir.IntegerValue:
    """A number for the serving cell within its network: its id, or below zero carrier and PCI."""
    arfcn = ibis.cases((rows.serving_arfcn.between(0, _MAX_ARFCN), rows.serving_arfcn))
    pci = ibis.cases((rows.serving_pci.between(0, _PCIS - 1), rows.serving_pci))
    return ibis.coalesce(rows.serving_cell_id, -1 - (arfcn * _PCIS + pci))
