"""`dosong-collector`: one sub-command for each module of `collector.commands`."""

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence

from collector import commands
from collector.checker import UnknownTargetError
from collector.commands import FAILED, Command
from collector.commands.verdicts import UnknownNameError
from collector.config import ConfigError
from collector.evidence.book import VerdictBookError
from collector.evidence.files import EvidenceError
from collector.geo.centre_line import CentreLineError
from collector.geo.geojson import GeographyError
from collector.geo.library import LibraryError
from collector.imports.errors import ImportsError
from collector.ingest.link import LinkError
from collector.needs.errors import NeedsError
from collector.spectrum.errors import SpectrumError
from collector.store.engine import EngineError
from collector.store.lake import LakeError
from collector.store.ledger import LedgerError
from collector.targets.errors import TargetError
from collector.targets.periods import UnknownPeriodError
from wire.signature import UnusableKeyError
from wire.signed_plan import RefusedPlanError

EXPLAINED = (
    CentreLineError,
    ConfigError,
    EngineError,
    EvidenceError,
    GeographyError,
    ImportsError,
    LakeError,
    LedgerError,
    LibraryError,
    LinkError,
    NeedsError,
    RefusedPlanError,
    SpectrumError,
    TargetError,
    UnknownNameError,
    UnknownPeriodError,
    UnknownTargetError,
    UnusableKeyError,
    VerdictBookError,
    OSError,
)
"""Errors whose text says what a person can do; any other is ours and shows where it happened."""

EXIT_CODES = """\
exit codes:
  0  done
  1  failed: what is wrong stands on stderr
  2  wrong command line
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="dosong-collector",
        description="The collector: stores what probes measure and says which targets are met.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in discover():
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
    except EXPLAINED as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED


def discover() -> Iterator[Command]:
    """The `COMMAND` of each module, in the order of their names."""
    for info in pkgutil.iter_modules(commands.__path__):
        command: Command = importlib.import_module(f"{commands.__name__}.{info.name}").COMMAND
        yield command
