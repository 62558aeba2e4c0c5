"""A guest's power is cut: what it had flushed is there at the next boot."""

import os
import socket
import sys
import threading

import pytest

from sim.guest import Cable, Guest
from sim.parts import PartError

WRITE = """
import os, sys, time
file = open(sys.argv[1] + "/flushed", "w")
file.write("kept"); file.flush(); os.fsync(file.fileno())
print("done", flush=True)
time.sleep(60)
"""
BOOT_S = 30.0

pytestmark = pytest.mark.guest


def test_what_was_flushed_outlives_a_cut_and_the_next_boot_finds_it(tmp_path):
    guest = Guest(tmp_path / "guest")
    with guest.boot([sys.executable, "-c", WRITE, guest.disk]) as session:
        session.wait_for("done", BOOT_S)
        assert session.cut() == []
    assert list(guest.disk.iterdir()) == []
    with guest.boot(["cat", guest.disk / "flushed", "/proc/version"]) as session:
        (said,) = session.finish(BOOT_S)
    assert said.startswith("keptLinux version")


def test_a_program_that_fails_is_told_with_what_it_said(tmp_path):
    guest = Guest(tmp_path / "guest")
    with (
        guest.boot(["sh", "-c", "echo no luck >&2; exit 3"]) as session,
        pytest.raises(PartError, match=r"ended 3(.|\n)*no luck"),
    ):
        session.finish(BOOT_S)


def test_the_environment_is_the_programs_and_the_host_is_read_only(tmp_path):
    guest = Guest(tmp_path / "guest")
    script = f'echo "$WORD"; touch {tmp_path}/mine 2>/dev/null || echo refused'
    with guest.boot(["sh", "-c", script], environment={"WORD": "a b"}) as session:
        assert session.finish(BOOT_S) == ["a b", "refused"]
    assert not (tmp_path / "mine").exists()


@pytest.mark.root
def test_over_its_cable_a_guest_reaches_this_machine_as_localhost(tmp_path):
    say = (
        'import socket, sys; socket.create_connection(("localhost", int(sys.argv[1]))).send(b"hi")'
    )
    heard = []
    with Cable() as cable, socket.create_server((cable.host_address, 0)) as server:
        server.settimeout(BOOT_S)

        def take():
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(10))

        thread = threading.Thread(target=take)
        thread.start()
        guest = Guest(tmp_path / "guest", cable=cable)
        port = str(server.getsockname()[1])
        with guest.boot([sys.executable, "-c", say, port]) as session:
            session.finish(BOOT_S)
        thread.join(BOOT_S)
    assert heard == [b"hi"]
    assert not os.path.exists(f"/sys/class/net/{cable.device}")  # noqa: PTH110  # no file
