"""How many more samples a decision takes, if they scatter as those so far."""

import math
from collections.abc import Callable

from scipy.special import ndtri

from collector.stats.limits import CONFIDENCE
from collector.stats.means import Mean, mean_limits
from collector.stats.shares import clopper_pearson

FARTHEST_NEED = 100_000
"""Beyond this many more samples the honest answer is "too close to the threshold to say"."""

EVEN = 0.5
"""Chance of a decision where estimate and scatter stay exactly as they are."""


def successes_to_prove(
    successes: float, trials: float, *, share: float, confidence: float = CONFIDENCE
) -> int | None:
    """How many more trials, all of them successes, lift the lower limit to `share`.

    0 if it is there already; None if `FARTHEST_NEED` would not do. For a share of 95 % and no,
    one, ... five misses: 59, 93, 124, 153, 181, 208 trials in all.
    """

    def proves(more: int) -> bool:
        lower = clopper_pearson(successes + more, trials + more, confidence=confidence).lower
        return lower is not None and lower >= share

    return _smallest(proves, first=0)


def trials_to_decide(
    successes: float,
    trials: float,
    *,
    share: float,
    probability: float = EVEN,
    confidence: float = CONFIDENCE,
) -> int | None:
    """How many more trials decide, with this probability, if the share stays what it is now.

    From the exact limit of that many trials whose share lies below (to prove) or above (to
    disprove) the present one by as much as chance allows at `probability` (normal approximation).
    Of no trial all are taken to succeed; None where the share lies too close to the threshold to
    say.
    """
    now = successes / trials if trials else 1.0
    above = now >= share
    z = float(ndtri(probability))

    def decides(more: int) -> bool:
        count = trials + more
        reach = z * math.sqrt(now * (1 - now) / count)
        hits = min(max(now - reach if above else now + reach, 0.0), 1.0) * count
        lower, upper = clopper_pearson(hits, count, confidence=confidence)
        if above:
            return lower is not None and lower >= share
        return upper is not None and upper < share

    return _smallest(decides, first=0 if trials else 1)


def blocks_to_decide(
    estimate: Mean,
    blocks: int,
    *,
    threshold: float,
    probability: float = EVEN,
    confidence: float = CONFIDENCE,
    skewed: bool = False,
) -> int | None:
    """How many more blocks of the same scatter part the nearer limit from the threshold.

    The variance of the mean falls, and its degrees of freedom rise, as the number of blocks grows.
    With `probability` above one half the mean is first moved towards the threshold by as much as
    chance may move it. For a clustered mean give clusters instead of blocks. 0 if they are parted
    already; None if the variance is unknown or `FARTHEST_NEED` would not do.
    """
    if not estimate.variance:
        return None
    scatter = estimate.variance * blocks
    degrees = (estimate.degrees_of_freedom + 1) / blocks
    above = estimate.value >= threshold
    z = float(ndtri(probability))

    def decides(count: int) -> bool:
        variance = scatter / count
        moved = z * math.sqrt(variance)
        value = estimate.value - moved if above else estimate.value + moved
        limits = mean_limits(
            Mean(value, variance, degrees * count - 1), confidence=confidence, skewed=skewed
        )
        if above:
            return limits.lower is not None and limits.lower >= threshold
        return limits.upper is not None and limits.upper < threshold

    count = _smallest(decides, first=max(blocks, 2))
    return None if count is None else count - blocks


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
