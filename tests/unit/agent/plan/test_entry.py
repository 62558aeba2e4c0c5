from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from agent.plan.entry import NS_PER_S, Area, Entry, modems_of, slot
from agent.plan.planning import Planning, hours

PAGE = Path("docs/reference/plan.md").read_text(encoding="utf-8")


def entry(**changes):
    return Entry(**{"name": "capacity", "activity": "throughput", "every_s": 600.0} | changes)


def due_s(planned, index=0, modem="a", modem_index=0, probe="dn-01"):
    found = slot(
        planned,
        probe=probe,
        modem=modem,
        modem_index=modem_index,
        index=index,
        start_mono_ns=1000 * NS_PER_S,
    )
    return found.due_mono_ns / NS_PER_S - 1000


def test_slots_stand_on_a_grid_from_the_start():
    planned = entry(start_after_s=30.0)
    assert [due_s(planned, index) for index in range(3)] == [30.0, 630.0, 1230.0]


def test_each_further_modem_begins_later():
    assert due_s(entry(stagger_s=60.0), modem="c", modem_index=2) == 120.0


def test_jitter_stays_within_its_bound_and_differs_between_probes():
    planned = entry(jitter_s=20.0)
    late_s = {due_s(planned, probe=f"dn-{number:02}") for number in range(50)}
    assert len(late_s) > 40
    assert all(0 <= each <= 20 for each in late_s)


def test_the_same_plan_gives_the_same_times_again():
    planned = entry(jitter_s=20.0)
    assert due_s(planned, 7) == due_s(planned, 7)


def test_an_entry_without_modems_means_each():
    assert modems_of(entry(), ("a", "b")) == ("a", "b")
    assert modems_of(entry(modems=("b",)), ("a", "b")) == ("b",)


def test_the_wait_is_never_longer_than_the_period():
    assert entry().wait_s == 30.0
    assert entry(every_s=10.0).wait_s == 10.0
    assert entry(max_wait_s=5.0).wait_s == 5.0


@pytest.mark.parametrize("section", [Entry, Area, Planning])
def test_every_key_is_described(section):
    for field in msgspec.structs.fields(section):
        assert f"`{field.name}" in PAGE


def test_a_wait_without_a_period_has_its_default():
    assert entry(every_s=None, every_m=1000.0).wait_s == 30.0


def test_a_place_counts_again_after_a_day_and_an_area_at_once():
    assert entry(every_s=None, places=Path("x.csv")).again_s == 86_400
    assert entry(every_s=None, area="x").again_s == 0


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        ("12:00-13:30", ["12:00", "13:29"], ["13:30", "11:59", "00:00"]),
    ],
)
def test_hours_have_a_beginning_and_an_end(text, inside, outside):
    def at(time):
        return datetime.fromisoformat(f"2026-12-01T{time}")

    assert all(at(time) in hours(text) for time in inside)
    assert not any(at(time) in hours(text) for time in outside)


def test_only_what_makes_it_due_is_its_timing():
    before = entry(jitter_s=5.0)
    assert entry(jitter_s=5.0, priority=9, quiet_hours=("01:00-02:00",)).timing == before.timing
    assert entry(jitter_s=6.0).timing != before.timing
    assert entry(every_s=601.0, jitter_s=5.0).timing != before.timing
