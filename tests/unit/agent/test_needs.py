from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.clock import Clock
from agent.needs import NAME, Needs, Question, objection
from agent.recorder import Envelope, Recorder
from agent.runtime import Supervisor, Worker
from wire.cells import RatClass
from wire.messages import Position, PositionSource
from wire.needs import (
    MAX_BYTES,
    Circle,
    SampleNeed,
    SampleNeeds,
    UnreadableNeedsError,
    decode_needs,
)

EVENING = datetime(2026, 12, 1, 12, 30, tzinfo=UTC)
"""Half past seven in Viet Nam."""
SQUARE = ((11.9, 107.6), (11.9, 107.8), (12.1, 107.8), (12.1, 107.6))
NEED = SampleNeed(
    area="24611",
    name="Quang Tin",
    target="t1",
    missing=3,
    polygon=SQUARE,
    kind="throughput",
    plmn="45204",
    rat_class=RatClass.G4,
    day_parts=("17-22", "22-06"),
)
HERE = Question(
    kind="throughput",
    position=Position(source=PositionSource.GNSS, lat_deg=12.0, lon_deg=107.7),
    utc=EVENING,
    plmn="45204",
    rat_class=RatClass.G4,
)


def message(*needs, probe="dn-01", **changes):
    fields = {"made_utc": EVENING, "valid_until_utc": EVENING + timedelta(days=1)} | changes
    return SampleNeeds(probe=probe, needs=needs, **fields)


def at(lat_deg, lon_deg):
    return Position(source=PositionSource.GNSS, lat_deg=lat_deg, lon_deg=lon_deg)


def asks(known=None, **changes):
    return objection(message(NEED) if known is None else known, HERE._replace(**changes))


def test_a_test_that_is_missing_is_run():
    assert asks() is None


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "video"},
        {"plmn": "45201"},
        {"rat_class": RatClass.G5},
        {"utc": EVENING - timedelta(hours=6)},
        {"position": at(12.2, 107.7)},
        {"position": at(12.0, 107.9)},
    ],
)
def test_a_test_that_is_not_missing_is_left_out(changes):
    reason = asks(**changes)
    assert reason.startswith("needs: ")
    assert "has enough samples" in reason


def test_the_reason_names_the_place_and_what_there_is_enough_of():
    assert asks(plmn="45201") == ("needs: Quang Tin has enough samples of 45201 4g at this hour")
    assert asks(position=at(0, 0)).startswith("needs: this place has enough samples")
    done = message(msgspec.structs.replace(NEED, missing=0))
    assert asks(done) == "needs: Quang Tin has enough samples of 45204 4g at this hour"


@pytest.mark.parametrize(
    "changes",
    [
        {"utc": None},
        {"utc": EVENING + timedelta(days=1)},
        {"position": Position()},
        {"plmn": None},
        {"rat_class": None},
    ],
)
def test_what_is_not_known_leaves_nothing_out(changes):
    assert asks(**changes) is None


def test_without_a_message_everything_runs_as_planned():
    assert objection(None, HERE) is None


@pytest.mark.parametrize(
    ("hour", "wanted"), [(22, True), (23, True), (5, True), (6, False), (16, False), (17, True)]
)
def test_a_part_of_the_day_may_go_over_midnight(hour, wanted):
    utc = datetime(2026, 12, 2, hour, 0, tzinfo=UTC) - timedelta(hours=7)
    known = message(NEED, valid_until_utc=EVENING + timedelta(days=9))
    assert (asks(known, utc=utc) is None) == wanted


def test_an_area_may_be_a_circle():
    circle = Circle(lat_deg=12.0, lon_deg=107.7, radius_m=1000)
    known = message(msgspec.structs.replace(NEED, polygon=(), circle=circle))
    assert asks(known, position=at(12.0, 107.709)) is None
    assert asks(known, position=at(12.0, 107.7095)) is not None
    assert asks(known, position=at(12.0089, 107.7)) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"needs": [{}]}, "area"),
        ({"made_utc": "2026-12-01T05:00:00"}, "made_utc"),
        ({"valid_until_utc": 7}, "valid_until_utc"),
        ({"missing": -1}, "missing"),
        ({"polygon": []}, "circle or polygon"),
        ({"polygon": [[1, 2], [3, 4]]}, "three corners"),
        ({"polygon": [[91, 2], [3, 4], [5, 6]]}, "polygon"),
        ({"polygon": [[1, 2]] * 5001}, "polygon"),
        ({"circle": {"lat_deg": 1, "lon_deg": 2, "radius_m": 3}}, "circle or polygon"),
        ({"plmn": "45204'"}, "plmn"),
        ({"rat_class": "6g"}, "rat_class"),
        ({"day_parts": ["24-06"]}, "day_parts"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(change, said):
    document = msgspec.json.decode(msgspec.json.encode(message(NEED)))
    inner = {key: value for key, value in change.items() if key not in document}
    document["needs"][0] |= inner
    document |= {key: value for key, value in change.items() if key in document}
    with pytest.raises(UnreadableNeedsError, match=said):
        decode_needs(msgspec.json.encode(document))


@pytest.mark.parametrize("payload", [b"{}", b"[[[[", b"\xff", b" " * (MAX_BYTES + 1), b"null"])
def test_what_is_no_message_is_refused(payload):
    with pytest.raises(UnreadableNeedsError):
        decode_needs(payload)


@pytest.fixture
def events():
    return []


@pytest.fixture
def keep(tmp_path, events):
    """Start what keeps the needs; gives it."""
    supervisors = []

    class Records:
        def append(self, record):
            events.append(record.payload)
            return True

    def start():
        clock = Clock()
        envelope = Envelope(probe="dn-01", software="t", stamp=clock.stamp, position=Position)
        needs = Needs(
            probe="dn-01",
            folder=tmp_path,
            clock=clock,
            recorder=Recorder(envelope, Records()),
        )
        supervisor = Supervisor(on_restart=events.append, on_stall=events.append)
        supervisor.start([Worker(name="needs", run=needs.run)])
        supervisors.append(supervisor)
        return needs

    yield start
    for supervisor in supervisors:
        assert supervisor.stop(10) == ()


def test_the_latest_message_is_kept_over_a_power_cut(keep, tmp_path, until):
    needs = keep()
    for count in (1, 2, 3):
        needs.hear(msgspec.json.encode(message(*[NEED] * count)))
    until(lambda: needs.known is not None and len(needs.known.needs) == 3, "it is known")
    until((tmp_path / NAME).exists, "it is kept")
    again = keep()
    until(lambda: again.known == needs.known, "it is known again")
    again.hear(b"")
    until(lambda: again.known is None, "it is taken back")
    until(lambda: not (tmp_path / NAME).exists(), "it is gone")


@pytest.mark.parametrize("payload", [b"{", msgspec.json.encode(message(NEED, probe="dn-02"))])
def test_a_message_that_is_not_for_us_changes_nothing(keep, until, events, payload):
    needs = keep()
    needs.hear(msgspec.json.encode(message(NEED)))
    until(lambda: needs.known is not None, "it is known")
    needs.hear(payload)
    until(lambda: events, "it is told")
    assert [event.name for event in events] == ["needs_unreadable"]
    assert needs.known == message(NEED)


def test_a_damaged_file_is_no_message(keep, tmp_path, until):
    (tmp_path / NAME).write_bytes(b"garbage")
    needs = keep()
    needs.hear(msgspec.json.encode(message(NEED)))
    until(lambda: needs.known is not None, "it is known")
