"""The engine: the lake as ibis tables, with the time worked out from the boot's anchor."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from collector.store import columns
from collector.store.engine import EngineError, connect
from collector.store.lake import Lake, LakeError

from .records import START, as_rows, event_record, radio_record


@pytest.fixture
def store(lake):
    def store(*records):
        lake.merge(records[0].kind, as_rows(*records))

    return store


@pytest.fixture
def tables(lake_folder):
    Lake(lake_folder)
    with connect("duckdb://", lake_folder) as tables:
        yield tables


def times(tables):
    found = tables.radio.order_by("seq").select("utc", "utc_source", "utc_err_s").to_pyarrow()
    return [tuple(row.values()) for row in found.to_pylist()]


def anchor(seq, utc, **changes):
    return event_record(seq, "clock_anchor", utc=utc, **changes)


def test_an_empty_lake_has_every_table_and_column(tables):
    assert tables.video.count().to_pyarrow().as_py() == 0
    assert [*columns.schema("video").names, "utc_source"] == list(tables.video.columns)


def test_a_record_that_knows_its_time_keeps_it(store, tables):
    store(radio_record(1))
    store(anchor(2, START + timedelta(hours=1)))
    tables.refresh()
    assert times(tables) == [(START + timedelta(seconds=1), "record", 0.01)]


def test_a_record_without_time_has_it_from_the_anchor_of_its_boot(store, tables):
    store(radio_record(3, utc=None, utc_err_s=None))
    store(anchor(10, START + timedelta(microseconds=7), utc_err_s=0.5))
    tables.refresh()
    expected = START + timedelta(microseconds=7) - timedelta(seconds=7)
    assert times(tables) == [(expected, "anchor", 0.5)]


def test_the_most_certain_anchor_of_a_boot_is_believed(store, tables):
    store(radio_record(3, utc=None))
    store(
        anchor(8, START + timedelta(hours=3)),
        anchor(9, START + timedelta(hours=2), utc_err_s=2.0),
        anchor(10, START, utc_err_s=0.05),
        anchor(11, START + timedelta(hours=1), utc_err_s=1.0),
    )
    tables.refresh()
    assert times(tables) == [(START - timedelta(seconds=7), "anchor", 0.05)]


def test_an_anchor_of_unknown_error_is_better_than_none(store, tables):
    store(radio_record(3, utc=None))
    store(anchor(3, START))
    tables.refresh()
    assert times(tables) == [(START, "anchor", None)]


@pytest.mark.parametrize(
    ("mono_ns", "anchor_ns", "anchor_utc"),
    [
        (-(1 << 63), (1 << 63) - 1, START),
        ((1 << 63) - 1, 0, START),
        (3, 3, datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_impossible_clocks_give_no_time_and_spoil_no_query(
    store, tables, mono_ns, anchor_ns, anchor_utc
):
    store(radio_record(3, utc=None, utc_err_s=None, mono_ns=mono_ns))
    store(anchor(9, anchor_utc, mono_ns=anchor_ns, utc_err_s=0.1))
    tables.refresh()
    assert times(tables) == [(None, None, None)]


def test_the_anchor_of_another_boot_or_probe_says_nothing(store, tables):
    store(radio_record(3, utc=None, utc_err_s=None))
    other = UUID("33333333-3333-4333-8333-333333333333")
    store(anchor(4, START, boot_id=other), anchor(5, START, probe="dn-02"))
    tables.refresh()
    assert times(tables) == [(None, None, None)]


def test_a_refresh_says_whether_there_was_anything(store, tables):
    assert not tables.refresh()
    before = tables.versions
    store(radio_record(1))
    assert tables.refresh()
    assert tables.versions["radio"] == before["radio"] + 1
    assert tables["radio"].count().to_pyarrow().as_py() == 1


def test_text_of_the_lake_comes_back_as_it_was(store, tables):
    store(radio_record(1, reason="phía bắc: 'không sóng' \U0001f4f6"))
    tables.refresh()
    assert tables.radio.reason.to_pyarrow().to_pylist() == ["phía bắc: 'không sóng' \U0001f4f6"]


def count_rows(folder):
    with connect("duckdb://?threads=1", folder) as tables:
        return tables.radio.count().to_pyarrow().as_py()


def test_readers_in_other_processes_see_what_is_stored(store, lake_folder):
    store(radio_record(1), radio_record(2))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(count_rows, [lake_folder] * 2)) == [2, 2]


@pytest.mark.parametrize("url", ["mysql://localhost", "", "duckdb://?thread=1"])
def test_an_unknown_engine_is_an_error_that_names_it(url, lake_folder):
    with pytest.raises(EngineError) as caught:
        connect(url, lake_folder)
    assert caught.value.url == url


def test_an_unknown_kind_is_no_table(tables):
    with pytest.raises(AttributeError, match="weather"):
        _ = tables.weather


def test_without_a_lake_there_is_nothing_to_read(tmp_path):
    with pytest.raises(LakeError):
        connect("duckdb://", tmp_path)
