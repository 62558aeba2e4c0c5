"""Quectel's scans: AT+QSCAN of the 5G modules and AT+QOPS of the LTE ones. No I/O."""

import re

from drivers.modem.fields import (
    UTRA_CELL_END,
    arfcn,
    at,
    band,
    bsic,
    gsm_rssi_dbm,
    hexadecimal,
    level,
    lte_width_of_blocks,
    nr_scs_khz,
    pci,
    plmn,
    psc,
    rscp_dbm,
    split,
    values,
)
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END
from wire.cells import Rat

_QOPS_ROW = re.compile(r'\d+,"([234]G)",(.*)')


def qscan(asked: Asked) -> Reading:
    """Cells of AT+QSCAN=<kind>,1, whose rows are the same up to the cell, then differ."""
    cells = []
    for value in asked.values():
        label, *fields = split(value)
        rat = {"LTE": Rat.LTE, "NR5G": Rat.NR, "NR": Rat.NR}.get(label.upper())
        if rat is None:
            raise asked.unreadable()
        mcc, mnc = plmn(at(fields, 0), at(fields, 1))
        lte = rat is Rat.LTE
        cells.append(
            HeardCell(
                role=Role.SCAN,
                rat=rat,
                mcc=mcc,
                mnc=mnc,
                arfcn=arfcn(rat, at(fields, 2)),
                pci=pci(rat, at(fields, 3)),
                rsrp_dbm=level("rsrp_dbm", rat, at(fields, 4)),
                rsrq_db=level("rsrq_db", rat, at(fields, 5)),
                scs_khz=None if lte else nr_scs_khz(at(fields, 7)),
                cell_id=hexadecimal(at(fields, 8), ECI_END if lte else NCI_END),
                tac=hexadecimal(at(fields, 9), LAC_END if lte else TAC_5G_END),
                bandwidth_mhz=lte_width_of_blocks(at(fields, 10)) if lte else None,
                band=band(at(fields, 11)),
            )
        )
    return Reading(cells=tuple(cells))


def qops(asked: Asked) -> Reading:
    """Cells of AT+QOPS: a heading for each network, its cells below it without a prefix."""
    cells = []
    mcc: str | None = None
    mnc: str | None = None
    for line in asked.lines:
        heading = next(values([line], "+QOPS"), None)
        if heading is not None:
            digits = at(split(heading), 2)
            mcc, mnc = plmn(digits[:3], digits[3:])
            continue
        row = _QOPS_ROW.fullmatch(line)
        if row is None:
            raise asked.unreadable()
        cells.append(_qops_cell(row[1], split(row[2]), mcc, mnc))
    return Reading(cells=tuple(cells))


def _qops_cell(label: str, fields: list[str], mcc: str | None, mnc: str | None) -> HeardCell:
    match label:
        case "2G":
            return HeardCell(
                role=Role.SCAN,
                rat=Rat.GSM,
                mcc=mcc,
                mnc=mnc,
                arfcn=arfcn(Rat.GSM, at(fields, 0)),
                lac=hexadecimal(at(fields, 1), LAC_END),
                cell_id=hexadecimal(at(fields, 2), LAC_END),
                bsic=bsic(at(fields, 3)),
                rssi_dbm=gsm_rssi_dbm(at(fields, 4)),
            )
        case "3G":
            return HeardCell(
                role=Role.SCAN,
                rat=Rat.WCDMA,
                mcc=mcc,
                mnc=mnc,
                arfcn=arfcn(Rat.WCDMA, at(fields, 0)),
                psc=psc(at(fields, 1)),
                lac=hexadecimal(at(fields, 2), LAC_END),
                cell_id=hexadecimal(at(fields, 3), UTRA_CELL_END),
                rscp_dbm=rscp_dbm(at(fields, 4)),
            )
        case _:
            return HeardCell(
                role=Role.SCAN,
                rat=Rat.LTE,
                mcc=mcc,
                mnc=mnc,
                arfcn=arfcn(Rat.LTE, at(fields, 0)),
                pci=pci(Rat.LTE, at(fields, 1)),
                tac=hexadecimal(at(fields, 2), LAC_END),
                cell_id=hexadecimal(at(fields, 3), ECI_END),
                rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 4)),
                rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 5)),
            )
