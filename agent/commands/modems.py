"""`dosong-agent modems`: what is plugged in, what is configured, and how they go together."""

import argparse
from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.commands import DONE, Command, add_config, add_json, stdout
from agent.commands.status import RUN_DIR, read_presence
from agent.config import Config, ConfigError, ModemPlace, load
from drivers.modem.usb import PluggedModem, plugged_modems
from wire.control import ModemState


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One modem: plugged in, configured, or both."""

    name: str | None
    """As configured; None for one that no configuration names."""
    usb_path: str | None
    port: str | None
    interface: str | None
    product: str | None
    plugged: bool
    state: str | None
    """What the running agent says of it."""
    model: str | None


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)


def _run(chosen: argparse.Namespace) -> int:
    config: Config | None = None
    try:
        config = load(chosen.config)
    except ConfigError as error:
        Console(stderr=True, soft_wrap=True).out(f"without a configuration: {error.problems[0]}")
    presence = read_presence(RUN_DIR if config is None else config.run_dir)
    states = {} if presence is None else {modem.name: modem for modem in presence.modems}
    lines = tuple(line_up(() if config is None else config.modem, plugged_modems(), states))
    console = stdout()
    if chosen.json:
        console.out(msgspec.json.encode({"modems": lines}).decode())
    else:
        _show(console, lines)
    return DONE


def line_up(
    places: tuple[ModemPlace, ...],
    plugged: tuple[PluggedModem, ...],
    states: dict[str, ModemState],
) -> Iterator[Line]:
    """The configured places in their order, then what is plugged in besides."""
    left = {modem.usb_path: modem for modem in plugged}
    for place in places:
        found = _take(place, left)
        state = states.get(place.name)
        port = None if place.port is None else str(place.port)
        yield Line(
            name=place.name,
            usb_path=place.usb_path or (None if found is None else found.usb_path),
            port=port or (None if found is None else found.at_port),
            interface=place.interface or (None if found is None else found.net_interface),
            product=None if found is None else found.product,
            plugged=found is not None or (place.port is not None and place.port.exists()),
            state=None if state is None else state.state,
            model=None if state is None else state.model,
        )
    for modem in left.values():
        yield Line(
            name=None,
            usb_path=modem.usb_path,
            port=modem.at_port,
            interface=modem.net_interface,
            product=modem.product,
            plugged=True,
            state=None,
            model=None,
        )


def _take(place: ModemPlace, left: dict[str, PluggedModem]) -> PluggedModem | None:
    """The plugged modem at a place, which then is nobody else's."""
    if place.usb_path is not None:
        return left.pop(place.usb_path, None)
    device = None if place.port is None else str(place.port.resolve())
    usb_path = next((path for path, modem in left.items() if modem.at_port == device), None)
    return None if usb_path is None else left.pop(usb_path)


def _show(console: Console, lines: tuple[Line, ...]) -> None:
    if not lines:
        console.print("No modem is plugged in or configured. Check cable and power, then again.")
        return
    table = Table("name", "USB path", "AT port", "interface", "modem", "plugged in", "state")
    for line in lines:
        words = (line.usb_path, line.port, line.interface, line.model or line.product)
        table.add_row(
            "not configured" if line.name is None else escape(line.name),
            *("" if word is None else escape(word) for word in words),
            "yes" if line.plugged else "[red]no[/red]",
            line.state or "the agent does not run",
        )
    console.print(table)
    for line in lines:
        if line.name is None:
            console.print("-> To use it, write into the configuration:")
            stanza = f'[[modem]]\nname = "choose-a-name"\nusb_path = "{line.usb_path}"'
            console.out(stanza)


COMMAND = Command("modems", "which modems are plugged in and configured", _add_arguments, _run)
