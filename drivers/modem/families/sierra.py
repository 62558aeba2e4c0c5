"""Sierra Wireless (Semtech): MC73, MC74, EM74, EM75, EM91, WP77, and older MC87 and AirCards.

Dell and Lenovo sell them as well. Which technologies a module can be locked to is asked: the index
of a choice differs by generation, its name does not.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.family import Family, Lever, Question, UsbLayout
from drivers.modem.fields import at, bands_in_mask, mask_of_bands, pci, split, within
from drivers.modem.look import Look
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import AllowedRats, Bands, HeardCell, LockedCell, Reading, Role
from drivers.modem.replies import gstatus
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

STATUS = "AT!GSTATUS?"
UNLOCK = 'AT!ENTERCND="A710"'
"""Opens the commands that write, until the next reset: the password that all are delivered with."""
BANDS = "AT!BAND?"
CUSTOM_SET = "10"
"""Where a set of bands of our own is kept; the factory's end at 09."""

_MAKERS = re.compile(r"sierra|semtech", re.IGNORECASE)
_MODELS = re.compile(r"[EM][MC]7[345]\d\d|EM9[12]\d\d|WP7[67]\d\d", re.IGNORECASE | re.ASCII)

_SELRAT = Lever(
    "selrat",
    "AT!SELRAT?",
    "AT!SELRAT={}",
    # Some firmware needs the radio off and on before it follows; whoever locks does that.
    re.compile(r"^(?:!SELRAT:)?\s*([0-9A-F]{1,2}),", re.IGNORECASE | re.ASCII),
    before=(UNLOCK,),
)
_BAND = Lever(
    "band",
    BANDS,
    "AT!BAND={}",
    re.compile(r"^([0-9A-F]{2}),", re.IGNORECASE | re.ASCII),
    before=(UNLOCK,),
)
_BAND_SET = Lever(
    "band-set",
    BANDS,
    f'AT!BAND={CUSTOM_SET},"dosong",{{}}',
    re.compile(r"\b([0-9A-F]{16}[ \t,]{1,8}[0-9A-F]{16})\b", re.IGNORECASE | re.ASCII),
    before=(UNLOCK,),
)
"""Masks of GSM and UMTS, and of LTE, of the set in force; written to our own."""

_RAT_WORDS = {
    "GSM": "gsm",
    "2G": "gsm",
    "UMTS": "wcdma",
    "WCDMA": "wcdma",
    "3G": "wcdma",
    "LTE": "lte",
    "4G": "lte",
    "NR": "nr",
    "NR5G": "nr",
    "5G": "nr",
}
_FOREIGN = frozenset({"CDMA", "HRPD", "1X", "TDSCDMA"})
_ONLY = {
    RatMode.G2: {"gsm"},
    RatMode.G3: {"wcdma"},
    RatMode.G4: {"lte"},
    RatMode.G5_SA: {"nr"},
    RatMode.G5: {"lte", "nr"},
}
"""There is no choice of EN-DC without stand-alone."""

_CHOICE = re.compile(
    # A bare number is none, except behind the command's name.
    r"^(?:(?:!SELRAT:)?\s*([0-9A-F]{1,2})\s*,(.*)|!SELRAT:\s*([0-9A-F]{1,2}))$",
    re.IGNORECASE | re.ASCII,
)
_BAND_ROW = re.compile(
    r"^[0-9A-F]{2},.*?\b([0-9A-F]{16})[ \t,]{1,8}([0-9A-F]{16})\b", re.IGNORECASE
)
_BAND_SET_ROW = re.compile(r"^([0-9A-F]{2}),", re.IGNORECASE | re.ASCII)
_BAND_CLASS = re.compile(r"^[0-9] - (GW|LTE|NRNSA|NRSA)\s*:\s*([0-9A-F \t]{1,100})$", re.IGNORECASE)
_GSM_MHZ = {7: 1800, 8: 900, 9: 900, 19: 850, 20: 900, 21: 1900}
_WCDMA_BANDS = {22: 1, 23: 2, 24: 3, 25: 4, 26: 5, 27: 6, 48: 7, 49: 8, 50: 9, 60: 19}
"""Bits of the mask of GSM and UMTS, from the AirCard and MC73 manuals."""

_CNTI_MODES = {
    "GSM": "gsm",
    "GPRS": "gsm",
    "EDGE": "gsm",
    "UMTS": "wcdma",
    "HSDPA": "wcdma",
    "HSUPA": "wcdma",
    "HSDPA/HSUPA": "wcdma",
    "LTE": "lte",
}
_DEGREES = re.compile(
    r"Temperature\s*:\s*(-?[0-9]{1,3}(?:\.[0-9]{1,4})?)", re.IGNORECASE | re.ASCII
)
_POWER = re.compile(r"State\s*:\s*(?:\d \()?(Online|Low Power)", re.IGNORECASE | re.ASCII)


class Choice(NamedTuple):
    """What one index of AT!SELRAT stands for, from its name."""

    code: str
    """Two hexadecimal digits."""
    rats: tuple[str, ...]
    auto: bool
    preferred: bool
    foreign: bool
    """Whether CDMA is among them."""


def _served_by_lte(look: Look) -> bool:
    return look.rat is Rat.LTE


def _served_by_nr(look: Look) -> bool:
    return look.rat is Rat.NR


_QUESTIONS = (
    Question(STATUS, vital=True),
    # The PCI is nowhere else, and may change with each look.
    Question("AT!LTEINFO?", asked_if=_served_by_lte),
    Question("AT!NRPCI?", asked_if=_served_by_nr),
)


def _choices(lines: Iterable[str]) -> Iterator[Choice]:
    """`06, LTE Only` or `21, LTE and NR 5G Only`, one to a line; a heading is none."""
    for line in lines:
        found = _CHOICE.match(line)
        if found is None:
            continue
        words = re.findall(r"[A-Z0-9]+", (found[2] or "").upper())
        rats = dict.fromkeys(_RAT_WORDS[word] for word in words if word in _RAT_WORDS)
        yield Choice(
            code=(found[1] or found[3]).upper().zfill(2),
            rats=tuple(rats),
            auto="AUTOMATIC" in words,
            preferred="PREFERRED" in words,
            foreign=not _FOREIGN.isdisjoint(words),
        )


def _read_selrat(asked: Asked) -> Reading:
    """AT!SELRAT?: the index and its name."""
    choice = next(_choices(asked.lines), None)
    if choice is None:
        raise asked.unreadable()
    if choice.auto:
        return Reading(rat_lock=AllowedRats(auto=True))
    if not choice.rats:
        return Reading(rat_lock=AllowedRats(raw=(int(choice.code, 16),)))
    if choice.preferred:
        # Only 2G and 3G were ever preferred to one another.
        first = choice.rats[0]
        others = (rat for rat in ("gsm", "wcdma") if rat != first)
        return Reading(rat_lock=AllowedRats(allowed=(first, *others), preferred=first))
    return Reading(rat_lock=AllowedRats(allowed=choice.rats, auto=False))


def _read_selrat_choices(asked: Asked) -> Reading:
    """AT!SELRAT=?: the indexes there are, as numbers."""
    found = tuple(int(choice.code, 16) for choice in _choices(asked.lines))
    if not found:
        raise asked.unreadable()
    return Reading(supported={"selrat": found})


def _read_band_sets(asked: Asked) -> Reading:
    """AT!BAND=?: the indexes of the sets there are, as numbers."""
    found = (_BAND_SET_ROW.match(line) for line in asked.lines)
    numbers = tuple(int(row[1], 16) for row in found if row)
    if not numbers:
        raise asked.unreadable()
    return Reading(supported={"band": numbers})


def _read_bands(asked: Asked) -> Reading:
    """AT!BAND?: masks in one row, or on EM91 a row for each class of technologies."""
    masks: dict[str, int] = {}
    for line in asked.lines:
        row, of_class = _BAND_ROW.match(line), _BAND_CLASS.match(line)
        if row:
            masks = {"GW": int(row[1], 16), "LTE": int(row[2], 16)}
        elif of_class:
            parts = of_class[2].split()
            # The first mask is of bands 1 to 64, the second of 65 to 128.
            masks[of_class[1].upper()] = sum(
                int(part, 16) << 64 * number for number, part in enumerate(parts)
            )
    if not masks:
        raise asked.unreadable()
    lists = {name: bands_in_mask(f"{mask:x}") for name, mask in masks.items()}
    circuit = masks.get("GW", 0)
    return Reading(
        bands=Bands(
            gsm_mhz=tuple(dict.fromkeys(m for bit, m in _GSM_MHZ.items() if circuit >> bit & 1)),
            wcdma=tuple(band for bit, band in _WCDMA_BANDS.items() if circuit >> bit & 1),
            lte=lists.get("LTE"),
            nr_nsa=lists.get("NRNSA"),
            nr_sa=lists.get("NRSA"),
        )
    )


def _read_cnti(asked: Asked) -> Reading:
    """AT*CNTI=0: the technology in use; firmware of EM91 says NONE on EN-DC."""
    for value in asked.values():
        fields = split(value)
        said = at(fields, 1)
        if fields[0] == "0" and said:
            return Reading(cnti=said, mode=_CNTI_MODES.get(said.upper()))
    raise asked.unreadable()


def _read_nr_pci(asked: Asked) -> Reading:
    """AT!NRPCI?: the PCI of the NR cell that serves."""
    for value in asked.values():
        identity = pci(Rat.NR, next(iter(value.split()), ""))
        if identity is None:
            return Reading(cells=())
        return Reading(cells=(HeardCell(role=Role.SERVING, rat=Rat.NR, pci=identity),))
    raise asked.unreadable()


def _read_temperature(asked: Asked) -> Reading:
    """AT!PCTEMP?: `Temperature: 43.12 degC` below its state."""
    found = _DEGREES.search("\n".join(asked.lines))
    if found is None:
        raise asked.unreadable()
    return Reading(temperature_c=within(found[1], *gstatus.TEMPERATURE_C))


def _read_power(asked: Asked) -> Reading:
    """AT!PCINFO?: `State: Online`, or `State: 1 (ONLINE)` of older firmware."""
    found = _POWER.search("\n".join(asked.lines))
    if found is None:
        raise asked.unreadable()
    return Reading(power="on" if found[1].lower() == "online" else "low")


class Sierra(Family):
    """A module with Sierra's AT! commands."""

    name = "sierra"
    vendors = ("Sierra Wireless", "Semtech")
    usb = (
        UsbLayout(
            0x1199,
            frozenset({0x68A2, 0x68C0, 0x9041, 0x9071, 0x9079, 0x9091, 0x90D3, 0x90E3}),
            (3,),
        ),
        UsbLayout(0x1199, frozenset({0xC001}), (0,)),
        UsbLayout(0x413C, frozenset({0x81B6}), (3,)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        "!GSTATUS": gstatus.gstatus,
        "!LTEINFO": gstatus.lteinfo,
        "!NRINFO": gstatus.nrinfo,
        "!NRPCI": _read_nr_pci,
        "!SELRAT": _read_selrat,
        "!SELRAT=?": _read_selrat_choices,
        "!BAND": _read_bands,
        "!BAND=?": _read_band_sets,
        "!SCACT": standard.read_active,
        "!PCTEMP": _read_temperature,
        "!PCINFO": _read_power,
        "*CNTI": _read_cnti,
    }
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT!ICCID?", "AT+CCID", "AT+ICCID", "AT+ICCID?")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._choices: tuple[Choice, ...] | None = None
        self._circuit_mask: str | None = None
        self._has_status = True

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name; by the model's where who sells it is named instead."""
        maker, model = identification.manufacturer or "", identification.model or ""
        return bool(_MAKERS.search(maker) or _MODELS.match(model))

    def configure(self) -> None:
        """Standard settings, the password, and whether it has the command of all later ones."""
        super().configure()
        self.dialogue.wish(UNLOCK)
        self._has_status = self.dialogue.ask(STATUS).ok

    def questions(self) -> tuple[Question, ...]:
        """GSTATUS each time; where it is unknown, what the standard has."""
        return _QUESTIONS if self._has_status else super().questions()

    def levers(self) -> tuple[Lever, ...]:
        """SELRAT where it lists its choices, and the set of bands where that shows its masks."""
        chosen = (_SELRAT,) if self._selrat_choices() else ()
        return (*chosen, _BAND) if self._circuit_mask is not None else chosen

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the names of the choices."""
        plain = [one for one in self._selrat_choices() if not one.preferred and not one.foreign]
        codes = {
            mode: next((one.code for one in plain if set(one.rats) == rats), None)
            for mode, rats in _ONLY.items()
        }
        codes[RatMode.AUTO] = next((one.code for one in plain if one.auto), None)
        return {mode: {_SELRAT.name: code} for mode, code in codes.items() if code is not None}

    def band_levers(self) -> Mapping[str, Lever]:
        """LTE bands of MC73 to EM75; those of EM91 have too little documentation to be written."""
        self._selrat_choices()
        return {} if self._circuit_mask is None else {"lte": _BAND_SET}

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """Both masks: that of GSM and UMTS as it is."""
        del name
        return f"{self._circuit_mask},{mask_of_bands(bands):016X}"

    def wanted(
        self, mode: RatMode | None, bands: Bands | None = None, cell: LockedCell | None = None
    ) -> dict[str, str]:
        """As everywhere; a set of bands has to be put in force as well."""
        levers = super().wanted(mode, bands, cell)
        return levers | ({_BAND.name: CUSTOM_SET} if _BAND_SET.name in levers else {})

    def restore(self, setting: Mapping[str, str]) -> None:
        """As everywhere; our set of bands is written before one is put in force."""
        ordered = sorted(setting.items(), key=lambda item: item[0] == _BAND.name)
        super().restore({name: self.plain(value) for name, value in ordered})

    def plain(self, value: str) -> str:
        """Masks with a comma between them, whatever stood there."""
        return re.sub(r"[ \t,]+", ",", value).upper()

    def _selrat_choices(self) -> tuple[Choice, ...]:
        """What can be chosen, and by the way whether masks of bands are shown; asked once."""
        if self._choices is None:
            reply = self.dialogue.ask("AT!SELRAT=?")
            self._choices = tuple(_choices(reply.lines)) if reply.ok else ()
            shown = self.dialogue.ask(BANDS)
            rows = (_BAND_ROW.match(line) for line in shown.lines)
            self._circuit_mask = next((row[1].upper() for row in rows if row), None)
        return self._choices
