"""Whether there is 5G at the centres of districts (target T7a, task A3 of the plan's annex).

A place counts where modems were served by NR at a usable level in enough samples, on enough days,
and data came through over NR on those days. One such place within reach of the seat of the
district's People's Committee is proof.

That there is none is hard to show: a modem that lacks the operator's band, a SIM without 5G, or an
idle modem beside an EN-DC network look the same. So only modems that the operator's own NR served
elsewhere in the period may say it, in connected mode, and it takes as many independent looks as a
share asks for: none of 59 with NR proves that fewer than 5 % of such looks would find it (exact
limit, ETSI TS 102 250-6). A look is independent in another square of 100 m or another clock hour.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collector.kpi import (
    Area,
    Extract,
    Finding,
    Ground,
    Measured,
    Need,
    Period,
    Point,
    Scope,
    Source,
    Text,
    _five_g,
)
from collector.kpi._arrays import floats
from collector.kpi._attempts import LEVELS, settings
from collector.kpi._points import near

TITLE = Text(vi="Nơi có 5G ở trung tâm", en="Places with 5G at the centre")
UNIT = "places"
HIGHER_IS_BETTER = True
TOGETHER = "any"
TABLES = ("radio", "latency", "throughput")

_LOCAL = timedelta(hours=7)
_LOOK_M = 100.0


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    points: str = "district_centre"
    """Kind of the points that are the centres; each is the centre of the area it lies in."""
    instead_of: str | None = None
    """Nothing is judged on a boundary set that has areas of this level."""
    radius_m: float = 1500.0
    """From the seat of the People's Committee."""
    place_m: float = 500.0
    """What lies in one square of this side is one place."""
    min_rsrp_dbm: float = -115.0
    """SS-RSRP that is usable."""
    samples: int = 30
    """With such a level, in one place, over the days that count."""
    samples_a_day: int = 10
    """A day with fewer of them in the place does not count, nor one without data over 5G."""
    days: int = 2
    absent_looks: int = 59
    """Independent looks without NR that prove there is none,"""
    absent_days: int = 2
    """on so many days."""
    max_position_error_m: float = 50.0

    def __post_init__(self) -> None:
        if not 0 < self.radius_m <= _MAX_RADIUS_M:
            raise ValueError(f"radius_m must be above 0 and at most {_MAX_RADIUS_M:g}")
        if self.place_m <= 0:
            raise ValueError("place_m must be above 0")


_MAX_RADIUS_M = 10_000.0


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Looks, data checks and tests near the centres, and who was served by NR anywhere."""
    of_all = {**settings(ground, parameters), "points": _centres(ground, parameters)}
    where: dict[str, Any] = {
        "ground": ground,
        "points": _centres(ground, parameters),
        "radius_m": parameters.radius_m,
        "max_position_error_m": parameters.max_position_error_m,
    }
    checks = partial(_five_g.data, **where, came_through="data_ok")
    tests = partial(_five_g.data, **where, came_through=None)
    return (
        Extract("five_g_looks", "radio", partial(_five_g.looks, **where), of_all),
        Extract("five_g_served", "radio", partial(_five_g.served, ground=ground), of_all),
        Extract("five_g_checks", "latency", checks, of_all),
        Extract("five_g_tests", "throughput", tests, of_all),
    )


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for any of them."""
    del threshold
    taken = extracts(ground=ground, parameters=parameters)
    looks, served, *data = (source.rows(one, period) for one in taken)
    if parameters.instead_of is not None and ground.at(parameters.instead_of):
        return Measured(findings=(), n=0, failures=0, excluded={}, nothing_to_judge=_OTHERS)
    rows = pa.concat_tables([_of_capable(looks, served), *data]).combine_chunks()
    survey = _Survey(rows, ground, parameters)
    findings = []
    for level in levels:
        for area in ground.at(level):
            of_each = [survey.finding(area, one.name) for one in ground.operators]
            findings += [*of_each, survey.any_operator(area, of_each)]
    return Measured(
        findings=tuple(findings),
        n=survey.rows["reason"].null_count,
        failures=0,
        excluded=_reasons(survey.rows),
        rows=survey.rows,
    )


_OTHERS = Text(
    vi="bộ ranh giới này có huyện: xem chỉ tiêu theo huyện",
    en="this boundary set has districts: see the target of districts",
)


def _centres(ground: Ground, parameters: Parameters) -> tuple[Point, ...]:
    return tuple(point for point in ground.points if point.kind == parameters.points)


def _of_capable(looks: pa.Table, served: pa.Table) -> pa.Table:
    """A modem that the operator's NR never served cannot say that there is none."""
    known = pa.array(sorted(set(_who(served).to_pylist())), pa.string())
    may = pc.or_(looks["on_nr"], pc.fill_null(pc.is_in(_who(looks), value_set=known), False))
    reason = pc.if_else(may, pa.scalar(None, pa.string()), "not_capable")
    index = looks.column_names.index("reason")
    return looks.set_column(index, "reason", pc.coalesce(looks["reason"], reason))


def _who(rows: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(rows["operator"], rows["modem"], "|")


_Square = tuple[str, int, int]
"""Of the grid around one centre: its code, row and column."""


class _Row(NamedTuple):
    """One row that counts, near one centre."""

    centre: str
    """Its code."""
    operator: str
    modem: str
    utc: datetime
    on_nr: bool
    nr_dbm: float | None
    nr_band: int | None
    data_ok: bool | None
    """Of a check or a test; None of a look."""
    north_m: float
    east_m: float

    @property
    def day(self) -> date:
        """Of the Vietnamese calendar."""
        return (self.utc + _LOCAL).date()

    def square(self, side_m: float) -> _Square:
        """Where, on a grid around the centre."""
        return self.centre, math.floor(self.north_m / side_m), math.floor(self.east_m / side_m)


class _Seen(NamedTuple):
    """What one operator showed around one centre."""

    places: int
    """That count."""
    best_samples: int
    """Usable ones in the best place, over the days that count there."""
    best_days: int
    samples: int
    """With NR, of whatever level."""
    days: int
    data_days: int
    """On which data came through over NR."""
    looks: int
    """Independent ones without NR."""
    look_days: int

    def absent(self, parameters: Parameters) -> bool:
        """Whether it is shown that there is none."""
        return (
            not self.samples
            and self.looks >= parameters.absent_looks
            and self.look_days >= parameters.absent_days
        )


class _Survey:
    """All rows near the centres, each with the areas of the centre it speaks for."""

    def __init__(self, rows: pa.Table, ground: Ground, parameters: Parameters) -> None:
        self._parameters = parameters
        self._points = _centres(ground, parameters)
        self.rows, self._of = _near_each(rows, self._points, parameters.radius_m)
        self._left = self.rows.filter(pc.is_valid(self.rows["reason"]))

    def finding(self, area: Area, operator: str) -> Finding:
        """What one operator showed in one area."""
        points = self._points_of(area)
        rows = [row for point in points for row in self._of[point.code] if row.operator == operator]
        seen = _seen(rows, self._parameters)
        absent = seen.absent(self._parameters)
        looks = [row for row in rows if row.data_ok is None]
        decided = seen.places or absent or not looks
        reasons = () if decided else (_missing(seen, self._parameters),)
        return Finding(
            scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
            estimate=float(seen.places) if looks else None,
            lower=float(seen.places) if looks else None,
            upper=float(max(seen.places, 0 if absent else 1)) if looks else None,
            n=len(looks),
            blocks=len({(row.square(_LOOK_M), _hour(row.utc)) for row in looks}),
            excluded=_reasons(self._left, area, operator),
            against_pass=reasons,
            against_fail=reasons,
            need=() if seen.places or absent else self._need(seen, points),
            statement=None if points else _no_centre(area),
            context={
                "samples_5g": seen.samples,
                "days_5g": seen.days,
                "days_with_data_5g": seen.data_days,
                "strongest_5g_dbm": max(
                    (row.nr_dbm for row in looks if row.nr_dbm is not None), default=None
                ),
                "nr_bands": sorted({row.nr_band for row in looks if row.nr_band is not None}),
                "looks_without_5g": seen.looks,
                "capable_modems": len({row.modem for row in looks}),
            },
        )

    def any_operator(self, area: Area, each: Sequence[Finding]) -> Finding:
        """One operator with 5G is enough; there is none only where each is shown to have none."""
        measured = [one for one in each if one.n]
        uppers = [one.upper if one.upper is not None else 1.0 for one in each]
        places = max((one.estimate or 0.0 for one in measured), default=0.0)
        reasons = () if places else tuple(text for one in measured for text in one.against_pass)
        return Finding(
            scope=Scope(level=area.level, code=area.code, name=area.name, operator=TOGETHER),
            estimate=places if measured else None,
            lower=places if measured else None,
            upper=max(uppers) if measured else None,
            n=sum(one.n for one in each),
            blocks=sum(one.blocks for one in each),
            excluded=_reasons(self._left, area),
            against_pass=reasons,
            against_fail=reasons,
            need=() if places else tuple(need for one in each for need in one.need),
            statement=None if self._points_of(area) else _no_centre(area),
            context={"operators_with_5g": [one.scope.operator for one in measured if one.estimate]},
        )

    def _points_of(self, area: Area) -> list[Point]:
        return [point for point in self._points if point.within.get(area.level) == area.code]

    def _need(self, seen: _Seen, points: Sequence[Point]) -> tuple[Need, ...]:
        where = ", ".join(point.name for point in points)
        if not points:
            return ()
        if not seen.samples:
            more = self._parameters.absent_looks - seen.looks
            return (Need(what="blocks", more=max(more, 1), where=where),)
        samples = max(self._parameters.samples - seen.best_samples, 0)
        days = max(self._parameters.days - seen.best_days, 0)
        return tuple(
            Need(what=what, more=more, where=where)
            for what, more in (("samples", samples), ("days", days))
            if more
        )


def _near_each(
    rows: pa.Table, points: Sequence[Point], radius_m: float
) -> tuple[pa.Table, dict[str, list[_Row]]]:
    """The rows once for each centre they are near, with its areas; and what counts, by centre."""
    lat_deg, lon_deg = floats(rows["lat_deg"]), floats(rows["lon_deg"])
    parts = []
    of: dict[str, list[_Row]] = defaultdict(list)
    for point, here in near(points, lat_deg=lat_deg, lon_deg=lon_deg, radius_m=radius_m):
        part = rows.take(pa.array(here.row))
        codes = {level: point.within.get(level) for level in LEVELS}
        for level, code in codes.items():
            part = part.append_column(level, pa.array([code] * len(part), pa.string()))
        parts.append(part.append_column("point", pa.array([point.code] * len(part), pa.string())))
        of[point.code] = _counting(point.code, part, here.north_m.tolist(), here.east_m.tolist())
    if not parts:
        empty = rows.slice(0, 0)
        for name in (*LEVELS, "point"):
            empty = empty.append_column(name, pa.array([], pa.string()))
        return empty, of
    return pa.concat_tables(parts), of


def _counting(centre: str, part: pa.Table, north_m: list[float], east_m: list[float]) -> list[_Row]:
    names = ("reason", "operator", "modem", "utc", "on_nr", "nr_dbm", "nr_band", "data_ok")
    columns = (part[name].to_pylist() for name in names)
    return [
        _Row(centre, *row[1:])
        for row in zip(*columns, north_m, east_m, strict=True)
        if row[0] is None
    ]


def _seen(rows: Iterable[_Row], parameters: Parameters) -> _Seen:
    rows = list(rows)
    on_nr = [row for row in rows if row.data_ok is None and row.on_nr]
    off = [row for row in rows if row.data_ok is None and not row.on_nr]
    data_days = {row.day for row in rows if row.data_ok}
    usable: dict[_Square, Counter[date]] = defaultdict(Counter)
    for row in on_nr:
        if row.nr_dbm is not None and row.nr_dbm >= parameters.min_rsrp_dbm:
            usable[row.square(parameters.place_m)][row.day] += 1
    places = 0
    best = (0, 0)
    for of_day in usable.values():
        days = [
            count
            for day, count in of_day.items()
            if count >= parameters.samples_a_day and day in data_days
        ]
        places += len(days) >= parameters.days and sum(days) >= parameters.samples
        best = max(best, (len(days), sum(days)))
    return _Seen(
        places=places,
        best_samples=best[1],
        best_days=best[0],
        samples=len(on_nr),
        days=len({row.day for row in on_nr}),
        data_days=len(data_days),
        looks=len({(row.square(_LOOK_M), _hour(row.utc)) for row in off}),
        look_days=len({row.day for row in off}),
    )


def _hour(utc: datetime) -> int:
    return int((utc - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(hours=1))


def _missing(seen: _Seen, parameters: Parameters) -> Text:
    """Why neither is shown."""
    if seen.samples:
        return Text(
            vi=f"có {seen.samples} mẫu 5G trong {seen.days} ngày, {seen.data_days} ngày có dữ liệu"
            f" qua 5G; cần {parameters.samples} mẫu đủ mức trong {parameters.days} ngày ở một nơi",
            en=f"{seen.samples} samples of 5G on {seen.days} days, data over 5G on"
            f" {seen.data_days}; wanted are {parameters.samples} of a usable level on"
            f" {parameters.days} days in one place",
        )
    return Text(
        vi=f"không thấy 5G trong {seen.looks} lần nhìn độc lập của modem dùng được 5G; cần"
        f" {parameters.absent_looks} lần trong {parameters.absent_days} ngày mới chứng minh được",
        en=f"no 5G in {seen.looks} independent looks of modems that can use it;"
        f" {parameters.absent_looks} on {parameters.absent_days} days would prove that",
    )


def _no_centre(area: Area) -> Text:
    return Text(
        vi=f"chưa nhập vị trí trụ sở Ủy ban nhân dân của {area.name}",
        en=f"where the People's Committee of {area.name} sits has not been imported",
    )


def _reasons(
    rows: pa.Table, area: Area | None = None, operator: str | None = None
) -> dict[str, int]:
    if area is not None:
        rows = rows.filter(pc.fill_null(pc.equal(rows[area.level], area.code), False))
    if operator is not None:
        rows = rows.filter(pc.fill_null(pc.equal(rows["operator"], operator), False))
    found: Counter[str] = Counter(pc.drop_null(rows["reason"]).to_pylist())
    return dict(sorted(found.items()))
