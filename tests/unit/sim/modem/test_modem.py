import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import tty

import pytest

from sim.cli import main
from sim.faults import faults_file
from sim.line import StopSignal
from sim.world import demo_world, save_world

DEADLINE_S = 20.0


class Terminal:
    """The other end: opens the port as a program would."""

    def __init__(self, link):
        self._fd = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)

    def send(self, text):
        os.write(self._fd, text.encode())

    def read_until(self, *ends, deadline_s=DEADLINE_S):
        """All bytes up to one of some ends."""
        deadline = time.monotonic() + deadline_s
        data = b""
        while not data.endswith(ends):
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"only {data[-200:]!r} within {deadline_s} s"
            if select.select([self._fd], [], [], left_s)[0]:
                data += os.read(self._fd, 65536)
        return data.decode("latin-1")

    def ask(self, line):
        self.send(line + "\r")
        return self.read_until(b"OK\r\n", b"ERROR\r\n")

    def hears_nothing_for(self, seconds):
        return not select.select([self._fd], [], [], seconds)[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    path = tmp_path_factory.mktemp("world") / "world.json"
    save_world(demo_world(time.time() + 3600), path)
    return path


@contextlib.contextmanager
def running(*arguments):
    """The command in a process of its own; ended with SIGTERM, and that must work."""
    process = subprocess.Popen([sys.executable, "-m", "sim", *map(str, arguments)])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(DEADLINE_S)
        finally:
            process.kill()
            process.wait()


def wait_for(condition):
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.02)


@pytest.fixture
def port(world, tmp_path):
    """A simulated modem whose faults can be changed, and its link."""
    link = tmp_path / "at"
    arguments = ["--world", world, "--modem", "vinaphone", "--link", link, "--pace", "0.1"]
    with running("modem", *arguments):
        wait_for(link.exists)
        yield link


def fail(link, *faults):
    """Put faults in force and wait until the modem must have seen them."""
    fresh = link.with_name("fresh")
    fresh.write_text("\n".join(faults))
    fresh.replace(faults_file(link))


def test_a_program_talks_to_it_over_the_port(port):
    with Terminal(port) as terminal:
        assert terminal.ask("ATI") == (
            "ATI\r\r\nQuectel\r\nRM520N-GL\r\nRevision: RM520NGLAAR03A04M4G\r\n\r\nOK\r\n"
        )
        assert terminal.ask("ATE0") == "ATE0\r\r\nOK\r\n"
        assert terminal.ask("AT+CFUN?") == "\r\n+CFUN: 1\r\n\r\nOK\r\n"
        assert '"NR5G-NSA",452,02,' in terminal.ask('AT+QENG="servingcell"')
    with Terminal(port) as terminal:
        assert terminal.ask("AT") == "\r\nOK\r\n"


def test_commands_in_pieces_and_with_line_feeds_are_understood(port):
    with Terminal(port) as terminal:
        terminal.ask("ATE0")
        for byte in "AT+CFUN?":
            terminal.send(byte)
        terminal.send("\r\n")
        assert terminal.read_until(b"OK\r\n") == "\r\n+CFUN: 1\r\n\r\nOK\r\n"


def test_faults_come_and_go_while_it_runs(port):
    with Terminal(port) as terminal:
        terminal.ask("ATE0")
        fail(port, "silent")
        wait_for(lambda: _silent(terminal))
        fail(port)
        wait_for(lambda: not _silent(terminal))

        fail(port, "no-sim")
        wait_for(lambda: "+CME ERROR: 10" in _reply(terminal, "AT+CPIN?"))

        fail(port, "split")
        assert _reply(terminal, "AT+CFUN?").endswith("\r\n+CFUN: 1\r\n\r\nOK\r\n")

        fail(port, "previous")
        wait_for(lambda: "+CFUN: 1" in _reply(terminal, "AT"))

        fail(port)
        wait_for(lambda: "+CFUN: 1" in _reply(terminal, "AT+CFUN?"))
        fail(port, "garbage")
        wait_for(lambda: _garbage(terminal))


def test_a_flood_is_a_megabyte_without_a_line_end(port):
    with Terminal(port) as terminal:
        terminal.ask("ATE0")
        fail(port, "flood")
        terminal.send("AT\r")
        flood = terminal.read_until(b"x" * 1000)
        got = len(flood)
        while got < 1_000_000:
            got += len(terminal.read_until(b"x"))


def test_a_deaf_modem_lets_the_writers_buffer_fill(port):
    with Terminal(port) as terminal:
        fail(port, "deaf")

        def full():
            try:
                terminal.send("AT\r" * 1000)
            except BlockingIOError:
                return True
            return False

        wait_for(full)


def test_a_reset_takes_the_port_away_and_brings_a_new_one(port):
    with Terminal(port) as terminal:
        terminal.ask("ATE0")
        before = _made(port)
        terminal.ask("AT+CFUN=1,1")
        wait_for(lambda: _made(port) not in {None, before})
        with pytest.raises(OSError, match="Input/output error"):
            terminal.send("AT\r")
    with Terminal(port) as terminal:
        assert terminal.ask("AT").startswith("AT\r")


def test_sigterm_removes_the_link(world, tmp_path):
    link = tmp_path / "at"
    with running("modem", "--world", world, "--modem", "mobifone", "--link", link) as process:
        wait_for(link.exists)
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
        assert not link.is_symlink()


def test_after_a_kill_a_restart_is_behind_the_same_link(world, tmp_path):
    link = tmp_path / "at"
    command = ("modem", "--world", world, "--modem", "mobifone", "--link", link, "--pace", "0")
    with running(*command) as process:
        wait_for(link.exists)
        with Terminal(link) as terminal:
            process.send_signal(signal.SIGKILL)
            process.wait(DEADLINE_S)
            with pytest.raises((OSError, AssertionError)):
                terminal.ask("AT")
        assert link.is_symlink()
        # Somebody else may get the number of the old device: the link must not lead to it.
        old, other = link.lstat().st_ino, os.openpty()
        try:
            with running(*command):
                wait_for(lambda: link.lstat().st_ino != old)
                assert str(link.readlink()) != os.ttyname(other[1])
                with Terminal(link) as terminal:
                    assert "OK" in terminal.ask("AT")
        finally:
            for fd in other:
                os.close(fd)


def test_captured_replies_are_served(tmp_path):
    reply = '\r\n+QNWPREFCFG: "mode_pref",AUTO\r\n\r\nOK\r\n'
    file = tmp_path / "captures.jsonl"
    command = 'AT+QNWPREFCFG="mode_pref"'
    record = {"vendor": "quectel", "model": "RM520N-GL", "command": command, "response": reply}
    file.write_text(json.dumps(record))
    link = tmp_path / "at"
    with running("modem", "--jsonl", file, "--model", "RM520N-GL", "--link", link):
        wait_for(link.exists)
        with Terminal(link) as terminal:
            terminal.ask("ATE0")
            assert terminal.ask(command) == reply
            assert terminal.ask("AT+QCSQ") == "\r\nERROR\r\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--world", "/nowhere", "--modem", "viettel"], "/nowhere"),
        (["--jsonl", "/nowhere", "--model", "X"], "/nowhere"),
        (["--model", "X"], "--jsonl and --model"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(arguments, message, tmp_path, capsys):
    link = tmp_path / "at"
    assert main(["modem", *arguments, "--link", str(link)]) == 2
    assert message in capsys.readouterr().err
    assert not link.is_symlink()


def test_an_unknown_modem_names_those_there_are(world, tmp_path, capsys):
    arguments = ["--world", str(world), "--modem", "orange", "--link", str(tmp_path / "at")]
    assert main(["modem", *arguments]) == 2
    assert "viettel, vinaphone, mobifone" in capsys.readouterr().err


def test_a_stop_signal_is_remembered():
    stop = StopSignal()
    assert not stop.is_set
    stop.set(signal.SIGTERM, None)
    assert stop.is_set


def _silent(terminal):
    terminal.send("AT\r")
    if terminal.hears_nothing_for(0.5):
        return True
    terminal.read_until(b"OK\r\n")
    return False


def _reply(terminal, line):
    terminal.send(line + "\r")
    return terminal.read_until(b"OK\r\n", b"ERROR\r\n", b"ERROR: 10\r\n")


def _garbage(terminal):
    """Whether the answer to AT is not one; reads it all in either case."""
    terminal.send("AT\r")
    wait_for(lambda: not terminal.hears_nothing_for(0))
    data = b""
    while not terminal.hears_nothing_for(0.2):
        data += os.read(terminal._fd, 4096)
    return b"OK" not in data


def _made(link):
    """Which link it is: an inode's number alone may come back at once."""
    try:
        status = link.lstat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_ctime_ns
