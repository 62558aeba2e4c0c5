import pytest

from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError, UnsupportedHoldError
from drivers.modem.families.simcom import SimCom
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import AllowedRats, Bands, LockedCell, Reading
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.cells import Rat
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

LTE = "+CPSI: LTE,Online,452-04,0x22A7,158736923,255,EUTRAN-BAND3,1600,5,5,-101,-924,-623,15"
DISABLE = 'AT+CSYSSEL="nr5g_disable"'
LTE_BANDS = 'AT+CSYSSEL="lte_band"'


def module(model: str = "SIMCOM_SIM7600E-H", **more: str) -> tuple[Answers, SimCom]:
    modem = Answers(
        {
            "AT+CPSI?": LTE,
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762A1B",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    identification = Identification("SIMCOM INCORPORATED", model)
    return modem, SimCom(identification, Dialogue(modem.send, modem.clock))


def module_5g(cnmp: str = "2", disable: str = "0", **more: str) -> tuple[Answers, SimCom]:
    return module(
        "SIMCOM_SIM8202G-M2",
        **{
            "AT+CNMP?": f"+CNMP: {cnmp}",
            "AT+CNMP=?": "+CNMP: (2,14,38,54,55,71,109)",
            DISABLE: f'+CSYSSEL: "nr5g_disable",{disable}',
            **more,
        },
    )


def read(command: str, *lines: str, model: str = "SIM7600E") -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(SimCom.readers, asked)
    assert parse is not None
    return parse(asked)


@pytest.mark.parametrize(
    ("manufacturer", "model"),
    [
        *(("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H"), ("SIMCOM_Ltd", "SIMCOM_SIM7000C")),
        *(("INCORPORATED", "A7670E-FASE"), (None, "A7672S"), (None, "SIM8262E-M2")),
        (None, "SIMCOM_SIM7080"),
    ],
)
def test_module_is_claimed_by_its_maker_or_its_name(manufacturer, model):
    assert family_of(Identification(manufacturer, model)) is SimCom


@pytest.mark.parametrize("model", ["A7", "SIM", "MSIM7600", "ME909s", ""])
def test_other_names_are_not_claimed(model):
    assert not SimCom.claims(Identification(None, model))


def test_look_is_complete():
    _, family = module(**{"AT+CPMUTEMP": "+CPMUTEMP: 33"})
    look = family.read_radio(neighbours=False)
    assert (look.mode, look.plmn, look.temperature_c) == ("lte", "45204", 33)
    assert look.registration is RegistrationState.HOME
    assert look.serving is not None
    assert (look.serving.rsrp_dbm, look.serving.rssi_dbm) == (-92.4, -62.3)
    assert look.unread == ()


def test_temperature_is_asked_seldom():
    modem, family = module(**{"AT+CPMUTEMP": "+CPMUTEMP: 33"})
    family.read_radio(neighbours=True)
    modem.asked.clear()
    family.read_radio(neighbours=True)
    assert modem.asked == ["AT+CPSI?", "AT+CEREG?"]


def test_neighbours_are_asked_for_by_the_command_that_answers():
    ncell = "+CCINFO:[NCELL1],EARFCN:1600,PCI:34,RSRP:-105dbm,RSRQ:-20db"
    modem, family = module(**{"AT+CCINFO": ncell})
    family.configure()
    modem.asked.clear()
    assert [cell.pci for cell in family.read_radio(neighbours=True).neighbours] == [34]
    assert "AT+CNETCI?" not in modem.asked
    modem.asked.clear()
    assert family.read_radio(neighbours=False).neighbours == ()
    assert "AT+CCINFO" not in modem.asked


def test_cells_under_another_prefix_answer_the_command():
    found = decode(
        vendor="simcom",
        model="A7670E",
        command="AT+CNETCI?",
        response="\r\n+CNETCISRVINFO: MCC-MNC: 452-01,TAC: 4759,cellid: 156180993,rsrp: 57,"
        "rsrq: 22, pci: 10,earfcn: 1400\r\n\r\nOK\r\n",
    )
    assert found["cells"][0]["cell_id"] == 156180993


@pytest.mark.parametrize(
    ("model", "line", "lock"),
    [
        ("SIM7600E", "+CNMP: 38", AllowedRats(allowed=("lte",), auto=False)),
        ("SIM7600E", "+CNMP: 2", AllowedRats(allowed=("gsm", "wcdma", "lte"), auto=True)),
        ("SIM7000G", "+CNMP: 2", AllowedRats(allowed=("gsm", "lte"), auto=True)),
        ("SIMCOM_SIM8202G", "+CNMP: 2", AllowedRats(allowed=("wcdma", "lte", "nr"), auto=True)),
        ("A7670E", "+CNMP: 2", AllowedRats(auto=True)),
        ("SIM8262E", "+CNMP: 109", AllowedRats(allowed=("lte", "nr"), auto=False)),
        ("SIM7600E", "+CNMP: 63", AllowedRats(raw=(63,))),
    ],
)
def test_technologies_are_told_by_a_number(model, line, lock):
    assert read("AT+CNMP?", line, model=model).rat_lock == lock


def test_machine_mode_stays_a_number():
    assert read("AT+CMNB?", "+CMNB: 1").rat_lock == AllowedRats(raw=(1,))


@pytest.mark.parametrize(
    ("model", "line", "mode"),
    [
        *(("SIM7600E", "+CNSMOD: 0,8", "lte"), ("SIM7600E", "+CNSMOD: 0,4", "wcdma")),
        *(("SIM7000G", "+CNSMOD: 1,7", "lte"), ("SIM7600E", "+CNSMOD: 0,0", "no-service")),
    ],
)
def test_technology_in_use_is_counted_by_series(model, line, mode):
    assert read("AT+CNSMOD?", line, model=model).mode == mode


def test_masks_of_bands_are_read_bit_by_bit():
    bands = read("AT+CNBP?", "+CNBP: 0x0002000000400180,0x0000000008000045").bands
    assert bands == Bands(gsm_mhz=(1800, 900), wcdma=(1, 8), lte=(1, 3, 7, 28))


def test_highest_bit_of_a_mask_is_a_sign():
    bands = read("AT+CNBP?", "+CNBP: 0xFFFFFFFF7FFFFFFF,0x8000000000000004,0x1").bands
    assert bands is not None
    assert bands.lte == (3,)


def test_selection_names_what_it_lists():
    reading = read(
        "AT+CSYSSEL?",
        '+CSYSSEL: "rat_acq_order",10',
        '+CSYSSEL: "nr5g_disable",1',
        '+CSYSSEL: "w_band",1:8',
        '+CSYSSEL: "lte_band",1:3:28',
        '+CSYSSEL: "nsa_nr5g_band",78',
        '+CSYSSEL: "nr5g_band",41:78',
    )
    assert reading.bands == Bands(wcdma=(1, 8), lte=(1, 3, 28), nr_nsa=(78,), nr_sa=(41, 78))
    assert reading.rat_lock == AllowedRats(nr_sa=False, nr_nsa=True)


def test_selection_that_may_be_made_is_listed_by_name():
    reading = read("AT+CSYSSEL=?", '+CSYSSEL: "nr5g_disable",(0-2)', '+CSYSSEL: "lte_band",1:3:28')
    assert reading.supported == {"nr5g_disable": (0, 1, 2), "lte_band": (1, 3, 28)}


def test_locked_cells_are_told_and_no_row_is_no_lock():
    reading = read("AT+CCELLCFG?", "+CCELLCFG: 255,1600")
    assert reading.cell_lock is not None
    assert reading.cell_lock.cells == (LockedCell(pci=255, earfcn=1600),)
    free = read("AT+CCELLCFG?")
    assert free.cell_lock is not None
    assert free.cell_lock.cells == ()
    nr = read("AT+C5GCELLCFG?", '+C5GCELLCFG: "pci",377,632736,1,78')
    assert nr.cell_lock is not None
    assert nr.cell_lock.cells == (LockedCell(pci=377, earfcn=632736, scs_khz=30, band=78),)


def test_small_readers():
    assert read("AT+CPMUTEMP", "+CPMUTEMP: 41").temperature_c == 41
    assert read("AT*CNTI=0", "*CNTI: 0,LTE").cnti == "LTE"
    sim = read("AT+UIMHOTSWAPON?", "+UIMHOTSWAPON: 1").sim
    assert sim is not None
    assert sim.report_enabled is True


def test_model_and_firmware_may_be_one_line():
    identity = read("ATI", "SIM7080 R1951.04", model="").identity
    assert identity is not None
    assert (identity.model, identity.revision) == ("SIM7080", "R1951.04")


def test_named_lines_are_taken_by_name():
    identity = read(
        "AT+SIMCOMATI",
        "Manufacturer: SIMCOM INCORPORATED",
        "Model: SIMCOM_SIM7600E-H",
        "Revision: LE20B04SIM7600M22",
        "IMEI: 860000000000017",
        "+GCAP: +CGSM",
    ).identity
    assert identity is not None
    assert (identity.model, identity.imei) == ("SIMCOM_SIM7600E-H", "860000000000017")
    assert identity.revision == "LE20B04SIM7600M22"


@pytest.mark.parametrize(
    "command",
    [
        *("AT+CNMP?", "AT+CMNB?", "AT+CNSMOD?", "AT+CSYSSEL?", "AT+CSYSSEL=?", "AT+CNBP?"),
        *("AT+CPMUTEMP", "AT+UIMHOTSWAPON?", "AT*CNTI=0"),
    ],
)
@pytest.mark.parametrize("value", ["", ",", "²", "what", "9" * 5000, "1_0", '"', "0x"])
def test_what_is_no_value_is_unreadable(command, value):
    name = command.removeprefix("AT").partition("?")[0].partition("=")[0]
    with pytest.raises(UnreadableError):
        read(command, f"{name}: {value}")


@pytest.mark.parametrize(
    ("cnmp", "disable", "mode"),
    [
        *(("2", "0", RatMode.AUTO), ("14", "0", RatMode.G3), ("38", "0", RatMode.G4)),
        *(("38", "2", RatMode.G4), ("71", "2", RatMode.G5_SA), ("109", "1", RatMode.G5_NSA)),
        *(("109", "0", RatMode.G5), ("2", "1", None), ("71", "0", None), ("54", "0", None)),
    ],
)
def test_levers_are_read_back_as_a_mode(cnmp, disable, mode):
    assert module_5g(cnmp, disable)[1].read_lock() is mode


def test_lock_writes_both_levers():
    modem, family = module_5g(**{"AT+CNMP=109": "", f"{DISABLE},1": ""})
    family.lock(RatMode.G5_NSA)
    assert modem.asked[-2:] == ["AT+CNMP=109", f"{DISABLE},1"]


def test_without_the_switch_nsa_and_sa_are_not_told_apart():
    modem, family = module_5g()
    del modem.table[DISABLE]
    assert set(family.locks()) == {
        *(RatMode.G3, RatMode.G4, RatMode.G5_SA, RatMode.G5, RatMode.AUTO)
    }


@pytest.mark.parametrize(
    ("listed", "modes"),
    [
        (
            "+CNMP: ((2-Automatic),(13-GSM Only),(38-LTE Only),(51-GSM and LTE Only))",
            {RatMode.G2, RatMode.G4, RatMode.AUTO},
        ),
        ("+CNMP: (2,13,14,38)", {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}),
        (None, {RatMode.G4, RatMode.AUTO}),
    ],
)
def test_modes_are_those_that_the_module_lists(listed, modes):
    modem, family = module(**{"AT+CNMP?": "+CNMP: 2"})
    if listed is not None:
        modem.table["AT+CNMP=?"] = listed
    assert set(family.locks()) == modes


def test_module_without_the_lever_cannot_be_locked():
    assert module()[1].locks() == {}


def test_bands_are_a_list_where_there_are_lists():
    modem, family = module_5g(**{LTE_BANDS: '+CSYSSEL: "lte_band",3:1', f"{LTE_BANDS},1:3": ""})
    assert set(family.band_levers()) == {"lte"}
    assert family.holds(family.wanted(None, Bands(lte=(1, 3))))
    family.lock(None, Bands(lte=(3, 1)))
    assert modem.asked[-1] == f"{LTE_BANDS},1:3"


def test_bands_are_a_mask_that_leaves_the_other_as_it_is():
    mask = "+CNBP: 0x0002000000400180,0x0000000008000045,0x0000000000000000"
    written = "AT+CNBP=,0x0000000000000004"
    modem, family = module(**{"AT+CNBP?": mask, written: ""})
    assert not family.holds(family.wanted(None, Bands(lte=(3,))))
    family.lock(None, Bands(lte=(3,)))
    assert modem.asked[-1] == written
    modem.table["AT+CNBP?"] = mask.replace("08000045", "00000004")
    assert family.holds(family.wanted(None, Bands(lte=(3,))))


def test_masks_are_given_back_as_they_were_read():
    mask = "0x0002000000400180,0x0000000008000045,0x0000000000000000"
    modem, family = module(**{"AT+CNBP?": f"+CNBP: {mask}", f"AT+CNBP={mask}": ""})
    setting = family.setting()
    assert setting == {"cnbp": mask}
    family.restore(setting)
    assert modem.asked[-1] == f"AT+CNBP={mask}"


def test_cell_is_written_in_another_form_than_it_is_read():
    modem, family = module(**{"AT+CCELLCFG?": "+CCELLCFG: 255, 1600", "AT+CCELLCFG=1,255,1600": ""})
    cell = LockedCell(pci=255, earfcn=1600)
    assert family.holds(family.wanted(None, cell=cell))
    family.lock(None, cell=cell)
    assert modem.asked[-1] == "AT+CCELLCFG=1,255,1600"
    modem.table["AT+CCELLCFG=1,255, 1600"] = ""
    family.restore(family.setting())
    assert modem.asked[-1] == "AT+CCELLCFG=1,255, 1600"


def test_free_module_is_given_back_free():
    modem, family = module(**{"AT+CCELLCFG?": "", "AT+CCELLCFG=0": ""})
    setting = family.setting()
    assert setting == {"ccellcfg": "0"}
    family.restore(setting)
    assert modem.asked[-1] == "AT+CCELLCFG=0"


def test_nr_cell_needs_a_spacing():
    _, family = module_5g(**{"AT+C5GCELLCFG?": '+C5GCELLCFG: "unlock"'})
    cell = LockedCell(pci=377, earfcn=632736, scs_khz=30, band=78)
    assert family.cell_value(Rat.NR, cell) == '"pci",377,632736,1,78'
    with pytest.raises(UnsupportedHoldError):
        family.cell_value(Rat.NR, LockedCell(pci=377, earfcn=632736, band=78))


@pytest.mark.parametrize("setting", [{"ws46": "28"}, {"cnmp": '2;+CPIN="1234"'}])
def test_setting_of_another_family_or_with_a_command_in_it_is_refused(setting):
    modem, family = module(**{"AT+CNMP?": "+CNMP: 2"})
    with pytest.raises(RefusedError):
        family.restore(setting)
    assert not [line for line in modem.asked if line.startswith("AT+CNMP=") and "CPIN" in line]


def test_bands_of_lpwa_modules_are_taken_together():
    bands = read("AT+CBANDCFG?", '+CBANDCFG: "CAT-M",3,8', '+CBANDCFG: "NB-IOT",8,28').bands
    assert bands is not None
    assert bands.lte == (3, 8, 28)
    with pytest.raises(UnreadableError):
        read("AT+CBANDCFG?", '+CBANDCFG: "CAT-M",x')
