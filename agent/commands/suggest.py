"""`dosong-agent suggest`: the lines to write into a configuration for what is plugged in."""

import argparse

import msgspec

from agent.asking import Answer, ask_all
from agent.commands import DONE, FAILED, Command, add_config, add_json, stdout
from agent.commands._modem import tell_errors
from agent.commands.status import read_presence
from agent.config import Config, ConfigError, load
from drivers.modem.suggest import Found, suggest
from drivers.modem.usb import PluggedModem, plugged_modems

NOTHING = "No modem is plugged in that could be seen. Check cable and power, then again."


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-ask", action="store_true", help="do not open any port: say what USB says of it"
    )
    add_config(parser)
    add_json(parser)


def _run(chosen: argparse.Namespace) -> int:
    errors = tell_errors()
    config: Config | None = None
    if chosen.config.exists():
        try:
            config = load(chosen.config)
        except ConfigError as error:
            errors.out(f"without a configuration: {error.problems[0]}")
    plugged = plugged_modems()
    known = {} if config is None else _configured(config, plugged)
    fresh = [modem for modem in plugged if modem.usb_path not in known]
    with errors.status("asking the modems"):
        answers = [Answer(None, "--no-ask")] * len(fresh) if chosen.no_ask else _ask(fresh)
    found = [_found(modem, answer) for modem, answer in zip(fresh, answers, strict=True)]
    if config is not None:
        by_imei = {place.imei: place.name for place in config.modem if place.imei is not None}
        known |= {each.usb_path: by_imei[each.imei] for each in found if each.imei in by_imei}
        found = [each for each in found if each.usb_path not in known]
    taken = () if config is None else [place.name for place in config.modem]
    stanzas = tuple(suggest(found, taken=taken))
    if chosen.json:
        told = [
            {**modem._asdict(), **stanza._asdict()}
            for stanza, modem in zip(stanzas, found, strict=True)
        ]
        stdout().out(msgspec.json.encode({"modems": told}).decode())
    else:
        stdout().out("\n".join(stanza.toml for stanza in stanzas), end="")
    for modem in plugged:
        if modem.usb_path in known:
            errors.out(f"{modem.usb_path} is configured already, as {known[modem.usb_path]}")
    if not plugged:
        errors.out(NOTHING)
        return FAILED
    if stanzas:
        errors.out(f"-> Write this into {chosen.config}, then: dosong-agent check-config")
    return DONE


def _configured(config: Config, plugged: tuple[PluggedModem, ...]) -> dict[str, str]:
    """By the USB path: what the places are called, as far as is known where they are."""
    named = {place.usb_path: place.name for place in config.modem if place.usb_path is not None}
    ports = {str(place.port.resolve()): place.name for place in config.modem if place.port}
    named |= {each.usb_path: ports[each.at_port] for each in plugged if each.at_port in ports}
    presence = read_presence(config.run_dir)
    if presence is not None:
        named |= {each.usb_path: each.name for each in presence.modems if each.usb_path}
    return named


def _ask(modems: list[PluggedModem]) -> list[Answer]:
    told = iter(ask_all([(each.at_port, each.usb_path) for each in modems if each.at_port]))
    return [
        next(told) if each.at_port else Answer(None, "no AT port is known of it") for each in modems
    ]


def _found(modem: PluggedModem, answer: Answer) -> Found:
    said = answer.said
    return Found(
        usb_path=modem.usb_path,
        product=modem.product,
        interface=modem.net_interface,
        at_port=modem.at_port,
        model=None if said is None else said.model,
        imei=None if said is None else said.imei,
        locks=() if said is None else said.locks,
        unasked=answer.failure,
    )


COMMAND = Command(
    "suggest", "what to write into the configuration for what is plugged in", _add_arguments, _run
)
