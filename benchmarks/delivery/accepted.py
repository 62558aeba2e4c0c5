"""The numbers of the rows that a contestant has told its writer it has."""

import threading
from collections.abc import Iterable


class Accepted:
    """Told line by line, by any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._runs: list[tuple[int, int]] = []
        self.count = 0

    def hear(self, lines: Iterable[str]) -> int:
        """Count what the probe says; how many rows that were."""
        before = self.count
        for line in lines:
            match line.split():
                case ["A", first, last]:
                    self._add(int(first), int(last))
                case _:
                    continue
        return self.count - before

    def wait(self, count: int, timeout_s: float) -> bool:
        """Whether there are so many rows in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, timeout_s)

    def numbers(self) -> set[int]:
        """All of them."""
        with self._changed:
            return {n for first, last in self._runs for n in range(first, last + 1)}

    def _add(self, first: int, last: int) -> None:
        with self._changed:
            self._runs.append((first, last))
            self.count += last - first + 1
            self._changed.notify_all()
