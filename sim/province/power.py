"""How likely a verdict is to be right at a sample size, reckoned before anything is measured.

A verdict is called decidable where the right decision comes with a probability of at least 0.999:
one-sided Student limits at 95 % for a mean (non-central t), Clopper-Pearson limits for a share
(binomial). These are the rules of section 2.3 of the product's standards, put to use here on the
generator's own parameters; nothing of the collector is asked.
"""

import math

import numpy as np
from scipy.stats import binom, nct, norm, t

CONFIDENCE = 0.95
DECIDABLE = 0.999
_NORMAL_FROM = 30.0
"""Beyond this non-centrality the normal distribution is exact enough, and safe to compute."""


def mean_beyond(distance: float, standard_error: float, degrees: float) -> float:
    """Chance that a one-sided limit of a mean clears a threshold that the true mean clears.

    `distance` is from the threshold to the true mean, in the right direction.
    """
    if standard_error <= 0:
        return float(distance > 0)
    if degrees < 1:
        return 0.0
    reach = float(t.ppf(CONFIDENCE, degrees))
    centre = distance / standard_error
    if centre > _NORMAL_FROM:
        return float(norm.cdf((centre - reach) / math.sqrt(1 + reach * reach / (2 * degrees))))
    chance = float(nct.sf(reach, degrees, centre))
    return 0.0 if math.isnan(chance) else chance


def student(degrees: float) -> float:
    """How many standard errors a one-sided limit lies from the estimate."""
    return float(t.ppf(CONFIDENCE, degrees)) if degrees > 0 else math.inf


def normal(distance: float) -> float:
    """Chance that an estimate is no more than so many standard errors off, to one side."""
    return float(norm.cdf(distance))


def share_reached(share: float, threshold: float, trials: int) -> float:
    """Chance that the lower limit of a share reaches the threshold."""
    if not trials:
        return 0.0
    # The limit reaches it where so many successes would be a surprise at the threshold.
    least = int(binom.ppf(CONFIDENCE, trials, threshold)) + 1
    return float(binom.sf(least - 1, trials, share))


def share_missed(share: float, threshold: float, trials: int) -> float:
    """Chance that the upper limit of a share stays below the threshold."""
    if not trials:
        return 0.0
    most = int(binom.ppf(1 - CONFIDENCE, trials, threshold)) - 1
    return float(binom.cdf(most, trials, share)) if most >= 0 else 0.0


def ratio_within(expected: float, variance: float, attempts: int, limit: float) -> float:
    """Chance that a count of failures is no more than this share of the attempts."""
    if not attempts:
        return 0.0
    if variance <= 0:
        return float(expected <= limit * attempts)
    return float(norm.cdf((math.floor(limit * attempts) + 0.5 - expected) / math.sqrt(variance)))


def median_below(expected: float, variance: float, tests: int) -> float:
    """Chance that less than half of the tests, so their median, lie below a value.

    `expected` and `variance` are of the number of tests below it.
    """
    if not tests:
        return 0.0
    if variance <= 0:
        return float(expected < tests / 2)
    return float(norm.cdf((tests / 2 - 0.5 - expected) / math.sqrt(variance)))


def lognormal_below(value: float, means: np.ndarray, sigma: float) -> float:
    """Share of a mixture of lognormals, each with its mean, that lies below a value."""
    return float(norm.cdf((np.log(value / means) + sigma * sigma / 2) / sigma).mean())
