"""`geo import`: check a file and store it as a layer."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from collector.commands import DONE, FAILED, add_config, add_json, printable
from collector.commands.geo.arguments import Actions, checked, pair
from collector.commands.geo.told import tell_draft
from collector.config import load
from collector.geo.foreign import SUFFIXES, Options
from collector.geo.importing import About, draft, layer_name, name_of, store
from collector.geo.layer import Kind
from collector.geo.typed import clean, day
from collector.targets import operators

LARGE_BYTES = 5 << 20
"""Some 100 000 cells of a grid, which take a quarter of a minute."""


def add(actions: Actions) -> None:
    """The action and its options."""
    parser = actions.add_parser("import", help="check a file and store it as a layer")
    kinds = [kind.value for kind in Kind]
    parser.add_argument("kind", choices=kinds, help="what the file holds")
    parser.add_argument("file", type=Path, metavar="FILE", help=", ".join(SUFFIXES))
    name = checked(layer_name)
    parser.add_argument("--name", type=name, help="of the layer (default: as the file)")
    for option, what in (("--valid-from", "first"), ("--valid-to", "last")):
        parser.add_argument(
            option, type=checked(day), metavar="DATE", help=f"{what} day on which it counts"
        )
    for option, what in (("--source", "who made it"), ("--licence", "how it may be used")):
        parser.add_argument(option, type=checked(clean), metavar="TEXT", help=what)
    for option, metavar, what in (
        ("--map", "OUR_FIELD=THEIR_COLUMN", "take a field from that column or property"),
        ("--set", "FIELD=VALUE", "give every feature this value"),
    ):
        parser.add_argument(
            option,
            nargs="+",
            action="extend",
            default=[],
            type=checked(pair),
            metavar=metavar,
            help=what,
        )
    parser.add_argument("--encoding", help="of a file that is not Unicode, e.g. cp1258")
    parser.add_argument("--dry-run", action="store_true", help="check it, store nothing")
    add_config(parser)
    add_json(parser)
    parser.set_defaults(action=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    kind = Kind(arguments.kind)
    about = About(
        kind=kind,
        name=arguments.name or name_of(arguments.file),
        source=arguments.source,
        licence=arguments.licence,
        valid_from=arguments.valid_from,
        valid_to=arguments.valid_to,
    )
    options = Options(kind, dict(arguments.map), dict(arguments.set), arguments.encoding)
    if not arguments.json and _size(arguments.file) > LARGE_BYTES:
        sys.stderr.write(f"{printable(arguments.file.name)}: is large, this may take minutes\n")
    known = frozenset(one.name for one in operators(config.targets.operators))
    made = draft(config, arguments.file, about, options, known)
    kept = not made.refused and not arguments.dry_run
    entry = store(config, made, datetime.now(UTC)) if kept else None
    tell_draft(made, entry, json=arguments.json)
    return FAILED if made.refused else DONE


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0
