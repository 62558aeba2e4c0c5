"""Limits of ours, dated: `config/spectrum/rules.toml`."""

import math
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from collector.spectrum import files
from collector.spectrum.errors import AskedError, FileError

FILE = "rules.toml"
_HOURS_A_DAY = 24

T = TypeVar("T")


class RelationRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a carrier stands in a relation to a television channel."""

    valid_from: date
    adjacent_below_mhz: float
    harmonics_listed: tuple[int, ...]
    harmonics_that_relate: tuple[int, ...]
    source: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.adjacent_below_mhz) and self.adjacent_below_mhz >= 0):
            raise ValueError("adjacent_below_mhz must be a width")
        if min(self.harmonics_listed, default=2) < 2:  # noqa: PLR2004  # the first is the signal
            raise ValueError("harmonics begin with the second")
        if not set(self.harmonics_that_relate) <= set(self.harmonics_listed):
            raise ValueError("harmonics_that_relate must be among harmonics_listed")


class SymptomRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a cell shows good level and poor quality."""

    valid_from: date
    min_rsrp_dbm: float
    max_sinr_db: float
    max_rsrq_db: float
    min_samples: int
    min_hours: int
    neighbour_margin_db: float
    low_load_from_hour: int
    low_load_to_hour: int
    """The hour after the last."""
    min_low_load_samples: int
    source: str

    def __post_init__(self) -> None:
        numbers = (self.min_rsrp_dbm, self.max_sinr_db, self.max_rsrq_db, self.neighbour_margin_db)
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("levels and limits must be numbers")
        if not 0 <= self.low_load_from_hour < self.low_load_to_hour <= _HOURS_A_DAY:
            raise ValueError("low_load_from_hour must be before low_load_to_hour, within one day")
        if min(self.min_samples, self.min_hours, self.min_low_load_samples) < 1:
            raise ValueError("min_samples, min_hours and min_low_load_samples are at least 1")

    def low_load(self, hour_of_day: int) -> bool:
        """Whether a network carries little at this hour of the Vietnamese day."""
        return self.low_load_from_hour <= hour_of_day < self.low_load_to_hour


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    relation: tuple[RelationRule, ...]
    symptom: tuple[SymptomRule, ...]

    def relation_on(self, day: date) -> RelationRule:
        """What holds on a day; raises `AskedError` before the first."""
        return _held(files.latest(self.relation, day), day)

    def symptom_on(self, day: date) -> SymptomRule:
        """What holds on a day; raises `AskedError` before the first."""
        return _held(files.latest(self.symptom, day), day)


def load(folder: Path) -> Rules:
    """The rules in a folder; raises `FileError`."""
    file = folder / FILE
    rules = files.read(file, Rules)
    for key in ("relation", "symptom"):
        days = [one.valid_from for one in getattr(rules, key)]
        if not days or len(set(days)) < len(days):
            raise FileError(file, key, "needs at least one entry, no two from the same day on")
    return rules


def _held(rule: T | None, day: date) -> T:
    if rule is None:
        raise AskedError(day.isoformat(), f"{FILE} has no rule for so early a day")
    return rule
