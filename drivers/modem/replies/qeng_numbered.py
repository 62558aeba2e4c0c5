"""AT+QENG of Quectel's modules for one technology: NB-IoT (BC26, BC66, BC660K) and GSM (M66, M95).

Rows begin with a number instead of a name: 0 is the serving cell, 1 a neighbour of NB-IoT. No I/O.
"""

from collections.abc import Iterable, Sequence

from drivers.modem.fields import (
    area_code,
    arfcn,
    at,
    band,
    bsic,
    hexadecimal,
    is_digits,
    level,
    number,
    pci,
    plmn,
    rssi_dbm,
    split,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role, those
from drivers.modem.standard import ECI_END, LAC_END
from wire.cells import Rat

FIELDS_OF_A_MODE = 2
"""`mode,dump` stands before the cells of the GSM modules."""
FIELDS_OF_NB_NEIGHBOUR = 4
MIN_FIELDS = 10


def is_numbered(rows: Iterable[str]) -> bool:
    """Whether the rows are of this form."""
    return any(is_digits(row.partition(",")[0].strip()) for row in rows)


def cells(asked: Asked) -> Reading:
    """The serving cell, and the neighbours of NB-IoT; those of GSM are not read."""
    found: list[HeardCell | None] = []
    unread = []
    for value in asked.values():
        kind, *fields = split(value)
        cell = _cell(kind, fields)
        found.append(cell)
        if cell is None and len(fields) >= FIELDS_OF_A_MODE:
            unread.append(value)
    there = those(*found)
    if not there:
        raise asked.unreadable()
    serving = next((cell for cell in there if cell.role is Role.SERVING), None)
    return Reading(
        mode=None if serving is None else MODES[serving.rat],
        cells=there,
        unread=tuple(unread) or None,
    )


def _cell(kind: str, fields: Sequence[str]) -> HeardCell | None:
    if kind == "0" and len(fields) >= MIN_FIELDS:
        # A channel stands where NB-IoT has a level.
        return _gsm(fields) if is_digits(fields[4]) else _nb(fields)
    if kind == "1" and len(fields) == FIELDS_OF_NB_NEIGHBOUR:
        return _nb(fields, role=Role.NEIGHBOUR)
    return None


def _nb(fields: Sequence[str], *, role: Role = Role.SERVING) -> HeardCell | None:
    """EARFCN, offset, PCI, cell, RSRP, RSRQ, RSSI, SINR, band, TAC; of a neighbour but four."""
    if role is Role.NEIGHBOUR:
        fields = [fields[0], "", fields[1], "", *fields[2:]]
    channel, identity = arfcn(Rat.LTE, fields[0]), pci(Rat.LTE, fields[2])
    if channel is None or identity is None:
        return None
    return HeardCell(
        role=role,
        rat=Rat.LTE,
        arfcn=channel,
        pci=identity,
        cell_id=hexadecimal(fields[3], ECI_END),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 4)),
        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 5)),
        rssi_dbm=rssi_dbm(at(fields, 6)),
        # Unverified whether in dB or in tenths.
        sinr_raw=number(at(fields, 7)),
        band=band(at(fields, 8)),
        tac=area_code(at(fields, 9), LAC_END),
    )


def _gsm(fields: Sequence[str]) -> HeardCell | None:
    """MCC, MNC, LAC, cell, BCCH, BSIC, level in dBm."""
    mcc, mnc = plmn(fields[0], fields[1])
    channel = arfcn(Rat.GSM, fields[4])
    if channel is None:
        return None
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        lac=area_code(fields[2], LAC_END),
        cell_id=hexadecimal(fields[3], LAC_END),
        arfcn=channel,
        bsic=bsic(fields[5]),
        rssi_dbm=rssi_dbm(fields[6]),
    )
