import re

import pytest

from drivers.modem.at import Reply
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError, UnsupportedHoldError
from drivers.modem.families.foxconn import BANDS_AT_ONCE, NEIGHBOURS, RESET, Foxconn
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import AllowedRats, Bands, CellLock, LockedCell, Reading
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.cells import Rat
from wire.messages import RatMode

DEBUG = (
    "RAT:LTE\nmcc:452,mnc:02\nlte_cell_id:158736385\nlte_tac:8871\nlte_tx_pwr:NA\n"
    "lte_ant_rsrp:rx_diversity:3 (-92.4dBm,-95.1dBm,NA,NA)\n"
    "pcell: lte_band:3 lte_band_width:20.0MHz\nchannel:1850 pci:255\n"
    "lte_rsrp:-92.1dBm,rsrq:-10.6dB\nlte_rssi:-61.6dBm,lte_snr:14.4dB"
)
LTE_BANDS = frozenset({1, 2, 3, 4, 5, 7, 8, 12, 13, 17, 18, 19, 20, 25, 26, 28, 38, 39, 40, 41})
NR_BANDS = frozenset({1, 3, 28, 41, 77, 78})
LEVERS = {
    "AT^SLMODE?": "^SLMODE: 1,0",
    "AT^SLMODE=?": "^SLMODE: (0-1),(0-7)",
    "AT^NR5G_MODE?": "^NR5G_MODE:0",
    "AT^LTE_LOCK?": "^LTE_LOCK: Have not set cell lock before",
    "AT^NR5G_LOCK?": "NR5G_LOCK:Have not set cell lock before",
}
OLDER_LEVERS = {"AT^SLMODE?": "^SLMODE: 1,35"}


class Bandwise(Answers):
    """A modem that also has AT^BAND_PREF_EXT, as firmware of one kind or the other does it."""

    def __init__(self, table: dict[str, str], *, adds: bool = False, longest: int = 99) -> None:
        super().__init__(table)
        self.adds = adds
        self.longest = longest
        self.every = {"WCDMA": frozenset({1, 8}), "LTE": LTE_BANDS, "NR5G_NSA": NR_BANDS}
        self.every["NR5G_SA"] = NR_BANDS
        self.enabled = dict(self.every)

    def send(self, command: str, timeout_s: float) -> Reply:
        self.table.pop(command if command.startswith("AT^BAND") else "", None)
        order = re.fullmatch(r"AT\^BAND_PREF_EXT=(\w+),([12]),([0-9:]+)", command)
        if order:
            name, bands = order[1], frozenset(map(int, order[3].split(":")))
            if len(bands) <= self.longest:
                kept = self.enabled[name] if self.adds or order[2] == "1" else frozenset()
                self.enabled[name] = kept - bands if order[2] == "1" else kept | bands
                self.table[command] = ""
        elif command == "AT^BAND_PREF_EXT":
            self.enabled = dict(self.every)
            self.table[command] = ""
        elif command == "AT^BAND_PREF_EXT?":
            self.table[command] = "\n".join(
                f"{name},Enable Bands :{','.join(map(str, sorted(bands)))},\n"
                f"{name},Disable Bands:{','.join(map(str, sorted(self.every[name] - bands)))},"
                for name, bands in self.enabled.items()
            )
        return super().send(command, timeout_s)

    def orders(self) -> list[str]:
        return [one for one in self.asked if re.match(r"AT\^BAND_PREF_EXT(?!\?)", one)]


def family(modem: Answers, model: str = "T99W175", maker: str = "QUALCOMM") -> Foxconn:
    return Foxconn(Identification(maker, model), Dialogue(modem.send, modem.clock))


def read(command: str, text: str, model: str = "T99W175") -> Reading:
    asked = Asked(command, tuple(text.splitlines()), model)
    parse = reader_of(Foxconn.readers, asked)
    assert parse is not None
    return parse(asked)


@pytest.mark.parametrize(
    ("maker", "model"),
    [
        ("QUALCOMM", "T99W175"),
        ("QUALCOMM INCORPORATED", "T77W968"),
        ("Dell Inc.", "DW5821e Snapdragon X20 LTE"),
        ("Dell", "DW5930e"),
        ("FOXCONN", "unknown"),
        (None, "T99W640"),
        ("Cinterion", "MV31-W"),
    ],
)
def test_module_is_known_by_its_model(maker, model):
    assert family_of(Identification(maker, model)) is Foxconn


@pytest.mark.parametrize(
    ("maker", "model"), [("QUALCOMM", "SIM7600"), ("Dell", "DW5811e"), ("QUALCOMM", None)]
)
def test_other_modules_of_qualcomm_and_dell_are_not_claimed(maker, model):
    assert not Foxconn.claims(Identification(maker, model))


def test_a_look_is_one_command():
    modem = Answers(
        {
            "AT^DEBUG?": DEBUG,
            "AT^TEMP?": "PA: 37C\nTSENS: 41C",
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762001",7',
        }
    )
    module = family(modem)
    module.configure()
    look = module.read_radio(neighbours=True)
    assert look.mode == "lte"
    assert look.serving is not None
    assert (look.serving.plmn, look.serving.tac) == ("45202", 0x22A7)
    assert (look.serving.arfcn, look.serving.pci, look.serving.rsrp_dbm) == (1850, 255, -92.1)
    assert look.unread == ()
    assert NEIGHBOURS not in modem.asked


def test_neighbours_of_a_lte_module_are_asked_apart():
    modem = Answers({"AT^DEBUG?": DEBUG, NEIGHBOURS: "+VZWRSRP: 90,1850,-99.00,7,3050,-104.50"})
    module = family(modem, "DW5821e Snapdragon X20 LTE", "Dell Inc.")
    module.configure()
    look = module.read_radio(neighbours=True)
    assert [(cell.pci, cell.arfcn, cell.rsrp_dbm) for cell in look.neighbours] == [
        (90, 1850, -99.0),
        (7, 3050, -104.5),
    ]


def test_t99w640_has_the_commands_with_a_plus():
    modem = Answers(
        {
            "AT+DEBUG?": DEBUG,
            "AT+SLMODE?": "+SLMODE: 1,0",
            "AT+SLMODE=1,2": "",
            "AT+NR5G_MODE?": "+NR5G_MODE: 0",
        }
    )
    module = family(modem, "T99W640")
    module.configure()
    assert module.read_radio(neighbours=False).mode == "lte"
    assert module.read_lock() is RatMode.AUTO
    module.lock(RatMode.G4)
    assert "AT+SLMODE=1,2" in modem.asked


def test_module_without_the_command_is_asked_the_standard():
    modem = Answers(
        {
            "AT+CSQ": "+CSQ: 20,99",
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762001",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
        }
    )
    module = family(modem, "T77W595")
    module.configure()
    look = module.read_radio(neighbours=False)
    assert look.serving is not None
    assert (look.serving.cell_id, look.serving.rssi_dbm) == (0x9762001, -73)


def test_status_of_older_modules():
    row = '"45204",1600,-92.2,-62.8,-10.5,8871,0,0,19,1,255,"452040000000001","Viettel",3,3,14.4'
    (cell,) = read("AT^RFSTS?", f"^RFSTS:\n{row}", "T77W676").cells or ()
    assert (cell.tac, cell.pci, cell.sinr_db) == (8871, 255, 14.4)


def test_temperatures_have_the_names_of_their_sensors():
    text = "PA: 37C\nSkin Sensor: 36C\nTSENS: -256C"
    assert read("AT^TEMP?", text).temperature_c == {"PA": 37, "Skin Sensor": 36}
    assert read("AT+TEMP", "xo_therm_usr: 41.5\nmdm: 44").temperature_c == {
        "xo_therm_usr": 41.5,
        "mdm": 44,
    }
    assert read("AT^TEMP?", "").temperature_c is None


@pytest.mark.parametrize(
    ("text", "model", "lock"),
    [
        ("^SLMODE: 1,0", "T99W175", AllowedRats(auto=True)),
        ("^SLMODE: 0,2", "T99W175", AllowedRats(allowed=("lte",), auto=False)),
        ("^SLMODE:1,7", "T99W373", AllowedRats(allowed=("wcdma", "lte", "nr"), auto=True)),
        ("^SLMODE: 1,30", "T77W968", AllowedRats(allowed=("lte",), auto=False)),
        ("^SLMODE: 1,2", "T77W968", AllowedRats(raw=(2,))),
        ("^SLMODE: 1,77", "T99W175", AllowedRats(raw=(77,))),
    ],
)
def test_technologies_by_the_code_of_the_generation(text, model, lock):
    assert read("AT^SLMODE?", text, model).rat_lock == lock


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        ("^NR5G_MODE:0", AllowedRats(nr_sa=True, nr_nsa=True)),
        ("^NR5G_MODE: 1", AllowedRats(nr_sa=False, nr_nsa=True)),
        ("^NR5G_MODE: 2", AllowedRats(nr_sa=True, nr_nsa=False)),
    ],
)
def test_kinds_of_5g(text, lock):
    assert read("AT^NR5G_MODE?", text).rat_lock == lock


@pytest.mark.parametrize(
    ("text", "lock"),
    [
        ("^SYSCONFIG: 2,0,1,2", AllowedRats(auto=True)),
        ("^SYSCONFIG: 14,2,1,2", AllowedRats(allowed=("wcdma",), auto=False)),
        ("^SYSCONFIG: 17,0,1,2", AllowedRats(raw=(17, 0, 1, 2))),
    ],
)
def test_technologies_of_the_older_command(text, lock):
    assert read("AT^SYSCONFIG?", text, "T77W968").rat_lock == lock


def test_enabled_bands():
    text = (
        "WCDMA,Enable Bands :1,8,\nWCDMA,Disable Bands:\nLTE,Enable Bands :1,3,28,\n"
        "LTE,Disable Bands:7,40,\nNR5G_NSA,Enable Bands :78,\nNR5G_SA,Enable Bands :28,78,"
    )
    assert read("AT^BAND_PREF_EXT?", text).bands == Bands(
        wcdma=(1, 8), lte=(1, 3, 28), nr_nsa=(78,), nr_sa=(28, 78)
    )
    older = "^BAND_PREF: LTE,Enable Bands :1:3\nNR5G,Enable Bands :78:79"
    assert read("AT^BAND_PREF?", older).bands == Bands(lte=(1, 3), nr_nsa=(78, 79), nr_sa=(78, 79))


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("^LTE_LOCK: Have not set cell lock before", ()),
        ("^LTE_LOCK:(255,1850),", (LockedCell(earfcn=1850, pci=255),)),
        ("^LTE_LOCK: 255,1850", (LockedCell(earfcn=1850, pci=255),)),
        (
            "^LTE_LOCK:(255,1850),(7,3050),",
            (LockedCell(earfcn=1850, pci=255), LockedCell(earfcn=3050, pci=7)),
        ),
    ],
)
def test_locked_cells_of_lte(text, cells):
    assert read("AT^LTE_LOCK?", text).cell_lock == CellLock(rat=Rat.LTE, cells=cells)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("NR5G_LOCK:Have not set cell lock before", ()),
        (
            "^NR5G_LOCK:(78,1,632736,377)",
            (LockedCell(band=78, scs_khz=30, earfcn=632736, pci=377),),
        ),
    ],
)
def test_locked_cell_of_nr(text, cells):
    assert read("AT^NR5G_LOCK?", text).cell_lock == CellLock(rat=Rat.NR, cells=cells)


@pytest.mark.parametrize(
    "command",
    [
        "AT^DEBUG?",
        "AT^TEMP?",
        "AT^SLMODE?",
        "AT^NR5G_MODE?",
        "AT^SYSCONFIG?",
        "AT^BAND_PREF_EXT?",
        "AT^LTE_LOCK?",
        "AT^NR5G_LOCK?",
    ],
)
@pytest.mark.parametrize("text", ["what", "^SLMODE: ²", ": ,,,"])
def test_garbage_is_unreadable(command, text):
    with pytest.raises(UnreadableError):
        read(command, text)


def test_measured_cells_are_in_one_row_or_many():
    rows = read(NEIGHBOURS, "+VZWRSRP: 90,1850,-99.00\n+VZWRSRP: 7,3050,-104.50").cells
    assert rows == read(NEIGHBOURS, "+VZWRSRP: 90,1850,-99.00,7,3050,-104.50").cells
    assert read(NEIGHBOURS, "").cells == ()
    assert read(NEIGHBOURS, "+VZWRSRP: 999,1850,-99.00,7").cells == ()


def test_locks_of_a_5g_module_are_those_it_lists():
    module = family(Answers(dict(LEVERS)))
    assert set(module.locks()) == {
        RatMode.G3,
        RatMode.G4,
        RatMode.G5,
        RatMode.G5_NSA,
        RatMode.G5_SA,
        RatMode.AUTO,
    }
    fewer = family(Answers({**LEVERS, "AT^SLMODE=?": "^SLMODE: (0-1),(0,2,6)"}))
    assert set(fewer.locks()) == {RatMode.G4, RatMode.G5, RatMode.G5_NSA, RatMode.AUTO}


def test_locks_of_a_lte_module():
    module = family(Answers(dict(OLDER_LEVERS)), "T77W968")
    assert set(module.locks()) == {RatMode.G3, RatMode.G4, RatMode.AUTO}
    assert module.read_lock() is RatMode.AUTO
    assert module.band_levers() == {}
    assert module.cell_levers() == {}


def test_lock_is_written_and_read_back():
    modem = Answers({**LEVERS, "AT^SLMODE=1,6": "", "AT^NR5G_MODE=1": "", "AT^SLMODE=1,0": ""})
    module = family(modem)
    assert module.read_lock() is RatMode.AUTO
    module.lock(RatMode.G5_NSA)
    assert {"AT^SLMODE=1,6", "AT^NR5G_MODE=1"} <= set(modem.asked)
    assert RESET not in modem.asked
    modem.table |= {"AT^SLMODE?": "^SLMODE: 1,6", "AT^NR5G_MODE?": "^NR5G_MODE:1"}
    assert module.read_lock() is RatMode.G5_NSA


def test_all_technologies_by_name_are_any():
    module = family(Answers({**LEVERS, "AT^SLMODE?": "^SLMODE: 1,7"}))
    assert module.read_lock() is RatMode.AUTO


def test_module_without_levers_has_no_locks():
    module = family(Answers({}))
    assert (module.levers(), module.locks(), module.band_levers()) == ((), {}, {})


@pytest.mark.parametrize("adds", [False, True])
def test_bands_are_these_alone(adds):
    modem = Bandwise(dict(LEVERS), adds=adds)
    module = family(modem)
    before = module.setting()
    wanted = module.wanted(None, Bands(lte=(3, 28), nr_sa=(78,)))
    module.restore(wanted)
    assert module.holds(wanted)
    assert modem.enabled["LTE"] == {3, 28}
    assert modem.enabled["NR5G_SA"] == {78}
    assert modem.enabled["NR5G_NSA"] == NR_BANDS
    modem.table |= {"AT^SLMODE=1,0": "", "AT^NR5G_MODE=0": ""}
    module.restore(before)
    assert modem.enabled == modem.every


def test_long_list_that_is_refused_is_made_of_all_bands_without_the_others():
    modem = Bandwise(dict(LEVERS), longest=BANDS_AT_ONCE)
    module = family(modem)
    modem.enabled["LTE"] = frozenset({3})
    wanted = module.wanted(None, Bands(lte=tuple(LTE_BANDS - {40})))
    module.restore(wanted)
    assert modem.enabled["LTE"] == LTE_BANDS - {40}
    assert modem.orders()[1:] == ["AT^BAND_PREF_EXT", "AT^BAND_PREF_EXT=LTE,1,40"]


def test_many_bands_are_disabled_in_several_orders():
    modem = Bandwise(dict(LEVERS), adds=True, longest=BANDS_AT_ONCE)
    module = family(modem)
    module.restore(module.wanted(None, Bands(lte=(3,))))
    assert modem.enabled["LTE"] == {3}
    assert len(modem.orders()) == 3


def test_bands_that_are_set_already_are_not_written():
    modem = Bandwise(dict(LEVERS))
    module = family(modem)
    module.restore(module.wanted(None, Bands(lte=tuple(LTE_BANDS))))
    assert modem.orders() == []


def test_cell_takes_effect_with_a_reset_and_is_written_once():
    modem = Answers({**LEVERS, "AT^LTE_LOCK=255,1850": "", RESET: "", "AT^LTE_LOCK": ""})
    module = family(modem)
    before = module.setting()
    wanted = module.wanted(None, cell=LockedCell(earfcn=1850, pci=255))
    module.restore(wanted)
    assert modem.asked[-2:] == ["AT^LTE_LOCK=255,1850", RESET]
    modem.table["AT^LTE_LOCK?"] = "^LTE_LOCK:(255,1850),"
    modem.asked.clear()
    module.restore(wanted)
    assert RESET not in modem.asked
    modem.table |= {"AT^SLMODE=1,0": "", "AT^NR5G_MODE=0": ""}
    module.restore(before)
    assert modem.asked[-2:] == ["AT^LTE_LOCK", RESET]


def test_cell_of_nr_wants_band_and_spacing():
    module = family(Answers(dict(LEVERS)))
    full = LockedCell(earfcn=632736, pci=377, band=78, scs_khz=30)
    assert module.cell_value(Rat.NR, full) == "78,1,632736,377"
    with pytest.raises(UnsupportedHoldError):
        module.cell_value(Rat.NR, LockedCell(earfcn=632736, pci=377))
    with pytest.raises(UnsupportedHoldError):
        module.cell_value(Rat.NR, LockedCell(earfcn=632736, pci=377, band=78))


def test_setting_of_another_family_is_refused():
    module = family(Answers(dict(LEVERS)))
    with pytest.raises(RefusedError):
        module.restore({"mode_pref": "AUTO"})


def test_both_cells_are_freed_by_one_reset():
    locked = {"AT^LTE_LOCK?": "^LTE_LOCK:(255,1850),", "AT^NR5G_LOCK?": "^NR5G_LOCK:(78,1,9,377)"}
    modem = Answers({**LEVERS, **locked, "AT^LTE_LOCK": "", "AT^NR5G_LOCK": "", RESET: ""})
    module = family(modem)
    module.restore({"lte_lock": "", "nr5g_lock": ""})
    assert modem.asked[-3:] == ["AT^LTE_LOCK", "AT^NR5G_LOCK", RESET]
