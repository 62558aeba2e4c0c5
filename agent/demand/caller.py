"""One connection of somebody who wants a test: bounded in size and time, never blocking."""

import socket
import struct
from contextlib import suppress

import msgspec

from agent.demand.messages import MAX_REQUEST_BYTES, Told

MAX_UNSENT_BYTES = 1 << 16
"""Progress is dropped while so much waits for a caller who does not read; the last line is not."""
SO_PEERGROUPS = 59
"""Linux socket(7); Python has no name for it."""
MAX_GROUPS_BYTES = 1024
"""Most that `getsockopt` gives."""
_CREDENTIALS = struct.Struct("3i")


class RudeError(Exception):
    """The caller says something that is no request; the text is for him."""


class Caller:
    """A connected socket, read until its one request is there and written as it takes it."""

    def __init__(self, stream: socket.socket, *, deadline_s: float) -> None:
        """`deadline_s` is by the clock of whoever looks at it."""
        stream.setblocking(False)
        self.stream = stream
        self.deadline_s: float | None = deadline_s
        """Gone by then: the request must be there, or the last line taken."""
        self.ended = False
        """Whether the last line is said."""
        self._received = bytearray()
        self._unsent = bytearray()

    @property
    def has_unsent(self) -> bool:
        """Whether a line waits to be taken."""
        return bool(self._unsent)

    def read_request(self) -> bytes | None:
        """The request's line once it is whole; raises `RudeError`, `EOFError` and `OSError`."""
        try:
            piece = self.stream.recv(MAX_REQUEST_BYTES + 1)
        except BlockingIOError:
            return None
        if not piece:
            raise EOFError
        self._received += piece
        line, found, rest = bytes(self._received).partition(b"\n")
        if len(line) > MAX_REQUEST_BYTES:
            raise RudeError(f"a request is no longer than {MAX_REQUEST_BYTES} bytes")
        if rest:
            raise RudeError("one request a connection")
        return line if found else None

    def hung_up(self) -> bool:
        """Whether he went, or goes on talking though his request was taken."""
        try:
            self.stream.recv(MAX_REQUEST_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def tell(self, message: Told) -> None:
        """Say one line, as soon as he takes it."""
        if len(self._unsent) > MAX_UNSENT_BYTES:
            return
        self._say(message)

    def tell_last(self, message: Told, *, deadline_s: float) -> None:
        """Say the last line; he has until `deadline_s` to take it."""
        if not self.ended:
            self._say(message)
            self.ended = True
            self.deadline_s = deadline_s

    def send(self) -> None:
        """Send what he takes now; raises `OSError`."""
        with suppress(BlockingIOError):
            while self._unsent:
                del self._unsent[: self.stream.send(self._unsent)]

    def close(self) -> None:
        """Hang up, in a way that lets him read the last line: not with his own words unread."""
        with suppress(OSError):
            self.stream.recv(MAX_REQUEST_BYTES)
        self.stream.close()

    def _say(self, message: Told) -> None:
        self._unsent += msgspec.json.encode(message) + b"\n"


def may_ask(stream: socket.socket, *, uid: int, gid: int) -> bool:
    """Whether the process at the other end is root's, of this user or in this group (unix(7))."""
    _, peer_uid, peer_gid = _CREDENTIALS.unpack(
        stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return peer_uid in {0, uid} or gid in {peer_gid, *_groups(stream)}


def _groups(stream: socket.socket) -> tuple[int, ...]:
    """The supplementary groups of the process at the other end; none where nobody says."""
    try:
        raw = stream.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MAX_GROUPS_BYTES)
    except OSError:
        return ()
    return struct.unpack(f"{len(raw) // 4}I", raw)
