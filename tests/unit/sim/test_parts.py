import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sim.parts import (
    MissingCommandError,
    Part,
    PartError,
    ReservedPort,
    TooLateError,
    accepts,
    find_command,
    wait_until,
)
from tests.descriptors import open_descriptors

SLEEPER = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]
STUBBORN = [
    sys.executable,
    "-c",
    """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
while True:
    signal.pause()
""",
]
WITH_CHILD = [
    sys.executable,
    "-c",
    """
import signal, subprocess
print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
signal.pause()
""",
]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def started(part: Part) -> None:
    part.wait_until(lambda: bool(part.log.read_text()), "output", 10)


def test_stop_ends_a_willing_process_by_sigterm(tmp_path):
    with Part("sleeper", SLEEPER, log=tmp_path / "log") as part:
        started(part)
        assert part.stop() == -signal.SIGTERM
        assert not part.running


def test_stop_insists_with_sigkill(tmp_path):
    with Part("stubborn", STUBBORN, log=tmp_path / "log") as part:
        started(part)
        assert part.stop(grace_s=0.2) == -signal.SIGKILL


def test_kill_takes_the_children_along(tmp_path):
    with Part("parent", WITH_CHILD, log=tmp_path / "log") as part:
        started(part)
        child = int(part.log.read_text())
        assert alive(child)
        part.kill()
        wait_until(lambda: not alive(child), "the child ends", 10)


def test_a_part_dies_with_its_starter(tmp_path):
    program = (
        "import sys, signal, pathlib; from sim.parts import Part\n"
        "part = Part('sleeper', ['sleep', '600'], log=pathlib.Path(sys.argv[1])).start()\n"
        "print(part.pid, flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "log")], stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        sleeper = int(starter.stdout.readline())
        assert alive(sleeper)
        starter.kill()
    wait_until(lambda: not alive(sleeper), "the sleeper ends", 10)


def test_the_children_of_a_part_die_with_its_starter(tmp_path):
    program = (
        "import sys, signal, pathlib; from sim.parts import Part\n"
        "Part('parent', sys.argv[2:], log=pathlib.Path(sys.argv[1])).start(); signal.pause()"
    )
    log = tmp_path / "log"
    log.touch()
    with subprocess.Popen([sys.executable, "-c", program, str(log), *WITH_CHILD]) as starter:
        wait_until(lambda: bool(log.read_text()), "the child's pid", 10)
        child = int(log.read_text())
        assert alive(child)
        starter.kill()
    wait_until(lambda: not alive(child), "the child ends", 10)


def test_nothing_stays_open_after_many_runs(tmp_path):
    part = Part("true", ["true"], log=tmp_path / "log")
    part.start().wait(10)
    before = open_descriptors()
    for _ in range(5):
        part.start()
        wait_until(lambda: not part.running, "the end", 10)
    part.kill()
    assert open_descriptors() == before


def test_a_part_starts_again_after_its_end(tmp_path):
    part = Part("echo", ["echo", "once"], log=tmp_path / "log")
    for _ in range(2):
        assert part.start().wait(10) == 0
    assert part.log.read_text() == "once\nonce\n"


def test_a_part_outlives_the_thread_that_started_it(tmp_path):
    part = Part("sleeper", SLEEPER, log=tmp_path / "log")
    thread = threading.Thread(target=part.start)
    thread.start()
    thread.join()
    try:
        started(part)
        assert part.running
    finally:
        part.stop()


def test_an_early_end_is_told_with_the_output(tmp_path):
    with (
        Part("broken", ["sh", "-c", "echo no such thing; exit 3"], log=tmp_path / "log") as part,
        pytest.raises(PartError, match="no such thing"),
    ):
        part.wait_until(lambda: False, "readiness", 10)


def test_waiting_has_a_deadline():
    with pytest.raises(TooLateError) as caught:
        wait_until(lambda: False, "never", 0.1)
    assert caught.value.what == "never"


def test_a_missing_program_is_named():
    with pytest.raises(MissingCommandError, match="dosong-nonesuch"):
        find_command("dosong-nonesuch")


def test_environment_is_added_to_ours(tmp_path):
    part = Part(
        "env", ["sh", "-c", "echo $WORD $HOME"], log=tmp_path / "log", environment={"WORD": "hello"}
    )
    part.start().wait(10)
    assert part.log.read_text().split() == ["hello", os.environ["HOME"]]


def test_a_reserved_port_serves_one_server_after_the_other():
    with ReservedPort() as port, ReservedPort() as other:
        assert port.number != other.number
        for _ in range(2):
            assert not accepts(port.number)
            with socket.create_server(("127.0.0.1", port.number)):
                assert accepts(port.number)
