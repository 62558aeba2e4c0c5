"""Watches the write-ahead log: a reader that never ends keeps it from being reused."""

from pathlib import Path

from agent.outbox import wal
from agent.outbox.events import Say
from agent.outbox.file import OutboxFile

ALARM_BYTES = 8 << 20
"""More than ten times its usual length."""


class LogWatch:
    """Says once that somebody reads for too long and who, and once that he has ended."""

    def __init__(self, database: Path, *, most_bytes: int, say: Say) -> None:
        self._database = database
        self._most_bytes = most_bytes
        self._say = say
        self._long = False

    def look(self) -> None:
        """After a commit."""
        length = wal.length(self._database)
        if not self._long and length > ALARM_BYTES:
            self._long = True
            self._say(
                "outbox_reader_stuck",
                severity="error",
                detail={"log_bytes": length, "readers": self._readers()},
            )
        elif self._long and length <= ALARM_BYTES:
            self._long = False
            self._say("outbox_reader_gone", severity="warning", detail={"log_bytes": length})

    def has_room(self, file: OutboxFile) -> bool:
        """Whether another commit may be added, or begins the log anew."""
        return wal.length(self._database) < self._most_bytes or file.all_in_place()

    def _readers(self) -> str:
        return ", ".join(f"{_command(pid)} ({pid})" for pid in wal.readers(self._database))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "?"
