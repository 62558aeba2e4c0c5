"""What it costs that values come in clusters: design effects and effective numbers.

Blocks of one place share its radio, blocks of one cell its load, blocks of one hour what the whole
network did then. An area measured for a month in three places is three places, not ninety blocks,
if places differ; if they do not, the ninety blocks stand. Which of the two it is, the blocks say
themselves: clusters are used where their sums scatter more than those of independent blocks would
on average, and left alone otherwise (Bancroft 1944 on pooling after a look at the data). Clusters
on the ground (place, cell) lie inside each other: the wider counts. Hours lie across the ground:
what they add is added (Cameron, Gelbach and Miller 2011).

With G clusters of the sizes nᵢ, n values in all, and Sᵢ the sum of a cluster's deviations from the
mean, the variance of the mean is K/(K - 1) · Σ Sᵢ² / n², where K = n² / Σ nᵢ² is Kish's effective
number of clusters, with K - 1 degrees of freedom. Blocks as clusters of one give s²/n and n - 1.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from scipy.special import stdtrit

from collector.stats.limits import CONFIDENCE
from collector.stats.means import Mean, mean

Labels = Mapping[str, Sequence[Hashable]]
"""By name of a clustering, the cluster of each value."""

_NONE: Labels = {}


class Clustered(NamedTuple):
    """A mean of values that come in clusters."""

    mean: Mean
    by: tuple[str, ...]
    """Clusterings that widen it; empty where the values stand for themselves."""


class Trials(NamedTuple):
    """A share of attempts that come in clusters, as so many independent trials."""

    trials: float
    successes: float
    by: tuple[str, ...]
    """As of `Clustered`."""


def clustered_mean(
    values: Sequence[float], *, where: Labels = _NONE, when: Labels = _NONE
) -> Clustered | None:
    """Mean of values, with the variance and the degrees of freedom of their clusters; None of none.

    One value has no variance; a clustering of a single cluster tells nothing and is left out.
    The variance is never smaller than that of independent values.
    """
    simple = mean(values)
    if simple is None:
        return None
    if simple.variance is None:
        return Clustered(simple, ())
    deviations = [value - simple.value for value in values]
    base = _Spread(simple.variance, simple.degrees_of_freedom)
    spread = _clustered(deviations, [1] * len(values), base, where, when)
    return Clustered(Mean(simple.value, spread.variance, spread.degrees_of_freedom), spread.by)


def clustered_trials(
    good: Sequence[float], attempts: Sequence[int], *, where: Labels = _NONE, when: Labels = _NONE
) -> Trials:
    """How many independent trials the attempts of all units are worth, with the same share.

    All attempts of one unit are taken for one and the same (`kish_count`). Where units cluster,
    that number is divided by the design effect, and by the square of what Student's distribution
    asks for having so few clusters (Korn and Graubard 1998):

        Kish's number / deff · (t(m - 1) / t(f))²

    with m effective units and f degrees of freedom of the clusters. Attempts that all end alike
    show nothing of clusters, so 59 good units of 59 are 59 trials, wherever they were.
    """
    total = sum(attempts)
    count = kish_count(attempts)
    if not total:
        return Trials(0.0, 0.0, ())
    share = math.fsum(good) / total
    deviations = [k - share * n for k, n in zip(good, attempts, strict=True)]
    base = _spread(deviations, attempts, range(len(attempts)))
    if base is None or not base.variance:
        return Trials(count, count * share, ())
    spread = _clustered(deviations, attempts, base, where, when)
    if spread.by:
        few = _student(base.degrees_of_freedom) / _student(spread.degrees_of_freedom)
        count *= base.variance / spread.variance * min(few, 1.0) ** 2
        # One cluster that outweighs all others leaves hardly a degree of freedom, and of Student's
        # distribution nothing that numbers can hold. What was seen at all is one trial.
        count = max(count, 1.0)
    return Trials(count, count * share, spread.by)


def design_effect(clustered_variance: float | None, simple_variance: float | None) -> float | None:
    """`deff`: the variance of the estimate over that of as many independent values (Kish 1965).

    Below 1 where strata or an even plan make the estimate better than chance; None where one of
    the variances is unknown or 0.
    """
    if not clustered_variance or not simple_variance:
        return None
    return clustered_variance / simple_variance


def effective_count(values: Sequence[float], variance_of_mean: float | None) -> float | None:
    """`n_eff`: how many independent values would give a mean as certain, n over the design effect.

    `values` are all tests, `variance_of_mean` that of the clustered estimate. Never more than n;
    None where a variance is unknown or 0. Kish 1965.
    """
    simple = mean(values)
    effect = design_effect(variance_of_mean, simple.variance if simple else None)
    return None if effect is None else len(values) / max(effect, 1.0)


def kish_count(sizes: Sequence[int]) -> float:
    """Effective number of clusters, (Σ nᵢ)² / Σ nᵢ²; 0 of none (Kish 1965).

    Also the effective number of trials where all attempts of one cluster may be one and the same.
    """
    squares = sum(size * size for size in sizes)
    return sum(sizes) ** 2 / squares if squares else 0.0


class _Spread(NamedTuple):
    """Variance of an estimate, by which clusters."""

    variance: float
    degrees_of_freedom: float
    by: tuple[str, ...] = ()


def _clustered(
    deviations: Sequence[float],
    sizes: Sequence[int],
    base: _Spread,
    where: Labels,
    when: Labels,
) -> _Spread:
    """The variance by ground and by time together, where they are wider than `base`."""
    ground = _widest(deviations, sizes, base, where)
    time = _widest(deviations, sizes, base, when)
    if not ground.by or not time.by:
        return ground if ground.by else time
    variance = ground.variance + time.variance - base.variance
    parts = (ground, time)
    degrees = variance**2 / math.fsum(one.variance**2 / one.degrees_of_freedom for one in parts)
    return _Spread(variance, degrees, (*ground.by, *time.by))


def _widest(
    deviations: Sequence[float], sizes: Sequence[int], base: _Spread, labels: Labels
) -> _Spread:
    widest = base
    for name, clusters in labels.items():
        if len(set(clusters)) == len(clusters):
            continue  # Every value by itself: that is `base`.
        found = _spread(deviations, sizes, clusters)
        if found is not None and found.variance > widest.variance:
            widest = found._replace(by=(name,))
    return widest


def _spread(
    deviations: Sequence[float], sizes: Sequence[int], clusters: Sequence[Hashable]
) -> _Spread | None:
    """Variance of the mean by these clusters; None of fewer than two."""
    sums: dict[Hashable, list[float]] = defaultdict(list)
    weights: dict[Hashable, int] = defaultdict(int)
    for deviation, size, cluster in zip(deviations, sizes, clusters, strict=True):
        sums[cluster].append(deviation)
        weights[cluster] += size
    count = kish_count(list(weights.values()))
    if count <= 1:
        return None
    squares = math.fsum(math.fsum(one) ** 2 for one in sums.values())
    return _Spread(count / (count - 1) * squares / sum(sizes) ** 2, count - 1)


def _student(degrees: float) -> float:
    return float(stdtrit(degrees, CONFIDENCE))
