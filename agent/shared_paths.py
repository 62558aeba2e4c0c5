"""One traffic test at a time where several modems share a bottleneck."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from agent.runtime import Beat, Stop

BEAT_EVERY_S = 1.0


class _Waiter(NamedTuple):
    """Who goes first sorts first."""

    rank: int
    number: int
    path: str


class SharedPaths:
    """Paths by name, each taken by one test at most."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken: set[str] = set()
        self._waiting: set[_Waiter] = set()
        self._numbers = itertools.count()

    @contextmanager
    def taken(
        self,
        path: str | None,
        *,
        stop: Stop,
        beat: Beat,
        timeout_s: float,
        rank: int = 0,
        gives_way: Callable[[], bool] = lambda: False,
    ) -> Iterator[bool]:
        """Hold `path` inside; False when it was not free in time. None is shared with nobody.

        Of several that wait the lowest rank goes first, then who came first. Waiting ends early
        once `gives_way` says so. It is no stall: `beat` is called meanwhile.
        """
        if path is None:
            yield True
            return
        with stop.wakes(self._look_again):
            own = _Waiter(rank, next(self._numbers), path)
            free = self._take(own, stop, beat, timeout_s, gives_way)
        try:
            yield free
        finally:
            if free:
                with self._changed:
                    self._taken.discard(path)
                    self._changed.notify_all()

    def _take(
        self,
        own: _Waiter,
        stop: Stop,
        beat: Beat,
        timeout_s: float,
        gives_way: Callable[[], bool],
    ) -> bool:
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            self._waiting.add(own)
            try:
                while not self._is_for(own) and not stop.is_set() and not gives_way():
                    left_s = deadline_s - time.monotonic()
                    if left_s <= 0:
                        break
                    self._changed.wait(min(left_s, BEAT_EVERY_S))
                    beat()
                if not self._is_for(own) or stop.is_set():
                    return False
                self._taken.add(own.path)
                return True
            finally:
                self._waiting.discard(own)
                self._changed.notify_all()

    def _is_for(self, own: _Waiter) -> bool:
        """Whether the path is free and nobody goes first."""
        others = (each for each in self._waiting if each.path == own.path)
        return own.path not in self._taken and own == min(others)

    def _look_again(self) -> None:
        with self._changed:
            self._changed.notify_all()
