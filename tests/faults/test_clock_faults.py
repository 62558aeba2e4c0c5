"""Faults 33, 34 and 35: a system clock that is wrong, jumps, or changes its zone.

What is promised: no row ever says a wrong time, rows made before the time was known get it in the
collector, and no timer notices anything.
"""

from uuid import uuid4

import pytest

from tests.faults.wrong_clock import (
    MODEMS,
    ROUND_S,
    TRUE,
    Probe,
    boot_ns,
    collected,
    true_utc,
    wrong,
)
from wire.messages import ClockState

NS_PER_S = 1_000_000_000
RESTORED = "+5h"
"""A clock set from the disk or by hand: a likely time, and wrong."""


def radio_of(rows, modem):
    return [row for row in rows if row.kind == "radio" and row.modem.name == modem]


def of_plan(rows, plan):
    return [row for row in rows if row.plan == plan]


def assert_no_second_is_missing_or_twice(rows):
    """One row a second of each modem all along, in the order of their numbers."""
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    for modem in MODEMS:
        looks = radio_of(rows, modem)
        seconds = [(look.mono_ns - looks[0].mono_ns) / NS_PER_S for look in looks]
        assert seconds == pytest.approx(list(range(len(looks))), abs=0.5)


def assert_plans_run_once_each_time(rows):
    """Those with a period once in it, those with a calendar once a minute."""
    for modem in MODEMS:
        begun = {row.mono_ns for row in of_plan(rows, "round") if row.modem.name == modem}
        ran_s = (rows[-1].mono_ns - rows[0].mono_ns) / NS_PER_S
        assert len(begun) == pytest.approx(ran_s / ROUND_S, abs=2)
        minutes = [row for row in of_plan(rows, "minute") if row.modem.name == modem]
        assert len(minutes) <= ran_s / 60 + 1


def assert_the_collector_shows_the_truth(folder, rows, tally, *, recovery_s=None):
    """All rows once, each with a time that is right within its error."""
    shown = collected(folder, rows)
    assert all(row.utc is not None for row in shown)
    tally.tried(
        rows=len(rows),
        lost=len({row.seq for row in rows} - {row.seq for row in shown}),
        duplicates=len(shown) - len({row.seq for row in shown}),
        corrupt=len(wrong(shown)) + len(wrong(rows)),
        recovery_s=recovery_s,
    )
    assert (tally.lost, tally.duplicates, tally.corrupt) == (0, 0, 0)


@pytest.mark.fault(33)
@pytest.mark.parametrize("at_boot", ["@1970-01-01 00:00:10", "@2020-06-01 12:00:00"])
def test_a_boot_far_in_the_past_dates_its_rows_once_the_receiver_tells_the_time(
    tmp_path, tally, at_boot
):
    with Probe(tmp_path, wall=at_boot, receiver_speaks=False) as probe:
        probe.wait_for(lambda row: row.kind == "radio", "the first row")
        probe.go_on_for(2)
        probe.set_wall(RESTORED)
        probe.go_on_for(2)
        spoke_ns = boot_ns()
        probe.let_receiver_speak()
        dated = probe.wait_for(lambda row: row.utc is not None, "a row that knows its time")
        probe.go_on_for(2)
        rows = probe.stop()
    states = [row.clock_state for row in rows if row.utc is None]
    assert (states[0], states[-1]) == (ClockState.UNSYNCED, ClockState.RESTORED)
    assert rows[-1].clock_state is ClockState.GPS
    assert_no_second_is_missing_or_twice(rows)
    assert_plans_run_once_each_time(rows)
    recovery_s = max(0, dated.mono_ns - spoke_ns) / NS_PER_S
    assert_the_collector_shows_the_truth(tmp_path, rows, tally, recovery_s=recovery_s)


@pytest.mark.fault(34)
def test_a_clock_set_back_and_forward_an_hour_changes_no_row_and_no_timer(tmp_path, tally):
    with Probe(tmp_path, wall=TRUE) as probe:
        probe.wait_for(lambda row: row.utc is not None, "a row that knows its time")
        for wall in ("-1h", "+1h", TRUE):
            probe.set_wall(wall)
            probe.go_on_for(2)
        rows = probe.stop()
    anchors = [row for row in rows if row.kind == "event" and row.payload.name == "clock_anchor"]
    assert len(anchors) == 1
    assert not [row for row in rows if row.kind == "event" and "stalled" in row.payload.name]
    assert_no_second_is_missing_or_twice(rows)
    assert_plans_run_once_each_time(rows)
    assert_the_collector_shows_the_truth(tmp_path, rows, tally)


@pytest.mark.fault(35)
def test_a_zone_and_the_night_its_summer_time_begins_change_nothing(tmp_path, tally):
    with Probe(tmp_path, wall="@2027-03-14 01:59:55", zone="America/New_York") as probe:
        probe.wait_for(lambda row: row.utc is not None, "a row that knows its time")
        probe.go_on_for(4)
        rows = probe.stop()
    assert_no_second_is_missing_or_twice(rows)
    assert_plans_run_once_each_time(rows)
    assert_the_collector_shows_the_truth(tmp_path, rows, tally)


@pytest.mark.root
@pytest.mark.fault(33)
def test_the_anchor_of_a_boot_dates_no_row_of_the_boot_before(tmp_path, tally):
    first, second = (str(uuid4()) for _ in range(2))
    with Probe(
        tmp_path, wall="@1970-01-01 00:00:10", boot=(first, 0), receiver_speaks=False
    ) as probe:
        probe.wait_for(lambda row: row.kind == "radio", "the first row")
        probe.go_on_for(1)
        probe.cut_power()
    ahead_s = 100_000
    with Probe(tmp_path, wall="@1970-01-01 00:00:10", boot=(second, ahead_s)) as probe:
        probe.wait_for(lambda row: row.utc is not None, "a row that knows its time")
        probe.cut_power()
    rows = probe.rows()
    shown = collected(tmp_path, rows)
    assert {row.utc for row in shown if row.boot_id == first} == {None}
    later = [row for row in shown if row.boot_id == second]
    assert all(row.utc is not None for row in later)

    def true(mono_ns):
        return true_utc(mono_ns - ahead_s * NS_PER_S)

    tally.tried(
        rows=len(rows),
        lost=len({row.seq for row in rows} - {row.seq for row in shown}),
        duplicates=len(shown) - len({row.seq for row in shown}),
        corrupt=len(wrong(later, true)) + len(wrong(rows, true)),
    )
    assert (tally.lost, tally.duplicates, tally.corrupt) == (0, 0, 0)
