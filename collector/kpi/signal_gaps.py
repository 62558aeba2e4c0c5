"""Listed signal gaps and whether they are covered (target T2).

Of each listed point and operator: the share of what was measured within 300 m that had service.
Looks of one visit in one square of 50 m are one value (`_visits`), and the exact limits of the
share take those for the trials, so that 59 squares of 59 prove 95 % and an hour on one spot proves
nothing. A point must have been visited twice, in its centre and away from it, and data must have
come through. One operator is enough for the target; the others are shown.
"""

from collections.abc import Sequence
from functools import partial

import msgspec
from ibis.expr import types as ir

from collector.kpi import Extract, Finding, Ground, Measured, Period, Point, Source, Text
from collector.kpi._around import Around
from collector.kpi._attempts import settings
from collector.kpi._coverage import CHECK_COLUMNS, LOOK_COLUMNS, checks, looks
from collector.kpi._data_checks import Reach
from collector.kpi._levels import LevelRule
from collector.kpi._listed import Wanted, any_operator, one_operator, proven
from collector.kpi._points import MAX_RADIUS_M, in_some_tile
from collector.kpi._visits import Thinning

TITLE = Text(
    vi="Tỷ lệ nơi có sóng quanh điểm lõm", en="Share of places with service at a listed gap"
)
UNIT = "share"
HIGHER_IS_BETTER = True
TOGETHER = "any"
TABLES = ("radio", "latency")

_LISTS = {
    "signal_gap": Text(
        vi="chưa nhập danh sách điểm lõm sóng (Kế hoạch 34/KH-STTTT) có tọa độ",
        en="the list of signal gaps (Plan 34/KH-STTTT) with coordinates has not been imported",
    ),
}


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    points: str = "signal_gap"
    """Kind of the listed points that are judged."""
    radius_m: float = 300.0
    """What was measured so near a point speaks for it; at most a kilometre."""
    min_rsrp_dbm: float = -115.0
    """A level at least this strong is usable, on LTE and on NR."""
    available_rsrp_dbm: float = -121.0
    """The share at this level is shown beside (availability in the sense of QCVN 81:2019)."""
    max_position_error_m: float = 50.0
    square_m: float = 50.0
    """Looks of one visit in one square of this side are one value."""
    visit_pause_s: float = 3600.0
    """Another visit begins where nobody measured at the point for so long."""
    min_visits: int = 2
    min_visit_squares: int = 5
    """The state of a point is that of its latest visit to so many squares: who only drives by
    does not tell it."""
    centre_m: float = 100.0
    """A point must have been measured within this distance of it,"""
    far_m: float = 150.0
    """and also farther from it than this."""
    min_data_checks: int = 2
    """Before a point passes."""
    min_data_share: float = 0.9
    """Of the data checks at a point that must have come through."""
    data_check_s: float = 120.0
    """A data check speaks for the looks of its modem within this time,"""
    data_check_m: float = 1000.0
    """or within this distance, whichever is wider."""
    levels: LevelRule = LevelRule()

    def __post_init__(self) -> None:
        if not 0 < self.radius_m <= MAX_RADIUS_M:
            raise ValueError(f"radius_m must be above 0 and at most {MAX_RADIUS_M:g}")
        if self.square_m <= 0:
            raise ValueError("square_m must be above 0")


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Seconds of radio, and data checks, in the neighbourhood of the listed points."""
    depends = {
        **settings(ground, parameters),
        "points": [(one.lat_deg, one.lon_deg) for one in _listed(ground, parameters)],
    }
    return (
        Extract(
            name="signal_gaps",
            kind="radio",
            build=partial(_looks, ground=ground, parameters=parameters),
            settings=depends,
        ),
        Extract(
            name="signal_gaps_checks",
            kind="latency",
            build=partial(_checks, ground=ground, parameters=parameters),
            settings=depends,
        ),
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
    """One finding for each listed point and operator, and for any operator."""
    points = _listed(ground, parameters) if "point" in levels else ()
    found = [
        source.rows(extract, period) for extract in extracts(ground=ground, parameters=parameters)
    ]
    around = Around(
        *found,
        points=points,
        radius_m=parameters.radius_m,
        thinning=Thinning(parameters.visit_pause_s, parameters.square_m),
        reach=Reach(parameters.data_check_s, parameters.data_check_m),
        level_rule=parameters.levels,
    )
    wanted = Wanted(
        share=threshold,
        visits=parameters.min_visits,
        visit_squares=parameters.min_visit_squares,
        centre_m=parameters.centre_m,
        far_m=parameters.far_m,
        data_checks=parameters.min_data_checks,
        data_share=parameters.min_data_share,
    )
    findings: list[Finding] = []
    covered = 0
    for point in points:
        each = [
            one_operator(point, operator.name, around.here(point, operator.name), wanted)
            for operator in ground.operators
        ]
        together = any_operator(point, each, wanted, around.excluded(point))
        covered += proven(together, wanted)
        findings += [*each, together]
    return Measured(
        findings=tuple(findings),
        n=around.looks,
        failures=0,
        excluded=around.excluded(),
        rows=around.rows,
        headline={
            "points": len(points),
            "points_covered": covered,
            "points_covered_share": covered / len(points) if points else None,
        },
        nothing_to_judge=_LISTS.get(parameters.points),
    )


def _listed(ground: Ground, parameters: Parameters) -> tuple[Point, ...]:
    return tuple(one for one in ground.points if one.kind == parameters.points)


def _looks(table: ir.Table, *, ground: Ground, parameters: Parameters) -> ir.Table:
    rows = in_some_tile(table.select(*LOOK_COLUMNS), _listed(ground, parameters))
    return looks(
        rows,
        ground=ground,
        min_rsrp_dbm=parameters.min_rsrp_dbm,
        available_rsrp_dbm=parameters.available_rsrp_dbm,
        max_position_error_m=parameters.max_position_error_m,
    )


def _checks(table: ir.Table, *, ground: Ground, parameters: Parameters) -> ir.Table:
    rows = in_some_tile(table.select(*CHECK_COLUMNS), _listed(ground, parameters))
    return checks(rows, ground=ground, max_position_error_m=parameters.max_position_error_m)
