from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from agent.clock import Clock, NtpState
from agent.rungs import LIMITS, Rung, RungLog

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR_S = 3600.0


class Boot:
    """One boot of a machine without a battery clock."""

    def __init__(self, number):
        self.number = number
        self.up_s = 100.0

    def boot_id(self):
        return UUID(int=self.number)

    def mono_ns(self):
        return round(self.up_s * 1e9)

    def wall(self):
        return datetime(1970, 1, 1, tzinfo=UTC)

    def ntp(self):
        return NtpState(synchronised=False, max_error_s=16.0)


@pytest.fixture
def boots(tmp_path):
    """Boots one after the other over one folder."""

    def start(number, utc=None):
        boot = Boot(number)
        clock = Clock(boot)
        if utc is not None:
            clock.anchor_by_gps(utc, mono_ns=boot.mono_ns(), err_s=0.1)
        return boot, RungLog(tmp_path / "rungs", clock)

    return start


def test_nothing_tried_is_nothing_forbidden(boots):
    _, log = boots(1)
    assert all(log.allows("1-1", rung) for rung in Rung)


@pytest.mark.parametrize("rung", Rung)
def test_each_rung_has_its_pause_and_its_most_a_day(boots, rung):
    boot, log = boots(1)
    limit = LIMITS[rung]
    for _ in range(limit.most_a_day):
        assert log.allows("1-1", rung)
        log.note("1-1", rung)
        assert not log.allows("1-1", rung)
        boot.up_s += limit.every_s
    assert not log.allows("1-1", rung)
    boot.up_s += 24 * HOUR_S
    assert log.allows("1-1", rung)


def test_places_and_rungs_are_counted_apart(boots):
    _, log = boots(1)
    log.note("1-1", Rung.RESET)
    assert log.allows("1-2", Rung.RESET)
    assert log.allows("1-1", Rung.RADIO)


def test_a_crash_forgets_nothing(boots):
    _, log = boots(1)
    log.note("1-1", Rung.RESET)
    _, again = boots(1)
    assert not again.allows("1-1", Rung.RESET)


def test_a_boot_loop_resets_no_modem_for_ever(boots):
    resets = 0
    for number in range(100):
        boot, log = boots(number)
        boot.up_s = 600.0
        if log.allows("1-1", Rung.RESET):
            log.note("1-1", Rung.RESET)
            resets += 1
    assert resets == 1


def test_with_a_date_an_earlier_boot_is_as_long_ago_as_it_was(boots):
    _, log = boots(1, NOON)
    log.note("1-1", Rung.RESET)
    _, soon = boots(2, NOON + timedelta(minutes=20))
    assert not soon.allows("1-1", Rung.RESET)
    _, later = boots(3, NOON + timedelta(minutes=31))
    assert later.allows("1-1", Rung.RESET)


def test_the_file_has_an_end(boots, tmp_path):
    _, log = boots(1)
    for _ in range(200):
        log.note("1-1", Rung.RADIO)
    (file,) = (tmp_path / "rungs").iterdir()
    assert file.stat().st_size < 16_384


@pytest.mark.parametrize("content", [b'[{"rung"', b'[{"rung": "\xff"}]'])
def test_a_damaged_file_is_no_record(boots, tmp_path, content):
    _, log = boots(1)
    log.note("/dev/ttyUSB2", Rung.RESET)
    (file,) = (tmp_path / "rungs").iterdir()
    file.write_bytes(content)
    assert log.allows("/dev/ttyUSB2", Rung.RESET)
