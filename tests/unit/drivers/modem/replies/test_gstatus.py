import pytest

from drivers.modem.errors import UnreadableError
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.replies import gstatus
from wire.cells import Cell, Rat

MC74 = """!GSTATUS:
Current Time:  812\t\tTemperature: 44
Reset Counter: 1\t\tMode:        ONLINE
System mode:   LTE        \tPS state:    Attached
LTE band:      B3     \t\tLTE bw:      20 MHz
LTE Rx chan:   1850\t\tLTE Tx chan: 19850
LTE CA state:  {state}      \t\tLTE Scell band:B1
LTE Scell bw:10 MHz  \t\tLTE Scell chan:125
EMM state:     Registered     \tNormal Service
RRC state:     RRC Connected
IMS reg state: No Srv

PCC RxM RSSI:  -61\t\tRSRP (dBm):  -92
PCC RxD RSSI:  -64\t\tRSRP (dBm):  -95
SCC RxM RSSI:  -70\t\tRSRP (dBm):  -99
SCC RxD RSSI:  --\t\tRSRP (dBm):  --
Tx Power:      --\t\tTAC:         22A7 (8871)
RSRQ (dB):     -10.5\t\tCell ID:     09762001 (158736385)
SINR (dB):     14.2"""
MC73 = """!GSTATUS:
Current Time:  5268\t\tTemperature: 38
Bootup Time:   0\t\tMode:        ONLINE
System mode:   LTE        \tPS state:    Attached
LTE band:      B3     \t\tLTE bw:      20 MHz
LTE Rx chan:   1850\t\tLTE Tx chan: 19850
EMM state:     Registered     \tNormal Service
RRC state:     RRC Idle
RSSI (dBm):    -61\t\tTx Power:    0
RSRP (dBm):    -92\t\tTAC:         22A7 (8871)
RSRQ (dB):     -10\t\tCell ID:     09762001 (158736385)
SINR (dB):     14.2"""
EM75 = """!GSTATUS:
System mode:   LTE        \tPS state:    Attached
LTE band:      B3     \t\tLTE bw:      20 MHz
LTE Rx chan:   1850\t\tLTE Tx chan: 19850
LTE SSC1 state:ACTIVE           LTE SSC1 band: B1
LTE SSC1 bw  : 10 MHz           LTE SSC1 chan: 125
LTE SSC2 state:INACTIVE         LTE SSC2 band: B7
LTE SSC2 bw  : Unknown          LTE SSC2 chan: 3050
LTE SSC3 state:NOT ASSIGNED
PCC RxM RSSI:  -61              PCC RxM RSRP:  -92
PCC RxD RSSI:  -64              PCC RxD RSRP:  -95
SCC1 RxM RSSI: -70              SCC1 RxM RSRP: -99
SCC1 RxD RSSI: -71              SCC1 RxD RSRP: -100
SCC2 RxM RSSI: -86              SCC2 RxM RSRP: -122
Tx Power:      --               TAC:         22A7 (8871)
RSRQ (dB):     -10.5            Cell ID:     09762001 (158736385)
SINR (dB):     14.2"""
ENDC = """!GSTATUS:
Current Time:  812\t\tTemperature: 44
System mode:   ENDC        \tPS state:    Attached
LTE band:      B3     \t\tLTE bw:      20 MHz
LTE Rx chan:   1850\t\tLTE Tx chan: 19850
LTE SCC1 state:ACTIVE    \tLTE SCC1 band: B1
LTE SCC1 bw  : 10 MHz  \t\tLTE SCC1 Rx chan: 125
LTE SCC1 UL Configured: FALSE\tLTE SCC1 Tx chan: 0
RRC state:     RRC Connected
PCC RxM RSSI:  -61\t\tPCC RxM RSRP:  -92
PCC RxD RSSI:  -64\t\tPCC RxD RSRP:  -95
PCC RxM1 RSSI:  -65\t\tPCC RxM1 RSRP:  -96
Tx Power:      --\t\tTAC:         22A7 (8871)
RSRQ (dB):     -10.5\t\tCell ID:     09762001 (158736385)
SINR (dB):     14.2
NR5G band:       n78\t\tNR5G bw:       100 MHz
NR5G Tx chan:  632736\t\tNR5G Rx chan:  632736
NR5G RSRP (dBm):     -97\tNR5G RSRQ (dB):     -11
NR5G SINR (dB):      9.5"""
STANDALONE = """!GSTATUS:
Current Time:  812\t\tTemperature: 44
System mode:   NR5G       \tPS state:    Not attached
MM5G state:    Registered     \tNormal Service
MCC-MNC:       452-04
NR5G TAC:        00a1f2        \t\tNR5G Cell ID:    1C649D138 (7621693752)
NR5G band:       n78       \t\tNR5G Carrier ID: 0
NR5G dl bw:      80 MHz    \t\tNR5G ul bw:      40 MHz
NR5G Tx Power:   ---        \t\tNR5G Tx chan:    0
NR5G Rx chan:    632736
NR5G(sub6) Rx0 RSSI (dBm):   -64.1\tNR5G(sub6) Rx1 RSSI (dBm):   -63.6
NR5G(sub6) Rx2 RSSI (dBm):   ---  \tNR5G(sub6) Rx3 RSSI (dBm):   ---
NR5G RSRP (dBm): -92\t\t\tNR5G RSRQ (dB):  -11
NR5G SINR (dB):  11.5"""
UTRA = """!GSTATUS:
Current Time:  90551            Temperature: 45
System mode:   WCDMA            PS state:    Attached
WCDMA band:    WCDMA 2100       GSM band:    Unknown
WCDMA channel: 10737            GSM channel: 65535
GMM (PS) state:REGISTERED       NORMAL SERVICE
WCDMA L1 State:L1M_FACH         RRC State:   CELL_FACH
RX level Carrier 0 (dBm):-71    LAC:         123A (4666)
RX level Carrier 1 (dBm):-106   Cell ID:     05E30A78 (98765432)"""
TABLE = """!LTEINFO:
Serving:   EARFCN MCC MNC   TAC      CID Bd D U SNR PCI  RSRQ   RSRP   RSSI RXLV
             1850 452  04  8871 09762001  3 5 3  14 255 -10.5  -92.1  -61.4 --
IntraFreq:                                          PCI  RSRQ   RSRP   RSSI RXLV
                                                    255 -10.5  -92.1  -61.4 --
                                                     34 -17.0 -101.4  -75.0 --
InterFreq: EARFCN ThresholdLow ThresholdHi Priority PCI  RSRQ   RSRP   RSSI RXLV
              125            0           0        0  90 -12.5  -97.0  -70.1   0
GSM:       ThreshL ThreshH Prio NCC ARFCN 1900 valid BSIC RSSI RXLV
                 0       0    0   0    62          0   16  -76   --
                 0       0    0   0    70          0   --   --   --
WCDMA:     UARFCN ThreshL ThreshH Prio PSC   RSCP  ECN0 RXLV
            10737       0       0    0  19  -95.0 -8.5    0
            10762       0       0    0  --     --   --   --
CDMA 1x:   Chan BC Offset Phase Str
CDMA HRPD: Chan BC Offset Phase Str"""


def asked(text: str, command: str = "AT!GSTATUS?") -> Asked:
    return Asked(command, tuple(line.strip() for line in text.splitlines() if line.strip()))


def status(text: str) -> Reading:
    return gstatus.gstatus(asked(text))


def cells(reading: Reading, role: Role) -> list[HeardCell]:
    return [cell for cell in reading.cells or () if cell.role is role]


def serving(reading: Reading) -> HeardCell:
    return cells(reading, Role.SERVING)[0]


def test_levels_of_mc74_are_those_of_each_receiver():
    reading = status(MC74.format(state="ACTIVE"))
    assert (reading.mode, reading.rrc_state, reading.attached) == ("lte", "connect", True)
    assert reading.temperature_c == 44
    assert serving(reading) == HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        tac=0x22A7,
        cell_id=0x9762001,
        arfcn=1850,
        band=3,
        bandwidth_mhz=20,
        rsrq_db=-10.5,
        sinr_db=14.2,
        rsrp_rx_dbm=(-92, -95),
        rssi_rx_dbm=(-61, -64),
    )
    assert serving(reading).recorded().rsrp_dbm == -92


def test_active_carrier_is_one_and_a_receiver_without_a_value_is_left_out():
    (carrier,) = cells(status(MC74.format(state="ACTIVE")), Role.SCC)
    assert (carrier.arfcn, carrier.band, carrier.bandwidth_mhz) == (125, 1, 10)
    assert (carrier.rsrp_rx_dbm, carrier.rssi_rx_dbm) == ((-99,), (-70,))


@pytest.mark.parametrize("state", ["INACTIVE", "NOT ASSIGNED"])
def test_carrier_that_is_not_active_is_none(state):
    assert cells(status(MC74.format(state=state)), Role.SCC) == []


def test_mc73_has_one_level():
    reading = status(MC73)
    cell = serving(reading)
    assert (cell.rsrp_dbm, cell.rssi_dbm, cell.rsrq_db, cell.sinr_db) == (-92, -61, -10, 14.2)
    assert (cell.tac, cell.cell_id, cell.rsrp_rx_dbm) == (0x22A7, 0x9762001, None)
    assert reading.rrc_state == "noconn"


@pytest.mark.parametrize(
    "text",
    [MC73, MC74.format(state="ACTIVE"), EM75, ENDC, STANDALONE, UTRA],
    ids=["MC73", "MC74", "EM75", "EN-DC", "stand-alone", "UTRA"],
)
def test_text_with_single_spaces_or_on_one_line_says_the_same(text):
    spaced = "\n".join(" ".join(line.split()) for line in text.splitlines())
    assert status(spaced) == status(text)
    assert status(" ".join(text.split())) == status(text)


def test_em75_has_several_carriers_by_number():
    (carrier,) = cells(status(EM75), Role.SCC)
    assert (carrier.arfcn, carrier.band, carrier.rsrp_rx_dbm) == (125, 1, (-99, -100))
    assert serving(status(EM75)).rsrp_rx_dbm == (-92, -95)


def test_leg_of_en_dc_and_four_receivers():
    reading = status(ENDC)
    assert reading.mode == "nr-nsa"
    assert serving(reading).rsrp_rx_dbm == (-92, -95, -96)
    assert [cell.arfcn for cell in cells(reading, Role.SCC)] == [125]
    (leg,) = cells(reading, Role.NR_SECONDARY)
    assert leg.recorded() == Cell(
        rat=Rat.NR,
        arfcn=632736,
        band=78,
        bandwidth_mhz=100,
        rsrp_dbm=-97,
        rsrq_db=-11,
        sinr_db=9.5,
    )


def test_nr_rows_of_dashes_are_no_leg():
    text = ENDC.partition("NR5G band")[0].replace("ENDC", "LTE")
    reading = status(
        f"{text}NR5G RSRP (dBm):     ---\tNR5G RSRQ (dB):     ---\nNR5G SINR (dB):      ---"
    )
    assert reading.mode == "lte"
    assert cells(reading, Role.NR_SECONDARY) == []
    assert serving(reading).sinr_db == 14.2


def test_leg_beside_lte_makes_it_en_dc_whatever_the_mode_says():
    assert status(ENDC.replace("ENDC", "LTE")).mode == "nr-nsa"


def test_stand_alone_has_its_network_in_the_text_and_says_not_attached():
    reading = status(STANDALONE)
    assert (reading.mode, reading.attached) == ("nr-sa", None)
    assert serving(reading) == HeardCell(
        role=Role.SERVING,
        rat=Rat.NR,
        mcc="452",
        mnc="04",
        tac=0xA1F2,
        cell_id=0x1C649D138,
        arfcn=632736,
        band=78,
        bandwidth_mhz=80,
        ul_bandwidth_mhz=40,
        rsrp_dbm=-92,
        rsrq_db=-11,
        sinr_db=11.5,
        rssi_rx_dbm=(-64.1, -63.6),
    )


def test_second_carrier_of_stand_alone_is_secondary():
    reading = status(f"{STANDALONE}\nNR5G band: n41\nNR5G Rx chan: 510000")
    (carrier,) = cells(reading, Role.SCC)
    assert (carrier.band, carrier.arfcn) == (41, 510000)


def test_utra_has_the_level_of_its_first_carrier():
    reading = status(UTRA)
    assert reading.mode == "wcdma"
    assert serving(reading) == HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        arfcn=10737,
        band=1,
        lac=0x123A,
        cell_id=98765432,
        rssi_dbm=-71,
    )


def test_gsm_has_no_band_number():
    reading = status(
        "System mode: GSM\nGSM band: EGSM 900\tGSM channel: 62\n"
        "RX level (dBm):-76\tLAC: 123A (4666)"
    )
    assert reading.mode == "gsm"
    assert serving(reading) == HeardCell(
        role=Role.SERVING, rat=Rat.GSM, arfcn=62, lac=0x123A, rssi_dbm=-76
    )


@pytest.mark.parametrize(("said", "attached"), [("Not attached", None), ("Attached", True)])
def test_stand_alone_is_attached_where_it_is_said_but_not_detached(said, attached):
    text = STANDALONE.replace("PS state:    Not attached", f"PS state:    {said}")
    assert status(text).attached is attached


@pytest.mark.parametrize("mode", ["Unknown", "NO SERVICE"])
def test_no_service_is_no_cell(mode):
    reading = status(
        f"!GSTATUS:\nCurrent Time: 6 Temperature: 3t 5\nMode: LOW POWER MODE\n"
        f"System mode:   {mode}          PS state:    Not attached"
    )
    assert (reading.mode, reading.cells, reading.attached) == ("no-service", (), False)
    assert reading.temperature_c is None


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("LTE Rx chan:   1850", "LTE Rx chan:   4294967295", "arfcn"),
        ("LTE Rx chan:   1850", "LTE Rx chan:   0", "arfcn"),
        ("LTE band:      B3", "LTE band:      No band", "band"),
        ("LTE bw:      20 MHz", "LTE bw:      Unknown", "bandwidth_mhz"),
        ("(158736385)", "(268435455)", "cell_id"),
        ("22A7 (8871)", "FFFE (65534)", "tac"),
        ("SINR (dB):     14.2", "SINR (dB):     --", "sinr_db"),
        ("09762001 (158736385)", "09... (15...)", "cell_id"),
    ],
)
def test_what_cannot_be_is_none(field, value, name):
    assert field in EM75
    assert getattr(serving(status(EM75.replace(field, value))), name) is None


def test_zero_is_a_channel_of_band_1():
    text = EM75.replace("B3", "B1").replace("chan:   1850", "chan:   0")
    assert serving(status(text)).arfcn == 0


def test_width_without_a_space_is_a_width():
    assert serving(status(EM75.replace("20 MHz", "5MHz", 1))).bandwidth_mhz == 5


def test_zeros_of_a_module_that_is_not_registered_are_no_identity():
    text = EM75.replace("22A7 (8871)", "0000 (0)").replace("09762001 (158736385)", "00000000 (0)")
    assert (serving(status(text)).tac, serving(status(text)).cell_id) == (None, None)


@pytest.mark.parametrize("text", ["", "!GSTATUS:", "what", "Temperature: 40"])
def test_text_without_a_mode_is_unreadable(text):
    with pytest.raises(UnreadableError):
        status(text)


def test_nr_info_serves_or_is_the_leg():
    text = STANDALONE.partition("MCC-MNC")[2].partition("\n")[2]
    sa = gstatus.nrinfo(asked(f"!NRINFO:\nConnectivity Mode: SA\n{text}", "AT!NRINFO?"))
    nsa = gstatus.nrinfo(asked(f"!NRINFO:\nConnectivity Mode: NSA\n{text}", "AT!NRINFO?"))
    bare = gstatus.nrinfo(asked(f"!NRINFO:\n{text}", "AT!NRINFO?"))
    assert (sa.mode, nsa.mode, bare.mode) == ("nr-sa", "nr-nsa", None)
    assert serving(sa) == serving(bare)
    assert (serving(sa).arfcn, serving(sa).rsrp_dbm) == (632736, -92)
    assert cells(nsa, Role.NR_SECONDARY)[0].band == 78


def test_nr_info_may_not_be_available():
    assert gstatus.nrinfo(asked("!NRINFO: Not Available", "AT!NRINFO?")).cells == ()
    with pytest.raises(UnreadableError):
        gstatus.nrinfo(asked("what", "AT!NRINFO?"))


def table(text: str) -> Reading:
    return gstatus.lteinfo(asked(text, "AT!LTEINFO?"))


def test_table_tells_the_pci_with_decimal_tac_and_hexadecimal_cell():
    assert serving(table(TABLE)) == HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc="452",
        mnc="04",
        tac=8871,
        cell_id=0x9762001,
        arfcn=1850,
        pci=255,
        band=3,
        bandwidth_mhz=20,
        ul_bandwidth_mhz=10,
        sinr_db=14,
        rsrq_db=-10.5,
        rsrp_dbm=-92.1,
        rssi_dbm=-61.4,
    )


def test_neighbours_are_of_every_technology_and_without_the_serving_cell():
    intra, inter, gsm, utra = (cell.recorded() for cell in cells(table(TABLE), Role.NEIGHBOUR))
    assert (intra.arfcn, intra.pci, intra.rsrp_dbm) == (1850, 34, -101.4)
    assert (inter.arfcn, inter.pci, inter.rsrq_db) == (125, 90, -12.5)
    assert gsm == Cell(rat=Rat.GSM, arfcn=62, bsic=16, rssi_dbm=-76)
    assert utra == Cell(rat=Rat.WCDMA, arfcn=10737, psc=19, rscp_dbm=-95, ecio_db=-8.5)


def test_table_joined_to_lines_or_to_one_says_the_same():
    assert table(" ".join(TABLE.split())).cells == table(TABLE).cells


def test_row_that_is_too_short_is_left_out():
    assert cells(table(TABLE.replace("125            0", "125")), Role.NEIGHBOUR)[1].rat is Rat.GSM


@pytest.mark.parametrize(("state", "count"), [("2", 1), ("1", 0)])
def test_secondary_carriers_stand_in_a_table_of_their_own(state, count):
    rows = f"CA SCell : EARFCN SCID Bd St D U PCI RSRP RSSI SINR\n 125 1 1 {state} 3 0 90 -97 -70 5"
    found = cells(table(f"{TABLE}\n{rows}"), Role.SCC)
    assert [(cell.arfcn, cell.bandwidth_mhz, cell.pci) for cell in found] == [(125, 10, 90)] * count


@pytest.mark.parametrize(
    "text",
    [
        "!LTEINFO: Not Available",
        "!LTEINFO:\nServing:   EARFCN MCC MNC   TAC      CID Bd D U SNR PCI  RSRQ   RSRP",
    ],
)
def test_no_row_is_no_cell(text):
    assert table(text).cells == ()


def test_what_is_no_table_is_unreadable():
    with pytest.raises(UnreadableError):
        table("!LTEINFO: what")
