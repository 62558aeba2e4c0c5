"""Foxconn: T77W968 (DW5821e, DW5829e) and T99W175 (DW5930e), T99W265, T99W373, T99W640.

They call their maker Qualcomm, Dell or Foxconn, so the model tells. MV31-W and MV32-W are theirs
under Cinterion's name. T99W640 has the same commands with a plus instead of the circumflex.
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
    at,
    numbers,
)
from drivers.modem.readers import Readers
from drivers.modem.reading import (
    LockedCell,
)
from drivers.modem.replies import slmode
from drivers.modem.replies.slmode import BAND_FIELDS, LTE_ONLY
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

TEMPERATURE_EVERY_S = 30.0
NEIGHBOURS = "AT+VZWRSRP?"
RESET = "AT+RESET"
BANDS_AT_ONCE = 15
"""More in one order are refused (T99W175, firmware GC.004)."""

_MODELS = re.compile(
    r"T77W\d{3}|T99W\d{3}|DW5821e|DW5829e|DW5930e|^MV3[12]", re.IGNORECASE | re.ASCII
)
_MAKERS = re.compile(r"foxconn|hon hai", re.IGNORECASE)

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
_CELL_LEVERS = {Rat.LTE: "lte_lock", Rat.NR: "nr5g_lock"}


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
        for name in BAND_FIELDS
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


class Foxconn(Family):
    """A module with Foxconn's AT^ commands."""

    name = "foxconn"
    vendors = ("Hon Hai", "Foxconn/Dell")
    usb = (
        UsbLayout(0x0489, frozenset({0xE0B4, 0xE0B5}), (3, 2)),
        UsbLayout(0x413C, frozenset({0x81D7, 0x81E0, 0x81E4, 0x81E6}), (3, 2)),
        UsbLayout(0x1E2D, frozenset({0x00B3, 0x00F1, 0x00F2}), (2,)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        **slmode.READERS,
    }
    answers_under: ClassVar[Mapping[str, frozenset[str]]] = slmode.ANSWERS_UNDER
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
            *((neighbours,) if LTE_ONLY.match(self.model) else ()),
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
            return _OLDER_LOCKS if LTE_ONLY.match(self.model) else {}
        return {
            mode: values
            for mode, values in _NEWER_LOCKS.items()
            if not self._modes or int(values["slmode"]) in self._modes
        }

    def band_levers(self) -> Mapping[str, Lever]:
        """Lists of bands for each technology, and for EN-DC apart from stand-alone."""
        known = self._answering()
        return {field: known[name] for name, field in BAND_FIELDS.items() if name in known}

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
        bands = {name: plain.pop(name) for name in BAND_FIELDS if name in known and name in plain}
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
        said = self._read_levers(name for name in BAND_FIELDS if name in self._answering())
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
    if name in BAND_FIELDS:
        return ":".join(map(str, sorted(_numbers(value))))
    if name in _CELL_LEVERS.values():
        return ",".join(map(str, numbers(re.sub(r"[() ]", "", value))))
    # All technologies by name are the same as any.
    return "0" if (name, value) == ("slmode", "7") else value


def _numbers(value: str) -> frozenset[int]:
    return frozenset(numbers(value.replace(",", ":"), ":"))
