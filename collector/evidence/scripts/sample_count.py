"""The number of i-Speed samples of a commune, from `rows_in.csv`.

A row is one sample, or a figure that says how many there were. Of several months the poorest
counts, and a month of which nothing is known may have had none.
"""

import sys
from collections import Counter
from datetime import datetime, timedelta

from folder import VIET_NAM, compare, read_json, rows_that_count


def months_of(period: dict[str, str]) -> int:
    """How many calendar months a period touches."""
    first, end = (
        datetime.fromisoformat(period[name]) + VIET_NAM for name in ("start_utc", "end_utc")
    )
    last = end - timedelta(microseconds=1)
    return (last.year - first.year) * 12 + last.month - first.month + 1


def main() -> int:
    """Compute, compare, and say so."""
    counts: Counter[str] = Counter()
    for row in rows_that_count():
        counts[row["month"]] += 1 if row["what"] == "sample" else int(row["samples"])
    least = min(counts.values(), default=None)
    silent = months_of(read_json("scope.json")["period"]) - len(counts)
    lower = 0 if counts and silent else least
    return compare(
        {
            "estimate": least,
            "lower": lower,
            "upper": least,
            "n": sum(counts.values()),
            "blocks": len(counts),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
