"""`dosong-sim`: one sub-command for each part of this package that defines `COMMAND`.

A command named as its module imports nothing else. A module whose library is missing takes only
its own command away; the help then says which library.
"""

import argparse
import importlib
import pkgutil
import sys
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
    words = sys.argv[1:] if arguments is None else list(arguments)
    asked = _module_of(words[0]) if words else None
    found = [asked] if asked is not None else list(discover())
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
    chosen = parser.parse_args(words)
    run: Callable[[argparse.Namespace], int] = chosen.run
    return run(chosen)


def discover() -> Iterator[Command | Missing]:
    """Every command of this package, in the order of the module names."""
    for name in _module_names():
        part = _load(name)
        if part is not None:
            yield part


def _module_of(word: str) -> Command | None:
    """The command whose module has its name: then no other module need be imported."""
    part = _load(word) if word in _module_names() else None
    return part if isinstance(part, Command) and part.name == word else None


def _module_names() -> list[str]:
    return [
        info.name
        for info in pkgutil.iter_modules(sim.__path__)
        if info.name not in {"cli", "__main__"}
    ]


def _load(name: str) -> Command | Missing | None:
    try:
        module = importlib.import_module(f"{sim.__name__}.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in OURS:
            raise
        return Missing(name, error.name)
    command = getattr(module, "COMMAND", None)
    return command if isinstance(command, Command) else None
