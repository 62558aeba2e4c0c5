"""The rows behind a verdict: which, and one hash that any of them would change."""

import hashlib

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collector.kpi import KEY, Scope
from collector.targets.verdict import Evidence

_NOTHING = hashlib.sha256(b"").hexdigest()


class Dataset:
    """All rows that one KPI looked at in a period, in the order of their keys."""

    def __init__(self, rows: pa.Table | None) -> None:
        """See `collector.kpi.Measured.rows`."""
        self._rows = rows.append_column("line", _lines(rows)) if rows else None

    def of(self, scope: Scope, *, all_operators: bool) -> pa.Table | None:
        """The rows of one scope, those of all operators or its own; None of no row at all."""
        rows = self._rows
        if rows is None:
            return None
        here = pc.equal(rows[scope.level], scope.code)
        if not all_operators:
            here = pc.and_(here, pc.equal(rows["operator"], scope.operator))
        return rows.filter(here)

    def all(self) -> pa.Table | None:
        """Every row; None where there are none."""
        return self._rows


def evidence_of(rows: pa.Table | None, evidence: Evidence) -> Evidence:
    """With what it says of the rows that `Dataset` gave."""
    if not rows:
        return msgspec.structs.replace(evidence, rows_sha256=_NOTHING)
    rows_out = len(rows) - rows["reason"].null_count
    return msgspec.structs.replace(
        evidence,
        rows_sha256=_digest(rows["line"]),
        rows_in=len(rows) - rows_out,
        rows_out=rows_out,
    )


def border_samples(rows: pa.Table | None) -> int | None:
    """Rows that count and whose error reaches over a border; None where nobody looked for one."""
    if rows is None or "border" not in rows.column_names:
        return None
    counts = pc.and_(pc.is_null(rows["reason"]), pc.fill_null(rows["border"], False))
    return int(pc.sum(counts).as_py() or 0)


def _lines(rows: pa.Table) -> pa.ChunkedArray:
    """`probe epoch seq utc-in-microseconds reason` and a line break, for each row."""
    parts = [pc.fill_null(rows[name].cast(pa.string()), "") for name in KEY]
    utc_us = pc.fill_null(rows["utc"].cast(pa.int64()).cast(pa.string()), "")
    reason = pc.fill_null(rows["reason"], "")
    joined = pc.binary_join_element_wise(*parts, utc_us, reason, " ")
    return pc.binary_join_element_wise(joined, "\n", "")


def _digest(lines: pa.ChunkedArray) -> str:
    found = hashlib.sha256()
    for chunk in lines.chunks:
        _, offsets, data = chunk.buffers()
        ends = memoryview(offsets).cast("i")
        found.update(memoryview(data)[ends[chunk.offset] : ends[chunk.offset + len(chunk)]])
    return found.hexdigest()
