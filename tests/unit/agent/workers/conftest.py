"""The agent's workers with a real recorder, and records kept where a test can wait for them."""

import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from agent.clock import Clock, NtpState
from agent.config import ModemPlace
from agent.modem_worker import ModemWorker
from agent.rat_setting import SavedSettings
from agent.recorder import Envelope, Recorder
from agent.rungs import RungLog
from agent.runtime import Stop, Supervisor, Worker
from drivers.modem.modem import Modem
from sim.faults import faults_file
from sim.parts import Part
from sim.world import Stretch, demo_world, save_world
from wire.messages import Position

BOOT = UUID(int=7)
WAIT_S = 30.0


class FakeTime:
    """A clock that a test moves."""

    def __init__(self):
        self.now_ns = 1_000_000_000_000

    def boot_id(self):
        return BOOT

    def mono_ns(self):
        return self.now_ns

    def wall(self):
        return datetime(1970, 1, 1, tzinfo=UTC)

    def ntp(self):
        return NtpState(synchronised=False, max_error_s=16.0)

    def advance(self, seconds):
        self.now_ns += round(seconds * 1e9)


class Records:
    """In place of the outbox."""

    def __init__(self):
        self._changed = threading.Condition()
        self._records = deque(maxlen=10_000)

    def append(self, record):
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()
        return True

    def all(self, kind=None):
        with self._changed:
            return [each for each in self._records if kind in {None, each.kind}]

    def events(self):
        return [each.payload.name for each in self.all("event")]

    def wait(self, wanted, what="the awaited record"):
        """The first record that `wanted` accepts, as soon as it is there."""
        deadline = time.monotonic() + WAIT_S
        with self._changed:
            while True:
                found = next((each for each in self._records if wanted(each)), None)
                if found is not None:
                    return found
                left_s = deadline - time.monotonic()
                assert left_s > 0, f"{what} never came: {list(self._records)[-3:]}"
                self._changed.wait(left_s)


@pytest.fixture
def records():
    return Records()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder(records, clock):
    return make_recorder(records, clock)


@pytest.fixture
def recorder_on(records):
    """A recorder on another clock."""
    return lambda clock: make_recorder(records, clock)


@pytest.fixture
def fake_time():
    return FakeTime()


@pytest.fixture
def fake_clock(fake_time):
    return Clock(fake_time)


@pytest.fixture
def fake_recorder(records, fake_clock):
    return make_recorder(records, fake_clock)


def make_recorder(records, clock):
    return Recorder(
        Envelope(probe="dn-01", software="test", stamp=clock.stamp, position=Position), records
    )


@pytest.fixture
def start():
    """Runs a worker in its thread until the test ends, or until `stop` is called."""
    supervisors = []

    def start_worker(run, name="worker"):
        crashes = []
        supervisor = Supervisor(on_restart=crashes.append, on_stall=crashes.append)
        supervisors.append((supervisor, crashes))
        supervisor.start([Worker(name=name, run=run)])
        return supervisor

    yield start_worker
    for supervisor, crashes in supervisors:
        assert supervisor.stop(15.0) == ()
        assert crashes == []


@pytest.fixture
def stop():
    return Stop()


class SimModem:
    """A simulated modem in a process of its own, behind a link."""

    def __init__(self, folder, world, name):
        self.link = folder / f"{name}-at"
        self._faults = faults_file(self.link)
        command = [sys.executable, "-m", "sim", "modem", "--world", str(world), "--modem", name]
        self._part = Part(
            name,
            [*command, "--link", str(self.link), "--pace", "0.05"],
            log=folder / f"{name}.log",
        )

    def plug_in(self):
        self._part.start()
        self._part.wait_until(self.link.is_symlink, "its port", WAIT_S)

    def unplug(self):
        # The link first: a pty's number is given to the next that is made, perhaps in another test.
        self.link.unlink(missing_ok=True)
        self._part.kill()

    def fault(self, *names):
        self._faults.write_text("\n".join(names))


@pytest.fixture
def sim_modem(tmp_path):
    """Makes plugged modems; `silence` is a world in which nobody hears anything."""
    made = []

    def make(name="viettel", *, silence=False, folder=tmp_path, persona=None):
        folder.mkdir(exist_ok=True)
        world = demo_world(time.time() + 86_400)
        if persona is not None:
            card = msgspec.structs.replace(world.modem(name), persona=persona)
            world = msgspec.structs.replace(world, modems=(card,))
        if silence:
            drive = world.drive
            everywhere = Stretch(road=drive.road, start_m=0, end_m=drive.end_m, half_width_m=1e6)
            world = msgspec.structs.replace(world, stretches=(everywhere,))
        file = folder / f"{name}-world.json"
        save_world(world, file)
        modem = SimModem(folder, file, name)
        made.append(modem)
        modem.plug_in()
        return modem

    yield make
    for modem in made:
        modem.unplug()


def open_at(place):
    return Modem.open(str(place.port), usb_path=place.place, name=place.name)


@pytest.fixture
def modem_worker(clock, recorder, tmp_path):
    """A worker for the modem behind a port, with its settings in the test's folder."""

    def make(port, **changes):
        return ModemWorker(
            place=ModemPlace(name="viettel", port=port, **changes),
            open_modem=open_at,
            clock=clock,
            recorder=recorder,
            position_at=lambda _: Position(),
            saved=SavedSettings(tmp_path / "rat-settings"),
            rungs=RungLog(tmp_path / "rungs", clock),
        )

    return make
