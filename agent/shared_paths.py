"""One traffic test at a time where several modems share a bottleneck."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from agent.runtime import Stop


class SharedPaths:
    """Paths by name, each taken by one test at most."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: set[str] = set()

    @contextmanager
    def taken(self, path: str | None, *, stop: Stop, timeout_s: float) -> Iterator[bool]:
        """Hold `path` inside; False when it was not free in time. None is shared with nobody."""
        if path is None:
            yield True
            return
        with stop.wakes(self._look_again):
            free = self._take(path, stop, timeout_s)
        try:
            yield free
        finally:
            if free:
                with self._changed:
                    self._taken.discard(path)
                    self._changed.notify_all()

    def _take(self, path: str, stop: Stop, timeout_s: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: path not in self._taken or stop.is_set(), timeout_s)
            if path in self._taken or stop.is_set():
                return False
            self._taken.add(path)
            return True

    def _look_again(self) -> None:
        with self._changed:
            self._changed.notify_all()
