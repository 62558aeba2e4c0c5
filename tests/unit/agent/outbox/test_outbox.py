import sqlite3
from contextlib import contextmanager
from uuid import UUID

import msgspec
import pytest

from agent.outbox import (
    Limits,
    Outbox,
    OutboxError,
    OutboxFile,
    OutboxFullError,
    OutboxTimeoutError,
    OutboxWithheldError,
)
from wire.codec import decode_record
from wire.control import Ack

DEADLINE_S = 20.0
PLENTY = {"max_rows": 10_000, "max_bytes": 1 << 24}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def start(path, envelope, supervise):
    """Start an outbox that commits quickly; stops with the test."""

    def start(**limits):
        outbox = Outbox(
            path,
            make_event=envelope.event,
            limits=Limits(**({"commit_s": 0.02} | limits)),
            delay_s=lambda _failures: 0.05,
        )
        supervisor = supervise(outbox.worker())
        return outbox, supervisor

    return start


def records(outbox, after=0):
    batch = outbox.batch(after, **PLENTY)
    return [] if batch is None else [decode_record(row.line) for row in batch.rows]


def acknowledge(outbox, contiguous=0, *, epoch=None, **fields):
    ack = Ack(probe="dn-01", epoch=epoch or outbox.epoch, contiguous_seq=contiguous, **fields)
    outbox.acknowledge(ack)


def events(outbox, name):
    return [
        record.payload.detail
        for record in records(outbox)
        if record.kind == "event" and record.payload.name == name
    ]


def test_a_promise_has_a_number(start, make):
    outbox, _ = start()
    assert [outbox.append_and_wait(make(), DEADLINE_S) for _ in range(3)] == [1, 2, 3]
    assert [record.seq for record in records(outbox)] == [1, 2, 3]


def test_records_of_a_second_are_one_commit(start, make, monkeypatch):
    commits = []
    write = OutboxFile.write

    def counted(self, records, **options):
        commits.append(len(records))
        write(self, records, **options)

    monkeypatch.setattr(OutboxFile, "write", counted)
    outbox, _ = start(commit_s=0.5)
    for number in range(50):
        assert outbox.append(make("radio", number))
    outbox.append_and_wait(make(), DEADLINE_S)
    assert commits == [51]


def test_what_was_handed_over_is_committed_at_the_end(start, make, path):
    outbox, supervisor = start(commit_s=30.0)
    for number in range(150):
        outbox.append(make("radio", number))
    assert supervisor.stop(DEADLINE_S) == ()
    file = OutboxFile(path)
    assert file.made == 150
    file.close()


def test_only_what_was_given_out_can_be_acknowledged(start, make, until):
    outbox, _ = start()
    for _ in range(5):
        outbox.append_and_wait(make(), DEADLINE_S)
    outbox.batch(0, max_rows=2, max_bytes=1 << 20)
    acknowledge(outbox, 5)
    until(lambda: outbox.stats().rows == 3, "two rows are gone")
    assert [record.seq for record in records(outbox)] == [3, 4, 5]


def test_an_acknowledgement_of_a_foreign_epoch_is_ignored(start, make):
    outbox, _ = start()
    outbox.append_and_wait(make(), DEADLINE_S)
    records(outbox)
    acknowledge(outbox, 1, epoch=UUID(int=9))
    assert [record.seq for record in records(outbox)] == [1]


@pytest.mark.parametrize("sender", [None, UUID(int=7)])
def test_an_older_copy_of_the_file_begins_a_new_epoch_and_loses_nothing(start, make, until, sender):
    outbox, _ = start()
    for number in range(4):
        outbox.append_and_wait(make("radio", number), DEADLINE_S)
    old = outbox.epoch
    assert len(records(outbox)) == 4
    acknowledge(outbox, 900, sender=sender)
    until(lambda: outbox.epoch != old, "a new epoch")
    until(lambda: outbox.made == 5, "and the event")
    kept = records(outbox)
    assert [record.seq for record in kept] == [1, 2, 3, 4, 5]
    assert [record.payload.temperature_c for record in kept[:4]] == [0, 1, 2, 3]
    assert events(outbox, "epoch_conflict") == [
        {"epoch": str(old), "made": 4, "acknowledged_seq": 900}
    ]


def test_an_answer_that_tells_of_other_rows_begins_a_new_epoch_and_deletes_nothing(
    start, make, until
):
    outbox, _ = start()
    for number in range(4):
        outbox.append_and_wait(make("radio", number), DEADLINE_S)
    old = outbox.epoch
    assert len(records(outbox)) == 4
    acknowledge(outbox, 2, conflicts=((3, 3),))
    until(lambda: outbox.epoch != old and outbox.made == 5, "a new epoch, and the event")
    kept = [record.payload.temperature_c for record in records(outbox) if record.kind == "radio"]
    assert kept == [0, 1, 2, 3]


def test_what_is_stored_by_an_answer_to_this_probe_alone_is_not_numbered_anew(start, make, until):
    outbox, _ = start()
    for number in range(4):
        outbox.append_and_wait(make("radio", number), DEADLINE_S)
    old = outbox.epoch
    assert len(records(outbox)) == 4
    acknowledge(outbox, 0, stored=((1, 2),), conflicts=((3, 3),), sender=UUID(int=7))
    until(lambda: outbox.epoch != old and outbox.made == 3, "a new epoch, and the event")
    kept = [record.payload.temperature_c for record in records(outbox) if record.kind == "radio"]
    assert kept == [2, 3]


def test_an_answer_deletes_nothing_in_an_epoch_that_began_after_it(start, make, until, monkeypatch):
    outbox, _ = start()
    for number in range(4):
        outbox.append_and_wait(make("radio", number), DEADLINE_S)
    old = outbox.epoch
    assert len(records(outbox)) == 4
    commit = OutboxFile.transaction

    @contextmanager
    def unclear(self):
        epoch = self.epoch
        with commit(self):
            yield
        if self.epoch != epoch and not self._db.conn.in_transaction:
            monkeypatch.setattr(OutboxFile, "transaction", commit)
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error

    monkeypatch.setattr(OutboxFile, "transaction", unclear)
    acknowledge(outbox, 0, stored=((1, 2),), conflicts=((3, 3),), sender=UUID(int=7))
    until(lambda: outbox.epoch != old, "the file is open again, in a new epoch")
    last = outbox.append_and_wait(make("radio", 4), DEADLINE_S)
    assert outbox.stats().rows == last == 3


def test_rows_wait_for_the_first_answer_after_a_start(start, make, until):
    outbox, supervisor = start()
    for number in range(4):
        outbox.append_and_wait(make("radio", number), DEADLINE_S)
    assert supervisor.stop(DEADLINE_S) == ()
    outbox, _ = start()
    trial = outbox.batch(0, max_rows=2, max_bytes=1 << 20)
    assert [row.seq for row in trial.rows] == [1, 2]
    with pytest.raises(OutboxWithheldError):
        outbox.batch(2, **PLENTY)
    assert outbox.batch(0, max_rows=1, max_bytes=1 << 20) is not None, "what was given out is again"
    acknowledge(outbox, 2)
    until(lambda: outbox.stats().rows == 2, "the answer is heard")
    assert [row.seq for row in outbox.batch(2, **PLENTY).rows] == [3, 4]


def test_a_corrupt_file_is_set_aside_and_reported(start, make, path, until):
    path.write_bytes(b"\x10QLite format 3\0" + b"x" * 8000)
    outbox, _ = start()
    until(lambda: outbox.stats().rows, "the event is there")
    assert outbox.append_and_wait(make(), DEADLINE_S) == 2
    assert path.with_name("outbox.db.corrupt-1").read_bytes()[:1] == b"\x10"
    (detail,) = events(outbox, "outbox_renewed")
    assert detail["kept_as"] == "outbox.db.corrupt-1"


def test_only_some_corrupt_files_are_kept(start, make, path):
    for number in range(1, 6):
        path.with_name(f"outbox.db.corrupt-{number}").write_text(str(number))
    path.write_bytes(b"no database at all, of some length" * 50)
    outbox, _ = start()
    outbox.append_and_wait(make(), DEADLINE_S)
    names = sorted(file.name for file in path.parent.glob("*.corrupt-*"))
    assert names == ["outbox.db.corrupt-4", "outbox.db.corrupt-5", "outbox.db.corrupt-6"]


def test_a_full_disk_keeps_records_in_memory_and_recovers(start, make, until):
    outbox, _ = start(memory_rows=100)
    outbox.append_and_wait(make(), DEADLINE_S)
    # SQLite's own page limit answers as a full disk does: "database or disk is full".
    limit = outbox._ask(
        lambda file: file._scalar(f"PRAGMA max_page_count={file._scalar('PRAGMA page_count')}"),
        "limited itself",
        DEADLINE_S,
    )
    assert limit
    for number in range(60):
        assert outbox.append(make("radio", number))
    until(lambda: outbox.stats().failing, "it fails")
    assert outbox.stats().failing == "OperationalError: database or disk is full"
    assert records(outbox), "what is stored can still be delivered"
    outbox._ask(lambda file: file._scalar("PRAGMA max_page_count=100000"), "grown", DEADLINE_S)
    until(lambda: outbox.made >= 62, "all are stored, and the recovery")
    assert outbox.stats().failing is None
    numbers = [r.payload.temperature_c for r in records(outbox) if r.kind == "radio"]
    assert numbers == [0, *range(60)]
    assert events(outbox, "outbox_recovered")[0]["reason"].endswith("disk is full")


def test_memory_is_bounded_and_what_matters_less_makes_room(start, make):
    outbox, supervisor = start(memory_rows=10, commit_s=30.0, commit_rows=1000)
    for number in range(9):
        assert outbox.append(make("status", number))
    assert outbox.append(make("throughput"))
    assert not outbox.append(make("radio"))
    assert outbox.append(make("event", 1))
    stats = outbox.stats()
    assert (stats.waiting, stats.refused, stats.left_out) == (10, 1, 1)
    assert supervisor.stop(DEADLINE_S) == ()


def test_a_refused_record_is_reported_later(start, make, until):
    outbox, _ = start(memory_rows=2, commit_s=0.2)
    assert [outbox.append(make("event")) for _ in range(3)] == [True, True, False]
    until(lambda: outbox.made == 3, "two records and a report")
    assert events(outbox, "outbox_refused") == [{"count": 1}]


def test_radio_rows_are_thinned_out_and_each_is_accounted_for(start, make, until):
    outbox, _ = start(memory_rows=50, commit_s=0.5, commit_rows=10_000)
    given = [
        msgspec.structs.replace(make("radio", number), mono_ns=number * 1_000_000_000)
        for number in range(180)
    ]
    assert all(outbox.append(record) for record in given)
    assert outbox.stats().waiting <= 50
    until(lambda: outbox.made, "the commit")
    kept = [record for record in records(outbox) if record.kind == "radio"]
    (told,) = events(outbox, "outbox_thinned")
    assert len(kept) + told["count"] == len(given)
    missing = sorted({each.mono_ns for each in given} - {each.mono_ns for each in kept})
    assert (told["first_mono_ns"], told["last_mono_ns"]) == (missing[0], missing[-1])
    assert told["kinds"] == "radio"


def test_a_promise_that_finds_no_room_is_an_error(path, envelope, make):
    outbox = Outbox(path, make_event=envelope.event, limits=Limits(memory_rows=1))
    assert outbox.append(make("radio"))
    with pytest.raises(OutboxFullError):
        outbox.append_and_wait(make("radio"), DEADLINE_S)


def test_a_record_that_is_no_json_is_refused_at_the_door(start, make, caplog):
    outbox, _ = start()
    assert not outbox.append(msgspec.structs.replace(make(), payload=object()))
    assert outbox.append_and_wait(make(), DEADLINE_S) <= 2
    assert outbox.stats().refused == 1
    assert "cannot be written as JSON" in caplog.text


def test_an_io_error_is_no_promise_and_loses_nothing(start, make, until, monkeypatch):
    outbox, _ = start()
    outbox.append_and_wait(make("radio", 0), DEADLINE_S)
    write = OutboxFile.write
    failures = []

    def failing(self, records, **options):
        if len(failures) < 3:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            failures.append(error)
            if len(failures) == 2:
                write(self, records, **options)  # it was written after all
            raise error
        write(self, records, **options)

    monkeypatch.setattr(OutboxFile, "write", failing)
    assert outbox.append_and_wait(make("radio", 1), DEADLINE_S) == 2
    until(lambda: outbox.stats().failing is None, "it recovers")
    assert outbox.append_and_wait(make("radio", 2), DEADLINE_S) >= 3
    numbers = [r.payload.temperature_c for r in records(outbox) if r.kind == "radio"]
    assert numbers == [0, 1, 2]


def test_without_its_thread_the_outbox_says_so_in_time(path, envelope, make):
    outbox = Outbox(path, make_event=envelope.event)
    with pytest.raises(OutboxTimeoutError):
        outbox.append_and_wait(make(), 0.01)
    with pytest.raises(OutboxTimeoutError):
        outbox.batch(0, **PLENTY, timeout_s=0.01)
    assert outbox.stats().made is None


def test_a_folder_that_is_not_there_yet_is_waited_for(tmp_path, envelope, make, supervise, until):
    outbox = Outbox(
        tmp_path / "state" / "outbox.db",
        make_event=envelope.event,
        limits=Limits(commit_s=0.02),
        delay_s=lambda _failures: 0.05,
    )
    supervise(outbox.worker())
    assert outbox.append(make())
    until(lambda: outbox.stats().failing, "it says so")
    (tmp_path / "state").mkdir()
    until(lambda: outbox.made >= 1, "it is stored")


def test_damage_while_running_begins_a_new_epoch_and_keeps_what_waits(start, make, until):
    outbox, _ = start()
    outbox.append_and_wait(make("radio", 7), DEADLINE_S)
    old = outbox.epoch

    def damage(_file):
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    with pytest.raises(OutboxError, match="malformed"):
        outbox._ask(damage, "failed", DEADLINE_S)
    assert outbox.append_and_wait(make("radio", 8), DEADLINE_S) == 2, "after the one it had"
    assert outbox.epoch != old
    until(lambda: events(outbox, "outbox_renewed"), "it is reported")
    (detail,) = events(outbox, "outbox_renewed")
    assert (detail["epoch"], detail["salvaged"], detail["unaccounted"]) == (str(old), 1, 0)
