"""A dashboard as anybody could write one: it reads the collector's `live/` topics over MQTT."""

import ssl
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sim.certificates import DASHBOARD, files
from wire import topics
from wire.codec import UnreadableRecordError, decode_record
from wire.messages import AnyMeasurement, Outcome

KEEPALIVE_S = 10


class Dashboard:
    """The latest record of each kind and modem of one probe; a context manager."""

    def __init__(self, port: int, keys: Path, probe: str) -> None:
        """Connect to the broker on `port` as the dashboard whose certificate lies in `keys`."""
        self._port = port
        self._lock = threading.Lock()
        self._latest: dict[tuple[str, str | None], AnyMeasurement] = {}
        self._rates_mbit_s: defaultdict[str | None, list[float]] = defaultdict(list)
        identity = files(keys, DASHBOARD)
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(identity.certificate, identity.key)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.tls_set_context(context)
        self._client.reconnect_delay_set(1, 2)
        topic = topics.live(probe, "+")

        def on_connect(
            client: mqtt.Client,
            _userdata: Any,
            _flags: mqtt.ConnectFlags,
            _reason: ReasonCode,
            _properties: Properties | None,
        ) -> None:
            client.subscribe(topic, qos=0)

        def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
            self._take(bytes(message.payload))

        self._client.on_connect = on_connect
        self._client.on_message = on_message

    def latest(self) -> Mapping[tuple[str, str | None], AnyMeasurement]:
        """The latest records by kind and name of the modem."""
        with self._lock:
            return dict(self._latest)

    def rates_mbit_s(self, modem: str) -> tuple[float, ...]:
        """Results of the capacity tests seen of one modem."""
        with self._lock:
            return tuple(self._rates_mbit_s[modem])

    def __enter__(self) -> Self:
        self._client.connect_async("127.0.0.1", self._port, KEEPALIVE_S)
        self._client.loop_start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, payload: bytes) -> None:
        try:
            record = decode_record(payload)
        except UnreadableRecordError:  # a later collector may know kinds that we do not
            return
        modem = None if record.modem is None else record.modem.name
        rate = getattr(record.payload, "bits_per_second", None)
        with self._lock:
            if self._latest.get((record.kind, modem)) == record:
                return  # retained: told again after a reconnection
            self._latest[record.kind, modem] = record
            if record.kind == "throughput" and record.outcome is Outcome.OK and rate is not None:
                self._rates_mbit_s[modem].append(round(rate / 1e6, 2))
