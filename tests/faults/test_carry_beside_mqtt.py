"""The same records by MQTT and by hand, in any order and at once: each is stored once."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from agent.cli import main
from agent.clock import Clock
from agent.outbox.file import OutboxFile
from agent.recorder import Envelope
from collector.store.engine import connect
from collector.store.ledger import Ledger
from sim.broker import Broker
from sim.certificates import COLLECTOR, Authority, files
from sim.parts import Part, find_command
from wire.kinds import radio
from wire.messages import Position

CHILD = Path(__file__).with_name("collector_child.py")
PROBE = "dn-01"
PLENTY = 1 << 40
STEPS = 2 * int(os.environ.get("DOSONG_FAULT_ROUNDS", "2"))
DEADLINE_S = 60.0


@pytest.fixture
def authority(tmp_path):
    authority = Authority(tmp_path / "keys")
    for name in (PROBE, COLLECTOR):
        authority.client(name)
    return authority


@pytest.fixture
def broker(tmp_path, authority):
    with Broker(tmp_path / "broker", authority) as broker:
        yield broker


class Field:
    """A probe, a stick and a collector."""

    def __init__(self, folder, authority, broker):
        self.folder = folder
        self.stick = folder / "stick"
        self.outbox = folder / "state" / "outbox.db"
        self.outbox.parent.mkdir()
        keys = authority.certificate.parent
        self._probe = folder / "probe.toml"
        self._probe.write_text(
            f"""
            probe = "{PROBE}"
            state_dir = "state"
            run_dir = "run"
            [uplink]
            host = "localhost"
            port = {broker.port}
            ca = "{authority.certificate}"
            cert = "{keys / PROBE}.crt"
            key = "{keys / PROBE}.key"
            """
        )
        identity = files(keys, COLLECTOR)
        self.collector = folder / "collector.toml"
        self.collector.write_text(
            f"""
            [mqtt]
            port = {broker.port}
            ca_file = "{authority.certificate}"
            cert_file = "{identity.certificate}"
            key_file = "{identity.key}"
            [store]
            folder = "store"
            [ingest]
            batch_s = 0.05
            batch_rows = 150
            """
        )
        self._envelope = Envelope(
            probe=PROBE, software="test", stamp=Clock().stamp, position=Position
        )

    def measure(self, rows):
        with closing(OutboxFile(self.outbox)) as file:
            records = [
                self._envelope.around("radio", radio.Payload(temperature_c=float(number)))
                for number in range(rows)
            ]
            file.write(records, cap_bytes=PLENTY, on_drop=None)

    def export(self):
        assert main(["export", "--to", str(self.stick), "--config", str(self._probe)]) == 0

    def deliver(self, within_s):
        """Whether the outbox is empty then."""
        command = ["deliver", "--within", str(within_s), "--config", str(self._probe)]
        return main([*command, "--json"]) == 0

    def begin_import(self):
        """`dosong-collector import` in a process of its own."""
        program = find_command("dosong-collector")
        command = [program, "import", self.stick, "--json", "--config", self.collector]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    def ledger(self):
        with Ledger(self.folder / "store" / "collector.db", read_only=True) as ledger:
            [row] = ledger.ledger(PROBE)
        return row

    def stored(self):
        with connect("duckdb://", self.folder / "store" / "lake") as tables:
            keys = [
                key
                for table in (tables.radio, tables.event)
                for key in table.select("epoch", "seq").to_pyarrow().to_pylist()
            ]
        return Counter((key["epoch"], key["seq"]) for key in keys)


@pytest.fixture
def field(tmp_path, authority, broker):
    field = Field(tmp_path, authority, broker)
    command = [sys.executable, str(CHILD), str(field.collector), "1"]
    with Part("collector", command, log=tmp_path / "collector.log"):
        yield field


def imported(process):
    answer, _ = process.communicate(timeout=DEADLINE_S)
    told = json.loads(answer)
    assert (process.returncode, told["rejected"], told["problems"]) == (0, 0, [])
    return told


@pytest.mark.fault(29)
@pytest.mark.timeout(180)
def test_by_mqtt_and_by_hand_in_any_order_each_row_is_stored_once(field, tally, capsys):
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311  # a test's dice; a failure shows the seed
    twice = 0
    for _ in range(STEPS):
        field.measure(chance.randrange(1, 400))
        if chance.random() < 0.7:
            field.export()
        if field.stick.exists():
            importing = field.begin_import()
            if chance.random() < 0.7:
                field.deliver(chance.uniform(0.2, 2.0))
            twice += imported(importing)["duplicates"]
    field.measure(10)
    field.export()
    imported(field.begin_import())
    assert imported(field.begin_import())["new"] == 0
    assert field.deliver(DEADLINE_S), seed
    capsys.readouterr()
    row, counts = field.ledger(), field.stored()
    lost = row.made - len(counts)
    duplicates = sum(counts.values()) - len(counts)
    tally.tried(rows=row.made, lost=lost, duplicates=duplicates, corrupt=row.rejected)
    assert (lost, duplicates, row.rejected, row.missing) == (0, 0, 0, 0), seed
    assert row.received == row.made, seed
    assert row.duplicates_dropped >= max(1, twice), seed
    assert {epoch for epoch, _ in counts} == {row.epoch}, seed
