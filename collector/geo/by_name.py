"""Areas by their name, for lists that have no codes.

Vietnamese names are written in several ways: composed or not, `Hòa` or `Hoà`, with `Xã` before
them or not, `Đắk` or `Đăk` or `Dak`. The strictest comparison that finds exactly one area counts.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from collector.geo.areas import AreaSets
from collector.geo.as_stored import nfc
from collector.geo.boundaries import Area
from collector.geo.foreign import Given
from collector.geo.foreign.given import plain
from collector.geo.layer import Kind

_SORT = re.compile(
    r"(xã|phường|thị trấn|thị xã|thành phố|huyện|đặc khu|tp\.?|tt\.?|tx\.?)\s+", re.IGNORECASE
)
_FIELDS = {Kind.POPULATION: ("name", "code"), Kind.POINTS: ("area_name", "area_code")}
"""By kind: the name that stands for a code, and that code."""


def name_field(kind: Kind) -> str | None:
    """The field in which a list of this kind may name an area, if it may."""
    return _FIELDS[kind][0] if kind in _FIELDS else None


def with_codes(kind: Kind, given: Iterable[Given], sets: AreaSets) -> Iterator[Given]:
    """The features with the code of the area they name, where they have no code of their own.

    One whose name is of no area, or of several, has that as its problem.
    """
    if kind not in _FIELDS:
        yield from given
        return
    name_key, code_key = _FIELDS[kind]
    areas: dict[Any, tuple[Area, ...]] = {}
    for one in given:
        said = one.properties
        name, wanted = said.get(name_key), said.get("boundary_set")
        if one.problem is None and isinstance(name, str) and not said.get(code_key):
            if wanted not in areas:
                areas[wanted] = _areas(sets, wanted)
            try:
                yield one._replace(properties={**said, code_key: code_of(name, areas[wanted])})
            except ValueError as error:
                yield one._replace(problem=str(error))
        else:
            yield one


def code_of(name: str, areas: Sequence[Area]) -> str:
    """Code of the area of that name; raises ValueError for none and for several."""
    for alike in (nfc, _without_sort, _without_tone_place, _plain):
        wanted = alike(name)
        found = sorted({area.code for area in areas if alike(area.name) == wanted})
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(
                f"{name!r} is the name of several areas, {', '.join(found)}: say which"
            )
    near = difflib.get_close_matches(nfc(name), [area.name for area in areas], n=3)
    hint = f"; is it {' or '.join(dict.fromkeys(near))}?" if near else ""
    raise ValueError(f"no area is called {name!r}{hint}")


def _areas(sets: AreaSets, boundary_set: Any) -> tuple[Area, ...]:
    """The areas of the named set, else of all of them."""
    return tuple(
        area
        for one in sets.sets
        if boundary_set in (None, one.name, one.title)
        for area in one.areas
    )


def _without_sort(name: str) -> str:
    sort = _SORT.match(nfc(name))
    return nfc(name)[0 if sort is None else sort.end() :].casefold()


def _without_tone_place(name: str) -> str:
    """Each syllable's letters, and then its tones and marks: `Hòa` is `Hoà`."""
    syllables = unicodedata.normalize("NFD", _without_sort(name)).split()
    return " ".join(_sorted_marks(syllable) for syllable in syllables)


def _sorted_marks(syllable: str) -> str:
    marks = [one for one in syllable if unicodedata.combining(one)]
    letters = [one for one in syllable if not unicodedata.combining(one)]
    return "".join([*letters, *sorted(marks)])


def _plain(name: str) -> str:
    return plain(_without_sort(name)).replace("'", "").replace("\u2019", "").replace(" ", "")
