"""What one video attempt may still take: its clock, and the bytes it may download."""

import time

from drivers.traffic.profile import VideoProfile
from drivers.traffic.result import TrafficError
from wire.messages import Outcome


class Allowance:
    """Counts from its making. Owned by one thread."""

    def __init__(self, profile: VideoProfile, *, max_bytes: int | None) -> None:
        """`max_bytes` is the data budget's word, beside what the profile may cost at most."""
        self._started = time.monotonic()
        self._most_bytes = profile.most_bytes
        self._max_bytes = max_bytes
        self.used_bytes = 0
        self.capped = False
        """Whether `max_bytes` ended the attempt."""

    @property
    def elapsed_s(self) -> float:
        """Since the attempt began."""
        return time.monotonic() - self._started

    def spend(self, count: int) -> None:
        """Bytes that have come; raises `TrafficError` if no more may follow."""
        self.used_bytes += count
        if self._max_bytes is not None and self.used_bytes > self._max_bytes:
            self.capped = True
            happened = f"data cap of {self._max_bytes} bytes"
            raise TrafficError("probe", happened, outcome=Outcome.INVALID)
        if self.used_bytes > self._most_bytes:
            happened = f"sent more than the {self._most_bytes} bytes of the profile"
            raise TrafficError("server", happened, outcome=Outcome.INVALID)
