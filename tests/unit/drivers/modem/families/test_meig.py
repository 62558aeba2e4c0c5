import pytest

from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnreadableError, UnsupportedHoldError
from drivers.modem.families.meig import Meig
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import (
    AllowedRats,
    Bands,
    CellLock,
    Levels,
    LockedCell,
    Reading,
)
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers, ByRole, by_role
from wire.cells import Rat
from wire.messages import RatMode

MENG = 'AT+MENG="servingcell"'
FILL = ",-,-,-,-,-,-,-,-,-,-,-,-"
LTE = "^CELLINFO: LTE,FDD,452,04,-,255,-,159391745,8871,3,100,1600,-,-62,-92,-10,145"
LEG = "-88,-11,170,78,632736,90,377,1"
ENDC = LTE.replace("LTE", "EN-DC") + f"{FILL},{LEG}"
NR = "^CELLINFO: 5G,TDD,452,04,7856041985,377,20001,78,90,30,-,632736,-,-,-88,-11,170"
REST = "3FFFFFFF,1,2,95,2,8000000085,2000,1"
LTE_LEVELS = Levels(rssi_dbm=-62, rsrp_dbm=-92, rsrq_db=-10, sinr_db=14)
NR_LEVELS = Levels(rsrp_dbm=-88, rsrq_db=-11, sinr_db=17)
DISABLE = 'AT^NWCFG="nr5g_disable_mode"'


def module(model: str = "SRM825L", **more: str) -> tuple[Answers, Meig]:
    modem = Answers(
        {
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9801B01",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    return modem, Meig(Identification("MEIG", model), Dialogue(modem.send, modem.clock))


def read(command: str, *lines: str) -> Reading:
    asked = Asked(command, lines)
    parse = reader_of(Meig.readers, asked)
    assert parse is not None
    return parse(asked)


def cells(command: str, *lines: str) -> ByRole:
    return by_role(read(command, *lines))


@pytest.mark.parametrize("label", ["LTE", '"LTE"', "eMTC"])
def test_lte_cell_is_in_decimal(label):
    found = cells("AT^CELLINFO=1", LTE.replace("LTE", label))
    assert found.mode == "lte"
    assert found.serving is not None
    assert (found.serving.cell_id, found.serving.tac) == (159391745, 8871)
    assert (found.serving.pci, found.serving.arfcn, found.serving.band) == (255, 1600, 3)
    assert (found.serving.bandwidth_mhz, found.serving.duplex) == (20, "fdd")
    assert (found.serving.rsrp_dbm, found.serving.sinr_raw) == (-92, 145)


def test_stand_alone_nr():
    serving = cells("AT^CELLINFO=1", NR).serving
    assert serving is not None
    assert (serving.rat, serving.cell_id, serving.tac) == (Rat.NR, 7856041985, 20001)
    assert (serving.pci, serving.arfcn, serving.scs_khz) == (377, 632736, 30)
    assert (serving.bandwidth_mhz, serving.rsrp_dbm) == (90, -88)


@pytest.mark.parametrize(("printed", "mhz"), [("500", 100), ("90", 90), ("100", None), ("7", None)])
def test_width_of_nr_that_can_be_two_is_none(printed, mhz):
    serving = cells("AT^CELLINFO=1", NR.replace(",78,90,", f",78,{printed},")).serving
    assert serving is not None
    assert serving.bandwidth_mhz == mhz


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("AT^CELLINFO=1", ENDC),
        (
            "AT+SGCELLINFOEX?",
            ENDC.replace("^CELLINFO", "+SGCELLINFOEX").replace(FILL, FILL[:-2]),
        ),
    ],
)
def test_leg_of_endc_stands_behind_the_lte_cell(command, said):
    found = cells(command, said)
    assert found.mode == "nr-nsa"
    assert found.nr is not None
    assert (found.nr.arfcn, found.nr.pci, found.nr.rsrp_dbm) == (632736, 377, -88)
    assert (found.nr.band, found.nr.scs_khz) == (78, 30)


def test_endc_without_a_measured_leg_is_lte():
    found = cells("AT^CELLINFO=1", LTE.replace("LTE", "EN-DC"))
    assert (found.mode, found.nr) == ("lte", None)


def test_umts_cell():
    said = "^CELLINFO: WCDMA,452,01,-,72,-,9AD3AF,2DC6,1,10713,-,-,-5,-,-59"
    serving = cells("AT^CELLINFO=1", said).serving
    assert serving is not None
    assert (serving.psc, serving.arfcn, serving.cell_id) == (72, 10713, None)
    assert (serving.rscp_dbm, serving.ecio_db) == (-59, -5)


def test_no_service_has_no_cell():
    found = cells("AT^CELLINFO=1", "^CELLINFO: NO SERVICE")
    assert (found.mode, found.serving) == ("no-service", None)


def test_row_without_channel_and_pci_is_kept_as_unread():
    assert cells("AT^CELLINFO=1", "^CELLINFO: LTE,FDD,452").unread == ("LTE,FDD,452",)


def test_neighbours_of_two_technologies():
    said = ("^CELLINFO: intra,LTE,1600,34,-105,-14", "^CELLINFO: 1,5G,632736,378,-99,-12,-,90")
    lte, nr = cells("AT^CELLINFO=2", *said).others
    assert (lte.pci, lte.rsrp_dbm, lte.rsrq_db) == (34, -105, -14)
    assert (nr.rat, nr.arfcn, nr.pci) == (Rat.NR, 632736, 378)


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (
            "AT+SGCELLINFO",
            [
                "+SGCELLINFO:",
                *["CURR_MODE:9", "MCC:452", "MNC:04", "LAC_ID:22A7", "CELL_ID:9801B01"],
                *["RSSI:-62", "RSRP:-92", "RSRQ:-10", "SINR:170", "BAND:122", "CHANNEL:1600"],
            ],
        ),
        (
            "AT+SGCELLINFOEX?",
            [
                "+SGCELLINFOEX: CURR_MODE: LTE, MCC: 452, MNC: 04, BAND: 3, CHANNEL: 1600,",
                "RSRP: -92, RSRQ: -10, SINR: 170",
            ],
        ),
    ],
)
def test_named_values_in_rows_or_in_one(command, lines):
    serving = cells(command, *lines).serving
    assert serving is not None
    assert (serving.mnc, serving.band, serving.arfcn) == ("04", 3, 1600)
    assert (serving.rsrp_dbm, serving.rsrq_db, serving.sinr_raw) == (-92, -10, 170)
    assert serving.cell_id is None


def test_technology_may_stand_alone_above_the_names():
    lines = ["+SGCELLINFOEX: TD-LTE", "MCC:452", "MNC:04", "PCI:255", "BAND:40"]
    lines += ["DL CHANNEL:38950", "UL CHANNEL:38950", "RSRP:-92", "RSRQ:-10", "SINR:170"]
    found = cells("AT+SGCELLINFOEX?", *lines)
    assert found.mode == "lte"
    assert found.serving is not None
    assert (found.serving.pci, found.serving.band, found.serving.arfcn) == (255, 40, 38950)
    assert (found.serving.rsrp_dbm, found.unread) == (-92, ())


def test_names_of_utra():
    lines = ["CURR_MODE:WCDMA", "MCC:452", "MNC:02", "PSC:120", "CHANNEL:10688", "RSCP:-81"]
    serving = cells("AT+SGCELLINFOEX?", "+SGCELLINFOEX:", *lines, "ECIO:-9").serving
    assert serving is not None
    assert (serving.psc, serving.arfcn, serving.rscp_dbm, serving.ecio_db) == (120, 10688, -81, -9)


def test_named_values_of_no_technology():
    assert cells("AT+SGCELLINFO", "CURR_MODE:0").mode == "no-service"
    with pytest.raises(UnreadableError):
        read("AT+SGCELLINFO", "RSRP:-92")


@pytest.mark.parametrize("duplex", ['"FDD"', "0"])
def test_engineering_mode_is_as_quectels(duplex):
    said = f'+MENG: "servingcell","NOCONN","LTE",{duplex},452,04,9801b01,255,1600,3,5,5,22a7,-92,'
    found = cells(MENG, said + "-10.5,-62,-7,29")
    assert found.rrc_state == "noconn"
    assert found.serving is not None
    assert (found.serving.cell_id, found.serving.tac) == (0x9801B01, 0x22A7)
    assert (found.serving.rsrq_db, found.serving.sinr_db) == (-10.5, None)


def test_neighbours_of_engineering_mode_have_rsrp_first():
    said = (
        '+MENG: "neighbourcell intra","LTE",1600,34,-105,-14.5,-,-,8',
        '+MENG: "neighbourcell inter","LTE",300,-,-,-',
    )
    found = cells('AT+MENG="neighbourcell"', *said)
    assert [(cell.rsrp_dbm, cell.rsrq_db) for cell in found.others] == [(-105, -14.5)]
    assert len(found.unread) == 1
    assert cells('AT+MENG="neighbourcell"').others == ()


@pytest.mark.parametrize(
    ("said", "lte", "nr"),
    [
        ('1,0,"LTE",59,20,49,171', LTE_LEVELS, None),
        ('1,0,"NR5G",65,69,81', None, NR_LEVELS),
        (
            '1,0,"NR5G",59,20,49,171,65,69,81',
            LTE_LEVELS,
            NR_LEVELS,
        ),
        ('1,0,"NR5G",59,20,49,171,-,-,-', LTE_LEVELS, None),
        ('"LTE",59,49,171,20', LTE_LEVELS, None),
    ],
)
def test_steps_have_another_order_than_huaweis(said, lte, nr):
    signal = read("AT^HCSQ?", f"^HCSQ: {said}").signal
    assert signal is not None
    assert (signal.lte, signal.nr) == (lte, nr)


def test_steps_of_older_technologies():
    umts = read("AT^HCSQ?", '^HCSQ: 1,0,"WCDMA",30,58,30').signal
    gsm = read("AT^HCSQ?", '^HCSQ: 1,0,"GSM",41').signal
    assert umts is not None
    assert umts.wcdma == Levels(rssi_dbm=-91, rscp_dbm=-91, ecio_db=-3.5)
    assert gsm is not None
    assert gsm.gsm == Levels(rssi_dbm=-80)
    assert read("AT^HCSQ?", '^HCSQ: 1,0,"NOSERVICE"').mode == "no-service"


def test_order_and_both_halves_of_a_mask():
    reading = read("AT^SYSCFGEX?", f'^SYSCFGEX: "0403",{REST}')
    assert reading.rat_lock == AllowedRats(allowed=("lte", "nr"), preferred="nr")
    assert reading.bands == Bands(lte=(1, 3, 5, 8, 66))


def test_architectures_and_mode():
    reading = read(DISABLE, '^NWCFG: "nr5g_disable_mode",1')
    assert reading.rat_lock == AllowedRats(nr_sa=False, nr_nsa=True)
    assert read("AT+MODODR?", "+MODODR: 5").rat_lock == AllowedRats(allowed=("lte",), auto=False)


@pytest.mark.parametrize(
    ("word", "mode"), [("FDD-LTE", "lte"), ("HSPA+", "wcdma"), ("EDGE", "gsm")]
)
def test_technology_in_words(word, mode):
    assert read("AT+PSRAT", f"+PSRAT: {word}").mode == mode


def test_lock_to_a_cell():
    said = ("^CELLLOCK: 0,3", "^CELLLOCK: 1,4,1,632736,377,30,78")
    locked = LockedCell(earfcn=632736, pci=377, scs_khz=30, band=78)
    assert read("AT^CELLLOCK?", *said).cell_lock == CellLock(rat=Rat.NR, cells=(locked,))
    assert read("AT^CELLLOCK?", "^CELLLOCK: 0").cell_lock == CellLock(cells=())


def test_temperatures_may_be_in_thousandths():
    said = ('+TEMP: "cpu","41"', '+TEMP: "soc-thmzone","43200"', '+TEMP: "pa","0"')
    assert read("AT+TEMP", *said).temperature_c == {"cpu": 41, "soc-thmzone": 43.2}


@pytest.mark.parametrize(
    "command",
    [
        *["AT^CELLINFO=1", "AT+SGCELLINFO", "AT+SGCELLINFOEX?", MENG, "AT^HCSQ?", "AT^SYSCFGEX?"],
        *[DISABLE, "AT+MODODR?", "AT+PSRAT", "AT^CELLLOCK?", "AT+TEMP"],
    ],
)
def test_garbage_is_not_understood(command):
    with pytest.raises(UnreadableError):
        read(command, "garbage,1,2", "^X: ²")


@pytest.mark.parametrize(("maker", "model"), [("MEIG INCORPORATED", "X"), (None, "SLM770A")])
def test_makers_and_models(maker, model):
    assert Meig.claims(Identification(maker, model))
    assert not Meig.claims(Identification("Quectel", "EC25"))


def test_look_takes_sinr_from_the_steps():
    _, family = module(**{"AT^CELLINFO=1": LTE, "AT^HCSQ?": '^HCSQ: 1,0,"LTE",59,20,49,171'})
    family.configure()
    serving = family.read_radio(neighbours=True).serving
    assert serving is not None
    assert (serving.sinr_db, serving.sinr_raw) == (14, 145)


def test_lte_modules_are_asked_in_engineering_mode():
    said = (
        '+MENG: "servingcell","NOCONN","LTE","FDD",452,04,9801B01,255,1600,3,5,5,22A7,-92,-10,-62'
    )
    modem, family = module("SLM770A", **{MENG: said})
    family.configure()
    assert family.read_radio(neighbours=True).serving is not None
    assert 'AT+MENG="neighbourcell"' in modem.asked
    assert "AT^CELLINFO=1" not in modem.asked


def test_module_without_either_is_where_it_is_registered():
    _, family = module("SLM750", **{"AT+CESQ": "+CESQ: 99,99,255,255,20,49"})
    family.configure()
    serving = family.read_radio(neighbours=True).serving
    assert serving is not None
    assert (serving.cell_id, serving.rsrp_dbm) == (0x9801B01, -92)


def test_lock_writes_the_other_parameters_back():
    order = f'AT^SYSCFGEX="0403",{REST}'
    modem, family = module(
        **{
            "AT^SYSCFGEX?": f'^SYSCFGEX: "00",{REST}',
            DISABLE: '^NWCFG: "nr5g_disable_mode",0',
            f"{DISABLE},1": "",
            order: "",
        }
    )
    family.lock(RatMode.G5_NSA)
    assert {order, f"{DISABLE},1"} <= set(modem.asked)
    modem.table |= {
        "AT^SYSCFGEX?": f'^SYSCFGEX: "0304",{REST}',
        DISABLE: '^NWCFG: "nr5g_disable_mode",1',
    }
    assert family.read_lock() is RatMode.G5_NSA


def test_parameters_that_changed_are_not_put_back():
    changed = REST.replace(",1,2,", ",0,2,")
    order = f'AT^SYSCFGEX="03",{changed}'
    modem, family = module(**{"AT^SYSCFGEX?": f'^SYSCFGEX: "00",{REST}', order: ""})
    assert family.locks()
    modem.table["AT^SYSCFGEX?"] = f'^SYSCFGEX: "00",{changed}'
    family.lock(RatMode.G4)
    assert order in modem.asked


def test_locks_are_what_the_model_has():
    _, family = module("SLM770A", **{"AT^SYSCFGEX?": f'^SYSCFGEX: "00",{REST}'})
    assert set(family.locks()) == {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}
    _, family = module(**{"AT^SYSCFGEX?": f'^SYSCFGEX: "00",{REST}'})
    assert RatMode.G5_NSA not in family.locks()
    _, family = module("SLM750", **{"AT+MODODR?": "+MODODR: 2"})
    assert family.read_lock() is RatMode.AUTO
    _, family = module("SLM750")
    assert dict(family.locks()) == {}


def test_cell_is_held_with_the_radio_off():
    order = "AT^CELLLOCK=1,3,1,1600,255"
    modem, family = module("SLM770A", **{"AT^CELLLOCK?": "^CELLLOCK: 0", order: ""})
    cell = LockedCell(earfcn=1600, pci=255, band=3)
    family.lock(None, cell=cell)
    assert modem.asked[-3:] == ["AT+CFUN=0", order, "AT+CFUN=1"]
    modem.table["AT^CELLLOCK?"] = '^CELLLOCK: 1,"LTE",1,1600,255'
    assert family.holds(family.wanted(None, cell=cell))


@pytest.mark.parametrize(
    ("rat", "cell"),
    [(Rat.LTE, LockedCell(earfcn=1600)), (Rat.NR, LockedCell(earfcn=632736, pci=377, band=78))],
)
def test_cell_that_lacks_something_cannot_be_held(rat, cell):
    with pytest.raises(UnsupportedHoldError):
        module()[1].cell_value(rat, cell)
