"""Files of others: wholly or not at all, once, and each row knows where it is from."""

from datetime import UTC, datetime

import pytest

from collector.imports import counts, table
from collector.imports.bringing import bring
from collector.imports.communes import Communes
from collector.imports.errors import ImportsError, StoreError
from collector.imports.local import local_day
from collector.imports.store import ImportStore, State
from tests.unit.collector.foreign_tables import (
    FIGURE_HEAD,
    FIGURES,
    NOW,
    OLD,
    SAMPLE_HEAD,
    SAMPLES,
    Desk,
)

GOOD = "2026-10-05T08:00:00,24611,,,Viettel,4g,38.69"
OTHER = "2026-10-05T09:00:00,24612,,,45202,4g,51"
FAST = "2026-10-05T09:00:00,24612,,,Viettel,4g,99999"
NUMBERED = SAMPLES.replace("[units]", 'sample = "id"\n[units]')


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_sample_is_stored_with_its_file_and_line(desk):
    brought = desk.bring(SAMPLES, SAMPLE_HEAD, GOOD, OTHER)
    assert (brought.state, brought.lines, brought.rows, brought.new) == ("taken", 2, 2, 2)
    first, second = desk.rows()
    assert (first["probe"], first["epoch"], first["seq"]) == ("import:1", brought.sha256, 2)
    assert first["utc"] == datetime(2026, 10, 5, 1, tzinfo=UTC)
    assert first["received_utc"] == NOW
    assert (first["commune"], first["boundary_set"]) == ("24611", OLD)
    assert (first["operator"], first["technology"]) == ("Viettel", "4g")
    assert first["download_mbit_s"] == 38.69
    assert first["ping_ms"] is None
    assert second["operator"] == "VinaPhone"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",24611,,,Viettel,4g,38", "time: is empty"),
        ("2026-10-05,24611,,,Viettel,4g,", "download: is empty"),
        ("2026-10-05,24611,,,Viettel,4g,fast", "download: 'fast' is no number"),
        ("2026-10-05,24611,,,Viettel,4g,-1", "download: -1 is not between 0 and 20000 Mbit/s"),
        ("2026-10-05,24611,,,Viettel,4g,NaN", "download: 'NaN' is no number"),
        ("2014-12-31,24611,,,Viettel,4g,38", "time: 2014-12-31 is before 2015 or in the future"),
        ("2026-12-31,24611,,,Viettel,4g,38", "time: 2026-12-31 is before 2015 or in the future"),
        ("2026-10-05,,,,Viettel,4g,38", "commune: neither a commune nor a position"),
        ("2026-10-05,,12.05,,Viettel,4g,38", "lat_deg: one of latitude and longitude is empty"),
        ("2026-10-05,,107.05,12.05,Viettel,4g,38", "lat_deg: 107.05 is not between -90 and 90"),
        ("2026-10-05,99999,,,Viettel,4g,38", "commune: '99999' is no commune of old 71"),
        ("2026-10-05,24611,,,CMC,4g,38", "operator: 'CMC' is none of Gmobile, MobiFone"),
        ("2026-10-05,24611,,,Viettel,WiMAX,38", "technology: 'WiMAX' is none of 2g, 3g"),
        ("2026-10-05,24611,,,\x1b[2J,4g,38", "operator: holds a character that cannot be seen"),
        (f"2026-10-05,24611,,,{'V' * 501},4g,38", "operator: has 501 characters, more than 500"),
        ("2026-10-05,24611,,,Viettel,4g", "has 6 fields, and there are 7 columns"),
    ],
)
def test_one_bad_line_and_nothing_is_taken(desk, line, reason):
    brought = desk.bring(SAMPLES, SAMPLE_HEAD, GOOD, line)
    assert (brought.state, brought.rows, brought.refused) == ("refused", 0, 1)
    assert brought.bad_lines[0].line == 3
    assert brought.bad_lines[0].reason.startswith(reason)
    assert desk.rows() == []
    with ImportStore(desk.database, read_only=True) as store:
        (kept,) = store.imports()
        assert (kept.state, kept.lines, kept.refused) == (State.REFUSED, 2, 1)
        assert store.bad_lines(kept.id)[0].text == line


def test_partial_import_leaves_out_the_bad_lines_and_keeps_them(desk):
    brought = desk.bring(SAMPLES, SAMPLE_HEAD, GOOD, FAST, accept_partial=True)
    assert (brought.state, brought.rows, brought.refused) == ("taken", 1, 1)
    assert len(desk.rows()) == 1


def test_a_file_without_one_good_line_is_never_taken(desk):
    assert desk.bring(SAMPLES, SAMPLE_HEAD, FAST, accept_partial=True).state == "refused"
    assert desk.bring(SAMPLES, SAMPLE_HEAD).state == "refused"


def test_a_dry_run_stores_nothing_and_says_the_same(desk):
    said = desk.bring(SAMPLES, SAMPLE_HEAD, GOOD, dry_run=True)
    assert (said.state, said.rows, said.new, said.import_id) == ("taken", 1, 1, None)
    assert desk.rows() == []


def test_the_same_file_twice_brings_nothing_new(desk):
    mapping = desk.mapping(SAMPLES)
    file = desk.file(SAMPLE_HEAD, GOOD)
    with ImportStore(desk.database) as store:
        first = bring(file, mapping, place=desk.place, store=store, now=NOW)
        again = bring(file, mapping, place=desk.place, store=store, now=NOW)
        assert (first.state, again.state) == ("taken", "here")
        assert (again.import_id, again.new) == (first.import_id, 0)
        assert len(store.imports()) == 1


def test_the_same_file_by_another_mapping_is_refused_until_it_is_withdrawn(desk):
    desk.bring(SAMPLES, SAMPLE_HEAD, GOOD)
    kbit = SAMPLES.replace("Mbit/s", "kbit/s")
    with pytest.raises(ImportsError, match=r"is here as import 1, .* withdraw 1` first"):
        desk.bring(kbit, SAMPLE_HEAD, GOOD)
    with ImportStore(desk.database) as store:
        store.withdraw(1, why="wrong unit", now=NOW)
    assert desk.bring(kbit, SAMPLE_HEAD, GOOD).state == "taken"
    assert [row["download_mbit_s"] for row in desk.rows()] == [0.03869]


def test_a_file_that_was_refused_may_come_again(desk):
    desk.bring(SAMPLES, SAMPLE_HEAD, FAST)
    desk.bring(SAMPLES, SAMPLE_HEAD, FAST)
    with ImportStore(desk.database, read_only=True) as store:
        assert len(store.imports()) == 1


def test_files_that_overlap_count_each_sample_once(desk):
    desk.bring(SAMPLES, SAMPLE_HEAD, GOOD)
    second = desk.bring(SAMPLES, SAMPLE_HEAD, GOOD, OTHER)
    assert (second.rows, second.new, second.repeated) == (2, 1, 1)
    assert [(row["probe"], row["seq"]) for row in desk.rows()] == [("import:1", 2), ("import:2", 3)]


def test_equal_lines_without_a_number_are_one_sample(desk):
    brought = desk.bring(SAMPLES, SAMPLE_HEAD, GOOD, GOOD, GOOD)
    assert (brought.new, brought.repeated) == (1, 2)
    assert len(desk.rows()) == 1


def test_a_number_tells_equal_samples_apart_and_must_say_the_same_again(desk):
    head = f"{SAMPLE_HEAD},id"
    brought = desk.bring(NUMBERED, head, f"{GOOD},1", f"{GOOD},2")
    assert brought.new == 2
    assert desk.bring(NUMBERED, head, f"{GOOD},2", f"{OTHER},3").new == 1
    wrong = desk.bring(NUMBERED, head, f"{OTHER},1")
    assert wrong.bad_lines[0].reason.startswith("a sample of this number was imported before")
    twice = desk.bring(NUMBERED, head, f"{GOOD},7", f"{OTHER},7")
    assert twice.bad_lines[0].reason == "line 2 has the same number and says something else"


def test_what_is_withdrawn_counts_no_more_and_what_repeats_it_does(desk):
    desk.bring(SAMPLES, SAMPLE_HEAD, GOOD)
    desk.bring(SAMPLES, SAMPLE_HEAD, GOOD, OTHER)
    with ImportStore(desk.database) as store:
        gone = store.withdraw(1, why="of another province", now=NOW)
        assert (gone.state, gone.withdrawn_why) == (State.WITHDRAWN, "of another province")
        with pytest.raises(StoreError, match="import 1 is withdrawn"):
            store.withdraw(1, why="again", now=NOW)
        with pytest.raises(StoreError, match="there is no import 9"):
            store.withdraw(9, why="?", now=NOW)
    assert [row["probe"] for row in desk.rows()] == ["import:2", "import:2"]


def test_a_value_map_says_what_foreign_words_mean(desk):
    mapping = (
        SAMPLES
        + '\n[values.operator]\n"VIETTEL TELECOM" = "Viettel"\n"*" = "unknown"\n'
        + '[values.technology]\n"Cố định" = "fixed"\n'
    )
    lines = [
        "2026-10-05,24611,,,viettel telecom,4g,38",
        "2026-10-05,24611,,,CMC,cố định,138",
        "2026-10-05,24611,,,,,38",
    ]
    desk.bring(mapping, SAMPLE_HEAD, *lines)
    said = [(row["operator"], row["technology"]) for row in desk.rows()]
    assert said == [("Viettel", "4g"), (None, "fixed"), (None, None)]


def test_a_position_gets_the_commune_it_lies_in_and_contradictions_are_counted(desk):
    lines = [
        "2026-10-05T01:00,,12.05,107.15,Viettel,4g,38",
        "2026-10-05T02:00,24612,12.05,107.05,Viettel,4g,38",
        "2026-10-05T03:00,,13.05,107.15,Viettel,4g,38",
    ]
    brought = desk.bring(SAMPLES, SAMPLE_HEAD, *lines)
    assert (brought.outside, brought.elsewhere) == (1, 1)
    assert [row["commune"] for row in desk.rows()] == ["24612", "24612", None]


def test_a_later_file_of_figures_replaces_what_it_says_again(desk):
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,290,39,35", "2026-10,24612,,4g,310,42,41")
    second = desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,312,40,36")
    assert (second.new, second.replaced) == (0, 1)
    said = {row["commune"]: row["samples"] for row in desk.rows("ispeed_month")}
    assert said == {"24611": 312, "24612": 310}
    with ImportStore(desk.database) as store:
        store.withdraw(2, why="typing error", now=NOW)
    said = {row["commune"]: row["samples"] for row in desk.rows("ispeed_month")}
    assert said == {"24611": 290, "24612": 310}


def test_figures_of_one_commune_and_month_stand_in_one_line(desk):
    line = "2026-10,24611,,4g,312,40,36"
    twice = desk.bring(FIGURES, FIGURE_HEAD, line, line.replace("312", "313"))
    assert twice.bad_lines[0].reason == "line 2 speaks of the same commune and month already"
    zero = desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,0,40,36")
    assert zero.bad_lines[0].reason.startswith("samples: is 0, and a rate is given")
    part = desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,1.5,40,36")
    assert part.bad_lines[0].reason == "samples: 1.5 is no whole number"


def test_counts_show_mean_and_median_apart(desk):
    rates = (10, 20, 90)
    lines = [f"2026-10-05T0{n}:00,24611,,,Viettel,4g,{rate}" for n, rate in enumerate(rates)]
    desk.bring(SAMPLES, SAMPLE_HEAD, *lines)
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,312,40,36")
    (one,) = counts.counts(desk.database, month="2026-10")
    assert (one.samples, one.mean, one.median) == (3, 40, 20)
    assert (one.published_samples, one.published_mean, one.published_median) == (312, 40, 36)
    assert counts.counts(desk.database, month="2026-09") == []


REPORTS = """
kind = "commune_report"
series = "reports"

[time]
month = "%m/%Y"
day = "%d/%m/%Y"

[columns]
month = "month"
commune = "commune"
received = "received"
reference = "reference"

[communes]
by = "name"
boundary_set = "old 71"

[figures]
speed = "speed"
"""


def test_who_reported_of_a_month_and_who_did_not(desk):
    head = "month,commune,received,reference,speed"
    desk.bring(REPORTS, head, "10/2026,Nghĩa Đức,05/11/2026,=12/BC,about 40")
    (row,) = desk.rows("commune_report")
    assert (row["received"], row["figures"]) == ("2026-11-05", '{"speed":"about 40"}')
    communes = Communes(desk.place.boundaries.areas)
    month = local_day(row["utc"])
    said = counts.reported(desk.database, communes, month=month, boundary_set=OLD)
    assert [(one.commune, one.reports, one.received) for one in said] == [
        ("24611", 1, "2026-11-05"),
        ("24612", 0, None),
    ]


def test_a_report_cannot_come_before_its_month(desk):
    head = "month,commune,received,reference,speed"
    early = desk.bring(REPORTS, head, "10/2026,Nghĩa Đức,05/09/2026,1,40")
    assert early.bad_lines[0].reason.startswith("received: 2026-09-05 is before the month")


def test_nothing_imported_is_an_empty_table_of_each_kind(desk):
    for kind in ("ispeed", "ispeed_month", "commune_report", "audit"):
        assert desk.rows(kind) == []
    with pytest.raises(KeyError):
        desk.rows("speedtest")


def test_a_source_sees_what_was_brought_or_withdrawn_meanwhile(desk):
    source = table.source(desk.database)
    assert len(source("ispeed")) == 0
    desk.bring(SAMPLES, SAMPLE_HEAD, GOOD)
    assert len(source("ispeed")) == 1
    assert source("ispeed") is source("ispeed")
    with ImportStore(desk.database) as store:
        store.withdraw(1, why="wrong", now=NOW)
    assert len(source("ispeed")) == 0


def test_a_newer_file_is_not_touched(desk):
    with ImportStore(desk.database) as store:
        store._db.execute("PRAGMA user_version = 99")
    for read_only in (True, False):
        with pytest.raises(StoreError, match="made by a newer collector"):
            ImportStore(desk.database, read_only=read_only)
