"""Technologies and bands in one list: AT+GTACT of Fibocom, AT+XACT of Intel. No I/O.

`technologies,preferred,preferred after it,band,band,...`. A band is its number on UTRA, 100+n on
LTE, `50` followed by n or 500+n on NR, and MHz on GSM; 0 stands for all. The `=?` form lists what
each parameter takes, bands of each technology in a list of their own or all without any brackets.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnsupportedHoldError
from drivers.modem.family import Family, Lever
from drivers.modem.fields import MAX_NUMBER, at, integer, numbers, split
from drivers.modem.readers import Asked, Readers
from drivers.modem.reading import AllowedRats, Bands, LockedCell, Reading
from drivers.modem.replies.gtccinfo import nr_band
from drivers.modem.standard import Identification
from wire.messages import RatMode

RATS: Mapping[int, tuple[str, ...]] = {
    0: ("gsm",),
    1: ("wcdma",),
    2: ("lte",),
    3: ("gsm", "wcdma"),
    4: ("wcdma", "lte"),
    5: ("gsm", "lte"),
    6: ("gsm", "wcdma", "lte"),
    14: ("nr",),
    16: ("wcdma", "nr"),
    17: ("lte", "nr"),
    20: ("wcdma", "lte", "nr"),
}
"""By the first parameter; `AUTOMATIC` is whatever the modem has."""
AUTOMATIC = 10
_EVERYTHING = 20
_CHOICES_LEFT_OPEN = frozenset({6, AUTOMATIC, _EVERYTHING})
_PREFERRED: Mapping[str, Mapping[str, str]] = {
    "+XACT": {"0": "gsm", "1": "wcdma", "2": "lte"},
    "+GTACT": {"2": "wcdma", "3": "lte", "6": "nr"},
}
_TECHNOLOGIES = ("gsm", "wcdma", "lte", "nr")
_HEAD = 3
"""Parameters before the bands."""
_HIGHEST_IN_HEAD = 20
_GSM_MHZ = frozenset({850, 900, 1800, 1900})
_UTRA_END, _LTE_END, _NR_FIRST = 100, 200, 501
_ALL_BANDS = 0
MAX_CODES = 1000
MAX_LIST_CHARS = 2048
"""A list of all bands there are is shorter."""

_LIST = re.compile(r"\([^()]*\)|[^,()\s]+")
_RANGE = re.compile(r"(?<!\d)(\d{1,5})(?:-(\d{1,5}))?(?!\d)", re.ASCII)
_BAND_LISTS: Mapping[str, re.Pattern[str]] = {
    # Behind the head, and behind bands of GSM.
    "wcdma": re.compile(
        r":\s*\d{1,3}(?:\s*,\s*\d?\d?){2}(?:,\s*\d{3,4})*"
        r"(,\s*\d\d?(?!\d)(?:,\s*\d\d?(?!\d))*)"
    ),
    "lte": re.compile(r"(,\s*1\d\d(?!\d)(?:,\s*1\d\d(?!\d))*|,\s*0\s*$)"),
    "nr": re.compile(r"(,\s*5\d{2,4}(?!\d)(?:,\s*5\d{2,4}(?!\d))*|,\s*0\s*$)"),
}
"""Where a setting has the bands of each; 0 stands for all bands of all of them."""
_WHOLE_BANDS = re.compile(r",[\d, ]*")

_ONE_CHOICE = {
    RatMode.G2: 0,
    RatMode.G3: 1,
    RatMode.G4: 2,
    RatMode.G5_SA: 14,
    RatMode.G5: 17,
}
_WIDEST_FIRST = (20, 6, 10, 4, 5, 3, 17, 16)


def setting(asked: Asked) -> Reading:
    """AT+GTACT? and AT+XACT?: what is allowed and preferred, and bands unless all are."""
    for value in asked.values():
        fields = split(value)
        number = integer(fields[0], 0, 255)
        if number is None:
            break
        codes = _codes(fields)
        allowed = RATS.get(number)
        if number == AUTOMATIC:
            allowed = _technologies(codes) or None
        elif allowed is None:
            return Reading(rat_lock=AllowedRats(raw=(number,)), bands=_bands(codes))
        choice = allowed is None or len(allowed) > 1
        lock = AllowedRats(
            allowed=allowed,
            auto=True if number in _CHOICES_LEFT_OPEN else None if choice else False,
            preferred=_PREFERRED.get(asked.name, {}).get(at(fields, 1)) if choice else None,
        )
        return Reading(rat_lock=lock, bands=_bands(codes))
    raise asked.unreadable()


def choices(asked: Asked) -> Reading:
    """AT+GTACT=? and AT+XACT=?: technologies it can be set to, and bands it has."""
    for value in asked.values():
        taken, codes = _listed(value)
        if taken:
            name = asked.name.lstrip("+").lower()
            return Reading(supported={name: taken}, bands=_bands(codes))
    raise asked.unreadable()


READERS: Readers = {
    "+GTACT": setting,
    "+GTACT=?": choices,
    "+XACT": setting,
    "+XACT=?": choices,
}


class ActFamily(Family):
    """A family that is locked by one of the two commands.

    The lever of the mode has all that the modem prints, so that giving it back restores the bands
    as well; only the technologies are compared. All bands go into one command, as firmware may
    take a list for the whole choice.
    """

    lock_command: ClassVar[str]
    """Its name."""
    lock_value: ClassVar[str] = "{}"
    """How the command wants to be told technologies alone."""

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._choices: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def levers(self) -> tuple[Lever, ...]:
        """The command, where the modem says what it takes."""
        return (self._mode_lever(),) if self.choices()[0] else ()

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the numbers the `=?` form lists, without technologies that have no band there."""
        taken, codes = self.choices()
        having = set(_technologies(codes) or _TECHNOLOGIES)
        usable = [n for n in taken if n == AUTOMATIC or having.issuperset(RATS.get(n, ("?",)))]
        chosen = {mode: number for mode, number in _ONE_CHOICE.items() if number in usable}
        widest = next((number for number in _WIDEST_FIRST if number in usable), None)
        if widest is not None:
            chosen[RatMode.AUTO] = widest
        name = self._mode_lever().name
        return {mode: {name: self.lock_value.format(number)} for mode, number in chosen.items()}

    def band_levers(self) -> Mapping[str, Lever]:
        """One for each technology that has bands; NR has no two."""
        having = set(_technologies(self.choices()[1])) & _BAND_LISTS.keys()
        names = {"wcdma": "wcdma", "lte": "lte", "nr_nsa": "nr", "nr_sa": "nr"}
        return {
            name: self._band_lever(technology)
            for name, technology in names.items()
            if technology in having
        }

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """Codes as the modem lists them; raises `UnsupportedHoldError` for a band it has not."""
        technology = "nr" if name.startswith("nr") else name
        code_of = {_BAND_OF[technology](c): c for c in _of(technology, self.choices()[1])}
        wanted = sorted(bands)
        if not set(wanted) <= code_of.keys():
            can = tuple(f"band {band} of {name}" for band in code_of)
            raise UnsupportedHoldError(f"bands {wanted} of {name}", can)
        return "".join(f",{code_of[band]}" for band in wanted)

    def wanted(
        self, mode: RatMode | None, bands: Bands | None = None, cell: LockedCell | None = None
    ) -> dict[str, str]:
        """As of any family; bands of NR cannot differ for NSA and SA."""
        of_nr = () if bands is None else (bands.nr_nsa, bands.nr_sa)
        if len({frozenset(found) for found in of_nr if found is not None}) > 1:
            raise UnsupportedHoldError("other bands of nr_nsa than of nr_sa", ("one list of both",))
        return super().wanted(mode, bands, cell)

    def restore(self, setting: Mapping[str, str]) -> None:
        """Set the levers, all bands in one command. Raises as of any family."""
        name = self._mode_lever().name
        try:
            super().restore(self._joined(setting))
        except RefusedError:
            # Some firmware takes but fifteen bands: the technologies are worth more than none.
            head = ",".join(setting.get(name, "").split(",")[:_HEAD])
            if setting.keys() != {name} or head == setting[name]:
                raise
            super().restore({name: head})

    def plain(self, value: str) -> str:
        """A list of bands in one order; of a mode, the number of its technologies."""
        if value.startswith(","):
            return ",".join(map(str, sorted(set(numbers(value)))))
        number = value.partition(",")[0].strip()
        automatic = number == str(AUTOMATIC) and _EVERYTHING in self.choices()[0]
        return str(_EVERYTHING) if automatic else number

    def choices(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Technologies and codes of bands the modem lists; asked once."""
        if self._choices is None:
            reply = self.dialogue.ask(f"AT{self.lock_command}=?")
            values = (
                list(Asked(f"AT{self.lock_command}=?", reply.lines).values()) if reply.ok else []
            )
            self._choices = _listed(values[0]) if values else ((), ())
        return self._choices

    def _mode_lever(self) -> Lever:
        # All of it: technologies, preferences and bands.
        value = re.compile(rf"\{self.lock_command}:\s*(\d[\d, ]*)", re.IGNORECASE)
        return Lever(self._prefix, f"AT{self.lock_command}?", f"AT{self.lock_command}={{}}", value)

    def _band_lever(self, technology: str) -> Lever:
        name = f"{self._prefix}-{technology}"
        write = f"AT{self.lock_command}=,,{{}}"
        # A technology may have no band at all.
        return Lever(name, f"AT{self.lock_command}?", write, _BAND_LISTS[technology], default=",")

    @property
    def _prefix(self) -> str:
        return self.lock_command.lstrip("+").lower()

    def _joined(self, setting: Mapping[str, str]) -> dict[str, str]:
        """The setting with its lists of bands as one: behind the mode, where that is set as well.

        Bands nobody speaks of stay as they are. Those of technologies that are off are left out:
        firmware need not take them.
        """
        names = {self._band_lever(technology).name: technology for technology in _BAND_LISTS}
        wanted = {names[name]: value for name, value in setting.items() if name in names}
        joined = {name: value for name, value in setting.items() if name not in names}
        if not wanted:
            return joined
        if not all(_WHOLE_BANDS.fullmatch(value) for value in wanted.values()):
            raise RefusedError("no such setting here: what is no list of bands")
        mode = joined.get(self._prefix)
        now = self._read_levers([self._prefix]).get(self._prefix, "").split(",")
        fields = now if mode is None else mode.split(",")
        known = numbers(",".join(fields[_HEAD:] or now[_HEAD:]))
        number = integer(fields[0], 0, 255)
        codes = self._codes(wanted, known, None if number is None else RATS.get(number))
        behind = "".join(f",{code}" for code in codes)
        if mode is not None:
            joined[self._prefix] = ",".join([*fields, "", ""][:_HEAD]) + behind
        elif behind:
            joined[self._band_lever(next(iter(wanted))).name] = behind
        return joined

    def _codes(
        self, wanted: Mapping[str, str], known: Sequence[int], allowed: Sequence[str] | None
    ) -> list[int]:
        """All bands of a setting; 0 where that is all there are."""
        has = self.choices()[1]
        codes: list[int] = []
        narrowed = False
        for technology in allowed or _TECHNOLOGIES:
            named = numbers(wanted[technology]) if technology in wanted else known
            narrowed = narrowed or _ALL_BANDS not in named
            codes += _of(technology, has if _ALL_BANDS in named else named)
        return codes if narrowed else [_ALL_BANDS]


def _codes(fields: Sequence[str]) -> tuple[int, ...]:
    """Codes of bands behind the head; it is short where one stands within it."""
    head = next(
        (i for i in (1, 2) if (integer(at(fields, i), 0, MAX_NUMBER) or 0) > _HIGHEST_IN_HEAD),
        _HEAD,
    )
    return numbers(",".join(fields[head : head + MAX_CODES]))


def _listed(value: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Technologies and codes of bands in the answer to the `=?` form."""
    groups = _LIST.findall(value)
    if not groups or not groups[0].startswith("("):
        return (), ()
    codes: set[int] = set()
    for first, last in _RANGE.findall(",".join(groups[_HEAD:])[:MAX_LIST_CHARS]):
        codes.update(range(int(first), min(int(last or first), int(first) + MAX_CODES) + 1))
    taken = sorted(standard.numbers_in_ranges(groups[0]))
    return tuple(taken), tuple(code for code in sorted(codes) if _technology(code) is not None)


def _technology(code: int) -> str | None:
    if code in _GSM_MHZ:
        return "gsm"
    if 0 < code < _UTRA_END:
        return "wcdma"
    if _UTRA_END < code < _LTE_END:
        return "lte"
    return "nr" if code >= _NR_FIRST and nr_band(str(code)) is not None else None


def _technologies(codes: Iterable[int]) -> tuple[str, ...]:
    found = {_technology(code) for code in codes}
    return tuple(technology for technology in _TECHNOLOGIES if technology in found)


def _of(technology: str, codes: Iterable[int]) -> Iterator[int]:
    return (code for code in codes if _technology(code) == technology)


def _as_it_is(code: int) -> int | None:
    return code


def _less_a_hundred(code: int) -> int | None:
    return code - _UTRA_END


def _of_nr(code: int) -> int | None:
    return nr_band(str(code))


_BAND_OF: Mapping[str, Callable[[int], int | None]] = {
    "gsm": _as_it_is,
    "wcdma": _as_it_is,
    "lte": _less_a_hundred,
    "nr": _of_nr,
}


def _bands(codes: Sequence[int]) -> Bands | None:
    """By technology, in the order they are printed; None where all are allowed, or none told."""
    by = {
        technology: tuple(
            dict.fromkeys(
                band
                for code in _of(technology, codes)
                if (band := _BAND_OF[technology](code)) is not None
            )
        )
        or None
        for technology in _TECHNOLOGIES
    }
    if not any(by.values()):
        return None
    return Bands(
        gsm_mhz=by["gsm"], wcdma=by["wcdma"], lte=by["lte"], nr_nsa=by["nr"], nr_sa=by["nr"]
    )
