"""Targets against rows: every verdict, with its evidence."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from collector.extracts import Frozen, Noting
from collector.kpi import Finding, Ground, Measured, Operator, Period, Text
from collector.targets.dataset import Dataset, border_samples, evidence_of
from collector.targets.headline import Judged as AsJudged
from collector.targets.headline import headline
from collector.targets.periods import INSTANT
from collector.targets.target import AREA_LEVELS, Target, Threshold
from collector.targets.verdict import (
    HEADLINE,
    Evidence,
    Value,
    Verdict,
    decide,
    identified,
)

_OPEN = frozenset({Value.NOT_PROVEN, Value.NO_DATA})
"""Verdicts that more measuring could change into a decided one."""


class Judged(NamedTuple):
    """One target over one period on one ground."""

    verdicts: tuple[Verdict, ...]
    """The headline, then every scope of the ground."""
    frozen: tuple[Frozen, ...]
    """What names the rows for ever, where they are kept."""
    rows: pa.Table | None
    """See `collector.kpi.Measured.rows`."""


def judge(
    source: Any,
    targets: Iterable[Target],
    *,
    ground: Ground,
    now: datetime,
    period: Period | None = None,
) -> list[Verdict]:
    """All verdicts, target by target.

    `source` is a `collector.kpi.Source` that can also be noted. Without `period` each target
    takes the last whole one before `now`.
    """
    verdicts: list[Verdict] = []
    for target in targets:
        over = target.period.over(now, period)
        verdicts += judge_target(source, target, ground=ground, period=over).verdicts
    return verdicts


def judge_target(source: Any, target: Target, *, ground: Ground, period: Period) -> Judged:
    """All verdicts of one target in one period."""
    return _Case(target, period, for_target(target, ground)).judged(source)


def behind_headline(target: Target, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Those of a target's verdicts that its headline is made of."""
    all_together = target.headline_operator == "together"
    return [
        one
        for one in verdicts
        if one.level == target.headline and (one.operator == target.kpi.together) is all_together
    ]


def for_target(target: Target, ground: Ground) -> Ground:
    """The ground with those operators that run what the target is about."""
    wanted = set(target.technologies)

    def runs(operator: Operator) -> bool:
        return bool(wanted.intersection(operator.technologies))

    return msgspec.structs.replace(
        ground, operators=tuple(operator for operator in ground.operators if runs(operator))
    )


class _Case:
    """One target over one period."""

    def __init__(self, target: Target, period: Period, ground: Ground) -> None:
        self._target = target
        self._period = period
        self._ground = ground

    def judged(self, source: Any) -> Judged:
        """The headline and the verdicts behind it."""
        # The threshold of the last instant of the period: its end is not part of it.
        in_force = self._target.threshold_at(self._period.end_utc - INSTANT)
        if in_force is None:
            return Judged((self._without_threshold(),), (), None)
        noting = Noting(source)
        measured = self._target.kpi.measure(
            noting,
            ground=self._ground,
            levels=self._target.levels,
            period=self._period,
            threshold=in_force.value,
            parameters=self._target.parameters,
        )
        evidence = self._evidence(noting.taken, in_force)
        dataset = Dataset(measured.rows)
        brief = msgspec.structs.replace(evidence, query=None)
        takes_all = self._target.kpi.takes_all
        verdicts = [
            self._verdict(
                finding,
                in_force,
                brief,
                dataset.of(finding.scope, all_operators=takes_all(finding.scope.operator)),
            )
            for finding in measured.findings
        ]
        whole = self._headline(verdicts, measured, in_force, evidence_of(dataset.all(), evidence))
        return Judged(
            tuple(identified(one) for one in (whole, *verdicts)),
            tuple(noting.taken),
            measured.rows,
        )

    def _verdict(
        self, finding: Finding, in_force: Threshold, evidence: Evidence, rows: pa.Table | None
    ) -> Verdict:
        kpi = self._target.kpi
        border = border_samples(rows)
        said = decide(
            finding,
            threshold=in_force.value,
            unit=kpi.unit,
            higher_is_better=kpi.higher_is_better,
        )
        return Verdict(
            target=self._target.id,
            basis=self._target.basis,
            boundary_set=self._boundary_set,
            level=finding.scope.level,
            code=finding.scope.code,
            name=finding.scope.name,
            operator=finding.scope.operator,
            verdict=said.value,
            estimate=finding.estimate,
            lower=finding.lower,
            upper=finding.upper,
            threshold=in_force.value,
            unit=kpi.unit,
            n=finding.n,
            blocks=finding.blocks,
            n_eff=finding.n_eff,
            failures=finding.failures,
            excluded=finding.excluded,
            reason=said.reason,
            need=finding.need if said.value in _OPEN else (),
            period=self._period,
            evidence=evidence_of(rows, evidence),
            p_below=finding.p_below,
            p_above=finding.p_above,
            context=finding.context | ({} if border is None else {"border_samples": border}),
        )

    def _headline(
        self,
        verdicts: Sequence[Verdict],
        measured: Measured,
        in_force: Threshold,
        evidence: Evidence,
    ) -> Verdict:
        speaking = behind_headline(self._target, verdicts)
        behind = [one.verdict for one in speaking]
        said = headline([_chance(one) for one in speaking])
        nothing = measured.nothing_to_judge if said.value is Value.NOT_APPLICABLE else None
        return msgspec.structs.replace(
            self._empty(said.value, nothing or said.reason, evidence),
            threshold=in_force.value,
            n=measured.n,
            failures=measured.failures,
            excluded=measured.excluded,
            counts={value.value: behind.count(value) for value in Value},
            blocks=sum(one.blocks for one in speaking),
            context={
                **measured.headline,
                "fails_holding": said.fails_holding,
                "passes_holding": said.passes_holding,
            },
        )

    def _without_threshold(self) -> Verdict:
        reason = Text(
            vi="trong kỳ này chưa có ngưỡng nào có hiệu lực",
            en="no threshold was in force in this period",
        )
        nothing = evidence_of(None, self._evidence((), None))
        return identified(self._empty(Value.NOT_APPLICABLE, reason, nothing))

    @property
    def _boundary_set(self) -> str | None:
        by_area = set(self._target.levels) & set(AREA_LEVELS)
        return self._ground.boundary_set if by_area else None

    def _empty(self, value: Value, reason: Text, evidence: Evidence) -> Verdict:
        provinces = self._ground.at("province")
        return Verdict(
            target=self._target.id,
            basis=self._target.basis,
            boundary_set=self._boundary_set,
            level=HEADLINE,
            code=provinces[0].code if len(provinces) == 1 else "",
            name=", ".join(area.name for area in provinces),
            operator=self._target.kpi.together,
            verdict=value,
            estimate=None,
            lower=None,
            upper=None,
            threshold=None,
            unit=self._target.kpi.unit,
            n=0,
            blocks=0,
            n_eff=None,
            failures=0,
            excluded={},
            reason=reason,
            need=(),
            period=self._period,
            evidence=evidence,
        )

    def _evidence(self, taken: Sequence[Frozen], in_force: Threshold | None) -> Evidence:
        """What all verdicts of the case rest on; `evidence_of` adds the rows of each."""
        query = "\n\n".join(f"-- {one.name}\n{one.query}" for one in taken)
        return Evidence(
            rows_sha256="",
            rows_in=0,
            rows_out=0,
            query_sha256=_sha256(query.encode()),
            query=query or None,
            ground_sha256=self._ground.digest,
            demo_geography=self._ground.demo,
            profiles=self._target.profiles,
            parameters=msgspec.json.decode(msgspec.json.encode(self._target.parameters)),
            threshold_valid_from=in_force.valid_from.isoformat() if in_force else None,
            threshold_source=in_force.source if in_force else None,
            software=f"dosong {version('dosong')}",
        )


def _chance(verdict: Verdict) -> AsJudged:
    """The verdict with how likely it would be at the threshold itself."""
    p_values = {Value.PASS: verdict.p_above, Value.FAIL: verdict.p_below}
    return AsJudged(verdict.verdict, p_values.get(verdict.verdict))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
