"""`dosong-agent run`: what the service starts."""

import argparse

from agent.commands import DONE, FAILED, Command, add_config, add_log_level, log_to_stderr
from agent.config import load
from agent.main import run
from agent.planned import prepare


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_log_level(parser, "info")


def _run(chosen: argparse.Namespace) -> int:
    log_to_stderr(chosen.log_level)
    config = load(chosen.config)
    planned = prepare(config, name=chosen.config.name)
    return DONE if run(config, planned, file=chosen.config) else FAILED


COMMAND = Command("run", "measure until stopped (what the service does)", _add_arguments, _run)
