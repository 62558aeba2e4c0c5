import dataclasses
import threading
import time
from pathlib import Path

import msgspec
import pytest

from agent import attempt
from agent import traffic_worker as module
from agent.activity import Ready, Result
from agent.config import ModemPlace
from agent.orders import OrderError
from agent.places import NoInterfaceError
from agent.request import TestRequest
from agent.runtime import Stop
from agent.shared_paths import SharedPaths
from agent.snapshots import Snapshot
from agent.ticks import NS_PER_S
from agent.traffic_worker import TrafficWorker
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

    def _look(self, mono_ns):
        proof = None if self.lock is None else RatLock(asked=self.lock, read_back=self.lock)
        modem = Modem(usb_path="1-1", name="a", imei="86")
        return Snapshot(mono_ns, self.outcome, self.payload, modem, None, proof)

    def snapshots(self, since_ns):
        """One each second, and one now."""
        now_ns = self._clock.mono_ns()
        return tuple(self._look(each) for each in (*range(since_ns, now_ns, NS_PER_S), now_ns))

    def next_snapshot(self, after_ns, timeout_s):
        look = self._look(self._clock.mono_ns())
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
    def make(run, *, wait_s=20.0, deadline_s=None, **changes):
        fields = {"kind": "latency", "needs_service": True, "plan": "check"} | changes
        give_up_ns = clock.mono_ns() + round(wait_s * NS_PER_S)
        return TestRequest(
            ready=Ready("quick", run, deadline_s=deadline_s), give_up_mono_ns=give_up_ns, **fields
        )

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


def test_of_those_that_wait_for_a_modem_the_highest_priority_is_first(
    worker, request_for, start, records
):
    made = worker()
    ran = []
    for name, priority in (("low", 1), ("first", 5), ("second", 5), ("high", 9)):
        made.ask(request_for(lambda _, name=name: ran.append(name) or OK, priority=priority))
    start(made.run)
    records.wait(lambda _: len(records.all("latency")) == 4)
    assert ran == ["high", "first", "second", "low"]


def test_of_too_many_the_lowest_priority_is_skipped(worker, request_for, records):
    made = worker()
    for number in range(module.MOST_REQUESTS):
        made.ask(request_for(lambda _: OK, plan=f"n{number}", priority=3))
    made.ask(request_for(lambda _: OK, plan="urgent", priority=9))
    (row,) = records.all("latency")
    assert (row.outcome, row.plan) == (Outcome.SKIPPED, f"n{module.MOST_REQUESTS - 1}")


def test_on_a_shared_path_the_highest_priority_goes_first_and_lets_a_higher_one_pass(
    worker, request_for, start, records
):
    paths = SharedPaths()
    workers = [
        worker(ModemPlace(name=name, port=Path(f"/dev/{name}"), shared_path="usb"), paths)
        for name in "abc"
    ]
    first, second, third = workers
    started, go_on, ran = threading.Event(), threading.Event(), []

    def hold(_):
        started.set()
        assert go_on.wait(20)
        return OK

    def noting(name, **changes):
        return request_for(lambda _: ran.append(name) or OK, plan=name, wait_s=60.0, **changes)

    for each in workers:
        start(each.run)
    first.ask(request_for(hold))
    assert started.wait(20)
    second.ask(noting("low", priority=1))
    wait_until(lambda: len(paths._waiting) == 1)
    third.ask(noting("middle", priority=5))
    wait_until(lambda: len(paths._waiting) == 2)
    second.ask(noting("high", priority=9))
    wait_until(lambda: any(each.rank == -9 for each in paths._waiting))
    go_on.set()
    records.wait(lambda _: len(records.all("latency")) == 4)
    assert ran == ["high", "middle", "low"]


def wait_until(condition):
    deadline, pause = time.monotonic() + 20, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.01)


def test_a_test_with_a_defect_is_a_row_and_the_supervisor_hears_of_it(worker, request_for, records):
    def crash(_):
        raise ZeroDivisionError

    made = worker()
    made.ask(request_for(crash))
    with pytest.raises(ZeroDivisionError):
        made.run(Stop(), lambda: None)
    (row,) = records.all("latency")
    assert (row.outcome, row.reason) == (Outcome.INVALID, "the test crashed")


@pytest.fixture
def hang(monkeypatch):
    """A test that never comes back, until this one is over."""
    monkeypatch.setattr(attempt, "HUNG_AFTER_S", 0.1)
    release = threading.Event()
    running = []

    def run(job):
        running.append(threading.current_thread())
        job.on_progress(Progress(stage="transfer", elapsed_s=0.0))
        release.wait(30)
        job.on_progress(Progress(stage="much later", elapsed_s=30.0))
        return OK

    yield run
    release.set()
    for thread in running:
        thread.join(10)


def test_a_test_that_hangs_is_a_row_and_the_next_one_runs(
    worker, request_for, start, records, hang
):
    said = []
    made = worker()
    start(made.run)
    made.ask(request_for(hang, deadline_s=0.1, plan="hung", on_progress=said.append))
    made.ask(request_for(lambda _: OK, plan="next"))
    row = records.wait(lambda row: is_row(row) and row.plan == "hung")
    assert (row.outcome, row.reason, row.payload) == (Outcome.INVALID, attempt.HUNG, None)
    assert row.profile == "quick"
    assert records.wait(lambda row: is_row(row) and row.plan == "next").outcome is Outcome.OK
    assert [each.stage for each in said] == ["testing", "transfer"], (
        "nobody hears a test that was left"
    )
    assert len([row for row in records.all() if is_row(row)]) == 2


def test_a_hung_test_frees_the_shared_path(worker, request_for, start, records, hang):
    paths = SharedPaths()
    for name in ("a", "b"):
        place = ModemPlace(name=name, port=Path(f"/dev/{name}"), shared_path="usb")
        made = worker(place=place, paths=paths)
        start(made.run)
        made.ask(request_for(hang if name == "a" else lambda _: OK, deadline_s=0.1, plan=name))
        records.wait(lambda row, name=name: is_row(row) and row.plan == name)
    assert records.all("latency")[-1].outcome is Outcome.OK


def test_with_too_many_hung_tests_none_is_tried_and_the_watchdog_starves(
    worker, request_for, records, hang
):
    made, stop = worker(), Stop()
    beats = []
    for number in range(attempt.MOST_HUNG):
        made.ask(request_for(hang, deadline_s=0.1, plan=str(number)))

    def last(row):
        beats.clear()
        made.ask(
            request_for(lambda _: pytest.fail("it ran"), plan="last", done=lambda _: stop.set())
        )
        assert row.reason == attempt.HUNG

    hung = records.wait
    thread = threading.Thread(target=made.run, args=(stop, lambda: beats.append(1)), daemon=True)
    thread.start()
    last(hung(lambda row: is_row(row) and row.plan == str(attempt.MOST_HUNG - 1)))
    thread.join(10)
    assert (
        records.all("latency")[-1].reason
        == f"probe: {attempt.MOST_HUNG} tests before it still hang"
    )
    assert beats == []


def test_a_hung_test_does_not_hold_up_the_end_of_the_agent(
    worker, request_for, records, hang, monkeypatch
):
    monkeypatch.setattr(attempt, "LEFT_AFTER_S", 0.1)
    made, stop = worker(), Stop()
    request = request_for(hang, deadline_s=60, on_progress=lambda _: stop.set())
    made.ask(request)
    made.run(stop, lambda: None)
    (row,) = records.all("latency")
    assert (row.outcome, row.reason) == (Outcome.INVALID, "the agent stops")


def test_a_long_test_that_goes_on_is_no_stall(worker, request_for):
    beats, made, stop = [], worker(), Stop()

    def run(job):
        beats.clear()
        job.on_progress(Progress(stage="segment 1 of 200", elapsed_s=1.0))
        heard.extend(beats)
        stop.set()
        return OK

    heard = []
    made.ask(request_for(run))
    made.run(stop, lambda: beats.append(1))
    assert heard == [1]


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


def test_a_cancelled_test_ends_as_a_row_in_no_statistic(worker, request_for, start, records):
    made = worker()
    start(made.run)
    request = request_for(lambda job: _fail_when_cancelled(request, job))
    made.ask(request)
    row = records.wait(is_row)
    assert (row.outcome, row.reason) == (Outcome.INVALID, module.CANCELLED)
    assert row.payload is not None


def _fail_when_cancelled(request, job):
    request.cancelled.set()
    assert job.cancel.wait(20)
    return Result(Outcome.FAILED, "transfer: reset", OK.payload)


def test_a_test_cancelled_before_its_turn_does_not_run(worker, request_for, start, records):
    made = worker()
    request = request_for(lambda _: pytest.fail("it ran"), rat_lock=RatMode.G4)
    made.ask(request)
    request.cancelled.set()
    made.ask(request_for(lambda _: OK, plan="after"))
    start(made.run)
    assert records.wait(lambda row: is_row(row) and row.plan == "after").outcome is Outcome.OK
    cancelled = records.all("latency")[0]
    assert (cancelled.outcome, cancelled.reason) == (Outcome.INVALID, module.CANCELLED)


def test_a_lock_is_given_back_when_its_test_is_cancelled(
    worker, request_for, start, records, radio
):
    made = worker()
    start(made.run)
    request = request_for(
        lambda job: _fail_when_cancelled(request, job), rat_lock=RatMode.G4, plan="cancelled"
    )
    made.ask(request)
    made.ask(request_for(lambda _: OK, plan="after"))
    records.wait(lambda row: is_row(row) and row.plan == "after")
    assert records.all("latency")[0].reason == module.CANCELLED
    assert radio.asked == [RatMode.G4, None]


def test_an_agent_that_stops_while_a_lock_is_given_back_warns_of_nothing(
    worker, request_for, radio, monkeypatch, caplog
):
    def request_lock(mode, *, stop, **_):
        radio.lock = mode
        if mode is None:
            stop.set()
            raise OrderError("interrupted")

    monkeypatch.setattr(radio, "request_lock", request_lock)
    made = worker()
    made.ask(request_for(lambda _: OK, rat_lock=RatMode.G4))
    made.run(Stop(), lambda: None)
    assert radio.lock is None
    assert [each for each in caplog.records if each.levelname == "WARNING"] == []


def test_a_test_cancelled_while_the_modem_is_locked_does_not_run(
    worker, request_for, start, records, radio
):
    made = worker()
    start(made.run)
    request = request_for(
        lambda _: pytest.fail("it ran"),
        rat_lock=RatMode.G4,
        on_progress=lambda _: request.cancelled.set(),
    )
    made.ask(request)
    row = records.wait(is_row)
    assert (row.outcome, row.reason) == (Outcome.INVALID, module.CANCELLED)
    made.ask(request_for(lambda _: OK, plan="after"))
    records.wait(lambda row: is_row(row) and row.plan == "after")
    assert radio.asked[-1] is None


def test_who_waits_is_told_how_long_it_takes(worker, request_for, start, records):
    told = []

    def run(job):
        job.on_progress(Progress(stage="transfer", elapsed_s=1.0))
        job.on_progress(Progress(stage="transfer", elapsed_s=2.0, planned_s=5.0))
        return OK

    made = worker()
    start(made.run)
    request = request_for(run, on_progress=told.append)
    ready = request.ready._replace(planned_s=12.0)
    made.ask(dataclasses.replace(request, ready=ready))
    records.wait(is_row)
    assert [now.planned_s for now in told] == [12.0, 12.0, 5.0]


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


def test_a_hopeless_worker_starves_the_watchdog_while_it_waits_for_a_path(
    worker, request_for, records, hang
):
    paths, stop, beats = SharedPaths(), Stop(), []
    place = ModemPlace(name="a", port=Path("/dev/a"), shared_path="usb")
    made = worker(place=place, paths=paths)
    for number in range(attempt.MOST_HUNG):
        made.ask(request_for(hang, deadline_s=0.1, plan=str(number)))
    thread = threading.Thread(target=made.run, args=(stop, lambda: beats.append(1)), daemon=True)
    thread.start()
    last = str(attempt.MOST_HUNG - 1)
    records.wait(lambda row: is_row(row) and row.plan == last)
    with paths.taken("usb", stop=stop, beat=lambda: None, timeout_s=10) as free:
        assert free
        beats.clear()
        made.ask(request_for(lambda _: OK, plan="waits", wait_s=0.1))
        records.wait(lambda row: is_row(row) and row.plan == "waits")
    stop.set()
    thread.join(10)
    assert beats == []


def test_no_test_begins_once_the_agent_stops(worker, request_for, records, radio):
    made, stop = worker(), Stop()
    locks = radio.request_lock

    def lock_and_stop(mode, **how):
        locks(mode, **how)
        stop.set()

    radio.request_lock = lock_and_stop
    made.ask(request_for(lambda _: pytest.fail("it ran"), rat_lock=RatMode.G4))
    made.run(stop, lambda: None)
    (row,) = records.all("latency")
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "the agent stops")


def test_what_is_asked_of_a_worker_that_has_ended_is_a_row(worker, request_for, records):
    made, stop = worker(), Stop()
    stop.set()
    made.run(stop, lambda: None)
    made.ask(request_for(lambda _: pytest.fail("it ran")))
    (row,) = records.all("latency")
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "the agent stops")


def test_what_waits_behind_a_test_with_a_defect_is_skipped_for_that(worker, request_for, records):
    def crash(_):
        raise ZeroDivisionError

    made = worker()
    made.ask(request_for(crash))
    made.ask(request_for(lambda _: pytest.fail("it ran"), plan="next"))
    with pytest.raises(ZeroDivisionError):
        made.run(Stop(), lambda: None)
    crashed, waited = records.all("latency")
    assert crashed.reason == "the test crashed"
    assert (waited.outcome, waited.reason) == (Outcome.SKIPPED, module.CRASHED)


def test_the_look_under_way_when_a_test_failed_may_excuse_the_network(
    worker, request_for, start, records, radio
):
    looks = radio.next_snapshot

    def late(after_ns, timeout_s):
        radio.outcome = Outcome.MODEM_GONE
        return looks(after_ns, timeout_s)

    def fail(_):
        radio.next_snapshot = late
        return Result(Outcome.FAILED, "transfer: reset", None)

    made = worker()
    start(made.run)
    made.ask(request_for(fail))
    row = records.wait(is_row)
    assert row.outcome is Outcome.MODEM_GONE


def test_waiting_for_a_lock_is_no_stall(worker, request_for, radio, records, monkeypatch):
    monkeypatch.setattr(module, "AGREE_TIMEOUT_S", 0.2)
    beats, made, stop = [], worker(), Stop()
    radio.outcome = Outcome.INVALID
    locks = radio.request_lock

    def lock(mode, **how):
        locks(mode, **how)
        if mode is not None:
            beats.clear()
            radio.next_snapshot = lambda _, timeout_s: time.sleep(min(0.05, timeout_s))
        else:
            stop.set()

    radio.request_lock = lock
    made.ask(request_for(lambda _: OK, rat_lock=RatMode.G4))
    made.run(stop, lambda: beats.append(1))
    assert records.all("latency")
    assert beats
