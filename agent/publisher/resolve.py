"""Names to addresses without hanging: getaddrinfo(3) obeys no timeout, so it gets a thread."""

import logging
import socket
import threading
from collections.abc import Callable

from agent.publisher.errors import UnresolvedError

log = logging.getLogger(__name__)

Lookup = Callable[[str, int], tuple[str, ...]]


def system_lookup(host: str, port: int) -> tuple[str, ...]:
    """Addresses as the system knows them, in its order; raises OSError. May block for long."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Resolver:
    """Remembers the last good answer for the times when no name server can be reached."""

    def __init__(self, host: str, port: int, *, lookup: Lookup = system_lookup) -> None:
        self._host = host
        self._port = port
        self._lookup = lookup
        self._answered = threading.Event()
        self._thread: threading.Thread | None = None
        self._known: tuple[str, ...] = ()
        self._failure = "no answer"

    def addresses(self, timeout_s: float) -> tuple[str, ...]:
        """At least one address, of the last good answer if need be; raises `UnresolvedError`."""
        if self._thread is None or not self._thread.is_alive():
            self._answered.clear()
            self._failure = f"no answer within {timeout_s:g} s"
            self._thread = threading.Thread(target=self._run, name="resolver", daemon=True)
            self._thread.start()
        fresh = self._answered.wait(timeout_s)
        if not self._known:
            raise UnresolvedError(f"{self._host} has no address: {self._failure}")
        if not fresh:
            log.debug("%s: %s, going by the last answer", self._host, self._failure)
        return self._known

    def _run(self) -> None:
        try:
            found = self._lookup(self._host, self._port)
        except OSError as error:
            self._failure = str(error)
        else:
            self._known = found or self._known
        self._answered.set()
