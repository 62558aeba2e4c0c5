"""Mobile operators as network namespaces: a veth pair each, shaped to a stated rate.

The host end of a pair is what a modem's interface is to a probe, the server stands behind it. A
rate is TCP payload, as the tests state it, so the shaper gets the headers on top. As a normal user
everything is plain loopback, unshaped, and `note` says so.
"""

import itertools
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from sim.parts import Part, ReservedPort, find_command

_log = logging.getLogger(__name__)

HTTP_PORT = 8080
IPERF_PORT = 5201
NAMESPACES = Path("/run/netns")
PREFIX = "dosong"
DEVICE = re.compile(r"ds(\d+)-\d+")
INSIDE = "uplink"
"""The pair's end in the namespace."""
FRAME_BYTES, SEGMENT_BYTES = 1514, 1448
"""A full Ethernet frame as the shaper counts it, and the TCP payload in it (with time stamps)."""
BURST_S = 0.01
"""A busy machine wakes the shaper late; what it may catch up."""
WINDOW_S = 0.04
MIN_WINDOW_BYTES = 1 << 17
QUEUED_WINDOWS = 16
"""No loss up to so many connections: each is held to one window, so nothing overruns the queue."""
COMMAND_TIMEOUT_S = 10.0
READY_TIMEOUT_S = 20.0
SUBNETS = 1 << 14
UNSHAPED = "the operators share the loopback interface, and no rate is shaped"

_serial = itertools.count()


class NetworkError(RuntimeError):
    """The kernel refused a piece of the network: `command` and what it said."""

    def __init__(self, command: str, said: str) -> None:
        """Keep both fields."""
        super().__init__(f"{command}: {said}")
        self.command = command
        self.said = said


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
        iperf_port: int,
    ) -> None:
        self.link = link
        self.interface = interface
        self.namespace = namespace
        self.server_host = server_host
        self.http_port = http_port
        self.iperf_port = iperf_port
        self._parts = ExitStack()

    def run_in(self, arguments: Sequence[str], *, log: Path) -> Part:
        """Start a command on the operator's side; it ends with the network."""
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace is not None else []
        if inside:
            inside[0] = find_command("ip")
        name = f"{Path(arguments[0]).name} of {self.link.name}"
        return self._parts.enter_context(Part(name, [*inside, *arguments], log=log))

    def serve(self, *, log: Path) -> Part:
        """Run `dosong-sim server` on both ports; returns when it listens."""
        said_before = log.stat().st_size if log.exists() else 0
        server = self.run_in(
            [
                *(sys.executable, "-m", "sim", "server", "--bind", self.server_host),
                *("--http", str(self.http_port), "--iperf", str(self.iperf_port)),
            ],
            log=log,
        )
        server.wait_until(
            lambda: b'{"host"' in log.read_bytes()[said_before:], "listening", READY_TIMEOUT_S
        )
        return server

    def close(self) -> None:
        """End what runs on the operator's side; idempotent."""
        self._parts.close()


class OperatorNetworks:
    """Some operators side by side; a context manager that leaves nothing behind."""

    def __init__(self, links: Sequence[OperatorLink]) -> None:
        """Nothing is made before the context begins."""
        self._links = tuple(links)
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
            subnet, numbers = _free_subnet(), itertools.count()
            self._make(lambda link: self._shaped(link, subnet, next(numbers)))
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
        http, iperf = (self._stack.enter_context(ReservedPort()) for _ in range(2))
        return OperatorNetwork(
            link,
            interface=None,
            namespace=None,
            server_host="127.0.0.1",
            http_port=http.number,
            iperf_port=iperf.number,
        )

    def _shaped(self, link: OperatorLink, subnet: str, number: int) -> OperatorNetwork:
        serial = next(_serial)
        namespace = f"{PREFIX}-{os.getpid()}-{serial}"
        device = f"ds{os.getpid()}-{serial}"
        probe, server = (f"{subnet}.{4 * number + end}" for end in (1, 2))
        _run("ip", "netns", "add", namespace)
        self._stack.callback(_remove_namespace, namespace)
        _run(
            *("ip", "link", "add", device, "type", "veth"),
            *("peer", "name", INSIDE, "netns", namespace),
        )
        self._stack.callback(_remove_device, device)
        for command in (
            ("addr", "add", f"{server}/30", "dev", INSIDE),
            ("link", "set", INSIDE, "up"),
            ("link", "set", "lo", "up"),
        ):
            _run("ip", "-n", namespace, *command)
        _run("ip", "addr", "add", f"{probe}/30", "dev", device)
        _run("ip", "link", "set", device, "up")
        # Whatever this machine's default is: BBR probes by pausing, which a short test would see.
        # By route, because a namespace may not choose every algorithm as its default.
        route = ("route", "replace", f"{subnet}.{4 * number}/30", "congctl", "cubic")
        _run("ip", *route, "dev", device, "src", probe)
        _run("ip", "-n", namespace, *route, "dev", INSIDE, "src", server)
        _bound_windows(namespace, down_mbit=link.down_mbit, up_mbit=link.up_mbit)
        _shape(link.down_mbit, INSIDE, namespace)
        _shape(link.up_mbit, device)
        return OperatorNetwork(
            link,
            interface=device,
            namespace=namespace,
            server_host=server,
            http_port=HTTP_PORT,
            iperf_port=IPERF_PORT,
        )


def remove_leftovers() -> None:
    """Remove namespaces and devices whose maker was killed, and what still runs in them."""
    namespaces = sorted(NAMESPACES.glob(f"{PREFIX}-*-*")) if NAMESPACES.is_dir() else []
    for namespace in namespaces:
        maker = namespace.name.split("-")[1]
        if maker.isdecimal() and not Path(f"/proc/{maker}").exists():
            _log.info("removing %s, left behind by process %s", namespace.name, maker)
            _remove_leftover(_remove_namespace, namespace.name)
    for device in _devices():
        found = DEVICE.fullmatch(device)
        if found is not None and not Path(f"/proc/{found[1]}").exists():
            _remove_leftover(_remove_device, device)


def _remove_leftover(remove: Callable[[str], None], name: str) -> None:
    """Remove it, unless somebody else is just doing so; in no case is it a reason to fail."""
    try:
        remove(name)
    except NetworkError as error:
        _log.warning("%s was left behind and is not removed: %s", name, error)


def _window_bytes(mbit: float) -> int:
    return max(MIN_WINDOW_BYTES, round(mbit * 1e6 / 8 * WINDOW_S))


def _bound_windows(namespace: str, *, down_mbit: float, up_mbit: float) -> None:
    """Hold each connection to about a window in flight, from the server's side of both ways."""
    send, receive = _window_bytes(down_mbit), _window_bytes(up_mbit)
    settings = {
        "tcp_wmem": f"4096 16384 {send}",
        "tcp_rmem": f"4096 {MIN_WINDOW_BYTES} {receive}",
    }
    for name, value in settings.items():
        write = f"echo '{value}' > /proc/sys/net/ipv4/{name}"
        _run("ip", "netns", "exec", namespace, "sh", "-c", write)


def _shape(mbit: float, device: str, namespace: str | None = None) -> None:
    wire_bit_s = round(mbit * 1e6 * FRAME_BYTES / SEGMENT_BYTES)
    burst_bytes = max(4 * FRAME_BYTES, round(wire_bit_s / 8 * BURST_S))
    limit_bytes = QUEUED_WINDOWS * _window_bytes(mbit)
    _run(
        *("tc", *([] if namespace is None else ["-n", namespace])),
        *("qdisc", "replace", "dev", device, "root", "tbf"),
        *("rate", f"{wire_bit_s}bit", "burst", f"{burst_bytes}b", "limit", f"{limit_bytes}b"),
    )


def _free_subnet() -> str:
    """Three bytes of a /24 in 10.64.0.0/10 that no interface here uses."""
    interfaces = json.loads(_run("ip", "-j", "-4", "addr"))
    used = {
        address["local"].rpartition(".")[0]
        for interface in interfaces
        for address in interface.get("addr_info", [])
    }
    for step in range(SUBNETS):
        number = (os.getpid() + step) % SUBNETS
        subnet = f"10.{64 + (number >> 8)}.{number & 255}"
        if subnet not in used:
            return subnet
    raise NetworkError("ip addr", "no free subnet in 10.64.0.0/10")


def _devices() -> list[str]:
    return [entry.name for entry in Path("/sys/class/net").iterdir()]


def _remove_device(device: str) -> None:
    if Path("/sys/class/net", device).exists():
        _run("ip", "link", "del", device)


def _remove_namespace(namespace: str) -> None:
    """Remove a namespace with all processes in it."""
    if not (NAMESPACES / namespace).exists():
        return
    for pid in _run("ip", "netns", "pids", namespace).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
    _run("ip", "netns", "del", namespace)


def _run(*command: str) -> str:
    """Output of a command of iproute2; raises `NetworkError`."""
    words = " ".join(command)
    try:
        done = subprocess.run(  # noqa: S603 - arguments are ours
            [find_command(command[0]), *command[1:]],
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NetworkError(words, str(error)) from error
    if done.returncode != 0:
        raise NetworkError(words, done.stderr.strip())
    return done.stdout
