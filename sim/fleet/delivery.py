"""Records of many probes on the real MQTT path, held until the collector says they are stored.

One TLS connection and certificate per probe, the same topics, batches and acknowledgements as a
probe in the field. Only the outbox is missing: what is not acknowledged is kept in memory, and
the window that bounds it is what slows the sender down to the collector's pace.
"""

import queue
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from uuid import UUID

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sim.certificates import files
from wire import topics
from wire.codec import encode_record, pack
from wire.control import Ack, Presence, Range, batch_id
from wire.messages import AnyMeasurement

WINDOW_BATCHES = 192
"""Sent and not yet acknowledged, over all probes."""
RESEND_AFTER_S = 30.0
STALL_TIMEOUT_S = 120.0
"""Without any acknowledgement for so long there is no collector."""
UNHEARD_RESEND_S = 1.0
"""The broker said that no collector is subscribed."""
NO_SUBSCRIBER = 0x10
CONNECT_TIMEOUT_S = 30.0
KEEPALIVE_S = 30

_ack_decoder = msgspec.json.Decoder(Ack)


class DeliveryError(RuntimeError):
    """The records do not reach the collector's database; `open_batches` are not acknowledged."""

    def __init__(self, reason: str, open_batches: int) -> None:
        """Keep the reason and the count."""
        super().__init__(f"{reason}; {open_batches} batches are not acknowledged")
        self.reason = reason
        self.open_batches = open_batches


class Tally(NamedTuple):
    """What became of one probe's records."""

    made: int
    acknowledged: int
    rejected: int
    resent_batches: int


class _Connected(NamedTuple):
    probe: str
    reason: ReasonCode


class _Acknowledged(NamedTuple):
    probe: str
    payload: bytes


class _Published(NamedTuple):
    """The broker's word on one message: something worth saying, not storage."""

    probe: str
    mid: int
    reason: ReasonCode


@dataclass(slots=True)
class _Batch:
    first: int
    last: int
    payload: bytes
    mid: int = 0
    sent_at: float | None = None


@dataclass
class _Sender:
    """One probe's connection and what it still has to deliver."""

    probe: str
    epoch: UUID
    client: mqtt.Client
    made: int = 0
    rejected: list[Range] = field(default_factory=list)
    resent_batches: int = 0
    connected: bool = False
    open: list[_Batch] = field(default_factory=list)


class Delivery:
    """The fleet's uplink; a context manager that connects and disconnects every probe."""

    def __init__(
        self,
        port: int,
        keys: Path,
        probes: Iterable[tuple[str, UUID]],
        *,
        window_batches: int = WINDOW_BATCHES,
        resend_after_s: float = RESEND_AFTER_S,
        stall_timeout_s: float = STALL_TIMEOUT_S,
    ) -> None:
        """Prepare to send as `probes` (name, epoch) whose certificates lie in `keys`."""
        self._port = port
        self._window_batches = window_batches
        self._resend_after_s = resend_after_s
        self._stall_timeout_s = stall_timeout_s
        self._heard: queue.SimpleQueue[_Connected | _Acknowledged | _Published] = (
            queue.SimpleQueue()
        )
        self._senders = {
            probe: _Sender(probe, epoch, self._client(keys, probe)) for probe, epoch in probes
        }
        self._progress_at = time.monotonic()

    @property
    def open_batches(self) -> int:
        """Batches that are sent or waiting and not acknowledged."""
        return sum(len(sender.open) for sender in self._senders.values())

    @property
    def made(self) -> int:
        """Records given to `send`."""
        return sum(sender.made for sender in self._senders.values())

    @property
    def acknowledged(self) -> int:
        """Records the collector has accounted for."""
        return sum(tally.acknowledged for tally in self.tallies().values())

    def tallies(self) -> dict[str, Tally]:
        """The ledger as the probes see it."""
        return {
            sender.probe: Tally(
                made=sender.made,
                acknowledged=sender.made - _rows((b.first, b.last) for b in sender.open),
                rejected=_rows(sender.rejected),
                resent_batches=sender.resent_batches,
            )
            for sender in self._senders.values()
        }

    def connect(self, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Connect all probes; raises `DeliveryError` if one cannot within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        for sender in self._senders.values():
            sender.client.connect_async("127.0.0.1", self._port, KEEPALIVE_S)
            sender.client.loop_start()
        while missing := [s.probe for s in self._senders.values() if not s.connected]:
            if time.monotonic() > deadline:
                raise DeliveryError(f"{', '.join(missing)} cannot connect", self.open_batches)
            self._listen(0.2)
        self._progress_at = time.monotonic()

    def send(self, records: Sequence[AnyMeasurement]) -> None:
        """Send one batch of one probe, its next records in order; waits while the window is full.

        Raises `DeliveryError` when nothing at all is acknowledged for the stall timeout.
        """
        sender = self._senders[records[0].probe]
        first, last = records[0].seq, records[-1].seq
        if first != sender.made + 1 or last != sender.made + len(records):
            raise ValueError(f"{sender.probe}: {first}-{last} does not follow {sender.made}")
        while self.open_batches >= self._window_batches:
            self._listen(1.0)
            self._resend()
        if not self.open_batches:
            self._progress_at = time.monotonic()
        batch = _Batch(first, last, pack(map(encode_record, records)))
        sender.made = last
        sender.open.append(batch)
        self._publish(sender, batch)
        self._listen(0)

    def repeat(self, probe: str) -> None:
        """Send the newest open batch of a probe once more, as if its answer had been lost."""
        sender = self._senders[probe]
        if sender.open:
            self._publish(sender, sender.open[-1])

    def announce(self, presence: Presence) -> None:
        """Publish a probe's retained presence, which tells the collector how much was made."""
        self._senders[presence.probe].client.publish(
            topics.status(presence.probe), msgspec.json.encode(presence), qos=1, retain=True
        )

    def drain(self, on_wait: Callable[[], None] | None = None) -> None:
        """Wait until everything is acknowledged; raises `DeliveryError` as `send` does.

        `on_wait` is called at least once a second meanwhile.
        """
        while self.open_batches:
            self._listen(1.0)
            self._resend()
            if on_wait is not None:
                on_wait()

    def close(self) -> None:
        """Disconnect every probe. Idempotent."""
        for sender in self._senders.values():
            sender.client.disconnect()
        for sender in self._senders.values():
            sender.client.loop_stop()

    def __enter__(self) -> Self:
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _client(self, keys: Path, probe: str) -> mqtt.Client:
        identity = files(keys, probe)
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(identity.certificate, identity.key)
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=probe,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=True,
        )
        client.tls_set_context(context)
        client.reconnect_delay_set(1, 5)
        client.will_set(
            topics.status(probe),
            msgspec.json.encode(Presence(probe=probe, online=False)),
            qos=1,
            retain=True,
        )

        # Callbacks run in paho's thread: they enqueue and return.
        def on_connect(
            client: mqtt.Client,
            _userdata: object,
            _flags: mqtt.ConnectFlags,
            reason: ReasonCode,
            _properties: Properties | None,
        ) -> None:
            client.subscribe(topics.ack(probe), qos=1)
            self._heard.put(_Connected(probe, reason))

        def on_message(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
            self._heard.put(_Acknowledged(probe, bytes(message.payload)))

        def on_publish(
            _client: mqtt.Client,
            _userdata: object,
            mid: int,
            reason: ReasonCode,
            _properties: Properties,
        ) -> None:
            if reason.value != 0:
                self._heard.put(_Published(probe, mid, reason))

        client.on_connect = on_connect
        client.on_publish = on_publish
        client.on_message = on_message
        return client

    def _publish(self, sender: _Sender, batch: _Batch) -> None:
        if not sender.client.is_connected():
            batch.sent_at = None
            return
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
        properties.CorrelationData = batch_id(sender.epoch, batch.first, batch.last).encode()
        if batch.sent_at is not None:
            sender.resent_batches += 1
        batch.sent_at = time.monotonic()
        batch.mid = sender.client.publish(
            topics.data(sender.probe), batch.payload, qos=1, properties=properties
        ).mid

    def _listen(self, timeout_s: float) -> None:
        """Take in what was heard, waiting up to `timeout_s` for the first of it."""
        wait = timeout_s > 0
        while True:
            try:
                heard = self._heard.get(wait, timeout_s) if wait else self._heard.get_nowait()
            except queue.Empty:
                break
            wait = False
            sender = self._senders[heard.probe]
            if isinstance(heard, _Acknowledged):
                self._take(sender, _ack_decoder.decode(heard.payload))
            elif heard.reason.is_failure:
                raise DeliveryError(f"{heard.probe}: {heard.reason}", self.open_batches)
            elif isinstance(heard, _Connected):
                sender.connected = True
            elif heard.reason.value == NO_SUBSCRIBER:
                self._hurry(sender, heard.mid)
        silence_s = time.monotonic() - self._progress_at
        if self.open_batches and silence_s > self._stall_timeout_s:
            raise DeliveryError(
                f"nothing acknowledged for {silence_s:.0f} s: is a collector running?",
                self.open_batches,
            )

    def _take(self, sender: _Sender, ack: Ack) -> None:
        if ack.epoch != sender.epoch:
            return
        sender.rejected = _joined([*sender.rejected, *ack.rejected])
        runs = _joined([(1, ack.contiguous_seq), *ack.stored, *sender.rejected])
        still_open = [batch for batch in sender.open if not _covered(batch, runs)]
        if len(still_open) < len(sender.open):
            self._progress_at = time.monotonic()
        sender.open = still_open

    def _hurry(self, sender: _Sender, mid: int) -> None:
        """Send a batch again soon."""
        for batch in sender.open:
            if batch.mid == mid and batch.sent_at is not None:
                batch.sent_at = time.monotonic() - self._resend_after_s + UNHEARD_RESEND_S

    def _resend(self) -> None:
        overdue = time.monotonic() - self._resend_after_s
        for sender in self._senders.values():
            for batch in sender.open:
                if batch.sent_at is None or batch.sent_at < overdue:
                    self._publish(sender, batch)


def _joined(runs: Iterable[Range]) -> list[Range]:
    """Runs in order, those that touch made one."""
    joined: list[Range] = []
    for first, last in sorted(runs):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _rows(runs: Iterable[Range]) -> int:
    return sum(last - first + 1 for first, last in runs)


def _covered(batch: _Batch, runs: Iterable[Range]) -> bool:
    return any(first <= batch.first and batch.last <= last for first, last in runs)
