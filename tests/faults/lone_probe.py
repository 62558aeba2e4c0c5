"""A probe with one simulated modem and no way to its broker: all it accepts is in its outbox."""

import socket
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Self

from sim.demo.toml import toml
from sim.parts import Part, ReservedPort, find_command, wait_until
from sim.world import demo_world, save_world
from wire.codec import decode_record, unpack_line
from wire.messages import AnyMeasurement

MODEM = "viettel"
NS_PER_S = 1e9
SLACK = 0.1
WAIT_S = 30.0
READY, FED = b"READY=1", b"WATCHDOG=1"


class LoneProbe:
    """Its files, its modem, and what systemd would hear of it; a context manager."""

    def __init__(self, folder: Path, more: str = "") -> None:
        """`more` is put below the configuration; profiles of tests lie in `folder`."""
        world = folder / "world.json"
        save_world(demo_world(time.time() + 86_400), world)
        port = folder / MODEM
        self.modem = Part(
            "modem",
            [
                *(find_command("dosong-sim"), "modem", "--world", str(world)),
                *("--link", str(port), "--modem", MODEM),
            ],
            log=folder / "modem.log",
        )
        self._port = port
        self._nowhere = ReservedPort()
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(folder / "notify"))
        self.config = folder / "probe.toml"
        self.outbox = folder / "state" / "outbox.db"
        folders = {"state_dir": folder / "state", "run_dir": folder / "run"}
        head = {"probe": "dn-01", "profile_dir": folder} | folders
        place = {"lat_deg": 12.0, "lon_deg": 107.7, "horizontal_error_m": 5.0}
        uplink = {"host": "localhost", "port": self._nowhere.number}
        tables = {"gps.surveyed": place, "uplink": uplink}
        modem = {"name": MODEM, "port": port}
        self.config.write_text(toml(head, tables, {"modem": [modem]}) + more)
        self._log = folder / "agent.log"

    def agent(self, *failpoint: str) -> Part:
        """The agent as systemd starts it; with the name of a failpoint and of a worker: with it."""
        while self.hear(0.01) is not None:
            pass  # what an agent before this one said
        arguments = [find_command("dosong-agent")]
        if failpoint:
            arguments = [sys.executable, "-m", "tests.faults.failpoints", *failpoint]
        environment = {
            "NOTIFY_SOCKET": self._manager.getsockname(),
            "WATCHDOG_USEC": "60000000",
            "PYTHONFAULTHANDLER": "1",
        }
        return Part(
            "agent",
            [*arguments, "run", "--config", str(self.config)],
            log=self._log,
            environment=environment,
        )

    def hear(self, timeout_s: float) -> bytes | None:
        """What systemd hears next; None when it is nothing for so long."""
        self._manager.settimeout(timeout_s)
        try:
            return self._manager.recv(100)
        except TimeoutError:
            return None

    def await_word(self, word: bytes, timeout_s: float = WAIT_S) -> None:
        """Return once systemd has heard it."""
        deadline_s = time.monotonic() + timeout_s
        while (heard := self.hear(max(0.0, deadline_s - time.monotonic()))) != word:
            assert heard is not None, f"systemd did not hear {word!r}"

    def starves(self, agent: Part, silence_s: float, timeout_s: float) -> None:
        """As systemd does: kill the agent once nothing fed its watchdog for so long."""
        deadline_s = time.monotonic() + timeout_s
        while self.hear(silence_s) is not None:
            assert time.monotonic() < deadline_s, "the watchdog is still fed"
        if agent.running:
            agent.kill()

    def rows(self) -> list[AnyMeasurement]:
        """What the outbox holds now, in the order of its numbers."""
        return [
            decode_record(unpack_line(line))
            for (line,) in self._ask("SELECT record FROM outbox ORDER BY seq")
        ]

    def has_event(self, name: str, **detail: object) -> bool:
        """Whether there is an event of this name whose detail says so."""
        return any(
            row.payload.name == name and detail.items() <= row.payload.detail.items()
            for row in self.rows()
            if row.kind == "event"
        )

    def tests(self, since_ns: int = 0) -> list[AnyMeasurement]:
        """The rows of the plan's tests."""
        rows = (row for row in self.rows() if row.plan is not None)
        return [row for row in rows if row.mono_ns > since_ns]

    def looks(self, since_ns: int = 0) -> list[int]:
        """When the radio was looked at, or should have been: one row each second."""
        rows = (row for row in self.rows() if row.kind == "radio")
        return [row.mono_ns for row in rows if row.mono_ns > since_ns]

    def await_looks(self, count: int, since_ns: int = 0) -> None:
        """Return once there are so many rows of the radio."""
        wait_until(self._is_made, "the outbox", WAIT_S)
        wait_until(lambda: len(self.looks(since_ns)) >= count, "rows of the radio", WAIT_S)

    def promised(self) -> int:
        """Rows accepted so far."""
        (made,) = self._ask("SELECT made FROM state")
        return int(made[0])

    def is_whole(self) -> bool:
        """Whether SQLite finds no fault, and each number that was given out is there."""
        (verdict,) = self._ask("PRAGMA integrity_check")
        numbers = [row.seq for row in self.rows()]
        return verdict == ("ok",) and numbers == list(range(1, self.promised() + 1))

    def _is_made(self) -> bool:
        found = "SELECT name FROM sqlite_master WHERE name = 'outbox'"
        return self.outbox.exists() and bool(self._ask(found))

    def _ask(self, question: str) -> list[tuple]:
        with closing(sqlite3.connect(f"{self.outbox.as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(question).fetchall()

    def __enter__(self) -> Self:
        self.modem.start()
        self.modem.wait_until(self._port.exists, "the modem is plugged in", WAIT_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.modem.stop()
        self._nowhere.close()
        self._manager.close()


def missing(looks: list[int]) -> int:
    """Seconds without a row, between the first and the last one; that one may be late."""
    return int((looks[-1] - looks[0]) / NS_PER_S + SLACK) + 1 - len(looks)
