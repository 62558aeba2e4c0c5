from drivers.modem.look import Look
from drivers.modem.reading import HeardCell, Levels, Reading, Registration, Role, Signal
from wire.cells import Rat

LTE = HeardCell(role=Role.SERVING, rat=Rat.LTE, arfcn=1600, pci=255, rsrp_dbm=-92)
LEG = HeardCell(role=Role.NR_SECONDARY, rat=Rat.NR, arfcn=650000, pci=51, rsrp_dbm=-90)


def hearing(*cells: HeardCell, **more) -> Reading:
    return Reading(cells=cells, **more)


def recorded(*readings: Reading, **more):
    look = Look()
    for reading in readings:
        look = look.add(reading)
    return look.record((), None, (), **more)


def test_second_answer_adds_what_the_first_left_open():
    more = HeardCell(role=Role.SERVING, rat=Rat.LTE, arfcn=1600, pci=255, sinr_db=12, rsrp_dbm=-95)
    found = recorded(hearing(LTE), hearing(more)).serving
    assert found is not None
    assert (found.sinr_db, found.rsrp_dbm) == (12, -92)


def test_another_cell_adds_nothing():
    other = HeardCell(role=Role.SERVING, rat=Rat.LTE, arfcn=1600, pci=256, sinr_db=12)
    found = recorded(hearing(LTE), hearing(other)).serving
    assert found is not None
    assert found.sinr_db is None


def test_leg_on_top_of_lte_is_en_dc():
    found = recorded(hearing(LTE, LEG))
    assert (found.mode, found.nr is not None, found.carriers) == ("nr-nsa", True, ())


def test_leg_without_a_level_is_a_carrier():
    configured = HeardCell(role=Role.NR_SECONDARY, rat=Rat.NR, arfcn=650000, pci=51)
    found = recorded(hearing(LTE, configured))
    assert (found.mode, found.nr) == ("lte", None)
    assert [cell.pci for cell in found.carriers] == [51]


def test_serving_cell_is_no_neighbour_of_itself():
    same = HeardCell(role=Role.NEIGHBOUR, rat=Rat.LTE, arfcn=1600, pci=255, rsrp_dbm=-92)
    other = HeardCell(role=Role.NEIGHBOUR, rat=Rat.LTE, arfcn=1600, pci=34, rsrp_dbm=-105)
    assert [cell.pci for cell in recorded(hearing(LTE, same, other)).neighbours] == [34]


def test_list_that_does_not_tell_who_serves_adds_to_the_serving_cell():
    bare = HeardCell(role=Role.SERVING, rat=Rat.LTE, arfcn=1600, pci=255)
    measured = [
        HeardCell(role=Role.MEASURED, rat=Rat.LTE, arfcn=1600, pci=pci, rsrp_dbm=dbm)
        for pci, dbm in ((255, -92), (34, -105))
    ]
    found = recorded(hearing(bare), hearing(*measured))
    assert found.serving is not None
    assert found.serving.rsrp_dbm == -92
    assert [cell.pci for cell in found.neighbours] == [34]


def test_best_receiver_is_the_level():
    cell = HeardCell(role=Role.SERVING, rat=Rat.LTE, rsrp_rx_dbm=(-98, -94), rssi_rx_dbm=(-65, -64))
    found = recorded(hearing(cell)).serving
    assert found is not None
    assert (found.rsrp_dbm, found.rssi_dbm) == (-94, -64)


def test_network_code_gets_its_leading_zero_back():
    cell = HeardCell(role=Role.SERVING, rat=Rat.LTE, mcc="452", mnc="4", arfcn=1600)
    found = recorded(hearing(cell)).serving
    assert found is not None
    assert found.plmn == "45204"


def test_level_of_another_cell_is_not_ours():
    far = Signal(lte=Levels(rsrp_dbm=-115, sinr_db=3))
    near = Signal(lte=Levels(rsrp_dbm=-91, sinr_db=9))
    assert recorded(hearing(LTE), Reading(signal=far)).serving.sinr_db is None
    assert recorded(hearing(LTE), Reading(signal=near)).serving.sinr_db == 9


def test_registration_outlives_the_cell_and_makes_none():
    home = Registration(domain="eps", stat=1, state="home", tac=0x22A7, cell_id=5, act=7)
    look = Look().add(Reading(cells=(), rrc_state="search"))
    assert look.record((home,), None, ()).serving is None
    assert look.record((home,), None, (), registered_serves=True).serving is not None


def test_registration_adds_to_its_own_cell_only():
    home = Registration(domain="eps", stat=1, state="home", tac=0x22A7, cell_id=5, act=7)
    look = Look().add(hearing(LTE))
    assert look.record((home,), None, ()).serving.cell_id == 5
    other = HeardCell(role=Role.SERVING, rat=Rat.LTE, arfcn=1600, cell_id=6)
    assert Look().add(hearing(other)).record((home,), None, ()).serving.tac is None


def test_hottest_sensor_counts():
    readings = [Reading(temperature_c=value) for value in (40.0, (38.0, 44.0), {"pa": 41.0})]
    assert recorded(*readings).temperature_c == 44


def test_row_of_nothing_but_sentinels_is_no_cell():
    assert recorded(hearing(HeardCell(role=Role.SERVING, rat=Rat.LTE))).serving is None
