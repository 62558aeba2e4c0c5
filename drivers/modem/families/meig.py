"""MeiG Smart: SRM815 and SRM825 (5G), SLM7xx and SLM828 (LTE).

unverified: everything but AT+MENG="servingcell" of the SLM770A, see `meiginfo`. Left out: locks of
bands, whose masks stand in AT^SYSCFGEX beside the order; the scan AT^NETSCAN.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnsupportedHoldError
from drivers.modem.family import Family, Lever, Question, UsbLayout
from drivers.modem.look import Look
from drivers.modem.readers import Readers
from drivers.modem.reading import LockedCell
from drivers.modem.replies import meiginfo, syscfg, sysinfo
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

TEMPERATURE_EVERY_S = 30.0

_MODEL = re.compile(r"SRM8|SLM[678]", re.IGNORECASE)
_HAS_NR = re.compile(r"SRM", re.IGNORECASE)
_SYSCFGEX = re.compile(r'\^SYSCFGEX:\s*"?((?:\d\d)+)"?,([A-Za-z0-9",]*)$', re.IGNORECASE)
_DEFAULT_REST = "all,0,2,all,all,all,all,1"
_ORDER = "syscfgex"
_MODE = Lever("mododr", "AT+MODODR?", "AT+MODODR={}", re.compile(r"\+MODODR:\s*(\d)"))
_ARCHITECTURES = Lever(
    "nwcfg",
    'AT^NWCFG="nr5g_disable_mode"',
    'AT^NWCFG="nr5g_disable_mode",{}',
    re.compile(r'\^NWCFG:\s*"nr5g_disable_mode",\s*([012])'),
    after=("AT+CFUN=0", "AT+CFUN=1"),
)
_BOTH, _WITHOUT_SA, _WITHOUT_NSA = "0", "1", "2"
_LTE, _NR, _LTE_AND_NR = "03", "04", "0403"
_MODE_LOCKS = {
    RatMode.G2: {_MODE.name: "3"},
    RatMode.G3: {_MODE.name: "1"},
    RatMode.G4: {_MODE.name: "5"},
    RatMode.AUTO: {_MODE.name: "2"},
}


def _cell_lock(name: str, row: str, free: str) -> Lever:
    return Lever(
        name,
        "AT^CELLLOCK?",
        "AT^CELLLOCK={}",
        re.compile(rf"\^CELLLOCK:\s*(1,{row})", re.IGNORECASE),
        default=free,
        before=("AT+CFUN=0",),
        after=("AT+CFUN=1",),
    )


_CELL_LOCKS = {
    Rat.LTE: _cell_lock("celllock-lte", r'(?:3|"LTE"),1,\d+,\d+', "0,3"),
    Rat.NR: _cell_lock("celllock-nr", r"4,1,\d+,\d+,\d+,\d+", "0,4"),
}


def _lacks_sinr(look: Look) -> bool:
    return look.lacks_sinr or look.rat is Rat.NR


def _lacks_level(look: Look) -> bool:
    return not look.signals and (look.serving is None or look.serving.rsrp_dbm is None)


_LEVELS = (
    Question("AT^HCSQ?", asked_if=_lacks_sinr),
    Question("AT+CESQ", asked_if=_lacks_level),
    Question("AT+CSQ", asked_if=_lacks_level),
    Question("AT+TEMP", every_s=TEMPERATURE_EVERY_S),
)
_SERVING = {
    'AT+MENG="servingcell"': 'AT+MENG="neighbourcell"',
    "AT^CELLINFO=1": "AT^CELLINFO=2",
    "AT+SGCELLINFOEX?": None,
    "AT+SGCELLINFO": None,
}
"""Commands for the serving cell, and for its neighbours."""


class Meig(Family):
    """A module of MeiG Smart."""

    name = "meig"
    vendors = ("meig smart", "meiglink")
    # By descriptors others posted: 4D22 is shared by SLM828, SRM815 and SRM825L. unverified: 4D23
    # and 4D38, two modes of SRM8xx, by a public script.
    usb = (
        UsbLayout(0x2DEE, frozenset({0x4D22}), (2, 1)),
        UsbLayout(0x2DEE, frozenset({0x4D57, 0x4D58}), (4, 3)),
        UsbLayout(0x2DEE, frozenset({0x4D23}), (1,)),
        UsbLayout(0x2DEE, frozenset({0x4D38}), (3,)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        "^CELLINFO": meiginfo.cells,
        "+SGCELLINFOEX": meiginfo.cells,
        "+SGCELLINFO": meiginfo.named,
        "+MENG": meiginfo.engineering,
        "^HCSQ": meiginfo.quality,
        "^SYSCFGEX": meiginfo.order,
        "^SYSCFGEX=?": syscfg.orders,
        "^NWCFG": meiginfo.architectures,
        "+MODODR": meiginfo.mode,
        "+PSRAT": meiginfo.technology,
        "^CELLLOCK": meiginfo.cell_lock,
        "+TEMP": meiginfo.temperatures,
        "^SYSINFO": sysinfo.service,
        "^SYSINFOEX": sysinfo.service_in_words,
        "^SIMST": sysinfo.card,
        "^NDISSTATQRY": sysinfo.data_call,
        "^NDISSTAT": sysinfo.data_call,
        "^DHCP": sysinfo.lease,
        "^DHCPV6": sysinfo.lease_v6,
    }
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+ICCID", "AT+CCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._questions = _LEVELS
        self._levers: tuple[Lever, ...] | None = None
        self._cell_levers: dict[Rat, Lever] | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name, or the models that go by others."""
        return "meig" in (identification.manufacturer or "").lower() or bool(
            _MODEL.match(identification.model or "")
        )

    def configure(self) -> None:
        """Standard settings; which command tells the serving cell."""
        super().configure()
        serving = next((command for command in _SERVING if self.dialogue.ask(command).ok), None)
        neighbours = None if serving is None else _SERVING[serving]
        self._questions = (
            *(() if serving is None else (Question(serving),)),
            *(() if neighbours is None else (Question(neighbours, for_neighbours=True),)),
            *_LEVELS,
        )

    def questions(self) -> tuple[Question, ...]:
        """The serving cell each time, its SINR from AT^HCSQ; no command is vital."""
        return self._questions

    def levers(self) -> tuple[Lever, ...]:
        """The order of technologies, else the mode of older modules; asked once."""
        if self._levers is None:
            reply = self.dialogue.ask("AT^SYSCFGEX?")
            found = next(filter(None, map(_SYSCFGEX.search, reply.lines)), None)
            if reply.ok and found is not None:
                self._levers = (_order(found[2]), *self._architectures())
            else:
                self._levers = (_MODE,) if self.dialogue.ask(_MODE.read).ok else ()
        return self._levers

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the levers there are, and by whether the model has NR."""
        levers = self.levers()
        if not levers or levers[0] is _MODE:
            return _MODE_LOCKS if levers else {}
        if not _HAS_NR.match(self.model):
            codes = {RatMode.G2: "01", RatMode.G3: "02", RatMode.G4: _LTE, RatMode.AUTO: "00"}
            return {mode: {_ORDER: code} for mode, code in codes.items()}
        found = {
            RatMode.G3: {_ORDER: "02"},
            RatMode.G4: {_ORDER: _LTE},
            RatMode.G5_SA: {_ORDER: _NR},
            RatMode.G5: {_ORDER: _LTE_AND_NR},
            RatMode.AUTO: {_ORDER: "00"},
        }
        if _ARCHITECTURES in levers:
            found[RatMode.G5_NSA] = {_ORDER: _LTE_AND_NR, _ARCHITECTURES.name: _WITHOUT_SA}
            found[RatMode.G5_SA][_ARCHITECTURES.name] = _WITHOUT_NSA
            found[RatMode.G5][_ARCHITECTURES.name] = _BOTH
            found[RatMode.AUTO][_ARCHITECTURES.name] = _BOTH
        return found

    def cell_levers(self) -> Mapping[Rat, Lever]:
        """AT^CELLLOCK, where it answers; asked once."""
        if self._cell_levers is None:
            rats = [Rat.LTE, *([Rat.NR] if _HAS_NR.match(self.model) else [])]
            there = self.dialogue.ask(_CELL_LOCKS[Rat.LTE].read).ok
            self._cell_levers = {rat: _CELL_LOCKS[rat] for rat in rats} if there else {}
        return self._cell_levers

    def cell_value(self, rat: Rat, cell: LockedCell) -> str:
        """`on,technology,kind,channel,PCI[,spacing,band]`."""
        if cell.earfcn is None or cell.pci is None:
            raise UnsupportedHoldError(f"{cell}", ("a cell with channel and PCI",))
        if rat is Rat.LTE:
            return f"1,3,1,{cell.earfcn},{cell.pci}"
        if cell.scs_khz is None or cell.band is None:
            raise UnsupportedHoldError(f"{cell}", ("a cell with spacing and band",))
        return f"1,4,1,{cell.earfcn},{cell.pci},{cell.scs_khz},{cell.band}"

    def restore(self, setting: Mapping[str, str]) -> None:
        """As any; what stands beside the order is read anew, as it is written back."""
        self._levers = None
        super().restore(setting)

    def plain(self, value: str) -> str:
        """Technologies in one order, and LTE as a number."""
        if re.fullmatch(r"(?:\d\d)+", value):
            return "".join(sorted(re.findall(r"\d\d", value)))
        return value.upper().replace('"LTE"', "3")

    def _architectures(self) -> tuple[Lever, ...]:
        has_nr = _HAS_NR.match(self.model) and self.dialogue.ask(_ARCHITECTURES.read).ok
        return (_ARCHITECTURES,) if has_nr else ()


def _order(rest: str) -> Lever:
    """The order, with the other parameters as they are: there is no word for no change."""
    return Lever(_ORDER, "AT^SYSCFGEX?", f'AT^SYSCFGEX="{{}}",{rest or _DEFAULT_REST}', _SYSCFGEX)
