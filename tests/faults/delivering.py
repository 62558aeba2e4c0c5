"""A probe that delivers and a collector that stores, for the faults of the link between them.

The probe's outbox and publisher run here in their real threads, the broker is mosquitto, the
collector is run as its service runs it, with a lake and a ledger of its own.
"""

import random
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from agent.clock import Clock, KernelTime
from agent.outbox import Limits, Outbox
from agent.publisher import Broker, Pace, Publisher, Resolver, Tls
from agent.recorder import Envelope
from agent.runtime import Supervisor
from collector.store.engine import connect
from collector.store.ledger import Ledger
from sim import broker as simulated
from sim.certificates import COLLECTOR, Authority
from sim.parts import Part, find_command, wait_until
from wire.cells import Cell, Rat
from wire.control import Presence
from wire.kinds import radio
from wire.messages import Position

DEADLINE_S = 60.0
until = partial(wait_until, timeout_s=DEADLINE_S)
"""Seconds that it took; `TooLateError` where it does not happen."""
LEVELS = ("rsrp_dbm", "rsrq_db", "sinr_db")
"""By chance, so that rows are not smaller on the wire than real ones."""
KEEPALIVE_S = 5
PACE = Pace(
    linger_s=0.2,
    ack_timeout_s=5.0,
    presence_every_s=1.0,
    refused_pause_s=4.0,
    better_path_every_s=1.5,
)
CONFIG = """
[mqtt]
port = {port}
ca_file = "{authority}"
cert_file = "{identity.certificate}"
key_file = "{identity.key}"
[store]
folder = "{store}"
[web]
port = 0
"""


class Centre:
    """Broker and collector; a context manager that ends both."""

    def __init__(self, folder: Path, **broker):
        """`broker` is where it listens, see `sim.broker.Broker`."""
        self.authority = Authority(folder / "keys")
        identity = self.authority.client(COLLECTOR)
        self.broker = simulated.Broker(folder / "broker", self.authority, **broker)
        self.store = folder / "store"
        config = folder / "collector.toml"
        config.write_text(
            CONFIG.format(
                port=self.broker.port,
                authority=self.authority.certificate,
                identity=identity,
                store=self.store,
            )
        )
        self._collector = Part(
            "collector",
            [
                *broker.get("inside", ()),
                *(find_command("dosong-collector"), "run", "--config", str(config)),
            ],
            log=folder / "collector.log",
        )
        self._running = ExitStack()

    def __enter__(self):
        with ExitStack() as started:
            started.enter_context(self.broker)
            started.enter_context(self._collector)
            ledger = self.store / "collector.db"
            self._collector.wait_until(ledger.exists, "the collector's ledger", DEADLINE_S)
            self._running = started.pop_all()
        return self

    def __exit__(self, *_):
        self._running.close()

    def missing(self, probe):
        """How many of the rows that the outbox accepted are not stored."""
        with Ledger(self.store / "collector.db", read_only=True) as ledger:
            received = {row.epoch: row.received for row in ledger.ledger(probe.name)}
        return probe.outbox.made - received.get(str(probe.outbox.epoch), 0)

    def cells(self, name):
        """Whose rows of a probe are stored: the number of each cell, as often as it is visible."""
        with connect("duckdb://", self.store / "lake") as tables:
            rows = tables.radio.filter(tables.radio.probe == name)
            return rows.serving_cell_id.to_pyarrow().to_pylist()

    def twice(self, probe):
        """How many rows of the probe are visible more than once."""
        seen = Counter()
        with connect("duckdb://", self.store / "lake") as tables:
            for table in (tables.radio, tables.event):
                rows = table.filter(table.probe == probe.name).select("epoch", "seq")
                seen.update((row["epoch"], row["seq"]) for row in rows.to_pyarrow().to_pylist())
        return sum(count - 1 for count in seen.values())


class Probe:
    """One probe's outbox and publisher; a context manager that stops both."""

    def __init__(self, name, folder, authority, *, port, sown=0, **options):
        """`sown`: rows that were sown before; each has its number as its cell's."""
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.events = []
        self.clock = options.pop("clock", None) or right_clock()
        self.identity = authority.client(name)
        self._envelope = Envelope(
            probe=name, software="test", stamp=self.clock.stamp, position=Position
        )
        self.outbox = Outbox(
            folder / "outbox.db", make_event=self._envelope.event, limits=Limits(commit_s=0.05)
        )
        tls = Tls(ca=authority.certificate, cert=self.identity.certificate, key=self.identity.key)
        options.setdefault("pace", PACE)
        self.publisher = Publisher(
            probe=name,
            broker=Broker(
                host="localhost",
                port=port,
                tls=options.pop("tls", tls),
                keepalive_s=options.pop("keepalive_s", KEEPALIVE_S),
            ),
            outbox=self.outbox,
            presence=self._presence,
            record_event=self._event,
            clock=self.clock,
            **options,
        )
        self._supervisor = Supervisor(on_restart=self._crashed, on_stall=self._crashed)
        self.crashes = []
        self._sown = sown

    def __enter__(self):
        self._supervisor.start([self.outbox.worker(), self.publisher.worker()])
        until(lambda: self.outbox.epoch is not None, "the outbox is open")
        return self

    def __exit__(self, *_):
        assert self._supervisor.stop(DEADLINE_S) == ()
        assert self.crashes == []

    def sow(self, rows):
        """Have the outbox accept so many radio rows, the last of them committed."""
        for number in range(rows):
            self._sown += 1
            level = {name: random.uniform(-120, -3) for name in LEVELS}  # noqa: S311  # no secrets
            cell = Cell(rat=Rat.LTE, cell_id=self._sown, **level)
            record = self._envelope.around("radio", radio.Payload(mode="lte", serving=cell))
            if number < rows - 1:
                assert self.outbox.append(record)
            else:
                self.outbox.append_and_wait(record, DEADLINE_S)

    def is_empty(self):
        """Whether everything is acknowledged."""
        stats = self.outbox.stats()
        return stats.rows == 0 and stats.waiting == 0

    @property
    def alarms(self):
        """What a person was told."""
        return [detail["reason"] for name, detail in self.events if name == "uplink_alarm"]

    def _presence(self):
        outbox = self.outbox
        return Presence(probe=self.name, online=True, epoch=outbox.epoch, made=outbox.made)

    def _event(self, name, *, severity="info", detail=None):
        self.events.append((name, dict(detail or {})))
        self.outbox.append(self._envelope.event(name, severity=severity, detail=detail))

    def _crashed(self, report):
        self.crashes.append(report)


class AnotherBoot(KernelTime):
    """This machine's clocks, as of a boot that nobody else had."""

    def __init__(self):
        self._boot_id = uuid4()

    def boot_id(self):
        return self._boot_id


def right_clock(source=None):
    """A probe's clock that was set by GPS."""
    clock = Clock(source)
    clock.anchor_by_gps(datetime.now(UTC), mono_ns=clock.mono_ns(), err_s=0.1)
    return clock


def at(address, port):
    """A resolver that knows one address."""
    return Resolver("localhost", port, lookup=lambda *_: (address,))


def acknowledged_rows(probe):
    """Rows that have left the outbox so far."""
    stats = probe.outbox.stats()
    return stats.made - stats.rows


def settle(tally, centre, *probes, recovery_s=None):
    """Drain, count what became of every row, and put it into the table; nothing may be wrong."""
    for probe in probes:
        until(probe.is_empty, f"{probe.name} is drained")
    lost = sum(centre.missing(probe) for probe in probes)
    twice = sum(centre.twice(probe) for probe in probes)
    rows = sum(probe.outbox.made for probe in probes)
    tally.tried(rows=rows, lost=lost, duplicates=twice, recovery_s=recovery_s)
    assert (lost, twice) == (0, 0)
