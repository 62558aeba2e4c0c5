"""The kinds of record. A new kind is a new module here; no list names them.

A kind's module defines `Payload`, a frozen struct whose docstring says what one record is, and
`SCHEMA`, the number that changes only when an old reader would misunderstand a new record.
The module's name is the kind's name.
"""

import importlib
import pkgutil
from functools import cache
from typing import NamedTuple

import msgspec

from wire.messages import Measurement


class Kind(NamedTuple):
    """A discovered kind of record."""

    name: str
    schema: int
    payload: type[msgspec.Struct]

    @property
    def measurement(self) -> type[Measurement[msgspec.Struct]]:
        """`Measurement` with this kind's payload, as msgspec needs it to decode."""
        return Measurement[self.payload]  # type: ignore[name-defined]  # a run-time type argument


@cache
def kinds() -> dict[str, Kind]:
    """Every kind in this folder by name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        found[info.name] = Kind(info.name, module.SCHEMA, module.Payload)
    return found
