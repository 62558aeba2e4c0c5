import json
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime

import pytest

from sim.cli import main
from sim.faults import faults_file
from sim.gps import Fault, epoch_at
from sim.world import demo_world, save_world
from sim.world.route import distance_m

T0 = 1_790_000_000.0
WORLD = demo_world(T0)
DEADLINE_S = 25.0
GPSD = shutil.which("gpsd") or shutil.which("gpsd", path="/usr/sbin:/usr/local/sbin")


def wait_for(condition):
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.02)


class Daemon:
    """A client of a real gpsd; only reads its stream."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self._lines = self._socket.makefile("rb")
        self._socket.sendall(b'?WATCH={"enable":true,"json":true};\n')

    def report(self, wanted):
        """The next TPV that is wanted."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            report = json.loads(self._lines.readline())
            if report["class"] == "TPV" and wanted(report):
                return report
        raise AssertionError(f"no such report within {DEADLINE_S} s")

    def close(self):
        self._lines.close()
        self._socket.close()


def started(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def receiver(tmp_path):
    """The simulated receiver as a process, its link and its world."""
    world = demo_world(time.time() - 10)
    save_world(world, tmp_path / "world.json")
    link = tmp_path / "gps"
    arguments = ["--world", tmp_path / "world.json", "--link", link]
    process = subprocess.Popen([sys.executable, "-m", "sim", "gps", *map(str, arguments)])
    try:
        wait_for(link.exists)
        yield world, link
    finally:
        process.terminate()
        try:
            assert process.wait(DEADLINE_S) == 0
        finally:
            process.kill()
            process.wait()
    assert not link.is_symlink()


@pytest.fixture
def daemon(receiver):
    _, link = receiver
    port = free_port()
    process = subprocess.Popen([GPSD, "-N", "-n", "-S", str(port), "-F", "none", str(link)])
    try:
        wait_for(lambda: started(port))
        client = Daemon(port)
        yield client
        client.close()
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


@pytest.mark.skipif(GPSD is None, reason="gpsd is not installed")
def test_the_real_gpsd_reports_where_the_vehicle_is(receiver, daemon):
    world, link = receiver
    report = daemon.report(lambda tpv: tpv["mode"] == 3 and "altHAE" in tpv and "eph" in tpv)
    when = datetime.fromisoformat(report["time"]).timestamp()
    assert abs(when - time.time()) < 20
    truth = world.position_at(when)
    assert distance_m((report["lat"], report["lon"]), (truth.lat_deg, truth.lon_deg)) < 1
    assert report["altHAE"] == pytest.approx(truth.altitude_m, abs=0.2)
    assert report["speed"] == pytest.approx(truth.speed_m_s, abs=0.1)
    assert report["eph"] < 50

    faults_file(link).write_text(Fault.NULL_ISLAND)
    report = daemon.report(lambda tpv: abs(tpv.get("lat", 90)) < 1)
    assert report["mode"] == 3
    faults_file(link).write_text(Fault.NO_FIX)
    daemon.report(lambda tpv: tpv["mode"] == 1)


def test_each_fault_changes_the_epoch_in_its_way():
    healthy = epoch_at(WORLD, T0)
    assert healthy.mode == 3

    def faulty(fault):
        return epoch_at(WORLD, T0, frozenset({fault}))

    assert faulty(Fault.NO_FIX).mode == 1
    assert faulty(Fault.TWO_D).mode == 2
    assert faulty(Fault.NULL_ISLAND)[1:3] == (0.0, 0.0)
    assert (healthy.unix_s - faulty(Fault.ROLLOVER).unix_s) / 86_400 == 7168
    assert faulty(Fault.JUMP).lat_deg - healthy.lat_deg == pytest.approx(0.5)


def test_a_silent_receiver_says_nothing_and_speaks_again(receiver):
    _, link = receiver
    with link.open("rb", buffering=0) as line:
        _next_sentence(line)
        faults_file(link).write_text(Fault.SILENT)
        wait_for(lambda: _quiet(line))
        faults_file(link).unlink()
        assert _next_sentence(line).startswith(b"$GP")


def test_a_missing_world_is_said(tmp_path, capsys):
    link = tmp_path / "gps"
    assert main(["gps", "--world", "/nowhere", "--link", str(link)]) == 2
    assert "/nowhere" in capsys.readouterr().err
    assert not link.is_symlink()


def _next_sentence(line):
    data = b""
    while not (data.startswith(b"$") and data.endswith(b"\n")):
        byte = line.read(1)
        data = byte if byte == b"$" else data + byte
    return data


def _quiet(line):
    """Whether nothing comes for two seconds; takes away what does."""
    ready = select.select([line], [], [], 2.0)[0]
    if ready:
        line.read(4096)
    return not ready
