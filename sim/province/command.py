"""A province over a year: what its probes recorded, and what is true behind it.

Everything an installation would have is written to a folder - record files in two deliveries,
`collector.toml`, boundaries, roads, lists - beside `truth.json`, so that every verdict of a
collector can be compared with what was planted.
"""

import argparse
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sim.cli import Command
from sim.province.areas import Areas
from sim.province.province import TRUTH_FILE, Province
from sim.province.scenario import SEED, YEAR, Scale, UnknownScenarioError, scenario


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    parser.add_argument("--months", metavar="M", help=f"2025-06 or {YEAR} (default, full scale)")
    parser.add_argument(
        "--communes", metavar="N", help="how many are looked after, or their codes with commas"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument(
        "--scale",
        type=Scale,
        choices=list(Scale),
        default=Scale.FULL,
        help="small: two districts, one road, two months (default: %(default)s)",
    )


def _run(arguments: argparse.Namespace) -> int:
    areas = Areas()
    try:
        chosen = scenario(
            areas,
            scale=arguments.scale,
            months=arguments.months,
            communes=arguments.communes,
            seed=arguments.seed,
        )
    except UnknownScenarioError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if arguments.out.is_dir() and any(arguments.out.iterdir()):
        sys.stderr.write(f"{arguments.out}: is not empty; name a new folder\n")
        return 2
    started = time.monotonic()
    province = Province(chosen, areas)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("records", total=province.parts)

        def tell(made: int) -> None:
            bar.update(task, advance=1, description=f"{made} records")

        truth = province.write(arguments.out, tell)
    summary = {
        "records": truth.made.records,
        "late": truth.made.late,
        "duplicates": truth.made.duplicates,
        "expected": len(truth.expected),
        "truth": str(arguments.out / TRUTH_FILE),
        "seconds": round(time.monotonic() - started, 1),
    }
    sys.stdout.write(f"{msgspec.json.encode(summary).decode()}\n")
    return 0


COMMAND = Command(
    name="province",
    help="write a province-year of records and what is true behind them",
    add_arguments=_add_arguments,
    run=_run,
)
