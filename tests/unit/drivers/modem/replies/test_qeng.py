import pytest

from drivers.modem.errors import UnreadableError
from drivers.modem.readers import Asked
from drivers.modem.replies import qeng
from drivers.modem.replies.qeng import Dialect
from tests.unit.drivers.modem.answers import ByRole, by_role
from wire.cells import Cell, Rat

LTE = '+QENG: "servingcell","NOCONN","LTE","FDD",452,04,9762001,255,1600,3,5,5,22A7,'
PLAIN = Dialect()
EN_DC = [
    '+QENG: "servingcell","CONNECT"',
    '+QENG: "LTE","FDD",452,02,9762001,255,1600,3,5,5,22A7,-92,-10,-62,15,5,100,-',
    '+QENG:"NR5G-NSA",452,02,51,-90,14,-9,650000,78,12,1',
]


def read_serving(*lines: str, dialect: Dialect = PLAIN) -> ByRole:
    return by_role(qeng.serving(Asked('AT+QENG="servingcell"', lines), dialect))


def served(*lines: str, dialect: Dialect = PLAIN) -> ByRole:
    found = read_serving(*lines, dialect=dialect)
    assert found.unread == ()
    return found


def listed(*lines: str) -> tuple[Cell, ...]:
    reading = qeng.neighbours(Asked('AT+QENG="neighbourcell"', lines))
    assert not reading.unread
    return tuple(cell.recorded() for cell in reading.cells or ())


def test_lte_cell_with_sinr_in_db_where_the_chip_says_so():
    found = served(LTE + "-92,-10,-62,15,29", dialect=Dialect(lte_sinr_is_db=True))
    assert (found.mode, found.rrc_state) == ("lte", "noconn")
    assert found.serving == Cell(
        rat=Rat.LTE,
        duplex="fdd",
        mcc="452",
        mnc="04",
        cell_id=0x9762001,
        pci=255,
        arfcn=1600,
        band=3,
        bandwidth_mhz=20.0,
        tac=0x22A7,
        rsrp_dbm=-92,
        rsrq_db=-10,
        rssi_dbm=-62,
        sinr_db=15,
    )


def test_sinr_of_uncertain_scale_stays_as_printed():
    cell = served(LTE + "-92,-10,-62,15,29").serving
    assert cell is not None
    assert (cell.sinr_db, cell.sinr_raw) == (None, 15)


@pytest.mark.parametrize("levels", ["-,-,-,-,-", "-32768,-32768,-32768,-32768,0", "0,7,0,-32768"])
def test_what_cannot_be_is_none_and_not_zero(levels):
    cell = served(LTE + levels).serving
    assert cell is not None
    assert (cell.rsrp_dbm, cell.rsrq_db, cell.rssi_dbm, cell.sinr_raw) == (None, None, None, None)


def test_en_dc_is_three_rows_with_sinr_before_rsrq():
    found = served(*EN_DC)
    assert (found.mode, found.rrc_state) == ("nr-nsa", "connect")
    assert found.serving is not None
    assert found.serving.arfcn == 1600
    assert found.nr == Cell(
        rat=Rat.NR,
        mcc="452",
        mnc="02",
        pci=51,
        rsrp_dbm=-90,
        sinr_db=14,
        rsrq_db=-9,
        arfcn=650000,
        band=78,
        bandwidth_mhz=100.0,
        scs_khz=30,
    )


@pytest.mark.parametrize(
    "leg", ['+QENG: "NR5G-NSA",', '+QENG: "NR5G-NSA"', '+QENG: "NR5G-NSA",-,-,-,-,-,-,-,-,-,-']
)
def test_empty_leg_is_no_leg(leg):
    found = read_serving(*EN_DC[:2], leg)
    assert (found.mode, found.nr) == ("lte", None)


def test_leg_without_any_level_is_no_leg():
    row = '+QENG: "NR5G-NSA",452,02,0,-32768,-32768,-32768,650000,78,12,1'
    assert served(*EN_DC[:2], row).nr is None


def test_stand_alone_nr_has_a_36_bit_cell():
    found = served(
        '+QENG: "servingcell","NOCONN","NR5G-SA","TDD",452,04,FA1B2C3D4,297,004297,510000,41,12,'
        "-69,-9,28,1,-"
    )
    assert found.mode == "nr-sa"
    assert found.serving is not None
    assert found.serving.cell_id == 0xFA1B2C3D4
    assert found.serving.tac == 0x4297
    assert (found.serving.bandwidth_mhz, found.serving.scs_khz) == (100.0, 30)
    assert found.serving.rssi_dbm is None


def test_unisoc_prints_megahertz_and_another_tail():
    found = served(
        '+QENG: "servingcell","CONNECT","NR5G-SA","TDD",460,11,760BF0114,702,76010F,633984,78,'
        "10,-89,-8,15,18,34,1",
        dialect=Dialect(unisoc=True),
    )
    assert found.serving is not None
    assert (found.serving.bandwidth_mhz, found.serving.scs_khz) == (10.0, 30)


def test_wcdma_and_gsm_cells():
    wcdma = served(
        '+QENG: "servingcell","CONNECT","WCDMA",452,01,75,6FE0090,10736,58,0,-78,-3,-,-,-,-,-'
    )
    gsm = served(
        '+QENG: "servingcell","LIMSRV","GSM",452,04,2BC6,162C,58,40,-,-81,255,255,0,22,-28,1,-'
    )
    assert (wcdma.mode, gsm.mode, gsm.rrc_state) == ("wcdma", "gsm", "limsrv")
    assert wcdma.serving is not None
    assert gsm.serving is not None
    assert (wcdma.serving.psc, wcdma.serving.rscp_dbm, wcdma.serving.ecio_db) == (58, -78, -3)
    assert (gsm.serving.bsic, gsm.serving.arfcn, gsm.serving.rssi_dbm) == (58, 40, -81)


def test_searching_has_a_state_and_no_cell():
    found = served('+QENG: "servingcell","SEARCH"')
    assert (found.rrc_state, found.mode, found.serving) == ("search", "searching", None)


@pytest.mark.parametrize(
    "row",
    ['+QENG: "servingcell","NOCONN","LTE",1,2,3', '+QENG: "servingcell","NOCONN","TDSCDMA",1'],
)
def test_row_of_another_shape_is_kept_as_unread(row):
    found = read_serving(row)
    assert found.serving is None
    assert found.unread == (row.partition(": ")[2],)


def test_answer_without_state_is_unreadable():
    with pytest.raises(UnreadableError):
        read_serving("+QENG: what")


def test_lte_neighbours_have_rsrq_first_while_on_lte():
    cells = listed(
        '+QENG: "neighbourcell intra","LTE",1600,255,-10,-92,-62,-,-,-,-,-,-',
        '+QENG: "neighbourcell inter","LTE",300,292,-14,-104,-75,-,-,-,-,-',
        '+QENG: "neighbourcell inter","LTE",3250,-,-,-,-,-,-,0,16,5',
        '+QENG: "neighbourcell","WCDMA",3062,3,16,2,-,-,-,-',
        '+QENG: "neighbourcell","GSM",62,0,16,2,255,0,12,-1920,0',
    )
    assert [(c.arfcn, c.pci, c.rsrp_dbm, c.rsrq_db) for c in cells] == [
        (1600, 255, -92, -10),
        (300, 292, -104, -14),
    ]


def test_intra_rows_tell_what_the_modem_is_camped_on():
    cells = listed(
        '+QENG: "neighbourcell intra","LTE",1600,255,-10,-92,-62,-20,23,4,12,10,62',
        '+QENG: "neighbourcell","WCDMA",3062,3,16,2,36,-87,-5,-',
    )
    assert (cells[1].psc, cells[1].rscp_dbm, cells[1].ecio_db) == (36, -87, -5)


def test_lte_neighbours_have_rsrp_first_while_on_3g():
    cells = listed(
        '+QENG: "neighbourcell","LTE",1600,255,-92,-10,20',
        '+QENG: "neighbourcell","WCDMA",10713,0,36,-870,-75,1,0,20',
    )
    assert (cells[0].rsrp_dbm, cells[0].rsrq_db) == (-92, -10)
    assert (cells[1].psc, cells[1].rscp_dbm, cells[1].ecio_db) == (36, -87, -7.5)


def test_gsm_neighbours_while_on_gsm():
    cells = listed('+QENG: "neighbourcell","GSM",452,04,24A5,1241,33,614,-83,22,146,0,0')
    assert (cells[0].cell_id, cells[0].arfcn, cells[0].rssi_dbm) == (0x1241, 614, -83)


def test_3g_common_list_has_both_technologies():
    cells = listed(
        '+QENG:"3gcomm","servingcell","3G","NOCONN",452,01,D5D6,8062AF1,10713,38,-72,-74,11,25',
        '+QENG: "3gcomm","neighbourcell","3G",452,01,D5D6,8062AEF,10713,36,-87,-88,36,0,27',
        '+QENG: "3gcomm","neighbourcell","2G",123,52,-98,12,-5',
    )
    assert [(c.psc, c.bsic, c.rssi_dbm, c.rscp_dbm) for c in cells] == [
        (38, None, -72, -74),
        (36, None, -87, -88),
        (None, 52, -98, None),
    ]


@pytest.mark.parametrize("label", ["CAT-M1", "CAT-NB2", "eMTC", "NBIoT", "NTN NBIoT"])
def test_machine_technologies_are_lte(label):
    cell = served(LTE.replace('"LTE"', f'"{label}"') + "-92,-10,-62,15,29").serving
    assert cell is not None
    assert (cell.rat, cell.pci, cell.rsrp_dbm) == (Rat.LTE, 255, -92)


def test_line_broken_behind_its_prefix_is_read():
    found = served("+QENG:", LTE.removeprefix("+QENG: ") + "-92,-10,-62,15,29")
    assert (found.mode, found.rrc_state) == ("lte", "noconn")


def test_area_that_is_none_is_left_out():
    cell = served(LTE.replace("22A7", "0xFFFE") + "-92,-10,-62,15,").serving
    assert cell is not None
    assert (cell.tac, cell.rssi_dbm) == (None, -62)


def test_width_of_the_unisoc_leg_is_in_megahertz():
    row = '+QENG: "NR5G-NSA",452,02,51,-90,14,-9,650000,78,10,1'
    found = served(*EN_DC[:2], row, dialect=Dialect(unisoc=True))
    assert found.nr is not None
    assert found.nr.bandwidth_mhz == 10


def test_neighbours_of_nr_and_of_machines_have_many_labels():
    nr, cat_m = listed(
        '+QENG: "neighbourcell","NR5G",650000,52,-95,-11,9',
        '+QENG: "neighbourcell intra","eMTC",1600,256,-11,-98,-70,10,22,6,0,12,24',
    )
    assert (nr.rat, nr.arfcn, nr.pci, nr.rsrp_dbm, nr.rsrq_db) == (Rat.NR, 650000, 52, -95, -11)
    assert (cat_m.rat, cat_m.pci, cat_m.rsrp_dbm, cat_m.rsrq_db) == (Rat.LTE, 256, -98, -11)


def test_quality_is_told_from_power_where_they_are_the_other_way_round():
    (cell,) = listed('+QENG: "neighbourcell intra","LTE",1600,256,-98,-11,20,-')
    assert (cell.rsrp_dbm, cell.rsrq_db, cell.rssi_dbm) == (-98, -11, None)
