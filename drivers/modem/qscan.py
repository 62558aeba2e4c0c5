"""Quectel's scans: AT+QSCAN of the 5G modules and AT+QOPS of the LTE ones. No I/O."""

import re
from collections.abc import Iterable

from drivers.modem import qeng
from drivers.modem.errors import UnreadableError
from drivers.modem.fields import (
    BANDWIDTH_MHZ_BY_RB,
    at,
    hexadecimal,
    integer,
    level,
    plmn,
    split,
    values,
)
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END
from wire.cells import Cell, Rat

_QOPS_ROW = re.compile(r'\d+,"([234]G)",(.*)')


def qscan(lines: Iterable[str]) -> tuple[Cell, ...]:
    """Cells of AT+QSCAN=<kind>,1, whose rows are the same up to the cell, then differ."""
    lines = tuple(lines)
    cells = []
    for value in values(lines, "+QSCAN"):
        label, *fields = split(value)
        rat = {"LTE": Rat.LTE, "NR5G": Rat.NR, "NR": Rat.NR}.get(label.upper())
        if rat is None:
            raise UnreadableError("\n".join(lines))
        mcc, mnc = plmn(at(fields, 0), at(fields, 1))
        lte = rat is Rat.LTE
        blocks = integer(at(fields, 10), 0, 100) if lte else None
        cells.append(
            Cell(
                rat=rat,
                mcc=mcc,
                mnc=mnc,
                arfcn=qeng.arfcn(rat, at(fields, 2)),
                pci=qeng.pci(rat, at(fields, 3)),
                rsrp_dbm=level("rsrp_dbm", rat, at(fields, 4)),
                rsrq_db=level("rsrq_db", rat, at(fields, 5)),
                scs_khz=None if lte else qeng.nr_scs_khz(at(fields, 7)),
                cell_id=hexadecimal(at(fields, 8), ECI_END if lte else NCI_END),
                tac=hexadecimal(at(fields, 9), LAC_END if lte else TAC_5G_END),
                bandwidth_mhz=BANDWIDTH_MHZ_BY_RB.get(blocks or 0),
                band=qeng.band(at(fields, 11)),
            )
        )
    return tuple(cells)


def qops(lines: Iterable[str]) -> tuple[Cell, ...]:
    """Cells of AT+QOPS: a heading for each network, its cells below it without a prefix."""
    lines = tuple(lines)
    cells = []
    mcc: str | None = None
    mnc: str | None = None
    for line in lines:
        heading = next(values([line], "+QOPS"), None)
        if heading is not None:
            digits = at(split(heading), 2)
            mcc, mnc = plmn(digits[:3], digits[3:])
            continue
        row = _QOPS_ROW.fullmatch(line)
        if row is None:
            raise UnreadableError("\n".join(lines))
        cells.append(_qops_cell(row[1], split(row[2]), mcc, mnc))
    return tuple(cells)


def _qops_cell(label: str, fields: list[str], mcc: str | None, mnc: str | None) -> Cell:
    match label:
        case "2G":
            return Cell(
                rat=Rat.GSM,
                mcc=mcc,
                mnc=mnc,
                arfcn=qeng.arfcn(Rat.GSM, at(fields, 0)),
                lac=hexadecimal(at(fields, 1), LAC_END),
                cell_id=hexadecimal(at(fields, 2), LAC_END),
                bsic=integer(at(fields, 3), 0, 63),
                rssi_dbm=qeng.gsm_rssi_dbm(at(fields, 4)),
            )
        case "3G":
            return Cell(
                rat=Rat.WCDMA,
                mcc=mcc,
                mnc=mnc,
                arfcn=qeng.arfcn(Rat.WCDMA, at(fields, 0)),
                psc=integer(at(fields, 1), 0, 511),
                lac=hexadecimal(at(fields, 2), LAC_END),
                cell_id=hexadecimal(at(fields, 3), qeng.UTRA_CELL_END),
                rscp_dbm=qeng.rscp_dbm(at(fields, 4)),
            )
        case _:
            return Cell(
                rat=Rat.LTE,
                mcc=mcc,
                mnc=mnc,
                arfcn=qeng.arfcn(Rat.LTE, at(fields, 0)),
                pci=qeng.pci(Rat.LTE, at(fields, 1)),
                tac=hexadecimal(at(fields, 2), LAC_END),
                cell_id=hexadecimal(at(fields, 3), ECI_END),
                rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 4)),
                rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 5)),
            )
