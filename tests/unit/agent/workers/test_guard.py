"""Tests on a modem whose data, computer and usefulness are looked at first."""

from pathlib import Path

import msgspec
import pytest

from agent.activity import Ready, Result
from agent.config import Host, ModemPlace
from agent.guard import Guard
from agent.host_load import Core, Look
from agent.host_watch import HostWatch, Watching
from agent.request import TestRequest
from agent.runtime import Stop
from agent.shared_paths import SharedPaths
from agent.snapshots import Snapshot
from agent.ticks import NS_PER_S
from agent.traffic_worker import TrafficWorker
from tests.unit.agent.budget.conftest import A, Probe
from wire.cells import Cell, Rat, RatClass
from wire.evidence import ServerCheck
from wire.kinds import throughput
from wire.kinds.radio import Payload, RegistrationState
from wire.messages import Modem, Outcome, Position, RatMode, Sim

LTE = Payload(
    serving=Cell(rat=Rat.LTE, cell_id=7), plmn="45204", registration=RegistrationState.HOME
)
PAYLOAD = throughput.Payload(
    direction="down", streams=6, warmup_s=2, window_s=10, bits_per_second=50e6
)
MEGA = 10**6


class Radio:
    """Looks once a second, the last of them a moment after it was asked for."""

    def __init__(self, clock):
        self._clock = clock
        self.looks = [self._look(clock.mono_ns() - NS_PER_S // 2)]
        self.under_way = []
        self.locks = []

    def request_name_servers(self, **_):
        return ()

    def _look(self, mono_ns):
        sim = Sim(iccid=A, home_plmn="45204")
        return Snapshot(mono_ns, Outcome.OK, LTE, Modem(usb_path="1-1", name="a"), sim)

    def look_at(self, mono_ns):
        self.under_way.append(self._look(mono_ns))

    def snapshots(self, since_ns):
        return tuple(look for look in self.looks if look.mono_ns >= since_ns - 2 * NS_PER_S)

    def next_snapshot(self, after_ns, timeout_s):
        assert after_ns <= self._clock.mono_ns()
        assert timeout_s > 0
        self.looks += self.under_way
        self.under_way = []
        self.looks.append(self._look(self._clock.mono_ns()))
        return self.looks[-1]

    def request_lock(self, mode, *, stop, timeout_s):
        assert timeout_s > 0
        assert not stop.is_set()
        self.locks.append(mode)


@pytest.fixture
def radio(clock):
    return Radio(clock)


@pytest.fixture
def probe(tmp_path):
    return Probe(tmp_path)


@pytest.fixture
def run(*, clock, recorder, radio, start, records):
    """Run one test under a guard; its row."""
    plans = iter(range(100))

    def run_one(guard, ready, **changes):
        made = TrafficWorker(
            place=ModemPlace(name="a", port=Path("/dev/a")),
            radio=radio,
            clock=clock,
            recorder=recorder,
            position_at=lambda _: Position(),
            paths=SharedPaths(),
            interface_of=lambda _: "wwan0",
            guard=guard,
        )
        supervisor = start(made.run)
        plan = f"plan-{next(plans)}"
        made.ask(
            TestRequest(
                **{
                    "kind": "throughput",
                    "ready": ready,
                    "needs_service": True,
                    "give_up_mono_ns": clock.mono_ns() + 20 * NS_PER_S,
                    "plan": plan,
                    **changes,
                }
            )
        )
        row = records.wait(lambda each: each.kind == "throughput" and each.plan == plan)
        assert supervisor.stop(10) == ()
        return row

    return run_one


def ends(outcome=Outcome.OK, reason=None, *, meanwhile=lambda: None, **changes):
    def run_it(_):
        meanwhile()
        return Result(outcome, reason, msgspec.structs.replace(PAYLOAD, **changes))

    return run_it


def test_a_test_is_paid_by_what_the_interface_carried(run, probe):
    purse = probe.start(monthly_gb=1.0)
    guard = Guard("a", purse=purse)
    ready = Ready("p", ends(meanwhile=lambda: probe.carry("a", 30 * MEGA)), most_bytes=400 * MEGA)
    assert run(guard, ready).outcome is Outcome.OK
    assert purse.outlook("a").used_bytes == 30 * MEGA
    assert purse.outlook("a").reserved_bytes == 0


def test_a_test_that_could_not_be_paid_is_a_row_and_touches_nothing(run, probe, radio):
    purse = probe.start(monthly_gb=0.4)
    ready = Ready("p", lambda _: pytest.fail("it ran"), most_bytes=400 * MEGA)
    row = run(Guard("a", purse=purse), ready, rat_lock=RatMode.G4)
    assert (row.outcome, row.payload) == (Outcome.SKIPPED, None)
    assert row.reason == (
        "budget: 0.00 of 0.40 GB used or reserved, the test may need 0.40, 0.04 are kept for"
        " records"
    )
    assert radio.locks == []


def test_a_test_without_data_needs_no_budget(run, probe):
    purse = probe.start(monthly_gb=0.001)
    assert run(Guard("a", purse=purse), Ready("p", ends())).outcome is Outcome.OK


def test_a_test_whose_bytes_nobody_counted_costs_what_it_says(run, probe):
    purse = probe.start()
    ready = Ready(
        "p",
        ends(meanwhile=lambda: probe.unplug("a"), total_payload_bytes=10 * MEGA),
        most_bytes=400 * MEGA,
    )
    run(Guard("a", purse=purse), ready)
    assert purse.outlook("a").used_bytes == pytest.approx(10.6 * MEGA)


class Enough:
    """A collector that needs nothing."""

    def __init__(self):
        self.questions = []

    def objection(self, question):
        self.questions.append(question)
        return "needs: Quang Tin has enough samples"


def test_where_there_are_enough_samples_an_optional_test_is_left_out(run, clock):
    needs = Enough()
    guard = Guard("a", needs=needs)
    ready = Ready("p", lambda _: pytest.fail("it ran"))
    row = run(guard, ready, optional=True, needs=True, rat_lock=RatMode.G5_SA)
    assert (row.outcome, row.reason) == (
        Outcome.SKIPPED,
        "needs: Quang Tin has enough samples",
    )
    (question,) = needs.questions
    assert (question.kind, question.plmn, question.rat_class) == (
        *("throughput", "45204", RatClass.G5),
    )
    assert question.utc == clock.stamp().utc
    assert run(guard, Ready("p", ends()), optional=True).outcome is Outcome.OK
    assert run(guard, Ready("p", ends()), needs=True).outcome is Outcome.OK


@pytest.fixture
def hot(tmp_path):
    """A computer to make hot and weak."""
    zone = tmp_path / "sys/class/thermal/thermal_zone0/temp"
    zone.parent.mkdir(parents=True)
    zone.write_text("50000")
    meminfo = tmp_path / "proc/meminfo"
    meminfo.parent.mkdir()
    meminfo.write_text("MemAvailable: 500000 kB\n")
    return tmp_path


def test_no_test_begins_on_an_overheated_computer(run, hot):
    (hot / "sys/class/thermal/thermal_zone0/temp").write_text("88100")
    guard = Guard("a", host=HostWatch(Host(), hot))
    row = run(guard, Ready("p", lambda _: pytest.fail("it ran")))
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "temperature: 88 C")


@pytest.mark.parametrize(
    ("outcome", "reason", "invalid"),
    [
        (Outcome.OK, None, "host: only 10 MB of memory were left"),
        (Outcome.SLOW, "access: 12 s", "host: only 10 MB of memory were left (access: 12 s)"),
        (Outcome.FAILED, "connect: timeout", "host: only 10 MB of memory were left (connect: ti"),
        (Outcome.MODEM_GONE, "interface: wwan0 is gone", None),
        (Outcome.INVALID, "server: busy", None),
    ],
)
def test_a_number_that_the_computer_limited_is_invalid_and_kept(
    *, run, hot, outcome, reason, invalid
):
    def lack_memory():
        (hot / "proc/meminfo").write_text("MemAvailable: 10000 kB\n")

    guard = Guard("a", host=HostWatch(Host(), hot))
    row = run(guard, Ready("p", ends(outcome, reason, meanwhile=lack_memory)))
    assert row.payload.host.memory_available_bytes == 10_240_000
    assert row.payload.bits_per_second == 50e6
    if invalid is None:
        assert (row.outcome, row.reason) == (outcome, reason)
    else:
        assert row.outcome is Outcome.INVALID
        assert row.reason.startswith(invalid)


def test_a_test_that_crashes_is_settled_all_the_same(*, clock, recorder, radio, records, probe):
    purse = probe.start()

    def crash(_):
        probe.carry("a", 5 * MEGA)
        raise ValueError("a defect")

    guard = Guard("a", purse=purse, host=HostWatch(Host()))
    made = TrafficWorker(
        place=ModemPlace(name="a", port=Path("/dev/a")),
        radio=radio,
        clock=clock,
        recorder=recorder,
        position_at=lambda _: Position(),
        paths=SharedPaths(),
        interface_of=lambda _: "wwan0",
        guard=guard,
    )
    request = TestRequest(
        kind="throughput",
        ready=Ready("p", crash, most_bytes=400 * MEGA),
        needs_service=True,
        give_up_mono_ns=clock.mono_ns() + 20 * NS_PER_S,
    )
    made.ask(request)
    with pytest.raises(ValueError, match="a defect"):
        made.run(Stop(), lambda: None)
    assert records.all("throughput")[0].reason == "the test crashed"
    assert (purse.outlook("a").used_bytes, purse.outlook("a").reserved_bytes) == (5 * MEGA, 0)


def test_a_short_test_waits_for_the_look_that_was_under_way(run, radio, clock):
    """The look before was over a second old: only the one meanwhile proves the technology."""
    radio.looks = [radio._look(clock.mono_ns() - 3 * NS_PER_S // 2)]
    row = run(Guard("a"), Ready("p", ends(meanwhile=lambda: radio.look_at(clock.mono_ns()))))
    assert row.payload.radio.snapshots == 1
    assert row.payload.radio.seconds < 1


def test_waiting_for_the_server_is_no_part_of_the_test(run):
    waited = ServerCheck(slot="x", waited_s=100.0)
    row = run(Guard("a"), Ready("p", ends(server_check=waited)))
    assert row.payload.radio.seconds == 0


def test_the_computer_is_judged_by_the_test_and_not_by_the_wait_before_it():
    looks = [
        Look(mono_s=float(second), cores=(Core(busy=0, softirq=0, total=100 * second),))
        for second in range(101)
    ]
    looks += [
        Look(
            mono_s=100.0 + second,
            cores=(Core(busy=100 * second, softirq=0, total=10_000 + 100 * second),),
        )
        for second in range(1, 11)
    ]
    watching = Watching(None, Host())
    watching.looks.extend(looks)
    assert watching.load(None).limited_by is None
    load = watching.load(None, after_s=100.0)
    assert load.limited_by == "a core was 100 % busy"
    assert load.samples == 11
