"""u-blox: LARA, LENA, SARA, TOBY and MPCI modules of LTE, and the UMTS modules before them.

AT+UCGED tells the serving cell, in a layout that changes with module and technology; see `ucged`.
AT+URAT is written while the radio is off, and some modules follow only after a reset.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.at import AnswersUnder
from drivers.modem.dialogue import Dialogue
from drivers.modem.family import Family, Lever, Question, UsbLayout
from drivers.modem.fields import at, integer, mask_of_bands, split
from drivers.modem.look import Look
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import (
    Address,
    AllowedRats,
    Bands,
    Identity,
    Reading,
    SimCard,
)
from drivers.modem.replies import ucged
from drivers.modem.standard import Identification, ip_address
from wire.messages import RatMode

ENVIRONMENT = "AT+UCGED?"
CELLS = "AT+UCELLINFO?"
RADIO_OFF = ("AT+CFUN=4",)
RADIO_ON = ("AT+CFUN=1",)
MAX_BAND = 128
MAX_LISTED = 256
"""Values of a test command, or bands of a list: the longest have some forty."""

_MODULE = re.compile(r"(TOBY|MPCI|LARA|LENA|SARA|LISA|LEXI)-", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_RATS = {
    0: ("gsm",),
    1: ("gsm", "wcdma"),
    2: ("wcdma",),
    3: ("lte",),
    4: ("gsm", "wcdma", "lte"),
    5: ("gsm", "lte"),
    6: ("wcdma", "lte"),
    7: ("lte",),
    8: ("lte",),
    9: ("gsm",),
}
"""Of AT+URAT; 7 is Cat M1, 8 NB-IoT, 9 GPRS, and these three may be listed by preference."""
_LAST_COMBINATION = 6
_ONE_TECHNOLOGY = {RatMode.G2: 0, RatMode.G3: 2, RatMode.G4: 3}
_WIDEST_FIRST = (4, 6, 5, 1)
_MACHINE_RATS = {RatMode.G2: (9,), RatMode.G4: (7, 8), RatMode.AUTO: (7, 8, 9)}

# AT+URAT=? lists technologies that the hardware has not; so ModemManager found as well.
_WITHOUT_GSM = re.compile(r"(TOBY|MPCI)-L2(01|20)|TOBY-R202|LARA-R2(0[234]|80)|LARA-R3|SARA-U280")
_WITHOUT_WCDMA = re.compile(r"LARA-R2(0[34]|11)|LARA-R3")
_WITHOUT_LTE = re.compile(r"(SARA|LISA)-U|SARA-G")

_URAT = Lever(
    "urat",
    "AT+URAT?",
    "AT+URAT={}",
    re.compile(r"\+URAT:\s*(\d+(?:,\s*\d+)*)"),
    before=RADIO_OFF,
    after=RADIO_ON,
)
_BAND_LEVERS = {
    # Bands of Cat M1; those of NB-IoT stand behind, and are not touched. The module follows only
    # after a reset (vendor manual).
    "lte": Lever(
        "ubandmask",
        "AT+UBANDMASK?",
        "AT+UBANDMASK=0,{}",
        re.compile(r"\+UBANDMASK:\s*0,(\d{1,20}(?:,\d{1,20})??)(?:,1,\d|\s*$)"),
        before=RADIO_OFF,
        after=RADIO_ON,
    ),
    "mhz": Lever(
        "ubandsel",
        "AT+UBANDSEL?",
        "AT+UBANDSEL={}",
        re.compile(r"\+UBANDSEL:\s*(\d+(?:,\d+)*)"),
        before=RADIO_OFF,
        after=RADIO_ON,
    ),
}
_UACT = Lever(
    "uact",
    "AT+UACT?",
    "AT+UACT={}",
    re.compile(r"\+UACT:\s*([\d,]+)"),
    before=RADIO_OFF,
    after=RADIO_ON,
)
_LTE_IN_UACT = 100
_MHZ_IN_UACT = 400
_USB_PROFILES = {"": "back-compatible"}
_NET_MODES = {"1": "router", "2": "bridge"}
_DOMAINS = {"0": "cs", "1": "ps", "2": "cs-ps"}
_POWER = {0: "low", 1: "on", 4: "low", 19: "low"}
"""By <fun>: the module answers in all of these, and is never off."""


def _without_level(look: Look) -> bool:
    cell = look.serving
    return cell is None or (cell.rsrp_dbm is None and cell.rssi_dbm is None)


_QUESTIONS = (
    Question(ENVIRONMENT, vital=True),
    Question("AT+CESQ", asked_if=_without_level),
    Question("AT+CSQ", asked_if=_without_level),
)
_NEIGHBOURS = Question(CELLS, for_neighbours=True)
_QUESTIONS_BY_STANDARD = (Question("AT+CESQ"), Question("AT+CSQ"))


def _listed(text: str) -> tuple[int, ...]:
    """Numbers of a list with ranges, with parentheses or without."""
    found: list[int] = []
    for part in re.split(r"[(),]", text, maxsplit=MAX_LISTED):
        if (numbers := _RANGE.fullmatch(part.strip())) is not None:
            start, end = int(numbers[1]), int(numbers[2] or numbers[1])
            found.extend(range(start, min(end, start + MAX_LISTED) + 1))
    return tuple(found[:MAX_LISTED])


def _read_rats(asked: Asked) -> Reading:
    """AT+URAT?: a combination and the preferred one of it, or single ones by preference."""
    for value in asked.values():
        numbers = [integer(text, 0, max(_RATS)) for text in split(value)[:4]]
        known = [number for number in numbers if number is not None]
        if not known:
            break
        allowed = _RATS[known[0]]
        if known[0] > _LAST_COMBINATION:
            named = [rat for number in known for rat in _RATS[number]]
            return Reading(rat_lock=AllowedRats(allowed=tuple(dict.fromkeys(named))))
        preferred = _RATS[known[1]] if len(known) > 1 and len(allowed) > 1 else ()
        return Reading(
            rat_lock=AllowedRats(
                allowed=allowed, preferred=preferred[0] if len(preferred) == 1 else None
            )
        )
    raise asked.unreadable()


def _read_values(asked: Asked) -> Reading:
    """Values of the first parameter, whether or not they stand in parentheses."""
    for value in asked.values():
        first = value.partition(")")[0] if "(" in value else split(value)[0]
        if found := _listed(first):
            name = asked.name.lstrip("+").lower()
            return Reading(supported={name: tuple(sorted(set(found)))})
    raise asked.unreadable()


def _read_listed_bands(asked: Asked) -> Reading:
    """AT+UACT=?: GSM in MHz, UMTS, and LTE from 101 on, in a list each."""
    for value in asked.values():
        if found := _listed(value):
            return Reading(supported={"uact": found})
    raise asked.unreadable()


def _read_bands(asked: Asked) -> Reading:
    """AT+UACT?: bands behind the technology and its two preferences."""
    for value in asked.values():
        numbers = [integer(text, 1, 3000) for text in split(value)[3 : MAX_LISTED + 3]]
        known = [number for number in numbers if number is not None]
        if not known:
            break
        return Reading(
            bands=Bands(
                gsm_mhz=_some(number for number in known if number >= _MHZ_IN_UACT),
                wcdma=_some(number for number in known if number < _LTE_IN_UACT),
                lte=_some(
                    number - _LTE_IN_UACT
                    for number in known
                    if _LTE_IN_UACT < number < _MHZ_IN_UACT
                ),
            )
        )
    raise asked.unreadable()


def _some(numbers: Iterable[int]) -> tuple[int, ...] | None:
    return tuple(numbers) or None


def _read_frequencies(asked: Asked) -> Reading:
    """AT+UBANDSEL?: frequencies of whatever technology."""
    for value in asked.values():
        numbers = [integer(text, 400, 6000) for text in split(value)[:MAX_LISTED]]
        known = tuple(number for number in numbers if number is not None)
        if known:
            return Reading(bands=Bands(mhz=known))
    raise asked.unreadable()


def _read_masks(asked: Asked) -> Reading:
    """AT+UBANDMASK?: a mask for each technology, of 64 bands or in two parts of 128.

    0 is Cat M1, 1 NB-IoT, 3 LTE; those of 2, which is GSM, are not read.
    """
    for value in asked.values():
        fields = split(value)
        parts = next((parts for parts in (1, 2) if _is_by_rat(fields, parts + 1)), None)
        if parts is None:
            break
        bands: set[int] = set()
        for start in range(0, len(fields), parts + 1):
            if fields[start] != "2":
                low, high = fields[start + 1], at(fields, start + 2) if parts > 1 else "0"
                bands.update(_bands_of(low, 0), _bands_of(high, 64))
        return Reading(bands=Bands(lte=tuple(sorted(bands))))
    raise asked.unreadable()


def _is_by_rat(fields: list[str], step: int) -> bool:
    """Whether each `step` fields begin with a technology, in rising order."""
    rats = [integer(text, 0, 3) for text in fields[::step]]
    known = [rat for rat in rats if rat is not None]
    return len(fields) % step == 0 and known == sorted(set(known)) and len(known) == len(rats)


def _bands_of(mask: str, offset: int) -> set[int]:
    number = integer(mask, 0, (1 << 64) - 1) or 0
    return {offset + bit + 1 for bit in range(number.bit_length()) if number >> bit & 1}


def _read_addresses(asked: Asked) -> Reading:
    """AT+UIPADDR: interface, IPv4 and its mask, IPv6 global and link-local of each context."""
    found = []
    for value in asked.values():
        fields = split(value)
        ipv4 = ip_address(at(fields, 2))
        address, _, prefix = at(fields, 4).partition("/")
        ipv6 = ip_address(address)
        netmask = ip_address(at(fields, 3))
        found.append(
            Address(
                cid=integer(fields[0], 0, 255),
                interface=at(fields, 1) or None,
                ipv4=str(ipv4) if isinstance(ipv4, ipaddress.IPv4Address) else None,
                netmask=str(netmask) if isinstance(netmask, ipaddress.IPv4Address) else None,
                ipv6=str(ipv6) if isinstance(ipv6, ipaddress.IPv6Address) else None,
                prefix=integer(prefix, 0, 128) if prefix else None,
            )
        )
    if not found:
        raise asked.unreadable()
    return Reading(addresses=tuple(found))


def _read_usb_profile(asked: Asked) -> Reading:
    """AT+UUSBCONF?: number, name, whether audio, product id."""
    for value in asked.values():
        name = at(split(value), 1).lower()
        return Reading(usb_profile=_USB_PROFILES.get(name, name))
    raise asked.unreadable()


def _read_net_mode(asked: Asked) -> Reading:
    for value in asked.values():
        if (mode := _NET_MODES.get(value)) is not None:
            return Reading(net_mode=mode)
    raise asked.unreadable()


def _read_domain(asked: Asked) -> Reading:
    for value in asked.values():
        if (domain := _DOMAINS.get(split(value)[0])) is not None:
            return Reading(domain=domain)
    raise asked.unreadable()


def _read_attempts(asked: Asked) -> Reading:
    """AT+UPINCNT: how often PIN, PIN2, PUK and PUK2 may still be tried."""
    for value in asked.values():
        tries = [integer(text, 0, 99) for text in split(value)[:4]]
        named = dict(zip(("pin", "pin2", "puk", "puk2"), tries, strict=False))
        left = {name: number for name, number in named.items() if number is not None}
        if left:
            return Reading(sim=SimCard(attempts_left=left))
    raise asked.unreadable()


def _read_power(asked: Asked) -> Reading:
    for value in asked.values():
        cfun = integer(split(value)[0], 0, 255)
        if cfun is not None:
            return Reading(cfun=cfun, power=_POWER.get(cfun))
    raise asked.unreadable()


def _read_ati(asked: Asked) -> Reading:
    """ATI: the model alone on most modules, the version on ATI9."""
    lines = [line for line in asked.lines if not line.startswith("+")]
    if asked.arguments.strip() == "9" and len(lines) == 1:
        return Reading(identity=Identity(revision=lines[0]))
    if len(lines) == 1 and _MODULE.match(lines[0]):
        return Reading(identity=Identity(model=lines[0]))
    return Reading(identity=standard.identity(asked.lines))


class Ublox(Family):
    """A module with u-blox's AT+U commands."""

    name = "ublox"
    vendors = ("u-blox",)
    usb = (
        # TOBY-L2 and MPCI-L2 are found by the class of their CDC interface.
        UsbLayout(0x1546, frozenset({0x1141, 0x1143, 0x1146}), ()),
        UsbLayout(0x1546, frozenset({0x1010}), (6,)),
        UsbLayout(0x1546, frozenset({0x1102, 0x1107, 0x110A}), (4, 2, 0)),
        UsbLayout(0x1546, frozenset({0x1104}), (0,)),
        UsbLayout(0x1546, frozenset({0x1341, 0x1342, 0x1343}), (2, 1)),
        UsbLayout(0x05C6, frozenset({0x908B}), (2, 1)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        "I": _read_ati,
        "+UCGED": ucged.environment,
        "+UCELLINFO": ucged.cells,
        "+URAT": _read_rats,
        "+URAT=?": _read_values,
        "+UBANDSEL": _read_frequencies,
        "+UBANDSEL=?": _read_values,
        "+UACT": _read_bands,
        "+UACT=?": _read_listed_bands,
        "+UBANDMASK": _read_masks,
        "+UIPADDR": _read_addresses,
        "+UUSBCONF": _read_usb_profile,
        "+UBMCONF": _read_net_mode,
        "+USVCDOMAIN": _read_domain,
        "+UPINCNT": _read_attempts,
        "+CFUN": _read_power,
    }
    answers_under: ClassVar[AnswersUnder] = {"+UCGED": ucged.REPORTS}
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+CCID", "AT+ICCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._questions: tuple[Question, ...] = _QUESTIONS
        self._locks: dict[RatMode, dict[str, str]] | None = None
        self._bands: dict[str, Lever] | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name or by that of the module."""
        maker = (identification.manufacturer or "").lower()
        return "u-blox" in maker or bool(_MODULE.match(identification.model or ""))

    def configure(self) -> None:
        """Standard settings, and the report of the serving cell that the module has."""
        super().configure()
        # Some modules name networks in UCS2 otherwise.
        self.dialogue.wish('AT+CSCS="IRA"')
        if not self.dialogue.wish("AT+UCGED=2"):
            self.dialogue.wish("AT+UCGED=5")
        if not self.dialogue.ask(ENVIRONMENT).ok:
            self._questions = _QUESTIONS_BY_STANDARD
        if self.dialogue.ask(CELLS).ok:
            self._questions = (*self._questions, _NEIGHBOURS)

    def questions(self) -> tuple[Question, ...]:
        """UCGED each time, where the module has it."""
        return self._questions

    def levers(self) -> tuple[Lever, ...]:
        """AT+URAT, where the module says which values it takes."""
        return (_URAT,) if self.locks() else ()

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the values AT+URAT=? lists, without those the hardware lacks; asked once."""
        if self._locks is None:
            reading = self.ask("AT+URAT=?")
            supported = {} if reading is None else reading.supported or {}
            listed = {value for value in supported.get("urat", ()) if isinstance(value, int)}
            chosen = self._chosen(listed & self._possible())
            self._locks = {mode: {_URAT.name: value} for mode, value in chosen.items()}
        return self._locks

    def band_levers(self) -> Mapping[str, Lever]:
        """The settings of bands that answer in a form known here; asked once."""
        if self._bands is None:
            levers = {**_BAND_LEVERS, **({"lte": _UACT} if self._has(_UACT) else {})}
            self._bands = {
                name: lever for name, lever in levers.items() if lever is _UACT or self._has(lever)
            }
        return self._bands

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """A mask, frequencies, or numbers from 101 on."""
        if name == "mhz":
            return ",".join(map(str, sorted(bands)))
        if self.band_levers()[name] is _UACT:
            return ",,," + ",".join(str(_LTE_IN_UACT + band) for band in sorted(bands))
        mask = mask_of_bands(band for band in bands if 0 < band <= MAX_BAND)
        low, high = mask & (1 << 64) - 1, mask >> 64
        return f"{low},{high}" if high else str(low)

    def plain(self, value: str) -> str:
        """Without blanks, order of bands, and the preferred one of a combination."""
        fields = split(value)
        if value.startswith(","):
            return ",".join(sorted(set(fields)))
        first = integer(fields[0], 0, _LAST_COMBINATION)
        if first is not None and len(fields[0]) == 1:
            return str(first)
        if all(len(field) in {3, 4} for field in fields):
            return ",".join(sorted(set(fields)))
        return ",".join(fields).removesuffix(",0")

    def _possible(self) -> set[int]:
        model = self.model.upper()
        lacking = {
            rat
            for rat, pattern in (
                ("gsm", _WITHOUT_GSM),
                ("wcdma", _WITHOUT_WCDMA),
                ("lte", _WITHOUT_LTE),
            )
            if pattern.match(model)
        }
        return {number for number, rats in _RATS.items() if not lacking & set(rats)}

    def _has(self, lever: Lever) -> bool:
        reply = self.dialogue.ask(lever.read)
        return reply.ok and any(lever.value.search(line) for line in reply.lines)

    @staticmethod
    def _chosen(listed: set[int]) -> dict[RatMode, str]:
        chosen = {mode: str(rat) for mode, rat in _ONE_TECHNOLOGY.items() if rat in listed}
        widest = next((rat for rat in _WIDEST_FIRST if rat in listed), None)
        if widest is not None:
            chosen[RatMode.AUTO] = str(widest)
        for mode, rats in _MACHINE_RATS.items():
            there = [str(rat) for rat in rats if rat in listed]
            if there and mode not in chosen:
                chosen[mode] = ",".join(there)
        return chosen
