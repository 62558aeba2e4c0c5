"""Replies of Intel's XMM modems, L850 and L860 among them: AT+XMCI and its kin. No I/O.

Identities stand in quotes as `0x` numbers; what is all ones, or FFFE for an area, is unknown.
"""

import re
from collections.abc import Sequence

from drivers.modem.fields import (
    LTE_BANDWIDTH_MHZ,
    MAX_ARFCN,
    MAX_NUMBER,
    MAX_PCI,
    UTRA_CELL_END,
    at,
    integer,
    is_digits,
    level,
    plmn,
    split,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import Aggregation, HeardCell, Levels, Reading, Role, Signal
from drivers.modem.standard import (
    ECI_END,
    LAC_END,
    UNKNOWN_AREAS,
    UNKNOWN_CELLS,
    some,
    stepped,
)
from wire.cells import Rat

_KINDS = {
    "0": (Role.SERVING, Rat.GSM),
    "1": (Role.NEIGHBOUR, Rat.GSM),
    "2": (Role.SERVING, Rat.WCDMA),
    "3": (Role.NEIGHBOUR, Rat.WCDMA),
    "4": (Role.SERVING, Rat.LTE),
    "5": (Role.NEIGHBOUR, Rat.LTE),
}
"""First field of AT+XMCI."""
_NO_CHANNELS = frozenset({65535})
_MAX_PSC = 511
_MAX_BSIC = 63
_MAX_LTE_BAND = 99
_IDENTIFIED = 5
"""Network, area, cell and PCI or PSC; XMM7160 has no channels behind them."""
_LTE_WITHOUT_CHANNELS = frozenset({8, 10})
_UTRA_WITHOUT_CHANNELS = 7
_MAX_RSSNR = 100
"""Of either sign; 127 and 255 are none."""

_QUALITY_FIELDS = 8
_HIGHEST_HALF_DB = 80

_BAND = re.compile(r"BAND_(?:LTE|E?UTRAN?)_(\d{1,2})", re.IGNORECASE | re.ASCII)
_MAX_CARRIERS = 16

_TRIPLE = 3
_POWER, _RATIO = "rsrp_dbm", "rsrq_db"
_TWO_POINTS = re.compile(r"(-?\d{1,3})\.-(\d{1,2})")
"""A level whose tenths have a sign of their own, as L850 prints -7.5."""

_QUOTED = re.compile(r'"([0-9A-Fa-f]{1,8})"')
_CURRENT_RATS = {"3": Rat.LTE}
"""Behind the cell, of AT+XCCINFO. unverified: no other is known."""


def cells(asked: Asked) -> Reading:
    """AT+XMCI=n: serving cell and neighbours, a row for each; none while the modem searches."""
    found, unread = [], []
    for value in _whole_rows(asked):
        fields = split(value)
        kind = _KINDS.get(fields[0])
        if kind is None:
            unread.append(value)
            continue
        role, rat = kind
        cell = {Rat.GSM: _gsm, Rat.WCDMA: _utra, Rat.LTE: _lte}[rat](role, fields[1:])
        if cell is not None:
            found.append(cell)
    if unread and not found:
        raise asked.unreadable()
    serving = next((cell.rat for cell in found if cell.role is Role.SERVING), None)
    return Reading(
        mode=None if serving is None else MODES[serving],
        cells=tuple(found),
        unread=tuple(unread) or None,
    )


def _whole_rows(asked: Asked) -> list[str]:
    """The rows; a long one may go on in the next line."""
    rows = asked.rows()
    if len(rows) == len(asked.lines):
        return rows
    joined: list[str] = []
    for line in asked.lines:
        head, colon, rest = line.partition(":")
        if colon and head.strip().upper() == asked.name:
            joined.append(rest.strip())
        elif joined:
            joined[-1] += line
    return joined


def _lte(role: Role, fields: Sequence[str]) -> HeardCell | None:
    """`mcc,mnc,tac,cell,pci[,channel[,uplink][,pathloss]],rsrp,rsrq,rssnr[,advance,cqi]`."""
    # A channel is an identity, a level is not.
    short = len(fields) in _LTE_WITHOUT_CHANNELS and not at(fields, _IDENTIFIED).startswith("0x")
    levels = fields[_IDENTIFIED if short else max(6, min(8, len(fields) - 3)) :]
    channel = None if short else _id(at(fields, 5), MAX_ARFCN[Rat.LTE])
    code = _id(at(fields, 4), MAX_PCI[Rat.LTE])
    if channel in _NO_CHANNELS or (channel is None and code is None):
        return None
    mcc, mnc = plmn(at(fields, 0), at(fields, 1))
    return HeardCell(
        role=role,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        tac=_area(at(fields, 2)),
        cell_id=_cell(at(fields, 3), ECI_END),
        pci=code,
        arfcn=channel,
        rsrp_dbm=stepped(at(levels, 0), 97, -141, 1),
        rsrq_db=stepped(at(levels, 1), 34, -20, 0.5),
        # Half dB by the manual, unverified.
        sinr_raw=_signed(at(levels, 2), _MAX_RSSNR),
    )


def _utra(role: Role, fields: Sequence[str]) -> HeardCell | None:
    """`mcc,mnc,lac,cell,psc,channel,uplink,pathloss,rssi,rscp,ecno`.

    unverified: the order of the levels, from a vendor manual. XMM7160 has no more than RSCP and
    Ec/N0 behind the code.
    """
    short = len(fields) == _UTRA_WITHOUT_CHANNELS
    rscp, ecno = fields[_IDENTIFIED:] if short else (at(fields, 9), at(fields, 10))
    channel = None if short else _id(at(fields, 5), MAX_ARFCN[Rat.WCDMA])
    code = _id(at(fields, 4), _MAX_PSC)
    if channel is None and code is None:
        return None
    mcc, mnc = plmn(at(fields, 0), at(fields, 1))
    return HeardCell(
        role=role,
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        lac=_area(at(fields, 2)),
        cell_id=_cell(at(fields, 3), UTRA_CELL_END),
        psc=code,
        arfcn=channel,
        rscp_dbm=stepped(rscp, 96, -121, 1),
        ecio_db=stepped(ecno, 49, -24.5, 0.5),
    )


def _gsm(role: Role, fields: Sequence[str]) -> HeardCell | None:
    """`mcc,mnc,lac,cell,bsic,rxlev,...`; the channel's place is not the same everywhere."""
    code, cell_id = _id(at(fields, 4), _MAX_BSIC), _cell(at(fields, 3), LAC_END)
    if code is None and cell_id is None:
        return None
    mcc, mnc = plmn(at(fields, 0), at(fields, 1))
    return HeardCell(
        role=role,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        lac=_area(at(fields, 2)),
        cell_id=cell_id,
        bsic=code,
        rssi_dbm=stepped(_rxlev(fields), 63, -111, 1),
    )


def _rxlev(fields: Sequence[str]) -> str:
    """The first field that is no identity."""
    return next((text for text in fields[_IDENTIFIED:] if not text.startswith("0x")), "")


def quality(asked: Asked) -> Reading:
    """AT+XCESQ?: AT+CESQ behind a switch, and SINR of LTE in half dB, which may be negative.

    Four more fields speak of NR. unverified: they are 255 wherever they were seen; RSRQ, RSRP and
    SINR as in AT+CESQ is what the standard has.
    """
    for value in asked.values():
        fields = split(value)
        if len(fields) < _QUALITY_FIELDS:
            break
        half_db = _signed(fields[7], _HIGHEST_HALF_DB)
        serves_gsm = integer(fields[3], 0, 96) is None and integer(fields[6], 0, 97) is None
        gsm = Levels(rssi_dbm=stepped(fields[1], 63, -111, 1))
        return Reading(
            signal=Signal(
                gsm=some(gsm) if serves_gsm else None,
                wcdma=some(
                    Levels(
                        rscp_dbm=stepped(fields[3], 96, -121, 1),
                        ecio_db=stepped(fields[4], 49, -24.5, 0.5),
                    )
                ),
                lte=some(
                    Levels(
                        rsrq_db=stepped(fields[5], 34, -20, 0.5),
                        rsrp_dbm=stepped(fields[6], 97, -141, 1),
                        sinr_db=None
                        if half_db is None
                        else level("sinr_db", Rat.LTE, str(half_db / 2)),
                    )
                ),
                nr=some(
                    Levels(
                        rsrq_db=stepped(at(fields, 8), 126, -43.5, 0.5),
                        rsrp_dbm=stepped(at(fields, 9), 126, -157, 1),
                        sinr_raw=_signed(at(fields, 10), 127),
                    )
                ),
            )
        )
    raise asked.unreadable()


def carriers(asked: Asked) -> Reading:
    """AT+XLEC?: `n,carriers,width,...,BAND_LTE_n,...`, the primary one first."""
    for value in asked.values():
        fields = split(value)
        count = integer(at(fields, 1), 0, _MAX_CARRIERS)
        if count is None:
            break
        codes = [integer(text, 0, 5) for text in fields[2 : 2 + count]]
        widths = tuple(LTE_BANDWIDTH_MHZ[code] for code in codes if code is not None)
        bands = [
            integer(match[1], 1, _MAX_LTE_BAND)
            for text in fields[2:]
            if (match := _BAND.fullmatch(text))
        ]
        return Reading(
            ca=Aggregation(
                carriers=count,
                bandwidths_mhz=widths if widths and len(widths) == count else None,
                primary_band=bands[0] if bands else None,
            ),
            cells=_primary(bands, codes),
        )
    raise asked.unreadable()


def _primary(
    bands: Sequence[int | None], codes: Sequence[int | None]
) -> tuple[HeardCell, ...] | None:
    if not bands or bands[0] is None:
        return None
    code = codes[0] if codes else None
    width = None if code is None else LTE_BANDWIDTH_MHZ[code]
    return (HeardCell(role=Role.SERVING, rat=Rat.LTE, band=bands[0], bandwidth_mhz=width),)


def power(asked: Asked) -> Reading:
    """AT+RSRP?: PCI, channel and level of each cell, the serving one among them untold."""
    return Reading(cells=_measured(asked, _POWER))


def ratio(asked: Asked) -> Reading:
    """AT+RSRQ?: as AT+RSRP?."""
    return Reading(cells=_measured(asked, _RATIO))


def _measured(asked: Asked, quantity: str) -> tuple[HeardCell, ...]:
    found = []
    for value in asked.rows():
        fields = split(value)
        for index in range(0, len(fields) - _TRIPLE + 1, _TRIPLE):
            code = integer(fields[index], 0, MAX_PCI[Rat.LTE])
            channel = integer(fields[index + 1], 0, MAX_ARFCN[Rat.LTE])
            if code is None or channel is None or channel in _NO_CHANNELS:
                continue
            mended = _TWO_POINTS.sub(r"\1.\2", fields[index + 2])
            measured = level(quantity, Rat.LTE, mended)
            found.append(
                HeardCell(
                    role=Role.MEASURED,
                    rat=Rat.LTE,
                    pci=code,
                    arfcn=channel,
                    rsrp_dbm=measured if quantity == _POWER else None,
                    rsrq_db=measured if quantity == _RATIO else None,
                )
            )
        if value and len(fields) < _TRIPLE:
            raise asked.unreadable()
    return tuple(found)


def current(asked: Asked) -> Reading:
    """AT+XCCINFO?: `n,mcc,mnc,"cell",technology,band,area,...,"tac",...`.

    unverified: only replies on LTE are known, with the band as 100+n.
    """
    for value in asked.values():
        fields = split(value)
        if not is_digits(at(fields, 1)):
            break
        mcc, mnc = plmn(at(fields, 1), at(fields, 2))
        if mcc is None:
            return Reading(cells=())
        rat = _CURRENT_RATS.get(at(fields, 4))
        if rat is None:
            break
        code = integer(at(fields, 5), 101, 100 + _MAX_LTE_BAND)
        # The area of LTE is the last text; those before it are of 2G and 3G.
        quoted = _QUOTED.findall(value)[1:]
        cell = HeardCell(
            role=Role.SERVING,
            rat=rat,
            mcc=mcc,
            mnc=mnc,
            cell_id=_cell("0x" + fields[3].removeprefix("0x"), ECI_END),
            band=None if code is None else code - 100,
            tac=_area("0x" + quoted[-1]) if quoted else None,
        )
        return Reading(mode=MODES[rat], cells=(cell,))
    raise asked.unreadable()


READERS: Readers = {
    "+XMCI": cells,
    "+XCESQ": quality,
    "+XLEC": carriers,
    "+RSRP": power,
    "+RSRQ": ratio,
    "+XCCINFO": current,
}


def _number(text: str) -> int | None:
    """`0x` and hexadecimal digits, or decimal ones."""
    digits = text[2:] if text[:2] in {"0x", "0X"} else text
    try:
        value = int(digits, 10 if digits is text else 16)
    except ValueError:
        return None
    return value if 0 <= value <= MAX_NUMBER else None


def _id(text: str, highest: int) -> int | None:
    value = _number(text)
    return value if value is not None and value <= highest else None


def _area(text: str) -> int | None:
    value = _id(text, LAC_END - 1)
    return None if value == 0 or value in UNKNOWN_AREAS else value


def _cell(text: str, end: int) -> int | None:
    value = _id(text, end - 2)
    return None if value in UNKNOWN_CELLS else value


def _signed(text: str, highest: int) -> float | None:
    if not is_digits(text.removeprefix("-")):
        return None
    value = integer(text, -highest, highest)
    return None if value is None else float(value)
