"""Which modem a command is about, and whether the command may have it."""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from agent.commands import FAILED, IN_USE
from agent.commands.status import read_presence
from agent.config import Config, ConfigError, ModemPlace, load
from agent.misfits import suggestion
from agent.places import Places
from drivers.modem.errors import BusyPortError, GoneError, ModemError, TimedOutError
from drivers.modem.modem import Modem
from drivers.modem.usb import plugged_modems

HELD_BY_SERVICE = "The service holds the modem: `systemctl stop dosong-agent` first."
HELD_BY_OTHER = (
    "is held by another program: the service (`systemctl stop dosong-agent`), ModemManager"
    " (`systemctl stop ModemManager`), or a second console."
)
WHICH = "by its configured name, its USB path (1-1.2) or its port (/dev/ttyUSB3)"
_USB_PATH = re.compile(r"\d+-\d+(?:\.\d+)*")
_UNNAMED = "modem"


class NoSuchModemError(Exception):
    """No modem is meant by these words; the text says what there is."""


@dataclass(frozen=True)
class Chosen:
    """A modem and the probe it belongs to."""

    place: ModemPlace
    config: Config
    """With defaults, where there is no configuration."""

    @property
    def configured(self) -> bool:
        """Whether the service looks after it when it runs."""
        return self.place in self.config.modem

    @property
    def service_runs(self) -> bool:
        """Whether the agent measures now."""
        presence = read_presence(self.config.run_dir)
        return presence is not None and presence.online

    def port(self) -> str:
        """The device file of its AT port; raises `ModemError`.

        One that is named by its IMEI has to be opened for that.
        """
        if self.place.port is not None:
            return str(self.place.port)
        usb_path = self.place.usb_path
        if usb_path is None:
            with self.open() as opened:
                usb_path = opened.identity.usb_path
        plugged = next((each for each in plugged_modems() if each.usb_path == usb_path), None)
        if plugged is None or plugged.at_port is None:
            what = "no modem is there" if plugged is None else "no AT port is known of it"
            raise GoneError(f"{usb_path}: {what}")
        return plugged.at_port

    def open(self) -> Modem:
        """Raises `ModemError`."""
        known = self.config.modem if self.configured else (self.place,)
        return Places(known).open_modem(self.place)


def choose(words: str, file: Path) -> Chosen:
    """The modem `words` stand for; raises `NoSuchModemError`.

    A modem named by a path needs no configuration; raises `ConfigError` where one is needed.
    """
    direct = _by_path(words)
    try:
        config = load(file)
    except ConfigError:
        if direct is None:
            raise
        return Chosen(direct, Config(probe="unknown"))
    for place in config.modem:
        if words in {place.name, place.usb_path, place.imei} or Path(words) == place.port:
            return Chosen(place, config)
    if direct is None:
        hint = suggestion(words, [each.name for each in config.modem])
        raise NoSuchModemError(f"no modem '{words}' in {file}; {hint}")
    return Chosen(direct, config)


def tell_errors() -> Console:
    """Where a person is told what goes on."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def tell_failure(errors: Console, error: ModemError) -> int:
    """Say what is wrong with the modem and what to do; the exit code.

    Without the command: it may hold a code or a password.
    """
    if isinstance(error, BusyPortError):
        errors.out(f"{error.port} {HELD_BY_OTHER}")
        return IN_USE
    words = f"{error.port} {error.message}".strip()
    if isinstance(error, GoneError):
        words += "; `dosong-agent modems` shows what is plugged in"
    elif isinstance(error, TimedOutError):
        words += "; if that stays so, take the modem's power away once"
    errors.out(words)
    return FAILED


def add_modem(parser: argparse.ArgumentParser) -> None:
    """The option that names the modem."""
    parser.add_argument("--modem", required=True, metavar="NAME_OR_PATH", help=WHICH)


def _by_path(words: str) -> ModemPlace | None:
    if _USB_PATH.fullmatch(words):
        return ModemPlace(name=_UNNAMED, usb_path=words)
    return ModemPlace(name=_UNNAMED, port=Path(words)) if "/" in words else None
