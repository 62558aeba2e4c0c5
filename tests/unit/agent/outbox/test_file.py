import sqlite3
from contextlib import closing

import pytest

from agent.outbox import NewerFileError, OutboxFile, OutboxTakenError, UnusableFileError
from agent.outbox.file import ROW_OVERHEAD_BYTES
from agent.outbox.salvage import salvage
from agent.outbox.watermark import Watermark
from wire.codec import decode_record

PLENTY = 1 << 30


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def write(make, envelope):
    def write(file, *kinds, cap_bytes=PLENTY):
        def on_drop(dropped):
            detail = {"count": dropped.count, "kinds": dropped.kinds}
            detail |= {"first_seq": dropped.first_seq, "last_seq": dropped.last_seq}
            return envelope.event("outbox_dropped", detail=detail)

        records = [make(kind, number) for number, kind in enumerate(kinds)]
        file.write(records, cap_bytes=cap_bytes, on_drop=on_drop)

    return write


def rows_after(file, after=0):
    return file.rows_after(after, up_to=file.made, max_rows=10_000, max_bytes=1 << 24)


def rows(file, after=0):
    return [decode_record(row.line) for row in rows_after(file, after)]


def seqs(file):
    return [record.seq for record in rows(file)]


def counted(file):
    """Rows and bytes by going through the file."""
    rows, size = file._db.execute("SELECT count(*), sum(length(record)) FROM outbox").fetchone()
    return rows, size + rows * ROW_OVERHEAD_BYTES


def test_numbers_count_up_from_one_and_over_restarts(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, "radio", "radio")
        epoch = file.epoch
    with closing(OutboxFile(path)) as file:
        write(file, "event")
        assert (file.epoch, seqs(file)) == (epoch, [1, 2, 3])
        assert {record.epoch for record in rows(file)} == {epoch}


def test_the_pragmas_that_lost_nothing_are_on(path):
    with closing(OutboxFile(path)) as file:
        values = {
            name: file._scalar(f"PRAGMA {name}")
            for name in (
                "journal_mode",
                "synchronous",
                "auto_vacuum",
                "mmap_size",
                "user_version",
                "page_size",
            )
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "auto_vacuum": 2,
        "mmap_size": 0,
        "user_version": 2,
        "page_size": 512,
    }


def test_the_tables_are_strict(path):
    with closing(OutboxFile(path)) as file, pytest.raises(sqlite3.IntegrityError):
        file._db.execute("INSERT INTO outbox VALUES (1, 'position', 'text')")


def test_forgetting_deletes_what_is_covered_and_nothing_else(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, *["radio"] * 10)
        file.forget(stored=[(1, 3), (6, 7)], rejected=[])
        assert seqs(file) == [4, 5, 8, 9, 10]
        assert (file.rows, file.made) == (5, 10)


def test_counts_agree_with_the_file_also_after_opening_again(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, *["radio", "event"] * 10)
        file.forget(stored=[(1, 3)], rejected=[(5, 5)])
        file.renew_epoch(lambda: None)
        write(file, "radio", cap_bytes=file.bytes - 500)
        assert (file.rows, file.bytes) == counted(file)
        counts = (file.rows, file.bytes, file.made, file.rejected)
    with closing(OutboxFile(path)) as file:
        assert (file.rows, file.bytes, file.made, file.rejected) == counts


def test_rejected_rows_are_set_aside_and_bounded(path, write, monkeypatch):
    monkeypatch.setattr("agent.outbox.file.REJECTED_KEPT", 3)
    with closing(OutboxFile(path)) as file:
        write(file, *["radio"] * 10)
        file.forget(stored=[], rejected=[(2, 6)])
        assert (file.rejected, seqs(file)) == (5, [1, 7, 8, 9, 10])
        kept = [seq for (seq,) in file._db.execute("SELECT seq FROM rejected ORDER BY seq")]
        assert kept == [4, 5, 6]


def test_positions_go_first_then_radio_and_events_last(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, *["event", "throughput", "radio", "position"] * 50)
        full = file.bytes
        write(file, "radio", cap_bytes=full - full // 5)
        left = [record.kind for record in rows(file)]
        assert left.count("throughput") == 50
        assert 0 < left.count("position") < 50
        assert left.count("radio") == 51
        write(file, "radio", cap_bytes=full * 6 // 10)
        left = [record.kind for record in rows(file)]
        assert left.count("position") == 0
        assert 0 < left.count("radio") < 51
        assert left.count("throughput") == 50
        write(file, "radio", cap_bytes=full * 4 // 10)
        left = [record.kind for record in rows(file)]
        assert 0 < left.count("throughput") < 50
        assert left.count("radio") == 0


def test_every_drop_is_counted_and_recorded(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, *["event", "radio", "position"] * 100)
        while file.dropped < 150:
            write(file, *["radio"] * 10, cap_bytes=file.bytes - 2000)
        told = [
            record.payload.detail
            for record in rows(file)
            if record.kind == "event" and record.payload.name == "outbox_dropped"
        ]
        assert sum(detail["count"] for detail in told) == file.dropped
        assert file.rows + file.dropped == file.made
        assert told[0]["kinds"] == "position"
        assert told[0]["first_seq"] == 3
        missing = set(range(1, file.made + 1)) - set(seqs(file))
        assert all(detail["first_seq"] in missing for detail in told)
        assert all(detail["last_seq"] in missing for detail in told)


def test_the_cap_is_kept(path, write):
    with closing(OutboxFile(path)) as file:
        for _ in range(50):
            write(file, *["radio"] * 20, cap_bytes=100_000)
            assert file.bytes <= 100_000 + 2000
        assert file.rows > 100


def test_a_failed_transaction_leaves_nothing_behind(path, write, make):
    def broken(_dropped):
        raise RuntimeError("no event today")

    with closing(OutboxFile(path)) as file:
        write(file, "radio")
        before = (file.made, file.rows, file.bytes, file.dropped)
        with pytest.raises(RuntimeError):
            file.write([make("radio")], cap_bytes=1, on_drop=broken)
        assert (file.made, file.rows, file.bytes, file.dropped) == before
        assert seqs(file) == [1]
        write(file, "radio")
        assert seqs(file) == [1, 2]
        write(file, "event", cap_bytes=1)
        assert counted(file) == (file.rows, file.bytes)


def test_a_new_epoch_numbers_what_is_left_from_one(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, *["radio"] * 2500)
        old = rows(file)
        file.forget(stored=[(1, 100)], rejected=[(200, 210)])
        epoch = file.renew_epoch(lambda: None)
        new = rows(file)
        assert [record.seq for record in new] == list(range(1, 2500 - 111 + 1))
        assert {record.epoch for record in new} == {epoch} != {old[0].epoch}
        assert [record.mono_ns for record in new] == [
            record.mono_ns for record in old[100:] if not 200 <= record.seq <= 210
        ]
        assert (file.made, file.dropped, file.rejected) == (2389, 0, 0)


def test_what_was_given_up_keeps_the_epoch_of_its_numbers(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, *["radio"] * 50, "throughput")
        write(file, "event", cap_bytes=file.bytes // 2)
        old = file.epoch
        for _ in range(2):
            file.renew_epoch(lambda: None)
        [said] = [
            row.payload
            for row in rows(file)
            if row.kind == "event" and row.payload.name == "outbox_dropped"
        ]
        assert said.detail["epoch"] == str(old)
        assert said.detail["first_seq"] == 1


def test_a_row_that_cannot_be_written_anew_makes_the_file_unusable(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, "radio", "radio")
        line = rows_after(file)[0].line.replace(b'"test"', b'"te\xff"')
        assert b"\xff" in line
        file._db.execute("UPDATE outbox SET record = ? WHERE seq = 1", (line,))
        with pytest.raises(UnusableFileError, match="a record cannot be read"):
            file.renew_epoch(lambda: None)
    with closing(OutboxFile(path.with_name("new.db"))) as file:
        salvaged = salvage(path, file, watermark=Watermark(None), progress=lambda: None)
        assert (salvaged.rows, salvaged.unaccounted, seqs(file)) == (1, 1, [1])


@pytest.mark.parametrize("where", ["header", "middle"])
def test_a_damaged_file_is_unusable(path, write, where):
    with closing(OutboxFile(path)) as file:
        write(file, *["radio"] * 500)
    data = bytearray(path.read_bytes())
    if where == "header":
        data[0] = 0x10
    else:
        data[8192:40_000] = b"\xa5" * (40_000 - 8192)
    path.write_bytes(data)
    with pytest.raises(UnusableFileError) as caught:
        OutboxFile(path)
    assert caught.value.path == path


def test_a_file_of_newer_software_is_left_alone(path):
    with closing(OutboxFile(path)) as file:
        file._db.execute("PRAGMA user_version=3")
    with pytest.raises(NewerFileError, match="its schema is 3, ours goes up to 2"):
        OutboxFile(path)


def test_a_check_that_takes_too_long_is_given_up(path, write, caplog):
    with closing(OutboxFile(path)) as file:
        write(file, *["radio"] * 3000)
    with closing(OutboxFile(path, check_s=0.0)) as file:
        assert file.rows == 3000
    assert "too large to be checked" in caplog.text


def test_a_second_process_is_kept_out(path):
    with closing(OutboxFile(path)), pytest.raises(OutboxTakenError):
        OutboxFile(path)
    OutboxFile(path).close()


def test_a_batch_has_a_size_and_at_least_one_row(path, write):
    with closing(OutboxFile(path)) as file:
        write(file, *["radio"] * 10)
        line = len(file.rows_after(0, up_to=1, max_rows=1, max_bytes=1)[0].line)
        assert len(file.rows_after(0, up_to=10, max_rows=10, max_bytes=3 * line)) == 3
        assert [row.seq for row in file.rows_after(4, up_to=6, max_rows=10, max_bytes=PLENTY)] == [
            5,
            6,
        ]


def test_the_file_shrinks_again_after_delivery(path, write):
    with closing(OutboxFile(path)) as file:
        for _ in range(40):
            write(file, *["radio"] * 1000)
        file.tidy()
        pages = file._scalar("PRAGMA page_count")
        file.forget(stored=[(1, file.made)], rejected=[])
        for _ in range(8):
            file.tidy()
        assert pages > 6000
        assert file._scalar("PRAGMA page_count") < pages // 2
