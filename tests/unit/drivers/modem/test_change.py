"""What is written when a modem is set anew, and its radio switched."""

import pytest

from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, TimedOutError
from drivers.modem.families.quectel import Quectel
from drivers.modem.modem import Modem
from drivers.modem.reading import Bands
from drivers.modem.standard import Identification
from wire.messages import RatMode

from .answers import Answers


@pytest.fixture
def answers():
    return Answers(
        {
            'AT+QNWPREFCFG="mode_pref"': '+QNWPREFCFG: "mode_pref",LTE',
            'AT+QNWPREFCFG="nr5g_disable_mode"': '+QNWPREFCFG: "nr5g_disable_mode",0',
            'AT+QNWPREFCFG="lte_band"': '+QNWPREFCFG: "lte_band",7:3',
            'AT+QNWPREFCFG="mode_pref",AUTO': "",
            'AT+QNWPREFCFG="nr5g_disable_mode",2': "",
        }
    )


@pytest.fixture
def family(answers):
    made = Quectel(Identification("Quectel", "RM520N-GL"), Dialogue(answers.send, answers.clock))
    made.levers()
    answers.asked.clear()
    return made


def written(answers):
    return [command for command in answers.asked if command.count(",")]


def test_what_is_set_so_already_is_not_written(family, answers):
    assert family.change(family.wanted(RatMode.G4, Bands(lte=(3, 7)))) is False
    assert written(answers) == []


def test_only_what_differs_is_written(family, answers):
    assert family.change({"mode_pref": "LTE", "nr5g_disable_mode": "2"}) is True
    assert written(answers) == ['AT+QNWPREFCFG="nr5g_disable_mode",2']


def test_a_setting_of_another_family_changes_nothing(family, answers):
    with pytest.raises(RefusedError, match="no such setting here"):
        family.change({"mode_pref": "AUTO", "ws46": "28"})
    assert written(answers) == []


@pytest.fixture
def modem(far_end):
    far_end.script = {
        "AT+CGMI": b"\r\nSomebody\r\n\r\nOK\r\n",
        "AT+CGMM": b"\r\nM1\r\n\r\nOK\r\n",
    }
    with Modem.open(far_end.path, usb_path="1-1") as modem:
        far_end.heard.clear()
        yield modem


def test_the_radio_goes_off_and_on_with_a_pause_between(modem, far_end):
    modem.radio_off_and_on(lambda seconds: far_end.heard.append(f"{seconds:g} s"))
    assert far_end.heard == ["AT+CFUN=4", "3 s", "AT+CFUN=1"]


def test_the_radio_is_switched_on_also_when_the_pause_is_cut_short(modem, far_end):
    def interrupt(_):
        raise TimedOutError("interrupted")

    with pytest.raises(TimedOutError):
        modem.radio_off_and_on(interrupt)
    assert far_end.heard[-1] == "AT+CFUN=1"


@pytest.mark.parametrize(
    ("answer", "was_off"),
    [
        (b"\r\n+CFUN: 0\r\n\r\nOK\r\n", True),
        (b"\r\n+CFUN: 4\r\n\r\nOK\r\n", True),
        (b"\r\n+CFUN: 1\r\n\r\nOK\r\n", False),
        (b"\r\n+CFUN: 5\r\n\r\nOK\r\n", False),
        (b"\r\nERROR\r\n", False),
        (b"\r\nOK\r\n", False),
    ],
)
def test_only_a_radio_that_says_it_is_off_is_switched_on(modem, far_end, answer, was_off):
    far_end.script["AT+CFUN?"] = answer
    assert modem.switch_radio_on() is was_off
    assert ("AT+CFUN=1" in far_end.heard) is was_off
