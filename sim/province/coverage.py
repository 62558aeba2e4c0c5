"""5G coverage as the operators declare it: discs around their sites, and who lives inside."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import shapely
from shapely.geometry import Point

from sim.province.areas import CENTRES, Areas
from sim.province.networks import Networks
from sim.province.operators import OPERATORS
from sim.province.people import Cell
from sim.province.scenario import Month
from sim.world.route import metres_per_degree

RADIUS_M = 6_000.0


class Declared(NamedTuple):
    """What one operator says that it covers."""

    operator: str
    outline: Any


def declared(areas: Areas, networks: Networks, month: Month) -> list[Declared]:
    """The union of discs of each operator with 5G in a month."""
    by_code = {one.code: one for one in areas.communes}
    found = []
    for operator in OPERATORS:
        discs = []
        for code in CENTRES.values():
            if networks.has_nr(operator.plmn, code, month):
                commune = by_code[code]
                lat_m, _ = metres_per_degree(commune.lat_deg)
                discs.append(Point(commune.lon_deg, commune.lat_deg).buffer(RADIUS_M / lat_m, 12))
        if discs:
            found.append(Declared(operator.name, shapely.union_all(discs)))
    return found


def share_of_people(cells: Sequence[Cell], outlines: Iterable[Any]) -> float:
    """Share of all people whose cell's middle lies in any of the outlines."""
    union = shapely.union_all(list(outlines))
    inside = sum(one.population for one in cells if union.contains(one.outline.centroid))
    return inside / sum(one.population for one in cells)
