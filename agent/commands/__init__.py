"""What `dosong-agent` can be told. A new command is a new module here with a `COMMAND`."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from agent.config import DEFAULT_FILE

DONE, FAILED, IN_USE = 0, 1, 3
"""Exit codes; 2 is argparse's for a wrong command line."""
PIPE = 200
"""Columns."""


class Command(NamedTuple):
    """One sub-command."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Does the work and gives the exit code; may raise `ConfigError`."""


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that names the configuration file."""
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_FILE,
        metavar="FILE",
        help="configuration of the probe (default: %(default)s)",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option for a program that reads the answer."""
    parser.add_argument("--json", action="store_true", help="answer in JSON, for a program")


def add_log_level(parser: argparse.ArgumentParser, default: str) -> None:
    """The option that says how much is told on stderr."""
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default=default,
        help="how much to tell on stderr (default: %(default)s)",
    )


def stdout() -> Console:
    """Where answers go. A pipe is as wide as it takes: nothing is cut off there."""
    console = Console(soft_wrap=True, highlight=False)
    return console if console.is_terminal else Console(soft_wrap=True, highlight=False, width=PIPE)


def log_to_stderr(level: str) -> None:
    """Lines with the priority that journald understands, in front of where they come from."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JournalFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _JournalFormatter(logging.Formatter):
    """`<6>agent.modem_worker: ...` under systemd, with the time and in words elsewhere."""

    def __init__(self) -> None:
        under_systemd = _stderr_is_journal()
        super().__init__(
            "<%(priority)d>%(name)s: %(message)s"
            if under_systemd
            else "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        )

    def format(self, record: logging.LogRecord) -> str:
        priorities = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
        record.priority = priorities.get(record.levelname, 6)
        return super().format(record)


def _stderr_is_journal() -> bool:
    """By JOURNAL_STREAM (systemd.exec(5)): device and inode of the journal's socket."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    try:
        stat = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return stream == f"{stat.st_dev}:{stat.st_ino}"
