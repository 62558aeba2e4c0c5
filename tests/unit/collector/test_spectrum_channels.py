"""The television raster: number to MHz and back, without a channel lost or taken twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.spectrum.channels import CHANNELS, centre_mhz, channel, channel_at
from collector.spectrum.errors import AskedError
from collector.spectrum.span import Span, around, span

EDGES = st.floats(0, 6000, allow_nan=False)


@pytest.mark.parametrize(
    ("number", "low", "centre", "high"),
    [(21, 470, 474, 478), (36, 590, 594, 598), (37, 598, 602, 606), (48, 686, 690, 694)],
)
def test_channels_lie_where_the_circular_says(number, low, centre, high):
    assert channel(number) == Span(low, high)
    assert centre_mhz(number) == centre


@given(st.sampled_from(CHANNELS))
def test_a_channel_is_found_again_by_its_centre_and_its_lower_edge(number):
    assert channel_at(centre_mhz(number)) == number
    assert channel_at(channel(number).low_mhz) == number


@given(st.floats(0, 1000, allow_nan=False))
def test_a_frequency_belongs_to_one_channel_or_lies_outside_of_all(mhz):
    holding = [n for n in CHANNELS if channel(n).low_mhz <= mhz < channel(n).high_mhz]
    assert holding == ([] if channel_at(mhz) is None else [channel_at(mhz)])


def test_channels_follow_each_other_without_a_hole():
    for number in CHANNELS[1:]:
        assert channel(number).low_mhz == channel(number - 1).high_mhz


@pytest.mark.parametrize("number", [20, 49, 0, -37])
def test_there_is_no_channel_outside_of_21_to_48(number):
    with pytest.raises(AskedError, match="21 to 48"):
        channel(number)


@given(st.tuples(EDGES, EDGES), st.tuples(EDGES, EDGES))
def test_spans_either_share_spectrum_or_lie_apart(one, other):
    first, second = span(*sorted(one)), span(*sorted(other))
    shared = first.overlap_with(second)
    assert shared == second.overlap_with(first)
    assert first.gap_mhz(second) == second.gap_mhz(first)
    if shared is not None:
        assert first.gap_mhz(second) == 0
        assert shared.high_mhz > shared.low_mhz


def test_touching_is_no_overlap_and_no_distance():
    assert Span(606, 614).overlap_with(Span(598, 606)) is None
    assert Span(606, 614).gap_mhz(Span(598, 606)) == 0


def test_sums_of_decimals_do_not_overlap_by_their_rounding():
    carrier = around(0.1 + 0.2 + 605.7 - 10.0, reach_mhz=10.0)
    assert carrier.overlap_with(Span(606, 614)) is None


@pytest.mark.parametrize("edges", [(2.0, 1.0), (-1.0, 1.0), (float("nan"), 1.0)])
def test_a_span_has_two_edges_in_order(edges):
    with pytest.raises(ValueError, match="edge"):
        Span(*edges)
