"""Faults 6 and 7: the power goes while the certificate, or the program, is being changed.

Whichever step it was: the old one or the new one is there, whole, and the change can be made again.
"""

import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from sim.certificates import Authority
from sim.guest import Guest
from tests.faults.switcher import PROBE, RELEASES, THINGS

THINGS_CUT = [pytest.param("identity", marks=pytest.mark.fault(6))]
THINGS_CUT += [pytest.param("release", marks=pytest.mark.fault(7))]
CUTS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "3"))
SEED = int(os.environ.get("DOSONG_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
STEPS = ("open", "write", "fsync", "mkdir", "symlink", "rename", "replace", "unlink", "rmdir")
"""Of `os`: what a switch does to the disk."""
BOOT_S = 30.0
MOST_STEPS = 200


@pytest.fixture
def given(tmp_path):
    """Two certificates of one probe."""
    for number in "12":
        Authority(tmp_path / "given" / number).client(PROBE)
    return tmp_path / "given"


def killed_at(step, work):
    """Whether a child that does `work` was killed before this step, instead of getting through."""
    child = os.fork()
    if child == 0:
        left = itertools.count(1)
        for name in STEPS:
            setattr(os, name, _deadly(getattr(os, name), left, step))
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in {0, -signal.SIGKILL}
    return status != 0


def _deadly(function, count, step):
    def call(*arguments, **options):
        if next(count) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    return call


@pytest.mark.parametrize("what", THINGS_CUT)
def test_whatever_step_a_switch_is_killed_at_one_of_both_is_there(what, given, tmp_path, tally):
    seen = set()
    for step in range(1, MOST_STEPS):
        thing = THINGS[what](tmp_path / f"{step}", given)
        old, new, *_ = thing.names()
        thing.switch(old)
        killed = killed_at(step, lambda thing=thing, new=new: thing.switch(new))
        found = thing.found()
        assert found in {old, new}
        seen.add(found)
        thing.switch(new)
        assert thing.found() == new
        assert not thing.versions.standing().on_trial
        tally.tried(corrupt=0, lost=0)
        if not killed:
            break
    assert not killed
    assert step > 20
    assert seen == {old, new}


@pytest.mark.fault(7)
def test_whatever_step_giving_up_is_killed_at_a_failed_release_goes(given, tmp_path, tally):
    old, failed, _ = RELEASES
    for step in range(1, MOST_STEPS):
        thing = THINGS["release"](tmp_path / f"{step}", given)
        thing.switch(old)
        thing.versions.stage(failed, lambda folder: (folder / "bin").mkdir())
        thing.versions.use(failed)

        def start_often(thing=thing):
            while thing.versions.count_start() is None:
                pass

        killed = killed_at(step, start_often)
        assert thing.versions.standing().current in {old, failed}
        while thing.versions.standing().on_trial:
            thing.versions.count_start()
        assert thing.found() == old
        tally.tried(corrupt=0, lost=0)
        if not killed:
            break
    assert not killed
    assert step > 20


@pytest.mark.timeout(60 + 20 * CUTS)
@pytest.mark.parametrize("what", THINGS_CUT)
def test_the_power_goes_in_the_middle_of_a_switch(what, given, tmp_path, tally):
    sys.stdout.write(f"DOSONG_KILL_SEED={SEED}\n")
    dice = random.Random(SEED)  # noqa: S311  # guards nothing
    guest = Guest(tmp_path / "guest")
    program = [sys.executable, "-m", "tests.faults.switcher", what, guest.disk, given]
    environment = {"PYTHONPATH": str(Path.cwd()), "PYTHONDONTWRITEBYTECODE": "1"}
    begun, done = {"nothing"}, "nothing"
    for _ in range(CUTS + 1):
        with guest.boot(program, environment=environment) as session:
            started_s = time.monotonic()
            said = [next(session.lines(BOOT_S))]
            recovery_s = time.monotonic() - started_s
            said += session.lines(dice.uniform(0.3, 1.5))
            said += session.cut()
        word, found = said[0].split()
        assert word == "FOUND"
        assert found in begun | {done}
        begun, done = set(), found
        tally.tried(corrupt=0, lost=0, recovery_s=recovery_s)
        for word, name in map(str.split, said[1:]):
            begun = begun | {name} if word == "BEGUN" else set()
            done = name if word == "DONE" else done
    assert len(said) > 1, "nothing was switched"
