"""How fast a day's backlog leaves a probe by a slow uplink, and what a row costs on the wire.

Radio rows of simulated drives wait in the outbox of a probe. `dosong-agent deliver` drains it over
a shaped link, with TLS, into mosquitto and the collector as its service runs it, both behind the
link. Bytes are those of whole IP packets, counted by the interface. Needs root.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from agent.outbox import OutboxFile
from benchmarks.links import machine
from sim.broker import Broker
from sim.certificates import COLLECTOR, Authority
from sim.demo.toml import toml
from sim.fleet.passes import pass_records
from sim.fleet.vehicle import Vehicle
from sim.namespaces import run as run_command
from sim.parts import Part, find_command, wait_until
from sim.uplinks import Rate, Uplinks
from sim.world import demo_world
from sim.world.radio import RadioMap
from wire.messages import AnyMeasurement

PROBE = "dn-01"
ROWS, QUICK_ROWS = 260_000, 20_000
"""A day of three modems."""
LINK_MBIT = 1.0
PROMISED_S, PROMISED_BYTES = 240.0, 25.0
"""For all the rows, and for one of them on its way to the collector."""
CAP_BYTES = 1 << 30
CHUNK_ROWS = 1000
DEADLINE_S = 900.0
START_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.1
ETHERNET_BYTES = 14
FIRST_DAY = date(2026, 3, 2)
T0_UNIX_S = 1_772_400_000.0
STATISTICS = Path("/sys/class/net")


class Drain(NamedTuple):
    """One backlog drained."""

    rows: int
    missing: int
    """Not stored by the collector afterwards."""
    drain_s: float
    """From the start of the program to its end, with the last acknowledgement."""
    up_bytes: int
    down_bytes: int
    agent_cpu_s: float
    agent_rss_mb: float

    @property
    def up_bytes_per_row(self) -> float:
        """To the collector."""
        return self.up_bytes / self.rows

    @property
    def kept(self) -> bool:
        """Whether it is as promised; a shorter backlog has its share of the time."""
        in_time = self.drain_s <= max(PROMISED_S * self.rows / ROWS, 30.0)
        return not self.missing and in_time and self.up_bytes_per_row <= PROMISED_BYTES


def run(arguments: Sequence[str]) -> int:
    """Measure and print; 1 if it is not as promised, 2 without root."""
    options = _options(arguments)
    if os.geteuid() != 0:
        print("needs root: it makes a network namespace")
        return 2
    with tempfile.TemporaryDirectory(prefix="dosong-bench-") as folder:
        drain = measure(Path(folder), rows=options.rows, mbit=options.mbit)
    if options.json:
        found = {"machine": machine(), "mbit": options.mbit, **drain._asdict()}
        print(json.dumps({"backlog_drain": found}))
    else:
        _print(drain, options.mbit)
    return int(not drain.kept)


def measure(folder: Path, *, rows: int, mbit: float) -> Drain:
    """Fill an outbox and drain it over a link of so many Mbit/s both ways."""
    with Uplinks({"lte": Rate(down_mbit=mbit, up_mbit=mbit)}) as uplinks:
        device = uplinks["lte"].name
        # Else a packet is counted uncut, without the headers of its pieces.
        run_command("ip", "link", "set", device, "gso_max_segs", "1")
        authority = Authority(folder / "tls")
        broker = Broker(
            folder / "broker", authority, address=uplinks.address, inside=uplinks.inside
        )
        probe, collector = _configurations(folder, authority, broker.port, uplinks.address)
        _fill(folder / "state" / "outbox.db", rows)
        service = Part(
            "collector",
            [*uplinks.inside, find_command("dosong-collector"), "run", "--config", str(collector)],
            log=folder / "collector.log",
        )
        with broker, service:
            ledger = folder / "store" / "collector.db"
            wait_until(ledger.exists, "the collector's ledger", START_TIMEOUT_S)
            before = _counters(device)
            began_s = time.monotonic()
            deliver = [find_command("dosong-agent"), "deliver", "--config", str(probe), "--json"]
            child = subprocess.Popen(
                [*deliver, "--within", str(DEADLINE_S)], stdout=subprocess.DEVNULL
            )
            cpu_s, rss_mb = _follow(child)
            drain_s = time.monotonic() - began_s
            up_bytes, down_bytes = (
                after - early for after, early in zip(_counters(device), before, strict=True)
            )
            asked = [find_command("dosong-collector"), "ledger", "--config", str(collector)]
            said = subprocess.run([*asked, "--json"], capture_output=True, check=True)
    received = sum(row["received"] for row in json.loads(said.stdout))
    return Drain(
        rows=rows,
        missing=max(0, rows - received),
        drain_s=drain_s,
        up_bytes=up_bytes,
        down_bytes=down_bytes,
        agent_cpu_s=cpu_s,
        agent_rss_mb=rss_mb,
    )


def _follow(child: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait for its end; CPU seconds and the most memory in MB."""
    peak_kb, pid = 0, 0
    while not pid:
        # Not the usage's maximum: that begins with what we took before it became another program.
        for line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak_kb = int(line.split()[1])
        time.sleep(LOOK_EVERY_S)
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, peak_kb / 1000


def _configurations(
    folder: Path, authority: Authority, port: int, address: str
) -> tuple[Path, Path]:
    """Files of the probe and of the collector."""
    own, theirs = authority.client(PROBE), authority.client(COLLECTOR)
    probe, collector = folder / "probe.toml", folder / "collector.toml"
    head = {"probe": PROBE, "state_dir": folder / "state", "run_dir": folder / "run"}
    uplink = {
        "host": address,
        "port": port,
        "ca": authority.certificate,
        "cert": own.certificate,
        "key": own.key,
    }
    probe.write_text(toml(head, {"uplink": uplink}))
    mqtt = {
        "port": port,
        "ca_file": authority.certificate,
        "cert_file": theirs.certificate,
        "key_file": theirs.key,
    }
    collector.write_text(toml({}, {"mqtt": mqtt, "store": {"folder": folder / "store"}}))
    return probe, collector


def _fill(path: Path, rows: int) -> None:
    path.parent.mkdir()
    records = _drives()
    with closing(OutboxFile(path)) as file:
        for first in range(0, rows, CHUNK_ROWS):
            chunk = list(islice(records, min(CHUNK_ROWS, rows - first)))
            file.write(chunk, cap_bytes=CAP_BYTES, on_drop=_never)


def _never(dropped: object) -> AnyMeasurement:
    raise AssertionError(f"{dropped} below the cap")


def _drives() -> Iterator[AnyMeasurement]:
    """Radio rows of one drive after the other, each on another day, in the order of time."""
    world = demo_world(T0_UNIX_S)
    radio = RadioMap(world)
    vehicle = Vehicle(PROBE, uuid4(), world, 1)
    for number in count():
        road = world.roads[number % len(world.roads)]
        day = FIRST_DAY + timedelta(days=number)
        drive = pass_records(world, radio, vehicle, road, day, upwards=number % 2 == 0)
        yield from sorted(
            (row for row in drive if row.kind == "radio"), key=lambda row: row.mono_ns
        )


def _counters(device: str) -> tuple[int, int]:
    """Bytes of IP packets to the far side and back so far."""

    def read(name: str) -> int:
        return int((STATISTICS / device / "statistics" / name).read_text())

    # A modem's link has no Ethernet header.
    up, down = (
        read(f"{way}_bytes") - ETHERNET_BYTES * read(f"{way}_packets") for way in ("tx", "rx")
    )
    return up, down


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="backlog_drain", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"only {QUICK_ROWS} rows")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--mbit", type=float, default=LINK_MBIT, help="of the link, both ways")
    options = parser.parse_args(arguments)
    if options.rows is None:
        options.rows = QUICK_ROWS if options.quick else ROWS
    return options


def _print(drain: Drain, mbit: float) -> None:
    print(f"{drain.rows} radio rows over {mbit:g} Mbit/s, {machine()}")
    print(f"drained in {drain.drain_s:.1f} s: {drain.rows / drain.drain_s:.0f} rows/s")
    print(f"missing at the collector: {drain.missing}")
    down = drain.down_bytes / drain.rows
    print(f"on the wire, a row: {drain.up_bytes_per_row:.1f} bytes up, {down:.1f} bytes down")
    print(f"the agent: {drain.agent_cpu_s:.1f} s of CPU, {drain.agent_rss_mb:.0f} MB at most")


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
