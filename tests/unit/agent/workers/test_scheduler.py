from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from agent.activity import Ready, Result
from agent.config import ModemPlace
from agent.plan.entry import Entry
from agent.plan.forecast import forecast
from agent.plan.planning import Planning
from agent.plan.shapes import Circle, Point
from agent.plan.triggers import MOST_LATE
from agent.planned import Planned
from agent.scheduler import Scheduler, Task
from agent.shared_paths import SharedPaths
from agent.traffic_worker import MOST_REQUESTS, TrafficWorker
from agent.whereabouts import Whereabouts
from wire.kinds import latency
from wire.messages import Outcome, Position, PositionSource


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
def whereabouts():
    return Whereabouts()


@pytest.fixture
def schedule(fake_clock, fake_time, fake_recorder, ran, whereabouts):
    def make(*entries, modems=("a",), where=()):
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

        def tasks_of(*entries):
            return [
                Task(
                    entry=entry,
                    activity=Activity(),
                    ready=Ready("quick", run),
                    worker=workers[name],
                    modem_index=index,
                    where=where,
                )
                for entry in entries
                for index, name in enumerate(modems)
            ]

        scheduler = Scheduler(
            tasks_of(*entries),
            probe="dn-01",
            clock=fake_clock,
            recorder=fake_recorder,
            fixes_since=whereabouts.since,
        )
        scheduler.tasks_of = tasks_of
        return scheduler, workers

    return make


def entry(**changes):
    return Entry(**{"name": "check", "activity": "latency", "every_s": 60.0} | changes)


def other(**changes):
    return entry(**{"every_s": None} | changes)


class Sent:
    """In place of a modem's second thread: what it was asked for, and what it skipped."""

    def __init__(self, clock, name="a", **place):
        self.place = ModemPlace(name=name, port=Path(f"/dev/{name}"), **place)
        self._clock = clock
        self.asked = []
        self.skipped = []

    def ask(self, request):
        self.asked.append((self._clock.stamp().utc, request.plan, self.place.name))

    def skip(self, request, reason, *, mono_ns=None):
        utc = self._clock.stamp(mono_ns).utc
        self.skipped.append((utc, request.plan, self.place.name, reason))


@pytest.fixture
def on_time(fake_clock, fake_time):
    """The clock learns the time."""

    def learn(utc):
        for _ in range(2):
            fake_clock.anchor_by_gps(utc, mono_ns=fake_time.now_ns, err_s=0.01)

    return learn


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


def pass_s(scheduler, fake_time, seconds):
    """Let time pass as the scheduler's thread lives through it."""
    end_ns = fake_time.now_ns + round(seconds * 1e9)
    scheduler.send_due()
    while fake_time.now_ns < end_ns:
        left_s = (end_ns - fake_time.now_ns) / 1e9
        fake_time.advance(min(max(scheduler.wait_s(), 1e-6), left_s))
        scheduler.send_due()


NOON = datetime(2026, 12, 1, 5, 0, tzinfo=UTC)
DAY_ENTRIES = (
    entry(name="grid", every_s=600.0, stagger_s=60.0, jitter_s=30.0),
    other(name="cron", cron="*/20 * * * *", jitter_s=100.0),
    other(name="days", cron="30 6-22 * * 1-5", quiet_hours=("22:00-06:45",)),
    entry(name="late", every_s=1800.0, start_after_s=900.0, active_from=date(2026, 12, 2)),
    other(name="km", every_m=1000.0),
    other(name="ask", on_demand=True),
)


def test_a_day_runs_as_it_was_forecast(fake_clock, fake_time, fake_recorder, on_time):
    on_time(NOON)
    workers = [Sent(fake_clock, name) for name in "ab"]
    planned = [
        Planned(
            entry=each,
            place=worker.place,
            modem_index=index,
            activity=Activity(),
            ready=Ready("quick", None),
        )
        for each in DAY_ENTRIES
        for index, worker in enumerate(workers)
    ]
    scheduler = Scheduler(
        [
            Task(
                entry=each.entry,
                activity=each.activity,
                ready=each.ready,
                worker=workers[each.modem_index],
                modem_index=each.modem_index,
            )
            for each in planned
        ],
        probe="dn-01",
        clock=fake_clock,
        recorder=fake_recorder,
    )
    pass_s(scheduler, fake_time, 86_400)
    seen = forecast(planned, probe="dn-01", planning=Planning(), start=NOON, span_s=86_400)
    ahead = sorted(
        (each.due, each.slot.plan, each.slot.modem, each.reason == "quiet hours")
        for each in seen.expected
    )
    ran = [(*row, False) for worker in workers for row in worker.asked]
    ran += [(*row[:3], True) for worker in workers for row in worker.skipped]
    ran = sorted((Planning().local(utc), *rest) for utc, *rest in ran)
    assert len(ran) > 400
    assert {row[1] for row in ran} == {"grid", "cron", "days", "late"}
    assert any(row[3] for row in ran)
    assert [row[1:] for row in ran] == [row[1:] for row in ahead]
    apart = [abs(one[0] - two[0]) for one, two in zip(ran, ahead, strict=True)]
    assert max(apart) < timedelta(milliseconds=1)


def test_what_is_due_at_once_is_sent_by_priority(fake_clock, fake_recorder):
    worker = Sent(fake_clock)
    tasks = [
        Task(
            entry=entry(name=name, priority=priority),
            activity=Activity(),
            ready=Ready("quick", None),
            worker=worker,
            modem_index=0,
        )
        for name, priority in (("low", 1), ("high", 9), ("usual", 5))
    ]
    Scheduler(tasks, probe="dn-01", clock=fake_clock, recorder=fake_recorder).send_due()
    assert [plan for _, plan, _ in worker.asked] == ["high", "usual", "low"]


def test_quiet_hours_over_midnight_are_skipped_rows(schedule, fake_time, records, on_time):
    on_time(datetime(2026, 12, 1, 14, 30, tzinfo=UTC))  # 21:30
    scheduler, workers = schedule(entry(every_s=3600.0, quiet_hours=("22:00-06:00",)))
    pass_s(scheduler, fake_time, 86_399)
    rows = records.all("latency")
    assert {(row.outcome, row.reason) for row in rows} >= {(Outcome.SKIPPED, "quiet hours")}
    quiet = [Planning().local(row.utc).hour for row in rows if row.reason == "quiet hours"]
    assert quiet == [22, 23, 0, 1, 2, 3, 4, 5]
    assert len(rows) + len(workers["a"]._requests) == 24


def test_without_a_clock_no_hour_is_quiet_and_each_day_is_active(schedule, records):
    day = datetime(2027, 1, 1, tzinfo=UTC).date()
    scheduler, workers = schedule(entry(quiet_hours=("00:00-23:59",), active_from=day))
    scheduler.send_due()
    assert len(workers["a"]._requests) == 1
    assert records.all("latency") == []


def test_on_other_days_there_are_no_slots(schedule, fake_time, records, on_time):
    on_time(NOON)
    day = datetime(2026, 12, 2, tzinfo=UTC).date()
    scheduler, workers = schedule(entry(every_s=3600.0, active_from=day, active_until=day))
    pass_s(scheduler, fake_time, 3 * 86_400)
    assert len(records.all("latency")) + len(workers["a"]._requests) == 24


def test_cron_that_waits_for_the_clock_says_so_once(schedule, fake_time, records, on_time):
    scheduler, workers = schedule(other(cron="* * * * *"))
    pass_s(scheduler, fake_time, 600)
    assert records.events() == ["cron_waits_for_clock"]
    assert records.all("event")[0].payload.detail == {"plans": "check"}
    assert len(workers["a"]._requests) == 0
    on_time(NOON)
    pass_s(scheduler, fake_time, 61)
    assert len(workers["a"]._requests) == 1


def test_a_drive_has_a_row_for_each_kilometre(schedule, fake_time, whereabouts, records):
    scheduler, workers = schedule(other(every_m=1000.0, max_wait_s=3600.0))
    for second in range(301):
        fake_time.advance(1)
        whereabouts.believe(at(second * 10.0), fake_time.now_ns)
        scheduler.send_due()
    assert len(workers["a"]._requests) in {2, 3}
    assert records.all("latency") == []


def at(north_m):
    return Position(
        source=PositionSource.GNSS,
        lat_deg=12.0 + north_m / 111_195,
        lon_deg=107.7,
        horizontal_error_m=5.0,
    )


def test_an_area_is_tested_when_it_is_entered(schedule, fake_time, whereabouts):
    circle = Circle(Point(at(500.0).lat_deg, 107.7), 100.0)
    scheduler, workers = schedule(other(area="x", on="enter"), where=(circle,))
    for second in range(100):
        fake_time.advance(1)
        whereabouts.believe(at(second * 10.0), fake_time.now_ns)
        scheduler.send_due()
        assert len(workers["a"]._requests) == (second >= 40)


def test_fixes_from_before_the_plan_enter_nothing(schedule, fake_time, whereabouts):
    whereabouts.believe(at(500.0), fake_time.now_ns)
    fake_time.advance(1)
    circle = Circle(Point(at(500.0).lat_deg, 107.7), 100.0)
    scheduler, workers = schedule(other(area="x", on="enter"), where=(circle,))
    scheduler.send_due()
    assert len(workers["a"]._requests) == 0


def test_an_entry_that_stays_is_counted_on_when_the_plan_is_replaced(
    fake_clock, fake_time, fake_recorder, on_time
):
    on_time(NOON)
    worker = Sent(fake_clock)

    def tasks(*entries):
        return [
            Task(
                entry=each,
                activity=Activity(),
                ready=Ready("quick", None),
                worker=worker,
                modem_index=0,
            )
            for each in entries
        ]

    cron = other(name="cron", cron="*/5 * * * *")
    before = tasks(entry(), cron, entry(name="gone"), entry(name="late", jitter_s=59.0))
    scheduler = Scheduler(before, probe="dn-01", clock=fake_clock, recorder=fake_recorder)
    pass_s(scheduler, fake_time, 300)
    sent = len(worker.asked)
    cron = other(name="cron", cron="*/5,1 * * * *")
    after = tasks(entry(priority=9, optional=True), cron, entry(name="new", start_after_s=10.0))
    assert scheduler.replace(after) == (1, 2, 3)
    assert [row[3] for row in worker.skipped] == ["the plan was changed"]
    scheduler.send_due()
    assert len(worker.asked) == sent
    pass_s(scheduler, fake_time, 300)
    runs = [(utc, plan) for utc, plan, _ in worker.asked]
    assert len(runs) == len(set(runs))
    grid = [round((utc - NOON).total_seconds()) for utc, plan in runs if plan == "check"]
    assert grid == list(range(0, 601, 60))
    begun = [round((utc - NOON).total_seconds()) for utc, plan in runs if plan == "new"]
    assert begun == [310, 370, 430, 490, 550]
    crons = [round((utc - NOON).total_seconds()) for utc, plan in runs if plan == "cron"]
    assert crons == [300, 600]


def test_to_replace_a_plan_by_itself_changes_nothing(schedule):
    scheduler, workers = schedule(entry(), other(name="km", every_m=1000.0))
    scheduler.send_due()
    entries = (entry(), other(name="km", every_m=1000.0))
    assert scheduler.replace(scheduler.tasks_of(*entries)) == (2, 0, 0)
    scheduler.send_due()
    assert len(workers["a"]._requests) == 1
    assert scheduler.wait_s() == 60.0
