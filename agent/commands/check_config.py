"""`dosong-agent check-config`: says what is wrong before the service does."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from agent.commands import DONE, FAILED, Command, add_json, stdout
from agent.commands._sent_plan import Seen
from agent.config import DEFAULT_FILE, Config, ConfigError, load
from agent.planned import Planned, prepare
from agent.remote_plan import Followed


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, default=DEFAULT_FILE, help="default: %(default)s"
    )
    add_json(parser)


def _run(chosen: argparse.Namespace) -> int:
    console = stdout()
    try:
        config = load(chosen.file)
        planned = prepare(config, name=chosen.file.name)
    except ConfigError as error:
        if chosen.json:
            problems = [problem._asdict() for problem in error.problems]
            console.out(msgspec.json.encode({"ok": False, "problems": problems}).decode())
        else:
            console.out(str(error))
        return FAILED
    seen = Seen(Followed(config, planned), file=chosen.file, utc=datetime.now(UTC))
    if chosen.json:
        document = {"ok": True, "problems": [], "config": config, "sent": seen.document()}
        console.out(msgspec.json.encode(document, enc_hook=str).decode())
    else:
        _show(console, chosen.file, config, planned)
        for sentence in seen.sentences():
            console.out(sentence, highlight=False)
    return DONE


def _show(console: Console, file: Path, config: Config, planned: tuple[Planned, ...]) -> None:
    console.print(f"{file}: right. Probe [bold]{config.probe}[/bold]")
    gpsd = config.gps.gpsd
    console.print("position: " + ("surveyed" if gpsd is None else f"gpsd at {gpsd[0]}:{gpsd[1]}"))
    uplink = config.uplink
    console.print(
        "uplink: none, records stay on the probe"
        if uplink is None
        else f"uplink: {uplink.host}:{uplink.port}"
        + ("" if uplink.ca else ", not encrypted")
        + (f" by {', '.join(uplink.paths)}" if uplink.paths else "")
    )
    modems = Table("modem", "place", "interface", "lock", "server")
    for place in config.modem:
        server = config.server_for(place)
        modems.add_row(
            place.name,
            place.place,
            place.interface or ("by USB" if place.port is None else "not bound"),
            str(place.held_on or "never touched"),
            "none" if server is None else server.name,
        )
    console.print(modems)
    plan = Table("plan", "activity", "profile", "modem", "when", "from")
    for each in planned:
        entry = each.entry
        plan.add_row(
            entry.name,
            entry.activity,
            each.ready.profile or "",
            each.place.name,
            entry.when(),
            f"{entry.start_after_s + each.modem_index * entry.stagger_s:g} s",
        )
    console.print(plan)


COMMAND = Command(
    "check-config", "say what is wrong with a configuration, or what it means", _add_arguments, _run
)
