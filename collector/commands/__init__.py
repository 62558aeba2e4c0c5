"""What `dosong-collector` can be told. A new command is a new module here with a `COMMAND`."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

DONE, FAILED = 0, 1
"""Exit codes; 2 is argparse's for a wrong command line."""
DEFAULT_FILE = Path("/etc/dosong/collector.toml")
PIPE_COLUMNS = 200


class Command(NamedTuple):
    """One sub-command."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Does the work and gives the exit code; may raise what `collector.cli` explains."""


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that names the configuration file."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_FILE,
        metavar="FILE",
        help="configuration of the collector (default: %(default)s)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option for a program that reads the answer."""
    parser.add_argument("--json", action="store_true", help="answer in JSON, for a program")


def add_log_level(parser: argparse.ArgumentParser) -> None:
    """The option of a command that runs as a service."""
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
        help="how much to tell on stderr (default: %(default)s)",
    )


def log_to_stderr(level: str) -> None:
    """Where a service tells what happens."""
    logging.basicConfig(
        level=level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )


def print_json(answer: Any) -> None:
    """One JSON value on standard output."""
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def printable(text: str) -> Text:
    """Foreign text for the terminal: no markup, and no character that would steer it."""
    return Text("".join(one if one.isprintable() else ascii(one)[1:-1] for one in text))


def stdout() -> Console:
    """Where answers for a person go; nothing is cut off in a pipe."""
    console = Console(soft_wrap=True, highlight=False)
    if console.is_terminal:
        return console
    return Console(soft_wrap=True, highlight=False, width=PIPE_COLUMNS)


@contextmanager
def reading() -> Iterator[Any]:
    """Bars on stderr for what is read for the first time."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        tasks: dict[str, Any] = {}

        def on_progress(name: str, done: int, of: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"reading {name}", total=of)
            bar.update(tasks[name], completed=done, total=of)

        yield on_progress
