"""What may be imported. A new kind is a new module here and its table a step of the schema.

A module defines

- `FIELDS`, what a line may say, each a `Field`;
- `COLUMNS`, an Arrow schema: what is stored of a line, besides its number and `utc`;
- `VERSIONS`: of two rows that say the same thing the newer counts; else the first does;
- `row`, which makes a `Row` of a `Line`, and raises `Unusable`.
"""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa

from collector.imports.line import Field, Line, Row


class Kind(NamedTuple):
    """A discovered kind."""

    name: str
    fields: dict[str, Field]
    columns: pa.Schema
    versions: bool
    row: Callable[[Line], Row]


@cache
def kinds() -> dict[str, Kind]:
    """Every kind in this folder by name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module: Any = importlib.import_module(f"{__name__}.{info.name}")
        found[info.name] = Kind(
            name=info.name,
            fields={field.name: field for field in module.FIELDS},
            columns=module.COLUMNS,
            versions=module.VERSIONS,
            row=module.row,
        )
    return found
