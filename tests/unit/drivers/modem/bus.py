"""A USB whose modems are ptys: what a scan of it finds, and the hints that something changed."""

import threading
from collections.abc import Callable
from pathlib import Path

from drivers.modem.usb import PluggedModem
from tests.unit.drivers.modem.far_ends import FarEnd, plain_modem


class Bus:
    """Each modem at a USB path and under a tty name that no other had before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._ttys = 0
        self._plugged: dict[str, PluggedModem] = {}
        self.ends: dict[str, FarEnd] = {}
        self.on_change: Callable[[], object] = int
        """Told after each change, as a hint is."""

    def plug(self, usb_path: str, imei: str) -> FarEnd:
        far_end = FarEnd()
        far_end.script = plain_modem(imei)
        tty = self._folder / f"ttyUSB{self._ttys}"
        self._ttys += 1
        tty.symlink_to(far_end.path)
        self.ends[usb_path] = far_end
        with self._lock:
            self._plugged[usb_path] = PluggedModem(
                usb_path=usb_path,
                vendor_id=0x1234,
                product_id=0x5678,
                at_port=str(tty),
                net_interface=f"wwan{usb_path[-1]}",
                product="M1",
            )
        self.on_change()
        return far_end

    def unplug(self, usb_path: str) -> None:
        with self._lock:
            gone = self._plugged.pop(usb_path)
        assert gone.at_port is not None
        # First: the kernel gives a pty's number to the next that is made, perhaps in another test.
        Path(gone.at_port).unlink()
        self.ends.pop(usb_path).unplug()
        self.on_change()

    def unplug_all(self) -> None:
        for usb_path in list(self.ends):
            self.unplug(usb_path)

    def port(self, usb_path: str) -> str | None:
        with self._lock:
            return self._plugged[usb_path].at_port

    def scan(self) -> tuple[PluggedModem, ...]:
        with self._lock:
            return tuple(self._plugged.values())


class BusHints:
    """In place of `Hotplug`: a change of the bus is a hint, several at once are one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._hints = 1
        self._woken = False

    def give(self) -> None:
        with self._changed:
            self._hints += 1
            self._changed.notify()

    def wait(self, timeout_s: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._hints or self._woken, timeout_s)
            hinted, self._hints, self._woken = self._hints > 0, 0, False
            return hinted

    def wake(self) -> None:
        with self._changed:
            self._woken = True
            self._changed.notify()

    def close(self) -> None:
        pass
