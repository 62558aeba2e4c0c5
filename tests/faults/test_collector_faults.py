"""What happens around the collector - broker, disk, poison, crowds - and what it makes of it."""

import contextlib
import functools
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard

from collector.store.ledger import Ledger
from sim.fleet.delivery import Delivery
from tests.faults.collector_parts import (
    PROBES,
    Site,
    announce,
    epoch_of,
    epochs,
    record,
    records,
    wait_until,
)
from tests.unit.collector.probe import Probe
from wire.codec import MAX_BATCH_BYTES, MAX_DECODED_BYTES, encode_record, pack
from wire.control import batch_id

ROUNDS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "2"))
AGENTS = int(os.environ.get("DOSONG_FAULT_AGENTS", "60"))
"""The whole fault is a thousand; each costs two TLS handshakes."""
AGENTS_A_PROCESS = 250
CROWD = Path(__file__).with_name("crowd_child.py")
SEED = 25
BATCH = 20
MIB = 1 << 20
PROBE = PROBES[0]


@pytest.fixture
def site(tmp_path):
    with contextlib.closing(Site(tmp_path)) as site:
        yield site


def delivering(site, *, resend_after_s=2.0, window_batches=400, probes=PROBES):
    return Delivery(
        site.broker.port,
        site.keys,
        epochs(probes),
        window_batches=window_batches,
        resend_after_s=resend_after_s,
    )


def send(delivery, made, batches, probes=PROBES):
    """Some more batches of each probe."""
    for _ in range(batches):
        for probe in probes:
            first = made.get(probe, 0) + 1
            made[probe] = first + BATCH - 1
            delivery.send(records(probe, first, made[probe]))


def drain(site, delivery, made, tally):
    """All is acknowledged, and each row is in the lake once; how long it took is told."""
    began = time.monotonic()
    announce(delivery, made)
    delivery.drain()
    took_s = time.monotonic() - began
    for row in site.settled(made).values():
        assert (row.received, row.missing) == (row.made, 0)
    counted = site.count(made)
    tally.tried(rows=sum(made.values()), recovery_s=took_s, **counted)
    assert counted == {"lost": 0, "duplicates": 0}


@pytest.mark.fault(25)
def test_a_broker_that_forgets_everything_costs_nothing(site, tally):
    site.start()
    made = {}
    moments = random.Random(SEED)  # noqa: S311
    with delivering(site) as delivery:
        for _ in range(ROUNDS):
            send(delivery, made, 10)
            site.died(moments.uniform(0.0, 0.5))
            site.broker.kill()
            send(delivery, made, 5)
            site.broker.start()
            drain(site, delivery, made, tally)


@pytest.mark.fault(26)
def test_more_than_the_broker_keeps_for_a_collector_that_is_away(tmp_path, tally):
    with contextlib.closing(Site(tmp_path, queued_messages=100)) as site:
        site.start()
        wait_until(lambda: site.connections() == 1, "the collector has a session")
        site.kill()
        made = {}
        with delivering(site, resend_after_s=3.0) as delivery:
            send(delivery, made, 150)
            log = site.folder / "broker" / "mosquitto.log"
            wait_until(lambda: "being dropped" in log.read_text(), "the broker drops")
            site.start()
            drain(site, delivery, made, tally)
            assert sum(one.resent_batches for one in delivery.tallies().values()) > 0


@contextlib.contextmanager
def locked(database):
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


@contextlib.contextmanager
def full(disk):
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(os.urandom(1 << 16))
    yield
    ballast.unlink()


def held_back(site, delivery, made, tally, trouble):
    """Nothing is acknowledged while the trouble lasts, and the collector does not grow."""
    send(delivery, made, 2)
    delivery.drain()
    with trouble:
        before = site.rss_bytes()
        acknowledged = delivery.acknowledged
        send(delivery, made, 150)
        until = time.monotonic() + 3.0
        grown = 0
        while time.monotonic() < until:
            delivery._listen(0.1)
            grown = max(grown, site.rss_bytes() - before)
        assert delivery.acknowledged - acknowledged <= BATCH, "more than what was in hand before"
        assert grown < 96 * MIB
    drain(site, delivery, made, tally)


@pytest.mark.fault(27)
def test_a_locked_ledger_is_waited_for(site, tally):
    site.start()
    with delivering(site, resend_after_s=10.0) as delivery:
        wait_until(lambda: site.connections() == 1, "the collector listens")
        held_back(site, delivery, {}, tally, locked(site.store / "collector.db"))


@pytest.mark.fault(27)
@pytest.mark.root
def test_a_full_disk_is_waited_for(tmp_path, tally):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=True)
    try:
        with contextlib.closing(Site(tmp_path, store=disk / "store")) as site:
            site.start()
            with delivering(site, resend_after_s=10.0) as delivery:
                wait_until(lambda: site.connections() == 1, "the collector listens")
                held_back(site, delivery, {}, tally, full(disk))
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.fault(27)
@pytest.mark.timeout(180)
def test_a_disk_that_takes_its_time_delays_and_loses_nothing(site, tally):
    site.start()
    wait_until(lambda: site.connections() == 1, "the tables are made")
    site.kill()
    slow = "inject=fsync,fdatasync:delay_exit=200000"
    site.start(under=("strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", slow))
    made = {}
    with delivering(site, resend_after_s=30.0) as delivery:
        send(delivery, made, 20)
        drain(site, delivery, made, tally)


@functools.cache
def foreign_dictionary():
    samples = [encode_record(record(PROBE, seq)) for seq in range(1, 400)]
    return zstandard.train_dictionary(4096, samples, dict_id=77777)


BOMB = zstandard.ZstdCompressor(level=19).compress(bytes(MAX_DECODED_BYTES + 1))
"""Two kilobytes."""


def poisons(seq):
    """What stands in place of record `seq`, and what the quarantine has to say of it."""
    good = encode_record(record(PROBE, seq))
    unknown = zstandard.ZstdCompressor(dict_data=foreign_dictionary())
    return {
        "no zstd": (b"hello", "zstd"),
        "nothing": (b"", "zstd"),
        "cut": (pack([good])[:-3], "zstd"),
        "huge": (os.urandom(MAX_BATCH_BYTES + 1), "the limit is"),
        "bomb": (BOMB, "unpacks to more"),
        "unknown dictionary": (unknown.compress(good), "ict"),
        "NaN": (pack([good.replace(b"-90.0", b"NaN")]), "JSON is malformed"),
        "a thousand digits": (pack([good.replace(b"-90.0", b"9" * 1000)]), "out of range"),
        "deep": (pack([b'{"a":' * 40_000]), "recursion"),
        "of another probe": (pack([encode_record(record(PROBES[1], seq))]), PROBES[1]),
        "of no probe": (pack([good.replace(b'"dn-01"', b'"../../etc"')]), "probe name"),
        "of another number": (pack([encode_record(record(PROBES[1], 9999))]), PROBES[1]),
    }


@pytest.mark.fault(28)
def test_poison_is_set_aside_and_the_stream_goes_on(site, tally):
    site.start()
    wait_until(lambda: site.connections() == 1, "the collector listens")
    with contextlib.closing(Probe(site.broker, site.keys)) as probe:
        # Odd numbers are good, even ones poison.
        for seq, name in enumerate(poisons(0)):
            good, bad = 2 * seq + 1, 2 * seq + 2
            content, reason = poisons(bad)[name]
            probe.send_records(record(PROBE, good), batch=batch_id(epoch_of(PROBE), good, good))
            assert probe.ack().contiguous_seq == good, name
            probe.send(content, batch_id(epoch_of(PROBE), bad, bad))
            assert probe.ack().rejected == ((bad, bad),), name
            assert reason in newest_reason(site), name
        last = bad + 1
        probe.send_records(record(PROBE, last))
        assert probe.ack().contiguous_seq == last
    row = site.ledger()[PROBE]
    tally.tried(rows=last, lost=row.missing, corrupt=0)
    assert (row.made, row.rejected, row.missing) == (last, len(poisons(0)), 0)


def newest_reason(site):
    with Ledger(site.store / "collector.db", read_only=True) as ledger:
        return ledger.quarantine(limit=1)[0].reason


@pytest.mark.fault(29)
def test_batches_three_times_over_and_in_any_order_are_stored_once(site, tally):
    site.start()
    wait_until(lambda: site.connections() == 1, "the collector listens")
    batches = [
        (first, pack(map(encode_record, records(PROBE, first, first + BATCH - 1))))
        for first in range(1, 1001, BATCH)
    ] * 3
    random.Random(SEED).shuffle(batches)  # noqa: S311
    with contextlib.closing(Probe(site.broker, site.keys)) as probe:
        for first, content in batches:
            probe.send(content, batch_id(epoch_of(PROBE), first, first + BATCH - 1))
        wait_until(
            lambda: (
                (row := site.ledger().get(PROBE)) and row.received + row.duplicates_dropped == 3000
            ),
            "all of them were taken in",
        )
    row = site.ledger()[PROBE]
    assert (row.received, row.missing, row.duplicates_dropped) == (1000, 0, 2000)
    counted = site.count({PROBE: 1000})
    tally.tried(rows=3000, **counted)
    assert counted == {"lost": 0, "duplicates": 0}


class Crowd:
    """Many probes, in processes of a few hundred: paho waits with `select`, which ends at 1024."""

    def __init__(self, site, probes):
        size = AGENTS_A_PROCESS
        command = [sys.executable, CROWD, str(site.broker.port), str(site.keys)]
        self._processes = [
            subprocess.Popen(
                [*command, *probes[start : start + size]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for start in range(0, len(probes), size)
        ]

    def wait_for(self, word):
        for process in self._processes:
            assert process.stdout.readline() == word + "\n"

    def go_on(self):
        for process in self._processes:
            process.stdin.write("\n")
            process.stdin.flush()

    def close(self):
        for process in self._processes:
            process.kill()
            process.communicate()


@pytest.fixture
def many_files():
    """The broker needs a socket a probe, and inherits our limit."""
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


@pytest.mark.fault(31)
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("many_files")
def test_a_crowd_that_comes_back_at_once_is_served(tmp_path, tally):
    probes = [f"crowd-{number}" for number in range(AGENTS)]
    made = dict.fromkeys(probes, 2 * BATCH)
    with contextlib.closing(Site(tmp_path, probes=probes)) as site:
        site.start()
        with contextlib.closing(Crowd(site, probes)) as crowd:
            crowd.wait_for("stored")
            site.broker.kill()
            crowd.go_on()
            crowd.wait_for("sent")
            site.broker.start()
            began = time.monotonic()
            crowd.wait_for("stored")
            took_s = time.monotonic() - began
            assert all(row.missing == 0 for row in site.settled(made).values())
        counted = site.count(made)
        tally.tried(rows=sum(made.values()), recovery_s=took_s, **counted)
        assert counted == {"lost": 0, "duplicates": 0}
