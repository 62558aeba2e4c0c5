"""`dosong-collector check-config`: tell what is wrong before the service does."""

import argparse

from collector.commands import DONE, Command, add_config, add_json, print_json, stdout
from collector.config import load
from collector.geo import configured


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    areas = len(configured.boundaries(config).areas)
    roads = len(configured.roads(config).lengths_m)
    if arguments.json:
        print_json({"ok": True, "areas": areas, "roads": roads})
    else:
        stdout().print(f"{arguments.config}: fine; {areas} areas, {roads} roads")
    return DONE


COMMAND = Command("check-config", "check the configuration and its maps", _add_arguments, _run)
