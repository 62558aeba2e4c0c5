"""The lake: nothing twice, nothing lost, readable beside the writer, and kept tidy."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from collector.store import columns, durable
from collector.store.engine import connect
from collector.store.lake import Lake, LakeError, Upkeep, snapshot

from .records import START, as_rows, radio_record


def stored(folder, kind="radio"):
    files = snapshot(folder, kind).files
    return sorted(seq for file in files for seq in pq.read_table(file)["seq"].to_pylist())


def test_the_same_rows_again_add_nothing(lake, lake_folder):
    drive = as_rows(*map(radio_record, range(1, 51)))
    assert lake.merge("radio", drive) == 50
    assert lake.merge("radio", drive) == 0
    assert lake.merge("radio", as_rows(*map(radio_record, range(40, 61)))) == 10
    assert stored(lake_folder) == list(range(1, 61))


def test_a_key_twice_in_one_batch_is_stored_once(lake, lake_folder):
    assert lake.merge("radio", as_rows(radio_record(1), radio_record(2), radio_record(1))) == 2
    assert stored(lake_folder) == [1, 2]


def test_the_same_number_of_another_probe_or_epoch_is_another_row(lake):
    other = radio_record(1, probe="dn-02")
    again = radio_record(1, epoch=other.boot_id)
    assert lake.merge("radio", as_rows(radio_record(1), other, again)) == 3


@pytest.mark.parametrize("utc", [None, datetime(1980, 1, 6, tzinfo=UTC)])
def test_rows_without_a_usable_time_are_not_stored_twice(lake, lake_folder, utc):
    lost = [radio_record(seq, utc=utc) for seq in (1, 2, 3)]
    assert lake.merge("radio", as_rows(*lost, radio_record(4))) == 4
    assert lake.merge("radio", as_rows(*lost, radio_record(4))) == 0
    assert any("date=undated" in file for file in snapshot(lake_folder, "radio").files)


def test_a_time_between_two_milliseconds_is_found_again(lake):
    utc = datetime(2026, 11, 1, 3, 0, 0, 999_999, tzinfo=UTC)
    assert lake.merge("radio", as_rows(radio_record(1, utc=utc))) == 1
    assert lake.merge("radio", as_rows(radio_record(1, utc=utc))) == 0


def test_a_lake_opened_again_knows_its_as_rows(lake, lake_folder):
    lake.merge("radio", as_rows(radio_record(1)))
    assert Lake(lake_folder).merge("radio", as_rows(radio_record(1), radio_record(2))) == 1


def test_the_tables_keep_their_identity(lake, lake_folder):
    assert Lake(lake_folder).table_ids() == lake.table_ids()


def test_every_file_and_folder_of_a_commit_is_flushed(lake, lake_folder, monkeypatch):
    flushed = []
    monkeypatch.setattr(durable, "flush_path", flushed.append)
    lake.merge("radio", as_rows(radio_record(1)))
    table = lake_folder / "radio"
    [file] = table.glob("date=2026-11-01/*.parquet")
    version = DeltaTable(table).version()
    log = table / "_delta_log"
    assert flushed == [file, file.parent, table, log / f"{version:020}.json", log]


def test_commits_that_another_process_never_flushed_are_flushed_first(
    lake, lake_folder, monkeypatch
):
    with monkeypatch.context() as killed:
        killed.setattr(durable, "flush_path", lambda _path: None)
        Lake(lake_folder).merge("radio", as_rows(radio_record(1)))
    flushed = []
    monkeypatch.setattr(durable, "flush_path", flushed.append)
    assert lake.merge("radio", as_rows(radio_record(1))) == 0
    assert any(path.suffix == ".parquet" for path in flushed)


def test_what_cannot_be_flushed_is_an_error(lake, monkeypatch):
    def fail(_path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "flush_path", fail)
    with pytest.raises(LakeError, match="No space left"):
        lake.merge("radio", as_rows(radio_record(1)))


def test_a_newer_wire_version_adds_its_columns(lake, lake_folder, monkeypatch):
    lake.merge("radio", as_rows(radio_record(1)))
    newer = columns.schema("radio").append(pa.field("antenna", pa.string()))
    monkeypatch.setattr(columns, "schema", lambda _kind: newer)
    upgraded = Lake(lake_folder)
    row = as_rows(radio_record(2)).append_column("antenna", pa.array(["roof"]))
    assert upgraded.merge("radio", row) == 1
    with connect("duckdb://", lake_folder) as tables:
        found = tables.radio.order_by("seq").antenna.to_pyarrow().to_pylist()
    assert found == [None, "roof"]


def test_a_new_column_without_any_row_is_null_everywhere(lake, lake_folder, monkeypatch):
    lake.merge("radio", as_rows(radio_record(1)))
    newer = columns.schema("radio").append(pa.field("antenna", pa.string()))
    monkeypatch.setattr(columns, "schema", lambda _kind: newer)
    Lake(lake_folder)
    with connect("duckdb://", lake_folder) as tables:
        assert tables.radio.antenna.to_pyarrow().to_pylist() == [None]


def merge_all(folder, name):
    lake = Lake(folder)
    added = 0
    for first in range(1, 100, 10):
        shared = [radio_record(seq) for seq in range(first, first + 10)]
        own = [radio_record(seq, probe=name) for seq in range(first, first + 10)]
        added += lake.merge("radio", as_rows(*shared, *own))
    return added


def test_writers_in_several_processes_store_everything_once(lake_folder):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        added = list(pool.map(merge_all, [lake_folder] * 2, ["dn-02", "dn-03"]))
    assert sum(added) == 300
    assert len(stored(lake_folder)) == 300


def test_small_files_are_compacted_and_the_rows_stay(lake, lake_folder):
    for seq in range(1, 9):
        lake.merge("radio", as_rows(radio_record(seq)))
    assert len(snapshot(lake_folder, "radio").files) == 8
    upkeep = Upkeep(lake_folder, compact_files=8)
    assert upkeep.tidy() == 1
    assert len(snapshot(lake_folder, "radio").files) == 1
    assert stored(lake_folder) == list(range(1, 9))
    assert upkeep.tidy() == 0
    assert lake.merge("radio", as_rows(radio_record(8), radio_record(9))) == 1


def test_a_reader_keeps_its_files_while_they_are_compacted(lake, lake_folder):
    for seq in range(1, 5):
        lake.merge("radio", as_rows(radio_record(seq)))
    with connect("duckdb://", lake_folder) as tables:
        Upkeep(lake_folder, compact_files=2).tidy()
        assert tables.radio.count().to_pyarrow().as_py() == 4
        assert tables.refresh()
        assert tables.radio.count().to_pyarrow().as_py() == 4


def test_the_log_is_cut_behind_a_checkpoint(lake, lake_folder, monkeypatch):
    monkeypatch.setattr("collector.store.lake.CHECKPOINT_COMMITS", 3)
    for seq in range(1, 5):
        lake.merge("radio", as_rows(radio_record(seq)))
    Upkeep(lake_folder, compact_files=100).tidy()
    assert (lake_folder / "radio" / "_delta_log" / "_last_checkpoint").is_file()
    assert Lake(lake_folder).merge("radio", as_rows(radio_record(4), radio_record(5))) == 1
    assert stored(lake_folder) == [1, 2, 3, 4, 5]


def test_rows_of_many_days_land_in_their_partitions(lake, lake_folder):
    month = [radio_record(n, utc=START + timedelta(days=n)) for n in range(1, 11)]
    assert lake.merge("radio", as_rows(*month)) == 10
    assert len(snapshot(lake_folder, "radio").files) == 10
    assert lake.merge("radio", as_rows(*month)) == 0


def test_a_lake_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(LakeError, match="radio"):
        snapshot(tmp_path, "radio")
