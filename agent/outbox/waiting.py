"""Records between `append` and their commit: a bounded queue that knows what it gave up.

Where it is full, radio and position rows are thinned out, every second one of each modem, so that
no stretch of road goes dark while the disk fails. Only then does a record that matters less make
room for one that matters more. Not thread-safe: whoever owns it holds a lock.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from agent.outbox.errors import OutboxFullError
from agent.outbox.ranks import THINNED, drop_rank
from wire.messages import AnyMeasurement

WORTH_THINNING = 4
"""One row in so many is thinned at least, sparser ones too where too few are dense."""


@dataclass(kw_only=True, slots=True, eq=False)
class Waiting:
    """A record, and whoever waits for its number. Only `thinned` changes."""

    record: AnyMeasurement
    stored: Future[int] | None = None
    since_s: float = field(default_factory=time.monotonic)
    thinned: int = 0
    """How often every second of its like was left out: it stands for 2 to that power."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Records of one kind that were accepted and given up again before they were stored."""

    count: int
    first_mono_ns: int
    last_mono_ns: int
    one_of: int
    """One in so many was kept, at the thinnest; 1 where they only made room for others."""

    def __add__(self, other: "LeftOut") -> "LeftOut":
        return LeftOut(
            count=self.count + other.count,
            first_mono_ns=min(self.first_mono_ns, other.first_mono_ns),
            last_mono_ns=max(self.last_mono_ns, other.last_mono_ns),
            one_of=max(self.one_of, other.one_of),
        )


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What did not get as far as the disk, and was not reported yet."""

    refused: int = 0
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    """By kind."""

    def __bool__(self) -> bool:
        return bool(self.refused or self.left_out)

    def __add__(self, other: "Losses") -> "Losses":
        left_out = dict(self.left_out)
        for kind, more in other.left_out.items():
            left_out[kind] = left_out[kind] + more if kind in left_out else more
        return Losses(refused=self.refused + other.refused, left_out=left_out)


class WaitingRecords:
    """At most `most_rows` records, in the order in which they came."""

    def __init__(self, most_rows: int) -> None:
        self._most_rows = most_rows
        self._rows: list[Waiting] = []
        self._losses = Losses()
        self.refused = 0
        """Never accepted, ever."""
        self.left_out = 0
        """Accepted and given up again, ever."""

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def oldest_since_s(self) -> float | None:
        """Since when the first one waits."""
        return self._rows[0].since_s if self._rows else None

    @property
    def has_losses(self) -> bool:
        """Whether there is something to report."""
        return bool(self._losses)

    def add(self, waiting: Waiting, *, safe: int) -> bool:
        """Take one; False, and counted, where there is no room. The first `safe` ones stay."""
        if len(self._rows) >= self._most_rows and not self._make_room(waiting, safe):
            self.refuse()
            return False
        self._rows.append(waiting)
        return True

    def refuse(self) -> None:
        """Count one that cannot be taken."""
        self.refused += 1
        self._losses += Losses(refused=1)

    def first(self, count: int) -> Sequence[Waiting]:
        """The first ones, which stay."""
        return self._rows[:count]

    def done(self, count: int) -> Sequence[Waiting]:
        """The first ones, which go."""
        done = self._rows[:count]
        del self._rows[:count]
        return done

    def take_losses(self) -> Losses:
        """What is to be reported now; give it back if it cannot be."""
        losses, self._losses = self._losses, Losses()
        return losses

    def give_back(self, losses: Losses) -> None:
        """These have not been reported after all."""
        self._losses += losses

    def _make_room(self, waiting: Waiting, safe: int) -> bool:
        return self._thin(safe) or self._evict(safe, below=drop_rank(waiting.record.kind))

    def _thin(self, safe: int) -> bool:
        """Leave out every second row of the densest ones; whether there were any."""
        dense = self._densest(safe)
        keep_next: dict[tuple[str, str | None], bool] = {}
        kept, left_out = list(self._rows[:safe]), []
        for row in self._rows[safe:]:
            if row.record.kind not in THINNED or row.thinned > dense:
                kept.append(row)
                continue
            modem = row.record.modem
            source = (row.record.kind, None if modem is None else modem.usb_path)
            if keep_next.get(source, True):
                row.thinned += 1
                kept.append(row)
            else:
                left_out.append(row)
            keep_next[source] = not keep_next.get(source, True)
        if not left_out:
            return False
        self._rows = kept
        self._leave_out(left_out, one_of=2 ** (dense + 1))
        return True

    def _densest(self, safe: int) -> int:
        """How often the rows were thinned at most that are to be thinned once more."""
        found = Counter(row.thinned for row in self._rows[safe:] if row.record.kind in THINNED)
        dense = 0
        for each in sorted(found):
            dense += found[each]
            if dense * WORTH_THINNING >= found.total():
                return each
        return 0

    def _evict(self, safe: int, *, below: int) -> bool:
        """Give up the first of those that matter least, if they matter less than `below`."""
        least = min(
            range(safe, len(self._rows)),
            key=lambda index: drop_rank(self._rows[index].record.kind),
            default=None,
        )
        if least is None or drop_rank(self._rows[least].record.kind) >= below:
            return False
        self._leave_out([self._rows.pop(least)], one_of=1)
        return True

    def _leave_out(self, rows: Sequence[Waiting], *, one_of: int) -> None:
        self.left_out += len(rows)
        times_ns: dict[str, list[int]] = {}
        for row in rows:
            times_ns.setdefault(row.record.kind, []).append(row.record.mono_ns)
            if row.stored is not None and row.stored.set_running_or_notify_cancel():
                row.stored.set_exception(OutboxFullError("the record made room for another"))
        self._losses += Losses(
            left_out={
                kind: LeftOut(
                    count=len(each), first_mono_ns=min(each), last_mono_ns=max(each), one_of=one_of
                )
                for kind, each in times_ns.items()
            }
        )
