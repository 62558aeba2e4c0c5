"""What was imported, as rows that a KPI reads; see `collector.kpi.Source.imported`."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from collector.imports.kinds import Kind, kinds
from collector.imports.store import ImportStore
from collector.store.columns import TIMESTAMP

AUDIT = "audit"
"""Kind of the rows that are squares of random samples of declared coverage."""
_AUDIT_COLUMNS = pa.schema(
    [
        ("operator", pa.string()),
        ("technology", pa.string()),
        ("seed", pa.int64()),
        ("district", pa.string()),
        ("lat_deg", pa.float64()),
        ("lon_deg", pa.float64()),
        ("side_m", pa.float64()),
        ("population", pa.float64()),
        ("hits", pa.int64()),
    ]
)
_OF_EVERY_ROW = pa.schema(
    [
        ("probe", pa.string()),
        ("epoch", pa.string()),
        ("seq", pa.int64()),
        ("utc", TIMESTAMP),
        ("received_utc", TIMESTAMP),
    ]
)


def source(path: Path) -> Callable[[str], pa.Table]:
    """What gives all rows of a kind, from the imports' file; read again when it has changed."""
    known: dict[str, tuple[str, pa.Table]] = {}

    def rows_of(kind: str) -> pa.Table:
        state = _state(path)
        if kind not in known or known[kind][0] != state:
            known[kind] = state, rows(path, kind)
        return known[kind][1]

    return rows_of


def rows(path: Path, kind: str) -> pa.Table:
    """All rows of a kind that count, in the order of their keys; none where nothing was imported.

    `probe` is `import:` and the number of the import, `epoch` the SHA-256 of its file, `seq` the
    line; of an audit `draw:` with its number, operator, and the number of the square. Raises
    `StoreError`, and KeyError for an unknown kind.
    """
    if kind == AUDIT:
        return _sorted(_audit(path), _AUDIT_COLUMNS)
    known = kinds()[kind]
    return _sorted(_imported(path, known), known.columns)


def _state(path: Path) -> str:
    if not path.exists():
        return ""
    with ImportStore(path, read_only=True) as store:
        return store.state()


def _imported(path: Path, kind: Kind) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    with ImportStore(path, read_only=True) as store:
        found = store.counting(kind)
    return [
        (f"import:{number}", sha256, line, utc_us, _us(imported_utc), *values)
        for number, sha256, imported_utc, line, utc_us, *values in found
    ]


def _audit(path: Path) -> list[tuple[Any, ...]]:
    if not path.exists():
        return []
    found = []
    with ImportStore(path, read_only=True) as store:
        for draw in store.draws():
            said = (draw.operator, draw.technology, draw.seed)
            found += [
                (
                    f"draw:{draw.id}",
                    draw.operator,
                    cell.number,
                    draw.utc_us,
                    _us(draw.drawn_utc),
                    *said,
                    *(getattr(cell, name) for name in _AUDIT_COLUMNS.names[len(said) :]),
                )
                for cell in store.drawn(draw.id)
            ]
    return found


def _sorted(found: list[tuple[Any, ...]], own: pa.Schema) -> pa.Table:
    schema = pa.schema([*_OF_EVERY_ROW, *own])
    columns = list(zip(*found, strict=True)) or [()] * len(schema)
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )
    keys = [(name, "ascending") for name in ("probe", "epoch", "seq")]
    return table.sort_by(keys).combine_chunks()


def _us(utc: str) -> int:
    return round(datetime.fromisoformat(utc).timestamp() * 1_000_000)
