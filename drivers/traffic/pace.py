"""The arithmetic of a paced attempt: is the target rate reached, and when is that certain.

One body is read that the target rate carries in the window. No I/O, and the time is passed in.
"""

import math

import msgspec

BURST_S = 0.1
"""A reader that was woken late may catch up so much; more would let a burst look like a rate."""
ERROR_SHARE = 0.02
"""Timing and the link's own bursts: links nearer to the target may be answered either way."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """One question: whether `target_bits_per_second` is reached in a window."""

    target_bits_per_second: float
    window_s: float
    factor: float
    """Reading is held to so many times the target."""

    @property
    def bits_per_second(self) -> float:
        """The most that is read."""
        return self.factor * self.target_bits_per_second

    @property
    def body_bytes(self) -> int:
        """What the target rate carries in the window: the most an attempt costs."""
        return math.ceil(self.target_bits_per_second * self.window_s / 8)

    def answer(self, received_bytes: int, elapsed_s: float) -> bool | None:
        """Whether the target is reached; None while that is open.

        Yes: the body is there within the window. No: the window is over, or the rest of it is too
        short for the rest of the body even at the pace. In both cases `received_bytes` over
        `elapsed_s` lies on the same side of the target: with the target T, the window W and the
        pace p >= 1, no at t < W means received < T W - p T (W - t) <= T t.
        """
        received_bits, target = 8 * received_bytes, self.target_bits_per_second
        if received_bytes >= self.body_bytes and received_bits >= target * elapsed_s:
            return True
        left_s = self.window_s - elapsed_s
        if left_s <= 0:
            return False
        attainable = received_bits + self.bits_per_second * (left_s + BURST_S)
        return False if attainable < target * self.window_s else None

    def error_share(self, first_byte_s: float | None) -> float | None:
        """How much faster than the target a steady link may be and still be answered no.

        A link of rate R that begins after x windows reaches the target only if R >= T / (1 - x).
        None where not even the first byte came in the window.
        """
        if first_byte_s is None or first_byte_s >= self.window_s:
            return None
        return ERROR_SHARE + first_byte_s / (self.window_s - first_byte_s)


class Bucket:
    """Holds a reader to a rate: how long to pause after each piece."""

    def __init__(self, bits_per_second: float) -> None:
        self._bits_per_second = bits_per_second
        self._free_at_s: float | None = None

    def pause_s(self, piece_bytes: int, *, now_s: float) -> float:
        """Seconds until the next piece may be read."""
        earliest_s = now_s - BURST_S
        free_at_s = now_s if self._free_at_s is None else max(self._free_at_s, earliest_s)
        self._free_at_s = free_at_s + 8 * piece_bytes / self._bits_per_second
        return max(0.0, self._free_at_s - now_s)
