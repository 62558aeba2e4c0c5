import pytest

from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnreadableError, UnsupportedHoldError
from drivers.modem.families.telit import Telit
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import Bands, Reading, Role
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers, by_role
from wire.cells import Rat
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

LTE = '#RFSTS: "452 04",1600,-92,-62,-10,22A7,,128,3,1,9762001,"452040000000001","Viettel",3,3,150'
LM960 = (
    '#RFSTS: "452 04",66486,-92,-62,-10,22A7,255,,640,1,0,9762001,"452040000000001","Viettel",3,66'
)


def module(model: str = "LE910C4-EU", **more: str) -> tuple[Answers, Telit]:
    modem = Answers(
        {
            "AT#RFSTS": LTE,
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762001",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    return modem, Telit(Identification("Telit", model), Dialogue(modem.send, modem.clock))


def reading(command: str, *lines: str, model: str = "LE910C4-EU") -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(Telit.readers, asked)
    assert parse is not None
    return parse(asked)


def roles(reading: Reading) -> list[Role]:
    return [cell.role for cell in reading.cells or ()]


# AT#RFSTS.


def test_lte_cell_is_told_with_its_network():
    found = reading("AT#RFSTS", LTE)
    (cell,) = found.cells or ()
    assert (found.mode, cell.role, cell.mcc, cell.mnc) == ("lte", Role.SERVING, "452", "04")
    assert (cell.arfcn, cell.band, cell.tac, cell.cell_id) == (1600, 3, 0x22A7, 0x9762001)
    assert (cell.rsrp_dbm, cell.rssi_dbm, cell.rsrq_db) == (-92, -62, -10)
    assert (cell.sinr_raw, cell.sinr_db) == (150, None)
    assert found.operator is not None
    assert found.operator.name == "Viettel"


def test_columns_are_counted_from_the_imsi():
    (cell,) = reading("AT#RFSTS", LM960).cells or ()
    assert (cell.cell_id, cell.tac, cell.band, cell.sinr_raw) == (0x9762001, 0x22A7, 66, None)


@pytest.mark.parametrize(
    ("tail", "sinr"), [("3,3", None), ("3,3,90", 90), ("3,3,12,6", None), ("3,3,12,6,90", 90)]
)
def test_timers_are_no_sinr(tail, sinr):
    row = LTE.rpartition('"Viettel",')[0] + f'"Viettel",{tail}'
    (cell,) = reading("AT#RFSTS", row).cells or ()
    assert (cell.band, cell.sinr_raw) == (3, sinr)


def test_answer_under_another_mark_is_the_same():
    response = LTE.replace("#", "^")
    found = decode(vendor="telit", model="LE910C4", command="AT#RFSTS", response=response)
    assert found["mode"] == "lte"


def test_name_with_a_comma_does_not_shift_the_columns():
    (cell,) = reading("AT#RFSTS", LTE.replace("Viettel", "Viettel, VN")).cells or ()
    assert cell.band == 3


def test_gsm_cell_has_no_band_number():
    row = '#RFSTS: "452 01",62,-78,129D,01,0,19,29,2,1052,"452010000000001","Mobifone",3,2'
    found = reading("AT#RFSTS", row)
    (cell,) = found.cells or ()
    assert (found.mode, cell.arfcn, cell.rssi_dbm, cell.band) == ("gsm", 62, -78, None)
    assert (cell.lac, cell.cell_id) == (0x129D, 0x1052)


def test_cell_of_an_unnamed_network_is_still_a_cell():
    row = '#RFSTS: ,62,-78,129D,01,5,19,10,2,1052,"452010000000001","",0,2'
    (cell,) = reading("AT#RFSTS", row).cells or ()
    assert (cell.mcc, cell.lac) == (None, 0x129D)


def test_utra_cell_has_quality_before_power():
    row = (
        '#RFSTS: "452 02",10688,34,-7.5,-81,-74,129D,01,-5,128,19,0,2,000,1A2B3C4,'
        '"452020000000001","Vinaphone",3,2'
    )
    found = reading("AT#RFSTS", row)
    (cell,) = found.cells or ()
    assert (found.mode, cell.arfcn, cell.psc) == ("wcdma", 10688, 34)
    assert (cell.ecio_db, cell.rscp_dbm, cell.rssi_dbm) == (-7.5, -81, -74)
    assert (cell.lac, cell.cell_id) == (0x129D, 0x1A2B3C4)


@pytest.mark.parametrize(
    "row",
    [
        '#RFSTS:"000 00",-1,-47,FFFF,FF,255,19,27,,FFFF,"452010000000001","",0,1',
        '#RFSTS: ,32767,-47,,,19,27,,,"452010000000001","",0,2',
        '#RFSTS: "000 00",65535,65535,-127.5,-255,-0,FFFF,FF,0,256,18,4,,000,FFFFFFF,"4520","",0,0',
        '#RFSTS: ,,,,,,,,-38,64,19,4,2,000,1A2B3C4,"452010000000001","",0,1,0,0,-0.0',
        '#RFSTS: "000 00",65535,-1,-1,-1,FFFF,,128,1,0,FFFFFFF,"","",0,0',
    ],
)
def test_no_channel_is_no_service(row):
    found = reading("AT#RFSTS", row)
    assert (found.mode, found.cells, found.operator) == ("no-service", (), None)


def test_leg_of_endc_stands_behind_the_band():
    row = f"{LM960},650000,650000,-95,-70,-11,78,100,100,0"
    found = by_role(reading("AT#RFSTS", row, model="FN990A28"))
    assert (found.mode, found.serving is not None) == ("nr-nsa", True)
    assert found.nr is not None
    assert (found.nr.arfcn, found.nr.band, found.nr.bandwidth_mhz) == (650000, 78, 100)
    assert (found.nr.rsrp_dbm, found.nr.rsrq_db) == (-95, -11)


@pytest.mark.parametrize(("width", "mhz"), [("100", 100), ("12", None), ("21", None)])
def test_stand_alone_cell_has_only_a_width_that_cannot_be_a_code(width, mhz):
    row = f'#RFSTS: "452 04",510000,510000,-70,-60,-9,41,{width},{width},0'
    found = by_role(reading("AT#RFSTS", row, model="FN990A28"))
    assert found.serving is not None
    assert (found.mode, found.serving.plmn, found.serving.band) == ("nr-sa", "45204", 41)
    assert found.serving.bandwidth_mhz == mhz


@pytest.mark.parametrize(
    "row",
    ["#RFSTS: ", "#RFSTS: 1,2,3", '#RFSTS: "452 04",what,-92,-62,-10,22A7,,"452040000000001"'],
)
def test_what_is_no_status_is_not_read(row):
    with pytest.raises(UnreadableError):
        reading("AT#RFSTS", row)


# AT#SERVINFO.


def test_service_of_lte_has_drx_where_one_would_expect_the_pci():
    row = '#SERVINFO: 1600,-62,"Viettel","45204",9762001,22A7,128,3,-92'
    (cell,) = reading("AT#SERVINFO", row).cells or ()
    assert (cell.rat, cell.pci, cell.cell_id, cell.tac) == (Rat.LTE, None, 0x9762001, 0x22A7)
    assert (cell.rssi_dbm, cell.rsrp_dbm) == (-62, -92)


def test_service_of_me910_has_the_physical_cell_in_zeros():
    row = '#SERVINFO: 1600,-62,"Viettel","45204",00000AF,22A7,128,3,-92'
    (cell,) = reading("AT#SERVINFO", row, model="ME910C1-E1").cells or ()
    assert (cell.pci, cell.cell_id) == (175, None)


def test_service_of_utra():
    row = '#SERVINFO: 10688,-74,"Vinaphone","45202",34,129D,64,3,-81,"I",01'
    (cell,) = reading("AT#SERVINFO", row).cells or ()
    assert (cell.rat, cell.psc, cell.lac, cell.rscp_dbm) == (Rat.WCDMA, 34, 0x129D, -81)


def test_service_of_gsm():
    row = '#SERVINFO: 62,-78,"Mobifone","45201",22,129D,1,1,,"II",01,2'
    (cell,) = reading("AT#SERVINFO", row).cells or ()
    assert (cell.rat, cell.arfcn, cell.lac, cell.bsic) == (Rat.GSM, 62, 0x129D, 18)


@pytest.mark.parametrize(
    "row",
    [
        '#SERVINFO: ,,"Viettel","45204",,00DE,64,3,,"II"',
        '#SERVINFO: 65535,-0,"","",65535,FFFF,0,0,-255',
    ],
)
def test_service_without_a_channel_is_none(row):
    found = reading("AT#SERVINFO", row)
    assert (found.mode, found.cells) == ("no-service", ())


def test_service_with_too_few_fields_is_not_read():
    with pytest.raises(UnreadableError):
        reading("AT#SERVINFO", "#SERVINFO: 62,-78")
    with pytest.raises(UnreadableError):
        reading("AT#SERVINFO", '#SERVINFO: what,-78,"","",22,129D,1,1')
    with pytest.raises(UnreadableError):
        reading("AT#SERVINFO")


# AT#MONI.


def test_list_of_lte_begins_with_the_serving_cell():
    found = reading(
        "AT#MONI=1;#MONI",
        "#MONI: RSRP:-92 RSRQ:-10 Id:00000FF EARFCN:1600 PWR:-62dbm",
        "#MONI: RSRP:-105 RSRQ:-20 Id:0000022 EARFCN:1600 PWR:-76dbm",
    )
    assert roles(found) == [Role.SERVING, Role.NEIGHBOUR]
    assert [(c.pci, c.cell_id, c.rsrp_dbm) for c in found.cells or ()] == [
        (255, None, -92),
        (34, None, -105),
    ]


def test_list_of_other_channels_has_no_serving_cell():
    found = reading("AT#MONI=2;#MONI", "#MONI: RSRP:-99 RSRQ:-12 Id:0000044 EARFCN:300 PWR:-70dbm")
    assert roles(found) == [Role.NEIGHBOUR]


@pytest.mark.parametrize("network", ["Viettel", "Cc:452 Nc:04"])
def test_serving_cell_of_lte_has_both_identities(network):
    found = reading(
        "AT#MONI",
        f"#MONI: {network} RSRP:-92 RSRQ:-10 TAC:22A7 Id:9762001 EARFCN:1600 PWR:-62dbm DRX:128"
        " pci:255 QRxLevMin:-128",
    )
    (cell,) = found.cells or ()
    assert (cell.role, cell.pci, cell.cell_id) == (Role.SERVING, 255, 0x9762001)
    assert (cell.tac, cell.plmn) == (0x22A7, "45204" if network.startswith("Cc") else None)


@pytest.mark.parametrize("blank", ["", " "])
def test_serving_cell_of_gsm_prints_its_bsic_in_two_digits(blank):
    found = reading(
        "AT#MONI",
        f"#MONI: Mobifone BSIC:73 LAC:129D Id:1052 ARFCN:{blank}62 PWR:{blank}-78{blank}dBm TA:0",
        "#MONI: Adj Cell1 LAC:129D Id:1053 ARFCN:64 PWR:-90dbm",
    )
    assert roles(found) == [Role.SERVING, Role.NEIGHBOUR]
    serving, adjacent = found.cells or ()
    assert (serving.bsic, serving.lac, serving.rssi_dbm) == (59, 0x129D, -78)
    assert (adjacent.arfcn, adjacent.cell_id) == (64, 0x1053)


def test_cells_of_utra():
    found = reading(
        "AT#MONI",
        "#MONI: Vinaphone PSC:34 RSCP:-81 LAC:129D Id:1A2B3C4 EcIo:-7.5 UARFCN:10688 PWR:-74dbm"
        " DRX:64 SCR:544",
        "#MONI: PSC:51 RSCP:-99 EcIo:-14.0 UARFCN:10688 PWR:-80dbm SCR:816",
    )
    assert roles(found) == [Role.SERVING, Role.NEIGHBOUR]
    assert [(c.psc, c.rscp_dbm, c.ecio_db) for c in found.cells or ()] == [
        (34, -81, -7.5),
        (51, -99, -14),
    ]


def test_cell_of_nr_has_labels_of_its_own():
    row = (
        "Viettel NR_BAND:41 NR_BW:100 NR_ULBW:100 NR_CH:510000 NR_ULCH:510000 NR_PWR:-60dbm"
        " NR_RSRP:-70 NR_RSRQ:-9 NR_PCI:297 NR_SINR:240 NR_STATE:2 NR_TXPWR:0"
    )
    alone = by_role(reading("AT#MONI", f"#MONI: {row}"))
    assert alone.serving is not None
    assert (alone.serving.pci, alone.serving.sinr_raw, alone.serving.band) == (297, 240, 41)
    assert alone.serving.bandwidth_mhz == 100
    beside = by_role(
        reading("AT#MONI", "#MONI: V TAC:22A7 Id:9762001 EARFCN:1600 RSRP:-92", f"#MONI: {row}")
    )
    assert beside.nr is not None
    assert beside.nr.pci == 297


def test_table_of_gsm_leaves_absent_neighbours_out():
    found = reading(
        "AT#MONI=7;#MONI",
        "#MONI: Cell  BSIC  LAC  CellId  ARFCN    Power  C1  C2  TA  RxQual  PLMN",
        "#MONI: S     22   129D  1052    62    -78dbm  19  33  1   0       Mobifone",
        "#MONI: N1    25   129D  1053    64    -90dbm  26  20",
        "#MONI: N2  FFFF7  0000  0000    -1      0dbm  -1  -1",
    )
    assert roles(found) == [Role.SERVING, Role.NEIGHBOUR]
    assert [(c.arfcn, c.bsic, c.rssi_dbm) for c in found.cells or ()] == [
        (62, 18, -78),
        (64, 21, -90),
    ]


def test_rows_without_labels_are_kept_apart():
    known = "#MONI: RSRP:-92 RSRQ:-10 Id:00000FF EARFCN:1600 PWR:-62dbm"
    assert reading("AT#MONI", known, "#MONI: what").unread == ("what",)
    with pytest.raises(UnreadableError):
        reading("AT#MONI", "#MONI: what")
    assert reading("AT#MONI").cells == ()


# AT#CSURV and AT#CSURVC.


@pytest.mark.parametrize(
    ("row", "rsrp"),
    [
        ("1600,-62,452,04,158736385,8871,255,0,-92,-10,20", -92),
        ("1600,-62,452,04,FF,22A7,9762001,-92,-10", -92),
    ],
)
def test_rows_of_lte_surveys(row, rsrp):
    found = reading("AT#CSURVC", "Network survey started ...", row, "Network survey ended")
    (cell,) = found.cells or ()
    assert (cell.role, cell.arfcn, cell.pci, cell.plmn) == (Role.SCAN, 1600, 255, "45204")
    assert (cell.tac, cell.cell_id, cell.rsrp_dbm) == (0x22A7, 0x9762001, rsrp)


def test_survey_of_me910_leaves_out_what_may_be_in_either_base():
    (cell,) = reading("AT#CSURVC", "1600,-92,452,04,255,8871,158736385").cells or ()
    assert (cell.pci, cell.rsrp_dbm, cell.tac, cell.cell_id) == (255, -92, None, None)


def test_survey_in_words():
    found = reading(
        "AT#CSURV",
        "Network survey started ...",
        "earfcn: 1600 rxLev: -62 mcc: 452 mnc: 04 cellId: FF tac: 22A7 cellIdentity: 9762001"
        " rsrp: -92 rsrq: -10",
        "arfcn: 62 bsic: 18 rxLev: -78 ber: 0.00 mcc: 452 mnc: 1 lac: 4765 cellId: 4178"
        " cellStatus: CELL_SUITABLE numArfcn: 2 arfcn: 62 64",
        "arfcn: 103 rxLev: -96",
        "uarfcn: 10688 rxLev: -74 mcc: 452 mnc: 02 scr code: 544 cellId: 27439044 lac: 4765"
        " rscp: -81 ecio: -7.5",
        "nr_arfcn: 510000 nr_band: 41 nr_scs: 30 nr_mcc: 452 nr_mnc: 04 cell_id: 2621771777"
        " pci: 297",
        "Network survey ended (Carrier: 5 BCCh: 1)",
    )
    lte, gsm, utra, nr = found.cells or ()
    assert (lte.pci, lte.tac, lte.rsrp_dbm) == (255, 0x22A7, -92)
    assert (gsm.bsic, gsm.lac, gsm.cell_id, gsm.recorded().plmn) == (18, 4765, 4178, "45201")
    assert (utra.lac, utra.cell_id, utra.rscp_dbm, utra.psc) == (4765, 27439044, -81, None)
    assert (nr.pci, nr.band, nr.scs_khz, nr.cell_id) == (297, 41, 30, 2621771777)
    assert found.unread is None


def test_survey_in_numbers_knows_gsm_and_utra():
    found = reading(
        "AT#CSURVC",
        "62,18,-78,0.00,452,01,4765,4178,0,2,62 64",
        "103,-96",
        "#CSURVC: 10688,-74,452,02,544,27439044,4765,0,-81,-7.5",
    )
    gsm, utra = found.cells or ()
    assert (gsm.rat, gsm.arfcn, gsm.lac) == (Rat.GSM, 62, 4765)
    assert (utra.rat, utra.rscp_dbm, utra.ecio_db, utra.plmn) == (Rat.WCDMA, -81, -7.5, "45202")


def test_survey_keeps_what_it_does_not_know():
    row = "1600,-62,452,04,FF,22A7,9762001,-92,-10"
    assert reading("AT#CSURVC", row, "what").unread == ("what",)
    with pytest.raises(UnreadableError):
        reading("AT#CSURVC", "what")


# AT#CAINFO? and AT#CAINFOEXT?


def test_carriers_are_found_behind_the_first_one():
    found = reading(
        "AT#CAINFO?",
        "#CAINFO: 122,1600,5,255,-92,-62,-10,150,8871,0,126,3050,4,43,-99,-70,-12,120,2,4,0,0,"
        "120,300,3,44,-99,-70,-12,120,1,3,0,0,0,0,0,0,0,0,0",
    )
    primary, secondary = found.cells or ()
    assert (primary.role, primary.band, primary.bandwidth_mhz) == (Role.SERVING, 3, 20)
    assert (primary.pci, primary.rssi_dbm, primary.sinr_raw) == (255, -62, 150)
    assert (secondary.role, secondary.band, secondary.arfcn) == (Role.SCC, 7, 3050)


def test_carriers_without_the_first_are_not_read():
    with pytest.raises(UnreadableError):
        reading("AT#CAINFO?", "#CAINFO: 0,0,0,0,0,0,0,0")
    assert reading("AT#CAINFO?").cells == ()


def test_labelled_carriers_have_their_width_in_mhz_or_as_a_code():
    found = reading(
        "AT#CAINFOEXT?",
        "#CAINFOEXT: 2,1",
        "PCC-BandClass: 122, BW: 20 MHz, CH: 1600, PCI: 255, RSRP: -92, RSSI: -62, RSRQ: -10,"
        " SINR: 150, TAC: 8871, TX_PWR: 0, UL_MOD: 1, DL_MOD: 2",
        "SCC1-BandClass: 166, DL_BW: 4, RX_CH: 68800, PCI: 43, RSRP: -99, RSSI: -70, RSRQ: -12",
    )
    primary, secondary = found.cells or ()
    assert (primary.role, primary.band, primary.bandwidth_mhz) == (Role.SERVING, 3, 20)
    # Sources differ on what class 166 is.
    assert (secondary.role, secondary.band, secondary.bandwidth_mhz) == (Role.SCC, None, 15)


@pytest.mark.parametrize(
    ("first", "role"), [("PCC-BandClass: 122, CH: 1600", Role.NR_SECONDARY), ("", Role.SERVING)]
)
def test_labelled_carrier_of_nr(first, role):
    kind = "SCC1" if first else "PCC"
    found = reading(
        "AT#CAINFOEXT?",
        "#CAINFOEXT: 2,1",
        *filter(None, [first]),
        f"{kind}-BandClass: 259, BW: 100 MHz, CH: 510000, PCI: 700, RSRP: -70, RSRQ: -9",
    )
    nr = (found.cells or ())[-1]
    assert (nr.role, nr.rat, nr.band, nr.pci) == (role, Rat.NR, 41, 700)
    assert nr.bandwidth_mhz == 100


def test_no_carriers_are_none():
    assert reading("AT#CAINFOEXT?", "#CAINFOEXT: 0,0").cells == ()
    with pytest.raises(UnreadableError):
        reading("AT#CAINFOEXT?", "what")


# AT^RFSTS? of modems that Foxconn made.


@pytest.mark.parametrize("lines", [("^RFSTS:", "{}"), ("^RFSTS: {}",)])
def test_status_of_foxconn_is_decimal_with_the_identity_of_the_cell(lines):
    row = '"45204",1600,-92.2,-62.8,-10.5,8871,0,0,19,1,255,"452040000000001","Viettel",3,3,14.4'
    found = reading("AT^RFSTS?", *(line.format(row) for line in lines), model="LN940")
    assert (found.mode, found.operator and found.operator.name) == ("lte", "Viettel")
    (cell,) = found.cells or ()
    assert (cell.mcc, cell.mnc, cell.tac, cell.pci, cell.cell_id) == ("452", "04", 8871, 255, None)
    assert (cell.rsrp_dbm, cell.rsrq_db, cell.rssi_dbm) == (-92.2, -10.5, -62.8)
    assert (cell.band, cell.sinr_db, cell.sinr_raw) == (3, 14.4, None)


def test_status_of_foxconn_may_have_the_whole_cell_and_a_step():
    row = '"45204",1600,-92.2,-62.8,-10.5,8871,0,0,19,1,158736385,"452040000000001","V",3,3,128'
    (cell,) = reading("AT^RFSTS?", f"^RFSTS: {row}").cells or ()
    assert (cell.cell_id, cell.pci, cell.sinr_db, cell.sinr_raw) == (158736385, None, None, 128)


def test_status_of_foxconn_that_is_none_is_not_read():
    with pytest.raises(UnreadableError):
        reading("AT^RFSTS?", "^RFSTS:")


# AT#BND?


@pytest.mark.parametrize(
    ("model", "row", "bands"),
    [
        ("GE910-QUAD", "5", Bands(gsm_mhz=(850, 900, 1800, 1900))),
        ("HE910", "4,6", Bands(gsm_mhz=(900, 1800, 1900), wcdma=(1, 8))),
        ("HE910", "0,12", Bands(gsm_mhz=(900, 1800))),
        ("LE910-EUG", "0,0,68", Bands(lte=(3, 7))),
        ("ME910C1-E1", "5,0,524420", Bands(gsm_mhz=(850, 900, 1800, 1900), lte=(3, 8, 20))),
        ("ME910G1-WW", "5,0,4,0,2", Bands(gsm_mhz=(850, 900, 1800, 1900), lte=(3, 66))),
        ("LM960", "0,0,44,42", Bands(lte=(3, 7, 66, 71))),
        ("LE910C1-EUX", "0,5,80800C5", Bands(wcdma=(8,), lte=(1, 3, 7, 8, 20, 28))),
        ("LE910-EUG", ",6,68", Bands(wcdma=(1, 8), lte=(3, 7))),
        (
            "FN990A28",
            "0,22,44,2,4,2000,80,2000",
            Bands(lte=(3, 7, 66), nr_nsa=(3, 78), nr_sa=(8, 78)),
        ),
    ],
)
def test_bands_are_codes_and_masks(model, row, bands):
    assert reading("AT#BND?", f"#BND: {row}", model=model).bands == bands


def test_bands_that_are_none_are_not_read():
    with pytest.raises(UnreadableError):
        reading("AT#BND?", "#BND: (0-5),(0),(1-168695967)")


def test_band_lock_leaves_other_technologies_alone():
    _, family = module(
        "FN990A28", **{"AT#BND?": "#BND: 0,22,A7E2BB0F38DF,42,1A0290800D5,7042,8D5,7442"}
    )
    wanted = family.wanted(None, Bands(lte=(3, 66)))
    assert wanted == {"bnd": "0,22,4,2,1A0290800D5,7042,8D5,7442"}


def test_band_lock_is_decimal_where_the_setting_is():
    _, family = module("ME910C1-E1", **{"AT#BND?": "#BND: 5,0,524420"})
    assert family.wanted(None, Bands(lte=(3, 20))) == {"bnd": "5,0,524292"}


@pytest.mark.parametrize(
    ("setting", "bands"),
    [("5,0,524420", Bands(lte=(66,))), ("4,6", Bands(lte=(3,))), ("5,0,4", Bands(nr_sa=(78,)))],
)
def test_band_without_room_in_the_setting_is_refused(setting, bands):
    _, family = module("ME910C1-E1", **{"AT#BND?": f"#BND: {setting}"})
    with pytest.raises(UnsupportedHoldError):
        family.wanted(None, bands)


def test_slow_bands_are_not_asked_for():
    modem, family = module("LM960A18", **{"AT+WS46=?": "+WS46: (22,28,31)", "AT+WS46?": "31"})
    assert family.setting() == {"ws46": "31"}
    assert "AT#BND?" not in modem.asked


def test_band_settings_are_compared_as_numbers():
    _, family = module()
    assert family.plain("0,6,08080045") == family.plain("0, 6,8080045")


# The card, the temperature and the network.


@pytest.mark.parametrize(
    ("row", "state", "reports"),
    [
        ("0,0", "absent", False),
        ("1, 1", "inserted", True),
        ("2,2", "inserted-unlocked", True),
        ("0,3,0", "ready", False),
        ("3", "ready", None),
    ],
)
def test_card_states(row, state, reports):
    sim = reading("AT#QSS?", f"#QSS:{row}").sim
    assert sim is not None
    assert (sim.state, sim.report_enabled) == (state, reports)


@pytest.mark.parametrize("row", ["0,9", "what", ""])
def test_card_state_that_is_none_is_not_read(row):
    with pytest.raises(UnreadableError):
        reading("AT#QSS?", f"#QSS: {row}")


def test_temperature_of_each_sensor():
    found = reading("AT#TEMPSENS=2", "#TEMPSENS: TSENS,41", "#TEMPSENS: PA_THERM1,255")
    assert found.temperature_c == {"TSENS": 41}
    assert reading("AT#TEMPMON=1", "#TEMPMON: 0,38").temperature_c == 38
    with pytest.raises(UnreadableError):
        reading("AT#TEMPMON=1", "#TEMPMON: 0")


@pytest.mark.parametrize(("row", "mode"), [("0,4", "lte"), ("0,0", "gsm"), ("1,3", "wcdma")])
def test_network_in_use(row, mode):
    assert reading("AT#PSNT?", f"#PSNT: {row}").mode == mode


def test_unknown_network_is_no_mode():
    assert reading("AT#PSNT?", "#PSNT: 0,5").mode is None
    with pytest.raises(UnreadableError):
        reading("AT#PSNT?", "#PSNT: what")


# The family.


def test_a_look_is_complete():
    _, family = module(
        **{
            "AT#MONI=0;#MONI": "#MONI: V RSRP:-92 RSRQ:-10 TAC:22A7 Id:9762001 EARFCN:1600 pci:255",
            "AT#CAINFO?": "#CAINFO: 122,1600,5,255,-92,-62,-10,150,8871,0",
            "AT#MONI=1;#MONI": "#MONI: RSRP:-92 RSRQ:-10 Id:00000FF EARFCN:1600 PWR:-62dbm\n"
            "#MONI: RSRP:-105 RSRQ:-20 Id:0000022 EARFCN:1600 PWR:-76dbm",
            "AT#TEMPSENS=2": "#TEMPSENS: TSENS,41",
        }
    )
    look = family.read_radio(neighbours=True)
    assert (look.mode, look.plmn, look.registration) == ("lte", "45204", RegistrationState.HOME)
    assert look.serving is not None
    assert (look.serving.pci, look.serving.bandwidth_mhz) == (255, 20)
    assert [cell.pci for cell in look.neighbours] == [34]
    assert (look.temperature_c, look.unread) == (41, ())


def test_refused_commands_rest():
    modem, family = module()
    family.read_radio(neighbours=False)
    modem.asked.clear()
    family.read_radio(neighbours=False)
    assert modem.asked == ["AT#RFSTS", "AT+CEREG?"]


def test_module_with_nr_is_asked_for_its_levels():
    levels = "+CESQ: 99,99,255,255,20,49,65,62,69"
    _, family = module("FN990A28", **{"AT#RFSTS": LM960, "AT+CESQ": levels})
    look = family.read_radio(neighbours=False)
    assert (look.mode, look.nr is not None) == ("nr-nsa", True)
    assert look.nr is not None
    assert (look.nr.rsrp_dbm, look.nr.sinr_db) == (-95, 11)


def test_modes_are_those_the_modem_lists():
    modem, family = module(
        "FN990A28", **{"AT+WS46=?": "+WS46: (22,28,31,36,37,38,40)", "AT+WS46?": "+WS46: 37"}
    )
    assert set(family.locks()) == {
        RatMode.G3,
        RatMode.G4,
        RatMode.G5_SA,
        RatMode.G5,
        RatMode.AUTO,
    }
    assert family.read_lock() is RatMode.G5
    modem.table["AT+WS46=36"] = ""
    family.lock(RatMode.G5_SA)
    assert modem.asked[-1] == "AT+WS46=36"


def test_scan_is_a_survey_or_the_standard():
    survey = "Network survey started ...\n1600,-62,452,04,FF,22A7,9762001,-92,-10"
    found = module(**{"AT#CSURVC": survey})[1].scan()
    assert [(cell.pci, cell.plmn) for cell in found.cells] == [(255, "45204")]
    networks = '+COPS: (2,"V","V","45204",7),,(0-4),(0-2)'
    assert module(**{"AT+COPS=?": networks})[1].scan().command == "AT+COPS=?"


@pytest.mark.parametrize(
    ("maker", "model"),
    [("Telit", "LE910C4-EU"), ("Telit Cinterion", "FN990A28"), ("Telit", "GE910-QUAD")],
)
def test_module_is_claimed_by_its_maker(maker, model):
    assert family_of(Identification(maker, model)) is Telit
