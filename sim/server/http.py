"""HTTP/1.1 for the tests: bytes down and up, videos, slots and the control test.

| request | answer |
| --- | --- |
| `GET /empty`, `GET /generate_204` | nothing; 204 |
| `GET /bytes/<n>` | n incompressible bytes, or a range of them |
| `GET /segment/<height>/<index>?bytes=<n>` | the same |
| `POST` or `PUT /sink` | how many bytes came |
| `GET /video/...` | manifests, see `sim.server.ladders` |
| `GET /content/...` | a file, see `sim.server.content` |
| `POST /slots`, `DELETE /slots/<token>`, `GET /status` | see `sim.server.slots` |
| `PUT /control` | see `sim.server.control` |
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedReader
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import msgspec

from sim.server.bodies import BodyEndedError, BodyError, discard, has_body, read_small
from sim.server.content import open_below
from sim.server.control import ControlRates
from sim.server.ladders import manifest
from sim.server.listener import Listener, Services
from sim.server.resources import (
    BadRequestError,
    NotFoundError,
    Part,
    UnsatisfiableRangeError,
    asked_part,
    body_bytes,
    split,
)
from sim.server.slots import BusyError, NoSlotsError, SlotRequest, Slots

_log = logging.getLogger(__name__)

T = TypeVar("T")

IDLE_TIMEOUT_S = 60.0
"""Without a byte for so long, or without a whole header, a connection is closed."""
BODY_IDLE_S = 30.0
"""The same within a body that is sent to us."""
MAX_REQUEST_S = 900.0
"""No request takes longer, however its bytes trickle."""
CHUNK_BYTES = 1 << 18
POOL_BYTES = 4 << 20
LOOK_S = 0.05
OCTETS, JSON = "application/octet-stream", "application/json"


BYTES_ALONE = Services()


class HttpServer:
    """Threaded HTTP server; a context manager."""

    def __init__(self, host: str, port: int = 0, services: Services = BYTES_ALONE) -> None:
        """Bind; raises OSError. Port 0 takes a free one, host `::` serves IPv4 as well."""
        self._server = Listener((host, port), _Handler, services)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LOOK_S,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _RefusedError(Exception):
    """An answer that says why not."""

    def __init__(self, status: HTTPStatus, what: str, headers: Mapping[str, str]) -> None:
        super().__init__(what)
        self.status = status
        self.what = what
        self.headers = headers


def _refused(status: HTTPStatus, what: str, **headers: str) -> _RefusedError:
    """Header names are written with `_`."""
    return _RefusedError(status, what, {k.replace("_", "-"): v for k, v in headers.items()})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dosong-sim"
    timeout = IDLE_TIMEOUT_S
    disable_nagle_algorithm = True
    wbufsize = -1
    _pool = memoryview(os.urandom(POOL_BYTES))

    def handle_one_request(self) -> None:
        """The next request of this connection."""
        self.connection.settimeout(IDLE_TIMEOUT_S)
        self._ours.end_within(self.connection, IDLE_TIMEOUT_S)
        super().handle_one_request()

    def version_string(self) -> str:
        """Strangers need not know which Python this is."""
        return self.server_version

    def do_GET(self) -> None:
        """Bytes, a manifest, a file or the server's state."""
        self._answer_by(self._get)

    def do_HEAD(self) -> None:
        """The same without the body."""
        self._answer_by(self._get)

    def do_POST(self) -> None:
        """Take a body, or give a slot."""
        self._answer_by(self._post)

    def do_PUT(self) -> None:
        """Take a body, or a control test."""
        self._answer_by(self._put)

    def do_DELETE(self) -> None:
        """Take a slot back."""
        self._answer_by(self._delete)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Requests are many: only for whoever debugs. Headers are never told."""
        _log.debug(format, *args)

    def _answer_by(self, work: Callable[[str], None]) -> None:
        self._ours.end_within(self.connection, MAX_REQUEST_S)
        try:
            work(split(self.path).path)
        except _RefusedError as error:
            self._refuse(error.status, error.what, error.headers)
        except NotFoundError as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
        except BadRequestError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except BodyError as error:
            self.close_connection = True
            self._refuse(error.status, error.what)
        except BodyEndedError:
            self.close_connection = True

    def _get(self, path: str) -> None:
        if has_body(self.headers):
            self.close_connection = True  # it would be taken for the next request
        if path == "/generate_204":
            self._empty(HTTPStatus.NO_CONTENT)
        elif path == "/status":
            self._json(HTTPStatus.OK, self._status())
        elif path.startswith("/video/"):
            found = manifest(self.path)
            self._whole(HTTPStatus.OK, found.content_type, found.text.encode())
        elif path.startswith("/content/"):
            self._file(path.removeprefix("/content/"))
        else:
            self._bytes(body_bytes(self.path))

    def _post(self, path: str) -> None:
        if path == "/sink":
            self._sink()
            return
        body = self._small_body()
        if path != "/slots":
            raise NotFoundError(f"no such resource: {path[:80]}")
        asked = _understood(body, SlotRequest)
        now_s = time.monotonic()
        try:
            lease = self._slots.take(asked, now_s)
        except NoSlotsError as error:
            raise NotFoundError(f"no slots for {error}") from error
        except BusyError as error:
            raise _refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "busy", Retry_After=str(error.retry_after_s)
            ) from error
        answer = {
            "slot": lease.token,
            "iperf_port": lease.iperf_port,
            "expires_in_s": round(lease.expires_s - now_s),
        }
        self._json(HTTPStatus.CREATED, answer)

    def _put(self, path: str) -> None:
        if path == "/sink":
            self._sink()
            return
        body = self._small_body()
        control = self._ours.services.control
        if path != "/control" or control is None:
            raise NotFoundError(f"no such resource: {path[:80]}")
        if not control.trusts(self.headers.get("Authorization")):
            raise _refused(
                HTTPStatus.UNAUTHORIZED, "not the control token", WWW_Authenticate="Bearer"
            )
        control.store(_understood(body, ControlRates), time.monotonic())
        self._empty(HTTPStatus.NO_CONTENT)

    def _delete(self, path: str) -> None:
        self._small_body()
        token = path.removeprefix("/slots/")
        if token == path or not self._slots.give_back(token, time.monotonic()):
            raise NotFoundError("no such slot")
        self._empty(HTTPStatus.NO_CONTENT)

    @property
    def _ours(self) -> Listener:
        return cast("Listener", self.server)

    @property
    def _slots(self) -> Slots:
        slots = self._ours.services.slots
        if slots is None:
            raise NotFoundError("no slots here")
        return slots

    def _status(self) -> object:
        slots, control, _ = self._ours.services
        now_s = time.monotonic()
        return {
            "slots": 0 if slots is None else slots.total,
            "busy": 0 if slots is None else slots.busy(now_s),
            "control": None if control is None else control.state(now_s),
        }

    @cached_property
    def _buffer(self) -> memoryview:
        return memoryview(bytearray(CHUNK_BYTES))

    def _sink(self) -> None:
        self.connection.settimeout(BODY_IDLE_S)
        received = discard(cast("BufferedReader", self.rfile), self.headers, self._buffer)
        self._json(HTTPStatus.OK, {"received_bytes": received})

    def _small_body(self) -> bytes:
        self.connection.settimeout(BODY_IDLE_S)
        return read_small(cast("BufferedReader", self.rfile), self.headers)

    def _bytes(self, size: int) -> None:
        part = self._begin_ranged(size, OCTETS, no_store=True)
        if self.command == "HEAD":
            return
        self.wfile.flush()
        for chunk in self._chunks(part):
            self._send(chunk)

    def _file(self, path: str) -> None:
        root = self._ours.services.content
        if root is None:
            raise NotFoundError("no content here")
        try:
            with open_below(root, path) as file:
                part = self._begin_ranged(file.size_bytes, file.content_type)
                if self.command == "HEAD" or part.size == 0:
                    return
                self.wfile.flush()
                if self.connection.sendfile(file.stream, part.start, part.size) < part.size:
                    self.close_connection = True  # it became shorter meanwhile
        except FileNotFoundError as error:
            raise NotFoundError("no content here") from error

    def _begin_ranged(self, size: int, content_type: str, *, no_store: bool = False) -> Part:
        """Send the header for a body of `size`, and say what of it is to follow."""
        # RFC 9110, 13.1.5: we have no validators, so no If-Range is ever true.
        asked = None if "If-Range" in self.headers else self.headers.get("Range")
        try:
            part = asked_part(asked, size)
        except UnsatisfiableRangeError as error:
            status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            raise _refused(status, str(error)[:80], Content_Range=f"bytes */{size}") from error
        headers = {"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
        if no_store:
            headers["Cache-Control"] = "no-store"
        if part is None:
            self._begin(HTTPStatus.OK, content_type, size, headers)
            return Part(0, size)
        headers["Content-Range"] = f"bytes {part.start}-{part.start + part.size - 1}/{size}"
        self._begin(HTTPStatus.PARTIAL_CONTENT, content_type, part.size, headers)
        return part

    def _chunks(self, part: Part) -> Iterator[memoryview]:
        """Byte i of every body is the pool's byte i, round and round: ranges fit together."""
        offset, size = part.start % POOL_BYTES, part.size
        while size > 0:
            chunk = self._pool[offset : offset + min(CHUNK_BYTES, size)]
            size -= len(chunk)
            offset = (offset + len(chunk)) % POOL_BYTES
            yield chunk

    def _send(self, chunk: memoryview) -> None:
        """All of it. Not sendall: its timeout is for the whole, and slow is not idle."""
        while chunk:
            chunk = chunk[self.connection.send(chunk) :]

    def _json(
        self, status: HTTPStatus, value: object, headers: Mapping[str, str] | None = None
    ) -> None:
        self._whole(status, JSON, msgspec.json.encode(value), headers)

    def _refuse(
        self, status: HTTPStatus, what: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._json(status, {"error": what}, headers)

    def _whole(
        self,
        status: HTTPStatus,
        content_type: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        all_headers = {"Cache-Control": "no-store", **(headers or {})}
        self._begin(status, content_type, len(body), all_headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _empty(self, status: HTTPStatus) -> None:
        """204 has neither body nor length (RFC 9110, 8.6)."""
        self.send_response(status)
        self._end_headers({"Cache-Control": "no-store"})

    def _begin(
        self, status: HTTPStatus, content_type: str, size: int, headers: Mapping[str, str]
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(size))
        self._end_headers(headers)

    def _end_headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def _understood(body: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequestError(str(error)[:200]) from error
