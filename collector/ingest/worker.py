"""The micro-batch worker: the one thread that stores what MQTT brings and answers the probes."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from collector.config import Ingest
from collector.ingest.decode import (
    MAX_SEQ,
    MICRO_BATCH_BYTES,
    Decoded,
    Source,
    decode_batch,
    known_batch_id,
    known_sender,
)
from collector.ingest.intake import Intake, Taken
from collector.ingest.link import Link, Message
from collector.ingest.live import Live
from collector.store.lake import LakeError
from collector.store.ledger import Ledger, LedgerError
from collector.store.quarantine import Refused
from wire import topics
from wire.control import Presence
from wire.messages import AnyMeasurement

PAUSE_S = 0.05
WINDOW_MESSAGES = 20
"""From so many messages on a pause means that the broker waits for our acknowledgements.

It is mosquitto's own limit of messages in flight, and many of those are worth a commit.
"""
LONGEST_RETRY_S = 30.0
WAKE_S = 0.25

T = TypeVar("T")
log = logging.getLogger(__name__)
_presence_decoder = msgspec.json.Decoder(Presence)


@dataclass(slots=True)
class _MicroBatch:
    """What is stored and acknowledged together."""

    messages: list[Message] = field(default_factory=list)
    batches: list[Decoded] = field(default_factory=list)
    presences: dict[str, Presence] = field(default_factory=dict)
    rows: int = 0
    line_bytes: int = 0


class Worker:
    """Takes messages from the link in micro-batches. `run` is its thread."""

    def __init__(self, link: Link, intake: Intake, ledger: Ledger, config: Ingest) -> None:
        """Own the intake and the ledger from now on."""
        self._link = link
        self._intake = intake
        self._ledger = ledger
        self._config = config
        self._live = Live(
            lambda topic, content: link.publish(topic, content, qos=0, retain=True),
            self._is_latest,
        )

    def run(self, stop: threading.Event) -> None:
        """Store until stopped. What is in hand then is not acknowledged and comes again."""
        while not stop.is_set():
            batch = self._gather(stop)
            if batch.messages:
                self._settle(batch, stop)
            self._live.publish_due(time.monotonic())

    def _gather(self, stop: threading.Event) -> _MicroBatch:
        """The next micro-batch; empty when nothing came for a moment."""
        batch = _MicroBatch()
        deadline = time.monotonic() + WAKE_S
        while (
            batch.rows < self._config.batch_rows
            and batch.line_bytes < MICRO_BATCH_BYTES
            and not stop.is_set()
        ):
            left_s = deadline - time.monotonic()
            if len(batch.messages) >= WINDOW_MESSAGES:
                left_s = min(left_s, PAUSE_S)
            try:
                message = self._link.inbox.get(timeout=max(left_s, 0.0))
            except queue.Empty:
                break
            if not batch.messages:
                deadline = time.monotonic() + self._config.batch_s
            _add(batch, message)
            if time.monotonic() > deadline:
                break
        return batch

    def _settle(self, batch: _MicroBatch, stop: threading.Event) -> None:
        """`lake -> ledger -> PUBACK -> acknowledgement`, in this order and never another."""
        taken = self._until_stored(lambda: self._store(batch), stop)
        if taken is None:
            return
        for message in batch.messages:
            self._link.acknowledge(message)
        for ack in taken.acks:
            self._link.publish(topics.ack(ack.probe), msgspec.json.encode(ack), qos=1)
        self._live.show(taken.latest, time.monotonic())
        if taken.rejected:
            log.warning("%d messages or lines were refused; see the quarantine", taken.rejected)
        if taken.conflicts:
            log.warning(
                "%d records of a copy of an outbox were not taken; see the ledger", taken.conflicts
            )

    def _store(self, batch: _MicroBatch) -> Taken:
        now = datetime.now(UTC)
        self._ledger.greet(batch.presences.values(), now)
        return self._intake.take(batch.batches, now)

    def _is_latest(self, record: AnyMeasurement) -> bool:
        """Whether it is to be shown. Of a ledger that cannot be read nobody hears that way."""
        try:
            return self._ledger.is_latest(record)
        except LedgerError as error:
            log.debug("a live value is left out: %s", error)
            return False

    def _until_stored(self, store: Callable[[], T], stop: threading.Event) -> T | None:
        """Try until it works: without an acknowledgement the broker holds the others back."""
        delay_s = 1.0
        failures = 0
        while not stop.is_set():
            try:
                done = store()
            except (LakeError, LedgerError) as error:
                level = logging.DEBUG if failures else logging.ERROR
                log.log(level, "cannot store, nothing is acknowledged until it works: %s", error)
                failures += 1
                stop.wait(delay_s)
                delay_s = min(2 * delay_s, LONGEST_RETRY_S)
            else:
                if failures:
                    log.info("storing again after %d failures", failures)
                return done
        return None


def _add(batch: _MicroBatch, message: Message) -> None:
    """Decode a message into the micro-batch; whatever it is, it is settled with the others."""
    batch.messages.append(message)
    source = Source(message.topic, batch=known_batch_id(message.correlation))
    try:
        topic = topics.parse(message.topic)
    except topics.UnknownTopicError as error:
        _refuse(batch, source, message, str(error))
        return
    if topic.leaf == "data":
        sender = known_sender(message.user)
        source = Source(message.topic, topic.probe, source.batch, sender)
        batch.batches.append(decode_batch(source, message.content))
        batch.rows += batch.batches[-1].read
        batch.line_bytes += batch.batches[-1].line_bytes
        return
    try:
        batch.presences[topic.probe] = _presence(topic.probe, message.content)
    except (ValueError, RecursionError) as error:
        _refuse(batch, source, message, f"presence: {error}")


def _presence(probe: str, content: bytes) -> Presence:
    """The presence in a message; raises ValueError, or RecursionError for one too deep."""
    presence = _presence_decoder.decode(content)
    if presence.probe != probe:
        raise ValueError(f"of probe {presence.probe[:80]!r} came from probe {probe}")
    if presence.made is not None and not 0 <= presence.made <= MAX_SEQ:
        raise ValueError("made is not a number of records - at `$.made`")
    return presence


def _refuse(batch: _MicroBatch, source: Source, message: Message, reason: str) -> None:
    refused = Refused(topic=source.name, reason=reason, content=message.content[:MAX_REFUSED_BYTES])
    batch.batches.append(Decoded(source, refused=[refused]))


MAX_REFUSED_BYTES = 1 << 16
"""Kept of a message that is no batch."""
