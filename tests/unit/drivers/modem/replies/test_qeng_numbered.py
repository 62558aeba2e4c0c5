import pytest

from drivers.modem.errors import UnreadableError
from drivers.modem.families.quectel import Quectel
from drivers.modem.readers import Asked
from drivers.modem.reading import Reading, Role
from wire.cells import Rat

NB = '+QENG: 0,1252,2,146,"097620A1",-95,-8,-86,16,3,"22A7",0,140,3'


def read(*lines: str, command: str = "AT+QENG=0") -> Reading:
    return Quectel.readers["+QENG"](Asked(command, lines, "BC660K-GL"))


def test_cell_of_nb_iot():
    reading = read(NB, "+QENG: 1,1252,147,-101,-12")
    serving, neighbour = reading.cells or ()
    assert (reading.mode, serving.role, serving.rat) == ("lte", Role.SERVING, Rat.LTE)
    assert (serving.arfcn, serving.pci, serving.cell_id, serving.tac, serving.band) == (
        *(1252, 146, 0x97620A1, 0x22A7),
        3,
    )
    assert (serving.rsrp_dbm, serving.rsrq_db, serving.rssi_dbm) == (-95, -8, -86)
    assert (serving.sinr_db, serving.sinr_raw) == (None, 16)
    assert (neighbour.role, neighbour.pci) == (Role.NEIGHBOUR, 147)
    assert (neighbour.rsrp_dbm, neighbour.rsrq_db) == (-101, -12)


def test_cell_of_gsm():
    row = "+QENG: 0,452,01,7108,80c4,554,41,-95,18,50,0,10,x,x,x,x,x,x,x"
    reading = read("+QENG: 1,0", row, command="AT+QENG?")
    (cell,) = reading.cells or ()
    assert (reading.mode, cell.mcc, cell.mnc, cell.lac) == ("gsm", "452", "01", 0x7108)
    assert (cell.cell_id, cell.arfcn, cell.bsic, cell.rssi_dbm) == (0x80C4, 554, 41, -95)
    assert not reading.unread


@pytest.mark.parametrize("row", ["0", "0,1", "0,1252,2", "0,-,,,,,,,,,,", "1,9,x,9,9", "9,²"])
def test_what_is_no_cell_is_unreadable(row):
    with pytest.raises(UnreadableError):
        read(f"+QENG: {row}")
