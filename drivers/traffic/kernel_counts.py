"""What the kernel knows of a socket's payload: arrived, acknowledged, still waiting (Linux)."""

import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterator
from pathlib import Path

import msgspec

OWN_DESCRIPTORS = Path("/proc/self/fd")
TCP_INFO_BYTES = 136
BYTES_ACKED_AT, BYTES_RECEIVED_AT = 120, 128
"""Offsets in `struct tcp_info` (linux/tcp.h); the two came with Linux 4.1."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """TCP payload that a connection has carried."""

    received_bytes: int
    """Read by the program."""
    acknowledged_bytes: int
    """Of what was sent, in the peer's kernel for certain."""


def carried_by_others(control: int) -> list[Carried]:
    """For every TCP connection of this process but the one with this descriptor."""
    found = []
    for descriptor in _sockets_beside(control):
        try:
            found.append(carried(descriptor))
        except OSError:
            continue  # closed meanwhile, or no TCP
    return found


def sockets_beside(control: int) -> int:
    """How many sockets this process has beside the one with this descriptor."""
    return sum(1 for _ in _sockets_beside(control))


def carried(descriptor: int) -> Carried:
    """For one TCP connection; raises OSError for anything else."""
    with socket.socket(fileno=os.dup(descriptor)) as stream:
        if stream.type != socket.SOCK_STREAM:
            raise OSError("no TCP connection")
        info = stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        if len(info) < TCP_INFO_BYTES:
            raise OSError("a kernel that does not count payload")
        received = struct.unpack_from("=Q", info, BYTES_RECEIVED_AT)[0]
        return Carried(
            received_bytes=max(received - _ask(stream, termios.FIONREAD), 0),
            acknowledged_bytes=struct.unpack_from("=Q", info, BYTES_ACKED_AT)[0],
        )


def unacknowledged_bytes(stream: socket.socket) -> int:
    """Payload that was written and is not known to have arrived (SIOCOUTQ); raises OSError."""
    return _ask(stream, termios.TIOCOUTQ)


def _sockets_beside(control: int) -> Iterator[int]:
    for entry in OWN_DESCRIPTORS.iterdir():
        try:
            kind = str(entry.readlink())
        except OSError:
            continue  # closed meanwhile
        if kind.startswith("socket:") and int(entry.name) != control:
            yield int(entry.name)


def _ask(stream: socket.socket, request: int) -> int:
    answer = bytearray(4)
    fcntl.ioctl(stream.fileno(), request, answer)
    return int(struct.unpack("=i", answer)[0])
