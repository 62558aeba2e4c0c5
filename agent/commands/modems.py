"""`dosong-agent modems`: what is plugged in, what is configured, and how they go together."""

import argparse
from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.asking import Answer, Said, ask_all
from agent.commands import DONE, Command, add_config, add_json, stdout
from agent.commands.status import RUN_DIR, read_presence
from agent.config import Config, ConfigError, ModemPlace, load
from drivers.modem.reading import Address
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
    said: Said | None = None
    """What it says of itself; None unless it was asked and answered."""
    unasked: str | None = None
    """Why it was not asked, or did not answer, though it should be."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ask",
        action="store_true",
        help="open the ports that nobody holds, and ask for identity, card, network and addresses",
    )
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
    if chosen.ask:
        running = presence is not None and presence.online
        with Console(stderr=True).status("asking the modems"):
            lines = _asked(lines, running=running)
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
        state = states.get(place.name)
        found = _take(place, None if state is None else state.usb_path, left)
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


def _take(
    place: ModemPlace, told: str | None, left: dict[str, PluggedModem]
) -> PluggedModem | None:
    """The plugged modem at a place, which then is nobody else's.

    Only the running agent knows where one named by its IMEI is: `told`.
    """
    usb_path = place.usb_path if place.imei is None else told
    if usb_path is not None:
        return left.pop(usb_path, None)
    if place.port is None:
        return None
    device = str(place.port.resolve())
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
    if any(line.said or line.unasked for line in lines):
        _show_answers(console, lines)
    if any(line.name is None for line in lines):
        console.print("-> What to write for those not configured: dosong-agent suggest")


def _asked(lines: tuple[Line, ...], *, running: bool) -> tuple[Line, ...]:
    """The same with what the modems say that nobody holds."""
    refusals = [_why_not(line, running=running) for line in lines]
    to_ask = [
        (line.port or "", line.usb_path or line.port or "")
        for line, why_not in zip(lines, refusals, strict=True)
        if why_not is None
    ]
    answers = iter(ask_all(to_ask))
    told = (Answer(None, why_not) if why_not else next(answers) for why_not in refusals)
    return tuple(
        msgspec.structs.replace(line, said=answer.said, unasked=answer.failure)
        for line, answer in zip(lines, told, strict=True)
    )


def _why_not(line: Line, *, running: bool) -> str | None:
    if line.name is not None and running:
        return "the service measures with it; `dosong-agent status` says what"
    if not line.plugged:
        return "not plugged in"
    return None if line.port is not None else "no AT port is known of it"


def _show_answers(console: Console, lines: tuple[Line, ...]) -> None:
    table = Table(
        "name", "family", "model", "IMEI", "SIM", "ICCID", "network", "addresses", "locks"
    )
    for line in lines:
        name = escape(line.name or line.usb_path or "")
        said = line.said
        if said is None:
            table.add_row(name, *[""] * (len(table.columns) - 2), escape(line.unasked or ""))
            continue
        network = " ".join(filter(None, (said.registration, said.plmn, said.mode)))
        addresses = " ".join(filter(None, (_ip(address) for address in said.addresses)))
        words = (said.family, said.model, said.imei, said.sim, _end(said.iccid), network, addresses)
        locks = f"{said.lock or 'its own'}; can {' '.join(said.locks) or 'none'}"
        table.add_row(name, *(escape(word or "") for word in words), locks)
    console.print(table)


def _end(iccid: str | None) -> str | None:
    """A table is shown to whoever looks over the shoulder; `--json` has it whole."""
    return None if iccid is None else f"...{iccid[-4:]}"


def _ip(address: Address) -> str:
    return " ".join(filter(None, (address.ipv4, address.ipv6)))


COMMAND = Command("modems", "which modems are plugged in and configured", _add_arguments, _run)
