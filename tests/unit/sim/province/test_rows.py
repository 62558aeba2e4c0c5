"""What probes record: times, spoilt tests, drives over planted stretches."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sim.province.areas import Areas
from sim.province.drives import PASSES, SHIFT_DB, SHIFTED, Drives
from sim.province.operators import OPERATORS
from sim.province.probe import Boot, Clock, Probe, Row, kept
from sim.province.scenario import Month, Scale, scenario
from sim.province.service import COVERED, Service, look
from sim.province.spoilt import Shown, spoil, ways, which
from sim.province.stretches import TUNNELS, UNDRIVEN, gaps, gaps_of_all
from wire.cells import RatClass, TestRadio
from wire.codec import decode_record, encode_record
from wire.kinds import event
from wire.messages import ClockState, Outcome, Position, PositionSource, RatMode

JUNE, JULY = Month(5), Month(6)
SMALL = scenario(Areas(), scale=Scale.SMALL)
DRIVES = Drives(SMALL)
ROUTE = DRIVES.routes["QL28-demo"]
NOON = JUNE.at_ms(10, 12)


def records(clock, anchored_ms):
    probe = Probe("dn-01", 1)
    boot = Boot(NOON, clock, anchored_ms)
    row = Row(NOON + 60_000, "event", event.Payload(name="x"))
    return list(probe.records((boot,), (row,)))


def test_a_month_begins_at_midnight_in_viet_nam():
    assert datetime.fromtimestamp(JUNE.at_ms(1, 0) / 1000, UTC) == datetime(
        2025, 5, 31, 17, tzinfo=UTC
    )


@pytest.mark.parametrize("clock", [Clock.UNSYNCED, Clock.RESTORED])
def test_before_its_anchor_a_dead_clock_says_no_time(clock):
    status, row, anchor = records(clock, NOON + 120_000)
    assert status.utc is row.utc is None
    assert anchor.payload.name == "clock_anchor"
    assert (anchor.clock_state, anchor.utc_err_s) == (ClockState.GPS, 0.02)
    true = anchor.utc - timedelta(microseconds=(anchor.mono_ns - row.mono_ns) / 1000)
    assert true == datetime(2025, 6, 10, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(("clock", "year"), [(Clock.LONG_AGO, 2018), (Clock.LAST_YEAR, 2024)])
def test_a_wrong_clock_says_a_wrong_time_and_means_it(clock, year):
    _, row, _ = records(clock, NOON + 120_000)
    assert row.utc.year == year
    assert row.utc_err_s == 0.5


def test_numbers_have_no_holes_and_go_on():
    probe = Probe("dn-01", 1)
    rows = [Row(NOON + 1000 * n, "event", event.Payload(name="x")) for n in (3, 1, 2)]
    first = list(probe.records((Boot(NOON),), rows))
    second = list(probe.records((Boot(NOON + 10**8),), ()))
    assert [one.seq for one in [*first, *second]] == list(range(1, 8))
    assert [one.mono_ns for one in first] == sorted(one.mono_ns for one in first)
    assert first[0].boot_id != second[0].boot_id
    assert all(decode_record(encode_record(one)) == one for one in first)


def test_every_way_of_spoiling_shows_in_the_record():
    good = Shown(
        Outcome.OK,
        None,
        Position(source=PositionSource.GNSS, lat_deg=12, lon_deg=107.5, horizontal_error_m=5),
        TestRadio(rat_class=RatClass.G4, plmn="45201", coverage=1.0),
        kept(RatMode.G4),
    )
    for way in ways("24736", locked=True, nr=True):
        assert spoil(way, 0, good) != good, way.name


def test_a_test_is_spoilt_as_often_as_the_shares_say():
    chosen = ways("24611", locked=False, nr=False)
    names = Counter(way.name for n in range(10_000) if (way := which(chosen, n / 10_000)))
    assert names["invalid"] == pytest.approx(100, abs=1)
    assert sum(names.values()) == pytest.approx(10_000 * sum(one.share for one in chosen), abs=9)
    assert which(chosen, 0.999) is None


@pytest.mark.parametrize("service", list(Service))
def test_only_broadband_reads_as_broadband(service):
    heard = look(service, 2, -95.0)
    payload = heard.payload
    levels = [cell.rsrp_dbm for cell in (payload.serving, payload.nr) if cell is not None]
    reads = (
        heard.outcome is Outcome.OK
        and payload.registration is not None
        and payload.registration.value == "home"
        and payload.serving is not None
        and payload.serving.rat.value in {"lte", "nr"}
        and max(level for level in levels if level is not None) >= -115
    )
    assert reads is (service in COVERED or service is Service.NO_DATA)


def rows_of(vehicle, month):
    return [row for row in DRIVES.rows(vehicle, month) if row.kind == "radio"]


def placed(rows, operator):
    own = [row for row in rows if row.operator == operator and row.position.lat_deg is not None]
    lat, lon = (
        np.array([getattr(row.position, name) for row in own]) for name in ("lat_deg", "lon_deg")
    )
    chainage, offset = ROUTE.project(lat, lon)
    return [
        (chainage[i], row) for i, row in enumerate(own) if row.position.horizontal_error_m < 50
    ], offset


def test_nothing_is_heard_inside_a_gap_and_something_outside():
    rows = rows_of("road-1", JULY)
    (gap,) = gaps("QL28-demo", "45201", JULY)
    found, _ = placed(rows, 0)
    inside = [row for at, row in found if gap[0] + 10 < at < gap[1] - 10]
    outside = [row for at, row in found if not gap[0] - 10 < at < gap[1] + 10]
    assert len(inside) > 20
    assert {row.outcome for row in inside} == {Outcome.NO_SERVICE}
    assert {row.outcome for row in outside} == {Outcome.OK}


def test_there_are_no_rows_where_nobody_drove():
    (blank,) = UNDRIVEN
    found, _ = placed(rows_of("road-1", JUNE), 1)
    assert not [at for at, _ in found if blank.start_m + 10 < at < blank.end_m - 10]
    assert [at for at, _ in found if blank.end_m < at < blank.end_m + 200]


def test_a_tunnel_hides_position_and_service():
    hidden = [row for row in rows_of("road-1", JULY) if row.position == Position()]
    assert {row.outcome for row in hidden} == {Outcome.NO_SERVICE}
    tunnel = TUNNELS[1]
    seconds = (tunnel.end_m - tunnel.start_m) / (120 / 3.6)
    assert len(hidden) == pytest.approx(4 * 2 * seconds, abs=16)


def test_one_antenna_reads_low():
    def level(vehicle):
        rows = [row for row in rows_of(vehicle, JULY) if row.payload.serving is not None]
        levels = sorted(row.payload.serving.rsrp_dbm or 0 for row in rows)
        return levels[len(levels) // 2]

    assert level(SHIFTED) - level("road-1") == pytest.approx(SHIFT_DB, abs=1.5)
    assert sum(name == SHIFTED for _, name in PASSES) == 1


def test_gaps_of_all_are_those_of_each():
    (gap,) = gaps_of_all("QL28-demo", JUNE)
    assert gap == (50_023.0, 51_423.0)
    for one in OPERATORS:
        assert gap in gaps("QL28-demo", one.plmn, JUNE)
    assert gaps_of_all("QL28-demo", JULY) == ()
