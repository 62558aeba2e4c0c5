"""The shipped udev rules against the families, and where it can against udev's own checker."""

import re
import shutil
import subprocess
from itertools import chain, combinations
from pathlib import Path

import pytest

from drivers.modem.family import families
from drivers.modem.usb import UsbNode, assemble
from tools.udev_rules import text

SHIPPED = Path("config/udev/70-dosong-modems.rules")
PART = re.compile(r'([A-Z]+(?:\{[^}"]+\})?)(==|!=|\+=|=)"([^"]*)"')
LINE = re.compile(rf"{PART.pattern}(?:, {PART.pattern})*")
KEYS = {"ACTION", "SUBSYSTEM", "SUBSYSTEMS", "ATTRS", "ENV", "TEST", "SYMLINK", "GOTO", "LABEL"}


def lines():
    return [line for line in text().splitlines() if line and not line.startswith("#")]


def layouts():
    return [
        pytest.param(family, layout, id=f"{family.name}-{layout.vendor_id:04x}-{number}")
        for family in families()
        for number, layout in enumerate(family.usb)
        if layout.at_interfaces
    ]


class Tty:
    """What udev knows of one port of a modem that has ports on `interfaces`."""

    def __init__(self, ids, interface, interfaces):
        self.ids = ids
        self.interface = interface
        self.paths = {f"/sys/bus/usb/devices/1-1.3:2.{number}" for number in interfaces}

    def takes(self, rule):
        parts = PART.findall(rule)
        return all(self._holds(*part) for part in parts if part[1] in {"==", "!="})

    def _holds(self, key, operator, pattern):
        if key == "TEST":
            path = pattern.replace("$id", "1-1.3").replace("$attr{bConfigurationValue}", "2")
            return (path in self.paths) == (operator == "==")
        value = {
            "ENV{.DOSONG_INTERFACE}": f"{self.interface:02x}",
            "SUBSYSTEMS": "usb",
            "ATTRS{idVendor}": f"{self.ids[0]:04x}",
            "ATTRS{idProduct}": f"{self.ids[1]:04x}",
        }[key]
        return value in pattern.split("|")


def taken_by_rule(ids, interfaces):
    rules = [line for line in lines() if "ID_MM_PORT_IGNORE" in line]
    return [
        interface
        for interface in interfaces
        if any(Tty(ids, interface, interfaces).takes(rule) for rule in rules)
    ]


def taken_by_agent(ids, interfaces):
    nodes = [
        UsbNode(
            usb_path="1-1.3",
            vendor_id=ids[0],
            product_id=ids[1],
            product=None,
            subsystem="tty",
            name=str(number),
            interface=number,
            protocol=("ff", "00", "00"),
        )
        for number in interfaces
    ]
    (modem,) = assemble(nodes)
    return [] if modem.at_port is None else [int(modem.at_port)]


def test_the_shipped_rules_are_those_of_the_families():
    assert SHIPPED.read_text(encoding="utf-8") == text(), "run `make rules`"


@pytest.mark.parametrize(("family", "layout"), layouts())
def test_the_rules_keep_modem_manager_from_the_port_that_the_agent_takes(family, layout):
    del family
    some = sorted({*layout.at_interfaces, 0, 1})
    parts = chain.from_iterable(combinations(some, count) for count in range(1, len(some) + 1))
    for interfaces in parts:
        for product_id in layout.product_ids:
            ids = (layout.vendor_id, product_id)
            assert taken_by_rule(ids, interfaces) == taken_by_agent(ids, interfaces)


def test_each_rule_is_one_that_udev_understands():
    labels = {value for line in lines() for key, _, value in PART.findall(line) if key == "LABEL"}
    for line in lines():
        assert LINE.fullmatch(line), line
        for key, operator, value in PART.findall(line):
            assert key.partition("{")[0] in KEYS, line
            assert key != "GOTO" or value in labels, line
            assert key != "SYMLINK" or operator == "+=", line


def test_a_port_is_found_by_the_name_of_its_usb_path():
    rules = [line for line in lines() if "ID_MM_PORT_IGNORE" in line]
    assert rules
    assert all('SYMLINK+="dosong/at-$id"' in rule for rule in rules)


def test_no_rule_takes_a_whole_modem_from_modem_manager():
    assert all("ID_MM_DEVICE_IGNORE" not in line for line in lines())


def test_udev_itself_has_nothing_against_them(tmp_path):
    udevadm = shutil.which("udevadm", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if udevadm is None:
        pytest.skip("needs udevadm (Debian package udev)")
    known = subprocess.run([udevadm, "--help"], capture_output=True, text=True, check=True)
    if "verify" not in known.stdout:
        pytest.skip("needs udevadm verify: systemd 254, Debian 13")
    file = tmp_path / SHIPPED.name
    file.write_text(text(), encoding="utf-8")
    done = subprocess.run([udevadm, "verify", str(file)], capture_output=True, text=True)  # noqa: PLW1510
    assert done.returncode == 0, done.stdout + done.stderr
