"""Faults 11, 12 and 13: the disk turns read-only, answers with errors, or takes seconds."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.outbox import OutboxFile
from sim.disk import Disk
from tests.faults.outboxes import Rows, count_of, details, numbers, stored, wait_until

WRITER = Path(__file__).with_name("outbox_writer.py")
DEADLINE_S = 30.0


@pytest.mark.root
@pytest.mark.fault(11)
def test_a_disk_that_turned_read_only_is_waited_for(tmp_path, tally):
    with Disk(tmp_path, options="errors=remount-ro") as disk:
        path = disk.path / "state" / "outbox.db"
        path.parent.mkdir()  # not there while the disk is checked
        with Rows(path, memory_rows=1000) as rows:
            rows.add(500)
            rows.promise()
            disk.fail()
            rows.add(5000)
            wait_until(lambda: rows.outbox.stats().failing, "it says so")
            assert rows.outbox.stats().waiting <= 1000
            disk.repair()
            recovery_s = wait_until(lambda: rows.outbox.stats().failing is None, "it recovers")
            rows.promise()
        left = stored(path)
        kept = numbers(left)
        lost = len(rows.accepted) - len(kept) - count_of(left, "outbox_thinned")
        tally.tried(rows=len(rows.accepted), lost=lost, duplicates=0, recovery_s=recovery_s)
        assert lost == 0
        assert rows.promised.keys() <= kept
        assert details(left, "outbox_recovered")
        assert not details(left, "outbox_renewed"), "the file was good"


class Writer:
    """The writer, under strace, which makes the kernel answer otherwise."""

    def __init__(self, path, first_number, inject, *rate):
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "--inject", inject]
        arguments = [sys.executable, WRITER, path, str(first_number), *rate]
        self._process = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def read(self, count):
        """So many lines, as numbers."""
        return [tuple(map(int, self._process.stdout.readline().split())) for _ in range(count)]

    def kill(self):
        """End it; what it had still said."""
        os.killpg(self._process.pid, signal.SIGKILL)
        rest, _ = self._process.communicate(timeout=DEADLINE_S)
        lines = rest.splitlines(keepends=True)
        return [tuple(map(int, line.split())) for line in lines if line.endswith("\n")]


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("call", "errors"),
    [
        ("fdatasync", "100+37"),
        ("fdatasync", "150..170"),
        ("pwrite64", "500+997"),
        ("pwrite64", "500..520"),
    ],
)
def test_an_error_of_the_disk_breaks_no_promise_and_doubles_no_row(tmp_path, tally, call, errors):
    path = tmp_path / "outbox.db"
    writer = Writer(path, 0, f"{call}:error=EIO:when={errors}")
    try:
        promises = writer.read(200)
    finally:
        promises += writer.kill()
    promised = dict(promises)
    assert len(promised) == len(promises), "a seq was promised twice"
    file = OutboxFile(path)
    epoch = file.epoch
    file.close()
    left = stored(path)
    assert {record.epoch for record in left} == {epoch}
    there = {record.seq: int(record.reason) for record in left if record.kind != "event"}
    kept = numbers(left)
    last = max(promised.values())
    lost = len(set(range(last + 1)) - kept)
    tally.tried(rows=last + 1, lost=lost, duplicates=0)
    assert lost == 0, "rows handed over before the last promise"
    assert {seq: there.get(seq) for seq in promised} == promised
    assert details(left, "outbox_recovered"), "there was an error at all"


@pytest.mark.alone
@pytest.mark.fault(13)
def test_a_disk_that_takes_seconds_keeps_nobody_waiting(tmp_path, tally):
    path = tmp_path / "outbox.db"
    rows_per_s = 200
    started_s = time.monotonic()
    writer = Writer(path, 0, "fdatasync:delay_exit=2000000:when=10+1", str(rows_per_s))
    try:
        told = writer.read(6 * rows_per_s)
    finally:
        told += writer.kill()
    took_s = time.monotonic() - started_s
    handed_over, longest_us = told[-1]
    left = stored(path)
    kept = sorted(numbers(left))
    tally.tried(rows=len(kept), lost=0, duplicates=0)
    assert longest_us < 100_000, "append does not wait for the disk"
    assert handed_over >= 6 * rows_per_s - 1
    assert kept == list(range(len(kept))), "no hole"
    assert 0 < len(kept) < handed_over, "the disk was slow"
    assert took_s < DEADLINE_S
