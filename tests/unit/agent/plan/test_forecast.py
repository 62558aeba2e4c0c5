from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.activity import Ready
from agent.config import ModemPlace, load
from agent.plan.entry import Entry
from agent.plan.forecast import MOST_SLOTS, forecast, monthly
from agent.plan.planning import Planning
from agent.planned import Planned, prepare
from drivers.traffic.profile import LatencyProfile, ThroughputProfile

START = datetime(2026, 12, 1, tzinfo=UTC)
TEN_S = ThroughputProfile(name="ten", streams=6, warmup_s=0, window_s=10)
"""12 s with its start."""


class Activity:
    KIND = "throughput"
    NEEDS_SERVICE = True


def planned(*, modem="a", index=0, path=None, settings=TEN_S, **changes):
    return Planned(
        entry=Entry(**{"name": "capacity", "activity": "throughput"} | changes),
        place=ModemPlace(name=modem, port=Path(f"/dev/{modem}"), shared_path=path),
        modem_index=index,
        activity=Activity(),
        ready=Ready("ten", None, settings),
    )


def ahead(*entries, span_s=3600.0):
    return forecast(entries, probe="dn-01", planning=Planning(), start=START, span_s=span_s)


def seen(*entries, span_s=59.0):
    """Modem, plan, second it begins at (None: skipped) and why."""
    expected = ahead(*entries, span_s=span_s).expected
    begin = Planning().local(START)
    return [
        (
            each.slot.modem,
            each.slot.plan,
            None if each.starts is None else round((each.starts - begin).total_seconds()),
            each.reason,
        )
        for each in expected
    ]


def test_on_a_shared_path_the_second_waits():
    assert seen(
        planned(every_s=60, path="usb"), planned(modem="b", index=1, every_s=60, path="usb")
    ) == [("a", "capacity", 0, ""), ("b", "capacity", 12, "waits 12 s")]


def test_apart_both_run_at_once():
    assert seen(planned(every_s=60), planned(modem="b", index=1, every_s=60)) == [
        ("a", "capacity", 0, ""),
        ("b", "capacity", 0, ""),
    ]


def test_of_those_that_wait_the_highest_priority_is_first():
    assert seen(
        planned(every_s=60, name="first"),
        planned(every_s=60, name="low", start_after_s=1, priority=1),
        planned(every_s=60, name="high", start_after_s=2, priority=9),
    ) == [
        ("a", "first", 0, ""),
        ("a", "low", 24, "waits 23 s"),
        ("a", "high", 12, "waits 10 s"),
    ]


def test_what_waits_for_too_long_is_skipped():
    assert seen(planned(every_s=60), planned(every_s=60, name="second", max_wait_s=5)) == [
        ("a", "capacity", 0, ""),
        ("a", "second", None, "busy"),
    ]


def test_quiet_hours_cost_nothing():
    quiet = planned(every_s=3600, quiet_hours=("08:00-20:00",))
    reasons = [each.reason for each in ahead(quiet, span_s=86_399).expected]
    assert reasons.count("quiet hours") == 12  # it is seven o'clock
    half = monthly([quiet], probe="dn-01", planning=Planning(), start=START)
    whole = monthly([planned(every_s=3600)], probe="dn-01", planning=Planning(), start=START)
    assert half["a"].down_bytes == pytest.approx(whole["a"].down_bytes / 2, rel=0.01)


def test_a_month_is_what_its_days_cost():
    daily = planned(cron="0 12 * * *", modem="b")
    (bill,) = monthly([daily], probe="dn-01", planning=Planning(), start=START).values()
    assert bill == (30 * 62_500_000, 0)


def test_what_only_a_drive_or_a_person_can_tell_has_no_slots():
    assert seen(planned(every_m=1000), planned(on_demand=True, name="ask")) == []


def test_a_plan_with_too_many_slots_is_looked_at_for_less_time():
    cheap = LatencyProfile(name="latency", count=1, interval_s=0, data_bytes=1000)
    busy = planned(every_s=1, settings=cheap)
    found = ahead(busy, span_s=7 * 86_400)
    assert found.covered_s == MOST_SLOTS
    (bill,) = monthly([busy], probe="dn-01", planning=Planning(), start=START).values()
    assert bill.down_bytes == pytest.approx(30 * 86_400 * 1000, rel=0.001)


def test_the_plan_of_the_example_is_one_a_sim_can_bear():
    config = load(Path("config/probe.example.toml"))
    budget = config.budget.allowance("").tests_bytes
    faster = msgspec.structs.replace(config.planning, assumed_down_mbit_s=150.0)
    parts = prepare(config, name="")
    must = [each for each in parts if not each.entry.optional]
    for what, planning in ((parts, config.planning), (must, faster)):
        bills = monthly(what, probe="dn-01", planning=planning, start=START)
        assert len(bills) == len(config.modem)
        for bill in bills.values():
            assert bill.down_bytes + bill.up_bytes < 0.9 * budget
    day = forecast(parts, probe="dn-01", planning=config.planning, start=START, span_s=86_400.0)
    assert all(each.starts is not None for each in day.expected)


def test_the_example_tests_capacity_in_each_part_of_the_day():
    config = load(Path("config/probe.example.toml"))
    day = forecast(
        prepare(config, name=""),
        probe="dn-01",
        planning=config.planning,
        start=START,
        span_s=86_400.0,
    )
    for plan in ("capacity", "capacity-more"):
        hours = [
            each.starts.hour
            for each in day.expected
            if (each.slot.plan, each.slot.modem) == (plan, "viettel")
        ]
        parts = {sum(hour % 24 >= bound for bound in (6, 10, 17, 22)) % 4 for hour in hours}
        assert parts == {0, 1, 2, 3}
