import socket
import struct
import threading
import time

import pytest

from drivers.traffic import NetPath, Server, icmp, run_latency
from drivers.traffic.icmp import Pinger
from drivers.traffic.profile import LatencyMethod
from drivers.traffic.result import CancelledError, TrafficError
from tests.unit.drivers.traffic.ends import round_trips
from wire.messages import Outcome

NEVER = threading.Event()
LOOPBACKS = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]


@pytest.mark.parametrize(("family", "host"), LOOPBACKS)
def test_an_echo_comes_back_over_the_interface(family, host):
    with Pinger(family, host, interface="lo") as pinger:
        for sequence in range(3):
            assert 0 < pinger.round_trip_s(sequence, timeout_s=1, cancel=NEVER) < 0.5


def test_a_late_reply_is_not_taken_for_the_next_one(monkeypatch):
    with Pinger(socket.AF_INET, "127.0.0.1", interface="lo") as pinger:
        monkeypatch.setattr(Pinger, "_await", lambda *_: False)
        with pytest.raises(TrafficError, match="request: timeout"):
            pinger.round_trip_s(1, timeout_s=0, cancel=NEVER)
        monkeypatch.undo()
        seen = []
        is_ours = pinger._is_ours
        monkeypatch.setattr(pinger, "_is_ours", lambda *a: seen.append(is_ours(*a)) or seen[-1])
        pinger.round_trip_s(2, timeout_s=1, cancel=NEVER)
    assert seen == [False, True]


@pytest.mark.parametrize(
    "reply", [b"", b"\0" * 8, struct.pack("!BBHHH", 0, 0, 0, 0, 7) + b"x" * 48]
)
def test_a_reply_that_is_not_ours_is_none(reply):
    with Pinger(socket.AF_INET, "127.0.0.1", interface="lo") as pinger:
        assert not pinger._is_ours(reply, 7)


def test_a_wall_clock_that_was_set_does_not_count():
    stamp = struct.pack("@qq", 1_700_000_000, 0)
    ancillary = [(socket.SOL_SOCKET, icmp.SO_TIMESTAMPNS, stamp)]
    sent_ns = 1_700_000_000 * 10**9
    assert icmp._stamped_s(ancillary, sent_ns - 20_000_000, 0.03) == pytest.approx(0.02)
    assert icmp._stamped_s(ancillary, sent_ns + 1, 0.03) == 0.03
    assert icmp._stamped_s(ancillary, sent_ns - 3600 * 10**9, 0.03) == 0.03
    assert icmp._stamped_s([], sent_ns, 0.03) == 0.03


@pytest.fixture
def closed(monkeypatch):
    """As for a user whose group is not in `net.ipv4.ping_group_range`."""

    def refuse(*_more, **_named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(icmp.socket, "socket", refuse)


@pytest.mark.usefixtures("closed")
def test_a_system_that_allows_no_echo_is_told_by_its_setting():
    with pytest.raises(TrafficError, match=r"probe: ping_group_range \d+\s\d+ has none") as caught:
        Pinger(socket.AF_INET, "127.0.0.1", interface="lo")
    assert caught.value.outcome is Outcome.INVALID


def test_an_interface_that_is_not_there_is_a_modem_gone():
    with pytest.raises(TrafficError) as caught:
        Pinger(socket.AF_INET, "127.0.0.1", interface="nosuch0")
    assert caught.value.outcome is Outcome.MODEM_GONE


@pytest.fixture
def mute(monkeypatch):
    """No reply is ever seen: all of them are taken for somebody else's."""
    monkeypatch.setattr(Pinger, "_is_ours", lambda *_: False)


def echoes(**changes):
    return round_trips(method=LatencyMethod.ICMP, data_bytes=0, **changes)


def test_echoes_need_no_http_server():
    result = run_latency(echoes(), Server(host="127.0.0.1"), NetPath(interface="lo"), NEVER)
    payload = result.payload
    assert (result.outcome, payload.sent, payload.received) == (Outcome.OK, 5, 5)
    assert (payload.address, payload.address_family) == ("127.0.0.1", "ipv4")
    assert (payload.lost, payload.loss_share, payload.dns_ms) == ((), 0.0, None)
    assert 0 < payload.median_ms < 100


@pytest.mark.usefixtures("mute")
def test_lost_echoes_are_a_failure_of_the_network():
    profile = echoes(count=2, timeout_s=0.2)
    begun = time.monotonic()
    result = run_latency(profile, Server(host="127.0.0.1"), NetPath(interface="lo"), NEVER)
    assert time.monotonic() - begun < profile.deadline_s + 0.5
    assert (result.outcome, result.reason) == (Outcome.FAILED, "request: timeout")
    assert (result.payload.lost, result.payload.loss_share) == ((0, 1, 2), 1.0)


@pytest.mark.usefixtures("mute")
def test_an_echo_is_cancelled():
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    begun = time.monotonic()
    with (
        Pinger(socket.AF_INET, "127.0.0.1", interface="lo") as pinger,
        pytest.raises(CancelledError),
    ):
        pinger.round_trip_s(1, timeout_s=60, cancel=cancel)
    assert time.monotonic() - begun < 1
