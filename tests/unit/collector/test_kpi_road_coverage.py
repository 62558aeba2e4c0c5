"""T3 on planted roads: gaps of every length, tunnels, checks that fail, and antennas that lie."""

from datetime import timedelta

import msgspec
import numpy as np
import pytest

from collector.kpi import Stretch, kpis
from collector.targets import load
from collector.targets.verdict import Value, decide
from tests.unit.collector.campaigns import (
    METRES_PER_DEGREE,
    NOW,
    OCTOBER,
    VIETTEL,
    VINAPHONE,
    Campaign,
    ground,
)

TARGET = next(target for target in load() if target.id == "T3")
LENGTH_M = 8000.0

SCENARIOS = {}
"""What happened on each road, by the road's code: all of it goes into one lake."""
EXCEPTIONS = {}
"""Stretches by the road's code."""


def scenario(*stretches):
    def take(build):
        SCENARIOS[build.__name__] = build
        EXCEPTIONS[build.__name__] = stretches
        return build

    return take


def tunnel(from_m, to_m, **more):
    return Stretch(from_m=from_m, to_m=to_m, kind="tunnel", **more)


def start(road, day):
    """One modem is on one road at a time."""
    return OCTOBER + timedelta(days=5 + day, minutes=20 * list(SCENARIOS).index(road))


def ride(
    campaign,
    road,
    *gaps,
    day=0,
    after_s=0,
    kmh=60,
    every_s=1,
    fix_every=1,
    wander_m=0.0,
    silent=(),
    down=False,
    checks=None,
    level=lambda chainage_m: -90.0,  # noqa: ARG005
    **more,
):
    """One pass; `checks` are second by second whether a data check came through.

    The receiver fixes at every look, or at every third, and so on.
    """
    rng = np.random.default_rng(len(road) + day)
    at = start(road, day) + timedelta(seconds=after_s)
    step_m = kmh / 3.6 * every_s
    first_m = float(rng.uniform(0, step_m))
    last = int((LENGTH_M - first_m) / step_m)
    for number in range(last + 1):
        along_m = first_m + number * step_m
        true_m = LENGTH_M - along_m if down else along_m
        moment = at + timedelta(seconds=number * every_s)
        if any(begin <= true_m < end for begin, end in silent):
            continue
        dark = any(begin <= true_m < end for begin, end in gaps)
        if number % fix_every == 0 or number == last:
            fix_m = float(np.clip(true_m + rng.normal(0, wander_m), 0, LENGTH_M))
        seen_m = fix_m
        level_dbm = None if dark else level(true_m)
        cell_id = 1 + int(true_m // 2000)
        campaign.look(seen_m, at=moment, road=road, rsrp_dbm=level_dbm, cell_id=cell_id, **more)
        if checks and number % 60 == 30:
            campaign.check(
                at=moment,
                ok=checks(true_m) or None,
                road=road,
                chainage_m=seen_m,
                offset_m=3.0,
                **more,
            )


def three(campaign, road, *gaps, **more):
    for day in range(3):
        ride(campaign, road, *gaps, day=day, down=day % 2 == 1, **more)


def measure(source, roads, exceptions):
    return kpis()["road_gaps"].measure(
        source,
        ground=ground(
            roads=[(road, LENGTH_M) for road in roads],
            operators=(VIETTEL, VINAPHONE),
            exceptions=exceptions,
        ),
        levels=("road",),
        period=TARGET.period.over(NOW),
        threshold=1000.0,
        parameters=TARGET.parameters,
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    campaign = Campaign()
    for road, build in SCENARIOS.items():
        build(campaign, road)
    return measure(campaign.store(tmp_path_factory.mktemp("lake")), SCENARIOS, EXCEPTIONS)


@pytest.fixture(scope="module")
def found(measured):
    """Finding by road and operator."""
    return {(one.scope.code, one.scope.operator): one for one in measured.findings}


def verdict(finding):
    return decide(finding, threshold=1000.0, unit="m", higher_is_better=False).value


PLANTED = [
    (800.0, {Value.PASS}),
    (950.0, {Value.PASS, Value.NOT_PROVEN}),
    (1050.0, {Value.FAIL, Value.NOT_PROVEN}),
    (1400.0, {Value.FAIL}),
    (3000.0, {Value.FAIL}),
]
MOVING = [(60, 1), (60, 3), (80, 2), (120, 1)]
"""km/h, and seconds between two looks."""


def planted(length_m, kmh, every_s):
    name = f"gap_{length_m:.0f}_at_{kmh}_every_{every_s}"

    def build(campaign, road):
        gap = (2317.0, 2317.0 + length_m)
        three(campaign, road, gap, kmh=kmh, every_s=every_s, wander_m=5.0)

    SCENARIOS[name] = build
    return name


ROADS = {
    planted(length_m, *moving): (length_m, may, moving)
    for length_m, may in PLANTED
    for moving in MOVING
}


@pytest.mark.parametrize("road", ROADS)
def test_a_planted_gap_is_found_within_50_m_and_judged_as_it_is(found, road):
    length_m, may, _ = ROADS[road]
    here = found[road, "Viettel"]
    assert here.context["gap_from_m"] == pytest.approx(2317.0, abs=50)
    assert here.context["gap_to_m"] == pytest.approx(2317.0 + length_m, abs=50)
    assert here.lower <= here.estimate <= here.upper
    assert verdict(here) in may
    assert bool(here.context["redrive"]) is (abs(length_m - 1000) <= 100)


def test_fast_and_seldom_is_still_enough_to_fail_a_long_gap(tmp_path):
    campaign = Campaign()
    SCENARIOS["fast"] = lambda *_: None
    gap = (2317.0, 5317.0)
    three(campaign, "fast", gap, kmh=120, every_s=3)
    [here, *_] = measure(campaign.store(tmp_path), ["fast"], {}).findings
    del SCENARIOS["fast"]
    assert here.context["gap_from_m"] == pytest.approx(gap[0], abs=50)
    assert here.context["gap_to_m"] == pytest.approx(gap[1], abs=50)
    assert verdict(here) is Value.FAIL


HELD = [(113, 3), (90, 3), (60, 5)]
"""km/h, and seconds between two fixes."""


def held(length_m, kmh, fix_every):
    name = f"held_{length_m:.0f}_at_{kmh}_every_{fix_every}"

    def build(campaign, road):
        gap = (2317.0, 2317.0 + length_m)
        three(campaign, road, gap, kmh=kmh, fix_every=fix_every, wander_m=5.0)

    SCENARIOS[name] = build
    return name


HELD_ROADS = {
    held(length_m, *moving): (length_m, may) for length_m, may in PLANTED for moving in HELD
}


@pytest.mark.parametrize("road", HELD_ROADS)
def test_repeated_positions_move_neither_end_of_a_gap(found, road):
    length_m, may = HELD_ROADS[road]
    here = found[road, "Viettel"]
    assert here.context["gap_from_m"] == pytest.approx(2317.0, abs=50)
    assert here.context["gap_to_m"] == pytest.approx(2317.0 + length_m, abs=50)
    assert here.lower <= length_m <= here.upper
    assert verdict(here) in may
    assert here.excluded.get("position_held", 0) == 0


@scenario()
def held_too_long(campaign, road):
    three(campaign, road, (2000.0, 3400.0), fix_every=15)


def test_looks_of_which_nobody_knows_the_place_are_left_out(found):
    here = found["held_too_long", "Viettel"]
    assert here.excluded["position_held"] > 10 * here.n
    assert here.context["unknown_share"] > 0.5
    assert verdict(here) is Value.NOT_PROVEN


@scenario()
def both_ends(campaign, road):
    three(campaign, road, (0.0, 1210.0), (6777.0, LENGTH_M + 1))


def test_a_gap_reaches_to_the_end_of_the_road(found):
    here = found["both_ends", "Viettel"]
    spans = sorted((gap["from_m"], gap["to_m"]) for gap in here.context["gaps"])
    assert spans[0] == (0.0, pytest.approx(1210, abs=20))
    assert spans[1] == (pytest.approx(6777, abs=20), LENGTH_M)
    assert verdict(here) is Value.FAIL


@scenario()
def one_way(campaign, road):
    for day in range(3):
        ride(campaign, road, (2000.0, 2600.0), day=day)


def test_one_direction_alone_can_decide_and_the_split_is_shown(found):
    here = found["one_way", "Viettel"]
    up, down = here.context["by_direction"]
    assert (up["direction"], up["passes"], down["direction"], down["passes"]) == (
        "up",
        3,
        "down",
        0,
    )
    assert up["covered_share"] == here.context["covered_share"]
    assert (down["covered_share"], down["unknown_share"]) == (0.0, 1.0)
    assert verdict(here) is Value.PASS


@scenario()
def weak_stretch(campaign, road):
    three(campaign, road, level=lambda at_m: -118.0 if 2000 <= at_m < 3500 else -90.0)


def test_a_stretch_at_118_dbm_is_available_and_not_usable(found):
    here = found["weak_stretch", "Viettel"]
    usable, available = here.context["by_threshold"]
    assert (usable["rsrp_dbm"], available["rsrp_dbm"]) == (-115.0, -121.0)
    assert usable["covered_share"] == pytest.approx(1 - 1500 / LENGTH_M, abs=0.02)
    assert available["covered_share"] == 1.0
    assert usable["gap_from_bins_m"] == pytest.approx(1475.0, abs=25)
    assert available["gap_from_bins_m"] == 0.0
    assert verdict(here) is Value.FAIL


TUNNEL = (3000.0, 3400.0)


@scenario(tunnel(*TUNNEL))
def dark_tunnel(campaign, road):
    three(campaign, road, TUNNEL)


@scenario(tunnel(*TUNNEL))
def tunnel_without_a_fix(campaign, road):
    three(campaign, road, silent=[TUNNEL])


@scenario()
def tunnel_nobody_granted(campaign, road):
    three(campaign, road, silent=[TUNNEL])


def test_a_tunnel_is_no_gap_and_not_unknown_and_stands_beside(found):
    for road in ("dark_tunnel", "tunnel_without_a_fix"):
        here = found[road, "Viettel"]
        assert (here.estimate, here.upper) == (0.0, 0.0)
        assert here.context["covered_share"] == 1.0
        assert (here.context["unknown_share"], here.context["judged_m"]) == (0.0, 7600.0)
        assert here.context["exceptions"] == [
            {"kind": "tunnel", "where": "km 3.00-3.40", "length_m": 400.0}
        ]
        assert [3000.0, 3400.0, "exception"] in here.context["strip"]
        assert verdict(here) is Value.PASS
    assert verdict(found["tunnel_nobody_granted", "Viettel"]) is Value.NOT_PROVEN


@scenario(tunnel(3010.0, 3310.0))
def gap_through_a_tunnel(campaign, road):
    three(campaign, road, (2310.0, 4010.0))


def test_a_gap_goes_on_behind_a_tunnel_without_its_length(found):
    here = found["gap_through_a_tunnel", "Viettel"]
    assert here.estimate == pytest.approx(1400, abs=25)
    assert here.context["gap_ended_by_exceptions_m"] == pytest.approx(700, abs=25)
    [gap] = here.context["gaps"]
    assert gap["excepted_m"] == pytest.approx(300)
    assert verdict(here) is Value.FAIL


@scenario(tunnel(3010.0, 3020.0))
def ten_metres(campaign, road):
    three(campaign, road, (2310.0, 3710.0))


def test_an_exception_of_ten_metres_hides_nothing(found):
    here = found["ten_metres", "Viettel"]
    assert here.estimate == pytest.approx(1400, abs=25)
    assert verdict(here) is Value.FAIL


@scenario(tunnel(3000.0, 3300.0))
def covered_in_the_tunnel(campaign, road):
    three(campaign, road, (2300.0, 3050.0), (3250.0, 4000.0))


def test_service_inside_a_tunnel_ends_the_gap(found):
    here = found["covered_in_the_tunnel", "Viettel"]
    assert here.estimate == pytest.approx(700, abs=25)
    assert verdict(here) is Value.PASS


@scenario(tunnel(2000.0, 3500.0, operator="VinaPhone"))
def granted_to_another(campaign, road):
    three(campaign, road, (2000.0, 3500.0))
    three(campaign, road, (2000.0, 3500.0), plmn="45202", home_plmn="45202", modem="1-1.2")


def test_an_exception_is_that_of_its_operator(found):
    assert verdict(found["granted_to_another", "Viettel"]) is Value.FAIL
    assert verdict(found["granted_to_another", "VinaPhone"]) is Value.PASS
    together = found["granted_to_another", "any"]
    assert together.estimate == pytest.approx(1500, abs=25)
    assert verdict(together) is Value.FAIL


@scenario(tunnel(0.0, LENGTH_M))
def nothing_left(campaign, road):
    three(campaign, road)


def test_a_road_that_is_all_exception_has_no_gap(found):
    here = found["nothing_left", "Viettel"]
    assert (here.context["judged_m"], here.context["covered_share"]) == (0.0, 0.0)
    assert here.upper == 0.0


@scenario()
def checked(campaign, road):
    three(campaign, road, (2317.0, 3117.0), checks=lambda _: True)


def test_good_checks_change_nothing_and_are_counted(found):
    here = found["checked", "Viettel"]
    assert here.estimate == pytest.approx(800, abs=25)
    assert here.context["data_checks"] == 24
    assert here.context["data_check_share"] == 1.0
    assert here.context["data_checked_share"] > 0.99
    assert verdict(here) is Value.PASS


def test_without_checks_the_level_decides_and_it_is_said(found):
    here = found["one_way", "Viettel"]
    assert here.context["data_checks"] == 0
    assert here.context["data_check_share"] is None
    assert here.context["data_checked_share"] == 0.0


@scenario()
def level_without_data(campaign, road):
    three(campaign, road, checks=lambda at_m: not 2000 <= at_m < 6000)


def test_a_level_without_data_is_a_gap_between_the_failed_checks(found):
    here = found["level_without_data", "Viettel"]
    assert here.lower > 1000
    assert here.estimate <= 4000
    assert here.upper >= 4000
    assert here.excluded["data_doubtful"] > 100
    assert here.context["data_check_share"] == pytest.approx(0.5, abs=0.1)
    assert verdict(here) is Value.FAIL


@scenario()
def one_check_failed(campaign, road):
    for day in range(3):
        fails = (3500, 4500) if day == 1 else (0, 0)
        ride(
            campaign,
            road,
            day=day,
            checks=lambda at_m, fails=fails: not fails[0] <= at_m < fails[1],
        )


def test_one_failed_check_of_one_pass_makes_no_gap(found):
    here = found["one_check_failed", "Viettel"]
    assert here.excluded["data_doubtful"] > 50
    assert (here.estimate, here.lower) == (0.0, 0.0)
    assert here.context["covered_share"] == 1.0


@scenario()
def check_in_a_gap(campaign, road):
    gap = (2317.0, 3117.0)
    three(campaign, road, gap, checks=lambda at_m: not gap[0] <= at_m < gap[1])


def test_a_check_that_fails_in_a_gap_casts_no_doubt_on_the_road_beside_it(found):
    here = found["check_in_a_gap", "Viettel"]
    assert here.context["data_check_share"] < 1
    assert here.excluded == {}
    assert here.estimate == pytest.approx(800, abs=25)
    assert verdict(here) is Value.PASS


@scenario()
def three_modems_one_car(campaign, road):
    for number in (1, 2, 3):
        ride(campaign, road, (2000.0, 3400.0), probe=f"dn-0{number}", after_s=number)


def test_all_modems_of_one_ride_are_one_pass(found):
    here = found["three_modems_one_car", "Viettel"]
    assert here.blocks == 1
    assert here.context["passes_up"] == 1
    assert any("confirmed" in reason.en for reason in here.against_fail)
    assert verdict(here) is Value.NOT_PROVEN


def hilly(at_m, off_db):
    """Just above the usable level nearly everywhere."""
    return -108.0 + 3.0 * np.sin(at_m / 300.0) + off_db


def cars(campaign, road, offsets_db, *gaps, level=hilly):
    """As many cars, each on its own days."""
    for number, off_db in enumerate(offsets_db):
        for day in range(3):
            ride(
                campaign,
                road,
                *gaps,
                day=day,
                after_s=2000 * number,
                probe=f"{road[:4]}-{number}",
                level=lambda at_m, off_db=off_db: level(at_m, off_db),
            )


@scenario()
def deaf_among_three(campaign, road):
    cars(campaign, road, (0.0, 1.5, -12.0))


def test_a_deaf_antenna_makes_no_gap(found):
    here = found["deaf_among_three", "Viettel"]
    assert here.context["covered_share"] == 1.0
    [shifted] = here.context["level_shifted"]
    assert shifted.startswith("deaf-2 1-1.1: -12.")
    assert here.excluded == {"level_shifted": here.n // 2}
    assert verdict(here) is Value.PASS


@scenario()
def sharp_among_three(campaign, road):
    def weak(at_m, off_db):
        return (-120.0 if 2000 <= at_m < 3500 else -100.0) + off_db

    cars(campaign, road, (-0.5, 0.5, 12.0), level=weak)


def test_an_antenna_that_hears_too_much_hides_no_gap(found):
    here = found["sharp_among_three", "Viettel"]
    assert [one.partition(":")[0] for one in here.context["level_shifted"]] == ["shar-2 1-1.1"]
    assert here.estimate == pytest.approx(1500, abs=25)
    assert verdict(here) is Value.FAIL


@scenario()
def words_against_words(campaign, road):
    cars(campaign, road, (0.0, -12.0))


def test_of_two_that_do_not_agree_nobody_knows_who_is_right(found):
    here = found["words_against_words", "Viettel"]
    assert here.context["level_shifted"] == []
    assert here.context["level_disputed"] == ["word-0 1-1.1", "word-1 1-1.1"]
    [reason] = [one for one in here.against_pass if "do not agree" in one.en]
    assert reason in here.against_fail
    assert "word-0 1-1.1" in reason.vi
    assert verdict(here) is Value.NOT_PROVEN


@scenario()
def beside_the_unknown(campaign, road):
    three(campaign, road, (2000.0, 2600.0), silent=[(2600.0, 2900.0)])


def test_a_gap_may_go_on_where_nobody_measured(found):
    [gap] = found["beside_the_unknown", "Viettel"].context["gaps"]
    assert gap["length_m"] == pytest.approx(600, abs=25)
    assert gap["most_m"] == pytest.approx(900, abs=25)
    assert gap["error_m"] is None


@scenario()
def placed(campaign, road):
    three(campaign, road, (2310.0, 3710.0))


def test_a_gap_is_told_with_its_place_its_error_and_its_rows(measured, found):
    [gap] = found["placed", "Viettel"].context["gaps"]
    for end, at_m in (("from", 2310.0), ("to", 3710.0)):
        assert (gap[end]["lat_deg"] - 12.0) * METRES_PER_DEGREE == pytest.approx(at_m, abs=25)
        assert gap[end]["lon_deg"] == 107.7
    assert gap["least_m"] <= 1400 <= gap["most_m"]
    assert 10 < gap["error_m"] < 2 * 60 / 3.6 + 8.0
    assert gap["passes"] == 3
    assert gap["first_seen"] < gap["last_seen"]
    assert [run["rows"] for run in gap["rows"]] == [84, 84, 84]
    rows = measured.rows.to_pylist()
    dark = {
        (row["probe"], row["epoch"], row["seq"])
        for row in rows
        if row["road"] == "placed" and row["covered"] is False
    }
    told = {
        (run["probe"], run["epoch"], seq)
        for run in gap["rows"]
        for seq in range(run["first_seq"], run["last_seq"] + 1)
    }
    assert told == dark


def test_rows_count_or_have_a_reason_and_say_what_it_is_made_of(measured):
    rows = measured.rows
    looks = [row for row in rows.to_pylist() if row["kind"] == "radio"]
    assert measured.n == sum(row["reason"] is None for row in looks)
    assert sum(measured.excluded.values()) == len(rows) - rows["reason"].null_count
    assert {"probe", "epoch", "seq", "road", "operator", "modem_usb_path", "chainage_m"} < set(
        rows.column_names
    )
    assert all(row["covered"] is not None for row in looks)


def test_the_same_rows_give_the_same_findings(tmp_path):
    campaign = Campaign()
    roads = ["gap_through_a_tunnel", "deaf_among_three", "level_without_data"]
    for road in roads:
        SCENARIOS[road](campaign, road)
    source = campaign.store(tmp_path)
    once, again = (measure(source, roads, EXCEPTIONS) for _ in range(2))
    assert msgspec.json.encode(once.findings) == msgspec.json.encode(again.findings)
    assert once.rows.equals(again.rows)


def test_without_a_road_it_is_said_that_none_was_imported(tmp_path):
    measured = measure(Campaign().store(tmp_path), [], {})
    assert (measured.findings, measured.n) == ((), 0)
    assert "centre line" in measured.nothing_to_judge.en
