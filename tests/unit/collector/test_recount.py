"""The lake counted without believing the ledger."""

import json

import pytest
from deltalake import DeltaTable, write_deltalake

from collector.cli import main
from collector.ingest.files import find, import_files
from wire.codec import encode_record, pack_file

from .records import EPOCH, event_record, radio_record


@pytest.fixture
def configured(tmp_path, lake_folder, intake, ledger):
    """Twenty radio rows and one event, on the way in as all others."""
    records = [*map(radio_record, range(1, 21)), event_record(21, "modem_gone")]
    file = tmp_path / "a.jsonl.zst"
    file.write_bytes(pack_file(map(encode_record, records)))
    import_files(find([file]), intake, ledger, batch_rows=1000, on_progress=lambda *_: None)
    configuration = tmp_path / "collector.toml"
    configuration.write_text(f'[store]\nfolder = "{lake_folder.parent}"\n')
    return configuration


def recount(configuration, capsys):
    code = main(["recount", "--config", str(configuration), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_what_was_stored_once_is_there_once(configured, capsys):
    code, found = recount(configured, capsys)
    assert code == 0
    assert (found["rows"], found["duplicates_visible"], found["differing"]) == (21, 0, 0)
    (epoch,) = found["epochs"]
    assert (epoch["epoch"], epoch["rows"], epoch["keys"]) == (str(EPOCH), 21, 21)


def test_rows_that_are_there_twice_are_seen(configured, lake_folder, capsys):
    table = DeltaTable(lake_folder / "radio")
    write_deltalake(table, table.to_pyarrow_table().slice(0, 3), mode="append")
    code, found = recount(configured, capsys)
    assert code == 1
    assert (found["rows"], found["duplicates_visible"], found["differing"]) == (24, 3, 0)


def test_rows_that_the_ledger_believes_in_and_are_not_there_are_seen(
    configured, lake_folder, capsys
):
    DeltaTable(lake_folder / "radio").delete("seq = 7")
    code, found = recount(configured, capsys)
    assert code == 1
    assert (found["rows"], found["duplicates_visible"], found["differing"]) == (20, 0, 1)
    (epoch,) = found["epochs"]
    assert (epoch["keys"], epoch["received"]) == (20, 21)


def test_a_person_sees_a_table(configured, capsys):
    assert main(["recount", "--config", str(configured)]) == 0
    assert "rows in the lake" in capsys.readouterr().out
