"""Fibocom: FM150, FM160, FM190 and NL668 (Qualcomm), FM350 (MediaTek), L610 and L716 (UNISOC).

All of them tell their cells by AT+GTCCINFO? and are locked by AT+GTACT; what a module can be locked
to is asked. The Intel modules L850 and L860 are another family, but their replies are read here as
well.

Left out: AT+EMMCHLCK of MediaTek, which holds on a cell where AT+GTCELLLOCK is not known, and
AT+GTRAT, the lock of older firmware whose numbers differ by module. unverified: interface numbers
of FM350, which depend on its USB mode.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnsupportedHoldError
from drivers.modem.family import LEVER_TIMEOUT_S, Lever, Question, UsbLayout
from drivers.modem.fields import NR_SCS_KHZ
from drivers.modem.look import Look
from drivers.modem.readers import Readers
from drivers.modem.reading import LockedCell
from drivers.modem.replies import act, gtccinfo, gtset, xmm_text
from drivers.modem.replies.act import ActFamily
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

CARRIERS_EVERY_S = 5.0
TEMPERATURE_EVERY_S = 30.0
_SENSOR = "AT+GTSENRDTEMP=1"
_MONITOR = "AT+MTSM=1"

_MODELS = re.compile(
    r"F[MG]\d{3}|NL\d{3}|L[67]1\d|MA510|DW5931|SDX|ROLLING WIRELESS", re.IGNORECASE
)
_INTEL = re.compile(r"L8\d\d|XMM", re.IGNORECASE)
_CELL_VALUE = re.compile(r"[01](?:,[01],[01],\d.*)?")
_OF_ONE_CELL, _OF_A_CHANNEL = 0, 1
_CELL_OF_CHANNEL_FIELDS = 4

_CELL = Lever(
    "gtcelllock",
    "AT+GTCELLLOCK?",
    "AT+GTCELLLOCK={}",
    re.compile(r"\+GTCELLLOCK:\s*([01](?:,\d+)*)", re.IGNORECASE),
)
# Bits of MediaTek's choice: 1 LTE, 2 stand-alone NR, 4 NR beside LTE.
_ARCHITECTURES = Lever(
    "e5gopt", "AT+E5GOPT?", "AT+E5GOPT={}", re.compile(r"\+E5GOPT:\s*(\d+)", re.IGNORECASE)
)
_ALL_ARCHITECTURES = {"e5gopt": "7"}
_NSA_ONLY = {"gtact": "17", "e5gopt": "5"}


def _may_aggregate(look: Look) -> bool:
    return look.rat in {Rat.LTE, Rat.NR}


def _measures_nr(look: Look) -> bool:
    return look.rat is Rat.NR or look.nr is not None


def _served_by_gsm(look: Look) -> bool:
    return look.rat is Rat.GSM


class Fibocom(ActFamily):
    """A module with Fibocom's AT+GT commands."""

    name = "fibocom"
    vendors = ("Rolling Wireless",)
    lock_command = "+GTACT"
    usb = (
        UsbLayout(0x2CB7, frozenset({0x0104}), (2, 1)),
        UsbLayout(0x2CB7, frozenset({0x0106}), (1,)),
        UsbLayout(0x2CB7, frozenset({0x010A}), (0,)),
        UsbLayout(0x2CB7, frozenset({0x0115}), (3,)),
        UsbLayout(0x2CB7, frozenset({0x01A0}), (3, 2)),
        UsbLayout(0x2CB7, frozenset({0x01A2}), (2,)),
        UsbLayout(0x2CB7, frozenset({0x01A4}), (3,)),
        UsbLayout(0x0E8D, frozenset({0x7126, 0x7127}), (6, 5, 4)),
        UsbLayout(0x1508, frozenset({0x1001}), (3, 2, 1)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        **xmm_text.READERS,
        **gtset.READERS,
        **act.READERS,
        **gtccinfo.READERS,
    }
    imei_commands: ClassVar[tuple[str, ...]] = ("AT+CGSN", "AT+CGSN?", "AT+CGSN=1", "AT+GSN")
    imsi_commands: ClassVar[tuple[str, ...]] = ("AT+CIMI", "AT+CIMI?")
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+ICCID", "AT+CCID")
    """FM160 takes ten seconds over the second."""

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._temperature: str | None = None
        self._has_architectures: bool | None = None
        self._has_cell_lock: bool | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name, or by the model: OEMs put their own name; not those of Intel."""
        model = identification.model or ""
        if _INTEL.search(model):
            return False
        return "fibocom" in (identification.manufacturer or "").lower() or bool(
            _MODELS.match(model)
        )

    def configure(self) -> None:
        """Standard settings; which of two commands tells the temperature."""
        super().configure()
        commands = (_SENSOR, _MONITOR)
        self._temperature = next((one for one in commands if self.dialogue.wish(one)), None)

    def questions(self) -> tuple[Question, ...]:
        """Cells each time; AT+CESQ for the SINR of NR, which has one scale only there."""
        questions = (
            Question("AT+GTCCINFO?", vital=True),
            Question("AT+GTCAINFO?", every_s=CARRIERS_EVERY_S, asked_if=_may_aggregate),
            Question("AT+CESQ", asked_if=_measures_nr),
            Question("AT+CSQ", asked_if=_served_by_gsm),
        )
        if self._temperature is None:
            return questions
        return (*questions, Question(self._temperature, every_s=TEMPERATURE_EVERY_S))

    def levers(self) -> tuple[Lever, ...]:
        """AT+GTACT, and MediaTek's choice of NSA and SA where it answers."""
        levers = super().levers()
        return (*levers, _ARCHITECTURES) if levers and self._chooses_architecture() else levers

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """NSA alone only where that is a choice of its own."""
        locks = super().locks()
        if RatMode.G5 not in locks or not self._chooses_architecture():
            return locks
        with_nr = (RatMode.G5_SA, RatMode.G5, RatMode.AUTO)
        return {
            **locks,
            **{mode: {**locks[mode], **_ALL_ARCHITECTURES} for mode in with_nr if mode in locks},
            RatMode.G5_NSA: _NSA_ONLY,
        }

    def cell_levers(self) -> Mapping[Rat, Lever]:
        """AT+GTCELLLOCK, where it is known."""
        if self._has_cell_lock is None:
            self._has_cell_lock = self.dialogue.ask("AT+GTCELLLOCK=?").ok
        if not self._has_cell_lock:
            return {}
        with_nr = RatMode.G5_SA in self.locks()
        return {Rat.LTE: _CELL, Rat.NR: _CELL} if with_nr else {Rat.LTE: _CELL}

    def cell_value(self, rat: Rat, cell: LockedCell) -> str:
        """Technology, kind and channel; a PCI for one cell, and on NR its spacing and band."""
        if cell.earfcn is None:
            raise UnsupportedHoldError("a cell without channel", ("a channel", "a cell of it"))
        technology = int(rat is Rat.NR)
        if cell.pci is None:
            return f"1,{technology},{_OF_A_CHANNEL},{cell.earfcn}"
        value = f"1,{technology},{_OF_ONE_CELL},{cell.earfcn},{cell.pci}"
        if rat is not Rat.NR:
            return value
        if cell.scs_khz not in NR_SCS_KHZ or cell.band is None:
            can = ("a cell of NR with its spacing and band",)
            raise UnsupportedHoldError("a cell of NR without spacing or band", can)
        return f"{value},{NR_SCS_KHZ.index(cell.scs_khz)},50{cell.band}"

    def plain(self, value: str) -> str:
        """As of technologies and bands; a locked cell as it is, a locked channel without more."""
        if not _CELL_VALUE.fullmatch(value):
            return super().plain(value)
        fields = value.split(",")
        of_a_channel = fields[2:3] == [str(_OF_A_CHANNEL)]
        return ",".join(fields[:_CELL_OF_CHANNEL_FIELDS] if of_a_channel else fields)

    def reset(self) -> None:
        """By Fibocom's own number, then the standard's; its ports vanish."""
        try:
            self.dialogue.order("AT+CFUN=15", timeout_s=LEVER_TIMEOUT_S)
        except RefusedError:
            super().reset()

    def _chooses_architecture(self) -> bool:
        if self._has_architectures is None:
            self._has_architectures = self.dialogue.ask(_ARCHITECTURES.read).ok
        return self._has_architectures
