"""When a silent port's modem is taken off the bus: after a time, not after a number of tries."""

import pytest

from agent import silent_port
from agent.config import ModemPlace
from agent.rungs import LIMITS, Rung, RungLog
from agent.settling import Settling
from agent.silent_port import SILENT_S, SilentPort


@pytest.fixture
def replugs(monkeypatch):
    seen = []
    monkeypatch.setattr(silent_port, "replug", seen.append)
    return seen


@pytest.fixture
def port(tmp_path, fake_clock, fake_recorder):
    return SilentPort(
        place=ModemPlace(name="m", usb_path="1-1"),
        rungs=RungLog(tmp_path / "rungs", fake_clock),
        clock=fake_clock,
        recorder=fake_recorder,
        settling=Settling(),
    )


def test_a_modem_that_boots_is_left_alone_however_often_it_is_asked(port, fake_time, replugs):
    for _ in range(20):
        port.silent("no answer")
        fake_time.advance(1.0)
    assert replugs == []


def test_one_that_answers_in_between_begins_anew(port, fake_time, replugs):
    port.silent("no answer")
    fake_time.advance(SILENT_S)
    port.answered("1-1")
    port.silent("no answer")
    assert replugs == []


def test_it_goes_off_the_bus_once_and_then_a_person_is_told(port, fake_time, replugs, records):
    for _ in range(3):
        port.silent("no answer")
        fake_time.advance(SILENT_S)
    assert LIMITS[Rung.REPLUG].every_s > SILENT_S * 3
    assert replugs == ["1-1"]
    port.silent("no answer")
    assert replugs == ["1-1"]
    assert records.events() == ["remedy_tried", "modem_silent"]
