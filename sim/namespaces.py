"""Network namespaces and veth pairs named after their maker, so that leftovers can be told."""

import itertools
import json
import logging
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

from sim.parts import CommandError, run_command

_log = logging.getLogger(__name__)

NAMESPACES = Path("/run/netns")
PREFIX = "dosong"
DEVICE = re.compile(r"ds(\d+)-\d+")
COMMAND_TIMEOUT_S = 10.0
SUBNETS = 1 << 14

_serial = itertools.count()


class NetworkError(RuntimeError):
    """The kernel refused a piece of the network: `command` and what it said."""

    def __init__(self, command: str, said: str) -> None:
        """Keep both fields."""
        super().__init__(f"{command}: {said}")
        self.command = command
        self.said = said


def run(*command: str) -> str:
    """Output of a command of iproute2; raises `NetworkError`."""
    try:
        return run_command(*command, timeout_s=COMMAND_TIMEOUT_S)
    except CommandError as error:
        raise NetworkError(error.command, error.problem) from error


def new_device() -> str:
    """A name that no other device of ours has."""
    return f"ds{os.getpid()}-{next(_serial)}"


def free_subnet() -> tuple[int, int]:
    """Second and third byte of a /24 in 10.64.0.0/10 that no interface here uses."""
    interfaces = json.loads(run("ip", "-j", "-4", "addr"))
    used = {
        address["local"].rpartition(".")[0]
        for interface in interfaces
        for address in interface.get("addr_info", [])
    }
    for step in range(SUBNETS):
        number = (os.getpid() + step) % SUBNETS
        second, third = 64 + (number >> 8), number & 255
        if f"10.{second}.{third}" not in used:
            return second, third
    raise NetworkError("ip addr", "no free subnet in 10.64.0.0/10")


def remove_leftovers() -> None:
    """Remove namespaces and devices whose maker was killed, and what still runs in them."""
    namespaces = sorted(NAMESPACES.glob(f"{PREFIX}-*-*")) if NAMESPACES.is_dir() else []
    for namespace in namespaces:
        maker = namespace.name.split("-")[1]
        if maker.isdecimal() and not Path(f"/proc/{maker}").exists():
            _log.info("removing %s, left behind by process %s", namespace.name, maker)
            _remove_leftover(remove_namespace, namespace.name)
    for device in _devices():
        found = DEVICE.fullmatch(device)
        if found is not None and not Path(f"/proc/{found[1]}").exists():
            _remove_leftover(remove_device, device)


def remove_device(device: str) -> None:
    """Remove a device with its peer, if it is there."""
    if Path("/sys/class/net", device).exists():
        run("ip", "link", "del", device)


def remove_namespace(namespace: str) -> None:
    """Remove a namespace with all processes in it."""
    if not (NAMESPACES / namespace).exists():
        return
    for pid in run("ip", "netns", "pids", namespace).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
    run("ip", "netns", "del", namespace)


def _devices() -> list[str]:
    return [entry.name for entry in Path("/sys/class/net").iterdir()]


def _remove_leftover(remove: Callable[[str], None], name: str) -> None:
    """Remove it, unless somebody else is just doing so; in no case is it a reason to fail."""
    try:
        remove(name)
    except NetworkError as error:
        _log.warning("%s was left behind and is not removed: %s", name, error)
