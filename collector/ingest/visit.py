"""A short connection to the broker beside the collector's own, in the hands of one thread."""

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from collector.config import Mqtt
from collector.ingest.link import CONNECT_TIMEOUT_S, LinkError, introduce

CONFIRM_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
HEARD_AT_ONCE = 20
POLL_S = 0.1


class Visit:
    """Listens to one topic and publishes; a context manager that leaves again."""

    def __init__(self, config: Mqtt, *, topic: str) -> None:
        """Nothing is connected yet. The broker keeps nothing for us."""
        self._config = config
        self._topic = topic
        self._answers: deque[ReasonCode] = deque(maxlen=1)
        self._heard: deque[bytes] = deque(maxlen=HEARD_AT_ONCE)
        self._why_lost: str | None = None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = CONNECT_TIMEOUT_S
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect

    def __enter__(self) -> Self:
        """Connect and listen; raises OSError or `LinkError`."""
        introduce(self._client, self._config)
        self._client.connect(self._config.host, self._config.port, self._config.keepalive_s)
        self._await_answer("the connection", CONNECT_TIMEOUT_S)
        self._client.subscribe(self._topic, qos=1)
        self._await_answer("the subscription", CONNECT_TIMEOUT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
        while time.monotonic() < deadline_s:
            if self._client.loop(POLL_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break

    def deliver(self, topic: str, content: bytes) -> None:
        """Publish, retained; on return the broker has it. Raises `LinkError`."""
        self._answers.clear()
        self._client.publish(topic, content, qos=1, retain=True)
        self._await_answer("the message", CONFIRM_TIMEOUT_S)

    def hear(self, timeout_s: float) -> bytes | None:
        """The next message; None without one in time. Raises `LinkError`."""
        self._loop_until(lambda: bool(self._heard), timeout_s)
        return self._heard.popleft() if self._heard else None

    def _await_answer(self, what: str, timeout_s: float) -> None:
        self._loop_until(lambda: bool(self._answers), timeout_s)
        if not self._answers:
            raise LinkError(f"the broker says nothing to {what}")
        reason = self._answers.popleft()
        if reason.is_failure:
            raise LinkError(f"the broker refuses {what}: {reason}")

    def _loop_until(self, done: Callable[[], bool], timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not done() and time.monotonic() < deadline_s:
            code = self._client.loop(POLL_S)
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS and not done():
                raise LinkError(self._why_lost or mqtt.error_string(code))

    # Callbacks, called by `loop` in our own thread. They only enqueue.

    def _on_connect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._answers.append(reason)

    def _on_subscribe(
        self, _client: Any, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self._answers.extend(reasons)

    def _on_publish(
        self, _client: Any, _userdata: Any, _mid: int, reason: ReasonCode, _properties: Any
    ) -> None:
        self._answers.append(reason)

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._heard.append(bytes(message.payload))

    def _on_disconnect(
        self, _client: Any, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        self._why_lost = f"the broker ended the connection: {reason}"
