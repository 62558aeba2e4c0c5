"""A whole installation on this machine: broker, collector, one probe and what it is plugged into.

Everything lies below one folder, talks over 127.0.0.1 and runs in child processes that end with
us: the real mosquitto, the real gpsd, the collector and the agent as their services start them.
"""

import sqlite3
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from uuid import UUID

import msgspec

from sim.broker import Broker
from sim.certificates import COLLECTOR, Authority
from sim.demo.toml import Table, toml
from sim.parts import Part, PartError, ReservedPort, accepts, find_command
from sim.proxy import Proxy
from sim.world import World, save_world
from sim.world.places import COMMUNES_FILE, ROADS_FILE, geo_dir
from wire.control import Presence
from wire.messages import RatMode

PROBE = "dn-live"
START_TIMEOUT_S = 30.0
AGENT_STOP_S = 15.0
COLLECTOR_STOP_S = 60.0
QUERY_TIMEOUT_S = 120.0
KEEPALIVE_S = 10
ACK_TIMEOUT_S = 8.0
DELIVERY_S = 60.0
DELIVERY_STOP_S = 20.0
LOCKS = {"mobifone": RatMode.G4}
"""One modem is held on a technology, so that its rows carry the proof."""
FRESH_ROWS = 80
"""A measuring probe always has some: they wait a few seconds for company."""

_presence_decoder = msgspec.json.Decoder(Presence)


class QueryError(PartError):
    """A command of the collector did not answer as it promises."""


class Kept(NamedTuple):
    """What the outbox file of a stopped probe says."""

    epoch: UUID
    made: int
    """Highest number given out: so many rows were accepted."""
    waiting: int
    """Not acknowledged yet."""
    dropped: int


class Access(NamedTuple):
    """How one modem's tests reach their server."""

    interface: str | None
    """None on loopback."""
    iperf_host: str
    iperf_port: int
    http_url: str


class Centre:
    """Broker and collector; a context manager that starts and ends them."""

    def __init__(self, folder: Path, world: World) -> None:
        """Make certificates and configuration below `folder`; nothing runs yet.

        Judged are the operators of the world: nobody has a SIM of any other.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(folder / "tls")
        identity = self.authority.client(COLLECTOR)
        self.broker = Broker(folder / "broker", self.authority)
        self._web_port = ReservedPort()
        self.configuration = folder / "collector.toml"
        tables: dict[str, Table] = {
            "mqtt": {
                "host": "127.0.0.1",
                "port": self.broker.port,
                "ca_file": self.authority.certificate,
                "cert_file": identity.certificate,
                "key_file": identity.key,
            },
            "store": {"folder": folder / "store"},
            "geo": {
                "boundaries": [str(geo_dir() / COMMUNES_FILE)],
                "roads": [str(geo_dir() / ROADS_FILE)],
            },
            "targets": {"operators": folder / "operators.toml"},
            "web": {"port": self._web_port.number},
        }
        (folder / "operators.toml").write_text(_operators(world), encoding="utf-8")
        self.configuration.write_text(toml({}, tables), encoding="utf-8")
        self.collector = Part(
            "collector",
            [find_command("dosong-collector"), "run", "--config", str(self.configuration)],
            log=folder / "collector.log",
        )

    @property
    def url(self) -> str:
        """Of the collector's page."""
        return f"http://127.0.0.1:{self._web_port.number}/"

    def start_collector(self) -> None:
        """Start it and wait until its page answers."""
        self.collector.start()
        self.collector.wait_until(
            lambda: accepts(self._web_port.number), "the collector's page", START_TIMEOUT_S
        )

    def ask(self, *arguments: str) -> Any:
        """The JSON that `dosong-collector ARGUMENTS --json` prints; raises `QueryError`."""
        command = [
            find_command("dosong-collector"),
            *arguments,
            *("--config", str(self.configuration), "--json"),
        ]
        try:
            answer = subprocess.run(  # noqa: S603  # arguments are ours
                command, capture_output=True, check=False, timeout=QUERY_TIMEOUT_S
            )
            return msgspec.json.decode(answer.stdout)
        except subprocess.TimeoutExpired as error:
            raise QueryError(f"{arguments[0]}: no answer in {QUERY_TIMEOUT_S:g} s") from error
        except msgspec.DecodeError as error:
            said = answer.stderr.decode(errors="replace")[-2000:]
            raise QueryError(f"{arguments[0]} ended with {answer.returncode}: {said}") from error

    def close(self) -> None:
        """End both and give their ports back."""
        self.collector.stop(COLLECTOR_STOP_S)
        self.broker.close()
        self._web_port.close()

    def __enter__(self) -> Self:
        try:
            self.broker.start()
            self.start_collector()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _operators(world: World) -> str:
    """The shipped list of operators without those that are not in the world."""
    shipped = tomllib.loads((geo_dir().parent / "operators.toml").read_text(encoding="utf-8"))
    measured = {operator.plmn for operator in world.operators}
    return toml({}, {}, {"operator": [o for o in shipped["operator"] if o["plmn"] in measured]})


class LiveProbe:
    """One probe in the world's vehicle: receiver, modems, uplink and the agent.

    A context manager that starts everything and ends it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        centre: Centre,
        world: World,
        accesses: Mapping[str, Access] | None = None,
        plan: Sequence[Table] = (),
        name: str = PROBE,
    ) -> None:
        """Prepare below `folder`. `accesses` names the test server of each modem by its name."""
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self._folder = folder
        self._outbox_file = folder / "state" / "outbox.db"
        self._status_file = folder / "run" / "status.json"
        self._links: dict[Part, Path] = {}
        self._gpsd_port = ReservedPort()
        self.uplink = Proxy(centre.broker.port)
        self._world_file = folder / "world.json"
        save_world(world, self._world_file)
        receiver = folder / "gnss"
        self.receiver = self._simulated("gps", "gps", receiver)
        self._gpsd = Part(
            "gpsd",
            # -b: it is told not to write to the receiver, which here is a pseudo-terminal.
            [
                *(find_command("gpsd"), "-N", "-n", "-b"),
                *("-S", str(self._gpsd_port.number), str(receiver)),
            ],
            log=folder / "gpsd.log",
        )
        self.modems = {
            modem.name: self._simulated(
                f"modem-{modem.name}", "modem", folder / modem.name, "--modem", modem.name
            )
            for modem in world.modems
        }
        identity = centre.authority.client(name)
        head: Table = {"probe": name, "state_dir": folder / "state", "run_dir": folder / "run"}
        uplink: Table = {
            "host": "127.0.0.1",
            "port": self.uplink.port,
            "ca": centre.authority.certificate,
            "cert": identity.certificate,
            "key": identity.key,
            "keepalive_s": KEEPALIVE_S,
            "ack_timeout_s": ACK_TIMEOUT_S,
        }
        configuration = folder / "probe.toml"
        configuration.write_text(
            toml(
                head,
                {
                    "gps": {"host": "127.0.0.1", "port": self._gpsd_port.number},
                    "uplink": uplink,
                    # Servers, modems and collector run on this machine, too: a busy core of it
                    # says nothing of a probe.
                    "host": {"max_core_share": 1.0, "min_memory_mb": 0.0},
                },
                {
                    "server": [_server(name, access) for name, access in (accesses or {}).items()],
                    "modem": [
                        _modem(number, modem.name, folder / modem.name, accesses or {})
                        for number, modem in enumerate(world.modems, 1)
                    ],
                    "plan": plan,
                },
            ),
            encoding="utf-8",
        )
        agent = find_command("dosong-agent")
        self.agent = Part(
            "agent", [agent, "run", "--config", str(configuration)], log=folder / "agent.log"
        )
        self._delivery = Part(
            "delivery",
            [agent, "deliver", "--config", str(configuration), "--within", str(DELIVERY_S)],
            log=folder / "delivery.log",
        )

    def start(self) -> None:
        """Start everything; returns when the agent says that it runs."""
        self.uplink.start()
        for part in (self.receiver, *self.modems.values()):
            part.start()
        for part, link in self._links.items():
            part.wait_until(link.exists, f"{link.name} is plugged in", START_TIMEOUT_S)
        self._gpsd.start()
        self._gpsd.wait_until(
            lambda: accepts(self._gpsd_port.number), "gpsd listens", START_TIMEOUT_S
        )
        self.start_agent()

    def start_agent(self) -> None:
        """Start the agent (again) and wait until it says that it runs."""
        self._status_file.unlink(missing_ok=True)
        self.agent.start()
        self.agent.wait_until(self._status_file.exists, "the agent's status", START_TIMEOUT_S)

    def presence(self) -> Presence | None:
        """What the running agent last said of itself; None before that."""
        try:
            return _presence_decoder.decode(self._status_file.read_bytes())
        except FileNotFoundError:
            return None

    def is_connected(self) -> bool:
        """Whether the running agent says that it has a link to the broker."""
        presence = self.presence()
        health = None if presence is None else presence.health
        return health is not None and health.uplink == "connected"

    def is_drained(self) -> bool:
        """Whether the running agent has hardly a row left."""
        presence = self.presence()
        rows = None if presence is None else presence.outbox_rows
        return rows is not None and rows <= FRESH_ROWS

    def stop_and_deliver(self) -> Kept:
        """Stop the agent and deliver what it leaves behind; gives what the outbox then says.

        Raises `PartError` when something still waits.
        """
        self.agent.stop(AGENT_STOP_S)
        code = self._delivery.start().wait(DELIVERY_S + DELIVERY_STOP_S)
        if code != 0:
            raise PartError(f"delivery ended with {code}:\n{self._delivery.log_tail}")
        return self.kept()

    def kept(self) -> Kept:
        """What the outbox file says. Only while no agent runs."""
        with closing(sqlite3.connect(f"{self._outbox_file.as_uri()}?mode=ro", uri=True)) as db:
            (epoch, made, dropped) = db.execute("SELECT epoch, made, dropped FROM state").fetchone()
            (waiting,) = db.execute("SELECT count(*) FROM outbox").fetchone()
        return Kept(UUID(epoch), made, waiting, dropped)

    def close(self) -> None:
        """End everything."""
        self.agent.stop(AGENT_STOP_S)
        for part in (self._delivery, self._gpsd, self.receiver, *self.modems.values()):
            part.stop()
        self.uplink.close()
        self._gpsd_port.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _simulated(self, name: str, command: str, link: Path, *arguments: str) -> Part:
        part = Part(
            name,
            [
                *(find_command("dosong-sim"), command),
                *("--world", str(self._world_file), "--link", str(link), *arguments),
            ],
            log=self._folder / f"{name}.log",
        )
        self._links[part] = link
        return part


def _server(name: str, access: Access) -> Table:
    return {
        "name": name,
        "iperf_host": access.iperf_host,
        "iperf_port": access.iperf_port,
        "http_url": access.http_url,
    }


def _modem(number: int, name: str, port: Path, accesses: Mapping[str, Access]) -> Table:
    access = accesses.get(name)
    return {
        "name": name,
        "port": port,
        "usb_path": f"1-1.{number}",
        "interface": None if access is None else access.interface,
        "server": None if access is None else name,
        "shared_path": "this-machine",
        "lock": LOCKS.get(name),
    }
