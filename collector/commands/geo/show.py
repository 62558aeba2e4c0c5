"""`geo show`: every version of one layer, and where it came from."""

import argparse

from collector.commands import DONE, add_config, add_json, print_json, printable, stdout
from collector.commands.geo.arguments import Actions
from collector.commands.geo.told import days_said
from collector.config import load
from collector.geo import configured
from collector.geo.library import Entry


def add(actions: Actions) -> None:
    """The action and its options."""
    parser = actions.add_parser("show", help="every version of a layer, and where it came from")
    parser.add_argument("name", metavar="NAME")
    add_config(parser)
    add_json(parser)
    parser.set_defaults(action=_run)


def _run(arguments: argparse.Namespace) -> int:
    versions = configured.library(load(arguments.config)).versions(arguments.name)
    if arguments.json:
        print_json(versions)
        return DONE
    out = stdout()
    for entry in versions:
        out.print(printable(f"{entry.name} {entry.version}"))
        for key, value in _facts(entry):
            out.print(printable(f"  {key:<9} {value}"))
    return DONE


def _facts(entry: Entry) -> list[tuple[str, str]]:
    said = [
        ("kind", str(entry.kind)),
        ("days", days_said(entry, entry.withdrawn_from)),
        ("features", str(entry.features)),
        ("source", entry.source),
        ("licence", entry.licence),
        ("imported", f"{entry.imported_utc:%Y-%m-%d %H:%M} UTC"),
        ("file", entry.original_file),
        ("sha256", entry.original_sha256),
        ("stored as", entry.sha256),
        *(("note", note) for note in entry.notes),
    ]
    return [(key, value) for key, value in said if value is not None]
