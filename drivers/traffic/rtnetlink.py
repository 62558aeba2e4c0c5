"""What the kernel says of interfaces, addresses and routes as it changes (rtnetlink(7))."""

import select
import socket
import struct
from enum import IntEnum
from typing import NamedTuple

MAX_MESSAGE_BYTES = 1 << 16
MAX_DRAINED = 4096
"""Messages taken at once: whoever floods us does not keep us for ever."""
_HEADER = struct.Struct("=IHHII")
_ADDRESS = struct.Struct("=BBBBI")
_LINK = struct.Struct("=BxHiII")
_ALIGN = 4
_TEMPORARY = 0x01
"""IFA_F_TEMPORARY: a privacy address, which comes and goes by itself (RFC 8981)."""
_UNIVERSE = 0


class Group(IntEnum):
    """Of multicast messages, as bits (linux/rtnetlink.h)."""

    LINK = 0x1
    IPV4_ADDRESS = 0x10
    IPV4_ROUTE = 0x40
    IPV4_RULE = 0x80
    IPV6_ADDRESS = 0x100
    IPV6_ROUTE = 0x400


class Kind(IntEnum):
    """Of a message; others are of no interest here."""

    LINK_GONE = 17
    ADDRESS_GONE = 21


class Change(NamedTuple):
    """Something that is not there any more."""

    kind: Kind
    interface_index: int


class Changes:
    """A subscription; nothing before its beginning is told. For one thread."""

    def __init__(self, *groups: Group) -> None:
        """Raises OSError where the kernel has no rtnetlink for us."""
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        try:
            self._socket.setblocking(False)
            self._socket.bind((0, sum(groups)))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Readable when there is something to drain."""
        return self._socket.fileno()

    def wait(self, timeout_s: float) -> bool:
        """Whether something changed within this time."""
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(max(0.0, timeout_s) * 1000))

    def drain(self) -> tuple[Change, ...]:
        """What vanished since the last call, as far as the kernel could keep it for us."""
        found: list[Change] = []
        for _ in range(MAX_DRAINED):
            try:
                data, sender = self._socket.recvfrom(MAX_MESSAGE_BYTES)
            except BlockingIOError:
                break
            except OSError:
                continue  # ENOBUFS: some were lost
            if sender[0] == 0:  # the kernel itself
                found += changes(data)
        return tuple(found)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


def changes(data: bytes) -> list[Change]:
    """The changes in one datagram of netlink messages; temporary and local addresses are none."""
    found: list[Change] = []
    while len(data) >= _HEADER.size:
        length, type_, *_ = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            break
        body = data[_HEADER.size : length]
        if type_ == Kind.LINK_GONE and len(body) >= _LINK.size:
            family, _, index, *_ = _LINK.unpack_from(body)
            # A bridge tells of its ports in the same words, under its own family.
            if family == socket.AF_UNSPEC:
                found.append(Change(Kind.LINK_GONE, index))
        elif type_ == Kind.ADDRESS_GONE and len(body) >= _ADDRESS.size:
            _, _, flags, scope, index = _ADDRESS.unpack_from(body)
            if scope == _UNIVERSE and not flags & _TEMPORARY:
                found.append(Change(Kind.ADDRESS_GONE, index))
        data = data[(length + _ALIGN - 1) // _ALIGN * _ALIGN :]
    return found
