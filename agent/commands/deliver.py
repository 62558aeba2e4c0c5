"""`dosong-agent deliver`: empty the outbox without measuring, e.g. before a card leaves the car."""

import argparse

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

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
from agent.config import ConfigError, Problem, load
from agent.delivery import deliver, is_empty
from agent.outbox import OutboxStats, OutboxTakenError
from agent.outbox.file import OutboxFile
from agent.words import LANGUAGES, Words, language_of


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument(
        "--within",
        type=float,
        default=600.0,
        metavar="S",
        help="give up after so many seconds; what is left stays (default: %(default)g)",
    )
    parser.add_argument("--lang", choices=LANGUAGES, help="language (default: that of LANG)")
    add_json(parser)
    add_log_level(parser, "warning")


def _run(chosen: argparse.Namespace) -> int:
    log_to_stderr(chosen.log_level)
    words = Words(chosen.lang or language_of())
    config = load(chosen.config)
    if config.uplink is None:
        what = "is needed to deliver anything"
        raise ConfigError((Problem(chosen.config.name, "uplink", what),))
    tell = Console(stderr=True, highlight=False)
    outbox = config.state_dir / "outbox.db"
    if not outbox.exists():
        tell.out(words("deliver.nothing", outbox=outbox))
        return FAILED
    try:
        OutboxFile(outbox).close()
    except OutboxTakenError as error:
        tell.out(words("deliver.in_use", reason=error))
        return IN_USE
    with Progress(TextColumn("{task.description}"), BarColumn(), console=tell) as progress:
        bar = progress.add_task("", total=None)

        def show(now: OutboxStats) -> None:
            if now.rows is not None:
                total = progress.tasks[bar].total or now.rows
                progress.update(
                    bar,
                    total=total,
                    completed=total - now.rows,
                    description=words("deliver.bar", rows=now.rows),
                )

        left = deliver(config, config.uplink, timeout_s=chosen.within, on_progress=show)
    done = is_empty(left)
    if chosen.json:
        answer = {"delivered": done, "epoch": left.epoch, "made": left.made, "left": left.rows}
        stdout().out(msgspec.json.encode(answer).decode())
    elif done:
        stdout().print(words("deliver.done", made=left.made, epoch=left.epoch))
    else:
        stdout().print(words("deliver.left", rows=left.rows))
    return DONE if done else FAILED


COMMAND = Command("deliver", "empty the outbox without measuring", _add_arguments, _run)
