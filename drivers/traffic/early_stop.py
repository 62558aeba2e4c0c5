"""Whether a capacity test may end before its window does. No I/O, no clock."""

import itertools
import math
import statistics
from collections.abc import Sequence

from drivers.traffic.profile import EarlyStop

DATA_CAP = "data cap"
STABLE = "stable"
MIN_RATES = 4
"""Intervals without which nothing is said of the spread."""
_T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
"""Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom."""
MARGIN = 1.01
"""Payload beyond what was asked, for a "yes": some may lie in the receiver's kernel for ever."""


class Watch:
    """One test as it goes on. Payload is cumulative and may be looked at as often as one likes."""

    def __init__(self, rules: EarlyStop, *, window_s: float, interval_s: float) -> None:
        """For a window of this length in intervals of that."""
        self._rules = rules
        self._window_s = window_s
        self._interval_s = interval_s
        self._total_bytes = 0
        self._rates: list[float] = []
        self._interval_from: tuple[float, int] | None = None

    def look(self, *, window_s: float | None, window_bytes: int, total_bytes: int) -> str | None:
        """Why the test may end now, or None.

        `window_s` is how much of the window has passed, None in the warm-up; `total_bytes` counts
        the warm-up too.
        """
        rules = self._rules
        step_bytes = total_bytes - self._total_bytes
        self._total_bytes = total_bytes
        # The next look would come too late by about what the last one brought.
        if rules.max_bytes is not None and total_bytes + step_bytes >= rules.max_bytes:
            return DATA_CAP
        if window_s is None:
            return None
        return self._certain(window_s, window_bytes) or self._stable(window_s, window_bytes)

    def _certain(self, window_s: float, window_bytes: int) -> str | None:
        asked = self._rules.at_least_bits_per_second
        if asked is None:
            return None
        needed_bytes = asked * self._window_s / 8
        if window_bytes >= MARGIN * needed_bytes:
            return at_least(asked)
        most = self._rules.max_bits_per_second
        left_s = max(self._window_s - window_s, 0.0)
        if most is not None and window_bytes + most * left_s / 8 < needed_bytes:
            return f"below {_mbit(asked)}"
        return None

    def _stable(self, window_s: float, window_bytes: int) -> str | None:
        share = self._rules.stable_share
        if share is None:
            return None
        if self._interval_from is None:
            self._interval_from = (window_s, window_bytes)
        from_s, from_bytes = self._interval_from
        if window_s - from_s < self._interval_s:
            return None
        self._rates.append(8 * (window_bytes - from_bytes) / (window_s - from_s))
        self._interval_from = (window_s, window_bytes)
        if window_s < self._rules.min_window_s:
            return None
        half = mean_half_width(self._rates)
        mean = statistics.fmean(self._rates)
        return STABLE if half is not None and mean > 0 and half <= share * mean else None


def at_least(bits_per_second: float) -> str:
    """The reason of a test that is certain to have reached this mean."""
    return f"at least {_mbit(bits_per_second)}"


def mean_half_width(rates: Sequence[float]) -> float | None:
    """Half of the 95 % interval of the mean of successive rates; None for too few to tell.

    Neighbouring intervals resemble each other, so n of them count as n (1 - r) / (1 + r), r being
    their lag-1 autocorrelation with its bias in short series, -(1 + 3 r) / n (Marriott and Pope
    1954), taken back; never as more than n.
    """
    count = len(rates)
    if count < MIN_RATES:
        return None
    mean = statistics.fmean(rates)
    deviations = [rate - mean for rate in rates]
    squares = sum(each * each for each in deviations)
    if squares == 0:
        return 0.0
    products = sum(a * b for a, b in itertools.pairwise(deviations))
    raw = products / squares
    correlation = min(max(raw + (1 + 3 * raw) / count, 0.0), 0.99)
    effective = count * (1 - correlation) / (1 + correlation)
    freedom = math.floor(effective) - 1
    if freedom < 1:
        return None
    spread = math.sqrt(squares / (count - 1))
    return _T_975[min(freedom, len(_T_975)) - 1] * spread / math.sqrt(effective)


def _mbit(bits_per_second: float) -> str:
    return f"{bits_per_second / 1e6:g} Mbit/s"
