import os

import pytest

from drivers.modem import usb
from drivers.modem.errors import GoneError, NotPermittedError


@pytest.fixture
def switch(tmp_path, monkeypatch):
    """What the kernel has for the device at 1-1.4."""
    monkeypatch.setattr(usb, "DEVICES", tmp_path)
    (tmp_path / "1-1.4").mkdir()
    switch = tmp_path / "1-1.4" / "authorized"
    switch.write_text("1")
    return switch


def test_a_device_goes_off_the_bus_for_a_while_and_comes_back(switch):
    seen = []
    usb.replug("1-1.4", pause=lambda s: seen.append((s, switch.read_text())))
    assert seen == [(usb.OFF_THE_BUS_S, "0")]
    assert switch.read_text() == "1"


def test_a_device_comes_back_also_when_the_wait_is_cut_short(switch):
    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        usb.replug("1-1.4", pause=interrupt)
    assert switch.read_text() == "1"


@pytest.mark.usefixtures("switch")
@pytest.mark.parametrize(
    "place", ["1-1.5", "", "/dev/ttyUSB2", "../1-1.4", "1-1.4/../1-1.4", "usb1"]
)
def test_what_is_no_device_is_gone(place):
    with pytest.raises(GoneError, match="no USB device at"):
        usb.replug(place, pause=pytest.fail)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_without_the_right_the_error_names_the_file(switch):
    switch.chmod(0o444)
    with pytest.raises(NotPermittedError, match=r"1-1\.4/authorized: Permission denied"):
        usb.replug("1-1.4", pause=pytest.fail)


def test_a_refusal_of_the_kernel_is_told(switch):
    switch.unlink()
    switch.mkdir()  # cannot be opened for writing
    with pytest.raises(NotPermittedError, match="authorized: Is a directory"):
        usb.replug("1-1.4", pause=pytest.fail)
