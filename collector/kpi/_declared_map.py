"""What operators declare of people, and what of it an audit confirms (for `population_5g`)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector import stats
from collector.kpi import Area, Ground
from collector.kpi._attempts import LEVELS
from collector.kpi._audit import Seen, Square


class People:
    """Where people live, and who declares what there."""

    def __init__(self, ground: Ground, technology: str) -> None:
        cells = [cell for cell in ground.population if cell.population > 0]
        self.weights = np.array([cell.population for cell in cells])
        self._points = pa.table(
            {
                "lat_deg": pa.array([cell.lat_deg for cell in cells], pa.float64()),
                "lon_deg": pa.array([cell.lon_deg for cell in cells], pa.float64()),
                "error_m": pa.array([0.0] * len(cells), pa.float64()),
            }
        )
        self._ground = ground
        self._technology = technology
        layers = ground.layers
        self._areas = layers.areas(self._points) if layers is not None and cells else None

    def inside(self, area: Area) -> Any:
        """Whether each cell lies in an area; all of them where there are no polygons."""
        if self._areas is None:
            return np.ones(len(self.weights), dtype=bool)
        there = pc.fill_null(pc.equal(self._areas[area.level], area.code), False)
        return there.to_numpy(zero_copy_only=False)

    def declared(self, operator: str) -> Any:
        """Whether each cell is declared to be covered; None without a map."""
        layers = self._ground.layers
        if layers is None or not len(self.weights):
            return None
        found = layers.declared(self._points, operator, self._technology)
        if found is None:
            return None
        return pc.fill_null(found, False).to_numpy(zero_copy_only=False)

    def told(self) -> pa.Table:
        """Each cell: its middle, people and areas, and whether it is declared by each operator.

        Areas are null without polygons, and what is declared is without a map.
        """
        count = len(self.weights)
        columns = {
            "lat_deg": self._points["lat_deg"],
            "lon_deg": self._points["lon_deg"],
            "population": pa.array(self.weights, pa.float64()),
        }
        for level in LEVELS:
            nowhere = pa.nulls(count, pa.string())
            columns[level] = nowhere if self._areas is None else self._areas[level]
        for one in self._ground.operators:
            declared = self.declared(one.name)
            columns[f"declared_by_{one.name}"] = (
                pa.nulls(count, pa.bool_()) if declared is None else pa.array(declared)
            )
        return pa.table(columns)


class Map(NamedTuple):
    """What one operator declares in one area, and what the audit says of it."""

    area: Area
    operator: str
    cells: int
    """With people, in the area."""
    declared: Any
    """Whether each cell of the ground is declared, in this area; None without a map."""
    share: float | None
    """Of the area's people, that the map covers."""
    draws: int
    confirmed: int
    refuted: int
    open: tuple[int, ...]
    """Numbers of the squares nobody can say anything about yet."""
    lower: float | None
    """95 % limits of the confirmed share of the people in the map."""
    upper: float | None

    def holds(self, verified_share: float) -> bool:
        """Whether so much of the map is confirmed that all of it counts."""
        return self.lower is not None and self.lower >= verified_share

    @property
    def visited(self) -> int:
        """Draws that are decided."""
        return self.confirmed + self.refuted


def audited(
    people: People, area: Area, operator: str, squares: Sequence[Square], seen: Seen
) -> Map:
    """An operator's map in an area, with what became of the squares that were drawn in it."""
    inside = people.inside(area)
    declared = people.declared(operator)
    total = float(people.weights[inside].sum())
    mine = [square for square in squares if square.operator == operator]
    hits = {"confirmed": 0, "refuted": 0, "open": 0}
    for square in mine:
        hits[seen.states[square.key]] += square.hits
    draws = sum(hits.values())
    return Map(
        area=area,
        operator=operator,
        cells=int(inside.sum()),
        declared=None if declared is None else declared & inside,
        share=float(people.weights[declared & inside].sum()) / total
        if declared is not None and total
        else None,
        draws=draws,
        confirmed=hits["confirmed"],
        refuted=hits["refuted"],
        open=tuple(one.key[2] for one in mine if seen.states[one.key] == "open"),
        lower=stats.clopper_pearson(hits["confirmed"], draws).lower,
        upper=stats.clopper_pearson(draws - hits["refuted"], draws).upper,
    )


class Proven(NamedTuple):
    """What of the people is proven to have 5G."""

    estimate: float
    lower: float
    upper: float


def proven(one: Map, verified_share: float) -> Proven | None:
    """What of a map counts; None without a map."""
    if one.share is None:
        return None
    if one.lower is None or one.upper is None:
        return Proven(one.share, 0.0, one.share)
    if one.holds(verified_share):
        return Proven(one.share, one.share, one.share)
    seen = one.confirmed / one.visited if one.visited else 1.0
    return Proven(one.share * seen, one.share * one.lower, one.share * one.upper)


def union(maps: Sequence[Map], people: People, area: Area) -> float:
    """Share of an area's people that any of the maps covers."""
    total = float(people.weights[people.inside(area)].sum())
    covered = [one.declared for one in maps if one.declared is not None]
    if not covered or not total:
        return 0.0
    return float(people.weights[np.logical_or.reduce(covered)].sum()) / total
