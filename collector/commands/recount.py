"""`dosong-collector recount`: count the lake itself, without believing the ledger."""

import argparse
from functools import reduce
from typing import Any

import msgspec
from rich.table import Table

from collector.commands import DONE, FAILED, Command, add_config, add_json, print_json, stdout
from collector.config import load
from collector.store.engine import Tables, connect
from collector.store.ledger import Ledger
from wire.kinds import kinds


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of one probe as it lies in the lake."""

    probe: str
    epoch: str
    rows: int
    keys: int
    """Different numbers among the rows."""
    received: int
    """What the ledger says of it."""


class Recount(msgspec.Struct, frozen=True, kw_only=True):
    """The whole lake, counted."""

    rows: int
    duplicates_visible: int
    """Rows whose key another row has too: what a query would count twice."""
    differing: int
    """Epochs of which ledger and lake say different things."""
    epochs: tuple[Count, ...]


def recount(tables: Tables, ledger: Ledger) -> Recount:
    """Count the rows and keys of every kind together, and compare them with the ledger."""
    received = {(row.probe, row.epoch): row.received for row in ledger.ledger()}
    keys = [tables[kind].select("probe", "epoch", "seq") for kind in kinds()]
    every = reduce(lambda left, right: left.union(right), keys)
    counted = every.group_by("probe", "epoch").aggregate(
        rows=every.count(), keys=every.seq.nunique()
    )
    found = {(row["probe"], row["epoch"]): row for row in tables.read(counted).to_pylist()}
    epochs = tuple(
        _count(key, found.get(key, {"rows": 0, "keys": 0}), received.get(key, 0))
        for key in sorted({*found, *received})
    )
    return Recount(
        rows=sum(one.rows for one in epochs),
        duplicates_visible=sum(one.rows - one.keys for one in epochs),
        differing=sum(one.keys != one.received for one in epochs),
        epochs=epochs,
    )


def _count(key: tuple[str, str], row: dict[str, Any], received: int) -> Count:
    return Count(probe=key[0], epoch=key[1], rows=row["rows"], keys=row["keys"], received=received)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    with (
        Ledger(config.store.ledger, read_only=True) as ledger,
        connect(config.store.engine, config.store.lake) as tables,
    ):
        found = recount(tables, ledger)
    if arguments.json:
        print_json(found)
    else:
        stdout().print(_table(found))
    return FAILED if found.duplicates_visible or found.differing else DONE


def _table(found: Recount) -> Table:
    table = Table("probe", "epoch", title="rows in the lake")
    for name in ("rows", "keys", "ledger"):
        table.add_column(name, justify="right")
    for one in found.epochs:
        table.add_row(one.probe, one.epoch[:8], str(one.rows), str(one.keys), str(one.received))
    return table


COMMAND = Command(
    "recount", "count the stored rows themselves and compare the ledger", _add_arguments, _run
)
