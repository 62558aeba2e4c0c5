"""Quectel's settings: technologies, bands and cell locks. No I/O."""

import re
from collections.abc import Iterable

from drivers.modem.fields import (
    arfcn,
    at,
    bands_in_mask,
    integer,
    is_digits,
    nr_scs_khz,
    numbers,
    pci,
    split,
)
from drivers.modem.readers import Asked
from drivers.modem.reading import AllowedRats, Bands, CellLock, LockedCell, Reading
from drivers.modem.standard import numbers_in_ranges
from wire.cells import Rat

_RATS = {"WCDMA": "wcdma", "LTE": "lte", "NR5G": "nr", "NR": "nr", "GSM": "gsm"}
_ALL = ("wcdma", "lte", "nr")
_NWSCANMODE = {1: ("gsm",), 2: ("wcdma",), 3: ("lte",), 4: ("wcdma",), 5: ("wcdma",)}
"""4 is TD-SCDMA, 5 UMTS alone on older firmware."""
_BAND_LISTS = {
    "gw_band": "wcdma",
    "lte_band": "lte",
    "nsa_nr5g_band": "nr_nsa",
    "nr5g_band": "nr_sa",
}
_EARFCN_LOCK_WITH_COUNT = 3
_NR_WAYS = {"NR5G-SA": (True, False), "NR5G-NSA": (False, True)}
"""Words of UNISOC's modules, beside NR5G for both: whether SA and NSA are allowed."""
_BANDS_OF_NB = re.compile(r"BG", re.IGNORECASE)
"""Modules whose third mask has the bands of NB-IoT, and which have no UMTS."""
_UNISOC = re.compile(r"R[MG]500U|R[MG]200U|EC200[AU]", re.IGNORECASE)
_USB_PROFILES = {0: "rmnet", 1: "ecm", 2: "mbim", 3: "rndis", 5: "ncm"}
MAX_LISTED = 256
"""Characters of one list of a test command; the longest have some hundred."""


def preferences(asked: Asked) -> Reading:
    """AT+QNWPREFCFG: technologies, and the bands of each; one row asked, or many listed."""
    reading = None
    bands: dict[str, tuple[int, ...]] = {}
    for value in asked.values():
        name, *fields = split(value)
        name, said = name.lower(), at(fields, 0)
        if name == "mode_pref":
            reading = Reading(rat_lock=_mode_pref(said))
        elif name == "nr5g_disable_mode" and said in {"0", "1", "2"}:
            reading = Reading(rat_lock=AllowedRats(nr_sa=said != "1", nr_nsa=said != "2"))
        elif name in _BAND_LISTS:
            # 0 says that none is left.
            bands[_BAND_LISTS[name]] = tuple(sorted(set(numbers(said, ":")) - {0}))
    if bands:
        return Reading(bands=Bands(**bands))
    if reading is None or reading.rat_lock is None:
        raise asked.unreadable()
    return reading


def choices(asked: Asked) -> Reading:
    """AT+QNWPREFCFG=?: what may be set, by name; placeholders of the manual are left out."""
    supported: dict[str, tuple[int | str, ...]] = {}
    for value in asked.values():
        name, _, rest = value.partition(",")
        rest = rest[:MAX_LISTED].strip()
        if rest.startswith("("):
            listed: tuple[int | str, ...] = tuple(sorted(numbers_in_ranges(rest)))
        elif "..." in rest or "<" in rest:
            continue
        else:
            listed = numbers(rest, ":") or tuple(word for word in rest.split(":") if word)
        if listed:
            supported[name.strip('" ').lower()] = listed
    if not supported:
        raise asked.unreadable()
    return Reading(supported=supported)


def configuration(asked: Asked) -> Reading:
    """AT+QCFG: `nwscanmode`, `usbnet` and `band`, whose masks are hexadecimal."""
    nb = bool(_BANDS_OF_NB.match(asked.model))
    for value in asked.values():
        name, *fields = split(value)
        if name.lower() == "nwscanmode":
            mode = integer(at(fields, 0), 0, 5)
            allowed = _NWSCANMODE.get(mode or 0)
            if mode is not None:
                every = ("gsm", "lte") if nb else ("gsm", "wcdma", "lte")
                return Reading(rat_lock=AllowedRats(allowed=allowed or every, auto=mode == 0))
        if name.lower() == "usbnet":
            profile = _USB_PROFILES.get(integer(at(fields, 0), 0, 9) or 0)
            if is_digits(at(fields, 0)) and profile is not None:
                return Reading(usb_profile=profile)
        if name.lower() == "band":
            lte = bands_in_mask(at(fields, 1))
            if lte is not None:
                others = (bands_in_mask(at(fields, 2)) or ()) if nb else ()
                return Reading(bands=Bands(lte=tuple(sorted({*lte, *others}))))
    raise asked.unreadable()


def cell_lock(asked: Asked) -> Reading:
    """AT+QNWLOCK: LTE has channel before PCI, NR the other way round, and its spacing in kHz."""
    for value in asked.values():
        name, *fields = split(value)
        match name.lower():
            case "common/4g":
                return _lock(Rat.LTE, _pairs(fields[1:]))
            case "common/4g_ext":
                # Whether it is on, and how many, before them.
                return _lock(Rat.LTE, _pairs(fields[2:]))
            case "common/lte":
                channel, identity = (
                    integer(at(fields, 1), 0, 262_143),
                    integer(at(fields, 2), 0, 503),
                )
                free = at(fields, 0) in {"", "0"} or channel is None
                if at(fields, 0) == "1" and not identity and not _UNISOC.match(asked.model):
                    # A lock to the channel alone, which has 0 behind it.
                    identity = None
                return _lock(Rat.LTE, () if free else (LockedCell(earfcn=channel, pci=identity),))
            case "common/5g":
                return _lock(Rat.NR, _nr_cells(fields))
    raise asked.unreadable()


def channel_lock(asked: Asked) -> Reading:
    """AT+QNWCFG="lte_earfcn_lock" and "nr5g_earfcn_lock": a number of channels, then they.

    NR channels have their spacing in kHz behind each.
    """
    for value in asked.values():
        name, count, *rest = [*split(value), ""]
        listed = ":".join(rest).split(":")
        match name.lower():
            case "lte_earfcn_lock" if is_digits(count):
                channels = (arfcn(Rat.LTE, text) for text in listed)
                return _lock(Rat.LTE, _locked((channel, None) for channel in channels))
            case "nr5g_earfcn_lock" if is_digits(count):
                pairs = zip(listed[::2], listed[1::2], strict=False)
                return _lock(
                    Rat.NR,
                    _locked((arfcn(Rat.NR, text), integer(khz, 15, 240)) for text, khz in pairs),
                )
    raise asked.unreadable()


def _locked(channels: Iterable[tuple[int | None, int | None]]) -> tuple[LockedCell, ...]:
    return tuple(
        LockedCell(earfcn=channel, scs_khz=khz) for channel, khz in channels if channel is not None
    )


def _mode_pref(said: str) -> AllowedRats | None:
    words = said.upper().split(":")
    if words == ["AUTO"]:
        return AllowedRats(allowed=_ALL, auto=True)
    ways = [_NR_WAYS[word] for word in words if word in _NR_WAYS]
    named = [_RATS[word] for word in words if word in _RATS] + ["nr"] * bool(ways)
    allowed = tuple(rat for rat in ("gsm", *_ALL) if rat in named)
    if not allowed:
        return None
    either = "NR5G" in words or not ways
    return AllowedRats(
        allowed=allowed,
        auto=set(_ALL) <= set(allowed),
        nr_sa=None if either else any(sa for sa, _ in ways),
        nr_nsa=None if either else any(nsa for _, nsa in ways),
    )


def _lock(rat: Rat, cells: tuple[LockedCell, ...]) -> Reading:
    return Reading(cell_lock=CellLock(rat=rat, cells=cells))


def _pairs(fields: list[str]) -> tuple[LockedCell, ...]:
    pairs = zip(fields[::2], fields[1::2], strict=False)
    return tuple(
        LockedCell(earfcn=channel, pci=pci(Rat.LTE, identity))
        for text, identity in pairs
        if (channel := arfcn(Rat.LTE, text)) is not None
    )


def _nr_cells(fields: list[str]) -> tuple[LockedCell, ...]:
    """`pci,arfcn,scs,band`; UNISOC says `1,arfcn,pci`."""
    if len(fields) == _EARFCN_LOCK_WITH_COUNT and fields[0] == "1":
        fields = [fields[2], fields[1]]
    channel = integer(at(fields, 1), 1, 3_279_165)
    if channel is None:
        return ()
    spacing = integer(at(fields, 2), 15, 240) or nr_scs_khz(at(fields, 2))
    return (
        LockedCell(
            earfcn=channel,
            pci=pci(Rat.NR, fields[0]),
            scs_khz=spacing,
            band=integer(at(fields, 3), 1, 512),
        ),
    )
