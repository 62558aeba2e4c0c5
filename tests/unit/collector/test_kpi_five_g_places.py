"""T7a: 5G at the centre is proven by samples and data; that there is none hardly ever is."""

from datetime import timedelta

import msgspec
import pytest

from collector.kpi import Area
from collector.targets import HEADLINE, Value, judge, periods
from tests.unit.collector.attempts import TARGETS, check
from tests.unit.collector.campaigns import NOW, OCTOBER, VIETTEL, VINAPHONE, Campaign
from tests.unit.collector.centres import CENTRE, FAR, LAT, ground, look, served, unserved
from wire.cells import Rat, RatClass
from wire.messages import Outcome, PositionSource, RatMode

BOTH = (VIETTEL, VINAPHONE)
PERIOD = periods.month(2026, 10)


@pytest.fixture
def campaign():
    return Campaign()


def judged(campaign, folder, *, target="T7A", **where):
    found = judge(
        campaign.store(folder),
        [TARGETS[target]],
        ground=ground(**where),
        now=NOW,
        period=PERIOD,
    )
    return {(one.code if one.level != HEADLINE else HEADLINE, one.operator): one for one in found}


def test_thirty_samples_on_two_days_with_data_are_a_place_with_5g(campaign, tmp_path):
    served(campaign, day=0, count=20)
    served(campaign, day=1, count=10)
    found = judged(campaign, tmp_path)
    one = found["660", "Viettel"]
    assert (one.verdict, one.estimate, one.lower) == (Value.PASS, 1, 1)
    assert one.context["nr_bands"] == [41]
    assert found["660", "any"].context["operators_with_5g"] == ["Viettel"]
    assert found[HEADLINE, "any"].verdict is Value.PASS


@pytest.mark.parametrize(
    ("drives", "missing"),
    [
        ([{"day": 0, "count": 60}], {"days": 1}),
        ([{"day": 0, "count": 10}, {"day": 1, "count": 10}], {"samples": 10}),
        ([{"day": 0, "count": 40}, {"day": 1, "count": 9}], {"days": 1}),
        ([{"day": 0}, {"day": 1, "ok": False}], {"days": 1}),
        ([{"day": 0}, {"day": 1, "ok": None}], {"days": 1}),
        ([{"day": 0, "nr_dbm": -116.0}, {"day": 1, "nr_dbm": -116.0}], {"samples": 30, "days": 2}),
        ([{"day": 0}, {"day": 1, "lat": LAT + 0.006}], {"days": 1}),
    ],
    ids=["one day", "few", "a stray day", "no data", "unchecked", "weak", "two places"],
)
def test_less_than_that_is_not_proven_and_says_what_is_missing(campaign, tmp_path, drives, missing):
    for drive in drives:
        served(campaign, **drive)
    one = judged(campaign, tmp_path)["660", "Viettel"]
    assert one.verdict is Value.NOT_PROVEN
    assert {need.what: need.more for need in one.need} == missing
    assert "samples of 5G" in one.reason.en
    assert "mẫu 5G" in one.reason.vi


def test_samples_beyond_the_radius_are_none_of_this_centre(campaign, tmp_path):
    for day in range(2):
        served(campaign, day=day, lat=LAT + 1600 / 111_320)
    assert judged(campaign, tmp_path)["660", "Viettel"].verdict is Value.NO_DATA


def test_one_operator_is_enough(campaign, tmp_path):
    for day in range(2):
        served(campaign, day=day)
    unserved(campaign, count=5, plmn="45202")
    found = judged(campaign, tmp_path, operators=BOTH)
    assert found["660", "VinaPhone"].verdict is Value.NO_DATA
    assert found["660", "VinaPhone"].excluded == {"not_capable": 5}
    assert found["660", "any"].verdict is Value.PASS


def test_59_looks_of_a_modem_served_elsewhere_show_there_is_none(campaign, tmp_path):
    look(campaign, at=OCTOBER, **FAR)
    unserved(campaign, count=59)
    found = judged(campaign, tmp_path)
    one = found["660", "Viettel"]
    assert (one.verdict, one.estimate, one.upper) == (Value.FAIL, 0, 0)
    assert one.context["looks_without_5g"] == 59
    assert found[HEADLINE, "any"].verdict is Value.FAIL


@pytest.mark.parametrize(
    ("looks", "says"),
    [({"count": 58}, "no 5G in 58 independent looks"), ({"count": 59, "days": 1}, "59 on 2 days")],
)
def test_fewer_looks_or_one_day_prove_nothing(campaign, tmp_path, looks, says):
    look(campaign, at=OCTOBER, **FAR)
    unserved(campaign, **looks)
    one = judged(campaign, tmp_path)["660", "Viettel"]
    assert one.verdict is Value.NOT_PROVEN
    assert says in one.reason.en


@pytest.mark.parametrize(
    ("why", "how"),
    [
        ("not_capable", {}),
        ("idle", {"rrc_state": "noconn"}),
        ("idle", {"rrc_state": None}),
        ("locked", {"asked": RatMode.G4}),
        ("locked", {"narrowed_to": "bands nr 78"}),
    ],
)
def test_a_modem_that_could_not_see_it_never_says_there_is_none(campaign, tmp_path, why, how):
    if why != "not_capable":
        look(campaign, at=OCTOBER, **FAR)
    unserved(campaign, count=80, **how)
    one = judged(campaign, tmp_path)["660", "Viettel"]
    assert one.verdict is Value.NO_DATA
    assert one.excluded == {why: 80}


def test_another_sim_in_the_same_modem_is_another_ability(campaign, tmp_path):
    look(campaign, at=OCTOBER, modem="1-1.4", **FAR)
    unserved(campaign, count=60)
    assert judged(campaign, tmp_path)["660", "Viettel"].excluded == {"not_capable": 60}


def test_any_operator_fails_only_where_each_is_shown_to_have_none(campaign, tmp_path):
    look(campaign, at=OCTOBER, **FAR)
    unserved(campaign, count=60)
    found = judged(campaign, tmp_path, operators=BOTH)
    assert found["660", "Viettel"].verdict is Value.FAIL
    assert found["660", "any"].verdict is Value.NOT_PROVEN
    look(campaign, at=OCTOBER, plmn="45202", **FAR)
    unserved(campaign, count=60, plmn="45202")
    found = judged(campaign, tmp_path / "more", operators=BOTH)
    assert found["660", "any"].verdict is Value.FAIL


def test_no_service_at_all_is_a_look_without_5g(campaign, tmp_path):
    look(campaign, at=OCTOBER, **FAR)
    for index in range(59):
        at = OCTOBER + timedelta(days=index % 2, hours=index // 2 % 20)
        campaign.look(0, at=at, rsrp_dbm=None, lat=LAT + 0.002 * (index // 40))
    assert judged(campaign, tmp_path)["660", "Viettel"].verdict is Value.FAIL


def test_stand_alone_5g_counts_by_its_serving_cell(campaign, tmp_path):
    for day in range(2):
        for second in range(30):
            at = OCTOBER + timedelta(days=day, seconds=second)
            campaign.look(0, at=at, rat=Rat.NR, rsrp_dbm=-100.0, lat=LAT)
        campaign.test(120.0, rat_class=RatClass.G5, at=OCTOBER + timedelta(days=day))
    assert judged(campaign, tmp_path)["660", "Viettel"].verdict is Value.PASS


def test_without_the_seat_of_the_committee_nothing_is_judged(campaign, tmp_path):
    served(campaign)
    found = judged(campaign, tmp_path, points=())
    assert found["660", "any"].verdict is Value.NO_DATA
    assert "People's Committee of Gia Nghĩa" in found["660", "any"].reason.en


def test_communes_are_judged_only_where_there_are_no_districts(campaign, tmp_path):
    for day in range(2):
        served(campaign, day=day)
    source = campaign.store(tmp_path)
    target = TARGETS["T7A2"]
    seat = msgspec.structs.replace(CENTRE, within={"commune": "24611"})
    old = ground([seat])
    [headline] = judge(source, [target], ground=old, now=NOW, period=PERIOD)
    assert headline.verdict is Value.NOT_APPLICABLE
    assert "has districts" in headline.reason.en
    communes = tuple(
        msgspec.structs.replace(area, within={"province": "67"})
        for area in old.areas
        if area.level != "district"
    )
    new = msgspec.structs.replace(
        old, areas=(*communes, Area(level="commune", code="9", name="Xa"))
    )
    found = judge(source, [target], ground=new, now=NOW, period=PERIOD)
    by = {one.code: one.verdict for one in found if one.operator == "any"}
    assert (by["24611"], by["9"]) == (Value.PASS, Value.NO_DATA)


def test_an_invalid_check_is_no_data(campaign, tmp_path):
    for day in range(2):
        served(campaign, day=day, ok=None)
        check(
            campaign,
            at=OCTOBER + timedelta(days=day),
            rat_class=RatClass.G5,
            outcome=Outcome.INVALID,
        )
    one = judged(campaign, tmp_path)["660", "Viettel"]
    assert one.verdict is Value.NOT_PROVEN
    assert one.excluded == {"invalid": 2}


def test_a_probe_on_its_desk_is_looked_at_once_a_minute(campaign, tmp_path):
    for second in range(120):
        at = OCTOBER + timedelta(seconds=second)
        look(campaign, at=at, source=PositionSource.SURVEYED)
    one = judged(campaign, tmp_path)["660", "Viettel"]
    assert (one.n, one.context["samples_5g"]) == (2, 2)


def test_samples_of_two_centres_are_not_one_place(campaign, tmp_path):
    other = msgspec.structs.replace(CENTRE, code="660-2", lat_deg=LAT + 0.1)
    for lat in (LAT, LAT + 0.1):
        for day in (0, 1):
            served(campaign, day=day, count=10, lat=lat)
    one = judged(campaign, tmp_path, points=(CENTRE, other))["660", "Viettel"]
    assert (one.verdict, one.n) == (Value.NOT_PROVEN, 40)
