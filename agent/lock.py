"""What a modem is to be held on: a technology, and perhaps bands and one cell of it. No I/O."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from drivers.modem.modem import serving_agrees
from drivers.modem.reading import Bands, LockedCell
from wire import bands as plan
from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.messages import RatMode

_BANDS_OF_MODE = {
    RatMode.G2: ("gsm_mhz", "mhz"),
    RatMode.G3: ("wcdma", "mhz"),
    RatMode.G4: ("lte", "mhz"),
    RatMode.G5_NSA: ("lte", "nr_nsa", "mhz"),
    RatMode.G5_SA: ("nr_sa", "mhz"),
    RatMode.G5: ("lte", "nr_nsa", "nr_sa", "mhz"),
    RatMode.AUTO: Bands.__struct_fields__,
}
_CELL_OF_MODE = {
    RatMode.G4: Rat.LTE,
    RatMode.G5_NSA: Rat.LTE,
    RatMode.G5_SA: Rat.NR,
    RatMode.G5: Rat.NR,
}
_SERVING_BANDS = {Rat.GSM: "gsm_mhz", Rat.WCDMA: "wcdma", Rat.LTE: "lte", Rat.NR: "nr_sa"}
MAX_BAND = {"gsm_mhz": 1900, "mhz": 7125, "wcdma": 32, "lte": 256, "nr_nsa": 512, "nr_sa": 512}
_SPACINGS_KHZ = (15, 30, 60, 120, 240)


class _Range(NamedTuple):
    highest_channel: int
    highest_pci: int
    bands: range


_RANGES = {
    Rat.LTE: _Range(262_143, 503, range(1, 257)),
    Rat.NR: _Range(3_279_165, 1007, range(1, 513)),
}


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """One wish; `bands` and `cell` narrow it down."""

    mode: RatMode
    bands: Bands | None = None
    cell: LockedCell | None = None

    def __str__(self) -> str:
        """As a person says it: `4g, bands lte 3 7, cell 1300:16`."""
        narrow = self.narrowed_to
        return self.mode.value if narrow is None else f"{self.mode.value}, {narrow}"

    @property
    def narrowed_to(self) -> str | None:
        """Bands and cell in words; None where the technology is all that is asked."""
        parts = [
            f"bands {name} {' '.join(map(str, numbers))}"
            for name, numbers in _named(self.bands)
            if numbers is not None
        ]
        if self.cell is not None:
            known = msgspec.structs.astuple(self.cell)
            numbers = ":".join(str(number) for number in known if number is not None)
            parts.append(f"cell {numbers}")
        return ", ".join(parts) or None

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """What cannot be meant so: the key, e.g. `bands.lte`, and why."""
        yield from self._band_contradictions()
        yield from self._cell_contradictions()

    def agrees(self, payload: radio.Payload) -> bool | None:
        """Whether the serving cell is what is asked for; None where that cannot be told."""
        parts = {
            serving_agrees(payload, self.mode),
            self._band_agrees(payload),
            self._cell_agrees(payload.serving),
        }
        if False in parts:
            return False
        return None if None in parts else True

    def forbids(self, payload: radio.Payload) -> bool:
        """Whether the modem is served by what a lock in effect rules out.

        LTE under a 5G lock is not that: the anchor is there also where no NR leg is to be had.
        """
        if payload.serving is None:
            return False
        anchored = self.mode in {RatMode.G5, RatMode.G5_NSA} and payload.serving.rat is Rat.LTE
        if not anchored and serving_agrees(payload, self.mode) is False:
            return True
        if self._band_agrees(payload) is False:
            return True
        # An NR cell is out of reach in many a place; LTE is allowed beside it.
        elsewhere = anchored and self.mode is RatMode.G5
        return not elsewhere and self._cell_agrees(payload.serving) is False

    def _band_agrees(self, payload: radio.Payload) -> bool | None:
        if self.bands is None or payload.serving is None:
            return True
        parts = {_in_bands(payload.serving, self._bands(_SERVING_BANDS[payload.serving.rat]))}
        if payload.nr is not None:
            parts.add(_in_bands(payload.nr, self._bands("nr_nsa")))
        if False in parts:
            return False
        return None if None in parts else True

    def _cell_agrees(self, serving: Cell | None) -> bool | None:
        if self.cell is None or serving is None:
            return True
        pairs = ((self.cell.earfcn, serving.arfcn), (self.cell.pci, serving.pci))
        if serving.rat is not _CELL_OF_MODE.get(self.mode):
            return False
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            return False
        return None if any(None in pair for pair in pairs) else True

    def _bands(self, name: str) -> tuple[int, ...] | None:
        found: tuple[int, ...] | None = getattr(self.bands, name)
        return found

    def _band_contradictions(self) -> Iterator[tuple[str, str]]:
        if self.bands is None:
            return
        named = [(name, numbers) for name, numbers in _named(self.bands) if numbers is not None]
        if not named:
            yield "bands", "names no band; it is a table like { lte = [3, 7] }"
        for name, numbers in named:
            used = _BANDS_OF_MODE[self.mode]
            if name not in used:
                yield f"bands.{name}", f"a lock to {self.mode} uses {_words(used)} only"
            elif not numbers:
                yield f"bands.{name}", "names no band: leave it out to allow all"
            elif not all(1 <= number <= MAX_BAND[name] for number in numbers):
                yield f"bands.{name}", f"bands are numbers from 1 to {MAX_BAND[name]}"

    def _cell_contradictions(self) -> Iterator[tuple[str, str]]:
        cell, rat = self.cell, _CELL_OF_MODE.get(self.mode)
        if cell is None:
            return
        if rat is None:
            yield "cell", f"a lock to {self.mode} has no cell; take {_words(_CELL_OF_MODE)}"
            return
        known = _RANGES[rat]
        wanted = {"earfcn": known.highest_channel, "pci": known.highest_pci}
        for key, highest in wanted.items():
            number = getattr(cell, key)
            if number is None or not 0 <= number <= highest:
                yield f"cell.{key}", f"an {rat.upper()} cell needs a number from 0 to {highest}"
        if rat is Rat.LTE and cell.scs_khz is not None:
            yield "cell.scs_khz", "belongs to an NR cell (lock = 5g-sa or 5g)"
        if rat is Rat.NR and cell.scs_khz not in _SPACINGS_KHZ:
            yield "cell.scs_khz", f"an NR cell needs one of {_words(_SPACINGS_KHZ)}"
        # Of an LTE cell only some modems want to know it: its channel says it already.
        if (rat is Rat.NR and cell.band is None) or cell.band not in {None, *known.bands}:
            yield "cell.band", f"a cell of {rat.upper()} has a band from 1 to {known.bands[-1]}"


def _named(bands: Bands | None) -> Iterator[tuple[str, tuple[int, ...] | None]]:
    if bands is not None:
        yield from msgspec.structs.asdict(bands).items()


def _in_bands(cell: Cell, wanted: tuple[int, ...] | None) -> bool | None:
    """By the band the modem names; by those its channel lies in where it names none."""
    if wanted is None:
        return True
    if cell.band is not None:
        return cell.band in wanted
    possible = () if cell.arfcn is None else plan.bands(cell.rat, cell.arfcn)
    return not set(wanted).isdisjoint(possible) if possible else None


def _words(choice: Iterable[object]) -> str:
    return ", ".join(str(each) for each in choice if each != "mhz")
