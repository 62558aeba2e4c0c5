import pytest

from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError, UnsupportedLockError
from drivers.modem.families import quectel
from drivers.modem.families.quectel import Quectel
from drivers.modem.readers import Asked, reader_of
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers, ByRole, by_role
from wire.cells import Rat
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

SERVING = 'AT+QENG="servingcell"'
LTE = (
    '+QENG: "servingcell","NOCONN","LTE","FDD",452,04,9762001,255,1600,3,5,5,22A7,-92,-10,-62,15,29'
)
MODE = 'AT+QNWPREFCFG="mode_pref"'
DISABLE = 'AT+QNWPREFCFG="nr5g_disable_mode"'
SCAN_MODE = 'AT+QCFG="nwscanmode"'


def module(model: str, **more: str) -> tuple[Answers, Quectel]:
    modem = Answers(
        {
            SERVING: LTE,
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762001",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    return modem, Quectel(Identification("Quectel", model), Dialogue(modem.send, modem.clock))


def read(command: str, *lines: str, model: str = "RM520N-GL") -> ByRole:
    asked = Asked(command, lines, model)
    parse = reader_of(Quectel.readers, asked)
    assert parse is not None
    return by_role(parse(asked))


def set_to(model: str, mode_pref: str, disable: str) -> Quectel:
    table = {
        MODE: f'+QNWPREFCFG: "mode_pref",{mode_pref}',
        DISABLE: f'+QNWPREFCFG: "nr5g_disable_mode",{disable}',
    }
    return module(model, **table)[1]


def test_a_look_is_complete():
    _, family = module("RM520N-GL", **{"AT+QTEMP": '+QTEMP: "soc-thermal","50"\n+QTEMP: "pa","0"'})
    look = family.read_radio(neighbours=False)
    assert (look.mode, look.rrc_state, look.plmn) == ("lte", "noconn", "45204")
    assert look.registration is RegistrationState.HOME
    assert look.temperature_c == 50
    assert look.unread == ()


def test_second_look_asks_only_for_what_changes():
    modem, family = module("EC200T-EU")
    family.read_radio(neighbours=False)
    modem.asked.clear()
    family.read_radio(neighbours=False)
    assert modem.asked == [SERVING, "AT+CEREG?"]


def test_registered_network_is_asked_anew_on_another_cell():
    modem, family = module("EC200T-EU")
    family.read_radio(neighbours=False)
    modem.table[SERVING] = LTE.replace(",255,", ",256,")
    modem.table["AT+COPS?"] = '+COPS: 0,2,"45201",7'
    assert family.read_radio(neighbours=False).plmn == "45201"


def test_sinr_comes_from_the_command_whose_scale_is_known():
    _, family = module("RM520N-GL", **{"AT+QCSQ": '+QCSQ: "LTE",-62,-91,150,-10'})
    serving = family.read_radio(neighbours=False).serving
    assert serving is not None
    assert (serving.sinr_db, serving.sinr_raw) == (10, 15)


def test_quality_of_another_cell_is_not_ours():
    _, family = module("RM520N-GL", **{"AT+QCSQ": '+QCSQ: "LTE",-62,-115,150,-10'})
    serving = family.read_radio(neighbours=False).serving
    assert serving is not None
    assert serving.sinr_db is None


def test_carriers_exclude_the_serving_cell():
    aggregation = (
        '+QCAINFO: "PCC",1600,100,"LTE BAND 3",1,255,-92,-10,-62,12\n'
        '+QCAINFO: "SCC",300,75,"LTE BAND 1",2,43,-64,-7,-24,30,0,-,-'
    )
    _, family = module("RM520N-GL", **{"AT+QCAINFO": aggregation})
    look = family.read_radio(neighbours=False)
    assert [(c.arfcn, c.bandwidth_mhz, c.sinr_db) for c in look.carriers] == [(300, 15, 30)]
    assert look.serving is not None
    assert look.serving.sinr_db == 12


def test_neighbours_exclude_the_serving_cell():
    listed = (
        '+QENG: "neighbourcell intra","LTE",1600,255,-10,-92,-62,-,-,-,-,-,-\n'
        '+QENG: "neighbourcell intra","LTE",1600,34,-20,-105,-76,-,-,-,-,-,-'
    )
    _, family = module("RM520N-GL", **{quectel.NEIGHBOURS: listed})
    assert [c.pci for c in family.read_radio(neighbours=True).neighbours] == [34]


def test_searching_asks_every_domain_and_reports_the_best():
    _, family = module(
        "EC25",
        **{
            SERVING: '+QENG: "servingcell","SEARCH"',
            "AT+CEREG?": "+CEREG: 2,3",
            "AT+CREG?": "+CREG: 2,2",
        },
    )
    look = family.read_radio(neighbours=False)
    assert (look.serving, look.registration) == (None, RegistrationState.DENIED)
    assert (look.rrc_state, look.plmn) == ("search", None)


def test_garbage_is_kept_and_stops_nothing():
    _, family = module("RM520N-GL", **{SERVING: "+QENG: \x00what", "AT+QTEMP": "+QTEMP: ,"})
    look = family.read_radio(neighbours=False)
    assert look.serving is None
    assert [unread.command for unread in look.unread] == [SERVING]
    assert "what" in look.unread[0].text


def test_module_without_qeng_says_what_it_can():
    _, family = module(
        "RG620T-NA",
        **{
            "AT+QNWINFO": '+QNWINFO: "TDD NR5G","45204","NR5G BAND 41",510000',
            "AT+QCSQ": '+QCSQ: "NR5G",-75,4,-11',
            "AT+C5GREG?": '+C5GREG: 2,1,"4297","FA1B2C3D4",11',
        },
    )
    look = family.read_radio(neighbours=False)
    assert look.mode == "nr-sa"
    assert look.serving is not None
    assert (look.serving.arfcn, look.serving.rsrp_dbm) == (510000, -75)


@pytest.mark.parametrize(
    ("mode_pref", "disable", "mode"),
    [
        ("AUTO", "0", RatMode.AUTO),
        ("WCDMA:LTE:NR5G", "0", RatMode.AUTO),
        ("LTE", "0", RatMode.G4),
        ("LTE", "2", RatMode.G4),
        ("WCDMA", "0", RatMode.G3),
        ("NR5G", "2", RatMode.G5_SA),
        ("NR5G:LTE", "1", RatMode.G5_NSA),
        ("LTE:NR5G", "0", RatMode.G5),
        ("AUTO", "1", None),
        ("WCDMA:LTE", "0", None),
    ],
)
def test_levers_are_read_back_as_a_mode(mode_pref, disable, mode):
    assert set_to("RM520N-GL", mode_pref, disable).read_lock() is mode


def test_all_levers_are_saved():
    assert set_to("RM520N-GL", "LTE:NR5G", "1").setting() == {
        "mode_pref": "LTE:NR5G",
        "nr5g_disable_mode": "1",
    }


def test_lever_that_cannot_be_read_cannot_be_saved():
    modem, family = module("EC25", **{SCAN_MODE: '+QCFG: "nwscanmode",0'})
    family.locks()
    modem.table[SCAN_MODE] = "+QCFG: what"
    with pytest.raises(UnreadableError):
        family.setting()


@pytest.mark.parametrize(
    ("model", "modes"),
    [
        ("EC25", {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}),
        ("EP06-E", {RatMode.G3, RatMode.G4, RatMode.AUTO}),
    ],
)
def test_lte_modules_are_locked_by_scan_mode(model, modes):
    _, family = module(model, **{SCAN_MODE: '+QCFG: "nwscanmode",3'})
    assert set(family.locks()) == modes
    assert family.read_lock() is RatMode.G4


@pytest.mark.parametrize(("model", "sa"), [("RM500U-CNV", {RatMode.G5_SA}), ("EM160R-GL", set())])
def test_without_the_second_lever_nr_alone_is_stand_alone(model, sa):
    _, family = module(model, **{MODE: '+QNWPREFCFG: "mode_pref",AUTO'})
    assert set(family.locks()) == {RatMode.G3, RatMode.G4, RatMode.AUTO} | sa


def test_lock_takes_effect_at_once():
    modem, family = module(
        "EC25", **{SCAN_MODE: '+QCFG: "nwscanmode",0', 'AT+QCFG="nwscanmode",1,1': ""}
    )
    family.lock(RatMode.G2)
    assert modem.asked[-1] == 'AT+QCFG="nwscanmode",1,1'


def test_unsupported_mode_is_refused_naming_what_there_is():
    _, family = module("EC25", **{SCAN_MODE: '+QCFG: "nwscanmode",0'})
    with pytest.raises(UnsupportedLockError, match=r"no lock to 5g; .* 2g, 3g, 4g, auto"):
        family.lock(RatMode.G5)


def test_module_without_levers_cannot_be_locked():
    with pytest.raises(UnsupportedLockError, match="supports nothing"):
        module("EC25")[1].lock(RatMode.G4)


@pytest.mark.parametrize("setting", [{"ws46": "28"}, {"nwscanmode": '3;+CPIN="1234"'}])
def test_setting_of_another_family_or_with_a_command_in_it_is_refused(setting):
    modem, family = module("EC25", **{SCAN_MODE: '+QCFG: "nwscanmode",0'})
    with pytest.raises(RefusedError):
        family.restore(setting)
    assert modem.asked == [MODE, DISABLE, SCAN_MODE]


def test_two_records_on_one_line_are_two_carriers():
    found = read(
        "AT+QCAINFO",
        '+QCAINFO: "PCC",2850,100,"LTE BAND 7",1,52,-103,-12,-70,7'
        '"SCC",326,25,"LTE BAND 1",1,167,-11,-11,-69,0,0,-,-',
    )
    assert found.serving is not None
    assert found.serving.pci == 52
    assert [(c.pci, c.rsrp_dbm, c.rsrq_db) for c in found.others] == [(167, None, None)]


def test_nr_carrier_has_its_pci_with_or_without_state():
    primary = '+QCAINFO: "PCC",1600,100,"LTE BAND 3",1,255,-92,-10,-62,12'
    short = read("AT+QCAINFO", '+QCAINFO: "PCC",510000,12,"NR5G BAND 41",297')
    with_state = read("AT+QCAINFO", primary, '+QCAINFO: "SCC",510000,12,"NR5G BAND 41",1,297,0,-,-')
    with_level = read(
        "AT+QCAINFO", primary, '+QCAINFO: "SCC",528030,8,"NR5G BAND 41",262,-91,-11,2681'
    )
    assert short.serving is not None
    assert (short.serving.rat, short.serving.pci) == (Rat.NR, 297)
    legs = [found.nr for found in (with_state, with_level) if found.nr is not None]
    assert [(leg.pci, leg.rsrp_dbm) for leg in legs] == [(297, None), (262, -91)]


def test_no_aggregation_is_nothing():
    assert read("AT+QCAINFO").others == ()


@pytest.mark.parametrize(
    ("line", "celsius"),
    [
        ("+QTEMP: 33,31,29", 33),
        ('+QTEMP: "soc","0"', None),
        ("+QTEMP: 255,-273,40", 40),
    ],
)
def test_hottest_sensor_that_works(line, celsius):
    _, family = module("RM520N-GL", **{"AT+QTEMP": line})
    assert family.read_radio(neighbours=False).temperature_c == celsius


@pytest.mark.parametrize(
    ("line", "rat", "arfcn"),
    [
        ('+QNWINFO: "FDD LTE","45204","LTE BAND 3",1600', Rat.LTE, 1600),
        ('+QNWINFO: "NR5G-SA",45204,"NR N78",633984', Rat.NR, 633984),
        ('+QNWINFO: "EDGE","45204","GSM 900",62', Rat.GSM, 62),
    ],
)
def test_network_info(line, rat, arfcn):
    cell = read("AT+QNWINFO", line).serving
    assert cell is not None
    assert (cell.rat, cell.arfcn, cell.plmn) == (rat, arfcn, "45204")


def test_no_service_is_no_cell():
    assert read("AT+QNWINFO", "+QNWINFO: No Service").serving is None


def test_scan_of_5g_modules():
    rows = (
        '+QSCAN: "LTE",452,04,1600,255,-92,-10,30,0,9762001,22A7,100,3\n'
        '+QSCAN: "NR5G",452,04,510000,297,-69,-9,30,1,FA1B2C3D4,004297,273,41,0,0,1'
    )
    _, family = module(
        "RM520N-GL",
        **{
            MODE: '+QNWPREFCFG: "mode_pref",AUTO',
            DISABLE: '+QNWPREFCFG: "nr5g_disable_mode",0',
            "AT+QSCAN=3,1": rows,
        },
    )
    lte, nr = family.scan().cells
    assert (lte.pci, lte.bandwidth_mhz, lte.tac) == (255, 20, 0x22A7)
    assert (nr.pci, nr.scs_khz, nr.cell_id, nr.band) == (297, 30, 0xFA1B2C3D4, 41)


def test_scan_of_lte_modules_names_gsm_cells():
    rows = (
        '+QOPS: "Viettel","Viettel","45204"\n'
        '1,"2G",62,550B,D89,16,35,27,0,1\n'
        '2,"3G",10688,5,D5D5,8055189,-109,27,0\n'
        '3,"4G",1600,206,22A7,9762001,-72,-11,0'
    )
    gsm, utra, lte = module("EC25", **{"AT+QOPS": rows})[1].scan().cells
    assert (gsm.plmn, gsm.arfcn, gsm.lac, gsm.bsic, gsm.rssi_dbm) == ("45204", 62, 0x550B, 16, -76)
    assert (utra.psc, utra.rscp_dbm, lte.pci, lte.rsrp_dbm) == (5, -109, 206, -72)


def test_scan_falls_back_to_the_standard():
    _, family = module("EC25", **{"AT+COPS=?": '+COPS: (2,"V","V","45204",7),,(0-4),(0-2)'})
    found = family.scan()
    assert (found.command, found.cells[0].plmn) == ("AT+COPS=?", "45204")


def test_scan_that_is_not_understood_is_kept():
    found = module("EC25", **{"AT+QOPS": "+QOPS: 1\nwhat"})[1].scan()
    assert found.cells == ()
    assert found.unread is not None
    assert "what" in found.unread


def test_refused_scan_is_an_error():
    with pytest.raises(RefusedError):
        module("EC25")[1].scan()


def decoded(command: str, *lines: str):
    response = "\r\n".join((*lines, "", "OK", ""))
    return decode(vendor="quectel", model="RM520N-GL", command=command, response=response)


def test_levels_of_receivers_have_a_row_for_each_technology():
    found = decoded("AT+QRSRP", "+QRSRP: -93,-88,-32768,-140,LTE", "+QRSRP: -77,-72,-76,-81,NR5G")
    assert found["signal"]["rsrp_rx_dbm"] == found["signal"]["lte"]["rsrp_rx_dbm"] == [-93, -88]
    assert found["signal"]["nr"]["rsrp_rx_dbm"] == [-77, -72, -76, -81]
    assert decoded("AT+QRSRQ", '+QRSRQ: -8,-9,-32768,-32768,"LTE"') == {
        "signal": {"rat": "lte", "rsrq_rx_db": [-8, -9]}
    }
    assert decoded("AT+QSINR", "+QSINR: 18,17,-32768,-32768,NR5G") == {
        "signal": {"rat": "nr", "sinr_rx_db": [18, 17]}
    }
    assert decoded("AT+QRSSI", "+QRSSI: -57,-61,-32768,-59,NR5G") == {
        "signal": {"rat": "nr", "rssi_rx_dbm": [-57, -61, -59]}
    }
    assert "unread" in decoded("AT+QSINR", "+QENDC: 1")


def test_levels_without_a_cell_have_a_row_for_each_technology():
    lte, nr = '+QCSQ: "LTE",-57,-86,170,-9', '+QCSQ: "NR5G",-79,14,-11'
    assert decoded("AT+QCSQ", lte, nr) == {
        "signal": {
            "rat": "lte",
            "rssi_dbm": -57,
            "rsrp_dbm": -86,
            "sinr_db": 14,
            "rsrq_db": -9,
            "nr": {"rsrp_dbm": -79, "sinr_db": 14, "rsrq_db": -11},
        }
    }


def test_rssi_may_stand_before_the_levels_of_nr():
    assert decoded("AT+QCSQ", '+QCSQ: "NR5G-SA",-54,-83,3,-11') == {
        "signal": {"rat": "nr", "rssi_dbm": -54, "rsrp_dbm": -83, "sinr_db": 3, "rsrq_db": -11}
    }


def test_full_version_of_the_firmware_has_no_prefix():
    assert decoded("AT+QGMR", "RM520NGLAAR03A03M4G_01.201.01.201") == {
        "identity": {"revision": "RM520NGLAAR03A03M4G_01.201.01.201"}
    }


def test_names_of_the_network_may_come_in_ucs2():
    answer = '+QSPN: "0056004E0050","0056004E0050","0110",1,"45202"'
    assert decoded("AT+QSPN", answer) == {
        "operator": {"name": "VNP", "spn": "\u0110", "plmn": "45202"}
    }
    assert decoded("AT+QSPN", '+QSPN: "4520","","0110",0,"45202"') == {
        "operator": {"spn": "0110", "plmn": "45202"}
    }


def test_addresses_of_the_data_call():
    assert decoded("AT+QIACT?", '+QIACT: 1,1,1,"10.5.1.2"', "+QIACT: 2,0,1") == {
        "pdp_active": {"1": True, "2": False},
        "addresses": [{"cid": 1, "ipv4": "10.5.1.2"}],
    }
    rows = '+QMAP: "WWAN",1,1,"IPV4","10.5.1.2"', '+QMAP: "WWAN",1,1,"IPV6","2001:db8::1"'
    assert decoded('AT+QMAP="WWAN"', *rows) == {
        "addresses": [{"cid": 1, "ipv4": "10.5.1.2", "ipv6": "2001:db8::1"}]
    }
    assert "unread" in decoded('AT+QMAP="LAN"', '+QMAP: "LAN",192.168.225.40')


def test_cells_without_levels():
    serving, neighbour = decoded(
        "AT+QCELL?",
        '+QCELL: "servingcell","LTE",452,04,22a7,976200a,123,36',
        '+QCELL: "neighbourcell","GSM",452,04,22a7,d89,35,46',
    )["cells"]
    assert (serving["role"], serving["tac"], serving["cell_id"], serving["pci"]) == (
        *("serving", 0x22A7, 0x976200A),
        123,
    )
    assert (neighbour["role"], neighbour["lac"], neighbour["bsic"]) == ("neighbour", 0x22A7, 35)


def test_long_nr_record_has_its_levels_behind_the_uplink():
    _, measured, bare = decoded(
        "AT+QCAINFO",
        '+QCAINFO: "PCC",1350,75,"LTE BAND 3",1,295,-93,-8,-66,23',
        '+QCAINFO: "SCC",528030,8,"NR5G BAND 41",1,262,0,0,528030,-79,-12,2244',
        '+QCAINFO: "SCC",521310,11,"NR5G BAND 41",1,153,0,-,-,-11,-11,2549',
    )["cells"]
    assert (measured["rsrp_dbm"], measured["rsrq_db"]) == (-79, -12)
    assert "rsrp_dbm" not in bare


def test_temperature_in_words_is_none():
    assert "unread" in decoded("AT+QTEMP", "+QTEMP: bad")
