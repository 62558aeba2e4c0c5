"""OpenLuat: Air720, Air724UG and the like, on chips of UNISOC and ASR.

AT+CCED tells the serving cell and its neighbours; see `cced`. Most modules have LTE alone, with
the GSM of UNISOC's besides.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

import msgspec

from drivers.modem import standard
from drivers.modem.at import AnswersUnder
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError
from drivers.modem.family import Family, Lever, Question, UsbLayout
from drivers.modem.fields import at, integer, mask_of_bands, number, split, within
from drivers.modem.look import Look
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    HeardCell,
    Identity,
    Reading,
    Role,
)
from drivers.modem.replies import cced, sysinfo
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

SERVING = "AT+CCED=0,1"
NEIGHBOURS = "AT+CCED=0,2"
FIRST_TDD_BAND = 33
MAX_BAND = 64
UNKNOWN_SINR = "255"

_MODEL = re.compile(r"Air\d{3}", re.IGNORECASE)
_FIRMWARE = re.compile(r"LuatOS|AirM2M", re.IGNORECASE)
_MAKER = re.compile(r"openluat|airm2m|luat", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,2}")
_SENSOR_C = (-40, 125)
_CTEC = {0: None, 2: "gsm", 4: "lte"}
_CTEC_OF_MODE = {RatMode.G2: "2", RatMode.G4: "4", RatMode.AUTO: "0"}
_MODE = Lever("ctec", "AT+CTEC?", "AT+CTEC={}", re.compile(r"\+CTEC:\s*(?:\d+\s*,\s*)?(\d+)"))
_BANDS = Lever(
    "band",
    "AT*BAND?",
    "AT*BAND={}",
    re.compile(r"\*BAND:\s*(\d+(?:\s*,\s*\d+){4})"),
)
_LTE_ALONE = "5"
# Unverified: numbers of the ASR platform, from source text for it.
_RATS_OF_BAND: tuple[tuple[str, ...], ...] = (
    ("gsm",),
    ("wcdma",),
    *[("gsm", "wcdma")] * 3,
    ("lte",),
    *[("gsm", "lte")] * 3,
    *[("wcdma", "lte")] * 3,
    *[("gsm", "wcdma", "lte")] * 4,
)
_SYSCONFIG: dict[int, tuple[str, ...] | None] = {
    2: None,
    13: ("gsm",),
    14: ("wcdma",),
    17: ("lte",),
}
_USB_PROFILES = {"1": "rndis", "2": "ecm"}
_RATS = {0: Rat.GSM, 1: Rat.GSM, 2: Rat.WCDMA, 3: Rat.GSM, 7: Rat.LTE}


def _without_level(look: Look) -> bool:
    cell = look.serving
    return cell is None or (cell.rsrp_dbm is None and cell.rssi_dbm is None)


_QUESTIONS = (
    Question(SERVING, vital=True),
    Question("AT+CESQ", asked_if=_without_level),
    Question("AT+CSQ", asked_if=_without_level),
    Question(NEIGHBOURS, for_neighbours=True),
)


def _read_mode(asked: Asked) -> Reading:
    """AT+CTEC?: in use, and wanted."""
    for value in asked.values():
        wanted = integer(split(value)[-1], 0, 99)
        if wanted in _CTEC:
            rat = _CTEC[wanted]
            return Reading(
                rat_lock=AllowedRats(allowed=None if rat is None else (rat,), auto=rat is None)
            )
        if wanted is not None:
            return Reading(rat_lock=AllowedRats(raw=(wanted,)))
    raise asked.unreadable()


def _read_bands(asked: Asked) -> Reading:
    """AT*BAND?: technologies, masks of GSM and UMTS, of LTE TDD from band 33 on, of LTE FDD."""
    for value in asked.values():
        fields = split(value)
        mode = integer(fields[0], 0, len(_RATS_OF_BAND) - 1)
        tdd, fdd = (integer(at(fields, index), 0, (1 << 32) - 1) for index in (3, 4))
        if mode is None or tdd is None or fdd is None:
            break
        bands = [band for band in range(1, 33) if fdd >> (band - 1) & 1]
        bands += [band for band in range(33, 65) if tdd >> (band - FIRST_TDD_BAND) & 1]
        return Reading(
            rat_lock=AllowedRats(allowed=_RATS_OF_BAND[mode]), bands=Bands(lte=tuple(bands))
        )
    raise asked.unreadable()


def _read_band(asked: Asked) -> Reading:
    """AT*BANDIND? and what comes unasked: band and technology; UMTS bands from 0 on."""
    for value in asked.values():
        fields = split(value)[-2:]
        rat = _RATS.get(integer(at(fields, 1), 0, 99) or 0)
        band = integer(fields[0], 0, MAX_BAND)
        if rat in {Rat.LTE, Rat.WCDMA} and band is not None and len(fields) > 1:
            band = band + 1 if rat is Rat.WCDMA else band or None
            return Reading(cells=(HeardCell(role=Role.SERVING, rat=rat, band=band),))
    raise asked.unreadable()


def _read_sensors(asked: Asked) -> Reading:
    """AT+ECADC of the EC618 modules: `TEMP` or `VBAT`, each before its value."""
    for value in asked.values():
        fields = split(value)
        if fields[0].upper() == "TEMP":
            return Reading(temperature_c=within(at(fields, 1), *_SENSOR_C))
    raise asked.unreadable()


def _read_service(asked: Asked) -> Reading:
    """AT^SYSINFO as Huawei's, with the submode right behind the card."""
    reading = sysinfo.service(asked)
    for value in asked.values():
        fields = split(value)
        if len(fields) == 6 and reading.sysinfo is not None:  # noqa: PLR2004  # fields
            submode = integer(fields[5], 0, 255)
            info = msgspec.structs.replace(reading.sysinfo, sys_submode=submode)
            return msgspec.structs.replace(reading, sysinfo=info)
        break
    return reading


def _read_configuration(asked: Asked) -> Reading:
    """AT^SYSCONFIG?: technologies first."""
    for value in asked.values():
        mode = integer(split(value)[0], 0, 99)
        if mode in _SYSCONFIG:
            rats = _SYSCONFIG[mode]
            return Reading(rat_lock=AllowedRats(allowed=rats, auto=rats is None))
        if mode is not None:
            return Reading(rat_lock=AllowedRats(raw=(mode,)))
    raise asked.unreadable()


def _read_quality(asked: Asked) -> Reading:
    """AT*CESQ of the ASR modules, sent unasked too: as AT+CESQ, with a SINR behind it."""
    for value in asked.values("*CESQ"):
        fields = split(value)
        signal = standard.quality(["+CESQ: " + ",".join(fields[:6])])
        sinr = number(at(fields, 6)) if at(fields, 6) != UNKNOWN_SINR else None
        if signal.lte is not None and sinr is not None:
            levels = msgspec.structs.replace(signal.lte, sinr_raw=sinr)
            signal = msgspec.structs.replace(signal, lte=levels)
        return Reading(signal=signal)
    raise asked.unreadable()


def _read_usb_profile(asked: Asked) -> Reading:
    """AT+SETUSB?: the way of the network interface in a line `mode: 2`."""
    for line in asked.lines:
        name, _, value = line.partition(":")
        if name.strip().lower() == "mode" and value.strip() in _USB_PROFILES:
            return Reading(usb_profile=_USB_PROFILES[value.strip()])
    raise asked.unreadable()


def _read_ati(asked: Asked) -> Reading:
    """ATI: the firmware alone, or as other modems."""
    lines = [line for line in asked.lines if not line.startswith("+")]
    if len(lines) == 1 and _FIRMWARE.search(lines[0]):
        return Reading(identity=Identity(revision=lines[0]))
    return Reading(identity=standard.identity(asked.lines))


class OpenLuat(Family):
    """A module with OpenLuat's firmware."""

    name = "openluat"
    vendors = ("air", "luat")
    usb = (UsbLayout(0x1782, frozenset({0x4E00}), (3, 0)),)
    readers: ClassVar[Readers] = {
        **standard.READERS,
        "I": _read_ati,
        "+CCED": cced.cells,
        **dict.fromkeys(("+EEMGINFO", *cced.REPORTS), cced.reports),
        "+CTEC": _read_mode,
        "*BAND": _read_bands,
        "*BANDIND": _read_band,
        "*CESQ": _read_quality,
        "+ECADC": _read_sensors,
        "^SYSINFO": _read_service,
        "^SYSCONFIG": _read_configuration,
        "+SETUSB": _read_usb_profile,
    }
    answers_under: ClassVar[AnswersUnder] = {"+EEMGINFO": cced.REPORTS}
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+ICCID", "AT+CCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._levers: tuple[Lever, ...] | None = None
        self._bands: dict[str, Lever] | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the model or the firmware: the maker's name is often empty."""
        return bool(
            _MAKER.search(identification.manufacturer or "")
            or _MODEL.match(identification.model or "")
            or _FIRMWARE.search(identification.firmware or "")
        )

    def questions(self) -> tuple[Question, ...]:
        """CCED each time; it has no SINR, and nothing else has that answers before its OK."""
        return _QUESTIONS

    def levers(self) -> tuple[Lever, ...]:
        """AT+CTEC, where it answers; asked once."""
        if self._levers is None:
            self._levers = (_MODE,) if self.dialogue.ask(_MODE.read).ok else ()
        return self._levers

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """What UNISOC's 8910 has."""
        if not self.levers():
            return {}
        return {mode: {_MODE.name: value} for mode, value in _CTEC_OF_MODE.items()}

    def band_levers(self) -> Mapping[str, Lever]:
        """AT*BAND of the ASR modules, where it answers; asked once."""
        if self._bands is None:
            self._bands = {"lte": _BANDS} if self.dialogue.ask(_BANDS.read).ok else {}
        return self._bands

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """LTE alone, on bands below 33 by one mask and on those from there by another."""
        del name
        wanted = [band for band in bands if 0 < band <= MAX_BAND]
        fdd = mask_of_bands(band for band in wanted if band < FIRST_TDD_BAND)
        tdd = mask_of_bands(band - FIRST_TDD_BAND + 1 for band in wanted if band >= FIRST_TDD_BAND)
        return f"{_LTE_ALONE},0,0,{tdd},{fdd}"

    def restore(self, setting: Mapping[str, str]) -> None:
        """As the base; AT+CTEC wants the present value before the new one.

        Unverified: so it is in source text of the 8910; others are known to send the new one twice.
        """
        wanted = setting.get(_MODE.name)
        if wanted is None or not _NUMBER.fullmatch(wanted) or not self.levers():
            super().restore(setting)
            return
        super().restore({name: value for name, value in setting.items() if name != _MODE.name})
        present = self._read_levers({_MODE.name}).get(_MODE.name, wanted)
        try:
            super().restore({_MODE.name: f"{present},{wanted}"})
        except RefusedError:
            super().restore({_MODE.name: f"{wanted},{wanted}"})

    def plain(self, value: str) -> str:
        """Without blanks."""
        return value.replace(" ", "")
