import pytest

from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnreadableError, UnsupportedHoldError
from drivers.modem.families.zte import Zte
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    CellLock,
    Levels,
    LockedCell,
    Operator,
    Reading,
    Role,
    Signal,
)
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers, ByRole, by_role
from wire.cells import Rat
from wire.messages import RatMode

CARRIERS = "+ZCAINFO: 255,3,8871,1600,20;341,2,1,300,15;0,0,0,0,0;"


def router(model: str = "MF286D", **more: str) -> tuple[Answers, Zte]:
    modem = Answers(
        {
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9801B01",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    return modem, Zte(Identification("ZTE CORPORATION", model), Dialogue(modem.send, modem.clock))


def read(command: str, *lines: str, model: str = "MF286D") -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(Zte.readers, asked)
    assert parse is not None
    return parse(asked)


def cells(command: str, *lines: str) -> ByRole:
    return by_role(read(command, *lines))


@pytest.mark.parametrize(
    ("said", "cell_id", "tac", "pci", "channel"),
    [
        ("0X22A7,0X09801B01,0X00000000,LTE B3,1600", 0x9801B01, 0x22A7, None, 1600),
        ("159390465, 255, LTE B3, 1600", 159390465, None, 255, 1600),
        ("9801B01, 255, LTE B3, 1600", 0x9801B01, None, 255, 1600),
        ("tac:22A7,cellid:9801B01,pci:255,band:3", 0x9801B01, 0x22A7, 255, None),
        ("22A7,cellid:9801B01,pci:255,band:LTE B3", 0x9801B01, 0x22A7, 255, None),
        ("0XFFFE,0XFFFFFFFF,0X00000000,LTE B3,1600", None, None, None, 1600),
    ],
)
def test_what_stands_before_the_band_depends_on_the_model(said, cell_id, tac, pci, channel):
    found = cells("AT+ZCELLINFO?", f"+ZCELLINFO: {said}")
    assert found.mode == "lte"
    assert found.serving is not None
    assert (found.serving.rat, found.serving.band) == (Rat.LTE, 3)
    assert (found.serving.cell_id, found.serving.tac) == (cell_id, tac)
    assert (found.serving.pci, found.serving.arfcn) == (pci, channel)


@pytest.mark.parametrize(
    ("label", "rat", "band"),
    [
        *[("PGSM_900", Rat.GSM, 8), ("DCS_1800", Rat.GSM, 3), ("WCDMA B1", Rat.WCDMA, 1)],
        *[("UMTS_2100", Rat.WCDMA, None), ("NR N78", Rat.NR, 78), ("NR5G", Rat.NR, None)],
    ],
)
def test_bands_of_all_technologies(label, rat, band):
    serving = cells("AT+ZCELLINFO?", f"+ZCELLINFO: 0X2DC6,0XA14C,{label}").serving
    assert serving is not None
    assert (serving.rat, serving.band, serving.cell_id) == (rat, band, 0xA14C)
    assert 0x2DC6 in {serving.lac, serving.tac}


def test_no_area_cell_and_band_is_no_cell():
    assert read("AT+ZCELLINFO?", "+ZCELLINFO: 0XFFFE,0XFFFFFFFF,0X00000000").cells == ()


def test_first_carrier_serves():
    found = read("AT+ZCAINFO?", CARRIERS).cells or ()
    assert [cell.role for cell in found] == [Role.SERVING, Role.SCC]
    serving, added = found
    assert (serving.pci, serving.band, serving.tac) == (255, 3, 8871)
    assert (added.pci, added.band, added.arfcn, added.bandwidth_mhz) == (341, 1, 300, 15)


def test_carriers_of_zeros_are_none():
    assert read("AT+ZCAINFO?", "+ZCAINFO: 0,0,0,0,0;0,0,0,0,0").cells == ()


@pytest.mark.parametrize(
    ("said", "mode", "domain"),
    [
        ('"LTE","CS_PS"', "lte", "cs-ps"),
        ('"NR5G-NSA","PS_ONLY"', "nr-nsa", "ps"),
        ('"HSPA+","CS_ONLY",', "wcdma", "cs"),
        ('"No Service"', "no-service", None),
        ("Limited Service,CS_ONLY", "no-service", "cs"),
        ('"LTE Cat.NB1","PS_ONLY"', "lte", "ps"),
    ],
)
def test_technology_and_domain_in_words(said, mode, domain):
    for command, prefix in (("AT+ZPAS?", "+ZPAS"), ("", "+ZPASR")):
        reading = read(command, f"{prefix}: {said}")
        assert (reading.mode, reading.domain) == (mode, domain)


@pytest.mark.parametrize(
    ("said", "signal"),
    [
        (
            "-92,-10,-62,14.5",
            Signal(lte=Levels(rsrp_dbm=-92, rsrq_db=-10, rssi_dbm=-62, sinr_db=14.5)),
        ),
        ("-75,-7", Signal(wcdma=Levels(rscp_dbm=-75, ecio_db=-7))),
        ("-80", Signal(gsm=Levels(rssi_dbm=-80))),
        ("70,14,150", Signal(wcdma=Levels(rssi_dbm=-70, rscp_dbm=-75, ecio_db=-7))),
        ("70,1000,1000", Signal(gsm=Levels(rssi_dbm=-70))),
        ("0,-,0,-", Signal()),
    ],
)
def test_number_of_levels_tells_the_technology(said, signal):
    assert read("AT+ZRSSI", f"+ZRSSI: {said}").signal == signal


@pytest.mark.parametrize(
    ("said", "decibels"),
    [("12,5,13,0,-2,5,0,0", 13), ("-0,5,-3,0", -0.5), ("0,0,0,0,0,0,0,0", None)],
)
def test_best_antenna_has_the_sinr(said, decibels):
    signal = read("AT+ZSINR", f"+ZSINR: {said}").signal
    assert signal is not None
    assert signal.lte == (None if decibels is None else Levels(sinr_db=decibels))


def test_quality_lacks_its_minus():
    signal = read("AT+ZCSQ?", '+ZCSQ: "LTE",92,10,14').signal
    assert signal is not None
    assert signal.lte == Levels(rsrp_dbm=-92, rsrq_db=-10, sinr_db=14)


def test_network_and_temperature():
    reading = read("", '+ZDONR: "VINAPHONE",452,2,"CS_PS","ROAM_OFF"')
    assert reading.operator == Operator(name="VINAPHONE", mcc="452", mnc="02")
    assert reading.domain == "cs-ps"
    assert read("AT+MTSM=1", "+MTSM: 35").temperature_c == 35


@pytest.mark.parametrize(
    ("said", "lock"),
    [
        ("0,0,0", AllowedRats(allowed=("gsm", "wcdma", "lte"), auto=True)),
        ("0,0,6", AllowedRats(allowed=("gsm", "wcdma", "lte"), preferred="lte")),
        ("6,0,0", AllowedRats(allowed=("lte",), auto=False)),
        ("7,0,0", AllowedRats(allowed=("wcdma", "lte"))),
    ],
)
def test_network_mode(said, lock):
    assert read("AT+ZSNT?", f"+ZSNT: {said}").rat_lock == lock


def test_older_sticks_have_no_lte():
    lock = read("AT+ZSNT?", "+ZSNT: 0,0,2", model="MF626").rat_lock
    assert lock == AllowedRats(allowed=("gsm", "wcdma"), preferred="wcdma")


def test_bands():
    octets = read("AT+ZLTEBAND?", "+ZLTEBAND: 149,0,8,0,0,0,0,0,2").bands
    assert octets == Bands(lte=(1, 3, 5, 8, 20, 66))
    assert read("AT+ZNLOCKBAND?", "+ZNLOCKBAND: 44,0").bands == Bands(lte=(3, 7))


@pytest.mark.parametrize(
    ("command", "said", "locked"),
    [
        ("AT+ZLOCKCELL?", "+ZLOCKCELL: 1600,255", (LockedCell(earfcn=1600, pci=255),)),
        ("AT+ZLOCKCELL?", "+ZLOCKCELL: 0", ()),
        ("AT+ZLC?", "+ZLC: 1,1600,255", (LockedCell(earfcn=1600, pci=255),)),
        ("AT+ZLC?", "+ZLC: 0,1600,255", ()),
    ],
)
def test_lock_to_a_cell(command, said, locked):
    assert read(command, said).cell_lock == CellLock(rat=Rat.LTE, cells=locked)


@pytest.mark.parametrize(
    "command",
    [
        *["AT+ZCELLINFO?", "AT+ZCAINFO?", "AT+ZPAS?", "AT+ZRSSI", "AT+ZSINR", "AT+ZCSQ?"],
        *["AT+MTSM=1", "AT+ZSNT?", "AT+ZLTEBAND?", "AT+ZNLOCKBAND?", "AT+ZLOCKCELL?", "AT+ZLC?"],
    ],
)
@pytest.mark.parametrize("said", ["", "²,²,²", "x" * 5000, ",,,,;,,,,", "-999,300,9"])
def test_garbage_is_not_understood_or_empty(command, said):
    name = command.removeprefix("AT").partition("=")[0].rstrip("?")
    try:
        reading = read(command, f"{name}: {said}")
    except UnreadableError:
        return
    assert not reading.cells
    assert reading.signal in {None, Signal()}


def test_answer_without_its_end_is_decoded():
    said = "\r\n+ZRSSI: -92,-10,-62,14\r\n"
    decoded = decode(vendor="gosuncn", model="ME3630", command="AT+ZRSSI", response=said)
    assert decoded["signal"]["lte"]["rsrp_dbm"] == -92


@pytest.mark.parametrize(
    ("maker", "model"), [("ZTE CORPORATION", "X"), ("GosuncnWelink", "ME3630"), (None, "MF190")]
)
def test_makers_and_models(maker, model):
    assert Zte.claims(Identification(maker, model))
    assert not Zte.claims(Identification("Quectel", "EC25"))


def test_look_takes_cell_and_area_from_the_registration():
    _, family = router(
        **{
            "AT+ZCELLINFO?": "+ZCELLINFO: 12345, 255, LTE B3, 1600",
            "AT+ZCAINFO?": CARRIERS,
            "AT+ZRSSI": "+ZRSSI: -92,-10,-62,14",
        }
    )
    look = family.read_radio(neighbours=False)
    assert look.serving is not None
    assert (look.serving.cell_id, look.serving.tac) == (0x9801B01, 0x22A7)
    assert (look.serving.pci, look.serving.bandwidth_mhz) == (255, 20)
    assert (look.serving.rsrp_dbm, look.serving.sinr_db) == (-92, 14)
    assert [carrier.band for carrier in look.carriers] == [1]


def test_sinr_is_asked_for_where_the_levels_lack_it():
    modem, family = router(**{"AT+ZCELLINFO?": "+ZCELLINFO: 12345, 255, LTE B3, 1600"})
    modem.table |= {"AT+ZRSSI": "+ZRSSI: -92,-10,-62,", "AT+ZSINR": "+ZSINR: 12,5,13,0,0,0,0,0"}
    serving = family.read_radio(neighbours=False).serving
    assert serving is not None
    assert serving.sinr_db == 13


def test_old_stick_is_asked_as_the_standard_has_it():
    _, family = router(
        "MF626",
        **{
            "AT+CEREG?": "+CEREG: 0,0",
            "AT+CREG?": '+CREG: 2,1,"2DC6","A14C"',
            "AT+COPS?": '+COPS: 0,2,"45202",0',
            "AT+CSQ": "+CSQ: 12,99",
        },
    )
    serving = family.read_radio(neighbours=False).serving
    assert serving is not None
    assert (serving.rat, serving.cell_id, serving.rssi_dbm) == (Rat.GSM, 0xA14C, -89)


@pytest.mark.parametrize(
    ("model", "test", "modes"),
    [
        (
            "MF286D",
            "+ZSNT: (0,1,2,6,7),(0,1),(0,1)",
            {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO},
        ),
        ("MF286D", "+ZSNT: (0-2,6),(0-1)", {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}),
        ("MF626", "", {RatMode.G2, RatMode.G3, RatMode.AUTO}),
    ],
)
def test_modes_are_what_the_test_form_lists(model, test, modes):
    _, family = router(model, **{"AT+ZSNT?": "+ZSNT: 0,0,0", "AT+ZSNT=?": test})
    assert set(family.locks()) == modes


def test_lock_is_written_and_read_back():
    modem, family = router(**{"AT+ZSNT?": "+ZSNT: 0,0,2", "AT+ZSNT=6,0,0": ""})
    assert family.read_lock() is RatMode.AUTO
    assert family.setting() == {"zsnt": "0,0,2"}
    family.lock(RatMode.G4)
    assert "AT+ZSNT=6,0,0" in modem.asked
    modem.table["AT+ZSNT?"] = "+ZSNT: 6,0,0"
    assert family.read_lock() is RatMode.G4


def test_module_without_a_network_mode_cannot_be_locked():
    _, family = router("ZM9000")
    assert (family.levers(), dict(family.locks())) == ((), {})


def test_bands_are_written_in_as_many_bytes_as_are_printed():
    _, family = router(**{"AT+ZLTEBAND?": "+ZLTEBAND: 149,0,8,0,0,0,0,0,2"})
    assert family.wanted(None, bands=Bands(lte=(3, 66))) == {"zlteband": "4,0,0,0,0,0,0,0,2"}
    _, family = router(**{"AT+ZLTEBAND?": "+ZLTEBAND: 149,0,8,0,0,0,0,0"})
    assert family.wanted(None, bands=Bands(lte=(3,))) == {"zlteband": "4,0,0,0,0,0,0,0"}


def test_band_behind_the_mask_cannot_be_held():
    _, family = router(**{"AT+ZLTEBAND?": "+ZLTEBAND: 149,0,8,0,0,0,0,0"})
    with pytest.raises(UnsupportedHoldError):
        family.wanted(None, bands=Bands(lte=(66,)))


def test_cell_is_held_by_channel_and_pci():
    _, family = router(**{"AT+ZLOCKCELL?": "+ZLOCKCELL: 1600,255"})
    assert family.holds(family.wanted(None, cell=LockedCell(earfcn=1600, pci=255, band=3)))
    with pytest.raises(UnsupportedHoldError):
        family.wanted(None, cell=LockedCell(earfcn=1600))
