"""What takes part: a way for rows to get from a probe's disk over an uplink into a database."""

from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import NamedTuple


class Uplink(NamedTuple):
    """Where the probe reaches the broker."""

    host: str
    port: int


class Program(NamedTuple):
    """What runs on the probe. It says `A <first> <last>` for rows it was told are kept.

    `burst N` on its standard input adds N rows as fast as they are accepted.
    """

    command: tuple[str, ...]
    environment: dict[str, str]


class Contestant(ABC):
    """Rows of `records.record`, 50 a second, into a database. A context manager in spirit.

    Uplink and broker belong to the race, not to the contestant.
    """

    name: str
    accepts: str
    """What the writer is told, in words, when a row counts as accepted."""
    keeper: str = ""
    """Name of the process that keeps rows, where it is not the only one on the probe."""

    def __init__(self, folder: Path, *, broker_port: int) -> None:
        """Everything that is not on the probe's disk lies below `folder`."""
        self.folder = folder
        self.broker_port = broker_port

    @abstractmethod
    def open(self) -> None:
        """Start the database's side."""

    @abstractmethod
    def program(self, disk: Path, uplink: Uplink, first: int) -> Program:
        """The probe's side, on what it left on the disk; its first row has this number."""

    @abstractmethod
    def stored(self) -> int:
        """Rows in the database so far, repeats included."""

    @abstractmethod
    def database(self) -> Counter[int]:
        """How often each number is visible in the database."""

    @abstractmethod
    def close(self) -> None:
        """End the database's side."""
