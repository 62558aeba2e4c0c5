"""Sockets that leave by one interface only, and which of the two internet protocols they use."""

import socket

from drivers.traffic.ip_family import IpFamily
from drivers.traffic.result import network_error


def family_name(family: socket.AddressFamily) -> IpFamily:
    """The family as a record says it."""
    return IpFamily.IPV6 if family is socket.AF_INET6 else IpFamily.IPV4


def allows(wanted: IpFamily, family: socket.AddressFamily) -> bool:
    """Whether an address of this family may be used."""
    return wanted is IpFamily.ANY or wanted is family_name(family)


def bind_to_interface(stream: socket.socket, interface: str | None) -> None:
    """Let the socket use this interface only; raises `TrafficError` of stage `bind`.

    SO_BINDTODEVICE holds whatever the routing table says and needs no root since Linux 5.7. None
    leaves the way to the routing table.
    """
    if interface is None:
        return
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
    except OSError as error:
        raise network_error("bind", error) from error
