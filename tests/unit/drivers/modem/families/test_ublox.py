import pytest

from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError
from drivers.modem.families.ublox import Ublox
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import Address, AllowedRats, Bands, Reading
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

LTE = (
    "+UCGED: 2\n"
    "6,4,452,04\n"
    "1600,3,100,100,22a7,9762a1b,255,d60814d1,8001,01,49,18,114,3,1,10,28,-50,-6,0,255,255,0"
)


def module(model: str = "LARA-R6001", **more: str) -> tuple[Answers, Ublox]:
    modem = Answers(
        {
            "AT+UCGED?": LTE,
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762A1B",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    return modem, Ublox(Identification("u-blox", model), Dialogue(modem.send, modem.clock))


def read(command: str, *lines: str, model: str = "TOBY-L210") -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(Ublox.readers, asked)
    assert parse is not None
    return parse(asked)


@pytest.mark.parametrize(
    ("manufacturer", "model"),
    [("u-blox", "LARA-R6001"), ("U-BLOX AG", None), (None, "TOBY-L210"), ("", "SARA-R510S")],
)
def test_module_is_claimed_by_its_maker_or_its_name(manufacturer, model):
    assert family_of(Identification(manufacturer, model)) is Ublox


@pytest.mark.parametrize("model", ["LARA", "EC25", ""])
def test_other_names_are_not_claimed(model):
    assert not Ublox.claims(Identification(None, model))


def test_look_is_complete():
    look = module()[1].read_radio(neighbours=False)
    assert (look.mode, look.plmn) == ("lte", "45204")
    assert look.registration is RegistrationState.HOME
    assert look.serving is not None
    assert (look.serving.rsrp_dbm, look.serving.sinr_db) == (-92, 11.4)
    assert look.unread == ()


def test_levels_are_asked_for_only_where_the_report_has_none():
    modem, family = module()
    family.read_radio(neighbours=False)
    assert modem.asked[:2] == ["AT+UCGED?", "AT+CEREG?"]
    modem.table["AT+UCGED?"] = LTE.replace("49,18,114", "255,255,255")
    modem.table["AT+CESQ"] = "+CESQ: 99,99,255,255,22,57"
    serving = family.read_radio(neighbours=False).serving
    assert serving is not None
    assert (serving.rsrp_dbm, serving.rsrq_db) == (-84, -9)


def test_report_that_the_module_has_is_switched_on():
    modem, family = module(**{"AT+UCGED=5": "", "AT+UCELLINFO?": "+UCELLINFO: 0"})
    family.configure()
    assert [line for line in modem.asked if "UCGED=" in line] == ["AT+UCGED=2", "AT+UCGED=5"]
    assert "AT+UCELLINFO?" in [question.command for question in family.questions()]


def test_module_without_the_report_is_asked_by_the_standard():
    modem, family = module(**{"AT+CESQ": "+CESQ: 99,99,255,255,22,57"})
    del modem.table["AT+UCGED?"]
    family.configure()
    look = family.read_radio(neighbours=False)
    assert look.unread == ()
    assert look.serving is not None
    assert (look.serving.cell_id, look.serving.rsrp_dbm) == (0x9762A1B, -84)


def test_answer_of_mode_five_comes_under_other_prefixes():
    found = decode(
        vendor="u-blox",
        model="SARA-R410M-02B",
        command="AT+UCGED?",
        response='\r\n+RSRP: 255,1600,"-092.40",\r\n+RSRQ: 255,1600,"-10.10",\r\n\r\nOK\r\n',
    )
    assert found["cells"][0]["rsrp_dbm"] == -92.4


@pytest.mark.parametrize(
    ("value", "lock"),
    [
        ("3", AllowedRats(allowed=("lte",))),
        ("4,3", AllowedRats(allowed=("gsm", "wcdma", "lte"), preferred="lte")),
        ("6", AllowedRats(allowed=("wcdma", "lte"))),
        ("2,2", AllowedRats(allowed=("wcdma",))),
        ("7,8", AllowedRats(allowed=("lte",))),
        ("9,7", AllowedRats(allowed=("gsm", "lte"))),
    ],
)
def test_technologies_are_a_combination_or_a_list_by_preference(value, lock):
    assert read("AT+URAT?", f"+URAT: {value}").rat_lock == lock


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("+URAT: (0-6),(0,2,3)", (0, 1, 2, 3, 4, 5, 6)),
        ("+URAT: (2,3,6),(2,3)", (2, 3, 6)),
        ("+URAT: 0,1,2", (0,)),
        ("+URAT: (7-9),(7-9),(7-9)", (7, 8, 9)),
    ],
)
def test_values_of_the_first_parameter_count(line, numbers):
    assert read("AT+URAT=?", line).supported == {"urat": numbers}


def test_bands_of_all_technologies_stand_behind_three_fields():
    bands = read("AT+UACT?", "+UACT: ,,,900,1800,1,8,101,103,128").bands
    assert bands == Bands(gsm_mhz=(900, 1800), wcdma=(1, 8), lte=(1, 3, 28))


def test_bands_that_can_be_are_lists():
    reading = read("AT+UACT=?", "+UACT: ,,,(900,1800),(1,8),(101,103)")
    assert reading.supported == {"uact": (900, 1800, 1, 8, 101, 103)}


def test_bands_may_be_frequencies():
    assert read("AT+UBANDSEL?", "+UBANDSEL: 900,2100").bands == Bands(mhz=(900, 2100))
    reading = read("AT+UBANDSEL=?", "+UBANDSEL: (0,850,900,1900,2100)")
    assert reading.supported == {"ubandsel": (0, 850, 900, 1900, 2100)}


@pytest.mark.parametrize(
    ("value", "bands"),
    [
        ("0,4", (3,)),
        ("0,4,1,134217728", (3, 28)),
        ("0,4,2", (3, 66)),
        ("0,4,2,1,1,0", (1, 3, 66)),
        ("2,768,3,5", (1, 3)),
    ],
)
def test_masks_of_bands_have_one_part_or_two(value, bands):
    assert read("AT+UBANDMASK?", f"+UBANDMASK: {value}").bands == Bands(lte=bands)


def test_addresses_of_a_context():
    reading = read(
        "AT+UIPADDR=1",
        '+UIPADDR: 1,"ccinet0","10.112.20.7","255.255.255.0","2001:db8::1/64","fe80::1/64"',
    )
    assert reading.addresses == (
        Address(
            cid=1,
            interface="ccinet0",
            ipv4="10.112.20.7",
            netmask="255.255.255.0",
            ipv6="2001:db8::1",
            prefix=64,
        ),
    )


@pytest.mark.parametrize(
    ("line", "profile"),
    [
        ('+UUSBCONF: 3,"RNDIS",,"0x1146"', "rndis"),
        ('+UUSBCONF: 2,"ECM",,"0x1143"', "ecm"),
        ('+UUSBCONF: 0,"",,"0x1141"', "back-compatible"),
    ],
)
def test_usb_profile_is_a_name(line, profile):
    assert read("AT+UUSBCONF?", line).usb_profile == profile


@pytest.mark.parametrize(
    ("line", "cfun", "power"),
    [("+CFUN: 1,0", 1, "on"), ("+CFUN: 4,0", 4, "low"), ("+CFUN: 19,0", 19, "low")],
)
def test_module_that_answers_is_never_off(line, cfun, power):
    reading = read("AT+CFUN?", line)
    assert (reading.cfun, reading.power) == (cfun, power)


def test_small_readers():
    assert read("AT+UBMCONF?", "+UBMCONF: 1").net_mode == "router"
    assert read("AT+UBMCONF?", "+UBMCONF: 2").net_mode == "bridge"
    assert read("AT+USVCDOMAIN?", "+USVCDOMAIN: 2").domain == "cs-ps"
    sim = read("AT+UPINCNT", "+UPINCNT: 3,2,10,9").sim
    assert sim is not None
    assert sim.attempts_left == {"pin": 3, "pin2": 2, "puk": 10, "puk2": 9}
    identity = read("ATI", "LARA-R6001-00B").identity
    assert identity is not None
    assert (identity.manufacturer, identity.model) == (None, "LARA-R6001-00B")


@pytest.mark.parametrize(
    "command",
    [
        *("AT+URAT?", "AT+URAT=?", "AT+UBANDSEL?", "AT+UBANDMASK?", "AT+UBMCONF?"),
        *("AT+USVCDOMAIN?", "AT+UPINCNT", "AT+CFUN?", "AT+UACT?", "AT+UACT=?"),
    ],
)
@pytest.mark.parametrize("value", ["", ",", "²", "what", "9" * 5000, "1_0", '"', "-1"])
def test_what_is_no_value_is_unreadable(command, value):
    name = command.removeprefix("AT").partition("?")[0].partition("=")[0]
    with pytest.raises(UnreadableError):
        read(command, f"{name}: {value}")


@pytest.mark.parametrize(
    ("model", "listed", "modes"),
    [
        (
            "TOBY-L210",
            "(0-6),(0,2,3)",
            {RatMode.G2: "0", RatMode.G3: "2", RatMode.G4: "3", RatMode.AUTO: "4"},
        ),
        (
            "TOBY-L201",
            "(0-6),(0,2,3)",
            {RatMode.G3: "2", RatMode.G4: "3", RatMode.AUTO: "6"},
        ),
        ("LARA-R204", "(3)", {RatMode.G4: "3"}),
        ("LARA-R211", "(0,3,5),(0,3)", {RatMode.G2: "0", RatMode.G4: "3", RatMode.AUTO: "5"}),
        ("SARA-U201", "(0,1,2),(0,2)", {RatMode.G2: "0", RatMode.G3: "2", RatMode.AUTO: "1"}),
        (
            "SARA-R412M",
            "(7-9),(7-9),(7-9)",
            {RatMode.G2: "9", RatMode.G4: "7,8", RatMode.AUTO: "7,8,9"},
        ),
    ],
)
def test_modes_are_those_that_module_and_hardware_have(model, listed, modes):
    _, family = module(model, **{"AT+URAT=?": f"+URAT: {listed}"})
    assert family.locks() == {mode: {"urat": value} for mode, value in modes.items()}


def test_module_that_lists_no_modes_cannot_be_locked():
    _, family = module()
    assert (family.locks(), family.levers()) == ({}, ())


def test_radio_is_off_while_the_mode_is_written():
    modem, family = module(**{"AT+URAT=?": "+URAT: (0-6),(0,2,3)", "AT+URAT=3": ""})
    family.lock(RatMode.G4)
    assert modem.asked[-3:] == ["AT+CFUN=4", "AT+URAT=3", "AT+CFUN=1"]


def test_radio_is_on_again_where_the_mode_is_refused():
    modem, family = module(**{"AT+URAT=?": "+URAT: (0-6),(0,2,3)"})
    with pytest.raises(RefusedError):
        family.lock(RatMode.G4)
    assert modem.asked[-1] == "AT+CFUN=1"


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        *(("3", RatMode.G4), ("4,3", RatMode.AUTO), ("4,0", RatMode.AUTO), ("2,2", RatMode.G3)),
        *(("6,3", None), ("0", RatMode.G2)),
    ],
)
def test_preference_does_not_change_the_mode(value, mode):
    table = {"AT+URAT=?": "+URAT: (0-6),(0,2,3)", "AT+URAT?": f"+URAT: {value}"}
    assert module(**table)[1].read_lock() is mode


def test_setting_is_given_back_with_its_preference():
    table = {"AT+URAT=?": "+URAT: (0-6),(0,2,3)", "AT+URAT?": "+URAT: 4,3", "AT+URAT=4,3": ""}
    modem, family = module(**table)
    family.restore(family.setting())
    assert "AT+URAT=4,3" in modem.asked


def test_other_preference_of_machine_technologies_is_none_of_ours():
    table = {"AT+URAT=?": "+URAT: (7-9),(7-9)", "AT+URAT?": "+URAT: 8,7"}
    assert module("SARA-R410M", **table)[1].read_lock() is None


def test_bands_of_lte_are_numbers_from_101_on():
    modem, family = module("LARA-R211", **{"AT+UACT?": "+UACT: ,,,900,1800,103,101"})
    assert family.wanted(None, Bands(lte=(3, 1))) == {"uact": ",,,101,103"}
    assert not family.holds({"uact": ",,,101,103"})
    modem.table["AT+UACT?"] = "+UACT: ,,,103,101"
    assert family.holds({"uact": ",,,101,103"})


def test_bands_of_machines_are_a_mask():
    modem, family = module(
        "SARA-R510S", **{"AT+UBANDMASK?": "+UBANDMASK: 0,4,1,134217728", "AT+UBANDMASK=0,4": ""}
    )
    assert family.holds(family.wanted(None, Bands(lte=(3,))))
    family.lock(None, Bands(lte=(3,)))
    assert modem.asked[-2] == "AT+UBANDMASK=0,4"
    assert family.band_value("lte", (3, 66)) == "4,2"


def test_mask_of_a_technology_that_is_not_known_is_left_alone():
    assert module(**{"AT+UBANDMASK?": "+UBANDMASK: 3,4"})[1].band_levers() == {}


def test_frequencies_are_compared_in_one_order():
    _, family = module("SARA-U201", **{"AT+UBANDSEL?": "+UBANDSEL: 2100,900"})
    assert family.holds(family.wanted(None, Bands(mhz=(900, 2100))))


def test_ninth_identification_is_the_firmware():
    identity = read("ATI9", "02.14,A00.01").identity
    assert identity is not None
    assert (identity.manufacturer, identity.revision) == (None, "02.14,A00.01")
