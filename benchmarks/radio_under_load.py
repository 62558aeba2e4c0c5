"""Whether the radio is looked at each second while all modems test: a real agent, from its rows.

`dosong-agent run` with three simulated modems, each with the interface of its own shaped network,
and tests back to back on all of them. Afterwards its outbox is read: one row for each second and
modem, and when the look was begun. Needs root.
"""

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from benchmarks.links import JIFFIES_S, LoadMeter, machine
from sim.demo.toml import Table, toml
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks
from sim.parts import Part, find_command
from sim.world import demo_world, save_world
from wire.codec import decode_record, unpack_line
from wire.messages import AnyMeasurement, Outcome

LINKS = (
    OperatorLink("viettel", 100, 50),
    OperatorLink("vinaphone", 60, 30),
    OperatorLink("mobifone", 25, 10),
)
DURATION_S = 150.0
QUICK_S = 30.0
SETTLED_S = 8.0
"""What the agent takes to open its modems."""
PERIOD_NS = 1_000_000_000
ON_TIME_NS = 100_000_000
PROMISED = 0.99
OPENING_TICKS = 5
"""After its first look a modem is asked who it is and for its neighbours: those are not counted."""
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
UNSEEN = frozenset({Outcome.SKIPPED, Outcome.MODEM_GONE})
"""Outcomes of a second in which nobody looked."""

TESTS: dict[str, tuple[tuple[str, str], ...]] = {
    "all": (
        ("throughput", "tcp-6x10s-down"),
        ("throughput", "http-6x10s-down"),
        ("throughput", "tcp-6x10s-up"),
        ("video", "video-2160p"),
    ),
    "iperf3": (("throughput", "tcp-6x10s-down"), ("throughput", "tcp-6x10s-up")),
    "http": (("throughput", "http-6x10s-down"),),
    "video": (("video", "video-2160p"),),
    "none": (),
}
TEST_S = {"throughput": 14.0, "video": 24.0}
"""From one test to the next: it takes about a second less."""


class Row(NamedTuple):
    """How regularly one modem was looked at."""

    modem: str
    seconds: int
    """Counted: from some after the first look to the last."""
    looked: int
    on_time: int
    """Looks begun within 100 ms of their tick."""
    without_row: int
    """Seconds that no row tells of."""
    jitter_ms: tuple[float, float, float, float]
    """Tick to look: median, 95 %, 99 % and most."""
    tests: int
    tests_ok: int

    @property
    def share(self) -> float:
        """Of the seconds, those that were looked at on time."""
        return self.on_time / self.seconds if self.seconds else 0.0

    @property
    def kept(self) -> bool:
        """Whether that is what is promised."""
        return self.share >= PROMISED and self.without_row == 0


class Found(NamedTuple):
    """One run."""

    rows: tuple[Row, ...]
    busy: float
    """Share of the machine's cores that were not idle."""
    agent: float
    """Cores used by the agent itself."""
    children: float
    """Cores used by the children of its tests."""
    modems: float
    """Cores used by the simulated modems."""
    outcomes: dict[str, int]
    """Of the tests, with reasons."""


def run(arguments: Sequence[str]) -> int:
    """Measure and print; 1 if a modem was not looked at as promised, 2 without root."""
    options = _options(arguments)
    if os.geteuid() != 0:
        print("needs root: it makes network namespaces and shapes their links")
        return 2
    found = measure(options.seconds, options.tests, _links(options.rates))
    if options.json:
        rows = [{**row._asdict(), "share": row.share, "kept": row.kept} for row in found.rows]
        whole = {**found._asdict(), "machine": machine(), "rows": rows}
        print(json.dumps({"radio_under_load": whole}))
    else:
        _print(found)
    return int(not all(row.kept for row in found.rows))


def measure(duration_s: float, tests: str, links: Sequence[OperatorLink] = LINKS) -> Found:
    """Let an agent measure and test for so long, and read what it wrote."""
    with (
        tempfile.TemporaryDirectory(prefix="dosong-bench-") as name,
        ExitStack() as parts,
        OperatorNetworks(links) as nets,
    ):
        folder = Path(name)
        modems = _plug_in(folder, parts)
        for link in links:
            nets[link.name].serve(log=folder / f"server-{link.name}.log")
        config = _configure(folder, [nets[link.name] for link in links], tests)
        agent = Part(
            "agent",
            [find_command("dosong-agent"), "run", "--config", str(config)],
            log=folder / "agent.log",
        )
        parts.enter_context(agent)
        status = folder / "run" / "status.json"
        agent.wait_until(status.exists, "the agent's status", START_TIMEOUT_S)
        time.sleep(SETTLED_S)
        load, agent_before, modems_before = LoadMeter(), _cpu_s(agent), _cpu_of(modems)
        started_s = time.monotonic()
        time.sleep(duration_s)
        took_s = time.monotonic() - started_s
        busy = load.read().busy
        own_s, children_s = (
            late - early for early, late in zip(agent_before, _cpu_s(agent), strict=True)
        )
        modems_s = _cpu_of(modems) - modems_before
        agent.stop(STOP_TIMEOUT_S)
        records = list(_records(folder / "state" / "outbox.db"))
        return Found(
            rows=tuple(_row(link.name, records) for link in links),
            busy=busy,
            agent=own_s / took_s,
            children=children_s / took_s,
            modems=modems_s / took_s,
            outcomes=_outcomes(records),
        )


def _links(rates_mbit: str | None) -> Sequence[OperatorLink]:
    """Those of the table, or with one rate for each, both ways."""
    if rates_mbit is None:
        return LINKS
    rates = [float(rate) for rate in rates_mbit.split(",")]
    return [OperatorLink(link.name, rate, rate) for link, rate in zip(LINKS, rates, strict=True)]


def _plug_in(folder: Path, parts: ExitStack) -> list[Part]:
    """The simulated modems of the demo, each at the start of its drive, at their own pace."""
    world = folder / "world.json"
    save_world(demo_world(time.time() + 86_400), world)
    modems = []
    for link in LINKS:
        port = folder / link.name
        words = ("--world", str(world), "--modem", link.name, "--link", str(port))
        part = Part(
            link.name,
            [sys.executable, "-m", "sim", "modem", *words],
            log=folder / f"{link.name}.log",
        )
        parts.enter_context(part).wait_until(port.is_symlink, "its port", START_TIMEOUT_S)
        modems.append(part)
    return modems


def _configure(folder: Path, nets: Sequence[OperatorNetwork], tests: str) -> Path:
    config = folder / "probe.toml"
    head: Table = {"probe": "dn-bench", "state_dir": folder / "state", "run_dir": folder / "run"}
    place: Table = {"lat_deg": 12.0042, "lon_deg": 107.6907, "horizontal_error_m": 5.0}
    every_s = sum(TEST_S[activity] for activity, _ in TESTS[tests])
    at_s, plan = SETTLED_S, list[Table]()
    for activity, profile in TESTS[tests]:
        plan.append(
            {
                "name": profile,
                "activity": activity,
                "profile": profile,
                "every_s": every_s,
                "start_after_s": at_s,
                "max_wait_s": 10.0,
            }
        )
        at_s += TEST_S[activity]
    config.write_text(
        toml(
            head,
            {"gps.surveyed": place},
            {
                "server": [
                    {
                        "name": net.link.name,
                        "iperf_host": net.server_host,
                        "iperf_port": net.iperf_port,
                        "http_url": f"http://{net.server_host}:{net.http_port}",
                    }
                    for net in nets
                ],
                "modem": [
                    {
                        "name": net.link.name,
                        "port": folder / net.link.name,
                        "interface": net.interface,
                        "server": net.link.name,
                    }
                    for net in nets
                ],
                "plan": plan,
            },
        ),
        encoding="utf-8",
    )
    return config


def _records(outbox: Path) -> Iterator[AnyMeasurement]:
    with closing(sqlite3.connect(f"{outbox.as_uri()}?mode=ro", uri=True)) as db:
        for (line,) in db.execute("SELECT record FROM outbox ORDER BY seq"):
            yield decode_record(unpack_line(line))


def _row(name: str, records: Sequence[AnyMeasurement]) -> Row:
    mine = [record for record in records if record.modem is not None and record.modem.name == name]
    radio = [record for record in mine if record.kind == "radio"]
    # Rows of seconds without a look carry the tick itself; the first one is always such.
    first_tick_ns = radio[0].mono_ns
    looks = [record for record in radio if record.outcome not in UNSEEN]
    first, last = (_tick(looks[end].mono_ns, first_tick_ns) for end in (0, -1))
    first += OPENING_TICKS
    looks = [look for look in looks if _tick(look.mono_ns, first_tick_ns) >= first]
    late_ns = [(look.mono_ns - first_tick_ns) % PERIOD_NS for look in looks]
    told = {_tick(record.mono_ns, first_tick_ns) for record in radio}
    tests = [record for record in mine if record.kind in TEST_S]
    return Row(
        modem=name,
        seconds=last - first + 1,
        looked=len(looks),
        on_time=sum(late <= ON_TIME_NS for late in late_ns),
        without_row=sum(tick not in told for tick in range(first, last + 1)),
        jitter_ms=_percentiles_ms(late_ns),
        tests=len(tests),
        tests_ok=sum(test.outcome is Outcome.OK for test in tests),
    )


def _tick(mono_ns: int, first_tick_ns: int) -> int:
    return (mono_ns - first_tick_ns) // PERIOD_NS


def _percentiles_ms(late_ns: Sequence[int]) -> tuple[float, float, float, float]:
    cuts = statistics.quantiles(late_ns, n=100, method="inclusive")
    half, most, nearly_all = (cuts[percent - 1] / 1e6 for percent in (50, 95, 99))
    return half, most, nearly_all, max(late_ns) / 1e6


def _outcomes(records: Sequence[AnyMeasurement]) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in records:
        if record.kind in TEST_S:
            reason = "" if record.reason is None else f" ({record.reason})"
            key = f"{record.profile}: {record.outcome}{reason}"
            found[key] = found.get(key, 0) + 1
    return dict(sorted(found.items()))


def _cpu_s(part: Part) -> tuple[float, float]:
    """CPU time of a process, and of the children it has waited for."""
    words = Path(f"/proc/{part.pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(word) / JIFFIES_S for word in words[11:15])
    return user + system, children_user + children_system


def _cpu_of(parts: Sequence[Part]) -> float:
    return sum(_cpu_s(part)[0] for part in parts)


def _print(found: Found) -> None:
    print(machine())
    print(
        f"{'modem':<10} {'seconds':>7} {'looked':>6} {'on time':>8} {'no row':>6}"
        f" {'p50 ms':>7} {'p95':>7} {'p99':>7} {'most':>7} {'tests ok':>8}"
    )
    for row in found.rows:
        half, most, nearly_all, worst = row.jitter_ms
        print(
            f"{row.modem:<10} {row.seconds:>7} {row.looked:>6} {row.share:>8.2%}"
            f" {row.without_row:>6} {half:>7.1f} {most:>7.1f} {nearly_all:>7.1f} {worst:>7.1f}"
            f" {row.tests_ok:>4}/{row.tests:<3} {'kept' if row.kept else 'NOT KEPT'}"
        )
    for outcome, count in found.outcomes.items():
        print(f"  {count} x {outcome}")
    print(
        f"cores busy {found.busy:.0%}; of one core: agent {found.agent:.0%}, its tests' children"
        f" {found.children:.0%}, simulated modems {found.modems:.0%}"
    )
    limit_ms = ON_TIME_NS / 1e6
    print(f"promised: {PROMISED:.0%} of the seconds begun within {limit_ms:.0f} ms of the tick")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks radio_under_load")
    parser.add_argument("--seconds", type=float, default=None, help="how long")
    parser.add_argument(
        "--tests", choices=list(TESTS), default="all", help="which tests run back to back"
    )
    parser.add_argument(
        "--rates", metavar="MBIT,MBIT,MBIT", help="of the three links (default: 100, 60, 25 down)"
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_S:g} s")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if options.seconds is None:
        options.seconds = QUICK_S if options.quick else DURATION_S
    return options
