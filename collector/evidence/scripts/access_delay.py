"""The mean delay of an access to the Internet, and its limits, from `rows_in.csv`.

Accesses of one operator on one square of 100 m in one clock hour make one value, their mean. All
operators together are the mean of the operators.
"""

import math
import sys
from collections.abc import Sequence

from folder import Row, compare, names_of, read_json, rows_that_count
from limits import Mean, mean_figures, mean_of, weighted
from units import units_of, when, where


def of_operator(rows: Sequence[Row]) -> Mean | None:
    """The mean of one operator."""
    units = units_of(rows)
    values = [math.fsum(float(row["delay_s"]) for row in one.rows) / len(one.rows) for one in units]
    return mean_of(values, where(units), when(units))


def main() -> int:
    """Compute, compare, and say so."""
    rows = rows_that_count()
    means = [
        of_operator([row for row in rows if row["operator"] == name])
        for name in names_of(read_json("scope.json"))
    ]
    found = weighted([(1.0, one) for one in means if one is not None])
    return compare(
        mean_figures(found, read_json("verdict.json")["threshold"])
        | {"n": len(rows), "blocks": len(units_of(rows))}
    )


if __name__ == "__main__":
    sys.exit(main())
