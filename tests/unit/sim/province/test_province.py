"""The folder that `dosong-sim province` writes."""

import json
from pathlib import Path

import msgspec
import pytest
import zstandard

from sim.cli import main
from sim.province.areas import Areas
from sim.province.province import Province
from sim.province.scenario import scenario
from sim.province.truth import Truth
from wire.carried import parse_file_name
from wire.codec import decode_record

COMMUNES = "24739,24740,24742,24746"


def lines_of(path):
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return reader.read().splitlines()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three months of four communes, and what is true there."""
    folder = tmp_path_factory.mktemp("made")
    areas = Areas()
    chosen = scenario(areas, months="2025-06..2025-08", communes=COMMUNES)
    chosen = msgspec.structs.replace(chosen, roads=("QL28-demo",))
    done = []
    truth = Province(chosen, areas).write(folder, done.append)
    assert len(done) == (2 + 3) * 3
    return folder, truth


@pytest.fixture(scope="module")
def delivered(made):
    folder, _ = made
    return {
        delivery: {path: lines_of(path) for path in sorted((folder / delivery).rglob("*.zst"))}
        for delivery in ("delivery-1", "delivery-2")
    }


@pytest.mark.timeout(240)
def test_every_line_is_a_record_under_its_files_name(delivered):
    for files in delivered.values():
        for path, lines in files.items():
            said = parse_file_name(path.name)
            records = [decode_record(line) for line in lines]
            assert {(one.probe, one.epoch) for one in records} == {said[:2]}
            seqs = [one.seq for one in records]
            assert (min(seqs), max(seqs)) == said.span


def test_both_deliveries_together_have_every_number_once_and_some_twice(made, delivered):
    _, truth = made
    seen: dict[tuple[str, int], bytes] = {}
    lines = 0
    for files in delivered.values():
        for content in files.values():
            for line in content:
                record = json.loads(line)
                assert seen.setdefault((record["probe"], record["seq"]), line) == line
                lines += 1
    assert len(seen) == truth.made.records
    assert lines - len(seen) == truth.made.duplicates > 0
    for probe in {probe for probe, _ in seen}:
        seqs = [seq for name, seq in seen if name == probe]
        assert sorted(seqs) == list(range(1, len(seqs) + 1))


def test_some_records_come_late_only(made, delivered):
    _, truth = made
    first = {line for content in delivered["delivery-1"].values() for line in content}
    second = {line for content in delivered["delivery-2"].values() for line in content}
    assert len(second - first) == truth.made.late > 0
    assert second & first


def test_the_truth_reads_back(made):
    folder, truth = made
    assert msgspec.json.decode((folder / "truth.json").read_bytes(), type=Truth) == truth
    targets = {one.target for one in truth.expected}
    assert targets == {"T1", "T2", "T3", "T4", "T5", "T6", "T7A", "T8", "A5"}


def test_new_areas_are_judged_since_the_reform(made):
    _, truth = made
    periods = {one.period for one in truth.expected if one.boundary_set == "province-2025"}
    assert periods == {"2025-07", "2025-08"}


@pytest.mark.timeout(240)
def test_the_same_seed_makes_the_same_bytes(tmp_path):
    areas = Areas()
    chosen = msgspec.structs.replace(
        scenario(areas, months="2025-06", communes="24739"), roads=("QL28-demo",)
    )
    for name in ("one", "two"):
        Province(chosen, areas).write(tmp_path / name, lambda _: None)
    ones = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(ones) > 10
    for path in ones:
        again: Path = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert again.read_bytes() == path.read_bytes(), path


def test_a_folder_that_holds_something_is_left_alone(tmp_path, capsys):
    (tmp_path / "kept").write_text("x")
    assert main(["province", "--out", str(tmp_path), "--scale", "small"]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_months_that_are_none_end_with_a_word(tmp_path, capsys):
    assert main(["province", "--out", str(tmp_path / "x"), "--months", "June"]) == 2
    assert "write 2025-06" in capsys.readouterr().err
