"""Where the probe is and was in the last minutes, for whoever stamps a record."""

import threading
from collections import deque
from typing import NamedTuple

import msgspec

from agent.config import Surveyed
from agent.ticks import NS_PER_S
from wire.messages import Position, PositionSource

STALE_S = 3.0
"""At 25 m/s that is 75 m: an older fix says where the probe was, not where it is."""
KEPT_FIXES = 900


class Seen(NamedTuple):
    """A believed fix and when it was valid."""

    mono_ns: int
    position: Position


class Whereabouts:
    """The believed fixes of a receiver, or a surveyed place. For any thread."""

    def __init__(self, surveyed: Surveyed | None = None) -> None:
        self._lock = threading.Lock()
        self._fixes: deque[Seen] = deque(maxlen=KEPT_FIXES)
        self._surveyed = None if surveyed is None else _as_position(surveyed)

    def believe(self, position: Position, mono_ns: int) -> None:
        """A fix that was valid at `mono_ns`; later ones come later."""
        with self._lock:
            self._fixes.append(Seen(mono_ns, position))

    def since(self, mono_ns: int) -> tuple[Seen, ...]:
        """The believed fixes after that instant, oldest first; `KEPT_FIXES` at most."""
        with self._lock:
            return tuple(fix for fix in self._fixes if fix.mono_ns > mono_ns)

    def position_at(self, mono_ns: int) -> Position:
        """The latest fix at that instant with its age; a stale one is none."""
        if self._surveyed is not None:
            return self._surveyed
        with self._lock:
            fixes = tuple(self._fixes)
        for fix in reversed(fixes):
            age_s = (mono_ns - fix.mono_ns) / NS_PER_S
            if age_s >= 0:
                if age_s > STALE_S:
                    break
                return msgspec.structs.replace(fix.position, age_s=round(age_s, 3))
        return Position(source=PositionSource.NONE)


def _as_position(surveyed: Surveyed) -> Position:
    return Position(
        source=PositionSource.SURVEYED,
        lat_deg=surveyed.lat_deg,
        lon_deg=surveyed.lon_deg,
        altitude_m=surveyed.altitude_m,
        horizontal_error_m=surveyed.horizontal_error_m,
    )
