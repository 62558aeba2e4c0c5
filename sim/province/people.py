"""How many live where: numbers of our own, drawn from the seed, for communes and for a grid."""

import math
from typing import Any, NamedTuple

import numpy as np
import shapely

from sim.province.areas import Areas
from sim.province.scenario import Scenario
from sim.world.route import metres_per_degree

CELL_M = 2_000.0
_TOWN, _VILLAGE = 14_000.0, 8_000.0
_SIGMA = 0.4
_REACH_M = 2_500.0
"""How far people live from a commune's middle."""


class Cell(NamedTuple):
    """One square of the grid."""

    outline: Any
    population: float


def populations(scenario: Scenario, areas: Areas) -> dict[str, int]:
    """People of each of the 71 communes, by code."""
    dice = np.random.default_rng([scenario.seed, 8])
    return {
        one.code: round(
            (_VILLAGE if one.type == "Xã" else _TOWN) * float(dice.lognormal(0, _SIGMA))
        )
        for one in areas.communes
    }


def grid(areas: Areas, people: dict[str, int]) -> list[Cell]:
    """Squares that hold all of them; each commune's live around its representative point."""
    cells = []
    for commune in areas.communes:
        outline = areas.outlines[commune.code]
        lat_m, lon_m = metres_per_degree(commune.lat_deg)
        west, south, east, north = outline.bounds
        squares = [
            shapely.box(x, y, x + CELL_M / lon_m, y + CELL_M / lat_m).intersection(outline)
            for x in np.arange(west, east, CELL_M / lon_m).tolist()
            for y in np.arange(south, north, CELL_M / lat_m).tolist()
        ]
        squares = [one for one in squares if one.geom_type == "Polygon" and not one.is_empty]
        weights = [
            one.area
            * math.exp(
                -math.hypot(
                    (one.centroid.x - commune.lon_deg) * lon_m,
                    (one.centroid.y - commune.lat_deg) * lat_m,
                )
                / _REACH_M
            )
            for one in squares
        ]
        total = math.fsum(weights)
        cells += [
            Cell(square, people[commune.code] * weight / total)
            for square, weight in zip(squares, weights, strict=True)
        ]
    return cells
