import pytest

from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError, UnsupportedLockError
from drivers.modem.families.openluat import OpenLuat
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import AllowedRats, Bands, HeardCell, Levels, Reading, Role
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.cells import Rat
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

LTE = "+CCED:LTE current cell:452,04,452040000000001,0,3,n100,1600,158736923,49,19,8871,38,255"
SERVICE = (
    "1106, 2, 4, 8871, 255, 1600, 19600, 3, 5, 158736923, 65535, 49, 19, 6, 49, 19, 49, 19,"
    " 65535, 0, 255, 0, 0, 0, 0, 0, 65535, 0, 0, 0"
)
"""As of UNISOC: a transmission mode before the levels."""
OF_ASR = "1106,2,4,8871,255,1600,19600,3,5,158736923,49,19,12,46,36,28,7,59,0,1,10,0,0,65535,8,1,-1"


def module(**more: str) -> tuple[Answers, OpenLuat]:
    modem = Answers(
        {
            "AT+CCED=0,1": LTE,
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762A1B",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    return modem, OpenLuat(Identification(None, "Air724UG"), Dialogue(modem.send, modem.clock))


def read(command: str, *lines: str) -> Reading:
    asked = Asked(command, lines, "Air724UG")
    parse = reader_of(OpenLuat.readers, asked)
    assert parse is not None
    return parse(asked)


def only(reading: Reading) -> HeardCell:
    (cell,) = reading.cells or ()
    return cell


@pytest.mark.parametrize(
    ("manufacturer", "model", "firmware"),
    [
        *((None, "Air724UG", None), ("OpenLuat", None, None), ("AirM2M", "Air720H", None)),
        (None, None, "LuatOS-Air_V4032_RDA8910"),
    ],
)
def test_module_is_claimed_by_maker_model_or_firmware(manufacturer, model, firmware):
    assert family_of(Identification(manufacturer, model, firmware)) is OpenLuat


def test_other_names_are_not_claimed():
    for model in ("AirCard 760S", "AirPrime EM7455", ""):
        assert not OpenLuat.claims(Identification("Sierra Wireless", model))


def test_look_is_complete():
    look = module()[1].read_radio(neighbours=False)
    assert (look.mode, look.plmn) == ("lte", "45204")
    assert look.registration is RegistrationState.HOME
    assert look.serving is not None
    assert (look.serving.rsrp_dbm, look.serving.cell_id) == (-92, 158736923)
    assert look.unread == ()


def test_levels_are_asked_for_only_where_the_cell_has_none():
    modem, family = module()
    family.read_radio(neighbours=False)
    assert modem.asked[:2] == ["AT+CCED=0,1", "AT+CEREG?"]
    modem.table["AT+CCED=0,1"] = LTE.replace(",49,19,", ",,,")
    modem.asked.clear()
    family.read_radio(neighbours=True)
    assert modem.asked[:3] == ["AT+CCED=0,1", "AT+CESQ", "AT+CSQ"]


def test_gsm_has_its_level_from_the_standard():
    gsm = "+CCED:GSM current cell info:452,01,1297,53a4,45,30,30,2e"
    _, family = module(**{"AT+CCED=0,1": gsm, "AT+CESQ": "+CESQ: 36,0,255,255,255,255"})
    serving = family.read_radio(neighbours=False).serving
    assert serving is not None
    assert (serving.rat, serving.arfcn, serving.rssi_dbm) == (Rat.GSM, 46, -75)


def test_serving_cell_has_decimal_identities_and_indexes():
    cell = only(read("AT+CCED=0,1", LTE))
    assert (cell.role, cell.mcc, cell.mnc) == (Role.SERVING, "452", "04")
    assert (cell.tac, cell.cell_id, cell.pci) == (8871, 158736923, 255)
    assert (cell.band, cell.bandwidth_mhz, cell.arfcn) == (3, 20, 1600)
    assert (cell.rsrp_dbm, cell.rsrq_db) == (-92, -10.5)


def test_subscriber_is_not_told():
    assert "452040000000001" not in repr(read("AT+CCED=0,1", LTE))


@pytest.mark.parametrize(
    ("width", "mhz"), [("n100", 20), ("n6", 1.4), ("5", 20), ("0", 1.4), ("50", 10), ("n0", None)]
)
def test_width_is_a_number_of_blocks_or_a_code(width, mhz):
    assert only(read("AT+CCED=0,1", LTE.replace("n100", width))).bandwidth_mhz == mhz


def test_levels_below_zero_are_dbm():
    cell = only(read("AT+CCED=0,1", LTE.replace(",49,19,", ",-92,-11,")))
    assert (cell.rsrp_dbm, cell.rsrq_db) == (-92, -11)


def test_neighbours_have_columns_of_their_own():
    reading = read(
        "AT+CCED=0,2",
        "+CCED:LTE neighbor cell:452,04,1600,158736924,39,9,8871,38,34",
        "+CCED:LTE neighbor cell info:0,0,1600,0,-110,-15,0,38,35",
    )
    known, other = reading.cells or ()
    assert (known.role, known.tac, known.pci, known.arfcn) == (Role.NEIGHBOUR, 8871, 34, 1600)
    assert (known.rsrp_dbm, known.rsrq_db) == (-102, -15.5)
    assert (other.mcc, other.cell_id, other.tac, other.rsrp_dbm) == (None, None, None, -110)


def test_gsm_is_in_hexadecimal_where_it_serves():
    cell = only(read("AT+CCED=0,1", "+CCED:GSM current cell info:452,01,1297,53a4,45,76,76,2e"))
    assert (cell.rat, cell.lac, cell.cell_id) == (Rat.GSM, 0x1297, 0x53A4)
    assert (cell.bsic, cell.arfcn, cell.rssi_dbm) == (45, 0x2E, -76)
    cell = only(read("AT+CCED=0,2", "+CCED:GSM neighbor cell info:452,01,4759,21412,45,30"))
    assert (cell.lac, cell.cell_id, cell.arfcn, cell.rssi_dbm) == (4759, 21412, None, None)


@pytest.mark.parametrize(
    "line",
    [
        "+CCED:LTE current cell:0,0,0,0,0,n0,0,0,0,0,0,0,0",
        "+CCED:LTE neighbor cell:0,0,0,0,0,0,0,0,0",
    ],
)
def test_row_of_zeros_is_no_cell(line):
    assert read("AT+CCED=0,1", line) == Reading(cells=())


def test_no_row_is_no_cell():
    assert read("AT+CCED=0,2") == Reading(cells=())


def test_level_alone_is_a_signal():
    signal = read("AT+CCED=0,8", "+CCED: 22,0").signal
    assert signal is not None
    assert (signal.csq, signal.rssi_dbm) == (22, -69)


def test_row_that_is_not_known_is_kept():
    reading = read("AT+CCED=0,1", LTE, "+CCED:NR current cell:1,2,3")
    assert only(reading).pci == 255
    assert reading.unread == ("NR current cell:1,2,3",)


@pytest.mark.parametrize(
    "value",
    [
        *("", "LTE current cell:", "LTE current cell", "LTE current cell:1,2,3", "current cell:1"),
        *("what", "²", "GSM current cell:²,²", ":::", "," * 40, "9" * 5000),
    ],
)
def test_what_names_no_cell_is_unreadable(value):
    with pytest.raises(UnreadableError):
        read("AT+CCED=0,1", f"+CCED:{value}")


# AT+EEMGINFO?, whose cells come after its OK.


def test_cells_that_come_after_the_end_of_the_answer_belong_to_it():
    found = decode(
        vendor="openluat",
        model="Air724UG",
        command="AT+EEMGINFO?",
        response=f"\r\n\r\n+EEMGINFO: 3, 2\r\n\r\nOK\r\n\r\n+EEMLTESVC: {SERVICE}\r\n",
    )
    assert found["mode"] == "lte"
    assert found["cells"][0]["tac"] == 8871


@pytest.mark.parametrize("value", [SERVICE, OF_ASR])
def test_network_is_hexadecimal_printed_as_decimal(value):
    cell = only(read("", f"+EEMLTESVC: {value}"))
    assert (cell.role, cell.mcc, cell.mnc) == (Role.SERVING, "452", "04")
    assert (cell.tac, cell.pci, cell.arfcn, cell.band) == (8871, 255, 1600, 3)
    assert (cell.bandwidth_mhz, cell.cell_id) == (20, 158736923)
    assert (cell.rsrp_dbm, cell.rsrq_db) == (-92, -10.5)
    assert cell.sinr_raw in {6, 12}


def test_level_in_place_of_the_cell_is_a_level():
    fields = OF_ASR.split(",")
    cell = only(read("", "+EEMLTESVC: " + ",".join([*fields[:9], *fields[10:]])))
    assert (cell.cell_id, cell.rsrp_dbm, cell.rsrq_db) == (None, -92, -10.5)


def test_network_of_three_digits_and_unknown_sinr():
    value = SERVICE.replace("1106, 2, 4", "784, 3, 608").replace(" 6, 49", " 255, 49")
    cell = only(read("", f"+EEMLTESVC: {value}"))
    assert (cell.mcc, cell.mnc, cell.sinr_raw) == ("310", "260", None)


def test_neighbours_stand_in_rows_of_their_own():
    reading = read(
        "AT+EEMGINFO?",
        "+EEMGINFO: 3, 2",
        f"+EEMLTESVC: {SERVICE}",
        "+EEMLTEINTRA: 0, 34, 1600, 39, 9",
        "+EEMLTEINTER: 0, 43, 300, 29, 12",
        "+EEMLTEINTER: 1, -1, 0, 0, 0",
    )
    _, intra, inter = reading.cells or ()
    assert (intra.role, intra.pci, intra.arfcn, intra.rsrp_dbm) == (Role.NEIGHBOUR, 34, 1600, -102)
    assert (inter.pci, inter.arfcn) == (43, 300)


def test_reported_neighbours_may_name_their_network_and_be_of_gsm():
    cells = read(
        "",
        f"+EEMLTESVC: {SERVICE}",
        "+EEMLTEINTRA: 0, 34, 1600, 39, 0, 1106, 4, 8871, 158736924",
        "+EEMLTEINTERRAT:0,16,1106,4,6213,26862,627,1,-77",
        "+EEMLTEINTERRAT:1,0",
    ).cells
    assert cells is not None
    assert cells[1:] == (
        HeardCell(
            role=Role.NEIGHBOUR,
            rat=Rat.LTE,
            mcc="452",
            mnc="04",
            tac=8871,
            cell_id=158736924,
            pci=34,
            arfcn=1600,
            rsrp_dbm=-102,
        ),
        HeardCell(
            role=Role.NEIGHBOUR,
            rat=Rat.GSM,
            mcc="452",
            mnc="04",
            lac=6213,
            cell_id=26862,
            arfcn=627,
            rssi_dbm=-77,
        ),
    )


def test_temperature_is_told_among_other_values_of_the_adc():
    assert read('AT+ECADC="TEMP"', "+ECADC: TEMP, 51").temperature_c == 51
    assert read('AT+ECADC="ALL"', "+ECADC: TEMP, -7, VBAT, 3800").temperature_c == -7
    with pytest.raises(UnreadableError):
        read('AT+ECADC="VBAT"', "+ECADC: VBAT, 3800")


@pytest.mark.parametrize("value", ["", "3, 2", ",", "0," * 30, "²," * 30, "9" * 5000])
def test_report_without_a_cell_is_unreadable(value):
    for name in ("+EEMLTESVC", "+EEMGINFO", "+EEMLTEINTRA"):
        with pytest.raises(UnreadableError):
            read("AT+EEMGINFO?", f"{name}: {value}")


# Settings.


@pytest.mark.parametrize(
    ("line", "lock"),
    [
        ("+CTEC: 0,0", AllowedRats(auto=True)),
        ("+CTEC: 4,2", AllowedRats(allowed=("gsm",), auto=False)),
        ("+CTEC: 4", AllowedRats(allowed=("lte",), auto=False)),
        ("+CTEC: 0,9", AllowedRats(raw=(9,))),
    ],
)
def test_wanted_technology_stands_behind_the_present_one(line, lock):
    assert read("AT+CTEC?", line).rat_lock == lock


def test_bands_are_two_masks_behind_the_technologies():
    reading = read("AT*BAND?", "*BAND: 11,0,0,480,149,1,2,0,0")
    assert reading.bands == Bands(lte=(1, 3, 5, 8, 38, 39, 40, 41))
    assert reading.rat_lock == AllowedRats(allowed=("wcdma", "lte"))


def test_band_in_use_is_of_a_technology():
    assert only(read("AT*BANDIND?", "*BANDIND: 0, 3, 7")).band == 3
    assert only(read("", "*BANDIND: 0, 2")).band == 1
    with pytest.raises(UnreadableError):
        read("AT*BANDIND?", "*BANDIND: 0, 2, 0")


def test_small_readers():
    service = read("AT^SYSINFO", "^SYSINFO: 2,3,0,17,1,3")
    assert (service.mode, service.domain) == ("lte", "cs-ps")
    assert service.sysinfo is not None
    assert (service.sysinfo.sim_state, service.sysinfo.sys_submode) == (1, 3)
    assert read("AT^SYSCONFIG?", "^SYSCONFIG: 13,0,1,2").rat_lock == AllowedRats(
        allowed=("gsm",), auto=False
    )
    assert read("AT+SETUSB?", "mode: 1", "Vid: x1782", "Pid: x4e00").usb_profile == "rndis"
    signal = read("", "*CESQ: 99,99,255,255,19,49,12").signal
    assert signal is not None
    assert signal.lte == Levels(rsrq_db=-10.5, rsrp_dbm=-92, sinr_raw=12)
    identity = read("ATI", "LuatOS-Air_V4032_RDA8910_TTS").identity
    assert identity is not None
    assert (identity.model, identity.revision) == (None, "LuatOS-Air_V4032_RDA8910_TTS")


@pytest.mark.parametrize(
    "command", ["AT+CTEC?", "AT*BAND?", "AT*BANDIND?", "AT^SYSINFO", "AT^SYSCONFIG?", "AT*CESQ"]
)
@pytest.mark.parametrize("value", ["", ",", "²", "what", "9" * 5000, "1_0", '"', "-1"])
def test_what_is_no_value_is_unreadable(command, value):
    name = command.removeprefix("AT").removesuffix("?")
    with pytest.raises(UnreadableError):
        read(command, f"{name}: {value}")


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        *(("+CTEC: 0,0", RatMode.AUTO), ("+CTEC: 0,4", RatMode.G4), ("+CTEC: 2,2", RatMode.G2)),
        ("+CTEC: 1,1", None),
    ],
)
def test_lever_is_read_back_as_a_mode(line, mode):
    assert module(**{"AT+CTEC?": line})[1].read_lock() is mode


def test_present_value_is_written_before_the_wanted_one():
    modem, family = module(**{"AT+CTEC?": "+CTEC: 2,2", "AT+CTEC=2,4": ""})
    family.lock(RatMode.G4)
    assert modem.asked[-1] == "AT+CTEC=2,4"


def test_wanted_value_is_written_twice_where_the_present_one_is_refused():
    modem, family = module(**{"AT+CTEC?": "+CTEC: 0,0", "AT+CTEC=4,4": ""})
    family.lock(RatMode.G4)
    assert modem.asked[-2:] == ["AT+CTEC=0,4", "AT+CTEC=4,4"]
    with pytest.raises(RefusedError):
        family.lock(RatMode.G2)


def test_module_without_the_lever_cannot_be_locked():
    _, family = module()
    assert (family.levers(), family.locks()) == ((), {})
    with pytest.raises(UnsupportedLockError, match="supports nothing"):
        family.lock(RatMode.G4)
    with pytest.raises(RefusedError):
        family.restore({"ctec": "4"})


def test_bands_are_held_by_lte_alone():
    modem, family = module(
        **{"AT*BAND?": "*BAND: 11,0,0,480,149,1,2,0,0", "AT*BAND=5,0,0,128,5": ""}
    )
    family.lock(None, Bands(lte=(1, 3, 40)))
    assert modem.asked[-1] == "AT*BAND=5,0,0,128,5"
    modem.table["AT*BAND?"] = "*BAND: 5, 0, 0, 128, 5, 1, 2, 0, 0"
    assert family.holds(family.wanted(None, Bands(lte=(40, 3, 1))))


@pytest.mark.parametrize("setting", [{"ws46": "28"}, {"ctec": '4;+CPIN="1234"'}, {"ctec": "²"}])
def test_setting_of_another_family_or_with_a_command_in_it_is_refused(setting):
    modem, family = module(**{"AT+CTEC?": "+CTEC: 0,0"})
    with pytest.raises(RefusedError):
        family.restore(setting)
    assert not [line for line in modem.asked if line.startswith("AT+CTEC=")]
