"""The agent's workers with a real recorder, and records kept where a test can wait for them."""

import threading
import time
from collections import deque
from datetime import UTC, datetime
from uuid import UUID

import pytest

from agent.clock import Clock, NtpState
from agent.recorder import Envelope, Recorder
from agent.runtime import Stop, Supervisor, Worker
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
