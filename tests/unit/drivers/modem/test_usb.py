import errno
import os
import threading
import time

import pytest

from drivers.modem import usb
from drivers.modem.usb import (
    RESCAN_EVERY_S,
    Hotplug,
    PluggedModem,
    UsbNode,
    assemble,
    plugged_modems,
)
from tests.descriptors import open_descriptors

VENDOR = ("ff", "00", "00")
AT = ("02", "02", "01")


def node(name: str, interface: int, ids=(0x2C7C, 0x0801), **more) -> UsbNode:
    fields = {
        "usb_path": "1-1.3",
        "product": "RM520N-GL",
        "subsystem": "net" if name.startswith(("wwan", "usb")) else "tty",
        "protocol": VENDOR,
        **more,
    }
    return UsbNode(vendor_id=ids[0], product_id=ids[1], name=name, interface=interface, **fields)


def test_known_modem_gives_its_second_at_port():
    nodes = [node(f"/dev/ttyUSB{n + 4}", n) for n in (3, 0, 2, 1)] + [node("wwan0", 4)]
    assert assemble(nodes) == (
        PluggedModem(
            usb_path="1-1.3",
            vendor_id=0x2C7C,
            product_id=0x0801,
            at_port="/dev/ttyUSB7",
            net_interface="wwan0",
            product="RM520N-GL",
        ),
    )


def test_first_at_port_does_where_there_is_no_second():
    (modem,) = assemble([node(f"/dev/ttyUSB{n}", n) for n in (0, 1, 2)])
    assert modem.at_port == "/dev/ttyUSB2"


def test_unknown_modem_is_one_that_has_tty_and_network():
    ids = (0x1234, 0x5678)
    (modem,) = assemble(
        [
            node("/dev/ttyACM1", 4, ids),
            node("/dev/ttyACM0", 2, ids, protocol=AT),
            node("usb0", 0, ids),
        ]
    )
    assert (modem.at_port, modem.net_interface) == ("/dev/ttyACM0", "usb0")


def test_gnss_receiver_is_no_modem():
    assert assemble([node("/dev/ttyACM0", 0, (0x1546, 0x01A9), protocol=AT)]) == ()


def test_two_equal_modems_are_two_places():
    nodes = [
        node("/dev/ttyUSB2", 2, usb_path="1-1.4"),
        node("/dev/ttyUSB6", 2, usb_path="1-1.3"),
    ]
    assert [(m.usb_path, m.at_port) for m in assemble(nodes)] == [
        ("1-1.3", "/dev/ttyUSB6"),
        ("1-1.4", "/dev/ttyUSB2"),
    ]


def test_scan_works_with_or_without_usb_and_udev():
    assert all(modem.usb_path for modem in plugged_modems())


def test_a_device_that_goes_during_the_scan_hides_no_other(monkeypatch):
    scans = []

    def nodes():
        scans.append(len(scans))
        yield node("/dev/ttyUSB3", 3)
        if len(scans) < 3:
            raise OSError(errno.ENODEV, "gone")
        yield node("/dev/ttyUSB7", 3, usb_path="1-1.4")

    monkeypatch.setattr(usb, "_nodes", nodes)
    assert [modem.usb_path for modem in plugged_modems()] == ["1-1.3", "1-1.4"]
    assert len(scans) == 3


def test_a_scan_that_never_comes_to_its_end_tells_what_it_found(monkeypatch):
    def nodes():
        yield node("/dev/ttyUSB3", 3)
        raise OSError(errno.ENODEV, "gone")

    monkeypatch.setattr(usb, "_nodes", nodes)
    assert [modem.usb_path for modem in plugged_modems()] == ["1-1.3"]


class FakeMonitor:
    """In place of pyudev's: what is written to `events` is an event each."""

    def __init__(self):
        self._read, self.events = os.pipe()
        self.overran = False

    def __del__(self):
        os.close(self._read)
        os.close(self.events)

    def filter_by(self, subsystem):
        pass

    def start(self):
        pass

    def fileno(self):
        return self._read

    def happen(self, count=1, kind=b"e"):
        os.write(self.events, kind * count)

    def poll(self, timeout):
        assert timeout == 0
        if self.overran:
            raise OSError(errno.ENOBUFS, "overrun")
        return "a device" if os.read(self._read, 1) == b"e" else None


class Netlink:
    """Makes the monitors, and keeps none but the last."""

    def __init__(self):
        self.sources = []
        self.refuses = False
        self.monitor = None

    def from_netlink(self, _context, source):
        if self.refuses:
            raise PermissionError(errno.EACCES, "no socket")
        self.sources.append(source)
        self.monitor = FakeMonitor()
        return self.monitor


class Clock:
    """Goes on by itself; a test lets it jump."""

    def __init__(self):
        self.ahead_s = 0.0

    def __call__(self):
        return time.monotonic() + self.ahead_s


@pytest.fixture
def netlink(monkeypatch):
    netlink = Netlink()
    monkeypatch.setattr(usb.pyudev, "Monitor", netlink)
    monkeypatch.setattr(usb, "QUIET_S", 0.02)
    return netlink


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hotplug(netlink, clock, tmp_path):
    assert netlink.monitor is None
    with Hotplug(clock=clock, udev_control=tmp_path / "control") as hotplug:
        assert netlink.monitor is not None
        yield hotplug


@pytest.fixture
def scanned(hotplug):
    """A hotplug whose first hint was taken."""
    assert hotplug.wait(0)
    return hotplug


def test_a_first_scan_is_asked_for_at_once(hotplug):
    assert hotplug.wait(60)


def test_without_an_event_there_is_no_hint(scanned):
    assert not scanned.wait(0.02)


def test_an_event_is_a_hint(scanned, netlink):
    threading.Timer(0.02, netlink.monitor.happen).start()
    assert scanned.wait(60)
    assert not scanned.wait(0.02)


def test_a_storm_is_one_hint(scanned, netlink):
    netlink.monitor.happen(1000)
    assert scanned.wait(60)
    assert not scanned.wait(0.02)


def test_a_storm_without_an_end_is_a_hint_now_and_then(scanned, netlink, monkeypatch):
    monkeypatch.setattr(usb, "MOST_SETTLING_S", 0.1)
    netlink.monitor.poll = lambda _: "a device"
    netlink.monitor.happen()
    started_s = time.monotonic()
    assert scanned.wait(60)
    assert scanned.wait(60)
    assert 0.2 <= time.monotonic() - started_s < 10


def test_events_of_other_subsystems_are_none(scanned, netlink):
    netlink.monitor.happen(100, b"-")
    assert not scanned.wait(0.02)


def test_a_rescan_is_asked_for_now_and_then_without_events(scanned, clock):
    clock.ahead_s += RESCAN_EVERY_S - 1
    assert not scanned.wait(0)
    clock.ahead_s += 1
    assert scanned.wait(0)
    assert not scanned.wait(0)


def test_a_broken_monitor_is_replaced_and_asks_for_a_rescan(scanned, netlink, caplog):
    for _ in range(3):
        netlink.monitor.overran = True
        netlink.monitor.happen()
        assert scanned.wait(60)
        assert scanned.source == "kernel"
    assert not scanned.wait(0.02)
    netlink.monitor.happen()
    assert scanned.wait(60)
    assert scanned.failures == 3
    assert len(caplog.records) == 1


def test_where_nobody_may_listen_only_the_clock_asks(netlink, clock, tmp_path, caplog):
    netlink.refuses = True
    with Hotplug(clock=clock, udev_control=tmp_path / "control") as hotplug:
        assert hotplug.source == ""
        assert hotplug.wait(60)
        assert not hotplug.wait(0.02)
        clock.ahead_s += RESCAN_EVERY_S
        assert hotplug.wait(60)
        netlink.refuses = False
        clock.ahead_s += usb.WATCH_AGAIN_S
        assert hotplug.wait(60), "what happened before it listened is not known"
        assert hotplug.source == "kernel"
    assert "no events from kernel" in caplog.text


@pytest.mark.usefixtures("netlink")
def test_udev_is_listened_to_while_its_daemon_runs(clock, tmp_path):
    control = tmp_path / "control"
    with Hotplug(clock=clock, udev_control=control) as hotplug:
        for there in (False, True, False):
            control.touch() if there else control.unlink(missing_ok=True)
            clock.ahead_s += RESCAN_EVERY_S
            assert hotplug.wait(60)
            assert hotplug.source == ("udev" if there else "kernel")


def test_a_wait_can_be_ended_from_another_thread(scanned):
    threading.Timer(0.02, scanned.wake).start()
    assert not scanned.wait(60)
    scanned.wake()
    assert not scanned.wait(60)
    assert not scanned.wait(0.02)


def test_closing_twice_does_nothing_and_waking_later_neither(scanned):
    scanned.close()
    scanned.close()
    scanned.wake()
    with pytest.raises(ValueError, match="closed"):
        scanned.wait(0)


def test_no_descriptor_is_left_behind(netlink, clock, tmp_path):
    before = open_descriptors()
    for _ in range(10):
        with Hotplug(clock=clock, udev_control=tmp_path / "control") as hotplug:
            for _ in range(3):
                netlink.monitor.overran = True
                netlink.monitor.happen()
                assert hotplug.wait(60)
    netlink.monitor = None
    assert open_descriptors() == before


def test_the_real_monitor_can_be_made_and_let_go(tmp_path):
    with Hotplug(udev_control=tmp_path / "control") as hotplug:
        assert hotplug.wait(0)
        assert hotplug.source in {"kernel", ""}
