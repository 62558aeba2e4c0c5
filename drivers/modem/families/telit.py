"""Telit: GE910 and LE910, LE910Cx, ME910, LM940 and LM960, LN920, FN980, FN990 and FE990.

The serving cell is told by AT#RFSTS, the same command for every technology; its physical cell by
AT#MONI, and the carriers by AT#CAINFOEXT or AT#CAINFO, whichever the firmware knows.

Left out: #LTEDS and #NRDS, of whose columns no two sources agree; #BCCHLOCK, which is read in
another spelling than it is written; #5GCTL, of whose numbers for NSA and SA nothing is certain.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.at import AnswersUnder
from drivers.modem.errors import UnsupportedHoldError
from drivers.modem.family import Lever, Question, UsbLayout
from drivers.modem.fields import at, integer, split, within
from drivers.modem.look import Look
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import Reading, SimCard
from drivers.modem.replies import bnd, cainfo, moni, rfsts
from drivers.modem.standard import Identification
from drivers.modem.ws46 import Ws46Family
from wire.cells import Rat

SERVING = "AT#RFSTS"
CARRIERS_EVERY_S = 5.0
TEMPERATURE_EVERY_S = 30.0
_SENSOR_C = (-40, 125)

_HAS_NR = re.compile(r"F[NE]9", re.IGNORECASE)
_SLOW_BANDS = re.compile(r"LM9", re.IGNORECASE)
"""AT#BND? takes half a minute there."""
_CARD_STATES = {0: "absent", 1: "inserted", 2: "inserted-unlocked", 3: "ready"}
_MODE_OF_NETWORK = {0: "gsm", 1: "gsm", 2: "wcdma", 3: "wcdma", 4: "lte"}
_BANDS = Lever(
    "bnd", "AT#BND?", "AT#BND={}", re.compile(r"^#BND:\s*([0-9A-Fa-f]+(?:,[0-9A-Fa-f]+)+)$")
)


def _lacks_pci(look: Look) -> bool:
    serving = look.serving
    return serving is not None and serving.rat in {Rat.LTE, Rat.NR} and serving.pci is None


def _may_aggregate(look: Look) -> bool:
    return look.rat in {Rat.LTE, Rat.NR}


def _lacks_bandwidth(look: Look) -> bool:
    return look.serving is not None and look.rat is Rat.LTE and look.serving.bandwidth_mhz is None


def _lacks_temperature(look: Look) -> bool:
    return look.temperature_c is None


def _served_by_lte(look: Look) -> bool:
    return look.rat is Rat.LTE


def _served_by_gsm(look: Look) -> bool:
    return look.rat is Rat.GSM


def _monitor(cells: int) -> str:
    # unverified: that every firmware takes two commands on one line (ITU-T V.250 5.2.1 wants it).
    return f"AT#MONI={cells};#MONI"


_QUESTIONS = (
    Question(SERVING, vital=True),
    Question(_monitor(0), asked_if=_lacks_pci),
    Question("AT#CAINFOEXT?", every_s=CARRIERS_EVERY_S, asked_if=_may_aggregate),
    Question("AT#CAINFO?", every_s=CARRIERS_EVERY_S, asked_if=_lacks_bandwidth),
    Question(_monitor(1), for_neighbours=True, asked_if=_served_by_lte),
    Question(_monitor(2), for_neighbours=True, asked_if=_served_by_lte),
    Question(_monitor(7), for_neighbours=True, asked_if=_served_by_gsm),
    Question("AT#TEMPSENS=2", every_s=TEMPERATURE_EVERY_S),
    Question("AT#TEMPMON=1", every_s=TEMPERATURE_EVERY_S, asked_if=_lacks_temperature),
)
_LEVELS_OF_NR = Question("AT+CESQ", asked_if=_may_aggregate)


def _read_card(asked: Asked) -> Reading:
    """AT#QSS?: whether it reports, and the card's state; the state alone where it does."""
    for value in asked.values():
        fields = split(value)
        mode, state = (None, fields[0]) if len(fields) == 1 else (fields[0], fields[1])
        words = _CARD_STATES.get(integer(state, 0, 9) or 0)
        if integer(state, 0, 9) is None or words is None:
            break
        return Reading(sim=SimCard(state=words, report_enabled=mode != "0" if mode else None))
    raise asked.unreadable()


def _read_sensors(asked: Asked) -> Reading:
    """AT#TEMPSENS=2: a row for each sensor by its name."""
    sensors = {}
    for value in asked.rows():
        fields = split(value)
        celsius = within(at(fields, 1), *_SENSOR_C)
        if celsius is not None:
            sensors[fields[0]] = celsius
    return Reading(temperature_c=sensors or None)


def _read_temperature(asked: Asked) -> Reading:
    """AT#TEMPMON=1: how far from its limits the module is, and its temperature."""
    for value in asked.values():
        celsius = within(at(split(value), 1), *_SENSOR_C)
        if celsius is not None:
            return Reading(temperature_c=celsius)
    raise asked.unreadable()


def _read_network(asked: Asked) -> Reading:
    """AT#PSNT?: the technology in use; 5 is none, or none it has a number for."""
    for value in asked.values():
        number = integer(split(value)[-1], 0, 9)
        if number is not None:
            return Reading(mode=_MODE_OF_NETWORK.get(number))
    raise asked.unreadable()


class Telit(Ws46Family):
    """A module with Telit's AT# commands."""

    name = "telit"
    vendors = ("Telit Cinterion", "Telit Wireless")
    usb = (
        # By ModemManager's udev rules, its primary port last.
        UsbLayout(0x1BC7, frozenset({0x1040, 0x1050, 0x1060, 0x1070, 0x1201}), (5, 4)),
        UsbLayout(0x1BC7, frozenset({0x1041, 0x1051, 0x1061, 0x1071, 0x1204}), (6, 5)),
        UsbLayout(0x1BC7, frozenset({0x1003, 0x1006}), (2, 0)),
        UsbLayout(0x1BC7, frozenset({0x1004, 0x1005}), (3, 0)),
        UsbLayout(0x1BC7, frozenset({0x1010}), (2, 3)),
        UsbLayout(0x1BC7, frozenset({0x1011, 0x10A9, 0x10C8}), (1,)),
        UsbLayout(0x1BC7, frozenset({0x1031, 0x1033, 0x10A4, 0x10C4}), (2, 1)),
        UsbLayout(0x1BC7, frozenset({0x10A0, 0x10AA, 0x10C0, 0x10C9}), (2,)),
        UsbLayout(0x1BC7, frozenset({0x10A2, 0x10C2}), (3,)),
        UsbLayout(0x1BC7, frozenset({0x10A7, 0x10B0, 0x10C6, 0x10D0}), (3, 2)),
        UsbLayout(0x1BC7, frozenset({0x10B1, 0x10D1}), (4, 3)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        **dict.fromkeys(("#RFSTS", "^RFSTS"), rfsts.serving),
        "#SERVINFO": rfsts.service,
        **dict.fromkeys(("#MONI", "#MONIZIP"), moni.cells),
        **dict.fromkeys(("#CSURV", "#CSURVC", "#CSURVF"), moni.survey),
        "#CAINFO": cainfo.carriers,
        "#CAINFOEXT": cainfo.labelled,
        "#BND": bnd.bands,
        "#QSS": _read_card,
        "#TEMPSENS": _read_sensors,
        "#TEMPMON": _read_temperature,
        "#PSNT": _read_network,
    }
    answers_under: ClassVar[AnswersUnder] = {"#RFSTS": frozenset({"^RFSTS"})}
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT#CCID", "AT+ICCID", "AT+CCID")

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name; the Cinterion models that came to bear it are taken before."""
        return "telit" in (identification.manufacturer or "").lower()

    def questions(self) -> tuple[Question, ...]:
        """RFSTS each time, the rest as often as it can change; what is refused rests."""
        return (*_QUESTIONS, _LEVELS_OF_NR) if _HAS_NR.match(self.model) else _QUESTIONS

    def band_levers(self) -> Mapping[str, Lever]:
        """AT#BND for LTE, except where it does not answer in time.

        unverified: whether FN980 and FN990 follow without a restart.
        """
        return {} if _SLOW_BANDS.match(self.model) else {"lte": _BANDS}

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """The whole setting, with the other technologies as they are."""
        reply = self.dialogue.ask(_BANDS.read)
        found = (_BANDS.value.search(line) for line in reply.lines)
        present = next((match[1].split(",") for match in found if match), [])
        wanted = bnd.with_lte(self.model, present, bands) if name == "lte" else None
        if wanted is None:
            can = f"bands of lte below {bnd.FIRST_EXTENDED}" if len(present) > bnd.LTE else "none"
            raise UnsupportedHoldError(f"bands of {name}", (can,))
        return wanted

    def plain(self, value: str) -> str:
        """Numbers without leading zeros, in capitals."""
        return ",".join(part.strip().lstrip("0") or "0" for part in value.upper().split(","))

    def scan_commands(self, rats: frozenset[Rat]) -> tuple[str, ...]:
        """AT#CSURVC, which takes minutes and hears all there is."""
        del rats
        return ("AT#CSURVC",)
