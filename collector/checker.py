"""Which targets are met: judged anew where something has changed, and written into the book."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version

import msgspec

from collector.config import Config
from collector.evidence.book import Basis, Case, KeptLayer, VerdictBook
from collector.evidence.signing import Standing, standing
from collector.extracts import Keep, LakeSource
from collector.extracts.source import Progress
from collector.geo import configured
from collector.imports.table import source as imports
from collector.kpi import Ground, Period
from collector.store.engine import connect
from collector.store.lake import Lake
from collector.targets.ground import Geography
from collector.targets.judging import Judged, for_target, judge_target
from collector.targets.periods import INSTANT, VIET_NAM
from collector.targets.target import Target, load
from collector.targets.verdict import Verdict

RULES = 3
"""Counts up when the same rows would be judged otherwise than before."""


class UnknownTargetError(ValueError):
    """No target is called so."""

    def __init__(self, asked: str, known: Sequence[str]) -> None:
        """Name those there are."""
        super().__init__(f"target {asked!r}: there are {', '.join(known)}")


def judge_all(
    config: Config,
    *,
    now: datetime,
    period: Period | None = None,
    target: str | None = None,
    on_progress: Progress = lambda *_: None,
) -> list[Verdict]:
    """All verdicts, or those of one target, on what the configured collector holds.

    Those of periods that are over are kept. Raises `TargetError`, `ConfigError`, `LibraryError`,
    `LakeError`, `EngineError`, `VerdictBookError` or OSError.
    """
    with Checker.opened(config, on_progress=on_progress) as checker:
        return checker.check(now=now, period=period, target=target)


def stand_all(
    config: Config, *, now: datetime, period: Period | None = None
) -> tuple[Standing, ...]:
    """All verdicts that stand, those of a signed period as they were signed; see `judge_all`."""
    with Checker.opened(config) as checker:
        return standing(checker.book, period, checker.check(now=now, period=period))


class Checker:
    """Judges what the lake holds. Belongs to one thread."""

    def __init__(
        self,
        config: Config,
        geography: Geography,
        *,
        source: LakeSource,
        keep: Keep,
        book: VerdictBook,
    ) -> None:
        """See `opened`."""
        self._config = config
        self._geography = geography
        self._source = source
        self._keep = keep
        self.book = book

    @classmethod
    @contextmanager
    def opened(
        cls, config: Config, *, on_progress: Progress = lambda *_: None
    ) -> Iterator["Checker"]:
        """A checker on the configured lake, with what it knows from before."""
        geography = Geography.configured(config)
        if not config.store.lake.exists():
            Lake(config.store.lake)  # nothing was received yet; imports are judged all the same
        keep = Keep(config.store.extracts)
        source = LakeSource(
            connect(config.store.engine, config.store.lake),
            keep,
            imported=imports(config.store.imports),
            on_progress=on_progress,
        )
        try:
            with VerdictBook(config.store.verdicts) as book:
                yield cls(config, geography, source=source, keep=keep, book=book)
                keep.sweep_daily(book.objects)
        finally:
            source.close()

    def rebuild(self) -> None:
        """Forget what was worked out before: all rows are read again, and judged again."""
        self._keep.forget()
        self.book.forget_answers()

    def target_id(self, asked: str) -> str:
        """Id of a target as its file has it; raises `UnknownTargetError` or `TargetError`."""
        return next((one.id for one in self._targets(asked)), asked)

    def check(
        self,
        *,
        now: datetime,
        period: Period | None = None,
        target: str | None = None,
        keep_running: bool = False,
        on_target: Callable[[str], None] = lambda _: None,
    ) -> list[Verdict]:
        """All verdicts, or those of one target; see `judge_all`.

        Verdicts on a period that still runs are only kept with `keep_running`.
        """
        verdicts: list[Verdict] = []
        for one in self._targets(target):
            on_target(one.id)
            over = one.period.over(now, period)
            # The areas of the period's own last day: a later reform does not reach back.
            day = min(now, over.end_utc - INSTANT)
            # What was asked may be over while the year it belongs to still runs.
            is_over = (period or over).end_utc <= now
            for ground in self._geography.grounds(one, day):
                verdicts += self._answer(
                    one, over, ground, now=now, day=day, keep=keep_running or is_over
                )
        return verdicts

    def _targets(self, asked: str | None) -> list[Target]:
        known = load(self._config.targets.folder)
        chosen = [one for one in known if asked is None or one.id.casefold() == asked.casefold()]
        if not chosen and known:
            raise UnknownTargetError(asked or "", [one.id for one in known])
        return chosen

    def _answer(
        self,
        target: Target,
        period: Period,
        ground: Ground,
        *,
        now: datetime,
        day: datetime,
        keep: bool,
    ) -> list[Verdict]:
        case = Case(target=target.id, period=period, boundary_set=ground.boundary_set)
        inputs = self._inputs(target, period, ground, day)
        known = self.book.answer(case, inputs)
        if known is not None:
            return [msgspec.json.decode(one, type=Verdict) for one in known]
        judged = judge_target(self._source, target, ground=ground, period=period)
        if keep:
            self.book.write(
                self._basis(case, target, judged, day),
                [(one.id, msgspec.json.encode(one)) for one in judged.verdicts],
                inputs=inputs,
                now=now,
            )
        return list(judged.verdicts)

    def _inputs(self, target: Target, period: Period, ground: Ground, day: datetime) -> str:
        """A hash that changes with anything that could change a verdict."""
        ground_day = day.astimezone(VIET_NAM).date()  # of one ground not all counts on each day
        kpi, spans = target.kpi, target.kpi.spans(period)
        if kpi.extracts is None:
            # Events have the clock anchors, by which rows move from month to month.
            rows = [self._source.state(kind) for kind in sorted({*kpi.tables, "event"})]
        else:
            wanted = for_target(target, ground)
            extracts = kpi.extracts(ground=wanted, parameters=target.parameters)
            rows = [self._source.objects(one, span) for one in extracts for span in spans]
        rows += [
            self._source.take_imported(kind, span).objects for kind in kpi.imports for span in spans
        ]
        said = (RULES, target.text, period, ground.boundary_set, ground.digest, ground_day, rows)
        return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()

    def _basis(self, case: Case, target: Target, judged: Judged, day: datetime) -> Basis:
        material = self._geography.frozen_in(configured.library(self._config))
        return Basis(
            case=case,
            target_file=f"{target.id.lower()}.toml",
            target_text=target.text,
            layers=tuple(KeptLayer.of(one) for one in material.layers),
            operators=material.operators,
            ground_day=day,
            frozen=judged.frozen,
            software=f"dosong {version('dosong')}",
        )
