"""`geo list`: what there is, the files of the configuration included."""

import argparse

import msgspec
from rich.table import Table

from collector.commands import DONE, add_config, add_json, print_json, printable, stdout
from collector.commands.geo.arguments import Actions
from collector.commands.geo.told import days_said
from collector.config import load
from collector.geo import configured
from collector.geo.layer import Kind

_SHORT_HASH = 12


def add(actions: Actions) -> None:
    """The action and its options."""
    parser = actions.add_parser("list", help="all layers, files in place included")
    add_config(parser)
    add_json(parser)
    parser.set_defaults(action=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    files = [layer for kind in Kind for layer in configured.files_in_place(config, kind)]
    entries = configured.library(config).entries()
    if arguments.json:
        told = [msgspec.structs.asdict(one) | {"file": str(one.file)} for one in files]
        print_json({"files": told, "library": entries})
        return DONE
    table = Table()
    for heading in ("Layer", "Kind", "Features", "Days", "Source", "Licence", "sha256"):
        table.add_column(heading)
    for layer in files:
        place = f"{layer.file.name}, in place"
        short = layer.sha256[:_SHORT_HASH]
        table.add_row(
            printable(layer.title), layer.kind, "", days_said(layer), printable(place), "", short
        )
    for entry in entries:
        table.add_row(
            printable(f"{entry.name} {entry.version}"),
            entry.kind,
            str(entry.features),
            days_said(entry, entry.withdrawn_from),
            printable(entry.source or entry.original_file or ""),
            printable(entry.licence or ""),
            entry.sha256[:_SHORT_HASH],
        )
    stdout().print(table)
    return DONE
