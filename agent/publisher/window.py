"""What is under way to the collector and what has to be sent again. No I/O.

The broker's PUBACK says that the broker has a batch, not that anybody stored it: only from then on
runs the time in which the collector should have acknowledged. Until the PUBACK a batch is on its
way in a TCP connection, and sending it again would only make a slow link slower.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from wire.control import Ack, Range

LONGEST_ACK_TIMEOUT_S = 600.0
GONE_TIMEOUT_S = 2.0
"""For a batch the broker did not pass on: a collector that restarts is back within seconds."""


@dataclass(frozen=True, kw_only=True)
class Flight:
    """One batch under way."""

    batch: str
    mid: int
    """The link's own number for it."""
    seqs: tuple[int, ...]
    """Rows of it that are not acknowledged yet."""
    tries: int
    at_broker_s: float | None = None
    """Monotonic instant of the PUBACK."""
    kept: bool = True
    """Whether the broker passes it on: without a subscriber, or refused, it is gone already."""


class Window:
    """The rows of one epoch that are under way."""

    def __init__(self, *, max_rows: int, ack_timeout_s: float) -> None:
        self._max_rows = max_rows
        self._ack_timeout_s = ack_timeout_s
        self.epoch: UUID | None = None
        self.after = 0
        """Highest `seq` that was sent: fresh rows lie above."""
        self._flights: list[Flight] = []
        self._alone: deque[int] = deque()

    def restart(self, epoch: UUID | None) -> None:
        """A new connection or a new epoch: everything is to be sent, from the lowest row on."""
        self.epoch = epoch
        self.after = 0
        self._flights.clear()
        self._alone.clear()

    @property
    def rows(self) -> int:
        """Rows under way."""
        return sum(len(flight.seqs) for flight in self._flights)

    @property
    def room(self) -> int:
        """Rows that may be sent on top."""
        return max(0, self._max_rows - self.rows)

    def sent(self, *, batch: str, mid: int, seqs: tuple[int, ...], tries: int = 1) -> None:
        """A batch was handed to the link."""
        self._flights.append(Flight(batch=batch, mid=mid, seqs=seqs, tries=tries))
        self.after = max(self.after, seqs[-1])

    def at_broker(self, mid: int, now_s: float, *, kept: bool = True) -> None:
        """The broker has it: the time for the acknowledgement begins."""
        self._flights = [
            replace(flight, at_broker_s=now_s, kept=kept) if flight.mid == mid else flight
            for flight in self._flights
        ]

    def acknowledged(self, ack: Ack) -> tuple[int, ...]:
        """Strike what `ack` covers; `seq` of rows that were refused although sent alone."""
        if ack.epoch != self.epoch:
            return ()
        covered = _Covered(ack)
        hopeless: list[int] = []
        left = []
        for flight in self._flights:
            seqs = tuple(seq for seq in flight.seqs if seq not in covered)
            if flight.batch not in ack.rejected_batches:
                left.append(replace(flight, seqs=seqs))
            elif len(flight.seqs) == 1:
                hopeless += seqs
            else:
                self._alone.extend(seqs)
        self._flights = [flight for flight in left if flight.seqs]
        return tuple(hopeless)

    def overdue(self, now_s: float) -> Flight | None:
        """A batch the collector did not acknowledge in time."""
        for flight in self._flights:
            if flight.at_broker_s is not None:
                patience_s = self._ack_timeout_s if flight.kept else GONE_TIMEOUT_S
                patience_s *= 2.0 ** min(flight.tries - 1, 16)
                if now_s - flight.at_broker_s > min(patience_s, LONGEST_ACK_TIMEOUT_S):
                    return flight
        return None

    def landed(self, flight: Flight) -> None:
        """Forget a batch: its rows are in others now, or nowhere to be found."""
        self._flights.remove(flight)

    @property
    def alone(self) -> int | None:
        """A row that has to be sent in a batch of its own, so that only the bad one is lost."""
        return self._alone[0] if self._alone else None

    def alone_done(self) -> None:
        """The row of `alone` was sent, or is no more."""
        self._alone.popleft()


class _Covered:
    """Set of the numbers an acknowledgement accounts for.

    Not those under which it knows other records: the outbox gives ours new numbers.
    """

    def __init__(self, ack: Ack) -> None:
        self._accounted = _Runs(((1, ack.contiguous_seq), *ack.stored, *ack.rejected))
        self._foreign = _Runs(ack.conflicts)

    def __contains__(self, seq: int) -> bool:
        return seq in self._accounted and seq not in self._foreign


class _Runs:
    """Set of the numbers in runs that do not overlap."""

    def __init__(self, runs: Iterable[Range]) -> None:
        self._runs = sorted(runs)
        self._firsts = [first for first, _ in self._runs]

    def __contains__(self, seq: int) -> bool:
        index = bisect_right(self._firsts, seq) - 1
        return index >= 0 and seq <= self._runs[index][1]
