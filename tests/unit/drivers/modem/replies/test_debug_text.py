import pytest

from drivers.modem.errors import UnreadableError
from drivers.modem.readers import Asked
from drivers.modem.reading import Aggregation, HeardCell, Reading, Role
from drivers.modem.replies import debug_text
from wire.cells import Rat

EN_DC = """RAT:LTE+NR
mcc:452,mnc:02
lte_cell_id:158736385
lte_tac:8871
lte_tx_pwr:9.0dBm
lte_ant_rsrp:rx_diversity:3 (-92.4dBm,-95.1dBm,NA,NA)
pcell: lte_band:3 lte_band_width:20.0MHz
channel:1850 pci:255
lte_rsrp:-92.1dBm,rsrq:-10.6dB
lte_rssi:-61.6dBm,lte_snr:14.4dB
scell: lte_band:1 lte_band_width:10.0MHz
channel:125 pci:90
lte_rsrp:-97.3dBm,rsrq:-12.1dB
lte_rssi:-70.9dBm,lte_snr:0.0dB
scell: lte_band:7 lte_band_width:20.0MHz
channel:3050 pci:91
nr_band:n78
nr_band_width:100.0MHz
nr_channel:632736
nr_pci:377
nr_rsrp:-97dBm rx_diversity:15 (-97.8,-112.4,-140,-256.0)
nr_rsrq:-11dB
nr_snr:9.5dB"""
STANDALONE = """RAT:NR5G_SA
mcc:452,mnc:04
nr_cell_id:7621693752
nr_tac:41458
nr_band:n78
nr_band_width:100.0MHz
nr_channel:632736
nr_pci:377
nr_rsrp:-92dBm rx_diversity:3 (-97.8,-92.0,-44.0,-44.0)
nr_rsrq:-11dB
nr_snr:11.5dB"""
ENGINEERING = """EARFCN(DL/UL): 1850/19850
BAND: 3
BW: 20.0 MHz
PLMN: 452 04
TAC: {tac}
eNB ID(PCI): 620064-1(255)
ESM CAUSE: 0
EMM CAUSE: -1
DRX: 640ms
RSRP: -92.1dBm rx_diversity: 15 (-92.4dBm,-95.1dBm,-256.0dBm,-256.0dBm)
RSRQ: -10.6dB
RSSI: -61.6dBm
L2W:  -118
RI: 2
CQI:  7
RS-SNR: 14dB
STATUS: SRV/REGISTERED
SUB STATUS: NORMAL_SERVICE
RRC Status: CONNECTED
SVC: CS_PS
Tx Pwr: -
AVG RSRP: -93.3dBm
SCell1:
BAND:1 BW:10.0MHz
EARFCN:125 PCI:90
RSRP:-97.3dBm,RSRQ:-12.1dB
RSSI:-70.9dBm,SNR:5.0dB"""


def debug(text: str) -> Reading:
    lines = tuple(line for line in text.splitlines() if line)
    return debug_text.debug(Asked("AT^DEBUG?", lines))


def cells(reading: Reading, role: Role) -> list[HeardCell]:
    return [cell for cell in reading.cells or () if cell.role is role]


def serving(reading: Reading) -> HeardCell:
    return cells(reading, Role.SERVING)[0]


def test_anchor_with_decimal_identity_and_a_level_for_each_receiver():
    reading = debug(EN_DC)
    assert reading.mode == "nr-nsa"
    assert serving(reading) == HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc="452",
        mnc="02",
        cell_id=158736385,
        tac=8871,
        arfcn=1850,
        pci=255,
        band=3,
        bandwidth_mhz=20,
        rsrp_dbm=-92.1,
        rsrq_db=-10.6,
        rssi_dbm=-61.6,
        sinr_db=14.4,
        rsrp_rx_dbm=(-92.4, -95.1),
    )


def test_leg_leaves_out_receivers_that_are_not_used():
    (leg,) = cells(debug(EN_DC), Role.NR_SECONDARY)
    assert leg == HeardCell(
        role=Role.NR_SECONDARY,
        rat=Rat.NR,
        arfcn=632736,
        pci=377,
        band=78,
        bandwidth_mhz=100,
        rsrp_dbm=-97,
        rsrq_db=-11,
        sinr_db=9.5,
        rsrp_rx_dbm=(-97.8, -112.4),
    )


def test_secondary_carriers_with_and_without_levels():
    first, second = cells(debug(EN_DC), Role.SCC)
    assert (first.arfcn, first.pci, first.rsrp_dbm, first.rssi_dbm) == (125, 90, -97.3, -70.9)
    assert first.sinr_db is None
    assert (second.band, second.bandwidth_mhz, second.rsrp_dbm) == (7, 20, None)


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text.replace("RAT:LTE+NR", "RAT:LTE"),
        lambda text: text.replace("lte_r", "r").replace("lte_snr", "snr"),
        lambda text: text.replace("lte_ant_rsrp:", ""),
        lambda text: text.replace("nr_rsrp:-97", "nr_rsrp:97"),
        lambda text: text.replace("\n", ""),
        lambda text: text.replace("\n", " "),
        lambda text: text.replace("dB\n", "dBm\n"),
        lambda text: text.replace("lte_tx_pwr:9.0dBm", "lte_tx_pwr:NA"),
        lambda text: text.replace(":", ": "),
    ],
    ids=[
        "capitals",
        "LTE",
        "no prefix",
        "no label",
        "no sign",
        "glued",
        "one line",
        "unit",
        "NA",
        "space",
    ],
)
def test_other_firmware_says_the_same_in_other_letters(change):
    assert debug(change(EN_DC)) == debug(EN_DC)


def test_lte_alone():
    reading = debug(EN_DC.replace("+NR", "").partition("scell")[0])
    assert reading.mode == "lte"
    assert len(reading.cells or ()) == 1


def test_stand_alone_with_the_mask_of_its_receivers():
    assert serving(debug(STANDALONE)) == HeardCell(
        role=Role.SERVING,
        rat=Rat.NR,
        mcc="452",
        mnc="04",
        cell_id=7621693752,
        tac=41458,
        arfcn=632736,
        pci=377,
        band=78,
        bandwidth_mhz=100,
        rsrp_dbm=-92,
        rsrq_db=-11,
        sinr_db=11.5,
        rsrp_rx_dbm=(-97.8, -92.0),
    )
    assert debug(STANDALONE).mode == "nr-sa"


def test_stand_alone_without_prefixes_is_the_same():
    assert debug(STANDALONE.replace("nr_", "")) == debug(STANDALONE)


def test_second_carrier_of_stand_alone_with_or_without_a_heading():
    more = "nr_band:n41\nnr_band_width:60.0MHz\nnr_channel:510000\nnr_pci:9"
    for text in (f"{STANDALONE}\nnr_scc1:\n{more}", f"{STANDALONE}\n{more}"):
        (carrier,) = cells(debug(text), Role.SCC)
        assert (carrier.arfcn, carrier.bandwidth_mhz, carrier.pci) == (510000, 60, 9)
        assert serving(debug(text)).pci == 377


def test_text_of_dw5821e():
    reading = debug(ENGINEERING.format(tac="22A7"))
    assert (reading.mode, reading.rrc_state) == ("lte", "connect")
    assert serving(reading) == HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc="452",
        mnc="04",
        cell_id=620064 * 256 + 1,
        tac=0x22A7,
        arfcn=1850,
        pci=255,
        band=3,
        bandwidth_mhz=20,
        rsrp_dbm=-92.1,
        rsrq_db=-10.6,
        rssi_dbm=-61.6,
        sinr_db=14,
        rsrp_rx_dbm=(-92.4, -95.1),
    )
    (carrier,) = cells(reading, Role.SCC)
    assert (carrier.arfcn, carrier.band, carrier.rsrp_dbm, carrier.sinr_db) == (125, 1, -97.3, 5)


def test_area_of_digits_alone_may_be_of_either_base():
    assert serving(debug(ENGINEERING.format(tac="1107"))).tac is None


def test_dw5821e_may_say_its_technology_first():
    text = ENGINEERING.format(tac="22A7")
    assert debug(f"RAT:LTE\n{text}") == debug(text)
    assert debug(f"PCC info: Band is LTE_B3, Band_width is 20.0 MHz\n{text}") == debug(text)


@pytest.mark.parametrize(("said", "state"), [("IDLE", "noconn"), ("WAIT_RRC_CONFIRM", None)])
def test_state_of_the_connection(said, state):
    text = ENGINEERING.format(tac="22A7").replace("CONNECTED", said)
    assert debug(text).rrc_state == (state or said.lower())


def test_utra_has_its_own_quantities():
    reading = debug(
        "RAT:WCDMA\nmcc:452,mnc:04\nBAND: 1\nBW: 5.0 MHz\nCHANNEL (DL): 10737\nPSC:19\n"
        "RSCP:-95.0dBm, (-95.0dBm,NA)\nECIO:-8.5dB\nRSSI:-86.0dBm"
    )
    assert reading.mode == "wcdma"
    assert serving(reading) == HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        mcc="452",
        mnc="04",
        arfcn=10737,
        band=1,
        psc=19,
        rscp_dbm=-95,
        ecio_db=-8.5,
        rssi_dbm=-86,
    )


def test_no_service_is_no_cell():
    assert debug("RAT:NO SERVICE") == Reading(mode="no-service", cells=())
    assert debug("RAT:LTE\nmcc:452,mnc:04") == Reading(mode="lte", cells=())


@pytest.mark.parametrize("text", ["", "what", "channel:1850 pci:255", ":::"])
def test_text_without_a_technology_is_unreadable(text):
    with pytest.raises(UnreadableError):
        debug(text)


def carriers(*lines: str) -> Reading:
    return debug_text.ca_info(Asked("AT^CA_INFO?", lines))


def test_carriers_by_band_and_width():
    reading = carriers(
        "LTE serving information:",
        "PCC info: Band is LTE_B3, Band_width is 20.0 MHz",
        "SCC1 info: Band is LTE_B1, Band_width is 10.0 MHz",
        "NR serving information :",
        "PCC info: Band is NR5G_N78, Band_width is 100.0 MHz",
    )
    assert [(cell.role, cell.band, cell.bandwidth_mhz) for cell in reading.cells or ()] == [
        (Role.SERVING, 3, 20),
        (Role.SCC, 1, 10),
        (Role.NR_SECONDARY, 78, 100),
    ]
    assert reading.ca == Aggregation(carriers=3, bandwidths_mhz=(20, 10, 100), primary_band=3)


def test_carrier_of_stand_alone_serves():
    (cell,) = carriers("PCC info: Band is NR_N78, Band_width is 100.0 MHz").cells or ()
    assert (cell.role, cell.rat) == (Role.SERVING, Rat.NR)


def test_no_carriers_are_none_and_garbage_is_unreadable():
    assert carriers() == Reading(cells=())
    with pytest.raises(UnreadableError):
        carriers("what")
