"""Which modems are plugged in: a scan of sysfs, and hints when to scan again.

The only place that knows pyudev. The scan is the truth, with or without udev's daemon; a modem is
known by its place on the bus, never by the number of its tty. What udev and the kernel tell are
hints: they come late, twice or not at all, so nothing is ever concluded from one.
"""

import logging
import math
import os
import re
import select
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyudev

from drivers.modem.errors import GoneError, NotPermittedError
from drivers.modem.family import UsbLayout, families

log = logging.getLogger(__name__)

RESCAN_EVERY_S = 30.0
"""Without any hint: events are lost where the socket overran, or where nobody sends them."""
SCAN_ATTEMPTS = 5
"""A device that goes while libudev looks at it ends the whole scan; what was found until then
counts in the last one."""
QUIET_S = 0.2
"""Silence after which what belongs to one change is believed to be told."""
MOST_SETTLING_S = 1.0
"""A storm of events is one hint in so long."""
WATCH_AGAIN_S = 5.0
"""Between attempts to listen where that is refused."""
UDEV_CONTROL = Path("/run/udev/control")
"""Is there while udev's daemon runs; libudev looks for it as well."""

DEVICES = Path("/sys/bus/usb/devices")
OFF_THE_BUS_S = 2.0
_USB_PATH = re.compile(r"\d{1,3}-\d{1,3}(?:\.\d{1,3}){0,6}")
_WATCHED = ("usb", "tty", "net")
_AT_PROTOCOL = ("02", "02", "01")
"""Class, subclass and protocol of a CDC interface that takes AT commands (USB CDC PSTN 1.2)."""


@dataclass(frozen=True)
class PluggedModem:
    """A USB device that is a modem."""

    usb_path: str
    """Place on the bus, e.g. `1-1.3`: stays when the device is plugged in again."""
    vendor_id: int
    product_id: int
    at_port: str | None
    """Device file for AT commands; None where no interface is known for it."""
    net_interface: str | None
    """Network interface of its data connection, where there is one."""
    product: str | None
    """As the device words it."""


class UsbNode(NamedTuple):
    """One tty or network interface of a USB device."""

    usb_path: str
    vendor_id: int
    product_id: int
    product: str | None
    subsystem: str
    """`tty` or `net`."""
    name: str
    """Device file or interface name."""
    interface: int
    protocol: tuple[str, str, str]


def plugged_modems() -> tuple[PluggedModem, ...]:
    """All modems there are now, in the order of their places; none where there is no USB."""
    nodes: list[UsbNode] = []
    for _ in range(SCAN_ATTEMPTS):
        nodes.clear()
        try:
            nodes.extend(_nodes())
        except OSError as error:
            log.debug("scanning again, as something went meanwhile: %s", error)
        else:
            break
    return assemble(nodes)


def replug(usb_path: str, *, pause: Callable[[float], object] = time.sleep) -> None:
    """Take a device off the bus and put it back, as if it was unplugged; its power stays on.

    For a modem that cannot be spoken to any more. Raises `GoneError` where there is no such device,
    and `NotPermittedError` where the kernel's switch may not be written: it belongs to root.
    """
    if not _USB_PATH.fullmatch(usb_path):
        raise GoneError(f"no USB device at {usb_path or 'an unknown place'}")
    switch = DEVICES / usb_path / "authorized"
    try:
        # Opened once for both: the right to switch it on again is there from the start.
        with switch.open("r+b", buffering=0) as file:
            file.write(b"0")
            try:
                pause(OFF_THE_BUS_S)
            finally:
                file.seek(0)
                file.write(b"1")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise GoneError(f"no USB device at {usb_path}") from error
    except OSError as error:
        why = f"may not switch it off and on: {switch}: {error.strerror}"
        raise NotPermittedError(why) from error


def assemble(nodes: Iterable[UsbNode]) -> tuple[PluggedModem, ...]:
    """The modems among the devices that `nodes` belong to.

    A device is one if a family knows its ids, or if it has both a tty and a network interface: a
    GNSS receiver or a serial adapter has only the first.
    """
    devices: dict[str, list[UsbNode]] = defaultdict(list)
    for node in nodes:
        devices[node.usb_path].append(node)
    return tuple(
        _modem(parts)
        for _, parts in sorted(devices.items())
        if _layout(parts[0]) or {"tty", "net"} <= {part.subsystem for part in parts}
    )


class _Heard(Enum):
    NOTHING = auto()
    WAKE = auto()
    EVENT = auto()
    FAILURE = auto()


class Hotplug:
    """Hints that something was plugged in or pulled out. Owned by one thread, but for `wake`.

    It listens to udev where its daemon runs, and to the kernel elsewhere. A socket that overran
    stays broken for ever: it is replaced, and what it lost is made good by a rescan.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        udev_control: Path = UDEV_CONTROL,
        buffer_bytes: int | None = None,
    ) -> None:
        """Listen from now on. `buffer_bytes` is the socket's; unset: as the system has it."""
        self._clock = clock
        self._udev_control = udev_control
        self._buffer_bytes = buffer_bytes
        self._context = pyudev.Context()
        self._monitor: pyudev.Monitor | None = None
        self._source = ""
        self._failures = 0
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._closed = False
        self._rescan_at_s = self._watch_at_s = self._told_at_s = -math.inf
        self._watch()

    @property
    def source(self) -> str:
        """Who is listened to: `udev`, `kernel`, or nobody: an empty word."""
        return self._source if self._monitor is not None else ""

    @property
    def failures(self) -> int:
        """How often listening failed, since it was made."""
        return self._failures

    def wait(self, timeout_s: float) -> bool:
        """Whether it is time for a scan; False after `timeout_s`, or when woken.

        It is at the first call, soon after events however many they are, when some were lost, and
        `RESCAN_EVERY_S` after the last time. Something need not have changed.
        """
        if self._closed:
            raise ValueError("closed")
        deadline_s = self._clock() + timeout_s
        while True:
            if self._monitor is None and self._clock() >= self._watch_at_s and self._watch():
                return self._hint()
            if self._clock() >= self._rescan_at_s:
                return self._hint()
            again_s = math.inf if self._monitor is not None else self._watch_at_s
            match self._listen(min(deadline_s, self._rescan_at_s, again_s)):
                case _Heard.WAKE:
                    return False
                case _Heard.EVENT | _Heard.FAILURE:
                    self._settle()
                    return self._hint()
                case _Heard.NOTHING if self._clock() >= deadline_s:
                    return False

    def wake(self) -> None:
        """From any thread: let `wait` return now, also the next one if nobody waits."""
        with self._lock:
            if not self._closed:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Listen no more. Closing again does nothing."""
        self._monitor = None
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._wake)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _hint(self) -> bool:
        """A scan is asked for; what happens from here on is in the next hint."""
        self._rescan_at_s = self._clock() + RESCAN_EVERY_S
        if self._monitor is None or self._source != self._best_source():
            self._watch()
        return True

    def _best_source(self) -> str:
        # Where the daemon does not run, its events never come.
        return "udev" if self._udev_control.exists() else "kernel"

    def _watch(self) -> bool:
        """Listen, with a new socket; whether that is possible."""
        self._watch_at_s = self._clock() + WATCH_AGAIN_S
        self._monitor, self._source = None, self._best_source()
        try:
            monitor = pyudev.Monitor.from_netlink(self._context, self._source)
            for subsystem in _WATCHED:
                monitor.filter_by(subsystem)
            if self._buffer_bytes is not None:
                monitor.set_receive_buffer_size(self._buffer_bytes)
            monitor.start()
        except OSError as error:
            self._fail(f"no events from {self._source}: {error}")
            return False
        self._monitor = monitor
        log.debug("listening to %s", self._source)
        return True

    def _fail(self, what: str) -> None:
        self._monitor = None
        self._failures += 1
        if self._clock() - self._told_at_s >= RESCAN_EVERY_S:
            self._told_at_s = self._clock()
            log.warning("%s; USB is scanned nevertheless", what)

    def _settle(self) -> None:
        """Take all that belongs to the same change; then listen again, if that had failed."""
        end_s = self._clock() + MOST_SETTLING_S
        while (now_s := self._clock()) < end_s:
            if self._listen(min(now_s + QUIET_S, end_s)) in {_Heard.NOTHING, _Heard.WAKE}:
                break
        if self._monitor is None:
            self._watch()

    def _listen(self, until_s: float) -> _Heard:
        """The first thing that happens, if any does until then."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self._monitor is not None:
            poll.register(self._monitor.fileno(), select.POLLIN)
        while True:
            left_s = max(0.0, until_s - self._clock())
            ready = {fd for fd, _ in poll.poll(math.ceil(left_s * 1000))}
            if self._wake in ready:
                os.eventfd_read(self._wake)
                return _Heard.WAKE
            if not ready:
                return _Heard.NOTHING
            try:
                # None is an event of a subsystem that is not watched.
                if self._monitor is not None and self._monitor.poll(0) is not None:
                    return _Heard.EVENT
            except OSError as error:
                self._fail(f"events from {self._source} were lost: {error}")
                return _Heard.FAILURE
            if self._clock() >= until_s:
                return _Heard.NOTHING


def _modem(parts: list[UsbNode]) -> PluggedModem:
    first = parts[0]
    nets = sorted(part.name for part in parts if part.subsystem == "net")
    return PluggedModem(
        usb_path=first.usb_path,
        vendor_id=first.vendor_id,
        product_id=first.product_id,
        at_port=_at_port([part for part in parts if part.subsystem == "tty"]),
        net_interface=nets[0] if nets else None,
        product=first.product,
    )


def _at_port(ttys: list[UsbNode]) -> str | None:
    by_interface = {tty.interface: tty.name for tty in ttys}
    layout = _layout(ttys[0]) if ttys else None
    wanted = () if layout is None else layout.at_interfaces
    known = [by_interface[number] for number in wanted if number in by_interface]
    named = [tty.name for tty in sorted(ttys, key=_number) if tty.protocol == _AT_PROTOCOL]
    return next(iter(known or named), None)


def _number(node: UsbNode) -> int:
    return node.interface


def _layout(node: UsbNode) -> UsbLayout | None:
    """How its device appears on USB as a family knows it; None for ids nobody knows."""
    return next(
        (
            layout
            for family in families()
            for layout in family.usb
            if node.vendor_id == layout.vendor_id and node.product_id in layout.product_ids
        ),
        None,
    )


def _nodes() -> Iterator[UsbNode]:
    context = pyudev.Context()
    for subsystem in ("tty", "net"):
        for device in context.list_devices(subsystem=subsystem):
            try:
                node = _node(device, subsystem)
            except (pyudev.DeviceNotFoundError, OSError, ValueError):
                # Unplugged while being looked at: the next scan will not see it.
                continue
            if node is not None:
                yield node


def _node(device: pyudev.Device, subsystem: str) -> UsbNode | None:
    interface = device.find_parent("usb", "usb_interface")
    usb = device.find_parent("usb", "usb_device")
    if interface is None or usb is None:
        return None
    product = _attribute(usb, "product")
    return UsbNode(
        usb_path=usb.sys_name,
        vendor_id=int(_attribute(usb, "idVendor"), 16),
        product_id=int(_attribute(usb, "idProduct"), 16),
        product=product or None,
        subsystem=subsystem,
        name=(device.device_node or "") if subsystem == "tty" else device.sys_name,
        interface=int(_attribute(interface, "bInterfaceNumber"), 16),
        protocol=(
            _attribute(interface, "bInterfaceClass"),
            _attribute(interface, "bInterfaceSubClass"),
            _attribute(interface, "bInterfaceProtocol"),
        ),
    )


def _attribute(device: pyudev.Device, name: str) -> str:
    """A sysfs attribute as text; empty where the device has none."""
    value: bytes | None = device.attributes.get(name)
    return "" if value is None else value.decode(errors="replace").strip()
