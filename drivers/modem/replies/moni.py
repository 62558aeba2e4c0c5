"""Telit's AT#MONI and AT#CSURV: cells as `label: value`, as a table, or as bare numbers. No I/O.

AT#MONI answers of the cells AT#MONI=<set> chose: 0 the serving one, 1 and 2 LTE on its own and on
other channels, 7 a table of GSM. Forms: Telit's AT reference guides, and captures.
"""

import re
from collections.abc import Callable, Sequence

import msgspec

from drivers.modem.fields import (
    UTRA_CELL_END,
    area_code,
    arfcn,
    at,
    band,
    ecio_db,
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
)
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.replies.rfsts import SINR_RAW_MAX, nr_width_in_mhz, octal_bsic
from drivers.modem.standard import ECI_END, LAC_END, NCI_END
from wire.cells import Rat

_LABELLED = re.compile(
    r"(?<![A-Za-z0-9_])([A-Za-z][A-Za-z0-9_]*)[ ]{0,4}:[ ]{0,4}([^\s,:]*)", re.ASCII
)
_UNIT = re.compile(r"dbm?$", re.IGNORECASE)
_TABLE_HEADER = re.compile(r"Cell\s+BSIC", re.IGNORECASE | re.ASCII)
_TABLE_ROW = re.compile(r"S|N\d{1,2}", re.IGNORECASE | re.ASCII)
_ADJACENT = re.compile(r"Adj", re.IGNORECASE)
_OTHER_CHANNELS = re.compile(r"=\s?[2-6](?!\d)", re.ASCII)
_TABLE_COLUMNS = 6
_SCS_KHZ = (15, 30, 60, 120, 240)

_Labels = dict[str, str]


def cells(asked: Asked) -> Reading:
    """The cells of AT#MONI, whichever were chosen.

    Of a list of LTE cells the first serves, unless other channels were asked for.
    """
    found: list[HeardCell] = []
    unread = []
    for value in asked.rows():
        if _TABLE_HEADER.match(value):
            continue
        words = value.split()
        if words and _TABLE_ROW.fullmatch(words[0]) and len(words) >= _TABLE_COLUMNS:
            cell = _table_row(words)
            found += [] if cell is None else [cell]
            continue
        labels = _labels(value)
        rows = [row for label, row in _ROWS if label in labels]
        if not rows:
            unread.append(value)
        for row in rows:
            cell = row(labels)
            if cell is not None:
                role = _role(asked, value, labels, cell, found)
                found.append(msgspec.structs.replace(cell, role=role))
    if unread and not found:
        raise asked.unreadable()
    return Reading(cells=tuple(found), unread=tuple(unread) or None)


def survey(asked: Asked) -> Reading:
    """Cells of AT#CSURV in words, and of AT#CSURVC in numbers, between two lines of prose.

    Channels that carry no cell are left out.
    """
    found: list[HeardCell] = []
    unread = []
    for line in asked.lines:
        row = re.sub(r"^#CSURV[A-Z]{0,6}:", "", line, flags=re.IGNORECASE).strip()
        if not row or row.upper().startswith("NETWORK SURVEY"):
            continue
        labels = _labels(row)
        cell = _surveyed(labels) if labels else _survey_row(split(row))
        if cell is not None:
            found.append(cell)
        elif not row[0].isdigit() and not labels:
            unread.append(row)
    if unread and not found:
        raise asked.unreadable()
    return Reading(cells=tuple(found), unread=tuple(unread) or None)


def _labels(text: str) -> _Labels:
    """By label in capitals; of one that comes twice the first."""
    labels: _Labels = {}
    for name, value in _LABELLED.findall(text):
        labels.setdefault(name.upper(), _UNIT.sub("", value))
    return labels


def _role(
    asked: Asked, value: str, labels: _Labels, cell: HeardCell, before: Sequence[HeardCell]
) -> Role:
    if cell.rat is Rat.NR:
        return Role.NR_SECONDARY if any(c.rat is Rat.LTE for c in before) else Role.SERVING
    if _ADJACENT.match(value):
        return Role.NEIGHBOUR
    if "TAC" in labels or "LAC" in labels:
        return Role.SERVING
    others = bool(_OTHER_CHANNELS.match(asked.arguments))
    first_of_lte = cell.rat is Rat.LTE and not before and not others
    return Role.SERVING if first_of_lte else Role.NEIGHBOUR


def _network(labels: _Labels) -> tuple[str | None, str | None]:
    """`Cc` and `Nc`, which stand where the network has no name."""
    return plmn(labels.get("CC", ""), labels.get("NC", ""))


def _lte(labels: _Labels) -> HeardCell | None:
    channel = arfcn(Rat.LTE, labels["EARFCN"])
    if channel is None:
        return None
    mcc, mnc = _network(labels)
    has_cell = "TAC" in labels
    cell = hexadecimal(labels.get("ID", ""), ECI_END)
    # Without an area, Id is the physical cell.
    identity = labels.get("PCI", "" if has_cell or cell is None else str(cell))
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        pci=pci(Rat.LTE, identity),
        cell_id=cell if has_cell else None,
        tac=area_code(labels.get("TAC", ""), LAC_END),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, labels.get("RSRP", "")),
        rsrq_db=level("rsrq_db", Rat.LTE, labels.get("RSRQ", "")),
        rssi_dbm=rssi_dbm(labels.get("PWR", "")),
    )


def _nr(labels: _Labels) -> HeardCell | None:
    channel = arfcn(Rat.NR, labels["NR_CH"])
    if not channel:
        return None
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.NR,
        arfcn=channel,
        band=band(labels.get("NR_BAND", "")),
        bandwidth_mhz=nr_width_in_mhz(labels.get("NR_BW", "")),
        pci=pci(Rat.NR, labels.get("NR_PCI", "")),
        rsrp_dbm=level("rsrp_dbm", Rat.NR, labels.get("NR_RSRP", "")),
        rsrq_db=level("rsrq_db", Rat.NR, labels.get("NR_RSRQ", "")),
        sinr_raw=_sinr_raw(labels.get("NR_SINR", "")),
    )


def _sinr_raw(text: str) -> float | None:
    raw = integer(text, 0, SINR_RAW_MAX)
    return None if raw is None else float(raw)


def _utra(labels: _Labels) -> HeardCell | None:
    channel = arfcn(Rat.WCDMA, labels["UARFCN"])
    if channel is None:
        return None
    mcc, mnc = _network(labels)
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        psc=psc(labels.get("PSC", "")),
        rscp_dbm=rscp_dbm(labels.get("RSCP", "")),
        ecio_db=ecio_db(labels.get("ECIO", "")),
        rssi_dbm=rssi_dbm(labels.get("PWR", "")),
        lac=area_code(labels.get("LAC", ""), LAC_END),
        cell_id=hexadecimal(labels.get("ID", ""), UTRA_CELL_END),
    )


def _gsm(labels: _Labels) -> HeardCell | None:
    channel = arfcn(Rat.GSM, labels["ARFCN"])
    if channel is None:
        return None
    mcc, mnc = _network(labels)
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        bsic=octal_bsic(labels.get("BSIC", "")),
        lac=area_code(labels.get("LAC", ""), LAC_END),
        cell_id=hexadecimal(labels.get("ID", ""), LAC_END),
        rssi_dbm=rssi_dbm(labels.get("PWR", "")),
    )


_ROWS: tuple[tuple[str, Callable[[_Labels], HeardCell | None]], ...] = (
    ("EARFCN", _lte),
    ("UARFCN", _utra),
    ("ARFCN", _gsm),
    ("NR_CH", _nr),
)


def _table_row(words: Sequence[str]) -> HeardCell | None:
    """`S 70 22A7 1D23 62 -83dbm`: role, BSIC, LAC, cell, channel, power; `N1` is a neighbour."""
    channel = arfcn(Rat.GSM, words[4])
    if channel is None:
        return None
    return HeardCell(
        role=Role.SERVING if words[0].upper() == "S" else Role.NEIGHBOUR,
        rat=Rat.GSM,
        arfcn=channel,
        bsic=octal_bsic(words[1]),
        lac=area_code(words[2], LAC_END),
        cell_id=hexadecimal(words[3], LAC_END),
        rssi_dbm=rssi_dbm(_UNIT.sub("", words[5])),
    )


def _surveyed(labels: _Labels) -> HeardCell | None:
    """A cell of AT#CSURV; the area and the cell of GSM and UTRA are decimal, of LTE hexadecimal."""
    mcc, mnc = plmn(labels.get("MCC", ""), labels.get("MNC", ""))
    if "NR_ARFCN" in labels:
        return _surveyed_nr(labels)
    if "EARFCN" in labels:
        return HeardCell(
            role=Role.SCAN,
            rat=Rat.LTE,
            mcc=mcc,
            mnc=mnc,
            arfcn=arfcn(Rat.LTE, labels["EARFCN"]),
            pci=_hex_pci(labels.get("CELLID", "")),
            tac=area_code(labels.get("TAC", ""), LAC_END),
            cell_id=hexadecimal(labels.get("CELLIDENTITY", ""), ECI_END),
            rssi_dbm=rssi_dbm(labels.get("RXLEV", "")),
            rsrp_dbm=level("rsrp_dbm", Rat.LTE, labels.get("RSRP", "")),
            rsrq_db=level("rsrq_db", Rat.LTE, labels.get("RSRQ", "")),
        )
    if mcc is None:
        return None
    if "UARFCN" in labels:
        return HeardCell(
            role=Role.SCAN,
            rat=Rat.WCDMA,
            mcc=mcc,
            mnc=mnc,
            arfcn=arfcn(Rat.WCDMA, labels["UARFCN"]),
            lac=area_code(labels.get("LAC", ""), LAC_END, base=10),
            cell_id=integer(labels.get("CELLID", ""), 1, UTRA_CELL_END - 2),
            rssi_dbm=rssi_dbm(labels.get("RXLEV", "")),
            rscp_dbm=rscp_dbm(labels.get("RSCP", "")),
            ecio_db=ecio_db(labels.get("ECIO", "")),
        )
    return HeardCell(
        role=Role.SCAN,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        arfcn=arfcn(Rat.GSM, labels.get("ARFCN", "")),
        bsic=integer(labels.get("BSIC", ""), 0, 63),
        lac=area_code(labels.get("LAC", ""), LAC_END, base=10),
        cell_id=integer(labels.get("CELLID", ""), 1, LAC_END - 2),
        rssi_dbm=rssi_dbm(labels.get("RXLEV", "")),
    )


def _surveyed_nr(labels: _Labels) -> HeardCell | None:
    """unverified: the labels are those that a program for FN990 looks for."""
    mcc, mnc = plmn(labels.get("NR_MCC", ""), labels.get("NR_MNC", ""))
    spacing = integer(labels.get("NR_SCS", ""), 0, max(_SCS_KHZ))
    return HeardCell(
        role=Role.SCAN,
        rat=Rat.NR,
        mcc=mcc,
        mnc=mnc,
        arfcn=arfcn(Rat.NR, labels["NR_ARFCN"]),
        band=band(labels.get("NR_BAND", "")),
        scs_khz=spacing if spacing in _SCS_KHZ else None,
        pci=pci(Rat.NR, labels.get("PCI", "")),
        cell_id=integer(labels.get("CELL_ID", ""), 1, NCI_END - 2),
    )


def _survey_row(fields: Sequence[str]) -> HeardCell | None:
    """A row of AT#CSURVC, by where the country code is and by how many fields there are."""
    count = len(fields)
    mcc, mnc = plmn(at(fields, 2), at(fields, 3))
    if mcc is None:
        return _gsm_survey_row(fields)
    row = _LTE_SURVEY_ROWS.get(count)
    if row is not None:
        cell = row(fields)
    elif count == _UTRA_SURVEY_FIELDS:
        # unverified: the scale of field 4, "scr code", is not told.
        cell = HeardCell(
            role=Role.SCAN,
            rat=Rat.WCDMA,
            arfcn=arfcn(Rat.WCDMA, fields[0]),
            cell_id=integer(fields[5], 1, UTRA_CELL_END - 2),
            lac=area_code(fields[6], LAC_END, base=10),
            rssi_dbm=rssi_dbm(fields[1]),
            rscp_dbm=rscp_dbm(fields[8]),
            ecio_db=ecio_db(fields[9]),
        )
    else:
        return None
    return msgspec.structs.replace(cell, mcc=mcc, mnc=mnc)


_UTRA_SURVEY_FIELDS = 10


def _lm960_row(fields: Sequence[str]) -> HeardCell:
    """Channel, RSSI, network, cell, TAC, PCI, state, RSRP, RSRQ, MHz; all decimal."""
    return HeardCell(
        role=Role.SCAN,
        rat=Rat.LTE,
        arfcn=arfcn(Rat.LTE, fields[0]),
        rssi_dbm=rssi_dbm(fields[1]),
        cell_id=integer(fields[4], 1, ECI_END - 2),
        tac=area_code(fields[5], LAC_END, base=10),
        pci=pci(Rat.LTE, fields[6]),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, fields[8]),
        rsrq_db=level("rsrq_db", Rat.LTE, fields[9]),
        bandwidth_mhz=lte_width_in_mhz(fields[10]),
    )


def _le910_row(fields: Sequence[str]) -> HeardCell:
    """Channel, RSSI, network, PCI, TAC, cell, RSRP, RSRQ; the identities hexadecimal."""
    return HeardCell(
        role=Role.SCAN,
        rat=Rat.LTE,
        arfcn=arfcn(Rat.LTE, fields[0]),
        rssi_dbm=rssi_dbm(fields[1]),
        pci=_hex_pci(fields[4]),
        tac=area_code(fields[5], LAC_END),
        cell_id=hexadecimal(fields[6], ECI_END),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, fields[7]),
        rsrq_db=level("rsrq_db", Rat.LTE, fields[8]),
    )


def _me910_row(fields: Sequence[str]) -> HeardCell:
    """Channel, RSRP, network, PCI, TAC, cell.

    unverified: the base of the last two, which are left out.
    """
    return HeardCell(
        role=Role.SCAN,
        rat=Rat.LTE,
        arfcn=arfcn(Rat.LTE, fields[0]),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, fields[1]),
        pci=pci(Rat.LTE, fields[4]),
    )


_LTE_SURVEY_ROWS: dict[int, Callable[[Sequence[str]], HeardCell]] = {
    7: _me910_row,
    9: _le910_row,
    11: _lm960_row,
}


def _gsm_survey_row(fields: Sequence[str]) -> HeardCell | None:
    """Channel, BSIC, RXLEV, error rate, network, LAC and cell, all decimal; None for no cell."""
    mcc, mnc = plmn(at(fields, 4), at(fields, 5))
    if mcc is None:
        return None
    return HeardCell(
        role=Role.SCAN,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        arfcn=arfcn(Rat.GSM, fields[0]),
        bsic=integer(fields[1], 0, 63),
        rssi_dbm=rssi_dbm(fields[2]),
        lac=area_code(at(fields, 6), LAC_END, base=10),
        cell_id=integer(at(fields, 7), 1, LAC_END - 2),
    )


def _hex_pci(text: str) -> int | None:
    value = hexadecimal(text, ECI_END)
    return None if value is None else pci(Rat.LTE, str(value))
