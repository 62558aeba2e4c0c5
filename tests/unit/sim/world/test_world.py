import msgspec
import numpy as np
import pytest

from sim.world import (
    DEMO_GAP_LENGTH_M,
    DEMO_GAP_START_M,
    AfterDrive,
    UnreadableWorldError,
    demo_world,
    load_world,
    save_world,
)
from sim.world.route import distance_m

T0 = 1_790_000_000.0
WORLD = demo_world(T0)


def test_a_world_survives_its_file(tmp_path):
    save_world(WORLD, tmp_path / "world.json")
    assert load_world(tmp_path / "world.json") == WORLD


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"{", "truncated"),
        (b"{}", "seed"),
        (
            msgspec.json.encode(WORLD).replace(b'"speed_m_s":25.0', b'"speed_m_s":"fast"'),
            "drive.speed_m_s",
        ),
        (msgspec.json.encode(WORLD).replace(b'"road":"QL14-demo"', b'"road":"QL15"'), "QL15"),
    ],
)
def test_a_wrong_world_names_its_place(tmp_path, text, place):
    (tmp_path / "world.json").write_bytes(text)
    with pytest.raises(UnreadableWorldError, match=place):
        load_world(tmp_path / "world.json")


def test_the_same_seed_makes_the_same_world():
    assert demo_world(T0) == WORLD
    assert demo_world(T0, seed=15).cells != WORLD.cells


def test_the_vehicle_waits_drives_and_stands():
    before, start, after = (WORLD.position_at(T0 + t) for t in (-60, 0, 10_000))
    assert before == msgspec.structs.replace(start, speed_m_s=0.0)
    assert start.speed_m_s == 25.0
    assert after.speed_m_s == 0.0
    assert after.chainage_m == WORLD.drive.end_m


def test_the_vehicle_moves_as_fast_as_it_says():
    here, there = (WORLD.position_at(T0 + t) for t in (40, 41))
    moved_m = distance_m((here.lat_deg, here.lon_deg), (there.lat_deg, there.lon_deg))
    assert moved_m == pytest.approx(25.0, abs=0.2)


def test_turning_back_mirrors_the_drive():
    world = demo_world(T0, after=AfterDrive.TURN_BACK)
    out = world.position_at(T0 + world.drive_duration_s - 30)
    back = world.position_at(T0 + world.drive_duration_s + 30)
    assert back.chainage_m == pytest.approx(out.chainage_m)
    assert abs(back.course_deg - out.course_deg) == pytest.approx(180)
    assert back.speed_m_s == 25.0


def test_the_planted_gap_is_crossed_within_110_seconds():
    (gap,) = WORLD.gaps
    assert (gap.start_m, gap.length_m) == (DEMO_GAP_START_M, DEMO_GAP_LENGTH_M)
    assert gap.length_m == 1400
    assert gap.start_m - WORLD.drive.start_m == 700
    assert WORLD.position_at(T0 + 110).chainage_m > gap.end_m
    road = WORLD.road(gap.road).route
    part = road.part(gap.start_m, gap.end_m)
    assert part.length_m == pytest.approx(1400, abs=0.5)
    ends = np.array([part.points[0], part.points[-1]])
    chainage, _ = road.project(ends[:, 0], ends[:, 1])
    assert chainage == pytest.approx([gap.start_m, gap.end_m], abs=0.1)


def test_modems_carry_valid_cards():
    for modem in WORLD.modems:
        assert len(modem.imei) == 15
        assert _luhn(modem.imei) == 0
        assert modem.imsi.startswith(modem.plmn)
        assert len(modem.iccid) == 19
        assert _luhn(modem.iccid) == 0
    assert [modem.name for modem in WORLD.modems] == ["viettel", "vinaphone", "mobifone"]


def _luhn(digits: str) -> int:
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10
