"""Number of 5G sites over the number of 4G sites (Decision 912/QĐ-BKHCN of 18 May 2025).

Counted from the lists that operators hand in, each site once for each technology it is listed with.
A count is a count: it has no confidence limits, and it is worth what the lists are worth. The
decision speaks of the country; of one province it says how the province contributes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec
import pyarrow as pa

from collector.kpi import Area, Finding, Ground, Measured, Period, Scope, Site, Source, Text
from collector.kpi._imported import LEVELS, Left, left_out

TITLE = Text(vi="Số trạm 5G so với số trạm 4G", en="5G sites over 4G sites")
UNIT = "share"
HIGHER_IS_BETTER = True
TOGETHER = "all"
TABLES = ()


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    of: str = "5g"
    over: str = "4g"


def measure(
    source: Source,  # noqa: ARG001  # lists of sites are part of the ground
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,  # noqa: ARG001  # the ground is that of its last day
    threshold: float,  # noqa: ARG001  # a count says nothing of how far it is from it
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all together."""
    rows = _rows(ground, parameters)
    sites: defaultdict[tuple[str, str, str], set[tuple[str, str]]] = defaultdict(set)
    for row in rows.to_pylist():
        if row["reason"] is not None:
            continue
        for level in LEVELS:
            for operator in (row["operator"], TOGETHER):
                key = (row[level] or "", operator, row["technology"])
                sites[key].add((row["operator"], row["code"]))
    left = left_out(rows)
    findings = tuple(
        _finding(area, operator, sites, left, parameters)
        for level in levels
        for area in ground.at(level)
        for operator in (*(one.name for one in ground.operators), TOGETHER)
    )
    return Measured(
        findings=findings,
        n=rows["reason"].null_count,
        failures=0,
        excluded=left.all(),
        rows=rows,
    )


_Sites = Mapping[tuple[str, str, str], set[tuple[str, str]]]
"""Operator and code of each site, by area, operator or `TOGETHER`, and technology."""


def _finding(
    area: Area, operator: str, sites: _Sites, left: Left, parameters: Parameters
) -> Finding:
    new = len(sites.get((area.code, operator, parameters.of), ()))
    old = len(sites.get((area.code, operator, parameters.over), ()))
    ratio = new / old if old else None
    return Finding(
        scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
        estimate=ratio,
        lower=ratio,
        upper=ratio,
        n=new + old,
        blocks=new + old,
        excluded=left.of(area.level, area.code, None if operator == TOGETHER else operator),
        statement=None if old else _nothing_listed(parameters),
        context={"sites": new, "sites_compared": old},
    )


def _nothing_listed(parameters: Parameters) -> Text:
    return Text(
        vi=f"không có trạm {parameters.over.upper()} nào trong danh sách trạm đã nhập",
        en=f"no {parameters.over.upper()} site is in the imported lists of sites",
    )


def _rows(ground: Ground, parameters: Parameters) -> pa.Table:
    """Every listed site, in the order of the lists, with why it does not count."""
    sites = ground.sites
    wanted = {parameters.of, parameters.over}
    names = {one.name for one in ground.operators}
    codes = _located(ground)
    return pa.table(
        {
            "probe": pa.array(["sites"] * len(sites), pa.string()),
            "epoch": pa.array([one.operator for one in sites], pa.string()),
            "seq": pa.array(range(len(sites)), pa.int64()),
            "utc": pa.nulls(len(sites), pa.timestamp("us", tz="UTC")),
            "operator": pa.array([one.operator for one in sites], pa.string()),
            "code": pa.array([one.code for one in sites], pa.string()),
            "technology": pa.array([one.technology for one in sites], pa.string()),
            "lat_deg": pa.array([one.lat_deg for one in sites], pa.float64()),
            "lon_deg": pa.array([one.lon_deg for one in sites], pa.float64()),
            **{level: codes[level] for level in LEVELS},
            "reason": pa.array(
                [
                    _reason(site, province, wanted, names)
                    for site, province in zip(sites, codes["province"].to_pylist(), strict=True)
                ],
                pa.string(),
            ),
        }
    )


def _reason(site: Site, province: str | None, wanted: set[str], names: set[str]) -> str | None:
    if site.operator not in names:
        return "other_operator"
    if province is None:
        return "outside_areas"
    if site.technology is None:
        return "technology_unknown"
    return None if site.technology in wanted else "other_technology"


def _located(ground: Ground) -> pa.Table:
    """Areas of each site. Without polygons all of them are in the only province there is."""
    count = len(ground.sites)
    if ground.layers is None:
        provinces = ground.at("province")
        only = provinces[0].code if len(provinces) == 1 else None
        return pa.table(
            {
                level: pa.array([only if level == "province" else None] * count, pa.string())
                for level in LEVELS
            }
        )
    points = pa.table(
        {
            "lat_deg": pa.array([one.lat_deg for one in ground.sites], pa.float64()),
            "lon_deg": pa.array([one.lon_deg for one in ground.sites], pa.float64()),
            "error_m": pa.array([0.0] * count, pa.float64()),
        }
    )
    found: pa.Table = ground.layers.areas(points)
    return found
