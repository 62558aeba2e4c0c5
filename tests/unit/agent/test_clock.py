from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from agent.clock import COLLECTOR_ERR_S, Anchor, Clock, KernelTime, NtpState
from wire.control import TimeTold
from wire.messages import ClockState

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock(fake_time):
    return Clock(fake_time)


def told(clock, utc, *, asked_ns=0, boot_id=None):
    return TimeTold(
        probe="dn-01",
        boot_id=clock.boot_id if boot_id is None else boot_id,
        mono_ns=asked_ns,
        utc=utc,
    )


def test_before_any_source_the_time_is_unknown(clock, fake_time):
    fake_time.pass_s(5)
    stamp = clock.stamp()
    assert (stamp.mono_ns, stamp.utc, stamp.utc_err_s) == (5_000_000_000, None, None)
    assert stamp.clock_state is ClockState.UNSYNCED


def test_a_time_restored_from_disk_is_never_used_as_utc(clock, fake_time):
    fake_time.wall_time = NOON
    assert clock.stamp().utc is None
    assert clock.state() is ClockState.RESTORED


def test_the_first_fix_anchors_the_boot_backwards_and_forwards(clock, fake_time):
    fake_time.pass_s(100)
    assert clock.anchor_by_gps(NOON, mono_ns=clock.mono_ns(), err_s=0.2)
    fake_time.pass_s(60)
    assert clock.stamp().utc == NOON + timedelta(seconds=60)
    assert clock.stamp(0).utc == NOON - timedelta(seconds=100)
    assert clock.stamp().clock_state is ClockState.GPS
    assert clock.stamp().utc_err_s == pytest.approx(0.2 + 60 * 50e-6)


def test_agreeing_fixes_are_no_news(clock, fake_time):
    assert clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.2)
    fake_time.pass_s(1)
    later = NOON + timedelta(seconds=1.1)
    assert not clock.anchor_by_gps(later, mono_ns=clock.mono_ns(), err_s=0.2)


def test_a_move_is_news_once_it_is_confirmed(clock):
    assert clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.2)
    moved = NOON + timedelta(hours=1)
    assert not clock.anchor_by_gps(moved, mono_ns=0, err_s=0.2)
    assert clock.stamp().utc == NOON
    assert clock.anchor_by_gps(moved, mono_ns=0, err_s=0.2)
    assert clock.stamp().utc == moved


def test_one_wrong_second_moves_nothing(clock):
    assert clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.2)
    assert not clock.anchor_by_gps(NOON + timedelta(hours=1), mono_ns=0, err_s=0.2)
    assert not clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.2)
    assert not clock.anchor_by_gps(NOON + timedelta(hours=1), mono_ns=0, err_s=0.2)
    assert clock.stamp().utc == NOON


def test_a_better_source_narrows_the_error_silently(clock):
    assert clock.anchor(Anchor(mono_ns=0, utc=NOON, err_s=2.0, source=ClockState.NTP))
    assert not clock.anchor_by_gps(NOON + timedelta(seconds=1), mono_ns=0, err_s=0.1)
    assert clock.stamp().utc_err_s == pytest.approx(0.1)
    assert clock.state() is ClockState.GPS


def test_ntp_does_not_overrule_a_fresh_fix(clock, fake_time):
    assert clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.1)
    fake_time.wall_time = NOON + timedelta(seconds=30)
    fake_time.ntp_state = NtpState(synchronised=True, max_error_s=0.05)
    assert not clock.anchor_by_ntp()
    assert not clock.anchor_by_ntp()
    assert clock.stamp().utc == NOON


def test_gps_that_agrees_with_a_more_exact_ntp_holds_against_it(clock, fake_time):
    clock.anchor(Anchor(mono_ns=0, utc=NOON, err_s=0.05, source=ClockState.NTP))
    clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.5)
    fake_time.wall_time = NOON + timedelta(hours=1)
    fake_time.ntp_state = NtpState(synchronised=True, max_error_s=0.05)
    assert [clock.anchor_by_ntp(), clock.anchor_by_ntp()] == [False, False]
    assert clock.stamp().utc == NOON


def test_ntp_takes_over_when_gps_is_gone_for_long(clock, fake_time):
    assert clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.1)
    fake_time.pass_s(3600)
    fake_time.wall_time = NOON + timedelta(seconds=3630)
    fake_time.ntp_state = NtpState(synchronised=True, max_error_s=0.05)
    assert [clock.anchor_by_ntp(), clock.anchor_by_ntp()] == [False, True]
    assert clock.state() is ClockState.NTP


def test_an_undisciplined_system_clock_is_no_source(clock, fake_time):
    fake_time.wall_time = NOON
    assert not clock.anchor_by_ntp()
    assert clock.stamp().utc is None


def test_a_date_before_this_software_is_no_time(clock):
    rolled_over = NOON - timedelta(weeks=1024)
    assert not clock.anchor_by_gps(rolled_over, mono_ns=0, err_s=0.1)
    assert clock.stamp().utc is None


def test_a_date_at_the_end_of_the_calendar_is_no_time(clock, fake_time):
    answer = told(clock, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert not clock.anchor_by_collector(answer, heard_mono_ns=1_000_000)
    fake_time.pass_s(60)
    assert clock.stamp().utc is None


def test_a_jump_of_the_wall_clock_moves_no_record(clock, fake_time):
    clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.1)
    fake_time.pass_s(10)
    fake_time.wall_time -= timedelta(hours=1)
    assert clock.stamp().utc == NOON + timedelta(seconds=10)
    assert not clock.wall_is_right()


def test_the_wall_clock_is_right_only_beside_a_known_time(clock, fake_time):
    fake_time.wall_time = NOON
    assert not clock.wall_is_right()
    clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.1)
    assert clock.wall_is_right()


def test_the_time_can_be_known_while_the_system_clock_stays_wrong(clock):
    assert clock.stamp().utc is None
    clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.1)
    assert clock.stamp().utc is not None
    assert not clock.wall_is_right()


def test_the_error_grows_honestly_through_hours_without_a_source(clock, fake_time):
    clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.5)
    fake_time.pass_s(12 * 3600)
    assert clock.stamp().utc == NOON + timedelta(hours=12)
    assert clock.stamp().utc_err_s == pytest.approx(0.5 + 12 * 3600 * 50e-6)
    slow = NOON + timedelta(hours=12, seconds=2)
    assert not clock.anchor_by_gps(slow, mono_ns=clock.mono_ns(), err_s=0.5), "within the error"
    assert clock.stamp().utc == slow


def test_a_leap_second_is_no_news(clock):
    clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.5)
    told = [
        clock.anchor_by_gps(
            NOON + timedelta(seconds=second - 1), mono_ns=second * 1_000_000_000, err_s=0.5
        )
        for second in (2, 3, 4)
    ]
    assert told == [False, False, False]
    assert clock.stamp(4_000_000_000).utc == NOON + timedelta(seconds=3)


def test_ntp_that_says_an_impossible_date_is_no_source(clock, fake_time):
    fake_time.wall_time = datetime(2020, 1, 1, tzinfo=UTC)
    fake_time.ntp_state = NtpState(synchronised=True, max_error_s=0.05)
    assert not clock.anchor_by_ntp()
    assert clock.state() is ClockState.UNSYNCED


def test_a_clock_set_by_hand_while_it_is_read_is_no_source(clock, fake_time):
    fake_time.wall_time = NOON
    fake_time.ntp_state = NtpState(synchronised=True, max_error_s=0.05)

    def set_by_hand():
        fake_time.wall_time = NOON + timedelta(days=365 * 6)
        fake_time.ntp_state = NtpState(synchronised=False, max_error_s=16.0)
        return fake_time.wall_time

    fake_time.wall = set_by_hand
    assert not clock.anchor_by_ntp()
    assert clock.stamp().utc is None


def test_the_collectors_time_lies_between_question_and_answer(clock, fake_time):
    fake_time.pass_s(10)
    assert clock.anchor_by_collector(told(clock, NOON), heard_mono_ns=3_000_000_000)
    stamp = clock.stamp(1_500_000_000)
    assert (stamp.utc, stamp.clock_state) == (NOON, ClockState.COLLECTOR)
    assert stamp.utc_err_s == pytest.approx(1.5 + COLLECTOR_ERR_S)


@pytest.mark.parametrize(("asked_s", "heard_s"), [(0, 60.1), (10, 9.9)])
def test_an_absurd_round_trip_tells_nothing(clock, asked_s, heard_s):
    answer = told(clock, NOON, asked_ns=int(asked_s * 1e9))
    assert not clock.anchor_by_collector(answer, heard_mono_ns=int(heard_s * 1e9))
    assert clock.stamp().utc is None


def test_an_answer_to_an_earlier_boot_tells_nothing(clock):
    answer = told(clock, NOON, boot_id=UUID(int=1))
    assert not clock.anchor_by_collector(answer, heard_mono_ns=1_000_000)
    assert clock.stamp().utc is None


def test_a_collector_that_lives_in_the_past_tells_nothing(clock):
    answer = told(clock, datetime(2020, 1, 1, tzinfo=UTC))
    assert not clock.anchor_by_collector(answer, heard_mono_ns=1_000_000)


def test_the_collector_does_not_overrule_a_fresh_better_source(clock):
    clock.anchor(Anchor(mono_ns=0, utc=NOON, err_s=0.05, source=ClockState.NTP))
    answer = told(clock, NOON + timedelta(hours=1))
    assert not clock.anchor_by_collector(answer, heard_mono_ns=1_000_000)
    assert not clock.anchor_by_collector(answer, heard_mono_ns=1_000_000)
    assert clock.stamp(0).utc == NOON


def test_gps_overrules_the_collector_once_it_is_confirmed(clock):
    clock.anchor_by_collector(told(clock, NOON - timedelta(hours=1)), heard_mono_ns=1_000_000)
    news = [clock.anchor_by_gps(NOON, mono_ns=0, err_s=0.5) for _ in range(2)]
    assert news == [False, True]
    assert (clock.stamp(0).utc, clock.state()) == (NOON, ClockState.GPS)


def test_this_machine_has_a_boot_and_a_kernel_that_knows_its_ntp_state():
    kernel = KernelTime()
    assert Clock().boot_id == kernel.boot_id()
    assert kernel.mono_ns() < kernel.mono_ns()
    assert kernel.ntp().max_error_s >= 0
