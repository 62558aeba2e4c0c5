import pytest

from drivers.modem.errors import UnreadableError
from drivers.modem.families.simcom import SimCom
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import HeardCell, Reading, Role
from wire.cells import Rat

LTE = "+CPSI: LTE,Online,452-04,0x22A7,158736923,255,EUTRAN-BAND3,1600,5,5,-101,-924,-623,15"
NO_LEG = "+CPSI: NOT IN EN-DC CONNECTED MODE"


def read(command: str, *lines: str, model: str = "SIM7600E") -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(SimCom.readers, asked)
    assert parse is not None
    return parse(asked)


def only(reading: Reading) -> HeardCell:
    (cell,) = reading.cells or ()
    return cell


def test_lte_in_tenths():
    reading = read("AT+CPSI?", LTE)
    cell = only(reading)
    assert reading.mode == "lte"
    assert (cell.role, cell.mcc, cell.mnc, cell.tac) == (Role.SERVING, "452", "04", 0x22A7)
    assert (cell.cell_id, cell.pci, cell.band, cell.arfcn) == (158736923, 255, 3, 1600)
    assert (cell.bandwidth_mhz, cell.ul_bandwidth_mhz) == (20, 20)
    assert (cell.rsrq_db, cell.rsrp_dbm, cell.rssi_dbm) == (-10.1, -92.4, -62.3)


def test_lte_in_whole_numbers():
    row = "+CPSI: LTE CAT-M1,Online,452-01,0x1297,9762001,10,EUTRAN-BAND28,9410,3,3,-12,-97,-65,9"
    cell = only(read("AT+CPSI?", row, model="SIM7000G"))
    assert (cell.rat, cell.rsrq_db, cell.rsrp_dbm, cell.rssi_dbm) == (Rat.LTE, -12, -97, -65)


def test_lte_in_indexes_has_no_rssi():
    row = "+CPSI: LTE,Online,452-02,0x1297,9762001,10,EUTRAN-BAND3,1400,5,0,22,57,255,19"
    cell = only(read("AT+CPSI?", row, model="A7670E"))
    assert (cell.rsrp_dbm, cell.rsrq_db, cell.rssi_dbm) == (-84, -9, None)


def test_scale_of_the_snr_of_lte_is_not_known():
    cell = only(read("AT+CPSI?", LTE))
    assert (cell.sinr_db, cell.sinr_raw) == (None, 15)


def test_row_of_zeros_has_an_identity_and_nothing_else():
    row = "+CPSI: LTE,Online,452-04,0x22A7,158736923,0,EUTRAN-BAND0,4294967295,0,0,0,0,0,0"
    cell = only(read("AT+CPSI?", row))
    assert cell == HeardCell(
        role=Role.SERVING, rat=Rat.LTE, mcc="452", mnc="04", tac=0x22A7, cell_id=158736923
    )


def test_row_without_any_identity_is_kept_as_text():
    with pytest.raises(UnreadableError):
        read("AT+CPSI?", "+CPSI: LTE,Online,000-00,0x0,0,0,EUTRAN-BAND0,4294967295,0,0,0,0,0,0")


@pytest.mark.parametrize("words", ["NO SERVICE,Online", "NO SERVICE, Low Power Mode", "No Service"])
def test_no_service_is_no_cell(words):
    reading = read("AT+CPSI?", f"+CPSI: {words}")
    assert (reading.mode, reading.cells) == ("no-service", ())


def test_levels_of_wcdma_are_printed_without_their_sign():
    row = "+CPSI: WCDMA,Online,452-04,0x22A7,4487261,WCDMA IMT 2000,38,10563,0,7.5,81,32,46,500"
    reading = read("AT+CPSI?", row)
    cell = only(reading)
    assert (reading.mode, cell.lac, cell.cell_id) == ("wcdma", 0x22A7, 4487261)
    assert (cell.psc, cell.arfcn, cell.ecio_db, cell.rscp_dbm) == (38, 10563, -7.5, -81)


def test_channel_and_band_of_gsm_stand_in_one_field():
    row = "+CPSI: GSM,Online,452-01,0x1297,21412,46 EGSM 900,-71,0,24-24"
    reading = read("AT+CPSI?", row)
    cell = only(reading)
    assert (reading.mode, cell.lac, cell.cell_id) == ("gsm", 0x1297, 21412)
    assert (cell.arfcn, cell.rssi_dbm) == (46, -71)


def test_second_row_is_the_leg_of_en_dc():
    leg = "+CPSI: NR5G_NSA,51,NR5G_BAND78,650000,-928,-92,114,1,12"
    reading = read("AT+CPSI?", LTE, leg, model="SIM8262E")
    assert reading.mode == "nr-nsa"
    _, cell = reading.cells or ()
    assert (cell.role, cell.pci, cell.band, cell.arfcn) == (Role.NR_SECONDARY, 51, 78, 650000)
    assert (cell.rsrp_dbm, cell.rsrq_db, cell.sinr_db) == (-92.8, -9.2, 11.4)
    assert (cell.bandwidth_mhz, cell.scs_khz) == (100, None)


def test_old_firmware_names_no_band_of_the_leg_and_has_its_rsrq_first():
    reading = read("AT+CPSI?", LTE, "+CPSI: NR5G,51,650000,-11,-92,153", model="SIM8200")
    _, cell = reading.cells or ()
    assert (cell.role, cell.band, cell.rsrq_db, cell.rsrp_dbm) == (
        Role.NR_SECONDARY,
        None,
        -11,
        -92,
    )


def test_few_of_what_may_be_tenths_are_no_decibels():
    leg = "+CPSI: NR5G_NSA,51,NR5G_BAND78,650000,-928,-92,18"
    _, cell = read("AT+CPSI?", LTE, leg).cells or ()
    assert (cell.sinr_db, cell.sinr_raw) == (None, 18)


def test_anchor_without_a_leg_is_lte():
    reading = read("AT+CPSI?", LTE, NO_LEG)
    assert (reading.mode, only(reading).rat, reading.unread) == ("lte", Rat.LTE, None)


@pytest.mark.parametrize(
    "row",
    [
        "+CPSI: NR5G_SA,Online,452-04,0x4297,2621771777,297,NR5G_BAND41,510000,-698,-87,282",
        "+CPSI: NR5G,Online,452-04,0x4297,2621771777,297,510000,-69.8,-8.7,28.2",
    ],
)
def test_stand_alone_nr_is_told_with_and_without_its_band(row):
    reading = read("AT+CPSI?", row, model="SIM8202G")
    cell = only(reading)
    assert (reading.mode, cell.role, cell.tac) == ("nr-sa", Role.SERVING, 0x4297)
    assert (cell.cell_id, cell.pci, cell.arfcn) == (2621771777, 297, 510000)
    assert (cell.rsrp_dbm, cell.rsrq_db, cell.sinr_db) == (-69.8, -8.7, 28.2)


def test_cell_of_cdma_beside_one_of_lte_is_passed_over():
    reading = read("AT+CPSI?", "+CPSI: CDMA,Online,452,1,2,3,4,5", LTE)
    assert only(reading).rat is Rat.LTE


@pytest.mark.parametrize(
    "row",
    [
        *("", "LTE", "LTE,Online", "GSM,Online,,,,", "WCDMA,Online", "NR5G_SA,Online,1-2"),
        *("EVDO,Online,1,2,3", "HDR,Online", ",,,,", "²,²,²", "LTE," + "9" * 4000),
    ],
)
def test_what_names_no_cell_is_unreadable(row):
    with pytest.raises(UnreadableError):
        read("AT+CPSI?", f"+CPSI: {row}")


def test_cells_by_name_have_identities_in_decimal_and_units_behind_levels():
    reading = read(
        "AT+CCINFO",
        "+CCINFO:[SCELL],UARFCN:10563,MCC:452,MNC:004,LAC:338,ID:14302219,PSC:214,SSC:0,"
        "RSCP:88,ECIO:8.0,RXLev:-88dbm,TXPWR:0",
        "+CCINFO:[NCELL1],UARFCN:10563,PSC:120,RSCP:101,ECIO:14.5",
    )
    serving, neighbour = reading.cells or ()
    assert (serving.role, serving.rat, serving.mnc) == (Role.SERVING, Rat.WCDMA, "04")
    assert (serving.lac, serving.cell_id, serving.psc) == (338, 14302219, 214)
    assert (serving.rscp_dbm, serving.ecio_db) == (-88, -8)
    assert (neighbour.role, neighbour.psc, neighbour.rscp_dbm) == (Role.NEIGHBOUR, 120, -101)


def test_mnc_of_three_digits_stays_where_the_country_has_such():
    row = "+CCINFO:[SCELL],EARFCN:2300,MCC:310,MNC:026,TAC:7,ID:9762001,PCI:10"
    cell = only(read("AT+CCINFO", row))
    assert (cell.mcc, cell.mnc) == ("310", "026")


def test_cells_by_name_may_be_none():
    assert read("AT+CCINFO").cells == ()
    with pytest.raises(UnreadableError):
        read("AT+CCINFO", "+CCINFO: what")


def test_cells_of_asr_modules_are_indexes():
    reading = read(
        "AT+CNETCI?",
        "+CNETCISRVINFO: MCC-MNC: 452-01,TAC: 4759,cellid: 156180993,rsrp: 57,rsrq: 22, "
        "pci: 10,earfcn: 1400",
        "+CNETCINONINFO: 0,MCC-MNC: 000-00,TAC: 0,cellid: 0,rsrp: 35,rsrq: 9,pci: 47,earfcn: 1400",
        model="A7670E",
    )
    serving, neighbour = reading.cells or ()
    assert (serving.mcc, serving.mnc, serving.tac) == ("452", "01", 4759)
    assert (serving.cell_id, serving.rsrp_dbm, serving.rsrq_db) == (156180993, -84, -9)
    assert (neighbour.role, neighbour.mcc, neighbour.cell_id) == (Role.NEIGHBOUR, None, None)
    assert (neighbour.pci, neighbour.rsrp_dbm) == (47, -106)


def test_asr_modules_without_a_cell_name_none():
    assert read("AT+CNETCI?", "+CNETCI: 0").cells == ()
    with pytest.raises(UnreadableError):
        read("AT+CNETCI?", "what")


def test_enb_tells_where_the_mnc_ends():
    network = read("AT+CNWINFO?", "+CNWINFO: LTE,45204158739201,9762B,1,2,3")
    assert (only(network).mnc, only(network).cell_id) == ("04", 158739201)


def test_search_has_cells_of_its_rows():
    reading = read(
        "AT+CNWSEARCH",
        "+LTE_CELL: 452,04,22A7,9762001,3,1600,255,-92,-10",
        "+NR_NGH_CELL: 650000,51,-93,-11",
    )
    lte, nr = reading.cells or ()
    assert (lte.role, lte.arfcn, lte.pci, lte.rsrp_dbm) == (Role.SCAN, 1600, 255, -92)
    assert (nr.role, nr.arfcn, nr.pci, nr.rsrp_dbm) == (Role.NEIGHBOUR, 650000, 51, -93)
    with pytest.raises(UnreadableError):
        read("AT+CNWSEARCH", "+LTE_CELL:")


def test_level_of_gsm_is_an_index_on_asr_chips():
    row = "+CPSI: GSM,Online,452-01,0x46C2,43674,1021 PGSM 900,{},0,15-15"
    assert only(read("AT+CPSI?", row.format("25"))).rssi_dbm == -86
    assert only(read("AT+CPSI?", row.format("-81"))).rssi_dbm == -81
    assert only(read("AT+CPSI?", row.format("0"))).rssi_dbm is None


def test_measurements_of_the_modem():
    reading = read(
        "AT+CMGRMI=4",
        "+CMGRMI: Main_Info,4,1,1,0,2,52709,0,2,11",
        "+CMGRMI: Serving_Cell,1725,452,02,3832,2,9762001,3,3,3,19,58,-107,-890,-625,0",
        "+CMGRMI: LTE_Intra,1,1725,58,1",
        "+CMGRMI: LTE_Intra_Cell1,58,-107,-890,-625,0",
        "+CMGRMI: LTE_Intra_Cell2,59,-141,-985,-702,0",
    )
    serving, neighbour = reading.cells or ()
    assert (reading.mode, serving.role, serving.mcc, serving.mnc) == (
        *("lte", Role.SERVING),
        *("452", "02"),
    )
    assert (serving.tac, serving.cell_id, serving.pci, serving.arfcn) == (3832, 9762001, 58, 1725)
    assert (serving.rsrq_db, serving.rsrp_dbm, serving.rssi_dbm) == (-10.7, -89, -62.5)
    assert (neighbour.role, neighbour.pci, neighbour.arfcn) == (Role.NEIGHBOUR, 59, 1725)


def test_engineering_mode_of_lpwa_modules():
    reading = read(
        "AT+CENG?",
        "+CENG: 1,1,2,LTE NB-IOT",
        '+CENG: 0,"3700,29,-74,-72,-3,12,199,8381899,452,01,255"',
        '+CENG: 1,"3700,30,-84,-81,-9,2"',
    )
    serving, neighbour = reading.cells or ()
    assert (reading.mode, serving.mcc, serving.mnc, serving.cell_id) == (
        *("lte", "452", "01"),
        8381899,
    )
    assert (serving.arfcn, serving.pci, serving.rsrp_dbm, serving.rsrq_db) == (3700, 29, -74, -3)
    assert (serving.tac, serving.sinr_raw) == (None, 12)
    assert (neighbour.role, neighbour.pci, neighbour.mcc) == (Role.NEIGHBOUR, 30, None)


@pytest.mark.parametrize(
    ("command", "row"),
    [
        ("AT+CENG?", '+CENG: 0,"452,01,278d,206d,25,37"'),
        ("AT+CENG?", "+CENG: 3,0"),
        ("AT+CMGRMI=4", "+CMGRMI: Serving_Cell,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"),
        ("AT+CMGRMI=4", "+CMGRMI: Serving_Cell"),
    ],
)
def test_measurements_of_nothing_are_unreadable(command, row):
    with pytest.raises(UnreadableError):
        read(command, row)
