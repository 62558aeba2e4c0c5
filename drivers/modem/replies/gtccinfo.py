"""Fibocom's AT+GTCCINFO? and AT+GTCAINFO?: cells and carriers, whatever the chipset. No I/O.

The rows are the same on all chipsets, the numbers in them are not:

* TAC and cell are hexadecimal everywhere. Channel and PCI of GTCCINFO are hexadecimal on Qualcomm
  and UNISOC (FM150, FM160, FM190, L610) and decimal on MediaTek (FM350). `_base` decides for the
  whole reply: by a letter; by which reading lies in the bands the rows name; then by the model,
  by the cell (MediaTek pads it with zeros to nine digits), and by the captions between the rows,
  which MediaTek has not. GTCAINFO is decimal everywhere.
* A band is 100+n on LTE (plain on L610), `50` followed by n or 500+n on NR.
* A bandwidth is a number of blocks on LTE (a code on L610). On NR it is in fifths of a MHz on
  MediaTek and in MHz on Qualcomm (seen on n41, n78 and n79 with 100 MHz; unverified: manual).
* RSRP of GTCAINFO is in dBm on MediaTek, an index on Qualcomm.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from drivers.modem.fields import (
    MAX_ARFCN,
    MAX_PCI,
    NR_BANDWIDTH_MHZ,
    UTRA_CELL_END,
    at,
    hexadecimal,
    integer,
    level,
    lte_width,
    lte_width_of_blocks,
    number,
    plmn,
    split,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.standard import (
    ECI_END,
    LAC_END,
    NCI_END,
    TAC_5G_END,
    UNKNOWN_AREAS,
    UNKNOWN_CELLS,
    stepped,
)
from wire.bands import bands
from wire.cells import Rat

MAX_JUDGED_ROWS = 16
"""Rows that vote on the base: the serving ones come first."""

_RATS = {"2": Rat.WCDMA, "4": Rat.LTE, "9": Rat.NR}
_NO_CELL = frozenset({"", "0"})
"""Technologies of the row that stands where no cell is heard."""
_CAPTION = re.compile(
    r"(GSM|UMTS|WCDMA|LTE|NR|EMTC|NB)?.{0,40} (SERVICE|NEIGHBOU?R) CELL *:", re.IGNORECASE
)
_GSM_CAPTION = "GSM"
_ANCHOR_AND_LEG = "EN-DC"
_RATS_OF_CAPTION = {"UMTS": Rat.WCDMA, "WCDMA": Rat.WCDMA, "LTE": Rat.LTE, "NR": Rat.NR}
"""Where a row's own number is none of the manual's."""
_HEX_LETTER = re.compile(r"[A-F]", re.IGNORECASE)
_PADDED_CELL = re.compile(r"0{1,8}[0-9A-F]{1,8}", re.IGNORECASE)
_PADDED_DIGITS = 9
_IN_DECIMAL = re.compile(r"FM3[35]0|FG3[67]0", re.IGNORECASE)
_IN_HEXADECIMAL = re.compile(r"FM1[5-9]\d|L610", re.IGNORECASE)

_SHORTEST_ROW = 8
_FULL_ROW = 14
"""With band, bandwidth and SINR; neighbours have twelve fields."""
_MAX_PSC = 511
_MAX_BSIC = 63
_MAX_LTE_BAND = 99
_MAX_NR_BAND = 512
_PLAIN_NR_BANDS_END = 500
_UNKNOWN_AREA = "FFFFFFF"

_CARRIER = re.compile(r"(?:(LTE|NR)\w{0,3} +)?([PS])CC *\d{0,2} *:(.*)", re.IGNORECASE)
_NOT_CONFIGURED = "0"
"""State of a secondary carrier."""
_UPLINK_BESIDE_DOWNLINK = 10
"""Fields of a primary carrier with both widths."""
_FIELDS_WITH_QUALITY = {True: 11, False: 12}
"""By whether it is primary, from the band on: for FM350 firmware with SINR and RSRQ."""
_INTEL_PRIMARY = 14
_INTEL_SECONDARY = 10

_NR_WIDTHS = frozenset(map(float, NR_BANDWIDTH_MHZ))
_WIDE_BANDS = frozenset({40, 41, 46, 48, 50, 77, 78, 79, 90, 96, 102, 104})
_FR2_FIRST_BAND = 257
_WIDEST_MHZ = (50, 100, 400)
"""Of a carrier: most bands of FR1, its wide ones, FR2 (TS 38.101-1 and -2, table 5.3.5-1)."""


class _Row(NamedTuple):
    serving: bool
    rat: Rat
    fields: tuple[str, ...]

    @property
    def channel(self) -> str:
        return self.fields[6]

    @property
    def code(self) -> str:
        """PCI, PSC or BSIC."""
        return self.fields[7]

    @property
    def band(self) -> int | None:
        return _band(self.rat, at(self.fields, 8)) if len(self.fields) >= _FULL_ROW else None


def cells(asked: Asked) -> Reading:
    """AT+GTCCINFO?: serving cell, NR leg, neighbours; none while the modem searches.

    Of two serving rows the NR one is the leg of EN-DC.
    """
    rows, unread, captions = _rows(asked)
    base = _base(rows, asked.model, captions=captions)
    found: list[HeardCell] = []
    for row in rows:
        role = _role(row, found)
        cell = _cell(row, role, base)
        if cell is not None:
            found.append(cell)
    return Reading(mode=_mode(found), cells=tuple(found), unread=unread or None)


def carriers(asked: Asked) -> Reading:
    """AT+GTCAINFO?: primary carriers of each technology, then secondary ones.

    Intel has rows of its own, with the prefix in each.
    """
    rows, found, unread = [], [], []
    for line in asked.lines:
        text = _without_prefix(line, asked.name)
        match = _CARRIER.fullmatch(text)
        if match:
            rows.append(((match[1] or "").upper(), match[2].upper(), split(match[3])))
        elif len(fields := split(text)) >= _INTEL_SECONDARY:
            found.append(_intel_carrier(fields))
        elif text and not text.isdecimal():
            unread.append(text)
    if unread and not rows:
        raise asked.unreadable()
    in_dbm = any(fields[-1].startswith("-") for _, _, fields in rows)
    anchored = any(_rat_of_carrier(label, fields, kind) is Rat.LTE for label, kind, fields in rows)
    for label, kind, fields in rows:
        if kind == "S" and at(fields, 0) in {"", _NOT_CONFIGURED}:
            continue
        rat = _rat_of_carrier(label, fields, kind)
        role = Role.SERVING if kind == "P" else Role.SCC
        if rat is Rat.NR and anchored and not any(c and c.rat is Rat.NR for c in found):
            role = Role.NR_SECONDARY
        primary = kind == "P"
        row = fields if primary else fields[2:]
        cell = _carrier(rat, role, row, primary=primary, in_dbm=in_dbm)
        if cell is None:
            unread.append(",".join(fields))
        found.append(cell)
    return Reading(
        cells=tuple(cell for cell in found if cell is not None), unread=tuple(unread) or None
    )


READERS: Readers = {"+GTCCINFO": cells, "+GTCAINFO": carriers}


# AT+GTCCINFO?


def _rows(asked: Asked) -> tuple[list[_Row], tuple[str, ...], bool]:
    """The rows with a cell, lines that are none, and whether there are captions."""
    rows: list[_Row] = []
    unread: list[str] = []
    understood = False
    caption, both = "", False
    for line in asked.lines:
        text = _without_prefix(line, asked.name)
        found = _CAPTION.fullmatch(text)
        if found:
            caption = (found[1] or "?").upper()
            both = _ANCHOR_AND_LEG in text.upper()
            continue
        fields = tuple(split(text))
        if fields[0] not in {"1", "2"} or len(fields) < _SHORTEST_ROW:
            if text:
                unread.append(text)
            continue
        understood = True
        rat = Rat.GSM if caption == _GSM_CAPTION else _RATS.get(fields[1])
        if rat is None and fields[1] not in _NO_CELL:
            # Below one caption stand the anchor, then its leg.
            is_leg = both and bool(rows)
            rat = Rat.NR if is_leg else _RATS_OF_CAPTION.get(caption)
        if rat is not None:
            rows.append(_Row(fields[0] == "1", rat, fields))
        elif fields[1] not in _NO_CELL:
            unread.append(text)
    if unread and not understood:
        raise asked.unreadable()
    return rows, tuple(unread), bool(caption)


def _base(rows: Sequence[_Row], model: str, *, captions: bool) -> int:
    """In which base channels and PCIs are printed."""
    if any(_HEX_LETTER.search(row.channel + row.code) for row in rows):
        return 16
    judged = rows[:MAX_JUDGED_ROWS]
    votes = sum(_fits(row, 10) - _fits(row, 16) for row in judged)
    if votes:
        return 10 if votes > 0 else 16
    if _IN_HEXADECIMAL.match(model):
        return 16
    if _IN_DECIMAL.match(model) or any(_is_padded(row.fields[5]) for row in judged):
        return 10
    return 16 if captions else 10


def _fits(row: _Row, base: int) -> bool:
    """Whether the numbers can be, and lie in the band where the row names one."""
    channel = _number(row.channel, base, MAX_ARFCN[row.rat])
    code = _number(row.code, base, _max_code(row.rat))
    if channel is None or code is None:
        return False
    named = row.band
    return named is None or row.rat is Rat.WCDMA or named in bands(row.rat, channel)


def _is_padded(cell: str) -> bool:
    return len(cell) == _PADDED_DIGITS and _PADDED_CELL.fullmatch(cell) is not None


def _role(row: _Row, found: Sequence[HeardCell]) -> Role:
    if not row.serving:
        return Role.NEIGHBOUR
    roles = {cell.role: cell.rat for cell in found}
    if Role.SERVING not in roles:
        return Role.SERVING
    leg = row.rat is Rat.NR and roles[Role.SERVING] is Rat.LTE
    return Role.NR_SECONDARY if leg and Role.NR_SECONDARY not in roles else Role.SCC


def _mode(found: Sequence[HeardCell]) -> str | None:
    serving = next((cell for cell in found if cell.role is Role.SERVING), None)
    if serving is None:
        return None
    leg = any(cell.role is Role.NR_SECONDARY for cell in found)
    return "nr-nsa" if leg else MODES[serving.rat]


def _cell(row: _Row, role: Role, base: int) -> HeardCell | None:
    """The cell of a row; None where the row names none."""
    channel = _number(row.channel, base, MAX_ARFCN[row.rat])
    code = _number(row.code, base, _max_code(row.rat))
    # What MediaTek's LTE neighbours with an NR area stand for is not known.
    odd = row.rat is Rat.LTE and row.fields[4].upper() == _UNKNOWN_AREA
    if odd or (channel is None and code is None):
        return None
    mcc, mnc = plmn(row.fields[2], row.fields[3])
    area, cell_id = _identity(row)
    cell = HeardCell(
        role=role, rat=row.rat, mcc=mcc, mnc=mnc, cell_id=cell_id, arfcn=channel, band=row.band
    )
    match row.rat:
        case Rat.GSM:
            # Unverified: what follows is not the same on L610 and G510.
            return _with(cell, lac=area, bsic=code, band=None)
        case Rat.WCDMA:
            return _with(cell, lac=area, psc=code, **_utra_levels(row))
        case _:
            return _with(cell, tac=area, pci=code, **_measured(row, in_mhz=base == 16))  # noqa: PLR2004  # Qualcomm


def _identity(row: _Row) -> tuple[int | None, int | None]:
    """Area and cell."""
    area = hexadecimal(row.fields[4], TAC_5G_END if row.rat is Rat.NR else LAC_END)
    end = {Rat.NR: NCI_END, Rat.LTE: ECI_END, Rat.WCDMA: UTRA_CELL_END, Rat.GSM: LAC_END}[row.rat]
    cell_id = hexadecimal(row.fields[5], end)
    return (
        None if area in UNKNOWN_AREAS else area,
        None if cell_id in UNKNOWN_CELLS else cell_id,
    )


def _measured(row: _Row, *, in_mhz: bool) -> dict[str, float | None]:
    """Width and levels of LTE and NR: RSRP and RSRQ are the last two that the manual has."""
    if len(row.fields) >= _FULL_ROW:
        width, sinr, rsrp, rsrq = row.fields[9], row.fields[10], row.fields[12], row.fields[13]
    else:
        width, sinr = (at(row.fields, 8), "") if row.rat is Rat.LTE else ("", at(row.fields, 8))
        rsrp, rsrq = at(row.fields, 10), at(row.fields, 11)
    return {
        "bandwidth_mhz": _width(row.rat, width, row.band, in_mhz=in_mhz),
        # Half dB on LTE, and either dB or an index on NR: no firmware is certain.
        "sinr_raw": _signed(sinr),
        "rsrp_dbm": _rsrp_of_index(row.rat, rsrp),
        "rsrq_db": stepped(rsrq, 34, -20, 0.5)
        if row.rat is Rat.LTE
        else stepped(rsrq, 126, -43.5, 0.5),
    }


def _utra_levels(row: _Row) -> dict[str, float | None]:
    """Serving rows have EcNo before RSCP, neighbours a ranking before EcNo and RSCP at the end."""
    ecno, rscp = (9, 10) if row.serving else (11, 14)
    return {
        "band": integer(at(row.fields, 8), 1, 32) if row.serving else None,
        "ecio_db": stepped(at(row.fields, ecno), 49, -24.5, 0.5),
        "rscp_dbm": stepped(at(row.fields, rscp), 96, -121, 1),
    }


# AT+GTCAINFO?


def _rat_of_carrier(label: str, fields: Sequence[str], kind: str) -> Rat:
    if label:
        return Rat(label.lower())
    code = integer(at(fields, 0 if kind == "P" else 2), 0, 99_999) or 0
    return Rat.NR if code >= _PLAIN_NR_BANDS_END else Rat.LTE


def _carrier(
    rat: Rat, role: Role, fields: Sequence[str], *, primary: bool, in_dbm: bool
) -> HeardCell | None:
    """`band, pci, channel, width, ...`, RSRP at the end; None for what is none."""
    channel = integer(at(fields, 2), 0, MAX_ARFCN[rat])
    code = integer(at(fields, 1), 0, MAX_PCI[rat])
    if channel is None and code is None:
        return None
    named = _band(rat, at(fields, 0))
    both = not primary or len(fields) == _UPLINK_BESIDE_DOWNLINK
    quality = in_dbm and len(fields) == _FIELDS_WITH_QUALITY[primary]
    rsrp = level("rsrp_dbm", rat, fields[-1]) if in_dbm else _rsrp_of_index(rat, fields[-1])
    return HeardCell(
        role=role,
        rat=rat,
        band=named,
        pci=code,
        arfcn=channel,
        bandwidth_mhz=_width(rat, at(fields, 3), named, in_mhz=not in_dbm),
        ul_bandwidth_mhz=_width(rat, at(fields, 4), named, in_mhz=not in_dbm) if both else None,
        rsrp_dbm=rsrp,
        rsrq_db=level("rsrq_db", rat, fields[-2]) if quality else None,
        sinr_raw=_signed(fields[-3]) if quality else None,
    )


def _intel_carrier(fields: Sequence[str]) -> HeardCell | None:
    """`n, band[, mcc, mnc, tac, cell], pci, rsrp, rsrq, sinr, channels, widths` of L850."""
    primary = len(fields) >= _INTEL_PRIMARY
    rest = fields[6:] if primary else fields[2:]
    channel, code = integer(at(rest, 4), 0, 65_534), integer(rest[0], 0, MAX_PCI[Rat.LTE])
    if channel is None or code is None:
        return None
    mcc, mnc = plmn(fields[2], fields[3]) if primary else (None, None)
    return HeardCell(
        role=Role.SERVING if primary else Role.SCC,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        tac=_printed_in_either(fields[4], LAC_END) if primary else None,
        cell_id=_printed_in_either(fields[5], ECI_END) if primary else None,
        band=integer(fields[1], 1, _MAX_LTE_BAND),
        pci=code,
        arfcn=channel,
        bandwidth_mhz=lte_width(at(rest, 6)),
        ul_bandwidth_mhz=lte_width(at(rest, 7)),
        rsrp_dbm=stepped(at(rest, 1), 97, -141, 1),
        rsrq_db=stepped(at(rest, 2), 34, -20, 0.5),
        sinr_raw=_signed(at(rest, 3)),
    )


# Fields.


def _without_prefix(line: str, name: str) -> str:
    head, colon, rest = line.partition(":")
    return (rest if colon and head.strip().upper() == name else line).strip()


def _with(cell: HeardCell, **more: float | None) -> HeardCell:
    fields = {name: getattr(cell, name) for name in cell.__struct_fields__} | more
    return HeardCell(**fields)


def _number(text: str, base: int, highest: int) -> int | None:
    # `hexadecimal` leaves out all ones: no channel or code has them.
    return integer(text, 0, highest) if base == 10 else hexadecimal(text, highest + 2)  # noqa: PLR2004  # decimal


def _printed_in_either(text: str, end: int) -> int | None:
    """Hexadecimal behind `0x`, else decimal."""
    return hexadecimal(text, end) if text[:2].lower() == "0x" else integer(text, 0, end - 2)


def _max_code(rat: Rat) -> int:
    return {Rat.WCDMA: _MAX_PSC, Rat.GSM: _MAX_BSIC}.get(rat) or MAX_PCI[rat]


def _band(rat: Rat, text: str) -> int | None:
    match rat:
        case Rat.LTE:
            code = integer(text, 1, 100 + _MAX_LTE_BAND)
            return code if code is None or code <= _MAX_LTE_BAND else code - 100 or None
        case Rat.NR:
            return nr_band(text)
        case _:
            return None


def nr_band(text: str) -> int | None:
    """The band of a code: `5078` and `578` are n78, `505` and `5005` n5; or a band as it is."""
    if text.startswith("50"):
        return integer(text[2:], 1, _MAX_NR_BAND)
    code = integer(text, 1, _PLAIN_NR_BANDS_END + 99)
    if code is None or code < _PLAIN_NR_BANDS_END:
        return code
    return code - _PLAIN_NR_BANDS_END or None


def _width(rat: Rat, text: str, named: int | None, *, in_mhz: bool) -> float | None:
    if rat is Rat.LTE:
        # Codes 1 to 5 are no number of blocks; 0 is what MediaTek has where it does not know.
        return lte_width_of_blocks(text) or (lte_width(text) if text != "0" else None)
    value = number(text) or 0.0
    if in_mhz and value in _NR_WIDTHS and value <= _widest_mhz(named):
        return value
    if value / 5 in _NR_WIDTHS:
        return value / 5
    return value if value in _NR_WIDTHS else None


def _widest_mhz(named: int | None) -> int:
    narrow, wide, widest = _WIDEST_MHZ
    if named is not None and named >= _FR2_FIRST_BAND:
        return widest
    return wide if named is None or named in _WIDE_BANDS else narrow


def _rsrp_of_index(rat: Rat, text: str) -> float | None:
    """0 is "not detectable" as well, and the last of NR is what neighbours have unmeasured."""
    if text == "0":
        return None
    return stepped(text, 97, -141, 1) if rat is Rat.LTE else stepped(text, 125, -157, 1)


def _signed(text: str) -> float | None:
    """A SINR as printed; 255 is none."""
    return None if (value := integer(text, -100, 127)) is None else float(value)
