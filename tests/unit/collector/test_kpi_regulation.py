"""QCVN 81:2019 beside the rates: uploads, accesses, their delay, and transfers that broke off."""

from datetime import timedelta

import pytest

from collector.targets import Value, judge, periods
from tests.unit.collector.attempts import TARGETS, check, measured, transfer
from tests.unit.collector.campaigns import (
    NOW,
    OCTOBER,
    VIETTEL,
    VINAPHONE,
    Campaign,
    ground,
    spots,
)
from wire.cells import RatClass
from wire.messages import Outcome, RatMode

QUARTER = periods.quarter(2026, 4)


@pytest.fixture
def campaign():
    return Campaign()


def test_uploads_alone_make_the_mean_of_uploads(campaign, tmp_path):
    for index, (lat, lon, at) in enumerate(spots(48)):
        there = {"lat": lat, "lon": lon, "at": at}
        campaign.test(6 + index % 3, direction="up", profile="tcp-6x10s-up", **there)
        campaign.test(50, **there)
    source = campaign.store(tmp_path)
    up = measured("QCVN81-VU", source, period=QUARTER).findings[0]
    down = measured("QCVN81-VD1", source, period=QUARTER).findings[0]
    assert (up.estimate, up.n) == (pytest.approx(7), 48)
    assert (down.estimate, down.n) == (pytest.approx(50), 48)


def test_where_the_regulation_says_mean_the_median_does_not_speak(campaign, tmp_path):
    for index, (lat, lon, at) in enumerate(spots(240)):
        campaign.test(200 if index * 7 % 10 < 3 else 10, lat=lat, lon=lon, at=at)
    found = measured("QCVN81-VD1", campaign.store(tmp_path), period=QUARTER).findings[0]
    assert found.context["median"] == 10
    assert found.lower > 15
    assert found.against_pass == ()


def test_an_access_fails_when_nothing_answers(campaign, tmp_path):
    check(campaign)
    check(campaign, received=10, first_rtt_ms=None)
    check(campaign, received=3, outcome=Outcome.FAILED, data_ok=False)
    check(campaign, received=0, first_rtt_ms=None, outcome=Outcome.FAILED)
    check(campaign, received=0, first_rtt_ms=None, outcome=Outcome.NO_SERVICE)
    check(campaign, received=0, first_rtt_ms=None, outcome=Outcome.NO_SERVICE, asked=RatMode.G5)
    check(campaign, received=0, first_rtt_ms=None, outcome=Outcome.INVALID)
    check(campaign, rat_class=RatClass.G3)
    found = measured("QCVN81-ACCESS", campaign.store(tmp_path), period=QUARTER).findings[0]
    assert (found.n, found.failures, found.estimate) == (5, 2, pytest.approx(2 / 5))
    assert found.excluded == {"invalid": 1, "other_technology": 2}


@pytest.mark.parametrize(
    ("bad", "value"), [(0, Value.PASS), (12, Value.NOT_PROVEN), (60, Value.FAIL)]
)
def test_few_failures_pass_and_many_fail(campaign, tmp_path, bad, value):
    for index, (lat, lon, at) in enumerate(spots(120)):
        failed = index * bad // 120 != (index + 1) * bad // 120
        outcome = {"outcome": Outcome.FAILED, "received": 0} if failed else {}
        check(campaign, lat=lat, lon=lon, at=at, **outcome)
    verdicts = judge(
        campaign.store(tmp_path),
        [TARGETS["QCVN81-ACCESS"]],
        ground=ground(),
        now=NOW,
        period=QUARTER,
    )
    commune = next(one for one in verdicts if (one.level, one.operator) == ("commune", "Viettel"))
    assert commune.estimate == pytest.approx(bad / 120)
    assert commune.verdict is value
    assert "at most" in commune.reason.en or "at least" in commune.reason.en or bad == 12


def test_blocks_without_a_failure_are_what_a_low_share_lacks(campaign, tmp_path):
    for lat, lon, at in spots(20):
        check(campaign, lat=lat, lon=lon, at=at)
    found = measured("QCVN81-ACCESS", campaign.store(tmp_path), period=QUARTER).findings[0]
    assert found.estimate == 0
    assert [(need.what, need.more) for need in found.need] == [("blocks", 9)]  # 29 of 29


def test_the_delay_is_that_of_name_and_first_answer(campaign, tmp_path):
    check(campaign, dns_ms=400.0, first_rtt_ms=600.0)
    check(campaign, dns_ms=None, first_rtt_ms=2000.0, at=OCTOBER + timedelta(hours=1))
    check(campaign, received=10, first_rtt_ms=None)
    check(campaign, received=0, first_rtt_ms=None, outcome=Outcome.FAILED)
    found = measured("QCVN81-DELAY", campaign.store(tmp_path), period=QUARTER).findings[0]
    assert (found.n, found.blocks, found.estimate) == (2, 2, pytest.approx(1.5))
    assert found.excluded == {"no_access": 1, "no_result": 1}
    assert found.context["failure_ratio"] == pytest.approx(1 / 3)
    assert {need.what for need in found.need} >= {"blocks", "places", "day_parts"}


def test_one_delay_alone_has_no_limits_and_equal_ones_do(campaign, tmp_path):
    check(campaign, commune="24612")
    for lat, lon, at in spots(40):
        check(campaign, lat=lat, lon=lon, at=at)
    source = campaign.store(tmp_path)
    many, _, alone, _ = measured(
        "QCVN81-DELAY", source, period=QUARTER, communes=("24611", "24612")
    ).findings
    assert (alone.estimate, alone.lower, alone.upper) == (pytest.approx(0.1), None, None)
    assert many.lower == pytest.approx(0.1, rel=0.01)
    assert many.upper == pytest.approx(0.1, rel=0.01)
    assert many.against_pass == ()


def test_all_operators_together_have_the_mean_of_their_means(campaign, tmp_path):
    for lat, lon, at in spots(40):
        check(campaign, lat=lat, lon=lon, at=at)
    two = {"operators": (VIETTEL, VINAPHONE)}
    source = campaign.store(tmp_path)
    together = measured("QCVN81-DELAY", source, period=QUARTER, **two).findings[2]
    assert together.estimate == pytest.approx(0.1)
    assert "VinaPhone" in together.against_pass[0].en
    other = Campaign()
    check(other)
    check(other, plmn="45202", home_plmn="45202", dns_ms=940.0)
    source = other.store(tmp_path / "other")
    together = measured("QCVN81-DELAY", source, period=QUARTER, **two).findings[2]
    assert together.estimate == pytest.approx((0.1 + 1.0) / 2)


def test_a_transfer_that_never_began_was_not_dropped(campaign, tmp_path):
    transfer(campaign, 20.0, moved_bytes=30_000_000)
    transfer(campaign, 9.0, moved_bytes=4_000_000, cut_off=True, outcome=Outcome.FAILED)
    transfer(campaign, None, moved_bytes=4_000, outcome=Outcome.FAILED)
    transfer(campaign, None, moved_bytes=0, outcome=Outcome.FAILED)
    transfer(campaign, None, moved_bytes=None, outcome=Outcome.FAILED)
    found = measured("QCVN81-DROPS", campaign.store(tmp_path), period=QUARTER).findings[0]
    assert (found.n, found.failures, found.estimate) == (3, 2, pytest.approx(2 / 3))
    assert found.excluded == {"not_started": 2}
