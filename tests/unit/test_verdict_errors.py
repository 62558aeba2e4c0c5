"""Verdicts on simulated areas err as seldom as promised: `make bench-stats` in short."""

import json

import numpy as np
import pytest

from benchmarks.verdict_errors import PAGE, run
from benchmarks.verdicts.areas import Rates, Sessions, Visits, rate_areas, session_areas
from benchmarks.verdicts.page import page
from benchmarks.verdicts.scenarios import LEAST_PLACES, RATES, SESSIONS
from benchmarks.verdicts.tally import Rate, headlines_broken, simulate

AREAS = 100
NAMED = {one.name: one for one in (*RATES, *SESSIONS)}


@pytest.fixture(scope="module")
def found():
    names = ("30 places once", "12 places differ by 40 %, 5 hours", "60 places once")
    return {name: simulate(NAMED[name], areas=AREAS, seed=1) for name in names}


def test_verdicts_are_not_wrong_more_often_than_promised(found):
    assert not any(one.broken for one in found.values())
    assert not headlines_broken(found.values())


def test_what_is_far_from_the_threshold_is_mostly_decided_and_rightly(found):
    for name, result in found.items():
        worst, best = result.said[0], result.said[-1]
        assert worst.failed.share > 0.3, name
        assert best.passed.share > 0.3, name
        assert worst.passed.share < 0.02, name
        assert best.failed.share < 0.02, name


def test_blocks_alone_would_err_where_places_differ(found):
    misses = {one.method: one for one in found["12 places differ by 40 %, 5 hours"].misses}
    assert misses["Student, blocks"].above.beyond
    assert not misses["the verdict's"].above.beyond


def test_the_same_seed_gives_the_same_result(found):
    assert simulate(NAMED["60 places once"], areas=AREAS, seed=1) == found["60 places once"]
    other = simulate(NAMED["60 places once"], areas=AREAS, seed=2)
    assert other.said != found["60 places once"].said


def test_areas_have_the_truth_they_were_drawn_with():
    chance = np.random.Generator(np.random.PCG64(1))
    visits = Visits(20, 5, together=5, cells=4)
    areas = list(rate_areas(visits, Rates(place=0.3, hour=0.2), mean=40, count=600, chance=chance))
    rates = [rate for one in areas for block in one.blocks for rate in block.rates_mbit_s]
    assert len(rates) == 600 * 100 * 2
    assert np.mean(rates) == pytest.approx(40, rel=0.02)
    for sessions in (Sessions(), Sessions(place=0.2), Sessions(place=0.2, hour=0.1)):
        drawn = session_areas(visits, sessions, share=0.9, rate_mbit_s=5, count=300, chance=chance)
        blocks = [block for one in drawn for block in one.blocks]
        good = sum(rate >= 5 for block in blocks for rate in block.rates_mbit_s)
        assert good / sum(block.attempts for block in blocks) == pytest.approx(0.9, abs=0.01)


def test_visits_share_cells_and_hours_as_told():
    blocks = Visits(6, 2, together=3, cells=2, extra_hours=4).blocks()
    assert len(blocks) == 16
    assert {(place, cell) for place, _, cell in blocks} == {
        (0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)
    }  # fmt: skip
    assert sorted(hour for place, hour, _ in blocks if place in {1, 4}) == [0, 1, 2, 3]
    assert sorted(hour for place, hour, _ in blocks if place == 0) == [0, 1, 4, 5, 6, 7]


def test_a_rate_is_beyond_what_is_promised_by_more_than_the_simulation_errs():
    assert not Rate(60, 1000).beyond
    assert Rate(80, 1000).beyond
    assert Rate(0, 0).share == 0


def test_the_page_marks_what_is_not_promised_and_is_there_for_readers(found):
    text = page(
        list(found.values()), areas=AREAS, seed=1, minutes=1, machine="here", places=LEAST_PLACES
    )
    assert "| 12 places differ by 40 %, 5 hours | 60 |" in text
    assert "**" in text.split("Student, blocks")[1]
    shipped = PAGE.read_text(encoding="utf-8")
    for scenario in NAMED.values():
        name = scenario.name if scenario.promised else f"*{scenario.name}*"
        assert f"| {name} |" in shipped


def test_the_command_gives_every_number_to_a_program(capsys):
    assert run(["--areas", "20", "--only", "60 places once", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["verdict_errors"]
    assert told["areas"] == 20
    (scenario,) = told["scenarios"]
    assert [one["truth"] for one in scenario["verdicts"]] == [0.85, 0.94, 0.95, 0.96, 0.99]
    assert {one["method"] for one in scenario["limits"]} >= {"the verdict's", "Wilson, blocks"}


def test_a_page_of_some_lines_only_is_not_written(capsys):
    with pytest.raises(SystemExit):
        run(["--only", "60 places", "--write"])
    assert "--only" in capsys.readouterr().err
