"""QCVN 81:2019, 2.1.1: the share of places and hours with a level, however long anybody parks."""

from datetime import timedelta

import pytest

from collector.targets import periods
from tests.unit.collector.attempts import measured
from tests.unit.collector.campaigns import OCTOBER, Campaign, spots
from wire.cells import Rat
from wire.messages import Outcome, PositionSource, RatMode

QUARTER = periods.quarter(2026, 4)


@pytest.fixture
def campaign():
    return Campaign()


def found(campaign, folder):
    return measured("QCVN81-RADIO", campaign.store(folder), period=QUARTER).findings[0]


def look(campaign, *, at, lat=12.0, **more):
    campaign.look(0, at=at, lat=lat, **more)


def test_a_parked_car_is_one_sample(campaign, tmp_path):
    for second in range(600):
        look(campaign, at=OCTOBER + timedelta(seconds=second), rsrp_dbm=None)
    look(campaign, at=OCTOBER, lat=12.01)
    one = found(campaign, tmp_path)
    assert (one.n, one.blocks, one.estimate) == (121, 2, pytest.approx(0.5))
    assert one.n_eff == pytest.approx(2)


def test_a_sample_is_met_as_far_as_its_looks_met_it(campaign, tmp_path):
    for second, rsrp_dbm in ((0, -121.0), (5, -121.1), (10, -80.0), (15, None)):
        look(campaign, at=OCTOBER + timedelta(seconds=second), rsrp_dbm=rsrp_dbm)
    one = found(campaign, tmp_path)
    assert (one.n, one.blocks, one.estimate) == (4, 1, pytest.approx(0.5))
    assert one.failures == 1


def test_59_places_and_hours_of_59_prove_it(campaign, tmp_path):
    for lat, lon, at in spots(59):
        look(campaign, at=at, lat=lat, lon=lon)
    one = found(campaign, tmp_path)
    assert (one.blocks, one.estimate) == (59, 1)
    assert one.lower >= 0.95
    assert one.against_pass == ()


def test_only_every_fifth_second_is_read_and_every_minute_of_a_desk(campaign, tmp_path):
    for second in range(120):
        look(campaign, at=OCTOBER + timedelta(seconds=second))
        look(
            campaign,
            at=OCTOBER + timedelta(seconds=second),
            lat=12.05,
            source=PositionSource.SURVEYED,
        )
    one = found(campaign, tmp_path)
    assert (one.n, one.blocks) == (24 + 2, 2)


def test_what_cannot_show_lte_proves_nothing(campaign, tmp_path):
    look(campaign, at=OCTOBER)
    look(campaign, at=OCTOBER, rsrp_dbm=None, asked=RatMode.G5)
    look(campaign, at=OCTOBER, rsrp_dbm=None, outcome=Outcome.FAILED)
    look(campaign, at=OCTOBER, rat=Rat.WCDMA)
    one = found(campaign, tmp_path)
    assert (one.n, one.estimate) == (2, pytest.approx(0.5))
    assert one.excluded == {"failed": 1, "locked": 1}
