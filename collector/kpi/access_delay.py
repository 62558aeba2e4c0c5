"""Mean delay of an access to the Internet (QCVN 81:2019, clause 2.1.3).

From the look-up of the name to the first answer of a latency check, over the accesses that
succeeded (the IP-service access time of ETSI TS 102 250-2). Checks of one place and hour are one
value; all operators together are the mean of the operators, each with the same weight.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collector import stats
from collector.kpi import (
    Area,
    Extract,
    Finding,
    Ground,
    Measured,
    Need,
    Period,
    Scope,
    Source,
    Text,
)
from collector.kpi._access import accesses
from collector.kpi._attempts import (
    LEVELS,
    Left,
    Place,
    extract_of,
    hour_of_day,
    left_in,
    left_out,
    placed,
)
from collector.kpi._evidence import Minimum, shortfall, unmeasured
from collector.kpi._units import most_served, when, where

TITLE = Text(vi="Thời gian trễ truy nhập trung bình", en="Mean access delay")
UNIT = "s"
HIGHER_IS_BETTER = False
TOGETHER = "all"
TABLES = ("latency",)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rat_class: str | None = None
    """`4g` or `5g`: what the whole check must have run on; None takes whatever served it."""
    profiles: tuple[str, ...]
    max_position_error_m: float = 50.0
    minimum: Minimum = Minimum()

    @property
    def unserved_locks(self) -> tuple[str, ...]:
        """None: an access that failed has no delay, whatever it was to run on."""
        return ()


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Latency checks."""
    return (extract_of("access_delay", "latency", accesses, ground=ground, parameters=parameters),)


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all operators together."""
    [extract] = extracts(ground=ground, parameters=parameters)
    rows = _with_delay(placed(source.rows(extract, period), ground))
    survey = _Survey(rows, threshold, parameters, [one.name for one in ground.operators])
    return Measured(
        findings=tuple(
            survey.finding(area, operator)
            for level in levels
            for area in ground.at(level)
            for operator in survey.scopes
        ),
        n=rows["reason"].null_count,
        failures=0,
        excluded=left_in(left_out(rows)),
        rows=rows,
    )


def _with_delay(rows: pa.Table) -> pa.Table:
    """An access that failed, or whose first answer did not come, has no delay."""
    none = pa.scalar(None, pa.string())
    silent = pc.if_else(pc.is_null(rows["delay_s"]), "no_result", none)
    reason = pc.coalesce(rows["reason"], pc.if_else(rows["failed"], "no_access", silent))
    return rows.set_column(rows.column_names.index("reason"), "reason", reason)


class _Unit(NamedTuple):
    """All accesses of one operator in one place and hour."""

    operator: str
    place: Place
    hour: int
    cell_id: int | None
    """The one of most accesses."""
    delays_s: tuple[float, ...]

    @property
    def hour_of_day(self) -> int:
        """Hour of the Vietnamese day."""
        return hour_of_day(self.hour)

    @property
    def mean_s(self) -> float:
        """Of the delays."""
        return math.fsum(self.delays_s) / len(self.delays_s)


class _Survey:
    """The delays by area and operator."""

    def __init__(
        self, rows: pa.Table, threshold: float, parameters: Parameters, operators: Sequence[str]
    ) -> None:
        self.scopes = (*operators, TOGETHER)
        self._operators = operators
        self._threshold = threshold
        self._parameters = parameters
        self._left: Sequence[Left] = left_out(rows)
        self._units = _units(rows)

    def finding(self, area: Area, operator: str) -> Finding:
        """The mean of one operator, or of the operators, in one area."""
        together = operator == TOGETHER
        names = self._operators if together else [operator]
        found = {name: self._units.get((area.level, area.code, name), []) for name in names}
        units = [unit for name in names for unit in found[name]]
        means = [(1.0, one.mean) for name in names if (one := _mean(found[name]))]
        mean = stats.weighted_mean(means)
        lower, upper = stats.mean_limits(mean, skewed=True)
        minimum = self._parameters.minimum
        lack = shortfall(units, units=len(units), minimum=minimum, where=area.name)
        silent = unmeasured([name for name in names if not found[name]] if together else [])
        delays = [delay for unit in units for delay in unit.delays_s]
        excluded = left_in(
            self._left, level=area.level, code=area.code, operator=None if together else operator
        )
        tried = len(delays) + excluded.get("no_access", 0)
        return Finding(
            scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
            estimate=mean.value if mean else None,
            lower=lower,
            upper=upper,
            n=len(delays),
            blocks=len(units),
            n_eff=stats.effective_count(delays, mean.variance if mean else None),
            excluded=excluded,
            against_pass=(*lack.reasons, *silent),
            against_fail=(*lack.reasons, *silent),
            need=(*lack.need, *self._need(mean, len(units), area)),
            p_below=stats.p_mean_below(mean, threshold=self._threshold, skewed=True),
            p_above=stats.p_mean_above(mean, threshold=self._threshold),
            context={
                "median_s": stats.median(delays),
                "failure_ratio": excluded.get("no_access", 0) / tried if tried else None,
            },
        )

    def _need(self, mean: stats.Mean | None, units: int, area: Area) -> tuple[Need, ...]:
        if mean is None or mean.variance is None:
            return ()
        more = stats.blocks_to_decide(mean, units, threshold=self._threshold, skewed=True)
        return () if more == 0 else (Need(what="blocks", more=more, where=area.name),)


def _mean(units: Sequence[_Unit]) -> stats.Clustered | None:
    return stats.clustered_mean(
        [unit.mean_s for unit in units],
        where=where(units),
        when=when(units),
    )


_Delays = list[tuple[int | None, float]]
"""Cell and delay of each access."""
_Scoped = dict[tuple[str, str | None, str], list[_Unit]]


def _units(rows: pa.Table) -> _Scoped:
    """Units by level, code and operator."""
    counts = rows.filter(pc.is_null(rows["reason"]))
    names = ("operator", "grid_row", "grid_column", "hour", "cell_id", "delay_s", *LEVELS)
    together: dict[tuple[str, str | None, str], dict[tuple[Place, int], _Delays]]
    together = defaultdict(lambda: defaultdict(list))
    for operator, row, column, hour, cell_id, delay_s, *codes in zip(
        *(counts[name].to_pylist() for name in names), strict=True
    ):
        for level, code in zip(LEVELS, codes, strict=True):
            together[level, code, operator][Place(row, column), hour].append((cell_id, delay_s))
    return {
        scope: [
            _Unit(
                scope[2],
                place,
                hour,
                most_served((cell_id, 1) for cell_id, _ in found),
                tuple(delay_s for _, delay_s in found),
            )
            for (place, hour), found in units.items()
        ]
        for scope, units in together.items()
    }
