"""A province's fleet: a calendar month of tests and recent drives, published as probes do.

The rows take the real MQTT path, one connection and certificate per probe, and count only when
the collector has acknowledged them. What is true behind them is written to a file, so that every
verdict can be compared with it.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sim.cli import Command
from sim.fleet.delivery import Delivery, Tally
from sim.fleet.month import LOCAL, Month, Quality, previous_month
from sim.fleet.passes import pass_records, pass_rows
from sim.fleet.stop import day_records
from sim.fleet.vehicle import SOFTWARE, Vehicle
from sim.world import World, demo_world, load_world
from sim.world.radio import RadioMap
from wire.control import Presence
from wire.messages import AnyMeasurement

PROBES = 24
PASSES = 3
BATCH_ROWS = 500
SEED = 14
ROWS_A_STOP = 3.5
"""Of each modem: a look at the radio, a capacity test, a video session, now and then a check."""


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector should find."""

    month: str
    """`2026-10`."""
    silent_communes: tuple[str, ...]
    gaps: tuple[tuple[str, float, float], ...]
    """Road, first and last chainage of each stretch where nobody is heard."""
    qualities: tuple[Quality, ...]


class Seeded(msgspec.Struct, frozen=True, kw_only=True):
    """What was published."""

    month: str
    rows: int
    probes: int
    seconds: float
    rows_per_second: float
    resent_batches: int
    rejected_rows: int


class Fleet:
    """Probes that test in communes for a month, and one for each road that drives it."""

    def __init__(
        self,
        world: World,
        *,
        now: datetime,
        probes: int = PROBES,
        passes: int = PASSES,
        seed: int = SEED,
    ) -> None:
        """Plan the last whole month before `now`, and a drive on each of the last `passes` days."""
        self._world = world
        self._radio = RadioMap(world)
        self._names = [f"dn-{number:02}" for number in range(1, probes + 1)]
        self._roads = {f"road-{i}": road for i, road in enumerate(world.roads, 1)}
        self._seed = seed
        self.month = Month(
            world,
            self._radio,
            first_day=previous_month(now),
            probes=self._names,
            seed=seed,
        )
        today = now.astimezone(LOCAL).date()
        self._pass_days = [today - timedelta(days=back) for back in range(passes, 0, -1)]

    @property
    def probes(self) -> tuple[str, ...]:
        """Names of all probes: each needs a certificate."""
        return (*self._names, *self._roads)

    @property
    def label(self) -> str:
        """The month, as `2026-10`."""
        return f"{self.month.days[0]:%Y-%m}"

    def truth(self) -> Truth:
        """What the collector should find."""
        return Truth(
            month=self.label,
            silent_communes=tuple(sorted(self.month.silent)),
            gaps=tuple((gap.road, gap.start_m, gap.end_m) for gap in self._world.gaps),
            qualities=self.month.truth(),
        )

    def about_rows(self) -> int:
        """How many rows there will be, to a few percent."""
        tests = sum(ROWS_A_STOP * one.stops + one.stops_5g for one in self.month.truth())
        drives = sum(pass_rows(self._world, road) for road in self._roads.values())
        return round(tests) + drives * len(self._pass_days)

    def publish(self, *, port: int, keys: Path, on_progress: Callable[[int, int], None]) -> Seeded:
        """Publish everything and wait until the collector has it; raises `DeliveryError`.

        Day by day, so that the collector writes few partitions at a time. `on_progress` gets the
        rows made and the rows acknowledged.
        """
        started = time.monotonic()
        vehicles = [Vehicle(name, uuid4(), self._world, self._seed) for name in self.probes]
        with Delivery(port, keys, [(one.name, one.epoch) for one in vehicles]) as delivery:

            def tell() -> None:
                on_progress(delivery.made, delivery.acknowledged)

            for day in sorted({*self.month.days, *self._pass_days}):
                for vehicle in vehicles:
                    for batch in _batches(vehicle.numbered(self._records(vehicle, day))):
                        delivery.send(batch)
                        tell()
            for vehicle in vehicles:
                delivery.announce(_parked(vehicle))
            delivery.drain(tell)
            return self._seeded(delivery.tallies(), time.monotonic() - started)

    def _records(self, vehicle: Vehicle, day: date) -> Iterator[AnyMeasurement]:
        road = self._roads.get(vehicle.name)
        if road is None:
            if day in self.month.days:
                yield from day_records(self.month, vehicle, day)
        elif day in self._pass_days:
            upwards = self._pass_days.index(day) % 2 == 0
            yield from pass_records(self._world, self._radio, vehicle, road, day, upwards=upwards)

    def _seeded(self, tallies: dict[str, Tally], seconds: float) -> Seeded:
        rows = sum(tally.made for tally in tallies.values())
        return Seeded(
            month=self.label,
            rows=rows,
            probes=len(tallies),
            seconds=round(seconds, 1),
            rows_per_second=round(rows / seconds, 1),
            resent_batches=sum(tally.resent_batches for tally in tallies.values()),
            rejected_rows=sum(tally.rejected for tally in tallies.values()),
        )


def _batches(records: Sequence[AnyMeasurement]) -> Iterator[Sequence[AnyMeasurement]]:
    return (records[start : start + BATCH_ROWS] for start in range(0, len(records), BATCH_ROWS))


def _parked(vehicle: Vehicle) -> Presence:
    """The last word of a probe that is switched off."""
    return Presence(
        probe=vehicle.name,
        online=False,
        epoch=vehicle.epoch,
        made=vehicle.made,
        outbox_rows=0,
        software=SOFTWARE,
    )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="of the broker on this machine")
    parser.add_argument(
        "--keys", type=Path, required=True, help="ca.crt and each probe's certificate and key"
    )
    parser.add_argument("--world", type=Path, help="world file; default: the demo's own world")
    parser.add_argument("--probes", type=int, default=PROBES, help="default: %(default)s")
    parser.add_argument(
        "--passes", type=int, default=PASSES, help="drives over each road; default: %(default)s"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--truth", type=Path, help="write what is true behind the rows to a file")
    parser.add_argument(
        "--names", action="store_true", help="print the probes' names, one a line, and end"
    )


def _run(arguments: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    world = load_world(arguments.world) if arguments.world else demo_world(now.timestamp())
    fleet = Fleet(
        world, now=now, probes=arguments.probes, passes=arguments.passes, seed=arguments.seed
    )
    if arguments.names:
        sys.stdout.write("".join(f"{name}\n" for name in fleet.probes))
        return 0
    if arguments.truth:
        arguments.truth.write_bytes(msgspec.json.encode(fleet.truth()))
    with fleet_progress(fleet, Console(stderr=True)) as on_progress:
        seeded = fleet.publish(port=arguments.port, keys=arguments.keys, on_progress=on_progress)
    sys.stdout.write(f"{msgspec.json.encode(seeded).decode()}\n")
    return 0


@contextmanager
def fleet_progress(fleet: Fleet, console: Console) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on the console; gives what `Fleet.publish` wants to call."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        about = fleet.about_rows()
        made = progress.add_task("rows made", total=about)
        stored = progress.add_task("rows stored", total=about)

        def on_progress(rows_made: int, rows_stored: int) -> None:
            progress.update(made, completed=rows_made)
            progress.update(stored, completed=rows_stored)

        yield on_progress


COMMAND = Command(
    name="fleet",
    help="publish a month of many probes through a broker",
    add_arguments=_add_arguments,
    run=_run,
)
