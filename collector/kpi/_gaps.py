"""The gaps of a strip, with their ends as sharp as the looks allow."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from collector.kpi import Stretch
from collector.kpi._arrays import Flags, Floats, Ints
from collector.kpi._passes import BIN_M, Driven
from collector.kpi._strip import Rule, Run, Strip, close

NEAR_M = 100.0
"""An edge of service this far from where a run of bins ends belongs to it."""
_LIKELY = 1.645
"""Standard deviations that a one-sided 95 % limit lies away."""
_ERROR_IN_SIGMAS = 2.448
"""Of a position in the plane: its 95 % error."""


class Edges(NamedTuple):
    """Where service begins or ends: between two looks of one pass that differ."""

    lit_m: Floats
    """The look with service,"""
    dark_m: Floats
    """and the one without."""
    error_m: Floats
    """95 % error of their positions."""
    drive: Ints
    ended_us: Ints
    """When the drive was over."""

    @property
    def at_m(self) -> Floats:
        """Half-way."""
        return (self.lit_m + self.dark_m) / 2

    @property
    def ends(self) -> Flags:
        """Towards higher chainage: covered before, uncovered after."""
        return self.lit_m < self.dark_m


class Looks(NamedTuple):
    """Looks without service."""

    at_m: Floats
    drive: Ints
    ended_us: Ints


class Seen(NamedTuple):
    """Where the passes of one operator saw service change, and where they had none."""

    edges: Edges
    dark: Looks


class End(NamedTuple):
    """One end of a gap."""

    at_m: float
    """The best estimate."""
    surely_m: float
    """So far the gap is proven to reach,"""
    perhaps_m: float
    """and so far it may."""
    sharp: bool = True
    """Whether passes saw service change there; otherwise it is where the bins end."""


class Piece(NamedTuple):
    """One stretch of uncovered bins without an exception in it."""

    bins: Run
    start: End
    stop: End

    @property
    def from_m(self) -> float:
        """Where service ends, or the exception before it."""
        return self.start.at_m

    @property
    def to_m(self) -> float:
        """Where it begins again, or the exception behind it."""
        return self.stop.at_m

    @property
    def length_m(self) -> float:
        """From the one to the other."""
        return self.to_m - self.from_m

    @property
    def least_m(self) -> float:
        """What of it is proven."""
        return max(self.stop.surely_m - self.start.surely_m, 0.0)

    @property
    def most_m(self) -> float:
        """As long as it may be."""
        return self.stop.perhaps_m - self.start.perhaps_m


class Gap(NamedTuple):
    """A gap: its pieces are parted by exceptions only."""

    pieces: tuple[Piece, ...]
    passes: int
    """The fewest that saw any of its bins."""
    bins_m: float
    """Length of its bins, without the exceptions in it; nor have the other lengths those."""

    @property
    def from_m(self) -> float:
        """Where service ends."""
        return self.pieces[0].from_m

    @property
    def to_m(self) -> float:
        """Where it begins again."""
        return self.pieces[-1].to_m

    @property
    def length_m(self) -> float:
        """The best estimate."""
        return math.fsum(piece.length_m for piece in self.pieces)

    @property
    def least_m(self) -> float:
        """What of it is proven, and in whole bins."""
        return min(self.bins_m, math.fsum(piece.least_m for piece in self.pieces))

    @property
    def most_m(self) -> float:
        """As long as it may be."""
        return max(self.length_m, math.fsum(piece.most_m for piece in self.pieces))

    @property
    def error_m(self) -> float | None:
        """How far the length may be off; None where an end was not seen sharply."""
        if not all(one.start.sharp and one.stop.sharp for one in self.pieces):
            return None
        proven_m = math.fsum(piece.least_m for piece in self.pieces)
        return max(self.most_m - self.length_m, self.length_m - proven_m)

    @property
    def longest_piece_m(self) -> float:
        """Its length if exceptions ended it."""
        return max(piece.length_m for piece in self.pieces)


def seen(driven: Driven, *, covered: Flags, counts: Flags, error_m: Floats) -> Seen:
    """Every change of service between two looks that are close enough, and all without service."""
    before, after = close(driven, counts)
    differ = covered[before] != covered[after]
    before, after = before[differ], after[differ]
    lit = np.where(covered[before], before, after)
    unlit = np.where(covered[before], after, before)
    drive = driven.drive[before]
    dark = np.flatnonzero(counts & ~covered)
    return Seen(
        Edges(
            lit_m=driven.chainage_m[lit],
            dark_m=driven.chainage_m[unlit],
            error_m=np.nan_to_num((error_m[before] + error_m[after]) / 2),
            drive=drive,
            ended_us=driven.ended_us[drive],
        ),
        Looks(
            at_m=driven.chainage_m[dark],
            drive=driven.drive[dark],
            ended_us=driven.ended_us[driven.drive[dark]],
        ),
    )


def gaps(
    strip: Strip,
    looks: Seen,
    *,
    exceptions: Sequence[Stretch],
    rule: Rule,
    confirmed: bool = False,
) -> tuple[Gap, ...]:
    """The gaps of one operator; each end is the median over the last passes that saw it.

    With `confirmed` only the bins that so many passes saw as the rule asks for.
    """

    def piece(bins: Run) -> Piece:
        return Piece(
            bins,
            _start(strip, bins, looks, exceptions, rule),
            _stop(strip, bins, looks, exceptions, rule),
        )

    return _gaps(strip, piece, passes=rule.confirming_passes if confirmed else 0)


def worst_m(strip: Strip, lit_m: Floats) -> float:
    """The longest stretch that may be a gap: bins that are uncovered or unknown.

    It reaches to the looks with service before and behind it; `lit_m` are all of them.
    """
    lit_m = np.sort(lit_m)
    longest_m = 0.0
    for run in strip.runs(["uncovered", "unknown"]):
        from_m, to_m = strip.span_m(run)
        before_m = behind_m = 0.0
        if run.first and not strip.excepted[run.first - 1]:
            index = int(np.searchsorted(lit_m, from_m, side="right")) - 1
            before_m = from_m - float(lit_m[index]) if index >= 0 else BIN_M
        if run.last + 1 < len(strip.states) and not strip.excepted[run.last + 1]:
            index = int(np.searchsorted(lit_m, to_m, side="left"))
            behind_m = float(lit_m[index]) - to_m if index < len(lit_m) else BIN_M
        reach_m = min(before_m, BIN_M) + min(behind_m, BIN_M)
        longest_m = max(longest_m, strip.run_m(run) + reach_m)
    return longest_m


def merged_gaps(
    strip: Strip, found: Iterable[Sequence[Gap]], *, rule: Rule, confirmed: bool = False
) -> tuple[Gap, ...]:
    """The gaps of any operator: from where the last one ends to where the first one begins."""
    pieces = [piece for gaps_ in found for gap in gaps_ for piece in gap.pieces]
    return _gaps(
        strip,
        lambda bins: _common(strip, bins, pieces),
        passes=rule.confirming_passes if confirmed else 0,
    )


def _gaps(strip: Strip, piece: Callable[[Run], Piece], *, passes: int) -> tuple[Gap, ...]:
    return tuple(
        Gap(
            pieces=tuple(piece(bins) for bins in strip.pieces(run)),
            passes=strip.fewest(run),
            bins_m=strip.run_m(run),
        )
        for run in strip.runs(["uncovered"], passes=passes)
    )


def _common(strip: Strip, bins: Run, pieces: Sequence[Piece]) -> Piece:
    starts = [one.start for one in pieces if one.bins.first <= bins.first <= one.bins.last]
    stops = [one.stop for one in pieces if one.bins.first <= bins.last <= one.bins.last]
    return Piece(
        bins,
        _innermost(starts, bins.first * BIN_M, max),
        _innermost(stops, strip.end_m(bins.last), min),
    )


def _innermost(ends: Sequence[End], bin_m: float, inner: Callable[[list[float]], float]) -> End:
    if not ends:
        return _exactly(bin_m)._replace(sharp=False)
    return End(
        at_m=inner([one.at_m for one in ends]),
        surely_m=inner([one.surely_m for one in ends]),
        perhaps_m=inner([one.perhaps_m for one in ends]),
        sharp=all(one.sharp for one in ends),
    )


def _start(strip: Strip, bins: Run, looks: Seen, exceptions: Sequence[Stretch], rule: Rule) -> End:
    bin_m = bins.first * BIN_M
    if not bins.first:
        return _exactly(0.0)
    if strip.excepted[bins.first - 1]:
        return _exactly(_nearest([one.to_m for one in exceptions], bin_m))
    unknown_m = strip.unknown_m(bins.first - 1, step=-1)
    return _sharp(looks.edges, bin_m, rule, way=1) or _blunt(
        looks.dark, bin_m, unknown_m, rule, way=1
    )


def _stop(strip: Strip, bins: Run, looks: Seen, exceptions: Sequence[Stretch], rule: Rule) -> End:
    bin_m = strip.end_m(bins.last)
    if bins.last + 1 == len(strip.states):
        return _exactly(bin_m)
    if strip.excepted[bins.last + 1]:
        return _exactly(_nearest([one.from_m for one in exceptions], bin_m))
    unknown_m = strip.unknown_m(bins.last + 1, step=1)
    return _sharp(looks.edges, bin_m, rule, way=-1) or _blunt(
        looks.dark, bin_m, unknown_m, rule, way=-1
    )


def _exactly(at_m: float) -> End:
    return End(at_m, at_m, at_m)


def _nearest(ends_m: Iterable[float], bin_m: float) -> float:
    """Where an exception ends, if that is within a bin of where the bins do."""
    near = [one for one in ends_m if abs(one - bin_m) <= BIN_M]
    return min(near, key=lambda at_m: abs(at_m - bin_m), default=bin_m)


def _sharp(edges: Edges, bin_m: float, rule: Rule, *, way: int) -> End | None:
    """Median of the nearest edges of the last drives that have one near; None where none has.

    `way` is 1 where the gap lies towards higher chainage, and -1 where it lies towards lower. It
    surely begins at the first look without service of any of these drives, and perhaps behind the
    last one with service; or, where the drives differ by more, as their scatter has it. Positions
    are off by so much that both give way.
    """
    at_m, ends = edges.at_m, edges.ends
    near = np.flatnonzero((ends == (way > 0)) & (np.abs(at_m - bin_m) <= NEAR_M))
    newest = near[np.lexsort((np.abs(at_m[near] - bin_m), -edges.ended_us[near]))]
    of_drive: dict[int, int] = {}
    for index in newest.tolist():
        of_drive.setdefault(int(edges.drive[index]), index)
    chosen = list(of_drive.values())[: rule.last_passes]
    if not chosen:
        return None
    each_m = at_m[chosen].tolist()
    middle_m = statistics.median(each_m)
    count = len(chosen)
    scatter_m = statistics.stdev(each_m) if count > 1 else 0.0
    squares = math.fsum((error / _ERROR_IN_SIGMAS) ** 2 for error in edges.error_m[chosen].tolist())
    spread_m = _LIKELY * scatter_m / math.sqrt(count)
    noise_m = _LIKELY * math.sqrt(squares) / count
    dark_m = min(way * (one - middle_m) for one in edges.dark_m[chosen].tolist())
    lit_m = min(way * (middle_m - one) for one in edges.lit_m[chosen].tolist())
    return End(
        at_m=middle_m,
        surely_m=middle_m + way * max(dark_m + noise_m, spread_m),
        perhaps_m=middle_m - way * max(lit_m + noise_m, spread_m),
    )


def _blunt(dark: Looks, bin_m: float, unknown_m: float, rule: Rule, *, way: int) -> End:
    """Where the bins end, or perhaps what is unknown behind them.

    It is proven only from where enough of the last drives had no service.
    """
    inside_m = way * (dark.at_m - bin_m)
    near = np.flatnonzero((inside_m >= 0) & (inside_m <= NEAR_M))
    newest = near[np.lexsort((inside_m[near], -dark.ended_us[near]))]
    of_drive: dict[int, float] = {}
    for index in newest.tolist():
        of_drive.setdefault(int(dark.drive[index]), float(inside_m[index]))
    first_m = sorted(list(of_drive.values())[: rule.last_passes])
    proven_m = first_m[min(rule.confirming_passes, len(first_m)) - 1] if first_m else 0.0
    return End(bin_m, bin_m + way * proven_m, bin_m - way * unknown_m, sharp=False)
