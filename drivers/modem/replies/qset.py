"""Quectel's settings: technologies, bands and cell locks. No I/O."""

from drivers.modem.fields import arfcn, at, bands_in_mask, integer, nr_scs_khz, numbers, pci, split
from drivers.modem.readers import Asked
from drivers.modem.reading import AllowedRats, Bands, CellLock, LockedCell, Reading
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
            bands[_BAND_LISTS[name]] = tuple(sorted(numbers(said, ":")))
    if bands:
        return Reading(bands=Bands(**bands))
    if reading is None or reading.rat_lock is None:
        raise asked.unreadable()
    return reading


def configuration(asked: Asked) -> Reading:
    """AT+QCFG: `nwscanmode` and `band`, whose masks are hexadecimal."""
    for value in asked.values():
        name, *fields = split(value)
        if name.lower() == "nwscanmode":
            mode = integer(at(fields, 0), 0, 5)
            allowed = _NWSCANMODE.get(mode or 0)
            if mode is not None:
                return Reading(
                    rat_lock=AllowedRats(allowed=allowed or ("gsm", "wcdma", "lte"), auto=mode == 0)
                )
        if name.lower() == "band":
            lte = bands_in_mask(at(fields, 1))
            if lte is not None:
                return Reading(bands=Bands(lte=lte))
    raise asked.unreadable()


def cell_lock(asked: Asked) -> Reading:
    """AT+QNWLOCK: LTE has channel before PCI, NR the other way round, and its spacing in kHz."""
    for value in asked.values():
        name, *fields = split(value)
        match name.lower():
            case "common/4g":
                return _lock(Rat.LTE, _pairs(fields[1:]))
            case "common/lte":
                channel, identity = (
                    integer(at(fields, 1), 0, 262_143),
                    integer(at(fields, 2), 0, 503),
                )
                free = at(fields, 0) in {"", "0"} or channel is None
                return _lock(Rat.LTE, () if free else (LockedCell(earfcn=channel, pci=identity),))
            case "common/5g":
                return _lock(Rat.NR, _nr_cells(fields))
    raise asked.unreadable()


def _mode_pref(said: str) -> AllowedRats | None:
    if said.upper() == "AUTO":
        return AllowedRats(allowed=_ALL, auto=True)
    named = [_RATS[word] for word in said.upper().split(":") if word in _RATS]
    allowed = tuple(rat for rat in ("gsm", *_ALL) if rat in named)
    return AllowedRats(allowed=allowed, auto=set(_ALL) <= set(allowed)) if allowed else None


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
