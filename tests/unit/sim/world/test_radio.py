import time

import msgspec
import numpy as np
import pytest

from sim.world import DEMO_ROAD, demo_world
from sim.world.radio import NSA_LEG_DBM, RadioMap, load_share
from sim.world.technology import ALL_TECHNOLOGIES, Technology
from wire.bands import bands
from wire.cells import Rat
from wire.kinds.radio import Payload, RegistrationState

T0 = 1_790_000_000.0
WORLD = demo_world(T0)
RADIO = RadioMap(WORLD)
ROAD = WORLD.road(DEMO_ROAD).route
(GAP,) = WORLD.gaps
(WEAK,) = (stretch for stretch in WORLD.stretches if stretch.loss_db is not None)
PLMNS = [operator.plmn for operator in WORLD.operators]
LTE_ONLY = frozenset({Technology.LTE})


def along(start_m, end_m, step_m=10.0):
    chainage = np.arange(start_m, end_m, step_m)
    return (*ROAD.lat_lon(chainage), T0 + chainage / 25)


@pytest.mark.parametrize("plmn", PLMNS)
def test_nobody_is_heard_in_the_gap(plmn):
    survey = RADIO.survey(plmn, *along(GAP.start_m + 1, GAP.end_m - 1, 2.0))
    assert not survey.served.any()
    assert not any(survey.cells(row, *Rat) for row in range(0, len(survey), 50))
    assert survey.payload(0) == Payload(
        rrc_state="search", registration=RegistrationState.SEARCHING
    )


@pytest.mark.parametrize("allowed", [ALL_TECHNOLOGIES, LTE_ONLY])
@pytest.mark.parametrize("plmn", PLMNS)
def test_the_rest_of_the_road_is_well_served(plmn, allowed):
    for start_m, end_m in (
        (0, GAP.start_m - 1),
        (GAP.end_m + 1, WEAK.start_m - 1),
        (WEAK.end_m + 1, ROAD.length_m),
    ):
        survey = RADIO.survey(plmn, *along(start_m, end_m), allowed)
        assert survey.served.all()
        assert survey.rsrp_dbm.min() > -108


def test_the_weak_stretch_is_deep_and_short():
    assert WEAK.length_m < 1000
    survey = RADIO.survey("45201", *along(WEAK.start_m + 1, WEAK.end_m - 1), LTE_ONLY)
    assert np.nanmedian(survey.rsrp_dbm) < -115


def test_each_operator_serves_the_drive_in_its_own_way():
    outside = along(WORLD.drive.start_m, GAP.start_m - 1)
    assert RADIO.survey("45204", *outside).nr_sa.all()
    assert RADIO.survey("45202", *outside).nr_leg.all()
    mobifone = RADIO.survey("45201", *outside)
    assert mobifone.lte.all()
    assert not mobifone.nr_leg.any()


def test_a_lock_takes_the_leg_away_and_leaves_the_anchor():
    place = ROAD.at(WORLD.drive.start_m)[:2]
    free = RADIO.radio_at("45202", *place, T0)
    locked = RADIO.radio_at("45202", *place, T0, LTE_ONLY)
    assert free.mode == "nr-nsa"
    assert free.nr is not None
    assert free.nr.cell_id is None
    assert locked.mode == "lte"
    assert locked.nr is None
    assert locked.serving == free.serving


def test_an_operator_without_the_technology_gives_no_service():
    place = ROAD.at(WORLD.drive.start_m)[:2]
    heard = RADIO.radio_at("45201", *place, T0, frozenset({Technology.NR_SA}))
    assert heard.serving is None
    assert heard.registration is RegistrationState.SEARCHING


def test_gsm_serves_when_nothing_else_is_allowed():
    place = ROAD.at(WORLD.drive.start_m)[:2]
    heard = RADIO.radio_at("45202", *place, T0, frozenset({Technology.GSM}))
    assert heard.mode == "gsm"
    assert heard.serving is not None
    assert heard.serving.rssi_dbm is not None
    assert heard.serving.rsrp_dbm is None


def test_one_place_is_heard_as_in_a_survey():
    lat, lon, seconds = along(50_000, 50_100)
    survey = RADIO.survey("45202", lat, lon, seconds)
    for row in range(len(survey)):
        alone = RADIO.radio_at("45202", float(lat[row]), float(lon[row]), float(seconds[row]))
        assert alone == survey.payload(row)


def test_another_process_hears_the_same():
    copy = RadioMap(msgspec.json.decode(msgspec.json.encode(WORLD), type=type(WORLD)))
    place = ROAD.at(WORLD.drive.start_m)[:2]
    for plmn in PLMNS:
        assert copy.radio_at(plmn, *place, T0) == RADIO.radio_at(plmn, *place, T0)


def test_the_radio_of_a_place_varies_with_time_but_little():
    place = ROAD.at(WORLD.drive.start_m)[:2]
    levels = RADIO.survey("45201", *place, T0 + np.arange(600)).rsrp_dbm
    assert 0.5 < levels.std() < 3


def test_shadow_is_alike_near_by_and_different_far_away():
    lat, lon = ROAD.lat_lon(np.arange(0, 36_000, 10.0))
    levels = RADIO.survey("45201", lat, lon, T0, LTE_ONLY).rsrp_dbm
    assert np.abs(np.diff(levels)).mean() < 2
    assert levels.std() > 5


def test_values_stay_in_the_ranges_of_the_standards():
    dice = np.random.default_rng(1)
    lat, lon = dice.uniform(11.8, 12.7, 300), dice.uniform(107.2, 108.1, 300)
    seen = set()
    for plmn in PLMNS:
        survey = RADIO.survey(plmn, lat, lon, T0 + np.arange(300) * 300)
        for row in range(300):
            heard = survey.payload(row)
            for cell in (heard.serving, heard.nr, *heard.neighbours):
                if cell is None or cell.rat is Rat.GSM:
                    continue
                seen.add(cell.rat)
                assert -140 <= cell.rsrp_dbm <= -31
                assert -34 <= cell.rsrq_db <= -3
                assert -20 <= cell.sinr_db <= 30
                assert cell.band in bands(cell.rat, cell.arfcn)
                assert 0 <= cell.pci <= (503 if cell.rat is Rat.LTE else 1007)
            if heard.nr is not None:
                assert heard.nr.rsrp_dbm >= NSA_LEG_DBM - 0.1
    assert seen == {Rat.LTE, Rat.NR}


def test_a_stretch_of_one_operator_leaves_the_others_alone():
    silent = msgspec.structs.replace(GAP, plmns=("45201",))
    radio = RadioMap(msgspec.structs.replace(WORLD, stretches=(silent,)))
    middle = ROAD.at(GAP.start_m + 700)[:2]
    assert radio.radio_at("45201", *middle, T0).serving is None
    assert radio.radio_at("45202", *middle, T0).serving is not None


def test_beside_the_road_the_gap_ends():
    place = ROAD.at(GAP.start_m + 700)
    assert RADIO.radio_at("45204", place.lat_deg + 0.03, place.lon_deg, T0).serving is not None


def test_every_operators_cells_are_heard_by_a_scan():
    cells = RADIO.cells_at(*ROAD.at(WORLD.drive.start_m)[:2], T0, Rat.GSM, Rat.LTE)
    assert {cell.plmn for cell in cells} == set(PLMNS)
    assert {cell.rat for cell in cells} == {Rat.GSM, Rat.LTE}


def test_evenings_are_busier_than_nights():
    night, evening = load_share(np.array([20 * 3600.0, 13 * 3600.0]))
    assert night < 0.25
    assert evening > 0.55


def test_a_province_month_is_surveyed_quickly():
    dice = np.random.default_rng(2)
    lat, lon = dice.uniform(11.8, 12.7, 20_000), dice.uniform(107.2, 108.1, 20_000)
    start = time.process_time()
    RADIO.survey("45202", lat, lon, T0)
    assert time.process_time() - start < 5
