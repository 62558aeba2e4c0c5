"""`dosong-collector run`: collect until told to stop."""

import argparse

from collector.commands import Command, add_config, add_log_level, log_to_stderr
from collector.config import load
from collector.main import run


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_log_level(parser)


def _run(arguments: argparse.Namespace) -> int:
    log_to_stderr(arguments.log_level)
    return run(load(arguments.config))


COMMAND = Command("run", "collect, acknowledge and serve the page", _add_arguments, _run)
