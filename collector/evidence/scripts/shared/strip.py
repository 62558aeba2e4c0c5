"""A road as bins of 50 m that are covered, uncovered or unknown, and its gaps."""

import bisect
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from passes import BIN_M, Look, Pass

CLOSE_M = 101.0
"""So far apart two looks of one pass still say what lies between them: 100 m, and some rounding."""
NEAR_M = 100.0
"""An edge of service so far from where a run of bins ends belongs to it."""
LIKELY = 1.645
"""Standard deviations that a one-sided 95 % limit lies away."""
ERROR_IN_SIGMAS = 2.448
"""Of a position in the plane: its 95 % error."""
COVERED, UNCOVERED, UNKNOWN = "covered", "uncovered", "unknown"


class Rule(NamedTuple):
    """How many passes make a bin what it is."""

    last_passes: int
    covered_passes: int
    confirming_passes: int
    """What fewer passes saw is no proof of a gap."""
    stale_us: int
    """The latest pass over a bin must not be older."""


class Edge(NamedTuple):
    """Two neighbouring looks of one pass, with service and without."""

    lit_m: float
    dark_m: float
    error_m: float
    """95 % error of their positions."""
    ride: int
    ended_us: int
    """When the ride was over."""

    @property
    def at_m(self) -> float:
        """Half-way."""
        return (self.lit_m + self.dark_m) / 2


class Dark(NamedTuple):
    """A look without service."""

    at_m: float
    ride: int
    ended_us: int


class Seen(NamedTuple):
    """What passes saw of the ends of gaps."""

    edges: list[Edge]
    dark: list[Dark]


class End(NamedTuple):
    """One end of a gap: the best estimate, how far it surely reaches, and how far it may."""

    at_m: float
    surely_m: float
    perhaps_m: float


class Piece(NamedTuple):
    """Neighbouring bins without service and without an exception."""

    first: int
    last: int
    start: End
    stop: End


Gap = list[Piece]
"""Pieces that are parted by exceptions only."""


class Strip(NamedTuple):
    """The road of one operator, or of any."""

    length_m: float
    states: list[str]
    passes: list[int]
    """That are looked at, of each bin."""
    excepted: list[bool]

    def bins_m(self, first: int, last: int) -> float:
        """Length of the bins from first to last without exceptions."""
        return sum(
            min((one + 1) * BIN_M, self.length_m) - one * BIN_M
            for one in range(first, last + 1)
            if not self.excepted[one]
        )

    def has(self, state: str) -> bool:
        """Whether any judged bin is so."""
        return any(
            one == state and not out for one, out in zip(self.states, self.excepted, strict=True)
        )

    def runs(self, *wanted: str, passes: int = 0) -> Iterator[tuple[int, int]]:
        """First and last bin of each run. It goes on behind an exception that is not covered."""
        kept = [
            one for one, out in enumerate(self.excepted) if not out or self.states[one] == COVERED
        ]
        good = [
            not self.excepted[one] and self.states[one] in wanted and self.passes[one] >= passes
            for one in kept
        ]
        for first, last in spans(good):
            yield kept[first], kept[last]

    def unknown_m(self, bin_: int, *, step: int) -> float:
        """How much of the road is unknown from this bin on, upwards or downwards."""
        found_m = 0.0
        while 0 <= bin_ < len(self.states) and self.states[bin_] == UNKNOWN:
            if self.excepted[bin_]:
                break
            found_m += min((bin_ + 1) * BIN_M, self.length_m) - bin_ * BIN_M
            bin_ += step
        return found_m

    def longest_m(self, *wanted: str) -> float:
        """Length of the longest run."""
        return max((self.bins_m(*run) for run in self.runs(*wanted)), default=0.0)


def spans(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last place of each run of true ones."""
    first = None
    for index, flag in enumerate([*flags, False]):
        if flag and first is None:
            first = index
        elif not flag and first is not None:
            yield first, index - 1
            first = None


def surveyed(passes: Sequence[Pass], road: Any, exceptions: Sequence[Any], rule: Rule) -> Strip:
    """What the last passes of one operator make of each bin."""
    count = max(math.ceil(road["length_m"] / BIN_M), 1)
    seen: dict[int, dict[int, bool]] = defaultdict(dict)
    for ride, one in enumerate(passes):
        for bin_, covered in (said for leg in one.legs for said in bins_of(leg)):
            own = seen[min(bin_, count - 1)]
            own[ride] = own.get(ride, False) or covered
    states, number = [], []
    for bin_ in range(count):
        newest = sorted(seen[bin_], key=lambda ride: (-passes[ride].ended_us, ride))
        last = newest[: rule.last_passes]
        number.append(len(last))
        hits = sum(seen[bin_][ride] for ride in last)
        fresh = bool(last) and passes[last[0]].ended_us >= rule.stale_us
        if fresh and hits >= rule.covered_passes:
            states.append(COVERED)
        else:
            states.append(UNCOVERED if fresh and not hits else UNKNOWN)
    out = excepted(exceptions, road["length_m"], count)
    return Strip(road["length_m"], states, number, out)


def bins_of(leg: Sequence[Look]) -> Iterator[tuple[int, bool]]:
    """The bins of a leg, those passed over between two like looks among them."""
    for look in leg:
        if look.counts:
            yield look.bin, look.covered
    for before, after in neighbours(leg):
        if after.bin - before.bin == 2 and before.covered == after.covered:  # noqa: PLR2004
            yield before.bin + 1, before.covered


def neighbours(leg: Sequence[Look]) -> Iterator[tuple[Look, Look]]:
    """Looks next to each other that are close enough."""
    counting = [look for look in leg if look.counts]
    for before, after in pairwise(counting):
        if after.chainage_m - before.chainage_m <= CLOSE_M:
            yield before, after


def excepted(exceptions: Sequence[Any], length_m: float, count: int) -> list[bool]:
    """The bins of which at least half lie in exceptions."""
    inside_m = [0.0] * count
    reached_m = -math.inf
    for one in sorted(exceptions, key=lambda one: (one["from_m"], one["to_m"])):
        from_m = max(one["from_m"], reached_m)
        for bin_ in range(count):
            end_m = min((bin_ + 1) * BIN_M, length_m)
            inside_m[bin_] += max(min(end_m, one["to_m"]) - max(bin_ * BIN_M, from_m), 0.0)
        reached_m = max(reached_m, one["to_m"])
    return [
        inside >= (min((bin_ + 1) * BIN_M, length_m) - bin_ * BIN_M) / 2
        for bin_, inside in enumerate(inside_m)
    ]


def seen_by(passes: Sequence[Pass]) -> Seen:
    """Every change of service, and every look without it."""
    edges_, dark = [], []
    for ride, one in enumerate(passes):
        for leg in one.legs:
            dark += [
                Dark(look.chainage_m, ride, one.ended_us)
                for look in leg
                if look.counts and not look.covered
            ]
            for two in neighbours(leg):
                if two[0].covered != two[1].covered:
                    lit, unlit = sorted(two, key=lambda look: not look.covered)
                    error_m = (lit.error_m + unlit.error_m) / 2
                    error_m = 0.0 if math.isnan(error_m) else error_m
                    edges_.append(
                        Edge(lit.chainage_m, unlit.chainage_m, error_m, ride, one.ended_us)
                    )
    return Seen(edges_, dark)


def gaps(
    strip: Strip, seen: Seen, exceptions: Sequence[Any], rule: Rule, *, passes: int = 0
) -> list[Gap]:
    """The gaps of one operator; each end is the median over the last passes that saw it."""
    return [
        [
            Piece(
                first,
                last,
                start_of(strip, first, seen, exceptions, rule),
                stop_of(strip, last, seen, exceptions, rule),
            )
            for first, last in pieces_of(strip, run)
        ]
        for run in strip.runs(UNCOVERED, passes=passes)
    ]


def start_of(strip: Strip, first: int, seen: Seen, exceptions: Sequence[Any], rule: Rule) -> End:
    """Where a gap begins."""
    bin_m = first * BIN_M
    if not first:
        return exactly(0.0)
    if strip.excepted[first - 1]:
        return exactly(nearest([one["to_m"] for one in exceptions], bin_m))
    unknown_m = strip.unknown_m(first - 1, step=-1)
    return sharp(seen.edges, bin_m, rule, way=1) or blunt(seen.dark, bin_m, unknown_m, rule, way=1)


def stop_of(strip: Strip, last: int, seen: Seen, exceptions: Sequence[Any], rule: Rule) -> End:
    """Where it ends."""
    bin_m = min((last + 1) * BIN_M, strip.length_m)
    if last + 1 == len(strip.states):
        return exactly(bin_m)
    if strip.excepted[last + 1]:
        return exactly(nearest([one["from_m"] for one in exceptions], bin_m))
    unknown_m = strip.unknown_m(last + 1, step=1)
    return sharp(seen.edges, bin_m, rule, way=-1) or blunt(
        seen.dark, bin_m, unknown_m, rule, way=-1
    )


def exactly(at_m: float) -> End:
    """An end that is known."""
    return End(at_m, at_m, at_m)


def length_m(gap: Gap) -> float:
    """The best estimate, without exceptions."""
    return math.fsum(piece.stop.at_m - piece.start.at_m for piece in gap)


def least_m(strip: Strip, gap: Gap) -> float:
    """What is proven of it, and in whole bins."""
    proven = (max(piece.stop.surely_m - piece.start.surely_m, 0.0) for piece in gap)
    return min(strip.bins_m(gap[0].first, gap[-1].last), math.fsum(proven))


def most_m(gap: Gap) -> float:
    """As long as it may be."""
    may = math.fsum(piece.stop.perhaps_m - piece.start.perhaps_m for piece in gap)
    return max(length_m(gap), may)


def pieces_of(strip: Strip, run: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The parts of a run between its exceptions."""
    first, last = run
    for begin, end in spans([not out for out in strip.excepted[first : last + 1]]):
        yield first + begin, first + end


def nearest(ends_m: Iterable[float], bin_m: float) -> float:
    """Where an exception ends, if that is within a bin of where the bins do."""
    near = [one for one in ends_m if abs(one - bin_m) <= BIN_M]
    return min(near, key=lambda one: abs(one - bin_m), default=bin_m)


def worst_m(strip: Strip, lit_m: Iterable[float]) -> float:
    """The longest stretch that may be a gap, up to the looks with service around it."""
    lit_m = sorted(lit_m)
    longest_m = 0.0
    for first, last in strip.runs(UNCOVERED, UNKNOWN):
        from_m, to_m = first * BIN_M, min((last + 1) * BIN_M, strip.length_m)
        before_m = behind_m = 0.0
        if first and not strip.excepted[first - 1]:
            index = bisect.bisect_right(lit_m, from_m) - 1
            before_m = from_m - lit_m[index] if index >= 0 else BIN_M
        if last + 1 < len(strip.states) and not strip.excepted[last + 1]:
            index = bisect.bisect_left(lit_m, to_m)
            behind_m = lit_m[index] - to_m if index < len(lit_m) else BIN_M
        reach_m = min(before_m, BIN_M) + min(behind_m, BIN_M)
        longest_m = max(longest_m, strip.bins_m(first, last) + reach_m)
    return longest_m


def sharp(edges: Sequence[Edge], bin_m: float, rule: Rule, *, way: int) -> End | None:
    """Median of the nearest edges of the last rides that have one near; None where none has.

    `way` is 1 where the gap lies towards higher chainage. It surely begins at the first look
    without service of any of these rides, and perhaps behind the last one with service; or as their
    scatter has it, where that is wider. Both give way to the error of positions.
    """
    near = [one for one in edges if (one.lit_m < one.dark_m) == (way > 0)]
    near = [one for one in near if abs(one.at_m - bin_m) <= NEAR_M]
    near.sort(key=lambda one: (-one.ended_us, abs(one.at_m - bin_m)))
    of_ride: dict[int, Edge] = {}
    for one in near:
        of_ride.setdefault(one.ride, one)
    newest = list(of_ride.values())[: rule.last_passes]
    if not newest:
        return None
    each_m = [one.at_m for one in newest]
    middle_m = statistics.median(each_m)
    scatter_m = statistics.stdev(each_m) if len(each_m) > 1 else 0.0
    spread_m = LIKELY * scatter_m / math.sqrt(len(each_m))
    squares = math.fsum((one.error_m / ERROR_IN_SIGMAS) ** 2 for one in newest)
    noise_m = LIKELY * math.sqrt(squares) / len(each_m)
    dark_m = min(way * (one.dark_m - middle_m) for one in newest)
    lit_m = min(way * (middle_m - one.lit_m) for one in newest)
    return End(
        middle_m,
        middle_m + way * max(dark_m + noise_m, spread_m),
        middle_m - way * max(lit_m + noise_m, spread_m),
    )


def blunt(dark: Sequence[Dark], bin_m: float, unknown_m: float, rule: Rule, *, way: int) -> End:
    """Where the bins end; proven only from where enough of the last rides had no service.

    Perhaps the gap goes on where the road is unknown behind them.
    """
    near = [(way * (one.at_m - bin_m), one) for one in dark]
    near = [(inside, one) for inside, one in near if 0 <= inside <= NEAR_M]
    near.sort(key=lambda one: (-one[1].ended_us, one[0]))
    of_ride: dict[int, float] = {}
    for inside_m, one in near:
        of_ride.setdefault(one.ride, inside_m)
    first_m = sorted(list(of_ride.values())[: rule.last_passes])
    proven_m = first_m[min(rule.confirming_passes, len(first_m)) - 1] if first_m else 0.0
    return End(bin_m, bin_m + way * proven_m, bin_m - way * unknown_m)


def of_any(strips: Sequence[Strip]) -> Strip:
    """Covered by one is covered; uncovered is only what each is known not to cover.

    The passes that count are those of one that covers a bin, or the fewest where none does.
    """
    states, passes = [], []
    for bin_ in range(len(strips[0].states)):
        own = [(one.states[bin_], one.excepted[bin_], one.passes[bin_]) for one in strips]
        if any(state == COVERED for state, *_ in own):
            states.append(COVERED)
            passes.append(max(number for state, _, number in own if state == COVERED))
        elif all(state == UNCOVERED or out for state, out, _ in own):
            states.append(UNCOVERED)
            judged = [number for _, out, number in own if not out]
            passes.append(min(judged or [max(number for *_, number in own)]))
        else:
            states.append(UNKNOWN)
            passes.append(max(number for *_, number in own))
    together = zip(*(one.excepted for one in strips), strict=True)
    return Strip(strips[0].length_m, states, passes, [all(out) for out in together])


def gaps_of_any(strip: Strip, of_each: Iterable[Sequence[Gap]], *, passes: int = 0) -> list[Gap]:
    """From where the last operator's service ends to where the first one's begins."""
    known = [piece for found in of_each for gap in found for piece in gap]
    return [
        [
            Piece(
                first,
                last,
                innermost(
                    [one.start for one in known if one.first <= first <= one.last],
                    first * BIN_M,
                    max,
                ),
                innermost(
                    [one.stop for one in known if one.first <= last <= one.last],
                    min((last + 1) * BIN_M, strip.length_m),
                    min,
                ),
            )
            for first, last in pieces_of(strip, run)
        ]
        for run in strip.runs(UNCOVERED, passes=passes)
    ]


def innermost(ends: Sequence[End], bin_m: float, inner: Callable[[list[float]], float]) -> End:
    """The end that is common to all; where the bins end if there is none."""
    if not ends:
        return exactly(bin_m)
    at_m, surely_m, perhaps_m = (inner(list(one)) for one in zip(*ends, strict=True))
    return End(at_m, surely_m, perhaps_m)
