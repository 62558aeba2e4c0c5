"""Quectel: the 5G modules RM5xx and RG5xx, and the LTE modules EC, EG, EP, EM and BG.

What a module can be locked by is asked, not looked up: 5G modules (and a few LTE ones) know
QNWPREFCFG, the others QCFG="nwscanmode".
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple

import msgspec

from drivers.modem import qeng, qscan
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError
from drivers.modem.family import Family, Lever, UsbLayout
from drivers.modem.fields import (
    BANDWIDTH_MHZ_BY_RB,
    at,
    integer,
    level,
    number,
    plmn,
    split,
    values,
)
from drivers.modem.standard import Identification, best
from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.kinds.scan import Payload as Scan
from wire.messages import RatMode

SERVING = 'AT+QENG="servingcell"'
NEIGHBOURS = 'AT+QENG="neighbourcell"'
NEIGHBOURS_3G = 'AT+QENG="3gcomm"'
NR_NEIGHBOURS = 'AT+QNWCFG="nr5g_meas_info"'
CARRIERS_EVERY_S = 5.0
TEMPERATURE_EVERY_S = 30.0
SCAN_TIMEOUT_S = 360.0
SAME_CELL_DB = 10.0
NOT_CONFIGURED = "0"
"""State of a secondary carrier."""

# LTE SINR of QENG is in dB on these; elsewhere manuals and captures contradict each other.
_LTE_SINR_IN_DB = re.compile(r"EC200|EP06|EM06|EG06|QDC507", re.IGNORECASE)
_WITHOUT_QENG = re.compile(r"RG62", re.IGNORECASE)
_ZERO_SECONDARY_SINR = re.compile(r"RM551", re.IGNORECASE)
_UNISOC = re.compile(r"R[MG]500U|R[MG]200U", re.IGNORECASE)
_WITHOUT_GSM = re.compile(r"E[PM]|EG(06|12|18)|R[MG]", re.IGNORECASE)
_HAS_NR = re.compile(r"R[MG]", re.IGNORECASE)
_LTE_ONLY = re.compile(r"EC200[AU]|EG91[2-9]|EC600", re.IGNORECASE)

_MODE_PREF = Lever(
    "mode_pref",
    'AT+QNWPREFCFG="mode_pref"',
    'AT+QNWPREFCFG="mode_pref",{}',
    re.compile(r'"mode_pref",\s*([A-Za-z0-9:]+)'),
)
_NR_DISABLE = Lever(
    "nr5g_disable_mode",
    'AT+QNWPREFCFG="nr5g_disable_mode"',
    'AT+QNWPREFCFG="nr5g_disable_mode",{}',
    re.compile(r'"nr5g_disable_mode",\s*(\d)'),
)
_SCAN_MODE = Lever(
    "nwscanmode",
    'AT+QCFG="nwscanmode"',
    'AT+QCFG="nwscanmode",{},1',
    re.compile(r'"nwscanmode",\s*(\d+)'),
)

# nr5g_disable_mode: 0 neither, 1 no SA, 2 no NSA.
_NR_LOCKS = {
    RatMode.G3: {"mode_pref": "WCDMA"},
    RatMode.G4: {"mode_pref": "LTE"},
    RatMode.G5_NSA: {"mode_pref": "LTE:NR5G", "nr5g_disable_mode": "1"},
    RatMode.G5_SA: {"mode_pref": "NR5G", "nr5g_disable_mode": "2"},
    RatMode.G5: {"mode_pref": "LTE:NR5G", "nr5g_disable_mode": "0"},
    RatMode.AUTO: {"mode_pref": "AUTO", "nr5g_disable_mode": "0"},
}
_PREF_LOCKS = {
    RatMode.G3: {"mode_pref": "WCDMA"},
    RatMode.G4: {"mode_pref": "LTE"},
    RatMode.AUTO: {"mode_pref": "AUTO"},
}
_SA_LOCK = {RatMode.G5_SA: {"mode_pref": "NR5G"}}
"""NR alone can only be stand-alone, where no second lever says so."""
_SCAN_LOCKS = {
    RatMode.G2: {"nwscanmode": "1"},
    RatMode.G3: {"nwscanmode": "2"},
    RatMode.G4: {"nwscanmode": "3"},
    RatMode.AUTO: {"nwscanmode": "0"},
}
_CARRIER = re.compile(r'"([PS])CC"([^"]*"[^"]*"[^"+\n]*)', re.IGNORECASE)
_QNWINFO_RATS = (
    ("NR5G", Rat.NR),
    ("LTE", Rat.LTE),
    ("CAT", Rat.LTE),
    ("WCDMA", Rat.WCDMA),
    ("HS", Rat.WCDMA),
    ("UMTS", Rat.WCDMA),
    ("GSM", Rat.GSM),
    ("GPRS", Rat.GSM),
    ("EDGE", Rat.GSM),
)
_ALL_PREFERENCES = frozenset({"WCDMA", "LTE", "NR5G"})


class Quectel(Family):
    """A module with Quectel's AT+Q commands."""

    name = "quectel"
    usb = (
        UsbLayout(
            0x2C7C,
            frozenset(
                {0x0121, 0x0125, 0x0191, 0x0195, 0x0296, 0x0306, 0x030B, 0x0512, 0x0800, 0x0801}
            ),
            (3, 2),
        ),
        UsbLayout(0x2C7C, frozenset({0x0128}), (5,)),
    )
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+QCCID", "AT+CCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Speak to the module in the dialect of its chipset."""
        super().__init__(identification, dialogue)
        model = identification.model or ""
        self._dialect = qeng.Dialect(
            lte_sinr_is_db=bool(_LTE_SINR_IN_DB.match(model)),
            unisoc=bool(_UNISOC.match(model)),
        )
        self._levers: tuple[Lever, ...] | None = None
        self._reports_nr_neighbours = False

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name."""
        return "quectel" in (identification.manufacturer or "").lower()

    def configure(self) -> None:
        """Standard settings, and reports of NR neighbours where the module has them."""
        super().configure()
        self._reports_nr_neighbours = self.dialogue.wish('AT+QNWCFG="nr5g_meas_info",1')

    def levers(self) -> tuple[Lever, ...]:
        """The levers that answer; asked once."""
        if self._levers is None:
            answering = self._answering(_MODE_PREF, _NR_DISABLE)
            self._levers = answering or self._answering(_SCAN_MODE)
        return self._levers

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the levers, and by what the hardware lacks."""
        names = {lever.name for lever in self.levers()}
        model = self.identification.model or ""
        if {"mode_pref", "nr5g_disable_mode"} <= names:
            return _NR_LOCKS
        if "mode_pref" in names:
            return _PREF_LOCKS | (_SA_LOCK if _HAS_NR.match(model) else {})
        if "nwscanmode" not in names:
            return {}
        lacking = {RatMode.G2} if _WITHOUT_GSM.match(model) else set()
        if _LTE_ONLY.match(model):
            lacking = {RatMode.G3}
        return {mode: levers for mode, levers in _SCAN_LOCKS.items() if mode not in lacking}

    def plain(self, value: str) -> str:
        """Technologies in one order; all of them together are AUTO."""
        names = set(value.upper().split(":"))
        return "AUTO" if names == _ALL_PREFERENCES else ":".join(sorted(names))

    def read_radio(self, *, neighbours: bool) -> radio.Payload:
        """One look: QENG each time, the rest as often as it can change."""
        look = self._serving()
        rat = None if look.serving is None else look.serving.rat
        key = _identity(look.serving)
        aggregation = None
        if rat in {Rat.LTE, Rat.NR}:
            aggregation = self.dialogue.read(
                "AT+QCAINFO", self._aggregation, every_s=CARRIERS_EVERY_S, same=(key, look.mode)
            )
        registrations = self.registrations(rat)
        operator = self.registered_operator(registrations, key)
        return radio.Payload(
            mode=look.mode,
            rrc_state=look.rrc_state,
            registration=best(registrations),
            plmn=None if operator is None else operator.plmn,
            serving=self._with_sinr(look.serving, aggregation),
            nr=look.nr,
            carriers=_others(aggregation.secondary if aggregation else (), look),
            neighbours=self._neighbours(look) if neighbours else (),
            temperature_c=self.dialogue.read(
                "AT+QTEMP", temperature_c, every_s=TEMPERATURE_EVERY_S
            ),
            unread=self.dialogue.take_unread(),
        )

    def scan(self) -> Scan:
        """By the command that tells most; by the standard one where it is refused."""
        modern = _NR_DISABLE in self.levers()
        command, parse = ("AT+QSCAN=3,1", qscan.qscan) if modern else ("AT+QOPS", qscan.qops)
        try:
            return self.scan_by(command, parse, timeout_s=SCAN_TIMEOUT_S)
        except RefusedError:
            # Unknown to this firmware, or the module is locked to one technology.
            return super().scan()

    def _serving(self) -> qeng.Serving:
        if _WITHOUT_QENG.match(self.identification.model or ""):
            return self._serving_without_qeng()
        answer = self.dialogue.read(
            SERVING, lambda lines: qeng.serving(lines, self._dialect), vital=True
        )
        look = answer or qeng.Serving()
        self.dialogue.note_unread(SERVING, look.unread)
        return look

    def _serving_without_qeng(self) -> qeng.Serving:
        look = self.dialogue.read("AT+QNWINFO", network_info, vital=True) or qeng.Serving()
        levels = {cell.rat: cell for cell in self.dialogue.read("AT+QCSQ", signal_quality) or ()}
        return dataclasses.replace(
            look,
            serving=_with_levels(look.serving, levels),
            nr=_with_levels(look.nr, levels),
        )

    def _answering(self, *levers: Lever) -> tuple[Lever, ...]:
        return tuple(lever for lever in levers if self.dialogue.ask(lever.read).ok)

    def _aggregation(self, lines: Iterable[str]) -> "Aggregation":
        found = aggregation(lines)
        if not _ZERO_SECONDARY_SINR.match(self.identification.model or ""):
            return found
        blanked = tuple(
            msgspec.structs.replace(cell, sinr_db=None if cell.sinr_db == 0 else cell.sinr_db)
            for cell in found.secondary
        )
        return found._replace(secondary=blanked)

    def _with_sinr(self, cell: Cell | None, aggregation: "Aggregation | None") -> Cell | None:
        """The serving cell with SINR in dB from wherever its scale is known."""
        if cell is None or cell.sinr_db is not None or cell.rat is not Rat.LTE:
            return cell
        for quality in self.dialogue.read("AT+QCSQ", signal_quality) or ():
            if quality.rat is cell.rat and _same_level(quality, cell):
                return msgspec.structs.replace(cell, sinr_db=quality.sinr_db)
        primary = aggregation.primary if aggregation else None
        if primary is not None and _identity(primary) == _identity(cell):
            return msgspec.structs.replace(cell, sinr_db=primary.sinr_db)
        return cell

    def _neighbours(self, look: qeng.Serving) -> tuple[Cell, ...]:
        rat = None if look.serving is None else look.serving.rat
        found: list[Cell] = []
        for command in (NEIGHBOURS, NEIGHBOURS_3G) if rat is Rat.WCDMA else (NEIGHBOURS,):
            listed = self.dialogue.read(command, lambda lines: qeng.neighbours(lines, rat))
            if listed is not None:
                self.dialogue.note_unread(command, listed.unread)
                found.extend(listed.cells)
        if self._reports_nr_neighbours and (rat is Rat.NR or look.nr is not None):
            found.extend(self.dialogue.read(NR_NEIGHBOURS, nr_neighbours) or ())
        return _others(found, look)


class Aggregation(NamedTuple):
    """The carriers of AT+QCAINFO."""

    primary: Cell | None
    secondary: tuple[Cell, ...]
    """The NR leg of EN-DC among them."""


def aggregation(lines: Iterable[str]) -> Aggregation:
    """AT+QCAINFO; some firmware puts two records on one line."""
    lines = tuple(lines)
    primary: Cell | None = None
    secondary: list[Cell] = []
    for role, record in _CARRIER.findall("\n".join(lines)):
        fields = split(record)[1:]
        cell = _carrier(fields)
        if cell is None and at(fields, 3) != NOT_CONFIGURED:
            raise UnreadableError("\n".join(lines))
        if role.upper() == "P":
            primary = cell
        elif cell is not None:
            secondary.append(cell)
    if primary is None and any(values(lines, "+QCAINFO")):
        raise UnreadableError("\n".join(lines))
    return Aggregation(primary, tuple(secondary))


def signal_quality(lines: Iterable[str]) -> tuple[Cell, ...]:
    """AT+QCSQ: levels without an identity, one cell for each technology named."""
    lines = tuple(lines)
    cells = []
    for value in values(lines, "+QCSQ"):
        label, *fields = split(value)
        match label.upper():
            case "LTE" | "CAT-M1" | "CAT-NB1" | "EMTC" | "NBIOT":
                fifths = integer(at(fields, 2), 0, 250)
                cells.append(
                    Cell(
                        rat=Rat.LTE,
                        rssi_dbm=qeng.rssi_dbm(at(fields, 0)),
                        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 1)),
                        sinr_db=None if fifths is None else (fifths - 100) / 5,
                        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 3)),
                    )
                )
            case "NR5G" | "NR5G-SA" | "NR5G-NSA":
                cells.append(
                    Cell(
                        rat=Rat.NR,
                        rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 0)),
                        sinr_db=level("sinr_db", Rat.NR, at(fields, 1)),
                        rsrq_db=level("rsrq_db", Rat.NR, at(fields, 2)),
                    )
                )
            case "WCDMA" | "GSM" | "NOSERVICE":
                pass
            case _:
                raise UnreadableError("\n".join(lines))
    return tuple(cells)


def network_info(lines: Iterable[str]) -> qeng.Serving:
    """AT+QNWINFO: technology, network, band and channel; two rows for EN-DC."""
    lines = tuple(lines)
    cells = []
    for value in values(lines, "+QNWINFO"):
        if value.lower().strip('"') == "no service":
            continue
        fields = split(value)
        rat = next((rat for label, rat in _QNWINFO_RATS if label in fields[0].upper()), None)
        if rat is None:
            raise UnreadableError("\n".join(lines))
        mcc, mnc = plmn(at(fields, 1)[:3], at(fields, 1)[3:])
        cells.append(
            Cell(
                rat=rat,
                mcc=mcc,
                mnc=mnc,
                band=qeng.band(at(fields, 2)),
                arfcn=qeng.arfcn(rat, at(fields, 3)),
            )
        )
    leg = cells[1] if len(cells) > 1 and cells[1].rat is Rat.NR else None
    return qeng.Serving(serving=cells[0] if cells else None, nr=leg)


def temperature_c(lines: Iterable[str]) -> float | None:
    """The hottest of AT+QTEMP's sensors, one on each line or all on one."""
    found = (number(field) for value in values(lines, "+QTEMP") for field in split(value))
    return max((value for value in found if value and -40 <= value <= 125), default=None)  # noqa: PLR2004  # sensors that are off say 0, 255 or -273


def nr_neighbours(lines: Iterable[str]) -> tuple[Cell, ...]:
    """AT+QNWCFG="nr5g_meas_info": channel, PCI, RSRP and RSRQ behind the switch."""
    cells = []
    for value in values(lines, "+QNWCFG"):
        fields = split(value)[2:]
        identity = qeng.pci(Rat.NR, at(fields, 1))
        if identity is not None:
            cells.append(
                Cell(
                    rat=Rat.NR,
                    arfcn=qeng.arfcn(Rat.NR, fields[0]),
                    pci=identity,
                    rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 2)),
                    rsrq_db=level("rsrq_db", Rat.NR, at(fields, 3)),
                )
            )
    return tuple(cells)


def _carrier(fields: list[str]) -> Cell | None:
    """`channel, bandwidth, "LTE BAND 3", ...`; None for one that is only configured."""
    rat = Rat.NR if at(fields, 2).upper().startswith("NR") else Rat.LTE
    rest = fields[3:]
    # State before PCI, except in the short NR record.
    if rat is Rat.LTE or integer(at(rest, 1), 0, qeng.MAX_PCI[Rat.NR]) is not None:
        if at(rest, 0) == NOT_CONFIGURED:
            return None
        rest = rest[1:]
    identity = qeng.pci(rat, at(rest, 0))
    channel = qeng.arfcn(rat, at(fields, 0))
    if identity is None or channel is None:
        return None
    rsrp = level("rsrp_dbm", rat, at(rest, 1))
    # Firmware that prints -11 for RSRP prints it for RSRQ as well: neither is measured.
    trusted = rsrp is not None
    return Cell(
        rat=rat,
        arfcn=channel,
        band=qeng.band(at(fields, 2)),
        bandwidth_mhz=_lte_bandwidth_mhz(at(fields, 1))
        if rat is Rat.LTE
        else qeng.nr_bandwidth_mhz(at(fields, 1)),
        pci=identity,
        rsrp_dbm=rsrp,
        rsrq_db=level("rsrq_db", rat, at(rest, 2)) if trusted else None,
        rssi_dbm=qeng.rssi_dbm(at(rest, 3)) if rat is Rat.LTE and trusted else None,
        sinr_db=level("sinr_db", rat, at(rest, 4)) if rat is Rat.LTE and trusted else None,
    )


def _lte_bandwidth_mhz(resource_blocks: str) -> float | None:
    return BANDWIDTH_MHZ_BY_RB.get(integer(resource_blocks, 0, 100) or 0)


def _identity(cell: Cell | None) -> tuple[object, ...] | None:
    if cell is None:
        return None
    return cell.rat, cell.arfcn, cell.pci, cell.psc, cell.bsic


def _others(cells: Iterable[Cell], look: qeng.Serving) -> tuple[Cell, ...]:
    """The cells of a list without those that serve: lists have them as well."""
    serving = {_identity(look.serving), _identity(look.nr)}
    return tuple(
        {_identity(cell): cell for cell in cells if _identity(cell) not in serving}.values()
    )


def _with_levels(cell: Cell | None, levels: Mapping[Rat, Cell]) -> Cell | None:
    found = None if cell is None else levels.get(cell.rat)
    if cell is None or found is None:
        return cell
    return msgspec.structs.replace(
        cell,
        rsrp_dbm=found.rsrp_dbm,
        rsrq_db=found.rsrq_db,
        sinr_db=found.sinr_db,
        rssi_dbm=found.rssi_dbm,
    )


def _same_level(quality: Cell, cell: Cell) -> bool:
    """Whether two answers can be about one cell: the modem may have changed it in between."""
    if quality.rsrp_dbm is None or cell.rsrp_dbm is None:
        return False
    return abs(quality.rsrp_dbm - cell.rsrp_dbm) <= SAME_CELL_DB
