"""Probes that measure nothing but whether their promises are kept, and their collector."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sim.demo.installation import Centre
from sim.demo.toml import Table, toml
from sim.parts import Part, PartError
from sim.proxy import Proxy
from sim.world import demo_world
from tests.faults.kills import Victim
from tests.faults.promises import Promises

ROOT = Path(__file__).parent.parent.parent
MEASURING = Path(__file__).with_name("measuring.py")
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
ACK_TIMEOUT_S = 8.0
KEEPALIVE_S = 10
DRAIN_S = 120.0


@contextmanager
def centre(folder: Path) -> Iterator[Centre]:
    """A broker and a collector that run."""
    with Centre(folder, demo_world(time.time() + 5)) as running:
        yield running


def configure(
    folder: Path, centre: Centre, *, name: str, state: Path, port: int, host: str = "127.0.0.1"
) -> Path:
    """Write the configuration of a probe that reaches its broker at `host` and `port`."""
    folder.mkdir(parents=True, exist_ok=True)
    identity = centre.authority.client(name)
    uplink: Table = {
        "host": host,
        "port": port,
        "ca": centre.authority.certificate,
        "cert": identity.certificate,
        "key": identity.key,
        "keepalive_s": KEEPALIVE_S,
        "ack_timeout_s": ACK_TIMEOUT_S,
    }
    head: Table = {"probe": name, "state_dir": state, "run_dir": state / "run"}
    file = folder / f"{name}.toml"
    file.write_text(toml(head, {"uplink": uplink}), encoding="utf-8")
    return file


def measuring(configuration: Path, **options: object) -> list[str]:
    """The command of a probe; see `measuring.py` for its options, e.g. `linger_s=0.2`."""
    command = [sys.executable, str(MEASURING), str(configuration)]
    for name, value in options.items():
        command.append(f"--{name.replace('_', '-')}")
        if value is not True:
            command.append(str(value))
    return command


class LooseProbe:
    """A probe as a process of this machine, with an uplink that can go black."""

    def __init__(self, folder: Path, centre: Centre, *, name: str, **options: object) -> None:
        """`options` are those of `measuring`."""
        self.name = name
        self.uplink = Proxy(centre.broker.port)
        configuration = configure(
            folder, centre, name=name, state=folder / name, port=self.uplink.port
        )
        self._said = folder / f"{name}.said"
        command = measuring(configuration, **options)
        self.part = Part(name, command, log=self._said, environment=ENVIRONMENT)
        drain = measuring(configuration, until_drained=True, linger_s=0.2)
        self._drain = Part(f"{name} drains", drain, log=self._said, environment=ENVIRONMENT)

    def drain(self) -> None:
        """End it, and deliver what waits."""
        self.part.kill()
        if self._drain.start().wait(DRAIN_S) != 0:
            raise PartError(f"{self.name} does not drain:\n{self._drain.log_tail}")

    def promises(self) -> Promises:
        """Of all its runs."""
        promises = Promises()
        promises.hear(self._said.read_text().splitlines())
        return promises

    def __enter__(self) -> Self:
        self.uplink.start()
        self.part.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.part.kill()
        self._drain.kill()
        self.uplink.close()


def victims(centre: Centre, probe: LooseProbe) -> list[Victim]:
    """The three programs: the agent for half of the kills."""
    return [
        Victim("agent", probe.part.kill, probe.part.start, up_s=(0.5, 5.0)),
        Victim("broker", centre.broker.kill, centre.broker.start, up_s=(4.0, 14.0)),
        Victim("collector", centre.collector.kill, centre.start_collector, up_s=(3.0, 13.0)),
    ]
