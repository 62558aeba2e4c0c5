"""A broker, a collector of one or more workers that die, and the count of what it has stored."""

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import NAMESPACE_DNS, UUID, uuid5

from collector.commands.recount import recount
from collector.store.engine import connect
from collector.store.ledger import Ledger
from sim import parts
from sim.broker import QUEUED_MESSAGES, Broker
from sim.certificates import COLLECTOR, Authority, files
from wire.cells import Cell, Rat
from wire.control import Presence
from wire.kinds import event, radio
from wire.messages import Measurement, Outcome

CHILD = Path(__file__).with_name("collector_child.py")
PATIENCE_S = 60.0
"""Beside other tests a collector takes many seconds to start."""
wait_until = partial(parts.wait_until, timeout_s=PATIENCE_S)
PROBES = ("dn-01", "dn-02")
START = datetime(2026, 10, 31, 16, 59, tzinfo=UTC)


def epoch_of(probe):
    return uuid5(NAMESPACE_DNS, probe)


def epochs(probes=PROBES):
    """Names and epochs, as `Delivery` wants them."""
    return [(probe, epoch_of(probe)) for probe in probes]


def record(probe, seq, **changes):
    """Mostly radio; some rows without time, and some events, to reach several tables."""
    fields = {
        "probe": probe,
        "epoch": epoch_of(probe),
        "seq": seq,
        "schema": 1,
        "boot_id": UUID(int=3),
        "mono_ns": seq * 10**9,
        "utc": None if seq % 10 == 0 else START + timedelta(seconds=seq),
        "outcome": Outcome.OK,
        "software": "test",
    } | changes
    if seq % 25 == 0:
        return Measurement(kind="event", payload=event.Payload(name="modem_back"), **fields)
    serving = Cell(rat=Rat.LTE, rsrp_dbm=-90.0)
    return Measurement(kind="radio", payload=radio.Payload(serving=serving), **fields)


def records(probe, first, last):
    return [record(probe, seq) for seq in range(first, last + 1)]


class Site:
    """Keys, a broker, a configuration and the collector's workers; closed with everything."""

    def __init__(
        self,
        folder,
        *,
        probes=PROBES,
        workers=1,
        queued_messages=QUEUED_MESSAGES,
        store=None,
    ):
        self.folder = folder
        self.store = store or folder / "store"
        self.authority = Authority(folder / "keys")
        self.keys = folder / "keys"
        names = [COLLECTOR, *(f"{COLLECTOR}-{number}" for number in range(2, workers + 1))]
        for name in (*probes, *names):
            self.authority.client(name)
        self.broker = Broker(folder / "broker", self.authority, queued_messages=queued_messages)
        self.broker.start()
        identity = files(self.keys, COLLECTOR)
        self.config = folder / "collector.toml"
        self.config.write_text(
            f"""
            [mqtt]
            port = {self.broker.port}
            ca_file = "{self.authority.certificate}"
            cert_file = "{identity.certificate}"
            key_file = "{identity.key}"
            [store]
            folder = "{self.store}"
            [ingest]
            batch_s = 0.05
            """
        )
        self.log = folder / "collector.log"
        self._workers = {}

    def start(self, *point, worker=1, under=()):
        """Start a worker, which kills itself at `point` if one is given; `under` a tracer."""
        with self.log.open("ab") as log:
            command = [*under, sys.executable, str(CHILD), str(self.config), str(worker)]
            self._workers[worker] = subprocess.Popen(
                [*command, *map(str, point)], stdout=log, stderr=log, start_new_session=True
            )

    def died(self, timeout_s, worker=1):
        """Whether it died by itself in time."""
        try:
            self._workers[worker].wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self, worker=1):
        with suppress(ProcessLookupError):
            os.killpg(self._workers[worker].pid, signal.SIGKILL)
        self._workers[worker].wait()

    def connections(self):
        """How often a worker has come to listen to the broker."""
        return self.log.read_bytes().count(b"connected to broker")

    def rss_bytes(self, worker=1):
        pages = Path(f"/proc/{self._workers[worker].pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def rows(self):
        """The ledger."""
        with Ledger(self.store / "collector.db", read_only=True) as ledger:
            return ledger.ledger()

    def ledger(self):
        """The row of each probe, where each has one epoch."""
        return {row.probe: row for row in self.rows()}

    def recounted(self):
        """The lake, counted without believing the ledger."""
        with (
            connect("duckdb://", self.store / "lake") as tables,
            Ledger(self.store / "collector.db", read_only=True) as ledger,
        ):
            return recount(tables, ledger)

    def settled(self, made):
        """Wait until the ledger knows all that was made; its rows."""
        wait_until(
            lambda: {probe: row.made for probe, row in self.ledger().items()} == made,
            "every probe's word has arrived",
        )
        return self.ledger()

    def count(self, made):
        """Rows lost and rows doubled in the lake; the ledger has to say the same as the lake."""
        stored = Counter()
        with connect("duckdb://", self.store / "lake") as tables:
            for table in (tables.radio, tables.event):
                keys = table.select("probe", "seq").to_pyarrow().to_pylist()
                stored.update((key["probe"], key["seq"]) for key in keys)
        expected = {(probe, seq) for probe, count in made.items() for seq in range(1, count + 1)}
        assert self.recounted().differing == 0, "ledger and lake differ"
        assert set(stored) <= expected, "rows nobody made"
        lost = len(expected - set(stored))
        return {"lost": lost, "duplicates": sum(stored.values()) - len(stored)}

    def close(self):
        for worker in self._workers:
            self.kill(worker)
        self.broker.close()


def announce(delivery, made):
    """The probes say how much they have made."""
    for probe, count in made.items():
        delivery.announce(Presence(probe=probe, online=True, epoch=epoch_of(probe), made=count))
