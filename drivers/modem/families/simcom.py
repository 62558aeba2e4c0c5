"""SIMCom: SIM5320, SIM7500/7600, the LPWA modules SIM70xx, A76xx on ASR chips, and 5G SIM82xx/83xx.

AT+CPSI? tells the serving cell on all of them, in scales that differ; see `cpsi`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.at import AnswersUnder
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnsupportedHoldError
from drivers.modem.family import Family, Lever, Question, UsbLayout
from drivers.modem.fields import (
    arfcn,
    at,
    integer,
    mask_of_bands,
    nr_scs_khz,
    number,
    pci,
    split,
)
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    CellLock,
    Identity,
    LockedCell,
    Reading,
    SimCard,
)
from drivers.modem.replies import cpsi
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

SYSTEM = "AT+CPSI?"
CELLS = "AT+CCINFO"
CELLS_OF_ASR = "AT+CNETCI?"
TEMPERATURE_EVERY_S = 30.0
MAX_MASK_BITS = 128
NOT_A_BAND = 64
"""The highest bit of a 64-bit mask: a sign, as LTE has no band 64."""
MAX_BANDS = 256

_MODULE = re.compile(r"(SIMCOM_)?(SIM[5789]\d{3}|A7[6-9]\d\d)", re.IGNORECASE)
_LPWA = re.compile(r"(SIMCOM_)?SIM70", re.IGNORECASE)

_CNMP: dict[int, tuple[str, ...]] = {
    13: ("gsm",),
    14: ("wcdma",),
    19: ("gsm", "wcdma"),
    38: ("lte",),
    39: ("gsm", "wcdma", "lte"),
    48: ("gsm", "wcdma"),
    51: ("gsm", "lte"),
    54: ("wcdma", "lte"),
    55: ("wcdma", "nr"),
    71: ("nr",),
    109: ("lte", "nr"),
}
"""AT+CNMP; 48 is anything but LTE. Values of CDMA and TD-SCDMA are left out."""
_CNMP_AUTO = 2
_ALL_RATS = (
    (re.compile(r"(SIMCOM_)?SIM8[2-9]", re.IGNORECASE), ("wcdma", "lte", "nr")),
    (re.compile(r"(SIMCOM_)?SIM70[08]0", re.IGNORECASE), ("gsm", "lte")),
    (re.compile(r"(SIMCOM_)?SIM7[1-9]\d\d", re.IGNORECASE), ("gsm", "wcdma", "lte")),
)
"""What automatic means, where the series is known for it."""

_CNSMOD = {1: "gsm", 2: "gsm", 3: "gsm", 4: "wcdma", 5: "wcdma", 6: "wcdma", 7: "wcdma", 8: "lte"}
_CNSMOD_OF_LPWA = {1: "gsm", 3: "gsm", 7: "lte", 9: "lte"}

_GSM_MHZ = {7: 1800, 8: 900, 9: 900, 16: 450, 17: 480, 18: 750, 19: 850, 20: 900, 21: 1900}
_WCDMA_BANDS = {22: 1, 23: 2, 24: 3, 25: 4, 26: 5, 27: 6, 48: 7, 49: 8, 50: 9}
"""By the bit of the first mask of AT+CNBP."""
_MASK = re.compile(r"-?(?:0[xX])?[0-9A-Fa-f]{1,32}")
_BAND_LISTS = {
    "w_band": "wcdma",
    "lte_band": "lte",
    "nsa_nr5g_band": "nr_nsa",
    "nr5g_band": "nr_sa",
}

_NAME = re.compile(r'"?[A-Za-z][A-Za-z0-9_]{1,30}"?')

_MODE = Lever("cnmp", "AT+CNMP?", "AT+CNMP={}", re.compile(r"\+CNMP:\s*(\d{1,3})"))
# Unverified: taken to count as the same setting of other modules with this chipset does, which is
# 0 for neither, 1 for no SA, 2 for no NSA. The lock is read back and seen in the serving cell.
_NR_DISABLE = Lever(
    "nr5g_disable",
    'AT+CSYSSEL="nr5g_disable"',
    'AT+CSYSSEL="nr5g_disable",{}',
    re.compile(r'"nr5g_disable",\s*([012])'),
)
_ONE_TECHNOLOGY = {RatMode.G2: 13, RatMode.G3: 14, RatMode.G4: 38}
_LTE_AND_NR = 109
_NR_ALONE = 71
_IN_EVERY_MANUAL = frozenset({_CNMP_AUTO, 38})
"""Tried where AT+CNMP=? is refused."""


def _band_list(name: str) -> Lever:
    return Lever(
        name,
        f'AT+CSYSSEL="{name}"',
        f'AT+CSYSSEL="{name}",{{}}',
        re.compile(rf'"{name}",\s*([\d:]+)'),
    )


_BAND_LEVERS = {bands: _band_list(name) for name, bands in _BAND_LISTS.items()}
_BAND_MASKS = Lever(
    "cnbp", "AT+CNBP?", "AT+CNBP={}", re.compile(r"\+CNBP:\s*((?:,?\s*0[xX][0-9A-Fa-f]+){2,3})")
)
_CELL_4G = Lever(
    "ccellcfg",
    "AT+CCELLCFG?",
    "AT+CCELLCFG={}",
    re.compile(r"\+CCELLCFG:\s*(\d+,\s*\d+)"),
    default="0",
)
_CELL_5G = Lever(
    "c5gcellcfg",
    "AT+C5GCELLCFG?",
    "AT+C5GCELLCFG={}",
    re.compile(r'\+C5GCELLCFG:\s*("?[a-z]*"?(?:,?\s*\d+){3,4})'),
    default='"unlock"',
)

_SYSTEM = Question(SYSTEM, vital=True)
_TEMPERATURE = Question("AT+CPMUTEMP", every_s=TEMPERATURE_EVERY_S)


def _read_mode(asked: Asked) -> Reading:
    """AT+CNMP?: technologies by a number."""
    for value in asked.values():
        mode = integer(split(value)[0], 0, 999)
        if mode == _CNMP_AUTO:
            found = (rats for pattern, rats in _ALL_RATS if pattern.match(asked.model))
            return Reading(rat_lock=AllowedRats(allowed=next(found, None), auto=True))
        if mode in _CNMP:
            return Reading(rat_lock=AllowedRats(allowed=_CNMP[mode], auto=False))
        if mode is not None:
            return Reading(rat_lock=AllowedRats(raw=(mode,)))
    raise asked.unreadable()


def _read_machine_mode(asked: Asked) -> Reading:
    """AT+CMNB?: 1 Cat M1, 2 NB-IoT, 3 both; all of them are LTE, so the number stays."""
    for value in asked.values():
        mode = integer(split(value)[0], 1, 3)
        if mode is not None:
            return Reading(rat_lock=AllowedRats(raw=(mode,)))
    raise asked.unreadable()


def _read_system_mode(asked: Asked) -> Reading:
    """AT+CNSMOD?: the technology in use; LPWA modules number it otherwise."""
    for value in asked.values():
        fields = split(value)
        mode = integer(fields[-1], 0, 99)
        if mode == 0:
            return Reading(mode="no-service")
        names = _CNSMOD_OF_LPWA if _LPWA.match(asked.model) else _CNSMOD
        if mode in names:
            return Reading(mode=names[mode])
    raise asked.unreadable()


def _read_selection(asked: Asked) -> Reading:
    """AT+CSYSSEL: lists of bands, and whether NR is disabled."""
    bands: dict[str, tuple[int, ...]] = {}
    lock = None
    for value in asked.values():
        name, *fields = split(value)
        if name.lower() in _BAND_LISTS:
            bands[_BAND_LISTS[name.lower()]] = _bands(at(fields, 0))
        elif name.lower() == "nr5g_disable" and at(fields, 0) in {"0", "1", "2"}:
            lock = AllowedRats(nr_sa=fields[0] != "1", nr_nsa=fields[0] != "2")
    if not bands and lock is None:
        raise asked.unreadable()
    return Reading(bands=Bands(**bands) if bands else None, rat_lock=lock)


def _read_selections(asked: Asked) -> Reading:
    """AT+CSYSSEL=?: bands and values that may be chosen, by their names."""
    supported: dict[str, tuple[int | str, ...]] = {}
    for value in asked.values():
        name, _, rest = value.partition(",")
        numbers = standard.numbers_in_ranges(rest[:MAX_BANDS]) if "(" in rest else _bands(rest)
        if _NAME.fullmatch(name) and numbers:
            supported[name.strip('"').lower()] = tuple(sorted(set(numbers)))
    if not supported:
        raise asked.unreadable()
    return Reading(supported=supported)


def _bands(text: str) -> tuple[int, ...]:
    found = (integer(part, 1, 512) for part in text.split(":")[:MAX_BANDS])
    return tuple(band for band in found if band is not None)


def _read_masks(asked: Asked) -> Reading:
    """AT+CNBP?: a mask of GSM and UMTS bands, and one of LTE bands up to 128."""
    for value in asked.values():
        masks = [_mask(text) for text in split(value)[:3]]
        if masks[0] is None:
            break
        first = _bits(masks[0])
        lte = None if len(masks) == 1 or masks[1] is None else _bits(masks[1])
        mhz = (_GSM_MHZ[bit] for bit in first if bit in _GSM_MHZ)
        return Reading(
            bands=Bands(
                gsm_mhz=tuple(dict.fromkeys(mhz)) or None,
                wcdma=tuple(_WCDMA_BANDS[bit] for bit in first if bit in _WCDMA_BANDS) or None,
                lte=None if lte is None else tuple(bit + 1 for bit in lte if bit + 1 != NOT_A_BAND),
            )
        )
    raise asked.unreadable()


def _mask(text: str) -> int | None:
    """A hexadecimal mask of no more than 128 bits, be it printed with a sign."""
    return int(text, 16) & (1 << MAX_MASK_BITS) - 1 if _MASK.fullmatch(text) else None


def _bits(mask: int) -> list[int]:
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def _read_listed_bands(asked: Asked) -> Reading:
    """AT+CBANDCFG? of the LPWA modules: bands of Cat M and of NB-IoT, here together."""
    bands: set[int] = set()
    for value in asked.rows():
        label, *fields = split(value)
        if label.upper() in {"CAT-M", "NB-IOT"}:
            found = (integer(text, 1, 512) for text in fields[:MAX_BANDS])
            bands.update(band for band in found if band is not None)
    if not bands:
        raise asked.unreadable()
    return Reading(bands=Bands(lte=tuple(sorted(bands))))


def _read_cell_4g(asked: Asked) -> Reading:
    """AT+CCELLCFG? has the PCI first, AT+CLECELL? the channel; no row where nothing is locked."""
    if not asked.arguments.startswith("?"):
        raise asked.unreadable()
    locked = []
    for value in asked.values():
        fields = split(value)
        pair = fields[1::-1] if asked.name == "+CCELLCFG" else fields[:2]
        channel = arfcn(Rat.LTE, at(pair, 0)) if len(fields) > 1 else None
        if channel is not None:
            locked.append(LockedCell(earfcn=channel, pci=pci(Rat.LTE, at(pair, 1))))
    return Reading(cell_lock=CellLock(rat=Rat.LTE, cells=tuple(locked)))


def _read_cell_5g(asked: Asked) -> Reading:
    """AT+C5GCELLCFG?: a word or a number, then PCI, channel, spacing and band."""
    if not asked.arguments.startswith("?"):
        raise asked.unreadable()
    locked = []
    for value in asked.values():
        _, *fields = split(value)
        channel = integer(at(fields, 1), 1, 3_279_165)
        if channel is not None:
            spacing = at(fields, 2)
            locked.append(
                LockedCell(
                    pci=pci(Rat.NR, at(fields, 0)),
                    earfcn=channel,
                    scs_khz=nr_scs_khz(spacing) or integer(spacing, 15, 240),
                    band=integer(at(fields, 3), 1, 512),
                )
            )
    return Reading(cell_lock=CellLock(rat=Rat.NR, cells=tuple(locked)))


def _read_temperature(asked: Asked) -> Reading:
    for value in asked.values():
        degrees = number(split(value)[0])
        if degrees is not None and -40 <= degrees <= 125:  # noqa: PLR2004  # what a module survives
            return Reading(temperature_c=degrees)
    raise asked.unreadable()


def _read_hot_swap(asked: Asked) -> Reading:
    """AT+UIMHOTSWAPON?: whether it says when a card comes or goes."""
    for value in asked.values():
        if value in {"0", "1"}:
            return Reading(sim=SimCard(report_enabled=value == "1"))
    raise asked.unreadable()


def _read_counter(asked: Asked) -> Reading:
    """AT*CNTI: the technology in use, in a word."""
    for value in asked.values():
        word = at(split(value), 1)
        if word:
            return Reading(cnti=word)
    raise asked.unreadable()


def _read_ati(asked: Asked) -> Reading:
    """ATI: named lines; on LPWA modules one line with model and firmware."""
    lines = [line for line in asked.lines if not line.startswith("+")]
    if len(lines) == 1 and _MODULE.match(lines[0]):
        model, _, revision = lines[0].partition(" ")
        return Reading(identity=Identity(model=model, revision=revision.strip() or None))
    return Reading(identity=standard.identity(asked.lines))


class SimCom(Family):
    """A module with SIMCom's AT+C commands."""

    name = "simcom"
    vendors = ("simtech",)
    usb = (
        UsbLayout(0x1E0E, frozenset({0x9001}), (3, 2)),
        UsbLayout(0x1E0E, frozenset({0x9205, 0x9206}), (2,)),
        UsbLayout(0x1E0E, frozenset({0x9011}), (4,)),
        UsbLayout(0x1E0E, frozenset({0x9100, 0x9200}), (1, 3)),
        UsbLayout(0x1E0E, frozenset({0xCEFE}), (1, 0, 2)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        **dict.fromkeys(("I", "+SIMCOMATI"), _read_ati),
        "+CICCID": standard.READERS["+CCID"],
        "+CPSI": cpsi.system,
        "+CCINFO": cpsi.cells,
        **dict.fromkeys(("+CNETCI", "+CNETCISRVINFO", "+CNETCINONINFO"), cpsi.cells_of_asr),
        "+CNWINFO": cpsi.network,
        "+CNWSEARCH": cpsi.search,
        "+CNMP": _read_mode,
        "+CMNB": _read_machine_mode,
        "+CNSMOD": _read_system_mode,
        "+CSYSSEL": _read_selection,
        "+CSYSSEL=?": _read_selections,
        "+CNBP": _read_masks,
        "+CBANDCFG": _read_listed_bands,
        "+CENG": cpsi.engineering,
        "+CMGRMI": cpsi.measurements,
        **dict.fromkeys(("+CCELLCFG", "+CLECELL"), _read_cell_4g),
        "+C5GCELLCFG": _read_cell_5g,
        "+CPMUTEMP": _read_temperature,
        "+UIMHOTSWAPON": _read_hot_swap,
        "*CNTI": _read_counter,
    }
    answers_under: ClassVar[AnswersUnder] = {
        "+CNETCI": frozenset({"+CNETCISRVINFO", "+CNETCINONINFO"}),
        "+CNETCISRVINFO": frozenset({"+CNETCINONINFO"}),
        "+CNWSEARCH": cpsi.CNWSEARCH_ROWS,
    }
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+CICCID", "AT+CCID", "AT+ICCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._questions: tuple[Question, ...] = (_SYSTEM, _TEMPERATURE)
        self._levers: tuple[Lever, ...] | None = None
        self._locks: dict[RatMode, dict[str, str]] | None = None
        self._bands: dict[str, Lever] | None = None
        self._cells: dict[Rat, Lever] | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name, which has several spellings, or by that of the module."""
        maker = (identification.manufacturer or "").lower()
        return "simcom" in maker or bool(_MODULE.match(identification.model or ""))

    def configure(self) -> None:
        """Standard settings; and which command of this generation names neighbours."""
        super().configure()
        named = next((command for command in (CELLS_OF_ASR, CELLS) if self._answers(command)), None)
        if named is not None:
            neighbours = Question(named, for_neighbours=True)
            self._questions = (_SYSTEM, neighbours, _TEMPERATURE)

    def questions(self) -> tuple[Question, ...]:
        """CPSI each time, the rest as often as it can change."""
        return self._questions

    def levers(self) -> tuple[Lever, ...]:
        """AT+CNMP, and the switch between SA and NSA where there is one; asked once."""
        if self._levers is None:
            self._levers = self._answering(_MODE, _NR_DISABLE)
        return self._levers

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the values AT+CNMP=? lists; asked once."""
        if self._locks is None:
            self._locks = self._chosen(self._listed()) if _MODE in self.levers() else {}
        return self._locks

    def band_levers(self) -> Mapping[str, Lever]:
        """Lists of bands on the 5G modules, masks on the others; asked once."""
        if self._bands is None:
            lists = self._answering(*_BAND_LEVERS.values())
            self._bands = {name: lever for name, lever in _BAND_LEVERS.items() if lever in lists}
            if not self._bands and self._answering(_BAND_MASKS):
                self._bands = {"lte": _BAND_MASKS}
        return self._bands

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """A list, or the second mask of AT+CNBP, beside which the first is left as it is."""
        if self.band_levers()[name] is _BAND_MASKS:
            return f",0x{mask_of_bands(bands):016X}"
        return super().band_value(name, bands)

    def cell_levers(self) -> Mapping[Rat, Lever]:
        """AT+CCELLCFG and AT+C5GCELLCFG: they need the lock to one technology beside them."""
        if self._cells is None:
            answering = self._answering(_CELL_4G, _CELL_5G)
            levers = {Rat.LTE: _CELL_4G, Rat.NR: _CELL_5G}
            self._cells = {rat: lever for rat, lever in levers.items() if lever in answering}
        return self._cells

    def cell_value(self, rat: Rat, cell: LockedCell) -> str:
        """PCI before channel in both; NR by the code of its spacing."""
        if rat is Rat.LTE:
            return f"1,{cell.pci},{cell.earfcn}"
        code = next((code for code in range(5) if nr_scs_khz(str(code)) == cell.scs_khz), None)
        if code is None:
            raise UnsupportedHoldError(f"an NR cell of {cell.scs_khz} kHz", ())
        return f'"pci",{cell.pci},{cell.earfcn},{code},{cell.band}'

    def restore(self, setting: Mapping[str, str]) -> None:
        """As the base; a cell is read in another form than it is written."""
        super().restore({name: _as_written(name, value) for name, value in setting.items()})

    def plain(self, value: str) -> str:
        """The mask of LTE as a number, a cell as it is read, lists in one order."""
        if "0x" in value.lower():
            masks = value.split(",")
            return str(_mask(masks[1].strip()) if len(masks) > 1 else None)
        words = value.replace(" ", "").replace('"', "").lower()
        if "," in words:
            return ",".join(words.split(",")[-4 if words.startswith("pci") else -2 :])
        return ":".join(sorted(words.split(":")))

    def _listed(self) -> frozenset[int]:
        reply = self.dialogue.ask("AT+CNMP=?")
        listed = standard.listed(reply.lines, "+CNMP") if reply.ok else frozenset()
        return listed or _IN_EVERY_MANUAL

    def _chosen(self, listed: frozenset[int]) -> dict[RatMode, dict[str, str]]:
        apart = _NR_DISABLE in self.levers()
        cnmp, disable = _MODE.name, _NR_DISABLE.name
        chosen = {
            mode: {cnmp: str(value)} for mode, value in _ONE_TECHNOLOGY.items() if value in listed
        }
        if _LTE_AND_NR in listed and apart:
            chosen[RatMode.G5_NSA] = {cnmp: str(_LTE_AND_NR), disable: "1"}
        if _NR_ALONE in listed:
            chosen[RatMode.G5_SA] = {cnmp: str(_NR_ALONE)} | ({disable: "2"} if apart else {})
        both = {disable: "0"} if apart else {}
        if _LTE_AND_NR in listed:
            chosen[RatMode.G5] = {cnmp: str(_LTE_AND_NR)} | both
        if _CNMP_AUTO in listed:
            chosen[RatMode.AUTO] = {cnmp: str(_CNMP_AUTO)} | both
        return chosen

    def _answers(self, command: str) -> bool:
        return self.dialogue.ask(command).ok

    def _answering(self, *levers: Lever) -> tuple[Lever, ...]:
        return tuple(lever for lever in levers if self._answers(lever.read))


def _as_written(name: str, value: str) -> str:
    if name == _CELL_4G.name and re.fullmatch(r"\d+,\s*\d+", value):
        return f"1,{value}"
    if name == _CELL_5G.name and re.fullmatch(r'"?[a-z0-9]*"?(,\s*\d+){4}', value):
        return '"pci",' + value.partition(",")[2]
    return value
