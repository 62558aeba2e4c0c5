"""The arithmetic of a verdict: limits of shares and means, and how much is still missing.

Pure functions of numbers. Limits of verdicts are one-sided at 95 % each: the lower one is exceeded
by the truth, and the upper one undercut, in 95 of 100 campaigns. Intervals for display are
two-sided. `None` stands where the numbers do not allow a limit.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from scipy.stats import beta, norm, t

CONFIDENCE = 0.95
FARTHEST_NEED = 100_000
"""Beyond this many more samples the honest answer is "too close to the threshold to say"."""


class Limits(NamedTuple):
    """A lower and an upper limit of the truth."""

    lower: float | None
    upper: float | None


class Mean(NamedTuple):
    """An estimated mean with the variance of the estimate, not of the values."""

    value: float
    variance: float | None
    """None with fewer than two independent values."""
    degrees_of_freedom: float


def clopper_pearson(successes: float, trials: float, *, confidence: float = CONFIDENCE) -> Limits:
    """Exact one-sided limits of a share, each at `confidence`; no limits without a trial.

    `trials` may be an effective number, which is rarely whole.
    """
    if trials <= 0:
        return Limits(None, None)
    misses = max(trials - successes, 0.0)
    return Limits(
        lower=float(beta.ppf(1 - confidence, successes, misses + 1)) if successes > 0 else 0.0,
        upper=float(beta.ppf(confidence, successes + 1, misses)) if misses > 0 else 1.0,
    )


def wilson(successes: float, trials: float, *, confidence: float = CONFIDENCE) -> Limits:
    """Two-sided interval of a share, for display; none without a trial."""
    if trials <= 0:
        return Limits(None, None)
    z = float(norm.ppf(0.5 + confidence / 2))
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return Limits(max((centre - spread) / scale, 0.0), min((centre + spread) / scale, 1.0))


def mean(values: Sequence[float]) -> Mean | None:
    """Mean of independent values (of blocks, not of the tests inside them); None of nothing."""
    count = len(values)
    if not count:
        return None
    average = math.fsum(values) / count
    if count == 1:
        return Mean(average, None, 0)
    scatter = math.fsum((value - average) ** 2 for value in values) / (count - 1)
    return Mean(average, scatter / count, count - 1)


def weighted_mean(parts: Sequence[tuple[float, Mean]]) -> Mean | None:
    """Mean of strata by weight, with Satterthwaite's degrees of freedom; None of nothing.

    Its variance is unknown as soon as that of one stratum is.
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
    degrees = variance * variance / spread if spread > 0 else sum(n for _, n in shares)
    return Mean(value, variance, degrees)


def mean_limits(estimate: Mean | None, *, confidence: float = CONFIDENCE) -> Limits:
    """One-sided Student limits, each at `confidence`; none without a variance."""
    if estimate is None or estimate.variance is None:
        return Limits(None, None)
    reach = float(t.ppf(confidence, estimate.degrees_of_freedom)) * math.sqrt(estimate.variance)
    return Limits(estimate.value - reach, estimate.value + reach)


def successes_to_prove(
    successes: float, trials: float, *, share: float, confidence: float = CONFIDENCE
) -> int | None:
    """How many more trials, all of them successes, lift the lower limit to `share`.

    0 if it is there already; None if `FARTHEST_NEED` would not do.
    """

    def proves(more: int) -> bool:
        lower = clopper_pearson(successes + more, trials + more, confidence=confidence).lower
        return lower is not None and lower >= share

    return _smallest(proves, first=0)


def blocks_to_decide(
    estimate: Mean, blocks: int, *, threshold: float, confidence: float = CONFIDENCE
) -> int | None:
    """How many more blocks of the same scatter part the nearer limit from the threshold.

    0 if they are parted already; None if the variance is unknown or `FARTHEST_NEED` would not do.
    """
    if estimate.variance is None:
        return None
    distance = abs(estimate.value - threshold)
    scatter = math.sqrt(estimate.variance * blocks)

    def decides(count: int) -> bool:
        return float(t.ppf(confidence, count - 1)) * scatter / math.sqrt(count) <= distance

    count = _smallest(decides, first=max(blocks, 2))
    return None if count is None else count - blocks


def blocks_for_width(
    variation: float, *, relative_half_width: float, confidence: float = CONFIDENCE
) -> int:
    """Blocks for a two-sided interval of the mean this narrow, at this coefficient of variation."""
    z = float(norm.ppf(0.5 + confidence / 2))
    return math.ceil((z * variation / relative_half_width) ** 2)


def trials_for_width(share: float, *, half_width: float, confidence: float = CONFIDENCE) -> int:
    """Trials for a two-sided interval of a share this narrow (normal approximation)."""
    z = float(norm.ppf(0.5 + confidence / 2))
    return math.ceil(z * z * share * (1 - share) / half_width**2)


def effective_count(values: Sequence[float], variance_of_mean: float | None) -> float | None:
    """How many independent values would give a mean as certain: n over the design effect.

    `values` are all tests, `variance_of_mean` that of the clustered estimate. Never more than n;
    None where the variance is unknown.
    """
    simple = mean(values)
    if variance_of_mean is None or simple is None or simple.variance is None:
        return None
    if variance_of_mean <= simple.variance:
        return float(len(values))
    return len(values) * simple.variance / variance_of_mean


def kish_count(sizes: Sequence[int]) -> float:
    """Effective trials when all attempts of one block may be one and the same (Kish)."""
    squares = sum(size * size for size in sizes)
    return sum(sizes) ** 2 / squares if squares else 0.0


def median(values: Sequence[float]) -> float | None:
    """Middle value, or the mean of the two middle ones; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def _smallest(holds: Callable[[int], bool], *, first: int) -> int | None:
    """Smallest whole number from `first` on for which a monotone condition holds."""
    step = 1
    low, high = first - 1, first
    while not holds(high):
        if high - first > FARTHEST_NEED:
            return None
        low, high, step = high, high + step, step * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
