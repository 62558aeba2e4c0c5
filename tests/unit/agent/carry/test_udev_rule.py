"""The rule that mounts a stick for the probe, gone through as udev does; by udev where it is."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

RULE = Path("config/udev/80-dosong-stick.rules")
PART = re.compile(r'([A-Z]+(?:\{[^}"]+\})?)(==|!=|\+=|=)"([^"]*)"')
STICK = {
    "ACTION": "add",
    "SUBSYSTEM": "block",
    "SUBSYSTEMS": "usb",
    "ENV{ID_FS_USAGE}": "filesystem",
    "ENV{ID_FS_LABEL}": "DOSONG",
    "ENV{ID_FS_TYPE}": "vfat",
}


def rules():
    for line in RULE.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(rf"{PART.pattern}(?:, {PART.pattern})*", line), line
            yield PART.findall(line)


def holds(part, device):
    key, operator, value = part
    return (device.get(key, "") == value) == (operator == "==")


def commands(device):
    """What udev runs for a device that the rules see for the first time."""
    device = dict(device)
    going_to = None
    run = []
    for rule in rules():
        asked = [part for part in rule if part[1] in {"==", "!="}]
        done = {key: value for key, operator, value in rule if operator in {"=", "+="}}
        if going_to is not None:
            going_to = None if done.get("LABEL") == going_to else going_to
        elif all(holds(part, device) for part in asked):
            going_to = done.get("GOTO")
            device |= {key: value for key, value in done.items() if key.startswith("ENV")}
            run += [value for key, value in done.items() if key == "RUN{program}"]
    assert going_to is None, "a label that is not there"
    return [
        re.sub(r"\$env\{([^}]+)\}", lambda name: device[f"ENV{{{name[1]}}}"], command)
        for command in run
    ]


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_a_stick_with_our_label_is_mounted_harmlessly_and_for_the_probe(kind):
    [command] = commands(STICK | {"ENV{ID_FS_TYPE}": kind})
    program, *options, what, where = shlex.split(command)
    assert program == "/usr/bin/systemd-mount"
    assert (what, where) == ("$devnode", "/mnt/dosong/%k")
    assert "--no-block" in options
    [said] = [option.removeprefix("--options=") for option in options if "--options=" in option]
    assert {"nosuid", "nodev", "noexec", "uid=dosong", "gid=dosong"} <= set(said.split(","))
    assert ("flush" in said) == (kind == "vfat")


@pytest.mark.parametrize(
    "other",
    [
        {"ACTION": "change"},
        {"ACTION": "remove"},
        {"SUBSYSTEM": "tty"},
        {"SUBSYSTEMS": "mmc"},
        {"ENV{ID_FS_USAGE}": "crypto"},
        {"ENV{ID_FS_LABEL}": "HOLIDAY"},
        {"ENV{ID_FS_TYPE}": "ext4"},
    ],
)
def test_anything_else_is_left_alone(other):
    assert commands(STICK | other) == []


@pytest.mark.skipif(shutil.which("udevadm") is None, reason="udevadm is not installed")
def test_udev_understands_the_rule():
    done = subprocess.run(
        ["udevadm", "verify", "--no-summary", RULE], capture_output=True, text=True, check=False
    )
    if "Unknown command" in done.stderr:
        pytest.skip("this udevadm cannot verify rules yet")
    assert (done.returncode, done.stderr) == (0, "")
