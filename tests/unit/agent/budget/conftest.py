"""A purse with interfaces whose counters a test moves, on a clock that a test moves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from agent.budget.book import Reading
from agent.budget.counters import read
from agent.budget.purse import Purse, Watched
from agent.clock import Anchor, Clock, NtpState
from agent.config import Budget, SimBudget
from agent.recorder import Envelope, Recorder
from wire.messages import ClockState, Modem, Position

NOON = datetime(2026, 11, 10, 5, 0, tzinfo=UTC)
"""In Viet Nam, with twenty days and a half to go."""
A, B = "8984048000000000001", "8984048000000000002"


class FakeTime:
    def __init__(self):
        self.boot = UUID(int=1)
        self.now_ns = 100 * 10**9

    def boot_id(self):
        return self.boot

    def mono_ns(self):
        return self.now_ns

    def wall(self):
        return datetime(1970, 1, 1, tzinfo=UTC)

    def ntp(self):
        return NtpState(synchronised=False, max_error_s=16.0)


class Records:
    def __init__(self):
        self.events = []

    def append(self, record):
        self.events.append(record.payload)
        return True

    def named(self, name):
        return [event.detail for event in self.events if event.name == name]


class Probe:
    """A computer with two modems: the kernel's counters, cards, power, and the agent's purse."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self.records = Records()
        self.cards = {"a": A, "b": B}
        self.bound = True
        self.utc = NOON
        self.time = FakeTime()
        self.index = 0
        for name in self.cards:
            self.plug_in(name)

    def plug_in(self, name):
        """The interface counts from zero under a new number."""
        self.index += 1
        folder = self.folder / "net" / f"wwan-{name}" / "statistics"
        folder.mkdir(parents=True, exist_ok=True)
        (folder.parent / "ifindex").write_text(f"{self.index}\n")
        for counter in ("rx_bytes", "tx_bytes"):
            (folder / counter).write_text("0\n")

    def unplug(self, name):
        (self.folder / "net" / f"wwan-{name}" / "ifindex").unlink()

    def carry(self, name, count):
        file = self.folder / "net" / f"wwan-{name}" / "statistics" / "rx_bytes"
        file.write_text(f"{int(file.read_text()) + count}\n")

    def reading(self, interface) -> Reading | None:
        return read(interface, self.folder / "net")

    def start(self, *, knows_time=True, sim=(), **budget):
        """An agent that has looked once; what the one before had not saved is gone."""
        self.clock = Clock(self.time)
        if knows_time:
            self.learn_time()
        recorder = Recorder(
            Envelope(probe="p", software="t", stamp=self.clock.stamp, position=Position),
            self.records,
        )
        self.purse = Purse(
            folder=self.state,
            settings=Budget(sim=tuple(SimBudget(**each) for each in sim), **budget),
            watched=[
                Watched(
                    modem=Modem(usb_path="1-1", name=name),
                    name=name,
                    interface=lambda name=name: f"wwan-{name}" if self.bound else None,
                    iccid=lambda name=name: self.cards[name],
                )
                for name in self.cards
            ],
            clock=self.clock,
            recorder=recorder,
            counters=self.reading,
        )
        self.purse.look()
        return self.purse

    def learn_time(self):
        self.clock.anchor(
            Anchor(mono_ns=self.time.now_ns, utc=self.utc, err_s=0.1, source=ClockState.GPS)
        )

    def wait(self, **delta):
        self.time.now_ns += round(timedelta(**delta) / timedelta(microseconds=1)) * 1000
        self.utc += timedelta(**delta)

    def boot(self, **options):
        """A power cut and a start: counters and clock begin anew."""
        self.time.boot = UUID(int=self.time.boot.int + 1)
        self.time.now_ns = 10 * 10**9
        for name in self.cards:
            self.plug_in(name)
        return self.start(**options)

    def used(self, name="a"):
        """As the purse says it now."""
        self.purse.look()
        return self.purse.outlook(name).used_bytes

    def test(self, count, *, name="a", most=None, plan="p", optional=False):
        """Run one test that carries so much; why not, if it is refused."""
        most = count if most is None else most
        refused = self.purse.objection(name, plan=plan, optional=optional, most_bytes=most)
        if refused is not None:
            return refused
        reserved = self.purse.reserve(name, plan=plan, optional=optional, most_bytes=most)
        if isinstance(reserved, str):
            return reserved
        self.carry(name, count)
        self.purse.settle(name, reserved, carried_bytes=None)
        return None


@pytest.fixture
def probe(tmp_path):
    return Probe(tmp_path)
