"""Intel's XMM7160 to XMM7560 and modules of them: Fibocom L850 and L860, Lenovo's and HP's.

They tell their cells by AT+XMCI and are locked by AT+XACT. Left out: the lock on one channel by
AT@SIC, whose setting cannot be read back.
"""

import re
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError
from drivers.modem.family import LEVER_TIMEOUT_S, Question, UsbLayout
from drivers.modem.look import Look
from drivers.modem.readers import Readers
from drivers.modem.replies import act, gtccinfo, gtset, xmm_text
from drivers.modem.replies.act import ActFamily
from drivers.modem.standard import Identification
from wire.cells import Rat

CARRIERS_EVERY_S = 5.0
TEMPERATURE_EVERY_S = 30.0
_FRESH_CELLS = "AT+XMCI=1"
"""Measures first, which takes more than ten seconds in a weak field."""
_KNOWN_CELLS = "AT+XMCI=0"

_MODELS = re.compile(r"\bL8[3-6]\d\b|\bL8\d\d-|XMM\s?7\d{3}", re.IGNORECASE)


def _may_aggregate(look: Look) -> bool:
    return look.rat is Rat.LTE


class Xmm(ActFamily):
    """A modem with Intel's AT+X commands."""

    name = "xmm"
    vendors = ("Intel", "Intel XMM", "Intel XMM7xxx", "XMM7160", "XMM7260", "XMM7360", "XMM7560")
    lock_command = "+XACT"
    lock_value = "{},,"
    usb = (
        UsbLayout(0x2CB7, frozenset({0x0007}), (6, 2)),
        UsbLayout(0x8087, frozenset({0x095A}), (4, 0)),
        UsbLayout(0x8087, frozenset({0x0ADA}), (2, 0)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        **gtset.READERS,
        **gtccinfo.READERS,
        **act.READERS,
        **xmm_text.READERS,
    }
    imei_commands: ClassVar[tuple[str, ...]] = ("AT+CGSN", "AT+CGSN?", "AT+GSN")
    imsi_commands: ClassVar[tuple[str, ...]] = ("AT+CIMI", "AT+CIMI?")
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+CCID", "AT+CCID?", "AT+ICCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._cells = _FRESH_CELLS

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name, or by the model behind the name of who sells it."""
        maker = (identification.manufacturer or "").lower()
        return "intel" in maker.split() or bool(_MODELS.search(identification.model or ""))

    def configure(self) -> None:
        """Standard settings; whether the modem tells its cells without a measurement."""
        super().configure()
        if self.dialogue.wish(_KNOWN_CELLS):
            self._cells = _KNOWN_CELLS

    def questions(self) -> tuple[Question, ...]:
        """Cells each time; AT+XCESQ for the SINR in dB."""
        return (
            Question(self._cells, vital=True),
            Question("AT+XCESQ?"),
            Question("AT+XLEC?", every_s=CARRIERS_EVERY_S, asked_if=_may_aggregate),
            Question("AT+MTSM=1", every_s=TEMPERATURE_EVERY_S),
        )

    def reset(self) -> None:
        """By Intel's own number, then the standard's; its ports vanish."""
        try:
            self.dialogue.order("AT+CFUN=16", timeout_s=LEVER_TIMEOUT_S)
        except RefusedError:
            super().reset()
