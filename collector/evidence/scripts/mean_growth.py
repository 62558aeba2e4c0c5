"""The mean download rate over that of the year before, and its limits.

Each year's mean is computed as any mean download rate; a ratio of two means has its limits on the
scale of logarithms, where it is a difference (delta method).
"""

import math
import sys

from folder import compare, names_of, read_json, rows_that_count
from limits import Mean, student, weighted
from rates import of_area


def of_year(year: str, names: list[str]) -> Mean | None:
    """The mean of one year: each operator with the same weight, and each of them measured."""
    rows = [row for row in rows_that_count() if row["year"] == year]
    found = [of_area([row for row in rows if row["operator"] == name]) for name in names]
    known = [(1.0, one) for one in found if one is not None]
    return weighted(known) if len(known) == len(names) else None


def limits_of(this: Mean, before: Mean) -> tuple[float | None, float | None]:
    """One-sided limits of the ratio; none where a mean has no variance."""
    if not this.variance or not before.variance or this.value <= 0:
        return None, None
    parts = [(one.variance / one.value**2, one.degrees) for one in (this, before)]
    variance = math.fsum(share for share, _ in parts)
    degrees = variance**2 / math.fsum(share**2 / count for share, count in parts)
    reach = student(degrees) * math.sqrt(variance)
    middle = math.log(this.value / before.value)
    return math.exp(middle - reach), math.exp(middle + reach)


def main() -> int:
    """Compute, compare, and say so."""
    names = names_of(read_json("scope.json"))
    this, before = of_year("this", names), of_year("before", names)
    n = sum(row["year"] == "this" and row["failed"] == "false" for row in rows_that_count())
    if this is None or before is None or before.value <= 0:
        return compare({"estimate": None, "lower": None, "upper": None, "n": n})
    lower, upper = limits_of(this, before)
    return compare({"estimate": this.value / before.value, "lower": lower, "upper": upper, "n": n})


if __name__ == "__main__":
    sys.exit(main())
