"""The longest stretch of a road without mobile broadband (target T3).

The road's chainage is cut into bins of 50 m. Of each operator's last three passes over a bin, two
with a covered sample make it covered; samples and none of them covered make it uncovered; anything
else, no sample above all, leaves it unknown. A pass is a run of samples of one modem of one probe
in one direction, without a pause of ten minutes.

The estimate is sharper than the bins: each pass says between which two samples service ended and
began again, and the median over the passes is taken. The limits hold the bins against it: the
lower one counts uncovered bins only, the upper one counts unknown bins as uncovered.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import ibis
import msgspec
from ibis.expr import types as ir

from collector.kpi import Finding, Ground, Measured, Need, Period, Road, Scope, Text
from collector.kpi._attempts import (
    COLUMNS,
    HOME_MCC,
    Exclusions,
    operator_exclusions,
    position_exclusions,
    probe_exclusions,
    with_operator,
    within,
)
from collector.kpi._evidence import comma, unmeasured
from collector.kpi._passes import Pass, Sample, passes
from collector.kpi._strip import Rule, Strip, merged, survey

TITLE = Text(vi="Đoạn đường mất sóng dài nhất", en="Longest road stretch without service")
UNIT = "m"
HIGHER_IS_BETTER = False
TOGETHER = "any"
TABLES = ("radio",)

_COLUMNS = (
    "probe",
    "modem_usb_path",
    "seq",
    "road",
    "chainage_m",
    "road_offset_m",
    "plmn",
    "registration",
    "serving_rat",
    "serving_rsrp_dbm",
    "nr_rsrp_dbm",
    "rat_lock_asked",
    "rat_lock_read_back",
)
_DAY_S = 86_400.0
_SHOWN_GAPS = 20
_BROADBAND = ("lte", "nr")
_LOCKS_WITHOUT_LTE = ("2g", "3g", "5g", "5g-nsa", "5g-sa")


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    min_rsrp_dbm: float = -115.0
    """A level at least this strong is usable, on LTE and on NR."""
    max_position_error_m: float = 50.0
    max_offset_m: float = 50.0
    """Samples farther from the centre line are not on the road."""
    last_passes: int = 3
    covered_passes: int = 2
    """Of the last passes over a bin: with a covered sample, for the bin to be covered."""
    confirming_passes: int = 2
    """A gap fails the road only where at least so many passes saw it."""
    min_passes: int = 3
    """For a pass of the target, over all but `max_unknown_share` of the road."""
    max_unknown_share: float = 0.01
    fresh_days: float = 30.0
    """The latest pass over a bin may be this old at the end of the period."""
    redrive_m: float = 100.0
    """A gap this close to the threshold is flagged, to be driven again."""


def measure(
    tables: Any,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each road and operator, and for any operator; `levels` is `("road",)`."""
    rows = _rows(tables.radio, ground=ground, period=period, parameters=parameters)
    samples = _samples(rows)
    left = _left_out(rows)
    driven, standing = _drives(samples)
    rule = Rule(
        last_passes=parameters.last_passes,
        covered_passes=parameters.covered_passes,
        fresh_s=parameters.fresh_days * _DAY_S,
    )
    judge = _Judge(threshold, parameters)
    findings = []
    for road in ground.roads if "road" in levels else ():
        drives = []
        for operator in ground.operators:
            key = (road.code, operator.name)
            runs = driven[key]
            strip = survey(
                runs, length_m=road.length_m, now_s=period.end_utc.timestamp(), rule=rule
            )
            excluded = _counted(left, road.code, operator.name, standing[key])
            drives.append(_Drive(road, operator.name, strip, tuple(runs), excluded))
        findings += [judge.finding(one) for one in drives]
        if drives:
            findings.append(judge.finding(_any_operator(drives, left)))
    return Measured(
        findings=tuple(findings),
        n=sum(len(run.samples) for runs in driven.values() for run in runs),
        failures=0,
        excluded=_total(left, sum(standing.values())),
        queries={"samples": str(ibis.to_sql(samples)), "left_out": str(ibis.to_sql(_counts(rows)))},
    )


_Left = dict[tuple[str, str | None, str], int]
"""Rows left out by road, operator and reason."""


def _rows(table: ir.Table, *, ground: Ground, period: Period, parameters: Parameters) -> ir.Table:
    """Samples on a road, each with `covered` or with the `reason` it is left out for."""
    on_road = within(table, period, (*COLUMNS, *_COLUMNS))
    on_road = on_road.filter(on_road.road.isin([road.code for road in ground.roads]))
    registered = ibis.coalesce(
        on_road.plmn, ibis.cases((on_road.registration == "home", on_road.sim_home_plmn))
    )
    home = ibis.cases((registered.startswith(HOME_MCC), registered))
    rows = with_operator(on_road.mutate(registered=registered), home, ground)
    covered, uncovered = _service(rows, parameters.min_rsrp_dbm)
    exclusions: Exclusions = (
        *probe_exclusions(rows),
        (rows.outcome == "failed", "failed"),
        (home.isnull() & rows.sim_home_plmn.isnull(), "operator_unknown"),
        *operator_exclusions(rows, home)[2:],
        (rows.position_source == "surveyed", "not_driving"),
        *position_exclusions(rows, max_error_m=parameters.max_position_error_m),
        (rows.road_offset_m > parameters.max_offset_m, "off_road"),
        (rows.chainage_m.isnull(), "off_road"),
        (uncovered & _locked_away_from_lte(rows), "locked"),
        (~(covered | uncovered), "unread"),
    )
    return rows.mutate(covered=covered, reason=ibis.cases(*exclusions, else_=None))


def _service(rows: ir.Table, min_rsrp_dbm: float) -> tuple[ir.BooleanValue, ir.BooleanValue]:
    """Whether mobile broadband was there, and whether it was not. Neither: nobody said."""
    registered = ibis.coalesce(
        rows.registration.isin(["home", "roaming"]), rows.registered.notnull()
    )
    unregistered = rows.registration.isin(["searching", "denied", "emergency", "idle"])
    at_home = rows.registered.startswith(HOME_MCC)
    level_dbm = ibis.greatest(
        ibis.coalesce(rows.serving_rsrp_dbm, rows.nr_rsrp_dbm),
        ibis.coalesce(rows.nr_rsrp_dbm, rows.serving_rsrp_dbm),
    )
    broadband = rows.serving_rat.isin(list(_BROADBAND))
    answered = rows.outcome.isin(["ok", "slow"])
    covered = answered & registered & at_home & broadband & (level_dbm >= min_rsrp_dbm)
    uncovered = (rows.outcome == "no_service") | (
        answered & (unregistered | ~at_home | ~broadband | (level_dbm < min_rsrp_dbm))
    )
    return ibis.coalesce(covered, False), ibis.coalesce(uncovered, False)


def _locked_away_from_lte(rows: ir.Table) -> ir.BooleanValue:
    """A modem that may not use LTE, or all of it, cannot prove that there is none."""
    locks = list(_LOCKS_WITHOUT_LTE)
    asked = ibis.coalesce(rows.rat_lock_asked.isin(locks), False)
    read_back = ibis.coalesce(rows.rat_lock_read_back.isin(locks), False)
    return asked | read_back | rows.rat_lock_narrowed_to.notnull()


def _samples(rows: ir.Table) -> ir.Table:
    kept = rows.filter(rows.reason.isnull())
    return kept.order_by("road", "operator", "probe", "modem_usb_path", "utc", "seq").select(
        "road",
        "operator",
        "probe",
        "modem_usb_path",
        "chainage_m",
        "covered",
        at_s=kept.utc.epoch_seconds().cast("float64"),
    )


def _counts(rows: ir.Table) -> ir.Table:
    left = rows.filter(rows.reason.notnull())
    return left.group_by("road", "operator", "reason").aggregate(rows=left.count())


def _left_out(rows: ir.Table) -> _Left:
    return {
        (found["road"], found["operator"], found["reason"]): found["rows"]
        for found in _counts(rows).to_pyarrow().to_pylist()
    }


_Drives = defaultdict[tuple[str, str], list[Pass]]


def _drives(samples: ir.Table) -> tuple[_Drives, Counter[tuple[str, str]]]:
    """Passes by road and operator, and how many samples stood still instead."""
    table = samples.to_pyarrow()
    columns = [table[name].to_pylist() for name in table.column_names]
    driven: _Drives = defaultdict(list)
    standing: Counter[tuple[str, str]] = Counter()
    for modem, rows in groupby(zip(*columns, strict=True), key=lambda row: row[:4]):
        road, operator = modem[:2]
        run = [Sample(at_s, chainage_m, covered) for *_, chainage_m, covered, at_s in rows]
        found = list(passes(run))
        driven[road, operator] += found
        standing[road, operator] += len(run) - sum(len(one.samples) for one in found)
    return driven, standing


class _Drive(NamedTuple):
    """One road as one operator, or any, was found on it."""

    road: Road
    operator: str
    strip: Strip
    passes: tuple[Pass, ...]
    excluded: dict[str, int]
    unmeasured: tuple[str, ...] = ()
    """Of any operator: those without a pass. One of them might cover what the others do not."""


def _any_operator(drives: Sequence[_Drive], left: _Left) -> _Drive:
    road = drives[0].road
    reasons: Counter[str] = Counter()
    for (code, _, reason), rows in left.items():
        if code == road.code:
            reasons[reason] += rows
    still = sum(one.excluded.get("standing", 0) for one in drives)
    measured = [one for one in drives if one.passes]
    return _Drive(
        road=road,
        operator=TOGETHER,
        strip=merged([one.strip for one in measured or drives]),
        passes=tuple(run for one in measured for run in one.passes),
        excluded=_with_standing(reasons, still),
        unmeasured=tuple(one.operator for one in drives if not one.passes),
    )


def _counted(left: _Left, road: str, operator: str, standing: int) -> dict[str, int]:
    reasons = {
        reason: rows
        for (code, name, reason), rows in left.items()
        if (code, name) == (road, operator)
    }
    return _with_standing(reasons, standing)


def _total(left: _Left, standing: int) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for (_, _, reason), rows in left.items():
        reasons[reason] += rows
    return _with_standing(reasons, standing)


def _with_standing(reasons: dict[str, int], standing: int) -> dict[str, int]:
    found = {**reasons, "standing": standing} if standing else dict(reasons)
    return dict(sorted(found.items()))


class _Judge(NamedTuple):
    """What speaks for and against a verdict on a road."""

    threshold_m: float
    parameters: Parameters

    def finding(self, drive: _Drive) -> Finding:
        """Everything said about one road and operator."""
        strip = drive.strip
        longest = max(strip.gaps, key=lambda gap: gap.length_m, default=None)
        sharp_m = longest.length_m if longest else 0.0
        seen = longest is not None or strip.share("covered") > 0
        lower_m = strip.longest_m(["uncovered"])
        upper_m = strip.longest_m(["uncovered", "unknown"])
        close = [
            gap
            for gap in strip.gaps
            if abs(gap.length_m - self.threshold_m) <= self.parameters.redrive_m
        ]
        against_pass, missing = self._against_pass(drive)
        against_fail, again = self._against_fail(drive)
        return Finding(
            scope=Scope(
                level="road", code=drive.road.code, name=drive.road.name, operator=drive.operator
            ),
            estimate=sharp_m if seen else None,
            lower=min(lower_m, sharp_m) if drive.passes else None,
            upper=max(upper_m, sharp_m) if drive.passes else None,
            n=sum(len(one.samples) for one in drive.passes),
            blocks=len(drive.passes),
            excluded=drive.excluded,
            against_pass=against_pass,
            against_fail=(*against_fail, *unmeasured(drive.unmeasured)),
            need=(*missing, *again),
            context={
                "gap_from_m": longest.from_m if longest else None,
                "gap_to_m": longest.to_m if longest else None,
                "gap_from_bins_m": lower_m,
                "gap_with_unknown_m": upper_m,
                "covered_share": strip.share("covered"),
                "unknown_share": strip.share("unknown"),
                "passes_up": sum(one.upwards for one in drive.passes),
                "passes_down": sum(not one.upwards for one in drive.passes),
                "road_m": drive.road.length_m,
                "gaps": [
                    {
                        "from_m": gap.from_m,
                        "to_m": gap.to_m,
                        "length_m": gap.length_m,
                        "passes": gap.passes,
                    }
                    for gap in sorted(strip.gaps, key=lambda gap: -gap.length_m)[:_SHOWN_GAPS]
                ],
                "redrive": [_chainage(gap.from_m, gap.to_m) for gap in close],
                "strip": [list(stretch) for stretch in strip.stretches()],
            },
        )

    def _against_pass(self, drive: _Drive) -> tuple[tuple[Text, ...], tuple[Need, ...]]:
        most = self.parameters.max_unknown_share
        unknown = drive.strip.share("unknown")
        rarely = 1 - drive.strip.share_seen(self.parameters.min_passes)
        reasons: list[Text] = []
        need: list[Need] = []
        if unknown > most:
            reasons.append(
                Text(
                    vi=comma(f"chưa rõ {unknown:.1%} chiều dài đường, được phép {most:.1%}"),
                    en=f"{unknown:.1%} of the road is unknown, {most:.1%} is allowed",
                )
            )
        if rarely > most:
            passes_wanted = self.parameters.min_passes
            reasons.append(
                Text(
                    vi=comma(f"{rarely:.1%} chiều dài đường có ít hơn {passes_wanted} lượt chạy"),
                    en=f"{rarely:.1%} of the road has fewer than {passes_wanted} passes",
                )
            )
            fewest = min(one.passes for one in drive.strip.bins)
            need.append(
                Need(what="passes", more=max(passes_wanted - fewest, 1), where=drive.road.name)
            )
        return tuple(reasons), tuple(need)

    def _against_fail(self, drive: _Drive) -> tuple[tuple[Text, ...], tuple[Need, ...]]:
        wanted = self.parameters.confirming_passes
        if drive.strip.longest_m(["uncovered"], passes=wanted) > self.threshold_m:
            return (), ()
        unconfirmed = [
            gap
            for gap in drive.strip.gaps
            if gap.passes < wanted and gap.length_m > self.threshold_m
        ]
        return (
            (
                Text(
                    vi=f"đoạn mất sóng chưa được xác nhận bởi {wanted} lượt chạy",
                    en=f"the gap is not yet confirmed by {wanted} passes",
                ),
            ),
            tuple(
                Need(what="passes", more=wanted - gap.passes, where=_chainage(gap.from_m, gap.to_m))
                for gap in unconfirmed
            ),
        )


def _chainage(from_m: float, to_m: float) -> str:
    return f"km {from_m / 1000:.2f}-{to_m / 1000:.2f}"
