"""A6: ranked on common ground, with ties told, and never where operators did not meet."""

import json
from datetime import timedelta

import numpy as np
import pytest

from collector import cli
from collector.commands.ranking import rankings
from collector.kpi import Operator
from collector.store.lake import Lake
from collector.targets import HEADLINE, Value, judge, periods
from tests.unit.collector.attempts import TARGETS
from tests.unit.collector.campaigns import NOW, OCTOBER, VIETTEL, VINAPHONE, Campaign, ground
from wire.messages import Outcome

MOBIFONE = Operator(name="MobiFone", plmns=("45201",), technologies=("lte",))
THREE = (VIETTEL, VINAPHONE, MOBIFONE)
PLMN = {"Viettel": "45204", "VinaPhone": "45202", "MobiFone": "45201"}
QUARTER = periods.quarter(2026, 4)


@pytest.fixture
def campaign():
    return Campaign()


def at_place(campaign, operator, rate, *, place=0, hour=0, minute=0, **more):
    """One test at one of several places, a kilometre and a half apart."""
    campaign.test(
        rate,
        plmn=PLMN[operator],
        home_plmn=PLMN[operator],
        lat=12.0 + 0.0135 * place,
        at=OCTOBER + timedelta(hours=hour, minutes=minute),
        **more,
    )


def together(campaign, means, *, blocks=60, scatter=6.0, seed=7):
    """Common blocks in ten places, in which what the place gives is the same for all."""
    chance = np.random.default_rng(seed)
    for index in range(blocks):
        there = chance.normal(0, 15)
        for minute, (operator, mean) in enumerate(means.items()):
            rate = max(mean + there + chance.normal(0, scatter), 0.5)
            at_place(campaign, operator, rate, place=index % 10, hour=index // 10, minute=minute)


def ranked(campaign, folder, operators=THREE):
    found = judge(
        campaign.store(folder),
        [TARGETS["A6"]],
        ground=ground(operators=operators),
        now=NOW,
        period=QUARTER,
    )
    return {(one.level, one.operator): one for one in found}


def test_the_better_one_leads_where_both_were_measured(campaign, tmp_path):
    together(campaign, {"Viettel": 60, "VinaPhone": 45, "MobiFone": 44})
    found = ranked(campaign, tmp_path)
    whole = found["district", "all"].context
    assert whole["winners"] == ["Viettel"]
    assert whole["ranking"][0]["operator"] == "Viettel"
    assert whole["common_blocks"] == 60
    assert found["district", "Viettel"].estimate == pytest.approx(60, abs=6)
    assert found["district", "Viettel"].lower < found["district", "Viettel"].estimate
    assert "winner on 60 common blocks in 10 places" in found["district", "Viettel"].reason.en
    assert "behind the winners" in found["district", "MobiFone"].reason.en


def test_operators_that_do_not_differ_win_together(campaign, tmp_path):
    together(campaign, {"Viettel": 50.5, "VinaPhone": 50, "MobiFone": 30})
    context = ranked(campaign, tmp_path)["province", "all"].context
    assert sorted(context["winners"]) == ["Viettel", "VinaPhone"]
    [tie] = [
        one
        for one in context["differences"]
        if {one["first"], one["second"]} == {"Viettel", "VinaPhone"}
    ]
    assert tie["lower_mbit_s"] < 0 < tie["upper_mbit_s"]


def test_good_roads_make_a_naive_leader_and_no_winner(campaign, tmp_path):
    together(campaign, {"Viettel": 40, "VinaPhone": 50})
    for index in range(120):
        at_place(campaign, "Viettel", 150.0, place=20 + index % 12, hour=index // 12)
    context = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE))["district", "all"].context
    assert context["winners"] == ["VinaPhone"]
    naive = {one["operator"]: one["naive_rank"] for one in context["ranking"]}
    assert naive == {"Viettel": 1, "VinaPhone": 2}


def test_without_common_ground_nobody_is_ranked(campaign, tmp_path):
    for index in range(60):
        at_place(campaign, "Viettel", 90.0, place=index % 10, hour=index // 10)
        at_place(campaign, "VinaPhone", 20.0, place=20 + index % 10, hour=index // 10)
        if index < 4:
            at_place(campaign, "VinaPhone", 20.0, place=index, minute=5)
    found = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE))
    one = found["district", "all"]
    assert one.verdict is Value.NOT_PROVEN
    assert one.context["winners"] == one.context["ranking"] == []
    assert "have 4 common blocks in 4 places, 30 in 5 are wanted" in one.reason.en
    assert [(need.what, need.more) for need in one.need] == [("common_blocks", 26)]
    assert found["district", "Viettel"].estimate is None


def test_the_same_place_at_another_hour_is_not_common(campaign, tmp_path):
    for index in range(60):
        at_place(campaign, "Viettel", 90.0, place=index % 10, hour=2 * (index // 10))
        at_place(campaign, "VinaPhone", 20.0, place=index % 10, hour=2 * (index // 10) + 1)
    one = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE))["district", "all"]
    assert one.context["common_blocks"] == 0
    assert one.context["ranking"] == []


def test_few_places_are_no_ranking_however_many_blocks(campaign, tmp_path):
    for index in range(80):
        for operator, rate in (("Viettel", 90.0), ("VinaPhone", 20.0)):
            at_place(campaign, operator, rate + index % 3, place=index % 4, hour=index // 4)
    one = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE))["district", "all"]
    assert (one.context["common_blocks"], one.context["common_places"]) == (80, 4)
    assert one.context["ranking"] == []


def test_one_measured_too_little_is_left_out_of_the_comparison(campaign, tmp_path):
    together(campaign, {"Viettel": 60, "VinaPhone": 45})
    at_place(campaign, "MobiFone", 300.0)
    found = ranked(campaign, tmp_path)
    assert found["district", "all"].context["winners"] == ["Viettel"]
    assert found["district", "all"].context["not_compared"] == ["MobiFone"]
    assert "measured too little" in found["district", "MobiFone"].reason.en


def test_alone_nobody_wins_and_nothing_measured_is_no_data(campaign, tmp_path):
    for index in range(40):
        at_place(campaign, "Viettel", 90.0, place=index % 10, hour=index // 10)
    found = ranked(campaign, tmp_path)
    assert "no two operators" in found["district", "all"].reason.en
    assert found["district", "VinaPhone"].verdict is Value.NO_DATA
    assert not {one.verdict for one in found.values()} & {Value.PASS, Value.FAIL}


def test_equal_rates_everywhere_are_a_tie(campaign, tmp_path):
    for index in range(60):
        for operator in ("Viettel", "VinaPhone"):
            at_place(campaign, operator, 50.0, place=index % 10, hour=index // 10)
    context = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE))["district", "all"].context
    assert sorted(context["winners"]) == ["Viettel", "VinaPhone"]
    assert context["differences"][0]["mbit_s"] == 0


def test_failed_tests_are_counted_and_not_compared(campaign, tmp_path):
    together(campaign, {"Viettel": 60, "VinaPhone": 45})
    at_place(campaign, "Viettel", None, outcome=Outcome.FAILED)
    found = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE))
    assert (found["district", "Viettel"].failures, found["district", "Viettel"].n) == (1, 60)


def test_tests_that_failed_where_none_finished_are_counted_as_well(campaign, tmp_path):
    together(campaign, {"Viettel": 50, "VinaPhone": 50})
    at_place(campaign, "Viettel", None, place=40, outcome=Outcome.FAILED)
    found = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE))
    assert found["district", "Viettel"].failures == 1
    assert found["district", "Viettel"].context["common_blocks"] == 60


def test_equal_rates_are_a_tie_also_where_places_were_not_measured_as_often(campaign, tmp_path):
    for index in range(64):
        for operator in ("Viettel", "VinaPhone"):
            at_place(campaign, operator, 40.0 + index % 7, place=index % 10, hour=index // 10)
    context = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE))["district", "all"].context
    assert sorted(context["winners"]) == ["Viettel", "VinaPhone"]
    assert context["not_compared"] == []


def test_the_same_rows_give_the_same_bits(campaign, tmp_path):
    together(campaign, {"Viettel": 52, "VinaPhone": 50})
    source = campaign.store(tmp_path)
    first, second = (
        judge(source, [TARGETS["A6"]], ground=ground(operators=THREE), now=NOW, period=QUARTER)
        for _ in range(2)
    )
    assert [one.id for one in first] == [one.id for one in second]
    assert first[0].level == HEADLINE


def test_the_command_tells_who_leads(tmp_path, capsysbinary):
    file = tmp_path / "collector.toml"
    (tmp_path / "store").mkdir()
    file.write_text('[store]\nfolder = "store"\n')
    Lake(tmp_path / "store" / "lake")
    assert cli.main(["ranking", "--json", "--period", "2026-Q4", "--config", str(file)]) == 0
    assert json.loads(capsysbinary.readouterr().out) == []


def test_the_answer_for_programs_has_one_entry_an_area(campaign, tmp_path):
    together(campaign, {"Viettel": 60, "VinaPhone": 45})
    found = ranked(campaign, tmp_path, (VIETTEL, VINAPHONE)).values()
    province, district = sorted(
        (one for one in rankings(found) if one.level != HEADLINE),
        key=lambda one: one.level != "province",
    )
    assert (province.code, district.code) == ("67", "660")
    assert district.comparable
    assert district.winners == ["Viettel"]
    assert district.said.vi.startswith("dẫn đầu trên 60 khối đo chung")
    assert district.seed == TARGETS["A6"].parameters.seed
