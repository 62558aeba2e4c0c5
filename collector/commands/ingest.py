"""`dosong-collector ingest`: one more worker beside the service, for a second core."""

import argparse

from collector.commands import DONE, Command, add_config, add_log_level, log_to_stderr, stdout
from collector.config import load, of_worker
from collector.ingest.link import leave
from collector.main import ingest

FIRST_BESIDE = 2
"""The service itself is worker 1."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_log_level(parser)
    parser.add_argument(
        "--worker",
        type=_number,
        required=True,
        metavar="N",
        help="2, 3, ...: its number, in its client id and the names of its certificate's files",
    )
    parser.add_argument(
        "--leave",
        action="store_true",
        help="only give up its share of the batches, after it was stopped for good",
    )


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < FIRST_BESIDE:
        raise argparse.ArgumentTypeError(f"{text}: 2 or more; `dosong-collector run` is worker 1")
    return int(text)


def _run(arguments: argparse.Namespace) -> int:
    log_to_stderr(arguments.log_level)
    config = of_worker(load(arguments.config), arguments.worker)
    if arguments.leave:
        leave(config.mqtt)
        stdout().print(f"The broker has forgotten {config.mqtt.client_id}.")
        return DONE
    return ingest(config)


COMMAND = Command("ingest", "take in batches beside `run`, as worker N", _add_arguments, _run)
