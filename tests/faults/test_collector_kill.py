"""SIGKILL of the collector at every step: every accepted row is in the lake once, none is lost."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from collector.store.engine import connect
from collector.store.ledger import Ledger
from sim.broker import Broker
from sim.certificates import COLLECTOR, Authority, files
from sim.fleet.delivery import Delivery
from wire.cells import Cell, Rat
from wire.control import Presence
from wire.kinds import event, radio
from wire.messages import Measurement, Outcome

CHILD = Path(__file__).with_name("collector_child.py")
POINTS = (
    "before the lake",
    "before the flush",
    "after the lake",
    "before the ledger",
    "after the ledger",
    "before the first PUBACK",
    "after a PUBACK",
    "before the acknowledgement",
)
RANDOM_KILLS = 2
ROUND_S = 10.0
EPOCHS = {"dn-01": UUID(int=1 << 120 | 1), "dn-02": UUID(int=1 << 120 | 2)}
START = datetime(2026, 10, 31, 16, 59, tzinfo=UTC)
BATCH = 20


def record(probe, seq):
    """Mostly radio; some rows without time, and some events, to reach several tables."""
    fields = {
        "probe": probe,
        "epoch": EPOCHS[probe],
        "seq": seq,
        "schema": 1,
        "boot_id": UUID(int=3),
        "mono_ns": seq * 10**9,
        "utc": None if seq % 10 == 0 else START + timedelta(seconds=seq),
        "outcome": Outcome.OK,
        "software": "test",
    }
    if seq % 25 == 0:
        return Measurement(kind="event", payload=event.Payload(name="modem_back"), **fields)
    serving = Cell(rat=Rat.LTE, rsrp_dbm=-90.0)
    return Measurement(kind="radio", payload=radio.Payload(serving=serving), **fields)


class Killed:
    """The collector's process over its deaths."""

    def __init__(self, config: Path, log: Path):
        self._config = config
        self._log = log
        self._process = None

    def start(self, *point):
        with self._log.open("ab") as log:
            command = [sys.executable, str(CHILD), str(self._config), *map(str, point)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def wait(self, timeout_s):
        """Whether it died by itself in time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture
def authority(tmp_path):
    authority = Authority(tmp_path / "keys")
    for name in (*EPOCHS, COLLECTOR):
        authority.client(name)
    return authority


@pytest.fixture
def broker(tmp_path, authority):
    with Broker(tmp_path / "broker", authority) as broker:
        yield broker


@pytest.fixture
def config(tmp_path, authority, broker):
    keys = authority.certificate.parent
    identity = files(keys, COLLECTOR)
    file = tmp_path / "collector.toml"
    file.write_text(
        f"""
        [mqtt]
        port = {broker.port}
        ca_file = "{authority.certificate}"
        cert_file = "{identity.certificate}"
        key_file = "{identity.key}"
        [store]
        folder = "{tmp_path / "store"}"
        [ingest]
        batch_s = 0.05
        """
    )
    return file


def send_until(done, delivery):
    """Keep every probe sending, so that each kill finds something in hand; then drain."""
    made = dict.fromkeys(EPOCHS, 0)
    while not done.is_set():
        for probe in EPOCHS:
            first = made[probe] + 1
            made[probe] += BATCH
            delivery.send([record(probe, seq) for seq in range(first, first + BATCH)])
        done.wait(0.05)
    for probe, epoch in EPOCHS.items():
        presence = Presence(probe=probe, online=True, epoch=epoch, made=made[probe])
        delivery.announce(presence)
    delivery.drain()
    return made


@pytest.mark.timeout(180)
def test_killed_at_every_step_the_collector_loses_and_doubles_nothing(
    tmp_path, authority, broker, config
):
    collector = Killed(config, tmp_path / "collector.log")
    keys = authority.certificate.parent
    done = threading.Event()
    result = {}
    collector.start()
    with Delivery(
        broker.port, keys, EPOCHS.items(), window_batches=16, resend_after_s=2.0
    ) as delivery:
        sender = threading.Thread(target=lambda: result.update(send_until(done, delivery)))
        sender.start()
        try:
            for number, point in enumerate(POINTS):
                collector.kill()
                collector.start(point, 1 + number % 3)
                assert collector.wait(ROUND_S * 3), f"never came to {point}"
            for _ in range(RANDOM_KILLS):
                collector.start()
                collector.wait(random.uniform(0.8, 2.5))  # noqa: S311  # moments, no secrets
                collector.kill()
            collector.start()
        finally:
            done.set()
            sender.join(90)
    assert not sender.is_alive(), "not everything was acknowledged"
    wait_for_presence(tmp_path, result)
    collector.kill()
    check(tmp_path, result)


def wait_for_presence(tmp_path, made):
    deadline = time.monotonic() + ROUND_S
    with Ledger(tmp_path / "store" / "collector.db", read_only=True) as ledger:
        while len(ledger.presence()) < len(made):
            assert time.monotonic() < deadline, "the presence never came"
            time.sleep(0.05)


def check(tmp_path, made):
    with Ledger(tmp_path / "store" / "collector.db", read_only=True) as ledger:
        rows = {row.probe: row for row in ledger.ledger()}
    assert {probe: row.made for probe, row in rows.items()} == made
    assert all(row.missing == 0 and row.received == row.made for row in rows.values())
    stored = Counter()
    with connect("duckdb://", tmp_path / "store" / "lake") as tables:
        for table in (tables.radio, tables.event):
            keys = table.select("probe", "seq").to_pyarrow().to_pylist()
            stored.update((key["probe"], key["seq"]) for key in keys)
    expected = {(probe, seq) for probe, count in made.items() for seq in range(1, count + 1)}
    assert set(stored) == expected, "rows are lost"
    assert set(stored.values()) == {1}, "rows are there twice"
