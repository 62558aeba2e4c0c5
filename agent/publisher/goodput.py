"""How much the link carries, learned from how soon the broker confirms what is sent. No I/O.

A batch should take about a second: on a slow link a large one would hold up everything behind it,
presence and keepalive included, and on a fast one a small one wastes round trips.
"""

from dataclasses import dataclass

BATCH_S = 1.0
"""What one batch may take."""
UNCONFIRMED_S = 2.0
"""What may be under way to the broker: one batch travels while the next one is made."""
FIRST_BYTES_PER_S = 16 << 10
"""Before anything is known: a link of 128 kbit/s."""
LEAST_BATCH_BYTES = 1 << 10
MOST_UNCONFIRMED_BATCHES = 4
"""Of the largest: enough for 1 MB/s at a round trip of 0.25 s."""
GROWTH = 2.0
"""Most by which one answer raises the estimate: a burst may pass that the link cannot keep up."""
BUSY_S = 0.5
"""A batch that took longer filled the link; a quicker one only shows that it carries at least so
much."""


@dataclass(frozen=True)
class _Sent:
    size: int
    at_s: float
    confirmed_before: int


class Goodput:
    """Bytes a second from us to the broker. Times are of one monotonic clock."""

    def __init__(self, *, most_batch_bytes: int) -> None:
        self._most_batch_bytes = most_batch_bytes
        self.restart()

    def restart(self) -> None:
        """A new connection, maybe over another path."""
        self.bytes_per_s = float(FIRST_BYTES_PER_S)
        self._confirmed = 0
        self._sent: dict[int, _Sent] = {}

    def sent(self, mid: int, size: int, now_s: float) -> None:
        """A batch was handed to the link."""
        self._sent[mid] = _Sent(size, now_s, self._confirmed)

    def confirmed(self, mid: int, now_s: float) -> None:
        """The broker has it. Others that were sent between count as well: they shared the link."""
        sent = self._sent.pop(mid, None)
        if sent is None:
            return
        self._confirmed += sent.size
        took_s = max(now_s - sent.at_s, 1e-3)
        seen = (self._confirmed - sent.confirmed_before) / took_s
        if seen > self.bytes_per_s:
            self.bytes_per_s = min(seen, GROWTH * self.bytes_per_s)
        elif took_s > BUSY_S:
            self.bytes_per_s = (self.bytes_per_s + seen) / 2

    def look(self, now_s: float) -> None:
        """Believe in less when the oldest batch takes far longer than it should."""
        for sent in self._sent.values():
            took_s = now_s - sent.at_s
            if took_s > 2 * UNCONFIRMED_S:
                at_most = (self._confirmed - sent.confirmed_before + sent.size) / took_s
                self.bytes_per_s = min(self.bytes_per_s, at_most)
            return

    @property
    def batch_bytes(self) -> int:
        """How long the next batch may be."""
        wanted = round(self.bytes_per_s * BATCH_S)
        return min(max(wanted, LEAST_BATCH_BYTES), self._most_batch_bytes)

    @property
    def has_room(self) -> bool:
        """Whether another batch may be handed to the link now."""
        unconfirmed = sum(sent.size for sent in self._sent.values())
        room = round(self.bytes_per_s * UNCONFIRMED_S)
        most = MOST_UNCONFIRMED_BATCHES * self._most_batch_bytes
        return not unconfirmed or unconfirmed + self.batch_bytes <= min(room, most)
