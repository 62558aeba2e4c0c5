"""UNISOC's cells: AT+CCED, and the lines of AT+EEMGINFO that come after its OK. No I/O."""

from collections.abc import Sequence
from itertools import islice

import msgspec

from drivers.modem.fields import (
    MAX_ARFCN,
    area_code,
    arfcn,
    at,
    band,
    bsic,
    hexadecimal,
    integer,
    level,
    lte_width,
    lte_width_of_blocks,
    number,
    pci,
    plmn,
    rssi_dbm,
    split,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.standard import ECI_END, LAC_END, csq, stepped
from wire.cells import Rat

REPORTS = frozenset({"+EEMLTESVC", "+EEMLTEINTRA", "+EEMLTEINTER", "+EEMLTEINTERRAT"})
"""What AT+EEMGINFO? answers under: the serving cell, and neighbours by where they are."""
MAX_CELLS = 64

_LEVELS = 10
"""Where RSRP stands in +EEMLTESVC of 26 or 27 fields, behind the cell; RSRQ and SINR follow."""
_LEVELS_AFTER_MODE = 11
"""The same with the transmission mode before it, in 30 fields or more."""
_WITH_MODE = 30
_LEVELS_OF_ASR = 9
"""The same where a level stands in place of the cell, which follows in the longest rows."""
_CELL_OF_ASR = 21
_WITH_ANTENNAS = 50
_UNKNOWN_SINR = "255"


def cells(asked: Asked) -> Reading:
    """AT+CCED=0,1 for the serving cell, 0,2 for its neighbours, 0,8 for a level alone."""
    found: list[HeardCell] = []
    unread: list[str] = []
    signal = None
    for value in asked.rows():
        head, _, rest = value.partition(":")
        words = head.lower().split()
        if words[1:3] in (["current", "cell"], ["neighbor", "cell"], ["neighbour", "cell"]):
            role = Role.SERVING if words[1] == "current" else Role.NEIGHBOUR
            cell = _cell(words[0], role, split(rest))
            if cell is None:
                unread.append(value)
            elif _is_there(cell):
                found.append(cell)
        elif not rest and integer(split(value)[0], 0, 99) is not None:
            signal = csq((f"+CSQ: {value}",))
        else:
            unread.append(value)
    if unread and not found:
        raise asked.unreadable()
    if signal is not None and not found:
        return Reading(signal=signal)
    return Reading(
        mode=_mode(found),
        cells=tuple(found[:MAX_CELLS]),
        signal=signal,
        unread=tuple(unread) or None,
    )


def reports(asked: Asked) -> Reading:
    """+EEMLTESVC and its neighbours; the answer proper names a technology and no cell."""
    rows = [split(value) for value in islice(asked.values("+EEMLTESVC"), 1)]
    digits = next((integer(at(fields, 1), 2, 3) for fields in rows), None)
    found = [_serving(fields) for fields in rows]
    neighbours = islice(asked.values("+EEMLTEINTRA", "+EEMLTEINTER"), MAX_CELLS)
    found += [_neighbour(split(value), digits) for value in neighbours]
    others = islice(asked.values("+EEMLTEINTERRAT"), MAX_CELLS)
    found += [_gsm_neighbour(split(value), digits) for value in others]
    there = [cell for cell in found if cell is not None and _is_there(cell)]
    if not there:
        raise asked.unreadable()
    return Reading(mode=_mode(there), cells=tuple(there))


def _mode(found: Sequence[HeardCell]) -> str | None:
    serving = next((cell for cell in found if cell.role is Role.SERVING), None)
    return None if serving is None else MODES[serving.rat]


def _is_there(cell: HeardCell) -> bool:
    """Whether the row is of a cell; without one it is all zeros."""
    return bool(cell.mcc or cell.arfcn or cell.cell_id)


def _cell(name: str, role: Role, fields: Sequence[str]) -> HeardCell | None:
    serving = role is Role.SERVING
    match name:
        case "lte" if serving and len(fields) > 8:  # noqa: PLR2004  # with a level
            cell = _lte_serving(fields)
        case "lte" if not serving and len(fields) > 4:  # noqa: PLR2004  # with a level
            cell = _lte_neighbour(fields)
        case "gsm" if len(fields) > 4:  # noqa: PLR2004  # with a BSIC
            cell = _gsm(fields, serving=serving)
        case _:
            return None
    mcc, mnc = plmn(fields[0], fields[1])
    return msgspec.structs.replace(cell, mcc=mcc, mnc=mnc)


def _lte_serving(fields: Sequence[str]) -> HeardCell:
    """MCC, MNC, IMSI, roaming, band, width, EARFCN, cell, RSRP, RSRQ, TAC, Srxlev, PCI."""
    rsrp = fields[8]
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        band=band(fields[4]),
        bandwidth_mhz=_width(fields[5]),
        arfcn=_channel(fields[6]),
        cell_id=integer(fields[7], 1, ECI_END - 2),
        rsrp_dbm=_rsrp_dbm(rsrp),
        rsrq_db=_rsrq_db(at(fields, 9), rsrp),
        tac=area_code(at(fields, 10), LAC_END, base=10),
        pci=pci(Rat.LTE, at(fields, 12)),
    )


def _lte_neighbour(fields: Sequence[str]) -> HeardCell:
    """MCC, MNC, EARFCN, cell, RSRP, RSRQ, TAC, Srxlev, PCI."""
    rsrp = fields[4]
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.LTE,
        arfcn=_channel(fields[2]),
        cell_id=integer(fields[3], 1, ECI_END - 2),
        rsrp_dbm=_rsrp_dbm(rsrp),
        rsrq_db=_rsrq_db(at(fields, 5), rsrp),
        tac=area_code(at(fields, 6), LAC_END, base=10),
        pci=pci(Rat.LTE, at(fields, 8)),
    )


def _gsm(fields: Sequence[str], *, serving: bool) -> HeardCell:
    """MCC, MNC, LAC, cell, BSIC, level; the serving cell's numbers are in hexadecimal.

    Unverified: levels above the highest RXLEV, 63, are dBm without the sign; below that it is not
    certain which of the two they are.
    """
    numbers = fields[2:4]
    channel = hexadecimal(at(fields, 7), MAX_ARFCN[Rat.GSM] + 2) if serving else None
    base = 16 if serving else 10
    return HeardCell(
        role=Role.SERVING if serving else Role.NEIGHBOUR,
        rat=Rat.GSM,
        lac=area_code(numbers[0], LAC_END, base),
        cell_id=area_code(numbers[1], LAC_END, base),
        bsic=bsic(fields[4]),
        rssi_dbm=rssi_dbm(f"-{text}") if integer(text := at(fields, 5), 64, 120) else None,
        arfcn=channel,
    )


def _serving(fields: Sequence[str]) -> HeardCell | None:
    """MCC, length of MNC, MNC, TAC, PCI, EARFCN, of the uplink too, band, width, then it varies.

    MCC and MNC are hexadecimal digits printed as a decimal number. Unverified for other numbers
    of fields than 27 and 31.
    """
    if len(fields) <= _LEVELS + 2:
        return None
    mcc, mnc = _network(fields[0], fields[2], integer(fields[1], 2, 3))
    levels_at, cell_at = _LEVELS if len(fields) < _WITH_MODE else _LEVELS_AFTER_MODE, 9
    if integer(fields[_LEVELS_OF_ASR], 1, 97) is not None:
        levels_at = _LEVELS_OF_ASR
        cell_at = _CELL_OF_ASR if len(fields) >= _WITH_ANTENNAS else len(fields)
    rsrp, rsrq, sinr = fields[levels_at : levels_at + 3]
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        tac=area_code(fields[3], LAC_END, base=10),
        pci=pci(Rat.LTE, fields[4]),
        arfcn=_channel(fields[5]),
        band=band(fields[7]),
        bandwidth_mhz=_width(fields[8]),
        cell_id=integer(at(fields, cell_at), 1, ECI_END - 2),
        rsrp_dbm=_rsrp_dbm(rsrp),
        rsrq_db=_rsrq_db(rsrq, rsrp),
        sinr_raw=None if sinr == _UNKNOWN_SINR else number(sinr),
    )


def _network(mcc: str, mnc: str, digits: int | None) -> tuple[str | None, str | None]:
    of_mcc, of_mnc = integer(mcc, 0, 0xFFF), integer(mnc, 0, 0xFFF)
    if digits is None or of_mcc is None or of_mnc is None:
        return None, None
    return plmn(f"{of_mcc:03x}", f"{of_mnc:0{digits}x}")


def _neighbour(fields: Sequence[str], digits: int | None) -> HeardCell | None:
    """Number of the row, PCI, EARFCN, RSRP, RSRQ; some firmware adds MCC, MNC, TAC and the cell.

    The length of MNC is that of the serving cell. RSRQ is 0 throughout on some channels where RSRP
    is not: it was not measured there.
    """
    rsrp, rsrq = at(fields, 3), at(fields, 4)
    mcc, mnc = _network(at(fields, 5), at(fields, 6), digits)
    cell = HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        tac=area_code(at(fields, 7), LAC_END, base=10),
        cell_id=integer(at(fields, 8), 1, ECI_END - 2),
        pci=pci(Rat.LTE, at(fields, 1)),
        arfcn=_channel(at(fields, 2)),
        rsrp_dbm=_rsrp_dbm(rsrp),
        rsrq_db=None if rsrq == "0" else _rsrq_db(rsrq, rsrp),
    )
    return None if cell.pci is None or cell.arfcn is None else cell


def _gsm_neighbour(fields: Sequence[str], digits: int | None) -> HeardCell | None:
    """0 for GSM, a number, MCC, MNC, LAC, cell, channel, a number, level.

    Unverified: known from one row in a vendor's script, which names all but the numbers and the
    channel.
    """
    channel = arfcn(Rat.GSM, at(fields, 6))
    if fields[0] != "0" or channel is None:
        return None
    mcc, mnc = _network(fields[2], fields[3], digits)
    return HeardCell(
        role=Role.NEIGHBOUR,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        lac=area_code(fields[4], LAC_END, base=10),
        cell_id=area_code(fields[5], LAC_END, base=10),
        arfcn=channel,
        rssi_dbm=rssi_dbm(at(fields, 8)),
    )


def _channel(text: str) -> int | None:
    return arfcn(Rat.LTE, text) or None


def _width(text: str) -> float | None:
    """`n100` is a number of resource blocks, `5` a code."""
    blocks = text.removeprefix("n")
    return lte_width_of_blocks(blocks) if blocks != text or len(text) > 1 else lte_width(text)


def _is_index(rsrp: str) -> bool:
    return not rsrp.startswith("-")


def _rsrp_dbm(text: str) -> float | None:
    return stepped(text, 97, -141, 1) if _is_index(text) else level("rsrp_dbm", Rat.LTE, text)


def _rsrq_db(text: str, rsrp: str) -> float | None:
    return stepped(text, 34, -20, 0.5) if _is_index(rsrp) else level("rsrq_db", Rat.LTE, text)
