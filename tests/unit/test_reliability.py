"""The campaign's bookkeeping: what is lost, doubled, damaged or untested cannot go unseen."""

from pathlib import Path
from uuid import UUID

import pytest
from deltalake import DeltaTable, write_deltalake

from collector.cli import main
from tests.faults.catalogue import DELIVERY, FAULTS
from tests.faults.promises import Kept, Promises, compare
from tests.faults.reliability import Figure, Report, page
from tests.faults.tally import Tally, mark_misfit
from tests.unit.collector.records import EPOCH, radio_record
from wire.codec import encode_record, pack_file
from wire.kinds import radio

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reliability.md"
OTHER = UUID(int=7)


def number_of(seq):
    return 1_000_000 + seq


@pytest.fixture
def configuration(tmp_path):
    """A collector that has stored ten rows, numbered as their promises say."""
    file = tmp_path / "rows.jsonl.zst"
    rows = [
        radio_record(seq, payload=radio.Payload(temperature_c=number_of(seq)))
        for seq in range(1, 11)
    ]
    file.write_bytes(pack_file(map(encode_record, rows)))
    configuration = tmp_path / "collector.toml"
    configuration.write_text(f'[store]\nfolder = "{tmp_path / "store"}"\n')
    assert main(["import", "--config", str(configuration), str(file)]) == 0
    return configuration


def promises(*seqs):
    told = Promises()
    told.hear([f"open {EPOCH} 0", *(f"{EPOCH} {seq} {number_of(seq)}" for seq in seqs)])
    return told


def test_promises_that_were_kept_are_good(configuration):
    kept = compare(configuration, [promises(*range(1, 11))])
    assert kept == Kept(rows=10, lost=0, duplicates=0, corrupt=0)
    assert kept.is_good


def test_a_promised_row_that_is_not_in_the_lake_is_lost(configuration):
    assert compare(configuration, [promises(*range(1, 13))]).lost == 2


def test_a_row_of_another_epoch_does_not_stand_for_the_one_that_was_promised(configuration):
    other = Promises()
    other.hear([f"open {OTHER} 0", f"{OTHER} 1 {number_of(1)}"])
    assert compare(configuration, [other]).lost == 1


def test_a_row_that_is_there_twice_is_a_duplicate(configuration, tmp_path):
    table = DeltaTable(tmp_path / "store" / "lake" / "radio")
    write_deltalake(table, table.to_pyarrow_table().slice(0, 3), mode="append")
    assert compare(configuration, [promises(1)]).duplicates == 3


def test_a_content_that_is_there_under_two_keys_is_a_duplicate(configuration, tmp_path):
    table = DeltaTable(tmp_path / "store" / "lake" / "radio")
    table.update(updates={"temperature_c": str(float(number_of(1)))}, predicate="seq = 2")
    assert compare(configuration, [promises(1)]).duplicates == 1


def test_a_row_with_the_content_of_another_one_is_corrupt(configuration):
    told = promises(1, 2)
    told.numbers[str(EPOCH), 2] = number_of(3)
    assert compare(configuration, [told]).corrupt == 1


def test_a_number_that_is_promised_for_a_second_time_is_a_broken_promise():
    told = promises(1, 2, 3)
    told.hear([f"open {EPOCH} 3", f"{EPOCH} 3 {number_of(4)}"])
    assert len(told.broken) == 1


def test_an_outbox_that_goes_on_below_what_it_promised_is_a_broken_promise():
    told = promises(1, 2, 3)
    told.hear([f"open {EPOCH} 2"])
    assert len(told.broken) == 1


def test_an_outbox_that_begins_anew_is_a_broken_promise():
    told = promises(1, 2, 3)
    told.hear([f"open {OTHER} 0"])
    assert len(told.broken) == 1


def test_what_a_kernel_says_promises_nothing():
    told = Promises()
    told.hear(["Kernel panic - not syncing", f"{EPOCH} 12 ", "open sesame"])
    assert told == Promises()


@pytest.mark.parametrize("page", [PAGE.read_text(), page(Report(made={}, figures=(), tests=()))])
def test_the_page_has_every_fault(page):
    for number, words in FAULTS.items():
        assert f"- {number}: {words}\n" in page or f"| {number} | {words} |" in page, number


def test_a_fault_of_which_every_test_failed_is_listed_with_the_untested_ones():
    failed = Tally(faults=(12,), test="tests/faults/test_disk.py::test_eio", passed=False)
    passed = Tally(faults=(13,), test="tests/faults/test_disk.py::test_slow_disk", passed=True)
    idle = Tally(faults=(14,), test="tests/faults/test_disk.py::test_nothing", passed=True)
    for tally in (failed, passed):
        tally.tried(lost=0)
    report = Report(made={}, figures=(), tests=(failed, passed, idle))
    written = page(report)
    assert "| eio (`faults/test_disk.py`) | **failed** |" in written
    assert f"- 12: {FAULTS[12]}\n" in written
    assert f"- 13: {FAULTS[13]}\n" not in written
    assert f"- 14: {FAULTS[14]}\n" in written, "it tried nothing"
    assert not report.is_good


@pytest.mark.parametrize("what", ["lost", "duplicates", "corrupt"])
def test_one_row_that_is_not_as_promised_spoils_the_report(what):
    tally = Tally(faults=(1,), test="campaign", passed=True)
    tally.tried(times=10, rows=500, lost=0, duplicates=0, corrupt=0, recovery_s=0.4)
    figure = Figure(what="power cut", tally=tally)
    assert Report(made={}, figures=[figure], tests=()).is_good
    assert "| power cut | 10 | 500 | 0 | 0 | 0 | 0.4 s | 0.4 s |" in page(
        Report(made={}, figures=[figure], tests=())
    )
    tally.tried(**{what: 1})
    assert not Report(made={}, figures=[figure], tests=()).is_good


def test_a_mark_needs_a_tally_and_a_fault_that_is_known():
    assert mark_misfit((), ()) is None
    assert mark_misfit((1, 62), ("tmp_path", "tally")) is None
    assert "no `tally`" in mark_misfit((1,), ("tmp_path",))
    assert "[63]" in mark_misfit((1, 63), ("tally",))


def test_every_fault_that_could_cost_a_row_is_known():
    assert sorted(FAULTS) == list(range(1, 63))
    assert set(DELIVERY) <= FAULTS.keys()
