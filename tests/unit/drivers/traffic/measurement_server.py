"""A small measurement server that can be told to misbehave: slots, status, sink and bytes."""

import email.utils
import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace


class MeasurementServer:
    """`how` may be changed while it runs; `seen` are the requests in their order."""

    def __init__(self, **how) -> None:
        self.how = SimpleNamespace(
            slots=1,
            iperf_port=None,
            token=None,
            control=None,
            clock_error_s=0.0,
            redirect=None,
            page=None,
            reset_after=None,
            hang=False,
            sink_loses=0,
            retry_after="1",
        )
        vars(self.how).update(how)
        self.seen: list[str] = []
        self.leases: dict[str, dict] = {}
        self.asked = threading.Event()
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: MeasurementServer

    def handle_error(self, request, client_address) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_POST(self) -> None:
        self._serve(self._post)

    def do_DELETE(self) -> None:
        self._serve(self._delete)

    @property
    def _owner(self) -> MeasurementServer:
        return self.server.owner

    def _serve(self, answer) -> None:
        how = self._owner.how
        self._owner.seen.append(f"{self.command} {self.path}")
        self._owner.asked.set()
        if how.hang:
            self._owner.over.wait(60)
            self.close_connection = True
        elif how.redirect is not None:
            self._say(302, headers={"Location": how.redirect})
        elif how.page is not None:
            self._say(200, how.page, {"Content-Type": "text/html; charset=utf-8"})
        else:
            answer()

    def _get(self) -> None:
        match self.path.strip("/").split("/"):
            case ["status"]:
                status = {"slots": self._owner.how.slots, "busy": 0}
                self._say(200, json.dumps(status | {"control": self._owner.how.control}).encode())
            case ["generate_204"]:
                self._say(204)
            case ["bytes", size]:
                self._bytes(int(size))
            case _:
                self._say(404)

    def _bytes(self, size: int) -> None:
        first, last = 0, size - 1
        wanted = self.headers.get("Range")
        if wanted is not None:
            first, last = (int(each) for each in wanted.removeprefix("bytes=").split("-"))
        self.send_response(200 if wanted is None else 206)
        self.send_header("Content-Length", str(last - first + 1))
        if wanted is not None:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        left, sent = last - first + 1, 0
        while left > 0:
            piece = bytes(min(left, 1 << 16))
            self.wfile.write(piece)
            left, sent = left - len(piece), sent + len(piece)
            reset_after = self._owner.how.reset_after
            if reset_after is not None and sent >= reset_after:
                self._reset()
                return

    def _post(self) -> None:
        length = int(self.headers["Content-Length"])
        if self.path == "/sink":
            left = length
            while left > 0 and (piece := self.rfile.read1(min(left, 1 << 16))):
                left -= len(piece)
                reset_after = self._owner.how.reset_after
                if reset_after is not None and length - left >= reset_after:
                    self._reset()
                    return
            received = length - left - self._owner.how.sink_loses
            self._say(200, json.dumps({"received_bytes": received}).encode())
            return
        body = json.loads(self.rfile.read(length))
        how = self._owner.how
        if how.slots is None:
            self._say(404)
        elif len(self._owner.leases) >= how.slots:
            self._say(503, b'{"error": "busy"}', {"Retry-After": how.retry_after})
        else:
            token = how.token or f"t{len(self._owner.seen)}"
            self._owner.leases[token] = body
            lease = {"slot": token, "iperf_port": how.iperf_port, "expires_in_s": 30}
            self._say(201, json.dumps(lease).encode())

    def _delete(self) -> None:
        gone = self._owner.leases.pop(self.path.removeprefix("/slots/"), None)
        self._say(404 if gone is None else 204)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _say(self, status: int, body: bytes = b"", headers: dict | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp=None) -> str:  # noqa: ARG002 - http.server's signature
        return email.utils.formatdate(time.time() + self._owner.how.clock_error_s, usegmt=True)

    def log_message(self, *_args) -> None:
        pass
