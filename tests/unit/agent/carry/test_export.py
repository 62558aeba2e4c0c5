import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from agent.carry import export as module
from agent.carry.export import Trouble, uncovered
from agent.carry.folder import DRAFT, Folder
from agent.outbox import Limits, Outbox
from agent.outbox.errors import OutboxError, UnusableFileError
from agent.outbox.file import OutboxFile
from agent.outbox.watermark import Carried
from wire.carried import decode_manifest, manifest_name, parse_file_name
from wire.codec import pack_file

from .conftest import read_back, seqs

FIRST_SCHEMA = Path(__file__).parents[1] / "outbox" / "old" / "schema-1.db"
CRASHED = """
import os, sys
from pathlib import Path
from agent.clock import Clock
from agent.outbox.file import OutboxFile
from agent.recorder import Envelope
from wire.messages import Position
envelope = Envelope(probe="dn-01", software="test", stamp=Clock().stamp, position=Position)
file = OutboxFile(Path(sys.argv[1]))
file.write([envelope.event("test") for _ in range(50)], cap_bytes=1 << 40, on_drop=None)
os.kill(os.getpid(), 9)
"""


def manifest(stick, epoch):
    return decode_manifest((stick / manifest_name("dn-01", epoch)).read_bytes())


def spans(stick):
    return sorted(parse_file_name(file.name).span for file in stick.glob("*.jsonl.zst"))


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_FILE", 100)


def test_all_that_the_outbox_holds_is_there_and_it_still_holds_it(put, carry, stick, path):
    epoch = put(2500)
    told = carry()
    assert (told.rows, told.files, told.there, told.trouble) == (2500, 1, 0, None)
    assert [record.seq for record in read_back(stick)] == list(range(1, 2501))
    assert {(record.probe, record.epoch) for record in read_back(stick)} == {("dn-01", epoch)}
    with closing(OutboxFile(path)) as file:
        assert file.rows == 2500
    listed = manifest(stick, epoch)
    assert (listed.made, listed.complete, [each.rows for each in listed.files]) == (
        2500,
        True,
        [2500],
    )


@pytest.mark.usefixtures("small_files")
def test_files_are_bounded(put, carry, stick):
    put(250)
    assert carry().files == 3
    assert spans(stick) == [(1, 100), (101, 200), (201, 250)]


def test_again_only_what_is_new_is_written(put, carry, stick):
    put(30)
    carry()
    before = {file: file.stat().st_mtime_ns for file in stick.glob("*.zst")}
    assert (carry().rows, carry().there) == (0, 30)
    epoch = put(12)
    told = carry()
    assert (told.rows, told.files, told.there) == (12, 1, 30)
    assert spans(stick) == [(1, 30), (31, 42)]
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert [each.rows for each in manifest(stick, epoch).files] == [30, 12]


@pytest.mark.usefixtures("small_files")
def test_a_file_that_is_damaged_or_gone_is_written_again(put, carry, stick):
    epoch = put(400)
    carry()
    flipped, cut, gone, whole = sorted(stick.glob("*.zst"))
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    os.truncate(cut, cut.stat().st_size - 1)
    gone.unlink()
    before = whole.stat().st_mtime_ns
    told = carry()
    assert (told.rows, told.files, told.there) == (300, 3, 100)
    assert seqs(stick) == list(range(1, 401))
    assert whole.stat().st_mtime_ns == before
    assert len(manifest(stick, epoch).files) == 4


@pytest.mark.usefixtures("small_files")
def test_files_without_a_list_count_when_they_are_whole(put, carry, stick):
    epoch = put(300)
    carry()
    (stick / manifest_name("dn-01", epoch)).unlink()
    first, second, _ = sorted(stick.glob("*.zst"))
    os.truncate(second, second.stat().st_size - 1)
    first.rename(first.with_name(first.name.replace("_1-100.", "_1-150.")))
    told = carry()
    assert (told.rows, told.there) == (200, 100)
    assert sorted(set(seqs_of(stick, spans(stick)))) == list(range(1, 301))


@pytest.mark.parametrize("line", [b'{"probe": "\xff"}', b'{"x": ' + b"[" * 5000])
def test_a_file_of_our_name_that_lies_ends_nothing(put, carry, stick, line):
    epoch = put(100)
    (stick / f"dn-01_{epoch}_1-100.jsonl.zst").write_bytes(pack_file([line]))
    (stick / manifest_name("dn-01", epoch)).write_bytes(line)
    assert carry().rows == 100
    assert seqs(stick) == list(range(1, 101))


def seqs_of(stick, found):
    """Of all whole files: the one with the wrong name is whole as well."""
    assert found == [(1, 100), (1, 150), (101, 200), (201, 300)]
    return seqs(stick)


def test_rows_that_left_the_outbox_are_no_gap_to_fill(put, carry, stick, path):
    put(100)
    with closing(OutboxFile(path)) as file:
        file.forget(stored=[(1, 10), (40, 60)], rejected=[])
    assert carry().rows == 69
    assert carry().rows == 0
    assert spans(stick) == [(11, 100)]


def test_an_empty_outbox_leaves_its_list(put, carry, stick):
    epoch = put(0)
    told = carry()
    assert (told.rows, told.files, told.made) == (0, 0, 0)
    assert manifest(stick, epoch).files == ()


def test_another_probe_has_its_own_files_on_the_same_stick(put, carry, stick, export):
    put(5)
    carry()
    other = module.Export(outbox=export.outbox, probe="dn-02", software="test")
    with Folder(stick) as folder:
        assert other.into(folder, lambda _: None).rows == 5


@pytest.mark.usefixtures("small_files")
def test_what_raises_in_progress_leaves_whole_files_only(put, carry, stick):
    put(1000)
    calls = []

    def stop(progress):
        calls.append(progress)
        if progress.rows > 550:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry(stop)
    assert len(read_back(stick)) == 500
    assert not (stick / DRAFT).exists()
    assert [each.share for each in calls] == sorted(each.share for each in calls)
    assert carry().there == 500


def test_what_left_by_hand_is_noted_before_it_leaves(put, carry, path):
    epoch = put(30)
    noted = []
    carry(lambda _: noted.append(Carried(path).of(epoch)))
    assert set(noted) == {30}


def test_what_cannot_be_noted_does_not_leave(put, carry, stick, path):
    put(30)
    path.with_name("outbox.db.carried").mkdir()
    with pytest.raises(OutboxError):
        carry()
    assert list(stick.iterdir()) == []


def test_a_file_of_the_first_schema_is_read_as_it_is(carry, stick, path):
    path.parent.mkdir()
    shutil.copy(FIRST_SCHEMA, path)
    carry()
    with closing(OutboxFile(path)) as file:
        assert seqs(stick) == [row.seq for row in everything(file)]


def everything(file):
    return file.rows_after(0, up_to=file.made, max_rows=5000, max_bytes=1 << 24)


def test_two_at_once_do_not_write_into_each_other(put, carry, stick):
    put(5)
    with Folder(stick) as held:
        held.claim()
        assert carry().trouble is Trouble.IN_USE
    assert carry().rows == 5


def test_after_a_crash_the_wal_is_read_and_left_alone(path, carry):
    path.parent.mkdir()
    died = subprocess.run([sys.executable, "-c", CRASHED, path], check=False)
    assert died.returncode == -signal.SIGKILL
    wal = path.with_name("outbox.db-wal")
    before = wal.read_bytes()
    assert before
    assert carry().rows == 50
    assert wal.read_bytes() == before
    with closing(OutboxFile(path)) as file:
        assert file.rows == 50


def test_a_row_that_cannot_be_read_is_counted_and_the_others_are_there(put, carry, stick, path):
    epoch = put(20)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE outbox SET record = x'00' WHERE seq IN (1, 7)")
    told = carry()
    assert (told.rows, told.unreadable, told.trouble) == (18, 2, None)
    assert manifest(stick, epoch).complete is False


@pytest.mark.parametrize("content", [b"", b"no database, but long enough to look at " * 100])
def test_what_is_no_outbox_is_told(path, carry, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UnusableFileError):
        carry()


def test_a_newer_outbox_is_told(put, path, carry):
    put(1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=9")
    with pytest.raises(UnusableFileError, match="schema 9"):
        carry()


@pytest.mark.usefixtures("small_files")
def test_an_epoch_that_is_renewed_meanwhile_is_written_anew(put, carry, stick, path):
    old = put(300)
    renewed = []

    def renew(progress):
        if progress.rows > 150 and not renewed:
            with closing(OutboxFile(path)) as file:
                renewed.append(file.renew_epoch(lambda: None))

    told = carry(renew)
    assert told.epoch == renewed[0] != old
    assert (told.rows, told.made) == (300, 300)
    assert [record.seq for record in read_back(stick) if record.epoch == told.epoch] == list(
        range(1, 301)
    )


def test_beside_a_busy_agent_nothing_is_disturbed_and_nothing_missed(
    *, path, envelope, make, supervise, export, stick
):
    path.parent.mkdir()
    outbox = Outbox(path, make_event=envelope.event, limits=Limits(commit_s=0.02))
    supervise(outbox.worker())
    done = threading.Event()
    promised, slowest_s = [outbox.append_and_wait(make(), 5.0)], [0.0]

    def measure():
        while not done.wait(0.02):
            began_s = time.monotonic()
            promised.append(outbox.append_and_wait(make("radio", len(promised)), 5.0))
            slowest_s.append(time.monotonic() - began_s)

    writer = threading.Thread(target=measure)
    writer.start()
    try:
        for _ in range(20):
            least = len(promised)
            with Folder(stick) as folder:
                told = export.into(folder, lambda _: None)
            assert told.trouble is None
            assert told.rows + told.there >= least
    finally:
        done.set()
        writer.join(10)
    with Folder(stick) as folder:
        export.into(folder, lambda _: None)
    assert seqs(stick) == promised == list(range(1, len(promised) + 1))
    assert outbox.stats().failing is None
    assert max(slowest_s) < 2.0


def test_uncovered_is_what_is_left():
    assert list(uncovered([], (3, 9))) == [(3, 9)]
    assert list(uncovered([(1, 4), (6, 6), (9, 20)], (3, 9))) == [(5, 5), (7, 8)]
    assert list(uncovered([(1, 4), (2, 3)], (3, 9))) == [(5, 9)]
    assert list(uncovered([(1, 20)], (3, 9))) == []


def test_uncovered_agrees_with_counting():
    chance = random.Random(5)  # noqa: S311  # a test's dice
    for _ in range(200):
        covered = sorted(
            (first, first + chance.randrange(5)) for first in chance.sample(range(30), 4)
        )
        span = (chance.randrange(1, 15), chance.randrange(15, 30))
        there = {seq for first, last in covered for seq in range(first, last + 1)}
        left = [seq for first, last in uncovered(covered, span) for seq in range(first, last + 1)]
        assert left == [seq for seq in range(span[0], span[1] + 1) if seq not in there]
