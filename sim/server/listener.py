"""Connections: how many at once, and none for ever."""

import contextlib
import logging
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from sim.server.control import Control
from sim.server.slots import Slots

_log = logging.getLogger(__name__)

MAX_CONNECTIONS = 512


class Services(NamedTuple):
    """What a server offers beside bytes."""

    slots: Slots | None = None
    control: Control | None = None
    content: Path | None = None
    """Folder of the files below `/content/`."""


class Listener(ThreadingHTTPServer):
    """One thread a connection, within bounds."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        services: Services,
    ) -> None:
        """Bind; raises OSError."""
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.services = services
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._deadlines: dict[socket.socket, float] = {}
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind, for both families where the address is IPv6."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not HTTPServer's, which asks DNS for our name.
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for the connection, or its end where there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()  # no thread was to be had, so none gives the place back
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """All of one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._deadlines.pop(request, None)
            self._free.release()

    def end_within(self, connection: socket.socket, limit_s: float) -> None:
        """Cut the connection after `limit_s`, unless this is called again before."""
        self._deadlines[connection] = time.monotonic() + limit_s

    def service_actions(self) -> None:
        """Between connections: cut those that take too long."""
        now_s = time.monotonic()
        for connection, deadline_s in list(self._deadlines.items()):
            if deadline_s < now_s:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """A client that leaves in the middle of a download is no news."""
        _log.debug("%s left: %s", client_address, sys.exc_info()[1])
