"""Repeated positions are put where the car was, as far as that can be known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from collector.kpi._arrays import US_PER_S
from collector.kpi._coverage import MODEM
from collector.kpi._held import spread
from collector.kpi._road_rows import _spread

COUNT = 60


def spread_over(held_m, *, at_s=None, speed_m_s=np.nan, offset_m=3.0, track=0, use=True):
    count = len(held_m)
    at_s = np.arange(count) if at_s is None else np.asarray(at_s)
    return spread(
        track=np.broadcast_to(np.int64(track), count),
        at_us=(at_s * US_PER_S).astype(np.int64),
        chainage_m=np.asarray(held_m, np.float64),
        offset_m=np.broadcast_to(np.float64(offset_m), count),
        speed_m_s=np.broadcast_to(np.float64(speed_m_s), count),
        use=np.broadcast_to(np.bool_(use), count),
    )


def held(true_m, every):
    return true_m[np.arange(len(true_m)) // every * every]


@pytest.mark.parametrize("every", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("speed_m_s", [33.0, 8.0, -20.0])
def test_a_receiver_that_fixes_less_often_than_modems_are_looked_at(every, speed_m_s):
    true_m = 3000 + speed_m_s * np.arange(COUNT)
    last = (COUNT - 1) // every * every
    found = spread_over(held(true_m, every))
    assert found.chainage_m[: last + 1] == pytest.approx(true_m[: last + 1])
    assert (found.chainage_m[last:] == true_m[last]).all()
    assert not found.lost.any()


def test_how_rows_are_ordered_changes_nothing():
    true_m = 33.0 * np.arange(COUNT)
    mixed = np.random.default_rng(1).permutation(COUNT)
    found = spread_over(held(true_m, 3)[mixed], at_s=mixed)
    assert (found.chainage_m == spread_over(held(true_m, 3)).chainage_m[mixed]).all()


def test_after_a_long_hold_nobody_knows_where_the_rows_were():
    found = spread_over([0.0, 30.0, *[60.0] * 12, 420.0, 450.0])
    assert found.lost.tolist() == [False] * 3 + [True] * 11 + [False] * 2
    assert found.chainage_m[2] == 60.0


def test_a_car_that_parked_is_where_it_parked():
    parked = [0.0, 30.0, *[60.0] * 300, 62.0, 80.0]
    found = spread_over(parked)
    assert not found.lost.any()
    assert np.abs(found.chainage_m - parked).max() < 2.0
    away = spread_over([*[60.0] * 20, 90.0], speed_m_s=[*[0.0] * 20, 15.0])
    assert (away.chainage_m[:20] == 60.0).all()


def test_the_last_position_is_lost_only_when_its_rows_say_that_the_car_drives():
    assert not spread_over([0.0, 30.0, 30.0, 30.0]).lost.any()
    driving = spread_over([0.0, 30.0, 30.0, 30.0], speed_m_s=30.0)
    assert driving.lost.tolist() == [False, False, True, True]


def test_a_pause_another_modem_and_rows_that_are_left_out_end_a_hold():
    paused = spread_over([0.0, 0.0, 90.0], at_s=[0, 1, 60])
    assert paused.chainage_m.tolist() == [0.0, 0.0, 90.0]
    others = spread_over([0.0, 0.0, 30.0, 30.0], at_s=[0, 1, 2, 3], track=[0, 0, 1, 1])
    assert others.chainage_m.tolist() == [0.0, 0.0, 30.0, 30.0]
    left_out = spread_over([0.0, 0.0, 777.0, 60.0], use=[True, True, False, True])
    assert left_out.chainage_m == pytest.approx([0.0, 20.0, 777.0, 60.0])


def test_rows_of_one_instant_stay_where_they_are():
    found = spread_over([0.0, 0.0, 30.0], at_s=[5, 5, 5])
    assert found.chainage_m.tolist() == [0.0, 0.0, 30.0]
    assert spread_over([]).chainage_m.tolist() == []


def test_a_car_that_leaves_the_road_tells_how_far_it_had_gone():
    at = datetime(2026, 10, 1, tzinfo=UTC)
    rows = pa.table(
        {name: ["1"] * 4 for name in ("road", *MODEM)}
        | {
            "utc": [at + timedelta(seconds=second) for second in range(4)],
            "chainage_m": [0.0, 0.0, 0.0, 90.0],
            "offset_m": [3.0, 3.0, 3.0, 300.0],
            "speed_m_s": pa.nulls(4, pa.float64()),
            "reason": pa.array([None, None, None, "off_road"], pa.string()),
        }
    )
    spread_rows, chainage_m = _spread(rows, np.array([0.0, 0.0, 0.0, 90.0]))
    assert chainage_m == pytest.approx([0.0, 30.0, 60.0, 90.0])
    assert spread_rows["chainage_m"].to_pylist() == chainage_m.tolist()
    assert spread_rows["reason"].to_pylist() == [None, None, None, "off_road"]
