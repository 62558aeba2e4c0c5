"""What a simulated modem says, and what can be wrong with it: between the two halves of a modem."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


class Fault(StrEnum):
    """What can be wrong with a modem."""

    SILENT = "silent"
    """Reads commands and says nothing."""
    DEAF = "deaf"
    """Does not even read: the writer's buffer fills."""
    GARBAGE = "garbage"
    """Answers with bytes of no meaning."""
    FLOOD = "flood"
    """Answers with a megabyte without a line end."""
    PREVIOUS = "previous"
    """Answers each command with the answer of the one before."""
    SPLIT = "split"
    """Sends one byte at a time."""
    NO_SIM = "no-sim"
    SIM_PIN = "sim-pin"
    DENIED = "denied"
    """The network refuses to register the SIM."""
    STUBBORN = "stubborn"
    """Settings are read back, but what serves stays as it was until the radio was off."""
    OBSTINATE = "obstinate"
    """As stubborn, but only a reset helps."""


class Answer(NamedTuple):
    """What a modem says to one command."""

    text: bytes
    wait_s: float | None = None
    """Before it; None for the usual short time."""
    reset_s: float | None = None
    """The port goes away for so long afterwards."""


class Answerer(Protocol):
    """The understanding half of a modem."""

    @property
    def echo(self) -> bool:
        """Whether the line is to be sent back."""

    def answer(self, line: str, unix_s: float, faults: frozenset[str]) -> Answer:
        """The answer to one command line."""

    def unasked(self, unix_s: float) -> bytes:
        """Unsolicited lines that are due; asked often."""


def framed(rows: Sequence[str], final: str) -> bytes:
    """Information lines and a final result as they go over the line."""
    body = "\r\n" + "\r\n".join(rows) + "\r\n" if rows else ""
    return f"{body}\r\n{final}\r\n".encode()


def framed_unasked(line: str) -> bytes:
    """An unsolicited line as it goes over the line."""
    return f"\r\n{line}\r\n".encode()
