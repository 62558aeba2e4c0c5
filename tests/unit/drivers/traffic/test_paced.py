"""Paced attempts against real servers, one that sends by a schedule, and shaped links."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from drivers.traffic import NetPath, Server, run_video
from drivers.traffic.pace import ERROR_SHARE
from sim.network import OperatorLink, OperatorNetworks
from tests.unit.drivers.traffic.ends import paced
from tests.unit.drivers.traffic.films import FilmServer, Schedule
from wire.messages import Outcome

MEGABIT = 125_000
"""Bytes."""
TARGETS_MBIT = {5: (4.5, 4.85, 5.15, 5.5), 25: (24.25, 25.75)}
MEASUREMENTS = 2
"""The machine is shared: a disturbed measurement may be repeated, a wrong one stays wrong."""


def run(profile, port, **more):
    server = Server(host="127.0.0.1", http_port=port)
    return run_video(profile, server, NetPath(), threading.Event(), **more)


def test_a_fast_link_is_a_yes_that_costs_one_body_at_the_pace(http_server):
    begun = time.monotonic()
    result = run(paced(), http_server.http_port)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert (payload.answer, payload.early_stop, payload.protocol) == (True, False, "paced")
    assert payload.payload_bytes == 3_125_000
    assert payload.paced_bits_per_second == 7_500_000
    assert payload.bits_per_second <= 7_500_000 * 1.05
    assert 3.2 < payload.outstanding_s <= time.monotonic() - begun
    assert payload.answer_error_share == pytest.approx(ERROR_SHARE, abs=0.02)
    # What a player would have shown is not known.
    assert (payload.access_s, payload.stalls, payload.played_s) == (None, None, None)
    assert payload.ip_access_s < 0.5


SCHEDULES = {
    # An outage on a link at 7 Mbit/s is made up for; on one at 5.2 Mbit/s it is not.
    "outage at 7": (Schedule((1, 7 * MEGABIT), (0.5, 0), (9, 7 * MEGABIT)), True),
    "outage at 5.2": (Schedule((1, 5.2 * MEGABIT), (0.5, 0), (9, 5.2 * MEGABIT)), False),
    # Fast at first: that counts only as far as the pace lets it.
    "fast, then 2": (Schedule((2, 50 * MEGABIT), (9, 2 * MEGABIT)), False),
    "fast, then 4.2": (Schedule((2, 50 * MEGABIT), (9, 4.2 * MEGABIT)), True),
    # Half a second of the window is gone before the first byte: 25 Mbit in 4.5 s are 5.56 Mbit/s.
    "late, then 5.4": (Schedule((0.5, 0), (9, 5.4 * MEGABIT)), False),
    "late, then 5.8": (Schedule((0.5, 0), (9, 5.8 * MEGABIT)), True),
    "2.5": (Schedule((1, 2.5 * MEGABIT)), False),
}


@pytest.fixture(scope="module")
def answered():
    """All at the same time: each mostly waits."""

    def measure(schedule):
        with FilmServer(pace=schedule) as films:
            return run(paced(), films.port)

    with ThreadPoolExecutor(len(SCHEDULES)) as pool:
        results = pool.map(measure, [schedule for schedule, _ in SCHEDULES.values()])
        return dict(zip(SCHEDULES, results, strict=True))


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_link_that_changes_is_answered_by_what_it_brought(answered, name):
    _, answer = SCHEDULES[name]
    payload = answered[name].payload
    assert payload.answer is answer
    assert (payload.bits_per_second >= 5_000_000) is answer


def test_a_no_to_a_link_that_began_late_says_how_far_it_may_be_wrong(answered):
    error_share = answered["late, then 5.4"].payload.answer_error_share
    assert error_share == pytest.approx(ERROR_SHARE + 1 / 9, abs=0.02)
    assert 5 * (1 + error_share) > 5.4


def test_a_no_says_what_the_link_carried(answered):
    result = answered["2.5"]
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert (payload.answer, payload.early_stop, payload.cut_off) == (False, True, False)
    assert payload.bits_per_second == pytest.approx(2.5e6, rel=0.05)
    assert payload.outstanding_s == pytest.approx(2.65, abs=0.15)
    assert payload.payload_bytes < 0.9e6
    assert not payload.segments[0].complete


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "server: HTTP 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "server: sent 3 bytes, not 3125000"),
    ],
)
def test_a_server_at_fault_is_no_answer(misbehaving, answer, reason):
    result = run(paced(), misbehaving(answer).port)
    assert (result.outcome, result.reason) == (Outcome.INVALID, reason)
    assert result.payload.answer is None


def test_a_link_that_breaks_before_the_answer_is_certain_is_cut_off(misbehaving):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3125000\r\n\r\n" + bytes(9999)
    result = run(paced(), misbehaving(head, then_close=True).port)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "transfer: closed early")
    assert (result.payload.answer, result.payload.cut_off) == (None, True)


def test_a_paced_attempt_stops_at_its_data_cap(http_server):
    result = run(paced(), http_server.http_port, max_bytes=500_000)
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: data cap of 500000 bytes")
    assert (result.payload.answer, result.payload.data_capped) == (None, True)
    assert result.payload.payload_bytes <= 565_536


@pytest.mark.root
@pytest.mark.parametrize("target_mbit", TARGETS_MBIT)
def test_a_link_farther_from_the_target_than_the_error_is_answered_right(target_mbit, tmp_path):
    profile = paced(target_bits_per_second=target_mbit * 1_000_000)
    rates = TARGETS_MBIT[target_mbit]

    def measure(net):
        server = Server(host=net.server_host, http_port=net.http_port)
        path = NetPath(interface=net.interface)
        return run_video(profile, server, path, threading.Event()).payload

    with OperatorNetworks([OperatorLink(str(rate), rate, 50) for rate in rates]) as nets:
        left = list(rates)
        with ThreadPoolExecutor(len(left)) as pool:
            list(pool.map(lambda rate: nets[str(rate)].serve(log=tmp_path / f"{rate}"), left))
        for _ in range(MEASUREMENTS):
            with ThreadPoolExecutor(3) as pool:
                found = dict(
                    zip(left, pool.map(measure, [nets[str(r)] for r in left]), strict=True)
                )
            for payload in found.values():
                assert payload.answer is not None
                assert (payload.bits_per_second >= target_mbit * 1e6) is payload.answer
            left = [rate for rate, each in found.items() if each.answer is not (rate > target_mbit)]
            if not left:
                return
    pytest.fail(f"answered wrong: {left}")
