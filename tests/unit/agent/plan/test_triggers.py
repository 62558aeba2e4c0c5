import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.plan.entry import NS_PER_S, Entry
from agent.plan.odometer import Odometer
from agent.plan.planning import Planning
from agent.plan.shapes import Circle, Point
from agent.plan.triggers import MOST_LATE, Calendar, Distance, Now, On, Visiting, trigger_of
from agent.plan.visits import Visit
from agent.whereabouts import Seen
from wire.messages import Position, PositionSource

M_PER_DEG = math.radians(6_371_000.0)
HOME = Point(12.0, 107.7)
M_PER_LON = M_PER_DEG * math.cos(math.radians(HOME.lat_deg))
SIGMAS = 2.45
"""Of one axis in a 95 % error of two."""
START = datetime(2026, 12, 1, 1, 0, 30, tzinfo=UTC)
"""08:00:30 in Viet Nam."""


def on(modem_index=0, **changes):
    entry = Entry(**{"name": "check", "activity": "latency"} | changes)
    return On(entry=entry, probe="dn-01", modem="a", modem_index=modem_index)


def fix(
    second, east_m=0.0, north_m=0.0, error_m=5.0, *, source=PositionSource.GNSS, speed_m_s=None
):
    position = Position(
        source=source,
        lat_deg=HOME.lat_deg + north_m / M_PER_DEG,
        lon_deg=HOME.lon_deg + east_m / M_PER_LON,
        horizontal_error_m=error_m,
        speed_m_s=speed_m_s,
    )
    return Seen(round(second * NS_PER_S), position)


def noisy_drive(way_m, speed_m_s, error_m, seed):
    """A drive to the east, fixes each second, with the noise their error says."""
    noise = random.Random(seed)  # noqa: S311  # noise of a receiver
    sigma_m = error_m / SIGMAS
    for second in range(round(way_m / speed_m_s) + 1):
        east_m = min(second * speed_m_s, way_m) + noise.gauss(0, sigma_m)
        yield fix(second, east_m, noise.gauss(0, sigma_m), error_m)


def slots_of(trigger, fixes):
    found = []
    for seen in fixes:
        found += trigger.mint(Now(mono_ns=seen.mono_ns, utc=None, fixes=(seen,))).slots
    return found


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 30),
    st.floats(3.0, 30.0),
    st.floats(3.0, 20.0),
    st.integers(0, 1 << 30),
)
def test_a_drive_of_so_many_kilometres_has_as_many_slots(km, speed_m_s, error_m, seed):
    trigger = Distance(on(every_m=1000), Planning())
    found = slots_of(trigger, noisy_drive(km * 1000.0, speed_m_s, error_m, seed))
    assert abs(len(found) - km) <= 1
    assert [each.index for each in found] == list(range(len(found)))


@settings(max_examples=20, deadline=None)
@given(st.floats(2.0, 50.0), st.integers(0, 1 << 30))
def test_who_stands_for_an_hour_has_none(error_m, seed):
    noise = random.Random(seed)  # noqa: S311  # noise of a receiver
    sigma_m = error_m / SIGMAS
    trigger = Distance(on(every_m=100), Planning())
    fixes = (
        fix(second, noise.gauss(0, sigma_m), noise.gauss(0, sigma_m), error_m)
        for second in range(3600)
    )
    assert slots_of(trigger, fixes) == []


def test_a_receiver_that_wanders_more_than_it_says_drives_no_kilometre_in_an_hour():
    noise = random.Random(1)  # noqa: S311  # noise of a receiver
    meter = Odometer(Planning())
    for second in range(3600):
        meter.hear(fix(second, noise.gauss(0, 5.0), noise.gauss(0, 5.0), 5.0))
    assert meter.driven_m < 200


def driven_m(*fixes, **planning):
    meter = Odometer(Planning(**planning))
    for seen in fixes:
        meter.hear(seen)
    return meter.driven_m


def test_a_short_gap_is_a_straight_way_and_a_long_one_none():
    assert driven_m(fix(0), fix(50, 1000)) == pytest.approx(1000, rel=1e-3)
    assert driven_m(fix(0), fix(70, 1000)) == 0
    assert driven_m(fix(0), fix(70, 1000), max_gap_s=90) == pytest.approx(1000, rel=1e-3)
    assert driven_m(fix(0), fix(70, 1000), fix(75, 1100)) == pytest.approx(100, rel=1e-3)


def test_a_jump_no_vehicle_makes_is_no_way():
    assert driven_m(fix(0), fix(1, 5000), fix(2, 5050)) == pytest.approx(50, rel=1e-3)


def test_fixes_that_are_not_good_enough_move_nothing():
    assert driven_m(fix(0), fix(10, 300, error_m=51.0)) == 0
    assert driven_m(fix(0), fix(10, 300, error_m=math.nan)) == 0
    assert driven_m(fix(0), fix(10, 300, source=PositionSource.NONE)) == 0
    assert driven_m(fix(0), fix(10, 300, error_m=None)) == pytest.approx(300, rel=1e-3)
    assert driven_m(fix(0), fix(5, 100, error_m=None)) == 0


def test_of_two_kilometres_in_one_step_only_the_last_can_be_run():
    trigger = Distance(on(every_m=1000), Planning())
    first, second = slots_of(trigger, [fix(0), fix(60, 2500)])
    assert (first.passed, second.passed) == ("passed: no position there", "")
    assert second.due_mono_ns == 60 * NS_PER_S


def test_a_receiver_that_knows_it_stands_goes_nowhere():
    away = [fix(second, 50.0 * second, speed_m_s=0.1) for second in range(10)]
    assert driven_m(*away) == 0
    assert driven_m(*away, fix(10, 500.0, speed_m_s=8.0)) == pytest.approx(500, rel=1e-3)


def visits(*hears, dwell_s=0.0, again_after_s=0.0):
    """Indices of the fixes that told a visit; each is outside_m, error_m, second."""
    visit = Visit(dwell_s=dwell_s, again_after_s=again_after_s)
    return [
        index
        for index, (outside_m, error_m, second) in enumerate(hears)
        if visit.hear(outside_m, error_m, second * NS_PER_S, follows=True)
    ]


def test_an_area_is_entered_once_for_each_visit():
    assert visits((100, 5, 0), (-10, 5, 1), (-50, 5, 2), (100, 5, 3), (-1, 5, 4)) == [1, 4]


def test_who_begins_inside_has_entered():
    assert visits((-10, 5, 0), (-10, 5, 1)) == [0]


# Not at random: in one of some thousand hours such a receiver is so far off that it has left.
@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(1.0, 50.0), st.integers(0, 1 << 30))
def test_a_border_does_not_trigger_again_and_again(error_m, seed):
    noise = random.Random(seed)  # noqa: S311  # noise of a receiver
    hears = [(noise.gauss(0, error_m / SIGMAS), error_m, second) for second in range(3600)]
    assert len(visits(*hears)) == 1


def test_who_drives_through_has_not_dwelt():
    through = [(-10, 5, second) for second in range(59)] + [(100, 5, 59)]
    assert visits(*through, dwell_s=60) == []
    assert visits(*[(-10, 5, second) for second in range(200)], dwell_s=60) == [60]


def test_to_dwell_takes_positions_all_the_time():
    visit = Visit(dwell_s=60, again_after_s=0)
    assert not visit.hear(-10, 5, 0, follows=False)
    assert not visit.hear(-10, 5, 100 * NS_PER_S, follows=False)
    assert visit.hear(-10, 5, 160 * NS_PER_S, follows=True)


def test_a_visit_counts_again_only_after_its_time():
    hears = [(-1, 5, 0), (99, 5, 10), (-1, 5, 20), (99, 5, 30), (-1, 5, 101)]
    assert visits(*hears, again_after_s=100) == [0, 4]


def test_each_place_of_a_list_is_visited_once_a_day():
    entry = on(places="x.csv")
    east = Point(HOME.lat_deg, HOME.lon_deg + 500 / M_PER_LON)
    trigger = Visiting(entry, Planning(), (Circle(HOME, 60.0), Circle(east, 60.0)))
    there = [fix(second, second * 10.0) for second in range(60)]
    back = [fix(100 + second, 600 - second * 10.0) for second in range(80)]
    tomorrow = [fix(86_500 + second, second * 10.0) for second in range(60)]
    found = slots_of(trigger, there + back + tomorrow)
    assert [each.index for each in found] == [0, 1, 2, 3]
    assert [each.due_mono_ns // NS_PER_S for each in found] == [0, 44, 86_500, 86_544]


def test_an_uncertain_fix_enters_nothing():
    trigger = Visiting(on(area="x", on="enter"), Planning(), (Circle(HOME, 60.0),))
    assert slots_of(trigger, [fix(0, error_m=60.0)]) == []
    assert len(slots_of(trigger, [fix(1, error_m=50.0)])) == 1


class Wall:
    """A monotonic clock and a wall clock that can be set."""

    def __init__(self, trigger, utc=START):
        self.trigger = trigger
        self.mono_s = 1000.0
        self.utc = utc
        self.lost = 0
        self.slots = []

    def look(self):
        now = Now(mono_ns=round(self.mono_s * NS_PER_S), utc=self.utc)
        minted = self.trigger.mint(now)
        self.lost += minted.lost
        self.slots += minted.slots
        return [local(now, each) for each in minted.slots]

    def pass_s(self, seconds, step_s=1.0):
        """Look each step; the local times that came up."""
        found = []
        for _ in range(round(seconds / step_s)):
            self.mono_s += step_s
            if self.utc is not None:
                self.utc += timedelta(seconds=step_s)
            found += self.look()
        return found


def local(now, slot):
    return f"{Planning().local(now.utc_at(slot.due_mono_ns)):%d %H:%M:%S}"


def calendar(expression="*/15 * * * *", **changes):
    return Calendar(on(cron=expression, **changes), Planning(), expression)


def test_cron_is_in_local_time():
    wall = Wall(calendar("0 9 * * *"))
    wall.look()
    assert wall.pass_s(2 * 3600, step_s=60) == ["01 09:00:00"]


def test_cron_waits_for_the_clock_and_makes_nothing_up():
    wall = Wall(calendar("* * * * *"), utc=None)
    assert wall.pass_s(300) == []
    assert wall.trigger.next_ns(Now(mono_ns=0, utc=None)) is None
    wall.utc = START
    assert wall.look() == []
    assert wall.pass_s(90) == ["01 08:01:00", "01 08:02:00"]


def test_a_clock_set_back_runs_nothing_twice():
    wall = Wall(calendar())
    wall.look()
    first = wall.pass_s(3600)
    assert len(first) == 4
    wall.utc -= timedelta(hours=1)
    assert wall.pass_s(3600) == []
    assert wall.pass_s(900) == ["01 09:15:00"]


def test_a_clock_set_back_far_runs_what_was_not_run():
    wall = Wall(calendar())
    wall.look()
    wall.utc += timedelta(days=300)
    assert wall.pass_s(901) != []
    wall.utc -= timedelta(days=300)
    assert wall.pass_s(900) == ["01 08:30:00"]


def test_a_clock_set_forward_does_not_storm():
    wall = Wall(calendar("* * * * *"))
    wall.look()
    wall.utc += timedelta(hours=10)
    assert wall.pass_s(60) == ["01 18:01:00"]
    assert wall.lost == 600


def test_a_small_correction_loses_nothing_and_doubles_nothing():
    for step in (0.4, -0.4, 30.0, -30.0):
        wall = Wall(calendar("* * * * *"))
        wall.look()
        found = wall.pass_s(29.5, step_s=0.5)
        wall.utc += timedelta(seconds=step)
        found += wall.look() + wall.pass_s(120, step_s=0.5)
        assert len(found) == len(set(found))
        assert found[:2] == ["01 08:01:00", "01 08:02:00"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 7200), st.sampled_from([0, 0, 0, 1, -1, 59, 61, -3600, 86_400])),
        max_size=40,
    )
)
def test_whatever_the_clock_does_an_instant_comes_up_once_and_in_its_time(moves):
    wall = Wall(calendar("*/5 * * * *"))
    wall.look()
    seen = set()
    for elapsed_s, step_s in moves:
        wall.mono_s += elapsed_s
        wall.utc += timedelta(seconds=elapsed_s + step_s)
        now = Now(mono_ns=round(wall.mono_s * NS_PER_S), utc=wall.utc)
        slots = wall.trigger.mint(now).slots
        instants = {Planning().local(now.utc_at(each.due_mono_ns)) for each in slots}
        assert len(instants) == len(slots) <= (elapsed_s + 60) // 300 + 1
        assert not instants & seen
        assert all(each.minute % 5 == 0 and each.second == 0 for each in instants)
        seen |= instants
        upcoming = wall.trigger.next_ns(now)
        assert upcoming is None or upcoming > now.mono_ns


def test_a_machine_that_slept_has_late_slots_and_counts_the_rest():
    wall = Wall(calendar("* * * * *"))
    wall.look()
    found = wall.pass_s(86_400, step_s=86_400)
    assert len(found) == MOST_LATE
    assert wall.lost == 1440 - MOST_LATE
    assert found[-1] == "02 08:00:00"


def test_month_ends_and_leap_days():
    wall = Wall(calendar("30 23 L * *"), utc=datetime(2028, 2, 1, tzinfo=UTC))
    wall.look()
    assert wall.pass_s(60 * 86_400, step_s=3600) == ["29 23:30:00", "31 23:30:00"]
    wall = Wall(calendar("0 0 31 * *"), utc=datetime(2026, 10, 31, tzinfo=UTC))
    wall.look()
    assert wall.pass_s(92 * 86_400, step_s=3600) == ["31 00:00:00", "31 00:00:00"]


def test_the_next_instant_is_known_beforehand():
    trigger = calendar()
    now = Now(mono_ns=0, utc=START)
    trigger.mint(now)
    assert trigger.next_ns(now) == round(14.5 * 60 * NS_PER_S)


def test_the_jitter_of_an_instant_is_the_same_whoever_looks():
    def late_s(since):
        wall = Wall(calendar("0 9 * * *", jitter_s=600.0, stagger_s=7.0), utc=since)
        wall.look()
        return wall.pass_s(86_400, step_s=60)

    assert late_s(START) == late_s(START - timedelta(hours=3))
    assert late_s(START) != ["01 09:00:00"]


def test_each_further_modem_is_later_whatever_the_trigger():
    trigger = Distance(on(modem_index=2, every_m=1000, stagger_s=30.0), Planning())
    (slot,) = slots_of(trigger, [fix(0), fix(60, 1500)])
    assert slot.due_mono_ns == 120 * NS_PER_S


def test_what_is_run_on_demand_has_no_trigger():
    demand = on(on_demand=True)
    assert trigger_of(demand, planning=Planning(), where=(), start_ns=0) is None
