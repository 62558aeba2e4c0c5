"""The comparison itself: what it calls right, timid, opposite, blunt."""

import msgspec
import pytest

from sim.province.truth import Expected, Made, RoadGap, RoadStretch, Truth
from tests.province.compare import Outcome, judge

EXPECTED = Expected(
    target="T1",
    boundary_set="old",
    level="commune",
    code="1",
    operator="Viettel",
    period="2025-06",
    value=55.0,
    threshold=40.0,
    decidable="PASS",
    n=70,
    failures=1,
)
ROAD = msgspec.structs.replace(
    EXPECTED,
    target="T3",
    boundary_set=None,
    level="road",
    code="R1",
    value=1400.0,
    threshold=1000.0,
    decidable="FAIL",
    n=None,
    failures=None,
)


def truth(*expected, gaps=(), stretches=()):
    return Truth(
        seed=1,
        months=("2025-06",),
        communes=("1",),
        roads={"R1": 5000.0},
        made=Made(records=1, first_delivery=1, second_delivery=0, duplicates=0, late=0),
        shifted_vehicle=("x", -12.0),
        wrong_clock=None,
        expected=expected,
        gaps=gaps,
        stretches=stretches,
    )


def said(expected, word, **fields):
    about = {
        name: getattr(expected, name)
        for name in ("target", "boundary_set", "level", "code", "operator", "n", "failures")
    }
    return {"2025-06": [{**about, "verdict": word, "context": {}, **fields}]}


@pytest.mark.parametrize(
    ("decidable", "value", "word", "outcome"),
    [
        ("PASS", 55.0, "PASS", Outcome.RIGHT),
        ("PASS", 55.0, "NOT_PROVEN", Outcome.TIMID),
        ("PASS", 55.0, "FAIL", Outcome.OPPOSITE),
        ("FAIL", 30.0, "FAIL", Outcome.RIGHT),
        (None, 41.0, "NOT_PROVEN", Outcome.OPEN),
        (None, 41.0, "NO_DATA", Outcome.OPEN),
        (None, 41.0, "PASS", Outcome.LUCKY),
        (None, 39.0, "PASS", Outcome.UNLUCKY),
    ],
)
def test_a_verdict_is_called_by_its_name(decidable, value, word, outcome):
    one = msgspec.structs.replace(EXPECTED, decidable=decidable, value=value)
    found = judge(truth(one), said(one, word), weights="equal")
    assert [each.outcome for each in found.compared] == [outcome]


def test_an_opposite_verdict_is_a_problem():
    found = judge(truth(EXPECTED), said(EXPECTED, "FAIL"), weights="equal")
    assert "said FAIL, true is PASS" in found.problems[0]


def test_a_wrong_one_among_many_open_ones_is_within_the_promise():
    ones = [
        msgspec.structs.replace(EXPECTED, code=str(n), decidable=None, value=39.9)
        for n in range(100)
    ]
    verdicts = [said(one, "NOT_PROVEN")["2025-06"][0] for one in ones]
    for wrong in verdicts[:8]:
        wrong["verdict"] = "PASS"
    assert judge(truth(*ones), {"2025-06": verdicts}, weights="equal").problems == ()
    for wrong in verdicts[:20]:
        wrong["verdict"] = "PASS"
    assert len(judge(truth(*ones), {"2025-06": verdicts}, weights="equal").problems) == 1


def test_a_test_counted_twice_is_a_problem():
    found = judge(truth(EXPECTED), said(EXPECTED, "PASS", n=71), weights="equal")
    assert "n is 71, not 70" in found.problems[0]


def test_a_target_that_is_not_judged_is_no_problem():
    found = judge(truth(EXPECTED), {"2025-06": []}, weights="equal")
    assert found.by_target()["T1"][Outcome.NOT_FOUND] == 1
    assert found.problems == ()


def test_of_two_weightings_one_counts():
    two = [msgspec.structs.replace(EXPECTED, weights=one) for one in ("equal", "population")]
    assert len(judge(truth(*two), said(EXPECTED, "PASS"), weights="equal").compared) == 1


def gap(from_m, to_m):
    return RoadGap(
        road="R1",
        operator="Viettel",
        period="2025-06",
        from_m=from_m,
        to_m=to_m,
        fastest_km_h=120.0,
    )


@pytest.mark.parametrize(
    ("found_m", "problem"),
    [
        ((1012.0, 2380.0), None),
        ((940.0, 2400.0), "an end of the gap is 60 m off"),
        ((3000.0, 3100.0), "was not found"),
    ],
)
def test_the_ends_of_a_gap_are_measured(found_m, problem):
    context = {"gaps": [{"from_m": found_m[0], "to_m": found_m[1]}]}
    told = judge(
        truth(ROAD, gaps=(gap(1000.0, 2400.0),)),
        said(ROAD, "FAIL", context=context),
        weights="equal",
    )
    assert [problem in one for one in told.problems] == [True] if problem else not told.problems


def test_a_gap_where_there_is_service_is_a_problem():
    context = {"gaps": [{"from_m": 100.0, "to_m": 400.0}]}
    told = judge(truth(ROAD), said(ROAD, "FAIL", context=context), weights="equal")
    assert "a gap of 300 m where none is" in told.problems[0]


@pytest.mark.parametrize(
    ("what", "state", "wrong"),
    [
        ("undriven", "unknown", False),
        ("undriven", "covered", True),
        ("undriven", "uncovered", True),
        ("tunnel", "uncovered", True),
        ("tunnel", "covered", False),
    ],
)
def test_what_nobody_drove_must_stay_unknown(what, state, wrong):
    stretch = RoadStretch(road="R1", period="2025-06", what=what, from_m=1000.0, to_m=2000.0)
    context = {"strip": [[0.0, 1000.0, "covered"], [1000.0, 2000.0, state]]}
    told = judge(
        truth(ROAD, stretches=(stretch,)), said(ROAD, "FAIL", context=context), weights="equal"
    )
    assert bool(told.problems) is wrong
