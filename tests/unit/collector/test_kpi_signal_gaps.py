"""T2 at listed points with a known truth: what proves one covered, and what does not."""

import math
import sys
from datetime import timedelta
from importlib.resources import files

import ibis
import msgspec
import numpy as np
import pyarrow as pa
import pytest

from collector.kpi import Point, kpis
from collector.kpi._points import in_some_tile
from collector.kpi._visits import Squares
from collector.targets import judge, load
from collector.targets.verdict import HEADLINE, Value
from tests.unit.collector.campaigns import (
    NOW,
    OCTOBER,
    VIETTEL,
    VINAPHONE,
    Campaign,
    ground,
)
from wire.messages import Outcome, PositionSource

TARGET = next(target for target in load() if target.id == "T2")
METRES = 1 / 111_320
SQUARE_M = 50.0

SCENARIOS = {}
"""What was measured at each point, by the point's code: all of it goes into one lake."""


def scenario(build):
    SCENARIOS[build.__name__] = build
    return build


def place(code):
    """Points lie 11 km apart, on a meridian."""
    return Point(
        kind="signal_gap",
        code=code,
        name=f"Bon {code}",
        lat_deg=11.8 + 0.1 * list(SCENARIOS).index(code),
        lon_deg=107.7,
    )


def when(code, day):
    """One modem is at one point at a time."""
    return OCTOBER + timedelta(days=day, hours=list(SCENARIOS).index(code))


def squares(count):
    """Middles of so many squares around a point, from the middle outwards, in metres."""
    middles = [
        ((row + 0.5) * SQUARE_M, (column + 0.5) * SQUARE_M)
        for row in range(-5, 5)
        for column in range(-5, 5)
    ]
    near = sorted(middles, key=lambda at: (math.hypot(*at), at))
    # Both of the centre and of the edge.
    return (near[: count - 1] + near[-13:-12])[:count] if count < 80 else near[:count]


def visit(
    campaign, code, *, day, count=30, seconds=1, checks=2, check_ok=True, after_s=300, bad=0, **more
):
    """One visit to `count` squares: in the last `bad` of them there is no service."""
    point = place(code)
    at = when(code, day)
    for number, (north_m, east_m) in enumerate(squares(count)):
        for _ in range(seconds):
            campaign.look(
                None,
                at=at,
                road=None,
                offset_m=None,
                lat=point.lat_deg + north_m * METRES,
                lon=point.lon_deg + east_m * METRES / math.cos(math.radians(point.lat_deg)),
                rsrp_dbm=None if number >= count - bad else -95.0,
                **more,
            )
            at += timedelta(seconds=1)
    for number in range(checks):
        campaign.check(
            at=at + timedelta(seconds=after_s + number),
            ok=check_ok,
            lat=point.lat_deg,
            lon=point.lon_deg,
            **more,
        )


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    campaign = Campaign()
    for code, build in SCENARIOS.items():
        build(campaign, code)
    return campaign.store(tmp_path_factory.mktemp("lake"))


GROUND_OPERATORS = (VIETTEL, VINAPHONE)


@pytest.fixture(scope="module")
def measured(source):
    return kpis()["signal_gaps"].measure(
        source,
        ground=ground(points=[place(code) for code in SCENARIOS], operators=GROUND_OPERATORS),
        levels=("point",),
        period=TARGET.period.over(NOW),
        threshold=0.95,
        parameters=TARGET.parameters,
    )


@pytest.fixture(scope="module")
def found(measured):
    """Finding by point and operator."""
    return {(one.scope.code, one.scope.operator): one for one in measured.findings}


@pytest.fixture(scope="module")
def verdicts(source):
    """Verdict by point and operator."""
    where = ground(points=[place(code) for code in SCENARIOS], operators=GROUND_OPERATORS)
    return {
        (one.code, one.operator): one.verdict
        for one in judge(source, [TARGET], ground=where, now=NOW)
        if one.level != HEADLINE
    }


@scenario
def covered(campaign, code):
    visit(campaign, code, day=3)
    visit(campaign, code, day=9)


def test_two_visits_to_30_squares_each_prove_a_point_covered(found, verdicts):
    here = found["covered", "Viettel"]
    assert (here.estimate, here.n, here.blocks) == (1.0, 60, 60)
    assert here.lower == pytest.approx(0.05 ** (1 / 60))
    assert (here.against_pass, here.against_fail[1:]) == ((), ())
    assert here.p_above == pytest.approx(0.95**60)
    assert verdicts["covered", "Viettel"] is Value.PASS


def test_one_operator_is_enough_for_a_point(found, verdicts):
    assert found["covered", "VinaPhone"].n == 0
    assert verdicts["covered", "VinaPhone"] is Value.NO_DATA
    assert verdicts["covered", "any"] is Value.PASS
    assert found["covered", "any"].context["best_operator"] == "Viettel"
    assert found["covered", "any"].context["share_by_operator"] == {
        "Viettel": 1.0,
        "VinaPhone": None,
    }


@scenario
def one_spot(campaign, code):
    for day in (3, 9):
        visit(campaign, code, day=day, count=2, seconds=600)


def test_hours_on_two_spots_are_two_values_a_visit_and_prove_nothing(found, verdicts):
    here = found["one_spot", "Viettel"]
    assert (here.estimate, here.n, here.blocks) == (1.0, 2400, 4)
    assert here.lower == pytest.approx(0.05 ** (1 / 4))
    assert verdicts["one_spot", "Viettel"] is Value.NOT_PROVEN
    assert ("blocks", 55) in [(need.what, need.more) for need in here.need]


@scenario
def uncovered(campaign, code):
    for day in (3, 9):
        visit(campaign, code, day=day, bad=30)
        visit(campaign, code, day=day, bad=30, home_plmn="45202", plmn="45202", modem="1-1.2")


def test_a_point_without_service_fails_for_each_operator_and_for_any(found, verdicts):
    here = found["uncovered", "any"]
    assert (here.estimate, here.lower) == (0.0, 0.0)
    assert here.upper == pytest.approx(1 - 0.05 ** (1 / 60))
    for operator in ("Viettel", "VinaPhone", "any"):
        assert verdicts["uncovered", operator] is Value.FAIL


@scenario
def unmeasured_operator(campaign, code):
    for day in (3, 9):
        visit(campaign, code, day=day, bad=30)


def test_an_operator_nobody_measured_might_cover_the_point(found, verdicts):
    assert verdicts["unmeasured_operator", "Viettel"] is Value.FAIL
    assert verdicts["unmeasured_operator", "any"] is Value.NOT_PROVEN
    reasons = [reason.en for reason in found["unmeasured_operator", "any"].against_fail]
    assert reasons == ["not measured enough: VinaPhone"]


@scenario
def one_visit(campaign, code):
    visit(campaign, code, day=3, count=70)


def test_one_visit_is_not_enough_either_way(found, verdicts):
    here = found["one_visit", "Viettel"]
    assert here.lower > 0.95
    assert [reason.en for reason in here.against_pass] == ["only 1 visits, at least 2 needed"]
    assert here.against_pass[0] in here.against_fail
    assert ("visits", 1) in [(need.what, need.more) for need in here.need]
    assert verdicts["one_visit", "Viettel"] is Value.NOT_PROVEN


@scenario
def edge_unseen(campaign, code):
    point = place(code)
    for day in range(20):
        for second in range(4):
            at = when(code, day) + timedelta(seconds=second)
            lat = point.lat_deg + (second - 1.5) * 40 * METRES
            campaign.look(None, at=at, road=None, offset_m=None, lat=lat, lon=point.lon_deg)
        campaign.check(at=at, lat=point.lat_deg, lon=point.lon_deg)


def test_the_centre_alone_is_not_the_place(found, verdicts):
    here = found["edge_unseen", "Viettel"]
    assert here.context["farthest_m"] == pytest.approx(60, abs=1)
    assert here.lower > 0.95
    assert ["farther than 150 m" in reason.en for reason in here.against_pass] == [True]
    assert verdicts["edge_unseen", "Viettel"] is Value.NOT_PROVEN


@scenario
def no_checks(campaign, code):
    for day in (3, 9):
        visit(campaign, code, day=day, checks=0)


def test_level_alone_is_no_service(found, verdicts):
    here = found["no_checks", "Viettel"]
    assert here.context["data_checks"] == 0
    assert here.context["data_check_share"] is None
    assert [reason.en for reason in here.against_pass] == ["only 0 data checks, at least 2 needed"]
    assert verdicts["no_checks", "Viettel"] is Value.NOT_PROVEN


@scenario
def failed_checks(campaign, code):
    for day in (3, 9):
        visit(campaign, code, day=day, check_ok=False, after_s=601)


def test_checks_that_fail_later_forbid_a_pass(found):
    here = found["failed_checks", "Viettel"]
    assert here.context["data_check_share"] == 0.0
    assert here.against_pass[0].en.startswith("data came through in 0.0%")


@scenario
def level_without_data(campaign, code):
    for day in (3, 9):
        at = when(code, day)
        point = place(code)
        for seconds in (-20, 40):
            campaign.check(
                at=at + timedelta(seconds=seconds), ok=None, lat=point.lat_deg, lon=point.lon_deg
            )
        visit(campaign, code, day=day, checks=0)


def test_a_level_between_two_failed_checks_is_no_service(found, verdicts):
    here = found["level_without_data", "Viettel"]
    assert (here.estimate, here.n) == (0.0, 60)
    assert verdicts["level_without_data", "Viettel"] is Value.FAIL


@scenario
def data_came_back(campaign, code):
    for day in (3, 9):
        at = when(code, day)
        point = place(code)
        for seconds, ok in ((-20, False), (40, True)):
            campaign.check(
                at=at + timedelta(seconds=seconds), ok=ok, lat=point.lat_deg, lon=point.lon_deg
            )
        visit(campaign, code, day=day, checks=0)


def test_a_level_between_a_failed_and_a_good_check_proves_nothing(found):
    here = found["data_came_back", "Viettel"]
    assert (here.estimate, here.n) == (None, 0)
    assert here.excluded == {"data_doubtful": 60}


@scenario
def repaired(campaign, code):
    visit(campaign, code, day=3, bad=30)
    visit(campaign, code, day=9)


def test_a_point_repaired_since_is_not_said_to_be_uncovered(found, verdicts):
    here = found["repaired", "Viettel"]
    assert (here.estimate, here.context["latest_visit_share"]) == (0.5, 1.0)
    assert here.upper < 0.95
    assert verdicts["repaired", "Viettel"] is Value.NOT_PROVEN


@scenario
def broken_since(campaign, code):
    for day in range(3, 23):
        visit(campaign, code, day=day)
    visit(campaign, code, day=25, bad=5)


def test_a_point_that_broke_down_since_is_not_said_to_be_covered(found, verdicts):
    here = found["broken_since", "Viettel"]
    assert here.lower > 0.95
    assert "latest visit" in here.against_pass[0].en
    assert verdicts["broken_since", "Viettel"] is Value.NOT_PROVEN


@scenario
def passed_by(campaign, code):
    visit(campaign, code, day=3)
    visit(campaign, code, day=9)
    visit(campaign, code, day=12, count=4, bad=2, checks=0)


@scenario
def dark_and_passed_by(campaign, code):
    visit(campaign, code, day=3, bad=20)
    visit(campaign, code, day=9, bad=20)
    visit(campaign, code, day=12, count=4, checks=0)


def test_a_car_that_drove_by_does_not_tell_the_state(found, verdicts):
    assert found["passed_by", "Viettel"].blocks == 64
    assert found["dark_and_passed_by", "Viettel"].context["latest_visit_share"] < 0.5
    assert verdicts["dark_and_passed_by", "Viettel"] is Value.FAIL
    assert found["passed_by", "Viettel"].context["latest_visit_share"] == 1.0
    assert not found["passed_by", "Viettel"].against_pass


def test_a_point_that_was_only_driven_by_has_the_state_of_the_last_time():
    squares = Squares(np.array([0, 0, 1, 1, 1, 2]), np.arange(6.0), np.zeros(6))
    assert squares.latest(least=3).tolist() == [2.0, 3.0, 4.0]
    assert squares.latest(least=4).tolist() == [5.0]


@pytest.mark.parametrize(("squares", "tells"), [(4, False), (5, True)])
def test_the_script_of_an_evidence_knows_who_only_drove_by(squares, tells):
    folders = [files("collector.evidence") / "scripts" / name for name in ("", "shared")]
    sys.path[:0] = map(str, folders)
    try:
        import signal_gaps as script  # noqa: PLC0415  # as in the folder of an evidence
    finally:
        del sys.path[:2]
        for name in ("signal_gaps", "folder", "limits"):
            sys.modules.pop(name, None)
    good = [script.Square(visit, 1.0, 400.0 * n / 30) for visit in (0, 1) for n in range(30)]
    last = [script.Square(2, 0.0, 10.0 * n) for n in range(squares)]
    asked = script.Asked(0.95, msgspec.structs.asdict(TARGET.parameters))
    came = [{"data_ok": "true"}] * 2
    assert script.enough([*good, *last], came, asked) is not tells


@scenario
def flickering(campaign, code):
    for day in (3, 9):
        visit(campaign, code, day=day, count=30)
        visit(campaign, code, day=day, count=30, bad=30)


def test_a_square_with_service_half_of_the_time_is_half_a_success(found):
    here = found["flickering", "Viettel"]
    assert (here.estimate, here.n, here.blocks) == (0.5, 120, 60)


@scenario
def left_out(campaign, code):
    point = place(code)
    at = when(code, 3)
    here = {"at": at, "road": None, "offset_m": None, "lat": point.lat_deg, "lon": point.lon_deg}
    campaign.look(None, **here, outcome=Outcome.INVALID)
    campaign.look(None, **here, error_m=80.0)
    campaign.look(None, **here, plmn="45202")
    campaign.check(
        at=at, lat=point.lat_deg, lon=point.lon_deg, method="icmp", ok=None, outcome=Outcome.OK
    )
    campaign.look(None, **{**here, "lat": point.lat_deg + 301 * METRES})
    campaign.look(None, **here, source=PositionSource.SURVEYED, error_m=None)


def test_what_does_not_count_is_said_and_what_is_farther_is_not_ours(found):
    here = found["left_out", "Viettel"]
    assert here.n == 1
    assert here.excluded == {"invalid": 1, "no_data_check": 1, "position_error": 1}
    assert found["left_out", "any"].excluded == {**here.excluded, "roaming": 1}


@scenario
def never_visited(campaign, code):
    pass


def test_a_point_nobody_visited_is_unknown(found, verdicts):
    here = found["never_visited", "any"]
    assert (here.estimate, here.n) == (None, 0)
    assert verdicts["never_visited", "any"] is Value.NO_DATA


@scenario
def off_by_12_db(campaign, code):
    for day in (3, 9):
        for number, level in ((1, -108.0), (2, -109.0), (3, -120.0)):
            for north_m, east_m in squares(40):
                point = place(code)
                campaign.look(
                    None,
                    at=when(code, day),
                    road=None,
                    offset_m=None,
                    lat=point.lat_deg + north_m * METRES,
                    lon=point.lon_deg + east_m * METRES / math.cos(math.radians(point.lat_deg)),
                    rsrp_dbm=level,
                    cell_id=77,
                    probe=f"dn-0{number}",
                )
        campaign.check(at=when(code, day), lat=point.lat_deg)


def test_a_modem_that_is_12_db_off_two_others_is_left_out(found):
    here = found["off_by_12_db", "Viettel"]
    assert (here.estimate, here.n) == (1.0, 160)
    assert here.excluded == {"level_shifted": 80}
    assert here.context["level_shifted"] == ["dn-03 1-1.1: -11.5 dB"]
    assert here.context["level_disputed"] == []


def test_rows_say_what_the_share_is_made_of(measured):
    rows = measured.rows
    assert measured.n == sum(one.n for one in measured.findings if one.scope.operator != "any")
    codes, reasons = rows["point"].to_pylist(), rows["reason"].to_pylist()
    assert codes.count("flickering") == 120 + 8
    assert set(codes) == set(SCENARIOS) - {"never_visited"}
    assert measured.excluded["position_error"] == reasons.count("position_error") == 1


def test_the_headline_needs_every_point_and_says_how_many_are_covered(source):
    points = [place("covered"), place("one_spot")]
    [headline, *_] = judge(source, [TARGET], ground=ground(points=points), now=NOW)
    assert headline.verdict is Value.NOT_PROVEN
    assert (
        headline.context.items()
        >= {
            "points": 2,
            "points_covered": 1,
            "points_covered_share": 0.5,
        }.items()
    )
    [headline, *_] = judge(source, [TARGET], ground=ground(points=points[:1]), now=NOW)
    assert headline.verdict is Value.PASS


def test_without_a_list_the_target_does_not_apply_and_says_which_list_is_missing(source):
    other = Point(kind="key_place", code="k", name="UBND", lat_deg=11.8, lon_deg=107.7)
    [headline] = judge(source, [TARGET], ground=ground(points=[other]), now=NOW)
    assert headline.verdict is Value.NOT_APPLICABLE
    assert "34/KH-STTTT" in headline.reason.en
    assert headline.context["points_covered_share"] is None


def test_a_row_near_two_points_speaks_for_both(tmp_path):
    campaign = Campaign()
    campaign.look(None, at=OCTOBER, road=None, offset_m=None, lat=12.0, lon=107.7)
    points = [
        Point(kind="signal_gap", code=code, name=code, lat_deg=12.0 + step, lon_deg=107.7)
        for code, step in (("a", 0.001), ("b", -0.001))
    ]
    measured = kpis()["signal_gaps"].measure(
        campaign.store(tmp_path),
        ground=ground(points=points),
        levels=("point",),
        period=TARGET.period.over(NOW),
        threshold=0.95,
        parameters=TARGET.parameters,
    )
    assert [one.n for one in measured.findings] == [1, 1, 1, 1]
    assert measured.n == 1
    assert measured.rows["point"].to_pylist() == ["a", "b"]


@pytest.mark.parametrize(("key", "value"), [("radius_m", 0), ("radius_m", 2000), ("square_m", 0)])
def test_an_impossible_parameter_is_refused(key, value):
    with pytest.raises(ValueError, match=key):
        type(TARGET.parameters)(**{key: value})


def test_rows_that_may_be_near_are_found_by_tile_and_impossible_places_are_none_of_them():
    around = [place("covered")]
    rows = pa.table(
        {
            "position_lat_deg": [11.8, 11.809, 11.83, float("nan"), float("inf"), None, 91.0],
            "position_lon_deg": [107.7, 107.691, 107.7, 107.7, 107.7, 107.7, 107.7],
        }
    )
    table = ibis.memtable(rows)
    assert len(in_some_tile(table, around).to_pyarrow()) == 2
    assert len(in_some_tile(table, []).to_pyarrow()) == 0
