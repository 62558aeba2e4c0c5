"""A5: i-Speed samples of each commune and month, counted once, by the set they belong to."""

import pytest

from collector.kpi import Area, Ground, Operator, kpis
from collector.targets import judge, load, periods
from tests.unit.collector.foreign_tables import (
    FIGURE_HEAD,
    FIGURES,
    NEW,
    OLD,
    SAMPLE_HEAD,
    SAMPLES,
    Desk,
    Squares,
)

OCTOBER = periods.month(2026, 10)
TARGET = next(target for target in load() if target.id == "A5")
OPERATORS = (Operator(name="Viettel", plmns=("45204",), technologies=("lte",)),)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def ground(*codes, boundary_set=OLD, layers=None):
    around = {"district": "660", "province": "67"}
    return Ground(
        boundary_set=boundary_set,
        areas=(
            Area(level="province", code="67", name="Đắk Nông"),
            Area(level="district", code="660", name="Gia Nghĩa", within={"province": "67"}),
            *(Area(level="commune", code=code, name=f"Xã {code}", within=around) for code in codes),
        ),
        roads=(),
        operators=OPERATORS,
        layers=layers,
    )


def samples(count, commune="24611", *, position=",", technology="4g", day="2026-10-05"):
    """So many different samples of one commune on one day."""
    return [
        f"{day}T08:{n // 60:02}:{n % 60:02},{commune},{position},Viettel,{technology},{n % 90}"
        for n in range(count)
    ]


def counted(desk, lake, where, period=OCTOBER):
    return kpis()["sample_count"].measure(
        desk.source(lake),
        ground=where,
        levels=TARGET.levels,
        period=period,
        threshold=300,
        parameters=TARGET.parameters,
    )


def verdicts(desk, lake, where, period=OCTOBER):
    found = judge(desk.source(lake), [TARGET], ground=where, now=period.end_utc, period=period)
    return {one.code or one.level: one for one in found if one.level != "headline"}, found[0]


def test_300_samples_pass_and_299_fail(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(300), *samples(299, "24612"))
    found, headline = verdicts(desk, empty_lake, ground("24611", "24612"))
    enough, short = found["24611"], found["24612"]
    assert (enough.verdict, enough.estimate, enough.lower, enough.upper) == ("PASS", 300, 300, 300)
    assert (short.verdict, short.estimate) == ("FAIL", 299)
    assert "299 samples" in short.reason.en
    assert "299 mẫu" in short.reason.vi
    assert headline.verdict == "FAIL"
    assert headline.n == 599


def test_a_commune_of_which_nobody_said_anything_has_no_data(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(300))
    found, headline = verdicts(desk, empty_lake, ground("24611", "24612"))
    assert found["24612"].verdict == "NO_DATA"
    assert found["24612"].need[0].more == 300
    assert headline.verdict == "NOT_PROVEN"


def test_a_count_that_is_known_to_be_zero_fails(desk, empty_lake):
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,0,,")
    (zero,) = verdicts(desk, empty_lake, ground("24611"))[0].values()
    assert (zero.verdict, zero.estimate, zero.n) == ("FAIL", 0, 0)


def test_a_figure_of_no_sample_counts_and_is_not_the_same_as_another(desk, empty_lake):
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,0,,")
    found = counted(desk, empty_lake, ground("24611"))
    assert (found.findings[0].estimate, found.excluded) == (0, {})
    assert found.rows["reason"].to_pylist() == [None]


def test_a_sample_belongs_to_its_month_in_viet_nam(desk, empty_lake):
    late = "2026-10-31T23:59:59,24611,,,Viettel,4g,1"
    early = "2026-11-01T00:00:00,24611,,,Viettel,4g,1"
    desk.bring(SAMPLES, SAMPLE_HEAD, late, early)
    assert counted(desk, empty_lake, ground("24611")).n == 1


def test_samples_of_fixed_lines_do_not_count_and_of_unknown_technology_do(desk, empty_lake):
    lines = samples(2, technology="fixed"), samples(3, technology="", day="2026-10-06")
    desk.bring(SAMPLES, SAMPLE_HEAD, *lines[0], *lines[1])
    measured = counted(desk, empty_lake, ground("24611"))
    assert measured.findings[0].estimate == 3
    assert measured.findings[0].excluded == {"fixed_line": 2}


def test_codes_count_only_in_the_set_they_are_codes_of(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(5))
    for boundary_set, count in ((OLD, 5), (f"{OLD} 2", 5), (NEW, None)):
        measured = counted(desk, empty_lake, ground("24611", boundary_set=boundary_set))
        assert measured.findings[0].estimate == count
    assert measured.excluded == {"other_boundary_set": 5}


def test_positions_count_in_both_geographies_by_their_own_polygons(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(4, "", position="12.05,107.15"), *samples(3))
    old = counted(desk, empty_lake, ground("24611", "24612", layers=Squares(["24611", "24612"])))
    assert [one.estimate for one in old.findings] == [3, 4]
    new = ground("24611", boundary_set=NEW, layers=Squares(["24611", "24611"]))
    assert [one.estimate for one in counted(desk, empty_lake, new).findings] == [4]


def test_a_position_decides_whatever_code_stands_beside_it(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(4, "24611", position="12.05,107.15"))
    where = ground("24611", "24612", layers=Squares(["24611", "24612"]))
    assert [one.estimate for one in counted(desk, empty_lake, where).findings] == [None, 4]


def test_published_and_single_samples_are_never_added(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(200), *samples(310, "24612"))
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,305,40,36", "2026-10,24612,,4g,250,40,36")
    measured = counted(desk, empty_lake, ground("24611", "24612"))
    published, single = measured.findings
    assert (published.estimate, published.excluded) == (305, {"same_samples": 200})
    assert (single.estimate, single.excluded) == (310, {"same_samples": 1})
    assert published.context["samples_one_by_one"] == 200
    assert published.context["samples_published"] == 305


def test_figures_of_operators_are_added_unless_one_of_all_is_there(desk, empty_lake):
    parts = ["2026-10,24611,Viettel,4g,200,40,36", "2026-10,24611,VinaPhone,4g,150,40,36"]
    desk.bring(FIGURES, FIGURE_HEAD, *parts)
    assert counted(desk, empty_lake, ground("24611")).findings[0].estimate == 350
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,,320,40,36")
    found = counted(desk, empty_lake, ground("24611")).findings[0]
    assert (found.estimate, found.excluded) == (320, {"part_of_total": 2})


def test_a_quarter_counts_by_its_poorest_month_and_asks_for_all(desk, empty_lake):
    quarter = periods.quarter(2026, 4)
    for month, count in (("10", 310), ("11", 301)):
        desk.bring(SAMPLES, SAMPLE_HEAD, *samples(count, day=f"2026-{month}-05"))
    (found,) = counted(desk, empty_lake, ground("24611"), quarter).findings
    assert (found.estimate, found.lower, found.upper) == (301, 0, 301)
    assert found.against_pass[0].en == "nothing is known of 2026-12"
    assert verdicts(desk, empty_lake, ground("24611"), quarter)[0]["24611"].verdict == "NOT_PROVEN"


def test_whether_the_commune_reported_stands_beside(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(1))
    reports = """
kind = "commune_report"
series = "reports"
[columns]
month = "month"
commune = "commune"
received = "received"
[communes]
boundary_set = "old 71"
"""
    desk.bring(reports, "month,commune,received", "2026-10,24611,2026-11-05")
    context = counted(desk, empty_lake, ground("24611")).findings[0].context
    assert (context["reports"], context["report_received"]) == (1, "2026-11-05")
    assert context["samples_by_operator"] == ["Viettel: 1"]


def test_the_rows_give_each_count_again(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(7), *samples(2, technology="fixed"))
    measured = counted(desk, empty_lake, ground("24611"))
    rows = measured.rows.to_pylist()
    counting = [row for row in rows if row["reason"] is None and row["commune"] == "24611"]
    assert len(counting) == measured.findings[0].estimate == 7
    assert measured.rows.sort_by(
        [(name, "ascending") for name in ("probe", "epoch", "seq")]
    ).equals(measured.rows)
