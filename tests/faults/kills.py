"""Programs that are killed at random, each on a schedule of its own and all at the same time."""

import bisect
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from collector.config import load
from collector.store.ledger import Ledger

LOOK_EVERY_S = 0.05

Span = tuple[float, float]
"""From and to, in seconds."""


class Victim(NamedTuple):
    """A program that is killed and started again."""

    name: str
    kill: Callable[[], object]
    start: Callable[[], object]
    up_s: Span
    """How long it lives between."""
    down_s: Span = (0.0, 1.0)


class Killed(NamedTuple):
    """One kill."""

    name: str
    back_s: float
    """When it was started again, by the monotonic clock."""


@dataclass
class Stored:
    """When rows came into the ledger of a collector, by the monotonic clock."""

    times_s: list[float] = field(default_factory=list)

    def after(self, moment_s: float) -> float | None:
        """Seconds from then until the next row was stored; None when there was none."""
        index = bisect.bisect_right(self.times_s, moment_s)
        return None if index == len(self.times_s) else self.times_s[index] - moment_s


@contextmanager
def watched(configuration: Path, probe: str | None = None) -> Iterator[Stored]:
    """Look at the collector's ledger inside; of one probe or of all."""
    stored, done = Stored(), threading.Event()

    def watch() -> None:
        seen = 0
        with Ledger(load(configuration).store.ledger, read_only=True) as ledger:
            while not done.wait(LOOK_EVERY_S):
                received = sum(row.received for row in ledger.ledger(probe))
                if received > seen:
                    stored.times_s.append(time.monotonic())
                seen = received

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield stored
        finally:
            done.set()
        watching.result()


def kill_at_random(
    victims: Sequence[Victim],
    *,
    dice: random.Random,
    enough: Callable[[Sequence[Killed]], bool],
) -> list[Killed]:
    """Kill them until it is `enough`; all run in the end."""
    done, killed = threading.Event(), list[Killed]()

    def torment(victim: Victim, dice: random.Random) -> None:
        while not done.wait(dice.uniform(*victim.up_s)):
            victim.kill()
            done.wait(dice.uniform(*victim.down_s))
            victim.start()
            killed.append(Killed(victim.name, time.monotonic()))
            if enough(killed):
                done.set()

    def torment_or_end_all(victim: Victim, seed: int) -> None:
        try:
            torment(victim, random.Random(seed))  # noqa: S311  # moments, no secrets
        finally:
            done.set()

    with ThreadPoolExecutor(len(victims)) as pool:
        jobs = [pool.submit(torment_or_end_all, each, dice.randrange(1 << 31)) for each in victims]
        for job in jobs:
            job.result()
    return killed
