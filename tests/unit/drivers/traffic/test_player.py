"""What the player chooses, and what a viewer saw."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.traffic.player import (
    PlayOutcome,
    by_buffer,
    by_throughput,
    choose,
    play,
    quality,
)
from drivers.traffic.profile import Adaptation
from wire.kinds.video import Segment

RUNGS = [1_000_000, 2_000_000, 4_000_000, 8_000_000]


def shown(height, media_s, rate=None, *, complete=True):
    return Segment(
        index=0,
        height=height,
        media_s=media_s,
        payload_bytes=1,
        requested_s=0,
        outstanding_s=1,
        complete=complete,
        media_bits_per_second=rate,
    )


def test_the_first_segment_is_the_lowest():
    for adaptation in (Adaptation.THROUGHPUT, Adaptation.BUFFER):
        first = choose(adaptation, RUNGS, previous=None, rates=[], buffered_s=0, buffer_s=30)
        assert first == 0


def test_a_fixed_player_stays_at_the_best_it_is_given():
    state = {"previous": 3, "rates": [1.0], "buffered_s": 0, "buffer_s": 30}
    assert choose(Adaptation.FIXED, RUNGS, **state) == 3


@pytest.mark.parametrize(
    ("rates", "rung"),
    [
        ([5_000_000], 2),  # 80 % of it is just 4 Mbit/s
        ([4_999_999], 1),
        ([100_000_000], 3),
        ([500_000], 0),  # nothing is affordable: the lowest
        ([0.0], 0),
        # Harmonic mean of 1, 1 and 100 is 1.49: one fast segment moves it little.
        ([1_000_000, 1_000_000, 100_000_000], 0),
        # Only the last three count.
        ([1_000, 10_000_000, 10_000_000, 10_000_000], 3),
    ],
)
def test_throughput_takes_the_best_rung_within_the_harmonic_mean(rates, rung):
    assert by_throughput(RUNGS, rates) == rung


@pytest.mark.parametrize(
    ("buffered_s", "previous", "rung"),
    [
        # A buffer of 240 s as published: reservoir 90 s, cushion up to 216 s.
        (90, 3, 0),
        (216, 0, 3),
        # The line is at 1 + 7 x (108 - 90) / 126 = 2 Mbit/s: it reaches the second rung, and the
        # best one below the line is the first.
        (108, 0, 0),
        (108.1, 0, 1),
        # At 4.5 Mbit/s: from the bottom straight to the third rung.
        (153, 0, 2),
        # Hysteresis: it must fall to 2 Mbit/s to leave the third rung, ...
        (120, 2, 2),
        # ... and then takes the lowest one above the line.
        (108, 2, 2),
        (107.9, 2, 1),
        (91, 3, 1),
    ],
)
def test_the_buffer_player_is_bba_0(buffered_s, previous, rung):
    assert by_buffer(RUNGS, previous, buffered_s=buffered_s, buffer_s=240) == rung


@given(
    st.sampled_from(Adaptation),
    st.lists(st.integers(1, 10**9), min_size=1, max_size=8).map(sorted),
    st.lists(st.floats(0, 1e12)),
    st.data(),
)
def test_every_choice_is_a_rung(adaptation, rungs, rates, data):
    chosen = choose(
        adaptation,
        rungs,
        previous=data.draw(st.none() | st.integers(0, len(rungs) - 1)),
        rates=rates,
        buffered_s=data.draw(st.floats(0, 1e4)),
        buffer_s=data.draw(st.floats(1, 600)),
    )
    assert 0 <= chosen < len(rungs)


@given(st.floats(0, 300), st.floats(0, 300), st.integers(0, 3))
def test_more_buffer_never_means_a_lower_rung(one, other, previous):
    less, more = sorted((one, other))
    assert by_buffer(RUNGS, previous, buffered_s=less, buffer_s=240) <= by_buffer(
        RUNGS, previous, buffered_s=more, buffer_s=240
    )


def test_quality_is_weighted_with_play_time_and_counts_what_was_played():
    seen = quality(
        [
            shown(720, 2, 2e6),
            shown(1080, 4, 5e6),
            shown(2160, 2, 25e6),
            shown(2160, 100, 25e6, complete=False),
        ]
    )
    assert seen.bits_per_second == pytest.approx((2 * 2e6 + 4 * 5e6 + 2 * 25e6) / 8)
    assert seen.height == pytest.approx((2 * 720 + 4 * 1080 + 2 * 2160) / 8)
    assert (seen.share_1080, seen.share_2160) == (0.75, 0.25)


def test_nothing_played_has_no_quality():
    assert quality([shown(1080, 2, complete=False)]).height is None


gaps = st.lists(st.floats(min_value=0.01, max_value=20), min_size=1, max_size=12)
thresholds = st.floats(min_value=0.5, max_value=30)


def one_after_the_other(gaps, media_s=2.0, *, broken=False):
    """Segments each of which took so long, and when the last one ended."""
    segments, now_s = [], 0.0
    for index, gap in enumerate(gaps):
        segments.append(
            Segment(
                index=index,
                height=1080,
                media_s=media_s,
                payload_bytes=1,
                requested_s=now_s,
                outstanding_s=gap,
                complete=not broken or index < len(gaps) - 1,
            )
        )
        now_s += gap
    return segments, now_s


@given(gaps, st.floats(min_value=2, max_value=10))
@example([0.2639077295475054, 1.9076650721599604, 5.90766507215996], 3.9076650721599604)
def test_access_play_and_stalls_add_up_to_the_end_of_the_film(gaps, media_s):
    segments, _ = one_after_the_other(gaps, media_s)
    played = play(segments, start_threshold_s=2, ended_s=0, whole=True)
    ends_s = 0.0  # each segment plays when it is there and the one before is over
    for segment in segments:
        ends_s = max(ends_s, segment.requested_s + segment.outstanding_s) + media_s
    assert played.played_s == pytest.approx(media_s * len(gaps))
    assert played.access_s + played.played_s + played.stall_total_s == pytest.approx(ends_s)
    assert (played.stalls == 0) == (played.stall_total_s == 0)
    assert played.stall_longest_s <= played.stall_total_s + 1e-9


@given(gaps, thresholds)
def test_a_higher_threshold_never_stalls_more_often(gaps, threshold_s):
    segments, _ = one_after_the_other(gaps)
    low = play(segments, start_threshold_s=0.5, ended_s=0, whole=True)
    high = play(segments, start_threshold_s=threshold_s, ended_s=0, whole=True)
    assert high.access_s >= low.access_s
    assert high.stalls <= low.stalls


@given(gaps, thresholds)
def test_a_film_that_is_given_up_loses_no_time_either(gaps, threshold_s):
    segments, now_s = one_after_the_other(gaps, broken=True)
    played = play(segments, start_threshold_s=threshold_s, ended_s=now_s, whole=False)
    if played.access_s is None:
        assert played == PlayOutcome(
            access_s=None, stalls=0, stall_total_s=0, stall_longest_s=0, played_s=0
        )
        return
    ends_s = played.access_s + played.played_s + played.stall_total_s
    assert ends_s >= now_s - 1e-6
