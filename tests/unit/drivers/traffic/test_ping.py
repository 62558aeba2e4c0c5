import contextlib
import statistics
import threading
import time

import msgspec
import pytest

from drivers.traffic import NetPath, Server, run_latency
from drivers.traffic.ping import jitter_ms
from drivers.traffic.profile import LatencyMethod
from tests.unit.drivers.traffic.ends import Misbehaving, round_trips
from tests.unit.drivers.traffic.name_server import NameServer, nothing
from wire.messages import Outcome


def run(profile, server, path=None, cancel=None):
    return run_latency(
        profile, server, path or NetPath(interface="lo"), cancel or threading.Event()
    )


@pytest.mark.parametrize(
    ("rtt_ms", "expected"),
    [([], None), ([7.0], None), ([10.0, 14.0, 11.0], 3.5), ([5.0, 5.0, 5.0], 0.0)],
)
def test_jitter_is_the_mean_absolute_step(rtt_ms, expected):
    assert jitter_ms(rtt_ms) == expected


@pytest.mark.parametrize("method", list(LatencyMethod))
def test_the_first_sample_is_kept_apart(http_server, method):
    result = run(round_trips(method=method), http_server)
    payload = result.payload
    assert (result.outcome, payload.method) == (Outcome.OK, method)
    assert (payload.sent, payload.received, len(payload.rtt_ms)) == (5, 5, 4)
    assert payload.first_rtt_ms is not None
    assert payload.median_ms == statistics.median(payload.rtt_ms)
    assert payload.jitter_ms == jitter_ms(payload.rtt_ms)


def test_the_data_check_counts_exact_bytes(http_server):
    payload = run(round_trips(data_bytes=100_000), http_server).payload
    assert (payload.data_bytes, payload.data_ok) == (100_000, True)
    assert 0 < payload.data_s < 5


def test_without_a_data_check_nothing_is_said_of_it(http_server):
    payload = run(round_trips(data_bytes=0), http_server).payload
    assert (payload.data_bytes, payload.data_s, payload.data_ok) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "happened"),
    [
        ("200 OK", "HTTP 200"),
        ("302 Found", "redirected to login.example"),
        ("511 Network Authentication Required", "HTTP 511"),
    ],
)
def test_a_portal_answers_for_everybody(misbehaving, status, happened):
    """Whatever is asked, it says that it can be had somewhere else, or shows its own page."""
    answer = f"HTTP/1.1 {status}\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n"
    server = misbehaving(answer.encode())
    for method in LatencyMethod:
        profile = round_trips(count=1, method=method)
        result = run(profile, Server(host="127.0.0.1", http_port=server.port))
        assert (result.outcome, result.reason) == (Outcome.INVALID, f"portal: {happened}")


def test_a_server_that_knows_no_portal_check_is_none(misbehaving):
    """The data check then says what is wrong with it."""
    server = misbehaving(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    profile = round_trips(count=1, method=LatencyMethod.TCP)
    result = run(profile, Server(host="127.0.0.1", http_port=server.port))
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: HTTP 404")
    assert result.payload.data_ok is False


def test_lost_samples_are_counted_and_absent(misbehaving):
    """Handshakes succeed, requests are never answered."""
    result = run(
        round_trips(count=2, timeout_s=0.3, data_timeout_s=0.5),
        Server(host="127.0.0.1", http_port=misbehaving().port),
    )
    payload = result.payload
    assert (payload.sent, payload.received, payload.rtt_ms) == (3, 1, ())
    assert (payload.median_ms, payload.jitter_ms) == (None, None)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "request: timeout")


def test_an_empty_body_is_empty(misbehaving):
    far = misbehaving(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + bytes(50_000))
    test = round_trips(count=1, data_bytes=0)
    result = run(test, Server(host="127.0.0.1", http_port=far.port))
    assert result.outcome is Outcome.INVALID
    assert result.payload.rtt_ms == ()


HANDSHAKES = [LatencyMethod.HTTP, LatencyMethod.TCP]


@pytest.mark.parametrize("method", HANDSHAKES)
def test_an_unanswered_handshake_is_a_timeout(deaf_port, method):
    profile = round_trips(method=method, count=1, timeout_s=0.3)
    result = run(profile, Server(host="127.0.0.1", http_port=deaf_port))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "connect: timeout")
    assert (result.payload.sent, result.payload.received) == (2, 0)
    assert (result.payload.lost, result.payload.loss_share) == ((0, 1), 1.0)


def test_a_server_that_is_down_is_not_the_networks_fault(refused_port):
    result = run(round_trips(count=1), Server(host="127.0.0.1", http_port=refused_port))
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: refused")


@pytest.mark.parametrize("method", HANDSHAKES)
def test_round_trips_are_cancelled_within_a_second_or_so(deaf_port, method):
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    begun = time.monotonic()
    server = Server(host="127.0.0.1", http_port=deaf_port)
    result = run(round_trips(timeout_s=60, method=method), server, cancel=cancel)
    assert time.monotonic() - begun < 2
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: cancelled")


def test_a_server_without_http_is_a_fault_of_the_setup():
    result = run(round_trips(), Server(host="127.0.0.1"))
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: has no HTTP port")


def test_an_interface_that_is_not_there_is_a_modem_gone(http_server):
    result = run(round_trips(), http_server, NetPath(interface="nosuch0"))
    assert result.outcome is Outcome.MODEM_GONE


class Dripping(Misbehaving):
    """Answers every request at once and then sends a byte now and then, for ever."""

    def _serve(self) -> None:
        while not self._done.wait(0.05):
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                self._accepted.append(connection)
            for each in self._accepted:
                with contextlib.suppress(OSError):
                    each.send(b"x")


def test_a_server_that_drips_ends_by_the_deadline():
    server = Dripping()
    profile = round_trips(method=LatencyMethod.TCP, count=1, timeout_s=0.3, data_timeout_s=0.6)
    begun = time.monotonic()
    result = run(profile, Server(host="127.0.0.1", http_port=server.port))
    server.close()
    assert time.monotonic() - begun <= profile.deadline_s + 1
    assert result.outcome is Outcome.FAILED
    assert result.payload.data_ok is not True


def test_a_name_server_that_is_silent_ends_the_test_in_time(http_server):
    with NameServer(nothing) as names:
        path = NetPath(interface="lo", dns_servers=("127.0.0.1",), dns_port=names.port)
        profile = round_trips(timeout_s=0.4)
        begun = time.monotonic()
        result = run(profile, msgspec.structs.replace(http_server, host="test.example"), path)
    assert time.monotonic() - begun < 1.5
    assert (result.outcome, result.reason) == (Outcome.FAILED, "dns: timeout")
    assert (result.payload.sent, result.payload.address) == (0, None)
