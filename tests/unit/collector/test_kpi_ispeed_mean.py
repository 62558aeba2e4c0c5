"""T1 by i-Speed: the mean decides, the median stands beside it, and figures alone prove nothing."""

import math

import msgspec
import numpy as np
import pytest

from collector import stats
from collector.kpi import Area, Ground, Operator, kpis
from collector.targets import judge, load, periods
from tests.unit.collector.foreign_tables import (
    FIGURE_HEAD,
    FIGURES,
    OLD,
    SAMPLE_HEAD,
    SAMPLES,
    Desk,
)

OCTOBER = periods.month(2026, 10)
TARGET = next(target for target in load() if target.id == "T1-ISPEED")
VIETTEL = Operator(name="Viettel", plmns=("45204",), technologies=("lte",))
VINAPHONE = Operator(name="VinaPhone", plmns=("45202",), technologies=("lte",))


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def ground(*codes, populations=(), operators=(VIETTEL, VINAPHONE)):
    around = {"district": "660", "province": "67"}
    people = dict(zip(codes, populations, strict=False))
    return Ground(
        boundary_set=OLD,
        areas=(
            Area(level="province", code="67", name="Đắk Nông"),
            Area(level="district", code="660", name="Gia Nghĩa", within={"province": "67"}),
            *(
                Area(
                    level="commune",
                    code=code,
                    name=f"Xã {code}",
                    within=around,
                    population=people.get(code),
                )
                for code in codes
            ),
        ),
        roads=(),
        operators=operators,
    )


def samples(rates, commune="24611", *, operator="Viettel", technology="4g"):
    """One sample an hour, all month if there are so many; each its own block."""
    return [
        f"2026-10-{1 + n // 24 % 31:02}T{n % 24:02}:{n // 744:02},{commune},,,"
        f"{operator},{technology},{rate}"
        for n, rate in enumerate(rates)
    ]


def around(mean, count=400, spread=0.3, seed=7):
    """Rates that scatter evenly, with exactly this mean."""
    rates = mean * (1 + spread * np.random.default_rng(seed).uniform(-1, 1, count))
    shift = mean - math.fsum(rates) / count
    return [round(rate + shift, 3) for rate in rates]


def measured(desk, lake, where, *, levels=("commune",), period=OCTOBER, **parameters):
    return kpis()["ispeed_mean"].measure(
        desk.source(lake),
        ground=where,
        levels=levels,
        period=period,
        threshold=40.0,
        parameters=msgspec.structs.replace(TARGET.parameters, **parameters),
    )


def of(found, operator="all", code="24611"):
    return next(
        one for one in found.findings if (one.scope.operator, one.scope.code) == (operator, code)
    )


def verdict(desk, lake, where, operator="all", level="commune"):
    found = judge(desk.source(lake), [TARGET], ground=where, now=OCTOBER.end_utc, period=OCTOBER)
    return next(one for one in found if (one.operator, one.level) == (operator, level))


def test_the_mean_of_all_samples_decides_with_students_limits(desk, empty_lake):
    rates = around(43.0)
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(rates))
    found = of(measured(desk, empty_lake, ground("24611")))
    assert found.estimate == pytest.approx(43.0, abs=1e-3)
    expected = stats.mean_limits(stats.mean(rates), skewed=True)
    assert found.lower == pytest.approx(expected.lower)
    assert found.upper == pytest.approx(expected.upper)
    assert (found.n, found.blocks) == (400, 400)
    assert verdict(desk, empty_lake, ground("24611")).verdict == "PASS"


def test_far_below_the_threshold_fails(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(around(30.0)))
    assert verdict(desk, empty_lake, ground("24611")).verdict == "FAIL"


def test_299_samples_prove_nothing_and_one_is_asked_for(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(around(60.0, count=299)))
    said = verdict(desk, empty_lake, ground("24611"))
    assert said.verdict == "NOT_PROVEN"
    assert "299 i-Speed samples in the poorest month, 300 needed" in said.reason.en
    assert [(need.what, need.more) for need in said.need] == [("samples", 1)]


def test_mean_and_median_on_different_sides_prove_nothing(desk, empty_lake):
    rates = [30.0 + n / 1000 for n in range(390)] + [900.0] * 60
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(rates))
    said = verdict(desk, empty_lake, ground("24611"))
    assert said.lower > 40
    assert said.verdict == "NOT_PROVEN"
    assert "mean (146.2) and median (30.2) lie on different sides" in said.reason.en
    assert "trung bình (146,2) và trung vị (30,2)" in said.reason.vi


def test_samples_of_one_hour_and_operator_are_one_block(desk, empty_lake):
    lines = [
        f"2026-10-05T{block % 24:02}:{n:02},24611,,,Viettel,4g,{40 + block}"
        for block in range(12)
        for n in range(30)
    ]
    desk.bring(SAMPLES, SAMPLE_HEAD, *lines)
    found = of(measured(desk, empty_lake, ground("24611")))
    blocks = stats.mean_limits(stats.mean([40.0 + block for block in range(12)]), skewed=True)
    assert (found.n, found.blocks) == (360, 12)
    assert (found.lower, found.upper) == pytest.approx((blocks.lower, blocks.upper))
    assert found.n_eff == pytest.approx(12, rel=0.1)


def test_other_technologies_and_fixed_lines_do_not_count(desk, empty_lake):
    lines = [
        *samples([50.0]),
        *samples([500.0], technology="5g"),
        *samples([900.0], technology="fixed"),
    ]
    desk.bring(SAMPLES, SAMPLE_HEAD, *lines)
    found = of(measured(desk, empty_lake, ground("24611")))
    assert (found.n, found.estimate) == (1, 50)
    assert found.excluded == {"fixed_line": 1, "other_technology": 1}


def test_samples_of_unknown_technology_are_shown_and_prove_nothing(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(around(60.0), technology=""))
    said = verdict(desk, empty_lake, ground("24611"))
    assert (said.verdict, said.n) == ("NOT_PROVEN", 400)
    assert "400 samples do not say their technology" in said.reason.en
    accepted = measured(desk, empty_lake, ground("24611"), accept_unknown_technology=True)
    assert of(accepted).against_pass == ()


def test_an_operator_has_its_own_samples_and_all_have_those_of_nobody_too(desk, empty_lake):
    lines = [
        *samples([10.0, 20.0]),
        *samples([60.0], operator="VinaPhone"),
        *samples([90.0], operator=""),
    ]
    desk.bring(SAMPLES, SAMPLE_HEAD, *lines)
    found = measured(desk, empty_lake, ground("24611"))
    said = {operator: of(found, operator).estimate for operator in ("Viettel", "VinaPhone", "all")}
    assert said == {"Viettel": 15, "VinaPhone": 60, "all": 45}


def test_published_figures_are_an_estimate_and_no_proof(desk, empty_lake):
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,400,43.25,41")
    said = verdict(desk, empty_lake, ground("24611"))
    assert (said.verdict, said.estimate, said.n) == ("NOT_PROVEN", 43.25, 400)
    assert (said.lower, said.upper) == (None, None)
    assert said.context["median"] == 41
    assert said.reason.en == (
        "the published mean of 43.2 Mbit/s reaches the threshold of 40.0; without the samples"
        " there are no limits"
    )
    assert "trung bình công bố 43,2 Mbit/s đạt ngưỡng 40,0" in said.reason.vi


def test_a_published_median_is_no_mean(desk, empty_lake):
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,400,,54.34")
    said = verdict(desk, empty_lake, ground("24611"))
    assert (said.verdict, said.estimate, said.n) == ("NOT_PROVEN", None, 400)
    assert said.reason.en.startswith("only a median is published")
    assert said.context["median"] == 54.34


def test_enough_samples_go_before_figures_and_too_few_behind_them(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(around(43.0, 300)), *samples([90.0], "24612"))
    desk.bring(FIGURES, FIGURE_HEAD, "2026-10,24611,,4g,900,41,36", "2026-10,24612,,4g,900,41,36")
    found = measured(desk, empty_lake, ground("24611", "24612"))
    assert of(found).n == 300
    assert of(found).excluded == {"same_samples": 1}
    assert (of(found, code="24612").n, of(found, code="24612").estimate) == (900, 41)


def test_figures_of_operators_make_that_of_all_where_there_is_none(desk, empty_lake):
    lines = ["2026-10,24611,Viettel,4g,300,50,45", "2026-10,24611,VinaPhone,4g,100,30,25"]
    desk.bring(FIGURES, FIGURE_HEAD, *lines)
    found = measured(desk, empty_lake, ground("24611"))
    assert (of(found).estimate, of(found).context["median"]) == (45, None)
    assert (of(found, "Viettel").estimate, of(found, "Viettel").context["median"]) == (50, 45)


def test_a_district_is_the_mean_of_its_communes_by_their_people(desk, empty_lake):
    where = ground("24611", "24612", populations=(3000, 1000))
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(around(60.0)), *samples(around(44.0, 800), "24612"))
    found = measured(desk, empty_lake, where, levels=("district",))
    district = of(found, code="660")
    assert district.estimate == pytest.approx(0.75 * 60 + 0.25 * 44, abs=1e-3)
    assert district.context["pooled_mean"] == pytest.approx((60 * 400 + 44 * 800) / 1200, abs=1e-3)
    equal = measured(desk, empty_lake, ground("24611", "24612"), levels=("district",))
    assert of(equal, code="660").estimate == pytest.approx(52, abs=1e-3)
    assert verdict(desk, empty_lake, where, level="district").verdict == "PASS"


def test_a_district_needs_every_commune(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples(around(60.0)), *samples(around(60.0, 20), "24612"))
    said = verdict(desk, empty_lake, ground("24611", "24612"), level="district")
    assert said.verdict == "NOT_PROVEN"
    assert "not measured enough: Xã 24612" in said.reason.en


def test_the_allowance_for_headers_is_shown_only_where_it_is_asked_for(desk, empty_lake):
    desk.bring(SAMPLES, SAMPLE_HEAD, *samples([41.34]))
    assert "mean_without_overhead" not in of(measured(desk, empty_lake, ground("24611"))).context
    found = measured(desk, empty_lake, ground("24611"), overhead_factor=1.06)
    assert of(found).context["mean_without_overhead"] == pytest.approx(39.0)
