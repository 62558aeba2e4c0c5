"""D912-SPEED: this year's mean over last year's."""

import math

import pytest
from scipy.stats import t

from collector.kpi.mean_growth import year_before
from collector.targets import Value, judge, load, parse
from tests.unit.collector.campaigns import NOW, Campaign, ground, spots
from wire.messages import Outcome

TARGET = [target for target in load() if target.id == "D912-SPEED"]
YEAR, BEFORE = parse("2026"), parse("2025")
BLOCKS = 60


def judged(tmp_path, *, this, before, blocks=BLOCKS):
    campaign = Campaign()
    for period, rate in ((YEAR, this), (BEFORE, before)):
        for index, (lat, lon, at) in enumerate(spots(blocks, start=period.start_utc)):
            if rate is not None:
                campaign.test(rate * (0.9 + 0.2 * (index % 2)), lat=lat, lon=lon, at=at)
    verdicts = judge(campaign.store(tmp_path), TARGET, ground=ground(), now=NOW, period=YEAR)
    [found] = [one for one in verdicts if one.level == "province" and one.operator == "Viettel"]
    return found


def test_more_than_twice_as_fast_is_a_pass_with_the_limits_of_a_ratio(tmp_path):
    found = judged(tmp_path, this=90.0, before=40.0)
    assert found.verdict is Value.PASS
    assert found.estimate == pytest.approx(2.25)
    assert found.context["mean_year_before"] == pytest.approx(40.0)
    assert (found.n, found.context["n_year_before"]) == (BLOCKS, BLOCKS)
    # Each year's mean scatters by 0.1 of itself from block to block.
    error = math.sqrt(2 * 0.01 * BLOCKS / (BLOCKS - 1) / BLOCKS)
    reach = t.ppf(0.95, 2 * (BLOCKS - 1)) * error
    assert found.lower == pytest.approx(2.25 * math.exp(-reach), rel=1e-6)


def test_a_little_faster_is_a_fail(tmp_path):
    assert judged(tmp_path, this=60.0, before=40.0).verdict is Value.FAIL


def test_about_twice_is_not_proven(tmp_path):
    assert judged(tmp_path, this=80.0, before=40.0).verdict is Value.NOT_PROVEN


def test_a_year_that_was_not_measured_is_no_slow_year(tmp_path):
    found = judged(tmp_path, this=80.0, before=None)
    assert (found.verdict, found.estimate) == (Value.NOT_PROVEN, None)
    assert "the year before was not measured enough" in found.reason.en


def test_places_where_every_test_failed_are_not_measured(tmp_path):
    campaign = Campaign()
    for period, rate in ((YEAR, 90.0), (BEFORE, 40.0)):
        for index, (_, lon, at) in enumerate(spots(BLOCKS, start=period.start_utc)):
            campaign.test(rate * (0.9 + 0.2 * (index % 2)), lat=12.0, lon=lon, at=at)
        for lat in (12.02, 12.04):
            campaign.test(None, outcome=Outcome.FAILED, lat=lat, at=period.start_utc)
    verdicts = judge(campaign.store(tmp_path), TARGET, ground=ground(), now=NOW, period=YEAR)
    [found] = [one for one in verdicts if one.level == "province" and one.operator == "Viettel"]
    assert (found.verdict, found.failures) == (Value.NOT_PROVEN, 2)
    assert "only 1 places" in found.reason.en


def test_before_the_decision_there_is_no_threshold(tmp_path):
    verdicts = judge(
        Campaign().store(tmp_path), TARGET, ground=ground(), now=NOW, period=parse("2024")
    )
    assert [one.verdict for one in verdicts] == [Value.NOT_APPLICABLE]


def test_the_year_before_has_the_same_days_in_viet_nam():
    assert year_before(YEAR).start_utc == BEFORE.start_utc
    assert year_before(YEAR).end_utc == BEFORE.end_utc
    assert year_before(parse("2024-02")).end_utc == parse("2023-02").end_utc
