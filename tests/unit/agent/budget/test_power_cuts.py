"""An agent that is killed at any instant, again and again: what it carried is never forgotten."""

import os
import random
import signal
import time

import pytest

from agent.budget.purse import MOST_UNSAVED_BYTES
from tests.unit.agent.budget.conftest import Probe

CUTS = 120
CHUNK = 50_000
MOST = 4 * CHUNK
LIFE_S = 0.02


def work(probe):
    """Carry, and test, and look, until killed."""
    dice = random.Random(os.getpid())  # noqa: S311  # guards nothing
    while True:
        probe.carry("a", CHUNK)
        probe.purse.look()
        reserved = probe.purse.reserve("a", plan="p", optional=False, most_bytes=MOST)
        for _ in range(dice.randrange(5)):
            probe.carry("a", CHUNK)
            probe.purse.look()
        probe.wait(seconds=7)
        probe.purse.settle("a", reserved, carried_bytes=None)


def carried(probe):
    """What the kernel counted since the boot: a killed child had it written half at worst."""
    file = probe.folder / "net" / "wwan-a" / "statistics" / "rx_bytes"
    return int(file.read_text() or 0)


def live_and_die(probe, life_s):
    child = os.fork()
    if child == 0:
        try:
            work(probe)
        finally:
            os._exit(1)
    time.sleep(life_s)  # that it ends at any instant is what is tested
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("power", [True, False], ids=["power cut", "agent killed"])
def test_whatever_is_killed_nothing_is_forgotten(tmp_path, monkeypatch, power):
    probe = Probe(tmp_path)
    # A kill must not tear the kernel's counter: it is replaced as a whole.
    monkeypatch.setattr(probe, "carry", lambda name, count: replace_counter(probe, name, count))
    probe.start()
    dice = random.Random(4)  # noqa: S311  # guards nothing
    truth, reserved_cuts = 0, 0
    for _ in range(CUTS):
        before = probe.used() + probe.purse.outlook("a").reserved_bytes
        counter = carried(probe)
        live_and_die(probe, dice.random() * LIFE_S)
        grown = carried(probe) - counter
        truth += grown
        if power:
            probe.boot()
        else:
            probe.start()
        gained = probe.used() - before
        assert probe.purse.outlook("a").reserved_bytes == 0
        if power:
            # Bytes since the last write may be lost, outside of tests, and no more than promised.
            assert gained >= grown - min(CHUNK, MOST_UNSAVED_BYTES)
            assert gained <= grown + MOST
            reserved_cuts += gained > grown
        else:
            assert gained == grown
        save(probe)
    assert truth > CUTS * CHUNK / 2
    assert not power or reserved_cuts > 0


def save(probe):
    """What the next life begins with is on the disk."""
    probe.wait(seconds=61)
    probe.carry("a", 1)
    probe.purse.look()


def replace_counter(probe, name, count):
    file = probe.folder / "net" / f"wwan-{name}" / "statistics" / "rx_bytes"
    draft = file.with_name("draft")
    draft.write_text(f"{int(file.read_text()) + count}\n")
    draft.replace(file)
