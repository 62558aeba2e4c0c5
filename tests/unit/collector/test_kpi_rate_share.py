"""Pd of the regulations: the share of capacity tests at a rate, and a new target of that form."""

import pytest

from collector.targets import Value, judge, load, periods
from tests.unit.collector.attempts import TARGETS, measured
from tests.unit.collector.campaigns import NOW, Campaign, ground, spots
from wire.cells import RatClass
from wire.messages import Outcome, RatMode

QUARTER = periods.quarter(2026, 4)

MINE = """
id = "MINE"
kpi = "rate_share"
levels = ["commune"]
headline = "commune"
basis = "decision"
technologies = ["lte"]
title = {vi = "Của tôi", en = "Mine"}
period = {kind = "month"}
threshold = [{valid_from = 2026-01-01, value = 0.5, source = "a decision of our own"}]

[parameters]
rate_mbit_s = 12.0
rat_class = "4g"
unserved_locks = ["4g", "auto"]
profiles = ["tcp-6x10s-down"]
"""


def test_a_new_target_of_a_known_form_is_one_file(tmp_path):
    folder = tmp_path / "targets"
    folder.mkdir()
    (folder / "mine.toml").write_text(MINE, encoding="utf-8")
    campaign = Campaign()
    for commune, rate in (("24611", 20.0), ("24612", 11.9)):
        for lat, lon, at in spots(12):
            campaign.test(rate, lat=lat, lon=lon, at=at, commune=commune)
    verdicts = judge(
        campaign.store(tmp_path / "lake"),
        load(folder),
        ground=ground(communes=("24611", "24612")),
        now=NOW,
    )
    found = {(one.code, one.operator): (one.verdict, one.basis) for one in verdicts}
    assert found["24611", "Viettel"] == (Value.PASS, "decision")
    assert found["24612", "Viettel"] == (Value.FAIL, "decision")
    assert verdicts[0].verdict is Value.FAIL


def test_a_test_the_network_failed_has_not_reached_the_rate(tmp_path):
    campaign = Campaign()
    campaign.test(5.0)
    campaign.test(4.99)
    campaign.test(None, outcome=Outcome.FAILED)
    campaign.test(None, outcome=Outcome.NO_SERVICE)
    campaign.test(9.0, cut_off=True)
    campaign.test(90.0, outcome=Outcome.INVALID)
    campaign.test(90.0, rat_class=RatClass.G5)
    campaign.test(90.0, direction="up")
    result = measured("QCVN81-PD1", campaign.store(tmp_path), period=QUARTER)
    found = result.findings[0]
    assert (found.n, found.failures, found.estimate) == (5, 3, pytest.approx(1 / 5))
    assert found.excluded == {"invalid": 1, "other_technology": 1}


def test_the_two_service_areas_differ_by_their_rate_alone(tmp_path):
    campaign = Campaign()
    for lat, lon, at in spots(60):
        campaign.test(3.0, lat=lat, lon=lon, at=at)
    source = campaign.store(tmp_path)
    first, second = (
        measured(target, source, period=QUARTER).findings[0]
        for target in ("QCVN81-PD1", "QCVN81-PD2")
    )
    assert (first.estimate, second.estimate) == (0, 1)
    assert first.upper < 0.95 <= second.lower
    assert first.p_below < 0.05
    assert second.p_above < 0.05


def test_without_a_generation_all_that_served_counts(tmp_path):
    campaign = Campaign()
    campaign.test(9.0)
    campaign.test(9.0, rat_class=RatClass.G5, asked=RatMode.G5)
    campaign.test(1.0, rat_class=RatClass.MIXED)
    found = measured("T5B", campaign.store(tmp_path), period=QUARTER).findings[0]
    assert (found.n, found.estimate) == (3, pytest.approx(2 / 3))


def test_a_regulation_and_the_plan_are_never_of_one_basis():
    bases = {name: target.basis for name, target in TARGETS.items()}
    assert {one for name, one in bases.items() if name.startswith("QCVN")} == {"qcvn"}
    assert "qcvn" not in {one for name, one in bases.items() if not name.startswith("QCVN")}
    assert bases["T5B"] == "context"
