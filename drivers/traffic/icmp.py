"""Echo requests over one interface, without privileges (RFC 792, RFC 4443 4.1).

A Linux ping socket needs no raw socket and no capability, only a group that the administrator lets
use it (`net.ipv4.ping_group_range`, for both protocols). Written here because no library for Python
binds its echo requests to an interface, and one that is not bound measures another network.
"""

import os
import secrets
import select
import socket
import struct
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from drivers.traffic.device import bind_to_interface
from drivers.traffic.result import CancelledError, TrafficError, network_error
from wire.messages import Outcome

GROUP_RANGE = Path("/proc/sys/net/ipv4/ping_group_range")
CANCEL_POLL_S = 0.2
MAX_REPLY_BYTES = 2048
TOKEN_BYTES = 48
"""With the header as much as ping(8) sends: 56 bytes."""
SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; Python has no name for it."""
NS_PER_S = 1_000_000_000
_HEADER = struct.Struct("!BBHHH")
_TIMESPEC = struct.Struct("@qq")
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}


class Pinger:
    """A ping socket to one address; a context manager, for one thread."""

    def __init__(self, family: socket.AddressFamily, host: str, *, interface: str | None) -> None:
        """Open it; raises `TrafficError`: of stage `probe` where the system allows no echo."""
        self._family = family
        self._token = secrets.token_bytes(TOKEN_BYTES)
        """Tells our replies from those that somebody makes up."""
        protocol = socket.IPPROTO_ICMP if family is socket.AF_INET else socket.IPPROTO_ICMPV6
        try:
            self._socket = socket.socket(family, socket.SOCK_DGRAM, protocol)
        except PermissionError as error:
            raise TrafficError("probe", _closed(), outcome=Outcome.INVALID) from error
        try:
            bind_to_interface(self._socket, interface)
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._socket.setblocking(False)
            self._socket.connect((host, 0))
        except TrafficError:
            self._socket.close()
            raise
        except OSError as error:
            self._socket.close()
            raise network_error("connect", error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def round_trip_s(self, sequence: int, *, timeout_s: float, cancel: threading.Event) -> float:
        """How long the echo took; raises `TrafficError` of stage `request` for a lost one.

        From just before it is sent to the kernel's own stamp of the reply, so that a busy
        computer adds little. A late reply to an earlier request is not counted for this one.
        """
        sequence &= 0xFFFF
        # Identifier and checksum are the kernel's (ping(7) sockets).
        request = _HEADER.pack(_REQUEST[self._family], 0, 0, 0, sequence) + self._token
        sent_ns, deadline = time.time_ns(), time.monotonic() + timeout_s
        started = time.monotonic()
        try:
            self._socket.send(request)
            while self._await(deadline, cancel):
                reply, ancillary, _, _ = self._socket.recvmsg(MAX_REPLY_BYTES, 64)
                seen_s = time.monotonic() - started
                if self._is_ours(reply, sequence):
                    return _stamped_s(ancillary, sent_ns, seen_s)
        except OSError as error:
            raise network_error("request", error) from error
        raise TrafficError("request", "timeout")

    def _is_ours(self, reply: bytes, sequence: int) -> bool:
        if len(reply) < _HEADER.size:
            return False
        type_, code, _, _, number = _HEADER.unpack_from(reply)
        wanted = (_REPLY[self._family], 0, sequence, self._token)
        return (type_, code, number, reply[_HEADER.size :]) == wanted

    def _await(self, deadline: float, cancel: threading.Event) -> bool:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while not cancel.is_set():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            if poller.poll(min(left_s, CANCEL_POLL_S) * 1000):
                return True
        raise CancelledError


def _stamped_s(ancillary: list[tuple[int, int, bytes]], sent_ns: int, seen_s: float) -> float:
    """By the kernel's stamp; by our own clock where there is none or the wall clock was set."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            stamped_s = (seconds * NS_PER_S + nanoseconds - sent_ns) / NS_PER_S
            if 0 < stamped_s <= seen_s:
                return float(stamped_s)
    return seen_s


def _closed() -> str:
    """Why there is no ping socket, in the words of the setting that allows it."""
    try:
        allowed = " ".join(GROUP_RANGE.read_text().split())
    except OSError:
        allowed = "unreadable"
    groups = " ".join(map(str, sorted({os.getegid(), *os.getgroups()})))
    return f"ping_group_range {allowed} has none of our groups ({groups})"
