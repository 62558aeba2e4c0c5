"""The way out of the probe: sockets bound to one interface, and the counters of it."""

import ipaddress
import os
import queue
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from drivers.traffic.device import allows, bind_to_interface
from drivers.traffic.dns import PORT as DNS_PORT
from drivers.traffic.dns import look_up
from drivers.traffic.ip_family import IpFamily
from drivers.traffic.result import CancelledError, TrafficError, network_error
from wire.messages import Outcome

STATISTICS = Path("/sys/class/net")
SLACK_BYTES = 2 << 20
"""What may run over the interface beside a test: records to the collector, late packets."""
EXCESS = 1.25
"""Headers, retransmissions and what was in flight at the end stay below this factor."""
CANCEL_POLL_S = 0.2
"""How soon a wait notices that the test is cancelled."""
HEAD_START_S = 0.25
"""Of IPv6 (RFC 8305 5)."""
DISCARD_PORT = 9
LOCALHOST = "localhost"
"""Asked of nobody else (RFC 6761 6.3)."""


class NetPath(msgspec.Struct, frozen=True, kw_only=True):
    """Which way a test goes. `interface` None leaves it to the routing table and proves nothing."""

    interface: str | None = None
    statistics: Path = STATISTICS
    family: IpFamily = IpFamily.ANY
    dns_servers: tuple[str, ...] = ()
    """Of the modem's own network, asked over `interface`; none leaves names to the system."""
    dns_port: int = DNS_PORT

    def only(self, family: IpFamily) -> "NetPath":
        """The same way by this family; as it is for `any`."""
        return self if family is IpFamily.ANY else msgspec.structs.replace(self, family=family)


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes an interface has carried."""

    rx_bytes: int
    tx_bytes: int

    def __sub__(self, earlier: "Counters") -> "Counters":
        return Counters(
            rx_bytes=self.rx_bytes - earlier.rx_bytes, tx_bytes=self.tx_bytes - earlier.tx_bytes
        )


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A resolved server: what a socket connects to."""

    family: socket.AddressFamily
    host: str
    port: int
    others: tuple["Address", ...] = ()
    """Of the other family, in case this one does not work."""
    dns_s: float | None = None
    """How long the name took; None for an address."""
    dns_server: str | None = None
    """Who answered; None where the system was asked."""

    def only(self, family: int) -> "Address":
        """The one of this family, without the others."""
        chosen = next(each for each in (self, *self.others) if each.family == family)
        return msgspec.structs.replace(
            chosen, others=(), dns_s=self.dns_s, dns_server=self.dns_server
        )

    def turned(self) -> "Address":
        """The next one first, this one last."""
        first = msgspec.structs.replace(self, others=())
        chosen, *rest = *self.others, first
        return msgspec.structs.replace(
            chosen, others=tuple(rest), dns_s=self.dns_s, dns_server=self.dns_server
        )


_Found = tuple[socket.AddressFamily, str]


def read_counters(path: NetPath) -> Counters | None:
    """The interface's byte counters; None without an interface or when it is gone."""
    if path.interface is None:
        return None
    folder = path.statistics / path.interface / "statistics"
    try:
        return Counters(
            rx_bytes=int((folder / "rx_bytes").read_text()),
            tx_bytes=int((folder / "tx_bytes").read_text()),
        )
    except (OSError, ValueError):
        return None


def counted_since(path: NetPath, before: Counters | None) -> Counters | None:
    """What the interface carried since `before`; None where that cannot be known."""
    after = read_counters(path)
    if before is None or after is None:
        return None
    return after - before


def is_gone(path: NetPath) -> bool:
    """Whether the path names an interface that does not exist (any more)."""
    return path.interface is not None and not (path.statistics / path.interface).exists()


def proves_path(
    *, counted_bytes: int, claimed_bytes: int, transferred_bytes: int | None = None
) -> bool:
    """Whether an interface's count agrees with a test's payload.

    `claimed_bytes` certainly crossed the network. `transferred_bytes` is all that may have (with
    warm-up and unacknowledged data); None for a test that failed, beside which any other traffic
    is much.
    """
    if counted_bytes < claimed_bytes:
        return False
    return transferred_bytes is None or counted_bytes <= EXCESS * transferred_bytes + SLACK_BYTES


def end_of_download(
    path: NetPath,
    counted: Counters | None,
    *,
    payload_bytes: int | None,
    error: TrafficError | None,
) -> TrafficError | None:
    """What a download ended with once its interface was heard; None for a success."""
    if is_gone(path):
        return gone(path)
    if counted is not None and not proves_path(
        counted_bytes=counted.rx_bytes,
        claimed_bytes=payload_bytes or 0,
        transferred_bytes=payload_bytes if error is None else None,
    ):
        return wrong_path()
    return error


def resolve(
    host: str, port: int, path: NetPath, *, timeout_s: float, cancel: threading.Event
) -> Address:
    """The server's address to be tried first, with the others behind it.

    Raises `TrafficError` of stage `dns`. An address is asked of nobody. With `path.dns_servers` a
    name is asked of these over the path's interface, and its failure is the network's. Else the
    system's resolver is asked: that query goes the system's way, and of a test that is bound to an
    interface its failure says nothing.
    """
    literal = _literal(host)
    if literal is not None:
        return _choose((literal,), host, port, path)
    if path.dns_servers and host != LOCALHOST:
        found = look_up(
            host,
            servers=path.dns_servers,
            interface=path.interface,
            family=path.family,
            timeout_s=timeout_s,
            cancel=cancel,
            port=path.dns_port,
        )
        first = _choose(tuple(map(_family_of, found.addresses)), host, port, path)
        return msgspec.structs.replace(first, dns_s=found.elapsed_s, dns_server=found.server)
    started = time.monotonic()
    answer = _ask_system(host, port, path, timeout_s=timeout_s, cancel=cancel)
    first = _choose(answer, host, port, path)
    return msgspec.structs.replace(first, dns_s=time.monotonic() - started)


def _literal(host: str) -> _Found | None:
    try:
        return _family_of(host)
    except ValueError:
        return None


def _family_of(address: str) -> _Found:
    version = ipaddress.ip_address(address).version
    return (socket.AF_INET6 if version == 6 else socket.AF_INET), address  # noqa: PLR2004  # IPv6


def _choose(found: tuple[_Found, ...], host: str, port: int, path: NetPath) -> Address:
    """Those that the path may use, IPv6 first unless the path has no way there."""
    usable = [each for each in found if allows(path.family, each[0])]
    if not usable:
        what = f"{host} has no {path.family} address"
        raise TrafficError("server", what, outcome=Outcome.INVALID)
    firsts = dict(reversed(usable))
    order = [family for family in (socket.AF_INET6, socket.AF_INET) if family in firsts]
    if len(order) > 1:
        order.sort(key=lambda family: not _has_way(family, firsts[family], path))
    chosen = [Address(family=family, host=firsts[family], port=port) for family in order]
    return msgspec.structs.replace(chosen[0], others=tuple(chosen[1:]))


def _has_way(family: socket.AddressFamily, address: str, path: NetPath) -> bool:
    """Whether there is a route and an address to send from; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        bind_to_interface(probe, path.interface)
        try:
            probe.connect((address, DISCARD_PORT))
        except OSError:
            return False
        return True


def _ask_system(
    host: str, port: int, path: NetPath, *, timeout_s: float, cancel: threading.Event
) -> tuple[_Found, ...]:
    """Getaddrinfo knows no deadline, so a thread waits for it.

    A thread that outlives the deadline ends when the resolver does.
    """
    outcome = Outcome.FAILED if path.interface is None else Outcome.INVALID
    answer: queue.SimpleQueue[tuple[_Found, ...] | TrafficError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put(tuple((each[0], str(each[4][0])) for each in found))
        except (OSError, UnicodeError) as error:  # a name may also be too long for DNS
            said = getattr(error, "strerror", None) or str(error)
            answer.put(TrafficError("dns", said.lower(), outcome=outcome))

    threading.Thread(target=ask, name=f"resolve-{host}", daemon=True).start()
    deadline = time.monotonic() + timeout_s
    while not cancel.is_set():
        try:
            result = answer.get(timeout=CANCEL_POLL_S)
        except queue.Empty:
            if time.monotonic() > deadline:
                raise TrafficError("dns", "timeout", outcome=outcome) from None
            continue
        if isinstance(result, TrafficError):
            raise result
        return result
    raise CancelledError


def open_stream(
    address: Address,
    path: NetPath,
    *,
    timeout_s: float,
    guard: Callable[[socket.socket], None] = lambda _: None,
) -> socket.socket:
    """A connected TCP socket on the path; raises `TrafficError` of stage `bind` or `connect`.

    Where the server has another address, that is tried as well once the first one failed or was
    silent for `HEAD_START_S`; whichever answers first is taken (RFC 8305 5, connection attempt
    delay). `guard` is given each socket before it connects: shutting it down ends the wait.
    """
    if address.others:
        return _race((address, *address.others), path, timeout_s=timeout_s, guard=guard)
    stream = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        bind_to_device(stream, path)
        stream.settimeout(timeout_s)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        guard(stream)
        try:
            stream.connect((address.host, address.port))
        except OSError as error:
            raise network_error("connect", error) from error
    except TrafficError:
        stream.close()
        raise
    return stream


def more_telling(before: TrafficError | None, last: TrafficError) -> TrafficError:
    """The failure that says more: a host that refused was reached, whatever befell the other."""
    return last if before is None or before.outcome is Outcome.FAILED else before


def _race(
    addresses: tuple[Address, ...],
    path: NetPath,
    *,
    timeout_s: float,
    guard: Callable[[socket.socket], None],
) -> socket.socket:
    deadline = time.monotonic() + timeout_s
    waiting = list(addresses)
    failure: TrafficError | None = None
    poller = select.poll()
    runners: dict[int, socket.socket] = {}
    with ExitStack() as losers:
        next_s = 0.0
        while waiting or runners:
            now = time.monotonic()
            if now >= deadline:
                raise more_telling(failure, TrafficError("connect", "timeout"))
            if waiting and (now >= next_s or not runners):
                stream = losers.enter_context(socket.socket(waiting[0].family, socket.SOCK_STREAM))
                bind_to_device(stream, path)
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stream.setblocking(False)
                stream.connect_ex((waiting[0].host, waiting.pop(0).port))
                guard(stream)
                runners[stream.fileno()] = stream
                poller.register(stream, select.POLLOUT)
                next_s = now + HEAD_START_S
            until = min(deadline, next_s) if waiting else deadline
            for number, _ in poller.poll(max(0.0, until - time.monotonic()) * 1000):
                stream = runners.pop(number)
                poller.unregister(number)
                try:
                    # An attempt that was refused at once, or shut down, tells here what it was.
                    stream.getpeername()
                except OSError as lost:
                    code = stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or lost.errno
                    seen = network_error("connect", OSError(code, os.strerror(code or 0)))
                    failure = more_telling(failure, seen)
                    continue
                winner = stream.dup()
                winner.settimeout(timeout_s)
                guard(winner)
                return winner
    raise failure or TrafficError("connect", "timeout")


def bind_to_device(stream: socket.socket, path: NetPath) -> None:
    """Let the socket use the path's interface only; raises `TrafficError` of stage `bind`."""
    bind_to_interface(stream, path.interface)


def wrong_path() -> TrafficError:
    """The end of a test that its interface did not carry."""
    return TrafficError("probe", "wrong path", outcome=Outcome.INVALID)


def gone(path: NetPath) -> TrafficError:
    """The end of a test whose interface vanished."""
    return TrafficError("interface", f"{path.interface} is gone", outcome=Outcome.MODEM_GONE)
