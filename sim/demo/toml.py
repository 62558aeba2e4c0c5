"""Configuration files for the parts that a simulation starts."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Value = str | float | bool | Path | Sequence[str] | None
Table = Mapping[str, Value]


def toml(
    head: Table, tables: Mapping[str, Table], lists: Mapping[str, Sequence[Table]] | None = None
) -> str:
    """A TOML document: plain keys, then `[tables]`, then `[[tables]]` of which there are many.

    Keys whose value is None are left out.
    """
    parts = [_lines(head)]
    parts += [f"[{name}]\n{_lines(table)}" for name, table in tables.items()]
    parts += [
        f"[[{name}]]\n{_lines(table)}" for name, rows in (lists or {}).items() for table in rows
    ]
    return "\n".join(parts)


def _lines(table: Table) -> str:
    return "".join(
        f"{key} = {_value(value)}\n" for key, value in table.items() if value is not None
    )


def _value(value: Value) -> str:
    # Strings, numbers, booleans and arrays look the same in JSON and TOML.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
