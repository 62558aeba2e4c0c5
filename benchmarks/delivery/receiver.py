"""A careful receiver for the other contestants: persistent session, acknowledged after the commit.

It does for them what the collector does for dosong, as far as MQTT allows; nothing but the broker
stands between it and what they publish.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SESSION_EXPIRY_S = 3600


class Receiver:
    """Stores the numbers of all rows that arrive, repeats included."""

    def __init__(
        self, file: Path, *, port: int, topic: str, numbers: Callable[[bytes], Iterable[int]]
    ) -> None:
        """`numbers` are those of the rows in a message."""
        self._topic = topic
        self._port = port
        self._numbers = numbers
        self._lock = threading.Lock()
        self._database = sqlite3.connect(file, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE row (number INTEGER NOT NULL) STRICT")
        self.stored = 0
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id="receiver",
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def open(self) -> None:
        """Connect and receive in a thread of its own."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's gap
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        self._client.connect("127.0.0.1", self._port, clean_start=False, properties=properties)
        self._client.loop_start()

    def database(self) -> Counter[int]:
        """How often each number is there."""
        with self._lock:
            return Counter(number for (number,) in self._database.execute("SELECT * FROM row"))

    def close(self) -> None:
        """Disconnect and close the file."""
        self._client.disconnect()
        self._client.loop_stop()
        self._database.close()

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(self._topic, qos=1)

    def _on_message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        found = list(self._numbers(message.payload))
        with self._lock, self._database:
            self._database.executemany("INSERT INTO row VALUES (?)", [(one,) for one in found])
        self.stored += len(found)
        client.ack(message.mid, message.qos)
