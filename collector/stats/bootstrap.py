"""Block bootstrap: limits from drawing the blocks again, with a seed that is part of the result.

What is drawn again must be independent: give blocks, or sums over whole places or road segments.
The values are sorted first and the generator is PCG64, so the same seed and the same blocks give
the same bits, in whatever order they come. Percentile and BCa limits are those of
`scipy.stats.bootstrap` (Efron 1987). They need a few dozen blocks: of few or skewed ones the
percentile limits are too narrow, which is why verdicts on means rest on `mean_limits` instead.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import bootstrap

from collector.stats.limits import CONFIDENCE, Limits

Method = Literal["BCa", "percentile"]
_Array = npt.NDArray[np.float64]

RESAMPLES = 2000
"""Fewer are refused: the limits would depend on the seed."""


class Bootstrap(NamedTuple):
    """An estimate with one-sided limits from resampling, and what is needed to get them again."""

    value: float
    lower: float | None
    """None, as is `upper`, with fewer than two values or without any scatter."""
    upper: float | None
    confidence: float
    """Of each limit."""
    method: Method
    """That was used: BCa has no limits for some very uneven samples and gives way to percentile."""
    resamples: int
    seed: int

    @property
    def limits(self) -> Limits:
        """Both."""
        return Limits(self.lower, self.upper)


class _Plan(NamedTuple):
    seed: int
    method: Method
    resamples: int
    confidence: float


def bootstrap_mean(
    values: Sequence[float],
    *,
    seed: int,
    method: Method = "BCa",
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Bootstrap | None:
    """Limits of a mean over independent blocks; None of no block."""
    plan = _Plan(seed, method, resamples, confidence)
    return _drawn([sorted(values)], lambda x, axis: x.mean(axis=axis), plan)


def bootstrap_ratio(
    pairs: Sequence[tuple[float, float]],
    *,
    seed: int,
    method: Method = "BCa",
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Bootstrap | None:
    """Limits of the sum of the first over the sum of the second of paired blocks.

    With (sum of values, number of values) of whole road segments this is the mean over the values,
    with the segments drawn again. None where the second sum to 0.
    """
    ordered = sorted(pairs)
    if math.fsum(second for _, second in ordered) == 0:
        return None

    def ratio(first: _Array, second: _Array, axis: int) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return first.sum(axis=axis) / second.sum(axis=axis)

    plan = _Plan(seed, method, resamples, confidence)
    samples = [[first for first, _ in ordered], [second for _, second in ordered]]
    return _drawn(samples, ratio, plan, paired=True)


def _drawn(
    samples: Sequence[Sequence[float]],
    statistic: Callable[..., Any],
    plan: _Plan,
    *,
    paired: bool = False,
) -> Bootstrap | None:
    if plan.resamples < RESAMPLES:
        raise ValueError(f"at least {RESAMPLES} resamples are needed, not {plan.resamples}")
    if not samples or not all(samples):
        return None
    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    value = float(statistic(*arrays, axis=-1))
    constant = all(len(set(sample)) == 1 for sample in samples)
    if constant or any(len(sample) == 1 for sample in samples):
        return Bootstrap(value, None, None, plan.confidence, plan.method, plan.resamples, plan.seed)
    method = plan.method
    limits = _limits(arrays, statistic, plan, paired=paired)
    if limits is None and method == "BCa":
        method = "percentile"
        limits = _limits(arrays, statistic, plan._replace(method=method), paired=paired)
    lower, upper = limits or (None, None)
    return Bootstrap(value, lower, upper, plan.confidence, method, plan.resamples, plan.seed)


def _limits(
    arrays: Sequence[_Array], statistic: Callable[..., Any], plan: _Plan, *, paired: bool
) -> tuple[float, float] | None:
    """Both limits; None where they are not numbers."""
    with warnings.catch_warnings():
        # What it warns of is told by the limits, which are then not numbers.
        warnings.simplefilter("ignore")
        found = bootstrap(
            tuple(arrays),
            statistic,
            n_resamples=plan.resamples,
            vectorized=True,
            paired=paired,
            axis=-1,
            confidence_level=2 * plan.confidence - 1,
            method=plan.method,
            rng=np.random.Generator(np.random.PCG64(plan.seed)),
        ).confidence_interval
    lower, upper = float(found.low), float(found.high)
    return (lower, upper) if math.isfinite(lower) and math.isfinite(upper) else None
