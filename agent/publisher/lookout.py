"""When a better path is looked at, and when it may be taken again. No I/O."""

LONGEST_LOOKS = 15
"""Of the first pause, the longest between two looks."""
SOON = 6
"""So much sooner comes the next look after one that found it working."""
LOOKS = 2
"""Once may be chance, twice is taken."""


class Lookout:
    """While a less preferred path carries the link. Times are of one monotonic clock."""

    def __init__(self, first_s: float) -> None:
        """The first look comes so long after the link was made."""
        self._first_s = first_s
        self._every_s = first_s
        self._due_s = float("inf")
        self._worked = 0

    def begin(self, now_s: float) -> None:
        """The link was made on a less preferred path."""
        self._worked, self._due_s = 0, now_s + self._every_s

    def rest(self) -> None:
        """The most preferred path carries the link: nothing is to be looked at."""
        self._every_s, self._due_s = self._first_s, float("inf")

    def is_due(self, now_s: float) -> bool:
        """Whether to look now."""
        return now_s >= self._due_s

    def saw(self, now_s: float, *, works: bool) -> bool:
        """What a look found; whether to take the better path."""
        if not works:
            self._worked = 0
            self._wait_longer(now_s)
            return False
        self._worked += 1
        self._due_s = now_s + self._first_s / SOON
        if self._worked < LOOKS:
            return False
        # If it does not hold, the next looks are further apart.
        self._wait_longer(now_s)
        return True

    def _wait_longer(self, now_s: float) -> None:
        self._every_s = min(2 * self._every_s, LONGEST_LOOKS * self._first_s)
        self._due_s = now_s + self._every_s
