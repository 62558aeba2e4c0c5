"""The collector's own link to the broker; beside it only `visit` imports `paho`.

The broker keeps the session under our fixed client id, so what comes while we are away waits
there. Nothing is acknowledged by the library: `acknowledge` is called after the commit. Each
connection is a new paho client; what the old one still owed is sent again by the broker.

Workers share the batches: the broker gives each of them to one worker of the group. One of them
listens to the presence of the probes, so that it is told in order. Every one hears a probe that
asks for the time, so that any answers.
"""

import logging
import queue
import random
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from collector.config import Mqtt
from wire import topics

SESSION_EXPIRY_S = 7 * 24 * 3600
CONNECT_TIMEOUT_S = 10.0
FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 5.0
"""There are few collectors, and while one is away no probe hears that its rows are stored."""
SHARED_DATA = f"$share/collectors/{topics.ALL_DATA}"
MAX_MESSAGE_BYTES = 2 << 20
"""Above `wire.codec.MAX_BATCH_BYTES`: a batch beyond it has to arrive to be refused by name."""
MAX_HELD_BYTES = 128 << 20
"""Of messages that came and are not settled; MQTT itself bounds only their number."""
MESSAGE_OVERHEAD_BYTES = 1 << 10
MAX_QUESTIONS = 1000
"""Probes that ask for the time at once; one that is not heard asks again."""
MAX_OUTGOING = 10_000
"""Acknowledgements and live values not yet taken by the broker; beyond it they are dropped.

A probe that misses its acknowledgement sends again and is acknowledged again.
"""

_TIME_ASKED = topics.ALL_TIME_ASKED.rpartition("+")[2]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came. `session` and `mid` are for `Link.acknowledge` only."""

    topic: str
    content: bytes
    correlation: bytes | None
    user: tuple[tuple[str, str], ...]
    """MQTT 5 user properties."""
    session: "_Session" = field(repr=False)
    mid: int
    qos: int


class Held:
    """Bytes of the messages in hand. For any thread."""

    def __init__(self, limit: int) -> None:
        """Nothing is held yet."""
        self._limit = limit
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def empty(self) -> bool:
        """Whether all of it is settled."""
        with self._lock:
            return self._bytes == 0

    def take(self, message: Message) -> bool:
        """Hold one more; False, and it is not held, where it is too much."""
        with self._lock:
            size = len(message.content) + MESSAGE_OVERHEAD_BYTES
            if self._bytes and self._bytes + size > self._limit:
                return False
            self._bytes += size
            return True

    def give_back(self, message: Message) -> None:
        """Hold one less."""
        with self._lock:
            self._bytes -= len(message.content) + MESSAGE_OVERHEAD_BYTES


class Link:
    """Keeps the connection to one broker. `run` is its thread; the other methods are for any."""

    def __init__(self, config: Mqtt, *, receive_maximum: int, presence: bool = True) -> None:
        """Messages come into `inbox`, never more than twice `receive_maximum` at a time.

        `presence`: whether to listen to that too, besides the shared batches.
        """
        self.inbox: queue.Queue[Message] = queue.Queue(2 * receive_maximum)
        self.questions: queue.Queue[Message] = queue.Queue(MAX_QUESTIONS)
        self.held = Held(MAX_HELD_BYTES)
        self.config = config
        self.presence = presence
        self.receive_maximum = receive_maximum
        self._session: _Session | None = None
        self._failures = 0

    @property
    def connected(self) -> bool:
        """Whether the broker has let us in and not been lost since."""
        session = self._session
        return session is not None and session.usable

    def run(self, stop: threading.Event) -> None:
        """Connect, stay connected and connect again, until stopped."""
        while not stop.is_set():
            session = _Session(self)
            try:
                session.open()
                self._session = session
                self._welcome()
                session.wait_until_lost(stop)
                if not stop.is_set():
                    log.warning("broker lost (%s), connecting again", session.why_lost)
            except (OSError, LinkError) as error:
                self._complain(error)
            finally:
                self._session = None
                session.close()
            stop.wait(self._delay_s())

    def acknowledge(self, message: Message) -> None:
        """Tell the broker that the message is ours now, and forget it.

        On a connection that is lost the broker is told nothing: it sends the message again.
        """
        self.held.give_back(message)
        message.session.acknowledge(message)

    def publish(self, topic: str, content: bytes, *, qos: int, retain: bool = False) -> bool:
        """Hand a message to the broker; False where there is none or it does not take any more."""
        session = self._session
        return session is not None and session.publish(topic, content, qos=qos, retain=retain)

    def _welcome(self) -> None:
        log.info("connected to broker %s:%d", self.config.host, self.config.port)
        self._failures = 0

    def _complain(self, error: Exception) -> None:
        """Say a failure once; the same again only for those who debug."""
        level = logging.DEBUG if self._failures else logging.WARNING
        log.log(level, "broker %s:%d: %s", self.config.host, self.config.port, error)
        self._failures += 1

    def _delay_s(self) -> float:
        """Longer each time, and never the same for two collectors."""
        longest = min(FIRST_DELAY_S * 2.0 ** min(self._failures, 10), LONGEST_DELAY_S)
        return random.uniform(longest / 2, longest)  # noqa: S311  # spreads load, no secret


class LinkError(Exception):
    """The broker did not let us in, or not listen."""


def leave(config: Mqtt) -> None:
    """Let the broker forget our session, and what waits in it; raises OSError or `LinkError`."""
    session = _Session(Link(config, receive_maximum=1), leaving=True)
    try:
        session.open()
    finally:
        session.close()


class _Session:
    """One connection. Callbacks run in paho's thread: they only enqueue or set an event."""

    def __init__(self, link: Link, *, leaving: bool = False) -> None:
        self._link = link
        self._leaving = leaving
        self._config = link.config
        self._overflown = False
        """Whether the broker has sent more than we can hold."""
        self._ready = threading.Event()
        self._lost = threading.Event()
        self._thread: threading.Thread | None = None
        self.why_lost = "no reason given"
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._config.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.max_queued_messages_set(MAX_OUTGOING)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect

    @property
    def usable(self) -> bool:
        """Connected, subscribed and not lost."""
        return self._ready.is_set() and not self._lost.is_set()

    def open(self) -> None:
        """Connect and subscribe; raises OSError or `LinkError`."""
        config = self._config
        introduce(self._client, config)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.SessionExpiryInterval = 0 if self._leaving else SESSION_EXPIRY_S
        properties.ReceiveMaximum = self._link.receive_maximum
        properties.MaximumPacketSize = MAX_MESSAGE_BYTES
        self._client.connect(
            config.host,
            config.port,
            keepalive=config.keepalive_s,
            clean_start=self._leaving,
            properties=properties,
        )
        self._client.loop_start()
        if not self._ready.wait(CONNECT_TIMEOUT_S) or self._lost.is_set():
            raise LinkError(self.why_lost)

    def wait_until_lost(self, stop: threading.Event) -> None:
        """Return when the connection is gone, its thread is dead, or all is to stop.

        Also when more came than we can hold, but only after what we do hold is acknowledged: a
        broker sends again all that was in flight, so leaving earlier would go round in circles.
        """
        while not stop.is_set() and not self._lost.wait(0.2):
            if self._overflown and self._link.held.empty:
                self._give_up("it sent more than can be held; the rest is fetched now")
            if self._thread is None or not self._thread.is_alive():
                self.why_lost = "the network thread died"
                self._lost.set()

    def acknowledge(self, message: Message) -> None:
        """PUBACK, as long as the broker still counts by the same numbers."""
        if message.session is self and not self._lost.is_set():
            self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, content: bytes, *, qos: int, retain: bool) -> bool:
        """See `Link.publish`."""
        if not self.usable:
            return False
        info = self._client.publish(topic, content, qos=qos, retain=retain)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def close(self) -> None:
        """Leave politely; the broker keeps the session."""
        self._lost.set()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self,
        client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._thread = threading.current_thread()
        if reason.is_failure:
            self._give_up(f"refused: {reason}")
            return
        if self._leaving:
            self._ready.set()
            return
        # A session of 26.11 has the batches to itself; with the shared ones they would come twice.
        client.unsubscribe(topics.ALL_DATA)
        wanted = [(SHARED_DATA, SubscribeOptions(qos=1))]
        wanted.append((topics.ALL_TIME_ASKED, SubscribeOptions(qos=0)))
        if self._link.presence:
            wanted.append((topics.ALL_STATUS, SubscribeOptions(qos=1)))
        client.subscribe(wanted)

    def _on_subscribe(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._give_up(f"subscription refused: {refused[0]}")
        self._ready.set()

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        user = tuple(getattr(message.properties, "UserProperty", ()))
        content = bytes(message.payload)
        came = Message(message.topic, content, correlation, user, self, message.mid, message.qos)
        if message.topic.endswith(_TIME_ASKED):
            with suppress(queue.Full):
                self._link.questions.put_nowait(came)
            return
        if message.qos == 0:
            return  # No probe of ours sends it so, and no ReceiveMaximum would bound it.
        if not self._overflown and self._link.held.take(came):
            try:
                self._link.inbox.put_nowait(came)
            except queue.Full:
                self._link.held.give_back(came)
            else:
                return
        # Left to the broker, which sends it again when we come back: see `wait_until_lost`.
        self._overflown = True

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _userdata: Any,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._give_up(str(reason))

    def _give_up(self, why: str) -> None:
        if not self._lost.is_set():
            self.why_lost = why
        self._lost.set()
        self._ready.set()


def introduce(client: mqtt.Client, config: Mqtt) -> None:
    """Have the client say who it is, and check who the broker is; raises OSError."""
    if config.username is not None:
        password = config.password_file
        client.username_pw_set(
            config.username, None if password is None else password.read_text().rstrip("\n")
        )
    if config.ca_file is not None:
        client.tls_set_context(_tls(config))


def _tls(config: Mqtt) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=config.ca_file)
    if config.cert_file is not None:
        context.load_cert_chain(config.cert_file, config.key_file)
    return context
