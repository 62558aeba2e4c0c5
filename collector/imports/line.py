"""One line of a table, asked for what it says; and what becomes of it."""

import hashlib
import math
from collections.abc import Mapping as Dictionary
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Self

from collector.imports.communes import Communes, Found
from collector.imports.mapping import Mapping
from collector.imports.place import Place
from collector.imports.text import folded
from collector.imports.values import Unusable, day_of, instant_of, month_of, number_of

UNKNOWN = "unknown"
"""What a value map says where the sample counts and the value does not."""
OTHERWISE = "*"
"""Key of a value map for all that it does not name."""
TECHNOLOGIES = ("2g", "3g", "4g", "5g", "fixed")
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""i-Speed is younger: what claims to be older has a wrong date."""
_AHEAD = timedelta(days=1)
_MOST_TEXT = 500
_HASH_DIGITS = 32
"""128 bits: two of a billion rows are alike by chance once in 10^20 collections."""


class Field(NamedTuple):
    """What a line may say."""

    name: str
    required: bool = False
    unit: str | None = None
    """Dimension: `rate` or `duration`; None has no unit."""
    valued: bool = False
    """Whether a value map makes sense."""


class Row(NamedTuple):
    """What is stored of a line."""

    utc: datetime
    identity: str
    """The same for two lines that say the same thing."""
    content: str
    """Hash of all it says: two rows of one identity must agree, or the second is refused."""
    values: dict[str, Any]


class Rules(NamedTuple):
    """What lines are read by."""

    mapping: Mapping
    communes: Communes
    operators: Dictionary[str, str]
    """Name of each operator by its folded name and by its PLMNs."""
    now: datetime

    @classmethod
    def of(cls, mapping: Mapping, place: Place, now: datetime) -> Self:
        """A mapping, by the areas and operators in use."""
        names = {
            name: one.name
            for one in place.operators
            for name in (folded(one.name), *one.plmns, *(f"{p[:3]}-{p[3:]}" for p in one.plmns))
        }
        return cls(mapping, Communes(place.boundaries.areas), names, now)


class Line:
    """The fields of one line as typed values; each method raises `Unusable`."""

    def __init__(self, fields: Dictionary[str, str | None], rules: Rules) -> None:
        """`fields` has the text of each mapped field, None where there is none."""
        self._fields = fields
        self._mapping = rules.mapping
        self._rules = rules

    @property
    def series(self) -> str:
        """Within which the numbers of samples are given once."""
        return self._mapping.series

    @property
    def figures(self) -> dict[str, str]:
        """What the mapping takes as it stands, by our name for it."""
        return {
            name: text
            for name in self._mapping.figures
            if (text := self._fields.get(f"figures.{name}")) is not None
        }

    def text(self, name: str) -> str | None:
        """A text, mapped where a value map has it."""
        text = self._fields.get(name)
        if text is None:
            return None
        if len(text) > _MOST_TEXT:
            raise Unusable(name, f"has {len(text)} characters, more than {_MOST_TEXT}")
        if not text.isprintable():
            raise Unusable(name, f"holds a character that cannot be seen: {text[:40]!a}")
        return self._mapped(name, text)

    def number(self, name: str, *, low: float, high: float) -> float | None:
        """A number in our own unit, within sensible bounds."""
        text = self._fields.get(name)
        if text is None:
            return None
        value = self._scaled(name, text)
        if not low <= value <= high:
            unit = self._mapping.own_unit(name)
            raise Unusable(name, f"{text} is not between {low:g} and {high:g}{unit}")
        return value

    def count(self, name: str) -> int | None:
        """A whole number that is not negative."""
        value = self.number(name, low=0, high=1e9)
        if value is None:
            return None
        if value != math.floor(value):
            raise Unusable(name, f"{self._fields[name]} is no whole number")
        return int(value)

    def instant(self, name: str) -> datetime:
        """A moment, between when i-Speed began and now."""
        found = instant_of(name, self._needed(name), self._mapping.time)
        if not EARLIEST <= found <= self._rules.now + _AHEAD:
            raise Unusable(name, f"{self._fields[name]} is before 2015 or in the future")
        return found

    def month(self, name: str) -> date:
        """The first day of a calendar month."""
        found = month_of(name, self._needed(name), self._mapping.time)
        if not EARLIEST.date() <= found <= self._rules.now.date():
            raise Unusable(name, f"{self._fields[name]} is before 2015 or in the future")
        return found

    def day(self, name: str) -> date | None:
        """A day."""
        text = self._fields.get(name)
        return None if text is None else day_of(name, text, self._mapping.time)

    def operator(self) -> str | None:
        """One of the configured operators; None where the line or the value map does not say."""
        text = self.text("operator")
        if text is None or text == UNKNOWN:
            return None
        found = self._rules.operators.get(folded(text))
        if found is None:
            known = ", ".join(sorted(set(self._rules.operators.values())))
            what = f"{text!r} is none of {known}: say in [values.operator] which it is, or unknown"
            raise Unusable("operator", what)
        return found

    def technology(self) -> str | None:
        """One of `TECHNOLOGIES`; None where the line or the value map does not say."""
        text = self.text("technology")
        if text is None or text == UNKNOWN:
            return None
        found = folded(text)
        if found not in TECHNOLOGIES:
            known = ", ".join(TECHNOLOGIES)
            what = f"{text!r} is none of {known}: say in [values.technology] which it is"
            raise Unusable("technology", what)
        return found

    def commune(self, on: date) -> Found | None:
        """The commune by its code or name on that day; None where the line does not say."""
        text = self.text("commune")
        if text is None:
            return None
        return self._rules.communes.find(
            text, on=on, by=self._mapping.communes, district=self.text("district")
        )

    def _needed(self, name: str) -> str:
        text = self._fields.get(name)
        if text is None:
            raise Unusable(name, "is empty")
        return text

    def _mapped(self, name: str, text: str) -> str:
        values = self._mapping.folded_values.get(name)
        if values is None:
            return text
        return values.get(folded(text), values.get(OTHERWISE, text))

    def _scaled(self, name: str, text: str) -> float:
        number = number_of(name, text, self._mapping.file)
        return float(number * self._mapping.factors.get(name, Decimal(1)))


def hashed(*parts: object) -> str:
    """One short name for several values; None is another value than an empty text."""
    text = "\x1f".join("\x00" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]
