"""ZTE and Gosuncn: MF6xx and MF1xx sticks, MF286 and MF289 routers, ME3630 and ZM9000 modules.

No command is vital: the serving cell is the one it is registered at, and AT+ZCELLINFO adds to it.
Its cell and area are left out, as they are hexadecimal or decimal by model. Left out for want of a
source: AT+ZNCELL; for want of one that agrees with others: writing AT+ZNLOCKBAND. unverified: the
locks of bands and cells.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

import msgspec

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnsupportedHoldError
from drivers.modem.family import Family, Lever, Question, UsbLayout
from drivers.modem.look import Look
from drivers.modem.readers import Readers
from drivers.modem.reading import LockedCell, Reading
from drivers.modem.replies import zcell
from drivers.modem.standard import Identification
from wire.cells import Rat
from wire.messages import RatMode

CARRIERS_EVERY_S = 5.0
TEMPERATURE_EVERY_S = 30.0

_MAKER = re.compile(r"zte|gosuncn", re.IGNORECASE)
_MODEL = re.compile(r"MF\d{2,3}|ME3[67]\d\d|ZM9\d\d\d", re.IGNORECASE)
_WITHOUT_LTE = re.compile(r"MF[16]\d\d", re.IGNORECASE)
_MODE = Lever("zsnt", "AT+ZSNT?", "AT+ZSNT={}", re.compile(r"\+ZSNT:\s*(\d+,\d+,\d+)"))
_FIRST = {RatMode.G2: 1, RatMode.G3: 2, RatMode.G4: 6, RatMode.AUTO: 0}
_BANDS = Lever(
    "zlteband",
    "AT+ZLTEBAND?",
    "AT+ZLTEBAND={}",
    re.compile(r"\+ZLTEBAND:\s*((?:\d{1,3},){7,8}\d{1,3})$"),
)
_CELL = Lever(
    "zlockcell",
    "AT+ZLOCKCELL?",
    "AT+ZLOCKCELL={}",
    re.compile(r"\+ZLOCKCELL:\s*(\d+,\d+)"),
    default="0",
)


def _on_lte(look: Look) -> bool:
    return look.rat in {None, Rat.LTE}


def _lacks_level(look: Look) -> bool:
    return not look.signals


def _lacks_sinr(look: Look) -> bool:
    return look.lacks_sinr and not any(
        signal.lte is not None and signal.lte.sinr_db is not None for signal in look.signals
    )


_QUESTIONS = (
    Question("AT+ZCELLINFO?"),
    Question("AT+ZCAINFO?", every_s=CARRIERS_EVERY_S, asked_if=_on_lte),
    Question("AT+ZRSSI"),
    Question("AT+ZSINR", asked_if=_lacks_sinr),
    Question("AT+CESQ", asked_if=_lacks_level),
    Question("AT+CSQ", asked_if=_lacks_level),
    Question("AT+MTSM=1", every_s=TEMPERATURE_EVERY_S),
)


class Zte(Family):
    """A modem with ZTE's AT+Z commands."""

    name = "zte"
    vendors = ("gosuncn", "gosuncnwelink")
    # As ModemManager and the kernel know them. unverified: 1432 and 1485, routers.
    usb = (
        UsbLayout(0x19D2, frozenset({*range(0x0003, 0x000B)}), (1, 0)),
        UsbLayout(0x19D2, frozenset({0x0001}), (2, 0)),
        UsbLayout(0x19D2, frozenset({0x0002, 0x0012, 0x0024, 0x0025, 0x0055}), (4, 2)),
        UsbLayout(0x19D2, frozenset({0x0015, 0x0030, 0x0054}), (3, 1)),
        UsbLayout(0x19D2, frozenset({0x0016, 0x0017, 0x0018, 0x0019, 0x0117, 0x0156}), (1, 2)),
        UsbLayout(
            0x19D2,
            frozenset(
                {
                    *{0x0021, 0x0031, 0x0037, 0x0039, 0x0042, 0x0052, 0x0057, 0x0058, 0x0061},
                    *{0x0063, 0x0066, 0x0078, 0x0082, 0x0104, 0x0106, 0x0108, 0x0122, 0x0123},
                    *{0x1007, 0x1008, 0x1010, 0x1254, 0x1268},
                }
            ),
            (1, 3),
        ),
        UsbLayout(0x19D2, frozenset({0x0043}), (2, 3)),
        UsbLayout(0x19D2, frozenset({0x0048, 0x0049}), (2, 4)),
        UsbLayout(0x19D2, frozenset({0x0064}), (0, 2)),
        UsbLayout(
            0x19D2,
            frozenset({0x0033, 0x0091, 0x0113, 0x0118, 0x0121, 0x0124, 0x0126, 0x0128}),
            (1, 4),
        ),
        UsbLayout(0x19D2, frozenset({0x0125}), (1, 5)),
        UsbLayout(0x19D2, frozenset({0x1432, 0x1485}), (1,)),
    )
    readers: ClassVar[Readers] = {
        **standard.READERS,
        "+ZCELLINFO": zcell.serving,
        "+ZCAINFO": zcell.carriers,
        "+ZPAS": zcell.technology,
        "+ZPASR": zcell.technology,
        "+ZRSSI": zcell.levels,
        "+ZSINR": zcell.sinr,
        "+ZCSQ": zcell.quality,
        "+MTSM": zcell.temperature,
        "+ZDONR": zcell.network,
        "+ZDON": zcell.network,
        "+ZSNT": zcell.mode,
        "+ZLTEBAND": zcell.lte_bands,
        "+ZNLOCKBAND": zcell.locked_bands,
        "+ZLOCKCELL": zcell.cell_lock,
        "+ZLC": zcell.cell_lock,
    }
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+CCID", "AT+ICCID", "AT+ZGETICCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._modes: frozenset[int] | None = None
        self._octets: int | None = None
        self._cell_levers: dict[Rat, Lever] | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """By the maker's name, or by models that operators sell under theirs."""
        return bool(
            _MAKER.search(identification.manufacturer or "")
            or _MODEL.match(identification.model or "")
        )

    def questions(self) -> tuple[Question, ...]:
        """Cell, carriers and levels; what a model refuses rests for a while."""
        return _QUESTIONS

    def answer(self, question: Question, *, same: object = None) -> Reading | None:
        """As any; but the numbers of cell and area come from the registration."""
        reading = super().answer(question, same=same)
        if reading is None or reading.cells is None:
            return reading
        cells = tuple(
            msgspec.structs.replace(cell, cell_id=None, tac=None, lac=None)
            for cell in reading.cells
        )
        return msgspec.structs.replace(reading, cells=cells)

    def levers(self) -> tuple[Lever, ...]:
        """The network mode, where it is known; asked once."""
        return (_MODE,) if self._supported_modes() else ()

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By what AT+ZSNT=? lists, or by the model where it lists nothing."""
        modes = self._supported_modes()
        return {
            mode: {_MODE.name: f"{first},0,0"} for mode, first in _FIRST.items() if first in modes
        }

    def band_levers(self) -> Mapping[str, Lever]:
        """AT+ZLTEBAND, where it answers; asked once."""
        if self._octets is None:
            reply = self.dialogue.ask(_BANDS.read)
            found = (_BANDS.value.search(line) for line in reply.lines)
            printed = next((match[1] for match in found if match), "") if reply.ok else ""
            self._octets = printed.count(",") + 1 if printed else 0
        return {"lte": _BANDS} if self._octets else {}

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """As many bytes as the modem prints."""
        del name
        wanted, octets = tuple(bands), self._octets or 0
        if max(wanted, default=0) > 8 * octets:
            raise UnsupportedHoldError(f"bands {wanted}", (f"bands up to {8 * octets}",))
        return zcell.octets_of_bands(wanted, octets)

    def cell_levers(self) -> Mapping[Rat, Lever]:
        """AT+ZLOCKCELL, where it answers; asked once."""
        if self._cell_levers is None:
            self._cell_levers = {Rat.LTE: _CELL} if self.dialogue.ask(_CELL.read).ok else {}
        return self._cell_levers

    def cell_value(self, rat: Rat, cell: LockedCell) -> str:
        """Channel and PCI."""
        del rat
        if cell.earfcn is None or cell.pci is None:
            raise UnsupportedHoldError(f"{cell}", ("a cell with channel and PCI",))
        return f"{cell.earfcn},{cell.pci}"

    def plain(self, value: str) -> str:
        """Of a mode the technologies alone: the others are a preference and the network."""
        found = re.fullmatch(r"(\d+),\d+,\d+", value)
        return found[1] if found else value.upper()

    def _supported_modes(self) -> frozenset[int]:
        if self._modes is None:
            there = self.dialogue.ask(_MODE.read).ok
            test = self.dialogue.ask("AT+ZSNT=?") if there else None
            listed = standard.listed(test.lines, "+ZSNT") if test is not None and test.ok else ()
            supposed = (0, 1, 2) if _WITHOUT_LTE.match(self.model) else (0, 1, 2, 6)
            self._modes = frozenset((listed or supposed) if there else ())
        return self._modes
