from datetime import UTC, datetime, timedelta

import pytest

from agent.clock import Anchor, Clock, KernelTime, NtpState
from wire.messages import ClockState

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock(fake_time):
    return Clock(fake_time)


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


def test_this_machine_has_a_boot_and_a_kernel_that_knows_its_ntp_state():
    kernel = KernelTime()
    assert Clock().boot_id == kernel.boot_id()
    assert kernel.mono_ns() < kernel.mono_ns()
    assert kernel.ntp().max_error_s >= 0
