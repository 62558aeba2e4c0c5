"""All that is missing in a month, by what the configured collector holds."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from collector.config import Config
from collector.extracts import Keep, LakeSource
from collector.extracts.source import Progress
from collector.geo import configured
from collector.kpi import Period
from collector.kpi._attempts import Place
from collector.needs.errors import NeedsError
from collector.needs.lack import Lack, lacks, seen, together
from collector.needs.outlines import Outlines
from collector.needs.spots import Land, Spot, next_spots
from collector.needs.stretches import Stretch, stretches
from collector.store.engine import connect
from collector.targets import Target, Verdict, load
from collector.targets.ground import Geography
from collector.targets.judging import for_target, judge_target
from collector.targets.periods import INSTANT, VIET_NAM

BASES = frozenset({"plan", "annex"})
"""Targets that are asked for when none is named: the regulations rest on the same tests."""
SPOTS = 3
"""Places named for each area: as many as an area must have."""


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """One place to go to, and whom it helps."""

    boundary_set: str | None
    level: str
    code: str
    name: str
    lat_deg: float
    lon_deg: float
    blocks: int
    """Measured so far in its neighbourhood, by any operator."""
    targets: tuple[str, ...]
    operators: tuple[str, ...]
    missing: int
    """What the operator that lacks most lacks."""
    day_parts: tuple[str, ...]
    """When to go: unmeasured parts of the day, or else the least measured ones."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What is missing in one month."""

    period: Period
    made_utc: datetime
    lacks: tuple[Lack, ...]
    stops: tuple[Stop, ...]
    stretches: tuple[Stretch, ...]


class Surveyed(NamedTuple):
    """A report, and what its messages are made of."""

    report: Report
    outlines: Outlines


def survey(
    config: Config,
    *,
    period: Period,
    now: datetime,
    targets: Sequence[str] = (),
    on_progress: Progress = lambda *_: None,
) -> Surveyed:
    """Judge the month as far as it has come, and say what is missing.

    Raises `NeedsError` for a target nobody knows, or where no area is known; and what
    `collector.checker.judge_all` raises.
    """
    day = min(now, period.end_utc - INSTANT)
    sets = configured.area_sets(config).on(day.astimezone(VIET_NAM).date())
    if not sets:
        raise NeedsError("no area is known on that day: name boundaries in [geo], or import them")
    lines = configured.roads(config).on(day.astimezone(VIET_NAM).date()).lines
    geography = Geography.configured(config)
    found: list[Lack] = []
    on_roads: list[Verdict] = []
    measured: dict[tuple[str | None, str, str], set[Place]] = {}
    land = Land(roads=lines)
    keep = Keep(config.store.extracts)
    source = LakeSource(
        connect(config.store.engine, config.store.lake), keep, on_progress=on_progress
    )
    try:
        for target in _wanted(config, targets):
            over = target.period.over(now, period)
            for ground in geography.grounds(target, day):
                land = Land(ground.population, lines)
                judged = judge_target(source, target, ground=ground, period=over)
                mine = lacks(
                    target,
                    judged.verdicts,
                    judged.rows,
                    ground=for_target(target, ground),
                    period=over,
                    now=now,
                )
                found += [one for one in mine if one.level != "road"]
                on_roads += [
                    one
                    for one in judged.verdicts
                    if one.level == "road" and one.operator != target.kpi.together
                ]
                for one in judged.verdicts:
                    key = (one.boundary_set, one.level, one.code)
                    places = {block.place for block in seen(judged.rows, one.level, one)}
                    measured.setdefault(key, set()).update(places)
    finally:
        source.close()
    outlines = Outlines(sets)
    stops = _stops(found, outlines, measured, land=land)
    report = Report(
        period=period,
        made_utc=now,
        lacks=tuple(found),
        stops=tuple(stops),
        stretches=tuple(stretches(on_roads, lines)),
    )
    return Surveyed(report, outlines)


def _wanted(config: Config, names: Sequence[str]) -> list[Target]:
    known = load(config.targets.folder)
    unknown = sorted(set(names) - {one.id for one in known})
    if unknown:
        raise NeedsError(
            f"no target is called {unknown[0]!r}; there are: {', '.join(one.id for one in known)}"
        )
    if names:
        return [one for one in known if one.id in names]
    return [one for one in known if one.basis in BASES and not one.kpi.imports]


def _stops(
    found: Sequence[Lack],
    outlines: Outlines,
    measured: dict[tuple[str | None, str, str], set[Place]],
    *,
    land: Land,
) -> Iterable[Stop]:
    for (boundary_set, level, code, around), mine in together(found).items():
        outline = outlines.of(boundary_set, level, code)
        if around is not None:
            spots = [Spot(lat_deg=around.lat_deg, lon_deg=around.lon_deg, blocks=0)]
        elif outline is not None:
            places = measured.get((boundary_set, level, code), set())
            spots = next_spots(outline, places, land=land, count=SPOTS)
        else:
            continue
        parts = sorted({part for one in mine for part in one.day_parts}) or sorted(
            {one.least_measured for one in mine}
        )
        for spot in spots:
            yield Stop(
                boundary_set=boundary_set,
                level=level,
                code=code,
                name=mine[0].name,
                lat_deg=spot.lat_deg,
                lon_deg=spot.lon_deg,
                blocks=spot.blocks,
                targets=tuple(sorted({one.target for one in mine})),
                operators=tuple(sorted({one.operator for one in mine})),
                missing=max(one.missing for one in mine),
                day_parts=tuple(parts),
            )
