"""The rows of an outbox, read beside the agent that owns it and writes to it.

Each call opens the file read-only and ends its transaction before it returns, so that the WAL is
never kept from being folded in. A connection that cannot write cannot damage it either: it never
checkpoints (see `agent.outbox.file`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from agent.outbox.errors import OutboxError, UnusableFileError
from wire.codec import UnreadableRecordError, unpack_line

SCHEMAS = (1, 2)
BUSY_S = 5.0
MOST_ROWS = 1000
MOST_BYTES = 4 << 20
"""Of lines at once; a single row may be longer than its share but not longer than a record."""


class EpochRenewedError(OutboxError):
    """The rows were numbered anew meanwhile: what was read before has other keys now."""


class State(NamedTuple):
    """Where the outbox stands."""

    epoch: UUID
    made: int
    """Highest `seq` given out in the epoch."""
    first_seq: int | None
    """Of the oldest row; None when there is none."""


class Piece(NamedTuple):
    """Some rows, lowest first."""

    lines: tuple[bytes, ...]
    first_seq: int
    last_seq: int
    unreadable: int
    """Rows between these numbers whose stored bytes are damaged."""


class OutboxRows:
    """Reads one outbox. Every method raises `UnusableFileError`."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self._path = path

    def state(self) -> State:
        """Where it stands now."""
        with self._reading() as db:
            epoch, made = db.execute("SELECT epoch, made FROM state").fetchone()
            first_seq = db.execute("SELECT min(seq) FROM outbox").fetchone()[0]
        return State(UUID(epoch), made, first_seq)

    def after(self, seq: int, *, up_to: int, epoch: UUID, most_rows: int) -> Piece | None:
        """The lowest rows above `seq`; None when there is none up to `up_to`.

        Raises `EpochRenewedError` when the outbox is not in `epoch` any more.
        """
        lines: list[bytes] = []
        first_seq = last_seq = size = unreadable = 0
        with self._reading() as db:
            if db.execute("SELECT epoch FROM state").fetchone()[0] != str(epoch):
                raise EpochRenewedError
            rows = db.execute(
                "SELECT seq, record FROM outbox WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                (seq, up_to, min(most_rows, MOST_ROWS)),
            )
            for last_seq, stored in rows:
                first_seq = first_seq or last_seq
                try:
                    lines.append(unpack_line(stored))
                except UnreadableRecordError:
                    unreadable += 1
                    continue
                size += len(lines[-1])
                if size >= MOST_BYTES:
                    break
        return Piece(tuple(lines), first_seq, last_seq, unreadable) if last_seq else None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One read transaction."""
        try:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            with closing(
                sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)
            ) as db:
                db.execute("BEGIN")
                schema = db.execute("PRAGMA user_version").fetchone()[0]
                if schema not in SCHEMAS:
                    reason = f"made by other software (schema {schema})"
                    raise UnusableFileError(self._path, reason)
                yield db
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise UnusableFileError(self._path, str(error)) from error
