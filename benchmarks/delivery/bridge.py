"""A mosquitto on the probe that bridges to the broker behind the uplink, QoS 1 all the way.

Persistence at each change, its session and the bridge's kept, queues without bound.
"""

import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.delivery.contestant import Contestant, Program, Uplink
from benchmarks.delivery.receiver import Receiver
from sim.parts import ReservedPort, find_command

WRITER = Path(__file__).with_name("bridge_writer.py")
CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {disk}/
autosave_on_changes true
autosave_interval 1
max_queued_messages 1000000
max_inflight_messages 100
connection uplink
address {host}:{uplink}
topic rows out 1
cleansession false
local_cleansession false
bridge_protocol_version mqttv50
keepalive_interval 30
restart_timeout 1 5
log_dest stderr
log_type error
"""


class Bridge(Contestant):
    """See the module."""

    name = "mosquitto bridge"
    accepts = "PUBACK of the mosquitto on the probe"
    keeper = "mosquitto"

    def open(self) -> None:
        """See `Contestant`."""
        self._port = ReservedPort()
        self._receiver = Receiver(
            self.folder / "database.db", port=self.broker_port, topic="rows", numbers=_numbers
        )
        self._receiver.open()

    def program(self, disk: Path, uplink: Uplink, first: int) -> Program:
        """See `Contestant`."""
        configuration = self.folder / f"bridge-{first}.conf"
        text = CONFIGURATION.format(
            port=self._port.number, disk=disk, host=uplink.host, uplink=uplink.port
        )
        # Without this a mosquitto started by root becomes a user who may not write there.
        configuration.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
        mosquitto = shlex.join([find_command("mosquitto"), "-c", str(configuration)])
        writer = shlex.join([sys.executable, str(WRITER), str(self._port.number), str(first)])
        return Program(
            ("sh", "-c", f"{mosquitto} & exec {writer}"),
            {"PYTHONPATH": str(WRITER.parents[2])},
        )

    def stored(self) -> int:
        """See `Contestant`."""
        return self._receiver.stored

    def database(self) -> Counter[int]:
        """See `Contestant`."""
        return self._receiver.database()

    def close(self) -> None:
        """See `Contestant`."""
        self._receiver.close()
        self._port.close()


def _numbers(payload: bytes) -> Iterator[int]:
    yield int(msgspec.json.decode(payload)["payload"]["temperature_c"])
