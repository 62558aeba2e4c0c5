"""One connection to the broker, from the first packet to the last. The agent's door to paho.

paho's network loop runs in the publisher's own thread (`loop`), not in one that paho starts: such
a thread dies silently of an exception in a callback while `is_connected` stays true, and takes
locks that deadlock with ours. The callbacks only enqueue. A connection that ends is thrown away
with its client; what was under way is known to the window, not to paho.
"""

import logging
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.publisher.errors import LinkLostError, RefusedError

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
"""For TCP, for TLS and for the broker's answer, each."""
CLOSE_TIMEOUT_S = 1.0
USER_TIMEOUT_S = 30.0
"""Sent bytes that nobody confirms end the connection; keepalive alone needs twice its time."""
MAX_PACKET_BYTES = 1 << 20
MAX_UNCONFIRMED = 1000
"""Publishes without PUBACK that paho numbers at once; the window keeps far below."""
REFUSED = 0x80
"""MQTT 5 reason codes from here on are errors."""
REFUSALS = frozenset({0x87, 0x8A, 0x8E, 0x98})
"""Not authorised, banned, session taken over, administrative action."""
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python's ssl does not name."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Who may be believed and who we are."""

    ca: Path
    cert: Path | None = None
    """The probe's own; its common name is the probe's name."""
    key: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where the broker is and how to talk to it."""

    host: str
    port: int = 8883
    tls: Tls | None = None
    keepalive_s: int = 30
    """Carriers drop idle connections after minutes; a ping costs about 100 bytes."""


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """The broker took (or refused) a publish: not yet stored by anybody."""

    mid: int
    code: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Subscribed:
    """The broker's answer to a subscription."""

    code: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message for us."""

    topic: str
    payload: bytes


News = Confirmed | Subscribed | Received


@dataclass(frozen=True, kw_only=True)
class _Answered:
    code: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Ended:
    code: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Will:
    """What the broker publishes, retained, when we vanish."""

    topic: str
    payload: bytes


class _NamedContext(ssl.SSLContext):
    """Checks the broker's configured name although the connection goes to an address."""

    name: str
    wrapped: ssl.SSLSocket | None = None
    """The last socket: paho leaves it open when the handshake fails."""

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        self.wrapped = super().wrap_socket(*args, **(options | {"server_hostname": self.name}))
        return self.wrapped


class Link:
    """A connection in the hands of one thread. `poll` has to be called again and again."""

    def __init__(
        self, broker: Broker, address: str, *, client_id: str, will: Will, check_dates: bool
    ) -> None:
        """Connect to `address`; raises `LinkLostError` or `RefusedError`.

        With `check_dates` false the broker's certificate may be out of date: without a clock of
        its own a probe that starts in 2020 could never connect to learn the time. The chain and
        the name are checked all the same.
        """
        self._news: deque[News | _Answered | _Ended] = deque()
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(MAX_UNCONFIRMED)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = _on_socket_open
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        self._context: _NamedContext | None = None
        if broker.tls is not None:
            self._context = _context(broker.tls, broker.host, check_dates=check_dates)
            client.tls_set_context(self._context)
        self._client = client
        self._connect(broker, address)

    def subscribe(self, topic: str) -> None:
        """Ask for a topic at QoS 1; the answer comes as `Subscribed`."""
        self._client.subscribe(topic, options=SubscribeOptions(qos=1))

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool = False,
        correlation: str | None = None,
    ) -> int:
        """Hand a message to the connection; the number that its `Confirmed` will carry."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's gap
        if correlation is not None:
            properties.CorrelationData = correlation.encode()
        info = self._client.publish(topic, payload, qos, retain, properties)
        if info.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):
            raise LinkLostError(f"cannot publish: {mqtt.error_string(info.rc)}")
        return info.mid

    def poll(self, timeout_s: float) -> Iterator[News]:
        """Read, write and keep alive for up to `timeout_s`; what was heard.

        Raises `LinkLostError` or `RefusedError` when the connection has ended.
        """
        code = self._client.loop(timeout_s)
        while self._news:
            news = self._news.popleft()
            if isinstance(news, _Ended):
                raise _ended(news)
            if not isinstance(news, _Answered):
                yield news
        if code != mqtt.MQTT_ERR_SUCCESS:
            raise LinkLostError(mqtt.error_string(code))

    def close(self) -> None:
        """Say goodbye, so that the broker does not publish the will, and close."""
        self._client.disconnect()
        deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
        while self._client.loop(0.1) == mqtt.MQTT_ERR_SUCCESS and time.monotonic() < deadline_s:
            pass
        self.drop()

    def drop(self) -> None:
        """Close without a word: the broker will publish the will."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        if self._context is not None and self._context.wrapped is not None:
            self._context.wrapped.close()

    def _connect(self, broker: Broker, address: str) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's gap
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        try:
            self._client.connect(
                address,
                broker.port,
                keepalive=broker.keepalive_s,
                clean_start=True,
                properties=properties,
            )
            self._await_answer(time.monotonic() + CONNECT_TIMEOUT_S)
        except (OSError, ValueError) as error:
            self.drop()
            raise LinkLostError(f"{address} port {broker.port}: {error}") from error
        except BaseException:
            self.drop()
            raise

    def _await_answer(self, deadline_s: float) -> None:
        while True:
            code = self._client.loop(0.1)
            for news in self._news:
                if isinstance(news, _Answered):
                    if news.code >= REFUSED:
                        raise RefusedError(f"the broker refuses the connection: {news.reason}")
                    return
            if code != mqtt.MQTT_ERR_SUCCESS:
                raise LinkLostError(f"no answer from the broker: {mqtt.error_string(code)}")
            if time.monotonic() > deadline_s:
                raise LinkLostError(f"no answer from the broker within {CONNECT_TIMEOUT_S:g} s")

    # Callbacks, called by `loop` in our own thread. They only enqueue.

    def _on_connect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._news.append(_Answered(code=reason.value, reason=str(reason)))

    def _on_disconnect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._news.append(_Ended(code=reason.value, reason=str(reason)))

    def _on_publish(
        self, _client: Any, _userdata: Any, mid: int, reason: ReasonCode, _properties: Any
    ) -> None:
        self._news.append(Confirmed(mid=mid, code=reason.value, reason=str(reason)))

    def _on_subscribe(
        self, _client: Any, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        for reason in reasons:
            self._news.append(Subscribed(code=reason.value, reason=str(reason)))

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._news.append(Received(topic=message.topic, payload=bytes(message.payload)))


def _on_socket_open(_client: Any, _userdata: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(USER_TIMEOUT_S * 1000))


def _ended(news: _Ended) -> LinkLostError | RefusedError:
    if news.code in REFUSALS:
        return RefusedError(f"the broker ended the connection: {news.reason}")
    return LinkLostError(f"the connection ended: {news.reason}")


def _context(tls: Tls, name: str, *, check_dates: bool) -> _NamedContext:
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.name = name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(tls.ca)
        if tls.cert is not None:
            context.load_cert_chain(tls.cert, tls.key)
    except OSError as error:
        raise LinkLostError(f"certificates cannot be read: {error}") from error
    if not check_dates:
        context.verify_flags |= NO_CHECK_TIME
    return context
