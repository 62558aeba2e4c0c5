"""Which modems are plugged in: a scan of sysfs. The only place that knows pyudev.

Nothing here waits for udev: where its daemon does not run, the scan is just as good. Call it again
to see changes; a modem is known by its place on the bus, never by the number of its tty.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pyudev

from drivers.modem.family import families

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
    return assemble(_nodes())


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
        if _interfaces(parts[0]) or {"tty", "net"} <= {part.subsystem for part in parts}
    )


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
    wanted = _interfaces(ttys[0]) if ttys else ()
    known = [by_interface[number] for number in wanted if number in by_interface]
    named = [tty.name for tty in sorted(ttys, key=_number) if tty.protocol == _AT_PROTOCOL]
    return next(iter(known or named), None)


def _number(node: UsbNode) -> int:
    return node.interface


def _interfaces(node: UsbNode) -> tuple[int, ...]:
    """Interface numbers of AT ports as a family knows them; empty for ids nobody knows."""
    return next(
        (
            layout.at_interfaces
            for family in families()
            for layout in family.usb
            if node.vendor_id == layout.vendor_id and node.product_id in layout.product_ids
        ),
        (),
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
