"""Imported rows in the areas of a ground, and by month (shared by the KPIs made of them).

A row with a position lies where the ground's polygons say. One with a code only counts where the
ground's boundary set is the one it is a code of: codes were used again in July 2025.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.geo.set_names import is_of_set
from collector.kpi import KEY, Ground, Period

LEVELS = ("commune", "district", "province")
FIXED = "fixed"
"""Technology of samples that no mobile network served."""
_LOCAL = timedelta(hours=7)
_MONTHS = 12

Month = str
"""`2026-10`, of the calendar of Viet Nam."""


class Placed(NamedTuple):
    """One commune and month."""

    commune: str
    month: Month


def months(period: Period) -> tuple[Month, ...]:
    """The calendar months that a period touches."""
    first = period.start_utc + _LOCAL
    last = period.end_utc - timedelta(microseconds=1) + _LOCAL
    count = (last.year - first.year) * _MONTHS + last.month - first.month + 1
    found = []
    for index in range(count):
        years, month = divmod(first.month - 1 + index, _MONTHS)
        found.append(f"{first.year + years:04}-{month + 1:02}")
    return tuple(found)


def located(rows: pa.Table, ground: Ground) -> pa.Table:
    """With `commune`, `district`, `province`, `month`, and `reason` where it lies in no area.

    Rows have `commune` and `boundary_set` as imported, and maybe `lat_deg` and `lon_deg`.
    """
    commune, reason = _by_code(rows, ground)
    if ground.layers is not None and "lat_deg" in rows.column_names:
        commune, reason = _by_position(rows, ground, commune, reason)
    around: dict[str | None, dict[str, str]] = {
        area.code: area.within for area in ground.at("commune")
    }
    columns = {
        "commune": pa.array(commune, pa.string()),
        "district": pa.array([around.get(one, {}).get("district") for one in commune], pa.string()),
        "province": pa.array([around.get(one, {}).get("province") for one in commune], pa.string()),
        "month": pa.array(_months(rows["utc"]), pa.string()),
        "reason": pa.array(reason, pa.string()),
    }
    kept = [name for name in rows.column_names if name not in columns]
    rows = rows.select(kept)
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    return rows


class Left(NamedTuple):
    """How many rows were left out."""

    counted: Counter[tuple[str | None, ...]]
    """By commune, district, province, operator and reason."""

    def all(self) -> dict[str, int]:
        """By reason."""
        return self._by_reason(lambda _: True)

    def of(self, level: str, code: str, operator: str | None = None) -> dict[str, int]:
        """By reason, in one area, and of one operator or of all."""
        place, who = LEVELS.index(level), len(LEVELS)
        return self._by_reason(lambda k: k[place] == code and operator in {None, k[who]})

    def _by_reason(self, wanted: Callable[[tuple[str | None, ...]], bool]) -> dict[str, int]:
        reasons: Counter[str] = Counter()
        for key, rows in self.counted.items():
            if wanted(key):
                reasons[str(key[-1])] += rows
        return dict(sorted(reasons.items()))


def left_out(rows: pa.Table) -> Left:
    """The rows that carry a reason."""
    out = rows.filter(pc.is_valid(rows["reason"]))
    names = (*LEVELS, "operator", "reason")
    return Left(Counter(zip(*(out[name].to_pylist() for name in names), strict=True)))


def with_reason(rows: pa.Table, reason: Sequence[str | None]) -> pa.Table:
    """With further reasons, behind those that are there."""
    further = pa.array(reason, pa.string())
    both = pc.coalesce(rows["reason"], further)
    return rows.set_column(rows.column_names.index("reason"), "reason", both)


def evidence(tables: Mapping[str, pa.Table]) -> pa.Table:
    """Rows of several kinds under each other, with `what` they are, in the order of their keys."""
    together = pa.concat_tables(
        [
            rows.append_column("what", pa.repeat(pa.scalar(what, pa.string()), len(rows)))
            for what, rows in tables.items()
        ],
        promote_options="default",
    )
    return together.sort_by([(name, "ascending") for name in KEY]).combine_chunks()


def by_place(rows: pa.Table, names: Iterable[str]) -> dict[Placed, list[tuple[Any, ...]]]:
    """The named columns of the rows that count, by commune and month."""
    counting = rows.filter(pc.is_null(rows["reason"]))
    found: dict[Placed, list[tuple[Any, ...]]] = {}
    where = (counting["commune"].to_pylist(), counting["month"].to_pylist())
    columns = (counting[name].to_pylist() for name in names)
    for commune, month, *row in zip(*where, *columns, strict=True):
        found.setdefault(Placed(commune, month), []).append(tuple(row))
    return found


def parts_of_totals(figures: pa.Table) -> list[str | None]:
    """Figures that another one of the same commune and month has in it.

    A figure is of all operators or one, and of all generations or one. Of each place only figures
    that are alike in this are added up, the most general that there are.
    """
    names = ("commune", "month", "operator", "technology", "reason")
    lines = list(zip(*(figures[name].to_pylist() for name in names), strict=True))
    general: dict[Placed, tuple[bool, bool]] = {}
    for commune, month, operator, technology, reason in lines:
        if reason is None:
            place, said = Placed(commune, month), (operator is not None, technology is not None)
            general[place] = min(general.get(place, said), said)
    return [
        "part_of_total"
        if reason is None
        and (operator is not None, technology is not None) != general[Placed(commune, month)]
        else None
        for commune, month, operator, technology, reason in lines
    ]


def _by_code(rows: pa.Table, ground: Ground) -> tuple[list[str | None], list[str | None]]:
    known = {area.code for area in ground.at("commune")}
    ours = {
        name: name is not None and is_of_set(ground.boundary_set or "", name)
        for name in pc.unique(rows["boundary_set"]).to_pylist()
    }
    communes: list[str | None] = []
    reasons: list[str | None] = []
    for code, boundary_set in zip(
        rows["commune"].to_pylist(), rows["boundary_set"].to_pylist(), strict=True
    ):
        if code is not None and not ours[boundary_set]:
            communes.append(None)
            reasons.append("other_boundary_set")
        else:
            inside = code in known
            communes.append(code if inside else None)
            reasons.append(None if inside else "outside_areas")
    return communes, reasons


def _by_position(
    rows: pa.Table, ground: Ground, commune: list[str | None], reason: list[str | None]
) -> tuple[list[str | None], list[str | None]]:
    index = np.flatnonzero(pc.is_valid(rows["lat_deg"]).to_numpy(zero_copy_only=False))
    if not len(index):
        return commune, reason
    points = rows.select(["lat_deg", "lon_deg"]).take(index)
    # How good the position of somebody else's telephone is, nobody says.
    points = points.append_column("error_m", pa.repeat(0.0, len(points)))
    found = ground.layers.areas(points)["commune"].to_pylist()
    for place, code in zip(index.tolist(), found, strict=True):
        commune[place] = code
        reason[place] = None if code is not None else "outside_areas"
    return commune, reason


def _months(utc: pa.ChunkedArray) -> list[Month]:
    local = pc.add(utc.cast(pa.timestamp("us")), pa.scalar(_LOCAL, pa.duration("us")))
    return list(pc.strftime(local, format="%Y-%m").to_pylist())
