"""What is proven of declared maps, from `people.csv` and the drawn squares in `rows_in.csv`.

The share of the people in a map counts if enough of the drawn squares are confirmed that the exact
lower limit (Clopper and Pearson 1934) reaches `verified_share`; else as much of it as is proven.
Each square counts as often as it was drawn. Of any operator the union of the maps that hold counts,
or the best of the others; nobody knows which parts of two shrunk maps are left.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from folder import Row, compare, each_row, names_of, read_json, read_parameters, rows_that_count
from limits import Trials, share_limits


class Map(NamedTuple):
    """What one operator declares in the area, and what counts of it."""

    inside: list[bool]
    """Of each square with people."""
    holds: bool
    estimate: float
    lower: float
    upper: float


def share_of(people: Sequence[Row], inside: Iterable[bool]) -> float:
    """Of the people, those who live inside."""
    weights = [float(row["population"]) for row in people]
    covered = math.fsum(one for one, there in zip(weights, inside, strict=True) if there)
    return covered / math.fsum(weights)


def map_of(name: str, people: Sequence[Row], hits: Counter[str], verified: float) -> Map | None:
    """What counts of a map; None without one."""
    declared = [row[f"declared_by_{name}"] for row in people]
    if not any(declared):
        return None
    inside = [one == "true" for one in declared]
    share = share_of(people, inside)
    drawn, confirmed, refuted = hits.total(), hits["confirmed"], hits["refuted"]
    if not drawn:
        return Map(inside, holds=False, estimate=share, lower=0.0, upper=share)
    least = share_limits(Trials(drawn, confirmed))[0] or 0.0
    most = share_limits(Trials(drawn, drawn - refuted))[1] or 0.0
    if least >= verified:
        return Map(inside, holds=True, estimate=share, lower=share, upper=share)
    seen = confirmed / (confirmed + refuted) if confirmed + refuted else 1.0
    return Map(inside, holds=False, estimate=share * seen, lower=share * least, upper=share * most)


def union(people: Sequence[Row], maps: Sequence[Map]) -> float:
    """Share of the people in any of the maps."""
    if not maps:
        return 0.0
    return share_of(people, map(any, zip(*(one.inside for one in maps), strict=True)))


def of_any(people: Sequence[Row], maps: Sequence[Map]) -> dict[str, float | None]:
    """What at least one of them covers."""
    if not maps:
        return {"estimate": None, "lower": None, "upper": None}
    holding = union(people, [one for one in maps if one.holds])
    lower = max(holding, *(one.lower for one in maps))
    upper = min(union(people, maps), math.fsum(one.upper for one in maps))
    return {
        "estimate": max(holding, *(one.estimate for one in maps)),
        "lower": lower,
        "upper": max(upper, lower),
    }


def main() -> int:
    """Compute, compare, and say so."""
    scope, verified = read_json("scope.json"), read_parameters()["verified_share"]
    people = [row for row in each_row("people.csv") if row[scope["level"]] == scope["code"]]
    hits: dict[str, Counter[str]] = {name: Counter() for name in names_of(scope)}
    for row in rows_that_count():
        if row["what"] == "cell":
            hits[row["operator"]][row["state"]] += int(row["hits"])
    maps = [
        one
        for name, own in hits.items()
        if people and (one := map_of(name, people, own, verified)) is not None
    ]
    found: dict[str, Any] = of_any(people, maps)
    visited = sum(own["confirmed"] + own["refuted"] for own in hits.values())
    return compare(found | {"n": len(people), "blocks": visited})


if __name__ == "__main__":
    sys.exit(main())
