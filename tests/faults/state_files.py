"""Writes a probe's small files again and again until the power goes, or says what is there.

`state_files.py FOLDER write FIRST` says `FILE VERSION` after each write, `state_files.py FOLDER
read` of each file. Versions count up; 0 stands for a file that is not there.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

from agent.budget import file as budget_file
from agent.budget.book import Account, Book
from agent.clock import Stamp
from agent.durable import write_durably
from agent.needs import NAME as NEEDS
from agent.rat_setting import SavedSettings
from agent.rungs import Rung, RungLog, Tried
from wire.messages import ClockState
from wire.needs import Circle, SampleNeed, SampleNeeds, decode_needs

SOME_DAY = datetime(2026, 11, 1, tzinfo=UTC)
IMEI = "860000000000011"
PLACE = "viettel"
TIMES = 50
"""So often the version stands in a file: what is torn has two."""


class StateFile(NamedTuple):
    """How one of them is written as its owner does it, and which version is read."""

    write: Callable[[int], None]
    read: Callable[[], int]


class NumberedClock:
    """A clock that shows the version."""

    def __init__(self) -> None:
        self.now = 0

    def stamp(self) -> Stamp:
        return Stamp(
            boot_id=UUID(int=1),
            mono_ns=self.now,
            utc=None,
            clock_state=ClockState.UNSYNCED,
            utc_err_s=None,
        )


def state_files(folder: Path) -> dict[str, StateFile]:
    """All that is kept over a power cut beside the outbox."""
    return {
        "budget": _budget(folder / budget_file.NAME),
        "needs": _needs(folder / NEEDS),
        "rat-setting": _rat_setting(SavedSettings(folder / "rat-settings")),
        "rungs": _rungs(folder / "rungs"),
    }


def _budget(file: Path) -> StateFile:
    def write(version: int) -> None:
        account = Account(typical_bytes={f"entry {n}": float(version) for n in range(TIMES)})
        budget_file.save(file, Book(accounts={"8984": account}))

    def read() -> int:
        book = budget_file.load(file)
        return 0 if book is None else _only(book.accounts["8984"].typical_bytes.values())

    return StateFile(write, read)


def _needs(file: Path) -> StateFile:
    def write(version: int) -> None:
        circle = Circle(lat_deg=12.0, lon_deg=107.7, radius_m=500.0)
        need = SampleNeed(area="1", name="Kiến Đức", target="t1", missing=version, circle=circle)
        message = SampleNeeds(
            probe="dn-01", made_utc=SOME_DAY, valid_until_utc=SOME_DAY, needs=(need,) * TIMES
        )
        write_durably(file, msgspec.json.encode(message))

    def read() -> int:
        if not file.exists():
            return 0
        return _only(need.missing for need in decode_needs(file.read_bytes()).needs)

    return StateFile(write, read)


def _rat_setting(settings: SavedSettings) -> StateFile:
    def write(version: int) -> None:
        settings.save(IMEI, {f"lever {n}": str(version) for n in range(TIMES)})

    def read() -> int:
        found = settings.find(IMEI)
        return 0 if found is None else _only(found.values())

    return StateFile(write, read)


def _rungs(folder: Path) -> StateFile:
    clock = NumberedClock()
    log = RungLog(folder, clock)

    def write(version: int) -> None:
        clock.now = version
        log.note(PLACE, Rung.RADIO)

    def read() -> int:
        file = folder / f"{PLACE}.json"
        if not file.exists():
            return 0
        return msgspec.json.decode(file.read_bytes(), type=tuple[Tried, ...])[-1].mono_ns

    return StateFile(write, read)


def _only(versions: Iterable[float | str]) -> int:
    """The version that all of a file has; raises ValueError where there are several."""
    (version,) = {int(each) for each in versions}
    return version


def say(name: str, version: int) -> None:
    os.write(1, f"{name} {version}\n".encode())


def main(folder: Path, what: str, first: int = 1) -> None:
    files = state_files(folder)
    if what == "read":
        for name, file in files.items():
            say(name, file.read())
        return
    for version in itertools.count(first):
        for name, file in files.items():
            file.write(version)
            say(name, version)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
