"""Limits of means and shares as dosong's verdicts use them, from their published formulas.

Student for means, with the upper limit after Hall (1992) because rates have a long tail; Clopper
and Pearson (1934) for shares; Kish (1965) and cluster sums where places, cells or hours differ.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scipy.stats import beta, t

CONFIDENCE = 0.95
ACCURACY = 0.01
"""Tests are true to 1 %: equal values are no proof that nothing scatters."""
TAIL = 3.64
"""Skewness over coefficient of variation of a lognormal value."""
LEAST_TAIL = 1e-6

Clusters = Sequence[Sequence[Any]]
"""Of each clustering, the cluster of each value."""


class Mean(NamedTuple):
    """An estimated mean with the variance of the estimate."""

    value: float
    variance: float | None
    """None of one value."""
    degrees: float


class Trials(NamedTuple):
    """A share as so many independent trials."""

    trials: float
    successes: float


class Spread(NamedTuple):
    """Variance of an estimate, and whether clusters have made it wider."""

    variance: float
    degrees: float
    wider: bool = False


def student(degrees: float, confidence: float = CONFIDENCE) -> float:
    """Quantile of the one-sided confidence."""
    return float(t.ppf(confidence, degrees))


def kish(sizes: Iterable[float]) -> float:
    """Effective number of clusters."""
    sizes = list(sizes)
    squares = math.fsum(size * size for size in sizes)
    return math.fsum(sizes) ** 2 / squares if squares else 0.0


def clustered(
    deviations: Sequence[float],
    sizes: Sequence[float],
    base: Spread,
    where: Clusters,
    when: Clusters,
) -> Spread:
    """Spread of a mean whose values share ground and hours: what hours add is added."""
    ground = widest(deviations, sizes, base, where)
    time = widest(deviations, sizes, base, when)
    if not ground.wider or not time.wider:
        return ground if ground.wider else time
    variance = ground.variance + time.variance - base.variance
    parts = math.fsum(one.variance**2 / one.degrees for one in (ground, time))
    return Spread(variance, variance**2 / parts, wider=True)


def widest(
    deviations: Sequence[float], sizes: Sequence[float], base: Spread, clusterings: Clusters
) -> Spread:
    """The widest of the clusterings, if one is wider than `base`."""
    found = base
    for clusters in clusterings:
        if len(set(clusters)) == len(clusters):
            continue
        one = spread(deviations, sizes, clusters)
        if one is not None and one.variance > found.variance:
            found = one._replace(wider=True)
    return found


def spread(
    deviations: Sequence[float], sizes: Sequence[float], clusters: Sequence[Any]
) -> Spread | None:
    """Spread by these clusters; None of fewer than two."""
    sums: dict[Any, list[float]] = defaultdict(list)
    weights: dict[Any, list[float]] = defaultdict(list)
    for deviation, size, cluster in zip(deviations, sizes, clusters, strict=True):
        sums[cluster].append(deviation)
        weights[cluster].append(size)
    count = kish(math.fsum(one) for one in weights.values())
    if count <= 1:
        return None
    squares = math.fsum(math.fsum(one) ** 2 for one in sums.values())
    return Spread(count / (count - 1) * squares / math.fsum(sizes) ** 2, count - 1)


def mean_of(values: Sequence[float], where: Clusters = (), when: Clusters = ()) -> Mean | None:
    """Mean of values that may share ground and hours; None of nothing."""
    if not values:
        return None
    average = math.fsum(values) / len(values)
    if len(values) == 1:
        return Mean(average, None, 0.0)
    deviations = [value - average for value in values]
    scatter = math.fsum(one * one for one in deviations) / (len(values) - 1)
    least = (ACCURACY * average) ** 2 / 3
    base = Spread(max(scatter, least) / len(values), len(values) - 1)
    found = clustered(deviations, [1] * len(values), base, where, when)
    return Mean(average, found.variance, found.degrees)


def weighted(parts: Sequence[tuple[float, Mean]]) -> Mean | None:
    """Mean of strata by weight, degrees of freedom after Satterthwaite (1946)."""
    total = math.fsum(weight for weight, _ in parts)
    if total <= 0:
        return None
    average = math.fsum(weight * one.value for weight, one in parts) / total
    if any(one.variance is None for _, one in parts):
        return Mean(average, None, 0.0)
    shares = [((weight / total) ** 2 * (one.variance or 0.0), one.degrees) for weight, one in parts]
    variance = math.fsum(share for share, _ in shares)
    scatter = math.fsum(share * share / degrees for share, degrees in shares)
    degrees = variance**2 / scatter if scatter > 0 else math.fsum(n for _, n in shares)
    return Mean(average, variance, degrees)


def mean_limits(
    found: Mean | None, confidence: float = CONFIDENCE, *, skewed: bool = True
) -> tuple[float | None, float | None]:
    """Lower limit after Student; upper limit, of what has a tail, the wider of his and Hall's."""
    if found is None or not found.variance:
        return None, None
    error, reach = math.sqrt(found.variance), student(found.degrees, confidence)
    if not math.isfinite(reach * error):
        return None, None
    upper = found.value + reach * error
    tail = tail_of(found) if skewed else 0.0
    if tail:
        hall = 3 / tail * (math.cbrt(1 + tail * (-reach - tail / 6)) - 1)
        upper = max(upper, found.value - hall * error)
    return found.value - reach * error, upper


def p_mean_below(found: Mean | None, threshold: float) -> float | None:
    """How likely so low a mean is where the truth is the threshold."""
    if found is None or not found.variance:
        return None
    distance = (found.value - threshold) / math.sqrt(found.variance)
    tail = tail_of(found)
    if tail:
        distance = max(distance, ((1 + tail * distance / 3) ** 3 - 1) / tail + tail / 6)
    return float(t.cdf(distance, found.degrees))


def p_mean_above(found: Mean | None, threshold: float) -> float | None:
    """How likely so high a mean is where the truth is the threshold."""
    if found is None or not found.variance:
        return None
    return float(t.cdf((threshold - found.value) / math.sqrt(found.variance), found.degrees))


def tail_of(found: Mean) -> float:
    """Skewness of an estimated mean of lognormal values."""
    if found.value <= 0 or not found.variance:
        return 0.0
    tail = TAIL * math.sqrt(found.variance) / found.value
    return tail if tail >= LEAST_TAIL else 0.0


def mean_figures(found: Mean | None, threshold: float) -> dict[str, float | None]:
    """A mean of what has a long tail, as a verdict says it."""
    lower, upper = mean_limits(found)
    return {
        "estimate": None if found is None else found.value,
        "lower": lower,
        "upper": upper,
        "p_below": p_mean_below(found, threshold),
        "p_above": p_mean_above(found, threshold),
    }


def trials_of(
    good: Sequence[float], attempts: Sequence[int], where: Clusters, when: Clusters
) -> Trials:
    """How many independent trials attempts are worth that come in units and clusters."""
    total = sum(attempts)
    if not total:
        return Trials(0.0, 0.0)
    share = math.fsum(good) / total
    trials = kish(attempts)
    deviations = [k - share * n for k, n in zip(good, attempts, strict=True)]
    base = spread(deviations, attempts, range(len(attempts)))
    if base is not None and base.variance:
        found = clustered(deviations, attempts, base, where, when)
        if found.wider:
            few = min(student(base.degrees) / student(found.degrees), 1.0)
            trials = max(trials * base.variance / found.variance * few**2, 1.0)
    return Trials(trials, trials * share)


def share_limits(found: Trials) -> tuple[float | None, float | None]:
    """Exact limits of a share."""
    trials, successes = found
    if trials <= 0:
        return None, None
    misses = max(trials - successes, 0.0)
    lower = float(beta.ppf(1 - CONFIDENCE, successes, misses + 1)) if successes > 0 else 0.0
    upper = float(beta.ppf(CONFIDENCE, successes + 1, misses)) if misses > 0 else 1.0
    return lower, upper


def share_figures(found: Trials, estimate: float | None, threshold: float) -> dict[str, Any]:
    """A share as a verdict says it."""
    trials, successes = found
    lower, upper = share_limits(found)
    misses = max(trials - successes, 0.0)
    below = above = None
    if trials > 0:
        below = float(beta.sf(threshold, successes + 1, misses)) if misses > 0 else 1.0
        above = float(beta.cdf(threshold, successes, misses + 1)) if successes > 0 else 1.0
    return {
        "estimate": estimate,
        "lower": lower,
        "upper": upper,
        "p_below": below,
        "p_above": above,
    }
