"""`dosong-collector check-config`: tell what is wrong before the service does."""

import argparse
import sys

from collector import targets
from collector.commands import DONE, Command, add_config, add_json, print_json, printable, stdout
from collector.config import load
from collector.geo import configured
from collector.geo.checks.checked import shortened
from collector.geo.checks.roads import courses
from collector.spectrum import facts
from collector.store.engine import check


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    check(config.store.engine)
    area_sets, roads = configured.area_sets(config), configured.roads(config)
    warnings = shortened(courses(roads.lines, area_sets))
    counts = {
        "areas": sum(len(one.areas) for one in area_sets.sets),
        "roads": len(roads.lengths_m),
        "exceptions": len(configured.exceptions(config).stretches),
        "points": len(configured.points(config).points),
        "populations": configured.population(config).count,
        "declared": len(configured.declared(config).coverage),
        "sites": len(configured.sites(config).sites),
        "targets": len(targets.load(config.targets.folder)),
        "operators": len(targets.operators(config.targets.operators)),
        "channels": len(facts.load(config.spectrum.folder).plan.channels),
    }
    if arguments.json:
        print_json({"ok": True, **counts, "warnings": [one.problem for one in warnings]})
    else:
        for one in warnings:
            sys.stderr.write(f"{printable(f'warning: {one}')}\n")
        found = ", ".join(f"{count} {name}" for name, count in counts.items())
        stdout().print(printable(f"{arguments.config}: fine; {found}"))
    return DONE


COMMAND = Command(
    "check-config", "check the configuration, its maps and its targets", _add_arguments, _run
)
