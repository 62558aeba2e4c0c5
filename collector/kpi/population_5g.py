"""Share of people who live where there is 5G, by what operators declare and audits confirm (T7b).

    Pcov = people in cells inside the declared map, as far as it is verified / all people

A fleet of probes cannot measure a map; it audits one. `dosong-collector audit draw` draws squares
of the declared map at random, each person in it with the same chance (so the confirmed share of
draws estimates the confirmed share of *people*), and what was drawn is on record before anybody
drives there. Of all squares drawn for the quarter

- at least 95 % are confirmed, with 95 % confidence (Clopper-Pearson: 59 of 59, 92 of 93, ...): the
  map holds, and its share D of the people counts;
- fewer: the map is shrunk to what is proven, D times the lower limit. A square nobody has been to
  counts as not confirmed: whoever leaves out the far ones proves nothing.

The upper limit is D times that of the squares not refuted: an operator's declaration is the most
it claims. Without a map or without a draw nothing is proven either way, whatever the map says.

`any` operator: the union decides. Where several maps hold, their union counts; else the best proven
share of one. Of two shrunk maps nobody knows which parts are left, so they are not added.
"""

import math
from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collector import stats
from collector.kpi import KEY, Area, Finding, Ground, Measured, Need, Period, Scope, Source, Text
from collector.kpi._audit import Rule, Seen, Square, look
from collector.kpi._declared_map import Map, People, Proven, audited, proven, union

TITLE = Text(vi="Tỷ lệ dân số được phủ sóng 5G", en="Share of the population with 5G")
UNIT = "share"
HIGHER_IS_BETTER = True
TOGETHER = "any"
TABLES = ("radio", "latency")
IMPORTS = ("audit",)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    technology: str = "5g"
    """Of the declared maps."""
    verified_share: float = 0.95
    """The lower limit of the confirmed share must reach it for a map to hold."""
    min_rsrp_dbm: float = -115.0
    """SS-RSRP that counts as covered."""
    reach_m: float = 100.0
    """Rows this far outside of a square still speak of it: not every square has a road."""
    min_samples: int = 10
    """Seconds with that level, or held on 5G without it."""
    min_data_checks: int = 1
    min_data_share: float = 0.9
    """Of the data checks on 5G, that must succeed."""
    max_position_error_m: float = 50.0


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,  # noqa: ARG001  # how much more is needed depends on the squares alone
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for any operator."""
    people = People(ground, parameters.technology)
    drawn = _drawn(source.imported("audit", period), ground, parameters.technology)
    rule = Rule(
        min_rsrp_dbm=parameters.min_rsrp_dbm,
        reach_m=parameters.reach_m,
        min_samples=parameters.min_samples,
        min_data_checks=parameters.min_data_checks,
        min_data_share=parameters.min_data_share,
        max_position_error_m=parameters.max_position_error_m,
    )
    squares = _squares(drawn)
    seen = look(source, squares, ground=ground, period=period, rule=rule)
    rows = _rows(drawn, seen, ground)
    findings: list[Finding] = []
    for level in levels:
        for area in ground.at(level):
            maps = [
                audited(people, area, operator.name, squares, seen) for operator in ground.operators
            ]
            findings += [_finding(one, rows, parameters) for one in maps]
            findings.append(_any_operator(area, maps, people, rows, parameters))
    return Measured(
        findings=tuple(findings),
        n=len(people.weights),
        failures=0,
        excluded=_left(rows),
        rows=rows,
    )


def beside(*, ground: Ground, parameters: Parameters) -> dict[str, pa.Table]:
    """Where people live, in which areas, and who declares what there."""
    return {"people": People(ground, parameters.technology).told()}


def _finding(one: Map, rows: pa.Table, parameters: Parameters) -> Finding:
    said = proven(one, parameters.verified_share)
    against = _against(one)
    return Finding(
        scope=_scope(one.area, one.operator),
        estimate=None if said is None else said.estimate,
        lower=None if said is None else said.lower,
        upper=None if said is None else said.upper,
        n=one.cells,
        blocks=one.visited,
        excluded=_left(rows, one.operator),
        against_pass=against,
        against_fail=against,
        need=_need(one, parameters),
        statement=_missing(one),
        context={
            "declared_share": one.share,
            "draws": one.draws,
            "draws_confirmed": one.confirmed,
            "draws_refuted": one.refuted,
            "confirmed_share_lower": one.lower,
            "open_cells": list(one.open),
        },
    )


def _any_operator(
    area: Area, maps: Sequence[Map], people: People, rows: pa.Table, parameters: Parameters
) -> Finding:
    there = [one for one in maps if one.share is not None]
    said = _proven_by_any(there, people, area, parameters)
    against = () if any(one.draws for one in there) else (_NO_DRAW,)
    cells = int(people.inside(area).sum())
    return Finding(
        scope=_scope(area, TOGETHER),
        estimate=None if said is None else said.estimate,
        lower=None if said is None else said.lower,
        upper=None if said is None else said.upper,
        n=cells,
        blocks=sum(one.visited for one in maps),
        excluded=_left(rows),
        against_pass=against,
        against_fail=against,
        need=tuple(need for one in there for need in _need(one, parameters)),
        statement=_NO_PEOPLE if not cells else None if there else _NO_MAP,
        context={
            "declared_share": union(there, people, area) if there else None,
            "draws": sum(one.draws for one in maps),
            "draws_confirmed": sum(one.confirmed for one in maps),
            "draws_refuted": sum(one.refuted for one in maps),
            "maps_that_hold": [
                one.operator for one in maps if one.holds(parameters.verified_share)
            ],
        },
    )


def _proven_by_any(
    maps: Sequence[Map], people: People, area: Area, parameters: Parameters
) -> Proven | None:
    """What at least one of them covers; None without a map."""
    share = parameters.verified_share
    found = [said for one in maps if (said := proven(one, share)) is not None]
    if not found:
        return None
    holding = union([one for one in maps if one.holds(share)], people, area)
    lower = max(holding, *(one.lower for one in found))
    upper = min(union(maps, people, area), math.fsum(one.upper for one in found))
    estimate = max(holding, *(one.estimate for one in found))
    return Proven(estimate, lower, max(upper, lower))


def _against(one: Map) -> tuple[Text, ...]:
    return () if one.draws else (_NO_DRAW,)


def _missing(one: Map) -> Text | None:
    if not one.cells:
        return _NO_PEOPLE
    return None if one.share is not None else _NO_MAP


def _need(one: Map, parameters: Parameters) -> tuple[Need, ...]:
    """Squares still to be visited, then those still to be drawn if all of them are confirmed."""
    if one.share is None or one.holds(parameters.verified_share):
        return ()
    if one.open:
        return (Need(what="cells", more=len(one.open), where=one.operator),)
    more = stats.successes_to_prove(one.confirmed, one.draws, share=parameters.verified_share)
    return (Need(what="cells", more=more, where=one.operator),)


_NO_PEOPLE = Text(
    vi="chưa nhập dân số theo ô: không biết người dân ở đâu",
    en="no population grid was imported: nobody knows where people live",
)
_NO_MAP = Text(
    vi="chưa nhập bản đồ phủ sóng 5G do nhà mạng công bố",
    en="no declared 5G coverage was imported",
)
_NO_DRAW = Text(
    vi="chưa rút mẫu kiểm tra ngẫu nhiên trong kỳ này",
    en="no random audit sample was drawn for this period",
)


def _scope(area: Area, operator: str) -> Scope:
    return Scope(level=area.level, code=area.code, name=area.name, operator=operator)


def _drawn(rows: pa.Table, ground: Ground, technology: str) -> pa.Table:
    """Drawn squares, with the reason of those that say nothing of today's maps."""
    names = {one.name for one in ground.operators}
    declared: list[bool | None] = [None] * len(rows)
    if ground.layers is not None:
        for operator in sorted(names):
            found = ground.layers.declared(rows, operator, technology)
            for place, name in enumerate(rows["operator"].to_pylist()):
                if name == operator:
                    declared[place] = bool(found is not None and found[place].as_py())
    reasons = [
        "other_technology"
        if said != technology
        else "other_operator"
        if name not in names
        else None
        if inside
        else "not_declared"
        for said, name, inside in zip(
            rows["technology"].to_pylist(), rows["operator"].to_pylist(), declared, strict=True
        )
    ]
    return rows.append_column("reason", pa.array(reasons, pa.string()))


def _squares(drawn: pa.Table) -> tuple[Square, ...]:
    counting = drawn.filter(pc.is_null(drawn["reason"]))
    names = (*KEY, "operator", "lat_deg", "lon_deg", "side_m", "hits")
    lines = zip(*(counting[name].to_pylist() for name in names), strict=True)
    return tuple(Square(tuple(line[:3]), *line[3:]) for line in lines)


def _rows(drawn: pa.Table, seen: Seen, ground: Ground) -> pa.Table:
    """Squares with their state, and the rows that were looked at, by key."""
    keys = zip(*(drawn[name].to_pylist() for name in KEY), strict=True)
    states = pa.array([seen.states.get(key) for key in keys], pa.string())
    cells = drawn.drop_columns(["district"]).append_column("state", states)
    cells = cells.append_column("what", pa.repeat(pa.scalar("cell", pa.string()), len(cells)))
    rows = pa.concat_tables([cells, seen.rows], promote_options="default")
    for level in ("commune", "district", "province"):
        areas = ground.at(level)
        only = areas[0].code if level == "province" and len(areas) == 1 else None
        rows = rows.append_column(level, pa.repeat(pa.scalar(only, pa.string()), len(rows)))
    return rows.sort_by([(name, "ascending") for name in KEY]).combine_chunks()


def _left(rows: pa.Table, operator: str | None = None) -> dict[str, int]:
    out = rows.filter(pc.is_valid(rows["reason"]))
    if operator is not None:
        out = out.filter(pc.fill_null(pc.equal(out["operator"], operator), False))
    counted = pc.value_counts(out["reason"]).to_pylist()
    return dict(sorted((one["values"], one["counts"]) for one in counted))
