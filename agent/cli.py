"""`dosong-agent`: one sub-command for each module of `agent.commands`."""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence

from agent import commands
from agent.commands import FAILED, Command
from agent.config import ConfigError

EXIT_CODES = """\
exit codes:
  0  done
  1  failed: what is wrong stands on stderr (check-config: on stdout)
  2  wrong command line
  3  the modem or the outbox is in use: stop the service first
  130  `once` was interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="dosong-agent",
        description="The probe: measures mobile networks and delivers what it measured.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in discover(arguments[0] if arguments else None):
        sub = subparsers.add_parser(
            command.name,
            help=command.help,
            description=command.help,
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.set_defaults(command=command)
    chosen = parser.parse_args(arguments)
    command_: Command = chosen.command
    try:
        return command_.run(chosen)
    except ConfigError as error:
        print(error, file=sys.stderr)
        print("`dosong-agent check-config` tells when it is right.", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED


def discover(wanted: str | None = None) -> Iterator[Command]:
    """The `COMMAND` of each module, in the order of their names; only the `wanted` one if it is.

    The service pays for its own modules alone: all commands take 3 MB more.
    """
    found = [info.name for info in pkgutil.iter_modules(commands.__path__)]
    names = [name for name in found if not name.startswith("_")]
    if wanted is not None and wanted.replace("-", "_") in names:
        names = [wanted.replace("-", "_")]
    for name in names:
        command: Command = importlib.import_module(f"{commands.__name__}.{name}").COMMAND
        yield command


if __name__ == "__main__":
    sys.exit(main())
