import fcntl
import os
import struct
import termios
import threading
import time

import pytest

from drivers.modem.errors import BusyPortError, GoneError, TimedOutError
from drivers.modem.port import Port, wait_for_nothing_on_close

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
        state = fcntl.ioctl(descriptor, 0x80045440, struct.pack("i", 1))  # TIOCGEXCL
    finally:
        os.close(descriptor)
    assert struct.unpack("i", state) == (0,)
