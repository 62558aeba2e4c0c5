"""`dosong-collector run`: collect until told to stop."""

import argparse
import logging
import sys

from collector.commands import Command, add_config
from collector.config import load
from collector.main import run


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
        help="how much to tell on stderr (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(
        level=arguments.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    return run(load(arguments.config))


COMMAND = Command("run", "collect, acknowledge and serve the page", _add_arguments, _run)
