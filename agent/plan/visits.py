"""When the probe enters an area, by fixes that each are somewhat wrong. No I/O, no clock."""

LEAST_OUTSIDE_M = 20.0
ERRORS_OUTSIDE = 2.0
"""A visit ends once the probe is outside by so many times the error of its position."""


class Visit:
    """Visits to one area; each is told once.

    Entering takes one fix inside, leaving one that is clearly outside: who stands on the border or
    drives along it enters once.
    """

    def __init__(self, *, dwell_s: float, again_after_s: float) -> None:
        """Told after `dwell_s` inside, and not before `again_after_s` after the time before."""
        self._dwell_ns = round(dwell_s * 1e9)
        self._again_ns = round(again_after_s * 1e9)
        self._since_ns: int | None = None
        self._told = False
        self._last_told_ns: int | None = None

    def hear(self, outside_m: float, error_m: float, mono_ns: int, *, follows: bool) -> bool:
        """Whether this fix tells a visit. `follows`: there was no gap before it."""
        if outside_m >= max(LEAST_OUTSIDE_M, ERRORS_OUTSIDE * error_m):
            self._since_ns, self._told = None, False
            return False
        if self._since_ns is None and outside_m > 0:
            return False
        if self._since_ns is None or (not follows and not self._told):
            if outside_m > 0:
                return False
            self._since_ns = mono_ns
        if self._told or mono_ns - self._since_ns < self._dwell_ns:
            return False
        self._told = True
        if self._last_told_ns is not None and mono_ns - self._last_told_ns < self._again_ns:
            return False
        self._last_told_ns = mono_ns
        return True
