import pytest

from drivers.modem.errors import UnreadableError
from drivers.modem.families.ublox import Ublox
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import HeardCell, Reading, Role
from wire.cells import Rat

SARA_R5 = (
    "+UCGED: 2",
    "6,4,452,01",
    "1400,3,100,100,1297,94f2201,10,d60814d1,8001,01,57,21,12.75,3,1,10,28,-50,-6,0,255,255,0",
)
SARA_R422 = (
    "+UCGED: 2",
    "6,452,04",
    '1600,3,100,50,22a7,255,-92,-11,157,-1,3,255,128,"FB306E02"',
)
GSM = ("+UCGED: 2", "2,452,1", "46,0,53a4,2d,1297,00,36,-1,30,30,1,1")
UMTS = ("+UCGED: 2", "3,4,452,02", "10563,1,0448CF5D,22A7,00,38,1,30,24,-1,-1,255")


def read(command: str, *lines: str, model: str = "SARA-R5") -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(Ublox.readers, asked)
    assert parse is not None
    return parse(asked)


def only(reading: Reading) -> HeardCell:
    (cell,) = reading.cells or ()
    return cell


def test_lte_has_indexes_and_sinr_in_decibels():
    reading = read("AT+UCGED?", *SARA_R5)
    cell = only(reading)
    assert (reading.mode, cell.role, cell.rat) == ("lte", Role.SERVING, Rat.LTE)
    assert (cell.mcc, cell.mnc, cell.tac, cell.cell_id) == ("452", "01", 0x1297, 0x94F2201)
    assert (cell.arfcn, cell.band, cell.pci) == (1400, 3, 10)
    assert (cell.ul_bandwidth_mhz, cell.bandwidth_mhz) == (20, 20)
    assert (cell.rsrp_dbm, cell.rsrq_db, cell.sinr_db) == (-84, -9.5, 12.75)


def test_whole_sinr_of_r6_is_in_tenths():
    row = SARA_R5[2].replace("12.75", "129")
    cell = only(read("AT+UCGED?", *SARA_R5[:2], row, model="LARA-R6001"))
    assert cell.sinr_db == 12.9


def test_row_without_service_has_dbm_and_sinr_in_fifths():
    cell = only(read("AT+UCGED?", *SARA_R422, model="SARA-R422"))
    assert (cell.mcc, cell.mnc, cell.tac, cell.cell_id) == ("452", "04", 0x22A7, None)
    assert (cell.arfcn, cell.band, cell.pci) == (1600, 3, 255)
    assert (cell.ul_bandwidth_mhz, cell.bandwidth_mhz) == (20, 10)
    assert (cell.rsrp_dbm, cell.rsrq_db, cell.sinr_db) == (-92, -11, 11.4)


def test_gsm_has_identities_in_hexadecimal_and_an_index():
    reading = read("AT+UCGED?", *GSM, model="LARA-R6")
    cell = only(reading)
    assert (reading.mode, cell.mcc, cell.mnc) == ("gsm", "452", "1")
    assert (cell.arfcn, cell.cell_id, cell.bsic, cell.lac) == (46, 0x53A4, 0x2D, 0x1297)
    assert cell.rssi_dbm == -75


def test_umts_has_a_scrambling_code_and_two_indexes():
    reading = read("AT+UCGED?", *UMTS, model="LARA-R6")
    cell = only(reading)
    assert (reading.mode, cell.arfcn, cell.psc, cell.lac) == ("wcdma", 10563, 38, 0x22A7)
    assert (cell.cell_id, cell.rssi_dbm, cell.ecio_db) == (0x0448CF5D, -71, -12.5)


def test_what_is_unknown_is_absent():
    cell = only(
        read(
            "AT+UCGED?",
            "+UCGED: 2",
            "6,4,fff,fff",
            "1400,3,100,100,ffff,0000000,10,d0fafd59,ff49,b1,57,21,0.50,1,255,255,28,0,255,255,0",
        )
    )
    absent = (cell.mcc, cell.mnc, cell.tac, cell.cell_id)
    assert absent == (None, None, None, None)
    assert (cell.pci, cell.rsrp_dbm) == (10, -84)


def test_channel_and_band_of_all_ones_are_absent():
    row = "65535,255,255,255,ffff,fffffff,10,ffffffff,ffff,ff,255,255,255.00,255,255"
    cell = only(read("AT+UCGED?", "+UCGED: 2", "6,4,452,01", row))
    assert cell == HeardCell(role=Role.SERVING, rat=Rat.LTE, mcc="452", mnc="01", pci=10)


@pytest.mark.parametrize(
    ("head", "mode"),
    [("6,0,fff,fff", "no-service"), ("6,2,fff,fff", "searching"), ("0,fff,fff", "no-service")],
)
def test_row_of_a_cell_is_left_out_where_none_serves(head, mode):
    reading = read("AT+UCGED?", "+UCGED: 2", head)
    assert (reading.mode, reading.cells) == (mode, ())


def test_line_before_the_answer_is_no_row():
    assert read("AT+UCGED?", "x,\x00,?", *SARA_R5) == read("AT+UCGED?", *SARA_R5)


def test_mode_five_answers_with_two_lists():
    reading = read(
        "AT+UCGED?",
        '+RSRP: 10,1400,"-083.40",47,1400,"-101.70",',
        '+RSRQ: 10,1400,"-09.10",47,1400,"-15.80",',
        model="SARA-R410M",
    )
    serving, neighbour = reading.cells or ()
    assert reading.mode == "lte"
    assert (serving.role, serving.pci, serving.arfcn) == (Role.SERVING, 10, 1400)
    assert (serving.rsrp_dbm, serving.rsrq_db) == (-83.4, -9.1)
    assert (neighbour.role, neighbour.pci, neighbour.rsrq_db) == (Role.NEIGHBOUR, 47, -15.8)


@pytest.mark.parametrize(
    "lines",
    [
        *((), ("+UCGED: 0",), ("+UCGED: 2", ""), ("+UCGED: 2", "6,4,452,01", "")),
        *(("+UCGED: 2", "²,4,452,01", "1400"), ("+UCGED: 2", "6,4,452,01", "1400,3")),
        *(("+UCGED: 2", ",,,", ",,,,,,,,,,"), ("+UCGED: 2", "6" * 5000, "1,2")),
        *(("6,4,452,01", SARA_R5[2]), ("+RSRP: ,,", "+RSRQ: ,,"), ("+UCGED: 2", "7,1,2,3", "9")),
    ],
)
def test_what_names_no_cell_is_unreadable_or_none(lines):
    try:
        reading = read("AT+UCGED?", *lines)
    except UnreadableError:
        return
    assert (reading.mode, reading.cells) == ("no-service", ())


def test_cell_that_is_cut_off_is_unreadable():
    with pytest.raises(UnreadableError):
        read("AT+UCGED?", *SARA_R5[:2], "1400,3,100")


def test_listed_cells_have_a_type_each():
    reading = read(
        "AT+UCELLINFO?",
        "+UCELLINFO: 0,2,452,02,22a7,448cf5d,38,10563,45,24",
        "+UCELLINFO: 0,3,452,02,22a7,448cf5e,39,10563,31,12",
        "+UCELLINFO: 0,1,452,02,22a7,53a4,20",
        "+UCELLINFO: 0,9,what",
        model="SARA-U201",
    )
    serving, other, gsm = reading.cells or ()
    assert (reading.mode, serving.role, serving.psc) == ("wcdma", Role.SERVING, 38)
    assert (serving.rscp_dbm, serving.ecio_db) == (-71, -12.5)
    assert (other.role, other.cell_id) == (Role.NEIGHBOUR, 0x448CF5E)
    assert (gsm.rat, gsm.lac, gsm.rssi_dbm) == (Rat.GSM, 0x22A7, -91)
    assert reading.unread == ("0,9,what",)


def test_listed_lte_cells_have_the_levels_of_the_report():
    reading = read(
        "AT+UCELLINFO?",
        "+UCELLINFO: 0,5,452,01,94f2201,10,1297,57,21",
        "+UCELLINFO: 0,6,,,fffffff,47,ffff,39,8",
        model="TOBY-L210",
    )
    serving, neighbour = reading.cells or ()
    assert (serving.cell_id, serving.pci, serving.tac) == (0x94F2201, 10, 0x1297)
    assert (serving.rsrp_dbm, serving.rsrq_db) == (-84, -9.5)
    assert (neighbour.cell_id, neighbour.pci, neighbour.tac) == (None, 47, None)


def test_list_without_a_cell_is_unreadable():
    for line in ("+UCELLINFO: 0", "+UCELLINFO: ", "+UCELLINFO: 0,5,452", "what"):
        with pytest.raises(UnreadableError):
            read("AT+UCELLINFO?", line)
