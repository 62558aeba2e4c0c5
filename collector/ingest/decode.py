"""Batches to records. One bad line costs one line; what is no record is named with its reason."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from collector.store.quarantine import Refused
from wire.codec import (
    MAX_BATCH_BYTES,
    MAX_LINE_BYTES,
    UnreadableBatchError,
    UnreadableRecordError,
    decode_record,
    unpack,
)
from wire.control import SENDER, parse_batch_id
from wire.messages import AnyMeasurement

MAX_SEQ = (1 << 63) - 1
MICRO_BATCH_BYTES = 64 << 20
"""Of unpacked lines in one micro-batch: a small message may hold sixteen megabytes of them."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where lines came from, and which probe alone may speak there (None: any)."""

    name: str
    """The topic, or `file:` and the file's name."""
    probe: str | None = None
    batch: str | None = None
    """Id of the batch, where the sender named one we understand."""
    sender: UUID | None = None
    """The boot of the probe that sent it, where it said so."""


@dataclass(slots=True)
class Decoded:
    """What one batch held."""

    source: Source
    records: list[AnyMeasurement] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    line_bytes: int = 0
    """Of all lines; what the records take in memory grows with it."""

    @property
    def read(self) -> int:
        """Lines, good and bad."""
        return len(self.records) + len(self.refused)


def decode_batch(source: Source, content: bytes) -> Decoded:
    """The records of one batch as it travels on MQTT."""
    decoded = Decoded(source)
    try:
        lines = unpack(content)
    except UnreadableBatchError as error:
        decoded.refused.append(_refused_batch(source, content, str(error)))
        return decoded
    return decode_lines(source, lines)


def decode_lines(source: Source, lines: Iterable[bytes]) -> Decoded:
    """The records of some lines."""
    decoded = Decoded(source)
    for line in lines:
        decoded.line_bytes += len(line)
        try:
            record = decode_record(line)
        except UnreadableRecordError as error:
            decoded.refused.append(_refused_line(source, line, error))
            continue
        if source.probe in (None, record.probe):
            decoded.records.append(record)
        else:
            reason = f"record of probe {record.probe} came from probe {source.probe}"
            decoded.refused.append(refuse(source, record, line, reason))
    return decoded


def refuse(source: Source, record: AnyMeasurement, line: bytes, reason: str) -> Refused:
    """A record that can be read and still must not be stored."""
    epoch, seq = _named(source.batch, record.epoch, record.seq)
    return Refused(
        topic=source.name,
        reason=reason,
        content=line[:MAX_LINE_BYTES],
        probe=source.probe or record.probe,
        epoch=epoch,
        seq=seq,
        batch=source.batch,
    )


def _refused_line(source: Source, line: bytes, error: UnreadableRecordError) -> Refused:
    readable = error.epoch is not None and error.seq is not None and 1 <= error.seq <= MAX_SEQ
    said = (error.epoch, error.seq) if readable else (None, None)
    epoch, seq = _named(source.batch, *said)
    return Refused(
        topic=source.name,
        reason=error.reason,
        content=line[:MAX_LINE_BYTES],
        probe=source.probe or error.probe,
        epoch=epoch,
        seq=seq,
        batch=source.batch,
    )


def _refused_batch(source: Source, content: bytes, reason: str) -> Refused:
    epoch, seq = _named(source.batch, None, None)
    return Refused(
        topic=source.name,
        reason=reason,
        content=content[:MAX_BATCH_BYTES],
        probe=source.probe,
        epoch=epoch,
        seq=seq,
        batch=source.batch,
    )


def _named(
    batch: str | None, epoch: UUID | None, seq: int | None
) -> tuple[UUID | None, int | None]:
    """Key of refused bytes. The batch of a single record says it, whatever its bytes say."""
    if batch is None:
        return epoch, seq
    named, first, last = parse_batch_id(batch)
    return (named, first) if first == last else (epoch or named, seq)


def known_batch_id(correlation: bytes | None) -> str | None:
    """The batch id in MQTT 5 correlation data; None where it is missing or not ours."""
    if correlation is None or len(correlation) > MAX_BATCH_ID_BYTES:
        return None
    try:
        text = correlation.decode("ascii")
        _, first, last = parse_batch_id(text)
    except ValueError:
        return None
    return text if 1 <= first <= last <= MAX_SEQ else None


def known_sender(user: Iterable[tuple[str, str]]) -> UUID | None:
    """The sender in the user properties of a batch; None where it is missing or no UUID."""
    try:
        return next((UUID(value) for name, value in user if name == SENDER), None)
    except ValueError:
        return None


MAX_BATCH_ID_BYTES = 128
"""A UUID and two int64 stay far below it."""
