"""How carriers lie to television channels: the tables of the facts, and no overlap missed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.spectrum import facts as facts_of
from collector.spectrum.channels import CHANNELS, channel
from collector.spectrum.premises import blocks_in, premises
from collector.spectrum.relation import Relation, beside, closest, context
from collector.spectrum.span import Span, span
from wire.bands import band_range
from wire.cells import Rat

DAY = date(2026, 11, 1)
NO_OLD_LICENCES = date(2029, 1, 1)
FACTS = facts_of.load()
RULE = FACTS.rules.relation_on(DAY)


def in_dak_nong(day):
    given_ = premises(FACTS, asked="", day=day, place=FACTS.place("67", day))
    return {one.block.name: one for one in blocks_in(given_, FACTS.blocks)}


def test_in_dak_nong_no_mobile_band_has_to_do_with_television_but_for_three_notes():
    found = in_dak_nong(DAY)
    assert {name: one.context.relation for name, one in found.items()} == {
        "B28/n28 B1-B1'": Relation.ADJACENT,  # old channel 48 beside the uplink
        "B28/n28 B2-B2'": Relation.NONE,
        "B28/n28 B3-B3'": Relation.NONE,
        "B8/n8": Relation.HARMONIC,  # twice channel 21 and 22
        "B3/n3": Relation.HARMONIC,  # three times channel 37, and old ones
        "B1/n1": Relation.NONE,
        "B41/n41": Relation.NONE,
        "n77/n78 C2": Relation.NONE,
        "n77 C3": Relation.NONE,
    }


def test_the_three_notes_are_these():
    found = in_dak_nong(DAY)
    old_48, twice, thrice = (found[name] for name in ("B28/n28 B1-B1'", "B8/n8", "B3/n3"))
    assert [one.channel for one in old_48.context.related] == [48]
    assert old_48.said.en == (
        "adjacent (< 16 MHz): ch 48 is 9 MHz from the uplink"
        " (ch 48 only where an old licence still runs, to 2028-12-31 at the latest)"
    )
    assert [one.channel for one in twice.context.related] == [21, 22]
    assert twice.context.why[0].en == "2 x ch 21 (470-478 MHz) = 940-956 MHz: 940-956 MHz"
    assert [one.channel for one in thrice.context.related] == [37, 38, 39, 40]
    assert thrice.context.why[0].vi == "3 x kênh 37 (598-606 MHz) = 1794-1818 MHz: 1805-1818 MHz"


def test_without_old_licences_two_notes_are_left():
    found = in_dak_nong(NO_OLD_LICENCES)
    related = {name: one for name, one in found.items() if one.context.related}
    assert {name: [tv.channel for tv in one.context.related] for name, one in related.items()} == {
        "B8/n8": [21, 22],
        "B3/n3": [37],
    }
    assert found["B28/n28 B1-B1'"].said.vi == "không liên quan đến truyền hình mặt đất"


@pytest.mark.parametrize(
    ("name", "to_37_up", "to_48_up", "to_37_down", "to_48_down"),
    [("B28/n28 B1-B1'", 97, 9, 152, 64), ("B28/n28 B2-B2'", 107, 19, 162, 74)],
)
def test_distances_of_the_700_mhz_blocks(name, to_37_up, to_48_up, to_37_down, to_48_down):
    channels = {one.channel: one for one in in_dak_nong(DAY)[name].context.channels}
    assert (channels[37].uplink_gap_mhz, channels[48].uplink_gap_mhz) == (to_37_up, to_48_up)
    assert (channels[37].downlink_gap_mhz, channels[48].downlink_gap_mhz) == (
        to_37_down,
        to_48_down,
    )


def whole(rat, band):
    range_ = band_range(rat, band)
    return context(
        CHANNELS, downlink=span(*range_.downlink_mhz), uplink=span(*range_.uplink_mhz), rule=RULE
    )


@pytest.mark.parametrize(
    ("rat", "band", "downlink", "uplink"),
    [
        (Rat.LTE, 71, [39, 40, 41, 42, 43], [45, 46, 47, 48]),
        (Rat.NR, 71, [39, 40, 41, 42, 43], [45, 46, 47, 48]),
        (Rat.NR, 105, [38, 39, 40, 41, 42, 43], [45, 46, 47, 48]),
        (Rat.NR, 28, [], []),
    ],
)
def test_bands_in_the_600_mhz_overlap_these_channels(rat, band, downlink, uplink):
    found = whole(rat, band)
    assert [one.channel for one in found.channels if one.downlink_shares] == downlink
    assert [one.channel for one in found.channels if one.uplink_shares] == uplink


def test_channel_37_ends_six_mhz_below_n105():
    by_number = {one.channel: one for one in whole(Rat.NR, 105).channels}
    assert by_number[37].downlink_gap_mhz == 6
    assert by_number[37].relation is Relation.ADJACENT


def test_sixteen_mhz_apart_is_not_adjacent_and_a_hertz_less_is():
    far = beside(37, downlink=Span(622, 632), uplink=None, rule=RULE)
    near = beside(37, downlink=Span(621.999999, 632), uplink=None, rule=RULE)
    assert (far.downlink_gap_mhz, far.relation) == (16, Relation.NONE)
    assert near.relation is Relation.ADJACENT


def test_high_harmonics_are_listed_and_are_no_relation():
    b1 = in_dak_nong(DAY)["B1/n1"].context
    assert b1.relation is Relation.NONE
    assert [(one.order, one.channel) for one in b1.harmonics_only_listed] == [
        (4, 28),
        (4, 29),
        (4, 30),
    ]
    assert b1.harmonics_only_listed[2].shares == Span(2168, 2170)


def test_a_direction_that_is_not_there_has_no_distance():
    found = context([37], downlink=Span(717, 728), uplink=None, rule=RULE)
    assert found.nearest("uplink") is None
    assert found.nearest("downlink").channel == 37


def test_beside_no_channel_there_is_no_relation():
    found = context([], downlink=Span(598, 606), uplink=None, rule=RULE)
    assert (found.relation, found.channels, found.nearest("downlink")) == (Relation.NONE, (), None)
    assert closest([]) is Relation.NONE


def test_the_closest_relation_is_the_one_said():
    assert closest([Relation.NONE, Relation.HARMONIC, Relation.ADJACENT]) is Relation.ADJACENT


EDGE = st.integers(400_000, 4_000_000).map(lambda khz: khz / 1000)
SPANS = st.tuples(EDGE, st.integers(1, 100_000)).map(lambda p: span(p[0], p[0] + p[1] / 1000))


@given(st.sampled_from(CHANNELS), SPANS, st.one_of(st.none(), SPANS))
def test_whatever_shares_a_hertz_with_a_channel_is_called_an_overlap(number, downlink, uplink):
    tv = channel(number)
    shares = any(
        max(tv.low_mhz, one.low_mhz) < min(tv.high_mhz, one.high_mhz)
        for one in (downlink, uplink)
        if one is not None
    )
    found = beside(number, downlink=downlink, uplink=uplink, rule=RULE)
    assert (found.relation is Relation.OVERLAP) == shares


@given(st.sampled_from(CHANNELS), SPANS)
def test_a_relation_always_has_its_arithmetic(number, downlink):
    found = context([number], downlink=downlink, uplink=None, rule=RULE)
    assert bool(found.why) == (found.relation is not Relation.NONE)
