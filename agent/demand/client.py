"""Asking the running service for a test, through the socket in its run folder."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.demand.messages import (
    SOCKET_FILE,
    Accepted,
    Ask,
    Ended,
    Going,
    Measured,
    Told,
    read_record,
)
from drivers.traffic.result import OnProgress, Progress
from wire.codec import MAX_LINE_BYTES, UnreadableRecordError
from wire.messages import AnyMeasurement

CONNECT_S = 5.0
SILENCE_S = 900.0
"""Longer than any test waits and takes: a service that is silent for so long hangs."""
CANCEL_S = 10.0
"""For the row of a test that was cancelled; a modem may have to be locked first."""
MOST_BYTES = 2 * MAX_LINE_BYTES
PIECE_BYTES = 1 << 16


class NoServiceError(Exception):
    """No service listens there."""


class NotAllowedError(Exception):
    """A service listens there, and not to us."""


class RefusedError(Exception):
    """The service did not do the test; the text says why."""


@contextmanager
def service(run_dir: Path) -> Iterator[socket.socket]:
    """A connection to the running service; raises `NoServiceError` and `NotAllowedError`.

    Raises `RefusedError` where too many want one.
    """
    file = run_dir / SOCKET_FILE
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(CONNECT_S)
        try:
            stream.connect(str(file))
        except PermissionError as error:
            raise NotAllowedError(str(file)) from error
        except BlockingIOError as error:
            raise RefusedError("busy: too many ask for tests at once") from error
        except OSError as error:
            raise NoServiceError(f"{file}: {error}") from error
        yield stream


def ask(stream: socket.socket, wanted: Ask, on_progress: OnProgress, *, waiting: str) -> Measured:
    """The record of the test; raises `RefusedError`.

    Ctrl-C cancels the test and, where it had begun, gives the record of what was measured until
    then; raises KeyboardInterrupt where there is none. `waiting` is the stage until it begins.
    """
    lines = _Lines(stream)
    try:
        stream.settimeout(SILENCE_S)
        lines.send(msgspec.json.encode(wanted) + b"\n")
        return Measured(_follow(lines, on_progress, waiting))
    except KeyboardInterrupt:
        if not lines.begun:
            raise  # its turn had not come: there is nothing to wait for
        stream.settimeout(CANCEL_S)
        try:
            stream.shutdown(socket.SHUT_WR)
            return Measured(_follow(lines, on_progress, waiting), interrupted=True)
        except (RefusedError, OSError):
            raise KeyboardInterrupt from None


def _follow(lines: "_Lines", on_progress: OnProgress, waiting: str) -> AnyMeasurement:
    while True:
        line = lines.next()
        try:
            told = msgspec.json.decode(line, type=Told)
            if isinstance(told, Ended):
                return read_record(bytes(told.record))
        except (msgspec.DecodeError, UnreadableRecordError) as error:
            raise RefusedError(f"the service speaks another language: {error}") from error
        if isinstance(told, Going):
            lines.begun = True
            on_progress(told.progress)
        elif isinstance(told, Accepted):
            on_progress(Progress(stage=waiting, elapsed_s=0.0))
        else:
            raise RefusedError(told.reason)


class _Lines:
    """What the service says, one line after the other."""

    def __init__(self, stream: socket.socket) -> None:
        self.begun = False
        """Whether there was a word from inside the test."""
        self._stream = stream
        self._received = bytearray()

    def send(self, line: bytes) -> None:
        """Raises `RefusedError`; a service that refuses may say so and hang up before it reads."""
        try:
            self._stream.sendall(line)
        except BrokenPipeError:
            return
        except OSError as error:
            raise RefusedError(f"the service: {error}") from error

    def next(self) -> bytes:
        """Raises `RefusedError` when there is no more."""
        while b"\n" not in self._received:
            if len(self._received) > MOST_BYTES:
                raise RefusedError("the service says more than a record")
            try:
                piece = self._stream.recv(PIECE_BYTES)
            except TimeoutError as error:
                raise RefusedError("the service does not answer") from error
            except OSError as error:
                raise RefusedError(f"the service: {error}") from error
            if not piece:
                raise RefusedError("the service ended meanwhile")
            self._received += piece
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received[:] = rest
        return line
