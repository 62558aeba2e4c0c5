import pytest

from wire.bands import band_range, bands, frequency_mhz
from wire.cells import Rat


@pytest.mark.parametrize(
    ("rat", "arfcn", "expected_bands", "mhz"),
    [
        (Rat.LTE, 9260, (28,), 763.0),
        (Rat.LTE, 1350, (3,), 1820.0),
        (Rat.LTE, 3450, (8,), 925.0),
        (Rat.LTE, 0, (1,), 2110.0),
        (Rat.NR, 152600, (28,), 763.0),
        (Rat.NR, 361000, (3,), 1805.0),
        (Rat.NR, 126490, (71,), 632.45),
        (Rat.NR, 650000, (77, 78), 3750.0),
    ],
)
def test_channels_of_vietnam(rat, arfcn, expected_bands, mhz):
    # Ranges: 3GPP TS 36.101 table 5.7.3-1 and TS 38.104 table 5.4.2.1-1.
    assert set(expected_bands) <= set(bands(rat, arfcn))
    assert frequency_mhz(rat, arfcn) == pytest.approx(mhz)


@pytest.mark.parametrize("rat", [Rat.LTE, Rat.NR])
def test_an_impossible_channel_has_no_frequency(rat):
    assert frequency_mhz(rat, 10**8) is None
    assert bands(rat, 10**8) == ()
    assert bands(rat, -1) == ()


def test_channels_of_2g_and_3g_are_not_guessed():
    assert frequency_mhz(Rat.GSM, 62) is None
    assert bands(Rat.WCDMA, 10713) == ()


@pytest.mark.parametrize(
    ("rat", "band", "expected", "spacing_mhz"),
    [
        (Rat.LTE, 3, ((1805, 1880), (1710, 1785), "FDD"), 95),
        (Rat.LTE, 71, ((617, 652), (663, 698), "FDD"), -46),
        (Rat.NR, 105, ((612, 652), (663, 703), "FDD"), -51),
        (Rat.NR, 78, ((3300, 3800), (3300, 3800), "TDD"), 0),
        (Rat.LTE, 32, ((1452, 1496), None, "SDL"), None),
    ],
)
def test_a_band_spans_both_directions(rat, band, expected, spacing_mhz):
    # 3GPP TS 36.101 table 5.5-1, TS 38.101-1 table 5.2-1.
    range_ = band_range(rat, band)
    assert range_ == expected
    assert range_.spacing_mhz == spacing_mhz


@pytest.mark.parametrize(
    ("rat", "band"), [(Rat.GSM, 3), (Rat.LTE, 999), (Rat.NR, -1), (Rat.NR, 80)]
)
def test_a_band_that_is_none_or_has_no_downlink_spans_nothing(rat, band):
    assert band_range(rat, band) is None


def test_n105_overlaps_n71():
    assert bands(Rat.NR, 126490) == (71, 105)
    assert bands(Rat.NR, 122400) == (105,)
