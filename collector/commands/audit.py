"""`dosong-collector audit`: random samples of what operators declare to be covered."""

import argparse
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from collector.commands import DONE, Command, add_config, add_json, print_json, printable, stdout
from collector.config import load
from collector.imports.audit import LEAST_DRAWS, Candidate, drawn
from collector.imports.errors import AuditError
from collector.imports.gpx import Waypoint, write_gpx
from collector.imports.store import Draw, DrawnCell, ImportStore
from collector.imports.text import write_csv
from collector.kpi import Ground
from collector.targets import parse
from collector.targets.ground import Geography
from collector.targets.periods import INSTANT, VIET_NAM, quarter_of

SEEDS = 2**31
MOST_DRAWS = 10_000
SUFFIXES = (".csv", ".gpx")
_COLUMNS = ("number", "district", "lat_deg", "lon_deg", "side_m", "population", "hits")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    draw = actions.add_parser("draw", help="draw squares of a declared map, and put them on record")
    draw.add_argument("--operator", required=True, metavar="NAME", help="as in operators.toml")
    draw.add_argument("--technology", default="5g", metavar="T", help="(default: %(default)s)")
    draw.add_argument(
        "--cells",
        type=int,
        default=LEAST_DRAWS,
        metavar="N",
        help="draws; fewer than 59 cannot prove 95 %% (default: %(default)s)",
    )
    draw.add_argument(
        "--seed", type=int, metavar="S", help="a number drawn in public; by default one of ours"
    )
    draw.add_argument("--period", metavar="P", help="quarter it counts for (default: this one)")
    draw.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where to go: .csv or .gpx"
    )
    draw.set_defaults(action=_draw)
    show = actions.add_parser("show", help="one sample again")
    show.add_argument("number", type=int, metavar="N")
    show.add_argument("--out", type=Path, metavar="FILE", help="write it to a .csv or .gpx file")
    show.set_defaults(action=_show)
    actions.add_parser("list", help="every sample that was drawn").set_defaults(action=_list)
    for action in actions.choices.values():
        add_config(action)
        add_json(action)


def _run(arguments: argparse.Namespace) -> int:
    code: int = arguments.action(arguments)
    return code


def _draw(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    now = datetime.now(UTC)
    _check(arguments)
    period = quarter_of(now) if arguments.period is None else parse(arguments.period)
    day = min(now, period.end_utc - INSTANT).astimezone(VIET_NAM).date()
    ground = Geography.configured(config).of_day(day)
    candidates = _candidates(ground, arguments.operator, arguments.technology)
    seed = secrets.randbelow(SEEDS) if arguments.seed is None else arguments.seed
    cells = drawn(candidates, draws=arguments.cells, seed=seed)
    draw = Draw(
        operator=arguments.operator,
        technology=arguments.technology,
        period=period.label,
        utc_us=round(period.start_utc.timestamp() * 1_000_000),
        drawn_utc=now.isoformat(),
        seed=seed,
        cells=arguments.cells,
        ground_sha256=ground.digest,
    )
    with ImportStore(config.store.imports) as store:
        draw = store.add_draw(draw, cells)
    return _tell(arguments, draw, cells)


def _show(arguments: argparse.Namespace) -> int:
    with ImportStore(load(arguments.config).store.imports, read_only=True) as store:
        draw = next((one for one in store.draws() if one.id == arguments.number), None)
        cells = store.drawn(arguments.number)
    if draw is None:
        raise AuditError(f"there is no draw {arguments.number}; see `dosong-collector audit list`")
    return _tell(arguments, draw, cells)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.out.suffix not in SUFFIXES:
        raise AuditError(f"{arguments.out}: name a {' or '.join(SUFFIXES)} file")
    if not 1 <= arguments.cells <= MOST_DRAWS:
        raise AuditError(f"--cells must be between 1 and {MOST_DRAWS}")
    if arguments.seed is not None and not 0 <= arguments.seed < SEEDS:
        raise AuditError(f"--seed must be between 0 and {SEEDS - 1}")


def _tell(arguments: argparse.Namespace, draw: Draw, cells: Sequence[DrawnCell]) -> int:
    if arguments.out is not None:
        _write(arguments.out, cells, draw)
    if arguments.json:
        print_json({"draw": draw, "cells": cells})
        return DONE
    stdout().print(
        printable(
            f"draw {draw.id}: {draw.cells} draws met {len(cells)} squares of {draw.operator}"
            f" ({draw.technology}), for {draw.period}, with seed {draw.seed}"
        )
    )
    if draw.cells < LEAST_DRAWS:
        stdout().print(f"fewer than {LEAST_DRAWS} draws prove no 95 %: draw more, they add up")
    return DONE


def _candidates(ground: Ground, operator: str, technology: str) -> list[Candidate]:
    names = [one.name for one in ground.operators]
    if operator not in names:
        raise AuditError(f"{operator!r} is none of {', '.join(names)}")
    if not ground.population:
        raise AuditError("no population grid: import one with `dosong-collector geo import`")
    if ground.layers is None:
        raise AuditError("no declared coverage: import it with `dosong-collector geo import`")
    points = pa.table(
        {
            "lat_deg": pa.array([one.lat_deg for one in ground.population], pa.float64()),
            "lon_deg": pa.array([one.lon_deg for one in ground.population], pa.float64()),
            "error_m": pa.array([0.0] * len(ground.population), pa.float64()),
        }
    )
    declared = ground.layers.declared(points, operator, technology)
    if declared is None:
        what = f"no {technology} coverage of {operator} is declared on that day"
        raise AuditError(f"{what}: import it with `dosong-collector geo import`")
    areas = ground.layers.areas(points)
    inside = pc.and_(pc.fill_null(declared, False), pc.is_valid(areas["province"]))
    return [
        Candidate(district or commune, one.lat_deg, one.lon_deg, one.side_m, one.population)
        for one, there, district, commune in zip(
            ground.population,
            inside.to_pylist(),
            areas["district"].to_pylist(),
            areas["commune"].to_pylist(),
            strict=True,
        )
        if there
    ]


def _write(out: Path, cells: Sequence[DrawnCell], draw: Draw) -> None:
    with out.open("w", encoding="utf-8", newline="") as stream:
        if out.suffix == ".gpx":
            write_gpx(stream, _waypoints(cells, draw))
        else:
            rows = ([getattr(cell, name) for name in _COLUMNS] for cell in cells)
            write_csv(stream, _COLUMNS, rows)


def _waypoints(cells: Sequence[DrawnCell], draw: Draw) -> Iterator[Waypoint]:
    for cell in cells:
        note = f"{draw.operator} {draw.technology} {draw.period}: {cell.side_m:g} m"
        yield Waypoint(cell.lat_deg, cell.lon_deg, f"{draw.id}-{cell.number}", note)


def _list(arguments: argparse.Namespace) -> int:
    path = load(arguments.config).store.imports
    found = []
    if path.exists():
        with ImportStore(path, read_only=True) as store:
            found = store.draws()
    if arguments.json:
        print_json(found)
        return DONE
    table = Table("draw", "operator", "technology", "period", "draws", "seed", "drawn (UTC)")
    for one in found:
        table.add_row(
            str(one.id),
            printable(one.operator),
            printable(one.technology),
            one.period,
            str(one.cells),
            str(one.seed),
            one.drawn_utc[:19],
        )
    stdout().print(table)
    return DONE


COMMAND = Command(
    "audit", "random samples of declared coverage, to be driven", _add_arguments, _run
)
