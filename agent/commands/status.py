"""`dosong-agent status`: how the running probe is doing, and what to do next."""

import argparse
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.advice import NOT_RUNNING, advice
from agent.commands import DONE, FAILED, Command, add_config, add_json, stdout
from agent.config import ConfigError, load
from agent.health import FRESH_S, STATUS_FILE
from wire.control import ModemState, Presence
from wire.messages import Position, PositionSource

RUN_DIR = Path("/run/dosong")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument(
        "--run-dir",
        type=Path,
        help="folder of status.json (default: what the configuration says)",
    )
    add_json(parser)


def _run(chosen: argparse.Namespace) -> int:
    presence = read_presence(chosen.run_dir or _run_dir(chosen.config))
    running = presence is not None and presence.online
    next_steps = advice(presence)
    console = stdout()
    if chosen.json:
        document = {"running": running, "next": next_steps, "presence": presence}
        console.out(msgspec.json.encode(document).decode())
    elif presence is None:
        console.print(NOT_RUNNING)
    else:
        _show(console, presence, next_steps)
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


def _show(console: Console, presence: Presence, next_steps: tuple[str, ...]) -> None:
    state = "measures" if presence.online else "does not run"
    console.print(f"probe [bold]{presence.probe}[/bold] {state} ({presence.software})")
    console.print(f"position: {_place(presence.position)}")
    when = "not known yet" if presence.utc is None else f"{presence.utc:%Y-%m-%d %H:%M:%S} UTC"
    console.print(f"time:     {when}")
    uplink = None if presence.health is None else presence.health.uplink
    console.print(f"link:     {uplink or 'no uplink is configured'}")
    console.print(f"outbox:   {presence.outbox_rows} records wait, {presence.made or 0} made")
    modems = Table(
        "modem", "state", "model", "network", "mode", "RSRP dBm", "SINR dB", "lock", "GB"
    )
    for modem in presence.modems:
        modems.add_row(modem.name, _coloured(modem), *_details(modem))
    console.print(modems)
    for sentence in next_steps:
        console.print(f"-> {sentence}")


def _coloured(modem: ModemState) -> str:
    colour = {"ok": "green", "starting": "yellow", "skipped": "yellow"}.get(modem.state, "red")
    return f"[{colour}]{modem.state}[/{colour}]"


def _details(modem: ModemState) -> tuple[str, ...]:
    values = (modem.model, modem.plmn, modem.mode, modem.rsrp_dbm, modem.sinr_db, modem.lock)
    return (*("" if value is None else escape(str(value)) for value in values), _data(modem))


def _data(modem: ModemState) -> str:
    """Used in this period, and of how much."""
    if modem.data_used_bytes is None:
        return ""
    used, limit = modem.data_used_bytes, modem.data_limit_bytes
    return f"{used / 1e9:.2f}" + ("" if limit is None else f" of {limit / 1e9:.1f}")


def _place(position: Position | None) -> str:
    if position is None or position.source is PositionSource.NONE:
        return "none"
    error = position.horizontal_error_m
    around = "" if error is None else f" +- {error:.0f} m"
    return f"{position.lat_deg:.5f}, {position.lon_deg:.5f}{around} ({position.source})"


COMMAND = Command(
    "status", "how the running probe is doing, and what to do next", _add_arguments, _run
)
