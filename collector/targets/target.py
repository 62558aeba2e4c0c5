"""A target: what must be reached, from when on, and how it is measured. One TOML file each."""

import math
import re
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from collector.kpi import Kpi, Text, kpis
from collector.targets.errors import TargetError
from collector.targets.periods import VIET_NAM, Rule
from collector.targets.shipped import shipped

AREA_LEVELS = ("commune", "district", "province")
LEVELS = (*AREA_LEVELS, "road", "point")
BASES = ("plan", "annex", "decision", "qcvn", "context")


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be reached from one day on, until a later threshold begins."""

    valid_from: date
    value: float
    source: str
    """The decision or plan it stands in."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError("value must be a number")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One target, checked."""

    id: str
    title: Text
    kpi: Kpi
    levels: tuple[str, ...]
    """What is judged, e.g. communes and districts."""
    headline: str
    """The level whose verdicts make the province's one."""
    headline_operator: str
    """`each`: of every operator; `together`: of all of them, or any, as the KPI takes them."""
    basis: str
    """What kind of paper it stands in: `plan`, `annex` (the plan's tasks), `qcvn` (a technical
    regulation, never mixed with the plan), `decision`, or `context`: no target at all."""
    text: str
    """The file as it was read: what is frozen with a verdict."""
    technologies: tuple[str, ...]
    """Operators that run none of them are not judged."""
    period: Rule
    thresholds: tuple[Threshold, ...]
    parameters: msgspec.Struct
    note: Text | None
    """What to know before quoting the verdict."""

    def threshold_at(self, moment: datetime) -> Threshold | None:
        """The threshold in force, or None before the first."""
        day = moment.astimezone(VIET_NAM).date()
        in_force = [one for one in self.thresholds if one.valid_from <= day]
        return max(in_force, key=lambda one: one.valid_from, default=None)

    @property
    def profiles(self) -> tuple[str, ...]:
        """Test profiles that count; none where the KPI is not made of tests."""
        return tuple(getattr(self.parameters, "profiles", ()))


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    kpi: str
    title: Text
    levels: tuple[str, ...]
    headline: str
    headline_operator: str = "each"
    basis: str = "plan"
    technologies: tuple[str, ...]
    period: Rule
    threshold: tuple[Threshold, ...]
    parameters: dict[str, Any] = {}
    note: Text | None = None


def load(folder: Path | None = None) -> tuple[Target, ...]:
    """Every target in a folder of TOML files, by default the shipped ones, in order of their ids.

    Raises `TargetError`, which names the file and the key.
    """
    folder = folder or shipped("targets")
    targets: dict[str, Target] = {}
    for file in sorted(folder.glob("*.toml")):
        target = read(file)
        if target.id in targets:
            raise TargetError(file, "id", f"{target.id} is taken by another file")
        targets[target.id] = target
    return tuple(targets[key] for key in sorted(targets))


def read(file: Path) -> Target:
    """The target in one file; raises `TargetError`."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(file, "", f"cannot be read: {error}") from error
    return parsed(text, file)


def parsed(text: str, file: Path) -> Target:
    """The target that a text describes; raises `TargetError` in the name of `file`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TargetError(file, "", f"not TOML: {error}") from error
    try:
        found = msgspec.convert(raw, _File)
    except msgspec.ValidationError as error:
        raise TargetError.invalid(file, error) from error
    kpi = kpis().get(found.kpi)
    if kpi is None:
        raise TargetError(file, "kpi", f"{found.kpi!r} is none of {', '.join(sorted(kpis()))}")
    try:
        parameters = msgspec.convert(found.parameters, kpi.parameters)
    except msgspec.ValidationError as error:
        raise TargetError.invalid(file, error, below="parameters") from error
    _check(file, found)
    return Target(
        id=found.id,
        title=found.title,
        kpi=kpi,
        levels=found.levels,
        headline=found.headline,
        headline_operator=found.headline_operator,
        basis=found.basis,
        text=text,
        technologies=found.technologies,
        period=found.period,
        thresholds=found.threshold,
        parameters=parameters,
        note=found.note,
    )


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _check(file: Path, found: _File) -> None:
    if _ID.fullmatch(found.id) is None:
        what = f"{found.id!r} is more than letters, digits, dots and dashes"
        raise TargetError(file, "id", what)
    unknown = set(found.levels) - set(LEVELS)
    if unknown or not found.levels:
        raise TargetError(file, "levels", f"each must be one of {', '.join(LEVELS)}")
    if found.headline not in found.levels:
        raise TargetError(file, "headline", "must be one of the levels")
    if found.headline_operator not in {"each", "together"}:
        raise TargetError(file, "headline_operator", "must be each or together")
    if found.basis not in BASES:
        raise TargetError(file, "basis", f"must be one of {', '.join(BASES)}")
    if not found.threshold:
        raise TargetError(file, "threshold", "at least one is needed")
    days = [one.valid_from for one in found.threshold]
    if len(set(days)) < len(days):
        raise TargetError(file, "threshold", "two begin on the same day")
