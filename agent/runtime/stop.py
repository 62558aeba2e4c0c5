"""Asking threads to end, and waking whatever they are blocked in."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Wake = Callable[[], None]
"""Makes one blocked call return soon. Called once, from the stopping thread; must not block."""


class Stop:
    """A wish to end that cannot be taken back.

    A thread that blocks in something other than `wait` says how to wake it:
    `with stop.wakes(port.cancel_read): ...`.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._wakers: dict[int, Wake] = {}
        self._next_key = 0

    def set(self) -> None:
        """Ask for the end and wake everybody; asking again does nothing."""
        with self._lock:
            if self._asked.is_set():
                return
            self._asked.set()
            wakers = list(self._wakers.values())
        for wake in wakers:
            wake()

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._asked.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Pause for `timeout_s` or until the end is asked for; True when it was."""
        return self._asked.wait(timeout_s)

    @contextmanager
    def wakes(self, wake: Wake) -> Iterator[None]:
        """While inside, `set` calls `wake`; at once if the end was asked for already."""
        with self._lock:
            key = self._next_key
            self._next_key += 1
            self._wakers[key] = wake
            late = self._asked.is_set()
        if late:
            wake()
        try:
            yield
        finally:
            with self._lock:
                del self._wakers[key]
