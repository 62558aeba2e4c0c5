"""Targets against the lake: every verdict, with its evidence."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

import msgspec

from collector.config import Config
from collector.kpi import Finding, Ground, Measured, Operator, Period, Text
from collector.store.engine import connect
from collector.targets.ground import Geography
from collector.targets.target import Target, Threshold, load
from collector.targets.verdict import HEADLINE, Evidence, Value, Verdict, combine, decide

_INSTANT = timedelta(microseconds=1)
_OPEN = frozenset({Value.NOT_PROVEN, Value.NO_DATA})
"""Verdicts that more measuring could change into a decided one."""


def judge(
    tables: Any,
    targets: Iterable[Target],
    *,
    ground: Ground,
    now: datetime,
    period: Period | None = None,
) -> list[Verdict]:
    """All verdicts, target by target: the headline first, then every scope of the ground.

    `tables` is what `collector.store.engine.connect` gives. Without `period` each target takes
    the one that holds `now`.
    """
    verdicts: list[Verdict] = []
    for target in targets:
        over = target.period.over(now, period)
        verdicts += _Case(target, over, _for(target, ground)).verdicts(tables)
    return verdicts


def judge_all(
    config: Config, *, now: datetime, period: Period | None = None, target: str | None = None
) -> list[Verdict]:
    """All verdicts, or those of one target, on what the configured collector holds.

    Raises `TargetError`, `collector.config.ConfigError`, `collector.store.lake.LakeError` or
    `collector.store.engine.EngineError`.
    """
    targets = [one for one in load(config.targets.folder) if target in {None, one.id}]
    geography = Geography(config)
    verdicts: list[Verdict] = []
    with connect(config.store.engine, config.store.lake) as tables:
        for one in targets:
            over = one.period.over(now, period)
            # The areas of the period's own last day: a later reform does not reach back.
            where = geography.ground(min(now, over.end_utc - _INSTANT))
            verdicts += judge(tables, [one], ground=where, now=now, period=period)
    return verdicts


def select(
    verdicts: Iterable[Verdict], *, target: str | None = None, level: str | None = None
) -> list[Verdict]:
    """The verdicts of one target or level, headlines always among them."""
    return [
        one
        for one in verdicts
        if (target is None or one.target == target)
        and (level is None or one.level in {level, HEADLINE})
    ]


def _for(target: Target, ground: Ground) -> Ground:
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

    def verdicts(self, tables: Any) -> list[Verdict]:
        """The headline and the verdicts behind it."""
        # The threshold of the last instant of the period: its end is not part of it.
        in_force = self._target.threshold_at(self._period.end_utc - _INSTANT)
        if in_force is None:
            return [self._without_threshold(tables)]
        measured = self._target.kpi.measure(
            tables,
            ground=self._ground,
            levels=self._target.levels,
            period=self._period,
            threshold=in_force.value,
            parameters=self._target.parameters,
        )
        evidence = self._evidence(tables, measured.queries, in_force)
        brief = msgspec.structs.replace(evidence, query=None)
        verdicts = [self._verdict(finding, in_force, brief) for finding in measured.findings]
        return [self._headline(verdicts, measured, in_force, evidence), *verdicts]

    def _verdict(self, finding: Finding, in_force: Threshold, evidence: Evidence) -> Verdict:
        kpi = self._target.kpi
        said = decide(
            finding,
            threshold=in_force.value,
            unit=kpi.unit,
            higher_is_better=kpi.higher_is_better,
        )
        return Verdict(
            target=self._target.id,
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
            evidence=evidence,
            context=finding.context,
        )

    def _headline(
        self,
        verdicts: Sequence[Verdict],
        measured: Measured,
        in_force: Threshold,
        evidence: Evidence,
    ) -> Verdict:
        together = self._target.kpi.together
        behind = [
            one.verdict
            for one in verdicts
            if one.level == self._target.headline and one.operator != together
        ]
        said = combine(behind)
        return msgspec.structs.replace(
            self._empty(said.value, said.reason, evidence),
            threshold=in_force.value,
            n=measured.n,
            failures=measured.failures,
            excluded=measured.excluded,
            counts={value.value: behind.count(value) for value in Value},
            blocks=sum(
                one.blocks
                for one in verdicts
                if one.level == self._target.headline and one.operator != together
            ),
        )

    def _without_threshold(self, tables: Any) -> Verdict:
        reason = Text(
            vi="trong kỳ này chưa có ngưỡng nào có hiệu lực",
            en="no threshold was in force in this period",
        )
        return self._empty(Value.NOT_APPLICABLE, reason, self._evidence(tables, {}, None))

    def _empty(self, value: Value, reason: Text, evidence: Evidence) -> Verdict:
        provinces = self._ground.at("province")
        return Verdict(
            target=self._target.id,
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

    def _evidence(
        self, tables: Any, queries: dict[str, str], in_force: Threshold | None
    ) -> Evidence:
        query = "\n\n".join(f"-- {name}\n{sql}" for name, sql in sorted(queries.items()))
        read = {kind: tables.versions[kind] for kind in self._target.kpi.tables}
        return Evidence(
            query_sha256=_sha256(query.encode()),
            query=query or None,
            tables=read,
            dataset_sha256=_sha256(msgspec.json.encode(read, order="sorted")),
            boundary_set=self._ground.boundary_set,
            demo_geography=self._ground.demo,
            profiles=self._target.profiles,
            parameters=msgspec.json.decode(msgspec.json.encode(self._target.parameters)),
            threshold_valid_from=in_force.valid_from.isoformat() if in_force else None,
            threshold_source=in_force.source if in_force else None,
            software=f"dosong {version('dosong')}",
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
