"""Huawei's cells: AT^MONSC, AT^MONNC, AT^MONSSC, AT^HFREQINFO and their kin. No I/O.

Cell, area and PCI are hexadecimal. Levels are whole dB(m); 5G firmware is documented to print some
in eighths.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from drivers.modem.fields import (
    UTRA_CELL_END,
    arfcn,
    at,
    band,
    bsic,
    ecio_db,
    hexadecimal,
    integer,
    level,
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
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END
from wire.cells import Rat

UNMEASURED_NR_DBM = -157
"""Printed for no RSRP; what is less is in eighths, -1256 for none."""
FIELDS_OF_CARRIER = 7
_BEAMS_END = 22
_SCANNED_RATS = {"2": Rat.LTE, "3": Rat.NR}
_SCANNED_TO_RSRP = 11
_BAND_END = 514
FIELDS_OF_BEAM_NEIGHBOUR = 12
MAX_BEAM_NEIGHBOURS = 16
PCI_END = 1009
MAX_LTE_PCI = 503
_CARRIER_RATS = {"3": Rat.WCDMA, "6": Rat.LTE, "7": Rat.NR}
_CARRIER_MHZ = {Rat.WCDMA: (5, 5), Rat.LTE: (1.4, 20), Rat.NR: (3, 400)}
_NR_SCS_KHZ = frozenset({15, 30, 60, 120, 240})


def serving(asked: Asked) -> Reading:
    """AT^MONSC: EN-DC has a row for LTE and, on some firmware, one for NR."""
    cells: list[HeardCell] = []
    unread = []
    nobody = False
    for value in asked.values("^MONSC"):
        label, *fields = split(value)
        row = _SERVING.get(label.upper())
        cell = row(fields) if row is not None else None
        if cell is not None:
            cells.append(cell)
        elif label.upper() == "NONE" or (row is not None and not any(fields)):
            nobody = True
        else:
            unread.append(value)
    if not cells and (unread or not nobody):
        raise asked.unreadable()
    found = _roles(cells)
    legs = {cell.role for cell in found}
    mode = "no-service" if not found else MODES[found[0].rat]
    return Reading(
        mode="nr-nsa" if Role.NR_SECONDARY in legs else mode,
        cells=found,
        unread=tuple(unread) or None,
    )


def neighbours(asked: Asked) -> Reading:
    """AT^MONNC: the fields of a row depend on its technology alone.

    unverified: whether every firmware prints the PCI of LTE as hexadecimal, as examples have it.
    """
    cells: list[HeardCell] = []
    unread = []
    for value in asked.values("^MONNC"):
        label, *fields = split(value)
        row = _NEIGHBOURS.get(label.upper())
        cell = row(fields) if row is not None else None
        if cell is not None:
            cells.append(cell)
        elif label.upper() != "NONE" and (row is None or at(fields, 1)):
            unread.append(value)
    return Reading(cells=tuple(cells), unread=tuple(unread) or None)


def beams(asked: Asked) -> Reading:
    """AT^NRSSBID?: the serving NR cell and its neighbours, in front of the beams of each.

    `ARFCN,cell,PCI,RSRP,SINR,advance`, eight beams, how many neighbours, and for each
    `PCI,ARFCN,RSRP,SINR` and four beams. Here the PCI is decimal (captures of MT5700M).
    """
    for value in asked.values("^NRSSBID"):
        fields = split(value)
        channel = arfcn(Rat.NR, fields[0])
        if channel is None or len(fields) <= _BEAMS_END:
            break
        serving_cell = HeardCell(
            role=Role.SERVING,
            rat=Rat.NR,
            arfcn=channel,
            cell_id=hexadecimal(fields[1], NCI_END) or None,
            pci=pci(Rat.NR, fields[2]),
            rsrp_dbm=level("rsrp_dbm", Rat.NR, fields[3]),
            sinr_db=level("sinr_db", Rat.NR, fields[4]),
        )
        count = integer(fields[_BEAMS_END], 0, MAX_BEAM_NEIGHBOURS) or 0
        starts = range(_BEAMS_END + 1, len(fields) - 3, FIELDS_OF_BEAM_NEIGHBOUR)
        found = (_beam_neighbour(fields[start : start + 4]) for start in starts[:count])
        return Reading(cells=(serving_cell, *(cell for cell in found if cell is not None)))
    raise asked.unreadable()


def _beam_neighbour(fields: Sequence[str]) -> HeardCell | None:
    channel, identity = arfcn(Rat.NR, fields[1]), pci(Rat.NR, fields[0])
    if channel is None or identity is None:
        return None
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.NR,
        arfcn=channel,
        pci=identity,
        rsrp_dbm=level("rsrp_dbm", Rat.NR, fields[2]),
        sinr_db=level("sinr_db", Rat.NR, fields[3]),
    )


def scan(asked: Asked) -> Reading:
    """AT^CELLSCAN: a row for each cell of any network, `technology,PLMN,..,PCI,band,area,cell,...`.

    Spacing and RSRP follow three fields of older technologies. unverified: from four programs, and
    left out is what they do not agree on: whether a frequency or a channel is in between, and the
    steps of RSRQ and SINR.
    """
    cells: list[HeardCell] = []
    unread = []
    for value in asked.values("^CELLSCAN"):
        fields = split(value)
        cell = _scanned(fields) if len(fields) > _SCANNED_TO_RSRP else None
        if cell is not None:
            cells.append(cell)
        else:
            unread.append(value)
    if unread and not cells:
        raise asked.unreadable()
    return Reading(cells=tuple(cells), unread=tuple(unread) or None)


def _scanned(fields: Sequence[str]) -> HeardCell | None:
    rat = _SCANNED_RATS.get(fields[0])
    identity = None if rat not in {Rat.LTE, Rat.NR} else pci(rat, fields[3])
    if rat is None or identity is None:
        return None
    mcc, mnc = plmn(fields[1][:3], fields[1][3:])
    has_5gs = rat is Rat.NR
    return HeardCell(
        role=Role.SCAN,
        rat=rat,
        mcc=mcc,
        mnc=mnc,
        pci=identity,
        band=hexadecimal(fields[4], _BAND_END) or None,
        tac=hexadecimal(fields[5], TAC_5G_END if has_5gs else LAC_END),
        cell_id=hexadecimal(fields[6], NCI_END if has_5gs else ECI_END) or None,
        scs_khz=nr_scs_khz(fields[10]) if has_5gs else None,
        rsrp_dbm=level("rsrp_dbm", rat, fields[_SCANNED_TO_RSRP]),
    )


def secondary(asked: Asked) -> Reading:
    """AT^MONSSC: the NR carriers beside an LTE cell (vendor manual)."""
    cells: list[HeardCell] = []
    unread = []
    for value in asked.values("^MONSSC"):
        label, *fields = split(value)
        cell = _nr_neighbour(fields) if label.upper() == "NR" else None
        if cell is not None:
            role = Role.SCC if cells else Role.NR_SECONDARY
            cells.append(msgspec.structs.replace(cell, role=role))
        elif label.upper() != "NONE":
            unread.append(value)
    if not cells and unread:
        raise asked.unreadable()
    return Reading(cells=tuple(cells), unread=tuple(unread) or None)


def carriers(asked: Asked) -> Reading:
    """AT^HFREQINFO?: a row for each technology, with one carrier or several.

    The channel of NR is that of the carrier's centre, not of its SSB as in AT^MONSC.
    """
    cells: list[HeardCell] = []
    for value in asked.values("^HFREQINFO"):
        fields = split(value)
        if len(fields) % FIELDS_OF_CARRIER == 1:
            # Sent unasked, the switch may be left out.
            fields.insert(0, "")
        rat = _CARRIER_RATS.get(at(fields, 1))
        rest = fields[2:]
        if rat is not None and len(rest) >= FIELDS_OF_CARRIER - 1:
            starts = range(0, len(rest), FIELDS_OF_CARRIER)
            found = (_carrier(rat, rest[start : start + FIELDS_OF_CARRIER]) for start in starts)
            cells.extend(cell for cell in found if cell is not None)
    if not cells:
        raise asked.unreadable()
    return Reading(cells=_roles(cells))


def lte_identity(asked: Asked) -> Reading:
    """AT^CECELLID?: network, cell, PCI and area.

    unverified: decimal, as the vendor's sources print it; its manual says hexadecimal.
    """
    for value in asked.values("^CECELLID"):
        fields = split(value)
        mcc, mnc = plmn(fields[0][:3], fields[0][3:])
        cell_id = integer(at(fields, 1), 0, ECI_END - 2)
        if mcc is not None and cell_id is not None:
            cell = HeardCell(
                role=Role.SERVING,
                rat=Rat.LTE,
                mcc=mcc,
                mnc=mnc,
                cell_id=cell_id,
                pci=pci(Rat.LTE, at(fields, 2)),
                tac=integer(at(fields, 3), 0, LAC_END - 2),
            )
            return Reading(cells=(cell,), mode="lte")
    raise asked.unreadable()


def _roles(cells: Iterable[HeardCell]) -> tuple[HeardCell, ...]:
    """The first of each technology serves, NR beside LTE as its leg; the others are added to it."""
    cells = tuple(cells)
    anchored = any(cell.rat is Rat.LTE for cell in cells)
    seen: set[Rat] = set()
    found = []
    for cell in sorted(cells, key=lambda cell: anchored and cell.rat is not Rat.LTE):
        role = Role.NR_SECONDARY if anchored and cell.rat is Rat.NR else Role.SERVING
        role = Role.SCC if cell.rat in seen else role
        found.append(msgspec.structs.replace(cell, role=role))
        seen.add(cell.rat)
    return tuple(found)


def _lte(fields: Sequence[str]) -> HeardCell | None:
    """`MCC,MNC,EARFCN,cell,PCI,TAC,RSRP,RSRQ,RSSI`."""
    channel = arfcn(Rat.LTE, at(fields, 2))
    if channel is None:
        return None
    mcc, mnc = plmn(fields[0], fields[1])
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        cell_id=hexadecimal(at(fields, 3), ECI_END),
        pci=_lte_pci(at(fields, 4)),
        tac=hexadecimal(at(fields, 5), LAC_END),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 6)),
        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 7)),
        rssi_dbm=rssi_dbm(at(fields, 8)),
    )


def _nr(fields: Sequence[str]) -> HeardCell | None:
    """`MCC,MNC,ARFCN,SCS,cell,PCI,TAC,RSRP,RSRQ,SINR`; an EN-DC leg has no network of its own."""
    channel = arfcn(Rat.NR, at(fields, 2))
    if channel is None:
        return None
    mcc, mnc = plmn(fields[0], fields[1])
    rsrp, rsrq, sinr = _nr_levels(fields[7:])
    spacing = integer(at(fields, 3), 15, 240)
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.NR,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        scs_khz=spacing if spacing in _NR_SCS_KHZ else nr_scs_khz(at(fields, 3)),
        cell_id=hexadecimal(at(fields, 4), NCI_END),
        pci=hexadecimal(at(fields, 5), PCI_END),
        tac=hexadecimal(at(fields, 6), TAC_5G_END),
        rsrp_dbm=rsrp,
        rsrq_db=rsrq,
        sinr_db=sinr,
    )


def _wcdma(fields: Sequence[str]) -> HeardCell | None:
    """`MCC,MNC,UARFCN,PSC,cell,LAC,RSCP,RxLev,Ec/N0,...`."""
    channel = arfcn(Rat.WCDMA, at(fields, 2))
    if channel is None:
        return None
    mcc, mnc = plmn(fields[0], fields[1])
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        psc=psc(at(fields, 3)),
        cell_id=hexadecimal(at(fields, 4), UTRA_CELL_END),
        lac=hexadecimal(at(fields, 5), LAC_END),
        rscp_dbm=rscp_dbm(at(fields, 6)),
        rssi_dbm=rssi_dbm(at(fields, 7)),
        ecio_db=ecio_db(at(fields, 8)),
    )


def _gsm(fields: Sequence[str]) -> HeardCell | None:
    """`MCC,MNC,band,ARFCN,BSIC,cell,LAC,RxLev,...`."""
    mcc, mnc = plmn(fields[0], at(fields, 1)) if fields else (None, None)
    cell = _gsm_neighbour(fields[2:])
    return None if cell is None else msgspec.structs.replace(cell, mcc=mcc, mnc=mnc)


def _gsm_neighbour(fields: Sequence[str]) -> HeardCell | None:
    """`band,ARFCN,BSIC,cell,LAC,RxLev`; cell and area are 0 while LTE serves."""
    channel = arfcn(Rat.GSM, at(fields, 1))
    if channel is None:
        return None
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.GSM,
        arfcn=channel,
        bsic=bsic(at(fields, 2)),
        cell_id=hexadecimal(at(fields, 3), LAC_END) or None,
        lac=hexadecimal(at(fields, 4), LAC_END) or None,
        rssi_dbm=rssi_dbm(at(fields, 5)),
    )


def _wcdma_neighbour(fields: Sequence[str]) -> HeardCell | None:
    """`UARFCN,PSC,RSCP,Ec/N0`."""
    code = psc(at(fields, 1))
    if code is None:
        return None
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.WCDMA,
        arfcn=arfcn(Rat.WCDMA, fields[0]),
        psc=code,
        rscp_dbm=rscp_dbm(at(fields, 2)),
        ecio_db=ecio_db(at(fields, 3)),
    )


def _lte_neighbour(fields: Sequence[str]) -> HeardCell | None:
    """`EARFCN,PCI,RSRP,RSRQ,RxLev`."""
    identity = _lte_pci(at(fields, 1))
    if identity is None:
        return None
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.LTE,
        arfcn=arfcn(Rat.LTE, fields[0]),
        pci=identity,
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 2)),
        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 3)),
        rssi_dbm=rssi_dbm(at(fields, 4)),
    )


def _nr_neighbour(fields: Sequence[str]) -> HeardCell | None:
    """`ARFCN,PCI,RSRP,RSRQ,SINR`."""
    identity = hexadecimal(at(fields, 1), PCI_END)
    if identity is None:
        return None
    rsrp, rsrq, sinr = _nr_levels(fields[2:])
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.NR,
        arfcn=arfcn(Rat.NR, fields[0]),
        pci=identity,
        rsrp_dbm=rsrp,
        rsrq_db=rsrq,
        sinr_db=sinr,
    )


def _nr_levels(fields: Sequence[str]) -> tuple[float | None, float | None, float | None]:
    power = number(at(fields, 0))
    scale = 8 if power is not None and power < UNMEASURED_NR_DBM else 1

    def scaled(quantity: str, text: str) -> float | None:
        value = number(text)
        return None if value is None else level(quantity, Rat.NR, str(value / scale))

    return (
        scaled("rsrp_dbm", at(fields, 0)),
        scaled("rsrq_db", at(fields, 1)),
        scaled("sinr_db", at(fields, 2)),
    )


def _lte_pci(text: str) -> int | None:
    return hexadecimal(text, MAX_LTE_PCI + 2)


def _carrier(rat: Rat, fields: Sequence[str]) -> HeardCell | None:
    """`band,channel,frequency,width` down and `channel,frequency,width` up; zeros for none."""
    if not _is_there(fields[1:3]):
        return None
    return HeardCell(
        role=Role.SERVING,
        rat=rat,
        band=band(fields[0]),
        arfcn=arfcn(rat, fields[1]),
        bandwidth_mhz=_mhz(rat, at(fields, 3)),
        ul_bandwidth_mhz=_mhz(rat, at(fields, 6)) if _is_there(fields[4:6]) else None,
    )


def _is_there(fields: Sequence[str]) -> bool:
    return any(number(text) for text in fields)


def _mhz(rat: Rat, khz: str) -> float | None:
    value = number(khz)
    return None if value is None else within(str(value / 1000), *_CARRIER_MHZ[rat])


_Row = Callable[[Sequence[str]], HeardCell | None]
_SERVING: dict[str, _Row] = {
    "GSM": _gsm,
    "WCDMA": _wcdma,
    "UMTS": _wcdma,
    "LTE": _lte,
    "LTE-NR": _lte,
    "NR": _nr,
    "NR-5GC": _nr,
}
_NEIGHBOURS: dict[str, _Row] = {
    "GSM": _gsm_neighbour,
    "WCDMA": _wcdma_neighbour,
    "LTE": _lte_neighbour,
    "NR": _nr_neighbour,
}
