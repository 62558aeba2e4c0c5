"""Which rows may be given out, and whether an acknowledgement is about our rows at all.

A card that was restored from a backup has our epoch and goes on counting where the backup was made:
its numbers then name other rows than those the collector has. An acknowledgement cannot tell them
apart, so this does, by what was lent: numbers up to which rows may have left the probe, remembered
in the file before they do. More acknowledged than was lent means that somebody else lent it.

Until that is known a file that was not made by this run lends one batch beyond what it had lent
before. Either the collector has less than the batch ends with, and looks at each row of it, or it
has more, which gives the copy away.
"""

from collections.abc import Sequence

from agent.outbox.errors import OutboxWithheldError
from agent.outbox.file import OutboxFile, Row
from agent.outbox.watermark import Carried
from wire.control import Ack, Range

AHEAD = 1000
"""Numbers lent in advance where nothing is in doubt, so that not every batch costs a commit."""


class Lending:
    """Of one open file."""

    def __init__(self, carried: Carried, *, trusted: bool) -> None:
        """A file whose epoch began in this run is `trusted`: nobody can have a copy of it."""
        self._carried = carried
        self._trusted = trusted
        self._trial: int | None = None

    def rows(
        self, file: OutboxFile, after_seq: int, *, up_to: int, max_rows: int, max_bytes: int
    ) -> Sequence[Row]:
        """Rows that may be sent, none if there is none; raises `OutboxWithheldError`."""
        rows = file.rows_after(after_seq, up_to=up_to, max_rows=max_rows, max_bytes=max_bytes)
        if not rows or rows[-1].seq <= file.lent:
            return rows
        if self._trusted:
            file.lend(file.made + AHEAD)
            return rows
        if known := [row for row in rows if row.seq <= file.lent]:
            return known
        if self._trial is not None and file.highest(self._trial) is not None:
            raise OutboxWithheldError("the collector has not answered for the first rows yet")
        file.lend(rows[-1].seq)
        self._trial = rows[-1].seq
        return rows

    def is_foreign(self, file: OutboxFile, ack: Ack) -> bool:
        """Whether somebody else has used numbers of our epoch; notes what the answer proves."""
        covered = covered_by(ack)
        highest = max(last for _, last in covered)
        known = min(file.made, max(file.lent, self._carried.of(file.epoch)))
        if ack.conflicts or highest > known:
            return True
        if self._trial is not None:
            last = file.highest(self._trial)
            if last is not None and any(first <= last <= end for first, end in covered):
                self._trusted, self._trial = True, None
        return False


def covered_by(ack: Ack) -> Sequence[Range]:
    """Everything the collector need not be sent again."""
    return [(1, ack.contiguous_seq), *ack.stored, *ack.rejected]
