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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.certificate_dates import NO_CHECK_TIME
from agent.publisher.errors import (
    DistrustError,
    LinkError,
    LinkLostError,
    RefusedError,
    UnansweredError,
)
from agent.publisher.ways import unanswered_s

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
"""For TLS and for the broker's answer, each."""
CLOSE_TIMEOUT_S = 1.0
MAX_PACKET_BYTES = 1 << 20
MAX_UNCONFIRMED = 1000
"""Publishes without PUBACK that paho numbers at once; the window keeps far below."""
REFUSED = 0x80
"""MQTT 5 reason codes from here on are errors."""
REFUSALS = frozenset({0x87, 0x8A, 0x8E, 0x98})
"""Not authorised, banned, session taken over, administrative action."""
DISTRUSTED = (
    *("CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA"),
    *("BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_REQUIRED"),
    *("ACCESS_DENIED", "DECRYPT_ERROR"),
)
"""TLS alerts (RFC 8446 6.2), as OpenSSL spells them, by which a broker refuses our certificate."""
OUT_OF_DATE = frozenset({9, 10, 11, 12, 23})
"""X509_V_ERR: not valid yet, expired, the same for a revocation list, revoked. The last one apart
these say that a clock is wrong or that somebody forgot to renew."""
CALLBACKS = ("on_connect", "on_disconnect", "on_publish", "on_subscribe", "on_message")


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

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        # A socket that was reset meanwhile is told by this; half made, Python leaves it open.
        sock.getpeername()
        named = options | {"server_hostname": self.name}
        self.wrapped = super().wrap_socket(sock, *args, **named)
        return self.wrapped


class _Client(mqtt.Client):
    """Goes over a connection that was made before, and keeps why it ended.

    Both methods are paho's own (2.2, pinned): it offers no other way to bind the socket to an
    interface, and its callbacks do not tell a TLS alert from a reset.
    """

    connection: socket.socket
    failure: OSError | None = None
    closed_by_peer = False

    def _create_socket_connection(self) -> socket.socket:
        return self.connection

    def _sock_recv(self, bufsize: int) -> bytes:
        try:
            received: bytes = super()._sock_recv(bufsize)
        except BlockingIOError:
            raise
        except OSError as error:
            self.failure = error
            self.closed_by_peer = isinstance(error, ConnectionResetError)
            raise
        self.closed_by_peer = not received
        return received


class Link:
    """A connection in the hands of one thread. `poll` has to be called again and again."""

    def __init__(
        self,
        broker: Broker,
        connection: socket.socket,
        *,
        client_id: str,
        will: Will,
        check_dates: bool,
    ) -> None:
        """Speak TLS and MQTT over `connection` and own it; raises `LinkError`.

        With `check_dates` false the broker's certificate may be out of date: without a clock of
        its own a probe that starts in 2020 could never connect to learn the time. The chain and
        the name are checked all the same.
        """
        self._news: deque[News | _Answered | _Ended] = deque()
        self._connection = connection
        self._unanswered_since_s: float | None = None
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connection = connection
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(MAX_UNCONFIRMED)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        self._context: _NamedContext | None = None
        self._client = client
        try:
            if broker.tls is not None:
                self._context = _context(broker.tls, broker.host, check_dates=check_dates)
                client.tls_set_context(self._context)
            self._connect(broker)
        except BaseException:
            self.drop()
            raise

    @property
    def peer_certificate(self) -> Mapping[str, object] | None:
        """The broker's certificate as `ssl` tells it; None without TLS."""
        wrapped = None if self._context is None else self._context.wrapped
        return None if wrapped is None else wrapped.getpeercert()

    @property
    def unanswered_s(self) -> float:
        """How long nothing of what was sent is acknowledged by the broker's kernel; 0: it is."""
        wrapped = None if self._context is None else self._context.wrapped
        try:
            age_s = unanswered_s(self._connection if wrapped is None else wrapped)
        except OSError:
            age_s = None  # closed: the next `poll` says why
        now_s = time.monotonic()
        if age_s is None:
            self._unanswered_since_s = None
            return 0.0
        if self._unanswered_since_s is None:
            self._unanswered_since_s = now_s
        # An idle connection has heard its last ACK long ago when something is sent again.
        return min(age_s, now_s - self._unanswered_since_s)

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
        user: tuple[str, str] | None = None,
    ) -> int:
        """Hand a message to the connection; the number that its `Confirmed` will carry.

        `user` is a user property's name and value.
        """
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's gap
        if correlation is not None:
            properties.CorrelationData = correlation.encode()
        if user is not None:
            properties.UserProperty = user
        info = self._client.publish(topic, payload, qos, retain, properties)
        if info.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):
            raise LinkLostError(f"cannot publish: {mqtt.error_string(info.rc)}")
        return info.mid

    def poll(self, timeout_s: float) -> Iterator[News]:
        """Read, write and keep alive for up to `timeout_s`; what was heard.

        Raises `LinkError` when the connection has ended.
        """
        code = self._client.loop(timeout_s)
        while self._news:
            news = self._news.popleft()
            if isinstance(news, _Ended):
                raise self._ended(news)
            if not isinstance(news, _Answered):
                yield news
        if code != mqtt.MQTT_ERR_SUCCESS:
            raise self._lost(mqtt.error_string(code))

    def leave(self) -> None:
        """Say goodbye, so that the broker does not publish the will, and wait for nothing."""
        self._client.disconnect()
        self.drop()

    def close(self, *, after: int) -> None:
        """Say goodbye, so that the broker does not publish the will, and close.

        Once publish `after` is confirmed: a socket closed with something unread resets the
        connection, and with it what the broker has not read.
        """
        deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
        confirmed = False
        while not confirmed and time.monotonic() < deadline_s:
            heard = list(self.poll(0.1))
            confirmed = any(isinstance(news, Confirmed) and news.mid == after for news in heard)
        self.leave()

    def drop(self) -> None:
        """Close without a word: the broker will publish the will."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()
        self._connection.close()
        if self._context is not None and self._context.wrapped is not None:
            self._context.wrapped.close()
            self._context.wrapped = None
        # Else client, callbacks and link hold each other, and with them two descriptors of paho's,
        # until a collection that a probe at rest never sees.
        for name in CALLBACKS:
            setattr(self._client, name, None)

    def _connect(self, broker: Broker) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's gap
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        try:
            self._client.connect(
                broker.host,
                broker.port,
                keepalive=broker.keepalive_s,
                clean_start=True,
                properties=properties,
            )
        except ssl.SSLError as error:
            raise _tls_failure(error) from error
        except TimeoutError as error:
            raise UnansweredError(f"TLS: {error}") from error
        except (OSError, ValueError) as error:
            raise LinkLostError(f"TLS: {error}") from error
        self._await_answer(time.monotonic() + CONNECT_TIMEOUT_S)

    def _await_answer(self, deadline_s: float) -> None:
        while True:
            code = self._client.loop(0.1)
            for news in self._news:
                if isinstance(news, _Answered):
                    if news.code >= REFUSED:
                        raise RefusedError(f"the broker refuses the connection: {news.reason}")
                    return
            if code != mqtt.MQTT_ERR_SUCCESS:
                raise self._lost(f"no answer from the broker: {mqtt.error_string(code)}")
            if time.monotonic() > deadline_s:
                raise UnansweredError(f"no answer from the broker within {CONNECT_TIMEOUT_S:g} s")

    def _ended(self, news: _Ended) -> LinkError:
        if news.code in REFUSALS:
            return RefusedError(f"the broker ended the connection: {news.reason}")
        return self._lost(f"the connection ended: {news.reason}")

    def _lost(self, what: str) -> LinkError:
        """A broker tells only after the handshake (TLS 1.3) what it thinks of our certificate."""
        failure = self._client.failure
        if isinstance(failure, ssl.SSLError):
            return _tls_failure(failure)
        said = what if failure is None else f"{what} ({failure})"
        return LinkLostError(said) if self._client.closed_by_peer else UnansweredError(said)

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


def _tls_failure(error: ssl.SSLError) -> LinkError:
    reason = error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"the broker's certificate is not accepted: {error.verify_message}"
        out_of_date = error.verify_code in OUT_OF_DATE
        return DistrustError(said) if out_of_date else LinkLostError(said)
    if "ALERT" in reason and reason.endswith(DISTRUSTED):
        word = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return DistrustError(f"the broker does not accept our certificate: {word}")
    return LinkLostError(f"TLS: {error}")


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
