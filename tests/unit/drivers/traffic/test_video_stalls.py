"""Stalls against a reference: a server that sends by a schedule, and a fluid model of a viewer."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from drivers.traffic import NetPath, Server, run_video
from tests.unit.drivers.traffic.ends import session
from tests.unit.drivers.traffic.films import FilmServer, Schedule
from wire.messages import Outcome

TOLERANCE_S = 0.15
STEP_S = 0.001
MEDIA_S, SEGMENTS, SEGMENT_BYTES = 0.5, 6, 125_000
PROFILE = session(
    segment_s=MEDIA_S,
    segments=SEGMENTS,
    media_bits_per_second=8 * SEGMENT_BYTES / MEDIA_S,
    target_bits_per_second=1_000_000,
    start_threshold_s=MEDIA_S,
    stall_timeout_s=5,
    access_timeout_s=5,
)
MEDIA_RATE = SEGMENT_BYTES / MEDIA_S
"""Bytes a second that it takes to play without a stall."""
SCHEDULES = {
    "smooth": Schedule((1, 2 * MEDIA_RATE)),
    "an outage": Schedule((0.8, 2 * MEDIA_RATE), (2.5, 0), (1, 4 * MEDIA_RATE)),
    "two outages": Schedule(
        (0.55, MEDIA_RATE), (1.2, 0), (0.75, 2 * MEDIA_RATE), (1.9, 0), (1, 4 * MEDIA_RATE)
    ),
    "too slow": Schedule((1, 0.6 * MEDIA_RATE)),
    "collapses": Schedule((1.0, 1.5 * MEDIA_RATE), (1, 0.4 * MEDIA_RATE)),
}


def reference(schedule):
    """Access and stalls of a viewer before a pipe: bytes flow in, film flows out, step by step."""
    rates = [(seconds, rate) for seconds, rate in schedule.steps]
    rates[-1] = (1e9, rates[-1][1])
    received = watched_s = now_s = 0.0
    access_s, dry_s, stalls = None, None, []
    while watched_s < MEDIA_S * SEGMENTS - STEP_S / 2:
        left_s = now_s
        for seconds, rate in rates:
            if left_s < seconds:
                received += rate * STEP_S
                break
            left_s -= seconds
        now_s += STEP_S
        whole_s = MEDIA_S * min(SEGMENTS, int(received / SEGMENT_BYTES + 1e-9))
        playing = access_s is not None and dry_s is None
        if not playing and whole_s - watched_s >= MEDIA_S - STEP_S / 2:
            if access_s is None:
                access_s = now_s
            else:
                stalls.append(now_s - dry_s)
                dry_s = None
        elif playing:
            if whole_s - watched_s < STEP_S:
                dry_s = now_s
            else:
                watched_s += STEP_S
    return access_s, stalls


@pytest.fixture(scope="module")
def played():
    """All at the same time: each mostly waits."""

    def run(schedule):
        with FilmServer(pace=schedule) as films:
            server = Server(host="127.0.0.1", http_port=films.port)
            return run_video(PROFILE, server, NetPath(), threading.Event())

    with ThreadPoolExecutor(len(SCHEDULES)) as pool:
        return dict(zip(SCHEDULES, pool.map(run, SCHEDULES.values()), strict=True))


@pytest.mark.parametrize("name", SCHEDULES)
def test_stalls_are_those_of_the_schedule(played, name):
    access_s, stalls = reference(SCHEDULES[name])
    result = played[name]
    payload = result.payload
    assert result.outcome is Outcome.OK
    assert payload.stalls == len(stalls)
    assert payload.access_s == pytest.approx(access_s, abs=TOLERANCE_S)
    assert payload.stall_total_s == pytest.approx(sum(stalls), abs=TOLERANCE_S)
    assert payload.stall_longest_s == pytest.approx(max(stalls, default=0), abs=TOLERANCE_S)
    assert payload.stall_share == pytest.approx(
        payload.stall_total_s / (payload.stall_total_s + MEDIA_S * SEGMENTS)
    )


def test_the_schedules_differ_as_they_are_meant_to():
    assert {name: len(reference(schedule)[1]) for name, schedule in SCHEDULES.items()} == {
        "smooth": 0,
        "an outage": 1,
        "two outages": 2,
        "too slow": 5,
        "collapses": 3,
    }
