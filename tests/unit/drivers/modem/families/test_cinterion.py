import pytest

from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnreadableError, UnsupportedHoldError
from drivers.modem.families.cinterion import Cinterion
from drivers.modem.family import family_of
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import AllowedRats, Bands, Reading, Role
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.cells import Rat
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

LTE = "^SMONI: 4G,1600,3,20,20,FDD,452,04,22A7,9762001,255,33,-92,-10,NOCONN"
SXRAT = {"AT^SXRAT=?": "^SXRAT: (0-6),(0,2,3),(0,2,3)", "AT^SXRAT?": "^SXRAT: 6,3,2"}
BAND_3G = 'AT^SCFG="Radio/Band/3G"'
BAND_4G = 'AT^SCFG="Radio/Band/4G"'


def module(model: str = "PLS62-W", **more: str) -> tuple[Answers, Cinterion]:
    modem = Answers(
        {
            "AT^SMONI": LTE,
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762001",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    return modem, Cinterion(Identification("Cinterion", model), Dialogue(modem.send, modem.clock))


def reading(command: str, *lines: str, model: str = "PLS62-W") -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(Cinterion.readers, asked)
    assert parse is not None
    return parse(asked)


# AT^SMONI.


def test_lte_cell_is_told_whole():
    found = reading("AT^SMONI", LTE)
    (cell,) = found.cells or ()
    assert (found.mode, found.rrc_state, cell.role) == ("lte", "noconn", Role.SERVING)
    assert (cell.plmn, cell.arfcn, cell.band, cell.pci) == ("45204", 1600, 3, 255)
    assert (cell.bandwidth_mhz, cell.ul_bandwidth_mhz, cell.duplex) == (20, 20, "fdd")
    assert (cell.tac, cell.cell_id) == (0x22A7, 0x9762001)
    assert (cell.rsrp_dbm, cell.rsrq_db) == (-92, -10)


@pytest.mark.parametrize(
    ("fields", "state", "rsrq"),
    [
        ("90,-92,-10,CONN", "connect", -10),
        ("-,-92,-10,CONN", "connect", -10),
        ("33,-92,-12.5,LIMSRV", "limsrv", -12.5),
        ("33,-92,-10,NOCONN,0,0,0,0,21", "noconn", -10),
    ],
)
def test_power_stands_where_else_the_reception_is(fields, state, rsrq):
    found = reading("AT^SMONI", LTE.rpartition("255,")[0] + "255," + fields)
    (cell,) = found.cells or ()
    assert (found.rrc_state, cell.rsrp_dbm, cell.rsrq_db) == (state, -92, rsrq)
    assert cell.sinr_db is None


@pytest.mark.parametrize("label", ["Cat.M", "Cat.NB"])
def test_narrow_cells_are_of_lte(label):
    (cell,) = reading("AT^SMONI", LTE.replace("4G", label)).cells or ()
    assert (cell.rat, cell.pci) == (Rat.LTE, 255)


@pytest.mark.parametrize(
    ("tail", "state"),
    [("-92,-78,NOCONN", "noconn"), ("--,--,----,---,-,-7.5,-81,0,01,06", None)],
)
def test_utra_cell_is_the_same_in_a_call(tail, state):
    row = f"^SMONI: 3G,10688,34,-7.5,-81,452,02,129D,1A2B3C4,{tail}"
    found = reading("AT^SMONI", row)
    (cell,) = found.cells or ()
    assert (found.mode, found.rrc_state, cell.plmn) == ("wcdma", state, "45202")
    assert (cell.arfcn, cell.psc, cell.ecio_db, cell.rscp_dbm) == (10688, 34, -7.5, -81)
    assert (cell.lac, cell.cell_id) == (0x129D, 0x1A2B3C4)


@pytest.mark.parametrize(
    ("tail", "state"),
    [("NOCONN", "noconn"), ("5,-107,LIMSRV", "limsrv"), ("643,4,0,-80,0,S_FR", None)],
)
def test_gsm_cell_is_the_same_in_a_call(tail, state):
    found = reading("AT^SMONI", f"^SMONI: 2G,62,-78,452,01,129D,1052,33,33,2,3,G,{tail}")
    (cell,) = found.cells or ()
    assert (found.mode, found.rrc_state, cell.plmn) == ("gsm", state, "45201")
    assert (cell.arfcn, cell.rssi_dbm, cell.bsic) == (62, -78, 19)
    assert (cell.lac, cell.cell_id) == (0x129D, 0x1052)


@pytest.mark.parametrize("value", ["2G,SEARCH,SEARCH", "4G,SEARCH", "Searching", "SEARCH"])
def test_search_is_a_mode_without_a_cell(value):
    found = reading("AT^SMONI", f"^SMONI: {value}")
    assert (found.mode, found.rrc_state, found.cells) == ("searching", "search", ())


def test_silence_is_no_cell_and_no_mode():
    assert reading("AT^SMONI", "^SMONI: ") == Reading(cells=())


@pytest.mark.parametrize("value", ["5G,1", "4G,what", "3G,-,-", "2G,-", "what"])
def test_what_is_no_cell_is_not_read(value):
    with pytest.raises(UnreadableError):
        reading("AT^SMONI", f"^SMONI: {value}")


def test_start_of_the_module_is_no_answer():
    response = f"^SYSSTART\r\n{LTE}\r\n\r\nOK\r\n"
    found = decode(vendor="Gemalto", model="PLS62-W", command="AT^SMONI", response=response)
    assert found["cells"][0]["pci"] == 255


# AT^SMONP, AT^SMONC and the tables.


def test_neighbours_stand_below_their_technology():
    found = reading(
        "AT^SMONP",
        "2G:",
        "62,22,-89,452,01,2,3,18,-3",
        "64,20,-91,452,01,2,5,16,-3,129D,1053,10,10",
        "3G:",
        "10688,51,-6.5,-92,-7,-20",
        "10688,------,---",
        "4G:",
        "1600,-20,-105,12,34,-",
        "-----,---,----,--,---",
    )
    gsm, identified, utra, lte = found.cells or ()
    assert {cell.role for cell in found.cells or ()} == {Role.NEIGHBOUR}
    assert (gsm.arfcn, gsm.rssi_dbm, gsm.bsic, gsm.lac) == (62, -89, 19, None)
    assert (identified.bsic, identified.lac, identified.cell_id) == (21, 0x129D, 0x1053)
    assert (utra.psc, utra.ecio_db, utra.rscp_dbm) == (51, -6.5, -92)
    assert (lte.pci, lte.rsrp_dbm, lte.rsrq_db) == (34, -105, -20)
    assert found.unread == ("10688,------,---",)


@pytest.mark.parametrize("line", ["^SMONP: Searching", "^SMONP: ", "^SMONP: 4G: -----,---"])
def test_no_neighbours_are_none(line):
    assert reading("AT^SMONP", line).cells == ()


def test_neighbours_of_an_unknown_technology_are_not_read():
    with pytest.raises(UnreadableError):
        reading("AT^SMONP", "5G:", "1,2,3")


def test_surroundings_begin_with_the_serving_cell():
    found = reading(
        "AT^SMONC",
        "^SMONC: 452,01,129D,1052,22,62,33,33,33,452,01,129D,1053,25,64,20,16,16,"
        "000,000,0000,0000,00,0,0,-,-",
    )
    serving, neighbour = found.cells or ()
    assert (found.mode, serving.role, neighbour.role) == ("gsm", Role.SERVING, Role.NEIGHBOUR)
    assert (serving.arfcn, serving.lac, serving.cell_id) == (62, 0x129D, 0x1052)
    assert (serving.rssi_dbm, neighbour.rssi_dbm, serving.bsic) == (-78, -91, None)


GPRS_HEADING = "BCCH  G  PBCCH  PAT MCC  MNC  NOM  TA      RAC        # Cell #"


@pytest.mark.parametrize(
    "row", ["0062  1  -      -   452   01  2    00 01", "62 1 - - 452 1 - - -"]
)
def test_gprs_monitor_has_words_below_words(row):
    found = reading("AT^SMONG", "GPRS Monitor", GPRS_HEADING, row, model="TC63i")
    (cell,) = found.cells or ()
    assert (found.mode, cell.role, cell.arfcn) == ("gsm", Role.SERVING, 62)
    assert cell.recorded().plmn == "45201"


def test_gprs_monitor_without_a_cell():
    found = reading("AT^SMONG", "GPRS Monitor", GPRS_HEADING, "- - - - - - - - -")
    assert (found.mode, found.cells) == (None, ())
    with pytest.raises(UnreadableError):
        reading("AT^SMONG", "GPRS Monitor")


def test_old_monitor_names_a_column_twice():
    found = reading(
        "AT^MONI",
        "Serving Cell                                      I Dedicated channel",
        "chann rs  dBm MCC MNC LAC  cell NCC BCC PWR RXLev C1 I chann TS timAdv PWR dBm Q ChMod",
        "  62  21  -89 452  01 129D 1052  2   3  33 -105   16 I  64   1  0      5  -70 0 S_HR",
    )
    (cell,) = found.cells or ()
    assert (cell.arfcn, cell.rssi_dbm, cell.bsic) == (62, -89, 19)


def test_old_list_has_a_row_for_each_neighbour():
    found = reading(
        "AT^MONP",
        "chann rs  dBm MCC MNC BCC C1 C2",
        "64    18  -95 452  01   5  9  9",
        "66     6 -108 452  02   1 -4 -4",
    )
    assert [(c.role, c.arfcn, c.mnc) for c in found.cells or ()] == [
        (Role.NEIGHBOUR, 64, "01"),
        (Role.NEIGHBOUR, 66, "02"),
    ]


# Settings and states.


@pytest.mark.parametrize(
    ("value", "lock"),
    [
        ("6,3,2", AllowedRats(allowed=("gsm", "wcdma", "lte"), auto=True, preferred="lte")),
        ("4", AllowedRats(allowed=("wcdma", "lte"), auto=False)),
        ("0", AllowedRats(allowed=("gsm",), auto=False)),
        ("1,0", AllowedRats(allowed=("gsm", "wcdma"), auto=False, preferred="gsm")),
    ],
)
def test_technologies_and_the_preferred_one(value, lock):
    assert reading("AT^SXRAT?", f"^SXRAT: {value}").rat_lock == lock


@pytest.mark.parametrize("value", ["7", "what", ""])
def test_technology_that_is_none_is_not_read(value):
    with pytest.raises(UnreadableError):
        reading("AT^SXRAT?", f"^SXRAT: {value}")


@pytest.mark.parametrize(
    ("lines", "bands"),
    [
        (['"Radio/Band",511'], Bands(gsm_mhz=(850, 900, 1800, 1900), wcdma=(1, 2, 5, 6, 8))),
        (['"Radio/Band","3","3"'], Bands(gsm_mhz=(900, 1800))),
        (['"Radio/Band/2G","0x00000014"'], Bands(gsm_mhz=(900, 1800))),
        (['"Radio/Band/2G","0000000f"'], Bands(gsm_mhz=(850, 900, 1800, 1900))),
        (['"Radio/Band/3G","0x00000081"'], Bands(wcdma=(1, 8))),
        (['"Radio/Band/4G","080e0004","000000e2"'], Bands(lte=(3, 18, 19, 20, 28, 34, 38, 39, 40))),
        (
            ['"Radio/Band/4G","0030007800300030003000300030003000300034"'],
            Bands(lte=(3,)),
        ),
        (
            ['"MEopMode/CFUN","0"', '"Radio/Band/2G","00000003"', '"Radio/Mtpl/4G","0"'],
            Bands(gsm_mhz=(900, 1800)),
        ),
    ],
)
def test_bands_are_one_number_or_masks(lines, bands):
    assert reading("AT^SCFG?", *(f"^SCFG: {line}" for line in lines)).bands == bands


def test_bands_there_are_end_their_ranges():
    found = reading(
        "AT^SCFG=?",
        '^SCFG: "MEopMode/CFUN",("0","1")',
        '^SCFG: "Radio/Band/2G",("00000001"-"00000003"),,("0","1")',
        '^SCFG: "Radio/Band/4G",("00000001"-"000c0005"),("00000001"-"00000080"),("0","1")',
    )
    assert found.bands == Bands(gsm_mhz=(900, 1800), lte=(1, 3, 19, 20, 40))


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("AT^SCFG?", '^SCFG: "MEopMode/CFUN","0"'),
        ("AT^SCFG?", '^SCFG: "Radio/Band/2G","what"'),
        ("AT^SCFG?", '^SCFG: "Radio/Band/4G"'),
        ("AT^SCFG?", '^SCFG: "Radio/Band","what"'),
        ("AT^SCFG=?", '^SCFG: "Radio/Band/4G",("what"-"ever")'),
    ],
)
def test_configuration_without_bands_is_not_read(command, line):
    with pytest.raises(UnreadableError):
        reading(command, line)


def test_indicators_by_name():
    sim = reading('AT^SIND="simstatus",1', "^SIND: simstatus,1,5").sim
    assert sim is not None
    assert sim.simstatus == 5
    assert reading('AT^SIND="psinfo",1', "^SIND: psinfo,1,10").mode == "wcdma"
    both = reading("AT^SIND?", "^SIND: psinfo,0,17", "^SIND: simstatus,0,1", "^SIND: rssi,0,3")
    assert both.mode == "lte"
    assert both.sim is not None
    assert both.sim.simstatus == 1


def test_indicator_that_comes_unasked():
    sim = reading("", "+CIEV: simstatus,0").sim
    assert sim is not None
    assert sim.simstatus == 0


def test_indicator_without_a_number():
    assert reading('AT^SIND="nitz",1', '^SIND: nitz,1,"26/10/19"') == Reading()
    with pytest.raises(UnreadableError):
        reading("AT^SIND?", "^SIND: what")


def test_data_contexts():
    assert reading("AT^SWWAN?", "^SWWAN: 2,0,3", "^SWWAN: 3,1").pdp_active == {
        "2": False,
        "3": True,
    }
    assert reading("AT^SWWAN?").pdp_active == {}


@pytest.mark.parametrize(("value", "celsius"), [("0,0,41", 41), ("1,0", None), ("0,0,999", None)])
def test_temperature_where_it_is_told(value, celsius):
    assert reading("AT^SCTM?", f"^SCTM: {value}").temperature_c == celsius


def test_temperature_of_nothing_is_not_read():
    with pytest.raises(UnreadableError):
        reading("AT^SCTM?", "^SCTM: ")


@pytest.mark.parametrize(
    ("command", "name"),
    [('AT^SPIC="SC"', "pin"), ('AT^SPIC="SC",1', "puk"), ('AT^SPIC="P2"', "pin2")],
)
def test_attempts_left_are_of_the_code_that_was_asked_for(command, name):
    sim = reading(command, "^SPIC: 3").sim
    assert sim is not None
    assert sim.attempts_left == {name: 3}


@pytest.mark.parametrize(("command", "value"), [("AT^SPIC", "3"), ('AT^SPIC="SC"', "what")])
def test_attempts_of_no_code_are_not_read(command, value):
    with pytest.raises(UnreadableError):
        reading(command, f"^SPIC: {value}")


# The family.


def test_a_look_is_complete():
    _, family = module(
        **{
            "AT^SMONP": "4G:\n1600,-10,-92,33,255,-\n1600,-20,-105,12,34,-",
            "AT^SCTM?": "^SCTM: 0,0,41",
        }
    )
    look = family.read_radio(neighbours=True)
    assert (look.mode, look.rrc_state, look.plmn) == ("lte", "noconn", "45204")
    assert look.registration is RegistrationState.HOME
    assert [cell.pci for cell in look.neighbours] == [34]
    assert (look.temperature_c, look.unread) == (41, ())


def test_temperature_is_asked_for_in_the_answer():
    modem, family = module()
    family.configure()
    assert "AT^SCTM=0,1" in modem.asked


def test_technology_is_locked_by_sxrat():
    modem, family = module(**SXRAT, **{"AT^SXRAT=3": ""})
    assert set(family.locks()) == {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}
    assert family.read_lock() is RatMode.AUTO
    assert family.setting() == {"sxrat": "6,3,2"}
    family.lock(RatMode.G4)
    assert modem.asked[-1] == "AT^SXRAT=3"


def test_modem_without_lte_has_two_technologies_for_all():
    _, family = module("EHS5-E", **{"AT^SXRAT=?": "^SXRAT: (0-2), (0,2)", "AT^SXRAT?": "^SXRAT: 1"})
    assert set(family.locks()) == {RatMode.G2, RatMode.G3, RatMode.AUTO}
    assert family.read_lock() is RatMode.AUTO


def test_technology_is_locked_by_the_standard_where_sxrat_is_refused():
    _, family = module("ELS61-E", **{"AT+WS46=?": "+WS46: (12,22,25,28)", "AT+WS46?": "28"})
    assert set(family.locks()) == {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}
    assert family.read_lock() is RatMode.G4


def test_bands_are_held_by_masks_with_a_prefix():
    modem, family = module(
        **SXRAT,
        **{
            BAND_3G: '^SCFG: "Radio/Band/3G","0x0004019B"',
            BAND_4G: '^SCFG: "Radio/Band/4G","0x080E08DF"',
            f'{BAND_4G},"0x00000084"': "",
            f'{BAND_3G},"0x00000081"': "",
        },
    )
    family.lock(None, Bands(lte=(3, 8), wcdma=(1, 8)))
    assert {f'{BAND_4G},"0x00000084"', f'{BAND_3G},"0x00000081"'} <= set(modem.asked)
    with pytest.raises(UnsupportedHoldError):
        family.wanted(None, Bands(lte=(40,)))


def test_bands_are_held_at_once_by_masks_without_a_prefix():
    modem, family = module(
        "PLS63-W",
        **SXRAT,
        **{
            BAND_3G: '^SCFG: "Radio/Band/3G","0000009b"',
            BAND_4G: '^SCFG: "Radio/Band/4G","8a0e00d5","000000e2"',
            f'{BAND_4G},"00000004","00000080",1': "",
            f'{BAND_3G},"00000081",,1': "",
        },
    )
    family.lock(None, Bands(lte=(3, 40), wcdma=(1, 8)))
    assert f'{BAND_4G},"00000004","00000080",1' in modem.asked
    assert f'{BAND_3G},"00000081",,1' in modem.asked


def test_masks_are_compared_without_their_spelling():
    _, family = module()
    assert family.plain('"0x080E08DF"') == family.plain('"080e08df"')


def test_bands_in_one_number_are_not_held():
    _, family = module("PHS8-E", **SXRAT)
    assert family.band_levers() == {}


@pytest.mark.parametrize(
    ("maker", "model", "name"),
    [
        ("Cinterion", "PLS62-W", "cinterion"),
        ("Gemalto M2M", "EHS6", "cinterion"),
        ("SIEMENS", "TC63i", "cinterion"),
        ("Thales", "ELS61-E2", "cinterion"),
        ("Telit Cinterion", "PLS63-W", "cinterion"),
        ("Telit Cinterion", "FN990A28", "telit"),
        ("Cinterion", "MV31-W", "foxconn"),
        ("Thales", "MV32-W-A", "foxconn"),
    ],
)
def test_modules_of_both_lines_are_told_apart(maker, model, name):
    assert family_of(Identification(maker, model)).name == name


def test_settings_of_modules_that_foxconn_makes_are_read():
    lock = reading("AT^SLMODE?", "^SLMODE: 1,6", model="MV31-W").rat_lock
    assert lock == AllowedRats(allowed=("lte", "nr"), auto=False)
    found = reading("AT^LTE_LOCK?", "^LTE_LOCK:(255,1600),", model="MV31-W").cell_lock
    assert found is not None
    assert [(cell.pci, cell.earfcn) for cell in found.cells] == [(255, 1600)]


def test_modules_that_foxconn_makes_are_not_claimed():
    assert not Cinterion.claims(Identification("Thales", "MV31-W"))
