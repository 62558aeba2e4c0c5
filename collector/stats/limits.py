"""A pair of limits, and how sure a verdict must be."""

from typing import NamedTuple

CONFIDENCE = 0.95
"""Of each limit of a verdict by itself; both together hold in 90 of 100 campaigns."""


class Limits(NamedTuple):
    """A lower and an upper limit of the truth; None where there is none."""

    lower: float | None
    upper: float | None


NO_LIMITS = Limits(None, None)
