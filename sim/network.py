"""Mobile operators as network namespaces: a veth pair each, shaped to a stated rate.

The host end of a pair is what a modem's interface is to a probe, the server stands behind it. A
rate is TCP payload over IPv4, as the tests state it, so the shaper gets the headers on top. As a
normal user everything is plain loopback, unshaped, and `note` says so.
"""

import itertools
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from sim.namespaces import (
    NAMESPACES,
    PREFIX,
    NetworkError,
    free_subnet,
    new_device,
    remove_device,
    remove_leftovers,
    remove_namespace,
    run,
)
from sim.parts import Part, ReservedPort, find_command
from sim.shaper import INSIDE, Shaper, unshaped

__all__ = [
    "NAMESPACES",
    "PREFIX",
    "NetworkError",
    "OperatorLink",
    "OperatorNetwork",
    "OperatorNetworks",
    "remove_leftovers",
]

_log = logging.getLogger(__name__)

HTTP_PORT = 8080
IPERF_PORTS = (5201, 5202)
READY_TIMEOUT_S = 20.0
MAX_LINKS = 64
"""Four addresses for each, of one /24."""
UNSHAPED = "the operators share the loopback interface, and no rate is shaped"


class OperatorLink(NamedTuple):
    """One operator and what its network carries, in Mbit/s of TCP payload."""

    name: str
    down_mbit: float
    up_mbit: float


class OperatorNetwork:
    """The network behind one modem. `interface` is None where nothing is shaped."""

    def __init__(
        self,
        link: OperatorLink,
        *,
        interface: str | None,
        namespace: str | None,
        server_host: str,
        http_port: int,
        iperf_ports: tuple[int, ...],
        server_host6: str | None = None,
        shaper: Shaper | None = None,
    ) -> None:
        self.link = link
        self.interface = interface
        self.namespace = namespace
        self.server_host = server_host
        self.server_host6 = server_host6
        """None unless asked for and possible."""
        self.http_port = http_port
        self.iperf_ports = iperf_ports
        """Free for iperf3 servers; `serve` takes the first."""
        self._shaper = shaper
        self._parts = ExitStack()

    @property
    def iperf_port(self) -> int:
        """Where `serve` runs iperf3."""
        return self.iperf_ports[0]

    def run_in(self, arguments: Sequence[str], *, log: Path) -> Part:
        """Start a command on the operator's side; it ends with the network."""
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace is not None else []
        if inside:
            inside[0] = find_command("ip")
        name = f"{Path(arguments[0]).name} of {self.link.name}"
        return self._parts.enter_context(Part(name, [*inside, *arguments], log=log))

    def serve(
        self,
        *,
        log: Path,
        http_port: int | None = None,
        iperf_ports: Sequence[int] | None = None,
        options: Sequence[str] = (),
    ) -> Part:
        """Run `dosong-sim server`; returns when it listens.

        On `http_port` and the first iperf port, or on what is given: a second server needs ports
        of its own. `options` are further ones of the command.
        """
        said_before = log.stat().st_size if log.exists() else 0
        host = self.server_host if self.server_host6 is None else "::"
        ports = (self.iperf_port,) if iperf_ports is None else iperf_ports
        server = self.run_in(
            [
                *(sys.executable, "-m", "sim", "server", "--bind", host),
                *("--http", str(self.http_port if http_port is None else http_port)),
                *itertools.chain.from_iterable(("--iperf", str(port)) for port in ports),
                *options,
            ],
            log=log,
        )
        server.wait_until(
            lambda: b'{"host"' in log.read_bytes()[said_before:], "listening", READY_TIMEOUT_S
        )
        return server

    def set_rate(self, *, down_mbit: float | None = None, up_mbit: float | None = None) -> None:
        """Change a rate while traffic flows; see `Shaper`. Raises `NetworkError` if unshaped."""
        self._shaped().set_rate(down_mbit=down_mbit, up_mbit=up_mbit)

    def black_hole(self, *, down: bool = True, up: bool = True) -> None:
        """Swallow everything in one direction or both. Raises `NetworkError` if unshaped."""
        self._shaped().black_hole(down=down, up=up)

    def come_back(self, *, down: bool = True, up: bool = True) -> None:
        """End a black hole in one direction or both. Raises `NetworkError` if unshaped."""
        self._shaped().come_back(down=down, up=up)

    def close(self) -> None:
        """End what runs on the operator's side; idempotent."""
        self._parts.close()

    def _shaped(self) -> Shaper:
        if self._shaper is None:
            raise unshaped(UNSHAPED)
        return self._shaper


class OperatorNetworks:
    """Some operators side by side; a context manager that leaves nothing behind."""

    def __init__(self, links: Sequence[OperatorLink], *, ipv6: bool = False) -> None:
        """Nothing is made before the context begins. `ipv6`: addresses of both families."""
        if len(links) > MAX_LINKS:
            raise ValueError(f"at most {MAX_LINKS} operators")
        self._links = tuple(links)
        self._ipv6 = ipv6 and Path("/proc/sys/net/ipv6").exists()
        self._networks: dict[str, OperatorNetwork] = {}
        self._stack = ExitStack()
        self.shaped = os.geteuid() == 0
        """Whether rates are shaped; known for certain inside the context."""
        self.note = None if self.shaped else f"not root: {UNSHAPED}"
        """Why they are not, for a person."""

    def __getitem__(self, name: str) -> OperatorNetwork:
        return self._networks[name]

    def __enter__(self) -> Self:
        try:
            if self.shaped:
                self._try_to_shape()
            if not self.shaped:
                _log.warning(self.note)
                self._make(self._plain)
        except BaseException:
            self._stack.close()
            raise
        return self

    def _try_to_shape(self) -> None:
        """Make the namespaces, or say why this machine, a container perhaps, refuses."""
        try:
            remove_leftovers()
            subnet, numbers = free_subnet(), itertools.count()
            self._make(lambda link: self._shaped(link, _Addresses(*subnet, next(numbers))))
        except NetworkError as error:
            self._networks.clear()
            self._stack.close()
            self.shaped = False
            self.note = f"{error}: {UNSHAPED}"

    def _make(self, make: Callable[[OperatorLink], OperatorNetwork]) -> None:
        for link in self._links:
            network = make(link)
            self._stack.callback(network.close)
            self._networks[link.name] = network

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._networks.clear()
        self._stack.close()

    def _plain(self, link: OperatorLink) -> OperatorNetwork:
        http, *iperf = (
            self._stack.enter_context(ReservedPort()).number for _ in (HTTP_PORT, *IPERF_PORTS)
        )
        return OperatorNetwork(
            link,
            interface=None,
            namespace=None,
            server_host="127.0.0.1",
            http_port=http,
            iperf_ports=tuple(iperf),
        )

    def _shaped(self, link: OperatorLink, addresses: "_Addresses") -> OperatorNetwork:
        device = new_device()
        namespace = f"{PREFIX}-{device.removeprefix('ds')}"
        run("ip", "netns", "add", namespace)
        self._stack.callback(remove_namespace, namespace)
        run(
            *("ip", "link", "add", device, "address", addresses.mac(PROBE), "type", "veth"),
            *("peer", "name", INSIDE, "address", addresses.mac(SERVER), "netns", namespace),
        )
        self._stack.callback(remove_device, device)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        for where, name, ours, theirs in (
            ((), device, PROBE, SERVER),
            (("-n", namespace), INSIDE, SERVER, PROBE),
        ):
            for address in addresses.of(ours, ipv6=self._ipv6):
                run("ip", *where, "addr", "add", *address, "dev", name)
            run("ip", *where, "link", "set", name, "up")
            for route in addresses.routes(ours, ipv6=self._ipv6):
                # Whatever this machine's default is: BBR probes by pausing, which a short test
                # would see. By route: a namespace may not choose every algorithm as its default.
                run("ip", *where, *route, "congctl", "cubic", "dev", name)
            for neighbour, *_ in addresses.of(theirs, ipv6=self._ipv6):
                # A modem asks for no neighbours, so a black hole must not make one unreachable.
                host = neighbour.partition("/")[0]
                to = ("lladdr", addresses.mac(theirs), "dev", name, "nud", "permanent")
                run("ip", *where, "neigh", "replace", host, *to)
        shaper = Shaper(
            device=device, namespace=namespace, down_mbit=link.down_mbit, up_mbit=link.up_mbit
        )
        return OperatorNetwork(
            link,
            interface=device,
            namespace=namespace,
            server_host=addresses.ipv4(SERVER),
            server_host6=addresses.ipv6(SERVER) if self._ipv6 else None,
            http_port=HTTP_PORT,
            iperf_ports=IPERF_PORTS,
            shaper=shaper,
        )


PROBE, SERVER = 1, 2
"""The ends of a pair."""


class _Addresses(NamedTuple):
    """Of one pair, the `number`th of a /24."""

    second: int
    third: int
    number: int

    def ipv4(self, end: int) -> str:
        return f"10.{self.second}.{self.third}.{4 * self.number + end}"

    def ipv6(self, end: int) -> str:
        """Of a unique local prefix (RFC 4193)."""
        return f"fd64:6f73:{self.second:x}{self.third:02x}:{self.number:x}::{end}"

    def mac(self, end: int) -> str:
        """Locally administered."""
        last = (self.second, self.third, 4 * self.number + end)
        return "02:64:73:" + ":".join(f"{byte:02x}" for byte in last)

    def of(self, end: int, *, ipv6: bool) -> list[tuple[str, ...]]:
        """As `ip addr add` takes them."""
        four, six = (f"{self.ipv4(end)}/30",), (f"{self.ipv6(end)}/64", "nodad")
        return [four, six] if ipv6 else [four]

    def routes(self, end: int, *, ipv6: bool) -> list[tuple[str, ...]]:
        """As `ip` takes them."""
        four = ("route", "replace", f"{self.ipv4(0)}/30", "src", self.ipv4(end))
        six = ("-6", "route", "replace", f"{self.ipv6(0)}/64", "src", self.ipv6(end))
        return [four, six] if ipv6 else [four]
