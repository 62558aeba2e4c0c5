"""Huawei and TD Tech: ME909s, ME906 and MT5700M modules, and sticks from the E160 to the E3372.

unverified: all of NR, of which only captures of the MT5700M by others are known, and every lock of
a cell. Sticks in HiLink mode have no AT port at all.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

import msgspec

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnreadableError, UnsupportedHoldError
from drivers.modem.family import LEVER_TIMEOUT_S, Family, Lever, Question, UsbLayout
from drivers.modem.fields import mask_of_bands
from drivers.modem.look import Look
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import Address, HeardCell, LockedCell, Reading, Role
from drivers.modem.replies import hcsq, monsc, syscfg, sysinfo
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

SERVING = "AT^MONSC"
CARRIERS = "AT^HFREQINFO?"
CARRIERS_EVERY_S = 5.0
TEMPERATURE_EVERY_S = 30.0
TWO_TECHNOLOGIES = 2

_MAKER = re.compile(r"huawei|td.?tech", re.IGNORECASE)
_MODEL = re.compile(r"MT57|MH50", re.IGNORECASE)
_TD_TECH = re.compile(r"td.?tech|MT57", re.IGNORECASE)

# The other parameters say "as before": bands, roaming, domain, bands of LTE. TD Tech wants all
# seven. Domain and mask are one value, so that what was read can be written.
_ORDER = Lever(
    "syscfgex",
    "AT^SYSCFGEX?",
    'AT^SYSCFGEX="{}",40000000,2,4,40000000,,',
    re.compile(r'\^SYSCFGEX:\s*"?((?:\d\d)+)"?\s*,', re.IGNORECASE),
)
_LTE_BANDS = Lever(
    "syscfgex-lte",
    "AT^SYSCFGEX?",
    'AT^SYSCFGEX="99",40000000,2,{},,',
    re.compile(r'\^SYSCFGEX:\s*"?\d+"?,[0-9A-F]+,\d,(\d,[0-9A-F]+)', re.IGNORECASE),
)
_MODE = Lever(
    "syscfg",
    "AT^SYSCFG?",
    "AT^SYSCFG={},40000000,2,4",
    re.compile(r"\^SYSCFG:\s*(\d+,\d)", re.IGNORECASE),
)
_ARCHITECTURES = Lever(
    "c5goption",
    "AT^C5GOPTION?",
    "AT^C5GOPTION={}",
    re.compile(r"\^C5GOPTION:\s*(\d,\d,\d)", re.IGNORECASE),
    after=("AT+CFUN=0", "AT+CFUN=1"),
)
_BOTH, _BESIDE_LTE = "1,1,1", "0,1,0"
"""Of AT^C5GOPTION; stand-alone NR needs no more than the lock to NR."""
_ONE_TECHNOLOGY = {RatMode.G2: "01", RatMode.G3: "02", RatMode.G4: "03"}
_NR, _LTE_AND_NR = "08", "0803"
_MODE_LOCKS = {
    RatMode.G2: {_MODE.name: "13,0"},
    RatMode.G3: {_MODE.name: "14,0"},
    RatMode.AUTO: {_MODE.name: "2,0"},
}

_CHANNEL_LOCK = Lever(
    "freqlock",
    "AT^FREQLOCK?",
    "AT^FREQLOCK={}",
    re.compile(r'\^FREQLOCK:\s*(1,"04",[\d,]*)'),
    default="0",
)


def _cell_lock(command: str, row: str) -> Lever:
    return Lever(
        command.lower(),
        f"AT^{command}?",
        f"AT^{command}={{}}",
        re.compile(row, re.IGNORECASE),
        default="0",
        before=("AT+CFUN=0", f"AT^{command}=0"),
        after=("AT+CFUN=1",),
    )


_CELL_LOCKS = {
    Rat.LTE: _cell_lock("LTEFREQLOCK", r"^(\d+,\d+,[0-9A-F]+)$"),
    Rat.NR: _cell_lock("NRFREQLOCK", r"^(\d+,\d+,\d,[0-9A-F]+)$"),
}
_CELL_LOCK_ROW = re.compile(r"(\d+),(\d+),(?:(\d),)?([0-9A-F]+)", re.IGNORECASE)


def _lacks_sinr(look: Look) -> bool:
    return look.lacks_sinr


def _may_aggregate(look: Look) -> bool:
    return look.rat not in {Rat.GSM, Rat.WCDMA}


def _lacks_level_of_leg(look: Look) -> bool:
    return look.nr is not None and look.nr.rsrp_dbm is None


def _lacks_level(look: Look) -> bool:
    return not look.signals


_CARRIERS = Question(CARRIERS, every_s=CARRIERS_EVERY_S, asked_if=_may_aggregate)
_TEMPERATURE = Question("AT^CHIPTEMP?", every_s=TEMPERATURE_EVERY_S)
_QUESTIONS = (
    Question(SERVING, vital=True),
    _CARRIERS,
    Question("AT^MONSSC", asked_if=_lacks_level_of_leg),
    Question("AT^CSERSSI?", asked_if=_lacks_level_of_leg),
    Question("AT^HCSQ?", asked_if=_lacks_sinr),
    Question("AT^MONNC", for_neighbours=True),
    _TEMPERATURE,
)
_QUESTIONS_WITHOUT_MONSC = (
    _CARRIERS,
    Question("AT^HCSQ?"),
    Question("AT^CSNR?", asked_if=_lacks_level),
    Question("AT+CSQ"),
    _TEMPERATURE,
)


def _read_order(asked: Asked) -> Reading:
    return syscfg.order(asked, syscfg.HUAWEI_CODES)


class Huawei(Family):
    """A modem with Huawei's AT^ commands."""

    name = "huawei"
    vendors = ("td tech", "hisilicon")
    # By descriptors and captures of others. unverified: 15C1, 1001.
    usb = (
        UsbLayout(0x12D1, frozenset({0x1506}), (0,)),
        UsbLayout(0x12D1, frozenset({0x15C1, 0x1001}), (2,)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        "^MONSC": monsc.serving,
        "^MONNC": monsc.neighbours,
        "^MONSSC": monsc.secondary,
        "^NRSSBID": monsc.beams,
        "^CELLSCAN": monsc.scan,
        "^HFREQINFO": monsc.carriers,
        "^CECELLID": monsc.lte_identity,
        "^HCSQ": hcsq.quality,
        "^CERSSI": hcsq.extended,
        "^CSERSSI": hcsq.extended,
        "^CSNR": hcsq.wcdma,
        "^LTERSRP": hcsq.lte,
        "^ANQUERY": hcsq.antenna,
        "^RSSI": hcsq.power,
        "^CHIPTEMP": hcsq.temperatures,
        "^SYSINFO": sysinfo.service,
        "^SYSINFOEX": sysinfo.service_in_words,
        "^MODE": sysinfo.mode,
        "^SRVST": sysinfo.service_status,
        "^SIMST": sysinfo.card,
        "^CARDMODE": sysinfo.card_type,
        "^NDISSTATQRY": sysinfo.data_call,
        "^NDISSTAT": sysinfo.data_call,
        "^DCONNSTAT": sysinfo.data_calls,
        "^DHCP": sysinfo.lease,
        "^DHCPV6": sysinfo.lease_v6,
        "^SYSCFGEX": _read_order,
        "^SYSCFGEX=?": syscfg.orders,
        "^SYSCFG": syscfg.mode,
        "^PREFMODE": syscfg.preference,
        "^C5GOPTION": syscfg.architectures,
        "^LTEFREQLOCK": syscfg.channel_locks,
        "^NRFREQLOCK": syscfg.channel_locks,
        "^FREQLOCK": syscfg.frequency_lock,
        "^M2MFREQLOCK": syscfg.frequency_lock,
    }
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT^ICCID?", "AT+CCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._questions: tuple[Question, ...] = _QUESTIONS
        self._levers: tuple[Lever, ...] | None = None
        self._locks: dict[RatMode, dict[str, str]] = {}
        self._technologies: frozenset[str] = frozenset()
        self._cell_levers: dict[Rat, Lever] | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name, or the models that go by others."""
        return bool(
            _MAKER.search(identification.manufacturer or "")
            or _MODEL.match(identification.model or "")
        )

    def configure(self) -> None:
        """Standard settings; sticks do not know the serving cell.

        Without service AT^MONSC is refused as if it were not there: its test form is not.
        """
        super().configure()
        if not self.dialogue.ask(SERVING).ok and not self.dialogue.ask(f"{SERVING}=?").ok:
            self._questions = _QUESTIONS_WITHOUT_MONSC

    def questions(self) -> tuple[Question, ...]:
        """The serving cell each time, its SINR from AT^HCSQ, the rest as often as it can change."""
        return self._questions

    def answer(self, question: Question, *, same: object = None) -> Reading | None:
        """As any; but without service AT^MONSC is refused, which says that no cell serves.

        The channel of an NR carrier is left out: it is not that of the cell, which is its SSB.
        """
        if question.command == SERVING:
            return self._serving()
        reading = super().answer(question, same=same)
        if reading is None or reading.cells is None or question.command != CARRIERS:
            return reading
        cells = tuple(_without_centre(cell) for cell in reading.cells)
        return msgspec.structs.replace(reading, cells=cells)

    def levers(self) -> tuple[Lever, ...]:
        """The order of technologies, or the mode of older sticks; asked once."""
        if self._levers is None:
            reply = self.dialogue.ask("AT^SYSCFGEX=?")
            orders = syscfg.listed_orders(reply.lines) if reply.ok else ()
            if orders:
                self._levers = self._order_levers(orders)
            elif self.dialogue.ask("AT^SYSCFG=?").ok:
                self._levers, self._locks = (_MODE,), _MODE_LOCKS
            else:
                self._levers = ()
        return self._levers

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By what AT^SYSCFGEX=? lists."""
        self.levers()
        return self._locks

    def band_levers(self) -> Mapping[str, Lever]:
        """The mask of LTE bands beside the order. unverified: whether "99" leaves the order."""
        return {"lte": _LTE_BANDS} if _ORDER in self.levers() else {}

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """Domain as before, and the mask."""
        del name
        return f"4,{mask_of_bands(bands):X}"

    def cell_levers(self) -> Mapping[Rat, Lever]:
        """Locks to a channel and PCI, where they answer; asked once."""
        if self._cell_levers is None:
            maker = f"{self.identification.manufacturer} {self.model}"
            known = _CELL_LOCKS if _TD_TECH.search(maker) else {Rat.LTE: _CHANNEL_LOCK}
            self._cell_levers = {
                rat: lever for rat, lever in known.items() if self.dialogue.ask(lever.read).ok
            }
        return self._cell_levers

    def cell_value(self, rat: Rat, cell: LockedCell) -> str:
        """As the modem prints it; see `restore`."""
        if self.cell_levers().get(rat) is _CHANNEL_LOCK:
            return f'1,"04",{cell.earfcn},,,{cell.pci}'
        if cell.band is None or cell.earfcn is None or cell.pci is None:
            raise UnsupportedHoldError(f"{cell}", ("a cell with band, channel and PCI",))
        if rat is Rat.LTE:
            return f"{cell.band},{cell.earfcn},{cell.pci:X}"
        spacing = {15: 0, 30: 1, 60: 2, 120: 3, 240: 4}.get(cell.scs_khz or 0)
        if spacing is None:
            raise UnsupportedHoldError(f"{cell}", ("a cell with its subcarrier spacing",))
        return f"{cell.band},{cell.earfcn},{spacing},{cell.pci:X}"

    def restore(self, setting: Mapping[str, str]) -> None:
        """As any; but TD Tech takes a lock to a cell in another form than it prints it in."""
        printed = {lever.name for lever in _CELL_LOCKS.values()}
        super().restore(
            {
                name: _as_ordered(value) if name in printed else value
                for name, value in setting.items()
            }
        )

    def plain(self, value: str) -> str:
        """Technologies in one order, all of them as "00"; masks as numbers; modes without order."""
        mode, comma, mask = value.partition(",")
        if re.fullmatch(r"(?:\d\d)+", value):
            codes = set(re.findall(r"\d\d", value))
            everything = len(self._technologies) > 1 and codes >= self._technologies
            return syscfg.AUTOMATIC if everything else "".join(sorted(codes))
        if _MODE in (self._levers or ()):
            return mode
        if comma and re.fullmatch(r"[0-9A-Fa-f]+", mask):
            return mask.lstrip("0").upper()
        return value.upper()

    def read_addresses(self) -> tuple[Address, ...]:
        """From the standard, else from the lease of the vendor's own data call."""
        standards = super().read_addresses()
        reading = None if standards else self.ask("AT^DHCP?")
        return standards if reading is None else reading.addresses or ()

    def reset(self) -> None:
        """By the vendor's order, else by the standard's."""
        if not self.dialogue.wish("AT^RESET", timeout_s=LEVER_TIMEOUT_S):
            super().reset()

    def _serving(self) -> Reading | None:
        reply = self.dialogue.ask(SERVING)
        try:
            return self._understand(SERVING, reply.lines) if reply.ok else None
        except UnreadableError:
            self.dialogue.note_unread(SERVING, (reply.raw,))
            return None

    def _order_levers(self, orders: tuple[str, ...]) -> tuple[Lever, ...]:
        """The levers, with the locks they give: one technology where that alone is listed."""
        codes = {code for order in orders for code in re.findall(r"\d\d", order)}
        self._technologies = frozenset(codes & set(syscfg.HUAWEI_CODES))
        singly = all(len(order) == len(_NR) for order in orders)
        combined = [order for order in orders if order != syscfg.UNCHANGED]
        longest = max(combined, key=len, default=syscfg.AUTOMATIC)
        automatic = syscfg.AUTOMATIC if singly or syscfg.AUTOMATIC in orders else longest
        name = _ORDER.name
        self._locks = {
            mode: {name: order} for mode, order in _ONE_TECHNOLOGY.items() if order in orders
        }
        self._locks[RatMode.AUTO] = {name: automatic}
        if _NR not in orders:
            return (_ORDER,)
        architectures = _ARCHITECTURES if self.dialogue.ask(_ARCHITECTURES.read).ok else None
        both = {} if architectures is None else {architectures.name: _BOTH}
        self._locks[RatMode.AUTO] |= both
        self._locks[RatMode.G5_SA] = {name: _NR, **both}
        if RatMode.G4 in self._locks and len(self._technologies) > TWO_TECHNOLOGIES:
            self._locks[RatMode.G5] = {name: _LTE_AND_NR, **both}
        if RatMode.G4 in self._locks and architectures is not None:
            self._locks[RatMode.G5_NSA] = {name: _LTE_AND_NR, architectures.name: _BESIDE_LTE}
        return (_ORDER,) if architectures is None else (_ORDER, architectures)


def _without_centre(cell: HeardCell) -> HeardCell:
    if cell.rat is Rat.NR and cell.role is not Role.SCC:
        return msgspec.structs.replace(cell, arfcn=None)
    return cell


def _as_ordered(printed: str) -> str:
    """`band,channel[,spacing],PCI` in hexadecimal as `2,0,1,"band","channel",...` in decimal."""
    found = _CELL_LOCK_ROW.fullmatch(printed)
    if found is None:
        return printed
    band, channel, spacing, identity = found.groups()
    named = (band, channel, *([spacing] if spacing else []), str(int(identity, 16)))
    return ",".join(("2,0,1", *(f'"{text}"' for text in named)))
