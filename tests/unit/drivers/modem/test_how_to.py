"""The family that docs/how-to/add-a-modem.md shows is one."""

import re
import types
from pathlib import Path

import pytest

from drivers.modem.dialogue import Dialogue
from drivers.modem.standard import Identification
from sim.modem.persona import parse_persona
from wire.messages import RatMode

from .answers import Answers

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "add-a-modem.md"
_FOUND = re.findall(r"```(python|text)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
BLOCKS = dict(reversed(_FOUND))
"""The first of each kind."""
IDENTIFICATION = Identification("Example", "One")


@pytest.fixture
def answers() -> Answers:
    return Answers(
        {
            "AT+XCELL?": "+XCELL: LTE,452,04,22A7,9762001,1600,255,3,-92,-10,14",
            "AT+CEREG?": '+CEREG: 2,1,"22A7","9762001",7',
            "AT+XMODE?": "+XMODE: 1",
            "AT+XMODE=0": "",
        }
    )


@pytest.fixture
def family(answers):
    module = types.ModuleType("example")
    exec(compile(BLOCKS["python"], str(PAGE), "exec"), module.__dict__)  # noqa: S102  # our page
    assert module.Example.claims(IDENTIFICATION)
    return module.Example(IDENTIFICATION, Dialogue(answers.send, answers.clock))


def test_its_cell_is_read(family):
    look = family.read_radio(neighbours=True)
    assert (look.mode, look.unread) == ("lte", ())
    assert look.serving is not None
    assert (look.serving.arfcn, look.serving.pci, look.serving.sinr_db) == (1600, 255, 14)


def test_its_lock_is_read_back_and_given_back(family, answers):
    assert family.read_lock() is RatMode.G4
    family.lock(RatMode.AUTO)
    assert answers.asked[-1] == "AT+XMODE=0"


def test_searching_is_no_cell(family, answers):
    answers.table["AT+XCELL?"] = ""
    assert family.read_radio(neighbours=False).serving is None


def test_its_transcript_is_a_persona():
    assert parse_persona(BLOCKS["text"], source="the page").model == "One"
