"""Decoding trusts nothing: whatever comes is a record or is refused, and nothing is raised."""

from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.decode import Source, decode_batch, decode_lines, known_batch_id
from wire.codec import encode_record, pack
from wire.control import batch_id

from .records import EPOCH, radio_record

SOURCE = Source("dosong/v1/dn-01/up/data", "dn-01", batch_id(EPOCH, 1, 9))
LINE = encode_record(radio_record(1))


@given(st.binary())
def test_any_bytes_are_a_batch_or_refused(content):
    decoded = decode_batch(SOURCE, content)
    assert len(decoded.refused) == 1 or decoded.read == 0


@given(st.integers(0, len(LINE)), st.integers(0, len(LINE)), st.binary(max_size=8))
def test_a_record_with_any_part_replaced_is_read_or_refused(start, length, other):
    line = LINE[:start] + other + LINE[start + length :]
    lines = [part for part in line.split(b"\n") if part.strip()]
    assert decode_lines(SOURCE, lines).read == len(lines)


@given(st.integers(0, len(pack([LINE])) - 1), st.integers(0, 255))
def test_a_batch_with_any_byte_changed_is_read_or_refused(place, byte):
    batch = bytearray(pack([LINE]))
    batch[place] = byte
    decode_batch(SOURCE, bytes(batch))


@given(st.binary(max_size=200))
def test_any_correlation_is_a_batch_id_or_none(correlation):
    known_batch_id(correlation)


def test_a_batch_id_is_known_by_its_form():
    assert known_batch_id(batch_id(EPOCH, 3, 9).encode()) == batch_id(EPOCH, 3, 9)
    for wrong in (b"", b"x/1-2", f"{EPOCH}/0-3".encode(), f"{EPOCH}/9-3".encode(), b"\xff" * 9):
        assert known_batch_id(wrong) is None
    assert known_batch_id(None) is None
