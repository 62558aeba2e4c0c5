"""Mean download rate of one period over that of the year before (Decision 912/QĐ-BKHCN).

The decision of 18 May 2025 wants the mean download rate of 2025 to be twice that of 2024. What was
measured in both years is compared area by area and operator by operator; a year that was not
measured gives no ratio, and never counts as a slow one.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import msgspec
import pyarrow as pa

from collector import stats
from collector.kpi import (
    KEY,
    Area,
    Extract,
    Finding,
    Ground,
    Measured,
    Period,
    Scope,
    Source,
    Text,
)
from collector.kpi._attempts import Attempts, Block, extract_of, left_in, read
from collector.kpi._capacity import capacity_tests
from collector.kpi._evidence import Minimum, shortfall
from collector.kpi._units import finished_mean, mean_of_units

VIET_NAM = timezone(timedelta(hours=7))

TITLE = Text(vi="Tốc độ tải xuống so với năm trước", en="Download rate over the year before")
UNIT = "times"
HIGHER_IS_BETTER = True
TOGETHER = "all"
TABLES = ("throughput",)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rat_class: str | None = None
    """`4g` or `5g`; None takes whatever served the test: the decision says mobile broadband."""
    unserved_locks: tuple[str, ...] = ()
    """With `rat_class`: modes asked of the modem with which a test without any service counts."""
    profiles: tuple[str, ...]
    """Test profiles that count, in both years: like is only compared with like."""
    max_position_error_m: float = 50.0
    min_server_mbit_s: float | None = None
    """What the server's own control test must have reached; a slower server is not the network."""
    minimum: Minimum = Minimum()
    """Of each of the two years."""


def spans(period: Period) -> tuple[Period, ...]:
    """The period, and the same days of the year before."""
    return period, year_before(period)


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Capacity tests, downwards."""
    return (
        extract_of(
            "mean_growth",
            "throughput",
            capacity_tests,
            ground=ground,
            parameters=parameters,
            direction="down",
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
    """One finding for each area of `levels` and each operator, and for all operators together."""
    [extract] = extracts(ground=ground, parameters=parameters)
    this, before = (
        _Year(read(source, extract, ground=ground, period=span)) for span in spans(period)
    )
    operators = [operator.name for operator in ground.operators]
    return Measured(
        findings=tuple(
            _finding(
                area,
                operator,
                operators if operator == TOGETHER else [operator],
                _Years(this, before),
                threshold=threshold,
                minimum=parameters.minimum,
            )
            for level in levels
            for area in ground.at(level)
            for operator in (*operators, TOGETHER)
        ),
        n=sum(len(block.rates_mbit_s) for block in this.attempts.blocks),
        failures=sum(block.failures for block in this.attempts.blocks),
        excluded=left_in(this.attempts.left),
        rows=_rows(this, before),
    )


def _rows(this: "_Year", before: "_Year") -> pa.Table:
    """The rows of both years, each with its `year`: `this` or `before`."""
    both = pa.concat_tables(
        year.attempts.rows.append_column("year", pa.repeat(name, len(year.attempts.rows)))
        for year, name in ((this, "this"), (before, "before"))
    )
    return both.sort_by([(name, "ascending") for name in KEY])


def year_before(period: Period) -> Period:
    """The same calendar days one year earlier, in Viet Nam."""
    start, end = (
        _a_year_earlier(at.astimezone(VIET_NAM)).astimezone(UTC)
        for at in (period.start_utc, period.end_utc)
    )
    return Period(label=f"{period.label} - 1", start_utc=start, end_utc=end)


def _a_year_earlier(local: datetime) -> datetime:
    """Periods begin and end on the first of a month, or on a day that any year has but one."""
    try:
        return local.replace(year=local.year - 1)
    except ValueError:  # 29 February
        return local.replace(year=local.year - 1, day=28)


class _Year:
    """The blocks of one of the two periods."""

    def __init__(self, attempts: Attempts) -> None:
        self.attempts = attempts
        self._blocks: dict[tuple[str, str | None, str], list[Block]] = defaultdict(list)
        for block in attempts.blocks:
            for level, code in block.areas.items():
                self._blocks[level, code, block.operator].append(block)

    def blocks(self, area: Area, operators: Sequence[str]) -> list[Block]:
        """Of these operators in one area."""
        return [
            block
            for name in operators
            for block in self._blocks.get((area.level, area.code, name), ())
        ]

    def mean(self, area: Area, operators: Sequence[str]) -> stats.Mean | None:
        """Each operator with the same weight; None where one of them was not measured."""
        parts = [mean_of_units(self.blocks(area, [name]), finished_mean) for name in operators]
        known = [(1.0, part.mean) for part in parts if part is not None]
        return stats.weighted_mean(known) if len(known) == len(operators) else None


class _Years(NamedTuple):
    this: _Year
    before: _Year


def _finding(
    area: Area,
    operator: str,
    operators: Sequence[str],
    years: _Years,
    *,
    threshold: float,
    minimum: Minimum,
) -> Finding:
    this, before = (year.mean(area, operators) for year in years)
    lower, upper = stats.ratio_limits(this, before)
    blocks = [year.blocks(area, operators) for year in years]
    finished = [[block for block in found if block.rates_mbit_s] for found in blocks]
    rates = [rate for block in blocks[0] for rate in block.rates_mbit_s]
    lacks = [
        shortfall(found, units=len({one.unit for one in found}), minimum=minimum, where=where)
        for found, where in zip(finished, (area.name, f"{area.name} (-1)"), strict=True)
    ]
    reasons = tuple(reason for lack in lacks for reason in lack.reasons)
    known = this is not None and before is not None and before.value > 0
    return Finding(
        scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
        estimate=this.value / before.value if this and before and known else None,
        lower=lower,
        upper=upper,
        n=len(rates),
        blocks=len({block.unit for block in finished[0]}),
        failures=sum(block.failures for block in blocks[0]),
        excluded=left_in(
            years.this.attempts.left,
            level=area.level,
            code=area.code,
            operator=None if operator == TOGETHER else operator,
        ),
        against_pass=reasons if known else (*reasons, _NO_YEAR_BEFORE),
        against_fail=reasons if known else (*reasons, _NO_YEAR_BEFORE),
        # A year that is over cannot be measured any more: only the running one has needs.
        need=lacks[0].need if known else (),
        p_below=stats.p_ratio_below(this, before, threshold=threshold),
        p_above=stats.p_ratio_above(this, before, threshold=threshold),
        context={
            "mean_this_year": None if this is None else this.value,
            "mean_year_before": None if before is None else before.value,
            "n_year_before": sum(len(block.rates_mbit_s) for block in blocks[1]),
        },
    )


_NO_YEAR_BEFORE = Text(
    vi="năm trước chưa được đo đủ để so sánh",
    en="the year before was not measured enough to compare with",
)
