"""HTTP over sockets bound to one interface: the transfers under web, video and latency tests."""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from drivers.traffic.netpath import CANCEL_POLL_S, Address, NetPath, open_stream
from drivers.traffic.result import CancelledError, TrafficError, network_error
from wire.messages import Outcome

CHUNK_BYTES = 1 << 16


class Fuse:
    """Wakes whoever reads the guarded sockets when `cancel` is set or the deadline passes.

    A blocked read cannot wait for an event, so a thread does and shuts the sockets down.
    """

    def __init__(self, cancel: threading.Event, *, deadline_s: float) -> None:
        """The deadline counts from now."""
        self._cancel = cancel
        self._deadline = time.monotonic() + deadline_s
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._blown = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="traffic-fuse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join(5 * CANCEL_POLL_S)

    @property
    def cancel(self) -> threading.Event:
        """Set by whoever wants the test to end."""
        return self._cancel

    @property
    def remaining_s(self) -> float:
        """Until the deadline; never less than a moment, as a socket's timeout must not be 0."""
        return max(self._deadline - time.monotonic(), 0.001)

    def guard(self, stream: socket.socket) -> None:
        """Shut this socket down too when the time comes; at once if it has."""
        with self._lock:
            self._sockets.add(stream)
            if self._blown:
                _shut_down(stream)

    def open_stream(self, address: Address, path: NetPath, *, timeout_s: float) -> socket.socket:
        """A guarded, connected socket; raises `TrafficError`."""
        self.check("connect")
        timeout_s = min(timeout_s, self.remaining_s)
        try:
            return open_stream(address, path, timeout_s=timeout_s, guard=self.guard)
        except TrafficError:
            self.check("connect")
            raise

    def release(self, stream: socket.socket) -> None:
        """Forget a socket that its owner closes."""
        with self._lock:
            self._sockets.discard(stream)

    def blow(self) -> None:
        """Shut down the guarded sockets, and every later one at once; for any thread."""
        with self._lock:
            self._blown = True
            for stream in self._sockets:
                _shut_down(stream)

    def check(self, stage: str) -> None:
        """Raise if the test must not go on: cancelled, or past its deadline in this stage."""
        if self._cancel.is_set():
            raise CancelledError
        if time.monotonic() >= self._deadline:
            raise TrafficError(stage, "stalled" if stage == "transfer" else "timeout")

    def _watch(self) -> None:
        while not self._done.wait(CANCEL_POLL_S):
            if self._cancel.is_set() or time.monotonic() >= self._deadline:
                self.blow()
                return


def _shut_down(stream: socket.socket) -> None:
    try:
        stream.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # not connected (any more): nobody is blocked in it


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One finished or broken download. Times are seconds since its request."""

    payload_bytes: int
    first_byte_s: float | None
    outstanding_s: float
    error: TrafficError | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole body came."""
        return self.error is None


class HttpConnection:
    """One kept-alive HTTP/1.1 connection on a path, under a fuse. Owned by one thread."""

    def __init__(
        self, address: Address, path: NetPath, fuse: Fuse, *, host: str, connect_timeout_s: float
    ) -> None:
        """Connect; raises `TrafficError`."""
        self._address = address
        self._path = path
        self._fuse = fuse
        self._connect_timeout_s = connect_timeout_s
        self._client = http.client.HTTPConnection(host, address.port)
        self._client.auto_open = 0  # it would open one off the path
        started = time.monotonic()
        self._socket = self._open()
        self.connect_s = time.monotonic() - started

    @property
    def family(self) -> socket.AddressFamily:
        """Of the server's address that answered."""
        return socket.AddressFamily(self._socket.family)

    def close(self) -> None:
        """Close the connection; harmless when it is."""
        self._fuse.release(self._socket)
        self._client.close()
        self._socket.close()

    def _open(self) -> socket.socket:
        stream = self._fuse.open_stream(
            self._address, self._path, timeout_s=self._connect_timeout_s
        )
        self._client.sock = stream
        return stream

    def get(
        self,
        resource: str,
        *,
        silence_s: float,
        expected_bytes: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Transfer:
        """Download one resource; a failure is told in the transfer, with the bytes so far.

        `silence_s` without a byte ends it. `on_bytes` hears of each piece as it arrives.
        """
        started = time.monotonic()
        received = 0
        first_byte_s: float | None = None
        stage = "request"
        failure: TrafficError | None = None
        try:
            self._fuse.check(stage)
            if self._client.sock is None:  # the server closed it after the last answer
                self.close()
                self._socket = self._open()
            self._socket.settimeout(silence_s)
            self._client.request("GET", resource)
            response = self._client.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise TrafficError(  # noqa: TRY301 - one exit for every failure
                    "server", f"HTTP {response.status}", outcome=Outcome.INVALID
                )
            while piece := response.read1(CHUNK_BYTES):
                if first_byte_s is None:
                    first_byte_s = time.monotonic() - started
                    stage = "transfer"
                received += len(piece)
                if on_bytes is not None:
                    on_bytes(len(piece))
            self._fuse.check(stage)
            response.close()  # read1 leaves it open, and the connection with it
            declared = response.getheader("Content-Length")
            failure = _shortfall(
                received, int(declared) if declared is not None else expected_bytes, expected_bytes
            )
        except TrafficError as error:
            failure = error
        except OSError as error:
            failure = self._cause(stage, network_error(stage, error))
        except (http.client.HTTPException, ValueError) as error:
            failure = self._cause(stage, TrafficError(stage, f"closed ({type(error).__name__})"))
        return Transfer(
            payload_bytes=received,
            first_byte_s=first_byte_s,
            outstanding_s=time.monotonic() - started,
            error=failure,
        )

    def _cause(self, stage: str, seen: TrafficError) -> TrafficError:
        """The fuse, where it broke the connection, else what was seen."""
        try:
            self._fuse.check(stage)
        except TrafficError as blown:
            return blown
        return seen


def _shortfall(
    received: int, declared_bytes: int | None, expected_bytes: int | None
) -> TrafficError | None:
    if declared_bytes is not None and received < declared_bytes:
        return TrafficError("transfer", "closed early")
    if expected_bytes is not None and received != expected_bytes:
        return TrafficError(
            "server", f"sent {received} bytes, not {expected_bytes}", outcome=Outcome.INVALID
        )
    return None
