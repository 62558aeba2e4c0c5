"""Quectel: the 5G modules RM5xx and RG5xx, and the LTE modules EC, EG, EP, EM and BG.

What a module can be locked by is asked, not looked up: 5G modules (and a few LTE ones) know
QNWPREFCFG, the others QCFG="nwscanmode".
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.family import Family, Lever, Question, UsbLayout
from drivers.modem.fields import (
    area_code,
    arfcn,
    at,
    band,
    bsic,
    ecio_db,
    hexadecimal,
    integer,
    is_digits,
    level,
    lte_width_of_blocks,
    mask_of_bands,
    nr_bandwidth_mhz,
    number,
    numbers,
    pci,
    plmn,
    rscp_dbm,
    rssi_dbm,
    split,
)
from drivers.modem.look import Look
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import (
    Address,
    HeardCell,
    Levels,
    LockedCell,
    Operator,
    Raw,
    Reading,
    Role,
    Signal,
    SimCard,
)
from drivers.modem.replies import qeng, qeng_numbered, qscan, qset
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

SERVING = 'AT+QENG="servingcell"'
NEIGHBOURS = 'AT+QENG="neighbourcell"'
NEIGHBOURS_3G = 'AT+QENG="3gcomm"'
NR_NEIGHBOURS = 'AT+QNWCFG="nr5g_meas_info"'
CARRIERS_EVERY_S = 5.0
TEMPERATURE_EVERY_S = 30.0
NOT_CONFIGURED = "0"
"""State of a secondary carrier."""
UNUSED_RECEIVER_DBM = -140
_RECEIVER_QUANTITIES = {
    "+QRSRP": "rsrp_dbm",
    "+QRSRQ": "rsrq_db",
    "+QSINR": "sinr_db",
    "+QRSSI": "rssi_dbm",
}

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
_QSCAN_KINDS = {Rat.LTE: 1, Rat.NR: 2}
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
    ("EMTC", Rat.LTE),
    ("NB", Rat.LTE),
    ("WCDMA", Rat.WCDMA),
    ("HS", Rat.WCDMA),
    ("UMTS", Rat.WCDMA),
    ("GSM", Rat.GSM),
    ("GPRS", Rat.GSM),
    ("EDGE", Rat.GSM),
)
_ALL_PREFERENCES = frozenset({"WCDMA", "LTE", "NR5G"})
_SENSOR_C = (-40, 125)


def _preference_of_bands(name: str) -> Lever:
    return Lever(
        name,
        f'AT+QNWPREFCFG="{name}"',
        f'AT+QNWPREFCFG="{name}",{{}}',
        re.compile(rf'"{name}",\s*([\d:]+)'),
    )


_BAND_LISTS = {
    "wcdma": _preference_of_bands("gw_band"),
    "lte": _preference_of_bands("lte_band"),
    "nr_nsa": _preference_of_bands("nsa_nr5g_band"),
    "nr_sa": _preference_of_bands("nr5g_band"),
}
_BAND_MASK = Lever(
    "band",
    'AT+QCFG="band"',
    'AT+QCFG="band",{},1',
    re.compile(r'"band",\s*(0x[0-9A-Fa-f]+,0x[0-9A-Fa-f]+,0x[0-9A-Fa-f]+)'),
)
_CELL_4G = Lever(
    "common/4g",
    'AT+QNWLOCK="common/4g"',
    'AT+QNWLOCK="common/4g",{}',
    re.compile(r'"common/4g",\s*(\d+(?:,\d+)*)'),
    default="0",
)
_CELL_5G = Lever(
    "common/5g",
    'AT+QNWLOCK="common/5g"',
    'AT+QNWLOCK="common/5g",{}',
    re.compile(r'"common/5g",\s*(\d+(?:,\d+)*)'),
    default="0",
)


def _served_by_wcdma(look: Look) -> bool:
    return look.rat is Rat.WCDMA


def _served_by_nr(look: Look) -> bool:
    return look.rat is Rat.NR or look.nr is not None


def _may_aggregate(look: Look) -> bool:
    return look.rat in {Rat.LTE, Rat.NR}


def _lacks_sinr(look: Look) -> bool:
    return look.lacks_sinr


_TEMPERATURE = Question("AT+QTEMP", every_s=TEMPERATURE_EVERY_S)
_QUESTIONS = (
    Question(SERVING, vital=True),
    Question("AT+QCAINFO", every_s=CARRIERS_EVERY_S, asked_if=_may_aggregate),
    Question("AT+QCSQ", asked_if=_lacks_sinr),
    Question(NEIGHBOURS, for_neighbours=True),
    Question(NEIGHBOURS_3G, for_neighbours=True, asked_if=_served_by_wcdma),
    _TEMPERATURE,
)
_NR_NEIGHBOURS = Question(NR_NEIGHBOURS, for_neighbours=True, asked_if=_served_by_nr)
_QUESTIONS_WITHOUT_QENG = (Question("AT+QNWINFO", vital=True), Question("AT+QCSQ"), _TEMPERATURE)


def _read_qeng(asked: Asked) -> Reading:
    if qeng_numbered.is_numbered(asked.values()):
        return qeng_numbered.cells(asked)
    if "servingcell" in asked.arguments.lower() or not asked.command:
        return qeng.serving(
            asked,
            qeng.Dialect(
                lte_sinr_is_db=bool(_LTE_SINR_IN_DB.match(asked.model)),
                unisoc=bool(_UNISOC.match(asked.model)),
            ),
        )
    return qeng.neighbours(asked)


def _read_carriers(asked: Asked) -> Reading:
    """AT+QCAINFO; some firmware puts two records on one line."""
    cells: list[HeardCell] = []
    primary: Rat | None = None
    for role, record in _CARRIER.findall("\n".join(asked.lines)):
        fields = split(record)[1:]
        cell = _carrier(fields)
        if cell is None:
            if at(fields, 3) != NOT_CONFIGURED:
                raise asked.unreadable()
        elif role.upper() == "P":
            primary = cell.rat
            cells.append(msgspec.structs.replace(cell, role=Role.SERVING))
        elif cell.rat is Rat.NR and primary is not Rat.NR:
            cells.append(msgspec.structs.replace(cell, role=Role.NR_SECONDARY))
        else:
            cells.append(_without_zero_sinr(cell, asked.model))
    if primary is None and any(asked.values()):
        raise asked.unreadable()
    return Reading(cells=tuple(cells))


def _without_zero_sinr(cell: HeardCell, model: str) -> HeardCell:
    if cell.sinr_db == 0 and _ZERO_SECONDARY_SINR.match(model):
        return msgspec.structs.replace(cell, sinr_db=None)
    return cell


def _carrier(fields: list[str]) -> HeardCell | None:
    """`channel, bandwidth, "LTE BAND 3", ...`; None for one that is only configured."""
    rat = Rat.NR if at(fields, 2).upper().startswith("NR") else Rat.LTE
    rest = fields[3:]
    # State before PCI, except in the short NR record and the one of eight fields.
    if rat is Rat.LTE or pci(rat, at(rest, 1)) is not None:
        if at(rest, 0) == NOT_CONFIGURED:
            return None
        rest = rest[1:]
    identity, channel = pci(rat, at(rest, 0)), arfcn(rat, at(fields, 0))
    if identity is None or channel is None:
        return None
    if rat is Rat.NR and at(rest, 1) in {"0", "1"}:
        # The long NR record has whether there is an uplink, its width and channel before levels.
        rest = [rest[0], *rest[4:]]
    rsrp = level("rsrp_dbm", rat, at(rest, 1))
    # Firmware that prints -11 for RSRP prints it for RSRQ as well: neither is measured.
    measured_lte = rat is Rat.LTE and rsrp is not None
    width = lte_width_of_blocks if rat is Rat.LTE else nr_bandwidth_mhz
    return HeardCell(
        role=Role.SCC,
        rat=rat,
        arfcn=channel,
        band=band(at(fields, 2)),
        bandwidth_mhz=width(at(fields, 1)),
        pci=identity,
        rsrp_dbm=rsrp,
        rsrq_db=None if rsrp is None else level("rsrq_db", rat, at(rest, 2)),
        rssi_dbm=rssi_dbm(at(rest, 3)) if measured_lte else None,
        sinr_db=level("sinr_db", rat, at(rest, 4)) if measured_lte else None,
    )


def _read_signal(asked: Asked) -> Reading:
    """AT+QCSQ: levels without a cell, in a row for each technology that serves."""
    signals: list[Signal] = []
    for value in asked.values():
        label, *fields = split(value)
        signal = _levels(label.upper(), fields)
        if signal is None:
            if label.upper() != "NOSERVICE":
                break
            return Reading(signal=Signal(), mode="no-service")
        signals.append(signal)
    if not signals:
        raise asked.unreadable()
    first, *others = signals
    more: dict[str, Any] = {
        other.rat.value: other.of(other.rat)
        for other in others
        if other.rat is not None and other.rat is not first.rat
    }
    return Reading(signal=msgspec.structs.replace(first, **more))


def _levels(label: str, fields: list[str]) -> Signal | None:
    """The SINR of LTE is in fifths of a dB from -20 on; some firmware has RSSI before NR too."""
    match label:
        case "LTE" | "CAT-M1" | "CAT-NB1" | "EMTC" | "NBIOT" | "NTN NBIOT":
            fifths = integer(at(fields, 2), 0, 250)
            return Signal(
                rat=Rat.LTE,
                rssi_dbm=rssi_dbm(at(fields, 0)),
                rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 1)),
                sinr_db=None if fifths is None else (fifths - 100) / 5,
                rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 3)),
            )
        case "NR5G" | "NR5G-SA" | "NR5G-NSA":
            rssi, second = None, at(fields, 1)
            if level("sinr_db", Rat.NR, second) is None and level("rsrp_dbm", Rat.NR, second):
                rssi, *fields = fields
            return Signal(
                rat=Rat.NR,
                rssi_dbm=None if rssi is None else rssi_dbm(rssi),
                rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 0)),
                sinr_db=level("sinr_db", Rat.NR, at(fields, 1)),
                rsrq_db=level("rsrq_db", Rat.NR, at(fields, 2)),
            )
        case "WCDMA" | "GSM":
            return Signal(
                rat=Rat(label.lower()),
                rssi_dbm=rssi_dbm(at(fields, 0)),
                rscp_dbm=rscp_dbm(at(fields, 1)),
                ecio_db=ecio_db(at(fields, 2)),
            )
        case _:
            return None


def _read_receivers(asked: Asked) -> Reading:
    """AT+QRSRP, QRSRQ, QSINR, QRSSI: one level for each receiver, a row for each technology.

    -140 and -32768 are those of receivers not in use.
    """
    quantity = _RECEIVER_QUANTITIES[asked.name]
    found: dict[Rat, tuple[float, ...]] = {}
    for value in asked.values():
        *fields, label = split(value)
        rat = Rat.NR if label.upper().startswith("NR") else Rat.LTE
        levels = (
            rssi_dbm(text) if quantity == "rssi_dbm" else level(quantity, rat, text)
            for text in fields
        )
        known = tuple(each for each in levels if each is not None and each != UNUSED_RECEIVER_DBM)
        found.setdefault(rat, known)
    if not found:
        raise asked.unreadable()
    kind, unit = quantity.split("_")
    name = f"{kind}_rx_{unit}"
    first = next(iter(found))
    said: dict[str, Any] = {name: found[first]}
    if len(found) > 1:
        for rat, known in found.items():
            of_receivers: dict[str, Any] = {name: known}
            said[rat.value] = Levels(**of_receivers)
    return Reading(signal=Signal(rat=first, **said))


def _read_network(asked: Asked) -> Reading:
    """AT+QNWINFO: technology, network, band and channel; two rows for EN-DC."""
    cells: list[HeardCell] = []
    for value in asked.rows():
        fields = split(value)
        if fields[0].upper() in {"NO SERVICE", "NONE", "NOSERVICE", ""}:
            continue
        rat = next((rat for label, rat in _QNWINFO_RATS if label in fields[0].upper()), None)
        if rat is None:
            raise asked.unreadable()
        mcc, mnc = plmn(at(fields, 1)[:3], at(fields, 1)[3:])
        cells.append(
            HeardCell(
                role=Role.NR_SECONDARY if cells and rat is Rat.NR else Role.SERVING,
                rat=rat,
                mcc=mcc,
                mnc=mnc,
                band=band(at(fields, 2)),
                arfcn=arfcn(rat, at(fields, 3)),
            )
        )
    return Reading(cells=tuple(cells), mode=None if cells else "no-service")


def _read_temperature(asked: Asked) -> Reading:
    """AT+QTEMP: a row for each sensor by name, or all on one; those that are off say 0 or 255."""
    named: dict[str, float] = {}
    listed: list[float] = []
    for value in asked.rows():
        fields = split(value)
        known = [
            degrees
            for text in fields
            if (degrees := number(text)) and _SENSOR_C[0] <= degrees <= _SENSOR_C[1]
        ]
        if any(fields) and not any(number(text) is not None for text in fields):
            raise asked.unreadable()
        if known and number(fields[0]) is None:
            named[fields[0]] = known[0]
        else:
            listed.extend(known)
    return Reading(temperature_c=named or (tuple(listed) or None))


def _read_network_setting(asked: Asked) -> Reading:
    """AT+QNWCFG, of whose many settings but these are understood."""
    names = {split(value)[0].lower() for value in asked.values()}
    if names and "nr5g_meas_info" not in names:
        return qset.channel_lock(asked)
    return _read_measured_nr(asked)


def _read_measured_nr(asked: Asked) -> Reading:
    """AT+QNWCFG="nr5g_meas_info": channel, PCI, RSRP and RSRQ behind the switch."""
    cells = []
    for value in asked.rows():
        fields = split(value)[2:]
        identity = pci(Rat.NR, at(fields, 1))
        if identity is not None:
            cells.append(
                HeardCell(
                    role=Role.NEIGHBOUR,
                    rat=Rat.NR,
                    arfcn=arfcn(Rat.NR, fields[0]),
                    pci=identity,
                    rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 2)),
                    rsrq_db=level("rsrq_db", Rat.NR, at(fields, 3)),
                )
            )
    return Reading(cells=tuple(cells))


def _read_card(asked: Asked) -> Reading:
    """AT+QSIMSTAT: whether it reports, and whether a card is in."""
    for value in asked.values():
        fields = split(value)
        states = {"0": "absent", "1": "inserted", "2": None}
        return Reading(
            sim=SimCard(state=states.get(at(fields, 1)), report_enabled=fields[0] == "1")
        )
    raise asked.unreadable()


def _read_names(asked: Asked) -> Reading:
    """AT+QSPN: full, short and the card's name; their alphabet; the network's number.

    Alphabet 1 is UCS2. Some firmware has but the digits of the network for a name.
    """
    for value in asked.values():
        fields = split(value)
        ucs2 = at(fields, 3) == "1"
        name, spn = (standard.plain_text(at(fields, n), ucs2=ucs2) for n in (0, 2))
        digits = at(fields, 4).replace(" ", "")
        return Reading(
            operator=Operator(
                name=name if name and not name.replace(" ", "").isdecimal() else None,
                spn=spn or None,
                plmn=digits if is_digits(digits) and len(digits) in {5, 6} else None,
            )
        )
    raise asked.unreadable()


def _read_contexts(asked: Asked) -> Reading:
    """AT+QIACT?: number, whether active, type, then the addresses."""
    rows = [split(value) for value in asked.rows()]
    return Reading(
        pdp_active={
            fields[0]: at(fields, 1) == "1"
            for fields in rows
            if is_digits(fields[0]) and at(fields, 1) in {"0", "1"}
        },
        addresses=_addresses((fields[0], fields[3:]) for fields in rows),
    )


def _read_wwan(asked: Asked) -> Reading:
    """AT+QMAP="WWAN": whether connected, context, family and address, in a row for each family."""
    rows = [split(value) for value in asked.values()]
    known = [fields for fields in rows if fields[0].upper() == "WWAN"]
    if not known:
        raise asked.unreadable()
    return Reading(addresses=_addresses((at(fields, 2), fields[4:]) for fields in known))


def _addresses(by_cid: Iterable[tuple[str, list[str]]]) -> tuple[Address, ...]:
    """Those of each context together, none where there are none."""
    rows: dict[str, list[str]] = {}
    for cid, texts in by_cid:
        rows.setdefault(cid, []).extend(texts)
    return standard.addresses(f"+CGPADDR: {cid},{','.join(texts)}" for cid, texts in rows.items())


def _read_cells(asked: Asked) -> Reading:
    """AT+QCELL? of the EC200S: network, area, cell, PCI or BSIC, and a level of unknown unit."""
    cells = []
    for value in asked.rows():
        label, name, *fields = [*split(value), ""]
        rat = {"LTE": Rat.LTE, "GSM": Rat.GSM}.get(name.upper())
        if rat is None:
            raise asked.unreadable()
        mcc, mnc = plmn(at(fields, 0), at(fields, 1))
        area = area_code(at(fields, 2), standard.LAC_END)
        lte = rat is Rat.LTE
        cells.append(
            HeardCell(
                role=Role.SERVING if label.lower() == "servingcell" else Role.NEIGHBOUR,
                rat=rat,
                mcc=mcc,
                mnc=mnc,
                tac=area if lte else None,
                lac=None if lte else area,
                cell_id=hexadecimal(at(fields, 3), standard.ECI_END if lte else standard.LAC_END),
                pci=pci(rat, at(fields, 4)) if lte else None,
                bsic=None if lte else bsic(at(fields, 4)),
            )
        )
    return Reading(cells=tuple(cells))


def _read_endc(asked: Asked) -> Reading:
    for value in asked.values():
        return Reading(endc=Raw(raw=numbers(value)))
    raise asked.unreadable()


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
        # unverified, from the vendor's upgrade tool and from kernel descriptors: EG912Y, EC200S,
        # EC200A, EC200T; EG916Q; RM500U, whose first two interfaces are the network's.
        UsbLayout(0x2C7C, frozenset({0x6001, 0x6002, 0x6005, 0x6026}), (3,)),
        UsbLayout(0x2C7C, frozenset({0x6007}), (3, 2)),
        UsbLayout(0x2C7C, frozenset({0x0900}), (5, 4)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        "+QENG": _read_qeng,
        "+QCAINFO": _read_carriers,
        "+QCSQ": _read_signal,
        "+QGMR": standard.READERS["+CGMR"],
        **dict.fromkeys(_RECEIVER_QUANTITIES, _read_receivers),
        "+QCELL": _read_cells,
        "+QIACT": _read_contexts,
        "+QMAP": _read_wwan,
        "+QNWINFO": _read_network,
        "+QTEMP": _read_temperature,
        "+QNWCFG": _read_network_setting,
        "+QSIMSTAT": _read_card,
        "+QSPN": _read_names,
        "+QENDC": _read_endc,
        "+QSCAN": qscan.qscan,
        "+QOPS": qscan.qops,
        "+QNWPREFCFG": qset.preferences,
        "+QNWPREFCFG=?": qset.choices,
        "+QCFG": qset.configuration,
        "+QNWLOCK": qset.cell_lock,
    }
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+QCCID", "AT+CCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._levers: tuple[Lever, ...] | None = None
        self._questions: tuple[Question, ...] = _QUESTIONS
        if _WITHOUT_QENG.match(self.model):
            self._questions = _QUESTIONS_WITHOUT_QENG

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name."""
        return "quectel" in (identification.manufacturer or "").lower()

    def configure(self) -> None:
        """Standard settings, and reports of NR neighbours where the module has them."""
        super().configure()
        if not _WITHOUT_QENG.match(self.model) and self.dialogue.wish(f"{NR_NEIGHBOURS},1"):
            self._questions = (*_QUESTIONS, _NR_NEIGHBOURS)

    def questions(self) -> tuple[Question, ...]:
        """QENG each time, the rest as often as it can change."""
        return self._questions

    def levers(self) -> tuple[Lever, ...]:
        """The levers that answer; asked once."""
        if self._levers is None:
            answering = self._answering(_MODE_PREF, _NR_DISABLE)
            self._levers = answering or self._answering(_SCAN_MODE)
        return self._levers

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the levers, and by what the hardware lacks."""
        names = {lever.name for lever in self.levers()}
        if {"mode_pref", "nr5g_disable_mode"} <= names:
            return _NR_LOCKS
        if "mode_pref" in names:
            return _PREF_LOCKS | (_SA_LOCK if _HAS_NR.match(self.model) else {})
        if "nwscanmode" not in names:
            return {}
        lacking = {RatMode.G2} if _WITHOUT_GSM.match(self.model) else set()
        if _LTE_ONLY.match(self.model):
            lacking = {RatMode.G3}
        return {mode: levers for mode, levers in _SCAN_LOCKS.items() if mode not in lacking}

    def band_levers(self) -> Mapping[str, Lever]:
        """Lists of bands beside `mode_pref`; a mask of LTE bands beside `nwscanmode`."""
        names = {lever.name for lever in self.levers()}
        if "mode_pref" not in names:
            return {"lte": _BAND_MASK} if names else {}
        without_nr = "nr5g_disable_mode" not in names and not _HAS_NR.match(self.model)
        lacking = {"nr_nsa", "nr_sa"} if without_nr else set()
        if _UNISOC.match(self.model):
            lacking = {"nr_nsa"}
        return {name: lever for name, lever in _BAND_LISTS.items() if name not in lacking}

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """A list, or the masks of QCFG, in which 0 leaves a technology as it is."""
        if "nwscanmode" in {lever.name for lever in self.levers()}:
            return f"0,{mask_of_bands(bands):x},0"
        return super().band_value(name, bands)

    def cell_levers(self) -> Mapping[Rat, Lever]:
        """QNWLOCK of the 5G modules: it needs the lock to one technology beside it."""
        if "nr5g_disable_mode" not in {lever.name for lever in self.levers()}:
            return {}
        return {Rat.LTE: _CELL_4G, Rat.NR: _CELL_5G}

    def cell_value(self, rat: Rat, cell: LockedCell) -> str:
        """LTE has channel before PCI, NR the other way round."""
        if rat is Rat.LTE:
            return f"1,{cell.earfcn},{cell.pci}"
        return f"{cell.pci},{cell.earfcn},{cell.scs_khz},{cell.band}"

    def plain(self, value: str) -> str:
        """Lists in one order; all technologies together are AUTO; the mask of LTE as a number."""
        if re.fullmatch(r"(?:0x)?[0-9A-Fa-f]+(?:,(?:0x)?[0-9A-Fa-f]+){2}", value):
            return str(hexadecimal(value.split(",")[1], 1 << 80))
        names = set(value.upper().split(":"))
        return "AUTO" if names == _ALL_PREFERENCES else ":".join(sorted(names))

    def scan_commands(self, rats: frozenset[Rat]) -> tuple[str, ...]:
        """QSCAN of the 5G modules, which hears LTE and NR; QOPS of the others, which hears all."""
        if _NR_DISABLE not in self.levers():
            return ("AT+QOPS",)
        kinds = sum(_QSCAN_KINDS[rat] for rat in (rats or _QSCAN_KINDS) if rat in _QSCAN_KINDS)
        return (f"AT+QSCAN={kinds},1",) if kinds else ()

    def _answering(self, *levers: Lever) -> tuple[Lever, ...]:
        return tuple(lever for lever in levers if self.dialogue.ask(lever.read).ok)
