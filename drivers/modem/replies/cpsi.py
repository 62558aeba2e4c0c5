"""SIMCom's cells: AT+CPSI?, AT+CCINFO, AT+CNETCI?, AT+CNWINFO? and AT+CNWSEARCH. No I/O.

One command, three scales: SIM7600 and the 5G modules print tenths, SIM70xx and the first 5G
firmware whole dB(m), and the A76xx on ASR chips the indexes of TS 27.007. RSRP tells which, since
what is possible in one is impossible in the others; the rest of the row follows it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto

import msgspec

from drivers.modem.family import MCC_WITH_THREE_DIGIT_MNC
from drivers.modem.fields import (
    MAX_ARFCN,
    UTRA_CELL_END,
    area_code,
    arfcn,
    at,
    band,
    bsic,
    ecio_db,
    gsm_rssi_dbm,
    hexadecimal,
    integer,
    level,
    lte_width,
    nr_bandwidth_mhz,
    number,
    pci,
    plmn,
    psc,
    rscp_dbm,
    rssi_dbm,
    split,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role, those
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END, stepped
from wire.cells import Rat

NO_CDMA = ("CDMA", "EVDO", "EHRPD", "HDR", "HYBRID")
"""System modes for which a record has no technology."""
FEW_TENTHS = 40
"""SNR up to here may be whole dB or tenths: 5G firmware prints either beside levels in tenths."""
SECTORS = 256
"""Cells of an eNB in the numbering of TS 36.413 9.2.1.37."""

CNWSEARCH_ROWS = frozenset({"+LTE_CELL", "+LTE_NGH_CELL", "+NR_CELL", "+NR_NGH_CELL"})

_NUMBER = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,4})?")
_BAND = re.compile(r".*BAND([0-9]{1,3})", re.IGNORECASE)
_EGCI = re.compile(r"([0-9]{3})([0-9]{3,12})")


class Scale(Enum):
    """In which the levels of a row are printed."""

    WHOLE = auto()
    TENTHS = auto()
    INDEX = auto()


def system(asked: Asked) -> Reading:
    """AT+CPSI?: the serving cell, and a second row for the NR leg of EN-DC."""
    cells: list[HeardCell] = []
    unread = []
    said = False
    for value in asked.values():
        fields = split(value)
        label = fields[0].upper()
        if label.startswith("NO SERVICE"):
            return Reading(mode="no-service", cells=())
        if label.startswith("NOT IN EN-DC") or label in NO_CDMA:
            said = said or label not in NO_CDMA
            continue
        found = _row(label, fields)
        said = said or found is not None
        if found is None:
            unread.append(value)
        elif found.role is not Role.NR_SECONDARY or found.rsrp_dbm is not None:
            cells.append(found)
    if not said:
        raise asked.unreadable()
    return Reading(mode=_mode(cells), cells=tuple(cells), unread=tuple(unread) or None)


def cells(asked: Asked) -> Reading:
    """AT+CCINFO of 3G and 4G modules: `name:value` pairs, identities in decimal."""
    found = []
    for value in asked.rows("+CCINFO"):
        named = _named(value)
        role = Role.NEIGHBOUR if "NCELL" in value.partition(",")[0].upper() else Role.SERVING
        found.append(_named_cell(named, role))
    if asked.lines and not those(*found):
        raise asked.unreadable()
    return Reading(cells=those(*found))


def cells_of_asr(asked: Asked) -> Reading:
    """AT+CNETCI?: cells of the A76xx, identities in decimal, levels as indexes."""
    rows = [
        *((Role.SERVING, value) for value in asked.values("+CNETCISRVINFO")),
        *((Role.NEIGHBOUR, value) for value in asked.values("+CNETCINONINFO")),
    ]
    if not rows and not any(asked.values("+CNETCI")):
        raise asked.unreadable()
    return Reading(cells=those(*(_named_cell(_named(value), role) for role, value in rows)))


def network(asked: Asked) -> Reading:
    """AT+CNWINFO?: network and cell in one number, the eNB beside it in hexadecimal.

    The eNB tells where the MNC ends. Rows of other technologies name no cell that we could read.
    """
    for value in asked.values():
        fields = split(value)
        if fields[0].upper() == "LTE":
            cell = _global_cell(at(fields, 1), hexadecimal(at(fields, 2), ECI_END))
            return Reading(mode="lte", cells=those(cell))
    raise asked.unreadable()


def measurements(asked: Asked) -> Reading:
    """AT+CMGRMI=4 of the SIM7600 and its likes: the serving cell, and others on its channel.

    Identities are in decimal, levels in tenths. Unverified: the rows are known from one module, and
    of those with one number, which may be widths or the band, nothing is read.
    """
    found: list[HeardCell] = []
    for value in asked.values():
        label, *fields = split(value)
        if label.lower() == "serving_cell":
            channel, mcc, mnc, area, _, cell_id, _, _, _, snr, *rest = [*fields, *[""] * 10]
            serving = _measured(Role.SERVING, channel, rest)
            if serving is not None:
                network = plmn(mcc, mnc)
                serving = msgspec.structs.replace(
                    serving,
                    mcc=network[0],
                    mnc=network[1],
                    tac=area_code(area, LAC_END, 10),
                    cell_id=integer(cell_id, 1, ECI_END - 2),
                    sinr_raw=number(snr),
                )
                found.append(serving)
        elif label.lower().startswith("lte_intra_cell") and found:
            cell = _measured(Role.NEIGHBOUR, str(found[0].arfcn), fields)
            if cell is not None and cell.pci != found[0].pci:
                found.append(cell)
    if not found:
        raise asked.unreadable()
    return Reading(mode=_mode(found), cells=tuple(found))


def _measured(role: Role, channel: str, fields: Sequence[str]) -> HeardCell | None:
    """`PCI, RSRQ, RSRP, RSSI` on the channel."""
    number_of_channel, identity = arfcn(Rat.LTE, channel), pci(Rat.LTE, at(fields, 0))
    scale = _scale(Rat.LTE, at(fields, 2))
    if not number_of_channel or identity is None or scale is None:
        return None
    return HeardCell(
        role=role,
        rat=Rat.LTE,
        arfcn=number_of_channel,
        pci=identity,
        rsrq_db=_rsrq(Rat.LTE, at(fields, 1), scale),
        rsrp_dbm=_rsrp(Rat.LTE, at(fields, 2), scale),
        rssi_dbm=rssi_dbm(_scaled(at(fields, 3), scale)),
    )


def engineering(asked: Asked) -> Reading:
    """AT+CENG? of the LPWA modules on LTE: `cell,"EARFCN, PCI, RSRP, RSSI, RSRQ, SNR, ..."`.

    The serving cell, which is 0, has area, cell, MCC and MNC behind them; the base of its area is
    not known.
    """
    found = []
    for value in asked.values():
        row, *rest = split(value)
        fields = split(at(rest, 0))
        identity, channel = pci(Rat.LTE, at(fields, 1)), arfcn(Rat.LTE, at(fields, 0))
        rsrp = level("rsrp_dbm", Rat.LTE, at(fields, 2))
        if len(rest) != 1 or identity is None or channel is None or rsrp is None:
            continue
        serving = row == "0"
        mcc, mnc = plmn(at(fields, 8), at(fields, 9))
        found.append(
            HeardCell(
                role=Role.SERVING if serving else Role.NEIGHBOUR,
                rat=Rat.LTE,
                mcc=mcc,
                mnc=mnc,
                cell_id=integer(at(fields, 7), 1, ECI_END - 2),
                arfcn=channel,
                pci=identity,
                rsrp_dbm=rsrp,
                rssi_dbm=rssi_dbm(at(fields, 3)),
                rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 4)),
                sinr_raw=number(at(fields, 5)),
            )
        )
    if not found:
        raise asked.unreadable()
    return Reading(mode=_mode(found), cells=tuple(found))


def search(asked: Asked) -> Reading:
    """AT+CNWSEARCH: cells of an LTE search, or NR cells beside the serving one.

    Unverified: the order of the columns is that of peers' parsers; area and cell are left out, as
    their base is not known.
    """
    found = []
    for line in asked.lines:
        name, colon, value = line.partition(":")
        name = name.strip().upper()
        if colon and name in CNWSEARCH_ROWS:
            found.append(_searched(name, split(value)))
    there = those(*found)
    if not there:
        raise asked.unreadable()
    return Reading(cells=there)


def _mode(cells: Sequence[HeardCell]) -> str | None:
    serving = next((cell for cell in cells if cell.role is Role.SERVING), None)
    if serving is None:
        return None
    leg = any(cell.role is Role.NR_SECONDARY for cell in cells)
    return "nr-nsa" if leg else MODES[serving.rat]


def _row(label: str, fields: Sequence[str]) -> HeardCell | None:
    rest = fields[1:]
    if label.startswith("NR5G"):
        # Old 5G firmware calls both NR5G: SA has the operation mode first, the leg its PCI.
        leg = "NSA" in label or ("SA" not in label and at(rest, 0).isdecimal())
        return _nr_leg(rest) if leg else _nr_sa(rest)
    if label.startswith(("LTE", "CAT")):
        return _lte(rest)
    if label == "WCDMA":
        return _wcdma(rest)
    if label == "GSM":
        return _gsm(rest)
    return None


# Registered but not yet measured is a row of zeros behind the cell: without a channel there is
# no level either.


def _lte(fields: Sequence[str]) -> HeardCell | None:
    """`Online, MCC-MNC, TAC, cell, PCI, EUTRAN-BANDn, EARFCN, widths, RSRQ, RSRP, RSSI, RSSNR`."""
    mcc, mnc = _network(at(fields, 1))
    cell_id = integer(at(fields, 3), 1, ECI_END - 2)
    channel = arfcn(Rat.LTE, at(fields, 6))
    if channel is None and cell_id is None:
        return None
    known = channel is not None
    scale = _scale(Rat.LTE, at(fields, 10)) if known else None
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        tac=area_code(at(fields, 2), LAC_END),
        cell_id=cell_id,
        pci=pci(Rat.LTE, at(fields, 4)) if known else None,
        band=_band(at(fields, 5)),
        arfcn=channel,
        # For NB-IoT the table of the manual gives 1.4 MHz as well.
        bandwidth_mhz=lte_width(at(fields, 7)) if known else None,
        ul_bandwidth_mhz=lte_width(at(fields, 8)) if known else None,
        rsrq_db=_rsrq(Rat.LTE, at(fields, 9), scale),
        rsrp_dbm=_rsrp(Rat.LTE, at(fields, 10), scale),
        # The index of RSSI has no known table.
        rssi_dbm=None if scale is Scale.INDEX else rssi_dbm(_scaled(at(fields, 11), scale)),
        sinr_raw=None if scale is None else number(at(fields, 12)),
    )


def _nr_sa(fields: Sequence[str]) -> HeardCell | None:
    """`Online, MCC-MNC, TAC, cell, PCI[, NR5G_BANDn], ARFCN, RSRP, RSRQ, SNR`."""
    cell = _nr_levels(Role.SERVING, fields[4:], rsrq_first=False)
    if cell is None:
        return None
    mcc, mnc = _network(at(fields, 1))
    return msgspec.structs.replace(
        cell,
        mcc=mcc,
        mnc=mnc,
        tac=area_code(at(fields, 2), TAC_5G_END),
        cell_id=integer(at(fields, 3), 1, NCI_END - 2),
    )


def _nr_leg(fields: Sequence[str]) -> HeardCell | None:
    """`PCI, NR5G_BANDn, ARFCN, RSRP, RSRQ, SNR[, SCS, width]`; old: no band, and RSRQ first."""
    named = _BAND.fullmatch(at(fields, 1)) is not None
    return _nr_levels(Role.NR_SECONDARY, fields, rsrq_first=not named)


def _nr_levels(role: Role, fields: Sequence[str], *, rsrq_first: bool) -> HeardCell | None:
    """From the PCI on; the band is left out by old firmware."""
    named = _BAND.fullmatch(at(fields, 1)) is not None
    rest = fields[2:] if named else fields[1:]
    channel = arfcn(Rat.NR, at(rest, 0))
    if channel is None:
        return None
    rsrp, rsrq = (at(rest, 2), at(rest, 1)) if rsrq_first else (at(rest, 1), at(rest, 2))
    scale = _scale(Rat.NR, rsrp) if channel else None
    snr_db = None if scale is None else _nr_snr_db(at(rest, 3))
    return HeardCell(
        role=role,
        rat=Rat.NR,
        pci=pci(Rat.NR, at(fields, 0)) if channel else None,
        band=_band(at(fields, 1)),
        arfcn=channel or None,
        # The SCS beside it is not read: captures have one that such a width does not allow.
        bandwidth_mhz=nr_bandwidth_mhz(at(rest, 5)) if channel else None,
        rsrp_dbm=_rsrp(Rat.NR, rsrp, scale),
        rsrq_db=_rsrq(Rat.NR, rsrq, scale),
        sinr_db=snr_db,
        sinr_raw=number(at(rest, 3)) if snr_db is None and scale is not None else None,
    )


def _nr_snr_db(text: str) -> float | None:
    """Only where the number cannot be anything else."""
    value = number(text)
    if value is None or ("." not in text and abs(value) <= FEW_TENTHS):
        return None
    return level("sinr_db", Rat.NR, text if "." in text else str(value / 10))


def _wcdma(fields: Sequence[str]) -> HeardCell | None:
    """`Online, MCC-MNC, LAC, cell, band, PSC, UARFCN, SSC, Ec/Io, RSCP, ...`: levels unsigned."""
    cell_id = integer(at(fields, 3), 1, UTRA_CELL_END - 2)
    channel = integer(at(fields, 6), 1, MAX_ARFCN[Rat.WCDMA])
    if channel is None and cell_id is None:
        return None
    mcc, mnc = _network(at(fields, 1))
    known = channel is not None
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        lac=area_code(at(fields, 2), LAC_END),
        cell_id=cell_id,
        psc=psc(at(fields, 5)) if known else None,
        arfcn=channel,
        ecio_db=ecio_db(_below_zero(at(fields, 8))) if known else None,
        rscp_dbm=rscp_dbm(_below_zero(at(fields, 9))) if known else None,
    )


def _gsm(fields: Sequence[str]) -> HeardCell | None:
    """`Online, MCC-MNC, LAC, cell, "ARFCN band", RXLEV, ...`: in dBm, on ASR chips its index."""
    cell_id = integer(at(fields, 3), 1, LAC_END - 2)
    channel = arfcn(Rat.GSM, at(fields, 4).partition(" ")[0])
    if channel is None and cell_id is None:
        return None
    mcc, mnc = _network(at(fields, 1))
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        lac=area_code(at(fields, 2), LAC_END),
        cell_id=cell_id,
        arfcn=channel,
        rssi_dbm=None if at(fields, 5) == "0" else gsm_rssi_dbm(at(fields, 5)),
    )


def _named(value: str) -> dict[str, str]:
    """`UARFCN:4436,MCC:505` as a mapping, names in capitals."""
    pairs = (part.partition(":") for part in value.split(","))
    return {name.strip().upper(): text.strip() for name, colon, text in pairs if colon}


def _named_cell(named: Mapping[str, str], role: Role) -> HeardCell | None:
    channels = {"EARFCN": Rat.LTE, "UARFCN": Rat.WCDMA, "ARFCN": Rat.GSM}
    name = next((name for name in channels if name in named), None)
    if name is None:
        return None
    rat = channels[name]
    mcc, mnc = _named_network(named)
    cell_end = LAC_END if rat is Rat.GSM else ECI_END
    scale = _scale(Rat.LTE, _first(named, "RSRP"))
    area = area_code(_first(named, "TAC", "LAC"), LAC_END, 10)
    return HeardCell(
        role=role,
        rat=rat,
        mcc=mcc,
        mnc=mnc,
        tac=area if rat is Rat.LTE else None,
        lac=None if rat is Rat.LTE else area,
        cell_id=integer(_first(named, "CELLID", "ID", "CI"), 1, cell_end - 2),
        pci=pci(rat, named.get("PCI", "")) if rat is Rat.LTE else None,
        psc=psc(named.get("PSC", "")),
        bsic=bsic(named.get("BSIC", "")),
        arfcn=arfcn(rat, named[name]),
        rsrp_dbm=_rsrp(rat, _first(named, "RSRP"), scale) if rat is Rat.LTE else None,
        rsrq_db=_rsrq(rat, _first(named, "RSRQ"), scale) if rat is Rat.LTE else None,
        rscp_dbm=rscp_dbm(_below_zero(_first(named, "RSCP"))),
        ecio_db=ecio_db(_below_zero(_first(named, "ECIO", "EC/IO"))),
        rssi_dbm=rssi_dbm(_first(named, "RXLEV")) if rat is Rat.GSM else None,
    )


def _first(named: Mapping[str, str], *names: str) -> str:
    """The number of the first name that is there, without its unit."""
    texts: Iterator[str] = (named[name] for name in names if name in named)
    found = _NUMBER.match(next(texts, ""))
    return found[0] if found else ""


def _named_network(named: Mapping[str, str]) -> tuple[str | None, str | None]:
    if "MCC-MNC" in named:
        return _network(named["MCC-MNC"])
    mcc, mnc = plmn(named.get("MCC", ""), named.get("MNC", ""))
    # AT+CCINFO fills every MNC up to three digits: `001` for 01.
    filled = mnc is not None and mnc.startswith("0") and mcc not in MCC_WITH_THREE_DIGIT_MNC
    return mcc, mnc[-2:] if filled and mnc is not None else mnc


def _searched(name: str, fields: Sequence[str]) -> HeardCell | None:
    if name.startswith("+NR"):
        identity, rat = pci(Rat.NR, at(fields, 1)), Rat.NR
        channel, levels = arfcn(Rat.NR, at(fields, 0)), fields[2:]
        network: tuple[str | None, str | None] = (None, None)
        band_number = None
    else:
        identity, rat = pci(Rat.LTE, at(fields, 6)), Rat.LTE
        channel, levels = arfcn(Rat.LTE, at(fields, 5)), fields[7:]
        network = plmn(at(fields, 0), at(fields, 1))
        band_number = band(at(fields, 4))
    if identity is None or channel is None:
        return None
    scale = _scale(rat, at(levels, 0))
    return HeardCell(
        role=Role.NEIGHBOUR if "NGH" in name else Role.SCAN,
        rat=rat,
        mcc=network[0],
        mnc=network[1],
        pci=identity,
        arfcn=channel,
        band=band_number,
        rsrp_dbm=_rsrp(rat, at(levels, 0), scale),
        rsrq_db=_rsrq(rat, at(levels, 1), scale),
    )


def _global_cell(egci: str, enb: int | None) -> HeardCell | None:
    found = _EGCI.fullmatch(egci)
    if found is None or not enb:
        return None
    for digits in (2, 3):
        cell_id = integer(found[2][digits:], 1, ECI_END - 2)
        if cell_id is not None and cell_id // SECTORS == enb:
            return HeardCell(
                role=Role.SERVING,
                rat=Rat.LTE,
                mcc=found[1],
                mnc=found[2][:digits],
                cell_id=cell_id,
            )
    return None


def _network(text: str) -> tuple[str | None, str | None]:
    mcc, _, mnc = text.partition("-")
    return plmn(mcc.strip(), mnc.strip())


def _band(text: str) -> int | None:
    found = _BAND.fullmatch(text)
    return None if found is None else band(found[1])


def _scale(rat: Rat, rsrp: str) -> Scale | None:
    value = number(rsrp)
    if not value:
        return None
    if level("rsrp_dbm", rat, rsrp) is not None:
        return Scale.WHOLE
    if level("rsrp_dbm", rat, str(value / 10)) is not None:
        return Scale.TENTHS
    return Scale.INDEX if rat is Rat.LTE and value > 0 else None


def _scaled(text: str, scale: Scale | None) -> str:
    """The number in whole dB(m), or nothing where the scale is not known."""
    value = number(text)
    if value is None or scale is None:
        return ""
    return str(value / 10) if scale is Scale.TENTHS else text


def _rsrp(rat: Rat, text: str, scale: Scale | None) -> float | None:
    if scale is Scale.INDEX:
        return stepped(text, 97, -141, 1)
    return level("rsrp_dbm", rat, _scaled(text, scale))


def _rsrq(rat: Rat, text: str, scale: Scale | None) -> float | None:
    if scale is Scale.INDEX:
        return stepped(text, 34, -20, 0.5)
    return level("rsrq_db", rat, _scaled(text, scale))


def _below_zero(text: str) -> str:
    """Printed without its sign by most firmware, and with it by some."""
    value = number(text)
    return "" if value is None else str(-abs(value))
