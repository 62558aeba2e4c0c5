"""How true a measured rate is: to the link's shaped rate, and to what `iperf3 -J` says of it.

Each rate is a network namespace of its own, shaped with tbf; a rate is TCP payload. The ways of
measuring take turns on a link, in the same run. Beside them stands what the receiving interface
counted meanwhile, which says how true the shaper is. Needs root.
"""

import argparse
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.links import (
    Crossing,
    HostLoad,
    LoadMeter,
    far_end,
    machine,
    median,
    wait_until_quiet,
    way_out,
)
from drivers.traffic import ThroughputProfile, VideoProfile
from drivers.traffic.profile import Method
from drivers.traffic.throughput import run_throughput
from drivers.traffic.video import run_video
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks
from wire.kinds.throughput import Direction

RATES_MBIT = (5.0, 25.0, 40.0, 100.0, 300.0, 1000.0)
QUICK_RATES_MBIT = (5.0, 100.0)
VIDEO_RATES_MBIT = (5.0, 25.0, 60.0)
QUICK_VIDEO_RATES_MBIT = (25.0,)
STREAMS = 6
WARMUP_S = 2
WINDOW_S = 5
REPEAT = 3
VIDEO_SEGMENTS = 5
VIDEO_S = 6.0
"""Of outstanding time at the shaped rate."""
COMMAND_SLACK_S = 30.0
TOGETHER_MBIT = 250.0
"""Links whose rates sum to no more are measured at the same time, each for itself."""

TO_LINK, TO_IPERF3, VIDEO_TO_LINK = 0.01, 0.005, 0.03
"""What is promised: largest relative error of a median."""
REFERENCE = "iperf3 -J"


class Run(NamedTuple):
    """One test of one link."""

    mbit: float | None
    """What it said; None where it failed."""
    reason: str | None
    """Why it did."""
    crossed_mbit: float | None
    """What the receiving interface counted meanwhile."""
    load: HostLoad


class Row(NamedTuple):
    """One way of measuring one link."""

    link_mbit: float
    way: str
    direction: str
    runs: tuple[Run, ...]
    allowed: float
    """Largest relative error to the link that is promised."""
    reference_mbit: float | None
    """Median of `iperf3 -J` in the same run, where it can do the same."""

    @property
    def mbit(self) -> float | None:
        """Median; None when a test failed."""
        rates = [run.mbit for run in self.runs]
        return None if None in rates else median(rates)

    @property
    def crossed(self) -> float | None:
        """Median of the interface's count to the link's rate, less 1: the shaper's own error."""
        found = median([run.crossed_mbit for run in self.runs])
        return None if found is None else found / self.link_mbit - 1

    @property
    def error(self) -> float | None:
        """Of the median to the link's rate."""
        return None if self.mbit is None else self.mbit / self.link_mbit - 1

    @property
    def worst(self) -> float | None:
        """Largest error of one test, with its sign."""
        errors = [run.mbit / self.link_mbit - 1 for run in self.runs if run.mbit is not None]
        return max(errors, key=abs, default=None)

    @property
    def to_reference(self) -> float | None:
        """Error of the median to the reference's."""
        if self.reference_mbit is None or self.mbit is None:
            return None
        return self.mbit / self.reference_mbit - 1

    @property
    def busy(self) -> float:
        """Median share of the machine's cores that were busy."""
        return median([run.load.busy for run in self.runs]) or 0.0

    @property
    def is_ours(self) -> bool:
        """Whether a promise is made for it."""
        return self.way != REFERENCE

    @property
    def kept(self) -> bool:
        """Whether it is within what is promised."""
        if self.error is None or abs(self.error) > self.allowed:
            return False
        return self.to_reference is None or abs(self.to_reference) <= TO_IPERF3


class Said(NamedTuple):
    """What a test says: a rate, or why there is none."""

    mbit: float | None
    reason: str | None = None


class _Way(NamedTuple):
    name: str
    direction: Direction
    measure: Callable[[], Said]
    allowed: float = TO_LINK
    warmup_s: float = WARMUP_S


def run(arguments: Sequence[str]) -> int:
    """Measure and print; 1 if something is not within the promise, 2 without root."""
    options = _options(arguments)
    if os.geteuid() != 0:
        print("needs root: it makes network namespaces and shapes their links")
        return 2
    rows = sorted(
        measure(options.rates, options.video_rates, options.window, options.repeat),
        key=lambda row: row.link_mbit,
    )
    broken = [row for row in rows if row.is_ours and not row.kept]
    if options.json:
        print(json.dumps({"throughput_accuracy": _as_json(rows)}))
    else:
        _print(rows, broken)
    return int(bool(broken))


def measure(
    rates_mbit: Sequence[float], video_rates_mbit: Sequence[float], window_s: int, repeat: int
) -> Iterator[Row]:
    """Rows for every rate and way of measuring."""
    every = sorted({*rates_mbit, *video_rates_mbit})
    links = [OperatorLink(f"{rate:g}", rate, rate) for rate in every]
    with (
        tempfile.TemporaryDirectory(prefix="dosong-bench-") as folder,
        OperatorNetworks(links) as nets,
    ):
        for link in links:
            nets[link.name].serve(log=Path(folder, f"{link.name}.log"))
        for group in _together(links):
            yield from _measure_together(
                [
                    (
                        nets[link.name],
                        list(_ways(nets[link.name], rates_mbit, video_rates_mbit, window_s)),
                    )
                    for link in group
                ],
                repeat,
            )


def by_capacity_test(
    net: OperatorNetwork, direction: Direction, method: Method, window_s: int
) -> Said:
    """A link's rate by our own capacity test."""
    profile = _profile(direction, method, window_s)
    result = run_throughput(profile, far_end(net), way_out(net), threading.Event())
    return _said(result.reason, result.payload.bits_per_second)


def by_iperf3(net: OperatorNetwork, direction: Direction, window_s: int) -> Said:
    """The same by the iperf3 command."""
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
        return Said(None, str(report["error"]))
    return Said(float(report["end"]["sum_received"]["bits_per_second"]) / 1e6)


def by_video(net: OperatorNetwork) -> Said:
    """Download rate over outstanding time of a session that loads the link."""
    bit_s = round(net.link.down_mbit * 1e6)
    profile = VideoProfile(
        height=2160,
        media_bits_per_second=bit_s,
        target_bits_per_second=bit_s,
        segment_s=VIDEO_S / VIDEO_SEGMENTS,
        segments=VIDEO_SEGMENTS,
    )
    result = run_video(profile, far_end(net), way_out(net), threading.Event())
    return _said(result.reason, result.payload.bits_per_second)


def _said(reason: str | None, bits_per_second: float | None) -> Said:
    if reason is not None or bits_per_second is None:
        return Said(None, reason or "no rate")
    return Said(bits_per_second / 1e6)


def _profile(direction: Direction, method: Method, window_s: int) -> ThroughputProfile:
    """Raises ValueError where no tool can do that."""
    return ThroughputProfile(
        method=method,
        direction=direction,
        streams=STREAMS,
        warmup_s=WARMUP_S,
        window_s=window_s,
    )


def _ways(
    net: OperatorNetwork,
    rates_mbit: Sequence[float],
    video_rates_mbit: Sequence[float],
    window_s: int,
) -> Iterator[_Way]:
    rate_mbit = net.link.down_mbit
    if rate_mbit in video_rates_mbit:
        video = partial(by_video, net)
        yield _Way("our video session", Direction.DOWN, video, VIDEO_TO_LINK, warmup_s=0.0)
    if rate_mbit not in rates_mbit:
        return
    for direction in Direction:
        child = partial(by_capacity_test, net, direction, Method.IPERF3, window_s)
        yield _Way("our iperf3 child", direction, child)
        yield _Way(REFERENCE, direction, partial(by_iperf3, net, direction, window_s))
        try:
            _profile(direction, Method.HTTP, window_s)
        except ValueError:
            continue
        web = partial(by_capacity_test, net, direction, Method.HTTP, window_s)
        yield _Way("our HTTP test", direction, web)


def _together(links: Sequence[OperatorLink]) -> list[list[OperatorLink]]:
    """The small ones at once, so that they need not take turns; a big one for itself."""
    groups: list[list[OperatorLink]] = [[]]
    for link in sorted(links, key=lambda link: link.down_mbit):
        if groups[-1] and sum(each.down_mbit for each in [*groups[-1], link]) > TOGETHER_MBIT:
            groups.append([])
        groups[-1].append(link)
    return groups


def _measure_together(
    links: Sequence[tuple[OperatorNetwork, Sequence[_Way]]], repeat: int
) -> Iterator[Row]:
    found: dict[float, list[list[Run]]] = {}

    def measure_one(net: OperatorNetwork, ways: Sequence[_Way]) -> None:
        found[net.link.down_mbit] = [[] for _ in ways]
        for _ in range(repeat):
            for way, runs in zip(ways, found[net.link.down_mbit], strict=True):
                runs.append(_run_once(net, way))

    threads = [threading.Thread(target=measure_one, args=each) for each in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for net, ways in links:
        yield from _rows(net.link.down_mbit, ways, found[net.link.down_mbit])


def _run_once(net: OperatorNetwork, way: _Way) -> Run:
    interface = net.interface or "lo"
    wait_until_quiet(interface)
    load = LoadMeter()
    with Crossing(interface, way.direction) as crossing:
        said = way.measure()
    return Run(*said, crossing.mbit(way.warmup_s), load.read())


def _rows(link_mbit: float, ways: Sequence[_Way], found: Sequence[list[Run]]) -> Iterator[Row]:
    references = {
        way.direction: median([run.mbit for run in runs])
        for way, runs in zip(ways, found, strict=True)
        if way.name == REFERENCE
    }
    for way, runs in zip(ways, found, strict=True):
        comparable = way.name != REFERENCE and way.allowed == TO_LINK
        yield Row(
            link_mbit,
            way.name,
            way.direction.value,
            tuple(runs),
            way.allowed,
            references.get(way.direction) if comparable else None,
        )


def _print(rows: Sequence[Row], broken: Sequence[Row]) -> None:
    print(machine())
    print(
        f"{'link':>6} {'measured by':<18} {'way':<5} {'Mbit/s':>9} {'to link':>8} {'worst':>8}"
        f" {'to iperf3':>9} {'shaper':>8} {'busy':>5}  promise"
    )
    for row in rows:
        rate = "failed" if row.mbit is None else f"{row.mbit:.3f}"
        promise = ("kept" if row.kept else "NOT KEPT") if row.is_ours else "-"
        print(
            f"{row.link_mbit:>6g} {row.way:<18} {row.direction:<5} {rate:>9}"
            f" {_percent(row.error):>8} {_percent(row.worst):>8} {_percent(row.to_reference):>9}"
            f" {_percent(row.crossed):>8} {100 * row.busy:>4.0f}%  {promise}"
        )
        for run in row.runs:
            if run.reason is not None:
                print(f"{'':>6} {run.reason}")
    print(
        f"promised, of medians: {TO_LINK:.1%} to the link, {TO_IPERF3:.1%} to iperf3 in the same"
        f" run, video {VIDEO_TO_LINK:.0%}; shaper: the receiving interface's own count to the link"
    )
    print("all kept" if not broken else f"{len(broken)} not kept")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:+.2f}%"


def _as_json(rows: Sequence[Row]) -> dict[str, object]:
    return {
        "machine": machine(),
        "rows": [
            {
                **row._asdict(),
                "runs": [{**run._asdict(), "load": run.load._asdict()} for run in row.runs],
                "mbit": row.mbit,
                "error": row.error,
                "worst": row.worst,
                "to_reference": row.to_reference,
                "crossed": row.crossed,
                "kept": row.kept,
            }
            for row in rows
        ],
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks throughput_accuracy")
    rates = {"type": _rates, "metavar": "MBIT,...", "default": None}
    parser.add_argument("--rates", help="of the capacity tests, in Mbit/s", **rates)
    parser.add_argument("--video-rates", help="of the video sessions, in Mbit/s", **rates)
    parser.add_argument("--window", type=int, default=WINDOW_S, help="seconds that count")
    parser.add_argument("--repeat", type=int, default=None, help="tests of each kind")
    parser.add_argument("--quick", action="store_true", help="two rates, one test of each kind")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    quick = options.quick
    if options.rates is None:
        options.rates = QUICK_RATES_MBIT if quick else RATES_MBIT
    if options.video_rates is None:
        options.video_rates = QUICK_VIDEO_RATES_MBIT if quick else VIDEO_RATES_MBIT
    if options.repeat is None:
        options.repeat = 1 if quick else REPEAT
    return options


def _rates(text: str) -> list[float]:
    return [float(rate) for rate in text.split(",") if rate]
