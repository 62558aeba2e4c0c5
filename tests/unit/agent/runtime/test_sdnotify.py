import socket

import pytest

from agent.runtime import SystemdNotify


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """What systemd is to a service: a datagram socket."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name if request.param == "path" else "\0" + name)
        sock.settimeout(5)
        yield sock, name if request.param == "path" else "@" + name


def test_systemd_hears_each_word(manager):
    sock, address = manager
    notify = SystemdNotify({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"})
    notify.ready()
    notify.alive()
    notify.status("three modems\none SIM")
    notify.stopping()
    heard = [sock.recv(100) for _ in range(4)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"STATUS=three modems one SIM", b"STOPPING=1"]
    assert notify.watchdog_s == 60.0


def test_without_systemd_nothing_happens():
    notify = SystemdNotify({})
    notify.ready()
    assert notify.watchdog_s is None


def test_a_manager_that_went_away_is_said_and_survived(tmp_path, caplog):
    SystemdNotify({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()
    assert "systemd did not hear WATCHDOG=1" in caplog.text
