"""Means of independent values with their limits, and of strata.

Student's limits are right for values that scatter evenly to both sides. Rates do not: they are
never below zero and have a long tail of fast tests. The campaigns that miss the tail have a low
mean *and* a small scatter, so their upper limit is too low, and too many areas seem to fail: with
30 lognormal blocks of the coefficient of variation 0.8, eleven of a hundred instead of five. With
`skewed` the upper limit allows for that tail; the lower one, which errs to the safe side, is left.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from scipy.special import stdtr, stdtrit

from collector.stats.limits import CONFIDENCE, NO_LIMITS, Limits

ACCURACY = 0.01
"""Tests are promised to be true to 1 % (docs/reference/measured-accuracy.md)."""
SKEWNESS = 3.64
"""Skewness over coefficient of variation c of a lognormal value: 3 + c², at c = 0.8."""


class Mean(NamedTuple):
    """An estimated mean with the variance of the estimate, not of the values."""

    value: float
    variance: float | None
    """None with fewer than two independent values."""
    degrees_of_freedom: float


def mean(values: Sequence[float]) -> Mean | None:
    """Mean of independent values (of blocks, not of the tests inside them); None of nothing.

    Variance s²/n with n - 1 degrees of freedom; None of one value. Equal values are no proof that
    nothing scatters: they are rounded, capped by a tariff, or copied. So s is never taken to be
    smaller than what an accuracy of 1 % leaves open (`ACCURACY`, evenly spread: 0.58 % of the
    mean): two tests of 50 Mbit/s say 50 ± 1.3, not 50 exactly. Of zeros alone the variance is 0,
    and a mean without any scatter has no limits.
    """
    count = len(values)
    if not count:
        return None
    average = math.fsum(values) / count
    if count == 1:
        return Mean(average, None, 0)
    scatter = math.fsum((value - average) ** 2 for value in values) / (count - 1)
    return Mean(average, max(scatter, least_scatter(average)) / count, count - 1)


def least_scatter(average: float) -> float:
    """Variance of one value that its accuracy alone leaves open."""
    return (ACCURACY * average) ** 2 / 3


def weighted_mean(parts: Sequence[tuple[float, Mean]]) -> Mean | None:
    """Mean of strata by weight, with Satterthwaite's degrees of freedom; None of nothing.

    Variance V = Σ wᵢ²Vᵢ with weights that sum to 1, degrees of freedom V² / Σ (wᵢ²Vᵢ)²/fᵢ
    (Satterthwaite 1946). The variance is unknown as soon as that of one stratum is. Strata are
    taken to be independent of each other.
    """
    total = math.fsum(weight for weight, _ in parts)
    if total <= 0:
        return None
    value = math.fsum(weight * part.value for weight, part in parts) / total
    shares: list[tuple[float, float]] = []
    for weight, part in parts:
        if part.variance is None:
            return Mean(value, None, 0)
        shares.append(((weight / total) ** 2 * part.variance, part.degrees_of_freedom))
    variance = math.fsum(share for share, _ in shares)
    spread = math.fsum(share * share / degrees for share, degrees in shares)
    degrees = variance * variance / spread if spread > 0 else math.fsum(n for _, n in shares)
    return Mean(value, variance, degrees)


def mean_limits(
    estimate: Mean | None, *, confidence: float = CONFIDENCE, skewed: bool = False
) -> Limits:
    """One-sided limits, each at `confidence`; none without a variance or without any scatter.

    Student: mean ± t √V. With `skewed` (of rates, which are positive) the upper limit is the wider
    of Student's and Hall's transformation of it (Hall 1992),

        mean - √V · (3/λ) (∛(1 + λ(-t - λ/6)) - 1),

    where λ, the skewness of the estimated mean, is that of lognormal values: 3.64 √V / mean. A few
    blocks say too little of their own skewness to be asked for it.
    """
    if estimate is None or not estimate.variance:
        return NO_LIMITS
    error = math.sqrt(estimate.variance)
    reach = float(stdtrit(estimate.degrees_of_freedom, confidence))
    if not math.isfinite(reach * error):
        return NO_LIMITS
    lower, upper = estimate.value - reach * error, estimate.value + reach * error
    tail = _skewness(estimate) if skewed else 0.0
    if tail > 0:
        least = 3 / tail * (math.cbrt(1 + tail * (-reach - tail / 6)) - 1)
        upper = max(upper, estimate.value - least * error)
    return Limits(lower, upper)


def mean_interval(estimate: Mean | None, *, confidence: float = CONFIDENCE) -> Limits:
    """Student's two-sided interval, as for differences of operators; none as in `mean_limits`."""
    return mean_limits(estimate, confidence=0.5 + confidence / 2)


def p_mean_above(estimate: Mean | None, *, threshold: float) -> float | None:
    """How likely so high a mean or a higher one is if the truth is `threshold`: Student's test.

    At most 5 % exactly where the lower limit reaches the threshold; None where there is no limit.
    """
    if estimate is None or not estimate.variance:
        return None
    return float(stdtr(estimate.degrees_of_freedom, -_distance(estimate, threshold)))


def p_mean_below(estimate: Mean | None, *, threshold: float, skewed: bool = False) -> float | None:
    """How likely so low a mean or a lower one is if the truth is `threshold`.

    Below 5 % exactly where the upper limit of `mean_limits`, with the same `skewed`, is below the
    threshold; None where there is no limit.
    """
    if estimate is None or not estimate.variance:
        return None
    distance = _distance(estimate, threshold)
    tail = _skewness(estimate) if skewed else 0.0
    if tail > 0:
        cubic = ((1 + tail * distance / 3) ** 3 - 1) / tail + tail / 6
        distance = max(distance, cubic)
    return float(stdtr(estimate.degrees_of_freedom, distance))


def ratio_limits(
    numerator: Mean | None, denominator: Mean | None, *, confidence: float = CONFIDENCE
) -> Limits:
    """One-sided limits of the ratio of two independent positive means, each at `confidence`.

    On the scale of logarithms, where a ratio is a difference: ln r ± t √(V₁/m₁² + V₂/m₂²), with
    Satterthwaite's degrees of freedom (delta method, e.g. Casella and Berger 2002, 5.5.4). None
    where one of them has no limits or is not positive.
    """
    parts = _relative(numerator, denominator)
    if parts is None:
        return NO_LIMITS
    reach = float(stdtrit(parts.degrees_of_freedom, confidence)) * math.sqrt(parts.variance or 0.0)
    return Limits(math.exp(parts.value - reach), math.exp(parts.value + reach))


def p_ratio_below(
    numerator: Mean | None, denominator: Mean | None, *, threshold: float
) -> float | None:
    """How likely so low a ratio is if the truth is `threshold`; None where it has no limits."""
    parts = _relative(numerator, denominator)
    return None if parts is None else p_mean_below(parts, threshold=math.log(threshold))


def p_ratio_above(
    numerator: Mean | None, denominator: Mean | None, *, threshold: float
) -> float | None:
    """How likely so high a ratio is if the truth is `threshold`; None where it has no limits."""
    parts = _relative(numerator, denominator)
    return None if parts is None else p_mean_above(parts, threshold=math.log(threshold))


def _relative(numerator: Mean | None, denominator: Mean | None) -> Mean | None:
    """The logarithm of a ratio, as a mean with its variance."""
    parts = (numerator, denominator)
    if any(one is None or not one.variance or one.value <= 0 for one in parts):
        return None
    shares = [
        (one.variance / one.value**2, one.degrees_of_freedom)
        for one in parts
        if one is not None and one.variance
    ]
    variance = math.fsum(share for share, _ in shares)
    degrees = variance**2 / math.fsum(share * share / degrees for share, degrees in shares)
    values = [one.value for one in parts if one is not None]
    return Mean(math.log(values[0] / values[1]), variance, degrees)


def median(values: Sequence[float]) -> float | None:
    """Middle value, or the mean of the two middle ones; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def _distance(estimate: Mean, threshold: float) -> float:
    return (estimate.value - threshold) / math.sqrt(estimate.variance or math.nan)


_LEAST_SKEWNESS = 1e-6
"""Below it the transformation is lost in rounding, and changes nothing."""


def _skewness(estimate: Mean) -> float:
    if estimate.value <= 0 or not estimate.variance:
        return 0.0
    skewness = SKEWNESS * math.sqrt(estimate.variance) / estimate.value
    return skewness if skewness >= _LEAST_SKEWNESS else 0.0
