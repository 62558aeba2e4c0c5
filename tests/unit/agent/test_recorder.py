from datetime import UTC, datetime
from uuid import UUID

import pytest

from agent.clock import Clock
from agent.recorder import UNNUMBERED, Envelope, Recorder
from wire.codec import encode_record
from wire.kinds import position, radio
from wire.messages import Modem, Outcome, Position, PositionSource

HERE = Position(source=PositionSource.SURVEYED, lat_deg=12.0, lon_deg=107.7)
THERE = Position(source=PositionSource.GNSS, lat_deg=12.1, lon_deg=107.8)


class Tray:
    """Takes every record."""

    def __init__(self):
        self.records = []

    def append(self, record):
        self.records.append(record)
        return True


@pytest.fixture
def tray():
    return Tray()


@pytest.fixture
def recorder(tray, fake_time):
    envelope = Envelope(
        probe="dn-01", software="26.11", stamp=Clock(fake_time).stamp, position=lambda: HERE
    )
    return Recorder(envelope, tray)


def test_a_record_gets_its_envelope_and_no_number(recorder, tray, fake_time):
    fake_time.pass_s(3)
    modem = Modem(usb_path="1-1.2")
    recorder.record("radio", radio.Payload(mode="lte"), modem=modem, plan="drive")
    (record,) = tray.records
    assert (record.probe, record.epoch, record.seq) == ("dn-01", UNNUMBERED, 0)
    assert (record.kind, record.schema, record.outcome) == ("radio", radio.SCHEMA, Outcome.OK)
    assert (record.boot_id, record.mono_ns, record.utc) == (UUID(int=7), 3_000_000_000, None)
    assert (record.position, record.modem, record.plan) == (HERE, modem, "drive")
    assert encode_record(record)


def test_time_and_place_are_of_the_start_of_the_sample(recorder, tray, fake_time):
    fake_time.pass_s(3)
    recorder.record("throughput", None, outcome=Outcome.SKIPPED, mono_ns=5_000_000, position=THERE)
    assert (tray.records[0].mono_ns, tray.records[0].position) == (5_000_000, THERE)


@pytest.mark.parametrize("mono_ns", [0, 1, 999_999, 1_000_000, 7_123_456_789])
def test_times_are_whole_milliseconds_and_the_error_covers_what_is_cut_off(
    tray, fake_time, mono_ns
):
    clock = Clock(fake_time)
    noon = datetime(2026, 12, 1, 12, 0, 0, 654_321, tzinfo=UTC)
    clock.anchor_by_gps(noon, mono_ns=123_456, err_s=0.2)
    Recorder(
        Envelope(probe="dn-01", software="26.11", stamp=clock.stamp, position=lambda: HERE), tray
    ).record("radio", None, mono_ns=mono_ns)
    (record,) = tray.records
    assert record.mono_ns == mono_ns - mono_ns % 1_000_000
    assert record.utc.microsecond % 1000 == 0
    exact = clock.stamp(record.mono_ns)
    cut_s = (exact.utc - record.utc).total_seconds()
    assert 0 <= cut_s < 0.001
    assert exact.utc_err_s + cut_s <= record.utc_err_s <= exact.utc_err_s + 0.002


def test_an_event_keeps_its_detail(recorder, tray):
    recorder.event("modem_gone", severity="warning", detail={"port": "ttyUSB2"})
    payload = tray.records[0].payload
    assert (payload.name, payload.severity, payload.detail) == (
        "modem_gone",
        "warning",
        {"port": "ttyUSB2"},
    )


def test_a_payload_of_another_kind_is_a_mistake(recorder, tray):
    with pytest.raises(TypeError, match="position is no payload of kind 'radio'"):
        recorder.record("radio", position.Payload())
    assert tray.records == []


def test_a_kind_that_is_not_is_a_mistake(recorder):
    with pytest.raises(KeyError):
        recorder.record("weather", None)
