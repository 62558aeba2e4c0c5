"""Judging simulated areas, and counting what was said of them."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.verdicts.areas import OPERATOR, Rates, Sessions, ground, rate_areas, session_areas
from benchmarks.verdicts.scenarios import SHARES, TRUTHS, Scenario
from collector import stats
from collector.kpi import Finding, mean_download, video_share
from collector.kpi._attempts import Attempts, Block
from collector.kpi._units import units
from collector.targets import Target, Value, load
from collector.targets.headline import Judged, headline
from collector.targets.verdict import decide

PROMISED = 0.05
TOLERANCE = 3.0
"""Standard errors of the simulation beyond which a promise counts as broken."""
PROVINCE = 71
"""Communes behind one headline."""
BOOTSTRAP_SEED = 20_261
BOOTSTRAPPED = 4
"""One area of so many: a bootstrap takes as long as all the rest."""


class Rate(NamedTuple):
    """So many of so many areas."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.hits / self.of if self.of else 0.0

    @property
    def error(self) -> float:
        """Standard error of the simulation."""
        return math.sqrt(self.share * (1 - self.share) / self.of) if self.of else 0.0

    @property
    def beyond(self) -> bool:
        """More than the promised errors, by more than the simulation's own."""
        return self.share > PROMISED + TOLERANCE * math.sqrt(PROMISED * (1 - PROMISED) / self.of)


class Said(NamedTuple):
    """Verdicts on areas of one truth."""

    truth: float
    """True mean as a part of the threshold, or true share."""
    passed: Rate
    failed: Rate
    errors: tuple[Rate, ...]
    """Rates that must not be beyond what is promised: the verdicts that are false here. On the
    threshold itself both are counted, since a truth a hair below it or above it makes them so."""


class Misses(NamedTuple):
    """How often the truth lay beyond the limits of one method."""

    method: str
    below: Rate
    """Below the lower limit: would be a false PASS."""
    above: Rate
    """Above the upper limit: would be a false FAIL."""


class Result(NamedTuple):
    """All that was found in one scenario."""

    scenario: Scenario
    blocks: int
    said: tuple[Said, ...]
    misses: tuple[Misses, ...]
    headlines: Rate
    """Headlines of provinces whose areas all lie on the threshold, that say FAIL."""
    uncorrected: Rate
    """The same without Holm's correction."""

    @property
    def broken(self) -> bool:
        """Whether a verdict is wrong more often than promised."""
        rates = [rate for said in self.said for rate in said.errors]
        return self.scenario.promised and any(rate.beyond for rate in rates)


def simulate(scenario: Scenario, *, areas: int, seed: int) -> Result:
    """Draw, judge and count; the same seed gives the same result."""
    sessions = isinstance(scenario.nature, Sessions)
    target = next(one for one in load() if one.id == ("T5" if sessions else "T1"))
    case = _Case(scenario, target, areas)
    # The name, not the position: another scenario in between changes nothing.
    name = int.from_bytes(scenario.name.encode(), "big")
    truths = SHARES if sessions else TRUTHS
    said = []
    limits: dict[str, list[stats.Limits]] = defaultdict(list)
    on_threshold: list[Judged] = []
    for number, truth in enumerate(truths):
        chance = np.random.Generator(np.random.PCG64([seed, name, number]))
        verdicts = []
        for area, (verdict, finding, blocks) in enumerate(case.judged(truth, chance)):
            verdicts.append(verdict)
            if truth == case.on_threshold:
                for method, found in case.limits(area, finding, blocks).items():
                    limits[method].append(found)
        said.append(case.count(truth, [each.value for each in verdicts]))
        if truth == case.on_threshold:
            on_threshold = verdicts
    misses = tuple(case.missed(method, found) for method, found in limits.items())
    held, uncorrected = _headlines(on_threshold)
    return Result(scenario, len(scenario.visits.blocks()), tuple(said), misses, held, uncorrected)


def headlines_broken(results: Iterable[Result]) -> bool:
    """Whether headlines that are promised to hold are wrong more often than promised."""
    promised = [one.headlines for one in results if one.scenario.together and one.scenario.promised]
    every = Rate(sum(one.hits for one in promised), sum(one.of for one in promised))
    return bool(every.of) and every.beyond


class _Case:
    """One scenario with the target that judges it."""

    def __init__(self, scenario: Scenario, target: Target, areas: int) -> None:
        self._scenario = scenario
        self._target = target
        self._areas = areas
        self._rates = isinstance(scenario.nature, Rates)
        self._threshold = target.thresholds[0].value
        self.on_threshold = 1.0 if self._rates else self._threshold

    def judged(
        self, truth: float, chance: np.random.Generator
    ) -> Iterator[tuple[Judged, Finding, list[Block]]]:
        """Verdict, finding and blocks of each area."""
        kpi = mean_download if self._rates else video_share
        for attempts in self._drawn(truth, chance):
            by_area: dict[str | None, list[Block]] = {}
            for block in attempts.blocks:
                by_area.setdefault(block.areas["commune"], []).append(block)
            measured = kpi.reckon(
                attempts,
                ground=ground(len(by_area)),
                levels=("commune",),
                threshold=self._threshold,
                parameters=self._target.parameters,
            )
            for finding in measured.findings:
                if finding.scope.operator == OPERATOR:
                    said = decide(
                        finding,
                        threshold=self._threshold,
                        unit=self._target.kpi.unit,
                        higher_is_better=True,
                    )
                    p_values = {Value.PASS: finding.p_above, Value.FAIL: finding.p_below}
                    judged = Judged(said.value, p_values.get(said.value))
                    yield judged, finding, by_area[finding.scope.code]

    def _drawn(self, truth: float, chance: np.random.Generator) -> Iterator[Attempts]:
        visits, nature = self._scenario.visits, self._scenario.nature
        if isinstance(nature, Rates):
            mean = truth * self._threshold
            return rate_areas(visits, nature, mean=mean, count=self._areas, chance=chance)
        return session_areas(
            visits,
            nature,
            share=truth,
            rate_mbit_s=self._target.parameters.rate_mbit_s,
            count=self._areas,
            chance=chance,
        )

    def count(self, truth: float, values: Sequence[Value]) -> Said:
        """How many of the verdicts pass and fail, and which of them must not."""
        counts = Counter(values)
        passed, failed = (Rate(counts[value], len(values)) for value in (Value.PASS, Value.FAIL))
        errors = [passed] if truth <= self.on_threshold else []
        errors += [failed] if truth >= self.on_threshold else []
        return Said(truth, passed, failed, tuple(errors))

    def limits(
        self, number: int, finding: Finding, blocks: Sequence[Block]
    ) -> dict[str, stats.Limits]:
        """Limits of an area by each method; only some areas, by their number, are bootstrapped."""
        found = {"the verdict's": stats.Limits(finding.lower, finding.upper)}
        found |= _rates(blocks) if self._rates else self._shares(blocks)
        if self._rates and number % BOOTSTRAPPED == 0:
            found |= _bootstraps(blocks)
        return found

    def missed(self, method: str, limits: Sequence[stats.Limits]) -> Misses:
        """How often a method's limits leave the threshold out, where it is the truth."""
        truth = self._threshold
        return Misses(
            method,
            below=Rate(
                sum(lower is not None and lower > truth for lower, _ in limits), len(limits)
            ),
            above=Rate(
                sum(upper is not None and upper < truth for _, upper in limits), len(limits)
            ),
        )

    def _shares(self, blocks: Sequence[Block]) -> dict[str, stats.Limits]:
        rate = self._target.parameters.rate_mbit_s
        good = [sum(one >= rate for one in block.rates_mbit_s) for block in blocks]
        sizes = [block.attempts for block in blocks]
        share = sum(good) / sum(sizes)
        trials = stats.kish_count([sum(b.attempts for b in unit.blocks) for unit in units(blocks)])
        # Two-sided at 90 %: each side is wrong in 5 of 100, as of one-sided limits at 95 %.
        return {
            "Clopper-Pearson, attempts": stats.clopper_pearson(sum(good), sum(sizes)),
            "Clopper-Pearson, blocks": stats.clopper_pearson(share * trials, trials),
            "Wilson, blocks": stats.wilson(share * trials, trials, confidence=0.9),
        }


def _rates(blocks: Sequence[Block]) -> dict[str, stats.Limits]:
    return {"Student, blocks": stats.mean_limits(stats.mean(_values(blocks)))}


def _bootstraps(blocks: Sequence[Block]) -> dict[str, stats.Limits]:
    drawn = {
        "percentile bootstrap, blocks": stats.bootstrap_mean(
            _values(blocks), seed=BOOTSTRAP_SEED, method="percentile"
        ),
        "BCa bootstrap, blocks": stats.bootstrap_mean(_values(blocks), seed=BOOTSTRAP_SEED),
    }
    return {method: found.limits for method, found in drawn.items() if found}


def _values(blocks: Sequence[Block]) -> list[float]:
    rates = (block.rates_mbit_s for block in blocks)
    return [math.fsum(one) / len(one) for one in rates if one]


def _headlines(judged: Sequence[Judged]) -> tuple[Rate, Rate]:
    """Wrong headlines of provinces made of areas on the threshold, with and without correction."""
    provinces = [
        judged[first : first + PROVINCE] for first in range(0, len(judged) - PROVINCE + 1, PROVINCE)
    ]
    held = sum(headline(one).value is Value.FAIL for one in provinces)
    plain = sum(any(each.value is Value.FAIL for each in one) for one in provinces)
    return Rate(held, len(provinces)), Rate(plain, len(provinces))
