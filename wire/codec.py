"""Records to bytes and back: one JSON object a line, lines together inside one zstd frame.

The frame of an MQTT batch on `.../up/data`, and of a record the outbox keeps, is packed with our
dictionary; that of a record file (`.jsonl.zst`) is not, so that `zstd -d` alone can read it.
Decoding takes either and trusts nothing: sizes are bounded, and one bad line costs one line.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
import zstandard

from wire.dictionary import NEWEST, NONE, UnknownDictionaryError, dictionary
from wire.kinds import kinds
from wire.messages import AnyMeasurement

MAX_BATCH_BYTES = 1 << 20
"""Longest compressed batch a reader accepts."""
MAX_DECODED_BYTES = 16 << 20
"""Longest batch after decompression: a small frame must not unpack into gigabytes."""
MAX_LINE_BYTES = 1 << 18
"""Longest record: a scan of a hundred cells stays far below it."""
ZSTD_LEVEL = 10
"""Above it a batch gets hardly smaller and takes twice the time."""

PROBE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""A probe's name: also its certificate's CN and a level of its topics."""

_encoder = msgspec.json.Encoder()


UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON of a type."""


class UnreadableBatchError(ValueError):
    """The bytes are no batch at all: not zstd, too long, or not lines."""


class UnreadableRecordError(ValueError):
    """One line is no record. Its key is set where the line at least said so."""

    def __init__(
        self,
        reason: str,
        *,
        probe: str | None = None,
        epoch: UUID | None = None,
        seq: int | None = None,
    ) -> None:
        """Keep the reason and whatever of the key could be read."""
        super().__init__(reason)
        self.reason = reason
        self.probe = probe
        self.epoch = epoch
        self.seq = seq


class _Head(msgspec.Struct, frozen=True):
    kind: str
    schema: int


class _Key(msgspec.Struct, frozen=True):
    epoch: UUID
    seq: int
    probe: Any = None
    """Another's bytes: its name may be wrong while the rest is right."""


_head_decoder = msgspec.json.Decoder(_Head)
_key_decoder = msgspec.json.Decoder(_Key)


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[AnyMeasurement]:
    return msgspec.json.Decoder(kinds()[kind].measurement)


def encode_record(record: AnyMeasurement) -> bytes:
    """One record as a JSON object on one line, without the line break."""
    return _encoder.encode(record)


def decode_record(line: bytes) -> AnyMeasurement:
    """The record in one line; raises `UnreadableRecordError` naming the field that is wrong."""
    if len(line) > MAX_LINE_BYTES:
        raise UnreadableRecordError(f"line of {len(line)} bytes; the limit is {MAX_LINE_BYTES}")
    try:
        head = _head_decoder.decode(line)
        kind = kinds().get(head.kind)
        if kind is None:
            raise _refusal(line, f"unknown kind {head.kind!r}")
        if head.schema > kind.schema:
            raise _refusal(
                line, f"{head.kind} schema {head.schema} is newer than ours, {kind.schema}"
            )
        record = _decoder(head.kind).decode(line)
    except UNDECODABLE as error:
        raise _refusal(line, str(error)) from error
    if not PROBE_NAME.fullmatch(record.probe):
        what = f"probe name {record.probe[:80]!r} is not {PROBE_NAME.pattern}"
        raise _refusal(line, f"{what} (small letters, digits, '-') - at `$.probe`")
    if record.seq < 1 or record.seq >= 1 << 63:
        raise _refusal(line, f"seq {record.seq} is not a positive int64 - at `$.seq`")
    if record.utc is not None and record.utc.utcoffset() is None:
        raise _refusal(line, "time without an offset - at `$.utc`")
    return record


def _refusal(line: bytes, reason: str) -> UnreadableRecordError:
    try:
        key = _key_decoder.decode(line)
    except UNDECODABLE:
        return UnreadableRecordError(reason)
    named = isinstance(key.probe, str) and PROBE_NAME.fullmatch(key.probe)
    return UnreadableRecordError(
        reason, probe=key.probe if named else None, epoch=key.epoch, seq=key.seq
    )


def pack(lines: Iterable[bytes]) -> bytes:
    """Encoded records as one batch, packed with the dictionary."""
    return _packed(_joined(lines), _dictionary())


def pack_file(lines: Iterable[bytes]) -> bytes:
    """Encoded records as the content of a `.jsonl.zst` file, packed without a dictionary."""
    return _packed(_joined(lines), None)


def unpack(batch: bytes) -> list[bytes]:
    """The lines of a batch or file, blank ones dropped; raises `UnreadableBatchError`."""
    if len(batch) > MAX_BATCH_BYTES:
        raise UnreadableBatchError(f"batch of {len(batch)} bytes; the limit is {MAX_BATCH_BYTES}")
    return list(split_lines(_unpacked(batch, MAX_DECODED_BYTES)))


def pack_line(line: bytes) -> bytes:
    """One encoded record packed with the dictionary, to be stored."""
    return _packed(line, _dictionary())


def unpack_line(stored: bytes) -> bytes:
    """The record that `pack_line` packed, or that was stored as it is.

    Raises `UnreadableRecordError`: the stored bytes are not what was stored.
    """
    if stored.startswith(b"{"):
        return stored
    try:
        return _unpacked(stored, MAX_LINE_BYTES)
    except UnreadableBatchError as error:
        raise UnreadableRecordError(str(error)) from error


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    """The newest one, digested once and not for every record."""
    newest = dictionary(NEWEST)
    newest.precompute_compress(level=ZSTD_LEVEL)
    return newest


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def _packed(content: bytes, dict_data: zstandard.ZstdCompressionDict | None) -> bytes:
    compressor = zstandard.ZstdCompressor(
        level=ZSTD_LEVEL, dict_data=dict_data, write_checksum=True, write_content_size=True
    )
    return compressor.compress(content)


def _unpacked(frame: bytes, limit_bytes: int) -> bytes:
    """The content of one whole frame; raises `UnreadableBatchError`."""
    try:
        # The frame says its size before anything is unpacked, and must keep to it to the byte.
        if not 0 <= zstandard.frame_content_size(frame) <= limit_bytes:
            raise UnreadableBatchError(f"unpacks to more than {limit_bytes} bytes")
        number = zstandard.get_frame_parameters(frame).dict_id
        decompressor = zstandard.ZstdDecompressor(
            dict_data=None if number == NONE else dictionary(number)
        )
        return decompressor.decompress(frame, allow_extra_data=False)
    except UnknownDictionaryError as error:
        raise UnreadableBatchError(str(error)) from error
    except zstandard.ZstdError as error:
        raise UnreadableBatchError(f"not a whole zstd frame: {error}") from error


def split_lines(decoded: bytes) -> Iterator[bytes]:
    """Non-blank lines of decoded bytes."""
    return (line for line in decoded.split(b"\n") if line.strip())
