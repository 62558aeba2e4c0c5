"""A verdict computed again from what it was frozen with, whatever the lake holds by now."""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from collector.config import Config
from collector.evidence.book import Basis, VerdictBook
from collector.extracts import FrozenSource, Keep
from collector.geo import configured
from collector.kpi import Ground, Scope
from collector.targets.dataset import Dataset
from collector.targets.ground import Geography, Material
from collector.targets.judging import Judged, behind_headline, for_target, judge_target
from collector.targets.target import Target, parsed
from collector.targets.verdict import HEADLINE, Verdict


class Again(NamedTuple):
    """A verdict with what it is computed from, and what comes out of it today."""

    stored: Verdict
    computed: Verdict | None
    """None where the rules of today find no such scope."""
    behind: tuple[Verdict, ...]
    """Those it is made of, as computed: of a headline those of its level, of all operators
    together that of each. None stand behind one operator in one place."""
    basis: Basis
    target: Target
    ground: Ground
    rows: pa.Table | None
    """All rows that were looked at for this verdict; see `collector.kpi.Measured.rows`."""

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Fields that are not what they were, as stored and as computed; empty if it is exact."""
        if self.computed is None:
            return {"verdict": (self.stored.verdict, None)}
        stored, computed = (_plain(one) for one in (self.stored, self.computed))
        return {
            name: (value, computed[name])
            for name, value in stored.items()
            if value != computed[name]
        }


class CaseAgain(NamedTuple):
    """All verdicts of one case, computed again."""

    basis: Basis
    target: Target
    ground: Ground
    judged: Judged

    def of(self, stored: Verdict) -> Again:
        """One of the verdicts that rest on this basis."""
        found = self.judged.verdicts
        return Again(
            stored=stored,
            computed=next((one for one in found if _scope(one) == _scope(stored)), None),
            behind=tuple(_behind(stored, self.target, found)),
            basis=self.basis,
            target=self.target,
            ground=self.ground,
            rows=_rows(self.judged.rows, stored, self.target),
        )


def recompute(config: Config, id_: str) -> Again:
    """The verdict of that id, or of an id that begins so, computed again.

    Raises `VerdictBookError`, `LostObjectError`, `LibraryError`, `TargetError` or
    `GeographyError`.
    """
    with VerdictBook(config.store.verdicts) as book:
        content, basis = book.verdict(id_)
    return judged_again(config, basis).of(msgspec.json.decode(content, type=Verdict))


def judged_again(config: Config, basis: Basis) -> CaseAgain:
    """What rests on a basis; raises as `recompute`, but for the book."""
    target = parsed(basis.target_text, Path(basis.target_file))
    library = configured.library(config)
    material = Material(
        layers=tuple(layer.found_in(library) for layer in basis.layers), operators=basis.operators
    )
    ground = _ground(Geography(material), target, basis)
    keep = Keep(config.store.extracts)
    try:
        judged = judge_target(
            FrozenSource(keep, basis.frozen), target, ground=ground, period=basis.case.period
        )
    finally:
        keep.close()
    return CaseAgain(basis, target, for_target(target, ground), judged)


def _ground(geography: Geography, target: Target, basis: Basis) -> Ground:
    grounds = geography.grounds(target, basis.ground_day)
    return next(one for one in grounds if one.boundary_set == basis.case.boundary_set)


def _scope(verdict: Verdict) -> tuple[str, str, str]:
    return verdict.level, verdict.code, verdict.operator


def _behind(verdict: Verdict, target: Target, found: tuple[Verdict, ...]) -> list[Verdict]:
    if verdict.level == HEADLINE:
        return behind_headline(target, found)
    if verdict.operator != target.kpi.together:
        return []
    place = (verdict.level, verdict.code)
    return [
        one
        for one in found
        if (one.level, one.code) == place and one.operator != target.kpi.together
    ]


def _rows(rows: pa.Table | None, verdict: Verdict, target: Target) -> pa.Table | None:
    if rows is None or verdict.level == HEADLINE:
        return rows
    scope = Scope(
        level=verdict.level, code=verdict.code, name=verdict.name, operator=verdict.operator
    )
    found = Dataset(rows).of(scope, all_operators=target.kpi.takes_all(verdict.operator))
    return None if found is None else found.drop_columns(["line"])


def _plain(verdict: Verdict) -> dict[str, Any]:
    """What must come out again: all but which version of the software said it."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(verdict))
    plain["evidence"].pop("software")
    return plain
