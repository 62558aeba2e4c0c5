"""The real mosquitto on 127.0.0.1 with the access rules of the field, startable and killable."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.certificates import COLLECTOR, DASHBOARD, Authority
from sim.parts import Part, ReservedPort, accepts, find_command
from wire.topics import ALL_DATA, ALL_STATUS, ROOT

START_TIMEOUT_S = 15.0
QUEUED_MESSAGES = 200_000
"""For a collector that is away: a day of a small fleet, not mosquitto's 1000."""
MESSAGE_BYTES = 2 << 20
"""Above `wire.codec.MAX_BATCH_BYTES` with its MQTT 5 properties."""

CONFIGURATION = """\
per_listener_settings false
listener {port} 127.0.0.1
cafile {authority}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {acl}
persistence false
max_queued_messages {queued_messages}
max_inflight_messages 100
message_size_limit {message_bytes}
log_dest stderr
log_type error
log_type warning
log_type notice
"""

ACCESS = f"""\
# A probe writes below its own name and reads what is sent to it; %u is its certificate's CN.
pattern write {ROOT}/%u/up/#
pattern read {ROOT}/%u/down/#

user {COLLECTOR}
topic read {ALL_DATA}
topic read {ALL_STATUS}
topic write {ROOT}/+/down/#
topic write {ROOT}/+/live/#

user {DASHBOARD}
topic read {ALL_STATUS}
topic read {ROOT}/+/live/#
"""


class Broker:
    """One mosquitto on a port of its own, kept over restarts; a context manager that ends it."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        """Write the configuration into `folder`; nothing runs yet."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._port = ReservedPort()
        identity = authority.server()
        access = folder / "acl"
        access.write_text(ACCESS)
        access.chmod(0o600)
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port,
                authority=authority.certificate,
                certificate=identity.certificate,
                key=identity.key,
                acl=access,
                queued_messages=QUEUED_MESSAGES,
                message_bytes=MESSAGE_BYTES,
            )
            # Without this a mosquitto started by root becomes a user who may not read our files.
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self.part = Part(
            "mosquitto",
            [find_command("mosquitto"), "-c", str(configuration)],
            log=folder / "mosquitto.log",
        )

    @property
    def port(self) -> int:
        """Where it listens, with TLS."""
        return self._port.number

    def start(self) -> None:
        """Start and wait until it listens. It knows nothing of an earlier run."""
        self.part.start()
        self.part.wait_until(lambda: accepts(self.port), "mosquitto listens", START_TIMEOUT_S)

    def kill(self) -> None:
        """SIGKILL: sessions, queues and retained messages are gone."""
        self.part.kill()

    def close(self) -> None:
        """End it and give the port back."""
        self.part.stop()
        self._port.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
