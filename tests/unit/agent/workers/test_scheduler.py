from pathlib import Path

import pytest

from agent.activity import Ready, Result
from agent.config import ModemPlace
from agent.plan import Entry
from agent.scheduler import Scheduler, Task
from agent.shared_paths import SharedPaths
from agent.traffic_worker import MOST_REQUESTS, TrafficWorker
from agent.triggers import MOST_LATE
from wire.kinds import latency
from wire.messages import Outcome, Position


class Activity:
    KIND = "latency"
    NEEDS_SERVICE = False


class Deaf:
    """A modem nobody looks at; to wait for a look takes its time."""

    def __init__(self, time):
        self._time = time

    def snapshots(self, _since_ns):
        return ()

    def next_snapshot(self, _after_ns, timeout_s):
        self._time.advance(timeout_s)


@pytest.fixture
def ran():
    return []


@pytest.fixture
def schedule(fake_clock, fake_time, fake_recorder, ran):
    def make(*entries, modems=("a",)):
        workers = {
            name: TrafficWorker(
                place=ModemPlace(name=name, port=Path(f"/dev/{name}")),
                radio=Deaf(fake_time),
                clock=fake_clock,
                recorder=fake_recorder,
                position_at=lambda _: Position(),
                paths=SharedPaths(),
                interface_of=lambda _: None,
            )
            for name in modems
        }

        def run(job):
            ran.append(job)
            return Result(Outcome.OK, None, latency.Payload(method="tcp", sent=1, received=1))

        tasks = [
            Task(
                entry=entry,
                activity=Activity(),
                ready=Ready("quick", run),
                worker=workers[name],
                modem_index=index,
            )
            for entry in entries
            for index, name in enumerate(modems)
        ]
        scheduler = Scheduler(tasks, probe="dn-01", clock=fake_clock, recorder=fake_recorder)
        return scheduler, workers

    return make


def entry(**changes):
    return Entry(**{"name": "check", "activity": "latency", "every_s": 60.0} | changes)


def test_nothing_is_sent_before_it_is_due(schedule, fake_time, records):
    scheduler, workers = schedule(entry(start_after_s=30.0))
    scheduler.send_due()
    assert len(workers["a"]._requests) == 0
    assert scheduler.wait_s() == 30.0
    fake_time.advance(30)
    scheduler.send_due()
    scheduler.send_due()
    assert len(workers["a"]._requests) == 1
    assert records.all() == []


def test_a_sent_test_ends_as_one_row_with_its_plan_and_profile(schedule, records, start, ran):
    scheduler, workers = schedule(entry())
    scheduler.send_due()
    start(workers["a"].run)
    row = records.wait(lambda each: each.kind == "latency")
    assert (row.plan, row.profile, row.outcome) == ("check", "quick", Outcome.OK)
    assert row.modem.name == "a"
    assert len(ran) == 1


def test_a_late_slot_does_not_push_the_next(schedule, fake_time):
    scheduler, _ = schedule(entry())
    fake_time.advance(25)
    scheduler.send_due()
    assert scheduler.wait_s() == 35.0


def test_each_modem_has_its_own_slots(schedule, fake_time):
    scheduler, workers = schedule(entry(stagger_s=20.0), modems=("a", "b", "c"))
    scheduler.send_due()
    assert [len(workers[name]._requests) for name in "abc"] == [1, 0, 0]
    fake_time.advance(40)
    scheduler.send_due()
    assert [len(workers[name]._requests) for name in "abc"] == [1, 1, 1]


def test_a_slot_nobody_was_there_for_is_a_row(schedule, fake_time, records):
    scheduler, workers = schedule(entry(max_wait_s=5.0))
    due_ns = fake_time.now_ns
    fake_time.advance(70)
    scheduler.send_due()
    (first, second) = records.all("latency")
    assert (first.outcome, first.reason) == (Outcome.SKIPPED, "late: the agent was not there")
    assert first.mono_ns == due_ns
    assert first.payload is None
    assert second.mono_ns == due_ns + 60 * 10**9
    assert len(workers["a"]._requests) == 0


def test_a_slot_that_finds_too_many_waiting_is_a_row(schedule, fake_time, records):
    scheduler, _ = schedule(entry())
    for _ in range(MOST_REQUESTS + 1):
        scheduler.send_due()
        fake_time.advance(60)
    (row,) = records.all("latency")
    assert row.outcome is Outcome.SKIPPED
    assert row.reason.startswith("busy:")


def test_a_test_that_waited_too_long_is_a_row(schedule, fake_time, records, start, ran):
    scheduler, workers = schedule(entry(max_wait_s=10.0))
    scheduler.send_due()
    fake_time.advance(11)
    start(workers["a"].run)
    row = records.wait(lambda each: each.kind == "latency")
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "busy: the test before took too long")
    assert ran == []


def test_what_waits_when_the_agent_stops_is_recorded(schedule, records, stop):
    scheduler, workers = schedule(entry())
    scheduler.send_due()
    stop.set()
    workers["a"].run(stop, lambda: None)
    (row,) = records.all("latency")
    assert (row.outcome, row.reason) == (Outcome.SKIPPED, "the agent stops")


def test_after_a_long_sleep_the_lost_slots_are_counted(schedule, fake_time, records):
    scheduler, _ = schedule(entry(max_wait_s=0.0))
    fake_time.advance(60 * 10_000 + 1)
    scheduler.send_due()
    (event,) = [each for each in records.all("event") if each.payload.name == "slots_missed"]
    rows = records.all("latency")
    assert len(rows) <= MOST_LATE + 2
    assert event.payload.detail["count"] + len(rows) == 10_001


def test_without_a_plan_there_is_nothing_to_wait_for(schedule):
    scheduler, _ = schedule()
    scheduler.send_due()
    assert scheduler.wait_s() > 0


def test_the_scheduler_stops_at_once(schedule, start):
    scheduler, _ = schedule(entry(start_after_s=3600.0))
    supervisor = start(scheduler.run)
    assert supervisor.stop(5.0) == ()
