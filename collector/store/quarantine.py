"""Refused bytes, kept with the reason and bounded: the oldest are given up, and counted."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from sqlite_utils import Database

MAX_BYTES = 256 << 20
"""Of refused messages kept."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are no record, with what could be read of their key."""

    topic: str
    reason: str
    content: bytes
    probe: str | None = None
    epoch: UUID | None = None
    seq: int | None = None
    batch: str | None = None
    """Id of the batch that held them, as the probe named it."""


class QuarantineRow(msgspec.Struct, frozen=True, kw_only=True):
    """Refused bytes as they are kept. `times` counts how often the very same came."""

    topic: str
    reason: str
    probe: str | None
    epoch: str | None
    seq: int | None
    batch: str | None
    first_utc: str
    last_utc: str
    times: int
    content: bytes


class Quarantine:
    """The tables `quarantine` and `quarantine_totals` of an open database; no transactions here."""

    def __init__(self, database: Database, *, max_rows: int, max_bytes: int = MAX_BYTES) -> None:
        """Use the database of the ledger."""
        self._db = database
        self._max_rows = max_rows
        self._max_bytes = max_bytes

    def add(self, one: Refused, now: datetime) -> None:
        """Keep it; the very same again only counts."""
        identity = hashlib.sha256(f"{one.topic}\n{one.reason}\n".encode() + one.content).hexdigest()
        known = self._db.execute(
            "UPDATE quarantine SET times = times + 1, last_utc = ? WHERE digest = ?",
            (now.isoformat(), identity),
        ).rowcount
        if known:
            return
        self._db.table("quarantine").insert(
            {
                "digest": identity,
                "topic": one.topic,
                "reason": one.reason,
                "probe": one.probe,
                "epoch": None if one.epoch is None else str(one.epoch),
                "seq": one.seq,
                "batch": one.batch,
                "first_utc": now.isoformat(),
                "last_utc": now.isoformat(),
                "times": 1,
                "content": one.content,
            }
        )
        self._count(rows=1, size=len(one.content))
        self._bound()

    def rows(self, *, limit: int) -> list[QuarantineRow]:
        """What came last, newest first."""
        found = self._db.table("quarantine").rows_where(order_by="last_utc desc", limit=limit)
        return [
            QuarantineRow(**{name: row[name] for name in QuarantineRow.__struct_fields__})
            for row in found
        ]

    def given_up(self) -> int:
        """How many were deleted because there were too many."""
        return int(self._db.table("quarantine_totals").get(1)["given_up_rows"])

    def _count(self, *, rows: int, size: int, given_up: int = 0) -> None:
        self._db.execute(
            "UPDATE quarantine_totals SET kept_rows = kept_rows + ?, kept_bytes = kept_bytes + ?,"
            " given_up_rows = given_up_rows + ?",
            (rows, size, given_up),
        )

    def _bound(self) -> None:
        totals = self._db.table("quarantine_totals").get(1)
        rows, size = totals["kept_rows"], totals["kept_bytes"]
        while rows > self._max_rows or (size > self._max_bytes and rows > 1):
            digest, length = self._db.execute(
                "SELECT digest, length(content) FROM quarantine ORDER BY last_utc, rowid LIMIT 1"
            ).fetchone()
            self._db.table("quarantine").delete(digest)
            self._count(rows=-1, size=-length, given_up=1)
            rows, size = rows - 1, size - length
