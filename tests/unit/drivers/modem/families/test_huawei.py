import msgspec
import pytest

from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError, UnsupportedHoldError
from drivers.modem.families.huawei import Huawei
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import (
    Address,
    AllowedRats,
    Bands,
    CellLock,
    Connected,
    Levels,
    LockedCell,
    Reading,
    Role,
    SystemInfo,
)
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers, ByRole, by_role
from wire.cells import Rat
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

ME909S = "ME909s-120"
MT5700M = "MT5700M-CN"
LTE = "^MONSC: LTE,452,04,1600,94F5B1,FF,22A7,-92,-10,-62"
ORDERS = '^SYSCFGEX: ("00","01","02","03","99"),((2000000400180,"GSM900/WCDMA2100")),(0-3),(0-4),'
ORDERS_5G = '^SYSCFGEX: ("00","02","03","08","99"),((3fffffff,"All Bands")),(0-3),(0-4),'
CARRIERS = "^HFREQINFO: 1,6,3,1600,18700,20000,19600,17900,20000"
ANY = ",3FFFFFFF,1,2,7FFFFFFFFFFFFFFF,,"


def stick(model: str = ME909S, **more: str) -> tuple[Answers, Huawei]:
    modem = Answers(
        {
            "AT^MONSC": LTE,
            "AT+CEREG?": '+CEREG: 2,1,"22A7","94F5B1",7',
            "AT+COPS?": '+COPS: 0,2,"45204",7',
            **more,
        }
    )
    maker = "TD Tech Ltd." if model == MT5700M else "Huawei Technologies Co., Ltd."
    return modem, Huawei(Identification(maker, model), Dialogue(modem.send, modem.clock))


def locking(model: str = ME909S, **more: str) -> tuple[Answers, Huawei]:
    orders = ORDERS_5G if model == MT5700M else ORDERS
    return stick(
        model, **{"AT^SYSCFGEX=?": orders, "AT^SYSCFGEX?": f'^SYSCFGEX: "00"{ANY}', **more}
    )


def read(command: str, *lines: str, model: str = ME909S) -> Reading:
    asked = Asked(command, lines, model)
    parse = reader_of(Huawei.readers, asked)
    assert parse is not None
    return parse(asked)


def cells(command: str, *lines: str) -> ByRole:
    return by_role(read(command, *lines))


def lte(command: str, *lines: str) -> Levels | None:
    signal = read(command, *lines).signal
    return None if signal is None else signal.lte


def wcdma(command: str, *lines: str) -> Levels | None:
    signal = read(command, *lines).signal
    return None if signal is None else signal.wcdma


# The serving cell and its neighbours.


def test_cell_area_and_pci_of_lte_are_hexadecimal():
    serving = cells("AT^MONSC", LTE).serving
    assert serving is not None
    assert (serving.cell_id, serving.pci, serving.tac) == (0x94F5B1, 255, 0x22A7)
    assert (serving.mcc, serving.mnc, serving.arfcn) == ("452", "04", 1600)
    assert (serving.rsrp_dbm, serving.rsrq_db, serving.rssi_dbm) == (-92, -10, -62)


def test_umts_cell_has_a_scrambling_code():
    said = "^MONSC: WCDMA,452,01,10713,72,9AD3AF,2DC6,-59,-57,-5,12,1,30"
    serving = cells("AT^MONSC", said).serving
    assert serving is not None
    assert (serving.rat, serving.arfcn, serving.psc) == (Rat.WCDMA, 10713, 72)
    assert (serving.cell_id, serving.lac) == (0x9AD3AF, 0x2DC6)
    assert (serving.rscp_dbm, serving.rssi_dbm, serving.ecio_db) == (-59, -57, -5)


def test_gsm_cell_has_a_colour_code():
    serving = cells("AT^MONSC", "^MONSC: GSM,452,02,1,77,33,A14C,2DC6,-66,0,0").serving
    assert serving is not None
    assert (serving.rat, serving.arfcn, serving.bsic) == (Rat.GSM, 77, 33)
    assert (serving.cell_id, serving.lac, serving.rssi_dbm) == (0xA14C, 0x2DC6, -66)


def test_stand_alone_nr_has_spacing_and_a_long_identity():
    said = "^MONSC: NR,452,04,632736,1,1D4C0A001,179,4E21,-88,-11,17"
    found = cells("AT^MONSC", said)
    assert found.mode == "nr-sa"
    assert found.serving is not None
    assert (found.serving.cell_id, found.serving.pci) == (0x1D4C0A001, 377)
    assert (found.serving.scs_khz, found.serving.tac) == (30, 0x4E21)
    assert (found.serving.rsrp_dbm, found.serving.sinr_db) == (-88, 17)


def test_leg_of_endc_has_no_network():
    found = cells("AT^MONSC", LTE, "^MONSC: NR,,,632736,1,,179,,-88,-11,17")
    assert found.mode == "nr-nsa"
    assert found.serving is not None
    assert found.serving.rat is Rat.LTE
    assert found.nr is not None
    assert (found.nr.arfcn, found.nr.pci, found.nr.mcc) == (632736, 377, None)


def test_levels_in_eighths_are_told_by_what_cannot_be_dbm():
    said = "^MONSC: NR,452,04,632736,1,1D4C0A001,179,4E21,-704,-88,136"
    serving = cells("AT^MONSC", said).serving
    assert serving is not None
    assert (serving.rsrp_dbm, serving.rsrq_db, serving.sinr_db) == (-88, -11, 17)


def test_none_is_no_service():
    assert cells("AT^MONSC", "^MONSC: NONE").mode == "no-service"


@pytest.mark.parametrize("said", ["^MONSC: LTE,452", "^MONSC: WIMAX,1,2,3", "^MONSC:", "garbage"])
def test_half_a_serving_cell_is_none(said):
    with pytest.raises(UnreadableError):
        read("AT^MONSC", said)


def test_neighbours_of_all_technologies():
    found = cells(
        "AT^MONNC",
        "^MONNC: GSM,1,77,33,0,0,-80",
        "^MONNC: WCDMA,10713,72,-95,-9",
        "^MONNC: LTE,1600,22,-105,-14,-75",
        "^MONNC: NR,632736,179,-99,-12,3",
    )
    gsm, umts, eutra, nr = found.others
    assert (gsm.bsic, gsm.cell_id, gsm.rssi_dbm) == (33, None, -80)
    assert (umts.psc, umts.rscp_dbm) == (72, -95)
    assert (eutra.pci, eutra.rsrp_dbm) == (0x22, -105)
    assert (nr.pci, nr.sinr_db) == (377, 3)


def test_no_neighbours_are_an_empty_list():
    assert cells("AT^MONNC", "^MONNC: NONE").others == ()


def test_neighbour_that_cannot_be_is_kept_as_unread():
    assert cells("AT^MONNC", "^MONNC: LTE,1600,FFF,-105").unread == ("LTE,1600,FFF,-105",)


def test_second_nr_carrier_is_added_to_the_leg():
    said = ("^MONSSC: NR,632736,179,-88,-11,17,0", "^MONSSC: NR,627264,17A,-90,-12,9,0")
    roles = [cell.role for cell in read("AT^MONSSC", *said).cells or ()]
    assert roles == [Role.NR_SECONDARY, Role.SCC]


def test_carriers_of_one_line_are_of_one_technology():
    said = (
        "^HFREQINFO: 1,6,3,1600,18700,20000,19600,17900,20000,1,300,21400,15000,18300,19500,15000"
    )
    found = cells("AT^HFREQINFO?", said)
    assert found.serving is not None
    assert (found.serving.band, found.serving.arfcn) == (3, 1600)
    assert [(c.band, c.arfcn, c.bandwidth_mhz) for c in found.others] == [(1, 300, 15)]


def test_carrier_of_nr_beside_lte_is_the_leg():
    said = (
        "^HFREQINFO: 1,7,78,632736,0,100000,632736,0,100000",
        "^HFREQINFO: 1,6,3,1600,0,20000,19600,0,20000",
    )
    found = cells("AT^HFREQINFO?", *said)
    assert found.serving is not None
    assert found.serving.rat is Rat.LTE
    assert found.nr is not None
    assert (found.nr.band, found.nr.bandwidth_mhz) == (78, 100)


def test_carrier_of_zeros_is_none():
    with pytest.raises(UnreadableError):
        read("AT^HFREQINFO?", "^HFREQINFO: 0,6,0,0,0,0,0,0,0")


def test_identity_of_an_lte_cell_is_decimal():
    serving = cells("AT^CECELLID?", "^CECELLID: 45204,9762225,255,8871").serving
    assert serving is not None
    assert (serving.mnc, serving.cell_id, serving.pci) == ("04", 9762225, 255)


BEAMS = "3,-92,4,-97,2,-99,5,-101,1,-103,0,-104,6,-110,7,-112"


def test_beams_are_of_the_serving_cell_and_its_neighbours():
    near, far = "378,632736,-99,3,4,-99,0,-104,3,-110,2,-112", "41,154570,-105,1,0,-105,,,,,,"
    said = f"^NRSSBID: 632736,00000001C649D138,377,-92,17,-1,{BEAMS},2,{near},{far}"
    found = cells("AT^NRSSBID?", said)
    assert found.serving is not None
    assert (found.serving.cell_id, found.serving.pci) == (0x1C649D138, 377)
    assert (found.serving.rsrp_dbm, found.serving.sinr_db) == (-92, 17)
    assert [(cell.arfcn, cell.pci, cell.rsrp_dbm, cell.sinr_db) for cell in found.others] == [
        (632736, 378, -99, 3),
        (154570, 41, -105, 1),
    ]


def test_beams_without_neighbours():
    found = cells("AT^NRSSBID?", f"^NRSSBID: 632736,0,377,-92,17,-1,{BEAMS},0")
    assert found.serving is not None
    assert (found.serving.cell_id, found.others) == (None, ())


@pytest.mark.parametrize("said", ["", "632736,0,377", f"what,0,377,-92,17,-1,{BEAMS},0"])
def test_beams_of_no_cell_are_not_read(said):
    with pytest.raises(UnreadableError):
        read("AT^NRSSBID?", f"^NRSSBID: {said}")


def test_scan_has_cells_of_any_network():
    lines = (
        '^CELLSCAN: 3,"45204",3491040,377,4E,00A1F2,1C649D138,0,0,0,1,-92,-18,24,',
        '^CELLSCAN: 2,"45202",1825,255,3,22A7,0,-62,,,,,,,60',
        '^CELLSCAN: 1,"45201",2112,120,1,129D,1A2B3C4,-81,,120,,,,,',
    )
    found = cells("AT^CELLSCAN=3", *lines)
    nr, lte = found.others
    assert (nr.rat, nr.mnc, nr.pci, nr.band, nr.scs_khz) == (Rat.NR, "04", 377, 78, 30)
    assert (nr.tac, nr.cell_id, nr.rsrp_dbm) == (0xA1F2, 0x1C649D138, -92)
    assert (lte.rat, lte.mnc, lte.pci, lte.band, lte.tac) == (Rat.LTE, "02", 255, 3, 0x22A7)
    assert (lte.cell_id, lte.rsrp_dbm) == (None, None)
    assert len(found.unread) == 1
    assert cells("AT^CELLSCAN=3").others == ()
    with pytest.raises(UnreadableError):
        read("AT^CELLSCAN=3", "^CELLSCAN: what")


def test_neighbours_without_a_channel_are_left_out():
    found = cells("AT^MONNC", "^MONNC: GSM,1,77,33,1A2B,57B2,-81", "^MONNC: GSM,1,,,,,-90")
    assert [cell.arfcn for cell in found.others] == [77]
    assert found.unread == ()


# Levels.


@pytest.mark.parametrize("label", ["LTE", '"LTE"', "lte"])
def test_steps_are_the_lower_bounds_of_their_intervals(label):
    found = lte("AT^HCSQ?", f"^HCSQ:{label},49,45,171,20")
    assert found == Levels(rssi_dbm=-72, rsrp_dbm=-96, sinr_db=14, rsrq_db=-10)


def test_switches_may_stand_before_the_technology():
    assert lte("AT^HCSQ?", '^HCSQ: 1,1,"LTE",49,45,171,20') == Levels(
        rssi_dbm=-72, rsrp_dbm=-96, sinr_db=14, rsrq_db=-10
    )


def test_steps_of_umts_and_gsm():
    assert wcdma("AT^HCSQ?", '^HCSQ: "WCDMA",30,30,58') == Levels(
        rssi_dbm=-91, rscp_dbm=-91, ecio_db=-3.5
    )
    signal = read("AT^HCSQ?", '^HCSQ: "GSM",41').signal
    assert signal is not None
    assert signal.gsm == Levels(rssi_dbm=-80)


def test_255_is_no_level():
    assert lte("AT^HCSQ?", '^HCSQ: "LTE",49,255,255,255') == Levels(rssi_dbm=-72)


def test_sinr_of_nr_stays_as_printed():
    signal = read("", '^HCSQ: "NR",53,190,22').signal
    assert signal is not None
    assert signal.nr == Levels(rsrp_dbm=-88, sinr_raw=190)


def test_no_service_has_no_level():
    reading = read("AT^HCSQ?", '^HCSQ:"NOSERVICE"')
    assert reading.mode == "no-service"


def test_switches_stand_before_asked_levels_only():
    assert lte("", "^CERSSI: 0,0,255,-92,-10,14,2,9") == Levels(
        rsrp_dbm=-92, rsrq_db=-10, sinr_db=14
    )
    assert lte("AT^CERSSI?", "^CERSSI: 1,2,0,0,255,-92,-10,14,2,9") == Levels(
        rsrp_dbm=-92, rsrq_db=-10, sinr_db=14
    )


def test_what_does_not_serve_has_no_level():
    signal = read("", "^CERSSI: -70,0,255,0,0,0,0,0").signal
    assert signal is not None
    assert (signal.gsm, signal.wcdma, signal.lte) == (Levels(rssi_dbm=-70), None, None)


def test_leg_of_endc_has_levels_of_its_own():
    said = "^CSERSSI: 0,0,0,0,255,0,0,0,0,32639,32639,-88,-11,17"
    signal = read("AT^CSERSSI?", said).signal
    assert signal is not None
    assert signal.nr == Levels(rsrp_dbm=-88, rsrq_db=-11, sinr_db=17)


def test_older_commands_for_levels():
    assert wcdma("AT^CSNR?", "^CSNR: -75,-7") == Levels(rscp_dbm=-75, ecio_db=-7)
    assert wcdma("AT^CSNR?", "^CSNR: -145,-32") is None
    assert lte("AT^LTERSRP?", "^LTERSRP: -92,-10") == Levels(rsrp_dbm=-92, rsrq_db=-10)
    assert lte("AT^ANQUERY?", "^ANQUERY: 0,99,25,3,92,10") == Levels(rsrp_dbm=-92, rsrq_db=-10)
    assert wcdma("AT^ANQUERY?", "^ANQUERY: 75,7,25,3,9AD3AF") == Levels(rscp_dbm=-75, ecio_db=-7)


def test_rssi_that_comes_unasked_is_as_in_csq():
    signal = read("", "^RSSI:25").signal
    assert signal is not None
    assert (signal.csq, signal.rssi_dbm) == (25, -63)


@pytest.mark.parametrize(
    ("said", "degrees"),
    [
        ("^CHIPTEMP: 291,291,288,65535,0,313", (29.1, 29.1, 28.8, 31.3)),
        ("^CHIPTEMP: 335,338,340,34,-5", (33.5, 33.8, 34.0, -5)),
        ("^CHIPTEMP: 65535,65535", None),
    ],
)
def test_temperatures_are_in_tenths_but_for_the_card(said, degrees):
    assert read("AT^CHIPTEMP?", said).temperature_c == degrees


# Service, card and data call.


def test_service_in_words():
    reading = read("AT^SYSINFOEX", '^SYSINFOEX:2,3,0,1,,6,"LTE",101,"LTE"')
    assert (reading.mode, reading.domain) == ("lte", "cs-ps")
    assert reading.sysinfo == SystemInfo(
        srv_status=2, srv_domain=3, roaming=0, sim_state=1, sys_mode=6, sys_submode=101
    )


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ("^SYSINFO:2,3,0,5,1,,4", "wcdma"),
        ("^SYSINFO:2,2,0,3,1", "gsm"),
        ("^SYSINFO:2,3,0,17,1,,8", "lte"),
        ("^SYSINFO:0,0,0,0,255", "no-service"),
    ],
)
def test_service_in_numbers(said, mode):
    assert read("AT^SYSINFO", said).mode == mode


def test_words_that_come_unasked():
    assert read("", "^MODE:5,4").mode == "wcdma"
    assert read("", "^SRVST:0").mode == "no-service"


def test_state_and_kind_of_the_card():
    card, kind = read("", "^SIMST:255").sim, read("AT^CARDMODE", "^CARDMODE:2").sim
    assert card is not None
    assert kind is not None
    assert (card.state, kind.state) == ("absent", "usim")


@pytest.mark.parametrize(
    ("lines", "connected"),
    [
        (['^NDISSTATQRY:1,,,"IPV4",0,,,"IPV6"'], Connected(ipv4=True, ipv6=False)),
        (['^NDISSTATQRY:1,,,"IPV4"', '^NDISSTATQRY:1,33,,"IPV6"'], Connected(ipv4=True, ipv6=True)),
        (["^NDISSTATQRY:0,0,0"], Connected(ipv4=False)),
    ],
)
def test_layouts_of_the_data_call(lines, connected):
    assert read("AT^NDISSTATQRY?", *lines).data_connected == connected


def test_lease_is_turned_round_and_may_lack_a_zero():
    said = "^DHCP: A30210A,FCFFFFFF,930210A,0,8080808,4040404,21600000,21600000"
    (found,) = read("AT^DHCP?", said).addresses or ()
    assert (found.ipv4, found.netmask, found.prefix) == ("10.33.48.10", "255.255.255.252", 30)
    assert (found.gateway, found.dns) == ("10.33.48.9", ("8.8.8.8", "4.4.4.4"))


def test_bytes_of_a_lease_stand_in_order_where_its_mask_does():
    said = "^DHCP: 0A21300A,FFFFFFC0,0A213001,00000000,08080808,04040404,05DC,03E8"
    (found,) = read("AT^DHCP?", said).addresses or ()
    assert (found.ipv4, found.netmask, found.prefix) == ("10.33.48.10", "255.255.255.192", 26)
    assert (found.gateway, found.dns) == ("10.33.48.1", ("8.8.8.8", "4.4.4.4"))


def test_lease_with_a_mask_of_one_byte_is_turned_round():
    said = "^DHCP: 0A30210A,000000FF,0100000A,0100000A,08080808,04040404,0,0"
    (found,) = read("AT^DHCP?", said).addresses or ()
    assert (found.ipv4, found.netmask, found.prefix) == ("10.33.48.10", "255.0.0.0", 8)


@pytest.mark.parametrize(
    ("lines", "active", "connected"),
    [
        (['^DCONNSTAT: 1,"v-internet",1,0,1'], {"1": True}, Connected(ipv4=True, ipv6=False)),
        (
            ['^DCONNSTAT: 1,"m3",1,1,3', "^DCONNSTAT: 2"],
            {"1": True, "2": False},
            Connected(ipv4=True, ipv6=True),
        ),
        (["^DCONNSTAT: 1"], {"1": False}, Connected(ipv4=False, ipv6=False)),
    ],
)
def test_data_calls_of_each_context(lines, active, connected):
    found = read("AT^DCONNSTAT?", *lines)
    assert (found.pdp_active, found.data_connected) == (active, connected)


@pytest.mark.parametrize("line", ["^DCONNSTAT: what", "^DCONN: 1"])
def test_data_calls_of_no_context_are_not_read(line):
    with pytest.raises(UnreadableError):
        read("AT^DCONNSTAT?", line)


def test_lease_of_ipv6():
    said = "^DHCPV6: 2001:db8::7,ffff:ffff:ffff:ffff::,fe80::1,::,2001:db8::53,::,0,0"
    assert read("AT^DHCPV6?", said).addresses == (
        Address(ipv6="2001:db8::7", prefix=64, gateway="fe80::1", dns=("2001:db8::53",)),
    )


def test_no_lease_is_none():
    with pytest.raises(UnreadableError):
        read("AT^DHCP?", "^DHCP: 0,0,0,0,0,0")


# Settings.


@pytest.mark.parametrize(
    ("said", "lock"),
    [
        ('"03"', AllowedRats(allowed=("lte",), auto=False)),
        ('"030201"', AllowedRats(allowed=("gsm", "wcdma", "lte"), preferred="lte")),
        ('"00"', AllowedRats(allowed=("gsm", "wcdma", "lte"), auto=True)),
    ],
)
def test_order_of_technologies(said, lock):
    assert read("AT^SYSCFGEX?", f"^SYSCFGEX: {said}{ANY}").rat_lock == lock


def test_masks_are_bands():
    said = '^SYSCFGEX:"030201",2000000400380,1,2,95'
    assert read("AT^SYSCFGEX?", said).bands == Bands(
        gsm_mhz=(900, 1800), wcdma=(1, 8), lte=(1, 3, 5, 8)
    )


def test_orders_of_the_test_form_leave_names_of_bands_out():
    assert read("AT^SYSCFGEX=?", ORDERS).supported == {"syscfgex": ("00", "01", "02", "03", "99")}


@pytest.mark.parametrize(
    ("said", "lock"),
    [
        ("2,0", AllowedRats(allowed=("gsm", "wcdma"), auto=True)),
        ("2,2", AllowedRats(allowed=("gsm", "wcdma"), preferred="wcdma")),
        ("13,1", AllowedRats(allowed=("gsm",), auto=False)),
        ("14,2", AllowedRats(allowed=("wcdma",), auto=False)),
    ],
)
def test_mode_of_older_sticks(said, lock):
    assert read("AT^SYSCFG?", f"^SYSCFG:{said},3FFFFFFF,1,2").rat_lock == lock


def test_preference_of_older_sticks():
    lock = read("AT^PREFMODE?", "^PREFMODE:4").rat_lock
    assert lock is not None
    assert lock.preferred == "wcdma"


def test_architectures_of_nr():
    assert read("AT^C5GOPTION?", "^C5GOPTION: 1,0,1").rat_lock == AllowedRats(
        nr_sa=True, nr_nsa=False
    )


@pytest.mark.parametrize(
    ("command", "lines", "lock"),
    [
        ("AT^LTEFREQLOCK?", ["^LTEFREQLOCK: 0"], CellLock(rat=Rat.LTE, cells=())),
        (
            "AT^LTEFREQLOCK?",
            ["^LTEFREQLOCK: 2", "0,1", "3,1600,FF"],
            CellLock(rat=Rat.LTE, cells=(LockedCell(band=3, earfcn=1600, pci=255),)),
        ),
        (
            "AT^NRFREQLOCK?",
            ["^NRFREQLOCK: 2", "0,1", "78,632736,1,179"],
            CellLock(rat=Rat.NR, cells=(LockedCell(band=78, earfcn=632736, scs_khz=30, pci=377),)),
        ),
        (
            "AT^NRFREQLOCK?",
            ['^NRFREQLOCK: 2,0,2,"78,28","632736,154570","1,0","377,41"'],
            CellLock(
                rat=Rat.NR,
                cells=(
                    LockedCell(band=78, earfcn=632736, scs_khz=30, pci=377),
                    LockedCell(band=28, earfcn=154570, scs_khz=15, pci=41),
                ),
            ),
        ),
        (
            "AT^LTEFREQLOCK?",
            ['^LTEFREQLOCK: 2,0,1,"3","1600","255"'],
            CellLock(rat=Rat.LTE, cells=(LockedCell(band=3, earfcn=1600, pci=255),)),
        ),
        (
            "AT^FREQLOCK?",
            ['^FREQLOCK: 1,"04",1600,,,255'],
            CellLock(rat=Rat.LTE, cells=(LockedCell(earfcn=1600, pci=255),)),
        ),
        ("AT^FREQLOCK?", ["^FREQLOCK: 0"], CellLock(cells=())),
    ],
)
def test_locks_to_a_cell(command, lines, lock):
    assert read(command, *lines).cell_lock == lock


# The family.


@pytest.mark.parametrize(
    ("maker", "model"),
    [("huawei", "E3372"), ("Huawei Technologies Co., Ltd.", ME909S), (None, "MH5000-31")],
)
def test_makers_and_labels(maker, model):
    assert Huawei.claims(Identification(maker, model))
    assert not Huawei.claims(Identification("Quectel", "EC25"))


def test_look_has_cell_and_sinr():
    _, family = stick(**{"AT^HCSQ?": '^HCSQ: "LTE",59,49,171,20', "AT^HFREQINFO?": CARRIERS})
    look = family.read_radio(neighbours=True)
    assert look.registration is RegistrationState.HOME
    assert look.serving is not None
    assert (look.serving.pci, look.serving.band, look.serving.sinr_db) == (255, 3, 14)
    assert (look.carriers, look.unread) == ((), ())


def test_channel_of_an_nr_carrier_is_not_that_of_the_cell():
    _, family = stick(
        MT5700M,
        **{
            "AT^MONSC": "^MONSC: NR,452,04,630048,1,1D4C0A001,179,4E21,-88,-11,17",
            "AT^HFREQINFO?": "^HFREQINFO: 1,7,78,632736,0,100000,632736,0,100000",
        },
    )
    serving = family.read_radio(neighbours=False).serving
    assert serving is not None
    assert (serving.arfcn, serving.bandwidth_mhz) == (630048, 100)


def test_refused_serving_cell_is_none():
    modem, family = stick()
    del modem.table["AT^MONSC"]
    look = family.read_radio(neighbours=False)
    assert (look.serving, look.unread) == (None, ())


def test_serving_cell_that_is_not_understood_is_told():
    _, family = stick(**{"AT^MONSC": "^MONSC: WIMAX,1"})
    look = family.read_radio(neighbours=False)
    assert look.serving is None
    assert [unread.command for unread in look.unread] == ["AT^MONSC"]


def test_stick_without_serving_cell_is_where_it_is_registered():
    modem, family = stick("E3372", **{"AT^HCSQ?": '^HCSQ: "LTE",59,49,171,20'})
    del modem.table["AT^MONSC"]
    family.configure()
    serving = family.read_radio(neighbours=False).serving
    assert serving is not None
    assert (serving.cell_id, serving.tac, serving.rsrp_dbm) == (0x94F5B1, 0x22A7, -92)


def test_modem_out_of_service_is_still_asked_for_its_cell():
    modem, family = stick(**{"AT^MONSC=?": ""})
    said = modem.table.pop("AT^MONSC")
    family.configure()
    modem.table["AT^MONSC"] = said
    look = family.read_radio(neighbours=False)
    assert look.serving is not None


def test_locks_are_what_the_test_form_lists():
    _, family = locking()
    assert set(family.locks()) == {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}
    _, family = locking(MT5700M)
    assert set(family.locks()) == {
        *{RatMode.G3, RatMode.G4, RatMode.G5, RatMode.G5_SA, RatMode.AUTO}
    }
    _, family = locking(MT5700M, **{"AT^C5GOPTION?": "^C5GOPTION: 1,1,1"})
    assert RatMode.G5_NSA in family.locks()


def test_combined_orders_have_no_nr_without_being_listed():
    listed = '^SYSCFGEX: ("030201","0302","03","99"),((400180,"GSM900")),(0-2),(0-4)'
    _, family = locking(**{"AT^SYSCFGEX=?": listed})
    assert dict(family.locks()) == {
        RatMode.G4: {"syscfgex": "03"},
        RatMode.AUTO: {"syscfgex": "030201"},
    }


def test_all_technologies_in_whatever_order_are_automatic():
    modem, family = locking()
    modem.table["AT^SYSCFGEX?"] = f'^SYSCFGEX: "030201"{ANY}'
    assert family.read_lock() is RatMode.AUTO
    modem.table["AT^SYSCFGEX?"] = f'^SYSCFGEX: "0302"{ANY}'
    assert family.read_lock() is None


def test_lock_leaves_bands_roaming_and_domain():
    wanted = 'AT^SYSCFGEX="03",40000000,2,4,40000000,,'
    modem, family = locking(**{wanted: ""})
    family.lock(RatMode.G4)
    assert wanted in modem.asked
    modem.table["AT^SYSCFGEX?"] = f'^SYSCFGEX: "03"{ANY}'
    assert family.read_lock() is RatMode.G4


def test_lock_that_is_refused_is_told():
    _, family = locking()
    with pytest.raises(RefusedError):
        family.lock(RatMode.G4)


def test_older_sticks_have_two_technologies():
    modem, family = stick(
        "E173",
        **{
            "AT^SYSCFG=?": '^SYSCFG:(2,13,14,16),(0-3),((400000,"WCDMA2100")),(0-2),(0-4)',
            "AT^SYSCFG?": "^SYSCFG:14,2,3FFFFFFF,1,2",
            "AT^SYSCFG=13,0,40000000,2,4": "",
        },
    )
    assert family.read_lock() is RatMode.G3
    assert family.setting() == {"syscfg": "14,2"}
    family.lock(RatMode.G2)
    assert "AT^SYSCFG=13,0,40000000,2,4" in modem.asked


def test_stick_without_settings_cannot_be_locked():
    _, family = stick("E1550")
    assert (family.levers(), dict(family.locks())) == ((), {})


def test_bands_are_held_with_the_domain_as_before():
    order = 'AT^SYSCFGEX="99",40000000,2,4,5,,'
    modem, family = locking(**{order: ""})
    family.lock(None, bands=Bands(lte=(1, 3)))
    assert order in modem.asked
    modem.table["AT^SYSCFGEX?"] = '^SYSCFGEX: "00",3FFFFFFF,1,2,00000005,,'
    assert family.holds(family.wanted(None, bands=Bands(lte=(1, 3))))


def test_cell_of_a_module_is_a_channel_and_pci():
    _, family = locking(**{"AT^FREQLOCK?": "^FREQLOCK: 0"})
    cell = LockedCell(earfcn=1600, pci=255, band=3)
    assert family.wanted(None, cell=cell) == {"freqlock": '1,"04",1600,,,255'}


def test_cell_is_ordered_in_decimal_with_the_radio_off():
    order = 'AT^NRFREQLOCK=2,0,1,"78","632736","1","377"'
    modem, family = locking(MT5700M, **{"AT^NRFREQLOCK?": "^NRFREQLOCK: 0", order: ""})
    cell = LockedCell(earfcn=632736, pci=377, scs_khz=30, band=78)
    family.restore({"nrfreqlock": family.cell_value(Rat.NR, cell)})
    assert modem.asked[-4:] == ["AT+CFUN=0", "AT^NRFREQLOCK=0", order, "AT+CFUN=1"]
    modem.table["AT^NRFREQLOCK?"] = "^NRFREQLOCK: 2\n0,1\n78,632736,1,179"
    assert family.holds({"nrfreqlock": family.cell_value(Rat.NR, cell)})


@pytest.mark.parametrize("lacking", ["band", "pci", "scs_khz"])
def test_cell_without_its_band_cannot_be_held(lacking):
    _, family = locking(MT5700M)
    cell = LockedCell(earfcn=632736, pci=377, scs_khz=30, band=78)
    with pytest.raises(UnsupportedHoldError):
        family.cell_value(Rat.NR, msgspec.structs.replace(cell, **{lacking: None}))


def test_addresses_are_of_the_lease_where_the_standard_has_none():
    lease = "^DHCP: 0A30210A,FCFFFFFF,0930210A,0930210A,08080808,04040404,0,0"
    _, family = stick(**{"AT^DHCP?": lease})
    assert [address.ipv4 for address in family.read_addresses()] == ["10.33.48.10"]
