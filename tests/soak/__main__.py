"""`make soak`: two hours, or as long as ARGS="--for 300" says; prints what became of the probes."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sim.parts import PartError
from tests.soak.soak import Judged, Options, Result, rows_a_second, soak

FOR_S = 7200.0
SPEED = 50.0


def main() -> int:
    """Run the command; 1 where a limit is not kept."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--for", dest="for_s", type=float, default=FOR_S, metavar="S")
    parser.add_argument("--speed", type=float, default=SPEED, help="how fast the days pass")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1 << 31))
    chosen = parser.parse_args()
    console = Console(highlight=False)
    options = Options(for_s=chosen.for_s, speed=chosen.speed, seed=chosen.seed)
    console.print(
        f"seed {options.seed}, {options.for_s:.0f} s, {rows_a_second(options.speed):.0f} rows/s"
    )
    with tempfile.TemporaryDirectory(prefix="dosong-soak-") as folder:
        try:
            result = soak(options, Path(folder), console.print)
        except PartError as error:
            console.print(str(error), style="red", markup=False)
            return 1
    show(console, result)
    return int(any(judged.faults for judged in result.probes.values()))


def show(console: Console, result: Result) -> None:
    """The table, and what is wrong."""
    console.print(f"seed {result.seed}: {result.happened}")
    table = Table("", *result.probes)
    for label, of in ROWS.items():
        table.add_row(label, *(of(judged) for judged in result.probes.values()))
    console.print(table)
    for name, judged in result.probes.items():
        for fault in judged.faults:
            console.print(f"{name}: {fault}", style="bold red")


ROWS = {
    "simulated days": lambda each: f"{each.simulated_days:.2f}",
    "RSS at most, MB": lambda each: f"{each.course.max_rss_mb:.1f}",
    "RSS grew, MB (limit)": lambda each: (
        f"{each.course.growth_mb:.2f} ({each.growth_limit_mb:.1f})"
    ),
    "RSS slope, MB a simulated day": lambda each: f"{_slope(each):.2f}",
    "threads, begin and end": lambda each: "{} {}".format(*each.course.threads),
    "descriptors, begin and end": lambda each: "{} {}".format(*each.course.descriptors),
    "rows made": lambda each: f"{each.made}",
    "rows received": lambda each: f"{each.received}",
    "rows missing": lambda each: f"{each.missing}",
    "rows twice": lambda each: f"{each.duplicates}",
}


def _slope(each: Judged) -> float:
    days = each.simulated_days
    return each.course.growth_mb / days if days else 0.0


if __name__ == "__main__":
    sys.exit(main())
