"""`dosong-agent paths`: a routing table for each modem. Needs root or CAP_NET_ADMIN."""

import argparse
import logging
import signal
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING

import msgspec

from agent.commands import (
    DONE,
    FAILED,
    Command,
    add_config,
    add_json,
    add_log_level,
    log_to_stderr,
    stdout,
)
from agent.commands._modem import tell_errors
from agent.commands.status import read_presence
from agent.config import Config, ModemPlace, load
from agent.places import NoInterfaceError, Places
from drivers.traffic.rtnetlink import Changes, Group

if TYPE_CHECKING:
    from drivers.traffic.routes import Report

log = logging.getLogger(__name__)

EVERY_S = 30.0
"""Also without a change that was told: one may have been lost."""
SETTLE_S = 0.3
"""A DHCP client changes address, network and default route one after the other."""
LOOK_S = 0.5
"""How soon the end is noticed."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="set them and end (the default)")
    how.add_argument("--watch", action="store_true", help="go on until stopped, at every change")
    how.add_argument("--remove", action="store_true", help="remove all that was made here")
    add_config(parser)
    add_json(parser)
    add_log_level(parser, "info")


def _run(chosen: argparse.Namespace) -> int:
    # Here and not above: every command is loaded by `dosong-agent run`, which must stay small.
    from drivers.traffic.routes import RoutingError, reconcile  # noqa: PLC0415

    log_to_stderr(chosen.log_level)
    config = load(chosen.config)
    try:
        if chosen.watch:
            _watch(config)
            return DONE
        report = reconcile(() if chosen.remove else interfaces(config))
    except RoutingError as error:
        tell_errors().out(f"routing tables: {error}")
        return FAILED
    _tell(report, as_json=chosen.json)
    return FAILED if report.missing else DONE


def interfaces(config: Config) -> tuple[str, ...]:
    """The network interfaces of the modems that are there now.

    A modem named by its IMEI is where the running agent last saw it.
    """
    places = Places(config.modem)
    presence = read_presence(config.run_dir)
    seen = {} if presence is None else {each.name: each.usb_path for each in presence.modems}
    found = []
    for place in config.modem:
        known = place
        if place.imei is not None and seen.get(place.name) is not None:
            known = msgspec.structs.replace(place, imei=None, usb_path=seen[place.name])
        found.append(_interface(places, known))
    return tuple(name for name in found if name is not None)


def _interface(places: Places, place: ModemPlace) -> str | None:
    try:
        return places.interface_of(place)
    except NoInterfaceError as error:
        log.debug("modem %s: %s", place.name, error)
        return None


def _tell(report: "Report", *, as_json: bool) -> None:
    if as_json:
        stdout().out(msgspec.json.encode(report).decode())
        return
    for path in report.paths:
        way = "on link" if path.gateway is None else f"by {path.gateway}"
        stdout().out(f"{path.interface} {path.family}: table {path.table}, {way}")
    for name in report.missing:
        stdout().out(f"{name}: not there, down, or without an address")
    for hint in report.hints:
        stdout().out(f"-> {hint}")
    if not report.paths and not report.missing:
        stdout().out("no tables: no modem has a network interface now")


def _watch(config: Config) -> None:
    """Reconcile at each change of an interface, address or route, and every 30 s."""
    from drivers.traffic.routes import reconcile  # noqa: PLC0415 - see `_run`

    ended = threading.Event()

    def end(number: int, _: FrameType | None) -> None:
        log.info("%s: stopping; the tables stay", signal.Signals(number).name)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    changes = Changes(*Group)
    told: object = None
    try:
        while not ended.is_set():
            # Before the look, so that what happens during it is seen next.
            changes.drain()
            report = reconcile(interfaces(config))
            state = (report.paths, report.missing, report.hints)
            if state != told:
                told = state
                _log(report)
            due_s = time.monotonic() + EVERY_S
            while not ended.is_set() and (left_s := due_s - time.monotonic()) > 0:
                if changes.wait(min(left_s, LOOK_S)):
                    ended.wait(SETTLE_S)
                    break
    finally:
        changes.close()


def _log(report: "Report") -> None:
    ways = [f"{path.interface} {path.family} {path.gateway or 'on link'}" for path in report.paths]
    log.info("tables: %s", ", ".join(ways) or "none")
    for name in report.missing:
        log.warning("%s is not there, is down, or has no address", name)
    for hint in report.hints:
        log.warning("%s", hint)


COMMAND = Command("paths", "a routing table for each modem", _add_arguments, _run)
