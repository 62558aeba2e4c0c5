"""Shaped links to measure on: what crossed them by the interface's own count, and the host's load.

The count is independent of every test: it is read at the receiver's end of the link while a test
runs, and all headers are taken off.
"""

import itertools
import os
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from drivers.traffic import NetPath, Server
from sim.network import OperatorNetwork
from wire.kinds.throughput import Direction

HEADER_BYTES = 66
"""Ethernet, IPv4 and TCP with time stamps: in each packet as an interface counts it.

A packet that the kernel hands over uncut is counted as one, with one header. A bare
acknowledgement is a header and nothing else, so it adds no payload.
"""
SAMPLE_S = 0.02
IDLE_S = 0.25
"""A longer pause ends what is counted as one transfer."""
TRIM_S = 0.3
"""Left out at both ends of a transfer, beside its warm-up."""
QUIET_S, QUIET_BYTES, QUIET_TIMEOUT_S = 0.2, 1000, 5.0
STATISTICS = Path("/sys/class/net")
JIFFIES_S = os.sysconf("SC_CLK_TCK")


def far_end(net: OperatorNetwork) -> Server:
    """The operator's server as the drivers know it."""
    return Server(host=net.server_host, http_port=net.http_port, iperf_port=net.iperf_port)


def way_out(net: OperatorNetwork) -> NetPath:
    """The operator's interface as the drivers know it."""
    return NetPath(interface=net.interface)


class Reading(NamedTuple):
    """Payload that an interface had carried at an instant."""

    at_s: float
    payload_bytes: int


def carried(interface: str, direction: Direction) -> Reading:
    """TCP payload the interface has received (down) or handed to its other end (up) so far."""
    folder = STATISTICS / interface / "statistics"
    word = "rx" if direction is Direction.DOWN else "tx"
    before_s = time.monotonic()
    packets = int((folder / f"{word}_packets").read_text())
    size = int((folder / f"{word}_bytes").read_text())
    return Reading((before_s + time.monotonic()) / 2, size - HEADER_BYTES * packets)


def wait_until_quiet(interface: str) -> None:
    """Let what the test before has left in the queues go by: else the next one shares its link."""
    until_s = time.monotonic() + QUIET_TIMEOUT_S
    before = [carried(interface, direction).payload_bytes for direction in Direction]
    while time.monotonic() < until_s:
        time.sleep(QUIET_S)
        now = [carried(interface, direction).payload_bytes for direction in Direction]
        if max(late - early for early, late in zip(before, now, strict=True)) < QUIET_BYTES:
            return
        before = now


class Crossing:
    """Reads the count of an interface while the context lasts.

    What an interface sends is counted behind its shaper, as the other end receives it.
    """

    def __init__(self, interface: str, direction: Direction) -> None:
        self._interface = interface
        self._direction = direction
        self._readings: list[Reading] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read, name="crossing", daemon=True)

    def __enter__(self) -> Self:
        self._readings.append(carried(self._interface, self._direction))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        self._readings.append(carried(self._interface, self._direction))

    @property
    def payload_bytes(self) -> int:
        """All that crossed."""
        return self._readings[-1].payload_bytes - self._readings[0].payload_bytes

    def mbit(self, warmup_s: float = 0.0) -> float | None:
        """Rate of the longest transfer, without its warm-up and its edges; None if it is short."""
        busy = _longest_transfer(self._readings)
        if not busy:
            return None
        first_s, last_s = busy[0].at_s + warmup_s + TRIM_S, busy[-1].at_s - TRIM_S
        steady = [reading for reading in busy if first_s <= reading.at_s <= last_s]
        if len(steady) < 2 or steady[-1].at_s - steady[0].at_s < 4 * TRIM_S:  # noqa: PLR2004
            return None
        carried_bytes = steady[-1].payload_bytes - steady[0].payload_bytes
        return 8 * carried_bytes / (steady[-1].at_s - steady[0].at_s) / 1e6

    def _read(self) -> None:
        while not self._done.wait(SAMPLE_S):
            self._readings.append(carried(self._interface, self._direction))


def _longest_transfer(readings: Sequence[Reading]) -> list[Reading]:
    """The readings of the transfer that carried most."""
    transfers: list[list[Reading]] = [[]]
    moved_s = float("-inf")
    for before, after in itertools.pairwise(readings):
        # A few small answers are no transfer.
        if after.payload_bytes - before.payload_bytes > QUIET_BYTES:
            if after.at_s - moved_s > IDLE_S:
                transfers.append([])
            moved_s = after.at_s
            transfers[-1].append(after)
    return max(
        transfers, key=lambda some: some[-1].payload_bytes - some[0].payload_bytes if some else 0
    )


class HostLoad(NamedTuple):
    """What the machine did while something was measured."""

    busy: float
    """Share of all cores that were not idle."""
    softirq: float
    """Share of all cores in the kernel's network work."""
    own: float
    """Cores used by this process and the children it has waited for."""
    load_average: float
    """Processes that ran or wanted to, over the last minute."""


class LoadMeter:
    """The host's load since it was made, or since it was last read."""

    def __init__(self) -> None:
        self._before = self._look()

    def read(self) -> HostLoad:
        """The load since the last time."""
        before, self._before = self._before, self._look()
        now_s, total, idle, softirq, own_s = (
            after - then for after, then in zip(self._before, before, strict=True)
        )
        total = max(total, 1.0)
        return HostLoad(
            busy=1 - idle / total,
            softirq=softirq / total,
            own=own_s / max(now_s, 1e-9),
            load_average=os.getloadavg()[0],
        )

    def _look(self) -> tuple[float, float, float, float, float]:
        words = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        jiffies = [float(word) for word in words]
        times = os.times()
        own_s = times.user + times.system + times.children_user + times.children_system
        return time.monotonic(), sum(jiffies), jiffies[3] + jiffies[4], jiffies[6], own_s


def median(values: Sequence[float | None]) -> float | None:
    """Of what is known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def machine() -> str:
    """Cores and kernel: what figures of a machine are told with."""
    return f"{os.cpu_count()} cores, Linux {os.uname().release}"
