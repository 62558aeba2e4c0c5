"""HTTP over sockets bound to one interface: the transfers under web, video and latency tests."""

import functools
import http.client
import os
import select
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import msgspec

from drivers.traffic.kernel_counts import unacknowledged_bytes
from drivers.traffic.netpath import CANCEL_POLL_S, Address, NetPath, open_stream, resolve
from drivers.traffic.result import CancelledError, Server, TrafficError, network_error
from wire.messages import Outcome

CHUNK_BYTES = 1 << 16
POOL_BYTES = 1 << 22
MAX_ANSWER_BYTES = 1 << 16
"""Of an answer that is read whole."""
_BROKEN = (TrafficError, OSError, http.client.HTTPException, ValueError)
"""How a request ends that has no answer."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
    resource_bytes: int | None = None
    """Size of the whole resource, where a range of it was asked for and it was told."""
    error: TrafficError | None = None

    @property
    def complete(self) -> bool:
        """Whether the whole body came."""
        return self.error is None


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One body that was sent, or the part of it that the kernel took."""

    accepted_bytes: int
    received_bytes: int | None = None
    """As the server counted; None where it does not say."""
    error: TrafficError | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A short answer, whole. Headers by their names in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Received(msgspec.Struct, frozen=True):
    received_bytes: int | None = None


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

    @property
    def unacknowledged_bytes(self) -> int:
        """What the kernel has taken and the far end's has not confirmed; 0 once it is closed."""
        try:
            return unacknowledged_bytes(self._socket)
        except (OSError, ValueError):
            return 0

    def get(
        self,
        resource: str,
        *,
        silence_s: float,
        expected_bytes: int | None = None,
        byte_range: tuple[int, int] | None = None,
        on_bytes: Callable[[int], None] | None = None,
        on_piece: Callable[[bytes], None] | None = None,
    ) -> Transfer:
        """Download one resource; a failure is told in the transfer, with the bytes so far.

        `silence_s` without a byte ends it. `byte_range` asks for the bytes from the first to the
        last number only. More than `expected_bytes` are not read: they cost money. `on_bytes` hears
        of each piece as it arrives, `on_piece` gets it; a `TrafficError` they raise ends the
        transfer. Redirections are not followed: to another host they are a portal's. A failed
        transfer closes the connection; the next one opens another.
        """
        started = time.monotonic()
        received = 0
        first_byte_s: float | None = None
        resource_bytes: int | None = None
        stage = "request"
        failure: TrafficError | None = None
        response: http.client.HTTPResponse | None = None
        try:
            self._fuse.check(stage)
            self._reopen(silence_s)
            wanted = {} if byte_range is None else {"Range": "bytes={}-{}".format(*byte_range)}
            self._client.request("GET", resource, headers=wanted)
            response = self._client.getresponse()
            self._demand_data(response, byte_range, whole=expected_bytes is None)
            resource_bytes = _whole_size(response.getheader("Content-Range"))
            while piece := response.read1(CHUNK_BYTES):
                if first_byte_s is None:
                    first_byte_s = time.monotonic() - started
                    stage = "transfer"
                received += len(piece)
                if on_bytes is not None:
                    on_bytes(len(piece))
                if on_piece is not None:
                    on_piece(piece)
                if expected_bytes is not None and received > expected_bytes:
                    raise _other_size(f"more than {expected_bytes} bytes")
            self._fuse.check(stage)
            response.close()  # read1 leaves it open, and the connection with it
            declared = response.getheader("Content-Length")
            failure = _shortfall(
                received, int(declared) if declared is not None else expected_bytes, expected_bytes
            )
        except _BROKEN as error:
            failure = self._cause(stage, error)
        if failure is not None and response is not None:  # there may be a rest of it
            response.close()
            self.close()
        return Transfer(
            payload_bytes=received,
            first_byte_s=first_byte_s,
            outstanding_s=time.monotonic() - started,
            resource_bytes=resource_bytes,
            error=failure,
        )

    def post(
        self,
        resource: str,
        *,
        body_bytes: int,
        silence_s: float,
        on_bytes: Callable[[int], None],
    ) -> Upload:
        """Send one incompressible body of exactly this size; a failure is told in the upload.

        `on_bytes` hears what the kernel took: it may not have left the probe.
        """
        accepted = 0
        stage = "request"
        try:
            self._fuse.check(stage)
            self._reopen(silence_s)
            self._client.putrequest("POST", resource)
            self._client.putheader("Content-Type", "application/octet-stream")
            self._client.putheader("Content-Length", str(body_bytes))
            self._client.endheaders()
            stage = "transfer"
            answered = select.poll()
            answered.register(self._socket, select.POLLIN)
            for piece in _pieces(body_bytes):
                if answered.poll(0):
                    break  # it answers, or leaves, before it has everything
                rest = piece
                while rest:
                    taken = self._socket.send(rest)
                    rest = rest[taken:]
                    accepted += taken
                    on_bytes(taken)
            response = self._client.getresponse()
            self._demand_data(response)
            said = _head(response)
            response.close()
            return self._sent(accepted, body_bytes, said)
        except _BROKEN as error:
            failure = self._cause(stage, error)
        return Upload(accepted_bytes=accepted, error=failure)

    def ask(
        self, method: str, resource: str, *, body: bytes | None = None, silence_s: float
    ) -> Answer:
        """Any short answer, whatever its status; raises `TrafficError`."""
        stage = "request"
        try:
            self._fuse.check(stage)
            self._reopen(silence_s)
            headers = {} if body is None else {"Content-Type": "application/json"}
            self._client.request(method, resource, body=body, headers=headers)
            response = self._client.getresponse()
            said = _head(response)
            if not response.isclosed():
                self._client.close()  # it goes on: not for us
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=told, body=said)
        except _BROKEN as error:
            raise self._cause(stage, error) from error

    def _reopen(self, silence_s: float) -> None:
        """Connect again if the server closed the connection after the last answer, or since."""
        if self._client.sock is None or self._has_ended():
            self.close()
            self._socket = self._open()
        self._socket.settimeout(silence_s)

    def _has_ended(self) -> bool:
        """Whether something came without being asked for: an end, or nothing we could use."""
        unasked = select.poll()
        unasked.register(self._socket, select.POLLIN)
        return bool(unasked.poll(0))

    def _demand_data(
        self,
        response: http.client.HTTPResponse,
        byte_range: tuple[int, int] | None = None,
        *,
        whole: bool = True,
    ) -> None:
        """Raise unless this is what was asked for; with `whole` all of it will do for a range."""
        foreign = portal(response.status, response.getheader("Location"), host=self._client.host)
        if foreign is not None:
            raise foreign
        partial = byte_range is not None and response.status == http.HTTPStatus.PARTIAL_CONTENT
        whole = whole or byte_range is None
        if not (partial or (whole and response.status == http.HTTPStatus.OK)):
            raise TrafficError("server", f"HTTP {response.status}", outcome=Outcome.INVALID)
        said = response.getheader("Content-Range", "")
        if partial and byte_range is not None and not said.startswith(f"bytes {byte_range[0]}-"):
            raise TrafficError("server", "sent another byte range", outcome=Outcome.INVALID)
        kind = response.getheader("Content-Type", "")
        if kind.lower().startswith("text/html") and response.length != 0:
            raise TrafficError("portal", "a web page in place of data", outcome=Outcome.INVALID)

    def _sent(self, accepted: int, body_bytes: int, said: bytes) -> Upload:
        """What a server that answered has got."""
        try:
            received = msgspec.json.decode(said, type=_Received).received_bytes
        except (msgspec.DecodeError, RecursionError):
            received = None  # other servers say nothing of it
        failure = None
        if accepted < body_bytes:
            happened = "answered before the end of a body"
            failure = TrafficError("server", happened, outcome=Outcome.INVALID)
        elif received is not None and received != body_bytes:
            happened = f"received {received} bytes of {body_bytes}"
            failure = TrafficError("server", happened, outcome=Outcome.INVALID)
        return Upload(accepted_bytes=accepted, received_bytes=received, error=failure)

    def _cause(self, stage: str, seen: Exception) -> TrafficError:
        """The fuse, where it broke the connection, else what was seen."""
        if isinstance(seen, TrafficError):
            return seen
        try:
            self._fuse.check(stage)
        except TrafficError as blown:
            return blown
        if isinstance(seen, OSError):
            return network_error(stage, seen)
        if isinstance(seen, http.client.IncompleteRead):
            return TrafficError(stage, "closed early")
        if isinstance(seen, (http.client.NotConnected, http.client.ImproperConnectionState)):
            return TrafficError(stage, "closed")
        return TrafficError("server", "does not speak HTTP", outcome=Outcome.INVALID)


def connect_to(server: Server, path: NetPath, fuse: Fuse, *, timeout_s: float) -> HttpConnection:
    """A connection to a server, its name looked up; both within `timeout_s`, or `TrafficError`."""
    if server.http_port is None:
        raise TrafficError("server", "has no HTTP port", outcome=Outcome.INVALID)
    until = time.monotonic() + min(timeout_s, fuse.remaining_s)

    def left_s() -> float:
        return max(until - time.monotonic(), 0.001)

    address = resolve(server.host, server.http_port, path, timeout_s=left_s(), cancel=fuse.cancel)
    return HttpConnection(address, path, fuse, host=server.host, connect_timeout_s=left_s())


def _shortfall(
    received: int, declared_bytes: int | None, expected_bytes: int | None
) -> TrafficError | None:
    if declared_bytes is not None and received < declared_bytes:
        return TrafficError("transfer", "closed early")
    if expected_bytes is not None and received != expected_bytes:
        return _other_size(f"{received} bytes, not {expected_bytes}")
    return None


def _other_size(what: str) -> TrafficError:
    return TrafficError("server", f"sent {what}", outcome=Outcome.INVALID)


def _head(response: http.client.HTTPResponse) -> bytes:
    """A body's first `MAX_ANSWER_BYTES`, or all of it.

    By `read1`: `read` keeps all that comes after a chunk of size -1, whatever is asked for.
    """
    body = b""
    while len(body) < MAX_ANSWER_BYTES and (piece := response.read1(MAX_ANSWER_BYTES - len(body))):
        body += piece
    return body


def portal(status: int, location: str | None, *, host: str) -> TrafficError | None:
    """The error of an answer that is not the server's but a captive portal's.

    A portal stands before a SIM without credit or one not activated: the network does not refuse
    its service, so the test is `invalid`.
    """
    if status == http.HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED:
        return TrafficError("portal", "HTTP 511", outcome=Outcome.INVALID)
    if status not in REDIRECTS or location is None:
        return None
    try:
        other = urllib.parse.urlsplit(location).hostname
    except ValueError:
        other = "nowhere"
    if other is None or other == host.lower():
        return None
    shown = "".join(each for each in other[:100] if each.isprintable())
    return TrafficError("portal", f"redirected to {shown}", outcome=Outcome.INVALID)


def _whole_size(content_range: str | None) -> int | None:
    """The size in `bytes 0-99/1000`; None where it is not told."""
    size = (content_range or "").rpartition("/")[2]
    return int(size) if size.isascii() and size.isdecimal() and len(size) < 19 else None  # noqa: PLR2004 - 64 bits


def _pieces(size: int) -> Iterator[memoryview]:
    """Incompressible pieces of together this size."""
    pool = _pool()
    offset = 0
    while size > 0:
        piece = pool[offset : offset + min(CHUNK_BYTES, size)]
        size -= len(piece)
        offset = (offset + len(piece)) % POOL_BYTES
        yield piece


@functools.cache
def _pool() -> memoryview:
    return memoryview(os.urandom(POOL_BYTES))
