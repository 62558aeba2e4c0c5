"""Replies captured from real devices, served word for word."""

import re
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sim.modem.answer import Answer, framed

UNASKED_EVERY_S = 20.0


class CapturedReplies:
    """Replies of a real device, word for word; several captures of one command take turns.

    The port's own part is ours: `AT` and `ATE` are answered, and `AT+CGMI` and `AT+CGMM` with the
    vendor and the model that the file names, unless captured. Everything else is an ERROR.
    """

    def __init__(self, captures: Sequence["Capture"]) -> None:
        """Sort one model's captures, one or more, by command; those without one are unsolicited."""
        self._replies: dict[str, deque[bytes]] = {}
        self._unasked = deque(_crlf(c.response) for c in captures if not c.command)
        self._next_urc_s: float | None = None
        self._echo = True
        self._own: dict[str, tuple[str, ...]] = {
            "AT": (),
            "ATE0": (),
            "ATE1": (),
            "AT+CGMI": (captures[0].vendor.capitalize(),),
            "AT+CGMM": (captures[0].model,),
        }
        for capture in captures:
            if capture.command:
                replies = self._replies.setdefault(_plain(capture.command), deque())
                replies.append(_crlf(capture.response))

    @property
    def echo(self) -> bool:
        """As set by `ATE`."""
        return self._echo

    def answer(self, line: str, unix_s: float, faults: frozenset[str]) -> Answer:  # noqa: ARG002 - a recording knows neither time nor faults
        """The next capture of the command."""
        command = _plain(line)
        replies = self._replies.get(command)
        if replies is not None:
            reply = replies[0]
            replies.rotate(-1)
            return Answer(reply)
        if command in {"ATE0", "ATE1"}:
            self._echo = command == "ATE1"
        rows = self._own.get(command)
        return Answer(framed((), "ERROR") if rows is None else framed(rows, "OK"))

    def unasked(self, unix_s: float) -> bytes:
        """The next unsolicited capture, now and then."""
        if not self._unasked:
            return b""
        if self._next_urc_s is None or unix_s < self._next_urc_s:
            self._next_urc_s = self._next_urc_s or unix_s + UNASKED_EVERY_S
            return b""
        self._next_urc_s = unix_s + UNASKED_EVERY_S
        self._unasked.rotate(-1)
        return self._unasked[-1]


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a file of captured replies; other keys are of no concern here."""

    vendor: str
    model: str
    command: str
    response: str


class NoCaptureError(ValueError):
    """A file has no capture for the model, or is no file of captures."""


def load_captures(path: Path, model: str) -> tuple[Capture, ...]:
    """The captures of one model; raises `NoCaptureError` or `OSError`."""
    captures = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            try:
                captures.append(msgspec.json.decode(line, type=Capture))
            except msgspec.DecodeError as error:
                raise NoCaptureError(f"{path}:{number}: {error}") from error
    chosen = tuple(capture for capture in captures if capture.model == model)
    if not chosen:
        known = ", ".join(sorted({capture.model for capture in captures}))
        raise NoCaptureError(f"{path}: no capture of model {model!r} (there are: {known})")
    return chosen


def _crlf(response: str) -> bytes:
    return response.encode("utf-8", "surrogateescape")


def _plain(command: str) -> str:
    """A command as it is compared: capitals and no blanks, except between quotes."""
    parts = command.strip().split('"')
    parts[::2] = [re.sub(r"\s", "", part).upper() for part in parts[::2]]
    return '"'.join(parts)
