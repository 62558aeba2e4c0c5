import pytest

from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import (
    RefusedError,
    UnreadableError,
    UnsupportedHoldError,
    UnsupportedLockError,
)
from drivers.modem.families.fibocom import Fibocom
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    CellLock,
    Connected,
    LockedCell,
    Reading,
)
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.cells import Rat
from wire.messages import RatMode

LTE = "+GTCCINFO:\n1,4,452,04,22A7,009762001,1600,255,103,100,12,51,51,20"
EN_DC = LTE + "\n1,9,,,FFFFFFF,00FFFFFFF,650000,51,5078,500,20,65,65,70"
LISTED = "+GTACT: (1,2,4,10,14,16,17,20),(2,3,6),(2,3,6),(),(1,5,8),(101,103,107),(),(),(5041,5078)"
SET = "+GTACT: 20,6,3,1,5,8,101,103,107,5041,5078"
FM350 = {"AT+GTACT=?": LISTED, "AT+GTACT?": SET, "AT+E5GOPT?": "+E5GOPT: 7"}


def module(model: str = "FM150-AE", **more: str) -> tuple[Answers, Fibocom]:
    modem = Answers({"AT+GTACT=?": LISTED, "AT+GTACT?": SET, **more})
    identification = Identification("Fibocom Wireless Inc.", model)
    return modem, Fibocom(identification, Dialogue(modem.send, modem.clock))


def read(command: str, *lines: str, model: str = "FM350-GL") -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(Fibocom.readers, asked)
    assert parse is not None
    return parse(asked)


def written(modem: Answers) -> list[str]:
    return [line for line in modem.asked if "=" in line and not line.endswith("=?")]


def accepting(modem: Answers, *commands: str) -> Answers:
    modem.table |= dict.fromkeys(commands, "")
    return modem


@pytest.mark.parametrize(
    ("maker", "model", "ours"),
    [
        ("Fibocom Wireless Inc.", "FM350-GL", True),
        ("Fibocom", "L610-CN", True),
        ("Dell", "DW5931e", True),
        (None, "FM190W-GL", True),
        (None, "NL668-AM", True),
        ("Fibocom Wireless Inc.", "L850 LTE Module", False),
        ("Fibocom", "L860-GL", False),
        ("Quectel", "RM520N-GL", False),
        (None, None, False),
    ],
)
def test_modules_are_claimed_by_maker_or_model_but_those_of_intel(maker, model, ours):
    identification = Identification(maker, model)
    assert Fibocom.claims(identification) is ours
    assert (family_of(identification) is Fibocom) is ours


def test_a_look_is_complete():
    _, family = module(
        "FM350-GL",
        **{
            "AT+GTSENRDTEMP=1": "+GTSENRDTEMP: 1,43250",
            "AT+GTCCINFO?": EN_DC,
            "AT+CESQ": "+CESQ: 20,99,255,255,20,51,70,65,75",
            "AT+GTCAINFO?": "+GTCAINFO:\nPCC:103,255,1600,100,100,2,1,4,2,-90\n"
            "SCC 1:2,0,107,55,3100,50,255,0,255,0,255,-101",
            "AT+CEREG?": '+CEREG: 2,1,"22A7","09762001",7',
            "AT+COPS?": '+COPS:0,2,"45204",13',
        },
    )
    family.configure()
    look = family.read_radio(neighbours=True)
    assert (look.mode, look.plmn, look.temperature_c) == ("nr-nsa", "45204", 43.25)
    assert look.serving is not None
    assert (look.serving.arfcn, look.serving.rsrp_dbm) == (1600, -90)
    assert look.nr is not None
    assert (look.nr.pci, look.nr.sinr_db, look.nr.sinr_raw) == (51, 14, 20)
    assert [cell.arfcn for cell in look.carriers] == [3100]
    assert look.unread == ()


def test_refused_cells_are_told_in_the_record():
    _, family = module()
    (unread,) = family.read_radio(neighbours=False).unread
    assert unread.command == "AT+GTCCINFO?"


def test_temperature_is_asked_by_the_command_the_module_knows():
    _, family = module(**{"AT+MTSM=1": "+MTSM: 41"})
    assert "AT+MTSM=1" not in {question.command for question in family.questions()}
    family.configure()
    assert family.questions()[-1].command == "AT+MTSM=1"


def test_locks_are_what_the_module_lists():
    _, family = module()
    assert {mode: levers["gtact"] for mode, levers in family.locks().items()} == {
        RatMode.G3: "1",
        RatMode.G4: "2",
        RatMode.G5_SA: "14",
        RatMode.G5: "17",
        RatMode.AUTO: "20",
    }


def test_technologies_without_bands_are_no_lock():
    _, family = module(**{"AT+GTACT=?": "+GTACT: (1,2,4,10),(2,3),(2,3),(),(),(101,103)"})
    assert {mode: levers["gtact"] for mode, levers in family.locks().items()} == {
        RatMode.G4: "2",
        RatMode.AUTO: "10",
    }


def test_list_of_technologies_alone_is_enough():
    _, family = module(**{"AT+GTACT=?": "+GTACT: (0-2,4,10)"})
    assert set(family.locks()) == {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}
    assert family.band_levers() == {}


def test_module_that_lists_nothing_has_no_lock():
    modem, family = module()
    del modem.table["AT+GTACT=?"]
    assert (family.levers(), family.locks()) == ((), {})
    with pytest.raises(UnsupportedLockError):
        family.lock(RatMode.G4)


@pytest.mark.parametrize(
    ("rats", "bits", "mode"),
    [
        ("17,6,3,0", "5", RatMode.G5_NSA),
        ("14,6,,0", "7", RatMode.G5_SA),
        ("17", "7", RatMode.G5),
        ("20,6,3,101", "7", RatMode.AUTO),
        ("10,6,3,101", "7", RatMode.AUTO),
        ("2,3", "5", RatMode.G4),
        ("20,6,3", "2", None),
        ("16,2,6", "7", None),
    ],
)
def test_mediatek_tells_nsa_and_sa_apart_by_a_second_lever(rats, bits, mode):
    table = {**FM350, "AT+GTACT?": f"+GTACT: {rats}", "AT+E5GOPT?": f"+E5GOPT: {bits}"}
    _, family = module("FM350-GL", **table)
    assert family.read_lock() is mode


def test_lock_sets_the_technologies_alone():
    modem, family = module("FM350-GL", **FM350)
    accepting(modem, "AT+GTACT=17", "AT+E5GOPT=5")
    family.lock(RatMode.G5_NSA)
    assert written(modem) == ["AT+GTACT=17", "AT+E5GOPT=5"]


def test_whole_setting_is_saved_and_given_back_and_only_technologies_are_compared():
    modem, family = module()
    before = family.setting()
    assert before["gtact"] == "20,6,3,1,5,8,101,103,107,5041,5078"
    assert family.holds({"gtact": "20"})
    modem.table["AT+GTACT?"] = "+GTACT: 2,3,,101,103,107"
    assert not family.holds({"gtact": "20"})
    accepting(modem, "AT+GTACT=20,6,3,1,5,8,101,103,107,5041,5078")
    modem.asked.clear()
    assert family.change(before)
    assert written(modem) == ["AT+GTACT=20,6,3,1,5,8,101,103,107,5041,5078"]


def test_setting_that_is_too_long_for_the_firmware_is_given_back_without_bands():
    modem, family = module()
    accepting(modem, "AT+GTACT=20,6,3")
    family.restore({"gtact": "20,6,3,1,5,8"})
    assert written(modem)[-1] == "AT+GTACT=20,6,3"


def test_refused_setting_of_bands_is_an_error():
    _, family = module()
    with pytest.raises(RefusedError):
        family.restore({"gtact": "20,6,3,1", "gtact-lte": ",101"})
    with pytest.raises(RefusedError):
        family.restore({"gtact": "20,6,3"})


def test_bands_of_one_technology_leave_the_others_as_they_are():
    modem, family = module()
    accepting(modem, "AT+GTACT=,,,1,5,8,103,5041,5078")
    family.lock(None, bands=Bands(lte=(3,)))
    assert written(modem) == ["AT+GTACT=,,,1,5,8,103,5041,5078"]


def test_bands_of_technologies_that_are_off_are_not_sent():
    modem, family = module()
    accepting(modem, "AT+GTACT=2,,,103")
    family.lock(RatMode.G4, bands=Bands(lte=(3,)))
    assert written(modem) == ["AT+GTACT=2,,,103"]


def test_bands_that_were_all_allowed_become_a_list():
    modem, family = module(**{"AT+GTACT?": "+GTACT: 17,6,3,0"})
    accepting(modem, "AT+GTACT=,,,101,103,107,5078")
    family.lock(None, bands=Bands(nr_nsa=(78,), nr_sa=(78,)))
    assert written(modem) == ["AT+GTACT=,,,101,103,107,5078"]


def test_bands_are_read_back_by_technology():
    modem, family = module()
    bands = Bands(lte=(7, 1))
    assert not family.holds(family.wanted(None, bands))
    modem.table["AT+GTACT?"] = "+GTACT: 20,6,3,1,5,8,107,101,5078"
    assert family.holds(family.wanted(None, bands))
    assert not family.holds(family.wanted(None, Bands(wcdma=(1,))))
    assert family.holds(family.wanted(None, Bands(nr_sa=(78,))))


def test_all_bands_are_given_back_as_all():
    modem, family = module(**{"AT+GTACT?": "+GTACT: 20,6,3,0"})
    before = family.setting()
    modem.table["AT+GTACT?"] = "+GTACT: 20,6,3,1,5,8,103,5041,5078"
    accepting(modem, "AT+GTACT=,,,0")
    assert family.change(before)
    assert written(modem) == ["AT+GTACT=,,,0"]


@pytest.mark.parametrize(
    "bands", [Bands(lte=(42,)), Bands(nr_sa=(79,)), Bands(nr_nsa=(78,), nr_sa=(41,))]
)
def test_bands_the_module_has_not_are_not_asked_for(bands):
    modem, family = module()
    with pytest.raises(UnsupportedHoldError):
        family.lock(None, bands=bands)
    assert written(modem) == []


def test_setting_of_another_family_is_refused():
    _, family = module()
    for setting in ({"mode_pref": "AUTO"}, {"gtact-lte": "101"}, {"gtact": "2;+CFUN=0"}):
        with pytest.raises(RefusedError):
            family.restore(setting)


def test_cell_lock_has_kind_channel_and_pci():
    modem, family = module(**{"AT+GTCELLLOCK=?": "+GTCELLLOCK: (0,1)"})
    modem.table["AT+GTCELLLOCK?"] = "+GTCELLLOCK: 1,0,0,1400,310"
    lte = LockedCell(earfcn=1400, pci=310)
    assert family.holds(family.wanted(None, cell=lte))
    assert not family.holds(family.wanted(RatMode.G4, cell=lte))
    nr = LockedCell(earfcn=650000, pci=51, scs_khz=30, band=78)
    assert family.cell_value(Rat.NR, nr) == "1,1,0,650000,51,1,5078"
    assert family.cell_value(Rat.NR, LockedCell(earfcn=650000)) == "1,1,1,650000"


def test_lock_on_a_channel_is_the_same_with_whatever_follows():
    _, family = module()
    assert family.plain("1,0,1,1400,0") == family.plain("1,0,1,1400")
    assert family.plain("1,0,0,1400,310") != family.plain("1,0,0,1400,311")
    assert family.plain("0") == "0"


@pytest.mark.parametrize(
    ("rat", "cell"),
    [
        (Rat.LTE, LockedCell(pci=310)),
        (Rat.NR, LockedCell(earfcn=650000, pci=51, band=78)),
        (Rat.NR, LockedCell(earfcn=650000, pci=51, scs_khz=30)),
    ],
)
def test_cell_without_what_the_command_needs_is_not_asked_for(rat, cell):
    _, family = module()
    with pytest.raises(UnsupportedHoldError):
        family.cell_value(rat, cell)


def test_modules_without_the_command_hold_on_no_cell():
    _, family = module()
    assert family.cell_levers() == {}


def test_reset_is_by_the_vendors_number_or_the_standards():
    modem, family = module()
    accepting(modem, "AT+CFUN=1,1")
    family.reset()
    assert modem.asked[-2:] == ["AT+CFUN=15", "AT+CFUN=1,1"]
    accepting(modem, "AT+CFUN=15")
    family.reset()
    assert modem.asked[-1] == "AT+CFUN=15"


@pytest.mark.parametrize(
    ("value", "lock"),
    [
        ("20,6,3", AllowedRats(allowed=("wcdma", "lte", "nr"), auto=True, preferred="nr")),
        ("17,3,6", AllowedRats(allowed=("lte", "nr"), preferred="lte")),
        ("2,3", AllowedRats(allowed=("lte",), auto=False)),
        ("1", AllowedRats(allowed=("wcdma",), auto=False)),
        ("14,6,,0", AllowedRats(allowed=("nr",), auto=False)),
        ("10,2,3", AllowedRats(auto=True, preferred="wcdma")),
        ("99,1", AllowedRats(raw=(99,))),
    ],
)
def test_technologies_of_gtact(value, lock):
    found = read("AT+GTACT?", f"+GTACT: {value}")
    assert (found.rat_lock, found.bands) == (lock, None)


def test_bands_of_gtact_in_any_way_to_number_those_of_nr():
    found = read("AT+GTACT?", "+GTACT: 10,6,3,900,1,8,103,141,501,5028,578,50257")
    assert found.rat_lock is not None
    assert found.rat_lock.allowed == ("gsm", "wcdma", "lte", "nr")
    assert found.bands == Bands(
        gsm_mhz=(900,),
        wcdma=(1, 8),
        lte=(3, 41),
        nr_nsa=(1, 28, 78, 257),
        nr_sa=(1, 28, 78, 257),
    )


def test_bands_may_follow_a_short_head():
    assert read("AT+GTACT?", "+GTACT: 2,103,107").bands == Bands(lte=(3, 7))
    assert read("AT+GTACT?", "+GTACT: 2,3,103,107").bands == Bands(lte=(3, 7))


def test_choices_of_gtact_have_bands_in_groups_or_in_a_row():
    found = read("AT+GTACT=?", LISTED)
    assert found.supported == {"gtact": (1, 2, 4, 10, 14, 16, 17, 20)}
    assert found.bands == Bands(wcdma=(1, 5, 8), lte=(1, 3, 7), nr_nsa=(41, 78), nr_sa=(41, 78))
    flat = read("AT+GTACT=?", "+GTACT: (0-2),(2,3),(2,3),1,8,101,103,50257")
    assert flat.bands == Bands(wcdma=(1, 8), lte=(1, 3), nr_nsa=(257,), nr_sa=(257,))


@pytest.mark.parametrize("line", ["+GTACT: ", "+GTACT: what", "+GTACT: ,,,101", "what"])
def test_setting_in_other_words_is_unreadable(line):
    with pytest.raises(UnreadableError):
        read("AT+GTACT?", line)
    with pytest.raises(UnreadableError):
        read("AT+GTACT=?", line)


@pytest.mark.parametrize(
    ("lines", "lock"),
    [
        (("+GTCELLLOCK: 0",), CellLock(cells=())),
        (
            ("+GTCELLLOCK: 1,0,0,1400,310",),
            CellLock(rat=Rat.LTE, cells=(LockedCell(earfcn=1400, pci=310),)),
        ),
        (
            ("+GTCELLLOCK: 1,0,1,1400,0",),
            CellLock(rat=Rat.LTE, cells=(LockedCell(earfcn=1400),)),
        ),
        (
            ("+GTCELLLOCK: 1,1,0,650000,51,1,5078", "+GTCELLLOCK: 1,1,0,640000,52,1,5078"),
            CellLock(
                rat=Rat.NR,
                cells=(
                    LockedCell(earfcn=650000, pci=51, scs_khz=30, band=78),
                    LockedCell(earfcn=640000, pci=52, scs_khz=30, band=78),
                ),
            ),
        ),
        (("+GTCELLLOCK: 1",), CellLock(cells=(LockedCell(),))),
    ],
)
def test_locked_cells(lines, lock):
    assert read("AT+GTCELLLOCK?", *lines).cell_lock == lock


def test_locked_cell_of_mediatek():
    found = read("AT+EMMCHLCK?", "+EMMCHLCK: 1,7,0,1400,310").cell_lock
    assert found == CellLock(rat=Rat.LTE, cells=(LockedCell(earfcn=1400, pci=310),))
    assert read("AT+EMMCHLCK?", "+EMMCHLCK: 0").cell_lock == CellLock(cells=())


@pytest.mark.parametrize(
    ("bits", "alone", "beside"), [("7", True, True), ("5", False, True), ("3", True, False)]
)
def test_architectures_of_mediatek(bits, alone, beside):
    lock = read("AT+E5GOPT?", f"+E5GOPT: {bits}").rat_lock
    assert lock == AllowedRats(nr_sa=alone, nr_nsa=beside, raw=(int(bits),))


def test_numbers_without_a_certain_meaning_stay_numbers():
    assert read("AT+GTRAT?", "+GTRAT: 10,3,2").rat_lock == AllowedRats(raw=(10, 3, 2))
    assert read("AT+GTNRMODE?", "+GTNRMODE: 1").rat_lock == AllowedRats(raw=(1,))


@pytest.mark.parametrize(
    ("lines", "celsius"),
    [
        (("+GTSENRDTEMP: 1,41250",), (41.25,)),
        (("+GTSENRDTEMP: 1,41",), (41,)),
        (("+GTSENRDTEMP: 1,0",), None),
        (("+GTSENRDTEMP: 1,41250", "+GTSENRDTEMP: 2,-5500"), (41.25, -5.5)),
        (("+GTSENRDTEMP: 1,999999",), None),
    ],
)
def test_sensors_are_in_thousandths_of_a_degree(lines, celsius):
    assert read("AT+GTSENRDTEMP=1", *lines).temperature_c == celsius


def test_monitor_tells_degrees_but_with_a_question_mark_how_it_reports():
    assert read("AT+MTSM=1", "+MTSM: 41").temperature_c == 41
    assert read("AT+MTSM?", "+MTSM: 1").temperature_c is None
    assert read("AT+MTSM?", "+MTSM: 35").temperature_c == 35


def test_way_of_reporting_alone_says_nothing_of_5gs():
    assert read("AT+C5GREG?", "+C5GREG: 2") == Reading()
    found = read("AT+C5GREG?", "+C5GREG: 2,1").registration
    assert found is not None
    assert found.stat == 1
    for line in ("+C5GREG: 99", "+C5GREG: what"):
        with pytest.raises(UnreadableError):
            read("AT+C5GREG?", line)


def test_data_call_has_its_addresses():
    found = read("AT+GTRNDIS?", '+GTRNDIS: 1,1,"10.20.30.40,2001:db8::40","10.0.0.1","10.0.0.2"')
    assert found.data_connected == Connected(ipv4=True, ipv6=True)
    (address,) = found.addresses or ()
    assert (address.cid, address.ipv4, address.ipv6) == (1, "10.20.30.40", "2001:db8::40")
    assert address.dns == ("10.0.0.1", "10.0.0.2")


def test_data_call_that_is_down_has_none():
    found = read("AT+GTRNDIS?", "+GTRNDIS: 0")
    assert (found.data_connected, found.addresses) == (Connected(ipv4=False), ())


def test_name_servers_of_a_context():
    (address,) = read("AT+GTDNS=1", '+GTDNS: "10.0.0.1","10.0.0.2"').addresses or ()
    assert address.dns == ("10.0.0.1", "10.0.0.2")


def test_identity_may_be_in_quotes_twice_or_behind_a_question_mark():
    assert _model(read("AT+CGMM?", '+CGMM: "FM350-GL","FM350-GL"')) == "FM350-GL"
    assert _model(read("AT+FMM", '+FMM: "L850 LTE Module","L850"')) == "L850 LTE Module"
    identity = read("AT+CGSN?", '+CGSN: "860000000000017"').identity
    assert identity is not None
    assert identity.imei == "860000000000017"
    package = read("AT+GTPKGVER?", '+GTPKGVER: "81600.0001.00.01_T12"').identity
    assert package is not None
    assert package.revision == "81600.0001.00.01_T12"


def _model(reading: Reading) -> str | None:
    return None if reading.identity is None else reading.identity.model


def test_what_else_the_module_says_of_itself():
    assert read("AT+GTUSBMODE?", "+GTUSBMODE: 41").usb_profile == "41"
    assert read("AT+PSRAT?", "+PSRAT: LTE FDD").mode == "lte"
    assert read("AT+PSRAT?", "+PSRAT: NR5G_NSA").mode == "nr-nsa"
    found = read("AT+GTCURCAR?", '+GTCURCAR: 3,"Viettel"').operator
    assert found is not None
    assert found.name == "Viettel"
    nobody = read("AT+GTCURCAR?", '+GTCURCAR: 65535,""').operator
    assert nobody is not None
    assert nobody.name is None


@pytest.mark.parametrize(
    "command",
    [
        *("AT+GTCELLLOCK?", "AT+EMMCHLCK?", "AT+E5GOPT?", "AT+GTSENRDTEMP=1", "AT+MTSM=1"),
        *("AT+GTRNDIS?", "AT+GTDNS=1", "AT+GTUSBMODE?", "AT+GTCURCAR?", "AT+PSRAT?", "AT+GTRAT?"),
    ],
)
def test_other_words_are_unreadable(command):
    with pytest.raises(UnreadableError):
        read(command, "what")
    with pytest.raises(UnreadableError):
        read(command)
