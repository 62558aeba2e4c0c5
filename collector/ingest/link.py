"""The link to the broker: the collector's only import of `paho`.

The broker keeps the session under our fixed client id, so what comes while we are away waits
there. Nothing is acknowledged by the library: `acknowledge` is called after the commit. Each
connection is a new paho client; what the old one still owed is sent again by the broker.
"""

import logging
import queue
import random
import ssl
import threading
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
LONGEST_DELAY_S = 30.0
MAX_OUTGOING = 10_000
"""Acknowledgements and live values not yet taken by the broker; beyond it they are dropped.

A probe that misses its acknowledgement sends again and is acknowledged again.
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came. `session` and `mid` are for `Link.acknowledge` only."""

    topic: str
    content: bytes
    correlation: bytes | None
    session: "_Session" = field(repr=False)
    mid: int
    qos: int


class Link:
    """Keeps the connection to one broker. `run` is its thread; the other methods are for any."""

    def __init__(self, config: Mqtt, *, receive_maximum: int) -> None:
        """Messages come into `inbox`, never more than twice `receive_maximum` at a time."""
        self.inbox: queue.Queue[Message] = queue.Queue(2 * receive_maximum)
        self._config = config
        self._receive_maximum = receive_maximum
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
            session = _Session(self._config, self.inbox, self._receive_maximum)
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
        """Tell the broker that the message is ours now. Nothing happens on another connection."""
        message.session.acknowledge(message)

    def publish(self, topic: str, content: bytes, *, qos: int, retain: bool = False) -> bool:
        """Hand a message to the broker; False where there is none or it does not take any more."""
        session = self._session
        return session is not None and session.publish(topic, content, qos=qos, retain=retain)

    def _welcome(self) -> None:
        log.info("connected to broker %s:%d", self._config.host, self._config.port)
        self._failures = 0

    def _complain(self, error: Exception) -> None:
        """Say a failure once; the same again only for those who debug."""
        level = logging.DEBUG if self._failures else logging.WARNING
        log.log(level, "broker %s:%d: %s", self._config.host, self._config.port, error)
        self._failures += 1

    def _delay_s(self) -> float:
        """Longer each time, and never the same for two collectors."""
        longest = min(FIRST_DELAY_S * 2.0 ** min(self._failures, 10), LONGEST_DELAY_S)
        return random.uniform(longest / 2, longest)  # noqa: S311  # spreads load, no secret


class LinkError(Exception):
    """The broker did not let us in, or not listen."""


class _Session:
    """One connection. Callbacks run in paho's thread: they only enqueue or set an event."""

    def __init__(self, config: Mqtt, inbox: queue.Queue[Message], receive_maximum: int) -> None:
        self._config = config
        self._inbox = inbox
        self._receive_maximum = receive_maximum
        self._ready = threading.Event()
        self._lost = threading.Event()
        self._thread: threading.Thread | None = None
        self.why_lost = "no reason given"
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
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
        if config.username is not None:
            password = config.password_file
            self._client.username_pw_set(
                config.username, None if password is None else password.read_text().rstrip("\n")
            )
        if config.ca_file is not None:
            self._client.tls_set_context(_tls(config))
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = self._receive_maximum
        self._client.connect(
            config.host,
            config.port,
            keepalive=config.keepalive_s,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()
        if not self._ready.wait(CONNECT_TIMEOUT_S) or self._lost.is_set():
            raise LinkError(self.why_lost)

    def wait_until_lost(self, stop: threading.Event) -> None:
        """Return when the connection is gone, its thread is dead, or all is to stop."""
        while not stop.is_set() and not self._lost.wait(0.2):
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
        at_least_once = SubscribeOptions(qos=1)
        client.subscribe([(topics.ALL_DATA, at_least_once), (topics.ALL_STATUS, at_least_once)])

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
        content = bytes(message.payload)
        try:
            self._inbox.put_nowait(
                Message(message.topic, content, correlation, self, message.mid, message.qos)
            )
        except queue.Full:
            # Not acknowledged, so the next connection brings it again.
            self._give_up("more messages than the receive maximum allows")

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


def _tls(config: Mqtt) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=config.ca_file)
    if config.cert_file is not None:
        context.load_cert_chain(config.cert_file, config.key_file)
    return context
