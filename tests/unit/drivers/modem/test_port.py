import fcntl
import os
import struct
import termios
import threading
import time
import tty

import pytest

from drivers.modem import port as module
from drivers.modem.errors import BusyPortError, GoneError, TimedOutError
from drivers.modem.port import Port, unsent_bytes, wait_for_nothing_on_close

TIOCGEXCL = 0x80045440
SOON_S = 10.0
"""A deadline that only a hang misses."""


@pytest.fixture
def port(far_end):
    with Port.open(far_end.path) as port:
        yield port


def test_reply_comes_back(far_end, port):
    far_end.script["AT+CSQ"] = b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    assert port.command("AT+CSQ", SOON_S).lines == ("+CSQ: 18,99",)


def test_silence_is_a_timeout(far_end, port):
    far_end.script["AT+CSQ"] = b""
    with pytest.raises(TimedOutError) as caught:
        port.command("AT+CSQ", 0.1)
    assert (caught.value.command, caught.value.port) == ("AT+CSQ", far_end.path)


def test_bytes_without_end_do_not_stretch_the_deadline(far_end, port):
    far_end.script["AT+CSQ"] = b"x" * 4000
    with pytest.raises(TimedOutError):
        port.command("AT+CSQ", 0.2)


def test_port_is_in_step_again_after_a_timeout(far_end, port):
    far_end.script["AT+COPS?"] = b""
    far_end.script["AT+CSQ"] = b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    with pytest.raises(TimedOutError):
        port.command("AT+COPS?", 0.1)
    far_end.say(b'\r\n+COPS: 0,2,"45204",7\r\n\r\nOK\r\n')
    assert port.command("AT+CSQ", SOON_S).lines == ("+CSQ: 18,99",)
    assert far_end.heard == ["AT+COPS?", "AT", "AT+CSQ"]


def test_prompt_for_text_is_left_and_does_not_hang(far_end, port):
    far_end.script = {'AT+CMGS="1"': b"\r\n> ", "\x1b": b"\r\n\r\nERROR\r\n"}
    assert port.command('AT+CMGS="1"', SOON_S).final == "ERROR"
    assert port.command("AT", SOON_S).ok
    assert far_end.heard == ['AT+CMGS="1"', "\x1b", "AT"]


def test_prompt_that_is_not_left_is_a_timeout_and_the_port_is_usable_again(far_end, port):
    far_end.script = {'AT+CMGS="1"': b"\r\n> ", "\x1b": b""}
    with pytest.raises(TimedOutError):
        port.command('AT+CMGS="1"', 0.1)
    far_end.script = {"AT+CSQ": b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n", "\x1b": b"\r\nOK\r\n"}
    assert port.command("AT+CSQ", SOON_S).lines == ("+CSQ: 18,99",)


def test_each_command_has_its_own_deadline(far_end, port):
    far_end.script["AT+COPS?"] = b""
    for timeout_s in (0.3, 0.1):
        started_s = time.monotonic()
        with pytest.raises(TimedOutError, match=f"no answer in {timeout_s}"):
            port.command("AT+COPS?", timeout_s)
        assert time.monotonic() - started_s >= timeout_s


def test_megabyte_without_line_end_is_survived(far_end, port):
    far_end.script["AT+CSQ"] = b"x" * (1 << 20) + b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    assert port.command("AT+CSQ", SOON_S).lines == ("+CSQ: 18,99",)
    assert port.dropped_bytes == 1 << 20


def test_dead_modem_stays_a_timeout(far_end, port):
    far_end.script = {"AT": b"", "AT+CSQ": b""}
    for _ in range(2):
        with pytest.raises(TimedOutError):
            port.command("AT+CSQ", 0.1)


def test_unsolicited_lines_are_kept_for_whoever_asks(far_end, port):
    far_end.script["AT"] = b"\r\n+CPIN: NOT READY\r\n\r\nOK\r\n"
    port.command("AT", SOON_S)
    assert port.urcs() == ("+CPIN: NOT READY",)
    assert port.urcs() == ()


def test_unplugging_while_waiting_is_noticed_at_once(far_end, port):
    def pull() -> bytes:
        threading.Thread(target=far_end.unplug).start()
        return b""

    far_end.script["AT+COPS=?"] = pull
    started = time.monotonic()
    with pytest.raises(GoneError):
        port.command("AT+COPS=?", 60.0)
    assert time.monotonic() - started < SOON_S
    assert not port._serial.is_open
    with pytest.raises(GoneError):
        port.command("AT", 1.0)


def test_missing_port_is_gone(tmp_path):
    with pytest.raises(GoneError):
        Port.open(str(tmp_path / "ttyUSB7"))


def test_no_second_owner_gets_in(far_end, port):
    assert port.command("AT", SOON_S).ok
    with pytest.raises(BusyPortError):
        Port.open(far_end.path)


def test_port_can_be_opened_again_after_close(far_end):
    Port.open(far_end.path).close()
    with Port.open(far_end.path) as port:
        assert port.command("AT", SOON_S).ok


def test_modem_that_reads_nothing_is_a_timeout(far_end, port):
    far_end.deaf = True
    with pytest.raises(TimedOutError, match="takes no bytes"):
        port.command("AT" + "X" * 200_000, 60.0)
    port.close()


def test_wait_can_be_interrupted_from_another_thread(far_end, port):
    far_end.script["AT+COPS=?"] = lambda: port.interrupt() or b""
    with pytest.raises(TimedOutError, match="interrupted"):
        port.command("AT+COPS=?", 60.0)


def test_interrupt_while_nothing_is_waited_for_harms_no_later_command(port):
    port.interrupt()
    assert port.command("AT", SOON_S).ok
    port.close()
    port.interrupt()


def test_closing_twice_does_nothing(port):
    port.close()
    port.close()
    with pytest.raises(GoneError):
        port.command("AT", 1.0)


def test_pty_has_no_closing_wait(far_end):
    descriptor = os.open(far_end.path, os.O_RDWR | os.O_NOCTTY)
    try:
        assert not wait_for_nothing_on_close(descriptor)
    finally:
        os.close(descriptor)


def test_closing_does_not_drop_dtr(port):
    assert port.command("AT", SOON_S).ok
    assert not termios.tcgetattr(port._serial.fileno())[2] & termios.HUPCL


def test_pty_is_not_left_exclusive(far_end):
    Port.open(far_end.path).close()
    descriptor = os.open(far_end.path, os.O_RDWR | os.O_NOCTTY)
    try:
        state = fcntl.ioctl(descriptor, TIOCGEXCL, struct.pack("i", 1))
    finally:
        os.close(descriptor)
    assert struct.unpack("i", state) == (0,)


def test_a_real_port_is_exclusive(far_end, monkeypatch):
    monkeypatch.setattr(module.os, "ttyname", lambda _: "/dev/ttyUSB3")
    with Port.open(far_end.path) as port:
        assert port.command("AT", SOON_S).ok
        state = fcntl.ioctl(port._serial.fileno(), TIOCGEXCL, struct.pack("i", 0))
    assert struct.unpack("i", state) == (1,)


def test_looking_whether_a_port_is_there_keeps_what_came(far_end, port):
    port.check()
    far_end.say(b"\r\n+CPIN: NOT READY\r\n")
    port.check()
    assert port.urcs() == ("+CPIN: NOT READY",)
    far_end.unplug()
    assert port.is_open
    with pytest.raises(GoneError):
        port.check()
    assert not port.is_open


def test_bytes_that_another_program_took_are_no_unplugging(port, monkeypatch):
    read = os.read

    def too_late(descriptor, count):
        """As when the other reader is quicker between our looking and our reading."""
        if descriptor != port._serial.fileno():
            return read(descriptor, count)
        assert read(descriptor, count)
        return read(descriptor, count)

    monkeypatch.setattr(module.os, "read", too_late)
    with pytest.raises(BusyPortError, match="used by another program"):
        port.command("AT", SOON_S)
    assert not port.is_open


def test_a_port_that_another_program_set_up_is_not_just_silent(far_end, port):
    far_end.script["AT+CSQ"] = b""
    with pytest.raises(TimedOutError):
        port.command("AT+CSQ", 0.05)
    other = os.open(far_end.path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(other)
        with pytest.raises(BusyPortError, match="not ours any more"):
            port.command("AT+CSQ", 0.05)
    finally:
        os.close(other)
    with Port.open(far_end.path) as again:
        assert again.command("AT", SOON_S).ok


def test_closing_does_not_wait_for_bytes_that_nobody_takes(far_end, monkeypatch):
    """As where the agent may not set closing_wait: the driver then waits for 30 s."""
    port = Port.open(far_end.path)
    let_go, closed = threading.Event(), threading.Event()
    close = port._serial.close

    def slow():
        let_go.wait(SOON_S)
        close()
        closed.set()

    monkeypatch.setattr(module, "unsent_bytes", lambda _: 4096)
    monkeypatch.setattr(port._serial, "close", slow)
    port.close()
    assert not port.is_open
    with pytest.raises(BusyPortError):
        Port.open(far_end.path)
    let_go.set()
    assert closed.wait(SOON_S)
    Port.open(far_end.path).close()


def test_what_was_taken_is_not_unsent(port):
    assert port.command("AT", SOON_S).ok
    assert unsent_bytes(port._serial.fileno()) == 0
    with open(os.devnull) as nothing:  # noqa: PTH123  # as a descriptor
        assert unsent_bytes(nothing.fileno()) == 0
