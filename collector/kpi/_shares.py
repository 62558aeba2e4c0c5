"""Shares of attempts that meet something, with limits (used by every KPI that is a share).

k of n attempts met it, those the network failed among the n (ETSI TS 102 250-6, 5.4: exact limits
of a proportion). The limits take all attempts of one operator, place and hour for one and the
same, and count places, cells or hours as clusters where those differ.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from collector import stats
from collector.kpi import Area, Finding, Ground, Measured, Need, Scope
from collector.kpi._attempts import LEVELS, Block, Left, Place, hour_of_day, left_in, left_out
from collector.kpi._evidence import Minimum, shortfall, unmeasured
from collector.kpi._units import fewest_clusters, lacking, most_served, when, where


class Attempts(NamedTuple):
    """What was attempted of one operator by one cell in one place and hour."""

    areas: Mapping[str, str | None]
    """Code by level."""
    operator: str
    place: Place
    hour: int
    """Clock hours since 1970, UTC."""
    cell_id: int | None
    number: int
    met: int
    failures: int
    """Those the network failed."""
    beside: tuple[int, ...] = ()
    """How many of them say something else, in the order that was asked for."""


class Question(NamedTuple):
    """What is asked of a share."""

    share: float
    """The threshold."""
    minimum: Minimum
    together: str
    """Name of the scope that pools all operators."""
    higher_is_better: bool = True
    each_unit_once: bool = False
    """A unit - one operator, place and hour - is one trial, met as far as its attempts met it: for
    samples taken every second, of which a parked car makes thousands. Otherwise each attempt is
    one."""
    figures: Callable[[Sequence[Attempts]], dict[str, Any]] = lambda _: {}
    """What else stands beside the share."""


def grouped(rows: pa.Table, *, beside: Sequence[str] = ()) -> tuple[Attempts, ...]:
    """Attempts in the order of their first row; `rows` come from `collector.kpi._attempts.placed`.

    Rows have `met` and `failed` besides; null is no. So have the columns named in `beside`.
    """
    counts = rows.filter(pc.is_null(rows["reason"]))
    keys = (*LEVELS, "operator", "grid_row", "grid_column", "hour", "cell_id")
    said = ("met", "failed", *beside)
    table = pa.table(
        {name: counts[name] for name in keys}
        | {name: pc.fill_null(counts[name].cast(pa.int64()), 0) for name in said}
    )
    found = table.group_by(list(keys), use_threads=False).aggregate(
        [([], "count_all"), *((name, "sum") for name in said)]
    )
    columns = (found[name].to_pylist() for name in (*keys, "count_all", *_sums(said)))
    return tuple(
        Attempts(
            areas=dict(zip(LEVELS, row[:3], strict=True)),
            operator=row[3],
            place=Place(row[4], row[5]),
            hour=row[6],
            cell_id=row[7],
            number=row[8],
            met=row[9],
            failures=row[10],
            beside=tuple(row[11:]),
        )
        for row in zip(*columns, strict=True)
    )


def of_blocks(
    blocks: Iterable[Block], met: Callable[[Block], int], *beside: Callable[[Block], int]
) -> tuple[Attempts, ...]:
    """Blocks of tests, of which so many met it."""
    return tuple(
        Attempts(
            areas=block.areas,
            operator=block.operator,
            place=block.place,
            hour=block.hour,
            cell_id=block.cell_id,
            number=block.attempts,
            met=met(block),
            failures=block.failures,
            beside=tuple(one(block) for one in beside),
        )
        for block in blocks
    )


def measured(
    rows: pa.Table, *, ground: Ground, levels: Sequence[str], question: Question
) -> Measured:
    """All findings of a share over rows as `grouped` takes them."""
    attempts = grouped(rows)
    return reckoned(
        attempts, left_out(rows), rows=rows, ground=ground, levels=levels, question=question
    )


def reckoned(
    attempts: Sequence[Attempts],
    left: Sequence[Left],
    *,
    rows: pa.Table | None,
    ground: Ground,
    levels: Sequence[str],
    question: Question,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all of them pooled."""
    survey = _Survey(attempts, left, question, [one.name for one in ground.operators])
    return Measured(
        findings=tuple(
            survey.finding(area, operator)
            for level in levels
            for area in ground.at(level)
            for operator in survey.scopes
        ),
        n=sum(one.number for one in attempts),
        failures=sum(one.failures for one in attempts),
        excluded=left_in(left),
        rows=rows,
    )


class _Survey:
    """The attempts of one share, by area and operator."""

    def __init__(
        self,
        attempts: Sequence[Attempts],
        left: Sequence[Left],
        question: Question,
        operators: Sequence[str],
    ) -> None:
        self.scopes = (*operators, question.together)
        self._operators = operators
        self._left = left
        self._question = question
        self._at: dict[tuple[str, str | None, str], list[Attempts]] = defaultdict(list)
        for one in attempts:
            for level, code in one.areas.items():
                self._at[level, code, one.operator].append(one)
                self._at[level, code, question.together].append(one)

    def finding(self, area: Area, operator: str) -> Finding:
        """The share of one operator, or of all, in one area."""
        question = self._question
        together = operator == question.together
        attempts = self._at.get((area.level, area.code, operator), [])
        number = sum(one.number for one in attempts)
        failures = sum(one.failures for one in attempts)
        units = _units(attempts)
        share = _share(units, each_once=question.each_unit_once)
        trials, successes, by = _trials(units, each_once=question.each_unit_once)
        lower, upper = stats.clopper_pearson(successes, trials)
        shown = stats.wilson(successes, trials)
        lack = shortfall(units, units=len(units), minimum=question.minimum, where=area.name)
        silent = [
            name
            for name in (self._operators if together else ())
            if (area.level, area.code, name) not in self._at
        ]
        against = (*lack.reasons, *unmeasured(silent))
        return Finding(
            scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
            estimate=share,
            lower=lower,
            upper=upper,
            n=number,
            blocks=len(units),
            n_eff=trials if number else None,
            failures=failures,
            excluded=left_in(
                self._left,
                level=area.level,
                code=area.code,
                operator=None if together else operator,
            ),
            against_pass=against,
            against_fail=against,
            need=(
                *lack.need,
                *self._need(successes, trials, _each(units, trials, by), area),
            ),
            p_below=stats.p_share_below(successes, trials, threshold=question.share),
            p_above=stats.p_share_above(successes, trials, threshold=question.share),
            context={
                "design_effect": number / trials if trials else None,
                "clustered_by": list(by),
                "wilson_lower": shown.lower,
                "wilson_upper": shown.upper,
                "failure_ratio": failures / number if number else None,
                **question.figures(attempts),
            },
        )

    def _need(self, successes: float, trials: float, each: "_Each", area: Area) -> tuple[Need, ...]:
        """What decides, one way or the other, if the share stays what it is."""
        good, share = successes, self._question.share
        if not self._question.higher_is_better:
            good, share = trials - successes, 1 - share
        more = stats.trials_to_decide(good, trials, share=share)
        if more == 0:
            return ()
        count = None if more is None else math.ceil(more / each.trials)
        return (Need(what=each.what, more=count, where=area.name),)


class _Unit(NamedTuple):
    """All cells together of one operator in one place and hour."""

    place: Place
    hour: int
    operator: str
    cell_id: int | None
    """As `most_served` of its attempts."""
    number: int
    met: int

    @property
    def hour_of_day(self) -> int:
        """Hour of the Vietnamese day."""
        return hour_of_day(self.hour)


def _units(attempts: Iterable[Attempts]) -> list[_Unit]:
    together: dict[tuple[str, Place, int], list[Attempts]] = defaultdict(list)
    for one in attempts:
        together[one.operator, one.place, one.hour].append(one)
    return [
        _Unit(
            place=place,
            hour=hour,
            operator=operator,
            cell_id=most_served((one.cell_id, one.number) for one in found),
            number=sum(one.number for one in found),
            met=sum(one.met for one in found),
        )
        for (operator, place, hour), found in together.items()
    ]


def _share(units: Sequence[_Unit], *, each_once: bool) -> float | None:
    if not units:
        return None
    if each_once:
        return math.fsum(one.met / one.number for one in units) / len(units)
    return sum(one.met for one in units) / sum(one.number for one in units)


def _trials(units: Sequence[_Unit], *, each_once: bool) -> stats.Trials:
    """The share as so many independent trials."""
    return stats.clustered_trials(
        [one.met / one.number if each_once else one.met for one in units],
        [1 if each_once else one.number for one in units],
        where=where(units),
        when=when(units),
    )


class _Each(NamedTuple):
    """What one more block, or one more cluster, is worth."""

    what: str
    trials: float


def _each(units: Sequence[_Unit], trials: float, by: Sequence[str]) -> _Each:
    """A block is one trial; a cluster is what those there are, are worth on average."""
    if not by:
        return _Each("blocks", 1.0)
    return _Each(lacking(by), trials / fewest_clusters(units, by))


def _sums(names: Iterable[str]) -> Iterable[str]:
    return (f"{name}_sum" for name in names)
