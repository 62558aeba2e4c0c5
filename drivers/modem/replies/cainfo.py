"""Telit's AT#CAINFO? and AT#CAINFOEXT?: the carriers of an aggregation. No I/O.

Both name bands by the classes of Qualcomm's network access service, whose numbers follow the order
in which bands came, not that of their names.
"""

import re
from collections.abc import Iterator, Sequence

from drivers.modem.fields import (
    NR_BANDWIDTH_MHZ,
    arfcn,
    integer,
    level,
    lte_width,
    lte_width_in_mhz,
    number,
    pci,
    rssi_dbm,
    split,
    within,
)
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.replies.rfsts import SINR_RAW_MAX
from wire.cells import Rat

_LTE_BANDS = (
    *(*range(1, 15), 17),
    *range(33, 41),
    *(18, 19, 20, 21, 24, 25, 41, 42, 43, 23, 26, 32, 125, 126, 127, 28, 29, 30, 66, 250, 46),
)
"""From class 120 on. Sources differ on 164 and above, e.g. whether 166 or 168 is band 71."""
_NR_BANDS = (
    *(1, 2, 3, 5, 7, 8, 20, 28, 38, 41, 50, 51, 66, 70, 71, *range(74, 86), *range(257, 262)),
    *(12, 25, 34, 39, 40, 65, 86, 48, 14, 13, 18, 26, 30, 29, 53),
)
"""From class 250 on."""
_LTE_CLASSES = range(120, 250)
_BAND_OF_LTE_CLASS = {120 + index: band for index, band in enumerate(_LTE_BANDS)}
_BAND_OF_NR_CLASS = {250 + index: band for index, band in enumerate(_NR_BANDS)}

_FIELDS = 8
"""Class, channel, bandwidth, PCI, RSRP, RSSI, RSRQ, SINR."""
_ACTIVE = "2"
"""State of a secondary carrier, behind them."""
_LABEL = re.compile(r"(?:(PCC|SCC)\d{0,2}-)?([A-Z_]+)", re.IGNORECASE)


def carriers(asked: Asked) -> Reading:
    """The carriers of AT#CAINFO?: the first serves; the others stand anywhere behind it.

    Nothing is said of the NR leg: its row is not known for certain.
    """
    found: list[HeardCell] = []
    for line in asked.lines:
        fields = split(line.partition(":")[2] if ":" in line else line)
        for start in _starts(fields):
            is_primary = not found and start == 0
            if is_primary or _is_active(fields, start):
                role = Role.SERVING if is_primary else Role.SCC
                found.append(_carrier(role, fields[start : start + _FIELDS]))
    if not found and any(asked.values()):
        raise asked.unreadable()
    return Reading(cells=tuple(found))


def _starts(fields: Sequence[str]) -> Iterator[int]:
    """Where the fields of a carrier begin."""
    for start in range(len(fields) - _FIELDS + 1):
        run = fields[start : start + _FIELDS]
        levels = [number(text) for text in run[4:7]]
        if (
            integer(run[0], _LTE_CLASSES.start, _LTE_CLASSES.stop - 1) is not None
            and lte_width(run[2]) is not None
            and pci(Rat.LTE, run[3]) is not None
            and all(value is not None and value < 0 for value in levels)
        ):
            yield start


def _is_active(fields: Sequence[str], start: int) -> bool:
    return fields[start + _FIELDS : start + _FIELDS + 1] == [_ACTIVE]


def _carrier(role: Role, fields: Sequence[str]) -> HeardCell:
    return HeardCell(
        role=role,
        rat=Rat.LTE,
        band=_BAND_OF_LTE_CLASS.get(int(fields[0])),
        arfcn=arfcn(Rat.LTE, fields[1]),
        bandwidth_mhz=lte_width(fields[2]),
        pci=pci(Rat.LTE, fields[3]),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, fields[4]),
        rssi_dbm=rssi_dbm(fields[5]),
        rsrq_db=level("rsrq_db", Rat.LTE, fields[6]),
        sinr_raw=within(fields[7], 0, SINR_RAW_MAX),
    )


def labelled(asked: Asked) -> Reading:
    """The carriers of AT#CAINFOEXT?, a line each, below one that counts them.

    unverified: an NR carrier beside LTE, whose labels are taken to be the same.
    """
    found: list[HeardCell] = []
    for line in asked.lines:
        kind, labels = _labels(line)
        cell = _labelled_carrier(kind, labels, found)
        if cell is not None:
            found.append(cell)
    if not found and not any(asked.values()):
        raise asked.unreadable()
    return Reading(cells=tuple(found))


def _labels(line: str) -> tuple[str, dict[str, str]]:
    """`PCC` or `SCC`, and the values by label."""
    kind, labels = "", {}
    for part in line.removeprefix("#CAINFOEXT:").split(","):
        name, colon, value = part.partition(":")
        label = _LABEL.fullmatch(name.strip())
        if colon and label is not None:
            kind = (label[1] or kind).upper()
            labels[label[2].upper()] = value.strip()
    return kind, labels


def _labelled_carrier(
    kind: str, labels: dict[str, str], before: Sequence[HeardCell]
) -> HeardCell | None:
    band_class = integer(labels.get("BANDCLASS", ""), _LTE_CLASSES.start, 999)
    rat = Rat.LTE if band_class in _LTE_CLASSES else Rat.NR
    channel = arfcn(rat, labels.get("CH") or labels.get("RX_CH", ""))
    if not kind or band_class is None or not channel:
        return None
    identity = pci(rat, labels.get("PCI", ""))
    beside_lte = any(cell.rat is Rat.LTE for cell in before)
    role = Role.SERVING if kind == "PCC" and not beside_lte else Role.SCC
    if rat is Rat.NR and beside_lte:
        role = Role.NR_SECONDARY
    return HeardCell(
        role=role,
        rat=rat,
        band=(_BAND_OF_LTE_CLASS | _BAND_OF_NR_CLASS).get(band_class),
        arfcn=channel,
        pci=identity,
        bandwidth_mhz=_width(rat, labels.get("BW") or labels.get("DL_BW", "")),
        rsrp_dbm=level("rsrp_dbm", rat, labels.get("RSRP", "")),
        rsrq_db=level("rsrq_db", rat, labels.get("RSRQ", "")),
        rssi_dbm=rssi_dbm(labels.get("RSSI", "")) if rat is Rat.LTE else None,
        sinr_raw=within(labels.get("SINR", ""), 0, SINR_RAW_MAX),
    )


def _width(rat: Rat, text: str) -> float | None:
    """`20 MHz`, or a code of LTE."""
    digits, _, unit = text.partition(" ")
    if rat is Rat.LTE:
        return lte_width_in_mhz(digits) if unit else lte_width(digits)
    width = integer(digits, 5, 400) if unit else None
    return float(width) if width in NR_BANDWIDTH_MHZ else None
