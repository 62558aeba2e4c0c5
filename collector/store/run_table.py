"""The table `run`: what is known of the numbers of an epoch, as ranges."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from sqlite_utils import Database

from collector.store.runs import merge
from wire.control import Range

LAST_SEQ = (1 << 63) - 1
"""Also the largest number SQLite can compare with."""
PAGE_RUNS = 256
"""Looked at together: of an epoch there may be millions."""
UNKNOWN_BOOT = ""
"""Of runs whose boot nobody has noted, or where it does not matter."""


class State(StrEnum):
    """What is known of a number. It may be in several."""

    RECEIVED = "received"
    REJECTED = "rejected"
    UNREAD = "unread"
    """Refused as it stood in a file. The probe may still have it whole, so it is told nothing."""
    DROPPED = "dropped"
    """Given up by the probe, by its own word."""
    CONFLICT = "conflict"
    """Used by a copy of the outbox, whose rows come again under a new epoch."""
    CLAIMED = "claimed"
    """About to be stored, or stored: no other boot may have it. Says nothing of whether it came."""


EXPLAINED = (State.RECEIVED, State.REJECTED, State.UNREAD, State.DROPPED, State.CONFLICT)
"""Where a number is that is not missing."""


class Key(NamedTuple):
    """Whose numbers."""

    probe: str
    epoch: str


class Run(NamedTuple):
    """Numbers that belong to one boot."""

    first: int
    last: int
    boot: str

    @property
    def span(self) -> Range:
        """Without the boot."""
        return (self.first, self.last)

    def is_of_other(self, boot: str) -> bool:
        """Whether a record of this boot is another one than is known here."""
        return self.boot not in {UNKNOWN_BOOT, boot}


class RunTable:
    """Runs by epoch and state. Received ones are disjoint; no transactions here."""

    def __init__(self, database: Database) -> None:
        """Use the database of the ledger."""
        self._db = database

    def touching(
        self,
        key: Key,
        state: State,
        span: Range = (0, LAST_SEQ),
        *,
        boot: str | None = None,
        most: int = -1,
    ) -> list[Run]:
        """The first runs that overlap `span`, lowest first; of one boot, or of all."""
        if span[0] > span[1]:
            return []  # behind the last number of all: SQLite knows no larger one
        mine = (
            "probe = :probe AND epoch = :epoch AND state = :state"
            " AND (:boot IS NULL OR boot_id = :boot)"
        )
        found = self._db.execute(
            f"SELECT first_seq, last_seq, boot_id FROM run WHERE {mine}"  # noqa: S608  # constants
            " AND first_seq BETWEEN coalesce((SELECT max(first_seq) FROM run"
            f" WHERE {mine} AND first_seq < :first), :first) AND :last"
            " AND last_seq >= :first ORDER BY first_seq LIMIT :most",
            {
                "probe": key.probe,
                "epoch": key.epoch,
                "state": state,
                "boot": boot,
                "first": span[0],
                "last": span[1],
                "most": most,
            },
        )
        return [Run(*row) for row in found.fetchall()]

    def spans(self, key: Key, *states: State, span: Range = (0, LAST_SEQ)) -> list[Range]:
        """The union of the runs in any of the states that overlap `span`."""
        return merge(run.span for state in states for run in self.touching(key, state, span))

    def lacks(self, key: Key, span: Range) -> bool:
        """Whether a number in `span` is missing; looks no further than to the first one."""
        first, last = span
        while first <= last:
            known = merge(
                run.span
                for state in EXPLAINED
                for run in self.touching(key, state, (first, last), most=PAGE_RUNS)
            )
            if not known or known[0][0] > first:
                return True
            first = known[0][1] + 1
        return False

    def boots(self, key: Key, state: State) -> set[str]:
        """Boots that have runs in this state."""
        found = self._db.execute(
            "SELECT DISTINCT boot_id FROM run WHERE probe = ? AND epoch = ? AND state = ?",
            (*key, state),
        )
        return {boot for (boot,) in found.fetchall()}

    def add(
        self, key: Key, state: State, runs: Iterable[Range], *, boot: str = UNKNOWN_BOOT
    ) -> None:
        """Add numbers of a boot; runs of it that touch become one."""
        for new in runs:
            around = (max(new[0] - 1, 0), min(new[1] + 1, LAST_SEQ))
            touching = self.touching(key, state, around, boot=boot)
            first, last = merge([*(run.span for run in touching), new])[0]
            for run in touching:
                self._db.execute(
                    "DELETE FROM run WHERE probe = ? AND epoch = ? AND state = ?"
                    " AND first_seq = ? AND boot_id = ?",
                    (*key, state, run.first, boot),
                )
            self._db.execute(
                "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?)", (*key, state, first, last, boot)
            )
