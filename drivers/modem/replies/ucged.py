"""u-blox's cells: AT+UCGED? in the layouts of its modules, and AT+UCELLINFO?. No I/O.

The layout is told by the reply itself: the technology stands in the first row, and whether levels
are indexes or dB(m) is told by the sign of RSRP.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from drivers.modem.fields import (
    ABSENT,
    MAX_ARFCN,
    UTRA_CELL_END,
    area_code,
    arfcn,
    at,
    band,
    bsic,
    hexadecimal,
    integer,
    level,
    lte_width_of_blocks,
    number,
    pci,
    plmn,
    psc,
    split,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.standard import ECI_END, LAC_END, stepped
from wire.cells import Rat

REPORTS = frozenset({"+RSRP", "+RSRQ"})
"""What AT+UCGED? answers under in mode 5."""
UNKNOWN_CHANNEL = 65_535
UNKNOWN_BAND = 255
MAX_MEASURED = 64
"""Cells of one report; modules list up to some ten."""

_WITHOUT_SERVICE = {"0": "no-service", "1": "no-service", "2": "searching", "3": "no-service"}
"""By <svc>, where there is no cell."""
_RATS = {"2": Rat.GSM, "3": Rat.WCDMA, "4": Rat.LTE, "6": Rat.LTE, "7": Rat.LTE}
"""By <rat>; 6 is Cat M1, 7 NB-IoT."""
_SINR_IN_TENTHS = ("LARA-R6", "LENA-R8")


def environment(asked: Asked) -> Reading:
    """AT+UCGED?: the serving cell; neighbours in further rows are not read."""
    if any(asked.values(*REPORTS)):
        return _measured(asked)
    rows = _rows(asked)
    head, data = (*rows, [], [])[:2]
    if integer(at(head, 0), 0, 9) is None or len(head) not in {3, 4}:
        raise asked.unreadable()
    # R422, and every module on GSM, leave <svc> out.
    has_service = at(head, 3) != ""
    mcc, mnc = plmn(at(head, -2 % len(head)), head[-1])
    rat = _RATS.get(head[0])
    cell = None
    if rat is Rat.LTE:
        cell = _lte(data, asked.model) if has_service else _lte_short(data)
    elif rat is Rat.WCDMA:
        cell = _wcdma(data)
    elif rat is Rat.GSM:
        cell = _gsm(data)
    if cell is None:
        if data and head[0] != "0":
            raise asked.unreadable()
        service = _WITHOUT_SERVICE.get(at(head, 1) if has_service else "", "no-service")
        return Reading(mode=service, cells=())
    return Reading(mode=MODES[cell.rat], cells=(_with_network(cell, mcc, mnc),))


def cells(asked: Asked) -> Reading:
    """AT+UCELLINFO?: a row for each cell, of a type that says technology and role.

    Unverified: RSRP and RSRQ of LTE rows are taken as in AT+UCGED?.
    """
    found: list[HeardCell] = []
    unread = []
    for value in asked.values():
        fields = split(value)
        if len(fields) == 1:
            continue
        cell = _listed(fields, first=not found)
        if cell is None:
            unread.append(value)
        else:
            found.append(cell)
    if not found:
        raise asked.unreadable()
    serving = next((cell for cell in found if cell.role is Role.SERVING), None)
    return Reading(
        mode=None if serving is None else MODES[serving.rat],
        cells=tuple(found),
        unread=tuple(unread) or None,
    )


def _rows(asked: Asked) -> list[list[str]]:
    """The bare lines behind the one with the prefix; what stands before it is none of it."""
    start = next((i for i, line in enumerate(asked.lines) if line.startswith("+UCGED:")), None)
    behind = () if start is None else asked.lines[start + 1 :]
    return [split(line) for line in behind if not line.startswith("+")][:2]


def _measured(asked: Asked) -> Reading:
    """`+RSRP: PCI, EARFCN, "-075.00", ...` and the same for RSRQ: the serving cell comes first."""
    quality = {(pci, channel): text for pci, channel, text in _triples(asked, "+RSRQ")}
    found = [
        HeardCell(
            role=Role.NEIGHBOUR if index else Role.SERVING,
            rat=Rat.LTE,
            pci=pci(Rat.LTE, identity),
            arfcn=arfcn(Rat.LTE, channel),
            rsrp_dbm=level("rsrp_dbm", Rat.LTE, power),
            rsrq_db=level("rsrq_db", Rat.LTE, quality.get((identity, channel), "")),
        )
        for index, (identity, channel, power) in enumerate(_triples(asked, "+RSRP"))
    ]
    if not found or found[0].pci is None:
        raise asked.unreadable()
    return Reading(mode=MODES[Rat.LTE], cells=tuple(cell for cell in found if cell.pci is not None))


def _triples(asked: Asked, name: str) -> Iterator[tuple[str, str, str]]:
    fields = [field for value in asked.values(name) for field in split(value) if field]
    return islice(zip(fields[::3], fields[1::3], fields[2::3], strict=False), MAX_MEASURED)


def _with_network(cell: HeardCell, mcc: str | None, mnc: str | None) -> HeardCell:
    return msgspec.structs.replace(cell, mcc=mcc, mnc=mnc)


def _lte(fields: Sequence[str], model: str) -> HeardCell | None:
    """EARFCN, band, widths (UL first), TAC, cell, PCI, three of the MME, RSRP, RSRQ, SINR, ..."""
    if not at(fields, 6):
        return None
    rsrp = at(fields, 10)
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        arfcn=_channel(Rat.LTE, at(fields, 0)),
        band=_band(at(fields, 1)),
        bandwidth_mhz=lte_width_of_blocks(at(fields, 3)),
        ul_bandwidth_mhz=lte_width_of_blocks(at(fields, 2)),
        tac=area_code(at(fields, 4), LAC_END),
        cell_id=hexadecimal(at(fields, 5), ECI_END) or None,
        pci=pci(Rat.LTE, at(fields, 6)),
        rsrp_dbm=_rsrp_dbm(rsrp),
        rsrq_db=_rsrq_db(at(fields, 11), rsrp),
        sinr_db=_sinr_db(at(fields, 12), rsrp, model),
    )


def _lte_short(fields: Sequence[str]) -> HeardCell | None:
    """R422: EARFCN, band, widths, TAC, PCI, RSRP and RSRQ in dB(m), SINR in fifths from -20 on."""
    if not at(fields, 5):
        return None
    fifths = integer(at(fields, 8), 0, 250)
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        arfcn=_channel(Rat.LTE, at(fields, 0)),
        band=_band(at(fields, 1)),
        bandwidth_mhz=lte_width_of_blocks(at(fields, 3)),
        ul_bandwidth_mhz=lte_width_of_blocks(at(fields, 2)),
        tac=area_code(at(fields, 4), LAC_END),
        pci=pci(Rat.LTE, at(fields, 5)),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 6)),
        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 7)),
        sinr_db=None if fifths is None else (fifths - 100) / 5,
    )


def _wcdma(fields: Sequence[str]) -> HeardCell | None:
    """UARFCN, band, cell, LAC, RAC, PSC, RRC state, RSSI, Ec/N0 (TS 25.133 9.1.3, 9.1.2)."""
    if not at(fields, 5):
        return None
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        arfcn=_channel(Rat.WCDMA, at(fields, 0)),
        band=_band(at(fields, 1)),
        cell_id=hexadecimal(at(fields, 2), UTRA_CELL_END) or None,
        lac=area_code(at(fields, 3), LAC_END),
        psc=psc(at(fields, 5)),
        rssi_dbm=stepped(at(fields, 7), 76, -101, 1),
        ecio_db=stepped(at(fields, 8), 49, -24.5, 0.5),
    )


def _gsm(fields: Sequence[str]) -> HeardCell | None:
    """ARFCN, whether 1900 MHz, cell, BSIC and LAC in hexadecimal, RAC, RXLEV, ..."""
    if not at(fields, 4):
        return None
    code = hexadecimal(at(fields, 3), 0x100)
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.GSM,
        arfcn=_channel(Rat.GSM, at(fields, 0)),
        cell_id=hexadecimal(at(fields, 2), LAC_END) or None,
        bsic=None if code is None else bsic(str(code)),
        lac=area_code(at(fields, 4), LAC_END),
        rssi_dbm=stepped(at(fields, 6), 63, -111, 1),
    )


def _listed(fields: Sequence[str], *, first: bool) -> HeardCell | None:
    """`mode, type, MCC, MNC`, then by type: 0 and 1 GSM, 2 to 4 UTRA, 5 and 6 LTE."""
    mcc, mnc = plmn(at(fields, 2), at(fields, 3))
    rest = fields[4:]
    match at(fields, 1):
        case "0" | "1" as kind if len(rest) > 1:
            cell = HeardCell(
                role=Role.SERVING if kind == "0" else Role.NEIGHBOUR,
                rat=Rat.GSM,
                lac=area_code(rest[0], LAC_END),
                cell_id=hexadecimal(rest[1], LAC_END) or None,
                rssi_dbm=stepped(at(rest, 2), 63, -111, 1),
            )
        case "2" | "3" | "4" as kind if len(rest) > 1:
            # The active set may have more cells than the serving one.
            cell = HeardCell(
                role=Role.SERVING if kind == "2" and first else Role.NEIGHBOUR,
                rat=Rat.WCDMA,
                lac=area_code(rest[0], LAC_END),
                cell_id=hexadecimal(rest[1], UTRA_CELL_END) or None,
                psc=psc(at(rest, 2)),
                arfcn=_channel(Rat.WCDMA, at(rest, 3)),
                rscp_dbm=stepped(at(rest, 4), 91, -116, 1),
                ecio_db=stepped(at(rest, 5), 49, -24.5, 0.5),
            )
        case "5" | "6" as kind if len(rest) > 1:
            cell = HeardCell(
                role=Role.SERVING if kind == "5" else Role.NEIGHBOUR,
                rat=Rat.LTE,
                cell_id=hexadecimal(rest[0], ECI_END) or None,
                pci=pci(Rat.LTE, rest[1]),
                tac=area_code(at(rest, 2), LAC_END),
                rsrp_dbm=_rsrp_dbm(at(rest, 3)),
                rsrq_db=_rsrq_db(at(rest, 4), at(rest, 3)),
            )
        case _:
            return None
    return _with_network(cell, mcc, mnc)


def _channel(rat: Rat, text: str) -> int | None:
    channel = arfcn(rat, text) if rat is not Rat.WCDMA else integer(text, 1, MAX_ARFCN[rat])
    return None if channel == UNKNOWN_CHANNEL else channel


def _band(text: str) -> int | None:
    number_of_band = band(text)
    return None if number_of_band == UNKNOWN_BAND else number_of_band


def _is_index(rsrp: str) -> bool:
    return rsrp not in ABSENT and not rsrp.startswith("-")


def _rsrp_dbm(text: str) -> float | None:
    return stepped(text, 97, -141, 1) if _is_index(text) else level("rsrp_dbm", Rat.LTE, text)


def _rsrq_db(text: str, rsrp: str) -> float | None:
    """In half dB from -20 on beside an index of RSRP; below 0 too (TS 36.133 9.1.7)."""
    if not _is_index(rsrp):
        return level("rsrq_db", Rat.LTE, text)
    index = integer(text, -30, 46)
    return None if index is None else -20 + index / 2


def _sinr_db(text: str, rsrp: str, model: str) -> float | None:
    """In dB where a point stands in it; whole numbers are tenths beside dBm and on R6 and R8."""
    value = number(text)
    if value is None or _rsrp_dbm(rsrp) is None:
        return None
    tenths = "." not in text and (not _is_index(rsrp) or model.upper().startswith(_SINR_IN_TENTHS))
    return level("sinr_db", Rat.LTE, str(value / 10) if tenths else text)
