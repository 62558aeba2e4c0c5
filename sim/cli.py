"""`dosong-sim`: one sub-command for each module of this package that defines `COMMAND`.

Modules are imported only when their command might run, and one whose library is missing takes
only its own command away; the message then says which library.
"""

import argparse
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import sim

OURS = frozenset({"sim", "wire"})
"""A module missing from these is a fault of ours, not of the installation."""


class Command(NamedTuple):
    """What a module offers on the command line."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    """Does the work and gives the exit code."""


class Missing(NamedTuple):
    """A module that could not be imported, and the library it lacks."""

    module: str
    library: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; gives its exit code (2 for a wrong command line)."""
    found = list(discover())
    parser = argparse.ArgumentParser(
        prog="dosong-sim",
        description="The other end of every wire: modems, GNSS, servers, fleets and the demo.",
        epilog="\n".join(
            f"{part.module}: not available, Python package {part.library!r} is missing"
            for part in found
            if isinstance(part, Missing)
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in found:
        if isinstance(command, Command):
            sub = commands.add_parser(command.name, help=command.help, description=command.help)
            command.add_arguments(sub)
            sub.set_defaults(run=command.run)
    chosen = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    return run(chosen)


def discover() -> Iterator[Command | Missing]:
    """Every command of this package, in the order of the module names."""
    for info in pkgutil.iter_modules(sim.__path__):
        name = f"{sim.__name__}.{info.name}"
        if info.ispkg or info.name in {"cli", "__main__"}:
            continue
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] in OURS:
                raise
            yield Missing(info.name, error.name)
            continue
        command = getattr(module, "COMMAND", None)
        if isinstance(command, Command):
            yield command
