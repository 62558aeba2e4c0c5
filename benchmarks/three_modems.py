"""Three modems that test at once: each gets its own rate, and no byte goes by another's interface.

Three network namespaces, each shaped to a rate of its own. Needs root.
"""

import argparse
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.links import Crossing, LoadMeter, far_end, machine, wait_until_quiet, way_out
from drivers.traffic import ThroughputProfile, VideoProfile
from drivers.traffic.profile import Method
from drivers.traffic.throughput import run_throughput
from drivers.traffic.video import run_video
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks
from wire.kinds.throughput import Direction

RATES_MBIT = (25.0, 60.0, 100.0)
REPEAT = 3
STREAMS = 6
WARMUP_S = 1
WINDOW_S = 5
VIDEO_SEGMENTS = 5
PROMISED = 0.02
"""Largest relative error of a rate while the others test."""
BESIDE = 0.01
"""Of the payload: words of HTTP and iperf3."""
UNDER_WAY_BYTES = STREAMS * (1 << 19)
"""What is written and not sent, or sent and not read, when a test ends: a window and more."""
STRAY_BYTES = 20_000
"""What the kernel says on an interface of its own accord: ARP, and for IPv6."""


class Row(NamedTuple):
    """One test of one modem."""

    link_mbit: float
    test: str
    alone: bool
    """Whether the other modems were silent meanwhile."""
    mbit: float | None
    """None: it failed."""
    reason: str | None
    claimed_bytes: int
    """Payload of the whole test, warm-up included, as the test counts it."""
    crossed_bytes: int
    """As the modem's interface counts it."""
    stray_bytes: tuple[int, ...]
    """What the other interfaces carried while they should have been silent."""

    @property
    def error(self) -> float | None:
        """To the link's rate."""
        return None if self.mbit is None else self.mbit / self.link_mbit - 1

    @property
    def surplus_bytes(self) -> int:
        """What the interface carried beyond the test's payload; upwards some is not sent yet."""
        return self.crossed_bytes - self.claimed_bytes

    @property
    def kept(self) -> bool:
        """Whether rate and path are as promised."""
        spare = BESIDE * self.claimed_bytes + UNDER_WAY_BYTES
        return (
            self.error is not None
            and abs(self.error) <= PROMISED
            and abs(self.crossed_bytes - self.claimed_bytes) <= spare
            and all(stray <= STRAY_BYTES for stray in self.stray_bytes)
        )


class _Measured(NamedTuple):
    mbit: float | None
    reason: str | None
    claimed_bytes: int


class _Test(NamedTuple):
    name: str
    direction: Direction
    measure: Callable[[OperatorNetwork], _Measured]


def run(arguments: Sequence[str]) -> int:
    """Measure and print; 1 if something is not as promised, 2 without root."""
    options = _options(arguments)
    if os.geteuid() != 0:
        print("needs root: it makes network namespaces and shapes their links")
        return 2
    load = LoadMeter()
    rows = list(measure(options.rates, options.repeat))
    busy = load.read().busy
    broken = [row for row in rows if not row.kept]
    if options.json:
        found = [{**row._asdict(), "error": row.error, "kept": row.kept} for row in rows]
        print(json.dumps({"three_modems": {"machine": machine(), "busy": busy, "rows": found}}))
        return int(bool(broken))
    print(machine())
    print(
        f"{'link':>6} {'test':<13} {'others':<7} {'Mbit/s':>9} {'error':>8} {'beside, kB':>10}"
        f" {'stray, B':>10}"
    )
    for row in rows:
        rate = row.reason if row.mbit is None else f"{row.mbit:.3f}"
        others, mark = "silent" if row.alone else "test", "" if row.kept else " NOT KEPT"
        error = "-" if row.error is None else f"{row.error:+.2%}"
        stray = "+".join(map(str, row.stray_bytes)) if row.alone else "-"
        print(
            f"{row.link_mbit:>6g} {row.test:<13} {others:<7} {rate:>9}"
            f" {error:>8} {row.surplus_bytes / 1e3:>+10.0f} {stray:>10} {mark}"
        )
    worst = max((abs(row.error) for row in rows if row.error is not None), default=0.0)
    print(
        f"promised: {PROMISED:.0%}, worst {worst:.2%}; beside: carried by the interface beyond the"
        f" test's payload; stray: bytes on the others' interfaces; cores busy {busy:.0%}"
    )
    print("all kept" if not broken else f"{len(broken)} of {len(rows)} not kept")
    return int(bool(broken))


def measure(rates_mbit: Sequence[float], repeat: int) -> Iterator[Row]:
    """Each modem alone once, then all at once as often as asked."""
    links = [OperatorLink(f"{rate:g}", rate, rate) for rate in rates_mbit]
    with (
        tempfile.TemporaryDirectory(prefix="dosong-bench-") as folder,
        OperatorNetworks(links) as networks,
    ):
        nets = [networks[link.name] for link in links]
        for net in nets:
            net.serve(log=Path(folder, f"{net.link.name}.log"))
        for net in nets:
            yield _alone(net, [other for other in nets if other is not net])
        for _ in range(repeat):
            for test in _TESTS:
                yield from _together(nets, test)


def _alone(net: OperatorNetwork, others: Sequence[OperatorNetwork]) -> Row:
    # Bytes as they are, headers and all: a silent interface has none of either.
    paths = [way_out(other) for other in others]
    before = [_all_bytes(path.interface) for path in paths]
    row = _one(net, _TESTS[0], alone=True)
    after = [_all_bytes(path.interface) for path in paths]
    stray = tuple(late - early for early, late in zip(before, after, strict=True))
    return row._replace(stray_bytes=stray)


def _all_bytes(interface: str | None) -> int:
    folder = Path("/sys/class/net", interface or "lo", "statistics")
    return sum(int((folder / f"{word}_bytes").read_text()) for word in ("rx", "tx"))


def _together(nets: Sequence[OperatorNetwork], test: _Test) -> list[Row]:
    rows: dict[float, Row] = {}
    start = threading.Barrier(len(nets))

    def work(net: OperatorNetwork) -> None:
        start.wait()
        rows[net.link.down_mbit] = _one(net, test, alone=False)

    threads = [threading.Thread(target=work, args=(net,)) for net in nets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [rows[net.link.down_mbit] for net in nets]


def _one(net: OperatorNetwork, test: _Test, *, alone: bool) -> Row:
    wait_until_quiet(net.interface or "lo")
    with Crossing(net.interface or "lo", test.direction) as crossing:
        measured = test.measure(net)
    return Row(
        net.link.down_mbit, test.name, alone, *measured, crossing.payload_bytes, stray_bytes=()
    )


def _capacity(direction: Direction, method: Method, net: OperatorNetwork) -> _Measured:
    profile = ThroughputProfile(
        method=method,
        direction=direction,
        streams=STREAMS,
        warmup_s=WARMUP_S,
        window_s=WINDOW_S,
    )
    result = run_throughput(profile, far_end(net), way_out(net), threading.Event())
    payload = result.payload
    good = result.reason is None and payload.bits_per_second is not None
    rate = (payload.bits_per_second or 0.0) / 1e6 if good else None
    return _Measured(rate, result.reason, payload.total_payload_bytes or 0)


def _video(net: OperatorNetwork) -> _Measured:
    bit_s = round(net.link.down_mbit * 1e6)
    profile = VideoProfile(
        height=2160,
        media_bits_per_second=bit_s,
        target_bits_per_second=bit_s,
        segment_s=WINDOW_S / VIDEO_SEGMENTS,
        segments=VIDEO_SEGMENTS,
    )
    result = run_video(profile, far_end(net), way_out(net), threading.Event())
    payload = result.payload
    good = result.reason is None and payload.bits_per_second is not None
    rate = (payload.bits_per_second or 0.0) / 1e6 if good else None
    return _Measured(rate, result.reason, payload.payload_bytes or 0)


_TESTS = (
    _Test("iperf3, down", Direction.DOWN, partial(_capacity, Direction.DOWN, Method.IPERF3)),
    _Test("iperf3, up", Direction.UP, partial(_capacity, Direction.UP, Method.IPERF3)),
    _Test("HTTP, down", Direction.DOWN, partial(_capacity, Direction.DOWN, Method.HTTP)),
    _Test("video", Direction.DOWN, _video),
)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks three_modems")
    parser.add_argument(
        "--rates",
        type=lambda text: [float(rate) for rate in text.split(",")],
        default=list(RATES_MBIT),
        metavar="MBIT,...",
        help="of the three links",
    )
    parser.add_argument("--repeat", type=int, default=None, help="of the tests at once")
    parser.add_argument("--quick", action="store_true", help="once")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if options.repeat is None:
        options.repeat = 1 if options.quick else REPEAT
    return options
