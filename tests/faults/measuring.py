"""A probe without modems: outbox and publisher as the agent runs them, and 50 rows a second.

`measuring.py CONFIG` says `open EPOCH MADE` once its outbox is open, then each promise as
`EPOCH SEQ NUMBER`, where NUMBER is what the row itself carries, as `temperature_c`. With
`--until-drained` nothing is added, and it ends when nothing waits any more.
"""

import argparse
import functools
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from agent import parts
from agent.clock import Clock
from agent.config import Config, load
from agent.delivery import start_delivery
from agent.outbox import Limits, Outbox, OutboxError, file
from agent.publisher import Pace
from agent.recorder import Envelope
from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.messages import AnyMeasurement, Position

WRITERS = 100
"""Each waits for the commit of its own row, for a second."""
PROMISE_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.05

log = logging.getLogger(__name__)


class Probe:
    """The parts that keep and deliver, under their supervisor."""

    def __init__(self, config: Config) -> None:
        clock = Clock()
        self.envelope = Envelope(
            probe=config.probe, software="test", stamp=clock.stamp, position=Position
        )
        self.outbox, _, self._supervisor = start_delivery(
            config, config.uplink, envelope=self.envelope, clock=clock
        )

    def stop(self) -> None:
        self._supervisor.stop(parts.STOP_TIMEOUT_S)


def say(*words: object) -> None:
    """One line in one write: from several threads, and cut off nowhere but at its end."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def check(outbox: Path) -> None:
    """Look through the whole file before it is used, and leave its WAL as it is."""
    if outbox.exists():
        with closing(sqlite3.connect(f"{outbox.as_uri()}?mode=ro", uri=True)) as db:
            found = db.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            raise SystemExit(f"{outbox} is damaged: {found}")


def wait_until_open(outbox: Outbox) -> None:
    pause = threading.Event()
    while outbox.epoch is None:
        pause.wait(LOOK_EVERY_S)
    say("open", outbox.epoch, outbox.made)


def look(envelope: Envelope, number: int) -> AnyMeasurement:
    """A row as a modem's look at its cells makes it."""
    cells = [
        Cell(rat=Rat.LTE, pci=(number + n) % 504, arfcn=1750, rsrp_dbm=-80.0 - (number + n) % 40)
        for n in range(5)
    ]
    payload = radio.Payload(
        mode="lte", serving=cells[0], neighbours=tuple(cells[1:]), temperature_c=number
    )
    return envelope.around("radio", payload)


def write(probe: Probe, per_second: float) -> None:
    """Append for ever, and say what is promised."""

    def append(number: int) -> None:
        try:
            seq = probe.outbox.append_and_wait(look(probe.envelope, number), PROMISE_TIMEOUT_S)
        except OutboxError as error:
            log.warning("no promise for %d: %s", number, error)
        else:
            say(probe.outbox.epoch, seq, number)

    def append_all() -> None:
        while True:
            append(numbers.get())

    numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
    for _ in range(WRITERS):
        threading.Thread(target=append_all, daemon=True).start()
    pause = threading.Event()
    due_s = time.monotonic()
    while True:
        # A number no other row has, whichever run made it; a float holds it exactly.
        numbers.put(time.time_ns() // 1000)
        due_s += 1 / per_second
        pause.wait(max(due_s - time.monotonic(), 0.001))


def drain(outbox: Outbox) -> None:
    pause = threading.Event()
    while (stats := outbox.stats()).rows or stats.waiting:
        pause.wait(LOOK_EVERY_S)


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--per-second", type=float, default=50.0)
    parser.add_argument("--checkpoint-pages", type=int, help="instead of SQLite's 1000")
    parser.add_argument("--commit-s", type=float, help="instead of the outbox's second")
    parser.add_argument("--linger-s", type=float, help="of fresh rows, instead of the publisher's")
    parser.add_argument("--until-drained", action="store_true")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level="WARNING")
    if chosen.checkpoint_pages is not None:
        pages = f"wal_autocheckpoint={chosen.checkpoint_pages}"
        file.PRAGMAS = (*file.PRAGMAS, pages)
    if chosen.commit_s is not None:
        parts.Limits = functools.partial(Limits, commit_s=chosen.commit_s)
    if chosen.linger_s is not None:
        parts.Pace = functools.partial(Pace, linger_s=chosen.linger_s)
    config = load(chosen.config)
    config.state_dir.mkdir(parents=True, exist_ok=True)
    check(config.state_dir / "outbox.db")
    probe = Probe(config)
    wait_until_open(probe.outbox)
    if not chosen.until_drained:
        write(probe, chosen.per_second)
    drain(probe.outbox)
    probe.stop()


if __name__ == "__main__":
    main()
