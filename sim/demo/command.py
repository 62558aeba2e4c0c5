"""The demo: a province's month, a live drive through trouble, and what the collector makes of it.

One command starts a whole installation on this machine, publishes a month of a fleet, drives one
probe with three modems over a road with a planted gap, takes its uplink away for a minute, kills
the broker, and then asks the collector for its ledger and its verdicts. It ends with 0 only if
nothing is missing, nothing is there twice, the gap was found and every target has its verdicts.
"""

import argparse
import logging
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

import msgspec
from rich.console import Console

from sim.certificates import DASHBOARD
from sim.cli import Command
from sim.demo.drive import RATES_MBIT_S, drive
from sim.demo.installation import Centre
from sim.demo.summary import Summary, summarise
from sim.demo.tables import ledger_table, verdict_table
from sim.demo.timetable import TooShortError, fitted, timetable
from sim.demo.view import LiveView, PlainView, View
from sim.fleet.command import Fleet, Seeded, fleet_progress
from sim.fleet.delivery import DeliveryError
from sim.network import NetworkError, OperatorLink, OperatorNetworks
from sim.parts import PartError
from sim.world import World, demo_world

SEED_ROWS = 146_000
"""Of a whole fleet."""
PASS_ROWS = 30_000
PROBE_ROWS = 2_330
MOST_PROBES = 24
MOST_PASSES = 3
FAILED = 1
WRONG = 2
INTERRUPTED = 130


class Options(NamedTuple):
    """What the command line asks for."""

    for_s: float | None = None
    """None: the usual drive, and then the page stays up until interrupted."""
    speed_m_s: float | None = None
    seed_rows: int = SEED_ROWS
    json: bool = False
    page: bool = True
    """Whether the page stays up where `for_s` is None."""
    keep: Path | None = None


@contextmanager
def demo(options: Options, folder: Path, console: Console) -> Iterator[Summary]:
    """Everything below `folder`; inside the context the collector and its page stay up.

    `console` is for a person. Raises `PartError`, `NetworkError`, `DeliveryError` or
    `TooShortError`.
    """
    started = time.monotonic()
    world = demo_world(time.time())
    table = timetable(world, options.for_s, options.speed_m_s)
    if table.shortened:
        console.print(f"the drive is short: an outage of {table.outage_s:.0f} s only")
    fleet = _fleet(world, options.seed_rows)
    centre = Centre(folder / "centre", world)
    for name in (DASHBOARD, *(fleet.probes if fleet else ())):
        centre.authority.client(name)
    with ExitStack() as stack:
        stack.enter_context(centre)
        console.print(f"the collector's page: {centre.url}")
        seeded = None if fleet is None else _seed(fleet, centre, folder, console)
        with ExitStack() as while_driving:
            links = [OperatorLink(name, *rates) for name, rates in RATES_MBIT_S.items()]
            networks = while_driving.enter_context(OperatorNetworks(links))
            if networks.note is not None:
                console.print(f"NOTE: {networks.note}", style="bold yellow")
            driven = drive(
                folder / "probe",
                centre=centre,
                networks=networks,
                world=world,
                table=table,
                view=_view(console, fitted(world, table, world.t0_unix_s)),
            )
        yield summarise(
            centre,
            world=world,
            driven=driven,
            seeded=seeded,
            started_mono_s=started,
        )


def _fleet(world: World, rows: int) -> Fleet | None:
    """A fleet that publishes about so many rows: first its drives are left out, then probes."""
    if rows <= 0:
        return None
    passes = min(MOST_PASSES, rows // (PASS_ROWS + PROBE_ROWS))
    probes = min(MOST_PROBES, max(1, (rows - passes * PASS_ROWS) // PROBE_ROWS))
    return Fleet(world, now=datetime.now(UTC), probes=probes, passes=passes)


def _seed(fleet: Fleet, centre: Centre, folder: Path, console: Console) -> Seeded:
    (folder / "truth.json").write_bytes(msgspec.json.encode(fleet.truth()))
    console.print(f"publishing the month {fleet.label} of {len(fleet.probes)} probes")
    with fleet_progress(fleet, console) as on_progress:
        seeded = fleet.publish(
            port=centre.broker.port,
            keys=centre.authority.certificate.parent,
            on_progress=on_progress,
        )
    console.print(f"{seeded.rows} rows stored, {seeded.rows_per_second:.0f} a second")
    return seeded


def _view(console: Console, world: World) -> View:
    return LiveView(console, world) if console.is_terminal else PlainView(console)


def _show(summary: Summary, console: Console) -> None:
    """The end of the demo for a person."""
    console.print(ledger_table(summary.ledger))
    console.print(verdict_table(summary.verdicts))
    if summary.gap is not None:
        gap = summary.gap
        console.print(
            f"planted gap on {gap.road}: {gap.planted_from_m:.0f}-{gap.planted_to_m:.0f} m, "
            f"found {gap.found_from_m:.0f}-{gap.found_to_m:.0f} m"
        )
    for problem in summary.problems:
        console.print(problem, style="bold red")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for",
        dest="for_s",
        type=float,
        metavar="S",
        help="end by itself, the live part after about so many seconds; without it the page "
        "stays up until Ctrl-C",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON summary on standard output"
    )
    parser.add_argument(
        "--seed-rows",
        type=int,
        default=SEED_ROWS,
        help="about how many rows of a fleet's month to publish first; 0 for none "
        "(default %(default)s)",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep everything below a folder")
    parser.add_argument(
        "--no-web", action="store_true", help="do not keep the page up after the drive"
    )
    parser.add_argument(
        "--speed", type=float, metavar="M_S", help="of the vehicle, in metres a second"
    )


def _run(arguments: argparse.Namespace) -> int:
    options = Options(
        for_s=arguments.for_s,
        speed_m_s=arguments.speed,
        seed_rows=arguments.seed_rows,
        json=arguments.json,
        page=not arguments.no_web and arguments.for_s is None,
        keep=arguments.keep,
    )
    console = Console(stderr=True, highlight=False)
    logging.basicConfig(level=logging.ERROR)  # what a person should know is said on the console
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with _folder(options.keep) as folder, demo(options, folder, console) as summary:
            if options.json:
                sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
                sys.stdout.flush()
            else:
                _show(summary, console)
            if options.page:
                console.print(f"the page stays up at {summary.url} - Ctrl-C ends")
                threading.Event().wait()
            return FAILED if summary.problems else 0
    except TooShortError as error:
        console.print(str(error), style="red")
        return WRONG
    except (PartError, NetworkError, DeliveryError) as error:
        console.print(str(error), style="red", markup=False)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """A request to end, or a closed terminal, is as Ctrl-C: everything is taken down."""
    raise KeyboardInterrupt


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder to run in: a given one that stays, or one that goes away."""
    if keep is not None:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield keep.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="dosong-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


COMMAND = Command(
    name="demo",
    help="a whole installation with a live drive, its faults, ledger and verdicts",
    add_arguments=_add_arguments,
    run=_run,
)
