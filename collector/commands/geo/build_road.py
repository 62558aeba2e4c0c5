"""`geo build-road`: a centre line from our own drives, where nobody gives one."""

import argparse
from datetime import UTC, datetime

import msgspec

from collector.commands import DONE, FAILED, add_config, add_json
from collector.commands.geo.arguments import Actions, checked
from collector.commands.geo.told import tell_draft
from collector.config import load
from collector.geo.built_road import Asked, built_road
from collector.geo.geojson import MAX_LATITUDE_DEG, MAX_LONGITUDE_DEG
from collector.geo.importing import About, checked_draft, layer_name, store
from collector.geo.layer import Kind
from collector.geo.surroundings import surroundings
from collector.geo.traces import Place
from collector.geo.typed import clean, day
from collector.store.columns import LOCAL_OFFSET
from collector.store.engine import connect

_WHO = "own drives"


def add(actions: Actions) -> None:
    """The action and its options."""
    parser = actions.add_parser("build-road", help="a centre line from our own repeated drives")
    parser.add_argument(
        "name", metavar="NAME", type=checked(layer_name), help="of the road and of its layer"
    )
    parser.add_argument(
        "--probe", action="append", default=[], help="only its drives; may be repeated"
    )
    for option, what in (
        ("--from", "drives from then on"),
        ("--to", "drives before, that day or time not included"),
    ):
        parser.add_argument(
            option,
            dest=f"{option[2:]}_utc",
            type=checked(instant),
            metavar="TIME",
            help=f"{what}: 2026-11-02 (local) or 2026-11-02T07:30+07:00",
        )
    for option, what in (("--start", "chainage 0"), ("--end", "the other end")):
        parser.add_argument(
            option,
            type=checked(place),
            metavar="LAT,LON",
            help=f"{what} (default: of the longest drive)",
        )
    for option, what in (("--valid-from", "first"), ("--valid-to", "last")):
        parser.add_argument(
            option, type=checked(day), metavar="DATE", help=f"{what} day on which it counts"
        )
    parser.add_argument("--source", type=checked(clean), default=_WHO, metavar="TEXT")
    parser.add_argument("--licence", type=checked(clean), metavar="TEXT")
    parser.add_argument("--dry-run", action="store_true", help="build it, store nothing")
    add_config(parser)
    add_json(parser)
    parser.set_defaults(action=_run)


def place(text: str) -> Place:
    """Latitude and longitude; raises ValueError."""
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{text!r} is not LAT,LON, e.g. 12.0043,107.6907") from error
    if not (abs(lat) <= MAX_LATITUDE_DEG and abs(lon) <= MAX_LONGITUDE_DEG):
        raise ValueError(f"{text!r}: latitude comes first, in degrees")
    return lat, lon


def instant(text: str) -> datetime:
    """A time; without an offset it is Vietnamese. Raises ValueError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no time, e.g. 2026-11-02T07:30+07:00") from error
    local = found.tzinfo is None
    return (found - LOCAL_OFFSET).replace(tzinfo=UTC) if local else found.astimezone(UTC)


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    asked = Asked(
        probes=tuple(arguments.probe),
        from_utc=arguments.from_utc,
        to_utc=arguments.to_utc,
        start=arguments.start,
        end=arguments.end,
    )
    about = About(
        kind=Kind.ROADS,
        name=arguments.name,
        source=arguments.source,
        licence=arguments.licence,
        valid_from=arguments.valid_from,
        valid_to=arguments.valid_to,
    )
    with connect(config.store.engine, config.store.lake) as tables:
        built = built_road(tables, asked)
    around = surroundings(config, frozenset(), without=about.name)
    made = checked_draft([built.feature(arguments.name)], about, around)
    made = msgspec.structs.replace(made, findings=(*built.findings(), *made.findings))
    kept = not made.refused and not arguments.dry_run
    entry = store(config, made, datetime.now(UTC), notes=built.notes()) if kept else None
    tell_draft(made, entry, json=arguments.json)
    return FAILED if made.refused else DONE
