"""`dosong-collector verdicts`: every target, met or not, with its reason."""

import argparse
from datetime import UTC, datetime

from rich.markup import escape
from rich.table import Table

from collector.commands import DONE, Command, add_config, add_json, print_json, stdout
from collector.config import load
from collector.store.engine import connect
from collector.targets import target as target_files
from collector.targets.ground import ground
from collector.targets.judging import judge, select
from collector.targets.periods import parse
from collector.targets.verdict import Verdict

LANGUAGES = ("vi", "en")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument("--period", metavar="P", help="2026-10 or 2026-Q4 (default: now)")
    parser.add_argument("--target", metavar="ID", help="only this target, e.g. T1")
    parser.add_argument(
        "--level", choices=["commune", "district", "province", "road"], help="and the headlines"
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of the reasons (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    now = datetime.now(UTC)
    period = None if arguments.period is None else parse(arguments.period)
    targets = target_files.load(config.targets.folder)
    if arguments.target is not None:
        targets = tuple(one for one in targets if one.id == arguments.target)
    area = ground(config, now if period is None else period.start_utc)
    with connect(config.store.engine, config.store.lake) as tables:
        found = judge(tables, targets, ground=area, now=now, period=period)
    verdicts = select(found, target=arguments.target, level=arguments.level)
    if arguments.json:
        print_json(verdicts)
    else:
        stdout().print(_table(verdicts, arguments.language))
    return DONE


def _table(verdicts: list[Verdict], language: str) -> Table:
    table = Table("target", "where", "operator", "verdict", title="verdicts")
    for name in ("n", "estimate", "lower", "upper", "threshold"):
        table.add_column(name, justify="right")
    table.add_column("reason")
    for one in verdicts:
        figures = (one.estimate, one.lower, one.upper, one.threshold)
        table.add_row(
            one.target,
            escape(f"{one.level} {one.name}"),
            one.operator,
            one.verdict.value,
            str(one.n),
            *("-" if figure is None else f"{figure:.4g}" for figure in figures),
            escape(getattr(one.reason, language)),
        )
    return table


COMMAND = Command("verdicts", "judge the targets and say why", _add_arguments, _run)
