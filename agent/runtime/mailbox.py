"""A bounded queue between threads that never blocks who posts and counts what it refuses."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """First in, first out, at most `limit` items."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a mailbox holds at least one item, not {limit}")
        self._limit = limit
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._woken = False
        self._refused = 0

    def post(self, item: T) -> bool:
        """Put `item` in; False, and counted, when the box is full."""
        with self._changed:
            if len(self._items) >= self._limit:
                self._refused += 1
                return False
            self._items.append(item)
            self._changed.notify()
            return True

    def take(self, timeout_s: float) -> T | None:
        """The oldest item, or None after `timeout_s` without one or when woken."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not self._items and not self._woken:
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not self._changed.wait(left_s):
                    break
            self._woken = False
            return self._items.popleft() if self._items else None

    def wake(self) -> None:
        """Let one `take` return now, also the next one if none is waiting."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    @property
    def refused(self) -> int:
        """Items that found the box full, since it was made."""
        with self._changed:
            return self._refused

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)


class RankedMailbox(Mailbox[T]):
    """The lowest rank first, among equals the one that came first."""

    def __init__(self, limit: int, *, rank: Callable[[T], int]) -> None:
        super().__init__(limit)
        self._rank = rank

    def post(self, item: T) -> bool:
        """Put `item` in its place; False, and counted, when the box is full."""
        with self._changed:
            if len(self._items) >= self._limit:
                self._refused += 1
                return False
            self._insert(item)
            self._changed.notify()
            return True

    def put(self, item: T) -> T | None:
        """Put `item` in; what had to go for it: of the highest rank the last that came."""
        with self._changed:
            self._insert(item)
            self._changed.notify()
            if len(self._items) <= self._limit:
                return None
            self._refused += 1
            return self._items.pop()

    def put_back(self, item: T) -> None:
        """Put in what was taken, before its equals and even when the box is full."""
        with self._changed:
            self._insert(item, first=True)
            self._changed.notify()

    def outranks(self, item: T) -> bool:
        """Whether something of a lower rank waits."""
        with self._changed:
            return bool(self._items) and self._rank(self._items[0]) < self._rank(item)

    def _insert(self, item: T, *, first: bool = False) -> None:
        """The items always stand in the order they are taken in."""
        rank = self._rank(item)
        index = sum(
            other < rank or (other == rank and not first) for other in map(self._rank, self._items)
        )
        self._items.insert(index, item)
