"""`dosong-collector verdicts`: every target, met or not, with its reason."""

import argparse
from datetime import UTC, datetime

from collector.commands import DONE, Command, add_config, add_json, print_json, stdout
from collector.config import load
from collector.targets import judge_all, parse, select
from collector.targets.show import table

LANGUAGES = ("vi", "en")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        "--period",
        metavar="P",
        help="2026-10 or 2026-Q4 (default: the last that is over; roads up to now)",
    )
    parser.add_argument("--target", metavar="ID", help="only this target, e.g. T1")
    parser.add_argument(
        "--level", choices=["commune", "district", "province", "road"], help="and the headlines"
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of the table (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    found = judge_all(
        load(arguments.config),
        now=datetime.now(UTC),
        period=None if arguments.period is None else parse(arguments.period),
        target=arguments.target,
    )
    verdicts = select(found, level=arguments.level)
    if arguments.json:
        print_json(verdicts)
    else:
        stdout().print(table(verdicts, lang=arguments.language))
    return DONE


COMMAND = Command("verdicts", "judge the targets and say why", _add_arguments, _run)
