"""The probe's uplink as a TCP proxy that can go black, without root and without netem.

Black means what it means on a road: nothing is accepted, nothing is forwarded, nothing is closed,
and both ends believe in their connection until their own timeouts tell them otherwise.
"""

import selectors
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK_BYTES = 1 << 16
BUFFER_BYTES = 1 << 18
"""Read from one end and not yet taken by the other; then we stop reading."""
BACKLOG = 16
CONNECT_TIMEOUT_S = 2.0
STOP_TIMEOUT_S = 5.0


class _End:
    """One socket of a connection, and what waits to be written to it."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.pending = bytearray()
        self.peer: _End = self
        self.read_all = False


class Proxy:
    """Listens on a port and forwards to another one of 127.0.0.1; a context manager."""

    def __init__(self, upstream_port: int, *, host: str = "127.0.0.1") -> None:
        """Listen on an address of ours; forwarding begins with `start`."""
        self._upstream_port = upstream_port
        self._listener = socket.create_server((host, 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._ends: set[_End] = set()
        self._wake_up, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._black = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink-proxy", daemon=True)
        self.forwarded_bytes = 0

    def start(self) -> None:
        """Forward in a thread of its own until `close`."""
        self._thread.start()

    @property
    def black(self) -> bool:
        """Whether the uplink is out."""
        return self._black.is_set()

    def go_black(self) -> None:
        """Begin the outage."""
        self._black.set()
        self._wake()

    def come_back(self) -> None:
        """End the outage: what is still open goes on where it stopped."""
        self._black.clear()
        self._wake()

    def close(self) -> None:
        """Stop and close every connection; raises RuntimeError if the thread does not end."""
        self._stopping.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(STOP_TIMEOUT_S)
            if self._thread.is_alive():
                raise RuntimeError("the uplink proxy's thread does not end")
        for end in list(self._ends):
            self._drop(end)
        for sock in (self._listener, self._wake_up, self._woken):
            sock.close()
        self._selector.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wake(self) -> None:
        with suppress(OSError):  # closed already, or woken already
            self._wake_up.send(b"!")

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._choose_interests()
            for key, events in self._selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(CHUNK_BYTES)
                elif self.black:
                    break  # these became ready before the outage was known
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.data in self._ends:
                    self._serve(key.data, events)

    def _choose_interests(self) -> None:
        self._watch(self._woken, selectors.EVENT_READ, None)
        self._watch(self._listener, 0 if self.black else selectors.EVENT_READ, None)
        for end in self._ends:
            events = 0
            if not self.black:
                if not end.read_all and len(end.peer.pending) < BUFFER_BYTES:
                    events |= selectors.EVENT_READ
                if end.pending:
                    events |= selectors.EVENT_WRITE
            self._watch(end.socket, events, end)

    def _watch(self, sock: socket.socket, events: int, end: _End | None) -> None:
        known = self._selector.get_map().get(sock)
        if known is None:
            if events:
                self._selector.register(sock, events, end)
        elif not events:
            self._selector.unregister(sock)
        elif known.events != events:
            self._selector.modify(sock, events, end)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except BlockingIOError:
            return
        try:
            upstream = socket.create_connection(
                ("127.0.0.1", self._upstream_port), CONNECT_TIMEOUT_S
            )
        except OSError:
            accepted.close()  # the broker is down: the probe is told so
            return
        near, far = _End(accepted), _End(upstream)
        near.peer, far.peer = far, near
        self._ends |= {near, far}

    def _serve(self, end: _End, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                self._read(end)
            if events & selectors.EVENT_WRITE and end.pending:
                del end.pending[: end.socket.send(end.pending)]
            _pass_on_end(end)
            _pass_on_end(end.peer)
            if _is_over(end) and _is_over(end.peer):
                self._drop(end)
        except BlockingIOError:
            return
        except OSError:  # reset by one side: the other one is told the same way
            self._drop(end)

    def _read(self, end: _End) -> None:
        received = end.socket.recv(CHUNK_BYTES)
        end.read_all = not received
        end.peer.pending += received
        self.forwarded_bytes += len(received)

    def _drop(self, end: _End) -> None:
        for side in (end, end.peer):
            if side in self._ends:
                self._ends.discard(side)
                self._watch(side.socket, 0, None)
                side.socket.close()


def _pass_on_end(end: _End) -> None:
    """Tell this end that nothing more comes, once everything before that is written."""
    if _is_over(end):
        with suppress(OSError):  # told already, or gone
            end.socket.shutdown(socket.SHUT_WR)


def _is_over(end: _End) -> bool:
    return end.peer.read_all and not end.pending
