"""Records as columns: derived from the wire types, whatever they are."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from collector.store import columns
from tests.unit.wire.records import measurements
from wire.kinds import kinds
from wire.messages import Position

from .records import EPOCH, event_record, radio_record

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def flat(*records):
    return columns.flatten(records[0].kind, records, NOW).to_pylist()


def test_a_column_is_the_path_with_the_payload_left_out():
    [row] = flat(radio_record(1))
    assert row["position_lat_deg"] == 12.00001
    assert row["rat_lock_read_back"] == "4g"
    assert row["serving_rsrp_dbm"] == -95.0
    assert row["serving_mnc"] == "04"
    assert row["registration"] == "home"
    assert row["epoch"] == str(EPOCH)
    assert row["utc"] == datetime(2026, 11, 1, 3, 0, 1, tzinfo=UTC)
    assert row["received_utc"] == NOW


def test_what_the_device_did_not_say_is_null_and_never_zero():
    [row] = flat(radio_record(1, modem=None, position=Position(), payload=None))
    assert row["modem_imei"] is None
    assert row["position_lat_deg"] is None
    assert row["position_source"] == "none"
    assert row["serving_rsrp_dbm"] is None
    assert row["neighbours"] is None


def test_lists_and_dicts_are_json_text():
    [row] = flat(radio_record(1))
    assert row["neighbours"] == '[{"rat":"lte","pci":13,"arfcn":1275,"rsrp_dbm":-101.5}]'
    assert row["carriers"] == "[]"
    [row] = flat(event_record(1, "modem_back", detail={"usb_path": "1-1", "after_s": 3}))
    assert row["detail"] == '{"usb_path":"1-1","after_s":3}'


def test_test_radio_keeps_its_prefix():
    assert "radio_rat_class" in columns.schema("throughput").names


@pytest.mark.parametrize("kind", kinds())
def test_the_columns_made_at_ingest_come_last(kind):
    names = columns.schema(kind).names
    assert len(set(names)) == len(names)
    assert names[-len(columns.AREA_COLUMNS) - 2 :] == [
        "date",
        "received_utc",
        *columns.AREA_COLUMNS.names,
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(measurements())
def test_every_record_a_probe_can_write_is_a_row(record):
    [row] = flat(record)
    expected = columns.schema(record.kind).names[: -len(columns.AREA_COLUMNS)]
    assert list(row) == expected
    assert (row["probe"], row["epoch"], row["seq"]) == (record.probe, str(record.epoch), record.seq)


@pytest.mark.parametrize(
    ("utc", "date"),
    [
        (datetime(2026, 11, 1, 16, 59, 59, tzinfo=UTC), "2026-11-01"),
        (datetime(2026, 11, 1, 17, 0, tzinfo=UTC), "2026-11-02"),
        (datetime(2026, 11, 2, tzinfo=timezone(timedelta(hours=7))), "2026-11-02"),
        (None, "undated"),
        (datetime(1980, 1, 6, tzinfo=UTC), "undated"),
        (datetime(2107, 1, 1, tzinfo=UTC), "undated"),
        (datetime(1, 1, 1, tzinfo=UTC), "undated"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "undated"),
    ],
)
def test_the_partition_is_the_vietnamese_day_of_the_record(utc, date):
    [row] = flat(radio_record(1, utc=utc))
    assert row["date"] == date


def test_a_number_beyond_64_bits_is_named_and_the_others_are_not():
    records = [radio_record(1), radio_record(2, mono_ns=1 << 70), radio_record(3)]
    with pytest.raises(columns.UnstorableRecordsError) as caught:
        columns.flatten("radio", records, NOW)
    assert list(caught.value.reasons) == [1]
    assert caught.value.reasons[1].startswith("mono_ns: ")


def test_an_instant_before_the_first_year_is_named():
    utc = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(columns.UnstorableRecordsError) as caught:
        columns.flatten("radio", [radio_record(1, utc=utc)], NOW)
    assert caught.value.reasons[0].startswith("utc: ")


def test_no_record_at_all_is_an_empty_table():
    table = columns.flatten("radio", [], NOW)
    assert table.num_rows == 0
    assert table.schema.field("utc").type == pa.timestamp("us", tz="UTC")


def test_uuids_are_text_as_they_are_written():
    [row] = flat(radio_record(1, boot_id=UUID("0ABCDEF0-0000-4000-8000-000000000000")))
    assert row["boot_id"] == "0abcdef0-0000-4000-8000-000000000000"
