import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.traffic import NetPath, Server, run_video
from drivers.traffic.player import PlayOutcome, buffered_ahead_s, play
from tests.unit.drivers.traffic.ends import run_until, session
from wire.kinds.video import Segment
from wire.messages import Outcome

MEGA = 1_000_000


def arriving(*complete_at_s: float, media_s: float = 2.0, broken_at_s: float | None = None):
    """Segments requested one after the other, complete at these instants."""
    segments = []
    requested_s = 0.0
    for index, done_s in enumerate(complete_at_s):
        segments.append(segment(index, requested_s, done_s - requested_s, media_s))
        requested_s = done_s
    if broken_at_s is not None:
        outstanding_s = broken_at_s - requested_s
        segments.append(segment(len(segments), requested_s, outstanding_s, media_s, complete=False))
    return segments


def segment(index, requested_s, outstanding_s, media_s, *, complete=True):
    return Segment(
        index=index,
        height=1080,
        media_s=media_s,
        payload_bytes=MEGA,
        requested_s=requested_s,
        outstanding_s=outstanding_s,
        complete=complete,
    )


def outcome(access_s, played_s, *stalls):
    return PlayOutcome(
        access_s=access_s,
        stalls=len(stalls),
        stall_total_s=sum(stalls),
        stall_longest_s=max(stalls, default=0.0),
        played_s=played_s,
    )


@pytest.mark.parametrize(
    ("segments", "threshold_s", "expected"),
    [
        # All there before it is needed: starts with the first, plays 6 s without a stall.
        (arriving(1, 2, 3), 2, outcome(1, 6)),
        # The threshold needs two segments.
        (arriving(1, 2, 3), 3, outcome(2, 6)),
        # 1..3 plays the first; the second is complete at 5: 2 s of stall. The third is in time.
        (arriving(1, 5, 6), 2, outcome(1, 6, 2)),
        # Two stalls: dry at 3 until 4, dry at 6 until 9.
        (arriving(1, 4, 9), 2, outcome(1, 6, 1, 3)),
        # Exactly in time is no stall.
        (arriving(1, 3, 5), 2, outcome(1, 6)),
        # After a stall the buffer fills to the threshold again: dry at 6, two segments until 9.
        (arriving(1, 2, 8, 9), 4, outcome(2, 8, 3)),
        # The last segment starts what lies below the threshold: dry at 6, the end comes at 8.
        (arriving(1, 2, 8), 4, outcome(2, 6, 2)),
        # A session shorter than the threshold plays when it is whole.
        (arriving(1), 10, outcome(1, 2)),
    ],
)
def test_a_whole_session_plays_as_computed_by_hand(segments, threshold_s, expected):
    played = play(segments, start_threshold_s=threshold_s, ended_s=99, whole=True)
    assert played == expected


@pytest.mark.parametrize(
    ("segments", "ended_s", "expected"),
    [
        # Nothing ever came: it never played.
        (arriving(broken_at_s=30), 30, outcome(None, 0)),
        # Plays 1..3, then nothing until it is given up at 10.
        (arriving(1, broken_at_s=10), 10, outcome(1, 2, 7)),
        # Given up while there is still media in the buffer: that is played, and it did not stall.
        (arriving(1, 2, broken_at_s=4), 4, outcome(1, 4)),
        # A stall that ended, and one that did not.
        (arriving(1, 4, broken_at_s=10), 10, outcome(1, 4, 1, 4)),
    ],
)
def test_a_broken_session_plays_what_it_got_and_stalls_until_it_was_given_up(
    segments, ended_s, expected
):
    assert play(segments, start_threshold_s=2, ended_s=ended_s, whole=False) == expected


def test_access_needs_the_threshold_even_if_the_session_broke():
    segments = arriving(1, broken_at_s=9)
    assert play(segments, start_threshold_s=4, ended_s=9, whole=False).access_s is None


@given(st.lists(st.floats(min_value=0.01, max_value=20), min_size=1, max_size=12))
def test_play_time_is_access_plus_media_plus_stalls(gaps):
    instants = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    segments = arriving(*instants)
    played = play(segments, start_threshold_s=2, ended_s=0, whole=True)
    assert played.played_s == pytest.approx(2 * len(segments))
    assert played.access_s == pytest.approx(instants[0])
    assert played.stall_longest_s <= played.stall_total_s + 1e-9
    assert played.access_s + played.played_s + played.stall_total_s >= instants[-1] - 1e-6


@pytest.mark.parametrize(("now_s", "ahead_s"), [(0.5, 2), (1, 2), (2, 3), (3, 2), (5, 0), (9, 0)])
def test_the_buffer_holds_what_arrived_less_what_was_watched(now_s, ahead_s):
    segments = arriving(1, 2) if now_s >= 2 else arriving(1)
    assert buffered_ahead_s(segments, start_threshold_s=2, now_s=now_s) == pytest.approx(ahead_s)


def run(profile, server, path=None, cancel=None, seen=None):
    return run_video(
        profile,
        server,
        path or NetPath(interface="lo"),
        cancel or threading.Event(),
        (lambda _: None) if seen is None else seen.append,
    )


def test_a_good_session_has_exact_segments_and_no_stall(http_server):
    seen = []
    profile = session()
    result = run(profile, http_server, seen=seen)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert [each.payload_bytes for each in payload.segments] == [profile.segment_bytes] * 3
    assert payload.payload_bytes == 3 * 1_250_000
    assert payload.bits_per_second == pytest.approx(
        8 * payload.payload_bytes / payload.outstanding_s
    )
    assert payload.access_s == pytest.approx(payload.segments[0].outstanding_s)
    assert (payload.stalls, payload.played_s, payload.cut_off) == (0, 6, False)
    assert payload.interface_rx_bytes >= payload.payload_bytes
    assert [each.stage for each in seen] == [f"segment {n} of 3" for n in (1, 2, 3)]


def test_time_without_a_request_does_not_count_as_outstanding(http_server):
    profile = session(segment_s=1, segments=6, buffer_s=4, start_threshold_s=1)
    result = run(profile, http_server, NetPath())
    payload = result.payload
    idle_s = payload.segments[-1].requested_s + payload.segments[-1].outstanding_s
    assert result.outcome is Outcome.OK
    assert idle_s > 1.5  # two of six seconds wait for room in the buffer
    assert payload.outstanding_s < idle_s / 2


def test_a_session_that_starts_late_is_slow_and_names_the_stage(http_server):
    result = run(session(slow_access_s=1e-6), http_server)
    assert result.outcome is Outcome.SLOW
    assert result.reason.startswith("access: ")


def test_a_refused_session_has_no_access(refused_port):
    result = run(session(), Server(host="127.0.0.1", http_port=refused_port))
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: refused")
    assert result.payload.access_s is None
    assert result.payload.stalls is None
    assert not result.payload.cut_off


def test_a_server_that_never_answers_is_a_timeout_of_the_request(misbehaving):
    result = run(session(), Server(host="127.0.0.1", http_port=misbehaving().port))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "request: timeout")


def test_a_segment_that_stops_in_the_middle_is_kept_and_marked(misbehaving):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1250000\r\n\r\n"
    result = run(session(), Server(host="127.0.0.1", http_port=misbehaving(head + b"x" * 999).port))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "transfer: stalled")
    assert [(each.payload_bytes, each.complete) for each in result.payload.segments] == [
        (999, False)
    ]


def test_a_session_cut_after_it_began_playing_is_cut_off(misbehaving):
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 1250000\r\n\r\n" + b"x" * 1_250_000
    result = run(session(), Server(host="127.0.0.1", http_port=misbehaving(whole).port))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "request: timeout")
    assert result.payload.cut_off
    assert result.payload.access_s is not None
    assert len(result.payload.segments) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "server: HTTP 503"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            "server: sent 3 bytes, not 1250000",
        ),
    ],
)
def test_a_server_that_serves_something_else_is_at_fault(misbehaving, answer, reason):
    result = run(session(), Server(host="127.0.0.1", http_port=misbehaving(answer).port))
    assert (result.outcome, result.reason) == (Outcome.INVALID, reason)


def test_a_session_is_cancelled_within_a_second_or_so(misbehaving):
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    begun = time.monotonic()
    profile = session(stall_timeout_s=60, access_timeout_s=60)
    server = Server(host="127.0.0.1", http_port=misbehaving().port)
    result = run(profile, server, cancel=cancel)
    assert time.monotonic() - begun < 5
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: cancelled")


def test_a_session_on_an_interface_that_is_not_there_is_a_modem_gone(http_server):
    result = run(session(), http_server, NetPath(interface="nosuch0"))
    assert result.outcome is Outcome.MODEM_GONE


def test_no_thread_is_left_of_a_session(http_server):
    run(session(), http_server)
    run_until(
        lambda: not [thread for thread in threading.enumerate() if "fuse" in thread.name],
        "the fuse's end",
    )
