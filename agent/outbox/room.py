"""How much the outbox may hold: its cap, and less than that on a full disk.

A full disk has room for nothing that is not there already: the file's pages and the log are
overwritten, neither grows, and what a commit needs is given up before.
"""

import logging
import sqlite3

from agent.outbox.events import Say
from agent.outbox.file import OutboxFile, primary_code
from agent.outbox.reserve import Reserve

log = logging.getLogger(__name__)

GENTLE_ROWS = 50
GENTLE_BYTES = 32 << 10
"""What is written and given up at once has to fit into the log."""
HELD_PART = 16
"""Of the reserve, one part in so many goes into pages for rows; the rest lets it be done."""


class Room:
    """The cap in force. Says once that the disk is full, and once that it is no longer."""

    def __init__(self, reserve: Reserve, *, cap_bytes: int, reserve_bytes: int, say: Say) -> None:
        self._reserve = reserve
        self._most_bytes = cap_bytes
        self._held_bytes = reserve_bytes // HELD_PART
        self._say = say
        self.full = False
        self.cap_bytes = cap_bytes
        """Of rows: above it some are given up."""

    @property
    def group_rows(self) -> int | None:
        """How many rows may be written at once; None as many as there are."""
        return GENTLE_ROWS if self.full else None

    @property
    def most_dropped_bytes(self) -> int | None:
        """How much may be given up at once; None as much as has to be."""
        return GENTLE_BYTES if self.full else None

    def ran_out(self, file: OutboxFile) -> bool:
        """The disk is full: give up the reserve and let the rows grow no more.

        Whether it is worth trying again at once. Where the reserve is gone already a little of
        what there is has to go each time.
        """
        made_room = self._reserve.give_up()
        again = made_room or not self.full
        most_bytes = file.bytes if again else file.bytes - file.bytes // 50
        self.cap_bytes = min(self.cap_bytes, max(most_bytes, self._held_bytes))
        if not self.full:
            self.full = True
            self._say(
                "outbox_disk_full",
                severity="error",
                detail={"rows": file.rows, "bytes": file.bytes, "cap_bytes": self.cap_bytes},
            )
        file.all_in_place()
        if made_room:
            self._hold(file)
        file.grow(allowed=False)
        return again

    def make_way(self) -> None:
        """The disk is too full even to open the file."""
        self._reserve.give_up()

    def look(self, file: OutboxFile) -> None:
        """Make the reserve again where there is room, and lift the cap with it."""
        if self._reserve.make() and self.full:
            self.full = False
            self.cap_bytes = self._most_bytes
            file.grow(allowed=True)
            self._say("outbox_disk_has_room", severity="warning", detail={})

    def _hold(self, file: OutboxFile) -> None:
        try:
            file.hold_room(self._held_bytes)
        except sqlite3.Error as error:
            if primary_code(error) != sqlite3.SQLITE_FULL:
                raise
            log.warning("others took what the outbox had in reserve")
        file.all_in_place()
