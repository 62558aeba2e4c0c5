"""Ways to the broker: sockets bound to an interface, and which of several answers first.

The tests of the probe bind their sockets the same way (SO_BINDTODEVICE) and rely on the same
routing tables, one for each modem (`dosong-agent paths`).
"""

import errno
import fcntl
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from agent.publisher.errors import UnansweredError
from drivers.traffic.device import bind_to_interface
from drivers.traffic.result import TrafficError

ANSWER_S = 4.0
"""The kernel asks at 0, 1 and 3 s: whoever is silent then is asked anew, not after 7 s."""
NEXT_PATH_S = 1.0
"""A path that has not answered by then gets competition by the next one."""
NEXT_ADDRESS_S = 0.25
"""So does an address (RFC 8305 5, connection attempt delay)."""
WAKE_S = 0.25
INTERFACES = Path("/sys/class/net")
IPV6_ADDRESSES = Path("/proc/net/if_inet6")
SIOCGIFADDR = 0x8915
GLOBAL_SCOPE = 0
USER_TIMEOUT_S = 30.0
"""Sent bytes that nobody confirms end the connection; keepalive alone needs twice its time."""
LOW_DELAY = 0x10
"""IPTOS_LOWDELAY: a Linux queue (pfifo_fast) sends it before a test's packets."""
INTERACTIVE = 6
"""TC_PRIO_INTERACTIVE: the highest priority that needs no privilege."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """One path to one address of the broker."""

    path: str | None
    """As the configuration names it; None: by the system's routing."""
    interface: str | None
    address: str

    def __str__(self) -> str:
        """As a person reads it."""
        return self.address if self.path is None else f"{self.address} by {self.path}"

    @property
    def family(self) -> socket.AddressFamily:
        """Of the address."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


class Attempt:
    """A connection being made; nothing here blocks. Close it unless its socket was taken."""

    def __init__(self, way: Way, port: int) -> None:
        """Raises `UnansweredError` where the way cannot be tried at all."""
        self.way = way
        why = None if way.interface is None else why_unusable(way.interface, way.family)
        if why is not None:
            raise UnansweredError(f"{way}: {why}")
        self._socket = socket.socket(way.family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._prepare(way)
            code = self._socket.connect_ex((way.address, port))
        except (OSError, TrafficError) as error:
            self._socket.close()
            raise UnansweredError(f"{way}: {error}") from error
        if code not in (0, errno.EINPROGRESS):
            self._socket.close()
            raise UnansweredError(f"{way}: {_said(code)}")

    def _prepare(self, way: Way) -> None:
        bind_to_interface(self._socket, way.interface)
        set_options(self._socket)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """For poll(2): writable once it is decided."""
        return self._socket.fileno()

    def works(self, timeout_s: float = 0.0) -> bool | None:
        """Whether somebody answered; None while nobody did. Raises `UnansweredError` for a no."""
        poller = select.poll()
        poller.register(self._socket, select.POLLOUT)
        if not poller.poll(timeout_s * 1000):
            return None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise UnansweredError(f"{self.way}: {_said(code)}")
        return True

    def take(self) -> socket.socket:
        """The connected socket: the caller closes it, `close` does not any more."""
        return self._socket.dup()

    def close(self) -> None:
        """Give it up; idempotent."""
        self._socket.close()


def first_to_answer(
    ways: Sequence[Way], port: int, *, go_on: Callable[[], bool]
) -> tuple[Way, socket.socket]:
    """The way that answers first, those before it in the order having a head start.

    Raises `UnansweredError` when none does, or as soon as `go_on` (asked several times a second)
    says no.
    """
    waiting = list(ways)
    runners: list[Attempt] = []
    failure = UnansweredError("no path to try")
    next_s, end_s = 0.0, float("inf")
    with ExitStack() as losers:
        while waiting or runners:
            now_s = time.monotonic()
            if now_s > end_s or not go_on():
                raise UnansweredError(f"no answer from {_all(ways)}")
            if waiting and (now_s >= next_s or not runners):
                way = waiting.pop(0)
                try:
                    runners.append(Attempt(way, port))
                    losers.callback(runners[-1].close)
                except UnansweredError as error:
                    failure = error
                    continue
                other = bool(waiting) and waiting[0].path != way.path
                next_s = now_s + (NEXT_PATH_S if other else NEXT_ADDRESS_S)
                end_s = now_s + ANSWER_S
            until_s = min(now_s + WAKE_S, next_s if waiting else end_s)
            for runner in _ready(runners, until_s - now_s):
                try:
                    runner.works()
                except UnansweredError as error:
                    failure = error
                    runners.remove(runner)
                    continue
                return runner.way, runner.take()
    raise failure


def _ready(runners: Sequence[Attempt], timeout_s: float) -> list[Attempt]:
    """Those that are decided, in their order."""
    poller = select.poll()
    for runner in runners:
        poller.register(runner, select.POLLOUT)
    decided = {number for number, _ in poller.poll(max(0.0, timeout_s) * 1000)}
    return [runner for runner in runners if runner.fileno() in decided]


def set_options(sock: socket.socket) -> None:
    """What a connection that carries records and words of control asks of the kernel."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(USER_TIMEOUT_S * 1000))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, LOW_DELAY)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, LOW_DELAY)
    # Last: the type of service sets a priority of its own.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, INTERACTIVE)


def unanswered_s(sock: socket.socket) -> float | None:
    """Since the peer's kernel acknowledged anything; None while nothing waits for it."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    fields = _TCP_INFO.unpack(info)
    unacknowledged, last_ack_received_ms = fields[4], fields[12]
    return last_ack_received_ms / 1000 if unacknowledged else None


_TCP_INFO = struct.Struct("8x13I")
"""The head of struct tcp_info: 8 bytes of states and options, then numbers of 32 bits: rto, ato,
snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets, and the age in ms of the last data sent,
ACK sent, data received and ACK received."""


def why_unusable(interface: str, family: socket.AddressFamily) -> str | None:
    """Why nothing can leave by an interface; None where it can.

    Asked first because the kernel takes a bound socket without an address for one on link, and
    looks for its neighbour for seconds.
    """
    folder = INTERFACES / interface
    if not folder.exists():
        return "there is no such interface"
    try:
        if (folder / "carrier").read_text().strip() != "1":
            return "it has no carrier"
    except OSError:
        return "it is down"
    if not _has_address(interface, family):
        version = "IPv6" if family is socket.AF_INET6 else "IPv4"
        return f"it has no {version} address"
    return None


def _has_address(interface: str, family: socket.AddressFamily) -> bool:
    if family is socket.AF_INET6:
        try:
            lines = IPV6_ADDRESSES.read_text(encoding="ascii").splitlines()
        except OSError:
            return False
        fields = (line.split() for line in lines)
        return any(each[5] == interface and int(each[3], 16) == GLOBAL_SCOPE for each in fields)
    request = struct.pack("256s", interface.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            fcntl.ioctl(probe, SIOCGIFADDR, request)
        except OSError:
            return False
    return True


def _said(code: int) -> str:
    return os.strerror(code).lower()


def _all(ways: Sequence[Way]) -> str:
    return ", ".join(str(way) for way in ways) or "anybody"
