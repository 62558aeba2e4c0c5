"""Attempts as independent units: one operator, one square of 100 m, one clock hour.

Units still share squares, cells and hours; `limits.py` counts them for less where those differ.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from folder import Row, read_json
from limits import Clusters, share_figures, trials_of


class Unit(NamedTuple):
    """The rows of one operator in one place and hour."""

    operator: str
    place: tuple[str, str]
    hour: str
    rows: list[Row]

    @property
    def cell(self) -> str:
        """The cell of most rows that have one; of several the one with the lowest number."""
        return most_served(row["cell_id"] for row in self.rows if row["cell_id"])


def most_served(cells: Iterable[str]) -> str:
    """The cell named most often; of several the one with the lowest number, of none ""."""
    served = Counter(cells)
    return min(served, key=lambda one: (-served[one], int(one)), default="")


def units_of(rows: Iterable[Row]) -> list[Unit]:
    """Rows put together."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[row["operator"], (row["grid_row"], row["grid_column"]), row["hour"]].append(row)
    return [Unit(*key, own) for key, own in found.items()]


def where(units: Sequence[Unit]) -> Clusters:
    """Clusters on the ground: squares and cells."""
    return [[unit.place for unit in units], cells_of(units)]


def cells_of(units: Sequence[Unit]) -> Sequence[Any]:
    """Operator and cell; without one, the cell of the nearest square where one is known.

    Of several such squares the one lowest in row and column counts. Where no cell of the operator
    is known at all, a unit stands for itself.
    """
    known: dict[str, dict[tuple[int, int], list[str]]] = defaultdict(lambda: defaultdict(list))
    for unit in units:
        if unit.cell:
            known[unit.operator][square(unit)].append(unit.cell)
    nearest: dict[tuple[str, tuple[int, int]], str] = {}
    found: list[Any] = []
    for unit in units:
        cell, asked = unit.cell, (unit.operator, square(unit))
        if not cell and unit.operator in known:
            if asked not in nearest:
                nearest[asked] = most_served(nearest_of(known[unit.operator], asked[1]))
            cell = nearest[asked]
        found.append((unit.operator, cell) if cell else (unit.operator, unit.place, unit.hour))
    return found


def nearest_of(known: dict[tuple[int, int], list[str]], at: tuple[int, int]) -> list[str]:
    """What is known of the nearest square."""
    return known[min(known, key=lambda one: ((one[0] - at[0]) ** 2 + (one[1] - at[1]) ** 2, one))]


def square(unit: Unit) -> tuple[int, int]:
    """Row and column on the grid."""
    return int(unit.place[0]), int(unit.place[1])


def when(units: Sequence[Unit]) -> Clusters:
    """Clusters in time: hours."""
    return [[unit.hour for unit in units]]


def share(
    rows: Sequence[Row], met: Callable[[Row], bool], *, each_unit_once: bool = False
) -> dict[str, Any]:
    """The share of rows that meet it, or of units as far as their rows do, with its limits."""
    units = units_of(rows)
    hits = [sum(met(row) for row in unit.rows) for unit in units]
    sizes = [len(unit.rows) for unit in units]
    good: list[float] = [*hits]
    estimate = sum(hits) / len(rows) if rows else None
    if each_unit_once:
        good = [k / n for k, n in zip(hits, sizes, strict=True)]
        estimate = math.fsum(good) / len(units) if units else None
        sizes = [1] * len(units)
    found = trials_of(good, sizes, where(units), when(units))
    return share_figures(found, estimate, read_json("verdict.json")["threshold"]) | {
        "n": len(rows),
        "blocks": len(units),
        "n_eff": found.trials if rows else None,
        "failures": sum(row["failed"] == "true" for row in rows),
    }
