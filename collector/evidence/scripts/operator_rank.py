"""The operators of an area side by side, from `rows_in.csv`, which has the rows of all of them.

Compared are squares of `place_m` in clock hours in which all have a finished test, of the operators
that have enough of their own. The difference of two is known as well as the wider of Student's
interval and of a bootstrap that draws squares of `cluster_m` again, with the seed of the target.
Where the interval leaves 0 out, one is better; who nobody outside is better than wins.
"""

import math
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from folder import Row, compare, read_json, read_parameters, rows_that_count
from limits import mean_limits, mean_of
from scipy.stats import bootstrap

BLOCK_M = 100.0
RESAMPLES = 2000
ONE_SIDED, TWO_SIDED = 0.90, 0.95
"""Of intervals whose limits hold at 95 % each, and at 97.5 %."""

Key = tuple[int, int, int]
"""Row and column of a square, and clock hour."""
Rates = Mapping[Key, float]
_BLOCK = ("commune", "district", "province", "plmn", "cell_id", "grid_row", "grid_column", "hour")


class Drawn(NamedTuple):
    """A mean with the limits that drawing again gives it."""

    value: float
    lower: float | None
    upper: float | None


def rates_of(rows: Iterable[Row], place_m: float) -> Rates:
    """Of one operator: the mean of the means of its cells, by square and hour."""
    blocks: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in rows:
        if row["failed"] == "false":
            blocks[tuple(row[name] for name in _BLOCK)].append(float(row["rate_mbit_s"]))
    squares: dict[Key, list[float]] = defaultdict(list)
    for block, rates in blocks.items():
        row_, column, hour = (int(one) for one in block[-3:])
        key = (
            math.floor(row_ * BLOCK_M / place_m),
            math.floor(column * BLOCK_M / place_m),
            hour,
        )
        squares[key].append(math.fsum(rates) / len(rates))
    return {key: math.fsum(found) / len(found) for key, found in squares.items()}


def cluster_of(key: Key, parameters: Any) -> tuple[float, float]:
    """The wider square that is drawn again."""
    step = parameters["cluster_m"] / parameters["place_m"]
    return key[0] // step, key[1] // step


def drawn_again(values: Rates, parameters: Any, confidence: float) -> Drawn:
    """The mean, with BCa limits or, where those do not exist, percentiles (Efron 1987)."""
    together: dict[Any, list[float]] = defaultdict(list)
    for key, value in values.items():
        together[cluster_of(key, parameters)].append(value)
    pairs = sorted((math.fsum(one), float(len(one))) for one in together.values())
    sums, counts = (np.array(column) for column in zip(*pairs, strict=True))
    value = float(sums.sum() / counts.sum())
    if len(pairs) == 1 or len(set(sums)) == len(set(counts)) == 1:
        return Drawn(value, None, None)
    for method in ("BCa", "percentile"):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # limits that are no numbers say it as well
            found = bootstrap(
                (sums, counts),
                lambda first, second, axis: first.sum(axis=axis) / second.sum(axis=axis),
                n_resamples=RESAMPLES,
                vectorized=True,
                paired=True,
                axis=-1,
                confidence_level=confidence,
                method=method,
                rng=np.random.Generator(np.random.PCG64(parameters["seed"])),
            ).confidence_interval
        if math.isfinite(found.low) and math.isfinite(found.high):
            return Drawn(value, float(found.low), float(found.high))
    return Drawn(value, None, None)


def difference(first: Rates, second: Rates, parameters: Any) -> tuple[float, float]:
    """Interval of the first less the second."""
    values = {key: first[key] - second[key] for key in first}
    squares = [cluster_of(key, parameters) for key in values]
    hours = [key[2] for key in values]
    mean = mean_of(list(values.values()), [squares], [hours])
    student = mean_limits(mean, 0.5 + TWO_SIDED / 2, skewed=False)
    drawn = drawn_again(values, parameters, TWO_SIDED)
    if student[0] is None or student[1] is None:
        return (drawn.value, drawn.value)
    if drawn.lower is None or drawn.upper is None:
        return student[0], student[1]
    return min(student[0], drawn.lower), max(student[1], drawn.upper)


def winners(names: Sequence[str], beaten: Mapping[str, set[str]]) -> list[str]:
    """Members of the smallest groups that nobody outside is better than (Schwartz 1986)."""
    above = {}
    for name in names:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = beaten[waiting.pop()] - found
            found |= new
            waiting += new
        above[name] = found
    return [name for name in names if all(name in above[one] for one in above[name])]


def beaten_by(
    names: Sequence[str], common: Mapping[str, Rates], parameters: Any
) -> dict[str, set[str]]:
    """Who is shown to be better than each."""
    beaten: dict[str, set[str]] = {name: set() for name in names}
    for first, second in combinations(names, 2):
        lower, upper = difference(common[first], common[second], parameters)
        if lower > 0:
            beaten[second].add(first)
        if upper < 0:
            beaten[first].add(second)
    return beaten


def main() -> int:
    """Compute, compare, and say so."""
    scope, parameters = read_json("scope.json"), read_parameters()
    together = scope["operator"] == scope["together"]
    rows = rows_that_count()
    rates = {
        one["name"]: rates_of(
            (row for row in rows if row["operator"] == one["name"]), parameters["place_m"]
        )
        for one in scope["operators"]
    }
    enough = [name for name, own in rates.items() if len(own) >= parameters["min_blocks"]]
    keys = set.intersection(*(set(rates[name]) for name in enough)) if len(enough) > 1 else set()
    common = {name: {key: rates[name][key] for key in sorted(keys)} for name in enough}
    clusters = len({cluster_of(key, parameters) for key in keys})
    comparable = len(keys) >= parameters["min_blocks"] and clusters >= parameters["min_clusters"]
    leading: list[str] = []
    if comparable:
        means = {name: math.fsum(own.values()) / len(own) for name, own in common.items()}
        names = sorted(enough, key=lambda name: (-means[name], name))
        leading = winners(names, beaten_by(names, common, parameters))
    own = [row for row in rows if together or row["operator"] == scope["operator"]]
    found = Drawn(0.0, None, None)
    is_ranked = comparable and scope["operator"] in enough
    if is_ranked:
        found = drawn_again(common[scope["operator"]], parameters, ONE_SIDED)
    said: dict[str, Any] = {
        "estimate": found.value if is_ranked else None,
        "lower": found.lower,
        "upper": found.upper,
        "n": sum(row["failed"] == "false" for row in own),
        "blocks": len(keys),
        "failures": sum(row["failed"] == "true" for row in own),
        "context.common_places": clusters,
    }
    if together:
        said["context.winners"] = leading
    else:
        said["context.winner"] = scope["operator"] in leading if is_ranked else None
    return compare(said)


if __name__ == "__main__":
    sys.exit(main())
