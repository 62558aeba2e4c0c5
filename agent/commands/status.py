"""`dosong-agent status`: how the running probe is doing, and what to do next."""

import argparse
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.advice import advice
from agent.commands import DONE, FAILED, Command, add_config, add_json, stdout
from agent.commands._sent_plan import answered
from agent.config import ConfigError, load
from agent.health import FRESH_S, STATUS_FILE
from agent.words import LANGUAGES, Words, language_of
from wire.control import ModemState, Presence
from wire.kinds import status
from wire.messages import Position, PositionSource

RUN_DIR = Path("/run/dosong")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument(
        "--run-dir",
        type=Path,
        help="folder of status.json (default: what the configuration says)",
    )
    parser.add_argument("--lang", choices=LANGUAGES, help="language (default: that of LANG)")
    add_json(parser)


def _run(chosen: argparse.Namespace) -> int:
    presence = read_presence(chosen.run_dir or _run_dir(chosen.config))
    running = presence is not None and presence.online
    words = Words(chosen.lang or language_of())
    next_steps = advice(presence, words)
    console = stdout()
    if chosen.json:
        document = {"running": running, "next": next_steps, "presence": presence}
        console.out(msgspec.json.encode(document).decode())
    else:
        if presence is not None:
            _show(console, presence, words)
        for sentence in next_steps:
            console.print(f"-> {sentence}", markup=False)
    return DONE if running else FAILED


def read_presence(run_dir: Path) -> Presence | None:
    """What a running agent last said of itself; None when there is none."""
    file = run_dir / STATUS_FILE
    try:
        content, written_s = file.read_bytes(), file.stat().st_mtime
        presence = msgspec.json.decode(content, type=Presence)
    except (OSError, msgspec.DecodeError):
        return None
    return presence if abs(time.time() - written_s) <= FRESH_S else None


def _run_dir(config: Path) -> Path:
    """Who may not read the configuration may still read the status."""
    try:
        return load(config).run_dir
    except ConfigError:
        return RUN_DIR


def _show(console: Console, presence: Presence, words: Words) -> None:
    state = words("status.measures" if presence.online else "status.stopped")
    when = presence.utc and f"{presence.utc:%Y-%m-%d %H:%M:%S} UTC"
    for line in (
        words("status.probe", probe=presence.probe, state=state, software=presence.software),
        words("status.position", place=_place(presence.position, words)),
        words("status.time", time=when or words("status.timeless")),
        words("status.link", link=_link(presence.health, words)),
        words("status.outbox", rows=presence.outbox_rows, made=presence.made or 0),
        *answered(presence.plan, words),
    ):
        console.out(line, highlight=False)
    modems = Table(*words("status.columns").split("|"))
    for modem in presence.modems:
        modems.add_row(modem.name, _coloured(modem, words), *_details(modem))
    console.print(modems)


def _link(health: status.Payload | None, words: Words) -> str:
    if health is None or health.uplink is None:
        return words("status.no_uplink")
    link, path = words.named("link", health.uplink), health.uplink_path
    return link if path is None else words("status.path", link=link, path=path)


def _coloured(modem: ModemState, words: Words) -> str:
    colour = {"ok": "green", "starting": "yellow", "skipped": "yellow"}.get(modem.state, "red")
    return f"[{colour}]{words.named('state', modem.state)}[/{colour}]"


def _details(modem: ModemState) -> tuple[str, ...]:
    values = (modem.model, modem.plmn, modem.mode, modem.rsrp_dbm, modem.sinr_db, modem.lock)
    return (*("" if value is None else escape(str(value)) for value in values), _data(modem))


def _data(modem: ModemState) -> str:
    """Used in this period, and of how much."""
    if modem.data_used_bytes is None:
        return ""
    used, limit = modem.data_used_bytes, modem.data_limit_bytes
    return f"{used / 1e9:.2f}" + ("" if limit is None else f" of {limit / 1e9:.1f}")


def _place(position: Position | None, words: Words) -> str:
    if position is None or position.source is PositionSource.NONE:
        return words("status.nowhere")
    error = position.horizontal_error_m
    around = "" if error is None else f" +- {error:.0f} m"
    return f"{position.lat_deg:.5f}, {position.lon_deg:.5f}{around} ({position.source})"


COMMAND = Command(
    "status", "how the running probe is doing, and what to do next", _add_arguments, _run
)
