import pytest

from drivers.modem.errors import UnreadableError
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Role
from drivers.modem.replies import gtccinfo
from tests.unit.drivers.modem.answers import ByRole, by_role
from wire.cells import Cell, Rat

SERVING_4G = "1,4,452,01,1F40,012A4B01,"
"""Channel and PCI follow."""
TAIL_4G = ",103,100,12,51,51,20"
SERVING_5G = "1,9,452,04,4297,9C45A0001,"


def read(*lines: str, model: str = "") -> ByRole:
    return by_role(gtccinfo.cells(Asked("AT+GTCCINFO?", ("+GTCCINFO:", *lines), model)))


def serving(*lines: str, model: str = "") -> Cell:
    found = read(*lines, model=model)
    assert found.unread == ()
    assert found.serving is not None
    return found.serving


def carriers(*lines: str) -> tuple[HeardCell, ...]:
    reading = gtccinfo.carriers(Asked("AT+GTCAINFO?", lines))
    assert reading.unread is None
    return reading.cells or ()


def test_lte_row_of_mediatek_is_decimal_with_width_in_resource_blocks():
    found = read(SERVING_4G + "1400,310" + TAIL_4G, model="FM350-GL")
    assert found.mode == "lte"
    assert found.serving == Cell(
        rat=Rat.LTE,
        mcc="452",
        mnc="01",
        tac=0x1F40,
        cell_id=0x12A4B01,
        arfcn=1400,
        pci=310,
        band=3,
        bandwidth_mhz=20,
        sinr_raw=12,
        rsrp_dbm=-90,
        rsrq_db=-10,
    )


def test_lte_row_of_qualcomm_is_hexadecimal():
    cell = serving(SERVING_4G + "578,D3" + TAIL_4G)
    assert (cell.arfcn, cell.pci) == (1400, 0xD3)


@pytest.mark.parametrize(
    ("channel", "pci", "band", "model", "arfcn"),
    [
        ("578", "10", "103", "FM350-GL", 1400),
        ("1400", "10", "103", "FM150-AE", 1400),
        ("0578", "10", "103", "", 1400),
        ("9C4A", "10", "140", "", 0x9C4A),
        ("1800", "310", "103", "FM150-AE", 1800),
    ],
)
def test_band_tells_in_which_base_the_channel_is(channel, pci, band, model, arfcn):
    row = f"{SERVING_4G}{channel},{pci},{band},100,12,51,51,20"
    assert serving(row, model=model).arfcn == arfcn


def test_letter_in_any_row_makes_all_of_them_hexadecimal():
    found = read(SERVING_4G + "150,10,,,12,51,51,20", "2,4,452,01,1F40,012A4B02,64,1A,100,40,40,15")
    assert found.serving is not None
    assert (found.serving.arfcn, found.serving.pci) == (0x150, 0x10)
    assert (found.others[0].arfcn, found.others[0].pci) == (0x64, 0x1A)


@pytest.mark.parametrize(
    ("model", "lines", "arfcn"),
    [
        ("FM350-GL", (), 300),
        ("FM350-GL", ("LTE service cell:",), 300),
        ("FM160-EAU", (), 0x300),
        ("L610-CN", (), 0x300),
        ("", ("LTE service cell:",), 0x300),
        ("", (), 300),
    ],
)
def test_where_the_numbers_do_not_tell_the_model_does_and_then_the_captions(model, lines, arfcn):
    row = SERVING_4G + "300,10,,,12,51,51,20"
    assert serving(*lines, row, model=model).arfcn == arfcn


def test_cell_padded_to_nine_digits_is_of_mediatek():
    row = "1,4,452,01,1F40,0012A4B01,300,10,,,12,51,51,20"
    assert serving("LTE service cell:", row).arfcn == 300


def test_network_is_kept_as_printed_and_mended_in_a_record():
    reading = gtccinfo.cells(
        Asked("AT+GTCCINFO?", ("1,4,452,1,1F40,0012A4B01,1400,310" + TAIL_4G,))
    )
    (cell,) = reading.cells or ()
    assert (cell.mnc, cell.recorded().mnc) == ("1", "01")


@pytest.mark.parametrize(
    ("channel", "code", "model", "band", "mhz"),
    [
        ("650000", "5078", "FM350-GL", 78, 40),
        ("650000", "578", "FM350-GL", 78, 40),
        ("9EB10", "5078", "FM150-AE", 78, 40),
        ("176400", "505", "FM350-GL", 5, 40),
    ],
)
def test_width_of_nr_is_in_fifths_of_a_mhz(channel, code, model, band, mhz):
    cell = serving(f"{SERVING_5G}{channel},297,{code},200,9,70,70,65", model=model)
    assert (cell.band, cell.bandwidth_mhz) == (band, mhz)
    assert (cell.rsrp_dbm, cell.rsrq_db) == (-87, -11)


def test_width_of_nr_is_in_mhz_on_qualcomm():
    cell = serving(SERVING_5G + "9EB10,129,5078,100,9,70,70,65")
    assert (cell.arfcn, cell.bandwidth_mhz) == (650000, 100)


def test_nr_cell_has_an_area_and_an_identity_of_its_own_length():
    found = read(SERVING_5G + "510000,297,5041,500,9,70,70,65")
    assert found.mode == "nr-sa"
    assert found.serving is not None
    assert (found.serving.tac, found.serving.cell_id) == (0x4297, 0x9C45A0001)
    assert (found.serving.sinr_db, found.serving.sinr_raw) == (None, 9)


def test_second_serving_row_is_the_leg_of_en_dc():
    found = read(
        "LTE-NR EN-DC service cell:",
        SERVING_4G + "640,FF" + TAIL_4G,
        "1,9,,,FFFFFFF,00FFFFFFF,9EB10,33,5078,100,20,65,65,70",
        "LTE neighbor cell:",
        "2,4,452,01,1F40,012A4B02,640,1A,100,40,40,15",
    )
    assert found.mode == "nr-nsa"
    assert found.nr == Cell(
        rat=Rat.NR,
        arfcn=650000,
        pci=51,
        band=78,
        bandwidth_mhz=100,
        sinr_raw=20,
        rsrp_dbm=-92,
        rsrq_db=-8.5,
    )
    (neighbour,) = found.others
    assert (neighbour.arfcn, neighbour.pci, neighbour.bandwidth_mhz) == (1600, 26, 20)
    assert (neighbour.rsrp_dbm, neighbour.rsrq_db) == (-101, -12.5)


def test_captions_tell_the_technology_where_its_number_is_none():
    utra = "12,452,04,550B,007AB123,10688,120,1,30,40,1,42,0,28"
    found = read("UMTS service cell:", f"1,{utra}", model="FM350-GL")
    assert found.mode == "wcdma"
    found = read(
        "LTE-NR EN-DC service cell:",
        "1,12,452,01,1F40,012A4B01,640,FF" + TAIL_4G,
        "1,12,,,FFFFFFF,00FFFFFFF,9EB10,33,5078,100,20,65,65,70",
    )
    assert found.mode == "nr-nsa"
    assert found.serving is not None
    assert (found.serving.rat, found.serving.pci) == (Rat.LTE, 255)
    assert found.nr is not None
    assert (found.nr.arfcn, found.nr.pci) == (650000, 51)
    assert read("what", f"1,{utra}", "1,4,452,01,1F40,012A4B01,640,FF" + TAIL_4G).unread != ()


def test_neighbours_of_nr_have_no_width_and_may_be_unmeasured():
    found = read(
        "NR service cell:",
        SERVING_5G + "9EB10,129,5078,100,9,70,70,65",
        "NR neighbor cell:",
        "2,9,,,,,9EB10,12A,20,126,60,50",
        "2,9,,,,,9EB10,12B,,126,126,",
        "2,9,,,,,,,127,,,,",
    )
    assert [(cell.pci, cell.rsrp_dbm, cell.rsrq_db) for cell in found.others] == [
        (0x12A, -97, -18.5),
        (0x12B, None, None),
    ]
    assert found.unread == ()


def test_wcdma_row_has_its_levels_in_an_order_of_its_own():
    found = read(
        "UMTS service cell:",
        "1,2,452,04,550B,007AB123,10688,120,1,30,40,1,42,0,28",
        "UMTS neighbor cell:",
        "2,2,452,04,550B,007AB124,10688,255,0,0,0,25,60,35,38",
        model="FM350-GL",
    )
    assert found.mode == "wcdma"
    assert found.serving == Cell(
        rat=Rat.WCDMA,
        mcc="452",
        mnc="04",
        lac=0x550B,
        cell_id=0x7AB123,
        arfcn=10688,
        psc=120,
        band=1,
        rscp_dbm=-81,
        ecio_db=-9.5,
    )
    assert (found.others[0].psc, found.others[0].ecio_db, found.others[0].rscp_dbm) == (
        255,
        -12,
        -83,
    )


@pytest.mark.parametrize("lines", [(), ("",), ("2,0,0,00,FFFF,0,0,,127,,,,",)])
def test_nothing_heard_is_no_cell_and_nothing_unread(lines):
    found = read(*lines)
    assert (found.mode, found.serving, found.others, found.unread) == (None, None, (), ())


def test_sentinels_are_no_values():
    cell = serving("1,4,452,01,FFFE,0FFFFFFF,1400,310,103,0,255,0,0,255", model="FM350-GL")
    assert (cell.arfcn, cell.pci) == (1400, 310)
    assert (cell.tac, cell.cell_id, cell.bandwidth_mhz) == (None, None, None)
    assert (cell.sinr_raw, cell.rsrp_dbm, cell.rsrq_db) == (None, None, None)


def test_rows_of_an_unknown_kind_are_kept_unread():
    found = read(SERVING_4G + "1400,310" + TAIL_4G, "1,7,452,01,1F40,1,2,3,4", "3,what")
    assert found.serving is not None
    assert found.unread == ("1,7,452,01,1F40,1,2,3,4", "3,what")


def test_what_has_no_row_at_all_is_unreadable():
    with pytest.raises(UnreadableError):
        read("no idea")


def test_carriers_in_dbm_have_widths_both_ways():
    primary, secondary = carriers(
        "+GTCAINFO:",
        "PCC:103,310,1400,100,100,2,1,4,2,-96",
        "SCC 1:2,0,107,55,3100,50,255,0,255,0,255,-101",
    )
    assert (primary.role, primary.band, primary.pci, primary.arfcn) == (Role.SERVING, 3, 310, 1400)
    assert (primary.bandwidth_mhz, primary.ul_bandwidth_mhz, primary.rsrp_dbm) == (20, 20, -96)
    assert (secondary.role, secondary.band, secondary.bandwidth_mhz) == (Role.SCC, 7, 10)
    assert (secondary.ul_bandwidth_mhz, secondary.rsrp_dbm) == (None, -101)


def test_carriers_of_qualcomm_have_an_index_and_their_technology():
    cells = carriers(
        "+GTCAINFO:",
        "LTE PCC: 103,310,1400,100,2,1,2,2,55",
        "LTE SCC1: 1,0,108,41,3500,50,0,1,1,6,6,56",
        "NR PCC: 5078,51,650000,100,2,1,2,2,77",
    )
    found = [(cell.role, cell.band, cell.bandwidth_mhz, cell.rsrp_dbm) for cell in cells]
    assert found == [
        (Role.SERVING, 3, 20, -86),
        (Role.SCC, 8, 10, -85),
        (Role.NR_SECONDARY, 78, 100, -80),
    ]


def test_nr_as_secondary_carrier_of_lte_is_the_leg_with_its_width_in_fifths():
    _, leg, second = carriers(
        "PCC:103,310,1400,100,100,2,1,4,2,-96",
        "SCC 1:2,0,5078,51,650000,500,255,0,255,0,255,-91",
        "SCC 2:2,0,5078,52,640000,200,255,0,255,0,255,-95",
    )
    assert (leg.role, leg.band, leg.bandwidth_mhz) == (Role.NR_SECONDARY, 78, 100)
    assert (second.role, second.bandwidth_mhz) == (Role.SCC, 40)


def test_primary_carrier_of_nr_alone_serves():
    (cell,) = carriers("PCC:5078,51,650000,500,500,2,1,4,2,-91")
    assert (cell.role, cell.rat) == (Role.SERVING, Rat.NR)


def test_carriers_with_quality_have_sinr_and_rsrq_before_rsrp():
    primary, secondary = carriers(
        "PCC:103,310,1400,100,2,1,4,2,13,-9,-96",
        "SCC 1:2,0,107,55,3100,50,255,0,255,0,255,7,-11,-101",
    )
    assert (primary.sinr_raw, primary.rsrq_db, primary.rsrp_dbm) == (13, -9, -96)
    assert (secondary.sinr_raw, secondary.rsrq_db, secondary.rsrp_dbm) == (7, -11, -101)


def test_carrier_that_is_not_configured_is_none():
    assert len(carriers("PCC:103,310,1400,100,100,2,1,4,2,-96", "SCC 1:0")) == 1


def test_carriers_of_intel_have_the_prefix_in_each_row():
    primary, secondary = carriers(
        "+GTCAINFO: 1",
        "+GTCAINFO: 1,3,452,01,8000,19549953,310,52,20,14,1400,19400,5,5",
        "+GTCAINFO: 2,7,55,40,15,9,3100,65535,3,3",
    )
    assert (primary.role, primary.tac, primary.cell_id) == (Role.SERVING, 8000, 19549953)
    assert (primary.arfcn, primary.bandwidth_mhz, primary.rsrp_dbm) == (1400, 20, -89)
    assert (secondary.role, secondary.pci, secondary.bandwidth_mhz) == (Role.SCC, 55, 10)


def test_no_carriers_are_none():
    assert carriers("+GTCAINFO:") == ()


def test_carriers_in_other_words_are_unreadable():
    with pytest.raises(UnreadableError):
        carriers("+GTCAINFO: what")
