"""A server of films on loopback: files with byte ranges, segments of any size, at any pace."""

import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

PIECE_BYTES = 4096
LATE_S = 0.05
"""A sender that was woken late catches up so much; what is not sent in time otherwise is lost."""


class Schedule:
    """What a link carries, as steps of `(seconds, bytes per second)`; the last one stays."""

    def __init__(self, *steps: tuple[float, float]) -> None:
        self.steps = steps
        self._began: float | None = None
        self._through_s = 0.0
        self._lock = threading.Lock()

    def through_s(self, size: int, *, from_s: float) -> float:
        """When so many bytes are through that begin at an instant; seconds after the first."""
        left, begins_s = float(size), 0.0
        for seconds, rate in self.steps[:-1]:
            ends_s = begins_s + seconds
            if ends_s > from_s:
                if rate > 0 and left <= (ends_s - from_s) * rate:
                    return from_s + left / rate
                left -= (ends_s - from_s) * rate
                from_s = ends_s
            begins_s = ends_s
        return from_s + left / self.steps[-1][1]

    def wait(self, count: int) -> None:
        """Until the next `count` bytes are through."""
        now = time.monotonic()
        with self._lock:
            if self._began is None:
                self._began = now
            from_s = max(self._through_s, now - self._began - LATE_S)
            self._through_s = self.through_s(count, from_s=from_s)
            due = self._began + self._through_s
        threading.Event().wait(max(0.0, due - time.monotonic()))


class FilmServer:
    """Serves `files` by path, and `/segment/<height>/<index>?bytes=<n>`. A context manager."""

    def __init__(
        self,
        files: dict[str, bytes] | None = None,
        pace: Schedule | None = None,
        *,
        ranges: bool = True,
    ) -> None:
        self._http = _Threads(("127.0.0.1", 0), _Handler)
        self._http.files = files or {}
        self._http.pace = pace
        self._http.ranges = ranges
        self._http.asked = self.asked = []
        self.port: int = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address) -> None:
        """A client that leaves early is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        if self.server.pace is not None:  # what waits in a buffer has not crossed the link
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE_BYTES)

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        found = re.fullmatch(r"/segment/\d+/\d+\?bytes=(\d+)", self.path)
        body = bytes(int(found[1])) if found else self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        asked = self.headers.get("Range", "") if self.server.ranges else ""
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", asked)
        self.send_response(200 if span is None else 206)
        if span is not None:
            first, last = int(span[1]), int(span[2])
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
            body = body[first : last + 1]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body)

    def _send(self, body: bytes) -> None:
        pace = self.server.pace
        if pace is None:
            self.wfile.write(body)
            return
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            pace.wait(len(piece))
            self.wfile.write(piece)

    def log_message(self, format, *args) -> None:  # noqa: A002 - http.server's name
        """Quiet."""
