"""Names to addresses without hanging: getaddrinfo(3) obeys no timeout, so it gets a thread."""

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from agent.durable import write_durably
from agent.publisher.errors import UnresolvedError

log = logging.getLogger(__name__)

Lookup = Callable[[str, int], tuple[str, ...]]


def system_lookup(host: str, port: int) -> tuple[str, ...]:
    """Addresses as the system knows them, in its order; raises OSError. May block for long."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Resolver:
    """Remembers the last good answer for the times when no name server can be reached.

    The address at which the broker was last met is kept in a file, over a restart too, and goes
    behind what the name servers say: if these lie, it is there that the broker is found.
    """

    def __init__(
        self, host: str, port: int, *, lookup: Lookup = system_lookup, file: Path | None = None
    ) -> None:
        self._host = host
        self._port = port
        self._lookup = lookup
        self._file = file
        self._answered = threading.Event()
        self._thread: threading.Thread | None = None
        self._found: tuple[str, ...] = ()
        self._failure = "no answer"
        self._met = None if file is None else _kept(file, host)

    @property
    def knows(self) -> bool:
        """Whether there is an address already."""
        return bool(self._found or self._met)

    def addresses(self, timeout_s: float) -> tuple[str, ...]:
        """At least one address, of the last good answer if need be; raises `UnresolvedError`."""
        if self._thread is None or not self._thread.is_alive():
            self._answered.clear()
            self._failure = f"no answer within {timeout_s:g} s"
            self._thread = threading.Thread(target=self._run, name="resolver", daemon=True)
            self._thread.start()
        fresh = self._answered.wait(timeout_s)
        known = self._found if self._met is None else (*self._found, self._met)
        if not known:
            raise UnresolvedError(f"{self._host} has no address: {self._failure}")
        if not fresh:
            log.debug("%s: %s, going by the last answer", self._host, self._failure)
        return tuple(dict.fromkeys(known))

    def worked(self, address: str) -> None:
        """The broker was met there."""
        if address == self._met:
            return
        self._met = address
        if self._file is not None:
            try:
                write_durably(self._file, f"{self._host} {address}\n".encode())
            except OSError as error:
                log.warning("%s cannot be written: %s", self._file, error)

    def _run(self) -> None:
        try:
            found = self._lookup(self._host, self._port)
        except OSError as error:
            self._failure = str(error)
        else:
            self._found = found or self._found
        self._answered.set()


def _kept(file: Path, host: str) -> str | None:
    """The address in the file, if it is of this host."""
    try:
        name, _, address = file.read_text(encoding="ascii").strip().partition(" ")
        return str(ipaddress.ip_address(address)) if name == host else None
    except (OSError, ValueError):
        return None
