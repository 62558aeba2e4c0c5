"""Faults 42 and 49: modems that go and come under other names, many times a second."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.faults.storm import STRANGER_PATH, Storm, resources
from tests.unit.drivers.modem.bus import Bus, BusHints

pytestmark = pytest.mark.alone

CYCLES = 500
"""Each is two events: out and in."""

UMOCKDEV_ABORTED = "libumockdev-preload.c"
"""It is not made for several threads: once in some dozens of runs an assertion of its own fails."""


@pytest.mark.parametrize("burst", [1, 50], ids=["one by one", "many at once"])
def test_a_thousand_unplugs_and_replugs_lose_no_modem_and_leak_nothing(tmp_path, burst):
    before = resources()
    bus, hints = Bus(tmp_path), BusHints()
    bus.on_change = hints.give
    storm = Storm(bus, scan=bus.scan, listen=lambda: hints, folder=tmp_path)
    try:
        weathered = storm.weather(cycles=CYCLES, burst=burst)
        asked = bus.ends[STRANGER_PATH].heard.count("AT+CGSN")
    finally:
        bus.unplug_all()
    assert weathered.events == 1000
    assert weathered.wrong == ()
    assert weathered.steady[0] == weathered.steady[1]
    assert resources() == before
    assert asked <= 1 + weathered.took_s / 60, "a stranger was asked again and again"


@pytest.mark.timeout(120)
def test_the_same_storm_through_sysfs_and_the_events_of_udev(tmp_path):
    wrapper = shutil.which("umockdev-wrapper")
    if wrapper is None:
        pytest.skip("needs umockdev-wrapper (Debian package umockdev)")
    for attempt in range(3):
        done = _under_umockdev(wrapper, tmp_path / str(attempt))
        if UMOCKDEV_ABORTED not in done.stderr:
            break
    assert done.returncode == 0, done.stderr[-4000:]
    said = json.loads(done.stdout)
    assert said["events"] == 1000
    assert said["wrong"] == []
    assert said["steady"][0] == said["steady"][1]
    assert said["outside"][0] == said["outside"][1]
    assert said["hints"] < 100, "a storm is few hints"
    assert said["asked"] <= 1 + said["took_s"] / 60


def _under_umockdev(wrapper, folder):
    folder.mkdir()
    program = [sys.executable, "-m", "tests.faults.umockdev_storm"]
    return subprocess.run(
        [wrapper, *program, str(folder), str(CYCLES), "50"],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
