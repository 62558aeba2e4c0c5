import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from agent.outbox import Limits, Outbox, OutboxFile
from agent.outbox.schema import NEWEST
from wire.codec import decode_record, unpack_line

OLD = Path(__file__).with_name("old")
DEADLINE_S = 20.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def old(path):
    """A file of the first schema: 17 made, three delivered, one rejected, three dropped."""
    shutil.copy(OLD / "schema-1.db", path)
    return path


def rows(file):
    found = file.rows_after(0, up_to=file.made, max_rows=1000, max_bytes=1 << 20)
    return [decode_record(row.line) for row in found]


def dump(path):
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def test_an_old_file_keeps_its_epoch_its_numbers_and_its_rows(old):
    with closing(OutboxFile(old)) as file:
        assert file.epoch == UUID("8024fbf3-feab-447c-b55f-1e692a7f165d")
        assert (file.made, file.dropped, file.rejected, file.rows) == (17, 3, 1, 10)
        assert file.lent == 17
        assert [row.seq for row in rows(file)] == [4, 7, 8, 9, 11, 12, 13, 14, 16, 17]
        assert {row.epoch for row in rows(file)} == {file.epoch}
        assert [row.payload.temperature_c for row in rows(file) if row.kind == "radio"] == [
            *(3, 5, 6, 7),
            *(8, 9, 10, 11),
        ]
        assert [seq for (seq,) in file._db.execute("SELECT seq FROM rejected")] == [6]


def test_new_rows_are_packed_beside_the_old_ones(old, make, envelope):
    with closing(OutboxFile(old)) as file:
        file.write([make("radio", 5)], cap_bytes=1 << 20, on_drop=envelope.event)
        stored = [row for (row,) in file._db.execute("SELECT record FROM outbox ORDER BY seq")]
    assert [record[:1] == b"{" for record in stored] == [True] * 10 + [False]
    assert decode_record(unpack_line(stored[-1])).seq == 18


def test_the_second_time_nothing_is_changed(old):
    OutboxFile(old).close()
    content = dump(old)
    OutboxFile(old).close()
    assert dump(old) == content


def test_old_and_new_files_have_the_same_tables(old, tmp_path):
    def tables(path):
        with closing(OutboxFile(path)) as file:
            return file._db.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()

    assert tables(old) == tables(tmp_path / "new.db")


def test_a_step_that_fails_leaves_the_old_file(old, monkeypatch):
    def fail(_db):
        raise sqlite3.OperationalError("database or disk is full")

    content = dump(old)
    monkeypatch.setattr("agent.outbox.schema.to_2.change", fail)
    with pytest.raises(sqlite3.OperationalError):
        OutboxFile(old)
    assert dump(old) == content


def test_the_state_says_what_was_made_whenever_it_is_read(path, make, envelope):
    with closing(OutboxFile(path)) as file, closing(sqlite3.connect(path)) as reader:
        for made in range(1, 4):
            file.write([make()], cap_bytes=1 << 20, on_drop=envelope.event)
            (epoch, count, dropped, rejected) = reader.execute(
                "SELECT epoch, made, dropped, rejected FROM state"
            ).fetchone()
            assert (UUID(epoch), count, dropped, rejected) == (file.epoch, made, 0, 0)
        file.forget(stored=[(1, 3)], rejected=[])
        assert reader.execute("SELECT made FROM state").fetchone() == (3,)


def test_a_newer_file_is_kept_for_ever_and_the_probe_goes_on(
    path, make, envelope, supervise, tmp_path
):
    newer = [tmp_path / f"outbox.db.newer-{number}" for number in range(1, 7)]
    for each in newer:
        with closing(OutboxFile(path)) as file:
            file._db.execute(f"PRAGMA user_version={NEWEST + 1}")
        outbox = Outbox(path, make_event=envelope.event, limits=Limits(commit_s=0.02))
        supervisor = supervise(outbox.worker())
        outbox.append_and_wait(make(), DEADLINE_S)
        assert supervisor.stop(DEADLINE_S) == ()
        assert each.exists()
    assert all(each.exists() for each in newer)
