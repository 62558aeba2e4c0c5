import logging

import pytest

from sim.faults import FaultSwitch, faults_file

KNOWN = ("silent", "garbage")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "at.faults"


def test_the_file_stands_beside_the_link(tmp_path):
    assert faults_file(tmp_path / "at") == tmp_path / "at.faults"


def test_without_a_file_the_command_line_holds(path):
    assert FaultSwitch(KNOWN, ["silent"], path).active() == {"silent"}


def test_a_file_replaces_the_set_and_its_removal_brings_it_back(path):
    switch = FaultSwitch(KNOWN, ["silent"], path)
    path.write_text("garbage\n")
    assert switch.active() == {"garbage"}
    path.write_text("")
    assert switch.active() == frozenset()
    path.unlink()
    assert switch.active() == {"silent"}


def test_an_unknown_fault_is_said_once_and_ignored(path, caplog):
    switch = FaultSwitch(KNOWN, [], path)
    path.write_text("sleepy\nsilent\n")
    with caplog.at_level(logging.WARNING):
        assert switch.active() == {"silent"}
        assert switch.active() == {"silent"}
    assert [record.args[1] for record in caplog.records] == ["sleepy"]
