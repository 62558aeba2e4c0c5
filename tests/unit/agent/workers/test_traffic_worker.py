import threading
import time
from pathlib import Path

import msgspec
import pytest

from agent import traffic_worker as module
from agent.activity import Ready, Result
from agent.config import ModemPlace
from agent.orders import OrderError
from agent.places import NoInterfaceError
from agent.runtime import Stop
from agent.shared_paths import SharedPaths
from agent.snapshots import Snapshot
from agent.ticks import NS_PER_S
from agent.traffic_worker import TestRequest, TrafficWorker
from drivers.traffic.result import Progress
from wire.cells import Cell, Rat, RatClass
from wire.kinds import latency
from wire.kinds.radio import Payload, RegistrationState
from wire.messages import Modem, Outcome, Position, RatLock, RatMode

LTE = Payload(
    serving=Cell(rat=Rat.LTE, cell_id=7, rsrp_dbm=-90.0),
    plmn="45204",
    registration=RegistrationState.HOME,
)
PLACE = ModemPlace(name="a", port=Path("/dev/a"))
OK = Result(Outcome.OK, None, latency.Payload(method="tcp", sent=1, received=1))


class Radio:
    """A modem's own thread: what it saw last, for as long as it is asked."""

    def __init__(self, clock, outcome=Outcome.OK, payload=LTE):
        self._clock = clock
        self.outcome = outcome
        self.payload = payload
        self.asked = []
        self.lock = None
        self.refuses = False
        self.name_servers = ()

    def _look(self):
        proof = None if self.lock is None else RatLock(asked=self.lock, read_back=self.lock)
        modem = Modem(usb_path="1-1", name="a", imei="86")
        return Snapshot(self._clock.mono_ns(), self.outcome, self.payload, modem, None, proof)

    def snapshots(self, since_ns):
        return (self._look(),) if since_ns >= 0 else ()

    def next_snapshot(self, after_ns, timeout_s):
        look = self._look()
        return look if look.mono_ns > after_ns and timeout_s > 0 else None

    def request_name_servers(self, *, stop, timeout_s):
        assert timeout_s > 0
        if self.refuses or stop.is_set():
            raise OrderError("its DNS: the modem is gone")
        return self.name_servers

    def request_lock(self, mode, *, stop, timeout_s):
        assert timeout_s > 0
        self.asked.append(mode)
        if self.refuses or stop.is_set():
            raise OrderError("refused")
        self.lock = mode


@pytest.fixture
def radio(clock):
    return Radio(clock)


@pytest.fixture
def worker(clock, recorder, radio):
    def make(place=PLACE, paths=None, interface_of=lambda place: place.interface):
        return TrafficWorker(
            place=place,
            radio=radio,
            clock=clock,
            recorder=recorder,
            position_at=lambda _: Position(),
            paths=paths or SharedPaths(),
            interface_of=interface_of,
        )

    return make


@pytest.fixture
def request_for(clock):
    def make(run, *, wait_s=20.0, **changes):
        fields = {"kind": "latency", "needs_service": True, "plan": "check"} | changes
        give_up_ns = clock.mono_ns() + round(wait_s * NS_PER_S)
        return TestRequest(ready=Ready("quick", run), give_up_mono_ns=give_up_ns, **fields)

    return make


@pytest.mark.parametrize("asked", [("10.0.0.53",), ()])
def test_a_test_is_told_the_modems_name_servers(worker, request_for, start, radio, asked):
    radio.name_servers, radio.refuses = asked, not asked
    paths = []

    def run(job):
        paths.append(job.path)
        return OK

    made = worker(interface_of=lambda _: "lo")
    start(made.run)
    ended = threading.Event()
    made.ask(request_for(run, done=lambda _: ended.set()))
    assert ended.wait(20)
    assert (paths[0].interface, paths[0].dns_servers) == ("lo", asked)


def is_row(row):
    return row.kind == "latency"


def test_a_test_carries_what_the_radio_was_like(worker, request_for, start, records):
    made = worker()
    start(made.run)
    made.ask(request_for(lambda _: OK))
    row = records.wait(is_row)
    assert (row.outcome, row.plan, row.profile) == (Outcome.OK, "check", "quick")
    assert row.payload.radio.rat_class is RatClass.G4
    assert (row.payload.radio.plmn, row.payload.radio.cell_id) == ("45204", 7)
    assert row.modem.imei == "86"
    assert row.rat_lock is None


def test_without_modem_or_service_the_row_says_so_and_nothing_runs(
    worker, request_for, start, records, radio
):
    made = worker()
    start(made.run)
    for outcome in (Outcome.NO_SERVICE, Outcome.MODEM_GONE):
        radio.outcome = outcome
        made.ask(request_for(lambda _: pytest.fail("it ran"), plan=outcome.value))
        row = records.wait(lambda row, plan=outcome.value: is_row(row) and row.plan == plan)
        assert (row.outcome, row.payload) == (outcome, None)


def test_a_test_waits_for_a_modem_that_is_not_settled(
    worker, request_for, start, records, *, radio, monkeypatch
):
    monkeypatch.setattr(module, "FIRST_LOOK_TIMEOUT_S", 0.2)
    radio.outcome = Outcome.SKIPPED
    made = worker()
    start(made.run)
    made.ask(request_for(lambda _: pytest.fail("it ran"), plan="unsettled"))
    row = records.wait(lambda row: is_row(row) and row.plan == "unsettled")
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "nothing known of the modem yet")
    monkeypatch.setattr(module, "FIRST_LOOK_TIMEOUT_S", 20)
    made.ask(request_for(lambda _: OK, plan="settled"))
    radio.outcome = Outcome.OK
    row = records.wait(lambda row: is_row(row) and row.plan == "settled")
    assert row.outcome is Outcome.OK


def test_a_test_that_needs_no_service_runs_without(worker, request_for, start, records, radio):
    radio.outcome = Outcome.NO_SERVICE
    made = worker()
    start(made.run)
    made.ask(request_for(lambda _: OK, needs_service=False))
    assert records.wait(is_row).outcome is Outcome.OK


@pytest.mark.parametrize("outcome", [Outcome.MODEM_GONE, Outcome.INVALID])
def test_a_test_that_fails_with_its_modem_is_no_failure_of_the_network(
    worker, request_for, start, records, *, radio, outcome
):
    def fail(_):
        radio.outcome = outcome
        return Result(Outcome.FAILED, "transfer: stalled", OK.payload)

    made = worker()
    start(made.run)
    made.ask(request_for(fail))
    row = records.wait(is_row)
    assert row.outcome is outcome
    assert "transfer: stalled" in row.reason


def test_a_test_that_fails_while_the_modem_is_served_is_the_networks(
    worker, request_for, start, records
):
    made = worker()
    start(made.run)
    made.ask(request_for(lambda _: Result(Outcome.FAILED, "transfer: stalled", OK.payload)))
    row = records.wait(is_row)
    assert (row.outcome, row.reason) == (Outcome.FAILED, "transfer: stalled")


def test_a_test_without_its_own_interface_is_invalid(worker, request_for, start, records):
    def missing(_):
        raise NoInterfaceError("no network interface at USB path 1-1")

    made = worker(interface_of=missing)
    start(made.run)
    made.ask(request_for(lambda _: pytest.fail("it ran")))
    row = records.wait(is_row)
    assert (row.outcome, row.reason) == (
        Outcome.INVALID,
        "no network interface at USB path 1-1",
    )


def test_a_locked_test_is_proven_and_the_lock_given_back(
    worker, request_for, start, records, radio
):
    made = worker()
    start(made.run)
    given_back = threading.Event()
    made.ask(request_for(lambda _: OK, rat_lock=RatMode.G4, done=lambda _: given_back.set()))
    row = records.wait(is_row)
    assert row.rat_lock == RatLock(asked=RatMode.G4, read_back=RatMode.G4, serving_agreed=True)
    made.ask(request_for(lambda _: OK, plan="after"))
    records.wait(lambda row: is_row(row) and row.plan == "after")
    assert radio.asked == [RatMode.G4, None]


def test_a_lock_that_is_refused_is_a_skipped_test(worker, request_for, start, records, radio):
    radio.refuses = True
    made = worker()
    start(made.run)
    made.ask(request_for(lambda _: pytest.fail("it ran"), rat_lock=RatMode.G5_SA))
    row = records.wait(is_row)
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "rat lock: refused")
    assert row.rat_lock.asked is RatMode.G5_SA


def test_one_test_at_a_time_on_a_shared_path(worker, request_for, start, records):
    paths = SharedPaths()
    place = ModemPlace(name="a", port=Path("/dev/a"), shared_path="usb")
    first, second = worker(place, paths), worker(place, paths)
    started, go_on = threading.Event(), threading.Event()

    def hold(_):
        started.set()
        assert go_on.wait(20)
        return OK

    start(first.run)
    start(second.run)
    first.ask(request_for(hold, plan="first"))
    assert started.wait(20)
    second.ask(request_for(lambda _: pytest.fail("both at once"), plan="late", wait_s=0.2))
    late = records.wait(lambda row: is_row(row) and row.plan == "late")
    assert (late.outcome, late.reason) == (
        Outcome.SKIPPED,
        "busy: usb is used by another test",
    )
    second.ask(request_for(lambda _: OK, plan="patient"))
    go_on.set()
    assert records.wait(lambda row: is_row(row) and row.plan == "patient").outcome is Outcome.OK


def test_a_test_with_a_defect_is_a_row_and_the_supervisor_hears_of_it(worker, request_for, records):
    def crash(_):
        raise ZeroDivisionError

    made = worker()
    made.ask(request_for(crash))
    with pytest.raises(ZeroDivisionError):
        made.run(Stop(), lambda: None)
    (row,) = records.all("latency")
    assert (row.outcome, row.reason) == (Outcome.INVALID, "the test crashed")


def test_a_long_test_that_goes_on_is_no_stall(worker, request_for):
    beats, made, stop = [], worker(), Stop()

    def run(job):
        beats.clear()
        job.on_progress(Progress(stage="segment 1 of 200", elapsed_s=1.0))
        stop.set()
        return OK

    made.ask(request_for(run))
    made.run(stop, lambda: beats.append(1))
    assert beats == [1]


def test_to_wait_for_a_shared_path_is_no_stall():
    beats, stop = threading.Semaphore(0), Stop()
    paths = SharedPaths()
    done = threading.Event()

    def wait():
        with paths.taken("usb", stop=stop, beat=beats.release, timeout_s=20) as free:
            assert free
            done.set()

    with paths.taken("usb", stop=stop, beat=lambda: None, timeout_s=1):
        threading.Thread(target=wait, daemon=True).start()
        assert beats.acquire(timeout=10)
    assert done.wait(10)


def test_a_running_test_ends_with_the_agent_and_is_in_no_statistic(
    worker, request_for, records, clock
):
    made = worker()
    stop = Stop()

    def run(job):
        stop.set()
        assert job.cancel.wait(20)
        return Result(Outcome.FAILED, "transfer: reset", None)

    made.ask(request_for(run))
    made.ask(request_for(lambda _: pytest.fail("it ran"), plan="waiting"))
    made.run(stop, lambda: None)
    cut, waiting = records.all("latency")
    assert (cut.outcome, cut.reason) == (Outcome.INVALID, "the agent stops")
    assert (waiting.outcome, waiting.reason) == (Outcome.SKIPPED, "the agent stops")
    assert clock.mono_ns() > 0


@pytest.fixture
def impatient(monkeypatch):
    """Short of time for a modem that is only slow."""
    monkeypatch.setattr(module, "AGREE_TIMEOUT_S", 0.5)


@pytest.mark.usefixtures("impatient")
def test_a_modem_on_a_forbidden_cell_is_given_the_time_to_have_its_radio_switched(
    worker, request_for, start, records, radio
):
    radio.payload = msgspec.structs.replace(LTE, serving=Cell(rat=Rat.WCDMA))
    made = worker()
    start(made.run)
    begun = time.monotonic()
    helped = threading.Timer(1.5, lambda: setattr(radio, "payload", LTE))
    helped.start()
    made.ask(request_for(lambda _: OK, rat_lock=RatMode.G4))
    row = records.wait(is_row)
    assert row.outcome is Outcome.OK
    assert time.monotonic() - begun >= 1.5
