import json
from datetime import UTC, datetime, timedelta

import gpsd
import pytest

from drivers.gps.report import (
    MAX_SPEED_M_S,
    NOT_BEFORE,
    SETTLE_S,
    Fix,
    FixGate,
    Sky,
    Tpv,
    UnreadableReportError,
    distance_m,
    fix,
    packet,
    read_line,
)
from wire.messages import Position, PositionSource

# gpsd 3.22, fed with RMC, GGA, GSA and GSV
TPV = (
    b'{"class":"TPV","device":"/dev/pts/3","mode":3,"time":"2026-11-23T12:48:36.000Z","ept":0.005,'
    b'"lat":12.000013333,"lon":107.683333333,"altHAE":595.0,"altMSL":600.0,"alt":600.0,"epx":7.5,'
    b'"epy":7.5,"epv":27.6,"track":90.0,"speed":10.289,"climb":0.0,"eps":15.0,"epc":55.2,'
    b'"eph":17.1,"sep":22.8}'
)
SKY = (
    b'{"class":"SKY","device":"/dev/pts/3","xdop":0.5,"hdop":0.9,"pdop":1.5,"nSat":3,"uSat":2,'
    b'"satellites":[{"PRN":1,"el":40.0,"az":83.0,"ss":46.0,"used":true},'
    b'{"PRN":2,"el":17.0,"az":308.0,"ss":41.0,"used":true},'
    b'{"PRN":3,"el":7.0,"az":344.0,"ss":39.0,"used":false}]}'
)
DOPS_ONLY = b'{"class":"SKY","device":"/dev/pts/3","hdop":0.9}'


def understood(tpv: bytes, sky: bytes | None = None) -> Fix:
    report = read_line(tpv)
    assert isinstance(report, Tpv)
    view = None if sky is None else read_line(sky)
    assert view is None or isinstance(view, Sky)
    return fix(gpsd.GpsResponse.from_json(packet(report, view)), report, view)


def without(*keys: str, **changes) -> bytes:
    report = {key: value for key, value in json.loads(TPV).items() if key not in keys}
    return json.dumps(report | changes).encode()


def test_a_full_report_becomes_a_fix():
    assert understood(TPV, SKY) == Fix(
        mode=3,
        utc=datetime(2026, 11, 23, 12, 48, 36, tzinfo=UTC),
        lat_deg=12.0000133,
        lon_deg=107.6833333,
        altitude_m=595.0,
        speed_m_s=10.289,
        course_deg=90.0,
        horizontal_error_m=17.1,
        hdop=0.9,
        satellites_used=2,
        satellites_seen=3,
    )


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("lat", "lat_deg"),
        ("lon", "lon_deg"),
        ("speed", "speed_m_s"),
        ("track", "course_deg"),
        ("altHAE", "altitude_m"),
        ("time", "utc"),
    ],
)
def test_what_the_receiver_did_not_say_is_none_and_never_zero(key, field):
    assert getattr(understood(without(key)), field) is None


def test_a_zero_that_was_said_stays_zero():
    still = understood(without(speed=0.0, track=0.0))
    assert (still.speed_m_s, still.course_deg) == (0.0, 0.0)


def test_without_a_satellite_list_their_number_is_unknown():
    seen = understood(TPV, DOPS_ONLY)
    assert (seen.satellites_used, seen.satellites_seen, seen.hdop) == (None, None, 0.9)
    assert understood(TPV).satellites_seen is None


def test_a_receiver_without_a_fix_has_no_place():
    lost = understood(b'{"class":"TPV","device":"/dev/pts/3","mode":1}')
    assert (lost.mode, lost.lat_deg, lost.lon_deg) == (1, None, None)


def test_a_missing_horizontal_error_is_made_of_its_parts():
    assert understood(without("eph", epx=3.0, epy=4.0)).horizontal_error_m == 5.0
    assert understood(without("eph", "epx")).horizontal_error_m is None


@pytest.mark.parametrize("line", [b'{"class":"VERSION","release":"3.22"}', b'{"class":"WATCH"}'])
def test_other_classes_are_nothing(line):
    assert read_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"$GPRMC,1*00",
        TPV[:-7],
        without(lat="12"),
        without(time="yesterday"),
        without(time="2026-11-23T12:48:36"),
        b"[]",
        b'{"class":7}',
        b"\xff\xfe",
        b'{"class":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_report_says_so(line):
    with pytest.raises(UnreadableReportError):
        read_line(line)


T0 = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
START = 1000.0
METRE_DEG = 1 / 111_195


def at(second: float, *, north_m: float = 0.0, **changes) -> Fix:
    values = {
        "mode": 3,
        "utc": T0 + timedelta(seconds=second),
        "lat_deg": 12.0 + north_m * METRE_DEG,
        "lon_deg": 107.7,
    }
    return Fix(**(values | changes))


@pytest.fixture
def gate() -> FixGate:
    """Has believed a fix a second, the last at second 0."""
    gate = FixGate()
    for second in range(-3, 1):
        assert gate.judge(at(second), START + second) is None
    return gate


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": 1}, "no_fix"),
        ({"mode": 0}, "no_fix"),
        ({"lat_deg": None}, "no_position"),
        ({"lon_deg": None}, "no_position"),
        ({"lat_deg": 0.0, "lon_deg": 0.0}, "null_island"),
        ({"lat_deg": 91.0}, "out_of_range"),
        ({"utc": None}, "no_time"),
        ({"utc": T0 - timedelta(weeks=1024)}, "old_date"),
        ({"north_m": MAX_SPEED_M_S + 10}, "jump"),
        ({"utc": T0 + timedelta(seconds=60)}, "time_jump"),
        ({"utc": T0 - timedelta(seconds=60)}, "stale"),
    ],
)
def test_an_impossible_fix_is_refused_with_its_reason(gate, changes, reason):
    assert gate.judge(at(1, **changes), START + 1) == reason
    assert gate.position(START + 1).lat_deg == 12.0  # where it was a second ago


def test_the_first_fix_must_not_be_older_than_the_software():
    gate = FixGate()
    assert gate.judge(at(0, utc=NOT_BEFORE - timedelta(days=1)), START) == "old_date"
    assert gate.position(START) == Position()
    assert gate.rejected(START) == "old_date"


def test_a_believed_fix_carries_its_age(gate):
    position = gate.position(START + 1.5)
    assert position.source is PositionSource.GNSS
    assert position.age_s == pytest.approx(1.5)
    assert gate.rejected(START + 1.5) is None


def test_silence_is_no_position_after_three_seconds(gate):
    assert gate.position(START + 3.1) == Position()
    assert gate.rejected(START + 3.1) == "stale"


def test_a_dead_fix_that_is_repeated_goes_stale(gate):
    """gpsd does so for ever: same place, mode 3, same time."""
    verdicts = [gate.judge(at(0), START + second) for second in (1, 2, 3, 3.5, 20)]
    assert verdicts == [None, None, None, "stale", "stale"]
    assert gate.position(START + 20) == Position()


def test_a_backlog_of_a_frozen_daemon_is_stale_but_for_its_end(gate):
    verdicts = [gate.judge(at(second), START + 10) for second in range(1, 11)]
    assert verdicts == ["stale"] * 6 + [None] * 4
    assert gate.position(START + 10).age_s == pytest.approx(0)


def test_silence_and_return_somewhere_reachable_is_believed_at_once(gate):
    assert gate.judge(at(60, north_m=1500), START + 60) is None


def test_one_wild_fix_moves_nobody(gate):
    assert gate.judge(at(1, north_m=50_000), START + 1) == "jump"
    assert gate.judge(at(2), START + 2) is None
    assert gate.position(START + 2).lat_deg == 12.0


def test_a_new_place_is_believed_once_it_has_lasted(gate):
    """A wrong beginning must not refuse the truth for hours."""
    verdicts = [gate.judge(at(n, north_m=50_000), START + n) for n in range(1, 8)]
    settled = 1 + int(SETTLE_S)
    assert verdicts == ["jump"] * (settled - 1) + [None] * (7 - settled + 1)


def test_a_clock_that_was_wrong_is_believed_once_it_has_lasted(gate):
    verdicts = [gate.judge(at(1000 + n), START + n) for n in range(1, 8)]
    assert verdicts == ["time_jump"] * 5 + [None] * 2


def test_wild_fixes_that_disagree_with_each_other_are_never_believed(gate):
    for second in range(1, 30):
        assert gate.judge(at(second, north_m=50_000 * second), START + second) == "jump"


def test_a_clock_that_runs_a_little_fast_is_not_stale_after_a_day():
    gate = FixGate()
    for second in range(0, 86_400, 60):
        assert gate.judge(at(second), START + second * 1.0001) is None


def test_two_reports_of_one_epoch_are_one_place(gate):
    assert gate.judge(at(1, speed_m_s=None), START + 1) is None
    assert gate.judge(at(1, speed_m_s=10.0), START + 1.01) is None
    assert gate.position(START + 1.1).speed_m_s == 10.0


def test_distance_is_in_metres():
    assert distance_m(at(0), at(0, north_m=1000)) == pytest.approx(1000, rel=1e-3)
    with pytest.raises(ValueError, match="no distance"):
        distance_m(at(0), at(0, lat_deg=None))
