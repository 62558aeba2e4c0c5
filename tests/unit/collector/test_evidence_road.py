"""The script of a road, written from what is published, finds the gaps that the product finds."""

import sys
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pytest

from collector.kpi import Stretch
from collector.kpi._gaps import gaps, merged_gaps, seen, worst_m
from collector.kpi._passes import cut, driven
from collector.kpi._strip import Rule, excepted, merged, survey
from tests.unit.collector.campaigns import OCTOBER

SHARED = files("collector.evidence") / "scripts" / "shared"
S = 1_000_000
START_US = round(OCTOBER.timestamp() * S)
LENGTH_M = 2980.0
RULE = Rule(last_passes=3, covered_passes=2, confirming_passes=2, stale_us=START_US + 86_400 * S)
EXCEPTIONS = (
    Stretch(from_m=700.0, to_m=905.0, kind="tunnel"),
    Stretch(from_m=880.0, to_m=1010.0, kind="closed"),
    Stretch(from_m=1900.0, to_m=2130.0, kind="detour"),
)


@pytest.fixture(scope="module")
def script():
    """The modules `passes` and `strip` as `road_gaps.py` has them."""
    sys.path.insert(0, str(SHARED))
    try:
        import passes  # noqa: PLC0415  # beside each other, as in the folder of an evidence
        import strip  # noqa: PLC0415
    finally:
        sys.path.remove(str(SHARED))
        for name in ("passes", "strip"):
            sys.modules.pop(name)
    return passes, strip


class Looks(NamedTuple):
    modem: np.ndarray
    at_us: np.ndarray
    chainage_m: np.ndarray
    error_m: np.ndarray
    covered: np.ndarray
    counts: np.ndarray


def rides(random):
    """Cars that turn, pause, stand, lose looks, and carry one or two modems."""
    where = random.uniform(300, 2600, 4)
    dark = [(at, at + random.choice([60.0, 300.0, 900.0])) for at in where]
    modem, at_us, chainage_m, covered = [], [], [], []
    for day in range(random.integers(1, 5)):
        at_s, along_m, way = day * 86_400 + random.integers(3600), 0.0, 1
        two = random.random() < 0.5
        while 0 <= along_m <= LENGTH_M + 40:
            if random.random() < 0.004:
                way = -way
            if random.random() < 0.01:
                at_s += random.choice([30, 601, 1800])
            along_m += way * random.choice([0.0, 12.0, 15.0, 33.0, 60.0])
            at_s += 1
            if random.random() < 0.05:
                continue
            for one in range(1 + two):
                noisy_m = max(along_m + random.normal(0, 3), 0.0)
                modem.append(one)
                at_us.append(START_US + int(at_s * S) + 500_000 * one)
                chainage_m.append(noisy_m)
                inside = any(begin <= noisy_m < end for begin, end in dark)
                covered.append(inside == (random.random() < 0.02))
            if at_s > (day + 1) * 86_400:
                break
    counts = random.random(len(modem)) > 0.03
    error_m = random.choice([np.nan, 0.0, 4.0, 15.2], len(modem))
    return Looks(
        np.array(modem), np.array(at_us), np.array(chainage_m), error_m, np.array(covered), counts
    )


def by_product(looks):
    """The strip of one operator, its gaps, and those that two passes saw."""
    legs = cut(modem=looks.modem, at_us=looks.at_us, chainage_m=looks.chainage_m)
    row = np.flatnonzero(legs.of_look >= 0)
    found = driven(
        row=row,
        leg=legs.of_look[row],
        chainage_m=looks.chainage_m[row],
        at_us=looks.at_us[row],
        upwards=legs.upwards,
    )
    there = {"covered": looks.covered[found.row], "counts": looks.counts[found.row]}
    out = excepted(EXCEPTIONS, LENGTH_M)
    strip = survey(found, **there, length_m=LENGTH_M, out=out, rule=RULE)
    sights = seen(found, **there, error_m=looks.error_m[found.row])
    of_it = [
        gaps(strip, sights, exceptions=EXCEPTIONS, rule=RULE, confirmed=confirmed)
        for confirmed in (False, True)
    ]
    return found, strip, *of_it, looks.chainage_m[found.row][there["covered"] & there["counts"]]


def by_script(script, looks):
    """The same, from lines of a table."""
    passes, strip = script
    of = passes.passes_of(
        passes.Look(
            ("dn-01", str(modem)), int(at), float(along), float(error), bool(covered), bool(counts)
        )
        for modem, at, along, error, covered, counts in zip(*looks, strict=True)
    )
    road = {"length_m": LENGTH_M}
    exceptions = [{"from_m": one.from_m, "to_m": one.to_m} for one in EXCEPTIONS]
    rule = strip.Rule(*RULE)
    found, sights = strip.surveyed(of, road, exceptions, rule), strip.seen_by(of)
    of_it = [strip.gaps(found, sights, exceptions, rule, passes=number) for number in (0, 2)]
    lit_m = [
        look.chainage_m
        for one in of
        for leg in one.legs
        for look in leg
        if look.covered and look.counts
    ]
    return of, found, *of_it, lit_m


def ends(found):
    """Where each piece of each gap begins and ends, surely and perhaps, whoever found it."""
    return [
        [(*piece.start[:3], *piece.stop[:3]) for piece in getattr(gap, "pieces", gap)]
        for gap in found
    ]


def lengths(strip, found):
    """The lengths of each gap by the script."""
    return [
        (strip.length_m(gap), strip.least_m(own, gap), strip.most_m(gap))
        for own, gaps_ in found
        for gap in gaps_
    ]


@pytest.mark.parametrize("seed", range(40))
def test_passes_strips_and_gaps_are_those_of_the_product(script, seed):
    random = np.random.default_rng(seed)
    ours, theirs = [], []
    for looks in (rides(random), rides(random)):
        drives, strip, *found, lit_m = by_product(looks)
        of, strip_of_script, *found_of_script, lit_of_script = by_script(script, looks)
        upper_m = worst_m(strip, lit_m)
        assert script[1].worst_m(strip_of_script, lit_of_script) == upper_m
        assert upper_m >= strip.longest_m(["uncovered", "unknown"])
        assert len(of) == len(drives.upwards)
        assert list(zip(strip_of_script.states, strip_of_script.excepted, strict=True)) == [
            (("unknown", "covered", "uncovered")[state], out)
            for state, out in zip(strip.states.tolist(), strip.excepted.tolist(), strict=True)
        ]
        assert strip_of_script.passes == strip.passes.tolist()
        for mine, its in zip(found, found_of_script, strict=True):
            assert ends(its) == ends(mine)
            assert lengths(script[1], [(strip_of_script, its)]) == [
                (gap.length_m, gap.least_m, gap.most_m) for gap in mine
            ]
            assert all(0 <= gap.least_m <= gap.bins_m for gap in mine)
            assert all(gap.length_m <= gap.most_m for gap in mine)
        for states in (["uncovered"], ["uncovered", "unknown"]):
            assert strip_of_script.longest_m(*states) == strip.longest_m(states)
        ours.append((strip, found))
        theirs.append((strip_of_script, found_of_script))
    together = merged([strip for strip, _ in ours])
    of_any = script[1].of_any([strip for strip, _ in theirs])
    assert of_any.longest_m("uncovered") == together.longest_m(["uncovered"])
    assert of_any.passes == together.passes.tolist()
    for confirmed in (False, True):
        its = script[1].gaps_of_any(
            of_any, [found[confirmed] for _, found in theirs], passes=2 * confirmed
        )
        assert ends(its) == ends(
            merged_gaps(
                together, [found[confirmed] for _, found in ours], rule=RULE, confirmed=confirmed
            )
        )


def test_the_drives_above_have_gaps_of_all_sorts():
    """Otherwise they would say less than they seem to."""
    found = [by_product(rides(np.random.default_rng(seed))) for seed in range(40)]
    every = [gap for _, _, gaps_, *_ in found for gap in gaps_]
    assert sum(gap.length_m > 300 for gap in every) > 10
    assert any(gap.length_m % 50 for gap in every)
    assert any(len(gap.pieces) > 1 for gap in every)
    assert any(gap.error_m is None for gap in every)
    assert any(gap.passes < 2 for gap in every)
    assert any(not up for drives, *_ in found for up in drives.upwards)
