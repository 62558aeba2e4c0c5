"""`dosong-collector check-config`: tell what is wrong before the service does."""

import argparse

from collector import targets
from collector.commands import DONE, Command, add_config, add_json, print_json, printable, stdout
from collector.config import load
from collector.geo import configured
from collector.store.engine import check


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    check(config.store.engine)
    counts = {
        "areas": len(configured.boundaries(config).areas),
        "roads": len(configured.roads(config).lengths_m),
        "targets": len(targets.load(config.targets.folder)),
        "operators": len(targets.operators(config.targets.operators)),
    }
    if arguments.json:
        print_json({"ok": True, **counts})
    else:
        found = ", ".join(f"{count} {name}" for name, count in counts.items())
        stdout().print(printable(f"{arguments.config}: fine; {found}"))
    return DONE


COMMAND = Command(
    "check-config", "check the configuration, its maps and its targets", _add_arguments, _run
)
