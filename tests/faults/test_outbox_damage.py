"""Faults 14 and 15: the outbox's file is damaged at rest, or the files beside it are deleted."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.outbox.wal import PAGE_BYTES
from tests.faults.outboxes import Rows, details, numbers, stored, wait_until

WRITER = Path(__file__).with_name("outbox_writer.py")
ROWS = 2000
OTHERS = 1_000_000
"""Rows of the next start are numbered from here on."""
DELIVERED = 100
ROUNDS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "3"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


def filled(path, **options):
    """A file with rows, some of which were delivered; the rows that are left in it."""
    with Rows(path, **options) as rows:
        rows.add(ROWS)
        rows.promise()
        rows.acknowledge(rows.give_out(max_rows=DELIVERED)[-1].seq)
        left = ROWS + 1 - DELIVERED
        wait_until(lambda: rows.outbox.stats().rows == left, "it forgets")
    return numbers(stored(path))


def hit(path, *, first_byte, size, chance=random):
    with path.open("r+b") as file:
        file.seek(first_byte)
        file.write(chance.randbytes(size))


def after_next_start(path, event, **options):
    """The rows of before, what the event says, and how long it took until rows were stored."""
    began_s = time.monotonic()
    with Rows(path, first_number=OTHERS, **options) as rows:
        rows.promise()
        took_s = time.monotonic() - began_s
        wait_until(lambda: details(stored(path), event), "it says so")
    left = stored(path)
    (detail,) = details(left, event)
    assert len({record.epoch for record in left}) == 1
    assert [record.seq for record in left] == list(range(1, len(left) + 1))
    return {number for number in numbers(left) if number < OTHERS}, detail, took_s


@pytest.mark.fault(14)
@pytest.mark.parametrize("size", [1, 16])
def test_a_stray_write_at_the_beginning_costs_no_row(path, tally, size):
    before = filled(path)
    hit(path, first_byte=0, size=size)
    kept, detail, took_s = after_next_start(path, "outbox_renewed")
    tally.tried(rows=len(before), lost=len(before - kept), duplicates=0, recovery_s=took_s)
    assert kept == before
    assert (detail["salvaged"], detail["unaccounted"]) == (len(before), 0)
    assert path.with_name(detail["kept_as"]).exists()


@pytest.mark.fault(14)
@pytest.mark.timeout(30 + 3 * ROUNDS)
def test_what_damaged_pages_leave_is_salvaged_and_the_rest_is_counted(path, tally):
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311  # a test's dice; a failure shows the seed
    for _ in range(ROUNDS):
        before = filled(path)
        pages = path.stat().st_size // PAGE_BYTES
        page = chance.randrange(pages // 4, pages * 3 // 4)
        hit(path, first_byte=page * PAGE_BYTES, size=3 * PAGE_BYTES, chance=chance)
        kept, detail, took_s = after_next_start(path, "outbox_renewed")
        uncounted = len(before - kept) - detail["unaccounted"]
        tally.tried(rows=len(before), lost=uncounted, duplicates=0, recovery_s=took_s)
        assert kept <= before, f"rows that were delivered came back (seed {seed})"
        assert uncounted == 0, f"seed {seed}"
        assert detail["salvaged"] == len(kept)
        assert len(kept) > len(before) // 2, f"seed {seed}"
        path.unlink()


@pytest.mark.fault(14)
def test_a_file_of_rubbish_is_set_aside(path, tally):
    before = filled(path)
    hit(path, first_byte=0, size=path.stat().st_size)
    kept, detail, took_s = after_next_start(path, "outbox_renewed")
    tally.tried(rows=len(before), corrupt=0, recovery_s=took_s)
    assert kept == set()
    assert detail["salvaged"] == 0
    assert detail["unaccounted"] is None, "nobody knows any more"


def killed_with_a_log(path):
    """Leave a file with its log, as a crash does; the numbers that were promised."""
    writer = subprocess.Popen(
        [sys.executable, WRITER, path, "0"], stdout=subprocess.PIPE, text=True
    )
    told = [writer.stdout.readline().split() for _ in range(100)]
    writer.kill()
    writer.communicate()
    return {int(number) for _, number in told}


@pytest.mark.fault(15)
def test_a_deleted_index_costs_nothing(path, tally):
    promised = killed_with_a_log(path)
    path.with_name(path.name + "-shm").unlink()
    with Rows(path, first_number=OTHERS) as rows:
        rows.promise()
    kept = numbers(stored(path))
    tally.tried(rows=len(promised), lost=len(promised - kept), duplicates=0)
    assert promised <= kept


@pytest.mark.fault(15)
def test_a_deleted_log_is_noticed_and_no_number_is_used_again(path, tmp_path, tally):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    with Rows(path, run_dir=run_dir) as rows:
        rows.add(500)
        rows.promise()
    folded = path.read_bytes()
    with Rows(path, run_dir=run_dir, first_number=1000) as rows:
        rows.add(200)
        rows.promise()
        before = stored(path)
        made, epoch = rows.outbox.made, rows.outbox.epoch
    path.write_bytes(folded)  # as it was when the log held the rest
    kept, detail, took_s = after_next_start(path, "epoch_conflict", run_dir=run_dir)
    there = {number for number in kept if number < 1000}
    tally.tried(rows=501, lost=501 - len(there), duplicates=0, recovery_s=took_s)
    assert there == set(range(501))
    assert detail == {"epoch": str(epoch), "made": 501, "promised_seq": made}
    assert len(before) - 501 == made - 501
