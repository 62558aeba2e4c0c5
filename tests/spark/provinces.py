"""A lake as a province fills it, and as a broken probe does."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from uuid import UUID, uuid5

import msgspec

from collector.config import Config, load
from collector.geo import configured
from collector.geo.locate import Locator
from collector.store import columns
from collector.store.lake import Lake
from sim.fleet.month import LOCAL, Month, previous_month
from sim.fleet.passes import pass_records
from sim.fleet.stop import day_records
from sim.fleet.vehicle import Vehicle
from sim.world import World, demo_world
from sim.world.places import COMMUNES_FILE, ROADS_FILE, geo_dir
from sim.world.radio import RadioMap
from tests.unit.collector.records import event_record, radio_record
from wire.messages import AnyMeasurement

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
_SEED = 14
_NAMESPACE = UUID("6d2f1c2e-1f6c-4a53-8f53-3f4f9c0a7e11")


def configuration(
    folder: Path, *, engine: str, lake: Path | None = None, targets: Path | None = None
) -> Config:
    """The demo's province with the store in `folder`, or with the lake of another folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if lake is not None:
        (folder / "lake").symlink_to(lake)
    file = folder / "collector.toml"
    file.write_text(
        f"""
        [store]
        folder = "{folder}"
        engine = "{engine}"
        [geo]
        boundaries = ["{geo_dir() / COMMUNES_FILE}"]
        roads = ["{geo_dir() / ROADS_FILE}"]
        [targets]
        {f'folder = "{targets}"' if targets else ""}
        """,
        encoding="utf-8",
    )
    return load(file)


def fill(config: Config, *, probes: int, days: int, passes: int) -> int:
    """Store the first `days` of last month and the latest drives over each road; rows in all."""
    world = demo_world(NOW.timestamp())
    radio = RadioMap(world)
    names = [f"dn-{number:02}" for number in range(1, probes + 1)]
    month = Month(world, radio, first_day=previous_month(NOW), probes=names, seed=_SEED)
    locator = Locator(configured.boundaries(config), configured.roads(config))
    lake = Lake(config.store.lake)
    rows = 0
    testers = [_vehicle(name, world) for name in names]
    for day in month.days[:days]:
        records = [
            record for one in testers for record in one.numbered(day_records(month, one, day))
        ]
        rows += _store(lake, locator, records)
    drivers = [_vehicle(f"road-{number}", world) for number in range(1, len(world.roads) + 1)]
    for back in range(passes, 0, -1):
        day = NOW.astimezone(LOCAL).date() - timedelta(days=back)
        for driver, road in zip(drivers, world.roads, strict=True):
            drive = pass_records(world, radio, driver, road, day, upwards=back % 2 == 0)
            rows += _store(lake, locator, _spoiled(driver.numbered(drive), day))
    return rows + _store(lake, locator, [*_broken_probe()])


def _vehicle(name: str, world: World) -> Vehicle:
    return Vehicle(name, uuid5(_NAMESPACE, name), world, _SEED)


def _store(lake: Lake, locator: Locator, records: Sequence[AnyMeasurement]) -> int:
    by_kind: Mapping[str, list[AnyMeasurement]] = {
        kind: list(some)
        for kind, some in groupby(sorted(records, key=lambda one: one.kind), lambda one: one.kind)
    }
    return sum(
        lake.merge(kind, locator.locate(columns.flatten(kind, some, NOW)))
        for kind, some in by_kind.items()
    )


def _spoiled(records: Sequence[AnyMeasurement], day: date) -> Iterator[AnyMeasurement]:
    """Some rows do not know their time yet, and some are wrong by more than they say."""
    for record in records:
        if record.kind != "radio":
            yield record
        elif record.seq % 97 == 0:
            yield msgspec.structs.replace(record, utc=None, utc_err_s=None)
        elif record.seq % 89 == 0 and record.utc is not None:
            yield msgspec.structs.replace(record, utc=record.utc + timedelta(hours=1 + day.day % 3))
        else:
            yield record


def _broken_probe() -> Iterator[AnyMeasurement]:
    """Clocks that cannot be, errors beyond measure, text of all kinds."""
    at = NOW - timedelta(days=2)
    yield event_record(1, "clock_anchor", utc=at, mono_ns=5 * 10**9, utc_err_s=0.5)
    yield event_record(2, "clock_anchor", utc=at + timedelta(days=1), mono_ns=5 * 10**9)
    yield event_record(3, "clock_anchor", utc=datetime(9999, 12, 31, tzinfo=UTC))
    yield event_record(4, "clock_anchor", utc=at, mono_ns=(1 << 63) - 1)
    yield radio_record(5, utc=None, mono_ns=-(1 << 63))
    yield radio_record(6, utc=None, mono_ns=(1 << 63) - 1)
    yield radio_record(7, utc=at, utc_err_s=1e300)
    yield radio_record(8, utc=at, utc_err_s=-1e300)
    yield radio_record(9, utc=datetime(1, 1, 1, tzinfo=UTC))
    yield radio_record(10, utc=datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    yield radio_record(11, utc=at, reason="phía bắc: 'không sóng' \\ \U0001f4f6 \n {\"a\": null}")
