"""What the columns of a foreign table are, as a mapping says it; see `mapping_file`."""

import hashlib
from decimal import Decimal
from functools import cached_property

import msgspec

from collector.imports.text import folded, nfc
from collector.imports.values import Numbers, Times

ENCODINGS = ("utf-8", "utf-16", "windows-1258", "windows-1252")
DELIMITERS = (",", ";", "\t", "|")
UNITS = {
    "rate": {
        "bit/s": Decimal("0.000001"),
        "kbit/s": Decimal("0.001"),
        "Mbit/s": Decimal(1),
        "Gbit/s": Decimal(1000),
        "kB/s": Decimal("0.008"),
        "MB/s": Decimal(8),
    },
    "duration": {"ms": Decimal(1), "s": Decimal(1000)},
}
"""By dimension: the factor to our own unit."""
OWN_UNITS = {"rate": "Mbit/s", "duration": "ms"}


class Sheet(Numbers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the file is written."""

    encoding: str = "utf-8"
    """One of `ENCODINGS`; a byte order mark is left out by itself."""
    delimiter: str = ","
    skip_lines: int = 0
    """Lines before the one that names the columns."""
    empty: tuple[str, ...] = ("-", "N/A", "NULL", "null")
    """Besides nothing at all: what says that there is no value."""


class ByCommune(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How communes are named."""

    by: str = "code"
    """`code` or `name`."""
    boundary_set: str | None = None
    """Whose codes or names they are; None is the first set with areas on that day."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One mapping, checked."""

    kind: str
    """Of `collector.imports.kinds`."""
    series: str
    """What numbers its samples: the same sample comes under the same series again."""
    source: str = ""
    """Who makes such files, in words."""
    file: Sheet = Sheet()
    time: Times = Times()
    columns: dict[str, str]
    """Heading of the column by our name for what it says."""
    constants: dict[str, str] = {}
    """What all lines say, by our name for it."""
    units: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    """By our name of the field: our value for each of theirs, `*` for all others."""
    communes: ByCommune = ByCommune()
    figures: dict[str, str] = {}
    """Of a report: heading of each column that is kept as it stands, by our name for it."""
    text: str = ""
    """The file as it was read; not a key of it."""
    name: str = ""
    """Name of the file; not a key of it."""

    @cached_property
    def sha256(self) -> str:
        """Of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def folded_values(self) -> dict[str, dict[str, str]]:
        """`values` by folded text."""
        return {
            field: {folded(theirs): nfc(ours) for theirs, ours in values.items()}
            for field, values in self.values.items()
        }

    @cached_property
    def factors(self) -> dict[str, Decimal]:
        """Factor to our own unit, by field."""
        known = {unit: factor for units in UNITS.values() for unit, factor in units.items()}
        return {field: known[unit] for field, unit in self.units.items()}

    def own_unit(self, field: str) -> str:
        """The unit that a field is stored in, after a blank; empty for one without."""
        unit = self.units.get(field)
        dimension = next((name for name, units in UNITS.items() if unit in units), None)
        return "" if dimension is None else f" {OWN_UNITS[dimension]}"
