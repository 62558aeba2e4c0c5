"""Record files on the same way in as MQTT; again and again is the same as once."""

import codecs
import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
import zstandard

from collector.cli import main
from collector.ingest import files, foreign
from collector.ingest.decode import Decoded
from collector.ingest.files import Imported, find, import_files
from collector.store.lake import snapshot
from wire.carried import CarriedFile, FileName, Manifest, manifest_name
from wire.codec import MAX_LINE_BYTES, encode_record, pack_file

from .records import BOOT, EPOCH, event_record, radio_record


def lines(*records):
    return b"".join(encode_record(record) + b"\n" for record in records)


@pytest.fixture
def bring(intake, ledger):
    def bring(*sources, batch_rows=1000):
        told = []
        found = find(sources)
        done = import_files(found, intake, ledger, batch_rows=batch_rows, on_progress=told.append)
        for how_far in ([now.imported.read for now in told], [now.read_bytes for now in told]):
            assert how_far == sorted(how_far)
        assert not told or told[-1].read_bytes <= found.size
        return done

    return bring


def test_lines_and_zstd_are_read_alike(tmp_path, bring):
    plain = tmp_path / "a.jsonl"
    packed = tmp_path / "b.jsonl.zst"
    plain.write_bytes(lines(*map(radio_record, range(1, 11))))
    packed.write_bytes(pack_file(map(encode_record, map(radio_record, range(6, 21)))))
    assert bring(plain, packed) == Imported(files=2, read=25, new=20, duplicates=5)
    assert bring(plain, packed) == Imported(files=2, read=25, new=0, duplicates=25)


def test_frames_one_behind_the_other_are_one_file(tmp_path, bring, ledger):
    file = tmp_path / "stick.jsonl.zst"
    file.write_bytes(
        pack_file([encode_record(radio_record(1))]) + pack_file([encode_record(radio_record(2))])
    )
    assert bring(file, batch_rows=1).new == 2
    assert ledger.account("dn-01", EPOCH, {BOOT: 2}).contiguous_seq == 2


def test_a_folder_brings_its_files_in_order_of_name(tmp_path):
    for name in ("b.jsonl", "a.jsonl.zst", "notes.txt", "deep/c.jsonl"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    found = [file.relative_to(tmp_path).as_posix() for file in find([tmp_path]).files]
    assert found == ["a.jsonl.zst", "b.jsonl", "deep/c.jsonl"]


def test_a_bad_line_goes_to_quarantine_and_stops_nothing(tmp_path, bring, ledger):
    file = tmp_path / "a.jsonl"
    file.write_bytes(lines(radio_record(1)) + b"{broken\n\n" + lines(event_record(2, "modem_back")))
    assert bring(file) == Imported(files=1, read=3, new=2, rejected=1)
    [row] = ledger.quarantine()
    assert (row.topic, row.content) == ("file:a.jsonl", b"{broken")


def test_a_file_of_nothing_but_refused_lines_is_told(tmp_path, bring):
    file, good = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    named = lines(radio_record(1), radio_record(2)).replace(b'"dn-01"', b'"DN_01"')
    file.write_bytes(named)
    good.write_bytes(lines(radio_record(3)) + named)
    done = bring(file, good)
    assert (done.read, done.new, done.rejected) == (5, 1, 4)
    [problem] = done.problems
    assert problem.startswith(
        f"{file}: none of its 2 lines is a record that can be stored: probe name"
    )
    assert "'DN_01' is not [a-z0-9][a-z0-9-]{0,62}" in problem


@pytest.mark.parametrize(("content", "code"), [(b"rubbish\n", 1), (b"rubbish\n%s", 0), (b"%s", 0)])
def test_refused_lines_are_told_with_where_to_look(tmp_path, capsys, content, code):
    (tmp_path / "collector.toml").write_text('[store]\nfolder = "store"')
    file = tmp_path / "a.jsonl"
    file.write_bytes(content.replace(b"%s", lines(radio_record(1))))
    command = ["import", str(file), "--config", str(tmp_path / "collector.toml")]
    for more in ([], ["--json"]):
        assert main([*command, *more]) == code
        err = capsys.readouterr().err
        told = "lines were refused: dosong-collector quarantine says which, and why" in err
        assert told == (b"rubbish" in content)


def test_a_refused_line_that_says_its_key_is_not_missing(tmp_path, bring, ledger):
    file = tmp_path / "a.jsonl"
    odd = [
        encode_record(radio_record(seq)).replace(b'"outcome":"ok"', b'"outcome":"fine"') + b"\n"
        for seq in (2, 4)
    ]
    file.write_bytes(lines(radio_record(1)) + odd[0] + lines(radio_record(3)) + odd[1])
    for _ in range(2):
        assert bring(file).rejected == 2
        [row] = ledger.ledger()
        assert (row.made, row.received, row.rejected, row.missing) == (4, 2, 2, 0)
    assert {(one.probe, one.seq) for one in ledger.quarantine()} == {("dn-01", 2), ("dn-01", 4)}
    # Its own copy may be whole: it must not delete it for the sake of a damaged stick.
    assert ledger.account("dn-01", EPOCH, {BOOT: 4}).contiguous_seq == 1
    file.write_bytes(lines(radio_record(2), radio_record(4)))
    assert bring(file).new == 2
    [row] = ledger.ledger()
    assert (row.received, row.rejected, row.missing) == (4, 0, 0)
    assert ledger.account("dn-01", EPOCH, {BOOT: 4}).contiguous_seq == 4


def test_a_time_that_nobody_told_is_told(tmp_path, capsys):
    (tmp_path / "collector.toml").write_text('[store]\nfolder = "store"')
    record = msgspec.to_builtins(radio_record(1))
    del record["clock_state"]
    file = tmp_path / "a.jsonl"
    file.write_bytes(msgspec.json.encode(record) + b"\n" + lines(radio_record(2)))
    assert main(["import", str(file), "--config", str(tmp_path / "collector.toml"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["untold"] == 1
    assert "1 records have a utc that nobody told" in said.err


@pytest.mark.parametrize("probe", [None, 7, "../../etc"])
def test_a_refused_line_of_no_probe_still_says_its_number(tmp_path, bring, ledger, probe):
    record = msgspec.to_builtins(radio_record(2)) | {"probe": probe}
    (tmp_path / "a.jsonl").write_bytes(msgspec.json.encode(record) + b"\n")
    assert bring(tmp_path / "a.jsonl").rejected == 1
    [row] = ledger.quarantine()
    assert (row.probe, row.epoch, row.seq) == (None, str(EPOCH), 2)
    assert ledger.ledger() == []


def test_a_file_of_lines_that_was_cut_is_named(tmp_path, bring):
    file = tmp_path / "a.jsonl"
    whole = lines(radio_record(1), radio_record(2))
    file.write_bytes(whole[:-40])
    found = bring(file)
    assert (found.new, found.rejected) == (1, 1)
    assert found.problems == (f"{file}: ends in the middle of a line",)
    file.write_bytes(whole[:-1])
    assert bring(file).problems == ()
    file.write_bytes(whole + b"{broken\n")
    assert bring(file).problems == ()


def test_the_mark_that_editors_put_before_utf_8_costs_no_record(tmp_path, bring):
    file = tmp_path / "a.jsonl"
    file.write_bytes(codecs.BOM_UTF8 + lines(radio_record(1)))
    assert bring(file) == Imported(files=1, read=1, new=1)


@pytest.mark.parametrize(
    ("packed", "problem"),
    [
        (gzip.compress, "is packed by gzip; unpack it first: gunzip"),
        (lambda whole: whole.decode().encode("utf-16"), "is UTF-16; records are UTF-8"),
    ],
    ids=["gzip", "utf-16"],
)
def test_a_file_that_is_no_lines_of_utf_8_is_named_with_what_it_is(
    tmp_path, bring, packed, problem
):
    file = tmp_path / "a.jsonl"
    file.write_bytes(packed(lines(radio_record(1))))
    assert bring(file) == Imported(files=1, problems=(f"{file}: {problem}",))


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
    with foreign.opened(file) as stream:
        checked = foreign.check(stream)
        pieces = [len(piece) for piece in foreign.unpacked(stream, checked.believed_bytes)]
    assert (max(pieces) <= 8 << 20, sum(pieces)) == (True, 64 << 20)


def test_long_lines_are_stored_in_micro_batches_that_fit(tmp_path, bring, monkeypatch):
    monkeypatch.setattr(files, "MICRO_BATCH_BYTES", 2 * MAX_LINE_BYTES)
    taken = []
    monkeypatch.setattr(
        files, "decode_lines", lambda *given: taken.append(given) or Decoded(given[0])
    )
    (tmp_path / "a.jsonl").write_bytes((b"x" * MAX_LINE_BYTES + b"\n") * 5)
    bring(tmp_path / "a.jsonl")
    assert [len(lines) for _, lines in taken] == [2, 2, 1]


def test_a_file_that_unpacks_without_end_is_given_up(tmp_path, bring, monkeypatch):
    monkeypatch.setattr(foreign, "MAX_UNPACKED_BYTES", 1 << 20)
    bomb = tmp_path / "a.jsonl.zst"
    bomb.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(b"\n" * (1 << 30)))
    good = tmp_path / "b.jsonl"
    good.write_bytes(lines(radio_record(1)))
    done = bring(bomb, good)
    assert done.new == 1
    assert [problem.partition(": ")[0] for problem in done.problems] == [str(bomb)]


def carried(folder, epoch, *spans, made):
    """Files as a probe carries them out, each in frames of ten rows, and their list."""
    listed = []
    for first, last in spans:
        name = str(FileName("dn-01", epoch, (first, last)))
        content = b"".join(
            pack_file(
                encode_record(radio_record(seq, epoch=epoch))
                for seq in range(begin, min(begin + 10, last + 1))
            )
            for begin in range(first, last + 1, 10)
        )
        (folder / name).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        rows = last - first + 1
        listed.append(CarriedFile(name=name, rows=rows, bytes=len(content), sha256=digest))
    manifest = Manifest(
        probe="dn-01", epoch=epoch, made=made, complete=True, software="test", files=tuple(listed)
    )
    (folder / manifest_name("dn-01", epoch)).write_bytes(msgspec.json.encode(manifest))
    return [folder / each.name for each in listed]


def ledger_row(ledger):
    [row] = ledger.ledger("dn-01")
    return {name: getattr(row, name) for name in ("made", "received", "missing")}


def test_the_ledger_learns_what_is_still_at_the_probe(tmp_path, bring, ledger):
    carried(tmp_path, EPOCH, (1, 30), (41, 50), made=60)
    assert bring(tmp_path) == Imported(files=2, read=40, new=40)
    assert ledger_row(ledger) == {"made": 60, "received": 40, "missing": 20}
    assert ledger.presence() == []


def test_an_old_list_takes_nothing_back(tmp_path, bring, ledger):
    carried(tmp_path, EPOCH, (1, 10), made=10)
    ledger.note_made("dn-01", EPOCH, 25, datetime.now(UTC))
    bring(tmp_path)
    assert ledger_row(ledger) == {"made": 25, "received": 10, "missing": 15}


def test_the_list_beside_a_file_is_found(tmp_path, bring, ledger):
    [file] = carried(tmp_path, EPOCH, (1, 10), made=12)
    assert bring(file).problems == ()
    assert ledger_row(ledger)["made"] == 12


def test_of_a_damaged_frame_nothing_is_stored_and_the_rest_is(tmp_path, bring, ledger):
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311  # a test's dice; a failure shows the seed
    [file] = carried(tmp_path, EPOCH, (1, 300), made=300)
    content = bytearray(file.read_bytes())
    at = chance.randrange(len(content))
    content[at] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    done = bring(file)
    assert done.new % 10 == 0, seed
    assert done.new <= at * 300 // len(content) + 10, seed
    assert done.rejected == 0, seed
    # Bits may be wrong that nobody needs, such as those of the size; the digest sees them all.
    assert any("SHA-256" in problem for problem in done.problems), seed
    missing = 300 - done.new
    assert ledger_row(ledger) == {"made": 300, "received": done.new, "missing": missing}, seed
    carried(tmp_path, EPOCH, (1, 300), made=300)
    assert bring(tmp_path) == Imported(files=1, read=300, new=missing, duplicates=done.new), seed


def test_a_file_that_is_named_and_not_there_is_told(tmp_path, bring):
    first, second = carried(tmp_path, EPOCH, (1, 10), (11, 20), made=20)
    second.unlink()
    done = bring(tmp_path)
    assert done.new == 10
    [problem] = done.problems
    assert problem.startswith(f"{second}: ")
    assert bring(first).new == 0


def test_a_copied_cards_records_are_told_and_not_stored(tmp_path, bring):
    file = tmp_path / str(FileName("dn-01", EPOCH, (1, 4)))
    own = [radio_record(seq) for seq in (1, 2)]
    bring(_written(tmp_path / "before.jsonl", lines(*own)))
    copied = [radio_record(seq, boot_id=UUID(int=9)) for seq in (2, 3)]
    done = bring(_written(file, pack_file(map(encode_record, copied))))
    assert (done.conflicts, done.rejected) == (1, 0)
    [problem] = done.problems
    assert "1 records have numbers of others" in problem


def _written(file, content):
    file.write_bytes(content)
    return file


def test_records_of_others_are_stored_as_theirs_and_told(tmp_path, bring, ledger):
    file = tmp_path / str(FileName("dn-02", EPOCH, (1, 2)))
    file.write_bytes(pack_file([encode_record(radio_record(1)), encode_record(radio_record(2))]))
    done = bring(file)
    assert done.new == 2
    [problem] = done.problems
    assert "2 records of probe dn-01" in problem
    assert [row.probe for row in ledger.ledger()] == ["dn-01"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff" * 100, b" " * (9 << 20), b'{"new":' + b"[" * 2000]
)
def test_a_list_that_is_none_is_told_and_its_files_are_stored(tmp_path, bring, content):
    carried(tmp_path, EPOCH, (1, 10), made=20)
    (tmp_path / manifest_name("dn-01", EPOCH)).write_bytes(content)
    done = bring(tmp_path)
    assert (done.new, len(done.problems)) == (10, 1)


def test_a_list_that_names_foreign_files_is_none(tmp_path, bring):
    secret = CarriedFile(name="../../etc/passwd", rows=1, bytes=1, sha256="0")
    manifest = Manifest(
        probe="dn-01", epoch=EPOCH, made=1, complete=True, software="test", files=(secret,)
    )
    file = tmp_path / manifest_name("dn-01", EPOCH)
    file.write_bytes(msgspec.json.encode(manifest))
    done = bring(tmp_path)
    assert "not of its epoch" in done.problems[0]


@pytest.mark.timeout(20)
def test_links_pipes_devices_and_folders_are_told_and_block_nobody(tmp_path, bring, ledger):
    stick = tmp_path / "stick"
    stick.mkdir()
    secret = tmp_path / "secret.jsonl"
    secret.write_bytes(b"password\n")
    (stick / "a.jsonl").symlink_to(secret)
    os.mkfifo(stick / "b.jsonl")
    os.mkfifo(stick / manifest_name("dn-01", EPOCH))
    (stick / "c.jsonl.zst").symlink_to("/dev/zero")
    (stick / "d.jsonl").mkdir()
    (stick / "e.jsonl").write_bytes(lines(radio_record(1)))
    (stick / "f").symlink_to(tmp_path)
    done = bring(stick)
    assert (done.new, done.read) == (1, 1)
    assert sorted(problem.partition(": ")[0] for problem in done.problems) == [
        str(stick / name)
        for name in ("a.jsonl", "b.jsonl", "c.jsonl.zst", "d.jsonl", manifest_name("dn-01", EPOCH))
    ]
    assert ledger.quarantine() == []


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
