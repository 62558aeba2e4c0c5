"""The carrier of a cell in MHz: exact where it can be known, and never too narrow elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.spectrum.carrier import Edges, carriers
from collector.spectrum.span import Span
from wire.bands import band_range
from wire.cells import Rat


@pytest.mark.parametrize(
    ("arfcn", "bandwidth_mhz", "downlink", "uplink"),
    [
        (9260, 10, Span(758, 768), Span(703, 713)),
        (9360, 10, Span(768, 778), Span(713, 723)),
        (1275, 15, Span(1805, 1820), Span(1710, 1725)),
        (3500, 10, Span(925, 935), Span(880, 890)),
        (300, 20, Span(2130, 2150), Span(1940, 1960)),
        (68661, 15, Span(617, 632), Span(663, 678)),
    ],
)
def test_an_lte_carrier_with_its_bandwidth_is_exact(arfcn, bandwidth_mhz, downlink, uplink):
    (found,) = carriers(Rat.LTE, arfcn, bandwidth_mhz=bandwidth_mhz)
    assert (found.downlink, found.uplink, found.edges) == (downlink, uplink, Edges.EXACT)
    assert found.note is None


def test_without_a_bandwidth_lte_is_as_wide_as_it_may_be():
    (found,) = carriers(Rat.LTE, 1450)
    assert (found.downlink, found.edges) == (Span(1820, 1840), Edges.BANDWIDTH_UNKNOWN)
    assert "20 MHz" in found.note.en


def test_nothing_is_widened_beyond_its_band():
    (found,) = carriers(Rat.LTE, 1200)
    assert found.downlink == Span(1805, 1815)


def test_an_nr_channel_number_is_the_ssbs_and_says_so():
    (found,) = carriers(Rat.NR, 650000, band=77, bandwidth_mhz=20)
    assert (found.reported_mhz, found.downlink) == (3750.0, Span(3730, 3770))
    assert found.uplink == found.downlink
    assert found.edges is Edges.SSB
    assert "SSB" in found.note.vi


def test_the_band_a_modem_names_decides():
    assert [one.band for one in carriers(Rat.NR, 650000)] == [77, 78]
    assert [one.band for one in carriers(Rat.NR, 650000, band=78)] == [78]
    assert carriers(Rat.NR, 650000, band=41) == ()


def test_n105_and_n71_are_told_as_both():
    assert [one.band for one in carriers(Rat.NR, 126490)] == [71, 105]
    n105 = carriers(Rat.NR, 122400)
    assert [one.band for one in n105] == [105]


@pytest.mark.parametrize("bandwidth_mhz", [0.0, -5.0, 21.0, float("nan"), 1e300])
def test_a_bandwidth_that_cannot_be_is_an_unknown_one(bandwidth_mhz):
    (found,) = carriers(Rat.LTE, 1450, bandwidth_mhz=bandwidth_mhz)
    assert (found.bandwidth_mhz, found.downlink) == (None, Span(1820, 1840))


@pytest.mark.parametrize(
    ("rat", "arfcn"),
    [(Rat.LTE, 19200), (Rat.LTE, 10**9), (Rat.LTE, -1), (Rat.NR, 10**9), (Rat.GSM, 62)],
)
def test_what_is_no_downlink_channel_number_has_no_carrier(rat, arfcn):
    assert carriers(rat, arfcn) == ()


def test_a_downlink_only_band_has_no_uplink():
    (found,) = carriers(Rat.NR, 145000, band=29, bandwidth_mhz=5)
    assert (found.duplex, found.uplink) == ("SDL", None)


@given(st.integers(599, 660), st.sampled_from([5.0, 10.0, 15.0, 20.0]), st.data())
def test_a_widened_nr_carrier_holds_every_carrier_the_ssb_may_lie_in(centre, bandwidth, data):
    """Whatever carrier of n71 the SSB is in, all of it lies in what is said."""
    limits = Span(617, 652)
    carrier = Span(centre - bandwidth / 2, centre + bandwidth / 2)
    if carrier.within(limits) != carrier:
        return
    raster = st.integers(round(carrier.low_mhz * 200), round(carrier.high_mhz * 200))
    ssb_arfcn = data.draw(raster)
    for known in (bandwidth, None):
        (found,) = carriers(Rat.NR, ssb_arfcn, band=71, bandwidth_mhz=known)
        assert carrier.within(found.downlink) == carrier
        assert carrier.shifted(46).within(found.uplink) == carrier.shifted(46)


@given(st.sampled_from([1, 3, 8, 28, 71]), st.integers(0, 200), st.sampled_from([1.4, 5.0, 20.0]))
def test_the_pair_lies_as_far_apart_as_the_band_says(band, step, bandwidth_mhz):
    first = {1: 0, 3: 1200, 8: 3450, 28: 9210, 71: 68586}[band]
    (found,) = carriers(Rat.LTE, first + step, band=band, bandwidth_mhz=bandwidth_mhz)
    spacing_mhz = band_range(Rat.LTE, band).spacing_mhz
    apart = found.downlink.low_mhz - found.uplink.low_mhz
    assert apart == pytest.approx(spacing_mhz, abs=1e-5)
