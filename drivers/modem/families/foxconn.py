"""Foxconn: T77W968 (DW5821e, DW5829e) and T99W175 (DW5930e), T99W265, T99W373, T99W640.

They call their maker Qualcomm, Dell or Foxconn, so the model tells. T99W640 has the same commands
with a plus instead of the circumflex.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnsupportedHoldError
from drivers.modem.family import LEVER_TIMEOUT_S, Family, Lever, Question, UsbLayout
from drivers.modem.fields import (
    NR_SCS_KHZ,
    arfcn,
    at,
    integer,
    is_digits,
    level,
    nr_scs_khz,
    numbers,
    pci,
    split,
    within,
)
from drivers.modem.readers import Asked, Parse, Readers
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    CellLock,
    HeardCell,
    LockedCell,
    Reading,
    Role,
)
from drivers.modem.replies import debug_text
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

TEMPERATURE_EVERY_S = 30.0
NEIGHBOURS = "AT+VZWRSRP?"
RESET = "AT+RESET"
BANDS_AT_ONCE = 15
"""More in one order are refused (T99W175, firmware GC.004)."""

_MODELS = re.compile(r"T77W\d{3}|T99W\d{3}|DW5821e|DW5829e|DW5930e", re.IGNORECASE | re.ASCII)
_MAKERS = re.compile(r"foxconn|hon hai", re.IGNORECASE)
_LTE_ONLY = re.compile(r"T77W|DW582", re.IGNORECASE)

_NEWER_MODES: dict[int, tuple[str, ...]] = {
    1: ("wcdma",),
    2: ("lte",),
    3: ("wcdma", "lte"),
    4: ("nr",),
    5: ("wcdma", "nr"),
    6: ("lte", "nr"),
    7: ("wcdma", "lte", "nr"),
}
"""AT^SLMODE of T99W; 0 leaves the choice to the module."""
_OLDER_MODES: dict[int, tuple[str, ...]] = {
    13: ("gsm",),
    14: ("wcdma",),
    30: ("lte",),
    35: ("wcdma", "lte"),
}
"""Of T77W968. Unverified: from scripts that write them, without a capture of an answer."""
_EVERY_MODE = frozenset({0, 7, 35})

_NEWER_LOCKS = {
    RatMode.G3: {"slmode": "1"},
    RatMode.G4: {"slmode": "2"},
    # nr5g_mode: 0 both, 1 EN-DC, 2 stand-alone.
    RatMode.G5_NSA: {"slmode": "6", "nr5g_mode": "1"},
    RatMode.G5_SA: {"slmode": "4", "nr5g_mode": "2"},
    RatMode.G5: {"slmode": "6", "nr5g_mode": "0"},
    RatMode.AUTO: {"slmode": "0", "nr5g_mode": "0"},
}
_OLDER_LOCKS = {
    RatMode.G3: {"slmode": "14"},
    RatMode.G4: {"slmode": "30"},
    RatMode.AUTO: {"slmode": "35"},
}
_BAND_FIELDS = {"WCDMA": "wcdma", "LTE": "lte", "NR5G_NSA": "nr_nsa", "NR5G_SA": "nr_sa"}
_CELL_LEVERS = {Rat.LTE: "lte_lock", Rat.NR: "nr5g_lock"}

_BAND_ROW = re.compile(
    r"(?:[\^+]\w{1,16}:)?[ \t]{0,4}(WCDMA|LTE|NR5G_NSA|NR5G_SA|NR5G)[ \t]{0,4},[ \t]{0,4}"
    r"(Enable|Disable) Bands[ \t]{0,4}:([0-9,: ]*)",
    re.IGNORECASE | re.ASCII,
)
_PAIR = re.compile(r"(?<![0-9])([0-9]{1,3})[ ]?,[ ]?([0-9]{1,6})(?![0-9])", re.ASCII)
_SENSOR = re.compile(
    r"([A-Z][\w ]{0,40})[ \t]{0,4}:[ \t]{0,4}(-?[0-9]{1,3}(?:\.[0-9]{1,2})?) ?C?",
    re.IGNORECASE | re.ASCII,
)
_SENSOR_C = (-40, 125)
_FREE = "notset"
"""Of `Have not set cell lock before`, without its spaces."""
_SYSCONFIG = {13: ("gsm",), 14: ("wcdma",)}


def _levers(mark: str) -> dict[str, Lever]:
    """By name; `mark` stands before the names of the commands."""
    locks = {
        name: Lever(
            name,
            f"AT{mark}{name.upper()}?",
            f"AT{mark}{name.upper()}={{}}",
            re.compile(rf"{name.upper()}:\s*([(0-9][0-9,() ]*)", re.ASCII),
            default="",
            # It takes effect with the reset, which the ports do not survive.
            after=(RESET,),
        )
        for name in _CELL_LEVERS.values()
    }
    bands = {
        name: Lever(
            name,
            f"AT{mark}BAND_PREF_EXT?",
            # 2 enables; see `Foxconn.restore`.
            f"AT{mark}BAND_PREF_EXT={name},2,{{}}",
            re.compile(rf"^{name}\s?,\s?Enable Bands\s?:\s?([0-9,: ]*)", re.ASCII),
        )
        for name in _BAND_FIELDS
    }
    modes = {
        "slmode": Lever(
            "slmode",
            f"AT{mark}SLMODE?",
            # 1 keeps it over a reset.
            f"AT{mark}SLMODE=1,{{}}",
            re.compile(r"SLMODE:\s*[01],\s*(\d{1,2})", re.ASCII),
        ),
        "nr5g_mode": Lever(
            "nr5g_mode",
            f"AT{mark}NR5G_MODE?",
            f"AT{mark}NR5G_MODE={{}}",
            re.compile(r"NR5G_MODE:\s*(\d)", re.ASCII),
        ),
    }
    return modes | bands | locks


def _read_mode(asked: Asked) -> Reading:
    """AT^SLMODE?: whether it outlives a reset, and the technologies; the codes differ by age."""
    for value in asked.values():
        code = integer(at(split(value), 1), 0, 99)
        if code is None:
            break
        older = bool(_LTE_ONLY.match(asked.model))
        allowed = (_OLDER_MODES if older else _NEWER_MODES | _OLDER_MODES).get(code)
        if allowed is None and (code or older):
            return Reading(rat_lock=AllowedRats(raw=(code,)))
        return Reading(rat_lock=AllowedRats(allowed=allowed, auto=code in _EVERY_MODE))
    raise asked.unreadable()


def _read_nr_mode(asked: Asked) -> Reading:
    """AT^NR5G_MODE?: 0 both, 1 EN-DC alone, 2 stand-alone."""
    for value in asked.values():
        if value in {"0", "1", "2"}:
            return Reading(rat_lock=AllowedRats(nr_sa=value != "1", nr_nsa=value != "2"))
    raise asked.unreadable()


def _read_system(asked: Asked) -> Reading:
    """AT^SYSCONFIG? of T77W: technologies first. What 17 stands for is said in two ways."""
    for value in asked.values():
        fields = numbers(value)
        mode = next(iter(fields), None)
        if mode is None:
            break
        allowed = _SYSCONFIG.get(mode)
        if mode == 2:  # noqa: PLR2004  # automatic
            return Reading(rat_lock=AllowedRats(auto=True))
        if allowed is not None:
            return Reading(rat_lock=AllowedRats(allowed=allowed, auto=False))
        return Reading(rat_lock=AllowedRats(raw=fields))
    raise asked.unreadable()


def _read_bands(asked: Asked) -> Reading:
    """AT^BAND_PREF_EXT?: `LTE,Enable Bands :1,3,7,`, and a row of those that are disabled."""
    bands: dict[str, tuple[int, ...]] = {}
    rows = [found for line in asked.lines if (found := _BAND_ROW.fullmatch(line))]
    if not rows:
        raise asked.unreadable()
    for row in rows:
        if row[2].lower() == "enable":
            name = row[1].upper()
            # The older form has EN-DC and stand-alone together.
            for one in (name,) if name in _BAND_FIELDS else ("NR5G_NSA", "NR5G_SA"):
                bands[_BAND_FIELDS[one]] = numbers(row[3].replace(":", ","))
    return Reading(bands=Bands(**bands))


def _read_lte_lock(asked: Asked) -> Reading:
    """AT^LTE_LOCK?: `(pci,earfcn)` up to eight times."""
    pairs = _PAIR.findall(_lock_text(asked))
    cells = tuple(
        LockedCell(earfcn=channel, pci=pci(Rat.LTE, identity))
        for identity, text in pairs
        if (channel := arfcn(Rat.LTE, text)) is not None
    )
    return Reading(cell_lock=CellLock(rat=Rat.LTE, cells=cells))


def _read_nr_lock(asked: Asked) -> Reading:
    """AT^NR5G_LOCK?: `(band,spacing,arfcn,pci)`, once."""
    band, spacing, channel, identity = (*numbers(_lock_text(asked)), *(None,) * 4)[:4]
    cell = LockedCell(
        band=integer(str(band), 1, 512),
        scs_khz=nr_scs_khz(str(spacing)),
        earfcn=arfcn(Rat.NR, str(channel)),
        pci=pci(Rat.NR, str(identity)),
    )
    free = cell.earfcn is None
    return Reading(cell_lock=CellLock(rat=Rat.NR, cells=() if free else (cell,)))


def _lock_text(asked: Asked) -> str:
    """What is locked, without brackets; nothing where nothing is."""
    # Some firmware says it without the mark.
    value = next(asked.values(asked.name, asked.name.lstrip("^+")), None)
    said = "" if value is None else re.sub(r"[() ]", "", value).strip(",")
    locked = is_digits(said[:1])
    if not locked and _FREE not in said.lower():
        raise asked.unreadable()
    return said if locked else ""


def _read_temperature(asked: Asked) -> Reading:
    """AT^TEMP?: a sensor in each row, `PA: 37C`; AT+TEMP has others, without the unit."""
    sensors = {}
    for line in asked.lines:
        row = _SENSOR.fullmatch(line)
        degrees = within(row[2], *_SENSOR_C) if row else None
        if row and degrees is not None:
            sensors[row[1].strip()] = degrees
    if asked.lines and not sensors:
        raise asked.unreadable()
    return Reading(temperature_c=sensors or None)


def _read_measured(asked: Asked) -> Reading:
    """AT+VZWRSRP?: PCI, channel and RSRP of each cell it measures, in one row or many."""
    cells = []
    for value in asked.rows():
        fields = split(value)
        for start in range(0, len(fields) - 2, 3):
            identity = pci(Rat.LTE, fields[start])
            channel = arfcn(Rat.LTE, fields[start + 1])
            if identity is not None and channel is not None:
                cells.append(
                    HeardCell(
                        role=Role.MEASURED,
                        rat=Rat.LTE,
                        pci=identity,
                        arfcn=channel,
                        rsrp_dbm=level("rsrp_dbm", Rat.LTE, fields[start + 2]),
                    )
                )
    return Reading(cells=tuple(cells))


_READERS: dict[str, Parse] = {
    "DEBUG": debug_text.debug,
    "CA_INFO": debug_text.ca_info,
    "TEMP": _read_temperature,
    "SLMODE": _read_mode,
    "NR5G_MODE": _read_nr_mode,
    "SYSCONFIG": _read_system,
    "BAND_PREF_EXT": _read_bands,
    "BAND_PREF": _read_bands,
    "SLBAND": _read_bands,
    "LTE_LOCK": _read_lte_lock,
    "NR5G_LOCK": _read_nr_lock,
}


class Foxconn(Family):
    """A module with Foxconn's AT^ commands."""

    name = "foxconn"
    vendors = ("Hon Hai", "Foxconn/Dell")
    usb = (
        UsbLayout(0x0489, frozenset({0xE0B4, 0xE0B5}), (3, 2)),
        UsbLayout(0x413C, frozenset({0x81D7, 0x81E0, 0x81E4, 0x81E6}), (3, 2)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        **{f"^{name}": parse for name, parse in _READERS.items()},
        **{f"+{name}": parse for name, parse in _READERS.items()},
        "+VZWRSRP": _read_measured,
    }
    answers_under: ClassVar[Mapping[str, frozenset[str]]] = {
        f"+{name}": frozenset({f"^{name}"}) for name in _READERS
    }
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+ICCID", "AT+CCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._mark = "^"
        self._has_debug = True
        self._known: dict[str, Lever] | None = None
        self._modes: frozenset[int] = frozenset()

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the model: the maker is said to be Qualcomm or Dell."""
        maker, model = identification.manufacturer or "", identification.model or ""
        return bool(_MODELS.search(model) or _MAKERS.search(maker))

    def configure(self) -> None:
        """Standard settings, and under which names the module has Foxconn's commands."""
        super().configure()
        marks = (mark for mark in "^+" if self.dialogue.ask(f"AT{mark}DEBUG?").ok)
        self._mark = next(marks, "")
        self._has_debug = bool(self._mark)
        self._mark = self._mark or "^"

    def questions(self) -> tuple[Question, ...]:
        """The serving cell each time; older modules of the kind (T77W595, T77W676) lack it."""
        if not self._has_debug:
            return super().questions()
        neighbours = Question(NEIGHBOURS, for_neighbours=True)
        return (
            Question(f"AT{self._mark}DEBUG?", vital=True),
            *((neighbours,) if _LTE_ONLY.match(self.model) else ()),
            Question(f"AT{self._mark}TEMP?", every_s=TEMPERATURE_EVERY_S),
        )

    def levers(self) -> tuple[Lever, ...]:
        """The levers that answer; asked once."""
        known = self._answering()
        return tuple(known[name] for name in ("slmode", "nr5g_mode") if name in known)

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the modes that AT^SLMODE=? lists, where it does."""
        known = self._answering()
        if "slmode" not in known:
            return {}
        if "nr5g_mode" not in known:
            return _OLDER_LOCKS if _LTE_ONLY.match(self.model) else {}
        return {
            mode: values
            for mode, values in _NEWER_LOCKS.items()
            if not self._modes or int(values["slmode"]) in self._modes
        }

    def band_levers(self) -> Mapping[str, Lever]:
        """Lists of bands for each technology, and for EN-DC apart from stand-alone."""
        known = self._answering()
        return {field: known[name] for name, field in _BAND_FIELDS.items() if name in known}

    def cell_levers(self) -> Mapping[Rat, Lever]:
        """A cell to stay on; the module restarts whenever that is changed."""
        known = self._answering()
        return {rat: known[name] for rat, name in _CELL_LEVERS.items() if name in known}

    def cell_value(self, rat: Rat, cell: LockedCell) -> str:
        """LTE: PCI before channel. NR wants band and spacing as well."""
        if rat is Rat.LTE:
            return f"{cell.pci},{cell.earfcn}"
        if cell.band is None or cell.scs_khz not in NR_SCS_KHZ:
            raise UnsupportedHoldError(
                "a cell of nr without band or spacing", ("a cell of nr with band and spacing",)
            )
        return f"{cell.band},{NR_SCS_KHZ.index(cell.scs_khz)},{cell.earfcn},{cell.pci}"

    def restore(self, setting: Mapping[str, str]) -> None:
        """As everywhere, but a cell only where it is another, because a reset follows, and last."""
        known = self._all_levers()
        plain = {name: _canonical(name, value) for name, value in setting.items()}
        bands = {name: plain.pop(name) for name in _BAND_FIELDS if name in known and name in plain}
        locks = [name for name in _CELL_LEVERS.values() if name in known and name in plain]
        cells = {name: plain.pop(name) for name in locks}
        super().restore(plain)
        if bands:
            self._restore_bands(bands)
        # Looked at before anything is written: nothing answers during the reset.
        changed = self._unlike(cells)
        for name, value in changed.items():
            # Without a value: free.
            order = known[name].write.format(value) if value else f"AT{self._mark}{name.upper()}"
            self.dialogue.order(order, timeout_s=LEVER_TIMEOUT_S)
        for order in dict.fromkeys(order for name in changed for order in known[name].after):
            self.dialogue.wish(order, timeout_s=LEVER_TIMEOUT_S)
        if changed:
            self.dialogue.forget()

    def _restore_bands(self, wanted: Mapping[str, str]) -> None:
        """Some firmware leaves others enabled, and some refuses a long list: look what came of it.

        Raises `RefusedError`.
        """
        now = self._enabled()
        target = now | {name: _numbers(value) for name, value in wanted.items()}
        known = self._all_levers()
        for name, value in wanted.items():
            order = known[name].write.format(value)
            if now.get(name) != target[name] and not self.dialogue.wish(order):
                # Without anything behind it: all bands that the module has.
                self.dialogue.order(f"AT{self._mark}BAND_PREF_EXT", timeout_s=LEVER_TIMEOUT_S)
                break
        for name, bands in self._enabled().items():
            surplus = sorted(bands - target.get(name, bands))
            for start in range(0, len(surplus), BANDS_AT_ONCE):
                some = ":".join(map(str, surplus[start : start + BANDS_AT_ONCE]))
                order = f"AT{self._mark}BAND_PREF_EXT={name},1,{some}"
                self.dialogue.order(order, timeout_s=LEVER_TIMEOUT_S)
        self.dialogue.forget()

    def _enabled(self) -> dict[str, frozenset[int]]:
        said = self._read_levers(name for name in _BAND_FIELDS if name in self._answering())
        return {name: _numbers(value) for name, value in said.items()}

    def _read_levers(self, names: Iterable[str]) -> dict[str, str]:
        setting = super()._read_levers(names)
        return {name: _canonical(name, value) for name, value in setting.items()}

    def _answering(self) -> dict[str, Lever]:
        """The levers that say how they are set."""
        if self._known is None:
            self._known = {}
            said: dict[str, tuple[str, ...]] = {}
            for name, lever in _levers(self._mark).items():
                if lever.read not in said:
                    reply = self.dialogue.ask(lever.read)
                    said[lever.read] = reply.lines if reply.ok else ()
                found = any(lever.value.search(line) for line in said[lever.read])
                if found or (lever.default is not None and said[lever.read]):
                    self._known[name] = lever
            listed = self.dialogue.ask(f"AT{self._mark}SLMODE=?")
            groups = re.findall(r"\(([0-9,-]{1,80})\)", "\n".join(listed.lines))
            self._modes = standard.numbers_in_ranges(at(groups, 1)) if listed.ok else frozenset()
        return self._known


def _canonical(name: str, value: str) -> str:
    """A value in the one spelling that is compared and written."""
    if name in _BAND_FIELDS:
        return ":".join(map(str, sorted(_numbers(value))))
    if name in _CELL_LEVERS.values():
        return ",".join(map(str, numbers(re.sub(r"[() ]", "", value))))
    # All technologies by name are the same as any.
    return "0" if (name, value) == ("slmode", "7") else value


def _numbers(value: str) -> frozenset[int]:
    return frozenset(numbers(value.replace(",", ":"), ":"))
