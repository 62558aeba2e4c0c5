"""From blocks to findings: what is one unit, and what it costs to share a place or a cell."""

import sys
from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest

from collector import stats
from collector.kpi import mean_download, video_share
from collector.kpi._attempts import Attempts, Block, Place
from collector.kpi._units import units, when, where
from collector.targets import Value, load
from collector.targets.verdict import decide
from tests.unit.collector.campaigns import ground

TARGETS = {target.id: target for target in load()}
APART = 10
"""Squares of 100 m between two places: 1 km."""


def block(place, hour, *rates, cell_id=1, failures=0):
    return Block(
        areas={"commune": "24611"},
        operator="Viettel",
        place=Place(place * APART, 0),
        hour=hour * 7,
        rates_mbit_s=rates,
        failures=failures,
        smooth=len(rates),
        judged=len(rates) + failures,
        cell_id=cell_id,
    )


def judged(kpi, target, blocks):
    """Finding and verdict of the commune."""
    threshold = TARGETS[target].thresholds[0].value
    found = kpi.reckon(
        Attempts(rows=pa.table({}), blocks=tuple(blocks), left=()),
        ground=ground(),
        levels=("commune",),
        threshold=threshold,
        parameters=TARGETS[target].parameters,
    ).findings[0]
    said = decide(found, threshold=threshold, unit=kpi.UNIT, higher_is_better=True)
    return found, said.value


def test_cells_of_one_place_and_hour_are_one_unit_of_the_busiest_cell():
    blocks = [
        block(0, 1, 10.0, cell_id=7),
        block(0, 1, 20.0, 30.0, cell_id=9),
        block(0, 2, 5.0, 6.0, cell_id=None),
        block(0, 2, 5.0, cell_id=9),
        block(2, 2, 5.0, cell_id=None),
        block(1, 2, 6.0, cell_id=8),
        block(1, 2, 6.0, cell_id=4),
    ]
    found = sorted(units(blocks), key=lambda unit: (unit.place, unit.hour))
    assert [unit.cell_id for unit in found] == [9, 9, 4, None]
    assert where(found)["place"] == [Place(0, 0), Place(0, 0), Place(APART, 0), Place(2 * APART, 0)]
    assert where(found)["cell"] == [("Viettel", cell) for cell in (9, 9, 4, 4)]
    assert when(found) == {"hour": [7, 14, 14, 14]}


def test_a_unit_without_a_cell_belongs_to_the_one_that_served_nearest():
    blocks = [
        block(0, 1, 9.0, cell_id=5),
        block(0, 2, failures=1, cell_id=None),
        block(3, 3, failures=1, cell_id=None),
        block(4, 4, 9.0, cell_id=8),
        block(4, 5, 9.0, cell_id=7),
        # As far from either: the lower row has it.
        block(2, 6, failures=1, cell_id=None),
    ]
    found = sorted(units(blocks), key=lambda unit: unit.hour)
    assert [cell for _, cell in where(found)["cell"]] == [5, 5, 7, 8, 7, 5]


def test_units_stand_for_themselves_where_no_cell_is_known():
    blocks = [block(place, hour, 9.0, cell_id=None) for place in range(2) for hour in range(3)]
    cells = where(units(blocks))["cell"]
    assert len(set(cells)) == len(cells) == 6


@pytest.mark.parametrize("cells", [1, 3])
def test_outages_without_a_cell_are_no_cluster_of_failures(cells):
    """No cell is better than another: six of ten attempts are good anywhere."""

    def attempts(place):
        good = place * 7 % 10 < 6
        lost = place * 7 % 10 > 7
        cell_id = None if lost else place * cells // 150
        return block(place, place, *([9.0] if good else []), failures=not good, cell_id=cell_id)

    found, value = judged(video_share, "T5", [attempts(place) for place in range(150)])
    assert value is Value.FAIL
    assert found.n_eff == 150
    assert found.context["clustered_by"] == []


def test_outages_that_all_lie_in_one_cell_still_are_its_own():
    blocks = [
        block(
            place,
            place,
            *([] if (lost := place < 50 and place % 2) else [9.0]),
            failures=int(lost),
            cell_id=None if lost else place // 50,
        )
        for place in range(150)
    ]
    found, value = judged(video_share, "T5", blocks)
    assert value is Value.NOT_PROVEN
    assert found.context["clustered_by"] == ["cell"]
    assert found.n_eff < 10


def test_the_script_of_an_evidence_gives_every_unit_the_same_cell():
    shared = str(files("collector.evidence") / "scripts" / "shared")
    sys.path.insert(0, shared)
    try:
        import units as script  # noqa: PLC0415  # as in the folder of an evidence
    finally:
        sys.path.remove(shared)
        for name in ("units", "folder", "limits"):
            sys.modules.pop(name)
    chance = np.random.default_rng(4)
    blocks = [
        block(int(chance.integers(12)), int(chance.integers(9)), 9.0, cell_id=cell)
        for cell in chance.choice([None, None, -7, 3, 12], 60)
    ]
    rows = [
        {
            "operator": one.operator,
            "grid_row": str(one.place.row),
            "grid_column": str(one.place.column),
            "hour": str(one.hour),
            "cell_id": "" if one.cell_id is None else str(one.cell_id),
        }
        for one in blocks
    ]
    ours = where(units(blocks))
    theirs = script.where(script.units_of(rows))
    assert [(str(cell)) for _, cell in ours["cell"]] == [cell for _, cell in theirs[1]]


def test_a_unit_is_worth_the_mean_of_its_cells():
    blocks = [block(0, 1, 10.0, cell_id=7), block(0, 1, 40.0, 50.0, cell_id=9)]
    found, _ = judged(mean_download, "T1", blocks)
    assert (found.estimate, found.blocks, found.n) == (pytest.approx(27.5), 1, 3)


def test_three_places_that_differ_prove_nothing_and_need_places():
    blocks = [
        block(place, hour, (38, 55, 72)[place] + 2.0 * (hour % 3))
        for place in range(3)
        for hour in range(30)
    ]
    found, value = judged(mean_download, "T1", blocks)
    assert value is Value.NOT_PROVEN
    assert found.context["clustered_by"] == ["place"]
    assert found.n_eff < 5
    assert found.context["design_effect"] == pytest.approx(90 / found.n_eff)
    assert [need.what for need in found.need] == ["places"]
    assert (
        stats.mean_limits(stats.mean([rate for b in blocks for rate in b.rates_mbit_s])).lower > 50
    )


def test_three_places_alike_leave_the_blocks_to_prove_it():
    blocks = [
        block(place, hour, 45.0 + 10.0 * ((hour + place) % 3))
        for place in range(3)
        for hour in range(30)
    ]
    found, value = judged(mean_download, "T1", blocks)
    assert value is Value.PASS
    assert found.context["clustered_by"] == []
    assert found.p_above < 1e-6


def test_places_of_one_slow_cell_are_one():
    blocks = [
        block(place, hour, (60.0 if place < 6 else 30.0) + hour % 3, cell_id=place // 6)
        for place in range(12)
        for hour in range(3)
    ]
    found, value = judged(mean_download, "T1", blocks)
    assert value is Value.NOT_PROVEN
    assert found.context["clustered_by"] == ["cell"]


def test_the_upper_limit_of_a_mean_allows_for_the_tail():
    blocks = [block(n, n, 12.0 + 3 * (n % 10)) for n in range(40)]
    found, value = judged(mean_download, "T1", blocks)
    assert value is Value.FAIL
    plain = stats.mean_limits(stats.mean([b.rates_mbit_s[0] for b in blocks]))
    assert found.lower == pytest.approx(plain.lower)
    assert plain.upper < found.upper < 40


def test_bad_sessions_of_one_place_count_for_less():
    blocks = [
        block(place, hour, 1.0 if place == 2 else 9.0) for place in range(3) for hour in range(30)
    ]
    found, value = judged(video_share, "T5", blocks)
    assert value is Value.NOT_PROVEN
    assert found.context["clustered_by"] == ["place"]
    assert found.estimate == pytest.approx(2 / 3)
    assert found.n_eff < 3
    spread, value = judged(
        video_share,
        "T5",
        [
            block(place, hour, 1.0 if hour % 3 == 0 else 9.0)
            for place in range(3)
            for hour in range(30)
        ],
    )
    assert value is Value.FAIL
    assert spread.context["clustered_by"] == ["hour"]


def test_a_commune_where_all_failed_has_no_mean_and_a_share_of_nothing():
    blocks = [block(n % 3, n, failures=1, cell_id=None) for n in range(40)]
    found, value = judged(mean_download, "T1", blocks)
    assert value is Value.NOT_PROVEN
    assert (found.estimate, found.lower, found.n_eff) == (None, None, None)
    assert found.p_below is None
    share, value = judged(video_share, "T5", blocks)
    assert value is Value.FAIL
    assert (share.estimate, share.n_eff) == (0, 40)
    assert share.p_below == pytest.approx(0.05**40)
