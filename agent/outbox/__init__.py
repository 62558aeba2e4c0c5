"""What the probe has promised to deliver: one SQLite file, owned by one thread."""

from agent.outbox.errors import (
    OutboxError,
    OutboxFullError,
    OutboxTakenError,
    OutboxTimeoutError,
    UnusableFileError,
)
from agent.outbox.file import Dropped, OutboxFile, Row
from agent.outbox.outbox import Batch, Limits, MakesEvents, Outbox, OutboxStats

__all__ = [
    "Batch",
    "Dropped",
    "Limits",
    "MakesEvents",
    "Outbox",
    "OutboxError",
    "OutboxFile",
    "OutboxFullError",
    "OutboxStats",
    "OutboxTakenError",
    "OutboxTimeoutError",
    "Row",
    "UnusableFileError",
]
