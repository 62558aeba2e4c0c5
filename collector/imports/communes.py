"""Which commune a foreign table means: by code or by name, in the boundary set of that day.

A code says nothing without its set: 24611 was the ward Nghĩa Đức before 1 July 2025 and is the ward
Bắc Gia Nghĩa since. So every commune that is stored goes with the set that it is a code of.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import NamedTuple, Protocol

from collector.geo.set_names import is_of_set
from collector.imports.mapping import ByCommune
from collector.imports.text import bare, folded
from collector.imports.values import Unusable

_TYPES = ("xã ", "phường ", "thị trấn ", "x. ", "p. ", "tt. ", "tt ")
_DISTRICT_TYPES = ("huyện ", "thị xã ", "thành phố ", "h. ", "tx. ", "tx ", "tp. ", "tp ")


class CommuneArea(Protocol):
    """What is asked of an area of `collector.geo.boundaries`."""

    @property
    def code(self) -> str: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def district_code(self) -> str | None: ...  # noqa: D102

    @property
    def district(self) -> str | None: ...  # noqa: D102

    @property
    def boundary_set(self) -> str: ...  # noqa: D102

    @property
    def valid_from(self) -> date | None: ...  # noqa: D102

    @property
    def valid_to(self) -> date | None: ...  # noqa: D102


class Found(NamedTuple):
    """One commune."""

    code: str
    boundary_set: str


class Communes:
    """The communes of all boundary sets, the set listed first before the others."""

    def __init__(self, areas: Iterable[CommuneArea]) -> None:
        """Know these areas."""
        self._areas = tuple(areas)
        self._days: dict[tuple[date, str | None], _Day] = {}

    def sets(self) -> tuple[str, ...]:
        """Names of the sets, each once."""
        return tuple(dict.fromkeys(area.boundary_set for area in self._areas))

    def on(self, day: date, boundary_set: str | None = None) -> tuple[CommuneArea, ...]:
        """The communes of a set on a day; of the first set that has some, where none is named."""
        return self._day(day, boundary_set).areas

    def find(self, text: str, *, on: date, by: ByCommune, district: str | None = None) -> Found:
        """The commune of that code or name; raises `Unusable` where it is none or not one.

        A name that no commune has as it stands is compared without its marks: Đăk R'Moan is also
        written Đắk R'Moan.
        """
        day = self._day(on, by.boundary_set)
        if not day.areas:
            named = by.boundary_set or "that"
            what = f"no boundary set {named!r} has areas on {on}; there are: "
            raise Unusable("commune", what + (", ".join(self.sets()) or "none"))
        found = day.codes.get(text, []) if by.by == "code" else _named(day, text)
        if district is not None:
            found = [area for area in found if _is_in(area, district)]
        if len(found) == 1:
            return Found(found[0].code, found[0].boundary_set)
        where = f" in {district}" if district else ""
        if not found:
            what = f"{text!r}{where} is no commune of {day.areas[0].boundary_set} on {on}"
            raise Unusable("commune", what)
        codes = ", ".join(area.code for area in found)
        raise Unusable("commune", f"{text!r}{where} may be any of {codes}: map the district too")

    def _day(self, day: date, boundary_set: str | None) -> "_Day":
        key = (day, boundary_set)
        if key not in self._days:
            self._days[key] = _day(self._areas, day, boundary_set)
        return self._days[key]


class _Day(NamedTuple):
    areas: tuple[CommuneArea, ...]
    codes: dict[str, list[CommuneArea]]
    names: dict[str, list[CommuneArea]]
    bare_names: dict[str, list[CommuneArea]]


def _day(areas: Iterable[CommuneArea], day: date, boundary_set: str | None) -> _Day:
    valid = [
        area
        for area in areas
        if (area.valid_from is None or area.valid_from <= day)
        and (area.valid_to is None or day <= area.valid_to)
        and (boundary_set is None or is_of_set(area.boundary_set, boundary_set))
    ]
    # Of two versions of a set that both count on that day the one imported last is meant.
    wanted = valid[-1 if boundary_set else 0].boundary_set if valid else None
    valid = [area for area in valid if area.boundary_set == wanted]
    return _Day(
        tuple(valid),
        codes=_grouped(valid, lambda area: area.code),
        names=_grouped(valid, lambda area: _name(area.name)),
        bare_names=_grouped(valid, lambda area: bare(_name(area.name))),
    )


def _grouped(
    areas: Iterable[CommuneArea], key: Callable[[CommuneArea], str]
) -> dict[str, list[CommuneArea]]:
    found: dict[str, list[CommuneArea]] = {}
    for area in areas:
        found.setdefault(key(area), []).append(area)
    return found


def _named(day: _Day, text: str) -> list[CommuneArea]:
    name = _name(text)
    return day.names.get(name) or day.bare_names.get(bare(name), [])


def _name(text: str) -> str:
    return _without_type(folded(text), _TYPES)


def _is_in(area: CommuneArea, district: str) -> bool:
    if district.strip() == area.district_code:
        return True
    asked, known = (
        _without_type(folded(name), _DISTRICT_TYPES) for name in (district, area.district or "")
    )
    return bare(asked) == bare(known)


def _without_type(name: str, types: Iterable[str]) -> str:
    return next((name.removeprefix(one) for one in types if name.startswith(one)), name)
