"""The thread that delivers: from the outbox to the broker until the collector acknowledges."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from agent.outbox import MakesEvents, Outbox, OutboxError, Row
from agent.publisher.errors import LinkError, RefusedError
from agent.publisher.link import (
    REFUSED,
    Broker,
    Confirmed,
    Link,
    News,
    Received,
    Subscribed,
    Will,
)
from agent.publisher.resolve import Resolver
from agent.publisher.window import Window
from agent.runtime.stop import Stop
from agent.runtime.supervisor import Beat, Worker, back_off_s
from wire import topics
from wire.codec import pack
from wire.control import Ack, Presence, batch_id

log = logging.getLogger(__name__)

POLL_S = 0.25
RESOLVE_TIMEOUT_S = 2.0
BEAT_EVERY_S = 1.0
CALM_S = 60.0
"""A link that lasted longer was a good one: its loss is met with a quick return."""
SHORT_LINKS = 5
"""Mosquitto 2.0 does not say that a session was taken over; this many short ones in a row do."""
BATCHES_AT_ONCE = 4
"""Then the connection gets its turn: a backlog must not starve the keepalive."""
EXPECTED_RATIO = 16
"""Records compress to a tenth; what turns out too long is halved."""
NO_SUBSCRIBER = 0x10

_encoder = msgspec.json.Encoder()
_ack_decoder = msgspec.json.Decoder(Ack)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast and how patiently records are delivered."""

    max_rows_in_flight: int = 2000
    batch_rows: int = 500
    batch_bytes: int = 64 << 10
    """Compressed."""
    linger_s: float = 5.0
    """Fresh rows wait this long for company: compressed together they cost half the data."""
    ack_timeout_s: float = 30.0
    """Without the collector's acknowledgement for so long a batch is sent again, then after
    twice the time, and so on."""
    presence_every_s: float = 10.0
    refused_pause_s: float = 60.0
    """After a refusal: two probes of one name would throw each other out without end."""


@dataclass(frozen=True, kw_only=True)
class PublisherStats:
    """How delivery is doing, since start."""

    connected: bool
    reason: str | None
    """Why there is no link."""
    rows_in_flight: int
    batches_sent: int
    batches_resent: int
    acks: int
    unreadable_acks: int
    connections: int


@dataclass(kw_only=True, eq=False)
class _Counts:
    batches_sent: int = 0
    batches_resent: int = 0
    acks: int = 0
    unreadable_acks: int = 0
    connections: int = 0


class Publisher:
    """Owns the link. `run` is its thread; `stats` may be called by any."""

    def __init__(
        self,
        *,
        probe: str,
        broker: Broker,
        outbox: Outbox,
        presence: Callable[[], Presence],
        record_event: MakesEvents,
        check_dates: Callable[[], bool],
        pace: Pace | None = None,
        resolver: Resolver | None = None,
        delay_s: Callable[[int], float] = back_off_s,
        on_needs: Callable[[bytes], None] | None = None,
    ) -> None:
        """`check_dates` says whether the system clock can judge a certificate's dates.

        `on_needs` is given what the collector lacks, as it came; it must not block.
        """
        self._probe = probe
        self._broker = broker
        self._outbox = outbox
        self._presence = presence
        self._record_event = record_event
        self._check_dates = check_dates
        self._pace = Pace() if pace is None else pace
        self._resolver = Resolver(broker.host, broker.port) if resolver is None else resolver
        self._delay_s = delay_s
        self._on_needs = on_needs
        self._window = Window(
            max_rows=self._pace.max_rows_in_flight, ack_timeout_s=self._pace.ack_timeout_s
        )
        self._counts = _Counts()
        self._connected_s: float | None = None
        self._short_links = 0
        self._reason: str | None = "not tried yet"
        self._alarms: set[str] = set()
        self._fresh_since_s: float | None = None
        self._presence_due_s = 0.0

    def worker(self) -> Worker:
        """For the supervisor."""
        return Worker(name="publisher", run=self.run, critical=True)

    def stats(self) -> PublisherStats:
        """How delivery is doing."""
        return PublisherStats(
            connected=self._connected_s is not None,
            reason=self._reason,
            rows_in_flight=self._window.rows,
            batches_sent=self._counts.batches_sent,
            batches_resent=self._counts.batches_resent,
            acks=self._counts.acks,
            unreadable_acks=self._counts.unreadable_acks,
            connections=self._counts.connections,
        )

    def run(self, stop: Stop, beat: Beat) -> None:
        """Connect, deliver, and connect again, until stopped."""
        failures = 0
        while not stop.is_set():
            beat()
            self._connected_s = None
            try:
                link = self._connect(failures)
                try:
                    self._deliver(link, stop, beat)
                    self._say_goodbye(link)
                finally:
                    link.drop()
            except LinkError as error:
                calm = self._lost(error)
                failures = 1 if calm else failures + 1
                self._pause(error, failures, stop, beat)
        self._connected_s = None

    def _connect(self, failures: int) -> Link:
        addresses = self._resolver.addresses(RESOLVE_TIMEOUT_S)
        gone = Presence(probe=self._probe, online=False, epoch=self._outbox.epoch)
        link = Link(
            self._broker,
            addresses[failures % len(addresses)],
            client_id=self._probe,
            will=Will(topic=topics.status(self._probe), payload=_encoder.encode(gone)),
            check_dates=self._check_dates(),
        )
        self._counts.connections += 1
        self._connected_s, self._reason = time.monotonic(), None
        log.info("connected to %s", self._broker.host)
        return link

    def _deliver(self, link: Link, stop: Stop, beat: Beat) -> None:
        self._window.restart(self._outbox.epoch)
        self._fresh_since_s = None
        self._presence_due_s = 0.0
        link.subscribe(topics.ack(self._probe))
        if self._on_needs is not None:
            link.subscribe(topics.needs(self._probe))
        while not stop.is_set():
            beat()
            self._say_presence(link)
            try:
                self._send(link)
            except OutboxError as error:
                log.debug("nothing sent: %s", error)
            for news in link.poll(POLL_S):
                self._hear(news)

    def _send(self, link: Link) -> None:
        """Overdue batches, rows to be sent alone, then fresh rows; a few at a time."""
        if self._outbox.epoch != self._window.epoch:
            self._window.restart(self._outbox.epoch)
        for _ in range(BATCHES_AT_ONCE):
            if not (self._send_again(link) or self._send_alone(link) or self._send_fresh(link)):
                return

    def _send_again(self, link: Link) -> bool:
        flight = self._window.overdue(time.monotonic())
        if flight is None:
            return False
        self._counts.batches_resent += 1
        first_seq, last_seq = flight.seqs[0], flight.seqs[-1]
        tries = flight.tries + 1
        while sent_seq := self._send_rows(link, first_seq, last_seq, tries=tries):
            first_seq = sent_seq + 1
        self._window.landed(flight)
        return True

    def _send_alone(self, link: Link) -> bool:
        seq = self._window.alone
        if seq is None:
            return False
        self._send_rows(link, seq, seq)
        self._window.alone_done()
        return True

    def _send_fresh(self, link: Link) -> bool:
        now_s = time.monotonic()
        made = self._outbox.made
        fresh = made - self._window.after
        if fresh <= 0:
            self._fresh_since_s = None
            return False
        if self._fresh_since_s is None:
            self._fresh_since_s = now_s
        waited = now_s - self._fresh_since_s >= self._pace.linger_s
        if self._window.room == 0 or not (waited or fresh >= self._pace.batch_rows):
            return False
        room = self._window.room
        if self._send_rows(link, self._window.after + 1, made, max_rows=room) is None:
            self._window.after = made
        return True

    def _send_rows(
        self,
        link: Link,
        first_seq: int,
        last_seq: int,
        *,
        max_rows: int | None = None,
        tries: int = 1,
    ) -> int | None:
        """One batch of what is open of a run of rows; the last one in it, None if none is."""
        found = self._outbox.batch(
            first_seq - 1,
            up_to=last_seq,
            max_rows=min(self._pace.batch_rows, max_rows or self._pace.batch_rows),
            max_bytes=self._pace.batch_bytes * EXPECTED_RATIO,
        )
        if found is None or found.epoch != self._window.epoch:
            return None
        rows, packed = _fit(found.rows, self._pace.batch_bytes)
        name = batch_id(found.epoch, rows[0].seq, rows[-1].seq)
        mid = link.publish(topics.data(self._probe), packed, qos=1, correlation=name)
        self._window.sent(batch=name, mid=mid, seqs=tuple(row.seq for row in rows), tries=tries)
        self._counts.batches_sent += 1
        return rows[-1].seq

    def _hear(self, news: News) -> None:
        match news:
            case Confirmed(mid=mid, code=code, reason=reason):
                self._window.at_broker(mid, time.monotonic(), kept=code < NO_SUBSCRIBER)
                if code >= REFUSED:
                    self._alarm(f"the broker refuses what we publish: {reason}")
                elif code == NO_SUBSCRIBER:
                    self._alarm("no collector listens at the broker")
            case Subscribed(code=code, reason=reason) if code >= REFUSED:
                self._alarm(f"the broker does not let us hear the collector: {reason}")
            case Received(topic=topic, payload=payload) if topic == topics.needs(self._probe):
                if self._on_needs is not None:
                    self._on_needs(payload)
            case Received(payload=payload):
                self._hear_ack(payload)

    def _hear_ack(self, payload: bytes) -> None:
        try:
            ack = _ack_decoder.decode(payload)
        except msgspec.DecodeError as error:
            self._counts.unreadable_acks += 1
            log.warning("an acknowledgement cannot be read: %s", error)
            return
        self._counts.acks += 1
        self._alarms.clear()
        hopeless = self._window.acknowledged(ack)
        self._outbox.acknowledge(ack)
        if hopeless:
            alone = tuple((seq, seq) for seq in hopeless)
            self._outbox.acknowledge(
                Ack(probe=ack.probe, epoch=ack.epoch, contiguous_seq=0, rejected=alone)
            )

    def _say_presence(self, link: Link) -> None:
        now_s = time.monotonic()
        if now_s < self._presence_due_s:
            return
        self._presence_due_s = now_s + self._pace.presence_every_s
        said = _encoder.encode(self._presence())
        link.publish(topics.status(self._probe), said, qos=1, retain=True)

    def _say_goodbye(self, link: Link) -> None:
        gone = _encoder.encode(msgspec.structs.replace(self._presence(), online=False))
        link.publish(topics.status(self._probe), gone, qos=1, retain=True)
        link.close()

    def _alarm(self, what: str) -> None:
        """Say what a person has to look at, once until an acknowledgement arrives again."""
        if what in self._alarms:
            return
        self._alarms.add(what)
        log.error("%s", what)
        self._record_event("uplink_alarm", severity="error", detail={"reason": what})

    def _lost(self, error: LinkError) -> bool:
        """Say a loss once; whether the link had lasted, so that it is worth to hurry back."""
        lasted_s = None if self._connected_s is None else time.monotonic() - self._connected_s
        if lasted_s is not None:
            log.warning("lost the link to %s: %s", self._broker.host, error)
        elif self._reason != str(error):
            log.info("no link to %s: %s", self._broker.host, error)
        self._connected_s, self._reason = None, str(error)
        calm = lasted_s is not None and lasted_s >= CALM_S
        self._short_links = 0 if calm else self._short_links + (lasted_s is not None)
        if isinstance(error, RefusedError):
            self._alarm(str(error))
        elif self._short_links == SHORT_LINKS:
            self._alarm(
                "the link ends soon after it begins, again and again: does another probe"
                f" call itself {self._probe}?"
            )
        return calm

    def _pause(self, error: LinkError, failures: int, stop: Stop, beat: Beat) -> None:
        pause_s = self._delay_s(failures)
        if isinstance(error, RefusedError) or self._short_links >= SHORT_LINKS:
            pause_s = max(pause_s, self._pace.refused_pause_s)
        until_s = time.monotonic() + pause_s
        while (left_s := until_s - time.monotonic()) > 0:
            beat()
            if stop.wait(min(left_s, BEAT_EVERY_S)):
                return


def _fit(rows: tuple[Row, ...], limit_bytes: int) -> tuple[tuple[Row, ...], bytes]:
    """As many of the rows, by halves, as fit compressed; at least one."""
    packed = pack(row.line for row in rows)
    while len(packed) > limit_bytes and len(rows) > 1:
        rows = rows[: len(rows) // 2]
        packed = pack(row.line for row in rows)
    return rows, packed
