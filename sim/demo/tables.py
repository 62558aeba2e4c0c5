"""What a person sees at the end of the demo: the ledger and the verdicts."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.table import Table

from sim.demo.summary import Account

LEDGER_COLUMNS = ("probe", "made", "received", "missing", "duplicates_dropped")
SHOWN_LEVELS = {"headline", "province", "road"}
COLOURS = {"PASS": "green", "FAIL": "red", "NOT_PROVEN": "yellow"}


def ledger_table(account: Account) -> Table:
    """Made, received and missing, per probe."""
    rows = [*account.per_probe, msgspec.structs.asdict(account) | {"probe": "all"}]
    table = Table(title="Ledger")
    for heading in ("probe", "made", "received", "missing", "duplicates dropped"):
        table.add_column(heading, justify="left" if heading == "probe" else "right")
    for row in rows:
        table.add_row(*(str(row[name]) for name in LEDGER_COLUMNS))
    return table


def verdict_table(verdicts: Sequence[Mapping[str, Any]]) -> Table:
    """The verdicts a person looks at first: headlines, roads and the province."""
    table = Table("target", "where", "operator", "verdict", "estimate", "limits", "n", "reason")
    table.title = "Verdicts"
    for one in verdicts:
        if one["level"] in SHOWN_LEVELS:
            colour = COLOURS.get(one["verdict"], "dim")
            table.add_row(
                one["target"],
                one["name"],
                one["operator"],
                f"[{colour}]{one['verdict']}[/{colour}]",
                _figure(one["estimate"]),
                f"{_figure(one['lower'])} .. {_figure(one['upper'])}",
                str(one["n"]),
                one["reason"]["en"],
            )
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
