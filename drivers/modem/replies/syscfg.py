"""Huawei's settings: technologies, bands and locked cells. No I/O."""

import re
from collections.abc import Iterator, Mapping, Sequence

from drivers.modem.fields import arfcn, at, bands_in_mask, hexadecimal, integer, nr_scs_khz, split
from drivers.modem.readers import Asked
from drivers.modem.reading import AllowedRats, Bands, CellLock, LockedCell, Reading
from wire.cells import Rat

HUAWEI_CODES: Mapping[str, str] = {"01": "gsm", "02": "wcdma", "03": "lte", "08": "nr"}
MEIG_CODES: Mapping[str, str] = {"01": "gsm", "02": "wcdma", "03": "lte", "04": "nr"}
AUTOMATIC = "00"
UNCHANGED = "99"

_CODE = re.compile(r"\d\d")
_ORDER = re.compile(r"(?:\d\d){1,8}")
_ORDERS = re.compile(r'"((?:\d\d){1,8})"')
_RATS = ("gsm", "wcdma", "lte", "nr")
_WITH_NR = re.compile(r"M[TH]5|SRM", re.IGNORECASE)
_ANY_BAND = 0x3FFFFFFF
_ANY_LTE_BAND = 0x7FFFFFFFFFFFFFFF
_GSM_MHZ = {0x80000: 850, 0x100: 900, 0x200: 900, 0x80: 1800, 0x200000: 1900}
_WCDMA_BANDS = {
    0x400000: 1,
    0x800000: 2,
    0x1000000: 3,
    0x2000000: 4,
    0x4000000: 5,
    0x8000000: 6,
    0x10000: 7,
    1 << 49: 8,
    1 << 50: 9,
}
_MASK_END = 1 << 64
_LOCK_RATS = {"01": Rat.GSM, "02": Rat.WCDMA, "04": Rat.LTE}
_PCI_END = {Rat.LTE: 505, Rat.NR: 1009}
_WRITTEN = {Rat.LTE: ("band", "channel", "PCI"), Rat.NR: ("band", "channel", "spacing", "PCI")}
_BEFORE_WRITTEN = 2
_CELL, _CHANNEL, _BAND = 2, 1, 3
"""Kinds of a lock."""


def order(asked: Asked, codes: Mapping[str, str]) -> Reading:
    """AT^SYSCFGEX?: technologies in the order they are looked for, then bands.

    "00" is all the modem has, which a modem without bands of LTE, or one with NR, tells otherwise.
    """
    for value in asked.values("^SYSCFGEX"):
        fields = split(value)
        if not _ORDER.fullmatch(fields[0]):
            break
        found = _CODE.findall(fields[0])
        named = [codes[code] for code in found if code in codes]
        if found == [AUTOMATIC]:
            lock = AllowedRats(allowed=_all(asked, fields), auto=True)
        elif named:
            lock = AllowedRats(
                allowed=tuple(rat for rat in _RATS if rat in named),
                auto=False if len(named) == 1 else None,
                preferred=named[0] if len(named) > 1 else None,
            )
        else:
            break
        return Reading(rat_lock=lock, bands=_bands(at(fields, 1), at(fields, 4)))
    raise asked.unreadable()


def orders(asked: Asked) -> Reading:
    """AT^SYSCFGEX=?: the orders it takes, as printed."""
    found = listed_orders(asked.lines)
    if not found:
        raise asked.unreadable()
    return Reading(supported={"syscfgex": found})


def listed_orders(lines: Sequence[str]) -> tuple[str, ...]:
    """The first list of AT^SYSCFGEX=?; names of bands further on are quoted as well."""
    text = "\n".join(lines)
    return tuple(_ORDERS.findall(text.partition("),")[0].partition("((")[0]))


def mode(asked: Asked) -> Reading:
    """AT^SYSCFG? of modems without LTE: which technologies, which first, and bands."""
    for value in asked.values("^SYSCFG"):
        fields = split(value)
        first = {"1": "gsm", "2": "wcdma"}.get(at(fields, 1))
        match fields[0]:
            case "2":
                auto = True if first is None else None
                lock = AllowedRats(allowed=("gsm", "wcdma"), preferred=first, auto=auto)
            case "13":
                lock = AllowedRats(allowed=("gsm",), auto=False)
            case "14":
                lock = AllowedRats(allowed=("wcdma",), auto=False)
            case _:
                break
        return Reading(rat_lock=lock, bands=_bands(at(fields, 2), ""))
    raise asked.unreadable()


def preference(asked: Asked) -> Reading:
    """AT^PREFMODE?: which of GSM and UTRA first."""
    for value in asked.values("^PREFMODE"):
        preferred = {"2": "gsm", "4": "wcdma", "8": None}
        if value in preferred:
            first = preferred[value]
            auto = True if first is None else None
            lock = AllowedRats(allowed=("gsm", "wcdma"), preferred=first, auto=auto)
            return Reading(rat_lock=lock)
    raise asked.unreadable()


def architectures(asked: Asked) -> Reading:
    """AT^C5GOPTION?: whether NR may stand alone, beside which cell it may be, and who uses the 5GC.

    unverified: from a vendor manual.
    """
    for value in asked.values("^C5GOPTION"):
        fields = split(value)
        alone, beside = integer(fields[0], 0, 1), integer(at(fields, 1), 0, 3)
        if alone is not None and beside is not None:
            lock = AllowedRats(nr_sa=alone == 1, nr_nsa=beside in {1, 3})
            return Reading(rat_lock=lock)
    raise asked.unreadable()


def channel_locks(asked: Asked) -> Reading:
    """AT^LTEFREQLOCK? and AT^NRFREQLOCK?: a kind, then rows `band,channel[,spacing],PCI`.

    unverified: TD Tech prints the kind, a row of switches, and rows with hexadecimal PCIs; others
    `kind,spacing,band,channel,PCI` in one line (vendor manuals), or the order as it was written,
    `kind,may move,cells,"bands","channels"[,"spacings"],"PCIs"`.
    """
    rat = Rat.NR if asked.name.startswith("^NR") else Rat.LTE
    for value in asked.values():
        kind, *rest = split(value)
        if kind == "0":
            return _locked(rat, ())
        if kind not in {str(_CHANNEL), str(_CELL), str(_BAND)}:
            break
        if len(rest) == len(_WRITTEN[rat]) + _BEFORE_WRITTEN:
            columns = [text.split(",") for text in rest[_BEFORE_WRITTEN:]]
            cells = (_locked_cell(rat, row, base=10) for row in zip(*columns, strict=False))
            return _locked(rat, tuple(cells))
        if rest:
            row = [*rest[1:3], rest[0], *rest[3:]] if rat is Rat.NR else rest
            return _locked(rat, (_locked_cell(rat, row, base=10),))
        # The first bare row has the switches: whether it may move, and how many rows follow.
        rows = [split(line) for line in asked.lines if ":" not in line][1:]
        return _locked(rat, tuple(_locked_cell(rat, row, base=16) for row in rows))
    raise asked.unreadable()


def frequency_lock(asked: Asked) -> Reading:
    """AT^FREQLOCK? and AT^M2MFREQLOCK?: `on,"technology",channel,band,PSC,PCI` in each row.

    unverified: from a vendor manual.
    """
    rows = [split(value) for value in asked.values("^FREQLOCK", "^M2MFREQLOCK")]
    if not rows or any(fields[0] not in {"0", "1"} for fields in rows):
        raise asked.unreadable()
    held = [fields for fields in rows if fields[0] == "1"]
    rat = next((_LOCK_RATS.get(at(fields, 1)) for fields in reversed(held)), None)
    return _locked(
        rat,
        tuple(
            LockedCell(
                earfcn=arfcn(rat or Rat.LTE, at(fields, 2)), pci=integer(at(fields, 5), 0, 503)
            )
            for fields in held
            if _LOCK_RATS.get(at(fields, 1)) is rat
        ),
    )


def _all(asked: Asked, fields: Sequence[str]) -> tuple[str, ...]:
    if _WITH_NR.match(asked.model):
        return ("wcdma", "lte", "nr")
    return ("gsm", "wcdma", "lte") if at(fields, 4) else ("gsm", "wcdma")


def _bands(mask: str, lte_mask: str) -> Bands | None:
    """Bands of the two masks; None where any are allowed, or as before."""
    bits = hexadecimal(mask, _MASK_END)
    lte_bits = hexadecimal(lte_mask, _MASK_END)
    # 40000000 stands for no change where it is set, not where it is read.
    free = bits is None or bits & _ANY_BAND == _ANY_BAND
    gsm = () if free or bits is None else tuple(_of(bits, _GSM_MHZ))
    wcdma = () if free or bits is None else tuple(_of(bits, _WCDMA_BANDS))
    any_lte = lte_bits is None or lte_bits & _ANY_LTE_BAND == _ANY_LTE_BAND
    lte = None if any_lte else bands_in_mask(lte_mask)
    if not gsm and not wcdma and not lte:
        return None
    return Bands(gsm_mhz=gsm or None, wcdma=wcdma or None, lte=lte or None)


def _of(bits: int, names: Mapping[int, int]) -> Iterator[int]:
    return iter(dict.fromkeys(name for bit, name in names.items() if bits & bit))


def _locked(rat: Rat | None, cells: tuple[LockedCell, ...]) -> Reading:
    return Reading(cell_lock=CellLock(rat=rat, cells=cells))


def _locked_cell(rat: Rat, fields: Sequence[str], *, base: int) -> LockedCell:
    """`band,channel,spacing,PCI`; LTE has no spacing."""
    rest = fields[2:] if rat is Rat.NR else ["", *fields[2:]]
    if base == 16:  # noqa: PLR2004  # hexadecimal
        pci = hexadecimal(at(rest, 1), _PCI_END[rat])
    else:
        pci = integer(at(rest, 1), 0, _PCI_END[rat] - 2)
    return LockedCell(
        band=integer(at(fields, 0), 1, 512),
        earfcn=arfcn(rat, at(fields, 1)),
        scs_khz=nr_scs_khz(at(rest, 0)),
        pci=pci,
    )
