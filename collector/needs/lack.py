"""What one target lacks in one area of one operator, and whether it will come by itself."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collector.kpi import Ground, Need, Operator, Period
from collector.kpi._attempts import Place, hour_of_day
from collector.kpi._evidence import DAY_PARTS
from collector.targets import HEADLINE, Target, Value, Verdict
from collector.targets.target import LEVELS

_OPEN = frozenset({Value.NOT_PROVEN, Value.NO_DATA})
_DAY_PARTS = "day_parts"
OPEN_ENDED = 30
"""Blocks asked for where the estimate lies too close to the threshold to say how many decide."""
_DAY = timedelta(days=1)


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Whether what is missing will be there by the end of the month, at the present rate."""

    so_far: int
    per_day: float | None
    """None while less than a day of the month is over."""
    by_end: float | None
    enough: bool | None
    """None where nobody can say: too early, or too close to the threshold."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What lies near the point that an area is judged by."""

    lat_deg: float
    lon_deg: float
    radius_m: float


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """What one target lacks in one area of one operator."""

    target: str
    kind: str
    """Of the records that would help."""
    boundary_set: str | None
    level: str
    code: str
    name: str
    operator: str
    plmn: str | None
    """One of the operator's; None where it has several."""
    rat_class: str | None
    """What they must run on; None takes any."""
    verdict: Value
    missing: int
    """Blocks, places, scans or whatever is missing most; at least one."""
    open_ended: bool
    """The estimate lies too close to the threshold to say how many: `missing` is a beginning."""
    need: tuple[Need, ...]
    day_parts: tuple[str, ...]
    """Parts of the day that have not been measured, `22-06` over midnight."""
    only_day_parts: bool
    """Nothing else is missing: other hours would not help."""
    least_measured: str
    """The part of the day with the fewest blocks."""
    forecast: Forecast
    around: Around | None = None
    """Where alone it helps, of a target that looks at points; None is anywhere in the area."""


class Seen(NamedTuple):
    """A place and hour that counted."""

    place: Place
    hour: int


def lacks(
    target: Target,
    verdicts: Iterable[Verdict],
    rows: pa.Table | None,
    *,
    ground: Ground,
    period: Period,
    now: datetime,
) -> list[Lack]:
    """What the target lacks at the narrowest level it is judged on.

    `rows` are those of `collector.targets.judging.Judged`. All operators together lack nothing of
    their own.
    """
    level = min(target.levels, key=LEVELS.index)
    operators = {one.name: one for one in ground.operators}
    wanted = [
        one
        for one in verdicts
        if one.level == level != HEADLINE
        and one.operator in operators
        and one.verdict in _OPEN
        and (one.need or not target.kpi.evidence_only)
    ]
    return [
        msgspec.structs.replace(
            _lack(
                target,
                one,
                operators[one.operator],
                seen(rows, level, one),
                period=period,
                now=now,
            ),
            around=_around(target, one, ground),
        )
        for one in wanted
    ]


def seen(rows: pa.Table | None, level: str, verdict: Verdict) -> frozenset[Seen]:
    """Where and when the rows behind a verdict were measured; empty where rows do not say it."""
    if rows is None or not {level, "grid_row", "grid_column", "hour"} <= set(rows.column_names):
        return frozenset()
    here = pc.and_(
        pc.equal(rows[level], verdict.code), pc.equal(rows["operator"], verdict.operator)
    )
    counts = rows.filter(pc.and_(pc.fill_null(here, False), pc.is_null(rows["reason"])))
    names = ("grid_row", "grid_column", "hour")
    found = zip(*(counts[name].to_pylist() for name in names), strict=True)
    return frozenset(Seen(Place(row, column), hour) for row, column, hour in found)


def forecast(so_far: int, missing: int | None, *, period: Period, now: datetime) -> Forecast:
    """What the present rate leads to; `missing` None is nobody knows how many."""
    passed = (min(now, period.end_utc) - period.start_utc) / _DAY
    if passed < 1:
        return Forecast(so_far=so_far, per_day=None, by_end=None, enough=None)
    per_day = so_far / passed
    by_end = so_far + per_day * max((period.end_utc - now) / _DAY, 0.0)
    enough = None if missing is None else by_end >= so_far + missing
    return Forecast(so_far=so_far, per_day=per_day, by_end=by_end, enough=enough)


def _lack(
    target: Target,
    verdict: Verdict,
    operator: Operator,
    blocks: frozenset[Seen],
    *,
    period: Period,
    now: datetime,
) -> Lack:
    others = [one for one in verdict.need if one.what != _DAY_PARTS]
    counted = [one.more for one in verdict.need if one.more is not None]
    open_ended = any(one.more is None for one in verdict.need) or not verdict.need
    least = OPEN_ENDED if any(one.more is None for one in verdict.need) else 1
    missing = max([*counted, least])
    measured = Counter(_part(one.hour) for one in blocks)
    unmeasured = tuple(name for name, *_ in DAY_PARTS if not measured[name])
    asked = any(one.what == _DAY_PARTS for one in verdict.need)
    return Lack(
        target=target.id,
        kind=_kind(target),
        boundary_set=verdict.boundary_set,
        level=verdict.level,
        code=verdict.code,
        name=verdict.name,
        operator=operator.name,
        plmn=operator.plmns[0] if len(operator.plmns) == 1 else None,
        rat_class=getattr(target.parameters, "rat_class", None),
        verdict=verdict.verdict,
        missing=missing,
        open_ended=open_ended,
        need=verdict.need,
        day_parts=unmeasured if asked else (),
        only_day_parts=asked and not others,
        least_measured=min(DAY_PARTS, key=lambda part: measured[part[0]])[0],
        forecast=forecast(verdict.blocks, None if open_ended else missing, period=period, now=now),
    )


def _around(target: Target, verdict: Verdict, ground: Ground) -> Around | None:
    kind = getattr(target.parameters, "points", None)
    radius_m = getattr(target.parameters, "radius_m", None)
    if kind is None or radius_m is None:
        return None
    for point in ground.points:
        own = verdict.level == "point" and point.code == verdict.code
        if point.kind == kind and (own or point.within.get(verdict.level) == verdict.code):
            return Around(lat_deg=point.lat_deg, lon_deg=point.lon_deg, radius_m=radius_m)
    return None


def _kind(target: Target) -> str:
    """What a test would have to be; the radio is looked at every second anyway."""
    return next((one for one in target.kpi.tables if one != "radio"), "radio")


def _part(hour: int) -> str:
    local = hour_of_day(hour)
    return next(
        name
        for name, first, after in DAY_PARTS
        if first <= local < after or first <= local + 24 < after
    )


Where = tuple[str | None, str, str, Around | None]
"""Boundary set, level, code, and the point if it is about one."""


def together(lacks: Sequence[Lack]) -> dict[Where, list[Lack]]:
    """What one stop could help."""
    found: dict[Where, list[Lack]] = {}
    for one in lacks:
        found.setdefault((one.boundary_set, one.level, one.code, one.around), []).append(one)
    return found
