import pytest

from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError, UnsupportedHoldError
from drivers.modem.families.sierra import BANDS, STATUS, UNLOCK, Sierra
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import AllowedRats, Bands, LockedCell, Reading
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.cells import Rat
from wire.messages import RatMode

GSTATUS = (
    "!GSTATUS:\nCurrent Time:  1\t\tTemperature: 44\n"
    "System mode:   LTE        \tPS state:    Attached\n"
    "LTE band:      B3     \t\tLTE bw:      20 MHz\n"
    "LTE Rx chan:   1850\t\tLTE Tx chan: 19850\nRRC state:     RRC Connected\n"
    "PCC RxM RSSI:  -61\t\tRSRP (dBm):  -92\nPCC RxD RSSI:  -64\t\tRSRP (dBm):  -95\n"
    "Tx Power:      --\t\tTAC:         22A7 (8871)\n"
    "RSRQ (dB):     -10.5\t\tCell ID:     09762001 (158736385)\nSINR (dB):     14.2"
)
LTEINFO = (
    "!LTEINFO:\nServing:   EARFCN MCC MNC TAC CID Bd D U SNR PCI RSRQ RSRP RSSI RXLV\n"
    "1850 452 04 8871 09762001 3 5 5 14 255 -10.5 -92.1 -61.4 --\n"
    "IntraFreq: PCI RSRQ RSRP RSSI RXLV\n255 -10.5 -92.1 -61.4 --\n34 -17.0 -101.4 -75.0 --"
)
MC74_CHOICES = (
    "!SELRAT: Index, Name\n00, Automatic\n01, UMTS 3G Only\n06, LTE Only\n11, UMTS and LTE Only"
)
EM91_CHOICES = (
    "!SELRAT: Index, Name\n00, Automatic\n01, WCDMA Only\n06, LTE Only\n11, WCDMA and LTE Only\n"
    "20, NR 5G Only\n21, LTE and NR 5G Only\n22, WCDMA and NR 5G Only"
)
OLD_CHOICES = (
    "!SELRAT: Index, Name\n00, Automatic\n01, UMTS 3G Only\n02, GSM 2G Only\n"
    "03, UMTS 3G Preferred\n04, LTE Only\n0C, CDMA, LTE\n0D, CDMA only"
)
HEADING = "Index, Name,                        GW Band Mask     L Band Mask      TDS Band Mask"
ALL_BANDS = f"{HEADING}\n00, All bands     0002000007C00000 00000100130818DF 0000000000000000"
EM91_BANDS = (
    "Index, Name\n00, All bands,\n0 - GW:    0002000000400000\n"
    "1 - LTE:   0000000000000044 0000000000000002\n3 - NRNSA: 0000000000000000 0000000000002000\n"
    "4 - NRSA:  0000000000000001 0000000000002000"
)


def module(model: str = "EM7455", **more: str) -> tuple[Answers, Sierra]:
    modem = Answers(
        {
            STATUS: GSTATUS,
            "AT!LTEINFO?": LTEINFO,
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762001",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            UNLOCK: "",
            **more,
        }
    )
    maker = "Sierra Wireless, Incorporated"
    return modem, Sierra(Identification(maker, model), Dialogue(modem.send, modem.clock))


def read(command: str, text: str) -> Reading:
    asked = Asked(command, tuple(text.splitlines()), "EM9191")
    parse = reader_of(Sierra.readers, asked)
    assert parse is not None
    return parse(asked)


@pytest.mark.parametrize(
    ("maker", "model"),
    [
        ("Sierra Wireless, Incorporated", "EM7455B"),
        ("Semtech", "EM9291"),
        ("Dell", "EM7565"),
        (None, "MC7304"),
        ("Lenovo", "WP7702"),
    ],
)
def test_module_is_known_by_its_maker_or_its_model(maker, model):
    assert family_of(Identification(maker, model)) is Sierra


@pytest.mark.parametrize("model", ["EM12-G", "EM160R-GL", "RM520N-GL", None])
def test_other_makers_modules_are_not_claimed(model):
    assert not Sierra.claims(Identification("Quectel", model))


def test_a_look_is_the_status_with_the_pci_of_the_table():
    modem, family = module()
    family.configure()
    look = family.read_radio(neighbours=True)
    assert (look.mode, look.rrc_state, look.plmn) == ("lte", "connect", "45204")
    assert look.serving is not None
    assert (look.serving.arfcn, look.serving.pci, look.serving.plmn) == (1850, 255, "45204")
    # The level of the better receiver, unless the table gives one for all.
    assert (look.serving.rsrp_dbm, look.serving.sinr_db) == (-92.1, 14.2)
    assert [cell.pci for cell in look.neighbours] == [34]
    assert look.temperature_c == 44
    assert look.unread == ()
    assert UNLOCK in modem.asked


def test_module_that_knows_no_status_is_asked_the_standard():
    modem, family = module()
    del modem.table[STATUS]
    modem.table["AT+CSQ"] = "+CSQ: 20,99"
    family.configure()
    look = family.read_radio(neighbours=False)
    assert look.serving is not None
    assert (look.serving.cell_id, look.serving.rssi_dbm) == (0x9762001, -73)
    assert look.unread == ()


def test_stand_alone_cell_has_its_pci_from_a_command_of_its_own():
    text = "System mode: NR5G\nNR5G band: n78\nNR5G Rx chan: 632736\nNR5G RSRP (dBm): -92"
    _, family = module(
        "EM9191",
        **{
            STATUS: text,
            "AT!NRPCI?": "!NRPCI: 377",
            "AT+C5GREG?": '+C5GREG: 2,1,"A1F2","1C649D138",11',
        },
    )
    look = family.read_radio(neighbours=False)
    assert look.mode == "nr-sa"
    assert look.serving is not None
    assert (look.serving.pci, look.serving.tac) == (377, 0xA1F2)


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        ("!SELRAT: 00, Automatic", AllowedRats(auto=True)),
        ("!SELRAT: 01, UMTS 3G Only", AllowedRats(allowed=("wcdma",), auto=False)),
        ("!SELRAT: 04, GSM 2G Preferred", AllowedRats(allowed=("gsm", "wcdma"), preferred="gsm")),
        ("!SELRAT: 05, GSM and UMTS Only", AllowedRats(allowed=("gsm", "wcdma"), auto=False)),
        ("06, LTE Only", AllowedRats(allowed=("lte",), auto=False)),
        ("!SELRAT: 21, LTE and NR5G Only", AllowedRats(allowed=("lte", "nr"), auto=False)),
        ("!SELRAT: 05, 5G Only", AllowedRats(allowed=("nr",), auto=False)),
        ("!SELRAT: 0E", AllowedRats(raw=(14,))),
    ],
)
def test_technologies_are_read_by_their_names(text, lock):
    assert read("AT!SELRAT?", text).rat_lock == lock


@pytest.mark.parametrize("text", ["Unknown RAT mode. Use AT!SELRAT to set band.\n00000027", "06"])
def test_technologies_without_a_name_or_the_command_are_unreadable(text):
    with pytest.raises(UnreadableError):
        read("AT!SELRAT?", text)


@pytest.mark.parametrize(
    "said",
    [
        (
            "Index, Name,       GW Band Mask     L Band Mask\n"
            "06, Europe         0002000000400000 00000000000800C5\n"
            "0C, NR5G ALL       0000000000000000 0000000000000000"
        ),
        (
            "Index, Name\n06, Europe\n     0 - GW:    0002000000400000\n"
            "     1 - LTE:   00000000000800C5 0000000000000000\n0C, NR5G ALL"
        ),
    ],
)
def test_sets_of_bands_are_listed_by_their_hexadecimal_index(said):
    assert read("AT!BAND=?", said).supported == {"band": (6, 12)}


def test_sets_of_bands_that_are_none_are_not_read():
    with pytest.raises(UnreadableError):
        read("AT!BAND=?", "Index, Name")


def test_choices_are_listed_by_their_hexadecimal_index():
    assert read("AT!SELRAT=?", MC74_CHOICES).supported == {"selrat": (0, 1, 6, 0x11)}


@pytest.mark.parametrize(
    ("choices", "codes"),
    [
        (MC74_CHOICES, {RatMode.G3: "01", RatMode.G4: "06", RatMode.AUTO: "00"}),
        (
            EM91_CHOICES,
            {
                RatMode.G3: "01",
                RatMode.G4: "06",
                RatMode.G5_SA: "20",
                RatMode.G5: "21",
                RatMode.AUTO: "00",
            },
        ),
        (
            OLD_CHOICES,
            {RatMode.G2: "02", RatMode.G3: "01", RatMode.G4: "04", RatMode.AUTO: "00"},
        ),
    ],
)
def test_lock_is_chosen_by_name_and_asked_once(choices, codes):
    modem, family = module(**{"AT!SELRAT=?": choices})
    assert family.locks() == {mode: {"selrat": code} for mode, code in codes.items()}
    family.locks()
    assert modem.asked.count("AT!SELRAT=?") == 1


def test_lock_is_unlocked_written_and_read_back():
    modem, family = module(
        **{
            "AT!SELRAT=?": MC74_CHOICES,
            "AT!SELRAT?": "!SELRAT: 00, Automatic",
            "AT!SELRAT=06": "",
        }
    )
    assert family.read_lock() is RatMode.AUTO
    assert family.setting() == {"selrat": "00"}
    family.lock(RatMode.G4)
    assert modem.asked[-2:] == [UNLOCK, "AT!SELRAT=06"]
    modem.table["AT!SELRAT?"] = "!SELRAT: 06, LTE Only"
    assert family.read_lock() is RatMode.G4


def test_module_without_choices_has_no_lock():
    _, family = module()
    assert (family.levers(), family.locks(), family.band_levers()) == ((), {}, {})


def test_bands_are_written_beside_those_of_gsm_and_umts_and_then_put_in_force():
    own = 'AT!BAND=10,"dosong",0002000007C00000,0000000008000004'
    modem, family = module(
        **{
            "AT!SELRAT=?": MC74_CHOICES,
            "AT!SELRAT?": "!SELRAT: 00, Automatic",
            BANDS: ALL_BANDS,
            own: "",
            "AT!BAND=10": "",
            "AT!BAND=00": "",
        }
    )
    before = family.setting()
    assert before["band"] == "00"
    wanted = family.wanted(None, Bands(lte=(3, 28)))
    assert not family.holds(wanted)
    family.restore(wanted)
    assert [order for order in modem.asked if order.startswith("AT!BAND=")] == [own, "AT!BAND=10"]
    modem.table[BANDS] = f"{HEADING}\n10, dosong     0002000007C00000 0000000008000004 0000"
    assert family.holds(wanted)
    modem.table['AT!BAND=10,"dosong",0002000007C00000,00000100130818DF'] = ""
    modem.table["AT!SELRAT=00"] = ""
    modem.asked.clear()
    family.restore(before)
    assert modem.asked[-1] == "AT!BAND=00"


def test_bands_of_em91_and_cells_are_not_held():
    _, family = module("EM9191", **{"AT!SELRAT=?": EM91_CHOICES, BANDS: EM91_BANDS})
    with pytest.raises(UnsupportedHoldError):
        family.wanted(RatMode.G4, Bands(lte=(3,)))
    with pytest.raises(UnsupportedHoldError):
        family.wanted(RatMode.G4, cell=LockedCell(earfcn=1850, pci=255))


def test_setting_of_another_family_is_refused():
    _, family = module(**{"AT!SELRAT=?": MC74_CHOICES})
    with pytest.raises(RefusedError):
        family.restore({"mode_pref": "AUTO"})


def test_masks_of_bands():
    assert read("AT!BAND?", ALL_BANDS).bands == Bands(
        gsm_mhz=(),
        wcdma=(1, 2, 3, 4, 5, 8),
        lte=(1, 2, 3, 4, 5, 7, 8, 12, 13, 20, 25, 26, 29, 41),
    )
    assert read("AT!BAND?", EM91_BANDS).bands == Bands(
        gsm_mhz=(), wcdma=(1, 8), lte=(3, 7, 66), nr_nsa=(78,), nr_sa=(1, 78)
    )


def test_set_of_bands_without_masks_is_unreadable():
    with pytest.raises(UnreadableError):
        read("AT!BAND?", "Index, Name\n00, All bands")


@pytest.mark.parametrize(
    ("text", "said", "mode"),
    [("*CNTI: 0,LTE", "LTE", "lte"), ("*CNTI: 0,NONE", "NONE", None)],
)
def test_technology_in_use(text, said, mode):
    reading = read("AT*CNTI=0", text)
    assert (reading.cnti, reading.mode) == (said, mode)


def test_contexts():
    reading = read("AT!SCACT?", "!SCACT: 1,0\n!SCACT: 4,1")
    assert reading.pdp_active == {"1": False, "4": True}


def test_temperature_and_power():
    assert read("AT!PCTEMP?", "Temp state: Normal\nTemperature: 43.12 degC").temperature_c == 43.12
    assert read("AT!PCINFO?", "State: Online\nLPM voters - Temp:0").power == "on"
    assert read("AT!PCINFO?", "State: 1 (ONLINE)").power == "on"
    assert read("AT!PCINFO?", "State: Low Power Mode").power == "low"


@pytest.mark.parametrize("command", ["AT!PCTEMP?", "AT!PCINFO?", "AT*CNTI=0", "AT!NRPCI?"])
def test_garbage_is_unreadable(command):
    with pytest.raises(UnreadableError):
        read(command, "what")


def test_nr_pci_may_be_unknown():
    assert read("AT!NRPCI?", "!NRPCI: --").cells == ()
    (cell,) = read("AT!NRPCI?", "!NRPCI: 377").cells or ()
    assert (cell.rat, cell.pci) == (Rat.NR, 377)
