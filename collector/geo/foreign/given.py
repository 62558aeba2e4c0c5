"""A feature as it was given, and what the reader of a file has to know beforehand."""

import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from collector.geo.as_stored import nfc
from collector.geo.layer import Kind


class Given(NamedTuple):
    """One feature, line, waypoint or track."""

    place: int | str
    """Where it stands: a feature counts from 0, else `line 12`, `waypoint 3`."""
    properties: dict[str, Any]
    """By our names, where they were mapped; nothing is checked."""
    geometry: Any
    """In degrees, longitude first; None where there is none."""
    problem: str | None = None
    """Why it could not be read; the rest of the file was."""


class Options(NamedTuple):
    """How a file is to be read."""

    kind: Kind
    columns: Mapping[str, str] = {}
    """Their name of a column or property by ours."""
    values: Mapping[str, str] = {}
    """What every feature is given, by our name."""
    encoding: str | None = None
    """Of a text that is not Unicode, e.g. cp1258."""

    def named(self, theirs: Mapping[str, Any]) -> dict[str, Any]:
        """Properties by our names. Theirs stay beside them, so that one column may serve twice."""
        known = {plain(key): key for key in theirs}
        found = dict(theirs)
        for ours, synonyms in _SYNONYMS.items():
            if ours not in found:
                key = next((known[name] for name in synonyms if name in known), None)
                if key is not None:
                    found[ours] = theirs[key]
        for ours, name in self.columns.items():
            key = known.get(plain(name))
            if key is None:
                there = ", ".join(sorted(theirs)) or "none"
                raise ValueError(f"has no {name!r} to take {ours!r} from; there are: {there}")
            found[ours] = theirs[key]
        return {**found, **self.values}


def plain(name: str) -> str:
    """A column's name for comparison: capitals, accents and kinds of blank do not matter."""
    decomposed = unicodedata.normalize("NFD", nfc(name).casefold().replace("đ", "d"))
    return "".join(one for one in decomposed if not unicodedata.combining(one)).replace("_", " ")


_SYNONYMS = {
    "lat": ("lat", "latitude", "lat deg", "y", "vi do"),
    "lon": ("lon", "lng", "long", "longitude", "lon deg", "x", "kinh do"),
    "wkt": ("wkt", "geometry", "geom"),
    "code": ("ma",),
    "name": ("ten",),
}
"""What columns are called elsewhere, as `plain` writes it."""
