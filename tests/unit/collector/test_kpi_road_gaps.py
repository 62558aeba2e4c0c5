"""T3 on roads with planted gaps: what is found, how sharply, and what stays unknown."""

from datetime import timedelta

import numpy as np
import pytest

from collector.kpi import kpis
from collector.kpi._passes import cut
from collector.targets import load
from tests.unit.collector.campaigns import (
    NOW,
    OCTOBER,
    VIETTEL,
    VINAPHONE,
    Campaign,
    ground,
)
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload, RegistrationState
from wire.messages import Outcome, PositionSource, RatMode

TARGET = next(target for target in load() if target.id == "T3")
LENGTH_M = 6000.0
GAP = (2317.0, 3717.0)
"""1.4 km that begins and ends inside a bin."""
ROWS = int(LENGTH_M / 15) + 1

SCENARIOS = {}
"""What happened on each road, by the road's code: all of it goes into one lake."""


def days_later(number):
    return OCTOBER + timedelta(days=10 + number, hours=8)


def scenario(build):
    SCENARIOS[build.__name__] = build
    return build


def three_passes(campaign, road, *gaps, **more):
    """One pass a day; one set of gaps for all of them, or one for each."""
    for number, each in enumerate(gaps if len(gaps) == 3 else gaps * 3):
        campaign.drive(start=days_later(number), length_m=LENGTH_M, gaps=each, road=road, **more)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Finding by road and operator."""
    campaign = Campaign()
    for road, build in SCENARIOS.items():
        build(campaign, road)
    result = kpis()["road_gaps"].measure(
        campaign.store(tmp_path_factory.mktemp("lake")),
        ground=ground(
            roads=[(road, LENGTH_M) for road in SCENARIOS], operators=(VIETTEL, VINAPHONE)
        ),
        levels=("road",),
        period=TARGET.period.over(NOW),
        threshold=1000.0,
        parameters=TARGET.parameters,
    )
    assert result.n == sum(one.n for one in result.findings if one.scope.operator != "any")
    assert sum(result.excluded.values()) == sum(
        sum(one.excluded.values()) for one in result.findings if one.scope.operator == "any"
    )
    return {(one.scope.code, one.scope.operator): one for one in result.findings}


@scenario
def uneven_gap(campaign, road):
    for number in range(3):
        campaign.drive(
            start=days_later(number),
            length_m=LENGTH_M,
            gaps=[GAP],
            backwards=number % 2 == 1,
            speed_m_s=13.0 + number,
            road=road,
        )


def test_a_gap_that_starts_and_ends_inside_bins_is_found_within_25_m(found):
    here = found["uneven_gap", "Viettel"]
    assert here.estimate == pytest.approx(1400, abs=25)
    assert here.context["gap_from_m"] == pytest.approx(GAP[0], abs=15)
    assert here.context["gap_to_m"] == pytest.approx(GAP[1], abs=15)
    assert here.lower == 1350
    assert here.upper == pytest.approx(1400, abs=25)
    assert here.against_fail == ()
    assert here.context["unknown_share"] == 0
    assert [state for *_, state in here.context["strip"]] == ["covered", "uncovered", "covered"]


def test_both_directions_are_merged_and_counted(found):
    here = found["uneven_gap", "Viettel"]
    assert (here.context["passes_up"], here.context["passes_down"]) == (2, 1)
    assert here.blocks == 3


@scenario
def vague_fixes(campaign, road):
    three_passes(campaign, road, [], error_m=50.1)


def test_a_fix_worse_than_50_m_says_nothing_of_a_bin(found):
    here = found["vague_fixes", "Viettel"]
    assert (here.n, here.estimate, here.excluded) == (0, None, {"position_error": 3 * ROWS})


@scenario
def one_pass(campaign, road):
    campaign.drive(start=days_later(0), length_m=LENGTH_M, gaps=[GAP], road=road)


def test_one_pass_finds_the_gap_and_proves_neither_side(found):
    here = found["one_pass", "Viettel"]
    assert here.estimate == pytest.approx(1400, abs=25)
    assert here.lower == 0
    assert here.upper == LENGTH_M
    assert here.blocks == 1
    assert any("confirmed" in reason.en for reason in here.against_fail)
    assert ("passes", 1) in [(need.what, need.more) for need in here.need]


@scenario
def covered_twice(campaign, road):
    three_passes(campaign, road, [], [GAP], [])


def test_covered_on_two_of_three_passes_is_covered(found):
    here = found["covered_twice", "Viettel"]
    assert (here.estimate, here.upper) == (0, 0)


@scenario
def covered_once(campaign, road):
    three_passes(campaign, road, [GAP], [GAP], [])


def test_covered_on_one_of_three_passes_is_unknown(found):
    here = found["covered_once", "Viettel"]
    assert (here.lower, here.upper) == (0, 1365)  # up to the looks with service around it
    assert here.context["unknown_share"] == pytest.approx(1350 / LENGTH_M)


@scenario
def repaired(campaign, road):
    for number in range(6):
        gaps = [GAP] if number < 3 else []
        campaign.drive(start=days_later(number), length_m=LENGTH_M, gaps=gaps, road=road)


def test_only_the_last_three_passes_speak(found):
    assert found["repaired", "Viettel"].upper == 0


@scenario
def silence(campaign, road):
    three_passes(campaign, road, [], silent=[GAP])


def test_silence_is_unknown_and_neither_covered_nor_a_gap(found):
    here = found["silence", "Viettel"]
    assert (here.estimate, here.lower) == (0, 0)
    assert here.upper == pytest.approx(1400, abs=50)
    assert any("unknown" in reason.en for reason in here.against_pass)


@scenario
def silence_beside_a_gap(campaign, road):
    three_passes(campaign, road, [(2000.0, 2600.0)], silent=[(2600.0, 3400.0)])


def test_silence_beside_a_gap_makes_it_no_longer(found):
    here = found["silence_beside_a_gap", "Viettel"]
    assert here.estimate == pytest.approx(600, abs=25)
    assert here.upper == pytest.approx(1400, abs=25)


@scenario
def nothing_to_say(campaign, road):
    dark = [(0.0, LENGTH_M + 1)]
    campaign.drive(start=days_later(0), length_m=LENGTH_M, gaps=dark, asked=RatMode.G5, road=road)
    narrow = {"narrowed_to": "cell 1300:16", "road": road}
    campaign.drive(start=days_later(3), length_m=LENGTH_M, gaps=dark, **narrow)
    for day, outcome in enumerate((Outcome.INVALID, Outcome.MODEM_GONE), start=1):
        campaign.drive(start=days_later(day), length_m=LENGTH_M, outcome=outcome, road=road)


def test_modem_gone_invalid_and_locked_rows_make_nothing(found):
    here = found["nothing_to_say", "Viettel"]
    assert (here.n, here.estimate, here.upper) == (0, None, None)
    assert here.excluded == {"invalid": ROWS, "locked": 2 * ROWS, "modem_gone": ROWS}


def cell(**more):
    return Cell(rat=Rat.LTE, **more)


def said(registration=RegistrationState.HOME, plmn="45204", **more):
    return {"payload": Payload(registration=registration, plmn=plmn, **more)}


LOOKS = {
    "strong enough": ({"rsrp_dbm": -115.0}, True),
    "too weak": ({"rsrp_dbm": -115.1}, False),
    "only 3G": ({"rat": Rat.WCDMA}, False),
    "abroad": ({"plmn": "45601"}, False),
    "denied": (said(RegistrationState.DENIED, None, serving=cell(rsrp_dbm=-80.0)), False),
    "strong NR leg": (
        said(serving=cell(rsrp_dbm=-120.0), nr=Cell(rat=Rat.NR, rsrp_dbm=-100.0)),
        True,
    ),
    "level not said": (said(serving=cell()), None),
    "nothing said": (said(None, None), None),
    "another network": ({"plmn": "45202"}, None),
    "off the road": ({"offset_m": 60.0}, None),
    "no fix": ({"lat": None, "lon": None, "source": PositionSource.NONE}, None),
}
"""One second of a modem, and whether it is service, no service, or says nothing."""


def looking(look):
    def build(campaign, road):
        for number in range(3):
            start = days_later(number)
            for second in range(ROWS):
                at = start + timedelta(seconds=second)
                campaign.look(second * 15.0, at=at, road=road, **look)

    return build


SCENARIOS |= {name: looking(look) for name, (look, _) in LOOKS.items()}


@pytest.mark.parametrize("name", LOOKS)
def test_what_is_service_and_what_is_not(found, name):
    here = found[name, "Viettel"]
    share = here.context["covered_share"] if here.n else None
    assert share == {True: 1.0, False: 0.0, None: None}[LOOKS[name][1]]
    if here.n == 0 and name != "another network":
        assert sum(here.excluded.values()) == 3 * ROWS


@scenario
def two_operators(campaign, road):
    three_passes(campaign, road, [(1010.0, 3020.0)])
    three_passes(campaign, road, [(2030.0, 4040.0)], modem="1-1.2", home_plmn="45202", plmn="45202")


def test_any_operator_has_a_gap_only_where_all_have_one(found):
    assert found["two_operators", "Viettel"].estimate == pytest.approx(2010, abs=25)
    assert found["two_operators", "VinaPhone"].estimate == pytest.approx(2010, abs=25)
    together = found["two_operators", "any"]
    assert together.estimate == pytest.approx(990, abs=25)
    assert together.context["gap_from_m"] == pytest.approx(2030, abs=15)
    assert together.blocks == 6


def test_an_operator_nobody_measured_might_cover_the_gap_of_the_others(found):
    together = found["uneven_gap", "any"]
    assert together.estimate == pytest.approx(1400, abs=25)
    assert [reason.en for reason in together.against_fail] == ["not measured enough: VinaPhone"]
    assert together.against_pass == found["uneven_gap", "Viettel"].against_pass


@scenario
def parked(campaign, road):
    for second in range(120):
        at = days_later(0) + timedelta(seconds=second)
        campaign.look(1000.0 + second % 3, at=at, road=road)


def test_a_parked_probe_makes_no_pass(found):
    here = found["parked", "Viettel"]
    assert (here.n, here.blocks) == (0, 0)
    assert here.excluded == {"standing": 120}


@scenario
def long_ago(campaign, road):
    for number in range(3):
        start = NOW - timedelta(days=40 + number)
        campaign.drive(start=start, length_m=LENGTH_M, gaps=[GAP], road=road)


def test_an_old_pass_leaves_the_road_unknown(found):
    assert (found["long_ago", "Viettel"].lower, found["long_ago", "Viettel"].upper) == (0, LENGTH_M)


def test_a_road_driven_too_long_ago_says_so_and_asks_for_passes(found):
    here = found["long_ago", "Viettel"]
    assert any("too long ago" in reason.en for reason in here.against_fail)
    assert [(need.what, need.more, need.where) for need in here.need] == [("passes", 1, "long_ago")]


@scenario
def silence_on_both_sides(campaign, road):
    three_passes(campaign, road, [(2035.0, 3015.0)], silent=[(1885.0, 2035.0), (3015.0, 3165.0)])


def test_what_was_not_looked_at_proves_no_gap(found):
    here = found["silence_on_both_sides", "Viettel"]
    assert 950 <= here.lower <= 980
    assert here.upper >= 1280
    assert here.context["gaps"][0]["error_m"] is None


@scenario
def seen_by_two_and_by_one(campaign, road):
    three_passes(campaign, road, [(2000.0, 3100.0)], [(2000.0, 3100.0)], [(2000.0, 3600.0)])
    silent = [(3050.0, 3650.0)]
    campaign.drive(start=days_later(8), length_m=LENGTH_M, gaps=[], silent=silent, road=road)


def test_the_lower_limit_is_what_two_passes_saw(found):
    here = found["seen_by_two_and_by_one", "Viettel"]
    assert here.lower <= 1100


def near_a_kilometre(length_m):
    def build(campaign, road):
        three_passes(campaign, road, [(2003.0, 2003.0 + length_m)])

    return build


LENGTHS_M = range(940, 1075, 15)
SCENARIOS |= {f"gap of {length_m} m": near_a_kilometre(length_m) for length_m in LENGTHS_M}


@pytest.mark.parametrize("length_m", LENGTHS_M)
def test_a_gap_near_the_threshold_is_decided_only_the_right_way(found, length_m):
    here = found[f"gap of {length_m} m", "Viettel"]
    assert here.lower <= length_m <= here.upper
    assert here.estimate == pytest.approx(length_m, abs=25)
    if here.lower <= 1000 < here.upper:
        assert here.need
    else:
        assert (here.upper <= 1000) == (length_m <= 1000)


def test_limits_reach_to_the_looks_around_an_end_and_allow_for_their_error(found):
    [gap] = found["gap of 940 m", "Viettel"].context["gaps"]
    half_a_step_m, error_m, passes = 7.5, 8.0, 3
    reach_m = half_a_step_m + 1.645 * error_m / 2.448 / passes**0.5
    assert gap["most_m"] == pytest.approx(gap["length_m"] + 2 * reach_m)
    assert gap["error_m"] == pytest.approx(2 * reach_m)


def test_a_gap_of_940_m_is_none_of_a_kilometre(found):
    assert found["gap of 940 m", "Viettel"].upper <= 1000


@scenario
def short_with_a_gap(campaign, road):
    for number, at_m in enumerate((2010.0, 2049.0, 2049.0)):
        campaign.drive(
            start=days_later(number), length_m=LENGTH_M, gaps=[(at_m, at_m + 400.0)], road=road
        )


def test_where_a_gap_ends_is_no_unknown_road(found):
    here = found["short_with_a_gap", "Viettel"]
    assert here.context["unknown_share"] > 0
    assert here.against_pass == ()
    assert here.upper < 1000


@scenario
def one_is_enough(campaign, road):
    three_passes(campaign, road, [])
    other = {"modem": "1-1.2", "home_plmn": "45202", "plmn": "45202"}
    campaign.drive(start=days_later(0), length_m=200.0, road=road, **other)


def test_another_operator_takes_nothing_from_a_road_that_one_covers(found):
    assert found["one_is_enough", "VinaPhone"].against_pass
    together = found["one_is_enough", "any"]
    assert (together.upper, together.against_pass) == (0, ())


@scenario
def each_covers_a_half(campaign, road):
    other = {"modem": "1-1.2", "home_plmn": "45202", "plmn": "45202"}
    three_passes(campaign, road, [], silent=[(3500.0, LENGTH_M + 1)])
    three_passes(campaign, road, [], silent=[(0.0, 2500.0)], **other)


def test_operators_that_cover_a_half_each_cover_the_road_together(found):
    together = found["each_covers_a_half", "any"]
    assert (together.upper, together.against_pass) == (0, ())


DARK = [(0.0, LENGTH_M + 1)]


@scenario
def a_deaf_modem(campaign, road):
    for number in range(6):
        deaf = number >= 3
        campaign.drive(
            start=days_later(number),
            length_m=LENGTH_M,
            gaps=DARK if deaf else [],
            probe="dn-08" if deaf else "dn-01",
            road=road,
        )


@scenario
def two_that_hear_nothing(campaign, road):
    for number in range(4):
        probe = f"dn-{10 + number % 2}"
        campaign.drive(
            start=days_later(number), length_m=LENGTH_M, gaps=DARK, probe=probe, road=road
        )


def test_one_modem_that_was_served_nowhere_is_no_proof_and_two_are(found):
    deaf = found["a_deaf_modem", "Viettel"]
    assert deaf.lower > 1000
    [reason] = deaf.against_fail
    assert "dn-08 1-1.1" in reason.en
    assert deaf.need
    assert found["two_that_hear_nothing", "Viettel"].against_fail == ()


@scenario
def about_a_kilometre(campaign, road):
    three_passes(campaign, road, [(2000.0, 2960.0)])


def test_a_gap_close_to_a_kilometre_is_flagged(found):
    assert found["about_a_kilometre", "Viettel"].context["redrive"] == ["km 2.00-2.96"]


def cut_at(at_s, chainage_m):
    return cut(
        modem=np.zeros(len(at_s), np.int64),
        at_us=np.array(at_s, np.int64) * 1_000_000,
        chainage_m=np.array(chainage_m, np.float64),
    )


def test_a_turn_and_a_pause_each_begin_a_new_pass():
    along = [20.0 * second for second in range(50)]
    found = cut_at(
        [*range(50), *range(50, 100), *range(700, 750)],
        [*along, *(960.0 - at for at in along), *along],
    )
    assert found.upwards.tolist() == [True, False, True]
    assert np.bincount(found.of_look).tolist() == [50, 50, 50]


def test_the_noise_of_a_receiver_is_no_turn():
    jitter = [0.0, -30.0, 25.0, -45.0]
    found = cut_at(range(100), [15.0 * second + jitter[second % 4] for second in range(100)])
    assert found.upwards.tolist() == [True]
