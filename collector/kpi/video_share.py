"""Share of video session attempts that reach a download rate (target T5).

Every attempt counts that is not the probe's fault; one the network failed has not reached the
rate. The share is of attempts. Its limits take all attempts of one operator, place and hour for one
and the same, whatever the cells, so that a probe that repeats itself proves nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import ibis
import msgspec

from collector import stats
from collector.kpi import Area, Finding, Ground, Measured, Need, Period, Scope, Text
from collector.kpi._attempts import (
    TEST_COLUMNS,
    Attempts,
    Block,
    Left,
    left_in,
    read,
    with_operator,
    within,
)
from collector.kpi._evidence import Minimum, shortfall, unmeasured

TITLE = Text(vi="Tỷ lệ lượt xem video đạt tốc độ", en="Share of video sessions fast enough")
UNIT = "share"
HIGHER_IS_BETTER = True
TOGETHER = "all"
TABLES = ("video",)

PACED = "paced"
"""`protocol` of a session that only answers whether it reaches the rate: nothing is played."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rate_mbit_s: float
    """A session at least this fast is good."""
    height: int
    """Of the sessions that count; others are another target's."""
    profiles: tuple[str, ...]
    max_position_error_m: float = 50.0
    minimum: Minimum = Minimum(blocks=0)


def measure(
    tables: Any,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all operators together."""
    attempts = _attempts(tables.video, ground=ground, period=period, parameters=parameters)
    operators = [operator.name for operator in ground.operators]
    blocks: dict[tuple[str, str | None, str], list[Block]] = defaultdict(list)
    for block in attempts.blocks:
        for level, code in block.areas.items():
            blocks[level, code, block.operator].append(block)
            blocks[level, code, TOGETHER].append(block)
    rule = _Rule(attempts.left, threshold, parameters)
    return Measured(
        findings=tuple(
            _finding(
                area,
                operator,
                blocks.get((level, area.code, operator), []),
                rule,
                missing=[
                    name
                    for name in (operators if operator == TOGETHER else ())
                    if (level, area.code, name) not in blocks
                ],
            )
            for level in levels
            for area in ground.at(level)
            for operator in (*operators, TOGETHER)
        ),
        n=sum(block.attempts for block in attempts.blocks),
        failures=sum(block.failures for block in attempts.blocks),
        excluded=left_in(attempts.left),
        queries=attempts.queries,
    )


class _Rule(NamedTuple):
    left: Sequence[Left]
    share: float
    parameters: Parameters


def _attempts(table: Any, *, ground: Ground, period: Period, parameters: Parameters) -> Attempts:
    rows = within(table, period, (*TEST_COLUMNS, "height", "stalls", "protocol"))
    sessions = with_operator(rows, rows.radio_plmn, ground)
    return read(
        sessions,
        ground=ground,
        profiles=parameters.profiles,
        max_position_error_m=parameters.max_position_error_m,
        further=((sessions.height != parameters.height, "other_height"),),
        smooth=ibis.cases(
            (sessions.protocol == PACED, None), else_=ibis.coalesce(sessions.stalls == 0, False)
        ),
        failed=(
            sessions.outcome.isin(["failed", "no_service"]) | ibis.coalesce(sessions.cut_off, False)
        ),
    )


def _finding(
    area: Area, operator: str, blocks: Sequence[Block], rule: _Rule, *, missing: Sequence[str]
) -> Finding:
    attempts = sum(block.attempts for block in blocks)
    good = sum(
        rate >= rule.parameters.rate_mbit_s for block in blocks for rate in block.rates_mbit_s
    )
    share = good / attempts if attempts else None
    judged = sum(block.judged for block in blocks)
    units: Counter[tuple[object, ...]] = Counter()
    for block in blocks:
        units[block.unit] += block.attempts
    trials = stats.kish_count(list(units.values()))
    successes = trials * (share or 0.0)
    lower, upper = stats.clopper_pearson(successes, trials)
    shown = stats.wilson(successes, trials)
    lack = shortfall(blocks, units=len(units), minimum=rule.parameters.minimum, where=area.name)
    return Finding(
        scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
        estimate=share,
        lower=lower,
        upper=upper,
        n=attempts,
        blocks=len(units),
        n_eff=trials if attempts else None,
        failures=sum(block.failures for block in blocks),
        excluded=left_in(
            rule.left,
            level=area.level,
            code=area.code,
            operator=None if operator == TOGETHER else operator,
        ),
        against_pass=(*lack.reasons, *unmeasured(missing)),
        against_fail=(*lack.reasons, *unmeasured(missing)),
        need=(*lack.need, *_need(successes, trials, rule.share, area)),
        context={
            "wilson_lower": shown.lower,
            "wilson_upper": shown.upper,
            "failure_ratio": sum(block.failures for block in blocks) / attempts
            if attempts
            else None,
            "share_without_stall": sum(block.smooth for block in blocks) / judged
            if judged
            else None,
        },
    )


def _need(successes: float, trials: float, share: float, area: Area) -> tuple[Need, ...]:
    """Blocks that would prove the share if every attempt in them were good."""
    more = stats.successes_to_prove(successes, trials, share=share)
    return () if more == 0 else (Need(what="blocks", more=more, where=area.name),)
