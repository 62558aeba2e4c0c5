"""Mean download rate of one generation of radio (targets T1 and T8).

Only tests that ran on the generation from start to end, and finished, make the mean. Their block
means are averaged; a district is the mean of its communes (by population where it is known), and
all operators together are the mean of the operators. Tests the network failed are counted beside
the mean, which is also shown with a zero for each of them.

Where places, cells or hours differ, blocks that share one are counted as a cluster, and the upper
limit allows for the long tail of rates (`collector.stats.clusters`, `collector.stats.means`).
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from collector import stats
from collector.kpi import (
    Area,
    Extract,
    Finding,
    Ground,
    Measured,
    Need,
    Period,
    Scope,
    Source,
    Text,
)
from collector.kpi._attempts import (
    Attempts,
    Block,
    extract_of,
    left_in,
    read,
)
from collector.kpi._capacity import capacity_tests
from collector.kpi._evidence import Minimum, comma, shortfall, some, unmeasured
from collector.kpi._units import Value, finished_mean, lacking, mean_of_units

TITLE = Text(vi="Tốc độ tải xuống trung bình", en="Mean download rate")
UNIT = "Mbit/s"
HIGHER_IS_BETTER = True
TOGETHER = "all"
TABLES = ("throughput",)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rat_class: str
    """`4g` or `5g`: what the whole test must have run on."""
    unserved_locks: tuple[str, ...]
    """Modes asked of the modem with which a test without any service counts as a failure here."""
    profiles: tuple[str, ...]
    """Test profiles that count: like is only compared with like."""
    every_commune: bool = True
    """A district is the mean of its communes, and each must have been measured. Otherwise it is
    the mean of its blocks, wherever they lie: for what is not everywhere, like 5G."""
    max_position_error_m: float = 50.0
    min_server_mbit_s: float | None = None
    """What the server's own control test must have reached; a slower server is not the network."""
    max_failure_ratio: float = 0.05
    """Above it nothing passes, however fast the tests that finished were."""
    share_rate_mbit_s: float | None = None
    """Also shown: the share of attempts at least this fast, as the technical regulation asks."""
    median_agrees: bool = True
    """Whether the median must lie on the same side of the threshold: where the paper says
    `trung bình` and may mean either."""
    minimum: Minimum = Minimum()


def extracts(
    *, ground: Ground, parameters: Parameters, direction: str = "down"
) -> tuple[Extract, ...]:
    """Capacity tests in one direction."""
    return (
        extract_of(
            "mean_download" if direction == "down" else "mean_upload",
            "throughput",
            capacity_tests,
            ground=ground,
            parameters=parameters,
            direction=direction,
        ),
    )


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
    direction: str = "down",
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all operators together."""
    [extract] = extracts(ground=ground, parameters=parameters, direction=direction)
    attempts = read(source, extract, ground=ground, period=period)
    return reckon(
        attempts, ground=ground, levels=levels, threshold=threshold, parameters=parameters
    )


def reckon(
    attempts: Attempts,
    *,
    ground: Ground,
    levels: Sequence[str],
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """What `measure` makes of the blocks once they are read."""
    survey = _Survey(attempts, ground, threshold, parameters)
    operators = [operator.name for operator in ground.operators]
    return Measured(
        findings=tuple(
            survey.finding(area, operator)
            for level in levels
            for area in ground.at(level)
            for operator in (*operators, TOGETHER)
        ),
        n=sum(len(block.rates_mbit_s) for block in attempts.blocks),
        failures=sum(block.failures for block in attempts.blocks),
        excluded=left_in(attempts.left),
        rows=attempts.rows,
    )


class _Part(NamedTuple):
    """An estimate and what it does not cover."""

    mean: stats.Mean | None
    by: tuple[str, ...] = ()
    """Clusterings that widen its limits."""
    unmeasured: tuple[str, ...] = ()


class _Survey:
    """The blocks of one target, by area and operator."""

    def __init__(
        self, attempts: Attempts, ground: Ground, threshold: float, parameters: Parameters
    ) -> None:
        self._left = attempts.left
        self._ground = ground
        self._threshold = threshold
        self._parameters = parameters
        self._blocks: dict[tuple[str, str | None, str], list[Block]] = defaultdict(list)
        for block in attempts.blocks:
            for level, code in block.areas.items():
                self._blocks[level, code, block.operator].append(block)

    def finding(self, area: Area, operator: str) -> Finding:
        """What was measured in one area of one operator, or of all of them."""
        together = operator == TOGETHER
        names = [one.name for one in self._ground.operators] if together else [operator]
        blocks = [
            block for name in names for block in self._blocks.get((area.level, area.code, name), ())
        ]
        part = (
            self._together(area, finished_mean)
            if together
            else self._of(area, operator, finished_mean)
        )
        rates = [rate for block in blocks for rate in block.rates_mbit_s]
        failures = sum(block.failures for block in blocks)
        excluded = left_in(
            self._left, level=area.level, code=area.code, operator=None if together else operator
        )
        finished = [block for block in blocks if block.rates_mbit_s]
        count = len({block.unit for block in finished})
        lower, upper = stats.mean_limits(part.mean, skewed=True)
        effective = stats.effective_count(rates, part.mean.variance if part.mean else None)
        limits = self._limits(rates, failures)
        lack = shortfall(finished, units=count, minimum=self._parameters.minimum, where=area.name)
        gaps = unmeasured(part.unmeasured)
        zeros = part
        if failures:
            zeros = (
                self._together(area, _with_zeros)
                if together
                else self._of(area, operator, _with_zeros)
            )
        return Finding(
            scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
            estimate=part.mean.value if part.mean else None,
            lower=lower,
            upper=upper,
            n=len(rates),
            blocks=count,
            n_eff=effective,
            failures=failures,
            excluded=excluded,
            against_pass=(*lack.reasons, *gaps, *limits.against_pass),
            against_fail=(*lack.reasons, *gaps, *limits.against_fail),
            need=(*lack.need, *self._need(part, count, area)),
            p_below=stats.p_mean_below(part.mean, threshold=self._threshold, skewed=True),
            p_above=stats.p_mean_above(part.mean, threshold=self._threshold),
            context={
                "median": stats.median(rates),
                "pooled_mean": math.fsum(rates) / len(rates) if rates else None,
                "mean_failures_as_zero": zeros.mean.value if zeros.mean else None,
                "failure_ratio": failures / (failures + len(rates)) if blocks else None,
                "design_effect": len(rates) / effective if effective else None,
                "clustered_by": list(part.by),
                **self._shares(rates, failures, excluded),
            },
        )

    def _of(self, area: Area, operator: str, value: Value) -> _Part:
        """Mean of an area: of its blocks, or of its communes where it has some."""
        communes = self._communes(area)
        strata = communes or [area]
        by_people = bool(communes) and None not in {one.population for one in communes}
        parts: list[tuple[float, stats.Mean]] = []
        thin: list[stats.Mean] = []
        by: set[str] = set()
        missing: list[str] = []
        for stratum in strata:
            blocks = self._blocks.get((stratum.level, stratum.code, operator), ())
            found = mean_of_units(blocks, value)
            if found is not None and found.mean.variance is not None:
                parts.append((float(stratum.population or 0) if by_people else 1.0, found.mean))
                by.update(found.by)
                continue
            thin.extend([found.mean] if found else [])
            if stratum is not area:
                missing.append(stratum.name)
        if not parts:
            parts = [(1.0, one) for one in thin]
        return _Part(stats.weighted_mean(parts), tuple(sorted(by)), tuple(missing))

    def _communes(self, area: Area) -> list[Area]:
        """The communes that make the mean of a wider area."""
        if area.level == "commune" or not self._parameters.every_commune:
            return []
        return [
            one for one in self._ground.at("commune") if one.within.get(area.level) == area.code
        ]

    def _together(self, area: Area, value: Value) -> _Part:
        """Mean of the operators, each with the same weight."""
        parts = []
        by: set[str] = set()
        missing: list[str] = []
        for operator in self._ground.operators:
            part = self._of(area, operator.name, value)
            if part.mean is None:
                missing.append(operator.name)
                continue
            parts.append((1.0, part.mean))
            by.update(part.by)
            missing += [f"{name} ({operator.name})" for name in part.unmeasured]
        return _Part(stats.weighted_mean(parts), tuple(sorted(by)), tuple(missing))

    def _limits(self, rates: Sequence[float], failures: int) -> "_Against":
        """What speaks against a verdict although the mean would allow it."""
        against_pass: list[Text] = []
        against_fail: list[Text] = []
        ratio = failures / (failures + len(rates)) if failures else 0.0
        if ratio > self._parameters.max_failure_ratio:
            most = self._parameters.max_failure_ratio
            against_pass.append(
                Text(
                    vi=comma(f"{ratio:.1%} số lần đo bị lỗi do mạng, quá mức {most:.1%}"),
                    en=f"the network failed {ratio:.1%} of the tests, more than {most:.1%}",
                )
            )
        middle = stats.median(rates)
        if middle is not None and self._parameters.median_agrees:
            side = against_pass if middle < self._threshold else against_fail
            side.append(
                Text(
                    vi=comma(f"trung bình và trung vị ({middle:.1f}) nằm hai phía của ngưỡng"),
                    en=f"mean and median ({middle:.1f}) lie on different sides of the threshold",
                )
            )
        return _Against(tuple(against_pass), tuple(against_fail))

    def _need(self, part: _Part, count: int, area: Area) -> tuple[Need, ...]:
        if part.unmeasured:
            return (
                Need(
                    what="blocks",
                    more=2 * len(part.unmeasured),
                    where=some(part.unmeasured, others="+{}"),
                ),
            )
        if part.mean is None or part.mean.variance is None:
            return ()
        clusters = round(part.mean.degrees_of_freedom) + 1
        more = stats.blocks_to_decide(
            part.mean, clusters if part.by else count, threshold=self._threshold, skewed=True
        )
        return () if more == 0 else (Need(what=lacking(part.by), more=more, where=area.name),)

    def _shares(
        self, rates: Sequence[float], failures: int, excluded: Mapping[str, int]
    ) -> dict[str, float | None]:
        shares: dict[str, float | None] = {}
        fast = self._parameters.share_rate_mbit_s
        if fast is not None:
            attempts = len(rates) + failures
            reached = sum(rate >= fast for rate in rates)
            shares[f"share_at_least_{fast:g}_mbit_s"] = reached / attempts if attempts else None
        if self._parameters.rat_class == "5g":
            fallen = excluded.get("mixed_technology", 0)
            shares["fallback_share"] = fallen / (fallen + len(rates)) if fallen or rates else None
        return shares


class _Against(NamedTuple):
    against_pass: tuple[Text, ...]
    against_fail: tuple[Text, ...]


def _with_zeros(block: Block) -> float | None:
    return math.fsum(block.rates_mbit_s) / block.attempts
