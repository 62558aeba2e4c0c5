"""A storm of modems that are pulled out and plugged in again, over whatever bus it is given."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from agent.clock import Clock
from agent.config import ModemPlace
from agent.hotplug_worker import Hints, HotplugWorker
from agent.modem_worker import ModemWorker
from agent.places import Places
from agent.rat_setting import SavedSettings
from agent.rungs import RungLog
from agent.runtime import Supervisor, Worker
from drivers.modem.usb import PluggedModem
from tests.descriptors import open_descriptors
from tests.unit.agent.workers.conftest import Records, make_recorder
from wire.messages import Position

BY_PATH = {"north": ("1-1.1", "860000000000011"), "east": ("1-1.2", "860000000000029")}
"""By the name of the place: the path it names, and the modem that always stands there."""
BY_IMEI = {"south": "860000000000037", "west": "860000000000045"}
FREE_PATHS = ("1-1.3", "1-1.4", "1-2.1", "1-2.2")
STRANGER_PATH, STRANGER_IMEI = "1-2.3", "860000000000052"
IMEIS = {name: imei for name, (_, imei) in BY_PATH.items()} | BY_IMEI


class UsbBus(Protocol):
    """Where modems are plugged in."""

    def plug(self, usb_path: str, imei: str) -> object:
        """A modem appears, under a tty name that none had before."""

    def unplug(self, usb_path: str) -> None:
        """It is gone, whoever had it open."""


class Resources(NamedTuple):
    """What a process could leak."""

    descriptors: int
    threads: tuple[str, ...]


class Weathered(NamedTuple):
    """What became of the probe in the storm."""

    events: int
    took_s: float
    steady: tuple[Resources, Resources]
    """While all modems were there: before the first event, and after the last. Without sockets, of
    which umockdev leaves some of its own open; the only one of ours is looked at where it is."""
    wrong: tuple[str, ...]
    """Rows that name another modem than the one of their place."""
    hints: int


class CountedHints:
    """Hints as they come, counted."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self.count = 0
        self.wake = hints.wake
        self.close = hints.close

    def wait(self, timeout_s: float) -> bool:
        hinted = self._hints.wait(timeout_s)
        self.count += hinted
        return hinted


def resources(*, sockets: bool = True) -> Resources:
    threads = sorted(thread.name for thread in threading.enumerate())
    return Resources(open_descriptors(sockets=sockets), tuple(threads))


class Storm:
    """A probe of four places on a bus: two by their path, two by the IMEI of their modem."""

    def __init__(
        self,
        bus: UsbBus,
        *,
        scan: Callable[[], tuple[PluggedModem, ...]],
        listen: Callable[[], Hints],
        folder: Path,
    ) -> None:
        self.bus = bus
        self.records = Records()
        self.clock = Clock()
        self._dice = random.Random(47)  # noqa: S311  # the same storm each time
        self._listen = listen
        self._heard: list[CountedHints] = []
        self.where = {name: path for name, (path, _) in BY_PATH.items()}
        configured = (
            *(ModemPlace(name=name, usb_path=path) for name, (path, _) in BY_PATH.items()),
            *(ModemPlace(name=name, imei=imei) for name, imei in BY_IMEI.items()),
        )
        places = Places(configured, scan=scan)
        saved = SavedSettings(folder / "settings")
        self._modems = [
            ModemWorker(
                place=place,
                open_modem=places.open_modem,
                clock=self.clock,
                recorder=make_recorder(self.records, self.clock),
                position_at=lambda _: Position(),
                saved=saved,
                rungs=RungLog(folder / "rungs", self.clock),
            )
            for place in configured
        ]

    def weather(self, *, cycles: int, burst: int) -> Weathered:
        """Pull out and plug in so often; after each `burst` wait until all were found again."""
        self.bus.plug(STRANGER_PATH, STRANGER_IMEI)
        for name in IMEIS:
            self._plug(name)
        with self._running():
            self._hear_everybody()
            before, started_s = resources(sockets=False), time.monotonic()
            for first in range(0, cycles, burst):
                names = [self._dice.choice(list(IMEIS)) for _ in range(min(burst, cycles - first))]
                since = {name: self._replug(name) for name in names}
                for name, since_ns in since.items():
                    self._await_back(name, since_ns)
            took_s = time.monotonic() - started_s
            self._hear_everybody()
            after = resources(sockets=False)
        return Weathered(
            events=2 * cycles,
            took_s=took_s,
            steady=(before, after),
            wrong=self._wrong_rows(),
            hints=sum(heard.count for heard in self._heard),
        )

    @contextmanager
    def _running(self) -> Iterator[None]:
        crashes: list[object] = []
        hotplug = HotplugWorker(self._modems, listen=self._counted)
        supervisor = Supervisor(on_restart=crashes.append, on_stall=crashes.append)
        supervisor.start(
            [
                *(Worker(name=f"modem {each.place.name}", run=each.run) for each in self._modems),
                Worker(name="hotplug", run=hotplug.run),
            ]
        )
        try:
            yield
        finally:
            stuck = supervisor.stop(15.0)
        assert stuck == ()
        assert crashes == []

    def _counted(self) -> CountedHints:
        self._heard.append(CountedHints(self._listen()))
        return self._heard[-1]

    def _plug(self, name: str) -> None:
        if name in BY_IMEI:
            free = set(FREE_PATHS) - {self.where.get(other) for other in BY_IMEI if other != name}
            self.where[name] = self._dice.choice(sorted(free))
        self.bus.plug(self.where[name], IMEIS[name])

    def _replug(self, name: str) -> int:
        """One cycle, two events; when it began."""
        since_ns = self.clock.mono_ns()
        self.bus.unplug(self.where[name])
        self._plug(name)
        return since_ns

    def _await_back(self, name: str, since_ns: int) -> None:
        found = IMEIS[name], self.where[name]
        self.records.wait(
            lambda row: (
                row.kind == "event"
                and row.payload.name == "modem_back"
                and row.mono_ns > since_ns
                and (row.modem.imei, row.modem.usb_path) == found
            ),
            f"{name}, IMEI {found[0]} at {found[1]},",
        )

    def _hear_everybody(self) -> None:
        """Wait until each place has a row of its own modem, where that stands now."""
        since_ns = self.clock.mono_ns()
        for name, imei in IMEIS.items():
            wanted = name, imei, self.where[name]
            self.records.wait(
                lambda row, wanted=wanted: (
                    row.kind == "radio"
                    and row.mono_ns > since_ns
                    and (row.modem.name, row.modem.imei, row.modem.usb_path) == wanted
                ),
                f"a row of {wanted}",
            )

    def _wrong_rows(self) -> tuple[str, ...]:
        return tuple(
            f"{row.kind}: {row.modem}"
            for row in self.records.all()
            if row.modem is not None and row.modem.imei not in {None, IMEIS[row.modem.name]}
        )
