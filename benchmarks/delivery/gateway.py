"""thingsboard-gateway from PyPI: its SQLite storage and its MQTT client, with a connector of ours.

Set as its own documentation says for safety: storage `sqlite`, QoS 1; rate limits off.
"""

import json
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.delivery.contestant import Contestant, Program, Uplink
from benchmarks.delivery.receiver import Receiver
from benchmarks.delivery.records import look

ENVIRONMENT = Path(__file__).parents[2] / "build" / "bench"
"""Made by `tools/setup bench`: what it needs does not go with what we need."""
CONNECTOR = Path(__file__).with_name("gateway_rows.py")
NO_LIMIT = "0:0,"
RPC = "v1/devices/me/rpc"
LOGGERS = ("database", "service", "connector", "converter", "tb_connection", "storage", "extension")
_ERRORS: dict[str, object] = {"handlers": ["stderr"], "level": "ERROR", "propagate": False}
LOGS = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}},
    "loggers": dict.fromkeys(LOGGERS, _ERRORS),
    "root": {"handlers": ["stderr"], "level": "ERROR"},
}


class Gateway(Contestant):
    """See the module."""

    name = "thingsboard-gateway"
    accepts = "send_to_storage said SUCCESS"

    def open(self) -> None:
        """See `Contestant`."""
        package = next(ENVIRONMENT.glob("lib/python3*/site-packages/thingsboard_gateway"))
        extension = package / "extensions" / "rows"
        extension.mkdir(exist_ok=True)
        shutil.copy(CONNECTOR, extension / "rows.py")
        self._receiver = Receiver(
            self.folder / "database.db",
            port=self.broker_port,
            topic="v1/gateway/telemetry",
            numbers=_numbers,
        )
        self._receiver.open()
        self._platform = _Platform(self.broker_port)

    def program(self, disk: Path, uplink: Uplink, first: int) -> Program:
        """See `Contestant`."""
        configuration = self.folder / f"config-{first}"
        configuration.mkdir()
        for name, content in (
            ("tb_gateway.json", _configuration(uplink)),
            ("rows.json", {"name": "Rows"}),
            ("logs.json", LOGS),
            ("values.json", _flat(msgspec.to_builtins(look(1)))),
        ):
            (configuration / name).write_text(json.dumps(content))
        # It writes to its configuration, and keeps its data below the folder it is started in.
        own = shlex.quote(str(disk / "config"))
        copied = f"mkdir -p {own} && cp {shlex.quote(str(configuration))}/* {own}"
        start = f"cd {shlex.quote(str(disk))} && exec {ENVIRONMENT / 'bin' / 'thingsboard-gateway'}"
        return Program(
            ("sh", "-c", f"{copied} && {start}"),
            {
                "TB_GW_CONFIG_DIR": str(disk / "config"),
                "ROWS_FIRST": str(first),
                "ROWS_VALUES": str(configuration / "values.json"),
            },
        )

    def stored(self) -> int:
        """See `Contestant`."""
        return self._receiver.stored

    def database(self) -> Counter[int]:
        """See `Contestant`."""
        return self._receiver.database()

    def close(self) -> None:
        """See `Contestant`."""
        self._platform.close()
        self._receiver.close()


def _configuration(uplink: Uplink) -> dict[str, object]:
    return {
        "thingsboard": {
            "host": uplink.host,
            "port": uplink.port,
            "keep_alive": 30,
            "remoteShell": False,
            "remoteConfiguration": False,
            "statistics": {"enable": False},
            "minPackSendDelayMS": 50,
            "minPackSizeToSend": 500,
            "maxPayloadSizeBytes": 65_000,
            "security": {"type": "accessToken", "accessToken": "bench"},
            "qos": 1,
            "rateLimits": NO_LIMIT,
            "dpRateLimits": NO_LIMIT,
            "messagesRateLimits": NO_LIMIT,
            "deviceMessagesRateLimits": NO_LIMIT,
            "deviceRateLimits": NO_LIMIT,
            "deviceDpRateLimits": NO_LIMIT,
        },
        "storage": {
            "type": "sqlite",
            "data_file_path": "./data/",
            "messages_ttl_in_days": 7,
            "max_read_records_count": 1000,
            "writing_batch_size": 1000,
        },
        "grpc": {"enabled": False},
        "connectors": [
            {
                "name": "Rows",
                "type": "rows",
                "class": "RowsConnector",
                "configuration": "rows.json",
            }
        ],
    }


class _Platform:
    """Answers what the gateway asks its server before it sends anything: there are no limits."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="platform")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(f"{RPC}/request/+", qos=1)

    def _on_message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        number = message.topic.rpartition("/")[2]
        limits = {"maxPayloadSize": 65536, "rateLimits": {}, "gatewayRateLimits": {}}
        client.publish(f"{RPC}/response/{number}", json.dumps(limits), qos=1)


def _flat(values: dict[str, object], before: str = "") -> dict[str, object]:
    """Telemetry of the gateway has one level."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}_")
        else:
            flat[before + name] = value
    return flat


def _numbers(payload: bytes) -> Iterator[int]:
    for rows in json.loads(payload).values():
        for row in rows:
            yield row["values"]["number"]
