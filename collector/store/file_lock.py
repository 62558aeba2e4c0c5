"""A lock between processes.

SQLite before 3.51.3 can damage a WAL that two connections reset at the same moment.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_S = 0.005


class FileLock:
    """An advisory lock on a file, given back by the kernel when its holder dies."""

    def __init__(self, path: Path) -> None:
        """Lock `path`, made when first held."""
        self._path = path

    @contextmanager
    def held(self, timeout_s: float) -> Iterator[None]:
        """Hold the lock inside the block; raises TimeoutError when somebody else keeps it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            self._take(descriptor, time.monotonic() + timeout_s)
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, deadline: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self._path}: held by another process") from None
                time.sleep(_POLL_S)
            else:
                return
