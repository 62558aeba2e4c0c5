"""`dosong-agent once`: one look at the radio or one test, now, without the service.

The result is shown, not delivered: the outbox belongs to the service.
"""

import argparse
import sys
from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.activities import activities
from agent.activity import UnpreparedError
from agent.bench import NoRecordError, bench
from agent.commands import (
    DONE,
    FAILED,
    IN_USE,
    Command,
    add_config,
    add_json,
    add_log_level,
    log_to_stderr,
    stdout,
)
from agent.commands.status import read_presence
from agent.config import Config, ModemPlace, load
from agent.misfits import suggestion
from drivers.traffic.result import Progress
from wire.codec import encode_record
from wire.messages import AnyMeasurement, Outcome

RADIO = "radio"
GOOD = frozenset({Outcome.OK, Outcome.SLOW})
MANY = 12
"""Longer lists are shown by their length only; `--json` has them whole."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=[RADIO, *sorted(activities())], help="what to measure")
    parser.add_argument("--modem", required=True, metavar="NAME", help="by its configured name")
    parser.add_argument("--profile", metavar="NAME", help="test profile (default: the activity's)")
    add_config(parser)
    add_json(parser)
    add_log_level(parser, "warning")


def _run(chosen: argparse.Namespace) -> int:
    log_to_stderr(chosen.log_level)
    config = load(chosen.config)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    place = config.modem_named(chosen.modem)
    if place is None:
        hint = suggestion(chosen.modem, [each.name for each in config.modem])
        errors.out(f"no modem '{chosen.modem}' in {chosen.config}; {hint}")
        return FAILED
    presence = read_presence(config.run_dir)
    if presence is not None and presence.online:
        errors.out("The service holds the modem: `systemctl stop dosong-agent` first.")
        return IN_USE
    try:
        row = _measure(chosen.kind, chosen.profile, config, place, errors)
    except (UnpreparedError, NoRecordError) as error:
        errors.out(f"{chosen.kind}: {error}")
        return FAILED
    if chosen.json:
        sys.stdout.buffer.write(encode_record(row) + b"\n")
    else:
        _show(stdout(), row)
    return DONE if row.outcome in GOOD else FAILED


def _measure(
    kind: str, profile: str | None, config: Config, place: ModemPlace, errors: Console
) -> AnyMeasurement:
    """Measure once while a person on stderr sees what goes on."""
    if kind == RADIO:
        with errors.status("opening the modem"), bench(config, place) as modem:
            return modem.look()
    activity = activities()[kind]
    ready = activity.prepare(
        profile=profile, server=config.server_for(place), folder=config.profile_dir
    )
    with errors.status("opening the modem") as line, bench(config, place) as modem:
        return modem.test(activity, ready, lambda now: line.update(_words(kind, now)))


def _words(kind: str, now: Progress) -> str:
    rate = now.bits_per_second
    speed = "" if rate is None else f", {rate / 1e6:.1f} Mbit/s"
    return escape(f"{kind}: {now.stage}, {now.elapsed_s:.0f} s{speed}")


def _show(console: Console, row: AnyMeasurement) -> None:
    because = "" if row.reason is None else f": {escape(row.reason)}"
    colour = "green" if row.outcome in GOOD else "red"
    console.print(f"{row.kind}: [{colour}]{row.outcome}[/{colour}]{because}")
    table = Table(show_header=False)
    for part in ("modem", "sim", "rat_lock", "position", "payload"):
        value = msgspec.to_builtins(getattr(row, part))
        for name, text in _lines("" if part == "payload" else part, value):
            table.add_row(name, escape(text))
    console.print(table)


def _lines(name: str, value: object) -> Iterator[tuple[str, str]]:
    """A record's fields one a line, named by their path."""
    match value:
        case None:
            return
        case dict():
            for key, inner in value.items():
                yield from _lines(f"{name}.{key}".lstrip("."), inner)
        case [dict(), *_] if len(value) <= MANY:
            for index, inner in enumerate(value):
                yield from _lines(f"{name}[{index}]", inner)
        case list() | tuple():
            many = f"{len(value)} of them"
            yield name, many if len(value) > MANY else " ".join(_word(inner) for inner in value)
        case _:
            yield name, _word(value)


def _word(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)


COMMAND = Command("once", "one look at the radio or one test, now", _add_arguments, _run)
