"""How far the probe was driven, by fixes that each are somewhat wrong. No I/O, no clock."""

from agent.plan.planning import Planning
from agent.plan.shapes import Point, distance_m
from agent.whereabouts import Seen
from drivers.gps.report import MAX_SPEED_M_S
from wire.messages import PositionSource

LEAST_STEP_M = 30.0
"""Shorter steps add up to a way where a receiver only wanders about the place it stands at."""
LEAST_SPEED_M_S = 0.5
"""A receiver knows its speed better than its place: below this it stands, wherever it seems to."""
ERRORS_A_STEP = 2.0
"""A step is longer than so many times the errors at both of its ends together."""


class Usable:
    """Which fixes a plan believes, and whether they follow each other. Not for several threads."""

    def __init__(self, planning: Planning) -> None:
        self._planning = planning
        self._last_ns: int | None = None

    def point(self, seen: Seen) -> tuple[Point, float] | None:
        """The place and its error in metres; None for a fix that is not good enough.

        One that does not say its error is taken to be as bad as is still good enough.
        """
        place = seen.position
        if place.source is not PositionSource.GNSS:
            return None
        if place.lat_deg is None or place.lon_deg is None:
            return None
        most_m = self._planning.max_position_error_m
        error_m = most_m if place.horizontal_error_m is None else place.horizontal_error_m
        if not error_m <= most_m:
            return None
        return Point(place.lat_deg, place.lon_deg), error_m

    def follows(self, mono_ns: int) -> bool:
        """Whether the usable fix at this instant comes soon enough after the one before."""
        last_ns, self._last_ns = self._last_ns, mono_ns
        return last_ns is not None and (mono_ns - last_ns) / 1e9 <= self._planning.max_gap_s


class Odometer:
    """Metres driven since it was made. Steps are counted from one sure place to the next.

    A fix counts once it is farther from the last counted one than both errors explain, so that
    standing adds nothing and noise across the way hardly lengthens it.
    """

    def __init__(self, planning: Planning) -> None:
        self._usable = Usable(planning)
        self._counted: tuple[Point, float] | None = None
        self._before: tuple[Point, float, int] | None = None
        self.driven_m = 0.0

    def hear(self, seen: Seen) -> None:
        """Count a further fix."""
        found = self._usable.point(seen)
        if found is None:
            return
        point, error_m = found
        before, self._before = self._before, (point, error_m, seen.mono_ns)
        follows = self._usable.follows(seen.mono_ns)
        if self._counted is None or before is None or not follows or _jumped(before, self._before):
            self._counted = found
            return
        speed_m_s = seen.position.speed_m_s
        if speed_m_s is not None and speed_m_s < LEAST_SPEED_M_S:
            return
        from_, from_error_m = self._counted
        step_m = distance_m(from_, point)
        if step_m > max(LEAST_STEP_M, ERRORS_A_STEP * (from_error_m + error_m)):
            self.driven_m += step_m
            self._counted = found


def _jumped(a: tuple[Point, float, int], b: tuple[Point, float, int]) -> bool:
    """Whether no vehicle could have gone from one fix to the next, errors granted."""
    apart_m = distance_m(a[0], b[0]) - a[1] - b[1]
    return apart_m > MAX_SPEED_M_S * (b[2] - a[2]) / 1e9
