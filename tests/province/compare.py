"""Verdicts beside the truth. Pure: what the collector printed goes in, a judgement comes out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from scipy.stats import binom

from sim.province.truth import Expected, RoadGap, Truth

EDGE_ERROR_M = 50.0
"""How far the ends of a gap may be off, at up to 120 km/h."""
LISTED_M = 150.0
"""Shorter gaps are the work of a weak second or two, not planted ones."""
ERROR_RATE = 0.05
"""Promised of verdicts at the threshold itself; farther off it is less."""
TIMID_RATE = 0.005
"""Of decidable verdicts that still are not decided: the skew of rates is not in the reckoning."""
SURE = 0.999
_SET_FREE = frozenset({"road", "point"})


class Outcome(StrEnum):
    """How one verdict compares with the truth."""

    RIGHT = "decidable and right"
    TIMID = "decidable, not decided"
    OPPOSITE = "decidable, opposite"
    OPEN = "undecidable, not decided"
    LUCKY = "undecidable, decided rightly"
    UNLUCKY = "undecidable, decided wrongly"
    NOT_FOUND = "no such verdict"
    UNCOMPARED = "evidence only"


_OPPOSITE = {"PASS": "FAIL", "FAIL": "PASS"}


class Key(NamedTuple):
    """What a verdict is about."""

    target: str
    boundary_set: str | None
    level: str
    code: str
    operator: str
    period: str


class Compared(NamedTuple):
    """One truth and what was said of it."""

    expected: Expected
    said: Mapping[str, Any] | None
    outcome: Outcome


class Edge(NamedTuple):
    """How well one gap was found."""

    gap: RoadGap
    from_error_m: float | None
    """None: it was not found at all."""
    to_error_m: float | None

    @property
    def worst_m(self) -> float | None:
        """Of its two ends."""
        if self.from_error_m is None or self.to_error_m is None:
            return None
        return max(abs(self.from_error_m), abs(self.to_error_m))


class Judgement(NamedTuple):
    """All of it."""

    compared: tuple[Compared, ...]
    edges: tuple[Edge, ...]
    problems: tuple[str, ...]

    def by_target(self) -> dict[str, Counter[Outcome]]:
        """How many of each outcome, by target."""
        found: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
        for one in self.compared:
            found[one.expected.target][one.outcome] += 1
        return dict(sorted(found.items()))


def judge(
    truth: Truth, said: Mapping[str, Iterable[Mapping[str, Any]]], *, weights: str
) -> Judgement:
    """Compare the verdicts that were given for each period with the truth.

    `weights` says how the collector weights the communes of a district.
    """
    verdicts = {_key(one, asked): one for asked, verdicts in said.items() for one in verdicts}
    compared = tuple(
        _compared(expected, verdicts.get(_about(expected)))
        for expected in truth.expected
        if expected.weights in {None, weights}
    )
    edges = tuple(
        _edge(gap, verdicts.get(_road(gap.road, gap.operator, gap.period))) for gap in truth.gaps
    )
    problems = [
        *_too_often_wrong(compared),
        *_miscounted(compared),
        *_blunt(edges),
        *_invented(truth, verdicts),
        *_filled_in(truth, verdicts),
    ]
    return Judgement(compared, edges, tuple(problems))


def _key(verdict: Mapping[str, Any], asked: str) -> Key:
    level = verdict["level"]
    boundary_set = verdict["boundary_set"]
    return Key(
        verdict["target"],
        None if level in _SET_FREE else boundary_set,
        level,
        verdict["code"],
        verdict["operator"],
        asked,
    )


def _about(expected: Expected) -> Key:
    return Key(
        expected.target,
        expected.boundary_set,
        expected.level,
        expected.code,
        expected.operator,
        expected.period,
    )


def _road(road: str, operator: str, period: str) -> Key:
    return Key("T3", None, "road", road, operator, period)


def _compared(expected: Expected, said: Mapping[str, Any] | None) -> Compared:
    if said is None:
        return Compared(expected, None, Outcome.NOT_FOUND)
    if expected.holds is None:
        return Compared(expected, said, Outcome.UNCOMPARED)
    true = "PASS" if expected.holds else "FAIL"
    word = said["verdict"]
    if expected.decidable is not None:
        outcome = {true: Outcome.RIGHT, _OPPOSITE[true]: Outcome.OPPOSITE}.get(word, Outcome.TIMID)
    else:
        outcome = {true: Outcome.LUCKY, _OPPOSITE[true]: Outcome.UNLUCKY}.get(word, Outcome.OPEN)
    return Compared(expected, said, outcome)


def _too_often_wrong(compared: Iterable[Compared]) -> Iterable[str]:
    counts: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
    for one in compared:
        counts[one.expected.target][one.outcome] += 1
        if one.outcome is Outcome.OPPOSITE and one.said is not None:
            yield f"{_words(one)}: said {one.said['verdict']}, true is {one.expected.decidable}"
    for target, found in counts.items():
        open_ones = found[Outcome.OPEN] + found[Outcome.LUCKY] + found[Outcome.UNLUCKY]
        most = int(binom.ppf(SURE, open_ones, ERROR_RATE)) if open_ones else 0
        if found[Outcome.UNLUCKY] > most:
            yield (
                f"{target}: {found[Outcome.UNLUCKY]} of {open_ones} undecidable ones were decided"
                f" wrongly, {most} are within the promised {ERROR_RATE:.0%}"
            )
        decidable = found[Outcome.RIGHT] + found[Outcome.TIMID] + found[Outcome.OPPOSITE]
        most = int(binom.ppf(SURE, decidable, TIMID_RATE)) if decidable else 0
        if found[Outcome.TIMID] > most:
            yield f"{target}: {found[Outcome.TIMID]} of {decidable} decidable ones were not decided"


def _miscounted(compared: Iterable[Compared]) -> Iterable[str]:
    """Tests that count are known exactly."""
    for one in compared:
        if one.said is None:
            continue
        for field in ("n", "failures"):
            true = getattr(one.expected, field)
            if true is not None and one.said[field] != true:
                yield f"{_words(one)}: {field} is {one.said[field]}, not {true}"


def _edge(gap: RoadGap, said: Mapping[str, Any] | None) -> Edge:
    for found in () if said is None else said["context"].get("gaps", ()):
        if found["from_m"] < gap.to_m and found["to_m"] > gap.from_m:
            return Edge(gap, found["from_m"] - gap.from_m, found["to_m"] - gap.to_m)
    return Edge(gap, None, None)


def _blunt(edges: Iterable[Edge]) -> Iterable[str]:
    for one in edges:
        gap = one.gap
        where = f"{gap.road} {gap.operator} {gap.period} km {gap.from_m / 1000:.3f}"
        if one.worst_m is None:
            yield f"{where}: the gap of {gap.to_m - gap.from_m:.0f} m was not found"
        elif one.worst_m > EDGE_ERROR_M:
            yield f"{where}: an end of the gap is {one.worst_m:.0f} m off"


def _invented(truth: Truth, verdicts: Mapping[Key, Mapping[str, Any]]) -> Iterable[str]:
    """Gaps where there is service, or where nobody was."""
    for key, verdict in verdicts.items():
        if key.target != "T3" or key.level != "road":
            continue
        true = [
            (gap.from_m, gap.to_m)
            for gap in truth.gaps
            if (gap.road, gap.operator, gap.period) == (key.code, key.operator, key.period)
        ]
        for found in verdict["context"].get("gaps", ()):
            length_m = found["to_m"] - found["from_m"]
            if length_m >= LISTED_M and not any(
                found["from_m"] < to_m and found["to_m"] > from_m for from_m, to_m in true
            ):
                yield (
                    f"{key.code} {key.operator} {key.period} km {found['from_m'] / 1000:.3f}:"
                    f" a gap of {length_m:.0f} m where none is"
                )


def _filled_in(truth: Truth, verdicts: Mapping[Key, Mapping[str, Any]]) -> Iterable[str]:
    """What nobody drove is unknown: never a gap, never covered. A tunnel is no gap."""
    for stretch in truth.stretches:
        allowed = {"unknown"} if stretch.what == "undriven" else {"unknown", "covered", "exception"}
        for key, verdict in verdicts.items():
            if (key.target, key.code, key.period) != ("T3", stretch.road, stretch.period):
                continue
            for from_m, to_m, state in verdict["context"].get("strip", ()):
                inside = min(to_m, stretch.to_m - LISTED_M) - max(from_m, stretch.from_m + LISTED_M)
                if inside > 0 and state not in allowed:
                    yield (
                        f"{key.code} {key.operator} {key.period} km {stretch.from_m / 1000:.1f}:"
                        f" {stretch.what}, and said to be {state}"
                    )


def _words(one: Compared) -> str:
    expected = one.expected
    return " ".join(
        part
        for part in (
            expected.target,
            expected.boundary_set,
            expected.level,
            expected.code,
            expected.operator,
            expected.period,
        )
        if part
    )
