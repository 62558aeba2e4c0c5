"""Quectel's AT+QENG: serving cell and neighbours of every technology. No I/O.

The fields are those of the QuecCell and network application notes; where chipsets differ, a
`Dialect` says how.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from drivers.modem.fields import (
    ECIO_DB,
    RSCP_DBM,
    RSSI_DBM,
    UTRA_CELL_END,
    arfcn,
    at,
    band,
    bsic,
    ecio_db,
    gsm_rssi_dbm,
    hexadecimal,
    level,
    lte_width,
    lte_width_in_mhz,
    nr_bandwidth_mhz,
    nr_scs_khz,
    number,
    pci,
    plmn,
    psc,
    rscp_dbm,
    rssi_dbm,
    split,
    within,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role, heard, those
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END
from wire.cells import Cell, Rat

FIELDS_OF_WCDMA_ON_GSM = 5
"""Of a UTRA row while camped on GSM, at most."""

_RAT_OF_LABEL = {
    "GSM": Rat.GSM,
    "WCDMA": Rat.WCDMA,
    **dict.fromkeys(("LTE", "CATM", "CATM1", "CATNB", "CATNB1", "CATNB2", "EMTC"), Rat.LTE),
    **dict.fromkeys(("NBIOT", "NTNNBIOT"), Rat.LTE),
    **dict.fromkeys(("NR5GNSA", "NR5GSA", "NR5G", "NR"), Rat.NR),
}
"""By the label without hyphens and blanks, which differ by firmware."""
_DUPLEX = frozenset({"FDD", "TDD"})


@dataclass(frozen=True)
class Dialect:
    """What differs between chipsets behind the same command."""

    lte_sinr_is_db: bool = False
    """Otherwise the scale of SINR in the LTE row is not certain, and it is kept as printed."""
    unisoc: bool = False
    """Bandwidth in MHz instead of a code, and other fields at the end of the NR row."""


def serving(asked: Asked, dialect: Dialect) -> Reading:
    """The serving cell; EN-DC comes in three rows, no service as a state without a cell."""
    state: str | None = None
    cells: list[HeardCell] = []
    unread = []
    # Some firmware breaks the line behind the prefix.
    broken = (line for line in asked.lines if line.startswith('"'))
    for value in [*filter(None, asked.values())] or broken:
        fields = split(value)
        if fields[0].lower() == "servingcell":
            state = at(fields, 1).lower() or None
            fields = fields[2:]
        if not any(fields[1:]):
            # The state alone, or the label of an EN-DC leg that is not there.
            continue
        found = _serving_row(fields, dialect)
        if found is None:
            unread.append(value)
        elif found.role is Role.SERVING or found.rsrp_dbm is not None or found.sinr_db is not None:
            cells.append(found)
    if state is None:
        raise asked.unreadable()
    return Reading(
        mode=_mode(cells, state), rrc_state=state, cells=tuple(cells), unread=tuple(unread) or None
    )


def neighbours(asked: Asked) -> Reading:
    """Measured cells of AT+QENG="neighbourcell", which lists the serving cell as well.

    The fields of a row depend on the technology the modem is camped on, which the rows give away.
    Rows without a cell identity are frequencies the modem was told to look at, and are left out.
    """
    cells, unread = [], []
    rows = [(value, split(value)) for value in asked.rows()]
    # Intra and inter frequency rows come only while camped on LTE.
    on_lte = any(fields[0].lower().startswith("neighbourcell int") for _, fields in rows)
    for value, fields in rows:
        row, rest = _list_row(fields, on_lte=on_lte)
        found = row(rest) if row else None
        if row is None:
            unread.append(value)
        elif found is not None:
            is_serving = fields[1].lower() == "servingcell"
            cells.append(heard(Role.SERVING if is_serving else Role.NEIGHBOUR, found))
    return Reading(cells=those(*cells), unread=tuple(unread) or None)


def _mode(cells: Iterable[HeardCell], state: str) -> str | None:
    by_role = {cell.role: cell for cell in cells}
    if Role.SERVING not in by_role:
        return "searching" if state == "search" else None
    return "nr-nsa" if Role.NR_SECONDARY in by_role else MODES[by_role[Role.SERVING].rat]


def _serving_row(fields: Sequence[str], dialect: Dialect) -> HeardCell | None:
    label, duplex = _plain(fields[0]), at(fields, 1).upper()
    match _RAT_OF_LABEL.get(label):
        case Rat.LTE if duplex in _DUPLEX:
            return _lte(duplex, fields[2:], dialect)
        case Rat.NR if "NSA" in label:
            return heard(Role.NR_SECONDARY, _nr_nsa(fields[1:], dialect))
        case Rat.NR:
            return heard(Role.SERVING, _nr_sa(duplex, fields[2:], dialect))
        case Rat.WCDMA:
            return heard(Role.SERVING, _wcdma(fields[1:]))
        case Rat.GSM:
            return heard(Role.SERVING, _gsm(fields[1:]))
        case _:
            return None


def _plain(label: str) -> str:
    return label.upper().replace("-", "").replace(" ", "")


def _lte(duplex: str, fields: Sequence[str], dialect: Dialect) -> HeardCell | None:
    channel, identity = arfcn(Rat.LTE, at(fields, 4)), pci(Rat.LTE, at(fields, 3))
    if channel is None or identity is None:
        return None
    mcc, mnc = plmn(at(fields, 0), at(fields, 1))
    width = lte_width_in_mhz if dialect.unisoc else lte_width
    sinr = at(fields, 12)
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        duplex=duplex.lower(),
        mcc=mcc,
        mnc=mnc,
        cell_id=hexadecimal(at(fields, 2), ECI_END),
        pci=identity,
        arfcn=channel,
        band=band(at(fields, 5)),
        bandwidth_mhz=width(at(fields, 7)),
        ul_bandwidth_mhz=width(at(fields, 6)),
        tac=_area(at(fields, 8), LAC_END),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 9)),
        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 10)),
        rssi_dbm=rssi_dbm(at(fields, 11)),
        sinr_db=level("sinr_db", Rat.LTE, sinr) if dialect.lte_sinr_is_db else None,
        sinr_raw=None if dialect.lte_sinr_is_db else number(sinr),
    )


def _nr_sa(duplex: str, fields: Sequence[str], dialect: Dialect) -> Cell | None:
    channel, identity = arfcn(Rat.NR, at(fields, 5)), pci(Rat.NR, at(fields, 3))
    if channel is None or identity is None:
        return None
    mcc, mnc = plmn(at(fields, 0), at(fields, 1))
    return Cell(
        rat=Rat.NR,
        duplex=duplex.lower() if duplex in _DUPLEX else None,
        mcc=mcc,
        mnc=mnc,
        cell_id=hexadecimal(at(fields, 2), NCI_END),
        pci=identity,
        tac=_area(at(fields, 4), TAC_5G_END),
        arfcn=channel,
        band=band(at(fields, 6)),
        bandwidth_mhz=_nr_width(at(fields, 7), dialect),
        # UNISOC has power and Srxlev before it.
        scs_khz=nr_scs_khz(at(fields, 13 if dialect.unisoc else 11)),
        rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 8)),
        rsrq_db=level("rsrq_db", Rat.NR, at(fields, 9)),
        sinr_db=level("sinr_db", Rat.NR, at(fields, 10)),
    )


def _nr_nsa(fields: Sequence[str], dialect: Dialect) -> Cell | None:
    identity = pci(Rat.NR, at(fields, 2))
    if identity is None:
        return None
    mcc, mnc = plmn(at(fields, 0), at(fields, 1))
    return Cell(
        rat=Rat.NR,
        mcc=mcc,
        mnc=mnc,
        pci=identity,
        rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 3)),
        sinr_db=level("sinr_db", Rat.NR, at(fields, 4)),
        rsrq_db=level("rsrq_db", Rat.NR, at(fields, 5)),
        arfcn=arfcn(Rat.NR, at(fields, 6)),
        band=band(at(fields, 7)),
        bandwidth_mhz=_nr_width(at(fields, 8), dialect),
        scs_khz=nr_scs_khz(at(fields, 9)),
    )


def _nr_width(text: str, dialect: Dialect) -> float | None:
    return within(text, 5, 400) if dialect.unisoc else nr_bandwidth_mhz(text)


def _area(text: str, end: int) -> int | None:
    """Without the last two, which name no area; firmware prints them while it knows none."""
    return hexadecimal(text, end - 1)


def _wcdma(fields: Sequence[str]) -> Cell | None:
    channel = arfcn(Rat.WCDMA, at(fields, 4))
    if channel is None:
        return None
    mcc, mnc = plmn(fields[0], at(fields, 1))
    return Cell(
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        lac=_area(at(fields, 2), LAC_END),
        cell_id=hexadecimal(at(fields, 3), UTRA_CELL_END),
        arfcn=channel,
        psc=psc(at(fields, 5)),
        rscp_dbm=rscp_dbm(at(fields, 7)),
        ecio_db=ecio_db(at(fields, 8)),
    )


def _gsm(fields: Sequence[str]) -> Cell | None:
    return _gsm_cell(fields, rssi=at(fields, 7))


def _gsm_neighbour_of_gsm(fields: Sequence[str]) -> Cell | None:
    return _gsm_cell(fields, rssi=at(fields, 6))


def _gsm_cell(fields: Sequence[str], *, rssi: str) -> Cell | None:
    channel = arfcn(Rat.GSM, at(fields, 5))
    if channel is None:
        return None
    mcc, mnc = plmn(fields[0], at(fields, 1))
    return Cell(
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        lac=_area(at(fields, 2), LAC_END),
        cell_id=hexadecimal(at(fields, 3), LAC_END),
        bsic=bsic(at(fields, 4)),
        arfcn=channel,
        rssi_dbm=gsm_rssi_dbm(rssi),
    )


_Row = Callable[[Sequence[str]], Cell | None]


def _list_row(fields: Sequence[str], *, on_lte: bool) -> tuple[_Row | None, Sequence[str]]:
    """Who understands the row, and the fields behind its labels."""
    label = fields[0].lower()
    if label == "3gcomm":
        return _ROWS_3GCOMM.get((at(fields, 1).lower(), at(fields, 2).upper())), fields[3:]
    rest = fields[2:]
    rat = _RAT_OF_LABEL.get(_plain(at(fields, 1))) if label.startswith("neighbourcell") else None
    if rat is Rat.LTE:
        # "neighbourcell intra" and "inter" while camped on LTE, plain otherwise: other order.
        return _lte_neighbour_of_lte if " " in label else _lte_neighbour, rest
    if rat is Rat.NR:
        return _nr_neighbour, rest
    if rat is Rat.WCDMA:
        camped_on = Rat.WCDMA if len(rest) > FIELDS_OF_WCDMA_ON_GSM else Rat.GSM
        return _WCDMA_ROWS[Rat.LTE if on_lte else camped_on], rest
    if rat is Rat.GSM:
        # Camped on GSM the network stands before the cell.
        mcc, _ = plmn(at(rest, 0), at(rest, 1))
        return _GSM_ROWS[Rat.LTE if on_lte or mcc is None else Rat.GSM], rest
    return None, rest


def _lte_neighbour_of_lte(fields: Sequence[str]) -> Cell | None:
    if level("rsrq_db", Rat.LTE, at(fields, 2)) is None and number(at(fields, 2)) is not None:
        # UNISOC has RSRP first here too (vendor manual), and no RSSI.
        return _lte_neighbour(fields)
    return _lte_measured(fields, rsrq=at(fields, 2), rsrp=at(fields, 3), rssi=at(fields, 4))


def _lte_neighbour(fields: Sequence[str]) -> Cell | None:
    return _lte_measured(fields, rsrp=at(fields, 2), rsrq=at(fields, 3), rssi="")


def _lte_measured(fields: Sequence[str], *, rsrp: str, rsrq: str, rssi: str) -> Cell | None:
    identity = pci(Rat.LTE, at(fields, 1))
    if identity is None:
        return None
    return Cell(
        rat=Rat.LTE,
        arfcn=arfcn(Rat.LTE, fields[0]),
        pci=identity,
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, rsrp),
        rsrq_db=level("rsrq_db", Rat.LTE, rsrq),
        rssi_dbm=rssi_dbm(rssi),
    )


def _nr_neighbour(fields: Sequence[str]) -> Cell | None:
    identity = pci(Rat.NR, at(fields, 1))
    if identity is None:
        return None
    return Cell(
        rat=Rat.NR,
        arfcn=arfcn(Rat.NR, fields[0]),
        pci=identity,
        rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 2)),
        rsrq_db=level("rsrq_db", Rat.NR, at(fields, 3)),
    )


def _wcdma_neighbour(psc_at: int) -> _Row:
    def row(fields: Sequence[str]) -> Cell | None:
        code = psc(at(fields, psc_at))
        if code is None:
            return None
        power, scale = _whole_or_tenths(at(fields, psc_at + 1), *RSCP_DBM)
        quality = number(at(fields, psc_at + 2))
        return Cell(
            rat=Rat.WCDMA,
            arfcn=arfcn(Rat.WCDMA, fields[0]),
            psc=code,
            rscp_dbm=power,
            ecio_db=None if quality is None else within(str(quality / scale), *ECIO_DB),
        )

    return row


def _gsm_neighbour_of_lte(fields: Sequence[str]) -> Cell | None:
    power, _ = _whole_or_tenths(at(fields, 7), *RSSI_DBM)
    if power is None:
        return None
    return Cell(
        rat=Rat.GSM, arfcn=arfcn(Rat.GSM, fields[0]), bsic=bsic(at(fields, 6)), rssi_dbm=power
    )


def _utra_of_3gcomm(fields: Sequence[str]) -> Cell | None:
    cell = _wcdma([*fields[:6], "", at(fields, 7), ""])
    return None if cell is None else msgspec.structs.replace(cell, rssi_dbm=rssi_dbm(at(fields, 6)))


def _gsm_of_3gcomm(fields: Sequence[str]) -> Cell | None:
    return Cell(
        rat=Rat.GSM,
        arfcn=arfcn(Rat.GSM, at(fields, 0)),
        bsic=bsic(at(fields, 1)),
        rssi_dbm=gsm_rssi_dbm(at(fields, 2)),
    )


# Where the scrambling code stands depends on what the modem is camped on.
_WCDMA_ROWS: dict[Rat, _Row] = {
    Rat.LTE: _wcdma_neighbour(4),
    Rat.WCDMA: _wcdma_neighbour(2),
    Rat.GSM: _wcdma_neighbour(1),
}
_GSM_ROWS: dict[Rat, _Row] = {Rat.GSM: _gsm_neighbour_of_gsm, Rat.LTE: _gsm_neighbour_of_lte}
_ROWS_3GCOMM: dict[tuple[str, str], _Row] = {
    ("servingcell", "3G"): lambda fields: _utra_of_3gcomm(fields[1:]),
    ("neighbourcell", "3G"): _utra_of_3gcomm,
    ("neighbourcell", "2G"): _gsm_of_3gcomm,
}


def _whole_or_tenths(text: str, low: float, high: float) -> tuple[float | None, int]:
    """A level printed in whole units or in tenths, and which of the two (1 or 10)."""
    value = number(text)
    for scale in (1, 10):
        if value is not None and low <= value / scale <= high:
            return value / scale, scale
    return None, 1
