"""A schedule of equal steps on the monotonic clock that neither drifts nor loses a step."""

from typing import NamedTuple

NS_PER_S = 1_000_000_000
MOST_MISSED = 600
"""More than this many steps at once means that the machine slept; they are only counted."""


class Due(NamedTuple):
    """What a look at the schedule found."""

    tick_ns: int
    """The latest step that is due."""
    missed_ns: tuple[int, ...]
    """Earlier steps nobody was there for, oldest first, `MOST_MISSED` at most."""
    uncounted: int
    """Steps missed before those."""


class Ticks:
    """Steps at `start_ns + n * period_ns`. Not for use by several threads."""

    def __init__(self, start_ns: int, period_ns: int = NS_PER_S) -> None:
        self._next_ns = start_ns
        self._period_ns = period_ns

    def wait_s(self, now_ns: int) -> float:
        """Seconds until the next step; 0 when one is due."""
        return max(0.0, (self._next_ns - now_ns) / NS_PER_S)

    def due(self, now_ns: int) -> Due | None:
        """The step that is due with those missed before it, each told once; None when none is."""
        if now_ns < self._next_ns:
            return None
        late = (now_ns - self._next_ns) // self._period_ns
        first_ns, self._next_ns = self._next_ns, self._next_ns + (late + 1) * self._period_ns
        told = min(late, MOST_MISSED)
        missed = range(late - told, late)
        return Due(
            tick_ns=first_ns + late * self._period_ns,
            missed_ns=tuple(first_ns + step * self._period_ns for step in missed),
            uncounted=late - told,
        )
