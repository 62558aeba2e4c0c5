"""Columns as NumPy arrays, for what takes many rows together."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

US_PER_S = 1_000_000


class Codes:
    """A number for each distinct combination of values in some columns of a table.

    Numbers rise with the place of a combination among the first columns, so that rows which agree
    in those have neighbouring numbers.
    """

    def __init__(self, rows: pa.Table, *names: str) -> None:
        """Number the rows; null is a value of its own."""
        mixed = np.zeros(len(rows), np.int64)
        values: list[list[Any]] = []
        for name in names:
            encoded = pc.dictionary_encode(rows[name].combine_chunks(), null_encoding="encode")
            if isinstance(encoded, pa.ChunkedArray):
                encoded = encoded.combine_chunks()
            values.append(encoded.dictionary.to_pylist())
            mixed = mixed * max(len(values[-1]), 1) + encoded.indices.to_numpy().astype(np.int64)
        found, of_row = np.unique(mixed, return_inverse=True)
        self.of_row: Ints = of_row.astype(np.int64)
        """Number of each row."""
        self.labels: list[tuple[Any, ...]] = [_label(int(code), values) for code in found]
        """The combination behind each number."""


def _label(code: int, values: list[list[Any]]) -> tuple[Any, ...]:
    label: list[Any] = []
    for column in reversed(values):
        code, index = divmod(code, max(len(column), 1))
        label.append(column[index])
    return tuple(reversed(label))


def floats(column: pa.ChunkedArray) -> Floats:
    """As floats, null as NaN."""
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)


def flags(column: pa.ChunkedArray) -> Flags:
    """As truth values, null as False."""
    return np.asarray(pc.fill_null(column, False).to_numpy(), np.bool_)


def micros(column: pa.ChunkedArray) -> Ints:
    """Instants as microseconds since 1970, null as 0."""
    return np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(), np.int64)


def starts(*keys: npt.NDArray[Any]) -> Ints:
    """Where groups of equal neighbours begin, in arrays ordered by these keys."""
    count = len(keys[0])
    if not count:
        return np.empty(0, np.int64)
    changed = np.zeros(count, np.bool_)
    changed[0] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changed).astype(np.int64)


def with_reason(rows: pa.Table, reason: str, where: Flags) -> pa.Table:
    """With this reason where there was none before and `where` holds."""
    mask = pa.chunked_array([pa.array(where)])
    found = pc.coalesce(rows["reason"], pc.if_else(mask, reason, pa.scalar(None, pa.string())))
    return rows.set_column(rows.column_names.index("reason"), "reason", found)
