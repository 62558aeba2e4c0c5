"""Radio rows to clock hours of cells, as ibis expressions: one text for every engine.

A look is the serving cell of a row, or its NR leg under EN-DC. Every look of the table either
counts or is left out for exactly one reason, the first that applies.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import ibis
from ibis.expr import types as ir

from collector.kpi import Period
from collector.spectrum.provinces import DISTRICT_DIGITS, Province
from collector.store.columns import LOCAL_OFFSET, UNDATED

HOME_MCC = "452"
RATS = ("lte", "nr")
_PLAUSIBLE_RSRP_DBM = (-156.0, -31.0)
"""The widest range a UE reports (3GPP TS 38.133 10.1.6)."""
_PLAUSIBLE_SINR_DB = (-23.5, 40.0)
_PLAUSIBLE_RSRQ_DB = (-43.5, 20.0)
_S_PER_HOUR = 3600
_LOW, _HIGH = 0.1, 0.9

_BETWEEN_CELLS = "},{"
_EACH_CELL = "\n"
"""No JSON text holds it as such."""
_NEIGHBOUR_RSRP = r'"rsrp_dbm":(-\d+(?:\.\d+)?)[,}]'

CELL = ("plmn", "rat", "leg", "cell_id", "pci", "arfcn")
"""What names one cell on one carrier. `cell_id` of a leg is that of its LTE anchor, for a leg
broadcasts none."""


def cell_hours(table: ir.Table) -> ir.Table:
    """Clock hours of cells over the looks that count, one row for each cell and local hour.

    `plmn`, `rat`, `leg`, `cell_id`, `pci`, `arfcn`; `band`, `bandwidth_mhz` as a modem named them
    (null where none did); `hour`, local clock hours since 1970; `n` looks; `rsrp_dbm`, `sinr_db`,
    `rsrq_db` as median, `..._p10`, `..._p90`; `neighbour_below_db`, the median of how much weaker
    the strongest neighbour on the same carrier was, over the `n_neighbours` looks that heard one;
    `communes`, those it was heard in; `lat_deg`, `lon_deg`, the median place.
    """
    looks = _looks(table)
    counted = looks.filter(looks.reason.isnull())
    return counted.group_by(*CELL, "hour").aggregate(
        band=counted.band.max(),
        bandwidth_mhz=counted.bandwidth_mhz.max(),
        n=counted.count(),
        n_neighbours=counted.neighbour_below_db.count(),
        neighbour_below_db=counted.neighbour_below_db.median(),
        communes=counted.commune.collect(distinct=True),
        lat_deg=counted.lat_deg.median(),
        lon_deg=counted.lon_deg.median(),
        **{
            f"{name}{suffix}": value
            for name in ("rsrp_dbm", "sinr_db", "rsrq_db")
            for suffix, value in (
                ("", counted[name].median()),
                ("_p10", counted[name].quantile(_LOW)),
                ("_p90", counted[name].quantile(_HIGH)),
            )
        },
    )


def left_out(table: ir.Table) -> ir.Table:
    """How many looks are left out, by `reason`; none of them stands in `cell_hours`."""
    looks = _looks(table)
    gone = looks.filter(looks.reason.notnull())
    return gone.group_by("reason").aggregate(looks=gone.count())


def carriers_seen(table: ir.Table) -> ir.Table:
    """Carriers of the looks that count: `plmn`, `rat`, `arfcn`, `band`, `bandwidth_mhz`.

    `looks` says how many there were and `cells` how many cells (a leg by its PCI). Secondary
    carriers of an aggregation are not among them.
    """
    looks = _looks(table)
    counted = looks.filter(looks.reason.isnull())
    return counted.group_by("plmn", "rat", "arfcn", "band", "bandwidth_mhz").aggregate(
        looks=counted.count(),
        cells=ibis.ifelse(counted.leg, counted.pci, counted.cell_id).nunique(),
    )


def in_period(table: ir.Table, period: Period) -> ir.Table:
    """Rows of a period; those of unknown time go by when they were received."""
    first = (period.start_utc + LOCAL_OFFSET).date().isoformat()
    last = (period.end_utc + LOCAL_OFFSET).date().isoformat()
    moment = ibis.coalesce(table.utc, table.received_utc)
    return table.filter(
        (table.date == UNDATED) | table.date.between(first, last),
        moment >= ibis.literal(period.start_utc),
        moment < ibis.literal(period.end_utc),
    )


def in_area(table: ir.Table, code: str) -> ir.Table:
    """Rows of a commune or district, by its code as it was on each row's own day."""
    column = table.district if len(code) == DISTRICT_DIGITS else table.commune
    return table.filter(column == code)


def in_provinces(table: ir.Table, asked: Sequence[Province], known: Iterable[Province]) -> ir.Table:
    """Rows of old provinces, whichever boundary set they were located by.

    By the range of its communes where the file of provinces has one, for a merged province's code
    says nothing of its parts; else by its own code.
    """
    ranged = [one for one in known if one.communes is not None]
    elsewhere = ~_in_ranges(table, ranged)
    either = ibis.literal(value=False)
    for one in asked:
        by_code = (table.province == one.code) & elsewhere
        either |= by_code if one.communes is None else _in_ranges(table, [one])
    return table.filter(either)


def of_cell(table: ir.Table, *, plmn: str, cell_id: int) -> ir.Table:
    """Rows in which one cell serves."""
    return table.filter(table.plmn == plmn, table.serving_cell_id == cell_id)


def _in_ranges(table: ir.Table, provinces: Iterable[Province]) -> ir.BooleanValue:
    found = ibis.literal(value=False)
    for one in provinces:
        if one.communes is not None:
            found |= table.commune.between(*map(str, one.communes))
    return ibis.coalesce(found, ibis.literal(value=False))


def _looks(table: ir.Table) -> ir.Table:
    """One row for each look, its values where they can be true, and why it does not count."""
    look = _serving(table).union(_legs(table))
    rsrp = _plausible(look.rsrp_dbm, _PLAUSIBLE_RSRP_DBM)
    local_s = look.utc.epoch_seconds() + int(LOCAL_OFFSET.total_seconds())
    neighbour_dbm = _strongest_neighbour_dbm(look.neighbours, look.rat, look.arfcn, look.pci)
    told = look.mutate(
        hour=(local_s // _S_PER_HOUR).cast("int64"),
        rsrp_dbm=rsrp,
        sinr_db=_plausible(look.sinr_db, _PLAUSIBLE_SINR_DB),
        rsrq_db=_plausible(look.rsrq_db, _PLAUSIBLE_RSRQ_DB),
        neighbour_below_db=rsrp - neighbour_dbm,
    )
    return told.mutate(reason=ibis.cases(*_reasons(told), else_=ibis.null("string")))


def _reasons(look: ir.Table) -> tuple[tuple[ir.BooleanValue, str], ...]:
    """Why a look does not count, in the order in which it is asked."""
    return (
        (look.outcome == "invalid", "invalid"),
        (look.outcome == "skipped", "skipped"),
        (look.outcome == "modem_gone", "modem_gone"),
        (look.utc.isnull(), "time_unknown"),
        (look.narrowed_to.notnull(), "narrowed"),
        (look.rat.isnull(), "no_cell"),
        (~look.rat.isin(RATS), "other_technology"),
        (look.plmn.isnull(), "operator_unknown"),
        (~look.plmn.startswith(HOME_MCC), "foreign_network"),
        (look.cell_id.isnull() | look.arfcn.isnull(), "cell_unknown"),
        (look.rsrp_dbm.isnull(), "no_level"),
        (look.sinr_db.isnull() & look.rsrq_db.isnull(), "no_quality"),
    )


def _serving(row: ir.Table) -> ir.Table:
    return row.select(
        *_OF_ROW,
        **_OF_ROW_AS,
        **{name: row[f"serving_{name}"] for name in _OF_CELL},
        leg=ibis.literal(value=False),
    )


def _legs(table: ir.Table) -> ir.Table:
    row = table.filter(table.nr_arfcn.notnull())
    return row.select(
        *_OF_ROW,
        **_OF_ROW_AS,
        **{name: row[f"nr_{name}"] for name in _OF_CELL},
        leg=ibis.literal(value=True),
    )


_OF_ROW = ("outcome", "utc", "plmn", "commune", "neighbours")
_OF_ROW_AS = {
    "narrowed_to": "rat_lock_narrowed_to",
    "cell_id": "serving_cell_id",
    "lat_deg": "position_lat_deg",
    "lon_deg": "position_lon_deg",
}
_OF_CELL = ("rat", "pci", "arfcn", "band", "bandwidth_mhz", "rsrp_dbm", "rsrq_db", "sinr_db")


def _plausible(value: Any, limits: tuple[float, float]) -> Any:
    return ibis.cases((value.between(*limits), value), else_=ibis.null("float64"))


def _strongest_neighbour_dbm(neighbours: Any, rat: Any, arfcn: Any, pci: Any) -> Any:
    """RSRP of the strongest other cell on the same carrier; null where none is told.

    The column is the JSON of `wire.cells.Cell` as the collector writes it, flat and in one order;
    engines differ in what they make of JSON, and agree on text.
    """
    cells = neighbours.replace(_BETWEEN_CELLS, f"}}{_EACH_CELL}{{").split(_EACH_CELL)
    # An unknown PCI is none that a neighbour has.
    own_pci = ibis.coalesce(pci, -1)

    def beside(cell: Any) -> Any:
        return (
            cell.contains(_quoted(rat)) & _says(cell, "arfcn", arfcn) & ~_says(cell, "pci", own_pci)
        )

    def level_dbm(cell: Any) -> Any:
        return cell.re_extract(_NEIGHBOUR_RSRP, 1).nullif("").cast("float64")

    return cells.filter(beside).map(level_dbm).maxs()


def _quoted(rat: Any) -> Any:
    return ibis.literal('"rat":"') + rat + ibis.literal('"')


def _says(cell: Any, key: str, number: Any) -> Any:
    """Whether the text of a cell has this number under the key, as its last or not."""
    text = ibis.literal(f'"{key}":') + number.cast("string")
    return cell.contains(text + ibis.literal(",")) | cell.contains(text + ibis.literal("}"))
