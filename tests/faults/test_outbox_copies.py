"""Fault 17: an older copy of the outbox's file is put back, and goes on counting."""

import shutil

import pytest

from agent.outbox import Carried, OutboxWithheldError
from tests.faults.outboxes import Rows, details, numbers, stored, wait_until

COPIED = 500
OTHERS = 1_000_000


class Collector:
    """Stores by key as the real one does, and answers with what it has and what collides."""

    def __init__(self):
        self.rows = {}

    def hear(self, rows, batch):
        """Store a batch of one outbox and let its acknowledgement reach the outbox."""
        conflicts = []
        for record in batch:
            known = self.rows.setdefault((record.epoch, record.seq), record)
            if known != record:
                conflicts.append((record.seq, record.seq))
        self.answer(rows, conflicts=tuple(conflicts))

    def answer(self, rows, **fields):
        epoch = rows.outbox.epoch
        contiguous = 0
        while (epoch, contiguous + 1) in self.rows:
            contiguous += 1
        stored = tuple((seq, seq) for each, seq in self.rows if each == epoch and seq > contiguous)
        rows.acknowledge(contiguous, stored=stored, **fields)

    @property
    def numbers(self):
        return numbers(self.rows.values())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def collector():
    return Collector()


@pytest.fixture
def copy(path, tmp_path, collector):
    """A file of before, put back after 1000 rows and more were delivered in its epoch."""
    backup = tmp_path / "backup"

    def copy(delivered):
        with Rows(path) as rows:
            rows.add(COPIED - 1)
            rows.promise()
            collector.hear(rows, rows.give_out(max_rows=COPIED - 20))
            wait_until(lambda: rows.outbox.stats().rows == 20, "it forgets")
        shutil.copy(path, backup)
        with Rows(path, first_number=COPIED) as rows:
            rows.add(delivered - COPIED - 1)
            rows.promise()
            deliver(rows, collector)
        shutil.copy(backup, path)
        return rows.outbox.epoch

    copy.path = path
    return copy


def deliver(rows, collector, max_rows=5000):
    """Batch after batch until nothing is left."""

    def step():
        try:
            batch = rows.give_out(max_rows=max_rows)
        except OutboxWithheldError:
            return False
        if batch:
            collector.hear(rows, batch)
        return rows.outbox.stats().rows == 0

    wait_until(step, "all is delivered")


@pytest.mark.fault(17)
@pytest.mark.parametrize("made_offline", [10, 300, 1500], ids=["behind", "a little", "far beyond"])
@pytest.mark.parametrize("batch_rows", [30, 5000])
def test_a_restored_copy_loses_none_of_its_own_rows(
    copy, collector, tally, made_offline, batch_rows
):
    old, path = copy(delivered=1000), copy.path
    for first_number in (OTHERS, 2 * OTHERS):  # what was made before a start is as new as the rest
        with Rows(path, first_number=first_number) as rows:
            rows.add(made_offline - 1)
            rows.promise()
    with Rows(path, first_number=3 * OTHERS) as rows:
        # What it says of the first batch may be about rows of somebody else up to 1000.
        deliver(rows, collector, max_rows=batch_rows)
        rows.promise()
        deliver(rows, collector, max_rows=batch_rows)
        assert rows.outbox.epoch != old
    own = {each + number for each in (OTHERS, 2 * OTHERS) for number in range(made_offline)}
    expected = set(range(1000)) | own | {3 * OTHERS}
    reasons = [record.reason for record in collector.rows.values() if record.kind == "radio"]
    again = len(reasons) - len(set(reasons))
    tally.tried(rows=len(expected), lost=len(expected - {int(each) for each in reasons}))
    assert {int(reason) for reason in reasons} == expected
    assert again <= 20, "only what was under way when the copy was made has two keys"


@pytest.mark.fault(17)
def test_an_answer_to_the_first_batch_deletes_no_foreign_row_of_the_next(
    path, copy, collector, tally
):
    copy(delivered=1000)
    with Rows(path, first_number=OTHERS) as rows:
        rows.add(999)
        rows.promise()
        assert len(rows.give_out(max_rows=20)) == 20, "of those the copy was made with"
        (first, *_) = batch = rows.give_out(after=COPIED, max_rows=10)
        assert (first.seq, len(batch)) == (COPIED + 1, 10)
        with pytest.raises(OutboxWithheldError):
            rows.give_out(after=batch[-1].seq)
        collector.answer(rows)  # to what was sent by the one who had the number before
        wait_until(lambda: details(stored(path), "epoch_conflict"), "it notices")
        kept = rows.outbox.stats().rows
    assert kept == 20 + 1000 + 1
    tally.tried(rows=1020, lost=1021 - kept)


@pytest.mark.fault(17)
def test_a_file_that_is_no_copy_is_trusted_after_the_first_answer(path, collector, tally):
    with Rows(path) as rows:
        rows.add(99)
        rows.promise()
        deliver(rows, collector)
        epoch = rows.outbox.epoch
    with Rows(path, first_number=OTHERS) as rows:
        rows.add(999)
        rows.promise()
        deliver(rows, collector, max_rows=10)
        assert rows.outbox.epoch == epoch
    tally.tried(rows=1100, lost=1100 - len(collector.numbers), duplicates=0)
    assert len(collector.numbers) == 1100


@pytest.mark.fault(17)
def test_rows_that_were_carried_by_hand_are_no_surprise(path, collector, tally):
    with Rows(path) as rows:
        rows.add(99)
        rows.promise()
        epoch = rows.outbox.epoch
    with Rows(path, first_number=OTHERS) as rows:
        Carried(path).note(epoch, 100)
        for record in stored(path):
            collector.rows[(record.epoch, record.seq)] = record
        collector.answer(rows)
        rows.promise()
        deliver(rows, collector)
        assert rows.outbox.epoch == epoch
    tally.tried(rows=101, lost=101 - len(collector.numbers), duplicates=0)
    assert len(collector.numbers) == 101


@pytest.mark.fault(17)
def test_a_copy_put_back_within_one_boot_is_noticed_when_it_is_opened(path, tmp_path, tally):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    with Rows(path, run_dir=run_dir) as rows:
        rows.add(99)
        rows.promise()
    shutil.copy(path, tmp_path / "backup")
    with Rows(path, run_dir=run_dir, first_number=100) as rows:
        rows.add(99)
        rows.promise()
        epoch = rows.outbox.epoch
    shutil.copy(tmp_path / "backup", path)
    with Rows(path, run_dir=run_dir, first_number=200) as rows:
        rows.promise()
        assert rows.outbox.epoch != epoch
    (detail,) = details(stored(path), "epoch_conflict")
    tally.tried(rows=101, lost=101 - len(numbers(stored(path))), duplicates=0)
    assert detail == {"epoch": str(epoch), "made": 100, "promised_seq": 200}
