"""`dosong-sim server`: the far end of the tests. Real iperf3, and HTTP with bytes of exact size.

`/bytes/<n>` and `/segment/<height>/<index>?bytes=<n>` answer with n incompressible bytes, `/empty`
with none. When everything listens, one line of JSON with the ports goes to standard output.
"""

import argparse
import contextlib
import json
import logging
import os
import socket
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sim.cli import Command
from sim.line import stop_signal
from sim.parts import Part, PartError, find_command, wait_until

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1 << 40
MAX_CONNECTIONS = 512
IDLE_TIMEOUT_S = 60.0
CHUNK_BYTES = 1 << 18
POOL_BYTES = 4 << 20
IPERF_IDLE_S = 15
"""A server whose client vanished stays busy until it has been idle for so long."""
LOOK_S = 0.2
RESTART_S = 0.5
START_TIMEOUT_S = 10.0
LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp."""


class BadRequestError(ValueError):
    """The path asks for nothing we serve."""


def body_bytes(target: str) -> int:
    """Size of the answer to a request target; raises `BadRequestError`."""
    url = urllib.parse.urlsplit(target)
    match url.path.strip("/").split("/"):
        case ["empty"]:
            return 0
        case ["bytes", size]:
            return _size(size)
        case ["segment", height, index] if height.isdecimal() and index.isdecimal():
            return _size(urllib.parse.parse_qs(url.query).get("bytes", [""])[-1])
        case _:
            raise BadRequestError(f"no such resource: {url.path[:80]}")


def _size(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_BODY_BYTES:
        raise BadRequestError(f"not a number of bytes up to {MAX_BODY_BYTES}: {text[:40]!r}")
    return int(text)


class HttpServer:
    """Threaded HTTP server; a context manager."""

    def __init__(self, host: str, port: int = 0) -> None:
        """Bind; raises OSError. Port 0 takes a free one."""
        self._server = _Threads((host, port), _Handler)
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


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """A client that leaves in the middle of a download is no news."""
        _log.debug("%s left: %s", client_address, sys.exc_info()[1])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dosong-sim"
    timeout = IDLE_TIMEOUT_S
    disable_nagle_algorithm = True
    wbufsize = -1
    _pool = memoryview(os.urandom(POOL_BYTES))

    def do_GET(self) -> None:
        """Answer with the bytes the path asks for."""
        try:
            size = body_bytes(self.path)
        except BadRequestError as error:
            self.send_error(HTTPStatus.BAD_REQUEST, str(error))
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.flush()
        for chunk in self._chunks(size):
            self.connection.sendall(chunk)

    def _chunks(self, size: int) -> Iterator[memoryview]:
        offset = 0
        while size > 0:
            chunk = self._pool[offset : offset + min(CHUNK_BYTES, size)]
            size -= len(chunk)
            offset = (offset + len(chunk)) % POOL_BYTES
            yield chunk

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Requests are many: only for whoever debugs."""
        _log.debug(format, *args)


class IperfServer:
    """One `iperf3 -s`, started again whenever it ends; a context manager. One test at a time."""

    def __init__(self, host: str, port: int, *, log: Path) -> None:
        """Prepare; raises `MissingCommandError` without iperf3."""
        command = [find_command("iperf3"), "-s", "-B", host, "-p", str(port)]
        command += ["--idle-timeout", str(IPERF_IDLE_S), "--forceflush"]
        self.port = port
        self.starts = 0
        self._part = Part(f"iperf3 on port {port}", command, log=log)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, name=f"iperf3-{port}")

    @property
    def pid(self) -> int | None:
        """Of the process that serves now or served last."""
        return self._part.pid

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            wait_until(lambda: is_listening(self.port), self._part.name, START_TIMEOUT_S)
        except PartError:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._part.stop(grace_s=1.0)

    def _keep_running(self) -> None:
        while not self._closing.is_set():
            if self._part.running:
                self._closing.wait(LOOK_S)
                continue
            if self.starts:
                _log.warning("%s ended with code %s", self._part.name, self._part.kill())
                if self._closing.wait(RESTART_S):
                    return
            self._part.start()
            self.starts += 1


def is_listening(port: int) -> bool:
    """Whether something listens on a TCP port in our network namespace (without touching it)."""
    wanted = f":{port:04X}"
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if local.endswith(wanted) and state == LISTENING:
                return True
    return False


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bind", default="127.0.0.1", help="address (default %(default)s)")
    parser.add_argument("--http", type=int, metavar="PORT", help="serve HTTP; 0 takes a free port")
    parser.add_argument(
        "--iperf",
        type=int,
        metavar="PORT",
        action="append",
        default=[],
        help="run iperf3 here; one test at a time on each port, so repeat it for more",
    )


def _run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="server %(message)s")
    if arguments.http is None and not arguments.iperf:
        sys.stderr.write("dosong-sim server: give --http or --iperf\n")
        return 2
    try:
        with stop_signal() as stop, contextlib.ExitStack() as stack:
            ready = _start(arguments.bind, arguments.http, arguments.iperf, stack)
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            _sleep_until(lambda: stop.is_set)
    except (PartError, OSError) as error:
        sys.stderr.write(f"dosong-sim server: {error}\n")
        return 1
    return 0


def _start(
    host: str, http_port: int | None, iperf_ports: Sequence[int], stack: contextlib.ExitStack
) -> dict[str, Any]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dosong-server-")))
    ready: dict[str, Any] = {"host": host, "iperf": list(iperf_ports)}
    for port in iperf_ports:
        stack.enter_context(IperfServer(host, port, log=folder / f"iperf3-{port}.log"))
    if http_port is not None:
        ready["http"] = stack.enter_context(HttpServer(host, http_port)).port
    return ready


def _sleep_until(stopped: Callable[[], bool]) -> None:
    while not stopped():
        time.sleep(LOOK_S)


COMMAND = Command(
    name="server",
    help="iperf3 and HTTP servers for throughput, video and latency tests",
    add_arguments=_add_arguments,
    run=_run,
)
