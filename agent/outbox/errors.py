"""What can go wrong with the outbox.

OutboxError
 |- OutboxFullError      the record found no room in memory; it is counted, not kept
 |- OutboxTakenError     another process has the file open
 |- OutboxTimeoutError   no answer in time; a record may still be stored later
 |- OutboxWithheldError  rows may not be given out yet; ask again when the collector has answered
 |- UnusableFileError    the file cannot be trusted and has to be set aside
     |- NewerFileError   it can, by newer software than this
"""

from pathlib import Path


class OutboxError(Exception):
    """The outbox could not do as asked."""


class OutboxFullError(OutboxError):
    """The record was refused: the disk does not keep up, or fails."""


class OutboxTakenError(OutboxError):
    """Another process has the file open: two writers would damage it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} belongs to another running agent")
        self.path = path


class OutboxTimeoutError(OutboxError):
    """The outbox did not answer before the deadline."""

    def __init__(self, what: str, timeout_s: float) -> None:
        super().__init__(f"the outbox has not {what} within {timeout_s:g} s")
        self.what = what
        self.timeout_s = timeout_s


class OutboxWithheldError(OutboxError):
    """The collector has to answer for the first of these rows before more are given out."""


class UnusableFileError(OutboxError):
    """The file is no outbox of ours, or damaged."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class NewerFileError(UnusableFileError):
    """A newer version made the file; once set aside it is never deleted."""

    def __init__(self, path: Path, *, schema: int, newest: int) -> None:
        super().__init__(
            path, f"made by newer software: its schema is {schema}, ours goes up to {newest}"
        )
        self.schema = schema
