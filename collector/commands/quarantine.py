"""`dosong-collector quarantine`: what was refused, and why."""

import argparse

from rich.table import Table

from collector.commands import DONE, Command, add_config, add_json, print_json, printable, stdout
from collector.config import load
from collector.store.ledger import Ledger
from collector.store.quarantine import QuarantineRow

SHOWN_CHARACTERS = 60


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        "--limit", type=int, default=100, help="how many, newest first (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    with Ledger(config.store.ledger, read_only=True) as ledger:
        rows = ledger.quarantine(limit=arguments.limit)
        given_up = ledger.quarantine_given_up()
    if arguments.json:
        print_json({"rows": rows, "given_up": given_up})
    else:
        stdout().print(_table(rows))
        stdout().print(f"{given_up} older ones were given up")
    return DONE


def _table(rows: list[QuarantineRow]) -> Table:
    table = Table("last", "times", "from", "reason", "bytes", title="quarantine")
    for row in rows:
        content = row.content[:SHOWN_CHARACTERS].decode(errors="backslashreplace")
        table.add_row(
            row.last_utc[:19],
            str(row.times),
            printable(row.topic),
            printable(row.reason),
            printable(content),
        )
    return table


COMMAND = Command("quarantine", "show what was refused, and why", _add_arguments, _run)
