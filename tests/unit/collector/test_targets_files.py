"""Targets, operators and periods as files and texts name them, and how wrong ones are refused."""

from datetime import UTC, date, datetime

import pytest

from collector.targets import TargetError, UnknownPeriodError, load, operators, parse
from collector.targets.periods import Rule, recent_months
from collector.targets.target import read

GOOD = """
id = "T1"
kpi = "mean_download"
levels = ["commune"]
headline = "commune"
technologies = ["lte"]
title = {vi = "nhanh", en = "fast"}
period = {kind = "month"}

[[threshold]]
valid_from = 2024-07-02
value = 40.0
source = "a decision"

[[threshold]]
valid_from = 2027-01-01
value = 60.0
source = "a later decision"

[parameters]
rat_class = "4g"
unserved_locks = ["4g"]
profiles = ["tcp-6x10s"]
minimum = {blocks = 12}
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "t1.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_file_becomes_a_target(file):
    target = read(file(GOOD))
    assert target.id == "T1"
    assert target.kpi.name == "mean_download"
    assert target.parameters.minimum.blocks == 12
    assert target.parameters.minimum.places == 3
    assert target.profiles == ("tcp-6x10s",)


def test_the_threshold_in_force_begins_with_its_day_in_viet_nam(file):
    target = read(file(GOOD))
    assert target.threshold_at(datetime(2024, 7, 1, 16, 59, tzinfo=UTC)) is None
    assert target.threshold_at(datetime(2024, 7, 1, 17, tzinfo=UTC)).value == 40
    assert target.threshold_at(datetime(2026, 12, 31, 17, tzinfo=UTC)).value == 60
    assert target.thresholds[1].valid_from == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('id = "T1"', 'id = "[/bold]"', "id"),
        ('headline = "commune"', 'headline = "road"', "headline"),
        ('levels = ["commune"]', 'levels = ["village"]', "levels"),
        ('kpi = "mean_download"', 'kpi = "mean_dowload"', "kpi"),
        ("blocks = 12", "block = 12", "parameters.minimum.block"),
        ('rat_class = "4g"', "", "parameters"),
        ("value = 40.0", 'value = "40"', "threshold[0].value"),
        ("value = 40.0", "value = nan", "threshold[0]"),
        ('kind = "month"', 'kind = "moon"', "period"),
        ('kind = "month"', 'kind = "days", days = 0', "period"),
        ("2027-01-01", "2024-07-02", "threshold"),
        ('id = "T1"', 'id = "T1"\ncolour = "red"', "colour"),
        ("[parameters]", "[parameters", ""),
    ],
)
def test_a_wrong_key_is_an_error_that_names_its_place(file, old, new, place):
    with pytest.raises(TargetError) as caught:
        read(file(GOOD.replace(old, new)))
    assert caught.value.place == place
    assert "t1.toml" in str(caught.value)


def test_two_files_of_one_target_are_refused(file, tmp_path):
    file(GOOD)
    (tmp_path / "t1-again.toml").write_text(GOOD)
    with pytest.raises(TargetError, match="taken by another file"):
        load(tmp_path)


def test_entries_of_one_name_are_one_operator(tmp_path):
    path = tmp_path / "operators.toml"
    path.write_text(
        '[[operator]]\nplmn = "45204"\nname = "Viettel"\ntechnologies = ["lte"]\n'
        '[[operator]]\nplmn = "45206"\nname = "Viettel"\ntechnologies = ["nr-sa"]\ncolour = "red"\n'
    )
    (viettel,) = operators(path)
    assert viettel.plmns == ("45204", "45206")
    assert viettel.technologies == ("lte", "nr-sa")


def test_an_operator_without_a_plmn_is_refused(tmp_path):
    path = tmp_path / "operators.toml"
    path.write_text('[[operator]]\nname = "Viettel"\n')
    with pytest.raises(TargetError) as caught:
        operators(path)
    assert caught.value.place == "operator[0]"
    with pytest.raises(TargetError, match="cannot be read"):
        operators(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("second", "place"),
    [
        ({"plmn": "45202", "name": "Any"}, "operator[1].name"),
        ({"plmn": "45202", "name": ""}, "operator[1].name"),
        ({"plmn": "45202", "name": "Vina\\u001b[2J"}, "operator[1].name"),
        ({"plmn": "45204", "name": "VinaPhone"}, "operator[1].plmn"),
    ],
)
def test_an_operator_that_could_be_taken_for_another_is_refused(tmp_path, second, place):
    path = tmp_path / "operators.toml"
    path.write_text(
        '[[operator]]\nplmn = "45204"\nname = "Viettel"\n'
        f'[[operator]]\nplmn = "{second["plmn"]}"\nname = "{second["name"]}"\n'
    )
    with pytest.raises(TargetError) as caught:
        operators(path)
    assert caught.value.place == place


def test_months_and_quarters_begin_at_midnight_in_viet_nam():
    october, quarter, december = parse("2026-10"), parse("2026-Q4"), parse("2026-12")
    assert october.start_utc == datetime(2026, 9, 30, 17, tzinfo=UTC)
    assert october.end_utc == datetime(2026, 10, 31, 17, tzinfo=UTC)
    assert (quarter.start_utc, quarter.end_utc) == (october.start_utc, december.end_utc)
    assert december.end_utc == datetime(2026, 12, 31, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["2026-13", "2026-00", "2026-Q5", "26-10", "2026-10-01", "", "0001-01", "9999-12", "9999-Q4"],
)
def test_a_text_that_is_no_period_is_refused(text):
    with pytest.raises(UnknownPeriodError, match="2026-10"):
        parse(text)


@pytest.mark.parametrize(
    ("now", "month", "quarter"),
    [
        (datetime(2026, 9, 30, 16, 59, tzinfo=UTC), "2026-08", "2026-Q2"),
        (datetime(2026, 9, 30, 17, 0, tzinfo=UTC), "2026-09", "2026-Q3"),
        (datetime(2027, 1, 15, tzinfo=UTC), "2026-12", "2026-Q4"),
    ],
)
def test_without_being_asked_the_last_whole_period_counts_by_the_vietnamese_clock(
    now, month, quarter
):
    assert Rule(kind="month").over(now).label == month
    assert Rule(kind="quarter").over(now).label == quarter


def test_the_running_month_comes_first_among_the_recent_ones():
    found = recent_months(datetime(2026, 1, 31, 17, tzinfo=UTC), 3)
    assert [period.label for period in found] == ["2026-02", "2026-01", "2025-12"]


def test_days_count_back_from_now_or_from_the_end_of_what_is_asked():
    now = datetime(2026, 11, 10, 5, tzinfo=UTC)
    rule = Rule(kind="days", days=90)
    assert rule.over(now).end_utc == datetime(2026, 11, 10, 17, tzinfo=UTC)
    assert rule.over(now).label == "2026-08-13/2026-11-10"
    asked = rule.over(now, parse("2026-10"))
    assert asked.end_utc == parse("2026-10").end_utc
    assert (asked.end_utc - asked.start_utc).days == 90
    assert rule.over(now, parse("2026-11")) == rule.over(now)


def test_a_year_is_that_of_viet_nam():
    assert parse("2026").start_utc == datetime(2025, 12, 31, 17, tzinfo=UTC)
    assert parse("2026").end_utc == datetime(2026, 12, 31, 17, tzinfo=UTC)
    assert Rule(kind="year").over(datetime(2026, 6, 1, tzinfo=UTC)) == parse("2025")
