"""Which interfaces carry a traffic test now, for whoever shares one with it."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class UnderTest:
    """Told by the tests' threads, asked by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tests: Counter[str | None] = Counter()

    @contextmanager
    def carrying(self, interface: str | None) -> Iterator[None]:
        """While inside a test runs over `interface`; None: over one that nobody knows."""
        with self._lock:
            self._tests[interface] += 1
        try:
            yield
        finally:
            with self._lock:
                self._tests[interface] -= 1
                self._tests += Counter()

    def is_on(self, interface: str | None) -> bool:
        """Whether a test runs over `interface`, or may do so; None: any of them."""
        with self._lock:
            if interface is None or None in self._tests:
                return bool(self._tests)
            return interface in self._tests
