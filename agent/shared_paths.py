"""One traffic test at a time where several modems share a bottleneck."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agent.runtime import Beat, Stop

BEAT_EVERY_S = 1.0


class SharedPaths:
    """Paths by name, each taken by one test at most."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: set[str] = set()

    @contextmanager
    def taken(
        self, path: str | None, *, stop: Stop, beat: Beat, timeout_s: float
    ) -> Iterator[bool]:
        """Hold `path` inside; False when it was not free in time. None is shared with nobody.

        To wait for a path is no stall: `beat` is called meanwhile.
        """
        if path is None:
            yield True
            return
        with stop.wakes(self._look_again):
            free = self._take(path, stop, beat, timeout_s)
        try:
            yield free
        finally:
            if free:
                with self._changed:
                    self._taken.discard(path)
                    self._changed.notify_all()

    def _take(self, path: str, stop: Stop, beat: Beat, timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while path in self._taken and not stop.is_set():
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    break
                self._changed.wait(min(left_s, BEAT_EVERY_S))
                beat()
            if path in self._taken or stop.is_set():
                return False
            self._taken.add(path)
            return True

    def _look_again(self) -> None:
        with self._changed:
            self._changed.notify_all()
