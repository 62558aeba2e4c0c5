"""T5: the share of session attempts, with limits that repetition does not narrow."""

import pytest

from collector import stats
from collector.kpi import kpis
from collector.targets import load, periods
from tests.unit.collector.campaigns import VIETTEL, VINAPHONE, Campaign, ground, spots
from wire.cells import RatClass
from wire.messages import Outcome

QUARTER = periods.quarter(2026, 4)
TARGET = next(target for target in load() if target.id == "T5")


def measured(campaign, folder, **where):
    return kpis()["video_share"].measure(
        campaign.store(folder),
        ground=ground(**where),
        levels=("commune",),
        period=QUARTER,
        threshold=0.95,
        parameters=TARGET.parameters,
    )


@pytest.fixture
def campaign():
    return Campaign()


def test_59_of_59_blocks_prove_95_percent_and_58_ask_for_one_more(campaign, tmp_path):
    for commune, count in (("24611", 59), ("24612", 58)):
        for lat, lon, at in spots(count):
            campaign.session(9.0, lat=lat, lon=lon, at=at, commune=commune)
    proven, nearly = measured(campaign, tmp_path, communes=("24611", "24612")).findings[::2]
    assert (proven.n, proven.n_eff, proven.estimate) == (59, 59, 1)
    assert proven.lower >= 0.95
    assert proven.need == ()
    assert nearly.lower < 0.95
    assert [(need.what, need.more) for need in nearly.need] == [("blocks", 1)]


def test_what_is_missing_goes_by_the_share_there_is(campaign, tmp_path):
    for number, (lat, lon, at) in enumerate(spots(60)):
        campaign.session(2.0 if number % 12 == 0 else 9.0, lat=lat, lon=lon, at=at)
    found = measured(campaign, tmp_path).findings[0]
    assert (found.n, found.estimate) == (60, pytest.approx(55 / 60))
    assert found.context["clustered_by"] == ["place"]
    [need] = found.need
    assert need.what == "places"
    each = found.n_eff / len({(lat, lon) for lat, lon, _ in spots(60)})
    enough = found.n_eff + each * need.more
    lacking = enough - each - 1  # whole trials are asked for, and whole places for those
    assert stats.clopper_pearson(enough * found.estimate, enough).upper < 0.95
    assert stats.clopper_pearson(lacking * found.estimate, lacking).upper >= 0.95


def test_what_the_network_failed_has_not_reached_the_rate(campaign, tmp_path):
    campaign.session(5.0)
    campaign.session(4.99)
    campaign.session(None, outcome=Outcome.FAILED)
    campaign.session(None, outcome=Outcome.NO_SERVICE)
    campaign.session(9.0, cut_off=True)
    campaign.session(9.0, outcome=Outcome.SLOW, stalls=2)
    campaign.session(9.0, outcome=Outcome.INVALID)
    campaign.session(30.0, height=2160)
    campaign.session(9.0, profile="video-2160p")
    result = measured(campaign, tmp_path)
    found = result.findings[0]
    assert (found.n, found.failures) == (6, 3)
    assert found.estimate == pytest.approx(2 / 6)
    assert found.context["share_without_stall"] == pytest.approx(2 / 6)
    assert result.excluded == {"invalid": 1, "other_height": 1, "other_profile": 1}


def test_a_paced_attempt_counts_in_the_share_and_says_nothing_of_stalls(campaign, tmp_path):
    paced = {"profile": "video-1080p-paced", "protocol": "paced", "stalls": None}
    campaign.session(5.01, **paced)
    campaign.session(4.2, **paced)
    campaign.session(None, outcome=Outcome.FAILED, **paced)
    campaign.session(9.0)
    campaign.session(9.0, stalls=1)
    found = measured(campaign, tmp_path).findings[0]
    assert (found.n, found.failures) == (5, 1)
    assert found.estimate == pytest.approx(3 / 5)
    assert found.context["share_without_stall"] == pytest.approx(1 / 2)


def test_attempts_of_one_block_are_one_trial(campaign, tmp_path):
    for lat, lon, at in spots(10):
        for _ in range(10):
            campaign.session(9.0, lat=lat, lon=lon, at=at)
    found = measured(campaign, tmp_path).findings[0]
    assert (found.n, found.blocks) == (100, 10)
    assert found.n_eff == pytest.approx(10)
    assert found.lower == pytest.approx(stats.clopper_pearson(10, 10).lower)
    assert found.context["wilson_lower"] < found.estimate
    assert next(need.more for need in found.need if need.what == "blocks") == 49


def test_an_attempt_that_found_no_cell_is_no_trial_of_its_own(campaign, tmp_path):
    campaign.session(9.0)
    campaign.session(None, outcome=Outcome.NO_SERVICE, cell_id=None)
    [found, _] = measured(campaign, tmp_path).findings
    assert (found.n, found.blocks, found.n_eff, found.estimate) == (2, 1, 1, 0.5)


def test_one_place_at_one_hour_is_not_an_area(campaign, tmp_path):
    for _ in range(5):
        campaign.session(9.0)
    found = measured(campaign, tmp_path).findings[0]
    assert {need.what for need in found.need} == {"blocks", "places", "day_parts"}
    assert len(found.against_pass) == len(found.against_fail) == 2


def test_an_operator_nobody_measured_speaks_against_a_verdict_on_all(campaign, tmp_path):
    for lat, lon, at in spots(60):
        campaign.session(9.0, lat=lat, lon=lon, at=at)
    result = measured(campaign, tmp_path, operators=(VIETTEL, VINAPHONE))
    alone, _, together = result.findings
    assert alone.against_pass == ()
    assert together.estimate == 1
    assert "VinaPhone" in together.against_pass[0].en
    assert together.against_fail == together.against_pass


def test_ultra_hd_asks_25_and_shows_5g_apart(campaign, tmp_path):
    uhd = {"height": 2160, "profile": "video-2160p"}
    for rate, rat_class in ((30.0, "5g"), (24.9, "5g"), (60.0, "5g"), (10.0, "4g"), (26.0, "4g")):
        campaign.session(rate, rat_class=RatClass(rat_class), **uhd)
    campaign.session(9.0)
    target = next(target for target in load() if target.id == "T6")
    result = kpis()["video_share"].measure(
        campaign.store(tmp_path),
        ground=ground(),
        levels=("commune",),
        period=QUARTER,
        threshold=0.95,
        parameters=target.parameters,
    )
    found = result.findings[0]
    assert (found.n, found.estimate) == (5, pytest.approx(3 / 5))
    assert (found.context["n_5g"], found.context["share_5g"]) == (3, pytest.approx(2 / 3))
    assert "T1" in target.note.en


def test_without_a_session_on_5g_its_share_is_unknown(campaign, tmp_path):
    campaign.session(9.0)
    found = measured(campaign, tmp_path).findings[0]
    assert (found.context["n_5g"], found.context["share_5g"]) == (0, None)
