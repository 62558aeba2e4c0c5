"""The mean download rate of i-Speed samples, and its limits, from `rows_in.csv`.

All samples of a commune weigh the same; those of one clock hour and operator are one block. A
district is the mean of its communes by their people. A figure has an estimate, and no limits.
"""

import math
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from folder import Row, at_us, compare, read_json, rows_that_count
from limits import Mean, mean_figures, mean_of, weighted

HOUR_US = 3_600_000_000


class Found(NamedTuple):
    """What is known of one commune, or of several."""

    samples: int
    blocks: int
    mean: Mean | None
    published: bool
    """Whether only figures speak for some of the samples."""


def block_of(row: Row) -> tuple[str, str, int]:
    """What hangs together."""
    return row["commune"], row["operator"], at_us(row["utc"]) // HOUR_US


def of_all_operators(figures: Sequence[Row]) -> list[Row]:
    """Of each month the figure of all together, where there is one."""
    months = {row["month"] for row in figures if not row["operator"]}
    return [row for row in figures if not row["operator"] or row["month"] not in months]


def of_commune(rows: Sequence[Row], *, together: bool) -> Found:
    """All samples and figures of one commune."""
    samples = [row for row in rows if row["what"] == "sample"]
    figures = [row for row in rows if row["what"] == "figure"]
    figures = of_all_operators(figures) if together else figures
    figures = [row for row in figures if int(row["samples"])]
    rates = [float(row["download_mbit_s"]) for row in samples]
    blocks = [block_of(row) for row in samples]
    count = len(rates) + sum(int(row["samples"]) for row in figures)
    if not figures:
        return Found(count, len(set(blocks)), mean_of(rates, [blocks]), published=False)
    mean = None
    if all(row["download_mean_mbit_s"] for row in figures):
        sums = [int(row["samples"]) * float(row["download_mean_mbit_s"]) for row in figures]
        mean = Mean((math.fsum(rates) + math.fsum(sums)) / count, None, 0.0)
    return Found(count, len(set(blocks)), mean, published=True)


def whole(scope: Any, rows: Sequence[Row]) -> Found:
    """The area."""
    together = scope["operator"] == scope["together"]
    areas = [area for area in scope["areas"] if area["level"] == "commune"]
    found = [
        of_commune([row for row in rows if row["commune"] == area["code"]], together=together)
        for area in areas
    ]
    if scope["level"] == "commune":
        return found[0]
    people = [area["population"] for area in areas]
    there = [
        (1.0 if None in people else float(weight), one)
        for weight, one in zip(people, found, strict=True)
        if one.samples
    ]
    means = [(weight, one.mean) for weight, one in there if one.mean is not None]
    published = any(one.published for one in found)
    mean = weighted(means) if len(means) == len(there) else None
    if mean is not None and published:
        mean = mean._replace(variance=None)
    return Found(
        sum(one.samples for one in found), sum(one.blocks for one in found), mean, published
    )


def main() -> int:
    """Compute, compare, and say so."""
    found = whole(read_json("scope.json"), rows_that_count())
    threshold = read_json("verdict.json")["threshold"]
    said = mean_figures(found.mean, threshold) | {"n": found.samples, "blocks": found.blocks}
    return compare(said)


if __name__ == "__main__":
    sys.exit(main())
