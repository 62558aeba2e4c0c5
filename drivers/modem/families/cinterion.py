"""Cinterion, formerly Siemens and Gemalto, lately Thales and Telit: TC, BGS, EHS, PHS, ELS, PLS.

The serving cell is told by AT^SMONI on everything since the 3G modems. Not of the family are
MV31-W and MV32-W: they are Foxconn's, and know none of these commands.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnsupportedHoldError
from drivers.modem.family import Lever, Question, UsbLayout
from drivers.modem.fields import at, integer, split, within
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import AllowedRats, Reading, SimCard
from drivers.modem.replies import sband, slmode, smoni
from drivers.modem.standard import Identification
from drivers.modem.ws46 import Ws46Family
from wire.messages import RatMode

SERVING = "AT^SMONI"
TEMPERATURE_EVERY_S = 30.0
_SENSOR_C = (-40, 125)

_MAKERS = re.compile(r"cinterion|gemalto|thales|siemens", re.IGNORECASE)
_MODELS = re.compile(
    r"(TC6[35]|MC[57]5|AC75|HC25|BGS|EGS|EHS|EXS|AHS|ELS|ALS|ALAS|PHS|PLS|PLPS|PLAS|PXS|TX\d)",
    re.IGNORECASE | re.ASCII,
)
"""Some of these say that Telit made them."""
_OF_FOXCONN = re.compile(r"MV3\d", re.IGNORECASE | re.ASCII)

_RATS: dict[int, tuple[str, ...]] = {
    0: ("gsm",),
    1: ("gsm", "wcdma"),
    2: ("wcdma",),
    3: ("lte",),
    4: ("wcdma", "lte"),
    5: ("gsm", "lte"),
    6: ("gsm", "wcdma", "lte"),
}
_ALL = 6
_ONE_TECHNOLOGY = {RatMode.G2: 0, RatMode.G3: 2, RatMode.G4: 3}
_WIDEST_FIRST = (6, 4, 5, 1)
"""Values that leave the choice to the modem."""
_MODE_OF_SERVICE = {
    **dict.fromkeys(range(1, 5), "gsm"),
    **dict.fromkeys(range(5, 11), "wcdma"),
    **dict.fromkeys((16, 17), "lte"),
}
"""By the packet service of AT^SIND; 0 is none."""
_ATTEMPTS = {"SC": ("pin", "puk"), "P2": ("pin2", "puk2")}

_SXRAT = Lever(
    "sxrat",
    "AT^SXRAT?",
    "AT^SXRAT={}",
    re.compile(r"^\^SXRAT:\s*(\d(?:,\s?\d){0,2})\s*$", re.ASCII),
)
_BAND_MASKS = r'("(?:0x)?[0-9A-Fa-f]{8}"'


def _band_lever(generation: str, *, immediate: str) -> Lever:
    """Whether it holds at once is a parameter of its own, where masks have no `0x`."""
    name = f"Radio/Band/{generation}"
    second = r'(?:,"[0-9A-Fa-f]{8}")?)' if generation == "4G" else ")"
    return Lever(
        name,
        f'AT^SCFG="{name}"',
        f'AT^SCFG="{name}",{{}}{immediate}',
        re.compile(rf'"{name}",{_BAND_MASKS}{second}', re.IGNORECASE | re.ASCII),
    )


_GENERATIONS = {"wcdma": ("3G", ",,1"), "lte": ("4G", ",1")}


def _read_indicators(asked: Asked) -> Reading:
    """AT^SIND: the card's state and the packet service, by name; +CIEV says the same unasked."""
    known = False
    reading = Reading()
    for value in asked.values():
        name, *rest = split(value)
        # Whether it is reported stands before the value, except where it is a report.
        number = integer(at(rest, 0 if asked.name.endswith("CIEV") else 1), 0, 99)
        known = known or number is not None or len(rest) > 1
        if name.lower() == "simstatus" and number is not None:
            reading = Reading(sim=SimCard(simstatus=number), mode=reading.mode)
        elif name.lower() == "psinfo" and number is not None:
            reading = Reading(sim=reading.sim, mode=_MODE_OF_SERVICE.get(number))
    if not known:
        raise asked.unreadable()
    return reading


def _read_mode(asked: Asked) -> Reading:
    """AT^SXRAT?: the technologies, and which of them is preferred."""
    for value in asked.values():
        fields = split(value)
        allowed = _RATS.get(integer(fields[0], 0, _ALL) or 0)
        code = integer(fields[0], 0, _ALL)
        if code is None or allowed is None:
            break
        preferred = _RATS.get(integer(at(fields, 1), 0, 3) or 0) if at(fields, 1) else None
        return Reading(
            rat_lock=AllowedRats(
                allowed=allowed,
                auto=code == _ALL,
                preferred=preferred[0] if preferred and len(preferred) == 1 else None,
            )
        )
    raise asked.unreadable()


def _read_temperature(asked: Asked) -> Reading:
    """AT^SCTM?: whether it reports, how near the limit, and the temperature where it is told."""
    for value in asked.values():
        fields = split(value)
        if not at(fields, 0):
            break
        return Reading(temperature_c=within(fields[-1], *_SENSOR_C) if len(fields) > 2 else None)  # noqa: PLR2004  # see the docstring
    raise asked.unreadable()


def _read_attempts(asked: Asked) -> Reading:
    """AT^SPIC="SC": how often a PIN may still be tried; with `,1` how often its PUK."""
    asked_for = split(asked.arguments.lstrip("="))
    names = _ATTEMPTS.get(asked_for[0].upper())
    for value in asked.values():
        left = integer(value, 0, 99)
        if names is not None and left is not None:
            return Reading(sim=SimCard(attempts_left={names[asked_for[1:2] == ["1"]]: left}))
    raise asked.unreadable()


class Cinterion(Ws46Family):
    """A module with Cinterion's AT^S commands."""

    name = "cinterion"
    vendors = ("Thales", "Gemalto", "Siemens", "Thales/Cinterion", "Gemalto M2M")
    usb = (
        UsbLayout(0x1E2D, frozenset({0x005B, 0x005D, 0x0069, 0x006F}), (2, 0)),
        UsbLayout(0x1E2D, frozenset({0x0053, 0x0061, 0x0065}), (2,)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        "^SMONI": smoni.serving,
        "^SMONP": smoni.neighbours,
        "^SMONC": smoni.surroundings,
        **dict.fromkeys(("^SMONG", "^MONI", "^MONP"), smoni.table),
        **dict.fromkeys(("^SIND", "+CIEV", "^CIEV"), _read_indicators),
        "^SWWAN": standard.read_active,
        "^SXRAT": _read_mode,
        **dict.fromkeys(("^SCFG", "^SCFG=?"), sband.bands),
        **dict.fromkeys(("^SCTM", "^SCTM_B"), _read_temperature),
        "^SCID": standard.READERS["+CCID"],
        "^SPIC": _read_attempts,
        # Of MV31-W and MV32-W.
        **slmode.READERS,
    }
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+CCID", "AT^SCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._modes: dict[RatMode, dict[str, str]] | None = None
        self._bands: dict[str, Lever] | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name, or by the model where it bears Telit's."""
        maker, model = identification.manufacturer or "", identification.model or ""
        if _OF_FOXCONN.match(model):
            return False
        of_telit = "telit" in maker.lower()
        return bool(_MODELS.match(model) if of_telit else _MAKERS.search(maker))

    def configure(self) -> None:
        """Standard settings, and the temperature in the answer of AT^SCTM."""
        super().configure()
        self.dialogue.wish("AT^SCTM=0,1")

    def questions(self) -> tuple[Question, ...]:
        """SMONI each time; SMONP, which takes longer, only for neighbours."""
        return (
            Question(SERVING, vital=True),
            Question("AT^SMONP", for_neighbours=True),
            Question("AT^SCTM?", every_s=TEMPERATURE_EVERY_S),
        )

    def levers(self) -> tuple[Lever, ...]:
        """AT^SXRAT where there is one, else AT+WS46."""
        return (_SXRAT,) if self._by_sxrat() else super().levers()

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the values AT^SXRAT=? lists, else by those of AT+WS46; asked once."""
        return self._by_sxrat() or super().locks()

    def band_levers(self) -> Mapping[str, Lever]:
        """Masks of 3G and 4G, where there is one for each.

        unverified: how long modems with `0x` before their masks take; ModemManager waits a minute.
        """
        if self._bands is None:
            self._bands = {}
            for name, (generation, immediate) in _GENERATIONS.items():
                plain = _band_lever(generation, immediate=immediate)
                present = self._present(plain)
                if present is not None:
                    prefixed = _band_lever(generation, immediate="")
                    self._bands[name] = prefixed if "0x" in present.lower() else plain
        return self._bands

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """Masks, spelled as the present ones."""
        lever = self.band_levers()[name]
        wanted = sband.masks(bands, like=self._present(lever) or "")
        if wanted is None:
            raise UnsupportedHoldError(f"bands of {name}", (f"other bands of {name}",))
        return wanted

    def plain(self, value: str) -> str:
        """The technologies without the preferred ones; masks without `0x`."""
        if '"' in value:
            return re.sub(r'"|0x', "", value.lower())
        return value.partition(",")[0].strip()

    def _present(self, lever: Lever) -> str | None:
        reply = self.dialogue.ask(lever.read)
        found = (lever.value.search(line) for line in reply.lines if reply.ok)
        return next((match[1] for match in found if match), None)

    def _by_sxrat(self) -> dict[RatMode, dict[str, str]]:
        if self._modes is None:
            reply = self.dialogue.ask("AT^SXRAT=?")
            listed = standard.listed(reply.lines, "^SXRAT") if reply.ok else frozenset()
            chosen = {mode: code for mode, code in _ONE_TECHNOLOGY.items() if code in listed}
            widest = next((code for code in _WIDEST_FIRST if code in listed), None)
            if widest is not None:
                chosen[RatMode.AUTO] = widest
            self._modes = {mode: {_SXRAT.name: str(code)} for mode, code in chosen.items()}
        return self._modes
