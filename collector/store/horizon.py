"""The table `horizon`: since when numbers are known of, as long as some of them are missing."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime

from sqlite_utils import Database

from collector.store.run_table import LAST_SEQ, Key, RunTable
from collector.store.runs import overlap, without
from wire.control import Range


class Horizons:
    """How far was seen, and when. No transactions here."""

    def __init__(self, database: Database, runs: RunTable) -> None:
        """Use the database of the ledger."""
        self._db = database
        self._runs = runs

    def rise(self, key: Key, span: Range, now: datetime) -> None:
        """Numbers up to the end of `span` are known of from now on."""
        if self._runs.lacks(key, span):
            self._db.execute(
                "INSERT INTO horizon VALUES (?, ?, ?, ?, ?)", (*key, *span, now.isoformat())
            )

    def settle(self, key: Key, span: Range) -> None:
        """Something in `span` has arrived or was explained: forget where nothing is missing."""
        for first, last, _ in self._known(key, span):
            if not self._runs.lacks(key, (first, last)):
                self._db.execute(
                    "DELETE FROM horizon WHERE probe = ? AND epoch = ? AND first_seq = ?",
                    (*key, first),
                )

    def ages(self, key: Key, holes: Sequence[Range]) -> list[tuple[Range, str | None]]:
        """Each hole, cut where its parts are known since different times, and since when.

        None where it was there before anybody wrote it down.
        """
        if not holes:
            return []
        known = self._known(key, (holes[0][0], holes[-1][1]))
        spans = [(first, last) for first, last, _ in known]
        dated: list[tuple[Range, str | None]] = [
            (part, known[bisect_right(spans, (part[0], LAST_SEQ)) - 1][2])
            for part in overlap(spans, holes)
        ]
        return sorted(dated + [(part, None) for part in without(holes, spans)])

    def _known(self, key: Key, span: Range) -> list[tuple[int, int, str]]:
        return self._db.execute(
            "SELECT first_seq, last_seq, known_utc FROM horizon WHERE probe = ? AND epoch = ?"
            " AND first_seq <= ? AND last_seq >= ? ORDER BY first_seq",
            (*key, span[1], span[0]),
        ).fetchall()
