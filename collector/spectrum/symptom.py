"""Good level and poor quality: which cells show it, and whether it follows the load.

Works on the clock hours of one cell, each hour with one vote: a second-by-second series inside one
hour is no independent evidence (ETSI TS 102 250-6 has the same care for correlated samples). The
limits are `rules.toml`'s. Poor is what is so over all hours, or over the busy ones: good nights
must not hide what the load does. A finding describes a pattern and never says what makes it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from statistics import median

import msgspec

from collector.spectrum.rules import SymptomRule

_HOURS_A_DAY = 24


class CellHour(msgspec.Struct, frozen=True):
    """One clock hour of one cell; each value is the median over its samples."""

    hour: int
    """Local clock hours since 1970-01-01 00:00 in Viet Nam."""
    n: int
    rsrp_dbm: float
    sinr_db: float | None
    rsrq_db: float | None
    neighbour_below_db: float | None
    """How much weaker the strongest neighbour on the same carrier is; None where none was heard."""

    @property
    def hour_of_day(self) -> int:
        """0 to 23, Vietnamese clock."""
        return self.hour % _HOURS_A_DAY


class Pattern(StrEnum):
    """What the hours of a cell show together."""

    TOO_FEW = "too_few_samples"
    NONE = "none"
    """Level not good, or quality not poor."""
    NEIGHBOUR = "neighbour_close"
    """Good level and poor quality, and a neighbour on the same carrier nearly as strong."""
    FOLLOWS_LOAD = "follows_load"
    """Good level and poor quality, but not in the hours of low load."""
    LOW_LOAD_UNKNOWN = "low_load_unknown"
    """Good level and poor quality, hardly or not measured in the hours of low load."""
    SYMPTOM = "good_level_poor_quality"
    """Also in the hours of low load, and no neighbour is near: the full rule."""

    @property
    def shown(self) -> bool:
        """Whether level is good and quality poor, whatever else can be told."""
        return self not in {Pattern.TOO_FEW, Pattern.NONE}


class Medians(msgspec.Struct, frozen=True, kw_only=True):
    """Over hours; None where none of them has the value."""

    hours: int
    samples: int
    rsrp_dbm: float | None
    sinr_db: float | None
    rsrq_db: float | None
    neighbour_below_db: float | None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What one cell shows."""

    pattern: Pattern
    all_hours: Medians
    busy: Medians
    """Outside of the hours of low load."""
    low_load: Medians
    poor_hours_of_day: tuple[int, ...]
    """Hours of the day in which level was good and quality poor."""
    first_poor_hour: int | None
    """As `CellHour.hour`; None where no hour was poor."""
    last_poor_hour: int | None


def judge(hours: Iterable[CellHour], rule: SymptomRule) -> Judged:
    """The pattern of one cell; no hours at all are too few."""
    every = sorted(hours, key=lambda one: one.hour)
    overall = _medians(every)
    quiet = _medians([one for one in every if rule.low_load(one.hour_of_day)])
    busy = _medians([one for one in every if not rule.low_load(one.hour_of_day)])
    poor = [one for one in every if _poor(_medians([one]), rule)]
    by_hour = defaultdict(list)
    for one in every:
        by_hour[one.hour_of_day].append(one)
    return Judged(
        pattern=_pattern(overall, busy, quiet, rule),
        all_hours=overall,
        busy=busy,
        low_load=quiet,
        poor_hours_of_day=tuple(
            hour for hour in sorted(by_hour) if _poor(_medians(by_hour[hour]), rule)
        ),
        first_poor_hour=poor[0].hour if poor else None,
        last_poor_hour=poor[-1].hour if poor else None,
    )


def _pattern(overall: Medians, busy: Medians, quiet: Medians, rule: SymptomRule) -> Pattern:
    if not _enough(overall, rule):
        return Pattern.TOO_FEW
    if not _poor(overall, rule) and not (_enough(busy, rule) and _poor(busy, rule)):
        return Pattern.NONE
    below_db = overall.neighbour_below_db
    if below_db is not None and below_db < rule.neighbour_margin_db:
        return Pattern.NEIGHBOUR
    if quiet.samples < rule.min_low_load_samples:
        return Pattern.LOW_LOAD_UNKNOWN
    return Pattern.SYMPTOM if _poor(quiet, rule) else Pattern.FOLLOWS_LOAD


def _enough(found: Medians, rule: SymptomRule) -> bool:
    return found.samples >= rule.min_samples and found.hours >= rule.min_hours


def _poor(found: Medians, rule: SymptomRule) -> bool:
    """Good level and poor quality."""
    good = found.rsrp_dbm is not None and found.rsrp_dbm >= rule.min_rsrp_dbm
    noisy = found.sinr_db is not None and found.sinr_db < rule.max_sinr_db
    loaded = found.rsrq_db is not None and found.rsrq_db < rule.max_rsrq_db
    return good and (noisy or loaded)


def _medians(hours: Sequence[CellHour]) -> Medians:
    def of(value: Callable[[CellHour], float | None]) -> float | None:
        known = [found for found in map(value, hours) if found is not None]
        return median(known) if known else None

    return Medians(
        hours=len(hours),
        samples=sum(one.n for one in hours),
        rsrp_dbm=of(lambda one: one.rsrp_dbm),
        sinr_db=of(lambda one: one.sinr_db),
        rsrq_db=of(lambda one: one.rsrq_db),
        neighbour_below_db=of(lambda one: one.neighbour_below_db),
    )
