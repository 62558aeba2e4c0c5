"""The longest stretch of a road without mobile broadband (target T3).

The road's chainage is cut into bins of 50 m. Of each operator's last three passes over a bin, two
with a covered look make it covered; looks and none of them covered make it uncovered; anything
else, no look above all, leaves it unknown. A pass is a run of looks in one direction, without a
pause of ten minutes; all modems of one ride are one pass.

The estimate is sharper than the bins: each pass says between which two looks service ended and
began again, and the median over the passes is taken. The lower limit counts uncovered bins only
that two passes saw, from the first look without service to the last one; the upper one counts
unknown bins as uncovered, and up to the last look with service. Both allow for the error of
positions. Tunnels and other exceptions are taken out of the chainage: a gap goes on behind one,
without its length.
"""

from collections.abc import Sequence

import msgspec

from collector.kpi import Extract, Finding, Ground, Measured, Period, Source, Text
from collector.kpi import _road_rows as road_rows
from collector.kpi._arrays import US_PER_S
from collector.kpi._data_checks import Reach
from collector.kpi._levels import LevelRule
from collector.kpi._road_drive import any_operator, one_operator
from collector.kpi._road_findings import Wanted, finding
from collector.kpi._strip import Rule

TITLE = Text(vi="Đoạn đường mất sóng dài nhất", en="Longest road stretch without service")
UNIT = "m"
HIGHER_IS_BETTER = False
TOGETHER = "any"
TABLES = ("radio", "latency")

_DAY_US = 86_400 * US_PER_S


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    min_rsrp_dbm: float = -115.0
    """A level at least this strong is usable, on LTE and on NR."""
    available_rsrp_dbm: float = -121.0
    """The road at this level is shown beside (availability in the sense of QCVN 81:2019)."""
    max_position_error_m: float = 50.0
    max_offset_m: float = 50.0
    """Looks farther from the centre line are not on the road."""
    last_passes: int = 3
    covered_passes: int = 2
    """Of the last passes over a bin: with a covered look, for the bin to be covered."""
    confirming_passes: int = 2
    """A gap fails the road only where at least so many passes saw it."""
    min_passes: int = 3
    """For a pass of the target, over all but `max_unknown_share` of the road."""
    max_unknown_share: float = 0.01
    fresh_days: float = 30.0
    """The latest pass over a bin may be this old at the end of the period."""
    redrive_m: float = 100.0
    """A gap this close to the threshold is flagged, to be driven again."""
    data_check_s: float = 120.0
    """A data check speaks for the looks of its modem within this time,"""
    data_check_m: float = 1000.0
    """or within this distance on the same ride, whichever is wider."""
    levels: LevelRule = LevelRule()


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, Extract]:
    """Seconds of radio, and data checks, that may lie on a road."""
    return road_rows.extracts("road_gaps", ground=ground, parameters=parameters)


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each road and operator, and for any operator; `levels` is `("road",)`.

    Beside the extracted rows this takes about a quarter of a gigabyte for a million looks.
    """
    rows = road_rows.read(
        source,
        extracts(ground=ground, parameters=parameters),
        period=period,
        level_rule=parameters.levels,
        reach=Reach(parameters.data_check_s, parameters.data_check_m),
    )
    rule = Rule(
        last_passes=parameters.last_passes,
        covered_passes=parameters.covered_passes,
        confirming_passes=parameters.confirming_passes,
        stale_us=round(period.end_utc.timestamp() * US_PER_S - parameters.fresh_days * _DAY_US),
    )
    wanted = Wanted(
        gap_m=threshold,
        min_rsrp_dbm=parameters.min_rsrp_dbm,
        available_rsrp_dbm=parameters.available_rsrp_dbm,
        confirming_passes=parameters.confirming_passes,
        min_passes=parameters.min_passes,
        max_unknown_share=parameters.max_unknown_share,
        redrive_m=parameters.redrive_m,
    )
    findings: list[Finding] = []
    for road in ground.roads if "road" in levels else ():
        drives = [one_operator(rows, road, one.name, rule) for one in ground.operators]
        findings += [finding(rows, drive, wanted) for drive in drives]
        if drives:
            findings.append(finding(rows, any_operator(rows, drives, rule), wanted))
    return Measured(
        findings=tuple(findings),
        n=sum(one.n for one in findings if one.scope.operator != TOGETHER),
        failures=0,
        excluded=rows.excluded_in_all(),
        rows=rows.rows,
        nothing_to_judge=Text(
            vi="chưa nhập tim đường nào (quốc lộ, cao tốc)",
            en="no centre line of a national road or expressway has been imported",
        ),
    )
