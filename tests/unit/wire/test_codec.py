from uuid import UUID

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wire.records import measurements
from wire import codec
from wire.codec import UnreadableBatchError, UnreadableRecordError
from wire.dictionary import NEWEST, dictionary
from wire.messages import Sim


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
        (
            {
                "kind": "throughput",
                "payload": {"direction": "DOWN", "streams": 6, "warmup_s": 2, "window_s": 10},
            },
            r"\$\.payload\.direction",
        ),
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


@pytest.mark.parametrize("plmn", ["452-04", "4520", "4520404", "45204 ", "VNM"])
def test_a_network_that_is_not_five_or_six_digits_is_refused_by_name(record, plmn):
    foreign = msgspec.structs.replace(record, sim=Sim(home_plmn=plmn))
    with pytest.raises(UnreadableRecordError, match=r"\$\.sim\.home_plmn"):
        codec.decode_record(codec.encode_record(foreign))


def test_a_very_long_line_is_refused():
    with pytest.raises(UnreadableRecordError, match="limit"):
        codec.decode_record(b'{"kind":"' + b"x" * codec.MAX_LINE_BYTES)


def test_what_is_not_zstd_is_no_batch():
    with pytest.raises(UnreadableBatchError, match="zstd"):
        codec.unpack(b"GET / HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("dict_data", [None, dictionary(NEWEST)])
def test_a_small_frame_may_not_unpack_into_gigabytes(dict_data):
    compressor = zstandard.ZstdCompressor(level=19, dict_data=dict_data)
    bomb = compressor.compress(b"\0" * (codec.MAX_DECODED_BYTES + 1))
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


def test_a_batch_without_a_dictionary_is_read(record):
    line = codec.encode_record(record)
    frame = zstandard.ZstdCompressor().compress(line + b"\n")
    assert codec.unpack(frame) == [line]


def test_a_file_needs_no_dictionary_to_be_read(record):
    lines = [codec.encode_record(record)] * 3
    content = codec.pack_file(lines)
    assert zstandard.ZstdDecompressor().decompress(content) == b"\n".join(lines) + b"\n"
    assert codec.unpack(content) == lines


def test_a_batch_of_a_newer_dictionary_is_refused_by_its_number(record):
    newer = b"\x37\xa4\x30\xec" + (200).to_bytes(4, "little") + dictionary(NEWEST).as_bytes()[8:]
    compressor = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(newer))
    with pytest.raises(UnreadableBatchError, match="dictionary 200, which this version does not"):
        codec.unpack(compressor.compress(codec.encode_record(record)))


def test_one_wrong_bit_of_a_batch_is_noticed(record):
    line = codec.encode_record(record)
    batch = codec.pack([line])
    for place in range(len(batch)):
        damaged = bytearray(batch)
        damaged[place] ^= 0x10
        try:
            assert codec.unpack(bytes(damaged)) == [line]
        except UnreadableBatchError:
            continue


@given(measurements())
def test_a_stored_record_is_given_back(measurement):
    line = codec.encode_record(measurement)
    assert codec.unpack_line(codec.pack_line(line)) == line


def test_a_stored_record_is_small(record):
    line = codec.encode_record(record)
    assert len(codec.pack_line(line)) < len(line) / 3


def test_a_record_stored_as_it_is_is_given_back(record):
    line = codec.encode_record(record)
    assert codec.unpack_line(line) == line


@pytest.mark.parametrize("stored", [b"", b"\0" * 60, b"(\xb5/\xfd", b"SQLite format 3\0"])
def test_a_stored_record_that_was_damaged_is_refused(stored):
    with pytest.raises(UnreadableRecordError):
        codec.unpack_line(stored)


def test_a_stored_record_may_not_unpack_into_more_than_a_line():
    with pytest.raises(UnreadableRecordError, match="unpacks"):
        codec.unpack_line(codec.pack_line(b" " * (codec.MAX_LINE_BYTES + 1)))


def test_bytes_after_the_frame_are_refused(record):
    batch = codec.pack([codec.encode_record(record)])
    with pytest.raises(UnreadableBatchError):
        codec.unpack(batch + b"x")


def test_the_epoch_is_a_uuid(record):
    assert isinstance(codec.decode_record(codec.encode_record(record)).epoch, UUID)
