"""What the kernel says of interfaces, addresses and routes as it changes (rtnetlink(7))."""

import select
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

MAX_MESSAGE_BYTES = 1 << 16
ANSWER_TIMEOUT_S = 1.0
MAX_DRAINED = 4096
"""Messages taken at once: whoever floods us does not keep us for ever."""
_HEADER = struct.Struct("=IHHII")
_ADDRESS = struct.Struct("=BBBBI")
_LINK = struct.Struct("=BxHiII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_INDEX = struct.Struct("=I")
_ALIGN = 4
_ERROR, _DONE, _NEW_ROUTE, _GET_ROUTE = 2, 3, 24, 26
_REQUEST, _DUMP = 0x1, 0x300
_OUT_INTERFACE = 4
_UNICAST = 1
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


def leading_out() -> frozenset[int]:
    """Indexes of the interfaces that have a default route in any table; empty when not told."""
    request = _HEADER.pack(_HEADER.size + _ROUTE.size, _GET_ROUTE, _REQUEST | _DUMP, 1, 0)
    found: set[int] = set()
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
            asking.settimeout(ANSWER_TIMEOUT_S)
            asking.send(request + bytes(_ROUTE.size))
            for _ in range(MAX_DRAINED):
                data = asking.recv(MAX_MESSAGE_BYTES)
                found.update(default_routes(data))
                if any(type_ in {_ERROR, _DONE} for type_, _ in _messages(data)):
                    break
    except OSError:
        return frozenset()
    return frozenset(found)


def default_routes(data: bytes) -> Iterator[int]:
    """Indexes of the interfaces of the default routes in one datagram."""
    for type_, body in _messages(data):
        if type_ != _NEW_ROUTE or len(body) < _ROUTE.size:
            continue
        _, length, _, _, _, _, _, kind, _ = _ROUTE.unpack_from(body)
        index = _attributes(body[_ROUTE.size :]).get(_OUT_INTERFACE, b"")
        if length == 0 and kind == _UNICAST and len(index) == _INDEX.size:
            yield _INDEX.unpack(index)[0]


def changes(data: bytes) -> list[Change]:
    """The changes in one datagram of netlink messages; temporary and local addresses are none."""
    found: list[Change] = []
    for type_, body in _messages(data):
        if type_ == Kind.LINK_GONE and len(body) >= _LINK.size:
            family, _, index, *_ = _LINK.unpack_from(body)
            # A bridge tells of its ports in the same words, under its own family.
            if family == socket.AF_UNSPEC:
                found.append(Change(Kind.LINK_GONE, index))
        elif type_ == Kind.ADDRESS_GONE and len(body) >= _ADDRESS.size:
            _, _, flags, scope, index = _ADDRESS.unpack_from(body)
            if scope == _UNIVERSE and not flags & _TEMPORARY:
                found.append(Change(Kind.ADDRESS_GONE, index))
    return found


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each; what is cut short ends them."""
    while len(data) >= _HEADER.size:
        length, type_, *_ = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            return
        yield type_, data[_HEADER.size : length]
        data = data[_aligned(length) :]


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= _ATTRIBUTE.size:
        length, type_ = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        found[type_] = data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]
    return found


def _aligned(length: int) -> int:
    return (length + _ALIGN - 1) // _ALIGN * _ALIGN
