"""ZTE's cells, levels and settings: AT+ZCELLINFO, AT+ZCAINFO, AT+ZRSSI and their kin. No I/O.

unverified: all but AT+ZCAINFO, AT+ZPAS and one form of AT+ZCELLINFO, of which captures are public.
Cell and area are hexadecimal where they look so, and decimal elsewhere.
"""

import re
from collections.abc import Mapping, Sequence

from drivers.modem.fields import (
    MAX_BAND,
    area_code,
    arfcn,
    at,
    band,
    ecio_db,
    hexadecimal,
    integer,
    is_digits,
    level,
    lte_width_in_mhz,
    mask_of_bands,
    number,
    pci,
    plmn,
    rscp_dbm,
    rssi_dbm,
    split,
    within,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    CellLock,
    HeardCell,
    Levels,
    LockedCell,
    Operator,
    Reading,
    Role,
    Signal,
)
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END, some
from wire.cells import Rat

FIELDS_OF_CARRIER = 5
FIELDS_OF_LTE = 4
FIELDS_WITHOUT_SIGN = 3
"""Of AT+ZRSSI on the oldest sticks."""
UNMEASURED = 1000
PAIRS_OF_SINR = 4
BYTES_OF_BANDS = (8, 9)
MAX_LTE_PCI = 503
SENSOR_C = (-40, 125)

_LABEL = re.compile(r"(LTE|NR(?:5G)?|WCDMA|UMTS|[PER]?GSM|DCS|PCS)[ _]?[BN]?(\d{1,4})?")
_RATS = {
    "LTE": Rat.LTE,
    "NR": Rat.NR,
    "NR5G": Rat.NR,
    "WCDMA": Rat.WCDMA,
    "UMTS": Rat.WCDMA,
}
_GSM_BANDS = {"850": 5, "900": 8, "1800": 3, "1900": 2}
"""Numbered as those of LTE on the same frequencies."""
_WITH_TAC = frozenset({Rat.LTE, Rat.NR})
_WITHOUT_LTE = re.compile(r"MF[16]\d\d", re.IGNORECASE)
_TECHNOLOGIES: Mapping[str, str] = {
    "NO SERVICE": "no-service",
    "LIMITED SERVICE": "no-service",
    **dict.fromkeys(("NR5G-SA", "NR5G_SA", "NR5G", "NR", "5G"), "nr-sa"),
    **dict.fromkeys(("NR5G-NSA", "NR5G_NSA", "ENDC", "EN-DC", "LTE-NR"), "nr-nsa"),
    **dict.fromkeys(("LTE", "FDD-LTE", "TD-LTE", "TDD-LTE", "LTE-A", "LTE_CA", "4G"), "lte"),
    **dict.fromkeys(("UMTS", "WCDMA", "TD-SCDMA", "TDSCDMA", "TD_SCDMA", "3G"), "wcdma"),
    **dict.fromkeys(("HSPA", "HSPA+", "HSDPA", "HSUPA", "DC-HSPA", "DC-HSPA+"), "wcdma"),
    **dict.fromkeys(("GSM", "GPRS", "EDGE", "GPRS/EDGE", "2G"), "gsm"),
}
_DOMAINS = {"CS_ONLY": "cs", "PS_ONLY": "ps", "CS_PS": "cs-ps", "PS_CS": "cs-ps"}
_MODES: Mapping[str, tuple[str, ...]] = {
    "1": ("gsm",),
    "2": ("wcdma",),
    "3": ("wcdma",),
    "6": ("lte",),
    "7": ("wcdma", "lte"),
}
"""By the first number of AT+ZSNT; 3 is TD-SCDMA."""


def serving(asked: Asked) -> Reading:
    """AT+ZCELLINFO?: what stands before the band depends on the model.

    `area,cell,?,band,channel`, `area,cell,band`, `cell,PCI,band,channel`, or with names.
    """
    for value in asked.values("+ZCELLINFO"):
        fields = split(value)
        named = {name.strip().lower(): text for name, text in map(_named, fields) if name}
        labelled = _labelled(named, fields)
        if labelled is None:
            if _area(Rat.LTE, fields[0]) is None and _identity(Rat.LTE, at(fields, 1)) is None:
                return Reading(cells=())
            break
        index, rat, number_ = labelled
        texts = _named_places(named, fields) if named else _places(fields[:index])
        cell = HeardCell(
            role=Role.SERVING,
            rat=rat,
            band=number_,
            arfcn=None if named else arfcn(rat, at(fields, index + 1)),
            cell_id=_identity(rat, texts["cell"]),
            pci=pci(rat, texts["pci"]) if rat in _WITH_TAC else None,
            tac=_area(rat, texts["area"]) if rat in _WITH_TAC else None,
            lac=None if rat in _WITH_TAC else _area(rat, texts["area"]),
        )
        return Reading(mode=MODES[rat], cells=(cell,))
    raise asked.unreadable()


def carriers(asked: Asked) -> Reading:
    """AT+ZCAINFO?: `PCI,band,area,channel,width`, then `PCI,state,band,channel,width` of others."""
    cells: list[HeardCell] = []
    read = False
    for value in asked.values("+ZCAINFO"):
        for row in value.split(";"):
            fields = split(row)
            if len(fields) < FIELDS_OF_CARRIER:
                continue
            read = True
            cell = _carrier(fields, first=not cells)
            if cell is not None:
                cells.append(cell)
    if not read:
        raise asked.unreadable()
    return Reading(cells=tuple(cells))


def technology(asked: Asked) -> Reading:
    """AT+ZPAS?, and +ZPASR sent unasked: technology and domain in words."""
    for value in asked.values("+ZPAS", "+ZPASR"):
        fields = split(value)
        name = fields[0].upper()
        # What follows is the category: `LTE Cat.NB1`.
        words = _TECHNOLOGIES.get(name) or _TECHNOLOGIES.get(name.partition(" CAT")[0])
        domain = _DOMAINS.get(at(fields, 1).upper())
        if words is not None or domain is not None:
            return Reading(mode=words, domain=domain)
    raise asked.unreadable()


def levels(asked: Asked) -> Reading:
    """AT+ZRSSI: LTE `RSRP,RSRQ,RSSI,SINR`, UTRA `RSCP,Ec/Io`, GSM its RSSI.

    The oldest sticks have `RSSI,Ec/Io,RSCP` without signs, the last two in halves, 1000 for none.
    """
    for value in asked.values("+ZRSSI"):
        fields = split(value)
        printed = [number(text) for text in fields]
        if not any(value is not None for value in printed):
            break
        if len(fields) >= FIELDS_OF_LTE:
            return Reading(signal=Signal(lte=some(_lte(fields[0], *fields[1:FIELDS_OF_LTE]))))
        if len(fields) == FIELDS_WITHOUT_SIGN:
            return Reading(signal=_without_sign(printed))
        if len(fields) > 1:
            found = Levels(rscp_dbm=rscp_dbm(fields[0]), ecio_db=ecio_db(fields[1]))
            return Reading(signal=Signal(wcdma=some(found)))
        return Reading(signal=Signal(gsm=some(Levels(rssi_dbm=rssi_dbm(fields[0])))))
    raise asked.unreadable()


def sinr(asked: Asked) -> Reading:
    """AT+ZSINR: whole dB and a digit behind the point for each antenna; the best of them."""
    for value in asked.values("+ZSINR"):
        fields = split(value)[: 2 * PAIRS_OF_SINR]
        pairs = zip(fields[::2], fields[1::2], strict=False)
        found = [level("sinr_db", Rat.LTE, f"{whole}.{digit}") for whole, digit in pairs]
        known = [decibels for decibels in found if decibels is not None]
        if not known:
            break
        return Reading(signal=Signal(lte=some(Levels(sinr_db=max(known) if any(known) else None))))
    raise asked.unreadable()


def quality(asked: Asked) -> Reading:
    """AT+ZCSQ?: `technology,RSRP,RSRQ,SINR`, the first two without their minus."""
    for value in asked.values("+ZCSQ"):
        label, *fields = split(value)
        if label.upper() == "LTE":
            found = _lte(f"-{at(fields, 0)}", f"-{at(fields, 1)}", "", at(fields, 2))
            return Reading(signal=Signal(lte=some(found)))
    raise asked.unreadable()


def temperature(asked: Asked) -> Reading:
    """AT+MTSM=1: degrees."""
    for value in asked.values("+MTSM"):
        degrees = within(split(value)[0], *SENSOR_C)
        if degrees is not None:
            return Reading(temperature_c=degrees)
    raise asked.unreadable()


def network(asked: Asked) -> Reading:
    """+ZDONR, sent unasked: name, network, domain and whether it is another's."""
    for value in asked.values("+ZDONR", "+ZDON"):
        fields = split(value)
        mcc, mnc = plmn(at(fields, 1), at(fields, 2))
        if mcc is not None:
            found = Operator(name=fields[0] or None, mcc=mcc, mnc=mnc and mnc.zfill(2))
            return Reading(operator=found, domain=_DOMAINS.get(at(fields, 3).upper()))
    raise asked.unreadable()


def mode(asked: Asked) -> Reading:
    """AT+ZSNT?: which technologies, how a network is chosen, and which technology first."""
    for value in asked.values("+ZSNT"):
        fields = split(value)
        first = _MODES.get(at(fields, 2), (None,))[0]
        if fields[0] == "0":
            every = ("gsm", "wcdma") if _WITHOUT_LTE.match(asked.model) else ("gsm", "wcdma", "lte")
            auto = True if first is None else None
            return Reading(rat_lock=AllowedRats(allowed=every, preferred=first, auto=auto))
        if fields[0] in _MODES:
            allowed = _MODES[fields[0]]
            auto = False if len(allowed) == 1 else None
            return Reading(rat_lock=AllowedRats(allowed=allowed, auto=auto))
        break
    raise asked.unreadable()


def lte_bands(asked: Asked) -> Reading:
    """AT+ZLTEBAND?: bytes of a mask in decimal, the lowest bands first."""
    for value in asked.values("+ZLTEBAND"):
        found = [integer(text, 0, 255) for text in split(value)]
        octets = bytes(octet for octet in found if octet is not None)
        if len(octets) == len(found) and len(octets) in BYTES_OF_BANDS:
            mask = int.from_bytes(octets, "little")
            return Reading(bands=Bands(lte=_bands(mask) or None))
        break
    raise asked.unreadable()


def locked_bands(asked: Asked) -> Reading:
    """AT+ZNLOCKBAND?: two masks in hexadecimal, the first of LTE; 0 for none locked."""
    for value in asked.values("+ZNLOCKBAND"):
        mask = hexadecimal(split(value)[0], 1 << 64)
        if mask is not None:
            return Reading(bands=Bands(lte=_bands(mask) or None))
    raise asked.unreadable()


def cell_lock(asked: Asked) -> Reading:
    """AT+ZLOCKCELL?: channel and PCI, 0 for none; AT+ZLC? has a switch in front of them."""
    for value in asked.values("+ZLOCKCELL", "+ZLC"):
        fields = split(value)
        if not is_digits(fields[0]):
            break
        held = fields[1:] if asked.name == "+ZLC" else fields
        if fields[0] == "0" or len(held) < len(("channel", "PCI")):
            return Reading(cell_lock=CellLock(rat=Rat.LTE, cells=()))
        found = LockedCell(earfcn=arfcn(Rat.LTE, held[0]), pci=pci(Rat.LTE, held[1]))
        return Reading(cell_lock=CellLock(rat=Rat.LTE, cells=(found,)))
    raise asked.unreadable()


def octets_of_bands(bands: Sequence[int], count: int) -> str:
    """As AT+ZLTEBAND prints them; none is above 8 * `count`."""
    return ",".join(map(str, mask_of_bands(bands).to_bytes(count, "little")))


def _named(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    return (name, value.strip()) if colon else ("", "")


def _labelled(
    named: Mapping[str, str], fields: Sequence[str]
) -> tuple[int, Rat, int | None] | None:
    """Where the band stands, its technology and number."""
    if "band" in named:
        rat, number_ = _label(named["band"]) or (Rat.LTE, band(named["band"].lstrip("bB")))
        return None if number_ is None else (0, rat, number_)
    for index, text in enumerate(fields):
        found = _label(text)
        if found is not None:
            return index, *found
    return None


def _named_places(named: Mapping[str, str], fields: Sequence[str]) -> dict[str, str]:
    return {
        "area": named.get("tac", fields[0]),
        "cell": named.get("cellid", ""),
        "pci": named.get("pci", ""),
    }


def _places(before: Sequence[str]) -> dict[str, str]:
    """What the fields before the band are."""
    first, second = at(before, 0), at(before, 1)
    if len(before) == len(("cell", "PCI")) and integer(second, 0, MAX_LTE_PCI) is not None:
        return {"area": "", "cell": first, "pci": second}
    return {"area": first, "cell": second, "pci": ""}


def _label(text: str) -> tuple[Rat, int | None] | None:
    """Technology and band of `LTE B3` or `PGSM_900`."""
    found = _LABEL.fullmatch(text.upper())
    if found is None:
        return None
    rat = _RATS.get(found[1], Rat.GSM)
    if rat is Rat.GSM:
        return rat, _GSM_BANDS.get(found[2] or "")
    return rat, integer(found[2] or "", 1, MAX_BAND)


def _identity(rat: Rat, text: str) -> int | None:
    end = {Rat.GSM: LAC_END, Rat.NR: NCI_END}.get(rat, ECI_END)
    if text.lower().startswith("0x") or not is_digits(text):
        return hexadecimal(text, end)
    return integer(text, 0, end - 2)


def _area(rat: Rat, text: str) -> int | None:
    is_hexadecimal = text.lower().startswith("0x") or not is_digits(text)
    end = TAC_5G_END if rat is Rat.NR else LAC_END
    return area_code(text, end, 16 if is_hexadecimal else 10)


def _carrier(fields: Sequence[str], *, first: bool) -> HeardCell | None:
    channel = arfcn(Rat.LTE, fields[3])
    number_ = band(fields[1 if first else 2])
    if channel is None or number_ is None:
        return None
    return HeardCell(
        role=Role.SERVING if first else Role.SCC,
        rat=Rat.LTE,
        pci=pci(Rat.LTE, fields[0]),
        band=number_,
        tac=area_code(fields[2], LAC_END, 10) if first else None,
        arfcn=channel,
        bandwidth_mhz=lte_width_in_mhz(fields[4]),
    )


def _lte(rsrp: str, rsrq: str, rssi: str, decibels: str) -> Levels:
    return Levels(
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, rsrp),
        rsrq_db=level("rsrq_db", Rat.LTE, rsrq),
        rssi_dbm=rssi_dbm(rssi),
        sinr_db=level("sinr_db", Rat.LTE, decibels),
    )


def _without_sign(printed: Sequence[float | None]) -> Signal:
    rssi, quality_, power = (
        None if value is None or value == UNMEASURED else -value for value in printed
    )
    found = Levels(
        rssi_dbm=None if rssi is None else rssi_dbm(str(rssi)),
        rscp_dbm=None if power is None else rscp_dbm(str(power / 2)),
        ecio_db=None if quality_ is None else ecio_db(str(quality_ / 2)),
    )
    if found.rscp_dbm is None and found.ecio_db is None:
        return Signal(gsm=some(found))
    return Signal(wcdma=some(found))


def _bands(mask: int) -> tuple[int, ...]:
    return tuple(bit + 1 for bit in range(mask.bit_length()) if mask >> bit & 1)
