"""Foxconn's AT^DEBUG? and AT^CA_INFO?, which Thales, Dell and Lenovo sell as well. No I/O.

AT^DEBUG? is `key:value`, several to a line, units glued to the numbers. Which keys have a prefix of
their technology, and which letters are capitals, differs by firmware; the DW5821e (T77W968) has
labels of its own. So each key is looked for wherever it stands, and is of the cell in whose block
it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from drivers.modem.fields import (
    area_code,
    arfcn,
    ecio_db,
    integer,
    level,
    lte_width_in_mhz,
    pci,
    plmn,
    psc,
    rscp_dbm,
    rssi_dbm,
    within,
)
from drivers.modem.readers import Asked
from drivers.modem.reading import Aggregation, HeardCell, Reading, Role
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END
from wire.cells import Rat

Block = dict[str, str]
"""The keys of one cell, in lower case and without prefix, with what stands behind them."""

_KEY = re.compile(
    r"(?:(?P<block>[ps]cell|nr_scc)[0-9]{0,2}"
    r"|(?P<prefix>lte_|nr_)?(?P<name>ant_rsrp|cell_id|tac|tx_pwr|band_width|band|bw"
    r"|channel \(dl\)|channel|pci|rsrp|rsrq|rssi|snr|sinr)"
    r"|(?P<other>rat|mcc|mnc|plmn|enb id\(pci\)|earfcn\(dl/ul\)|earfcn|dl channel|avg rsrp"
    r"|rrc status|rs-si?nr|rx_diversity|psc|rscp|ecio))[ \t]{0,8}:",
    re.IGNORECASE | re.ASCII,
)
_NAMES = {
    "bw": "band_width",
    "channel (dl)": "channel",
    "dl channel": "channel",
    "earfcn": "channel",
    "earfcn(dl/ul)": "channel",
    "snr": "sinr",
    "rs-snr": "sinr",
    "rs-sinr": "sinr",
}
_OF_DW5821E = frozenset({"enb id(pci)", "earfcn(dl/ul)"})
_NUMBER = re.compile(r"[ \tnNbB]{0,8}(-?[0-9]{1,12}(?:\.[0-9]{1,4})?)(?![0-9])", re.ASCII)
_ENB = re.compile(r"[ \t]{0,8}([0-9]{1,7})-([0-9]{1,3})\(([0-9]{1,3})\)", re.ASCII)
_PLMN = re.compile(r"[ \t]{0,8}([0-9]{3})[ -]?([0-9]{2,3})(?![0-9])", re.ASCII)
_HEX_AREA = re.compile(r"[ \t]{0,8}([0-9]{0,3}[A-F][0-9A-F]{0,3})\b", re.IGNORECASE | re.ASCII)
_RECEIVERS = re.compile(r"[ \t]{0,8}([0-9]{1,3})?[ \t]{0,8}\(([^()\n]{0,200})\)", re.ASCII)
_UNUSED_RECEIVER_DBM = -140
_ENB_END = 1 << 20
_SECTOR_END = 1 << 8

_EN_DC = frozenset({"LTE+NR", "LTE_NR", "ENDC"})
_RATS = {
    "LTE": Rat.LTE,
    **dict.fromkeys(_EN_DC, Rat.LTE),
    "NR5G_SA": Rat.NR,
    "NR5G": Rat.NR,
    "NR_SA": Rat.NR,
    "NR": Rat.NR,
    "WCDMA": Rat.WCDMA,
    "UMTS": Rat.WCDMA,
    "GSM": Rat.GSM,
}
_MODES = {Rat.LTE: "lte", Rat.NR: "nr-sa", Rat.WCDMA: "wcdma", Rat.GSM: "gsm"}

_CARRIER = re.compile(
    r"(PCC|SCC)[0-9]{0,2}[ \t]{0,4}info[ \t]{0,4}:[ \t]{0,4}Band is[ \t]{0,4}"
    r"(LTE|NR5G|NR)_?[BN]?([0-9]{1,3}),[ \t]{0,4}Band_width is[ \t]{0,4}([0-9.]{1,6})",
    re.IGNORECASE | re.ASCII,
)


@dataclass
class _Text:
    """What the answer says, cell by cell."""

    first: Block = field(default_factory=dict)
    """The heading and the serving cell; the NR leg or the whole of SA is in `nr`."""
    secondaries: list[Block] = field(default_factory=list)
    nr: list[Block] = field(default_factory=list)
    of_dw5821e: bool = False


def debug(asked: Asked) -> Reading:
    """AT^DEBUG?: the serving cell, secondary carriers and the NR leg."""
    text = _sorted("\n".join(asked.lines))
    word = text.first.get("rat", "").strip().partition("\n")[0].upper()
    rat = _RATS.get(word.partition(" ")[0])
    if not word:
        if not text.of_dw5821e:
            raise asked.unreadable()
        rat = Rat.LTE
    if rat is None:
        return Reading(mode="no-service", cells=())
    cells = tuple(_cells(rat, text))
    leg = any(cell.role is Role.NR_SECONDARY for cell in cells)
    return Reading(
        # Some firmware says LTE although the block of the leg follows.
        mode="nr-nsa" if leg or word in _EN_DC else _MODES[rat],
        rrc_state=_rrc_state(text.first.get("rrc status", "")),
        cells=cells,
    )


def ca_info(asked: Asked) -> Reading:
    """AT^CA_INFO?: band and width of each carrier; those of NR come behind those of LTE."""
    found = _CARRIER.findall("\n".join(asked.lines))
    if asked.lines and not found:
        raise asked.unreadable()
    cells: list[HeardCell] = []
    for kind, technology, number, width in found:
        rat = Rat.LTE if technology.upper() == "LTE" else Rat.NR
        role = Role.SCC
        if kind.upper() == "PCC":
            role = Role.NR_SECONDARY if cells and rat is Rat.NR else Role.SERVING
        cells.append(
            HeardCell(
                role=role,
                rat=rat,
                band=integer(number, 1, 512),
                bandwidth_mhz=_width(rat, width),
            )
        )
    widths = tuple(cell.bandwidth_mhz for cell in cells if cell.bandwidth_mhz is not None)
    aggregation = Aggregation(
        carriers=len(cells),
        bandwidths_mhz=widths if len(widths) == len(cells) else None,
        primary_band=cells[0].band if cells else None,
    )
    return Reading(cells=tuple(cells), ca=aggregation if cells else None)


def _sorted(said: str) -> _Text:
    text = _Text()
    block, of_nr = text.first, False
    found = list(_KEY.finditer(said))
    ends = [*(match.start() for match in found[1:]), len(said)]
    for match, end in zip(found, ends, strict=False):
        heading, prefix = (match["block"] or "").lower(), (match["prefix"] or "").lower()
        if heading:
            of_nr = heading == "nr_scc"
            block = text.first if heading == "pcell" else {}
            if heading != "pcell":
                (text.nr if of_nr else text.secondaries).append(block)
            continue
        name = (match["name"] or match["other"]).lower()
        text.of_dw5821e = text.of_dw5821e or name in _OF_DW5821E
        name = _NAMES.get(name, name)
        if prefix == "nr_" and (not of_nr or (name == "band" and "band" in block)):
            # The leg's block has no heading; a second band is that of another cell.
            block, of_nr = {}, True
            text.nr.append(block)
        elif prefix == "lte_" and of_nr:
            block, of_nr = text.first, False
        block.setdefault(name, said[match.end() : end])
    return text


def _cells(rat: Rat, text: _Text) -> Iterator[HeardCell]:
    mcc, mnc = _network(text.first)
    match rat:
        case Rat.NR:
            # Some firmware leaves the prefix out.
            blocks = text.nr or [{}]
            yield from _nr({**text.first, **blocks[0]}, Role.SERVING, mcc=mcc, mnc=mnc)
            for block in blocks[1:]:
                yield from _nr(block, Role.SCC)
        case Rat.LTE:
            yield from _lte(text.first, text, mcc=mcc, mnc=mnc)
            for block in text.secondaries:
                yield from _secondary(block)
            for number, block in enumerate(text.nr):
                yield from _nr(block, Role.SCC if number else Role.NR_SECONDARY)
        case _:
            yield from _circuit(rat, text.first, mcc=mcc, mnc=mnc)


def _lte(block: Block, text: _Text, *, mcc: str | None, mnc: str | None) -> Iterator[HeardCell]:
    channel = arfcn(Rat.LTE, _number(block, "channel"))
    identity = pci(Rat.LTE, _number(block, "pci"))
    cell_id = integer(_number(block, "cell_id"), 1, ECI_END - 2)
    tac = area_code(_number(block, "tac"), LAC_END, 10)
    enb = _ENB.match(block.get("enb id(pci)", ""))
    if enb is not None:
        number = integer(enb[1], 0, _ENB_END - 1)
        sector = integer(enb[2], 0, _SECTOR_END - 1)
        if number is not None and sector is not None:
            cell_id = number * _SECTOR_END + sector
        identity = pci(Rat.LTE, enb[3])
    if text.of_dw5821e:
        # Hexadecimal in some scripts, without a word on it; AT+CEREG? tells for certain.
        letters = _HEX_AREA.match(block.get("tac", ""))
        tac = area_code(letters[1], LAC_END) if letters else None
    if channel is None and identity is None:
        return
    yield HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        cell_id=cell_id,
        tac=tac,
        pci=identity,
        arfcn=channel,
        band=integer(_number(block, "band"), 1, 512),
        bandwidth_mhz=_width(Rat.LTE, _number(block, "band_width")),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, _number(block, "rsrp")),
        rsrq_db=level("rsrq_db", Rat.LTE, _number(block, "rsrq")),
        rssi_dbm=rssi_dbm(_number(block, "rssi")),
        sinr_db=level("sinr_db", Rat.LTE, _number(block, "sinr")),
        rsrp_rx_dbm=_receivers(Rat.LTE, block),
    )


def _secondary(block: Block) -> Iterator[HeardCell]:
    channel = arfcn(Rat.LTE, _number(block, "channel"))
    band = integer(_number(block, "band"), 1, 512)
    if channel is None and band is None:
        return
    yield HeardCell(
        role=Role.SCC,
        rat=Rat.LTE,
        pci=pci(Rat.LTE, _number(block, "pci")),
        arfcn=channel,
        band=band,
        bandwidth_mhz=_width(Rat.LTE, _number(block, "band_width")),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, _number(block, "rsrp")),
        rsrq_db=level("rsrq_db", Rat.LTE, _number(block, "rsrq")),
        rssi_dbm=rssi_dbm(_number(block, "rssi")),
        # All secondary carriers say 0.0 where it was not measured.
        sinr_db=level("sinr_db", Rat.LTE, _number(block, "sinr")) or None,
        rsrp_rx_dbm=_receivers(Rat.LTE, block),
    )


def _nr(
    block: Block, role: Role, *, mcc: str | None = None, mnc: str | None = None
) -> Iterator[HeardCell]:
    channel = arfcn(Rat.NR, _number(block, "channel"))
    band = integer(_number(block, "band"), 1, 512)
    if channel is None and band is None:
        return
    rsrp = _number(block, "rsrp")
    # Some firmware loses the sign.
    rsrp = rsrp if rsrp.startswith("-") or not rsrp else f"-{rsrp}"
    yield HeardCell(
        role=role,
        rat=Rat.NR,
        mcc=mcc,
        mnc=mnc,
        cell_id=integer(_number(block, "cell_id"), 1, NCI_END - 2),
        tac=area_code(_number(block, "tac"), TAC_5G_END, 10),
        pci=pci(Rat.NR, _number(block, "pci")),
        arfcn=channel,
        band=band,
        bandwidth_mhz=_width(Rat.NR, _number(block, "band_width")),
        rsrp_dbm=level("rsrp_dbm", Rat.NR, rsrp),
        rsrq_db=level("rsrq_db", Rat.NR, _number(block, "rsrq")),
        sinr_db=level("sinr_db", Rat.NR, _number(block, "sinr")),
        rsrp_rx_dbm=_receivers(Rat.NR, block),
    )


def _circuit(rat: Rat, block: Block, *, mcc: str | None, mnc: str | None) -> Iterator[HeardCell]:
    """A cell of UTRA or GSM. Unverified: from scripts that read it, without a capture."""
    channel = arfcn(rat, _number(block, "channel"))
    if channel is None:
        return
    utra = rat is Rat.WCDMA
    yield HeardCell(
        role=Role.SERVING,
        rat=rat,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        band=integer(_number(block, "band"), 1, 32) if utra else None,
        psc=psc(_number(block, "psc")) if utra else None,
        rscp_dbm=rscp_dbm(_number(block, "rscp")) if utra else None,
        ecio_db=ecio_db(_number(block, "ecio")) if utra else None,
        rssi_dbm=rssi_dbm(_number(block, "rssi")),
    )


def _number(block: Block, name: str) -> str:
    """The number that stands first, without its unit; nothing where there is none."""
    found = _NUMBER.match(block.get(name, ""))
    return found[1] if found else ""


def _network(block: Block) -> tuple[str | None, str | None]:
    joined = _PLMN.match(block.get("plmn", ""))
    if joined is not None:
        return plmn(joined[1], joined[2])
    return plmn(_number(block, "mcc"), _number(block, "mnc"))


def _width(rat: Rat, text: str) -> float | None:
    return lte_width_in_mhz(text) if rat is Rat.LTE else within(text, 3, 400)


def _receivers(rat: Rat, block: Block) -> tuple[float, ...] | None:
    """`15 (-84.8,-112.4,NA,-256.0)`: a bit for each receiver that is in use, and its level."""
    found = _RECEIVERS.match(block.get("rx_diversity", ""))
    if found is None:
        return None
    used = int(found[1]) if found[1] else -1
    levels = []
    for number, text in enumerate(found[2].split(",")):
        dbm = level("rsrp_dbm", rat, _number({"": text}, ""))
        if used >> number & 1 and dbm is not None and dbm != _UNUSED_RECEIVER_DBM:
            levels.append(dbm)
    return tuple(levels) or None


def _rrc_state(value: str) -> str | None:
    said = value.strip().partition("\n")[0].lower()[:32]
    return {"connected": "connect", "idle": "noconn", "": None}.get(said, said)
