"""Publishes 50 rows a second to the mosquitto on the probe, QoS 1; the other half of the bridge.

`bridge_writer.py PORT FIRST`. paho sends each row again until it has its PUBACK.
"""

import queue
import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.delivery.records import ROWS_PER_S, record
from wire.codec import encode_record

UNCONFIRMED = 500
WAIT_S = 0.1


class Writer:
    """Writes for ever. One thread owns it; another only adds bursts."""

    def __init__(self, port: int) -> None:
        """Connect as soon as mosquitto listens."""
        self.bursts: queue.Queue[int] = queue.Queue()
        self._under_way: dict[int, int] = {}
        self._confirmed: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="writer", protocol=mqtt.MQTTv5
        )
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(UNCONFIRMED)
        self._client.on_publish = self._on_publish
        self._client.connect_async("127.0.0.1", port, clean_start=False)
        self._client.loop_start()

    def write(self, number: int) -> None:
        """Write from this number on."""
        due_s = time.monotonic()
        while True:
            rows = 1 if self.bursts.empty() else self.bursts.get()
            for _ in range(rows):
                while len(self._under_way) >= UNCONFIRMED or not self._client.is_connected():
                    self._settle(WAIT_S)
                message = self._client.publish("rows", encode_record(record(number)), qos=1)
                self._under_way[message.mid] = number
                number += 1
            due_s = max(due_s + 1 / ROWS_PER_S, time.monotonic())
            while (left_s := due_s - time.monotonic()) > 0:
                self._settle(left_s)

    def _settle(self, timeout_s: float) -> None:
        """Tell what was confirmed, waiting so long for the first."""
        try:
            mid = self._confirmed.get(timeout=timeout_s)
            while True:
                number = self._under_way.pop(mid)
                sys.stdout.write(f"A {number} {number}\n")
                mid = self._confirmed.get_nowait()
        except queue.Empty:
            sys.stdout.flush()

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: Any, _props: Any) -> None:
        if not reason.is_failure:
            self._confirmed.put(mid)


def main(port: int, first: int) -> None:
    """Write until killed; bursts are asked for on standard input."""
    writer = Writer(port)

    def listen() -> None:
        for line in sys.stdin:
            writer.bursts.put(int(line.split()[1]))

    threading.Thread(target=listen, daemon=True).start()
    writer.write(first)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
