"""What every engine must do: the lake as ibis tables, with the time worked out from an anchor.

A test module of an engine makes a subclass and the fixture `engine_url`.
"""

import math
from datetime import UTC, datetime, timedelta
from uuid import UUID

import ibis
import pyarrow as pa
import pytest

from collector.store import columns
from collector.store.engine import EngineError, connect
from collector.store.lake import Lake
from wire.messages import ClockState

from .records import START, as_rows, event_record, radio_record

DAY = timedelta(days=1)


def times(tables):
    found = tables.radio.order_by("seq").select("utc", "utc_source", "utc_err_s").to_pyarrow()
    return [tuple(row.values()) for row in found.to_pylist()]


def anchor(seq, utc, **changes):
    return event_record(seq, "clock_anchor", utc=utc, **changes)


class EngineBehaviour:
    """The contract, once for all."""

    @pytest.fixture
    def store(self, lake):
        """Adds records of one kind to the lake."""

        def store(*records):
            lake.merge(records[0].kind, as_rows(*records))

        return store

    @pytest.fixture
    def tables(self, engine_url, lake, lake_folder):  # noqa: ARG002  # there must be a lake
        with connect(engine_url, lake_folder) as tables:
            yield tables

    def test_an_empty_lake_has_every_table_and_column(self, tables):
        assert tables.video.count().to_pyarrow().as_py() == 0
        assert [*columns.schema("video").names, "utc_source"] == list(tables.video.columns)

    def test_a_record_that_knows_its_time_keeps_it(self, store, tables):
        store(radio_record(1))
        store(anchor(2, START + timedelta(hours=1)))
        tables.refresh()
        assert times(tables) == [(START + timedelta(seconds=1), "record", 0.01)]

    def test_a_record_without_time_has_it_from_the_anchor_of_its_boot(self, store, tables):
        store(radio_record(3, utc=None, utc_err_s=None))
        store(anchor(10, START + timedelta(microseconds=7), utc_err_s=0.5))
        tables.refresh()
        expected = START + timedelta(microseconds=7) - timedelta(seconds=7)
        assert times(tables) == [(expected, "anchor", 0.5 + 7 * 50e-6)]

    def test_the_last_anchor_of_a_boot_is_believed(self, store, tables):
        store(radio_record(3, utc=None))
        store(
            anchor(8, START + timedelta(hours=3), utc_err_s=0.01),
            anchor(9, START + timedelta(hours=2), utc_err_s=0.05),
            anchor(10, START, utc_err_s=0.5),
        )
        tables.refresh()
        assert times(tables) == [(START - timedelta(seconds=7), "anchor", 0.5 + 7 * 50e-6)]

    def test_a_time_that_a_later_anchor_contradicts_is_corrected(self, store, tables):
        wrong = START + timedelta(hours=1)
        store(
            radio_record(3, utc=wrong, utc_err_s=0.5),
            radio_record(4, utc=START + timedelta(seconds=0.9), utc_err_s=0.5),
            radio_record(11, utc=wrong, utc_err_s=0.5),
        )
        store(anchor(10, START + timedelta(seconds=7), utc_err_s=0.5))
        tables.refresh()
        assert times(tables) == [
            (START, "anchor", 0.5 + 7 * 50e-6),
            (START + timedelta(seconds=0.9), "record", 0.5),
            (wrong, "record", 0.5),
        ]

    def test_an_absurd_error_corrects_nothing_and_spoils_no_query(self, store, tables):
        store(radio_record(3, utc=START, utc_err_s=86_400.0))
        store(radio_record(4, utc=START, utc_err_s=1e300))
        store(anchor(10, START + timedelta(hours=1), utc_err_s=0.5))
        tables.refresh()
        assert times(tables) == [
            (START, "record", 86_400.0),
            (START + timedelta(hours=1, seconds=-6), "anchor", 0.5 + 6 * 50e-6),
        ]

    @pytest.mark.parametrize(
        "unknown",
        [
            {"clock_state": ClockState.UNSYNCED},
            {"clock_state": ClockState.RESTORED},
            {"utc_err_s": 86_401.0},
            {"utc_err_s": -0.1},
            {"utc_err_s": math.nan},
        ],
    )
    def test_a_time_that_nobody_told_dates_nothing(self, store, tables, unknown):
        store(radio_record(3, utc=START, **unknown))
        store(radio_record(13, utc=START, **unknown))
        store(anchor(4, START, **unknown))
        tables.refresh()
        assert times(tables) == [(None, None, None)] * 2
        store(anchor(9, START, utc_err_s=0.5))
        tables.refresh()
        assert [(at, source) for at, source, _ in times(tables)] == [
            (START - timedelta(seconds=6), "anchor"),
            (START + timedelta(seconds=4), "anchor"),
        ]

    def test_an_anchor_of_unknown_error_is_better_than_none(self, store, tables):
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
        self, store, tables, mono_ns, anchor_ns, anchor_utc
    ):
        store(radio_record(3, utc=None, utc_err_s=None, mono_ns=mono_ns))
        store(anchor(9, anchor_utc, mono_ns=anchor_ns, utc_err_s=0.1))
        tables.refresh()
        assert times(tables) == [(None, None, None)]

    def test_the_anchor_of_another_boot_or_probe_says_nothing(self, store, tables):
        store(radio_record(3, utc=None, utc_err_s=None))
        other = UUID("33333333-3333-4333-8333-333333333333")
        store(anchor(4, START, boot_id=other), anchor(5, START, probe="dn-02"))
        tables.refresh()
        assert times(tables) == [(None, None, None)]

    def test_a_refresh_says_whether_there_was_anything(self, store, tables):
        assert not tables.refresh()
        before = tables.versions
        store(radio_record(1))
        assert tables.refresh()
        assert tables.versions["radio"] == before["radio"] + 1
        assert tables["radio"].count().to_pyarrow().as_py() == 1

    def test_text_of_the_lake_comes_back_as_it_was(self, store, tables):
        store(radio_record(1, reason="phía bắc: 'không sóng' \U0001f4f6"))
        tables.refresh()
        assert tables.radio.reason.to_pyarrow().to_pylist() == ["phía bắc: 'không sóng' \U0001f4f6"]

    def test_what_is_read_has_plain_arrow_types(self, store, tables):
        store(radio_record(1, utc_err_s=None))
        tables.refresh()
        found = tables.read(
            tables.radio.select(
                "seq", "utc", "utc_err_s", "outcome", heard=tables.radio.plmn == "45204"
            )
        )
        assert found.schema == pa.schema(
            [
                ("seq", pa.int64()),
                ("utc", pa.timestamp("us", "UTC")),
                ("utc_err_s", pa.float64()),
                ("outcome", pa.string()),
                ("heard", pa.bool_()),
            ]
        )
        assert found.to_pylist() == [
            {
                "seq": 1,
                "utc": START + timedelta(seconds=1),
                "utc_err_s": None,
                "outcome": "ok",
                "heard": True,
            }
        ]

    def test_a_single_number_is_read_as_a_table_of_one_cell(self, store, tables):
        store(radio_record(1), radio_record(2))
        tables.refresh()
        assert tables.read(tables.radio.count().name("rows")).to_pylist() == [{"rows": 2}]

    def test_partitions_name_the_files_of_each_date(self, store, tables):
        assert tables.partitions("radio") == {}
        store(radio_record(1), radio_record(2, utc=None), radio_record(3, utc=START + DAY))
        tables.refresh()
        before = tables.partitions("radio")
        assert list(before) == ["2026-11-01", "2026-11-02", "undated"]
        assert [len(files) for files in before.values()] == [1, 1, 1]
        store(radio_record(4, utc=START + DAY))
        tables.refresh()
        after = tables.partitions("radio")
        assert {date for date in after if after[date] != before[date]} == {"2026-11-02"}
        assert set(before["2026-11-02"]) < set(after["2026-11-02"])

    def test_only_some_dates_have_their_rows_alone_with_time_worked_out(self, store, tables):
        store(
            radio_record(1),
            radio_record(2, utc=None, utc_err_s=None),
            radio_record(20, utc=START + DAY),
        )
        store(anchor(10, START, utc_err_s=0.5))
        tables.refresh()
        some = tables.only("radio", ["undated", "2026-11-02", "1999-01-01"])
        assert some.columns == tables.radio.columns
        found = tables.read(some.order_by("seq").select("seq", "date", "utc", "utc_source"))
        assert [tuple(row.values()) for row in found.to_pylist()] == [
            (2, "undated", START - timedelta(seconds=8), "anchor"),
            (20, "2026-11-02", START + DAY, "record"),
        ]
        assert len(tables.read(tables.only("radio", []))) == 0

    def test_only_some_dates_look_at_no_other_file(self, store, tables, lake_folder):
        store(radio_record(1), radio_record(3, utc=START + DAY))
        tables.refresh()
        for file in (lake_folder / "radio" / "date=2026-11-01").iterdir():
            file.write_bytes(b"not Parquet")
        found = tables.read(tables.only("radio", ["2026-11-02"]).select("seq"))
        assert found.to_pylist() == [{"seq": 3}]

    def test_files_that_are_gone_are_an_error_of_the_engine(self, store, tables, lake_folder):
        store(radio_record(1))
        tables.refresh()
        for file in (lake_folder / "radio" / "date=2026-11-01").iterdir():
            file.unlink()
        with pytest.raises(EngineError, match="date=2026-11-01"):
            tables.read(tables.radio)

    def test_an_unknown_kind_is_no_table(self, tables):
        with pytest.raises(AttributeError, match="weather"):
            _ = tables.weather

    def test_a_column_that_older_files_lack_is_null_there(
        self, engine_url, store, lake_folder, monkeypatch
    ):
        store(radio_record(1))
        newer = columns.schema("radio").append(pa.field("antenna", pa.string()))
        monkeypatch.setattr(columns, "schema", lambda _kind: newer)
        row = as_rows(radio_record(2)).append_column("antenna", pa.array(["roof"]))
        Lake(lake_folder).merge("radio", row)
        with connect(engine_url, lake_folder) as tables:
            found = tables.read(tables.radio.order_by("seq").select("antenna"))
        assert found["antenna"].to_pylist() == [None, "roof"]

    def test_a_folder_with_odd_letters_is_read(self, engine_url, tmp_path):
        folder = tmp_path / "hồ 1 [2] {a,b} *? 'x' #"
        Lake(folder).merge("radio", as_rows(radio_record(7)))
        with connect(engine_url, folder) as tables:
            found = tables.read(tables.radio.select("seq", "date"))
        assert found.to_pylist() == [{"seq": 7, "date": "2026-11-01"}]

    def test_of_two_anchors_at_one_instant_the_later_number_counts(self, store, tables):
        store(radio_record(3, utc=None))
        store(
            anchor(8, START, mono_ns=10**10, utc_err_s=0.5),
            anchor(9, START + DAY, mono_ns=10**10, utc_err_s=None),
        )
        tables.refresh()
        assert times(tables) == [(START + DAY - timedelta(seconds=7), "anchor", None)]

    def test_null_nan_and_large_integers_come_back_as_they_were(self, tables):
        given = pa.table(
            {
                "row": [1, 2, 3],
                "number": [math.nan, None, -0.0],
                "whole": pa.array([2**53 + 1, None, -(2**63)], pa.int64()),
                "true": [True, None, False],
                "text": ["", None, "đường"],
                "at": pa.array([START, None, datetime(1, 1, 1, tzinfo=UTC)], columns.TIMESTAMP),
            }
        )
        found = tables.read(ibis.memtable(given).order_by("row"))
        assert found.schema == given.schema
        assert repr(found.to_pylist()) == repr(given.to_pylist())

    def test_nan_is_a_number_and_null_is_none(self, tables):
        given = ibis.memtable(pa.table({"row": [1, 2], "x": [math.nan, None]}))
        asked = given.order_by("row").select(
            isnull=given.x.isnull(),
            notnull=given.x.notnull(),
            isnan=given.x.isnan(),
            most=ibis.greatest(given.x, 1.0),
            above=given.x > 1.0,
        )
        assert repr(tables.read(asked).to_pylist()) == repr(
            [
                {"isnull": False, "notnull": True, "isnan": True, "most": math.nan, "above": True},
                {"isnull": True, "notnull": False, "isnan": None, "most": 1.0, "above": None},
            ]
        )

    def test_a_cast_to_an_integer_takes_the_nearest_and_of_two_the_even_one(self, tables):
        given = ibis.memtable(pa.table({"row": range(5), "x": [2.5, 3.5, -2.5, -0.6, 1e15 + 0.7]}))
        found = tables.read(given.order_by("row").select(whole=given.x.cast("int64")))
        assert found["whole"].to_pylist() == [2, 4, -2, -1, 1_000_000_000_000_001]

    def test_division_by_zero_ends_no_query(self, tables):
        given = ibis.memtable(pa.table({"row": range(4), "x": [1.0, -1.0, 0.0, None]}))
        found = tables.read(given.order_by("row").select(ratio=given.x / (given.x - given.x)))
        assert str(found["ratio"].to_pylist()) == "[inf, -inf, nan, None]"

    def test_what_nothing_was_collected_of_is_null(self, tables):
        given = ibis.memtable(pa.table({"x": [1.0, 2.0]}))
        found = tables.read(given.aggregate(xs=given.x.collect(where=given.x > 5)))
        assert found.to_pylist() == [{"xs": None}]

    def test_a_table_in_memory_is_joined(self, store, tables):
        store(radio_record(1), radio_record(2, probe="dn-02"), radio_record(3, probe="dn-03"))
        tables.refresh()
        known = pa.table({"probe": ["dn-01", "dn-02"], "weight": [2**53 + 1, None]})
        joined = tables.radio.left_join(ibis.memtable(known), "probe").order_by("seq")
        found = tables.read(joined.select("seq", "weight"))
        assert found.to_pylist() == [
            {"seq": 1, "weight": 2**53 + 1},
            {"seq": 2, "weight": None},
            {"seq": 3, "weight": None},
        ]
