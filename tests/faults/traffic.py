"""Every traffic test at once, each on a network of its own, and what may happen to one."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from drivers.traffic import (
    LatencyProfile,
    NetPath,
    Server,
    ThroughputProfile,
    VideoProfile,
    run_latency,
    run_throughput,
    run_video,
)
from drivers.traffic.profile import Method
from drivers.traffic.result import OnProgress, Progress, TestResult, unobserved
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks
from sim.parts import Part
from tests.faults.storm import resources
from wire.kinds.throughput import Direction

LINK_MBIT = 20
CONNECT_S = 1.0
WINDOW_S = 3
DEADLINE_S = 5.0
LATE_S = 2.0
"""No test may last longer than its deadline and this."""
GIVEN_UP_S = 30.0
FULL = 0.75
"""Share of its rate with which a link carries something."""
IPERF3_S = 1.5
"""libiperf's first interval is there after a second of its own."""
SETTLED_S = 1.0
FAR_END = Path(__file__).with_name("odd_far_end.py")
CHILD = b"drivers.traffic."
"""In the command line of every child that a test starts."""


class ShortCapacity(ThroughputProfile, frozen=True, kw_only=True, tag="throughput"):
    """A capacity test that is given up sooner than a profile's file could say."""

    @property
    def deadline_s(self) -> float:
        """From the start of the run."""
        return DEADLINE_S


def _capacity(method: Method, direction: Direction) -> ThroughputProfile | None:
    try:
        return ShortCapacity(
            name="short",
            method=method,
            direction=direction,
            streams=2,
            warmup_s=0,
            window_s=WINDOW_S,
            connect_timeout_s=CONNECT_S,
        )
    except ValueError:
        return None  # no tool does that


VIDEO = VideoProfile(
    name="short",
    height=1080,
    media_bits_per_second=20_000_000,
    target_bits_per_second=4_000_000,
    segment_s=0.5,
    segments=6,
    start_threshold_s=0.5,
    access_timeout_s=CONNECT_S,
    stall_timeout_s=1.5,
)
LATENCY = LatencyProfile(
    name="short", count=5, timeout_s=0.5, interval_s=0.3, data_bytes=20_000, data_timeout_s=1.0
)
PROFILES = {
    f"{method}-{direction}": profile
    for method in Method
    for direction in Direction
    if (profile := _capacity(method, direction)) is not None
} | {"video": VIDEO, "latency": LATENCY}
"""Of every traffic test, by the name of the network it runs on."""
IPERF3 = tuple(name for name in PROFILES if name.startswith(Method.IPERF3))


class Ended(NamedTuple):
    """How one test ended, and when."""

    result: TestResult
    took_s: float
    deadline_s: float

    @property
    def in_time(self) -> bool:
        """Whether it kept its bound."""
        return self.took_s <= self.deadline_s + LATE_S

    @property
    def has_partial_data(self) -> bool:
        """Whether what was measured before the fault is still there."""
        payload = self.result.payload
        if hasattr(payload, "rtt_ms"):
            return payload.first_rtt_ms is not None
        pieces = getattr(payload, "segments", None) or payload.intervals
        return any(piece.payload_bytes for piece in pieces)


class Leftovers(NamedTuple):
    """What the tests have left in this process."""

    descriptors: int
    threads: tuple[str, ...]
    children: tuple[int, ...]


class Weathered(NamedTuple):
    """What became of all tests under one fault."""

    ended: Mapping[str, Ended]
    left: Leftovers
    """Beyond what was there before."""


def run_one(
    name: str, server: Server, path: NetPath, on_progress: OnProgress = unobserved
) -> Ended:
    """One of the tests to its end."""
    profile = PROFILES[name]
    run = {ThroughputProfile: run_throughput, VideoProfile: run_video, LatencyProfile: run_latency}
    kind = next(kind for kind in run if isinstance(profile, kind))
    started = time.monotonic()
    result = run[kind](profile, server, path, threading.Event(), on_progress)
    return Ended(result, time.monotonic() - started, profile.deadline_s)


def weather(
    ends: Mapping[str, tuple[Server, NetPath]], fault: Callable[[str], object] | None = None
) -> Weathered:
    """Run the tests that are named, all at once; in the middle of each its fault happens."""
    before = _leftovers()
    ended: dict[str, Ended] = {}
    hit: set[str] = set()

    def watch(name: str, now: Progress) -> None:
        if fault is not None and name not in hit and _in_the_middle(name, now):
            hit.add(name)
            fault(name)

    def run(name: str) -> None:
        ended[name] = run_one(name, *ends[name], partial(watch, name))

    threads = [threading.Thread(target=run, args=(name,), daemon=True) for name in ends]
    for thread in threads:
        thread.start()
    until = time.monotonic() + GIVEN_UP_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    assert fault is None or hit == set(ends), "a test never came to its middle"
    return Weathered(ended, _settle(before))


def _in_the_middle(name: str, now: Progress) -> bool:
    """For a capacity test: the link has been full for a second, and one before that was begun."""
    if PROFILES[name] is LATENCY:
        return now.elapsed_s >= LATENCY.interval_s
    if name in IPERF3 and now.elapsed_s < IPERF3_S:
        return False
    return now.bits_per_second is not None and now.bits_per_second > FULL * LINK_MBIT * 1e6


def _leftovers() -> Leftovers:
    there = resources()
    return Leftovers(there.descriptors, there.threads, tuple(sorted(children())))


def _settle(before: Leftovers) -> Leftovers:
    """What there is more than before, once it had a moment to go away."""
    until = time.monotonic() + SETTLED_S
    while True:
        now = _leftovers()
        left = Leftovers(
            now.descriptors - before.descriptors,
            tuple(name for name in now.threads if name not in before.threads),
            tuple(child for child in now.children if child not in before.children),
        )
        if left == NOTHING or time.monotonic() > until:
            return left
        time.sleep(0.05)


NOTHING = Leftovers(0, (), ())


def children(word: str = "") -> Iterator[int]:
    """Processes that a test of ours has started, with `word` in their command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except (OSError, IndexError):
            continue  # it has ended
        if parent == os.getpid() and CHILD in command and word.encode() in command:
            yield int(folder.name)


# What follows makes networks and breaks them.


@contextmanager
def networks(names: Sequence[str]) -> Iterator[OperatorNetworks]:
    """A network for each of the tests; nothing of it answers yet."""
    with OperatorNetworks([OperatorLink(name, LINK_MBIT, LINK_MBIT) for name in names]) as nets:
        assert nets.shaped, nets.note
        try:
            yield nets
        finally:
            for name in names:
                signal_all(nets[name], signal.SIGKILL)  # also what was stopped


def serve(nets: OperatorNetworks, names: Sequence[str], folder: Path) -> dict[str, Part]:
    """The real server behind each of them, started together."""
    parts: dict[str, Part] = {}

    def start(name: str) -> None:
        parts[name] = nets[name].serve(log=folder / f"{name}.log")

    threads = [threading.Thread(target=start, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(parts) == len(names)
    return parts


def serve_everywhere(net: OperatorNetwork, folder: Path) -> None:
    """The real server at whatever address the network's far end has."""
    log = folder / f"everywhere-{net.link.name}.log"
    ports = ("--http", str(net.http_port), "--iperf", str(net.iperf_port))
    words = (sys.executable, "-m", "sim", "server", "--bind", "0.0.0.0", *ports)  # noqa: S104 - of a namespace
    part = net.run_in(words, log=log)
    part.wait_until(lambda: b'{"host"' in log.read_bytes(), "listening", 20)


def serve_oddly(nets: OperatorNetworks, names: Sequence[str], folder: Path, how: str) -> None:
    """A server that takes connections on both ports and does nothing good with them."""
    for name in names:
        net = nets[name]
        log = folder / f"{name}.log"
        ports = (str(net.http_port), str(net.iperf_port))
        part = net.run_in(["python3", str(FAR_END), how, net.server_host, *ports], log=log)
        part.wait_until(lambda log=log: b"listening" in log.read_bytes(), "listening", 20)


def ends(nets: OperatorNetworks, names: Sequence[str]) -> dict[str, tuple[Server, NetPath]]:
    """Where each test is to go, and which way."""
    return {
        name: (
            Server(
                host=nets[name].server_host,
                http_port=nets[name].http_port,
                iperf_port=nets[name].iperf_port,
            ),
            NetPath(interface=nets[name].interface),
        )
        for name in names
    }


def command(*words: str, inside: OperatorNetwork | None = None, text: str | None = None) -> None:
    """Run a command, in the network's namespace if one is given."""
    into = [] if inside is None else ["ip", "netns", "exec", inside.namespace]
    subprocess.run([*into, *words], input=text, text=True, check=True, capture_output=True)


def drop(net: OperatorNetwork, *hooks: str) -> None:
    """Let the far end lose all it receives (`input`), all it sends (`output`), or both."""
    chains = "".join(
        f"chain {hook} {{ type filter hook {hook} priority 0; policy drop; }}\n" for hook in hooks
    )
    command("nft", "-f", "-", inside=net, text=f"table inet dead {{\n{chains}}}\n")


def signal_all(net: OperatorNetwork, number: signal.Signals) -> None:
    """Send a signal to all that runs behind the network."""
    said = subprocess.run(
        ["ip", "netns", "pids", net.namespace], capture_output=True, text=True, check=True
    )
    for pid in said.stdout.split():
        try:
            os.kill(int(pid), number)
        except ProcessLookupError:
            continue


def silent_name_server(stack: ExitStack) -> None:
    """A resolver of the system that takes every question and never answers."""
    release = threading.Event()
    asked = socket.getaddrinfo

    def hang(host: str | bytes | None, *rest: object, **more: object) -> object:
        if host is not None and str(host).replace(".", "").isdecimal():
            return asked(host, *rest, **more)
        release.wait(GIVEN_UP_S)
        raise socket.gaierror(socket.EAI_AGAIN, "too late for anybody")

    socket.getaddrinfo = hang

    def restore() -> None:
        socket.getaddrinfo = asked
        release.set()

    stack.callback(restore)


def describe(ended: Ended) -> str:
    """For the message of a failed assertion."""
    payload = msgspec.json.encode(ended.result.payload).decode()[:600]
    return f"{ended.result.outcome} {ended.result.reason} after {ended.took_s:.1f} s: {payload}"
