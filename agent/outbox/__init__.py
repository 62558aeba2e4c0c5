"""What the probe has promised to deliver: one SQLite file, owned by one thread."""

from agent.outbox.errors import (
    NewerFileError,
    OutboxError,
    OutboxFullError,
    OutboxTakenError,
    OutboxTimeoutError,
    OutboxWithheldError,
    UnusableFileError,
)
from agent.outbox.events import MakesEvents
from agent.outbox.file import Dropped, OutboxFile, Row
from agent.outbox.outbox import Batch, Limits, Outbox, OutboxStats
from agent.outbox.watermark import Carried

__all__ = [
    "Batch",
    "Carried",
    "Dropped",
    "Limits",
    "MakesEvents",
    "NewerFileError",
    "Outbox",
    "OutboxError",
    "OutboxFile",
    "OutboxFullError",
    "OutboxStats",
    "OutboxTakenError",
    "OutboxTimeoutError",
    "OutboxWithheldError",
    "Row",
    "UnusableFileError",
]
