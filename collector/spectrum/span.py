"""A stretch of spectrum, and how two of them lie to each other. Pure functions of numbers."""

import math

import msgspec

_DECIMALS = 6
"""To the hertz: sums of decimals must not overlap by their rounding."""


class Span(msgspec.Struct, frozen=True, order=True):
    """From one frequency to another, in MHz; the edges themselves belong to nobody."""

    low_mhz: float
    high_mhz: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low_mhz) and math.isfinite(self.high_mhz)):
            raise ValueError("edges must be numbers")
        if not 0 <= self.low_mhz <= self.high_mhz:
            raise ValueError("the lower edge comes first, and none is negative")

    def overlap_with(self, other: "Span") -> "Span | None":
        """What both share; None where they only touch or lie apart."""
        low = max(self.low_mhz, other.low_mhz)
        high = min(self.high_mhz, other.high_mhz)
        return span(low, high) if _round(high - low) > 0 else None

    def gap_mhz(self, other: "Span") -> float:
        """Edge to edge; 0 where they touch or overlap."""
        apart = max(self.low_mhz - other.high_mhz, other.low_mhz - self.high_mhz)
        return max(0.0, _round(apart))

    def harmonic(self, order: int) -> "Span":
        """Where the harmonic of this order of a signal that fills the span falls."""
        return span(self.low_mhz * order, self.high_mhz * order)

    def within(self, other: "Span") -> "Span":
        """Cut down to what lies in the other, or to the nearer edge of it."""
        low = min(max(self.low_mhz, other.low_mhz), other.high_mhz)
        high = max(min(self.high_mhz, other.high_mhz), other.low_mhz)
        return span(low, max(low, high))

    def shifted(self, by_mhz: float) -> "Span":
        """The same width elsewhere."""
        return span(self.low_mhz + by_mhz, self.high_mhz + by_mhz)


def span(low_mhz: float, high_mhz: float) -> Span:
    """A span with its edges rounded to the hertz."""
    return Span(_round(low_mhz), _round(high_mhz))


def around(centre_mhz: float, *, reach_mhz: float) -> Span:
    """So far to both sides of a frequency, and never below zero."""
    return span(max(0.0, centre_mhz - reach_mhz), centre_mhz + reach_mhz)


def _round(mhz: float) -> float:
    return round(mhz, _DECIMALS)
