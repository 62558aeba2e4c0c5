import pytest

from drivers.modem.dialogue import Dialogue
from drivers.modem.families.generic import Generic
from drivers.modem.family import families, family_of
from drivers.modem.standard import Identification
from tests.unit.drivers.modem.answers import Answers
from wire.cells import Cell, Rat
from wire.messages import RatMode


def modem(**table: str) -> tuple[Answers, Generic]:
    answers = Answers({f"AT+{name}": text for name, text in table.items()})
    return answers, Generic(Identification(), Dialogue(answers.send, answers.clock))


def look(**table: str):
    spelt = {
        name if name.endswith("=") else f"{name}?": text
        for name, text in table.items()
        if name not in {"CESQ", "CSQ"}
    } | {name: text for name, text in table.items() if name in {"CESQ", "CSQ"}}
    return modem(**spelt)[1].read_radio(neighbours=False)


def test_lte_cell_has_network_area_cell_and_level():
    found = look(
        CEREG='+CEREG: 2,1,"22A7","9762001",7',
        COPS='+COPS: 0,2,"45204",7',
        CESQ="+CESQ: 99,99,255,255,20,56",
    )
    assert (found.mode, found.plmn, found.nr) == ("lte", "45204", None)
    assert found.serving == Cell(
        rat=Rat.LTE,
        mcc="452",
        mnc="04",
        tac=0x22A7,
        cell_id=0x9762001,
        rsrp_dbm=-85,
        rsrq_db=-10,
    )


def test_nr_beside_lte_is_a_leg():
    found = look(
        CEREG='+CEREG: 2,1,"22A7","9762001",13',
        CESQ="+CESQ: 99,99,255,255,20,56,65,70,90",
    )
    assert found.mode == "nr-nsa"
    assert found.nr is not None
    assert found.nr.rsrp_dbm == -87


def test_stand_alone_nr():
    found = look(
        C5GREG='+C5GREG: 2,1,"004297","FA1B2C3D4",11',
        CESQ="+CESQ: 99,99,255,255,255,255,65,70,90",
    )
    assert found.mode == "nr-sa"
    assert found.serving is not None
    assert (found.serving.tac, found.serving.sinr_db) == (0x4297, 21.5)


def test_technology_may_come_from_the_operator():
    found = look(CREG="+CREG: 0,5", COPS='+COPS: 0,2,"45204",0', CSQ="+CSQ: 20,99")
    assert found.serving is not None
    assert (found.serving.rat, found.serving.rssi_dbm) == (Rat.GSM, -73)


def test_not_registered_is_no_cell_whatever_the_level():
    found = look(CREG="+CREG: 0,2", CESQ="+CESQ: 40,0,255,255,255,255")
    assert (found.serving, found.mode, found.plmn) == (None, None, None)


def test_silence_of_all_commands_is_an_empty_look():
    found = look()
    assert (found.serving, found.registration, found.unread) == (None, None, ())


@pytest.mark.parametrize(
    ("listed", "modes"),
    [
        ("+WS46: (12,22,25,28)", {RatMode.G2, RatMode.G3, RatMode.G4, RatMode.AUTO}),
        ("(28-31)", {RatMode.G4, RatMode.AUTO}),
        ("+WS46: (28,36,37,38)", {RatMode.G4, RatMode.G5_SA, RatMode.G5, RatMode.AUTO}),
    ],
)
def test_locks_are_what_the_modem_lists(listed, modes):
    _, family = modem(**{"WS46=?": listed})
    assert set(family.locks()) == modes


@pytest.mark.parametrize("line", ["+WS46: 28", "28"])
def test_lock_is_read_back(line):
    _, family = modem(**{"WS46=?": "(25,28)", "WS46?": line})
    assert family.read_lock() is RatMode.G4
    assert family.setting() == {"ws46": "28"}


def test_last_resort_comes_last():
    assert families()[-1] is Generic
    assert family_of(Identification("Somebody", "Else")) is Generic
