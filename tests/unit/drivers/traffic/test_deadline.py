"""Whatever the child or the far end does, a test ends by its deadline and two seconds."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from drivers.traffic import NetPath, Server, profile, run_throughput
from drivers.traffic.profile import Method
from tests.unit.drivers.traffic.ends import capacity, run_until
from wire.kinds.throughput import Direction
from wire.messages import Outcome

ANY = NetPath()
SLACK_S = 2.0


@pytest.fixture(autouse=True)
def closing(monkeypatch):
    monkeypatch.setattr(profile, "CLOSING_S", 1.0)


def short(direction=Direction.DOWN, method=Method.IPERF3, **changes):
    shape = {"warmup_s": 0, "window_s": 2, "connect_timeout_s": 1.0, "slot_wait_s": 0}
    return capacity(direction, method, **(shape | changes))


def timed(test, server):
    """The result, and by how much the deadline was overrun."""
    begun = time.monotonic()
    result = run_throughput(test, server, ANY, threading.Event())
    return result, time.monotonic() - begun - test.deadline_s


def children() -> list[int]:
    """Processes of ours that run an iperf3 test; a thread may end while it is asked."""
    ours = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            pids = [int(pid) for pid in (task / "children").read_text().split()]
            ours += [pid for pid in pids if b"iperf_child" in command_of(pid)]
    return ours


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def signal_child(number: signal.Signals, after_s: float) -> threading.Thread:
    def send() -> None:
        run_until(children, "a child runs")
        threading.Event().wait(after_s)
        os.kill(children()[0], number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_a_stopped_child_is_killed(iperf):
    thread = signal_child(signal.SIGSTOP, 0.5)
    result, over_s = timed(short(window_s=1), Server(host="127.0.0.1", iperf_port=iperf.port))
    thread.join(5)
    assert over_s < SLACK_S
    assert (result.outcome, result.reason) == (
        Outcome.INVALID,
        "probe: iperf3 child hung and was killed",
    )
    assert not children()


def test_a_child_that_crashes_says_so_at_once(iperf):
    thread = signal_child(signal.SIGSEGV, 1.0)
    result, over_s = timed(short(), Server(host="127.0.0.1", iperf_port=iperf.port))
    thread.join(5)
    assert over_s < 0
    assert (result.outcome, result.reason) == (
        Outcome.INVALID,
        "probe: iperf3 child crashed: SIGSEGV",
    )


def test_a_frozen_iperf_server_gives_no_answer(iperf):
    os.kill(iperf.pid, signal.SIGSTOP)
    try:
        result, over_s = timed(short(), Server(host="127.0.0.1", iperf_port=iperf.port))
    finally:
        os.kill(iperf.pid, signal.SIGCONT)
    assert over_s < 0
    assert (result.outcome, result.reason) == (Outcome.FAILED, "connect: no answer")


@pytest.mark.parametrize("direction", list(Direction))
def test_a_server_that_freezes_in_the_middle_stalls(iperf, direction):
    def freeze() -> None:
        run_until(children, "a child runs")
        threading.Event().wait(1.2)
        os.kill(iperf.pid, signal.SIGSTOP)

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        result, over_s = timed(short(direction), Server(host="127.0.0.1", iperf_port=iperf.port))
    finally:
        thread.join(5)
        os.kill(iperf.pid, signal.SIGCONT)
    assert over_s < SLACK_S
    assert (result.outcome, result.reason) == (Outcome.FAILED, "transfer: stalled")
    assert result.payload.cut_off
    assert result.payload.intervals


def test_a_frozen_web_server_gives_no_answer(measurement):
    server = Server(host="127.0.0.1", http_port=measurement(hang=True).port)
    result, over_s = timed(short(method=Method.HTTP, slot_wait_s=1.0), server)
    assert over_s < SLACK_S
    assert (result.outcome, result.reason) == (Outcome.FAILED, "request: no answer")


@pytest.mark.parametrize("method", list(Method))
def test_dead_name_servers_are_part_of_the_deadline(method, monkeypatch):
    over = threading.Event()

    def silent(*_, **__):
        over.wait(30)
        raise OSError("at last")

    monkeypatch.setattr("socket.getaddrinfo", silent)
    server = Server(host="far.example", iperf_port=1, http_port=1)
    try:
        result, over_s = timed(short(method=method, slot_wait_s=0.5), server)
    finally:
        over.set()
    assert over_s < 0
    assert result.reason == "dns: timeout"


@pytest.mark.root
@pytest.mark.parametrize("method", list(Method))
def test_a_black_hole_ends_in_time(method, black_hole):
    host, interface = black_hole
    server = Server(host=host, iperf_port=5201, http_port=8080)
    test = short(method=method, slot_wait_s=0.5)
    begun = time.monotonic()
    result = run_throughput(test, server, NetPath(interface=interface), threading.Event())
    assert time.monotonic() - begun < test.deadline_s + SLACK_S
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("connect: ")


@pytest.fixture
def black_hole():
    """An address that swallows everything, behind an interface of its own."""
    name, host = f"bh{os.getpid() % 100000}", "10.255.77.2"
    commands = (
        ["ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}p"],
        ["ip", "addr", "add", "10.255.77.1/30", "dev", name],
        ["ip", "link", "set", name, "up"],
        ["ip", "link", "set", f"{name}p", "up"],
        ["ip", "neigh", "add", host, "lladdr", "02:00:00:00:00:77", "dev", name],
    )
    try:
        for command in commands:
            subprocess.run(command, check=True)
        yield host, name
    finally:
        subprocess.run(["ip", "link", "del", name], check=False)
