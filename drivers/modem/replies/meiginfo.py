"""MeiG's cells, levels and settings: AT^CELLINFO, AT+MENG, AT+SGCELLINFO and their kin. No I/O.

unverified: everything. The positions are those that several public scripts read, but for AT+MENG no
answer of a device was found; SINR of AT^CELLINFO is in tenths for some and in steps for others,
and is left as printed.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from drivers.modem.fields import (
    arfcn,
    at,
    band,
    ecio_db,
    hexadecimal,
    integer,
    is_digits,
    level,
    lte_width_of_blocks,
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
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    CellLock,
    HeardCell,
    Levels,
    LockedCell,
    Reading,
    Role,
    Signal,
)
from drivers.modem.replies import hcsq, qeng, syscfg
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END, some, stepped
from wire.cells import Rat

LEG_AT = (29, 28)
"""Where the NR leg begins behind an LTE cell: in AT^CELLINFO, and in AT+SGCELLINFOEX."""
BAND_CLASSES = (120, 207)
"""Numbers of LTE bands in older firmware: Qualcomm's classes, 119 above the band."""
FIELDS_WITH_NR = 9
"""Of AT^SYSCFGEX, where its masks have a second half each and NR has its own."""
STEPS_OF_LTE = 4
MILLI_FROM = 1000
SENSOR_C = (-40, 125)

_RATS = {
    "LTE": Rat.LTE,
    "EMTC": Rat.LTE,
    "NB-IOT": Rat.LTE,
    "TD-LTE": Rat.LTE,
    "FDD-LTE": Rat.LTE,
    "EN-DC": Rat.LTE,
    "LTE-NR": Rat.LTE,
    "5G": Rat.NR,
    "NR": Rat.NR,
    "NR5G": Rat.NR,
    "WCDMA": Rat.WCDMA,
    "GSM": Rat.GSM,
}
_WITH_LEG = frozenset({"EN-DC", "LTE-NR"})
_RATS_BY_NUMBER: Mapping[str, str] = {
    **dict.fromkeys(("1", "2", "3"), "GSM"),
    **dict.fromkeys(("4", "5", "6", "7", "8"), "WCDMA"),
    **dict.fromkeys(("9", "10", "11"), "LTE"),
}
_DUPLEX = {"FDD": "fdd", "TDD": "tdd"}
_NAMED = re.compile(r"((?:[DU]L )?[A-Z][A-Z_]{1,15})\s?:\s?\"?(-?[0-9A-Z.-]{1,12})(?![0-9A-Z.:_-])")
_IS_TDD = re.compile(r'("LTE",)([01])(?=,)')
_DUPLEX_WORDS = {"0": "FDD", "1": "TDD"}
_LOCK_RATS = {"3": Rat.LTE, "LTE": Rat.LTE, "4": Rat.NR, "NR": Rat.NR, "5G": Rat.NR}
_SCS_KHZ = (15, 30, 60, 120, 240)
_NR_MHZ = frozenset({5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100})
_TECHNOLOGIES = {
    "NONE": "no-service",
    "LTE FDD": "lte",
    "LTE TDD": "lte",
    "FDD-LTE": "lte",
    "TD-LTE": "lte",
    "FDD": "lte",
    "LTE": "lte",
    "5G": "nr-sa",
    "HSPA+": "wcdma",
    "HSUPA": "wcdma",
    "HSDPA": "wcdma",
    "WCDMA": "wcdma",
    "UMTS": "wcdma",
    "TDSCDMA": "wcdma",
    "EDGE": "gsm",
    "GPRS": "gsm",
    "GSM": "gsm",
}


def cells(asked: Asked) -> Reading:
    """AT^CELLINFO=1 for the serving cell and =2 for its neighbours; AT+SGCELLINFOEX? as the first.

    A row begins with its technology; that of a neighbour has a word in front of it.
    """
    found: list[HeardCell] = []
    unread = []
    nobody = False
    for value in asked.values("^CELLINFO", "+SGCELLINFOEX"):
        fields = split(value)
        if len(fields) == 1:
            # A technology alone has its labels in the lines below.
            nobody = nobody or "NO SERVICE" in value.upper()
            continue
        if fields[0].upper() in _RATS:
            row = [*_serving(fields, extended=asked.name == "+SGCELLINFOEX")]
        elif at(fields, 1).upper() in _RATS:
            row = [*_neighbour(fields[1:])]
        else:
            nobody = nobody or "NO SERVICE" in value.upper()
            continue
        found.extend(row)
        unread.extend([] if row else [value])
    if found or unread or nobody:
        return Reading(mode=_mode(found, nobody=nobody), cells=tuple(found), unread=_some(unread))
    return named(asked)


def named(asked: Asked) -> Reading:
    """AT+SGCELLINFO and, on some firmware, AT+SGCELLINFOEX?: `NAME:value` in rows or in one.

    Where no name is that of the technology, it stands behind the command's. Cell and area are left
    out: some firmware prints them in decimal, some does not.
    """
    values = dict(_NAMED.findall("\n".join(asked.lines).upper()))
    label = values.get("CURR_MODE") or next(asked.values(), "").upper()
    label = _RATS_BY_NUMBER.get(label, label)
    if label == "0":
        return Reading(mode="no-service", cells=())
    rat = _RATS.get(label)
    if rat is None:
        raise asked.unreadable()
    mcc, mnc = plmn(values.get("MCC", ""), values.get("MNC", ""))
    channels = (values.get(name, "") for name in ("CHANNEL", "DL CHANNEL", "EARFCN"))
    channel = next(filter(None, channels), "")
    cell = HeardCell(
        role=Role.SERVING,
        rat=rat,
        mcc=mcc,
        mnc=mnc,
        band=_band(rat, values.get("BAND", "")),
        arfcn=arfcn(rat, channel),
    )
    if rat in {Rat.LTE, Rat.NR}:
        more = {"pci": pci(rat, values.get("PCI", ""))} | _levels(
            rat, [values.get(name, "") for name in ("RSRP", "RSRQ", "SINR")]
        )
    else:
        more = {"rssi_dbm": rssi_dbm(values.get("RSSI", ""))}
        if rat is Rat.WCDMA:
            more |= {
                "psc": psc(values.get("PSC", "")),
                "rscp_dbm": rscp_dbm(values.get("RSCP", "")),
                "ecio_db": ecio_db(values.get("ECIO", "")),
            }
    return Reading(
        mode="nr-nsa" if label in _WITH_LEG else MODES[rat],
        cells=(msgspec.structs.replace(cell, **more),),
    )


def engineering(asked: Asked) -> Reading:
    """AT+MENG="servingcell" and "neighbourcell": as Quectel's AT+QENG, from a capture of LTE.

    RSRP and RSRQ of a neighbour stand the other way round. unverified: the manual has SINR in dB.
    """
    rows = list(asked.values("+MENG"))
    if "neighbourcell" in asked.arguments or any("neighbourcell" in row for row in rows):
        return _listed(rows)
    lines = tuple(
        _IS_TDD.sub(lambda found: f'{found[1]}"{_DUPLEX_WORDS[found[2]]}"', line)
        for line in asked.lines
    )
    return qeng.serving(asked._replace(command=asked.command or "AT+MENG", lines=lines), _DIALECT)


def quality(asked: Asked) -> Reading:
    """AT^HCSQ?: two switches, the technology, RSSI, RSRQ, RSRP and SINR; RSSI is not of NR.

    Beside an LTE cell three more are of NR. Without the switches it is as Huawei's.
    """
    for value in asked.values("^HCSQ"):
        fields = split(value)
        label = at(fields, 2).upper()
        if is_digits(fields[0]) and label == "NOSERVICE":
            return Reading(signal=Signal(), mode="no-service")
        if is_digits(fields[0]) and label in _STEPS:
            return Reading(signal=_STEPS[label](fields[3:]))
    return hcsq.quality(asked)


def order(asked: Asked) -> Reading:
    """AT^SYSCFGEX?: technologies in the order they are looked for, and bands of LTE."""
    reading = syscfg.order(asked, syscfg.MEIG_CODES)
    fields = split(next(iter(asked.values("^SYSCFGEX")), ""))
    low, high = (hexadecimal(at(fields, index), 1 << 64) for index in (4, 5))
    bands = None
    if len(fields) >= FIELDS_WITH_NR and low is not None:
        mask = low | (high or 0) << 64
        bands = tuple(bit + 1 for bit in range(mask.bit_length()) if mask >> bit & 1)
    return msgspec.structs.replace(reading, bands=Bands(lte=bands) if bands else None)


def architectures(asked: Asked) -> Reading:
    """AT^NWCFG="nr5g_disable_mode": 0 for neither, 1 without stand-alone NR, 2 without EN-DC."""
    for value in asked.values("^NWCFG"):
        name, *rest = split(value)
        disabled = integer(at(rest, 0), 0, 2)
        if name == "nr5g_disable_mode" and disabled is not None:
            return Reading(rat_lock=AllowedRats(nr_sa=disabled != 1, nr_nsa=disabled != 2))  # noqa: PLR2004  # see above
    raise asked.unreadable()


def mode(asked: Asked) -> Reading:
    """AT+MODODR?: 1 UTRA, 2 any, 3 GSM, 4 UTRA first, 5 LTE."""
    locks = {
        "1": AllowedRats(allowed=("wcdma",), auto=False),
        "2": AllowedRats(allowed=("gsm", "wcdma", "lte"), auto=True),
        "3": AllowedRats(allowed=("gsm",), auto=False),
        "4": AllowedRats(allowed=("gsm", "wcdma", "lte"), preferred="wcdma"),
        "5": AllowedRats(allowed=("lte",), auto=False),
    }
    for value in asked.values("+MODODR"):
        if value in locks:
            return Reading(rat_lock=locks[value])
    raise asked.unreadable()


def technology(asked: Asked) -> Reading:
    """AT+PSRAT: the technology in use, in words."""
    for value in asked.values("+PSRAT"):
        words = _TECHNOLOGIES.get(split(value)[0].upper())
        if words is not None:
            return Reading(mode=words)
    raise asked.unreadable()


def cell_lock(asked: Asked) -> Reading:
    """AT^CELLLOCK?: `on,technology,kind,channel,PCI,spacing,band` in each row."""
    rows = [split(value) for value in asked.values("^CELLLOCK")]
    if not rows or any(fields[0] not in {"0", "1"} for fields in rows):
        raise asked.unreadable()
    held = [fields for fields in rows if fields[0] == "1"]
    rat = next((_LOCK_RATS.get(at(fields, 1).upper()) for fields in held), None)
    found = tuple(
        LockedCell(
            earfcn=arfcn(rat, at(fields, 3)),
            pci=pci(rat, at(fields, 4)),
            scs_khz=_scs_khz(at(fields, 5)),
            band=band(at(fields, 6)),
        )
        for fields in held
        if rat is not None and _LOCK_RATS.get(at(fields, 1).upper()) is rat
    )
    return Reading(cell_lock=CellLock(rat=rat, cells=found))


def temperatures(asked: Asked) -> Reading:
    """AT+TEMP: a row for each sensor by its name, in degrees or in thousandths."""
    sensors = {}
    for value in asked.rows("+TEMP"):
        name, *rest = split(value)
        printed = number(at(rest, 0))
        degrees = None if printed is None else printed / (1000 if printed >= MILLI_FROM else 1)
        if degrees and SENSOR_C[0] <= degrees <= SENSOR_C[1]:
            sensors[name] = degrees
    return Reading(temperature_c=sensors or None)


def _serving(fields: Sequence[str], *, extended: bool) -> Iterator[HeardCell]:
    label = fields[0].upper()
    match _RATS[label]:
        case Rat.LTE:
            cell = _lte(fields, sinr_at=17 if extended else 16)
        case Rat.NR:
            cell = _nr(fields)
        case Rat.WCDMA:
            cell = _wcdma(fields, shift=1 if extended else 0)
        case _:
            cell = None
    if cell is not None:
        yield cell
        leg = _leg(fields) if label in _WITH_LEG else None
        if leg is not None:
            yield leg


def _lte(fields: Sequence[str], *, sinr_at: int) -> HeardCell | None:
    channel, identity = arfcn(Rat.LTE, at(fields, 11)), pci(Rat.LTE, at(fields, 5))
    if channel is None and identity is None:
        return None
    mcc, mnc = plmn(at(fields, 2), at(fields, 3))
    cell = HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        duplex=_DUPLEX.get(at(fields, 1).upper()),
        mcc=mcc,
        mnc=mnc,
        pci=identity,
        cell_id=integer(at(fields, 7), 0, ECI_END - 2),
        tac=integer(at(fields, 8), 0, LAC_END - 2),
        band=_band(Rat.LTE, at(fields, 9)),
        bandwidth_mhz=lte_width_of_blocks(at(fields, 10)),
        arfcn=channel,
        rssi_dbm=rssi_dbm(at(fields, 13)),
    )
    levels = [at(fields, 14), at(fields, 15), at(fields, sinr_at)]
    return msgspec.structs.replace(cell, **_levels(Rat.LTE, levels))


def _nr(fields: Sequence[str]) -> HeardCell | None:
    channel, identity = arfcn(Rat.NR, at(fields, 11)), pci(Rat.NR, at(fields, 5))
    if channel is None and identity is None:
        return None
    mcc, mnc = plmn(at(fields, 2), at(fields, 3))
    cell = HeardCell(
        role=Role.SERVING,
        rat=Rat.NR,
        duplex=_DUPLEX.get(at(fields, 1).upper()),
        mcc=mcc,
        mnc=mnc,
        cell_id=integer(at(fields, 4), 0, NCI_END - 2),
        pci=identity,
        tac=integer(at(fields, 6), 0, TAC_5G_END - 2),
        band=_band(Rat.NR, at(fields, 7)),
        bandwidth_mhz=_nr_mhz(at(fields, 8)),
        scs_khz=_scs_khz(at(fields, 9)),
        arfcn=channel,
    )
    return msgspec.structs.replace(cell, **_levels(Rat.NR, fields[14:17]))


def _leg(fields: Sequence[str]) -> HeardCell | None:
    for start in LEG_AT:
        levels = _levels(Rat.NR, fields[start : start + 3])
        if levels["rsrp_dbm"] is not None and levels["rsrq_db"] is not None:
            cell = HeardCell(
                role=Role.NR_SECONDARY,
                rat=Rat.NR,
                band=_band(Rat.NR, at(fields, start + 3)),
                arfcn=arfcn(Rat.NR, at(fields, start + 4)),
                bandwidth_mhz=_nr_mhz(at(fields, start + 5)),
                pci=pci(Rat.NR, at(fields, start + 6)),
                scs_khz=_scs_khz(at(fields, start + 7)),
            )
            return msgspec.structs.replace(cell, **levels)
    return None


def _wcdma(fields: Sequence[str], *, shift: int) -> HeardCell | None:
    """Cell and area are left out, see `named`."""
    code = psc(at(fields, 4))
    if code is None:
        return None
    mcc, mnc = plmn(at(fields, 1), at(fields, 2))
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        psc=code,
        band=_band(Rat.WCDMA, at(fields, 8)),
        arfcn=arfcn(Rat.WCDMA, at(fields, 9 + shift)),
        ecio_db=ecio_db(at(fields, 12 + shift)),
        rscp_dbm=rscp_dbm(at(fields, 14 + shift)),
    )


def _neighbour(fields: Sequence[str]) -> Iterator[HeardCell]:
    """`technology,channel,PCI,RSRP,RSRQ,...`."""
    rat = _RATS[fields[0].upper()]
    identity = pci(rat, at(fields, 2)) if rat in {Rat.LTE, Rat.NR} else None
    if identity is not None:
        cell = HeardCell(
            role=Role.NEIGHBOUR, rat=rat, arfcn=arfcn(rat, at(fields, 1)), pci=identity
        )
        levels = _levels(rat, [at(fields, 3), at(fields, 4), ""])
        yield msgspec.structs.replace(cell, **levels)


def _listed(rows: Sequence[str]) -> Reading:
    found: list[HeardCell] = []
    unread = []
    for value in rows:
        label, *fields = split(value)
        is_lte = label.startswith("neighbourcell") and at(fields, 0).upper() == "LTE"
        row = [*_neighbour(fields)] if is_lte else []
        found.extend(row)
        unread.extend([] if row else [value])
    return Reading(cells=tuple(found), unread=_some(unread))


def _levels(rat: Rat, texts: Sequence[str]) -> dict[str, float | None]:
    """RSRP, RSRQ, and SINR as printed."""
    return {
        "rsrp_dbm": level("rsrp_dbm", rat, at(texts, 0)),
        "rsrq_db": level("rsrq_db", rat, at(texts, 1)),
        "sinr_raw": number(at(texts, 2)),
    }


def _lte_steps(texts: Sequence[str]) -> Levels | None:
    return some(
        Levels(
            rssi_dbm=stepped(at(texts, 0), 96, -121, 1),
            rsrq_db=stepped(at(texts, 1), 34, -20, 0.5),
            rsrp_dbm=stepped(at(texts, 2), 97, -141, 1),
            sinr_db=hcsq.sinr_db(at(texts, 3)),
        )
    )


def _wcdma_steps(texts: Sequence[str]) -> Levels | None:
    return some(
        Levels(
            rssi_dbm=stepped(at(texts, 0), 96, -121, 1),
            ecio_db=stepped(at(texts, 1), 65, -32.5, 0.5),
            rscp_dbm=stepped(at(texts, 2), 96, -121, 1),
        )
    )


def _gsm_steps(texts: Sequence[str]) -> Levels | None:
    return some(Levels(rssi_dbm=stepped(at(texts, 0), 96, -121, 1)))


def _steps_with_nr(texts: Sequence[str]) -> Signal:
    if len(texts) > STEPS_OF_LTE:
        return Signal(lte=_lte_steps(texts), nr=_nr_steps(texts[STEPS_OF_LTE:]))
    return Signal(nr=_nr_steps(texts))


def _nr_steps(texts: Sequence[str]) -> Levels | None:
    """By the tables of TS 38.133."""
    return some(
        Levels(
            rsrq_db=stepped(at(texts, 0), 126, -43.5, 0.5),
            rsrp_dbm=stepped(at(texts, 1), 126, -157, 1),
            sinr_db=stepped(at(texts, 2), 127, -23.5, 0.5),
        )
    )


def _band(rat: Rat, text: str) -> int | None:
    number_ = band(text)
    if rat is Rat.LTE and number_ is not None and BAND_CLASSES[0] <= number_ <= BAND_CLASSES[1]:
        return number_ - 119
    return number_


def _nr_mhz(text: str) -> float | None:
    """MHz for some, fifths of it for others: where only one of the two can be."""
    value = within(text, 5, 500)
    if value is None:
        return None
    possible = _NR_MHZ & {value, value / 5}
    return next(iter(possible)) if len(possible) == 1 else None


def _scs_khz(text: str) -> int | None:
    """A code of the spacing, or the spacing."""
    value = integer(text, 0, _SCS_KHZ[-1])
    if value is None or value in _SCS_KHZ:
        return value
    return _SCS_KHZ[value] if value < len(_SCS_KHZ) else None


def _mode(found: Sequence[HeardCell], *, nobody: bool) -> str | None:
    roles: Mapping[Role, HeardCell] = {cell.role: cell for cell in found}
    if Role.NR_SECONDARY in roles:
        return "nr-nsa"
    if Role.SERVING in roles:
        return MODES[roles[Role.SERVING].rat]
    return "no-service" if nobody else None


def _some(texts: Sequence[str]) -> tuple[str, ...] | None:
    return tuple(texts) or None


_DIALECT = qeng.Dialect()
_STEPS: Mapping[str, Callable[[Sequence[str]], Signal]] = {
    "GSM": lambda texts: Signal(gsm=_gsm_steps(texts)),
    "WCDMA": lambda texts: Signal(wcdma=_wcdma_steps(texts)),
    "LTE": lambda texts: Signal(lte=_lte_steps(texts)),
    "NR5G": _steps_with_nr,
}
