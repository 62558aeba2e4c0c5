from uuid import UUID

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wire.records import measurements
from wire import codec
from wire.codec import UnreadableBatchError, UnreadableRecordError


@given(measurements())
def test_a_record_survives_the_wire(measurement):
    assert codec.decode_record(codec.encode_record(measurement)) == measurement


@given(st.lists(measurements(), max_size=5))
def test_a_batch_gives_back_its_lines_in_order(batch):
    lines = [codec.encode_record(measurement) for measurement in batch]
    assert codec.unpack(codec.pack(lines)) == lines


def test_fields_of_a_newer_schema_number_are_refused_with_their_key(record):
    newer = msgspec.structs.replace(record, schema=record.schema + 1)
    with pytest.raises(UnreadableRecordError, match="newer than ours") as refused:
        codec.decode_record(codec.encode_record(newer))
    assert refused.value.seq == record.seq
    assert refused.value.epoch == record.epoch


def test_unknown_fields_are_passed_over(record):
    line = codec.encode_record(record).replace(b'{"probe"', b'{"later_field":1,"probe"', 1)
    assert codec.decode_record(line) == record


def _line(record, **changes):
    return msgspec.json.encode(msgspec.to_builtins(record) | changes)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"kind": "gossip"}, "unknown kind 'gossip'"),
        ({"probe": "../../etc"}, r"\$\.probe"),
        ({"seq": 0}, r"\$\.seq"),
        ({"seq": 2**63}, r"\$\.seq"),
        ({"outcome": "fine"}, r"\$\.outcome"),
        ({"utc": "2026-11-23T10:00:00"}, r"\$\.utc"),
        ({"payload": {"serving": {"rat": "5g"}}}, r"\$\.payload\.serving\.rat"),
    ],
)
def test_a_wrong_field_is_named_and_the_key_is_kept(record, changes, place):
    with pytest.raises(UnreadableRecordError, match=place) as refused:
        codec.decode_record(_line(record, **changes))
    if "seq" not in changes:
        assert refused.value.seq == record.seq


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 5000, b"\0" * 10])
def test_rubbish_is_a_refusal_without_a_key(line):
    with pytest.raises(UnreadableRecordError) as refused:
        codec.decode_record(line)
    assert refused.value.seq is None


def test_numbers_that_json_does_not_know_are_refused(record):
    line = codec.encode_record(record).replace(b"-96.0", b"NaN")
    with pytest.raises(UnreadableRecordError):
        codec.decode_record(line)


def test_a_very_long_line_is_refused():
    with pytest.raises(UnreadableRecordError, match="limit"):
        codec.decode_record(b'{"kind":"' + b"x" * codec.MAX_LINE_BYTES)


def test_what_is_not_zstd_is_no_batch():
    with pytest.raises(UnreadableBatchError, match="zstd"):
        codec.unpack(b"GET / HTTP/1.1\r\n\r\n")


def test_a_small_frame_may_not_unpack_into_gigabytes():
    bomb = zstandard.ZstdCompressor(level=19).compress(b"\0" * (codec.MAX_DECODED_BYTES + 1))
    assert len(bomb) < codec.MAX_BATCH_BYTES
    with pytest.raises(UnreadableBatchError, match="unpacks"):
        codec.unpack(bomb)


def test_a_batch_over_the_limit_is_refused_before_it_is_read():
    with pytest.raises(UnreadableBatchError, match="limit"):
        codec.unpack(b"\0" * (codec.MAX_BATCH_BYTES + 1))


def test_a_cut_batch_is_refused(record):
    batch = codec.pack([codec.encode_record(record)] * 2000)
    for length in range(0, len(batch), max(1, len(batch) // 200)):
        with pytest.raises(UnreadableBatchError):
            codec.unpack(batch[:length])


def test_bytes_after_the_frame_are_refused(record):
    batch = codec.pack([codec.encode_record(record)])
    with pytest.raises(UnreadableBatchError):
        codec.unpack(batch + b"x")


def test_the_epoch_is_a_uuid(record):
    assert isinstance(codec.decode_record(codec.encode_record(record)).epoch, UUID)
