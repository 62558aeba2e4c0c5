"""Records to bytes and back: one JSON object a line, lines together inside one zstd frame.

The same bytes travel as an MQTT batch on `.../up/data` and lie in a record file (`.jsonl`,
`.jsonl.zst`). Decoding trusts nothing: sizes are bounded, and one bad line costs one line.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from uuid import UUID

import msgspec
import zstandard

from wire.kinds import kinds
from wire.messages import AnyMeasurement

MAX_BATCH_BYTES = 1 << 20
"""Longest compressed batch a reader accepts."""
MAX_DECODED_BYTES = 16 << 20
"""Longest batch after decompression: a small frame must not unpack into gigabytes."""
MAX_LINE_BYTES = 1 << 18
"""Longest record: a scan of a hundred cells stays far below it."""
ZSTD_LEVEL = 3

PROBE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""A probe's name: also its certificate's CN and a level of its topics."""

_encoder = msgspec.json.Encoder()


class UnreadableBatchError(ValueError):
    """The bytes are no batch at all: not zstd, too long, or not lines."""


class UnreadableRecordError(ValueError):
    """One line is no record. `epoch` and `seq` are set where the line at least said so."""

    def __init__(self, reason: str, *, epoch: UUID | None = None, seq: int | None = None) -> None:
        """Keep the reason and whatever of the key could be read."""
        super().__init__(reason)
        self.reason = reason
        self.epoch = epoch
        self.seq = seq


class _Head(msgspec.Struct, frozen=True):
    kind: str
    schema: int


class _Key(msgspec.Struct, frozen=True):
    epoch: UUID
    seq: int


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
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal(line, str(error)) from error
    if not PROBE_NAME.fullmatch(record.probe):
        raise _refusal(line, f"probe name {record.probe[:80]!r} - at `$.probe`")
    if record.seq < 1 or record.seq >= 1 << 63:
        raise _refusal(line, f"seq {record.seq} is not a positive int64 - at `$.seq`")
    if record.utc is not None and record.utc.utcoffset() is None:
        raise _refusal(line, "time without an offset - at `$.utc`")
    return record


def _refusal(line: bytes, reason: str) -> UnreadableRecordError:
    try:
        key = _key_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UnreadableRecordError(reason)
    return UnreadableRecordError(reason, epoch=key.epoch, seq=key.seq)


def pack(lines: Iterable[bytes]) -> bytes:
    """Encoded records as one batch."""
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(b"\n".join(lines) + b"\n")


def unpack(batch: bytes) -> list[bytes]:
    """The lines of a batch, blank ones dropped; raises `UnreadableBatchError`."""
    if len(batch) > MAX_BATCH_BYTES:
        raise UnreadableBatchError(f"batch of {len(batch)} bytes; the limit is {MAX_BATCH_BYTES}")
    try:
        # The frame says its size before anything is unpacked, and must keep to it to the byte.
        if not 0 <= zstandard.frame_content_size(batch) <= MAX_DECODED_BYTES:
            raise UnreadableBatchError(f"unpacks to more than {MAX_DECODED_BYTES} bytes")
        decoded = zstandard.ZstdDecompressor().decompress(batch, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise UnreadableBatchError(f"not a whole zstd frame: {error}") from error
    return list(split_lines(decoded))


def split_lines(decoded: bytes) -> Iterator[bytes]:
    """Non-blank lines of decoded bytes."""
    return (line for line in decoded.split(b"\n") if line.strip())
