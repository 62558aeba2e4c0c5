"""`geo withdraw`: have a layer no longer count from a day on."""

import argparse

from collector.commands import DONE, add_config, add_json, print_json, printable, stdout
from collector.commands.geo.arguments import Actions, checked
from collector.config import load
from collector.geo import configured
from collector.geo.typed import day


def add(actions: Actions) -> None:
    """The action and its options."""
    parser = actions.add_parser("withdraw", help="have a layer no longer count from a day on")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument(
        "--from",
        dest="first_day",
        type=checked(day),
        required=True,
        metavar="DATE",
        help="first day on which it does not count",
    )
    add_config(parser)
    add_json(parser)
    parser.set_defaults(action=_run)


def _run(arguments: argparse.Namespace) -> int:
    library = configured.library(load(arguments.config))
    versions = library.withdraw(arguments.name, arguments.first_day)
    if arguments.json:
        print_json(versions)
    else:
        first = versions[-1].withdrawn_from
        stdout().print(printable(f"{arguments.name}: does not count from {first} on; it is kept"))
    return DONE
