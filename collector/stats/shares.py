"""Limits of a share, and how surely it lies on one side of a threshold.

A number of trials may be an effective one (`collector.stats.clusters`) and then is rarely whole.
The exact limits are quantiles of beta distributions, and those exist for any positive parameters:
at whole numbers they are the binomial ones, in between they go steadily from one to the next, and
they rise with the successes. "Exact" - wrong in no more than 5 of 100 campaigns whatever the
share - is a theorem for whole numbers of independent trials only. For others it is what
simulation shows, see docs/reference/measured-statistics.md.
"""

import math

from scipy.special import betainc, betaincc, betaincinv, ndtri

from collector.stats.limits import CONFIDENCE, NO_LIMITS, Limits


def clopper_pearson(successes: float, trials: float, *, confidence: float = CONFIDENCE) -> Limits:
    """Exact one-sided limits of a share, each at `confidence`; no limits without a trial.

    Lower: the quantile 1 - `confidence` of Beta(k, n - k + 1); upper: the quantile `confidence` of
    Beta(k + 1, n - k). Without a success the lower limit is 0, without a miss the upper one is 1.
    Clopper and Pearson 1934; ETSI TS 102 250-6 names them for shares of attempts.
    """
    if trials <= 0:
        return NO_LIMITS
    misses = max(trials - successes, 0.0)
    return Limits(
        lower=float(betaincinv(successes, misses + 1, 1 - confidence)) if successes > 0 else 0.0,
        upper=float(betaincinv(successes + 1, misses, confidence)) if misses > 0 else 1.0,
    )


def wilson(successes: float, trials: float, *, confidence: float = CONFIDENCE) -> Limits:
    """Two-sided interval of a share, for display; none without a trial.

    Centre (p + z²/2n) / (1 + z²/n), half-width z √(p(1 - p)/n + z²/4n²) / (1 + z²/n), with p = k/n.
    Wilson 1927. Narrower than the exact limits because it holds on average over shares, not for
    each of them; so no verdict rests on it. One-sided at 95 % it is this one at 90 %.
    """
    if trials <= 0:
        return NO_LIMITS
    z = float(ndtri(0.5 + confidence / 2))
    share = min(successes / trials, 1.0)
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # At either end centre and spread are equal but for the last bit.
    return Limits(
        lower=max((centre - spread) / scale, 0.0) if successes > 0 else 0.0,
        upper=min((centre + spread) / scale, 1.0) if share < 1 else 1.0,
    )


def p_share_above(successes: float, trials: float, *, threshold: float) -> float | None:
    """How likely so many successes or more are if the share is `threshold`; None without a trial.

    At most 5 % exactly where the lower limit of `clopper_pearson` reaches the threshold: the exact
    binomial test, by the beta distribution.
    """
    if trials <= 0:
        return None
    misses = max(trials - successes, 0.0)
    return float(betainc(successes, misses + 1, threshold)) if successes > 0 else 1.0


def p_share_below(successes: float, trials: float, *, threshold: float) -> float | None:
    """How likely so few successes or fewer are if the share is `threshold`; None without a trial.

    The other side of `p_share_above`: at most 5 % where the upper limit is not above the threshold.
    """
    if trials <= 0:
        return None
    misses = max(trials - successes, 0.0)
    return float(betaincc(successes + 1, misses, threshold)) if misses > 0 else 1.0
