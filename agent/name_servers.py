"""Which name servers a test on one modem asks: told by a person, by the modem, or by systemd."""

import ipaddress
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.config import ModemPlace
from agent.orders import OrderError

log = logging.getLogger(__name__)

RESOLVED = Path("/run/systemd/resolve/netif")
"""systemd-resolved keeps what it was told for a link in a file named by the link's index."""
MAX_FILE_BYTES = 1 << 16
MAX_SERVERS = 4


def name_servers(
    place: ModemPlace,
    interface: str | None,
    ask_modem: Callable[[], tuple[str, ...]],
    *,
    resolved: Path = RESOLVED,
) -> tuple[str, ...]:
    """Servers of the modem's own network; none where nobody knows any.

    In this order: the configuration, the modem, systemd-resolved. Only the first is used for a
    test that is bound to no interface: the others' servers need not answer there.
    """
    if place.dns or interface is None:
        return place.dns
    try:
        told = ask_modem()
    except OrderError as error:
        log.debug("modem %s: %s", place.name, error)
        told = ()
    return told or tuple(_from_resolved(interface, resolved))


def _from_resolved(interface: str, folder: Path) -> Iterator[str]:
    try:
        with (folder / str(socket.if_nametoindex(interface))).open("rb") as file:
            text = file.read(MAX_FILE_BYTES).decode(errors="replace")
    except OSError:
        return
    words = [
        word
        for line in text.splitlines()
        if line.startswith("SERVERS=")
        for word in line.partition("=")[2].split()
    ]
    for word in words[:MAX_SERVERS]:
        # With port, scope and name as `[2001:db8::1]:53%3#dns.example`; a port is not ours to take.
        address = word.partition("#")[0].partition("%")[0]
        try:
            yield str(ipaddress.ip_address(address))
        except ValueError:
            continue
