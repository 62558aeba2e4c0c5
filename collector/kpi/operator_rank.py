"""Operators side by side, only where and when all of them were measured (task A6 of the annex).

Who was measured on the good roads looks fast. So operators are compared over common blocks alone:
one square of ground and one clock hour with a finished test of each of them. The mean over those is
each operator's figure; whether one leads another is said by the 95 % interval of their difference,
block by block, with whole places drawn again (bootstrap with a stored seed) and by Student's t,
whichever is wider. Operators that none is shown to be better than win together. The plain means
over all tests, which compare different places, stand beside and rank nobody.

Without enough common blocks, in enough separate places, nobody is ranked: then it says how many
there are and how many are wanted. There is no threshold, so there is no PASS and no FAIL.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

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
from collector.kpi._attempts import Block, Left, extract_of, left_in, read
from collector.kpi._capacity import capacity_tests
from collector.stats.ranking import PlaceHour

TITLE = Text(
    vi="Xếp hạng nhà mạng, cùng nơi cùng giờ", en="Operators compared, same place and hour"
)
UNIT = "Mbit/s"
HIGHER_IS_BETTER = True
TOGETHER = "all"
TABLES = ("throughput",)
EVIDENCE_ONLY = True
COMPARES = True


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rat_class: str | None = None
    """`4g` or `5g`: what the whole test must have run on; None takes whatever served it."""
    profiles: tuple[str, ...]
    max_position_error_m: float = 50.0
    min_server_mbit_s: float | None = None
    """What the server's own control test must have reached; a slower server is not the network."""
    place_m: float = 100.0
    """Side of a square that is one place. Modems of one car that test in turn while it drives need
    a wider one to meet."""
    cluster_m: float = 1000.0
    """Places of one such square are drawn again together: neighbours resemble each other."""
    min_blocks: int = 30
    """Common blocks for a ranking; an operator with fewer blocks of its own is not compared."""
    min_clusters: int = 5
    """The squares of `cluster_m` they must lie in."""
    seed: int = 1
    """Of the bootstrap: the same seed and rows give the same bits."""

    def __post_init__(self) -> None:
        if self.place_m <= 0 or self.cluster_m < self.place_m:
            raise ValueError("cluster_m must be at least place_m, and place_m above 0")

    @property
    def unserved_locks(self) -> tuple[str, ...]:
        """None: tests that failed have no rate to compare."""
        return ()


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Capacity tests, downwards."""
    return (
        extract_of(
            "operator_rank",
            "throughput",
            capacity_tests,
            ground=ground,
            parameters=parameters,
            direction="down",
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
) -> Measured:
    """One finding for each area of `levels` and each operator, and one that ranks them all."""
    del threshold
    [extract] = extracts(ground=ground, parameters=parameters)
    attempts = read(source, extract, ground=ground, period=period)
    operators = [one.name for one in ground.operators]
    survey = _Survey(attempts.blocks, attempts.left, operators, parameters)
    return Measured(
        findings=tuple(
            finding
            for level in levels
            for area in ground.at(level)
            for finding in survey.findings(area)
        ),
        n=sum(len(block.rates_mbit_s) for block in attempts.blocks),
        failures=sum(block.failures for block in attempts.blocks),
        excluded=left_in(attempts.left),
        rows=attempts.rows,
    )


class Square(NamedTuple):
    """One place: a square of `Parameters.place_m`."""

    row: int
    column: int


_Rates = dict[tuple[Square, int], float]
"""Mbit/s by place and clock hour."""


class Comparison(NamedTuple):
    """The operators of one area."""

    names: tuple[str, ...]
    """Compared with each other, the fastest on common ground first."""
    left_out: tuple[str, ...]
    """Measured too little, or not at all."""
    common: int
    clusters: int
    means: Mapping[str, stats.Bootstrap | None]
    """Over the common blocks."""
    differences: Mapping[tuple[str, str], stats.Difference]
    standing: stats.Standing | None
    """None: not comparable."""


class _Survey:
    """The finished tests of all operators by area."""

    def __init__(
        self,
        blocks: Iterable[Block],
        left: Sequence[Left],
        operators: Sequence[str],
        parameters: Parameters,
    ) -> None:
        self._parameters = parameters
        self._operators = operators
        self._left = left
        self._blocks: dict[tuple[str, str | None, str], list[Block]] = defaultdict(list)
        for block in blocks:
            for level, code in block.areas.items():
                self._blocks[level, code, block.operator].append(block)

    def findings(self, area: Area) -> Iterable[Finding]:
        """What each operator showed beside the others, and the ranking."""
        blocks = {name: self._of(area, name) for name in self._operators}
        rates = {name: self._rates(found) for name, found in blocks.items()}
        found = compare(rates, parameters=self._parameters)
        for name in (*self._operators, TOGETHER):
            yield self._finding(area, name, found, blocks)

    def _finding(
        self, area: Area, name: str, found: Comparison, blocks: Mapping[str, Sequence[Block]]
    ) -> Finding:
        together = name == TOGETHER
        names = [*blocks] if together else [name]
        tests = [rate for one in names for rate in _all(blocks[one])]
        mean = None if found.standing is None or together else found.means.get(name)
        more = max(self._parameters.min_blocks - found.common, 0)
        return Finding(
            scope=Scope(level=area.level, code=area.code, name=area.name, operator=name),
            estimate=mean.value if mean else None,
            lower=mean.lower if mean else None,
            upper=mean.upper if mean else None,
            n=len(tests),
            blocks=found.common,
            failures=sum(block.failures for one in names for block in self._tried(area, one)),
            excluded=left_in(
                self._left,
                level=area.level,
                code=area.code,
                operator=None if together else name,
            ),
            need=(Need(what="common_blocks", more=more, where=area.name),) if more else (),
            statement=_statement(found, name, self._parameters) if tests else _NOTHING,
            context={
                "common_blocks": found.common,
                "common_places": found.clusters,
                "seed": self._parameters.seed,
                **(_ranking(found, blocks) if together else _own(found, name, tests)),
            },
        )

    def _of(self, area: Area, name: str) -> list[Block]:
        return [block for block in self._tried(area, name) if block.rates_mbit_s]

    def _tried(self, area: Area, name: str) -> Sequence[Block]:
        """Those without a finished test among them."""
        return self._blocks.get((area.level, area.code, name), [])

    def _rates(self, blocks: Sequence[Block]) -> _Rates:
        together: dict[tuple[Square, int], list[float]] = defaultdict(list)
        side_m = self._parameters.place_m
        for block in blocks:
            square = Square(
                math.floor(block.place.north_m / side_m), math.floor(block.place.east_m / side_m)
            )
            together[square, block.hour].append(_mean(block.rates_mbit_s))
        return {key: _mean(values) for key, values in together.items()}


def compare(rates: Mapping[str, _Rates], *, parameters: Parameters) -> Comparison:
    """Who leads whom, over the blocks that all have who have enough of their own."""
    enough = [name for name, own in rates.items() if len(own) >= parameters.min_blocks]
    common = sorted(
        set[tuple[Square, int]].intersection(*(set(rates[name]) for name in enough))
        if len(enough) > 1
        else ()
    )
    step = parameters.cluster_m / parameters.place_m
    cluster: dict[Hashable, Hashable] = {
        square: (square.row // step, square.column // step) for square, _ in common
    }
    clusters = len(set(cluster.values()))
    comparable = len(common) >= parameters.min_blocks and clusters >= parameters.min_clusters
    left_out = tuple(name for name in rates if name not in enough)
    if not comparable:
        return Comparison(tuple(enough), left_out, len(common), clusters, {}, {}, None)
    own: dict[str, dict[PlaceHour, float]] = {
        name: {key: rates[name][key] for key in common} for name in enough
    }
    means = {name: _drawn(values, cluster, parameters.seed) for name, values in own.items()}
    names = sorted(enough, key=lambda name: (-(_mean(list(own[name].values()))), name))
    differences = {
        (first, second): difference
        for first, second in combinations(names, 2)
        if (
            difference := stats.paired_difference(
                own[first], own[second], seed=parameters.seed, segments=cluster
            )
        )
    }
    return Comparison(
        names=tuple(names),
        left_out=left_out,
        common=len(common),
        clusters=clusters,
        means=means,
        differences=differences,
        standing=stats.joint_winners(
            names, {pair: _interval(difference) for pair, difference in differences.items()}
        ),
    )


def _interval(difference: stats.Difference) -> stats.Limits:
    """Two-sided at 95 %.

    Where differences do not scatter there is nothing to draw again, and where they are all
    nothing it is a tie.
    """
    if difference.student.lower is None:
        return stats.Limits(difference.value, difference.value)
    if difference.bootstrap.lower is None:
        return difference.student
    return difference.interval


def _drawn(
    values: Mapping[PlaceHour, float], cluster: Mapping[Hashable, Hashable], seed: int
) -> stats.Bootstrap | None:
    """The mean over the common blocks, with one-sided 95 % limits from drawing whole places."""
    together: dict[Hashable, list[float]] = defaultdict(list)
    for (square, _), value in values.items():
        together[cluster[square]].append(value)
    sums = [(math.fsum(one), float(len(one))) for one in together.values()]
    return stats.bootstrap_ratio(sums, seed=seed)


def _ranking(found: Comparison, blocks: Mapping[str, Sequence[Block]]) -> dict[str, Any]:
    """Beside the ranking: each operator's figures, and each difference."""
    plain = {name: _mean(_all(own)) for name, own in blocks.items() if own}
    if found.standing is None:
        return {"winners": [], "ranking": [], "differences": [], "not_compared": [*found.left_out]}
    naive = sorted(plain, key=lambda name: (-plain[name], name))
    return {
        "winners": [*found.standing.winners],
        "ranking": [
            {
                "operator": name,
                "mean_mbit_s": _value(found.means[name]),
                "winner": name in found.standing.winners,
                "naive_mean_mbit_s": plain[name],
                "naive_rank": naive.index(name) + 1,
            }
            for name in found.names
        ],
        "differences": [
            {
                "first": first,
                "second": second,
                "mbit_s": difference.value,
                "lower_mbit_s": interval.lower,
                "upper_mbit_s": interval.upper,
            }
            for (first, second), difference in found.differences.items()
            for interval in [_interval(difference)]
        ],
        "not_compared": [*found.left_out, *found.standing.unranked],
    }


def _own(found: Comparison, name: str, tests: Sequence[float]) -> dict[str, Any]:
    ranked = found.standing is not None and name in found.names
    return {
        "naive_mean": _mean(tests) if tests else None,
        "winner": name in found.standing.winners if ranked and found.standing else None,
    }


def _statement(found: Comparison, name: str, parameters: Parameters) -> Text:
    standing = found.standing
    if standing is None:
        return _not_comparable(found, parameters)
    where_vi = f"trên {found.common} khối đo chung ở {found.clusters} nơi"
    where_en = f"on {found.common} common blocks in {found.clusters} places"
    if name in (*found.left_out, *standing.unranked):
        return Text(
            vi=f"đo quá ít để so sánh {where_vi}",
            en=f"measured too little to be compared {where_en}",
        )
    if name != TOGETHER:
        joint = len(standing.winners) > 1
        if name in standing.winners:
            return Text(
                vi=f"{'đồng hạng nhất' if joint else 'hạng nhất'} {where_vi}",
                en=f"{'joint winner' if joint else 'winner'} {where_en}",
            )
        return Text(vi=f"sau nhóm dẫn đầu {where_vi}", en=f"behind the winners {where_en}")
    first, rest = ", ".join(standing.winners), ", ".join(standing.worse)
    left = ", ".join((*found.left_out, *standing.unranked))
    return Text(
        vi=f"dẫn đầu {where_vi}: {first}"
        + (f"; sau: {rest}" if rest else "")
        + (f"; không so sánh được: {left}" if left else ""),
        en=f"leading {where_en}: {first}"
        + (f"; behind: {rest}" if rest else "")
        + (f"; not compared: {left}" if left else ""),
    )


def _not_comparable(found: Comparison, parameters: Parameters) -> Text:
    if len(found.names) < _A_PAIR:
        return Text(
            vi=f"không so sánh được: chưa có hai nhà mạng với từ {parameters.min_blocks} khối đo",
            en=f"not comparable: there are no two operators with {parameters.min_blocks} blocks",
        )
    names = ", ".join(found.names)
    return Text(
        vi=f"không so sánh được: {names} có {found.common} khối đo chung ở {found.clusters} nơi,"
        f" cần {parameters.min_blocks} khối ở {parameters.min_clusters} nơi",
        en=f"not comparable: {names} have {found.common} common blocks in {found.clusters} places,"
        f" {parameters.min_blocks} in {parameters.min_clusters} are wanted",
    )


_A_PAIR = 2
_NOTHING = Text(vi="chưa đo", en="not measured")


def _value(mean: stats.Bootstrap | None) -> float | None:
    return None if mean is None else mean.value


def _all(blocks: Iterable[Block]) -> list[float]:
    return [rate for block in blocks for rate in block.rates_mbit_s]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
