"""Fault 16: somebody reads the outbox's file and never ends."""

import subprocess
import sys

import pytest

from agent.outbox import log_watch, wal
from tests.faults.outboxes import Rows, details, numbers, stored, wait_until

READER = """
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, isolation_level=None)
db.execute("BEGIN")
print(db.execute("SELECT count(*) FROM outbox").fetchone(), flush=True)
sys.stdin.read()
"""
ALARM_BYTES = 2 << 20
MOST_BYTES = 4 << 20


@pytest.fixture
def read_for_ever():
    """Begin to read in another process; it ends when it is told to."""
    processes = []

    def begin(path):
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(reader)
        reader.stdout.readline()
        return reader

    yield begin
    for process in processes:
        process.communicate()


@pytest.mark.fault(16)
def test_a_reader_that_never_ends_is_named_and_the_log_stays_bounded(
    tmp_path, tally, read_for_ever, monkeypatch
):
    monkeypatch.setattr(log_watch, "ALARM_BYTES", ALARM_BYTES)
    path = tmp_path / "outbox.db"
    with Rows(path, log_bytes=MOST_BYTES, memory_rows=2000) as rows:
        rows.add(100)
        rows.promise()
        reader = read_for_ever(path)
        while not rows.outbox.stats().failing:
            rows.add(500)
            wait_until(
                lambda: rows.outbox.stats().waiting < 1000 or rows.outbox.stats().failing, "room"
            )
        (stuck,) = details(stored(path), "outbox_reader_stuck")
        assert str(reader.pid) in stuck["readers"]
        rows.add(5000)
        longest_bytes = wal.length(path)
        reader.communicate()
        recovery_s = wait_until(lambda: not rows.outbox.stats().failing, "it goes on")
        wait_until(lambda: rows.outbox.stats().waiting == 0, "all is stored")
        rows.promise()
        wait_until(lambda: details(stored(path), "outbox_reader_gone"), "and says so")
        assert wal.length(path) <= 2 * wal.LENGTH_BYTES
    left = stored(path)
    thinned = sum(detail["count"] for detail in details(left, "outbox_thinned"))
    lost = len(rows.accepted) - len(numbers(left)) - thinned
    tally.tried(rows=len(rows.accepted), lost=lost, duplicates=0, recovery_s=recovery_s)
    assert lost == 0
    assert longest_bytes < MOST_BYTES + (1 << 20), "one more commit at most"
