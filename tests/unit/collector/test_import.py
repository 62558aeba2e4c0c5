"""Record files on the same way in as MQTT; again and again is the same as once."""

import json
import subprocess
import sys

import pytest
import zstandard

from collector.ingest import files
from collector.ingest.files import Imported, import_files, record_files
from collector.store.lake import snapshot
from wire.codec import MAX_LINE_BYTES, encode_record, pack

from .records import EPOCH, event_record, radio_record


def lines(*records):
    return b"".join(encode_record(record) + b"\n" for record in records)


@pytest.fixture
def bring(intake):
    def bring(*sources, batch_rows=1000):
        told = []
        done = import_files(
            sources,
            intake,
            batch_rows=batch_rows,
            on_progress=lambda _f, so_far: told.append(so_far),
        )
        assert [one.read for one in told] == sorted(one.read for one in told)
        return done

    return bring


def test_lines_and_zstd_are_read_alike(tmp_path, bring):
    plain = tmp_path / "a.jsonl"
    packed = tmp_path / "b.jsonl.zst"
    plain.write_bytes(lines(*map(radio_record, range(1, 11))))
    packed.write_bytes(pack(map(encode_record, map(radio_record, range(6, 21)))))
    assert bring(plain, packed) == Imported(files=2, read=25, new=20, duplicates=5)
    assert bring(plain, packed) == Imported(files=2, read=25, new=0, duplicates=25)


def test_frames_one_behind_the_other_are_one_file(tmp_path, bring, ledger):
    file = tmp_path / "stick.jsonl.zst"
    file.write_bytes(
        pack([encode_record(radio_record(1))]) + pack([encode_record(radio_record(2))])
    )
    assert bring(file, batch_rows=1).new == 2
    assert ledger.account("dn-01", EPOCH).contiguous_seq == 2


def test_a_folder_brings_its_files_in_order_of_name(tmp_path):
    for name in ("b.jsonl", "a.jsonl.zst", "notes.txt", "deep/c.jsonl"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    found = [file.relative_to(tmp_path).as_posix() for file in record_files([tmp_path])]
    assert found == ["a.jsonl.zst", "b.jsonl", "deep/c.jsonl"]


def test_a_bad_line_goes_to_quarantine_and_stops_nothing(tmp_path, bring, ledger):
    file = tmp_path / "a.jsonl"
    file.write_bytes(lines(radio_record(1)) + b"{broken\n\n" + lines(event_record(2, "modem_back")))
    assert bring(file) == Imported(files=1, read=3, new=2, rejected=1)
    [row] = ledger.quarantine()
    assert (row.topic, row.content) == ("file:a.jsonl", b"{broken")


def test_a_line_without_end_is_one_bad_line(tmp_path, bring, ledger):
    file = tmp_path / "a.jsonl"
    endless = b"x" * (3 * MAX_LINE_BYTES)
    file.write_bytes(lines(radio_record(1)) + endless + b"\n" + lines(radio_record(2)))
    assert bring(file) == Imported(files=1, read=3, new=2, rejected=1)
    assert len(ledger.quarantine()[0].content) == MAX_LINE_BYTES


def test_a_cut_file_is_named_and_what_came_before_is_kept(tmp_path, bring):
    whole = zstandard.ZstdCompressor().compress(lines(*map(radio_record, range(1, 5000))))
    cut = tmp_path / "cut.jsonl.zst"
    cut.write_bytes(whole[: len(whole) // 2])
    good = tmp_path / "good.jsonl"
    good.write_bytes(lines(radio_record(5000)))
    done = bring(cut, good, tmp_path / "none.jsonl", batch_rows=100)
    assert done.files == 3
    assert done.new > 100
    assert [problem.split(": ")[0] for problem in done.problems] == [
        str(cut),
        str(tmp_path / "none.jsonl"),
    ]


def test_a_hostile_file_is_unpacked_in_pieces_that_fit(tmp_path):
    file = tmp_path / "a.jsonl.zst"
    file.write_bytes(zstandard.ZstdCompressor().compress(b"\n" * (64 << 20)))
    assert max(len(piece) for piece in files._pieces(file)) <= 8 << 20


def test_the_command_says_what_it_did(tmp_path):
    config = tmp_path / "collector.toml"
    config.write_text('[store]\nfolder = "store"')
    file = tmp_path / "a.jsonl"
    file.write_bytes(lines(radio_record(1), radio_record(2)) + b"rubbish\n")

    def dosong_collector(*arguments):
        command = [
            sys.executable,
            "-c",
            "import sys; from collector.cli import main; sys.exit(main())",
        ]
        done = subprocess.run(
            [*command, *arguments, "--config", config, "--json"], capture_output=True, check=True
        )
        return json.loads(done.stdout)

    imported = dosong_collector("import", file)
    assert {name: imported[name] for name in ("read", "new", "duplicates", "rejected")} == {
        "read": 3,
        "new": 2,
        "duplicates": 0,
        "rejected": 1,
    }
    [row] = dosong_collector("ledger", "--probe", "dn-01")
    assert (row["made"], row["received"], row["missing"]) == (2, 2, 0)
    assert dosong_collector("quarantine")["rows"][0]["topic"] == "file:a.jsonl"
    assert len(snapshot(tmp_path / "store" / "lake", "radio").files) == 1
