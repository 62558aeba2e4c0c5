"""Looks at the computer once a second while a test runs, from /proc and /sys."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.config import Host
from agent.host_load import (
    UNDER_VOLTAGE,
    Look,
    parse_memory,
    parse_stat,
    summarise,
    unfit,
    with_verdict,
)
from agent.machine import ROOT
from agent.machine import THROTTLED as RASPBERRY
from wire.evidence import HostLoad

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
JOIN_TIMEOUT_S = 2.0
KEPT = 1800
"""Half an hour: longer than any test."""
MAX_FILE_BYTES = 1 << 18
HWMON_ALARM = "in0_lcrit_alarm"
"""Of the driver `rpi_volt`: 1 while the supply is too weak."""


class Watching:
    """The looks during one test."""

    def __init__(self, usb_mbit_s: int | None, limits: Host) -> None:
        self._usb_mbit_s = usb_mbit_s
        self._limits = limits
        self.looks: deque[Look] = deque(maxlen=KEPT)

    def load(self, bits_per_second: float | None, *, after_s: float = 0.0) -> HostLoad:
        """What they say of a test with this result; `limited_by` is set where it proves nothing.

        Looks before `after_s` are left out: the test had not begun.
        """
        looks = tuple(self.looks)
        begun_s = looks[0].mono_s + after_s if looks else 0.0
        during = tuple(look for look in looks if look.mono_s >= begun_s)
        load = summarise(during or looks[-1:], self._usb_mbit_s)
        return with_verdict(load, self._limits, bits_per_second)


class HostWatch:
    """The computer we run on. Its methods may be called from any thread."""

    def __init__(self, limits: Host, root: Path = ROOT) -> None:
        """`root` holds `proc` and `sys`."""
        self._limits = limits
        self._root = root

    def unfit(self) -> str | None:
        """Why no test should begin now: too hot, or too little voltage; None when one may."""
        return unfit(self.look(), self._limits)

    @contextmanager
    def watching(self, interface: str | None) -> Iterator[Watching]:
        """Look once a second while inside, and at both ends."""
        watching = Watching(
            None if interface is None else usb_mbit_s(interface, self._root), self._limits
        )
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(LOOK_EVERY_S):
                watching.looks.append(self.look())

        watching.looks.append(self.look())
        thread = threading.Thread(target=watch, name="host-watch", daemon=True)
        thread.start()
        try:
            yield watching
        finally:
            ended.set()
            thread.join(JOIN_TIMEOUT_S)
            watching.looks.append(self.look())

    def look(self) -> Look:
        """The computer now."""
        return Look(
            mono_s=time.monotonic(),
            cores=parse_stat(_text(self._root / "proc/stat")),
            memory_available_bytes=parse_memory(_text(self._root / "proc/meminfo")),
            temperature_c=self._temperature_c(),
            throttled=self._throttled(),
        )

    def _temperature_c(self) -> float | None:
        """Of the hottest zone. Some zones answer with an error while their part sleeps."""
        zones = sorted((self._root / "sys/class/thermal").glob("thermal_zone*/temp"))
        known = [milli_c for zone in zones if (milli_c := _whole(zone)) is not None]
        return max(known) / 1000 if known else None

    def _throttled(self) -> int | None:
        """Raspberry Pi's bits, or at least its voltage monitor's."""
        said = _text(self._root / RASPBERRY).strip()
        if said:
            try:
                return int(said, 16)
            except ValueError:
                return None
        for name in sorted((self._root / "sys/class/hwmon").glob("hwmon*/name")):
            if _text(name).strip() == "rpi_volt":
                alarm = _whole(name.parent / HWMON_ALARM)
                return None if alarm is None else UNDER_VOLTAGE * bool(alarm)
        return None


def usb_mbit_s(interface: str, root: Path = ROOT) -> int | None:
    """Link speed of the USB device behind a network interface; None when there is none."""
    device = root / "sys/class/net" / interface / "device"
    try:
        folder, top = device.resolve(strict=True), (root / "sys").resolve()
    except OSError:
        return None
    while top in folder.parents:
        # A network interface has a `speed`, too: only a USB device has `devnum` beside it.
        if (folder / "devnum").is_file() and (speed := _text(folder / "speed").strip()):
            try:
                return int(float(speed))
            except ValueError:
                return None
        folder = folder.parent
    return None


def _whole(file: Path) -> int | None:
    try:
        return int(_text(file))
    except ValueError:
        return None


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES).decode("ascii", errors="replace")
    except OSError:
        return ""
