import pytest

from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError, UnsupportedHoldError
from drivers.modem.families.fibocom import Fibocom
from drivers.modem.families.xmm import Xmm
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import Aggregation, AllowedRats, Bands, Levels, Reading, Role
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers, by_role
from wire.cells import Cell, Rat
from wire.messages import RatMode

SERVING = '+XMCI: 4,452,01,"0x1F40","0x012A4B01","0x0000010A","0x00000578"'
UPLINK = '"0x00004BC8","0xFFFFFFFF"'
TAIL = '"0x00000003","0x00000000"'
NEIGHBOUR = (
    '+XMCI: 5,000,000,"0xFFFE","0xFFFFFFFF","0x0000001B","0x00000BE8","0xFFFFFFFF","0xFFFFFFFF",'
    '45,14,255,"0x7FFFFFFF","0x00000000"'
)
LISTED = "+XACT: (0-6),(0-2),0,1,2,8,101,103,107,120"
SET = "+XACT: 4,2,1,1,2,8,101,103,107,120"


def module(**more: str) -> tuple[Answers, Xmm]:
    modem = Answers({"AT+XACT=?": LISTED, "AT+XACT?": SET, **more})
    identification = Identification("Fibocom Wireless Inc.", "L850 LTE Module")
    return modem, Xmm(identification, Dialogue(modem.send, modem.clock))


def read(command: str, *lines: str) -> Reading:
    asked = Asked(command, lines)
    parse = reader_of(Xmm.readers, asked)
    assert parse is not None
    assert reader_of(Fibocom.readers, asked) is parse, "vendors are named either way"
    return parse(asked)


@pytest.mark.parametrize(
    ("maker", "model", "ours"),
    [
        ("Fibocom Wireless Inc.", "L850 LTE Module", True),
        ("Fibocom", "L860-GL", True),
        ("Intel Corp.", "7260", True),
        ("Lenovo", "XMM7560", True),
        ("HP", "XMM 7360", True),
        ("Intelligent Modems", "M1", False),
        ("Fibocom", "FM350-GL", False),
        ("Fibocom", "L610-CN", False),
        (None, None, False),
    ],
)
def test_modems_are_claimed_by_maker_or_model(maker, model, ours):
    identification = Identification(maker, model)
    assert Xmm.claims(identification) is ours
    assert (family_of(identification) is Xmm) is ours


def test_a_look_is_complete():
    _, family = module(
        **{
            "AT+XMCI=0": f"{SERVING},{UPLINK},51,20,-4,{TAIL}\n{NEIGHBOUR}",
            "AT+XCESQ?": "+XCESQ: 0,99,99,255,255,20,51,-7",
            "AT+XLEC?": "+XLEC: 0,2,5,3,BAND_LTE_3",
            "AT+MTSM=1": "+MTSM: 44",
            "AT+CREG?": '+CREG: 2,6,"1F40","012A4B01",7',
            "AT+CEREG?": '+CEREG: 2,1,"1F40","012A4B01",7',
            "AT+COPS?": '+COPS: 0,2,"45201",7',
        }
    )
    family.configure()
    look = family.read_radio(neighbours=True)
    assert (look.mode, look.plmn, look.temperature_c) == ("lte", "45201", 44)
    assert look.serving is not None
    assert (look.serving.band, look.serving.bandwidth_mhz) == (3, 20)
    assert (look.serving.sinr_db, look.serving.sinr_raw) == (-3.5, -4)
    assert [cell.pci for cell in look.neighbours] == [27]
    assert look.unread == ()


def test_cells_are_measured_anew_only_where_there_is_no_other_way():
    modem, family = module()
    family.configure()
    assert family.questions()[0].command == "AT+XMCI=1"
    modem.table["AT+XMCI=0"] = ""
    family.configure()
    assert family.questions()[0].command == "AT+XMCI=0"


def test_serving_cell_and_neighbours_are_hexadecimal_in_quotes():
    found = by_role(read("AT+XMCI=1", f"{SERVING},{UPLINK},51,20,-4,{TAIL}", NEIGHBOUR))
    assert found.mode == "lte"
    assert found.serving == Cell(
        rat=Rat.LTE,
        mcc="452",
        mnc="01",
        tac=0x1F40,
        cell_id=0x12A4B01,
        pci=266,
        arfcn=1400,
        rsrp_dbm=-90,
        rsrq_db=-10,
        sinr_raw=-4,
    )
    (neighbour,) = found.others
    assert neighbour == Cell(rat=Rat.LTE, pci=27, arfcn=3048, rsrp_dbm=-96, rsrq_db=-13)


@pytest.mark.parametrize("middle", [UPLINK + ",51,20,12", '"0xFFFFFFFF",51,20,12', "51,20,12"])
def test_rows_without_uplink_or_loss_have_their_levels_further_on(middle):
    serving = by_role(read("AT+XMCI=1", f"{SERVING},{middle}")).serving
    assert serving is not None
    assert (serving.rsrp_dbm, serving.rsrq_db, serving.sinr_raw) == (-90, -10, 12)


def test_rows_of_the_oldest_have_no_channels():
    found = by_role(
        read(
            "AT+XMCI=1",
            f'+XMCI: 4,452,01,"0x1F40","0x012A4B01","0x010A",51,20,12,{TAIL}',
            '+XMCI: 5,000,000,"0xFFFE","0xFFFFFFFF","0x001B",45,14,255',
            '+XMCI: 3,000,000,"0xFFFE","0xFFFFFFFF","0x0078",40,30',
        )
    )
    assert found.serving is not None
    assert (found.serving.pci, found.serving.arfcn) == (266, None)
    assert (found.serving.rsrp_dbm, found.serving.rsrq_db, found.serving.sinr_raw) == (-90, -10, 12)
    lte, utra = found.others
    assert (lte.pci, lte.rsrp_dbm, lte.rsrq_db, lte.sinr_raw) == (27, -96, -13, None)
    assert (utra.psc, utra.rscp_dbm, utra.ecio_db) == (120, -81, -9.5)


def test_power_of_gsm_follows_the_identities():
    row = '+XMCI: 0,452,04,"0x550B","0x00000D89","0x00000010","0x0000003E",35,0'
    serving = by_role(read("AT+XMCI=1", row)).serving
    assert serving is not None
    assert (serving.bsic, serving.rssi_dbm) == (16, -76)


def test_decimal_identities_are_read_as_well():
    serving = by_role(read("AT+XMCI=1", "+XMCI: 4,452,01,8000,19549953,266,1400,19400,0,51,20,9"))
    assert serving.serving is not None
    assert (serving.serving.tac, serving.serving.pci, serving.serving.arfcn) == (8000, 266, 1400)


def test_long_row_may_go_on_in_the_next_line():
    lines = (f'{SERVING},"0x00004BC8",', f'"0xFFFFFFFF",51,20,12,{TAIL}', NEIGHBOUR)
    found = by_role(read("AT+XMCI=1", *lines))
    assert found.serving is not None
    assert (found.serving.arfcn, found.serving.rsrp_dbm) == (1400, -90)
    assert len(found.others) == 1


def test_utra_and_gsm_cells_have_codes_of_their_own():
    found = by_role(
        read(
            "AT+XMCI=1",
            '+XMCI: 2,452,04,"0x550B","0x007AB123","0x0078","0x000029C0","0xFFFFFFFF",0,45,40,30',
            '+XMCI: 3,000,000,"0xFFFE","0xFFFFFFFF","0x00FF","0x000029C0","0xFFFFFFFF",0,40,35,25',
            '+XMCI: 1,452,04,"0x550B","0x00000D89","0x00000010",35,0',
        )
    )
    assert found.mode == "wcdma"
    assert found.serving == Cell(
        rat=Rat.WCDMA,
        mcc="452",
        mnc="04",
        lac=0x550B,
        cell_id=0x7AB123,
        psc=120,
        arfcn=10688,
        rscp_dbm=-81,
        ecio_db=-9.5,
    )
    utra, gsm = found.others
    assert (utra.psc, utra.lac, utra.rscp_dbm) == (255, None, -86)
    assert (gsm.bsic, gsm.cell_id, gsm.rssi_dbm) == (16, 0xD89, -76)


def test_cells_without_any_are_none_and_nothing_unread():
    for lines in ((), ('+XMCI: 4,000,000,"0xFFFE","0xFFFFFFFF","0xFFFF","0xFFFFFFFF",255,255',)):
        found = read("AT+XMCI=1", *lines)
        assert (found.mode, found.cells, found.unread) == (None, (), None)


def test_rows_of_an_unknown_kind_are_kept_unread():
    reading = read("AT+XMCI=1", f"{SERVING},{UPLINK},51,20,-4,{TAIL}", "+XMCI: 9,1,2")
    assert reading.unread == ("9,1,2",)
    with pytest.raises(UnreadableError):
        read("AT+XMCI=1", "+XMCI: 9,1,2")


def test_quality_has_sinr_in_half_db_of_either_sign():
    signal = read("AT+XCESQ?", "+XCESQ: 0,99,99,255,255,20,51,-7").signal
    assert signal is not None
    assert signal.lte == Levels(rsrq_db=-10, rsrp_dbm=-90, sinr_db=-3.5)
    assert (signal.gsm, signal.wcdma, signal.nr) == (None, None, None)


def test_quality_may_have_fields_of_nr_whose_sinr_stays_as_printed():
    signal = read("AT+XCESQ?", "+XCESQ: 1,99,99,255,255,255,255,255,70,65,30,0").signal
    assert signal is not None
    assert signal.lte is None
    assert signal.nr == Levels(rsrq_db=-8.5, rsrp_dbm=-92, sinr_raw=30)


def test_quality_of_utra_and_gsm():
    utra = read("AT+XCESQ?", "+XCESQ: 0,99,99,40,30,255,255,255").signal
    assert utra is not None
    assert utra.wcdma == Levels(rscp_dbm=-81, ecio_db=-9.5)
    gsm = read("AT+XCESQ?", "+XCESQ: 0,35,2,255,255,255,255,255").signal
    assert gsm is not None
    assert gsm.gsm == Levels(rssi_dbm=-76)


def test_carriers_are_counted_with_their_widths():
    found = read("AT+XLEC?", "+XLEC: 0,3,5,4,0,BAND_LTE_3,0,0")
    assert found.ca == Aggregation(carriers=3, bandwidths_mhz=(20, 15, 1.4), primary_band=3)
    (cell,) = found.cells or ()
    assert (cell.role, cell.band, cell.bandwidth_mhz) == (Role.SERVING, 3, 20)


def test_no_carrier_or_one_of_an_unknown_width():
    assert read("AT+XLEC?", "+XLEC: 0,0").ca == Aggregation(carriers=0)
    found = read("AT+XLEC?", "+XLEC: 0,1,255,BAND_LTE_7")
    assert found.ca == Aggregation(carriers=1, primary_band=7)


def test_measured_cells_are_triples_and_a_second_sign_is_mended():
    power = read("AT+RSRP?", "+RSRP: 266,1400,-90.50,27,3048,-101.00,504,1,-90").cells or ()
    assert [(c.role, c.pci, c.arfcn, c.rsrp_dbm) for c in power] == [
        (Role.MEASURED, 266, 1400, -90.5),
        (Role.MEASURED, 27, 3048, -101),
    ]
    ratio = read("AT+RSRQ?", "+RSRQ: 266,1400,-8.-50,27,3048,-13.00").cells or ()
    assert [(c.pci, c.rsrq_db, c.rsrp_dbm) for c in ratio] == [(266, -8.5, None), (27, -13, None)]
    assert read("AT+RSRP?").cells == ()


def test_current_cell():
    row = '+XCCINFO: 0,452,01,"012A4B01",3,103,"FFFF",1,"FF","1F40",0,0,0'
    found = by_role(read("AT+XCCINFO?", row))
    assert found.mode == "lte"
    assert found.serving == Cell(
        rat=Rat.LTE, mcc="452", mnc="01", cell_id=0x12A4B01, band=3, tac=0x1F40
    )
    assert read("AT+XCCINFO?", '+XCCINFO: 0,000,000,"FFFFFFFF",0,0,"FFFF"').cells == ()


@pytest.mark.parametrize(
    ("value", "lock"),
    [
        ("6,2,1,1,101", AllowedRats(allowed=("gsm", "wcdma", "lte"), auto=True, preferred="lte")),
        ("4,1,2,1,101", AllowedRats(allowed=("wcdma", "lte"), preferred="wcdma")),
        ("3,0,1", AllowedRats(allowed=("gsm", "wcdma"), preferred="gsm")),
        ("5,,", AllowedRats(allowed=("gsm", "lte"))),
        ("2,2,,101,103", AllowedRats(allowed=("lte",), auto=False)),
        ("1,1", AllowedRats(allowed=("wcdma",), auto=False)),
        ("0", AllowedRats(allowed=("gsm",), auto=False)),
    ],
)
def test_technologies_of_xact(value, lock):
    assert read("AT+XACT?", f"+XACT: {value}").rat_lock == lock


def test_bands_of_xact():
    found = read("AT+XACT?", "+XACT: 6,2,1,850,900,1800,1900,1,8,101,166")
    assert found.bands == Bands(gsm_mhz=(850, 900, 1800, 1900), wcdma=(1, 8), lte=(1, 66))
    listed = read("AT+XACT=?", LISTED)
    assert listed.supported == {"xact": (0, 1, 2, 3, 4, 5, 6)}
    assert listed.bands == Bands(wcdma=(1, 2, 8), lte=(1, 3, 7, 20))


def test_locks_are_those_for_which_the_modem_has_bands():
    _, family = module()
    assert {mode: levers["xact"] for mode, levers in family.locks().items()} == {
        RatMode.G3: "1,,",
        RatMode.G4: "2,,",
        RatMode.AUTO: "4,,",
    }
    with_gsm = module(**{"AT+XACT=?": "+XACT: (0-6),(0-2),0,900,1800,1,8,101,103"})[1]
    assert with_gsm.locks()[RatMode.AUTO] == {"xact": "6,,"}
    assert with_gsm.locks()[RatMode.G2] == {"xact": "0,,"}


def test_lock_is_written_read_back_and_given_back():
    modem, family = module()
    before = family.setting()
    assert family.read_lock() is RatMode.AUTO
    modem.table |= dict.fromkeys(("AT+XACT=2,,", "AT+XACT=4,2,1,1,2,8,101,103,107,120"), "")
    family.lock(RatMode.G4)
    assert modem.asked[-1] == "AT+XACT=2,,"
    modem.table["AT+XACT?"] = "+XACT: 2,2,,101,103,107,120"
    assert family.read_lock() is RatMode.G4
    family.change(before)
    assert modem.asked[-1] == "AT+XACT=4,2,1,1,2,8,101,103,107,120"


def test_bands_are_held_in_one_list():
    modem, family = module()
    modem.table["AT+XACT=,,,1,2,8,103,120"] = ""
    family.lock(None, bands=Bands(lte=(20, 3)))
    assert modem.asked[-1] == "AT+XACT=,,,1,2,8,103,120"
    modem.table["AT+XACT?"] = "+XACT: 4,2,1,1,2,8,120,103"
    assert family.holds(family.wanted(None, Bands(lte=(3, 20))))
    with pytest.raises(UnsupportedHoldError):
        family.lock(None, bands=Bands(lte=(28,)))


def test_reset_is_by_the_vendors_number_or_the_standards():
    modem, family = module()
    with pytest.raises(RefusedError):
        family.reset()
    assert modem.asked[-2:] == ["AT+CFUN=16", "AT+CFUN=1,1"]
    modem.table["AT+CFUN=16"] = ""
    family.reset()
    assert modem.asked[-1] == "AT+CFUN=16"


@pytest.mark.parametrize(
    "command", ["AT+XMCI=1", "AT+XCESQ?", "AT+XLEC?", "AT+RSRP?", "AT+XCCINFO?", "AT+XACT?"]
)
def test_other_words_are_unreadable(command):
    for line in ("what", f"{command[2:].rstrip('?=1')}: what"):
        with pytest.raises(UnreadableError):
            read(command, line)
