"""`dosong-collector ledger`: made, received, missing, and what was dropped or refused."""

import argparse
from datetime import UTC, datetime, timedelta

from rich.table import Table

from collector.commands import DONE, Command, add_config, add_json, print_json, stdout
from collector.config import load
from collector.store.ledger import Hole, Ledger, LedgerRow

MAX_RANGES = 3
"""Missing ranges that a person is shown, each with its age; all of them are in the JSON."""
COUNTS = {
    "made": "made",
    "received": "received",
    "missing": "missing",
    "rejected": "rejected",
    "dropped at probe": "dropped_at_probe",
    "renumbered": "renumbered",
    "duplicates": "duplicates_dropped",
    "thinned": "thinned_at_probe",
    "refused": "refused_at_probe",
    "conflicts": "conflicts",
}
"""Columns and the fields of `LedgerRow` they show."""


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
        stdout().print(_table(rows, datetime.now(UTC)))
    return DONE


def _table(rows: list[LedgerRow], now: datetime) -> Table:
    table = Table("probe", "epoch", title="ledger")
    for name in COUNTS:
        table.add_column(name, justify="right")
    table.add_column("missing ranges (known for)")
    table.add_column("last received (UTC)")
    for row in rows:
        holes = [_said(hole, now) for hole in row.holes[:MAX_RANGES]]
        more = len(row.holes) - MAX_RANGES
        table.add_row(
            row.probe,
            row.epoch[:8],
            *(str(getattr(row, field)) for field in COUNTS.values()),
            ", ".join([*holes, f"and {more} more"] if more > 0 else holes),
            (row.last_received_utc or "never")[:19],
        )
    return table


def _said(hole: Hole, now: datetime) -> str:
    span = f"{hole.first_seq}-{hole.last_seq}"
    if hole.since_utc is None:
        return span
    age = now - datetime.fromisoformat(hole.since_utc)
    return f"{span} ({timedelta(seconds=round(age.total_seconds()))})"


COMMAND = Command("ledger", "show what was made, received and is missing", _add_arguments, _run)
