"""Prints the udev rules that give the agent its AT ports, from the families (`make rules`)."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator

from drivers.modem.family import Family, families

HEAD = """\
# Written by `make rules` from the families in drivers/modem/families: change these, not this file.
# Sorts after the persistent names (60-) and before ModemManager's rules (77-).
# Install: /etc/udev/rules.d/, then `udevadm control --reload && udevadm trigger`.
#
# The agent takes one AT port of each modem and keeps it: ID_MM_PORT_IGNORE, and the name
# /dev/dosong/at-<USB path>. Of two it takes the one that ModemManager can do without. Of one it
# takes that: ModemManager then has the modem's QMI or MBIM port only, and does nothing with a modem
# that has neither. Never ID_MM_DEVICE_IGNORE: it would take the data connection away as well.
# A modem whose ids are not here is left to ModemManager; if both want a port the agent says so.

ACTION!="add|change|move|bind", GOTO="dosong_end"
SUBSYSTEM!="tty", GOTO="dosong_end"
SUBSYSTEMS=="usb", ATTRS{bInterfaceNumber}=="?*", \
ENV{.DOSONG_INTERFACE}="$attr{bInterfaceNumber}"
"""
TAIL = """
LABEL="dosong_end"
"""

Interfaces = tuple[int, ...]


def text() -> str:
    """The whole file."""
    rules: list[str] = []
    for family, layouts in _layouts(families()).items():
        rules += ["", f"# {family}"]
        for (vendor_id, interfaces), product_ids in sorted(layouts.items()):
            rules += _rules(vendor_id, sorted(product_ids), interfaces)
    return "\n".join([HEAD.rstrip("\n"), *rules, ""]) + TAIL


def _layouts(
    known: Iterable[type[Family]],
) -> dict[str, dict[tuple[int, Interfaces], set[int]]]:
    """By family, vendor and interfaces the products; each product once, as the scan finds it."""
    seen: set[tuple[int, int]] = set()
    found: dict[str, dict[tuple[int, Interfaces], set[int]]] = {}
    for family in known:
        layouts = defaultdict(set)
        for layout in family.usb:
            for product_id in layout.product_ids:
                if (layout.vendor_id, product_id) not in seen:
                    seen.add((layout.vendor_id, product_id))
                    layouts[layout.vendor_id, layout.at_interfaces].add(product_id)
        if layouts:
            found[family.name] = layouts
    return found


def _rules(vendor_id: int, product_ids: list[int], interfaces: Interfaces) -> Iterator[str]:
    """One rule for each interface, which holds where those before it are missing."""
    products = "|".join(f"{product_id:04x}" for product_id in product_ids)
    if not interfaces:
        # Nothing in the attributes of one port tells whether it is the first of its class.
        yield f"# {vendor_id:04x}:{products}: by the class of the interface, so without a rule."
        return
    yield f"# {_who_gets_what(interfaces)}"
    for index, interface in enumerate(interfaces):
        missing = "".join(
            f' TEST!="/sys/bus/usb/devices/$id:$attr{{bConfigurationValue}}.{earlier}",'
            for earlier in interfaces[:index]
        )
        yield (
            f'ENV{{.DOSONG_INTERFACE}}=="{interface:02x}", SUBSYSTEMS=="usb", '
            f'ATTRS{{idVendor}}=="{vendor_id:04x}", ATTRS{{idProduct}}=="{products}",{missing} '
            'ENV{ID_MM_PORT_IGNORE}="1", SYMLINK+="dosong/at-$id"'
        )


def _who_gets_what(interfaces: Interfaces) -> str:
    ours, *others = interfaces
    if not others:
        return f"Interface {ours}, the only AT port: the agent's alone."
    left = " and ".join(map(str, others))
    return f"Interface {ours}; ModemManager keeps {left}. Where there is no {ours}, the next one."


if __name__ == "__main__":
    sys.stdout.write(text())
