import shutil
import sys
import time

import pytest

from agent.clock import Clock
from agent.config import Surveyed
from agent.gps_worker import GpsWorker
from agent.runtime import Stop
from agent.ticks import NS_PER_S
from agent.whereabouts import Whereabouts
from sim.faults import faults_file
from sim.parts import Part, ReservedPort, accepts
from sim.world import demo_world, save_world
from wire.messages import ClockState, Outcome, Position, PositionSource

needs_gpsd = pytest.mark.skipif(shutil.which("gpsd") is None, reason="gpsd is not installed")
WAIT_S = 30.0


@pytest.fixture
def receiver(tmp_path):
    """A simulated receiver behind a real gpsd: its port, and a switch for faults."""
    world = tmp_path / "world.json"
    save_world(demo_world(time.time()), world)
    link = tmp_path / "gps"
    source = Part(
        "gps",
        [sys.executable, "-m", "sim", "gps", "--world", str(world), "--link", str(link)],
        log=tmp_path / "gps.log",
    )
    with ReservedPort() as port, source:
        source.wait_until(link.is_symlink, "its line", WAIT_S)
        daemon = Part(
            "gpsd",
            ["gpsd", "-N", "-n", "-b", "-S", str(port.number), str(link)],
            log=tmp_path / "gpsd.log",
        )
        with daemon:
            daemon.wait_until(lambda: accepts(port.number), "gpsd", WAIT_S)
            yield port.number, faults_file(link)


@pytest.fixture
def quiet_clock(fake_time):
    """The time is known from the receiver or not at all."""

    class NoNtp(type(fake_time)):
        def mono_ns(self):
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    return Clock(NoNtp())


def fixed(row):
    return row.kind == "position" and row.outcome is Outcome.OK


@needs_gpsd
def test_each_second_says_where_the_probe_is_and_the_clock_learns_the_time(
    receiver, quiet_clock, records, recorder_on, start
):
    port, faults = receiver
    whereabouts = Whereabouts()
    recorder = recorder_on(quiet_clock)
    worker = GpsWorker(
        gpsd=("127.0.0.1", port), whereabouts=whereabouts, clock=quiet_clock, recorder=recorder
    )
    start(worker.run)
    row = records.wait(fixed)
    assert row.position.source is PositionSource.GNSS
    assert 11.5 < row.position.lat_deg < 13.0
    assert row.position.age_s < 3.5
    later = records.wait(
        lambda each: (
            fixed(each) and each.mono_ns > row.mono_ns and each.payload.satellites_used is not None
        )
    )
    assert later.payload.satellites_used > 3
    assert later.position.lat_deg != row.position.lat_deg
    anchor = records.wait(lambda each: each.kind == "event")
    assert anchor.payload.name == "clock_anchor"
    assert anchor.clock_state is ClockState.GPS
    assert abs(anchor.utc.timestamp() - time.time()) < 30
    faults.write_text("silent")
    lost = records.wait(
        lambda each: each.kind == "position" and each.mono_ns > later.mono_ns and not fixed(each)
    )
    assert lost.outcome is Outcome.INVALID
    assert lost.reason
    assert lost.position == Position()
    blind = records.wait(
        lambda each: each.kind == "position" and each.mono_ns > lost.mono_ns + NS_PER_S
    )
    assert blind.payload == type(blind.payload)(rejected=blind.reason)
    assert whereabouts.position_at(quiet_clock.mono_ns()) == Position()
    assert records.events() == ["clock_anchor"]


def test_without_gpsd_each_second_says_so(clock, records, recorder, start):
    with ReservedPort() as port:
        worker = GpsWorker(
            gpsd=("127.0.0.1", port.number),
            whereabouts=Whereabouts(),
            clock=clock,
            recorder=recorder,
        )
        start(worker.run)
        first = records.wait(lambda row: row.kind == "position")
        second = records.wait(lambda row: row.kind == "position" and row.mono_ns > first.mono_ns)
    assert (second.outcome, second.reason) == (Outcome.INVALID, "no_gpsd")
    assert second.payload.rejected == "no_gpsd"


def test_the_seconds_between_a_crash_and_the_restart_are_rows(
    fake_clock, fake_time, recorder_on, records
):
    worker = GpsWorker(
        gpsd=None,
        whereabouts=Whereabouts(Surveyed(lat_deg=12.0, lon_deg=107.7)),
        clock=fake_clock,
        recorder=recorder_on(fake_clock),
    )

    crashes = iter([False, True] * 2)

    def beat():
        if next(crashes):
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            worker.run(Stop(), beat)
        fake_time.advance(180)
    assert [row.mono_ns // NS_PER_S for row in records.all("position")] == [1000, 1060, 1120, 1180]


def test_a_surveyed_probe_says_where_it_stands_without_a_receiver(clock, records, recorder, start):
    place = Surveyed(lat_deg=12.0, lon_deg=107.7, horizontal_error_m=5.0)
    worker = GpsWorker(gpsd=None, whereabouts=Whereabouts(place), clock=clock, recorder=recorder)
    start(worker.run)
    row = records.wait(lambda row: row.kind == "position")
    assert row.position.source is PositionSource.SURVEYED
    assert (row.position.lat_deg, row.position.horizontal_error_m) == (12.0, 5.0)
    assert row.outcome is Outcome.OK


def test_a_stale_fix_is_no_fix_and_each_instant_has_its_own():
    whereabouts = Whereabouts()
    assert whereabouts.position_at(0) == Position()
    for second, lat_deg in ((10, 12.0), (11, 12.1)):
        whereabouts.believe(
            Position(source=PositionSource.GNSS, lat_deg=lat_deg, lon_deg=107.7),
            second * NS_PER_S,
        )
    assert whereabouts.position_at(10 * NS_PER_S + 500_000_000).lat_deg == 12.0
    assert whereabouts.position_at(10 * NS_PER_S + 500_000_000).age_s == 0.5
    assert whereabouts.position_at(13 * NS_PER_S).lat_deg == 12.1
    assert whereabouts.position_at(14 * NS_PER_S + 1) == Position()
    assert whereabouts.position_at(9 * NS_PER_S) == Position()
