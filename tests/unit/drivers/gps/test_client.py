import contextlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.gps import client as module
from drivers.gps.client import GpsClient
from drivers.gps.report import Fix, FixGate
from sim.nmea import Epoch, sentences
from sim.parts import ReservedPort
from wire.messages import Position, PositionSource

TPV = (
    b'{"class":"TPV","device":"/dev/x","mode":3,"time":"2026-11-23T12:48:%02d.000Z",'
    b'"lat":12.0,"lon":107.7,"speed":10.0}\r\n'
)
SKY = b'{"class":"SKY","device":"/dev/x","satellites":[{"PRN":1,"used":true}]}\r\n'
GPSD = shutil.which("gpsd") or shutil.which("gpsd", path="/usr/sbin:/usr/local/sbin")
PATIENCE_S = 25.0


class FakeGpsd:
    """One connection after the other; says what the test tells it to."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.port: int = self._listener.getsockname()[1]

    def accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE_S)
        assert connection.recv(100) == b'?WATCH={"enable":true,"json":true}\n'
        return connection

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def fake() -> Iterator[FakeGpsd]:
    with contextlib.closing(FakeGpsd()) as fake:
        yield fake


@pytest.fixture
def client(fake) -> Iterator[GpsClient]:
    with contextlib.closing(GpsClient(port=fake.port)) as client:
        yield client


@pytest.fixture
def connection(fake, client) -> Iterator[socket.socket]:
    """The daemon's end of the client's connection."""
    client.reports(0.01)
    with fake.accept() as connection:
        yield connection


def next_fixes(client: GpsClient, number: int = 1) -> list[Fix]:
    deadline = time.monotonic() + PATIENCE_S
    fixes: list[Fix] = []
    while len(fixes) < number:
        assert time.monotonic() < deadline, f"only {len(fixes)} fixes"
        fixes += client.reports(0.5)
    return fixes


def test_fixes_come_with_the_sky_before_them(client, connection):
    connection.sendall(SKY + TPV % 1 + TPV % 2)
    first, second = next_fixes(client, 2)
    assert (first.lat_deg, first.satellites_used) == (12.0, 1)
    assert second.utc.second == 2


def test_a_report_in_single_bytes_is_one_report(client, connection):
    sender = threading.Thread(
        target=lambda: [connection.sendall(bytes([byte])) for byte in TPV % 1 + TPV % 2]
    )
    sender.start()
    fixes = next_fixes(client, 2)
    sender.join()
    assert [fix.utc.second for fix in fixes] == [1, 2]


def test_silence_is_no_report_within_the_time_given(client, connection):
    assert client.connected
    begun = time.monotonic()
    assert client.reports(0.3) == ()
    assert 0.2 < time.monotonic() - begun < 5
    connection.sendall(TPV % 1)
    assert next_fixes(client)


def test_garbage_costs_its_own_line_and_is_counted(client, connection):
    connection.sendall(b"$GPRMC,nonsense\r\n\r\n" + b'{"class":"TPV","lat":"x"}\n' + TPV % 1)
    assert len(next_fixes(client)) == 1
    assert client.unreadable == 2


def test_a_line_without_end_is_bounded(fake, client, connection):
    with contextlib.suppress(OSError):
        connection.sendall(b"x" * 1_000_000)
    deadline = time.monotonic() + PATIENCE_S
    while client.unreadable == 0:
        assert time.monotonic() < deadline
        client.reports(0.1)
    assert not client.connected
    with accepted_while_reading(fake, client) as again:
        again.sendall(TPV % 1)
        assert next_fixes(client)


@contextlib.contextmanager
def accepted_while_reading(fake: FakeGpsd, client: GpsClient) -> Iterator[socket.socket]:
    """The next connection, which the client makes only when it is asked for reports."""
    accepted: list[socket.socket] = []
    thread = threading.Thread(target=lambda: accepted.append(fake.accept()))
    thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while thread.is_alive():
        assert time.monotonic() < deadline
        client.reports(0.05)
    thread.join()
    with accepted[0] as connection:
        yield connection


def test_a_closed_connection_is_opened_again(fake, client, connection):
    connection.close()
    with accepted_while_reading(fake, client) as again:
        again.sendall(TPV % 3)
        assert next_fixes(client)[0].utc.second == 3


def test_a_silent_daemon_is_asked_and_then_left(fake, client, connection, monkeypatch):
    monkeypatch.setattr(module, "SILENCE_S", 0.2)
    with accepted_while_reading(fake, client):
        assert connection.recv(100) == module.PROBE
    assert client.connected


def test_a_daemon_that_answers_is_kept_though_its_receiver_is_silent(
    client, connection, monkeypatch
):
    monkeypatch.setattr(module, "SILENCE_S", 0.2)
    for _ in range(3):
        asked = threading.Thread(target=connection.recv, args=(100,))
        asked.start()
        deadline = time.monotonic() + PATIENCE_S
        while asked.is_alive():
            assert time.monotonic() < deadline
            client.reports(0.05)
        connection.sendall(b'{"class":"VERSION","release":"3.22"}\r\n')
        client.reports(0.1)
    assert client.connected


def test_no_daemon_is_no_report_and_no_busy_loop():
    with ReservedPort() as port, contextlib.closing(GpsClient(port=port.number)) as client:
        begun, used = time.monotonic(), time.process_time()
        assert client.reports(1.0) == ()
        assert not client.connected
        assert 0.9 < time.monotonic() - begun < 5
        assert time.process_time() - used < 0.5


class Receiver:
    """NMEA of a vehicle heading north at 10 m/s, once a second on a pty, until it is silenced."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        Path(self.name).chmod(0o666)
        self._slave = slave
        os.set_blocking(self._master, False)
        self._done = threading.Event()
        self.silent = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        begun = time.time()
        while not self._done.wait(1.0):
            now = time.time()
            if self.silent.is_set():
                continue
            epoch = Epoch(
                unix_s=float(int(now)),
                lat_deg=12.0 + 10 * (int(now) - begun) / 111_195,
                lon_deg=107.7,
                altitude_m=600.0,
                speed_m_s=10.0,
                course_deg=0.0,
                mode=3,
            )
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, sentences(epoch))
            with contextlib.suppress(BlockingIOError):
                os.read(self._master, 4096)

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


@contextlib.contextmanager
def gpsd_running(port: int, receiver: Receiver) -> Iterator[subprocess.Popen]:
    daemon = subprocess.Popen(
        [GPSD, "-N", "-n", "-S", str(port), "-F", "none", receiver.name],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield daemon
    finally:
        daemon.kill()
        daemon.wait()


def await_position(client: GpsClient, gate: FixGate, *, fix_mode: int = 2) -> Position:
    """Wait for a believed fix; one of mode 2 may come before gpsd has heard all of an epoch."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        position = gate.position(time.monotonic())
        if position.source is PositionSource.GNSS and position.fix_mode >= fix_mode:
            return position
        assert time.monotonic() < deadline, f"no position: {gate.rejected(time.monotonic())}"
        for fix in client.reports(0.5):
            gate.judge(fix, time.monotonic())


@pytest.mark.skipif(GPSD is None, reason="gpsd is not installed")
def test_a_real_gpsd_that_is_frozen_killed_and_whose_receiver_falls_silent():
    """One daemon for all of it: starting gpsd on a pty takes some seconds."""
    with (
        ReservedPort() as port,
        contextlib.closing(Receiver()) as receiver,
        contextlib.closing(GpsClient(port=port.number)) as client,
    ):
        gate = FixGate()
        with gpsd_running(port.number, receiver) as daemon:
            position = await_position(client, gate, fix_mode=3)
            assert position.lat_deg == pytest.approx(12.0, abs=0.01)
            assert position.speed_m_s == pytest.approx(10.0, abs=0.1)
            assert position.altitude_m == pytest.approx(600.0, abs=1)

            daemon.send_signal(signal.SIGSTOP)
            begun = time.monotonic()
            while gate.position(time.monotonic()).source is PositionSource.GNSS:
                assert time.monotonic() - begun < 10, "a frozen daemon's fix was kept"
                for fix in client.reports(0.2):
                    gate.judge(fix, time.monotonic())
            daemon.send_signal(signal.SIGCONT)
            await_position(client, gate)

            receiver.silent.set()
            begun = time.monotonic()
            while gate.rejected(time.monotonic()) != "stale":
                assert time.monotonic() - begun < 10, "a silent receiver's fix was kept"
                for fix in client.reports(0.2):
                    gate.judge(fix, time.monotonic())
            assert gate.position(time.monotonic()).lat_deg is None
            receiver.silent.clear()
        client.reports(1.0)
        with gpsd_running(port.number, receiver):
            await_position(client, gate)
