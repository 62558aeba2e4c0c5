"""What the outbox writes to its card: a real one on an ext4 loop device, by the kernel's counts.

Radio rows of a simulated drive come at a steady rate and are committed once a second. With an
uplink all but the newest are acknowledged every five seconds, without one they stay. The count is
the device's own, so the file system's journal is in it. Needs root.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import cycle
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from agent.clock import Clock
from agent.outbox import Outbox
from agent.recorder import Envelope
from agent.runtime import Stop
from benchmarks.links import machine
from sim.disk import Disk
from sim.fleet.passes import pass_records
from sim.fleet.vehicle import Vehicle
from sim.world import demo_world
from sim.world.radio import RadioMap
from wire.control import Ack
from wire.messages import AnyMeasurement, Position

RATES = (4.0, 50.0)
"""Rows a second: four modems and a position, and a storm."""
DURATION_S = 60.0
QUICK_S = 12.0
SETTLE_S = 6.0
"""The file system's own journal is written every five seconds."""
ACK_EVERY_S = 5.0
DISK_BYTES = 64 << 20
PROMISED_BYTES = 1500
"""A row, at the lowest rate, without an uplink or with one."""
DEADLINE_S = 20.0
DAY = date(2026, 3, 2)
T0_UNIX_S = 1_772_400_000.0


class Wear(NamedTuple):
    """One run."""

    rows_per_s: float
    uplink: bool
    rows: int
    device_bytes: int
    """Written to the device by the end of the run."""
    kept_bytes: int
    """What the rows take in the outbox, if all of them had stayed."""

    @property
    def bytes_per_row(self) -> float:
        """What one row costs the card."""
        return self.device_bytes / self.rows

    @property
    def kept(self) -> bool:
        """Whether that is what is promised."""
        return self.bytes_per_row <= PROMISED_BYTES


def run(arguments: Sequence[str]) -> int:
    """Measure and print; 1 if a row costs more than promised, 2 without root."""
    options = _options(arguments)
    if os.geteuid() != 0:
        print("needs root: it makes a loop device")
        return 2
    found = measure_all(options.seconds)
    if options.json:
        runs = [{**each._asdict(), "bytes_per_row": round(each.bytes_per_row)} for each in found]
        print(json.dumps({"outbox_wear": {"machine": machine(), "runs": runs}}))
    else:
        _print(found)
    return int(not all(each.kept for each in found))


def measure_all(duration_s: float) -> list[Wear]:
    """All runs, at the same time: they wait more than they work, each on a disk of its own."""
    cases = [(rate, uplink) for rate in RATES for uplink in (True, False)]
    found: dict[int, Wear] = {}

    def one(number: int) -> None:
        rate, uplink = cases[number]
        found[number] = measure(rate, uplink=uplink, duration_s=duration_s)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(cases))]


def measure(rows_per_s: float, *, uplink: bool, duration_s: float) -> Wear:
    """Append at a rate for so long, and read what the device counted."""
    with (
        tempfile.TemporaryDirectory(prefix="dosong-bench-") as name,
        Disk(Path(name), size_bytes=DISK_BYTES) as disk,
    ):
        envelope = Envelope(
            probe="dn-01", software="benchmark", stamp=Clock().stamp, position=Position
        )
        outbox = Outbox(disk.path / "outbox.db", make_event=envelope.event)
        stop = Stop()
        owner = threading.Thread(target=outbox.run, args=(stop, lambda: None))
        owner.start()
        try:
            records = _drive()
            outbox.append_and_wait(next(records), DEADLINE_S)
            outbox.batch(0, max_rows=1, max_bytes=1)  # the first one has a commit of its own
            disk.sync()
            time.sleep(SETTLE_S)
            disk.sync()
            before_bytes, before_rows = disk.written_bytes, outbox.made
            size_bytes = _offer(outbox, records, rows_per_s, duration_s, uplink=uplink)
            rows = outbox.made - before_rows
            device_bytes = disk.written_bytes - before_bytes
        finally:
            stop.set()
            owner.join()
    return Wear(
        rows_per_s=rows_per_s,
        uplink=uplink,
        rows=rows,
        device_bytes=device_bytes,
        kept_bytes=size_bytes,
    )


def _offer(
    outbox: Outbox,
    records: Iterator[AnyMeasurement],
    rows_per_s: float,
    duration_s: float,
    *,
    uplink: bool,
) -> int:
    """Append at a rate and acknowledge; the size of a row in the outbox times all rows."""
    size_bytes = 0.0
    started_s = time.monotonic()
    acknowledged_s = started_s
    for number in range(round(rows_per_s * duration_s)):
        time.sleep(max(0.0, started_s + number / rows_per_s - time.monotonic()))
        outbox.append(next(records))
        stats = outbox.stats()
        if stats.rows and stats.bytes:
            size_bytes = stats.bytes / stats.rows
        now_s = time.monotonic()
        if uplink and now_s - acknowledged_s >= ACK_EVERY_S and outbox.epoch is not None:
            acknowledged_s = now_s
            outbox.batch(0, max_rows=5000, max_bytes=1 << 24)
            outbox.acknowledge(
                Ack(probe="dn-01", epoch=outbox.epoch, contiguous_seq=max(0, outbox.made - 4))
            )
    return round(size_bytes * rows_per_s * duration_s)


def _drive() -> Iterator[AnyMeasurement]:
    """Radio rows of a drive, again and again."""
    world = demo_world(T0_UNIX_S)
    vehicle = Vehicle("dn-01", uuid4(), world, 1)
    road = world.roads[0]
    rows = pass_records(world, RadioMap(world), vehicle, road, DAY, upwards=True)
    return cycle(sorted(rows, key=lambda row: row.mono_ns))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="outbox_wear", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"only {QUICK_S:g} s")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, metavar="S")
    options = parser.parse_args(arguments)
    if options.seconds is None:
        options.seconds = QUICK_S if options.quick else DURATION_S
    return options


def _print(found: Sequence[Wear]) -> None:
    print(" rows/s  uplink   rows  written B/row  row B")
    for each in found:
        print(
            f"{each.rows_per_s:7g} {'yes' if each.uplink else 'no':>7}"
            f" {each.rows:6d} {each.bytes_per_row:14.0f} {each.kept_bytes / each.rows:6.0f}"
        )


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
