"""A small steady share of the link, for records while a traffic test wants all of it. No I/O."""

BURST_S = 1.0
"""What was not used lasts so long."""


class Share:
    """So many bits a second, on the average. Times are of one monotonic clock."""

    def __init__(self, bit_s: float) -> None:
        self._bytes_per_s = bit_s / 8
        self._saved = self.batch_bytes * 1.0
        self._at_s = float("-inf")

    @property
    def batch_bytes(self) -> int:
        """How long one batch should be: worth a second."""
        return max(1, round(self._bytes_per_s * BURST_S))

    def allows(self, now_s: float) -> bool:
        """Whether something may be sent now. A debt has to be paid off first."""
        gained = self._bytes_per_s * max(0.0, now_s - self._at_s)
        self._saved = min(self._saved + gained, float(self.batch_bytes))
        self._at_s = now_s
        return self._saved > 0

    def spend(self, size: int) -> None:
        """So much was sent; one record alone may be more than is saved."""
        self._saved -= size
