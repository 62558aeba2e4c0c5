"""Fault 5: the power goes while a state file is written; the old or the new one is there."""

import os
import sys
from pathlib import Path

import pytest

from sim.guest import Guest
from tests.faults.probes import ENVIRONMENT

PROGRAM = Path(__file__).with_name("state_files.py")
CUTS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "1"))
BOOT_S = 60.0
EACH_S = (0.2, 1.5)


def versions(lines):
    """The last version of each file."""
    told = {}
    for line in lines:
        name, _, version = line.partition(" ")
        told[name] = int(version)
    return told


def cut_while_writing(guest, first, after_s):
    """The last version of each file that was written for certain."""
    told = []
    command = [sys.executable, PROGRAM, guest.disk, "write", str(first)]
    with guest.boot(command, environment=ENVIRONMENT) as session:
        for line in session.lines(BOOT_S):
            told.append(line)
            break
        told += session.lines(after_s)
        told += session.cut()
    return versions(told)


def read(guest):
    command = [sys.executable, PROGRAM, guest.disk, "read"]
    with guest.boot(command, environment=ENVIRONMENT) as session:
        return versions(session.finish(BOOT_S))


@pytest.mark.guest
@pytest.mark.fault(5)
@pytest.mark.timeout(60 + 20 * CUTS)
def test_a_state_file_is_the_old_or_the_new_one_after_a_power_cut(dice, tally, tmp_path):
    guest = Guest(tmp_path / "guest")
    before = read(guest)
    assert set(before.values()) == {0}
    for _ in range(CUTS):
        first = max(before.values()) + 1
        written = cut_while_writing(guest, first, dice.uniform(*EACH_S))
        found = read(guest)
        newest = before | written
        lost = sum(found[name] < newest[name] for name in newest)
        corrupt = sum(found[name] > newest[name] + 1 for name in newest if name in written)
        tally.tried(
            rows=sum(each - first + 1 for each in written.values()), lost=lost, corrupt=corrupt
        )
        assert (lost, corrupt) == (0, 0), (newest, found)
        before = found
