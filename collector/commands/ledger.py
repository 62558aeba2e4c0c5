"""`dosong-collector ledger`: made, received, missing, and what was dropped or refused."""

import argparse

from rich.table import Table

from collector.commands import DONE, Command, add_config, add_json, print_json, stdout
from collector.config import load
from collector.store.ledger import Ledger, LedgerRow

MAX_RANGES = 3
"""Missing ranges that a person is shown; all of them are in the JSON."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument("--probe", metavar="NAME", help="only this probe")


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    with Ledger(config.store.ledger, read_only=True) as ledger:
        rows = ledger.ledger(arguments.probe)
    if arguments.json:
        print_json(rows)
    else:
        stdout().print(_table(rows))
    return DONE


def _table(rows: list[LedgerRow]) -> Table:
    table = Table("probe", "epoch", title="ledger")
    for name in ("made", "received", "missing", "rejected", "dropped at probe", "duplicates"):
        table.add_column(name, justify="right")
    table.add_column("missing ranges")
    table.add_column("last received")
    for row in rows:
        numbers = (
            row.made,
            row.received,
            row.missing,
            row.rejected,
            row.dropped_at_probe,
            row.duplicates_dropped,
        )
        ranges = [f"{first}-{last}" for first, last in row.missing_ranges[:MAX_RANGES]]
        more = len(row.missing_ranges) - MAX_RANGES
        table.add_row(
            row.probe,
            row.epoch[:8],
            *map(str, numbers),
            " ".join([*ranges, f"and {more} more"] if more > 0 else ranges),
            (row.last_received_utc or "never")[:19],
        )
    return table


COMMAND = Command("ledger", "show what was made, received and is missing", _add_arguments, _run)
