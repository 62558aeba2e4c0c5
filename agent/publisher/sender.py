"""From the outbox to the link: which rows go next, and how many at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from agent.outbox import Outbox, Row
from agent.publisher.goodput import Goodput
from agent.publisher.link import Link
from agent.publisher.share import Share
from agent.publisher.window import Window
from wire import topics
from wire.codec import pack
from wire.control import SENDER, Ack, batch_id

BATCHES_AT_ONCE = 4
"""Then the connection gets its turn: a backlog must not starve the keepalive."""
FIRST_RATIO = 16.0
"""Records compress to a tenth at least; learned from then on. What turns out too long is halved."""
MOST_READ_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast and how patiently records are delivered."""

    max_rows_in_flight: int = 10_000
    batch_rows: int = 1000
    batch_bytes: int = 64 << 10
    """Compressed; on a slow link a batch is what it carries in about a second."""
    linger_s: float = 5.0
    """Fresh rows wait this long for company: compressed together they cost half the data."""
    ack_timeout_s: float = 30.0
    """Without the collector's acknowledgement for so long a batch is sent again, then after
    twice the time, and so on."""
    presence_every_s: float = 10.0
    refused_pause_s: float = 60.0
    """After a refusal, and longer each time: two probes of one name would throw each other out
    without end, and a certificate does not renew itself."""
    better_path_every_s: float = 60.0
    """On a less preferred path the others are looked at, then less and less often."""
    test_share_bit_s: float = 16_000.0
    """Of records while a traffic test runs on the interface that carries them."""


class Sender:
    """Sends what the outbox holds until it is acknowledged. For the publisher's thread only."""

    def __init__(
        self,
        probe: str,
        outbox: Outbox,
        pace: Pace,
        *,
        boot_id: UUID,
        gives_way: Callable[[], bool],
    ) -> None:
        """`gives_way` says whether a traffic test wants the link now."""
        self._probe = probe
        self._outbox = outbox
        self._pace = pace
        self._boot_id = boot_id
        self._gives_way = gives_way
        self._window = Window(max_rows=pace.max_rows_in_flight, ack_timeout_s=pace.ack_timeout_s)
        self._goodput = Goodput(most_batch_bytes=pace.batch_bytes)
        self._share = Share(pace.test_share_bit_s)
        self._ratio = FIRST_RATIO
        self._sharing = False
        self._fresh_since_s: float | None = None
        self.batches_sent = 0
        self.batches_resent = 0

    @property
    def rows_in_flight(self) -> int:
        """Sent and not acknowledged."""
        return self._window.rows

    @property
    def bytes_per_s(self) -> float:
        """What the link is believed to carry."""
        return self._goodput.bytes_per_s

    def restart(self) -> None:
        """A new connection: everything is to be sent, and what waits has waited long enough."""
        self._window.restart(self._outbox.epoch)
        self._goodput.restart()
        self._fresh_since_s = float("-inf")

    def send(self, link: Link) -> None:
        """Overdue batches, rows to be sent alone, then fresh rows; a few at a time.

        Raises `OutboxError` and `LinkError`.
        """
        if self._outbox.epoch != self._window.epoch:
            self._window.restart(self._outbox.epoch)
        self._goodput.look(time.monotonic())
        for _ in range(BATCHES_AT_ONCE):
            self._sharing = self._gives_way()
            if self._sharing and not self._share.allows(time.monotonic()):
                return
            if not self._goodput.has_room:
                return
            if not (self._send_again(link) or self._send_alone(link) or self._send_fresh(link)):
                return

    def at_broker(self, mid: int, *, kept: bool) -> None:
        """The broker took a publish, or refused it."""
        now_s = time.monotonic()
        self._goodput.confirmed(mid, now_s)
        self._window.at_broker(mid, now_s, kept=kept)

    def acknowledged(self, ack: Ack) -> None:
        """The collector stored, or refused, what `ack` covers."""
        hopeless = self._window.acknowledged(ack)
        self._outbox.acknowledge(ack)
        if hopeless:
            alone = tuple((seq, seq) for seq in hopeless)
            self._outbox.acknowledge(
                Ack(probe=ack.probe, epoch=ack.epoch, contiguous_seq=0, rejected=alone)
            )

    def _send_again(self, link: Link) -> bool:
        flight = self._window.overdue(time.monotonic())
        if flight is None:
            return False
        self.batches_resent += 1
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
        most_bytes = self._goodput.batch_bytes
        if self._sharing:
            most_bytes = min(most_bytes, self._share.batch_bytes)
        found = self._outbox.batch(
            first_seq - 1,
            up_to=last_seq,
            max_rows=min(self._pace.batch_rows, max_rows or self._pace.batch_rows),
            max_bytes=min(round(most_bytes * self._ratio), MOST_READ_BYTES),
        )
        if found is None or found.epoch != self._window.epoch:
            return None
        rows, packed = self._fit(found.rows, most_bytes)
        name = batch_id(found.epoch, rows[0].seq, rows[-1].seq)
        mid = link.publish(
            topics.data(self._probe),
            packed,
            qos=1,
            correlation=name,
            user=(SENDER, str(self._boot_id)),
        )
        self._window.sent(batch=name, mid=mid, seqs=tuple(row.seq for row in rows), tries=tries)
        self._goodput.sent(mid, len(packed), time.monotonic())
        if self._sharing:
            self._share.spend(len(packed))
        self.batches_sent += 1
        return rows[-1].seq

    def _fit(self, rows: tuple[Row, ...], most_bytes: int) -> tuple[tuple[Row, ...], bytes]:
        """As many of the rows, by halves, as fit compressed; at least one."""
        packed = pack(row.line for row in rows)
        while len(packed) > most_bytes and len(rows) > 1:
            rows = rows[: len(rows) // 2]
            packed = pack(row.line for row in rows)
        self._ratio = max(1.0, 0.9 * sum(len(row.line) for row in rows) / len(packed))
        return rows, packed
