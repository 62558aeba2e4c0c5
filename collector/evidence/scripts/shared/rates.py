"""Mean rates of an area, download or upload, as two verdicts use them.

Tests of one operator on one square of 100 m in one clock hour make one value: the mean of the
means of their cells. A district is the mean of its communes, all operators that of the operators.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from folder import Row, compare, names_of, read_json, read_parameters, rows_that_count
from limits import Mean, mean_figures, mean_of, weighted
from units import Unit, units_of, when, where

_BLOCK = ("commune", "district", "province", "plmn", "cell_id")
"""With operator, square and hour: tests that are hardly independent of each other."""


def main() -> int:
    """Compute, compare, and say so."""
    scope = read_json("scope.json")
    every_commune = read_parameters()["every_commune"]
    rows = [row for row in rows_that_count() if row["operator"] in names_of(scope)]
    means = [
        of_operator(
            [row for row in rows if row["operator"] == name], scope, every_commune=every_commune
        )
        for name in names_of(scope)
    ]
    found = weighted([(1.0, one) for one in means if one is not None])
    finished = [row for row in rows if row["failed"] == "false"]
    return compare(
        mean_figures(found, read_json("verdict.json")["threshold"])
        | {
            "n": len(finished),
            "blocks": len(units_of(finished)),
            "failures": len(rows) - len(finished),
        }
    )


def of_operator(rows: Sequence[Row], scope: Any, *, every_commune: bool) -> Mean | None:
    """The mean of one operator: of an area, or of its communes by their people.

    Communes with one value have no limits; they are only taken where there is none with more.
    """
    communes = [area for area in scope["areas"] if area["level"] == "commune"]
    if scope["level"] == "commune" or not every_commune or not communes:
        return of_area(rows)
    people = [area["population"] for area in communes]
    parts, thin = [], []
    for area, count in zip(communes, people, strict=True):
        found = of_area([row for row in rows if row["commune"] == area["code"]])
        if found is not None and found.variance is not None:
            parts.append((1.0 if None in people else float(count), found))
        elif found is not None:
            thin.append((1.0, found))
    return weighted(parts or thin)


def of_area(rows: Sequence[Row]) -> Mean | None:
    """The mean of one operator in one area."""
    units = [unit for one in units_of(rows) if (unit := of_blocks_that_finished(one)).rows]
    return mean_of([value_of(unit) for unit in units], where(units), when(units))


def of_blocks_that_finished(unit: Unit) -> Unit:
    """Without the cells in which no test finished."""
    rows = [row for own in blocks(unit) if rates(own) for row in own]
    return unit._replace(rows=rows)


def value_of(unit: Unit) -> float:
    """Of one operator, square and hour."""
    means = [math.fsum(found) / len(found) for found in map(rates, blocks(unit))]
    return math.fsum(means) / len(means)


def blocks(unit: Unit) -> list[list[Row]]:
    """Its tests by cell, and by area where a border runs through the square."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in unit.rows:
        found[tuple(row[name] for name in _BLOCK)].append(row)
    return list(found.values())


def rates(rows: Sequence[Row]) -> list[float]:
    """Of the tests that finished, in Mbit/s."""
    return [float(row["rate_mbit_s"]) for row in rows if row["failed"] == "false"]
