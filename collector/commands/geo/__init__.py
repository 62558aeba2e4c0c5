"""`dosong-collector geo`: the library of boundaries, roads, points, population and claims."""

import argparse

from collector.commands import Command
from collector.commands.geo import build_road, import_, list_, show, withdraw


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for action in (import_, list_, show, withdraw, build_road):
        action.add(actions)


def _run(arguments: argparse.Namespace) -> int:
    code: int = arguments.action(arguments)
    return code


COMMAND = Command("geo", "import boundaries, roads, points and the like", _add_arguments, _run)
