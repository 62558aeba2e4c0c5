"""What outboxes promised, and whether a collector has it: every row once, with its own content."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from collector.commands.recount import recount
from collector.config import load
from collector.store.engine import connect
from collector.store.ledger import Ledger

Key = tuple[str, int]
"""Epoch and number in it."""

OPEN = re.compile(r"open (\S{36}) (\d+)")
PROMISE = re.compile(r"(\S{36}) (\d+) (\d+)")


@dataclass
class Promises:
    """Of one probe, over all its runs: what each row that was promised carries, by its key."""

    numbers: dict[Key, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """What an outbox itself did wrong: a number given out twice, or a file begun anew."""
    epochs: set[str] = field(default_factory=set)

    def hear(self, lines: Iterable[str]) -> None:
        """Take what `measuring.py` says, in its order; other lines mean nothing."""
        for line in lines:
            if (promise := PROMISE.fullmatch(line)) is not None:
                key = promise[1], int(promise[2])
                if key in self.numbers:
                    self.broken.append(f"{key} is promised for a second time")
                self.numbers[key] = int(promise[3])
            elif (opened := OPEN.fullmatch(line)) is not None:
                self._open(opened[1], int(opened[2]))

    def highest(self, epoch: str) -> int:
        """The highest number that was promised in it; 0 where none was."""
        return max((seq for name, seq in self.numbers if name == epoch), default=0)

    def _open(self, epoch: str, made: int) -> None:
        if made < self.highest(epoch):
            self.broken.append(f"{epoch} goes on at {made} below {self.highest(epoch)}")
        if self.epochs and epoch not in self.epochs:
            self.broken.append(f"{epoch} begins though nothing was damaged")
        self.epochs.add(epoch)


class Kept(NamedTuple):
    """How promises were kept. Only `rows` may be other than zero."""

    rows: int
    """Promised."""
    lost: int
    duplicates: int
    """Visible in the lake: a key, or a content, that is there more than once."""
    corrupt: int
    """Stored under the key of another row, or an outbox that gave a number out twice or began
    anew; also where ledger and lake disagree."""

    @property
    def is_good(self) -> bool:
        """Whether all were."""
        return not (self.lost or self.duplicates or self.corrupt)


def compare(configuration: Path, promised: Sequence[Promises]) -> Kept:
    """Look for every promised row in the lake of the collector with this configuration."""
    config = load(configuration)
    numbers: dict[Key, int] = {}
    for each in promised:
        numbers |= each.numbers
    epochs = set().union(*(each.epochs for each in promised))
    with (
        Ledger(config.store.ledger, read_only=True) as ledger,
        connect(config.store.engine, config.store.lake) as tables,
    ):
        counts = [one for one in recount(tables, ledger).epochs if one.epoch in epochs]
        missing = sum(row.missing for row in ledger.ledger() if row.epoch in epochs)
        radio = tables.radio.filter(tables.radio.epoch.isin(epochs))
        rows = radio.select("epoch", "seq", "temperature_c").to_pyarrow().to_pylist()
    stored = {(row["epoch"], row["seq"]): row["temperature_c"] for row in rows}
    differing = sum(one.keys != one.received for one in counts)
    wrong = sum(stored[key] != number for key, number in numbers.items() if key in stored)
    return Kept(
        rows=len(numbers),
        lost=max(missing, len(numbers.keys() - stored.keys())),
        duplicates=sum(one.rows - one.keys for one in counts)
        + len(stored)
        - len(set(stored.values())),
        corrupt=sum(len(each.broken) for each in promised) + differing + wrong,
    )
