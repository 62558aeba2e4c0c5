"""The real mosquitto on 127.0.0.1 with the access rules of the field, startable and killable."""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.certificates import COLLECTOR, DASHBOARD, PLANNER, Authority
from sim.parts import Part, ReservedPort, accepts, find_command
from wire.topics import ALL_DATA, ALL_STATUS, ALL_TIME_ASKED, ROOT

START_TIMEOUT_S = 15.0
QUEUED_MESSAGES = 200_000
"""For a collector that is away: a day of a small fleet, not mosquitto's 1000."""
MESSAGE_BYTES = 2 << 20
"""Above `wire.codec.MAX_BATCH_BYTES` with its MQTT 5 properties."""

CONFIGURATION = """\
per_listener_settings false
listener {port} {listens}
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

{{workers}}
user {DASHBOARD}
topic read {ALL_STATUS}
topic read {ROOT}/+/live/#

user {PLANNER}
topic read {ALL_STATUS}
topic write {ROOT}/+/down/plan
topic write {ROOT}/+/down/needs
"""


WORKER = f"""\
user {{name}}
topic read {ALL_DATA}
topic read {ALL_STATUS}
topic read {ALL_TIME_ASKED}
topic write {ROOT}/+/down/#
topic write {ROOT}/+/live/#
"""
WORKERS = (COLLECTOR, *(f"{COLLECTOR}-{number}" for number in range(2, 5)))
"""Each worker of the collector is a client of its own."""


class Broker:
    """One mosquitto on a port of its own, kept over restarts; a context manager that ends it."""

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        address: str = "127.0.0.1",
        inside: Sequence[str] = (),
        queued_messages: int = QUEUED_MESSAGES,
    ) -> None:
        """Write the configuration into `folder`; nothing runs yet.

        `inside` runs it somewhere else, in a network namespace: there it listens on all addresses
        and is reached at `address`. `queued_messages` are kept for a client that is away; what
        comes beyond them is dropped.
        """
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._port = ReservedPort()
        identity = authority.server(address=address)
        access = folder / "acl"
        access.write_text(
            ACCESS.format(workers="\n".join(WORKER.format(name=name) for name in WORKERS))
        )
        access.chmod(0o600)
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port,
                listens="0.0.0.0" if inside else address,  # noqa: S104  # of its namespace
                authority=authority.certificate,
                certificate=identity.certificate,
                key=identity.key,
                acl=access,
                queued_messages=queued_messages,
                message_bytes=MESSAGE_BYTES,
            )
            # Without this a mosquitto started by root becomes a user who may not read our files.
            + ("user root\n" if os.geteuid() == 0 else "")
        )
        self._address = address
        self.part = Part(
            "mosquitto",
            [*inside, find_command("mosquitto"), "-c", str(configuration)],
            log=folder / "mosquitto.log",
        )

    @property
    def port(self) -> int:
        """Where it listens, with TLS."""
        return self._port.number

    def start(self) -> None:
        """Start and wait until it listens. It knows nothing of an earlier run."""
        self.part.start()
        self.part.wait_until(
            lambda: accepts(self.port, self._address), "mosquitto listens", START_TIMEOUT_S
        )

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
