"""What one AT command costs beside bare pyserial, and what a modem looked at once a second costs.

The three ways of asking take turns on one pseudo-terminal with one far end in a process of its own.
The look is that of the running agent, at the simulator's RM520N with an NR leg. What it costs to
import Python's modules is no part of either.
"""

import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice, permutations
from pathlib import Path
from typing import NamedTuple

import serial

from drivers.modem.modem import Modem
from drivers.modem.port import Port
from sim.world import demo_world, save_world

ROUNDS = 3000
BLOCKS = 10
"""Of which each has medians and ratios of its own: their range is the spread."""
TURN = 25
"""Trips of one way before it is the next one's turn."""
SAMPLING_S = 60.0
QUICK_SHARE = 0.1
PERIOD_S = 1.0
REPLY_TIMEOUT_S = 5.0
START_TIMEOUT_S = 20.0
SAMPLED_MODEM = "vinaphone"
MOST_RATIO = 1.3
MOST_CORE_PERCENT = 1.0
"""What is aimed at; a busy machine adds some tenths to any ratio."""
OURS = "our engine and port"
FAR_END = "--far-end"

REPLIES = {
    "AT+CSQ": ("+CSQ: 18,99",),
    'AT+QENG="servingcell"': (
        '+QENG: "servingcell","NOCONN"',
        '+QENG: "LTE","FDD",452,02,1A2B301,211,1850,3,5,5,2BC,-91,-11,-60,17,5,100,-',
        '+QENG: "NR5G-NSA",452,02,377,-95,18,-11,632736,78,12,1',
    ),
}
"""By command: a short answer, and a long one as a modem with EN-DC gives it."""


class Row(NamedTuple):
    """One way of asking one command."""

    command: str
    asked_by: str
    median_us: float
    ratio: float
    """To pyserial at its quickest, of the medians of all rounds."""
    ratio_spread: tuple[float, float]
    """Smallest and largest over the blocks."""


class Sampling(NamedTuple):
    """A modem looked at once a second."""

    looks: int
    duration_s: float
    cpu_s: float
    """Of this process, user and system."""
    look_ms: float
    """Median from question to record."""

    @property
    def core_percent(self) -> float:
        """Share of one core."""
        return 100 * self.cpu_s / self.duration_s


def run(arguments: Sequence[str]) -> int:
    """Measure and print."""
    options = _options(arguments)
    rows = round_trips(options.rounds)
    sampling = sample(options.seconds)
    if options.json:
        cost = {**sampling._asdict(), "core_percent": sampling.core_percent}
        found = {"round_trips": [row._asdict() for row in rows], "sampling": cost}
        print(json.dumps({"at_round_trip": found}))
        return 0
    print(f"{'command':<24} {'asked by':<24} {'median us':>10} {'ratio':>6} {'spread':>12}")
    for row in rows:
        low, high = row.ratio_spread
        print(
            f"{row.command:<24} {row.asked_by:<24} {row.median_us:>10.1f} {row.ratio:>6.2f}"
            f" {low:>5.2f}-{high:.2f}"
        )
    print(
        f"{sampling.looks} looks in {sampling.duration_s:.1f} s, one a second:"
        f" {sampling.cpu_s:.3f} s of CPU, {sampling.core_percent:.2f} % of a core,"
        f" {sampling.look_ms:.1f} ms a look"
    )
    print(f"aimed at: {OURS} within {MOST_RATIO}, looks within {MOST_CORE_PERCENT:g} % of a core")
    return 0


def round_trips(rounds: int) -> list[Row]:
    """Each command asked in each way, one after the other, so that all meet the same load."""
    with _far_end() as path, Port.open(path) as port, serial.Serial(path, timeout=5) as raw:
        ways: dict[str, Callable[[str], bytes | str]] = {
            "pyserial, what is there": lambda command: _by_what_is_there(raw, command),
            "pyserial, read_until": lambda command: _by_read_until(raw, command),
            OURS: lambda command: port.command(command, REPLY_TIMEOUT_S).raw,
        }
        return [row for command in REPLIES for row in _rows(command, ways, rounds)]


def sample(duration_s: float) -> Sampling:
    """Looks at a simulated modem, once a second for so long."""
    with _simulated_modem() as path, Modem.open(path, usb_path="1-1") as modem:
        look = modem.read_radio()
        if look.mode != "nr-nsa" or look.registration is None:
            raise RuntimeError(f"not the look that was meant to be measured: {look}")
        looks_s = []
        cpu_s, started_s = time.process_time(), time.monotonic()
        while (due_s := started_s + len(looks_s) * PERIOD_S) < started_s + duration_s:
            time.sleep(max(0.0, due_s - time.monotonic()))
            asked_s = time.monotonic()
            modem.read_radio()
            looks_s.append(time.monotonic() - asked_s)
        time.sleep(max(0.0, started_s + duration_s - time.monotonic()))
        return Sampling(
            looks=len(looks_s),
            duration_s=time.monotonic() - started_s,
            cpu_s=time.process_time() - cpu_s,
            look_ms=1000 * statistics.median(looks_s),
        )


def _rows(
    command: str, ways: dict[str, Callable[[str], bytes | str]], rounds: int
) -> Iterator[Row]:
    taken_us: dict[str, list[float]] = {name: [] for name in ways}
    # In every order: who comes after a slow one finds its core taken and its code cold.
    orders = cycle(permutations(ways.items()))
    for order in islice(orders, max(1, rounds // TURN)):
        for name, ask in order:
            for _ in range(TURN):
                started_ns = time.perf_counter_ns()
                ask(command)
                taken_us[name].append((time.perf_counter_ns() - started_ns) / 1000)
    base, *_ = taken_us.values()
    size = max(1, len(base) // BLOCKS)
    for name, trips in taken_us.items():
        ratios = [
            statistics.median(trips[start : start + size])
            / statistics.median(base[start : start + size])
            for start in range(0, len(base), size)
        ]
        median_us = statistics.median(trips)
        ratio = median_us / statistics.median(base)
        yield Row(command, name, median_us, ratio, (min(ratios), max(ratios)))


def _by_read_until(device: serial.Serial, command: str) -> bytes:
    """As the manual of pyserial does it."""
    device.write(command.encode() + b"\r")
    return bytes(device.read_until(b"OK\r\n"))


def _by_what_is_there(device: serial.Serial, command: str) -> bytes:
    """With as few system calls as pyserial allows."""
    device.write(command.encode() + b"\r")
    reply = b""
    while not reply.endswith(b"OK\r\n"):
        reply += device.read(max(1, device.in_waiting))
    return reply


@contextmanager
def _far_end() -> Iterator[str]:
    """The modem's side of a pty, in a process of its own that answers at once."""
    master, slave = os.openpty()
    tty.setraw(slave)
    with subprocess.Popen(
        [sys.executable, __file__, FAR_END, str(master)], pass_fds=(master,)
    ) as process:
        try:
            yield os.ttyname(slave)
        finally:
            process.terminate()
            os.close(master)
            os.close(slave)


def _answer_for_ever(master: int) -> None:
    replies = {
        command.encode(): ("\r\n" + "\r\n".join(lines) + "\r\n\r\nOK\r\n").encode()
        for command, lines in REPLIES.items()
    }
    pending = b""
    while True:
        pending += os.read(master, 4096)
        *commands, pending = pending.split(b"\r")
        for command in commands:
            os.write(master, replies[command])


@contextmanager
def _simulated_modem() -> Iterator[str]:
    """The simulator's RM520N at the start of the demo's drive, answering at once."""
    with tempfile.TemporaryDirectory(prefix="dosong-bench-") as folder:
        link, world = Path(folder, "tty"), Path(folder, "world.json")
        save_world(demo_world(time.time() + 86_400), world)
        words = ("--world", str(world), "--modem", SAMPLED_MODEM, "--pace", "0")
        with subprocess.Popen(
            [sys.executable, "-m", "sim", "modem", "--link", str(link), *words],
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stderr is not None  # noqa: S101  # it is a pipe
                ready, _, _ = select.select([process.stderr], [], [], START_TIMEOUT_S)
                said = process.stderr.readline() if ready else "nothing"
                if not link.exists():
                    raise RuntimeError(f"no simulated modem: {said}")
                yield str(link)
            finally:
                process.terminate()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks at_round_trip")
    parser.add_argument("--rounds", type=int, default=None, help="of each command, each way")
    parser.add_argument(
        "--seconds", type=float, default=None, help="how long the modem is looked at"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    share = QUICK_SHARE if options.quick else 1.0
    if options.rounds is None:
        options.rounds = round(share * ROUNDS)
    if options.seconds is None:
        options.seconds = share * SAMPLING_S
    return options


if __name__ == "__main__":
    _answer_for_ever(int(sys.argv[sys.argv.index(FAR_END) + 1]))
