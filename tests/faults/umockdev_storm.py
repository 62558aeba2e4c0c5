"""The storm over umockdev's USB: sysfs and udev's events are made up, everything else is real.

A program of its own, because umockdev stands between a process and its files:
`umockdev-wrapper python -m tests.faults.umockdev_storm FOLDER CYCLES BURST`, which prints what
became of it as JSON. Modems are ptys behind /dev/ttyUSBn.
"""

import ctypes
import functools
import json
import select
import sys
import threading
import time
from pathlib import Path

from drivers.modem.usb import Hotplug, PluggedModem, plugged_modems
from tests.faults.storm import STRANGER_PATH, Storm, resources
from tests.unit.drivers.modem.far_ends import FarEnd, plain_modem

HEARD_WITHIN_S = 10.0
LIBRARY = "libumockdev.so.0"
QUECTEL, RM520N, SECOND_AT_PORT = "2c7c", "0801", 3


class UmockdevBus:
    """A testbed of umockdev."""

    def __init__(self) -> None:
        library = self._library = ctypes.CDLL(LIBRARY)
        library.umockdev_testbed_new.restype = ctypes.c_void_p
        library.umockdev_testbed_get_root_dir.restype = ctypes.c_char_p
        library.umockdev_testbed_add_devicev.restype = ctypes.c_void_p
        self._testbed = ctypes.c_void_p(library.umockdev_testbed_new())
        root = library.umockdev_testbed_get_root_dir(self._testbed)
        self._dev = Path(root.decode()) / "dev"
        self._dev.mkdir(exist_ok=True)
        self._alone = threading.Lock()
        self._listeners: list[Hotplug] = []
        self._ttys = 0
        self._plugged: dict[str, tuple[Path, FarEnd, list[bytes]]] = {}

    def listen(self, control: Path) -> Hotplug:
        """As the agent does it where udev's daemon runs."""
        self._listeners.append(Hotplug(udev_control=control))
        return self._listeners[-1]

    def plug(self, usb_path: str, imei: str) -> None:
        self._wait_until_heard()
        far_end = FarEnd()
        far_end.script = plain_modem(imei)
        name = f"ttyUSB{self._ttys}"
        self._ttys += 1
        tty = self._dev / name
        tty.symlink_to(far_end.path)
        ids = {"idVendor": QUECTEL, "idProduct": RM520N, "product": "RM520N-GL"}
        device = self._add("usb", usb_path, None, ids, {"DEVTYPE": "usb_device"})
        number = {
            "bInterfaceNumber": f"{SECOND_AT_PORT:02x}",
            "bInterfaceClass": "ff",
            "bInterfaceSubClass": "00",
            "bInterfaceProtocol": "00",
        }
        path = f"{usb_path}:1.{SECOND_AT_PORT}"
        interface = self._add("usb", path, device, number, {"DEVTYPE": "usb_interface"})
        node = self._add("tty", name, interface, {}, {"DEVNAME": f"/dev/{name}"})
        self._plugged[usb_path] = (tty, far_end, [node, interface, device])

    def unplug(self, usb_path: str) -> None:
        self._wait_until_heard()
        tty, far_end, devices = self._plugged.pop(usb_path)
        # Before the pty is, whose number is given away again; kept, for the reason of `scan`.
        nowhere = tty.with_suffix(".gone")
        nowhere.symlink_to("/nowhere")
        nowhere.replace(tty)
        far_end.unplug()
        with self._alone:
            for device in devices:
                self._library.umockdev_testbed_uevent(self._testbed, device, b"remove")
                self._library.umockdev_testbed_remove_device(self._testbed, device)

    def unplug_all(self) -> None:
        for usb_path in list(self._plugged):
            self.unplug(usb_path)

    def scan(self) -> tuple[PluggedModem, ...]:
        """As the agent does it; umockdev aborts where a link vanishes while it looks at it."""
        with self._alone:
            return plugged_modems()

    def heard(self, usb_path: str) -> list[str]:
        return self._plugged[usb_path][1].heard

    def _wait_until_heard(self) -> None:
        """umockdev aborts where ten events wait: its socket holds no more, unlike the kernel's."""
        for listener in self._listeners:
            deadline_s = time.monotonic() + HEARD_WITHIN_S
            while (monitor := listener._monitor) and select.select([monitor], [], [], 0)[0]:
                assert time.monotonic() < deadline_s, "the agent does not listen"
                time.sleep(0.0002)

    def _add(
        self,
        subsystem: str,
        name: str,
        parent: bytes | None,
        attributes: dict[str, str],
        properties: dict[str, str],
    ) -> bytes:
        """The device's path, after its event."""
        made = self._library.umockdev_testbed_add_devicev(
            self._testbed,
            subsystem.encode(),
            name.encode(),
            parent,
            _pairs(attributes),
            _pairs(properties),
        )
        path = ctypes.cast(made, ctypes.c_char_p).value
        assert path is not None
        return path


def _pairs(named: dict[str, str]) -> ctypes.Array[ctypes.c_char_p]:
    flat = [text.encode() for pair in named.items() for text in pair]
    return (ctypes.c_char_p * (len(flat) + 1))(*flat, None)


def main() -> None:
    folder, cycles, burst = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    control = folder / "control"
    control.touch()
    bus = UmockdevBus()
    before = resources(sockets=False)
    listen = functools.partial(bus.listen, control)
    storm = Storm(bus, scan=bus.scan, listen=listen, folder=folder)
    try:
        weathered = storm.weather(cycles=cycles, burst=burst)
        asked = bus.heard(STRANGER_PATH).count("AT+CGSN")
    finally:
        bus.unplug_all()
    said = weathered._asdict() | {"asked": asked, "outside": (before, resources(sockets=False))}
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
