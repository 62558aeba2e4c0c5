"""How well a measured rate agrees with the rate of the link, beside what `iperf3 -J` says of it.

Each rate is a network namespace of its own, shaped with tbf; a rate is TCP payload. Needs root.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from drivers.traffic import NetPath, Server, ThroughputProfile, VideoProfile
from drivers.traffic.profile import Direction, Method
from drivers.traffic.throughput import run_throughput
from drivers.traffic.video import run_video
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks

RATES_MBIT = (20.0, 60.0, 200.0)
STREAMS = 6
WARMUP_S = 2
WINDOW_S = 10
VIDEO_S = 5.0
"""Of outstanding time at the shaped rate."""
VIDEO_SEGMENTS = 5
COMMAND_SLACK_S = 30.0


class Row(NamedTuple):
    """One way of measuring one link."""

    link_mbit: float
    method: str
    measured_mbit: tuple[float | None, ...]
    """One a repetition; None where the test failed."""

    @property
    def mean_mbit(self) -> float | None:
        """Of the repetitions that gave a rate."""
        good = [rate for rate in self.measured_mbit if rate is not None]
        return statistics.fmean(good) if good else None

    @property
    def worst_error(self) -> float | None:
        """Largest relative deviation from the link's rate, with its sign."""
        good = [rate for rate in self.measured_mbit if rate is not None]
        if len(good) < len(self.measured_mbit):
            return None
        return max((rate / self.link_mbit - 1 for rate in good), key=abs, default=None)


def run(arguments: Sequence[str]) -> int:
    """Measure and print; 1 if a test failed, 2 without root."""
    options = _options(arguments)
    if os.geteuid() != 0:
        print("needs root: it makes network namespaces and shapes their links")
        return 2
    rows = list(measure(options.rates, options.window, options.repeat))
    if options.json:
        print(json.dumps({"throughput_accuracy": [row._asdict() for row in rows]}))
    else:
        print(f"{'link':>8} {'measured by':<24} {'Mbit/s':>10} {'worst error':>12}")
        for row in rows:
            mean = "failed" if row.mean_mbit is None else f"{row.mean_mbit:.3f}"
            error = "-" if row.worst_error is None else f"{100 * row.worst_error:+.2f} %"
            print(f"{row.link_mbit:>8g} {row.method:<24} {mean:>10} {error:>12}")
    return int(any(row.worst_error is None for row in rows))


def measure(rates_mbit: Sequence[float], window_s: int, repeat: int) -> Iterator[Row]:
    """Rows for every rate and method, one test at a time."""
    links = [OperatorLink(f"{rate:g}", rate, rate) for rate in rates_mbit]
    with (
        tempfile.TemporaryDirectory(prefix="dosong-bench-") as folder,
        OperatorNetworks(links) as nets,
    ):
        for link in links:
            net = nets[link.name]
            net.serve(log=Path(folder, f"{link.name}.log"))
            for name, method in _methods(net, window_s):
                yield Row(link.down_mbit, name, tuple(method() for _ in range(repeat)))


def driver_mbit(
    net: OperatorNetwork, direction: Direction, method: Method, window_s: int
) -> float | None:
    """A link's rate by our own capacity test; None if it failed."""
    profile = ThroughputProfile(
        method=method,
        direction=direction,
        streams=STREAMS,
        warmup_s=WARMUP_S,
        window_s=window_s,
    )
    result = run_throughput(
        profile, far_end(net), NetPath(interface=net.interface), threading.Event()
    )
    rate = result.payload.bits_per_second
    return rate / 1e6 if result.reason is None and rate is not None else None


def command_mbit(net: OperatorNetwork, direction: Direction, window_s: int) -> float | None:
    """The same by the iperf3 command; None if it failed."""
    done = subprocess.run(
        [
            *("iperf3", "-J", "-c", net.server_host, "-p", str(net.iperf_port)),
            *("-P", str(STREAMS), "-O", str(WARMUP_S), "-t", str(window_s)),
            *(["-R"] if direction is Direction.DOWN else []),
        ],
        capture_output=True,
        timeout=WARMUP_S + window_s + COMMAND_SLACK_S,
        check=False,
    )
    report = json.loads(done.stdout)
    if "error" in report:
        return None
    return float(report["end"]["sum_received"]["bits_per_second"]) / 1e6


def video_mbit(net: OperatorNetwork) -> float | None:
    """Download rate over outstanding time of a session that loads the link; None if it failed."""
    profile = VideoProfile(
        height=2160,
        media_bits_per_second=round(net.link.down_mbit * 1e6),
        target_bits_per_second=round(net.link.down_mbit * 1e6),
        segment_s=VIDEO_S / VIDEO_SEGMENTS,
        segments=VIDEO_SEGMENTS,
    )
    result = run_video(profile, far_end(net), NetPath(interface=net.interface), threading.Event())
    rate = result.payload.bits_per_second
    return rate / 1e6 if result.reason is None and rate is not None else None


def far_end(net: OperatorNetwork) -> Server:
    """The operator's server as the drivers know it."""
    return Server(host=net.server_host, http_port=net.http_port, iperf_port=net.iperf_port)


def _methods(
    net: OperatorNetwork, window_s: int
) -> Iterator[tuple[str, Callable[[], float | None]]]:
    # First, because a capacity test leaves a full queue behind for a moment.
    yield "our video session", partial(video_mbit, net)
    for direction in Direction:
        yield (
            f"our iperf3 child, {direction}",
            partial(driver_mbit, net, direction, Method.IPERF3, window_s),
        )
        yield f"iperf3 -J, {direction}", partial(command_mbit, net, direction, window_s)
    yield (
        "our HTTP test, down",
        partial(driver_mbit, net, Direction.DOWN, Method.HTTP, window_s),
    )


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks throughput_accuracy")
    parser.add_argument(
        "--rates",
        type=lambda text: [float(rate) for rate in text.split(",")],
        default=list(RATES_MBIT),
        metavar="MBIT,...",
        help="shaped rates in Mbit/s (default 20,60,200)",
    )
    parser.add_argument("--window", type=int, default=WINDOW_S, help="seconds that count")
    parser.add_argument("--repeat", type=int, default=1, help="tests of each kind")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args(arguments)
