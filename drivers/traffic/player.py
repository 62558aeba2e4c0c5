"""What a player does and a viewer sees, as arithmetic on when each segment was complete. No I/O.

Definitions after ETSI TR 101 578; there is no decoder. Rates of representations are given lowest
first, and a choice is an index into them.
"""

from collections.abc import Sequence

import msgspec

from drivers.traffic.profile import Adaptation
from wire.kinds.video import Segment

RATES_KEPT = 3
"""Segments whose rates the `throughput` player remembers."""
SAFETY = 0.8
"""It chooses no more than this share of their harmonic mean."""
RESERVOIR = 90 / 240
"""Of the buffer: below it the `buffer` player takes the lowest rate (BBA-0)."""
CUSHION = 126 / 240
"""Of the buffer, above the reservoir: over it the rate rises to the highest (BBA-0)."""
FULL_HD, ULTRA_HD = 1080, 2160

ROUNDING_S = 1e-6
"""A buffer that runs dry for less than this did so in our arithmetic only."""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures of a session. None where nothing was played."""

    bits_per_second: float | None = None
    height: float | None = None
    share_1080: float | None = None
    share_2160: float | None = None


class PlayOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a viewer would have seen."""

    access_s: float | None
    """Session start to playing; None if it never played."""
    stalls: int
    stall_total_s: float
    stall_longest_s: float
    played_s: float


def play(
    segments: Sequence[Segment], *, start_threshold_s: float, ended_s: float, whole: bool
) -> PlayOutcome:
    """Play the complete segments in order from a buffer.

    Playing starts, and starts again after a stall, when the buffer holds `start_threshold_s` of
    media or the last segment of a `whole` session. A stall that nothing ended lasts until
    `ended_s`, when a broken session was given up; what lies in the buffer then is still played.
    """
    arrived = [segment for segment in segments if segment.complete]
    access_s: float | None = None
    stalls: list[float] = []
    played_s = 0.0
    buffered_s = 0.0
    playing_since_s: float | None = None  # None: filling the buffer
    dry_since_s: float | None = None  # when the stall that lasts began
    for number, segment in enumerate(arrived, start=1):
        now_s = segment.requested_s + segment.outstanding_s
        if playing_since_s is not None:
            if now_s - playing_since_s > buffered_s + ROUNDING_S:
                dry_since_s = playing_since_s + buffered_s
                played_s += buffered_s
                buffered_s = 0.0
                playing_since_s = None
            else:
                watched_s = min(now_s - playing_since_s, buffered_s)
                played_s += watched_s
                buffered_s -= watched_s
                playing_since_s = now_s
        buffered_s += segment.media_s
        last = whole and number == len(arrived)
        if playing_since_s is None and (buffered_s >= start_threshold_s or last):
            playing_since_s = now_s
            if access_s is None:
                access_s = now_s
            if dry_since_s is not None:
                stalls.append(now_s - dry_since_s)
                dry_since_s = None
    if playing_since_s is not None:
        played_s += buffered_s
        dry_since_s = playing_since_s + buffered_s
    if not whole and dry_since_s is not None and ended_s > dry_since_s + ROUNDING_S:
        stalls.append(ended_s - dry_since_s)
    return PlayOutcome(
        access_s=access_s,
        stalls=len(stalls),
        stall_total_s=sum(stalls),
        stall_longest_s=max(stalls, default=0.0),
        played_s=played_s,
    )


def buffered_ahead_s(
    segments: Sequence[Segment], *, start_threshold_s: float, now_s: float
) -> float:
    """Media in the buffer at `now_s`: what arrived less what was played by then."""
    so_far = play(segments, start_threshold_s=start_threshold_s, ended_s=now_s, whole=False)
    arrived_s = sum(segment.media_s for segment in segments if segment.complete)
    if so_far.access_s is None:
        return arrived_s
    watched_s = max(0.0, now_s - so_far.access_s - so_far.stall_total_s)
    return max(0.0, arrived_s - watched_s)


def quality(segments: Sequence[Segment]) -> Quality:
    """Means and shares over the complete segments, each weighted with its play time."""
    played = [segment for segment in segments if segment.complete]
    total_s = sum(segment.media_s for segment in played)
    if total_s <= 0:
        return Quality()

    def mean(values: Sequence[float]) -> float:
        weighted = zip(values, played, strict=True)
        return sum(value * segment.media_s for value, segment in weighted) / total_s

    return Quality(
        bits_per_second=mean([segment.media_bits_per_second or 0.0 for segment in played]),
        height=mean([segment.height for segment in played]),
        share_1080=mean([float(segment.height >= FULL_HD) for segment in played]),
        share_2160=mean([float(segment.height >= ULTRA_HD) for segment in played]),
    )


def choose(
    adaptation: Adaptation,
    rungs: Sequence[int],
    *,
    previous: int | None,
    rates: Sequence[float],
    buffered_s: float,
    buffer_s: float,
) -> int:
    """Which of `rungs` (bits per second, lowest first) the next segment is taken from.

    `previous` is the last choice, `rates` what the segments so far arrived at in bits per second,
    `buffer_s` the most that can lie ahead when a segment is requested. `fixed` takes the best.
    """
    match adaptation:
        case Adaptation.THROUGHPUT:
            return by_throughput(rungs, rates)
        case Adaptation.BUFFER:
            return by_buffer(rungs, previous, buffered_s=buffered_s, buffer_s=buffer_s)
        case Adaptation.FIXED:
            return len(rungs) - 1


def by_throughput(rungs: Sequence[int], rates: Sequence[float]) -> int:
    """The best rung below the harmonic mean of the last rates, less a margin; at first the lowest.

    The estimator of FESTIVE (Jiang et al., 2012): one fast segment moves it little.
    """
    last = [rate for rate in rates[-RATES_KEPT:] if rate > 0]
    if not last:
        return 0
    affordable = SAFETY * len(last) / sum(1 / rate for rate in last)
    return max((n for n, rung in enumerate(rungs) if rung <= affordable), default=0)


def by_buffer(
    rungs: Sequence[int], previous: int | None, *, buffered_s: float, buffer_s: float
) -> int:
    """BBA-0, algorithm 1 of Huang et al., "A Buffer-Based Approach to Rate Adaptation" (2014).

    A line maps the buffer to a rate; a choice stays until the line reaches the next rung up or
    falls to the next one down.
    """
    top = len(rungs) - 1
    if previous is None or buffered_s <= RESERVOIR * buffer_s:
        return 0
    if buffered_s >= (RESERVOIR + CUSHION) * buffer_s:
        return top
    filled = (buffered_s - RESERVOIR * buffer_s) / (CUSHION * buffer_s)
    line = rungs[0] + filled * (rungs[-1] - rungs[0])
    if line >= rungs[min(previous + 1, top)]:
        return max((n for n, rung in enumerate(rungs) if rung < line), default=0)
    if line <= rungs[max(previous - 1, 0)]:
        return min((n for n, rung in enumerate(rungs) if rung > line), default=top)
    return previous
