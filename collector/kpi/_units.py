"""Independent units of a mean or a share, and the clusters they lie in.

A unit is what all cells together measured of one operator in one place and hour; it makes one value
of a mean or one trial of a share. Units are not quite independent: they share places, cells and
hours, and `collector.stats` counts them for less where those differ.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from collector import stats
from collector.kpi._attempts import Block, Place

_LACKING = {"cell": "other_cells", "place": "places", "hour": "hours"}
"""What more is needed of where units cluster by this; cells are harder to come by than places."""


class Located(Protocol):
    """Anything that is one value or one trial: of which operator, by which cell, where and when."""

    @property
    def operator(self) -> str:
        """Whose network it was."""

    @property
    def place(self) -> Place:
        """On which square."""

    @property
    def hour(self) -> int:
        """In which clock hour."""

    @property
    def cell_id(self) -> int | None:
        """By which cell; None where none served, or nobody read which."""


class Unit(NamedTuple):
    """One operator in one place and hour."""

    blocks: tuple[Block, ...]
    """One for each cell."""

    @property
    def operator(self) -> str:
        """Whose network it was."""
        return self.blocks[0].operator

    @property
    def place(self) -> Place:
        """On which square."""
        return self.blocks[0].place

    @property
    def hour(self) -> int:
        """In which clock hour."""
        return self.blocks[0].hour

    @property
    def cell_id(self) -> int | None:
        """As `most_served` of its attempts."""
        return most_served((block.cell_id, block.attempts) for block in self.blocks)


def units(blocks: Iterable[Block]) -> list[Unit]:
    """Blocks put together, in no promised order."""
    together: dict[tuple[object, ...], list[Block]] = defaultdict(list)
    for block in blocks:
        together[block.unit].append(block)
    return [Unit(tuple(found)) for found in together.values()]


def most_served(attempts: Iterable[tuple[int | None, int]]) -> int | None:
    """The cell of most attempts, given as cell and number; of several the one lowest in number.

    Attempts without a cell do not count; None where no other is left.
    """
    number: Counter[int] = Counter()
    for cell_id, count in attempts:
        if cell_id is not None:
            number[cell_id] += count
    return min(number, key=lambda cell: (-number[cell], cell), default=None)


def where(found: Sequence[Located]) -> Mapping[str, Sequence[object]]:
    """The clusters on the ground of each unit, by the name of the clustering."""
    return {"place": [unit.place for unit in found], "cell": _cells(found)}


def _cells(found: Sequence[Located]) -> Sequence[object]:
    """Operator and cell of each unit; a unit whose cell is not known is given one.

    Mostly it has none because its attempts failed. As a cluster such units would be failures only,
    and cells would differ whatever the network. So it goes to the cell that served its operator
    in the nearest place, and where no cell is known at all it stands for itself.
    """
    known: dict[str, dict[Place, list[tuple[int | None, int]]]]
    known = defaultdict(lambda: defaultdict(list))
    for unit in found:
        if unit.cell_id is not None:
            known[unit.operator][unit.place].append((unit.cell_id, 1))
    nearest = {operator: _Nearest(places) for operator, places in known.items()}
    cells: list[object] = []
    for unit in found:
        cell_id = unit.cell_id
        if cell_id is None and unit.operator in nearest:
            cell_id = most_served(known[unit.operator][nearest[unit.operator].to(unit.place)])
        alone = (unit.operator, unit.place, unit.hour)
        cells.append(alone if cell_id is None else (unit.operator, cell_id))
    return cells


class _Nearest:
    """Squares of the grid, asked for the nearest: in whole squares, so that anyone finds it."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = sorted(places)
        self._at = np.array(self._places)
        self._found: dict[Place, Place] = {}

    def to(self, place: Place) -> Place:
        """The nearest square; of several the one lowest in row and column."""
        if place not in self._found:
            distances = ((self._at - place) ** 2).sum(axis=1)
            self._found[place] = self._places[int(distances.argmin())]
        return self._found[place]


def when(found: Sequence[Located]) -> Mapping[str, Sequence[object]]:
    """The clusters in time of each unit, by the name of the clustering."""
    return {"hour": [unit.hour for unit in found]}


def lacking(by: Collection[str]) -> str:
    """What a `Need` is of: blocks, or more of what they cluster `by`."""
    return next((what for name, what in _LACKING.items() if name in by), "blocks")


def fewest_clusters(found: Sequence[Located], by: Collection[str]) -> int:
    """How many clusters there are of the clustering, among these, that has the fewest."""
    labels = {**where(found), **when(found)}
    return min(len(set(labels[name])) for name in by)


Value = Callable[[Block], float | None]
"""One number for a block, or None where it has none."""


def finished_mean(block: Block) -> float | None:
    """Of the tests that finished, in Mbit/s."""
    rates = block.rates_mbit_s
    return math.fsum(rates) / len(rates) if rates else None


def mean_of_units(blocks: Iterable[Block], value: Value) -> stats.Clustered | None:
    """Mean over the units that have a value, each the mean of its cells; None of none."""
    found = units(block for block in blocks if value(block) is not None)
    return stats.clustered_mean(
        [_mean_of([value(block) or 0.0 for block in unit.blocks]) for unit in found],
        where=where(found),
        when=when(found),
    )


def _mean_of(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
