"""T1 and T8: what counts, what is left out, and what the mean of it is."""

import math
from datetime import timedelta

import msgspec
import numpy as np
import pytest

from collector.kpi import Area, kpis
from collector.targets import load, periods
from tests.unit.collector.campaigns import (
    OCTOBER,
    VIETTEL,
    VINAPHONE,
    Campaign,
    ground,
    spots,
)
from wire.cells import RatClass
from wire.messages import Outcome, PositionSource, RatMode

MONTH = periods.month(2026, 10)
TARGETS = {target.id: target for target in load()}


def measure(tables, where=None, *, target="T1", levels=("commune",)):
    judged = TARGETS[target]
    return kpis()["mean_download"].measure(
        tables,
        ground=where or ground(),
        levels=levels,
        period=MONTH,
        threshold=judged.thresholds[0].value,
        parameters=judged.parameters,
    )


def finding(measured, *, code="24611", operator="Viettel"):
    return next(
        one
        for one in measured.findings
        if one.scope.code == code and one.scope.operator == operator
    )


@pytest.fixture
def campaign():
    return Campaign()


SCENARIOS = {}
"""What was measured in each commune, by the commune's code: all of it goes into one lake."""


def scenario(build):
    SCENARIOS[build.__name__] = build
    return build


class Commune:
    """A campaign that knows which commune it is in."""

    def __init__(self, campaign, code):
        self._campaign = campaign
        self._code = code

    def test(self, rate_mbit_s, **more):
        self._campaign.test(rate_mbit_s, commune=self._code, **more)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Finding by commune and operator."""
    campaign = Campaign()
    for code, build in SCENARIOS.items():
        build(Commune(campaign, code))
    where = ground(communes=tuple(SCENARIOS), operators=(VIETTEL, VINAPHONE))
    measured = measure(campaign.store(tmp_path_factory.mktemp("lake")), where)
    return {(one.scope.code, one.scope.operator): one for one in measured.findings}


@scenario
def one_place_and_hour(commune):
    for rate in (10, 20, 30):
        commune.test(rate, at=OCTOBER + timedelta(minutes=rate))
    commune.test(100, at=OCTOBER + timedelta(hours=1))


def test_tests_of_one_place_hour_and_cell_are_one_block(found):
    here = found["one_place_and_hour", "Viettel"]
    assert (here.n, here.blocks) == (4, 2)
    assert here.estimate == pytest.approx(60)
    assert here.context["pooled_mean"] == pytest.approx(40)
    assert here.context["median"] == pytest.approx(25)


@scenario
def two_cells(commune):
    commune.test(20, cell_id=1)
    commune.test(60, cell_id=2)
    commune.test(80, at=OCTOBER + timedelta(hours=2))


def test_two_cells_at_one_place_and_hour_give_one_value(found):
    assert found["two_cells", "Viettel"].blocks == 2
    assert found["two_cells", "Viettel"].estimate == pytest.approx(60)


@scenario
def a_little_apart(commune):
    commune.test(20, lat=12.0)
    commune.test(60, lat=12.0 + 150 / 111_320)
    commune.test(70, lon=107.7 + 150 / 108_890)


def test_a_hundred_metres_apart_is_another_block(found):
    assert found["a_little_apart", "Viettel"].blocks == 3


@scenario
def failing(commune):
    commune.test(40)
    commune.test(None, outcome=Outcome.FAILED)
    commune.test(12, cut_off=True)
    commune.test(None, outcome=Outcome.NO_SERVICE, at=OCTOBER + timedelta(hours=3))


def test_failures_stay_out_of_the_mean_and_beside_it(found):
    here = found["failing", "Viettel"]
    assert (here.estimate, here.n, here.failures) == (40, 1, 3)
    assert here.context["failure_ratio"] == pytest.approx(0.75)
    assert here.context["mean_failures_as_zero"] == pytest.approx(40 / 3 / 2)
    assert any("failed 75.0%" in reason.en for reason in here.against_pass)
    assert not any("failed" in reason.en for reason in here.against_fail)


@scenario
def one_desk_and_two_dead_spots(commune):
    for index, (_, lon, at) in enumerate(spots(60)):
        commune.test(60 + index % 9, lat=12.0, lon=lon, at=at)
    for lat in (12.02, 12.04):
        commune.test(None, outcome=Outcome.FAILED, lat=lat)


def test_places_where_every_test_failed_are_not_measured(found):
    here = found["one_desk_and_two_dead_spots", "Viettel"]
    assert (here.n, here.failures) == (60, 2)
    assert any("only 1 places" in reason.en for reason in here.against_pass)


@scenario
def unequal_operators(commune):
    for index, (lat, lon, at) in enumerate(spots(40)):
        commune.test(80 + index % 2, lat=lat, lon=lon, at=at)
    for index, (lat, lon, at) in enumerate(spots(4)):
        commune.test(20 + index % 2, lat=lat, lon=lon, at=at, plmn="45202", home_plmn="45202")


def test_all_operators_weigh_the_same(found):
    together = found["unequal_operators", "all"]
    assert together.estimate == pytest.approx(50.5)
    assert (together.n, together.blocks) == (44, 44)


@scenario
def slow_server(commune):
    commune.test(30, control_bits_per_s=79e6)
    commune.test(None, outcome=Outcome.FAILED, control_bits_per_s=10e6)
    commune.test(45, control_bits_per_s=80e6)
    commune.test(55, at=OCTOBER + timedelta(hours=1))


def test_a_server_slower_than_twice_the_target_is_not_the_network(found):
    here = found["slow_server", "Viettel"]
    assert here.estimate == pytest.approx(50)
    assert (here.n, here.failures, here.excluded) == (2, 0, {"server_slow": 2})


@scenario
def one_desk_in_the_afternoon(commune):
    for index in range(10):
        commune.test(80 + index, at=OCTOBER + timedelta(days=index, hours=8))


def test_too_few_blocks_places_and_hours_are_named_with_what_is_missing(found):
    here = found["one_desk_in_the_afternoon", "Viettel"]
    need = {one.what: one for one in here.need}
    assert need["blocks"].more == 20
    assert need["places"].more == 2
    assert need["day_parts"].more == 2
    assert "17-22" in need["day_parts"].where
    assert len(here.against_pass) == 3


@scenario
def repetitive(commune):
    chance = np.random.default_rng(7)
    for lat, lon, at in spots(30):
        rate = chance.lognormal(math.log(45), 0.4)
        for minute in range(10):
            commune.test(rate, lat=lat, lon=lon, at=at + timedelta(minutes=minute))


def test_repeating_a_test_adds_rows_and_no_certainty(found):
    here = found["repetitive", "Viettel"]
    assert (here.n, here.blocks) == (300, 30)
    # Fewer than the blocks, where by chance the three places differ a little.
    assert 20 < here.n_eff < 31
    assert here.context["design_effect"] == pytest.approx(300 / here.n_eff)


LEFT_OUT = {
    "invalid": {"outcome": Outcome.INVALID},
    "skipped": {"outcome": Outcome.SKIPPED},
    "modem_gone": {"outcome": Outcome.MODEM_GONE},
    "other_profile": {"profile": "tcp-3x7s"},
    "foreign_network": {"plmn": "45601"},
    "roaming": {"plmn": "45202"},
    "other_operator": {"plmn": "45209", "home_plmn": "45209"},
    "operator_unknown": {"plmn": None, "home_plmn": None},
    "no_position": {"lat": None, "lon": None, "source": PositionSource.NONE},
    "position_error": {"error_m": 50.1},
    "outside_areas": {"commune": None},
    "other_boundary_set": {"boundary_set": "test-2025"},
    "lock_lost": {"agreed": False},
    "narrowed": {"narrowed_to": "bands lte 3"},
    "mixed_technology": {"rat_class": RatClass.MIXED},
    "other_technology": {"rat_class": RatClass.G5},
    "technology_unknown": {"rat_class": None},
    "no_result": {"rate_mbit_s": None},
}


def test_each_row_that_is_left_out_is_counted_once_under_its_reason(campaign, tmp_path):
    campaign.test(50)
    for fault in LEFT_OUT.values():
        campaign.test(**{"rate_mbit_s": 1.0, **fault})
    measured = measure(campaign.store(tmp_path), ground(operators=(VIETTEL, VINAPHONE)))
    assert measured.n == 1
    assert measured.excluded == dict.fromkeys(LEFT_OUT, 1)
    assert finding(measured).estimate == 50
    seen_in_the_commune = finding(measured).excluded
    assert "outside_areas" not in seen_in_the_commune
    assert seen_in_the_commune["position_error"] == 1


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.FAILED])
def test_a_test_of_which_too_little_was_seen_is_no_success_and_no_failure(
    campaign, tmp_path, outcome
):
    campaign.test(50, coverage=0.8)
    campaign.test(1, rat_class=None, coverage=0.79, outcome=outcome, asked=RatMode.G4)
    measured = measure(campaign.store(tmp_path))
    assert (measured.n, measured.failures) == (1, 0)
    assert measured.excluded == {"technology_unknown": 1}


def test_what_cannot_be_is_left_out_under_what_it_is_about(campaign, tmp_path):
    campaign.test(50)
    campaign.test(1, lat=91.0, commune="24611")
    campaign.test(1, lon=-180.5, commune="24611")
    campaign.test(1, error_m=-4.0)
    campaign.test(1, coverage=1.5)
    campaign.test(1, coverage=-0.5)
    measured = measure(campaign.store(tmp_path))
    assert measured.n == 1
    assert measured.excluded == {"no_position": 2, "position_error": 1, "technology_unknown": 2}


def test_a_rate_that_no_radio_carries_is_left_out_and_stops_nothing(campaign, tmp_path):
    for rate in (1e302, 1e302, -5.0, 40.0):
        campaign.test(rate)
    found = finding(measure(campaign.store(tmp_path)))
    assert (found.n, found.estimate, found.excluded) == (1, 40.0, {"impossible_result": 3})


def test_a_row_without_a_time_is_left_out_of_the_month_it_came_in(campaign, tmp_path):
    campaign.test(50)
    campaign.test(1, at=None)
    assert measure(campaign.store(tmp_path)).excluded == {"time_unknown": 1}


def test_uploads_and_other_months_are_no_matter_of_the_target(campaign, tmp_path):
    campaign.test(50)
    campaign.test(1, direction="up")
    campaign.test(1, at=OCTOBER - timedelta(seconds=1))
    campaign.test(1, at=MONTH.end_utc)
    measured = measure(campaign.store(tmp_path))
    assert (measured.n, measured.excluded) == (1, {})


def test_the_first_and_last_second_of_the_vietnamese_month_count(campaign, tmp_path):
    campaign.test(50, at=OCTOBER)
    campaign.test(70, at=MONTH.end_utc - timedelta(seconds=1))
    assert finding(measure(campaign.store(tmp_path))).n == 2


def test_a_surveyed_place_needs_no_error(campaign, tmp_path):
    campaign.test(50, source=PositionSource.SURVEYED, error_m=None)
    campaign.test(1, error_m=None)
    measured = measure(campaign.store(tmp_path))
    assert (measured.n, measured.excluded) == (1, {"position_error": 1})


def test_no_service_counts_where_the_lock_says_what_was_looked_for(campaign, tmp_path):
    for asked in (RatMode.G4, RatMode.AUTO, RatMode.G5, RatMode.G2):
        campaign.test(None, outcome=Outcome.NO_SERVICE, asked=asked)
    tables = campaign.store(tmp_path)
    assert finding(measure(tables)).failures == 2
    t8 = measure(tables, target="T8", levels=("district",))
    assert finding(t8, code="660").failures == 1


def test_5g_is_judged_on_5g_tests_and_shows_the_fallback(campaign, tmp_path):
    campaign.test(150, rat_class=RatClass.G5)
    campaign.test(20, rat_class=RatClass.G5, at=OCTOBER + timedelta(hours=1))
    campaign.test(40, rat_class=RatClass.MIXED)
    campaign.test(30, rat_class=RatClass.G4)
    found = finding(
        measure(campaign.store(tmp_path), target="T8", levels=("district",)), code="660"
    )
    assert found.estimate == pytest.approx(85)
    assert found.context["fallback_share"] == pytest.approx(1 / 3)
    assert found.context["share_at_least_30_mbit_s"] == pytest.approx(0.5)


def test_a_district_is_the_mean_of_its_communes_not_of_its_tests(campaign, tmp_path):
    for (lat, lon, at), rate in zip(spots(30), [20, 24] * 15, strict=True):
        campaign.test(rate, lat=lat, lon=lon, at=at, commune="24611")
    for (lat, lon, at), rate in zip(spots(6), [60, 64] * 3, strict=True):
        campaign.test(rate, lat=lat + 0.2, lon=lon, at=at, commune="24612")
    where = ground(communes=("24611", "24612"))
    found = finding(measure(campaign.store(tmp_path), where, levels=("district",)), code="660")
    assert found.estimate == pytest.approx(42)
    assert found.context["pooled_mean"] == pytest.approx((22 * 30 + 62 * 6) / 36)
    assert found.lower < 42 < found.upper


def test_communes_weigh_by_population_where_it_is_known(campaign, tmp_path):
    for commune, rates in (("24611", (20, 24)), ("24612", (60, 64))):
        for (lat, lon, at), rate in zip(spots(2), rates, strict=True):
            campaign.test(rate, lat=lat, lon=lon, at=at, commune=commune)
    where = ground(communes=())
    people = {"24611": 1000, "24612": 3000}
    around = {"district": "660", "province": "67"}
    where = type(where)(
        boundary_set=where.boundary_set,
        areas=(
            *where.areas,
            *(
                Area(level="commune", code=code, name=code, within=around, population=people[code])
                for code in people
            ),
        ),
        roads=(),
        operators=where.operators,
    )
    found = finding(measure(campaign.store(tmp_path), where, levels=("district",)), code="660")
    assert found.estimate == pytest.approx(52)


def test_a_commune_in_which_nobody_lives_has_a_mean_of_its_own(campaign, tmp_path):
    for lat, lon, at in spots(2):
        campaign.test(50, lat=lat, lon=lon, at=at)
    where = ground(communes=())
    around = {"district": "660", "province": "67"}
    empty = Area(level="commune", code="24611", name="24611", within=around, population=0)
    where = msgspec.structs.replace(where, areas=(*where.areas, empty))
    found = finding(measure(campaign.store(tmp_path), where))
    assert found.estimate == pytest.approx(50)


def test_a_commune_nobody_measured_speaks_against_a_verdict_on_the_district(campaign, tmp_path):
    for lat, lon, at in spots(40):
        campaign.test(80, lat=lat, lon=lon, at=at)
    where = ground(communes=("24611", "24612"))
    found = finding(measure(campaign.store(tmp_path), where, levels=("district",)), code="660")
    assert any("Xã 24612" in reason.en for reason in found.against_pass)
    assert any("Xã 24612" in reason.en for reason in found.against_fail)


def test_5g_is_judged_where_there_is_some_and_asks_for_no_other_commune(campaign, tmp_path):
    for index, (lat, lon, at) in enumerate(spots(40)):
        campaign.test(130 + index % 2, lat=lat, lon=lon, at=at, rat_class=RatClass.G5)
    where = ground(communes=("24611", "24612"))
    measured = measure(campaign.store(tmp_path), where, target="T8", levels=("district",))
    found = finding(measured, code="660")
    assert found.estimate == pytest.approx(130.5)
    assert found.against_pass == ()


def test_every_area_of_the_boundary_set_is_there_also_without_a_row(campaign, tmp_path):
    where = ground(communes=("24611", "24612", "24613"))
    measured = measure(campaign.store(tmp_path), where)
    assert [one.scope.code for one in measured.findings] == [
        code for code in ("24611", "24612", "24613") for _ in range(2)
    ]
    assert all(one.n == 0 and one.estimate is None for one in measured.findings)
