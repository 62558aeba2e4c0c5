"""Cinterion's cell monitors: AT^SMONI, AT^SMONP, AT^SMONC, and the tables of older modems. No I/O.

Columns: the AT command sets of the PLS, ELS, PHS, EHS and TC families.
"""

from collections.abc import Callable, Iterator, Sequence

from drivers.modem.fields import (
    UTRA_CELL_END,
    area_code,
    arfcn,
    at,
    band,
    ecio_db,
    gsm_rssi_dbm,
    hexadecimal,
    integer,
    level,
    lte_width_in_mhz,
    pci,
    plmn,
    psc,
    rscp_dbm,
    rssi_dbm,
    split,
    values,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.standard import ECI_END, LAC_END
from wire.cells import Rat

_STATES = {"NOCONN": "noconn", "CONN": "connect", "LIMSRV": "limsrv"}
_SEARCHES = frozenset({"SEARCH", "SEARCHING"})
_CELL_FIELDS_OF_SMONC = 9
_Row = Callable[[Sequence[str]], HeardCell | None]


def serving(asked: Asked) -> Reading:
    """The serving cell of AT^SMONI; none while it searches, or says nothing at all.

    AT^SMONI=255 has more behind the state. unverified: the SINR is one of it on PLS63.
    """
    for value in asked.values():
        fields = split(value)
        if _SEARCHES & {field.upper() for field in fields}:
            return Reading(mode="searching", rrc_state="search", cells=())
        if fields == [""]:
            return Reading(cells=())
        row = _serving_row(fields[0])
        cell = None if row is None else row(fields)
        if cell is None:
            break
        states = (_STATES.get(field.upper()) for field in fields)
        return Reading(
            mode=MODES[cell.rat],
            rrc_state=next((state for state in states if state), None),
            cells=(cell,),
        )
    raise asked.unreadable()


def _serving_row(label: str) -> _Row | None:
    match label.upper():
        case "2G":
            return _gsm
        case "3G":
            return _utra
        case "4G" | "CAT.M" | "CAT.M1" | "CAT-M" | "CAT.NB" | "NB" | "NB-IOT":
            return _lte
        case _:
            return None


def _gsm(fields: Sequence[str]) -> HeardCell | None:
    """Channel, power, MCC, MNC, LAC, cell, C1, C2, NCC, BCC; what follows is of a call."""
    channel = arfcn(Rat.GSM, at(fields, 1))
    if channel is None:
        return None
    mcc, mnc = plmn(at(fields, 3), at(fields, 4))
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rssi_dbm=rssi_dbm(at(fields, 2)),
        lac=area_code(at(fields, 5), LAC_END),
        cell_id=hexadecimal(at(fields, 6), LAC_END),
        bsic=_bsic(at(fields, 9), at(fields, 10)),
    )


def _utra(fields: Sequence[str]) -> HeardCell | None:
    """Channel, PSC, EC/n0, RSCP, MCC, MNC, LAC, cell; what follows differs in a call."""
    channel = arfcn(Rat.WCDMA, at(fields, 1))
    if channel is None:
        return None
    mcc, mnc = plmn(at(fields, 5), at(fields, 6))
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        psc=psc(at(fields, 2)),
        ecio_db=ecio_db(at(fields, 3)),
        rscp_dbm=rscp_dbm(at(fields, 4)),
        lac=area_code(at(fields, 7), LAC_END),
        cell_id=hexadecimal(at(fields, 8), UTRA_CELL_END),
    )


def _lte(fields: Sequence[str]) -> HeardCell | None:
    """Channel, band, widths, duplex, MCC, MNC, TAC, cell, PCI, Srxlev or power, RSRP, RSRQ."""
    channel = arfcn(Rat.LTE, at(fields, 1))
    if channel is None:
        return None
    mcc, mnc = plmn(at(fields, 6), at(fields, 7))
    duplex = at(fields, 5).lower()
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        band=band(at(fields, 2)),
        bandwidth_mhz=lte_width_in_mhz(at(fields, 3)),
        ul_bandwidth_mhz=lte_width_in_mhz(at(fields, 4)),
        duplex=duplex if duplex in {"fdd", "tdd"} else None,
        tac=area_code(at(fields, 8), LAC_END),
        cell_id=hexadecimal(at(fields, 9), ECI_END),
        pci=pci(Rat.LTE, at(fields, 10)),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 12)),
        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 13)),
    )


def neighbours(asked: Asked) -> Reading:
    """The cells of AT^SMONP, below a heading for each technology; dashes where there is none.

    unverified: which of the columns 2 and 3 of LTE is RSRP; each is taken for what it can be.
    """
    row: _Row | None = None
    cells: list[HeardCell] = []
    unread = []
    for line in asked.lines:
        text = next(values([line], "^SMONP"), line)
        heading, colon, rest = text.partition(":")
        if colon:
            row = _NEIGHBOUR_ROWS.get(heading.strip().upper())
            text = rest.strip()
        if not text or text.upper() in _SEARCHES:
            continue
        fields = split(text)
        cell = None if row is None else row(fields)
        if cell is not None:
            cells.append(cell)
        elif fields[0].strip("-"):
            unread.append(line)
    if unread and not cells:
        raise asked.unreadable()
    return Reading(cells=tuple(cells), unread=tuple(unread) or None)


def _gsm_neighbour(fields: Sequence[str]) -> HeardCell | None:
    """Channel, RXLEV, dBm, MCC, MNC, NCC, BCC, C1, C2 and, where it was read, LAC and cell."""
    channel = arfcn(Rat.GSM, fields[0])
    if channel is None:
        return None
    mcc, mnc = plmn(at(fields, 3), at(fields, 4))
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rssi_dbm=rssi_dbm(at(fields, 2)),
        bsic=_bsic(at(fields, 5), at(fields, 6)),
        lac=area_code(at(fields, 9), LAC_END),
        cell_id=hexadecimal(at(fields, 10), LAC_END),
    )


def _utra_neighbour(fields: Sequence[str]) -> HeardCell | None:
    """Channel, PSC, EC/n0, RSCP."""
    channel, code = arfcn(Rat.WCDMA, fields[0]), psc(at(fields, 1))
    if channel is None or code is None:
        return None
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.WCDMA,
        arfcn=channel,
        psc=code,
        ecio_db=ecio_db(at(fields, 2)),
        rscp_dbm=rscp_dbm(at(fields, 3)),
    )


def _lte_neighbour(fields: Sequence[str]) -> HeardCell | None:
    """Channel, RSRQ, RSRP, Srxlev, PCI."""
    channel, identity = arfcn(Rat.LTE, fields[0]), pci(Rat.LTE, at(fields, 4))
    if channel is None or identity is None:
        return None
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.LTE,
        arfcn=channel,
        pci=identity,
        rsrp_dbm=_one_of("rsrp_dbm", fields[1:3]),
        rsrq_db=_one_of("rsrq_db", fields[1:3]),
    )


def _one_of(quantity: str, fields: Sequence[str]) -> float | None:
    return next((x for text in fields if (x := level(quantity, Rat.LTE, text)) is not None), None)


_NEIGHBOUR_ROWS: dict[str, _Row] = {
    "2G": _gsm_neighbour,
    "3G": _utra_neighbour,
    "4G": _lte_neighbour,
}


def surroundings(asked: Asked) -> Reading:
    """AT^SMONC: nine values for each GSM cell, the serving one first; no cell has MCC 000.

    Left out: the BSIC, of which manuals do not say in which base it is.
    """
    cells: list[HeardCell] = []
    for fields in _groups(asked):
        channel = arfcn(Rat.GSM, fields[5])
        mcc, mnc = plmn(fields[0], fields[1])
        if mcc is None or channel is None:
            continue
        cells.append(
            HeardCell(
                role=Role.NEIGHBOUR if cells else Role.SERVING,
                rat=Rat.GSM,
                mcc=mcc,
                mnc=mnc,
                lac=area_code(fields[2], LAC_END),
                cell_id=hexadecimal(fields[3], LAC_END),
                arfcn=channel,
                rssi_dbm=gsm_rssi_dbm(fields[6]),
            )
        )
    return Reading(mode="gsm" if cells else None, cells=tuple(cells))


def _groups(asked: Asked) -> Iterator[list[str]]:
    for value in asked.rows():
        fields = split(value)
        for start in range(0, len(fields) - _CELL_FIELDS_OF_SMONC + 1, _CELL_FIELDS_OF_SMONC):
            yield fields[start : start + _CELL_FIELDS_OF_SMONC]


def table(asked: Asked) -> Reading:
    """AT^SMONG, AT^MONI and AT^MONP: words below a heading of words, all of GSM.

    The first two have a row for the serving cell, the last one for each neighbour.
    """
    role = Role.NEIGHBOUR if asked.name == "^MONP" else Role.SERVING
    columns: list[str] = []
    cells: list[HeardCell] = []
    for line in asked.lines:
        words = line.split()
        upper = [word.upper() for word in words]
        if "MCC" in upper:
            columns = upper
            continue
        # A column of a call may have the name of one before it.
        pairs = [*zip(columns, words, strict=False)]
        cell = _table_row(dict(reversed(pairs)), role)
        if cell is not None and (role is Role.NEIGHBOUR or not cells):
            cells.append(cell)
    if not columns:
        raise asked.unreadable()
    return Reading(mode="gsm" if cells and role is Role.SERVING else None, cells=tuple(cells))


def _table_row(words: dict[str, str], role: Role) -> HeardCell | None:
    mcc, mnc = plmn(words.get("MCC", ""), words.get("MNC", ""))
    channel = arfcn(Rat.GSM, words.get("BCCH") or words.get("CHANN", ""))
    if mcc is None or channel is None:
        return None
    return HeardCell(
        role=role,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rssi_dbm=rssi_dbm(words.get("DBM", "")),
        lac=area_code(words.get("LAC", ""), LAC_END),
        cell_id=hexadecimal(words.get("CELL", ""), LAC_END),
        bsic=_bsic(words.get("NCC", ""), words.get("BCC", "")),
    )


def _bsic(ncc: str, bcc: str) -> int | None:
    """Both have three bits (TS 23.003 4.3.2)."""
    network, base = integer(ncc, 0, 7), integer(bcc, 0, 7)
    return None if network is None or base is None else network * 8 + base
