"""The way out of the probe: sockets bound to one interface, its counters, its routing table."""

import queue
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from drivers.traffic.result import CancelledError, TrafficError, network_error
from wire.messages import Outcome

STATISTICS = Path("/sys/class/net")
SLACK_BYTES = 2 << 20
"""What may run over the interface beside a test: records to the collector, late packets."""
EXCESS = 1.25
"""Headers, retransmissions and what was in flight at the end stay below this factor."""
IP_TIMEOUT_S = 10.0
CANCEL_POLL_S = 0.2
"""How soon a wait notices that the test is cancelled."""
RULE_PRIORITY = 1000


class NetPath(msgspec.Struct, frozen=True, kw_only=True):
    """Which way a test goes. `interface` None leaves it to the routing table and proves nothing."""

    interface: str | None = None
    statistics: Path = STATISTICS


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
    """First address of a server; raises `TrafficError` of stage `dns`.

    getaddrinfo knows no deadline, so a thread waits for it; a thread that outlives the deadline
    ends when the resolver does. The query goes the system's way, not the interface's: of a test
    that is bound to one its failure says nothing.
    """
    outcome = Outcome.FAILED if path.interface is None else Outcome.INVALID
    answer: queue.SimpleQueue[Address | TrafficError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            answer.put(Address(family=found[0], host=str(found[4][0]), port=port))
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

    `guard` is given the socket before it connects: shutting it down ends the wait.
    """
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


def bind_to_device(stream: socket.socket, path: NetPath) -> None:
    """Let the socket use the path's interface only; raises `TrafficError` of stage `bind`.

    SO_BINDTODEVICE holds whatever the routing table says and needs no root since Linux 5.7.
    """
    if path.interface is None:
        return
    try:
        stream.setsockopt(
            socket.SOL_SOCKET, socket.SO_BINDTODEVICE, path.interface.encode() + b"\0"
        )
    except OSError as error:
        raise network_error("bind", error) from error


class RoutingError(Exception):
    """`ip` refused a routing change: `command` and what it said."""

    def __init__(self, command: str, said: str) -> None:
        """Keep both fields."""
        super().__init__(f"{command}: {said}")
        self.command = command
        self.said = said


@contextmanager
def routing_table(interface: str, *, table: int, gateway: str | None = None) -> Iterator[None]:
    """A routing table of its own for a modem's interface, while the context lasts (needs root).

    Sockets bound to the interface use it by an `oif` rule, so a changed address does not matter;
    nothing else does. Raises `RoutingError`.
    """
    rule = ["oif", interface, "lookup", str(table), "priority", str(RULE_PRIORITY)]
    via = [] if gateway is None else ["via", gateway]
    _ip("route", "replace", "default", *via, "dev", interface, "table", str(table))
    try:
        _ip("rule", "add", *rule)
        try:
            yield
        finally:
            _ip("rule", "del", *rule)
    finally:
        if (STATISTICS / interface).exists():  # its routes go with an interface
            _ip("route", "flush", "table", str(table))


def _ip(*arguments: str) -> None:
    command = ["ip", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, arguments are ours
            command, capture_output=True, text=True, timeout=IP_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RoutingError(" ".join(command), str(error)) from error
    if done.returncode != 0:
        raise RoutingError(" ".join(command), done.stderr.strip())


def wrong_path() -> TrafficError:
    """The end of a test that its interface did not carry."""
    return TrafficError("probe", "wrong path", outcome=Outcome.INVALID)


def gone(path: NetPath) -> TrafficError:
    """The end of a test whose interface vanished."""
    return TrafficError("interface", f"{path.interface} is gone", outcome=Outcome.MODEM_GONE)
