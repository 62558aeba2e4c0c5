import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from drivers.traffic import NetPath, Server, profile, run_throughput
from drivers.traffic.child import ChildEnd
from drivers.traffic.http_load import connect_until
from drivers.traffic.ip_family import IpFamily
from drivers.traffic.netpath import Counters
from drivers.traffic.profile import Method, Protocol
from drivers.traffic.result import TrafficError
from drivers.traffic.throughput import Transferred, judge, read_end
from tests.descriptors import open_descriptors
from tests.unit.drivers.traffic.ends import capacity, run_until
from tests.unit.drivers.traffic.name_server import NameServer, with_addresses
from wire.kinds.throughput import Direction, Interval
from wire.messages import Outcome

LO = NetPath(interface="lo")
ANY = NetPath()


def at(iperf) -> Server:
    return Server(host="127.0.0.1", iperf_port=iperf.port)


def run(test, server, path=ANY, cancel=None, seen=None):
    on_progress = (lambda _: None) if seen is None else seen.append
    return run_throughput(test, server, path, cancel or threading.Event(), on_progress)


def cancel_after(delay_s: float) -> threading.Event:
    cancel = threading.Event()
    threading.Timer(delay_s, cancel.set).start()
    return cancel


@pytest.mark.parametrize("direction", list(Direction))
def test_a_capacity_test_counts_its_window_and_proves_its_path(iperf, direction):
    seen = []
    result = run(capacity(direction), at(iperf), LO, seen=seen)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert payload.direction == direction
    assert [each.warmup for each in payload.intervals] == [True, False, False]
    assert payload.window_s == pytest.approx(2, abs=0.5)
    assert payload.bits_per_second == pytest.approx(8 * payload.payload_bytes / payload.window_s)
    counted = (
        payload.interface_rx_bytes if direction is Direction.DOWN else payload.interface_tx_bytes
    )
    assert payload.payload_bytes < payload.total_payload_bytes * 1.1
    assert payload.payload_bytes < counted
    assert not payload.cut_off
    assert any(each.bits_per_second for each in seen)


def test_http_downloads_are_the_same_kind_of_result(http_server):
    result = run(capacity(method=Method.HTTP), http_server, LO)
    payload = result.payload
    assert result.outcome is Outcome.OK
    assert [each.warmup for each in payload.intervals] == [True, False, False]
    assert payload.payload_bytes == sum(each.payload_bytes for each in payload.intervals[1:])
    assert payload.window_s == pytest.approx(2, abs=0.5)


def test_http_downloads_that_end_are_begun_again(http_server):
    test = capacity(method=Method.HTTP, resource="/bytes/100000", warmup_s=0, window_s=1)
    result = run(test, http_server)
    assert result.outcome is Outcome.OK
    assert result.payload.payload_bytes > 100_000 * test.streams


@pytest.mark.parametrize("method", list(Method))
def test_a_server_that_is_down_is_not_the_networks_fault(refused_port, method):
    server = Server(host="127.0.0.1", iperf_port=refused_port, http_port=refused_port)
    result = run(capacity(method=method), server)
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: refused")
    assert result.payload.payload_bytes is None
    assert result.payload.bits_per_second is None


@pytest.mark.parametrize("method", list(Method))
def test_an_unanswered_handshake_is_a_timeout(deaf_port, method):
    server = Server(host="127.0.0.1", iperf_port=deaf_port, http_port=deaf_port)
    result = run(capacity(method=method, connect_timeout_s=0.5), server)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "connect: timeout")


def test_a_peer_that_accepts_and_never_talks_ends_at_the_deadline(misbehaving, monkeypatch):
    monkeypatch.setattr(profile, "CLOSING_S", 0.5)
    test = capacity(warmup_s=0, window_s=1, connect_timeout_s=0.5)
    result = run(test, Server(host="127.0.0.1", iperf_port=misbehaving().port))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "connect: no answer")


def test_a_far_end_of_another_kind_is_not_the_networks_fault(misbehaving):
    """A captive portal, say, that answers on every port."""
    portal = misbehaving(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", then_close=True)
    result = run(capacity(), Server(host="127.0.0.1", iperf_port=portal.port))
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: does not speak iperf3")


def test_an_address_where_nobody_listens_leaves_the_other(iperf):
    with NameServer(with_addresses("::1", "127.0.0.1")) as names:
        path = NetPath(dns_servers=("127.0.0.1",), dns_port=names.port)
        server = Server(host="both.example", iperf_port=iperf.port)
        result = run(capacity(warmup_s=0, window_s=1), server, path=path)
    assert (result.outcome, result.reason) == (Outcome.OK, None)


@pytest.mark.parametrize("method", list(Method))
def test_a_profile_that_asks_for_a_family_gets_no_other(method):
    test = capacity(method=method, address_family=IpFamily.IPV6)
    result = run(test, Server(host="127.0.0.1", iperf_port=1, http_port=1))
    assert result.reason == "server: 127.0.0.1 has no ipv6 address"


def test_connecting_leaves_time_for_the_whole_window():
    now = time.monotonic()
    test = capacity(warmup_s=1, window_s=2, connect_timeout_s=10)
    assert connect_until(test, now + 5) == pytest.approx(now + 2, abs=0.1)
    assert connect_until(test, now + 50) == pytest.approx(now + 10, abs=0.1)


def test_a_busy_server_is_not_the_networks_fault(iperf):
    cancel = threading.Event()
    first = threading.Thread(target=run, args=(capacity(window_s=20), at(iperf), ANY, cancel))
    first.start()
    try:
        run_until(lambda: data_connections(iperf.port) >= 2, "the first test runs")
        result = run(capacity(), at(iperf))
    finally:
        cancel.set()
        first.join(10)
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: busy")


def test_a_server_that_dies_leaves_partial_data_and_says_so(iperf):
    killer = threading.Thread(
        target=lambda: (
            run_until(lambda: data_connections(iperf.port) >= 2, "the test runs"),
            threading.Event().wait(1.6),
            os.kill(iperf.pid, signal.SIGKILL),
        )
    )
    killer.start()
    result = run(capacity(window_s=4, warmup_s=0), at(iperf))
    killer.join(10)
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("transfer: ")
    assert result.payload.cut_off
    assert 1 <= len(result.payload.intervals) < 4
    assert result.payload.window_s == 4
    assert result.payload.bits_per_second == pytest.approx(8 * result.payload.payload_bytes / 4)


@pytest.mark.parametrize("method", list(Method))
def test_a_cancelled_test_ends_within_a_second_or_so_and_keeps_what_it_has(
    iperf, http_server, method
):
    server = Server(host="127.0.0.1", iperf_port=iperf.port, http_port=http_server.http_port)
    cancel = cancel_after(1.8)
    begun = time.monotonic()
    result = run(capacity(window_s=30, method=method), server, cancel=cancel)
    assert time.monotonic() - begun < 6
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: cancelled")
    assert result.payload.intervals


@pytest.mark.parametrize("method", list(Method))
def test_a_test_is_cancelled_while_it_connects(deaf_port, method):
    server = Server(host="127.0.0.1", iperf_port=deaf_port, http_port=deaf_port)
    begun = time.monotonic()
    result = run(capacity(method=method, connect_timeout_s=60), server, cancel=cancel_after(0.5))
    assert time.monotonic() - begun < 5
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: cancelled")


def test_an_interface_that_does_not_exist_is_a_modem_gone(iperf):
    result = run(capacity(), at(iperf), NetPath(interface="nosuch0"))
    assert (result.outcome, result.reason) == (
        Outcome.MODEM_GONE,
        "interface: nosuch0 is gone",
    )


@pytest.mark.parametrize("method", list(Method))
def test_bytes_that_the_interface_did_not_carry_went_the_wrong_way(
    iperf, http_server, tmp_path, method
):
    statistics = tmp_path / "lo" / "statistics"
    statistics.mkdir(parents=True)
    for name in ("rx_bytes", "tx_bytes"):
        (statistics / name).write_text("4711\n")
    server = Server(host="127.0.0.1", iperf_port=iperf.port, http_port=http_server.http_port)
    test = capacity(method=method, warmup_s=0, window_s=1)
    result = run(test, server, NetPath(interface="lo", statistics=tmp_path))
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: wrong path")


@pytest.mark.parametrize("direction", list(Direction))
def test_a_data_cap_in_the_warm_up_leaves_no_result(iperf, direction):
    result = run_throughput(
        capacity(direction), at(iperf), ANY, threading.Event(), max_bytes=1_000_000
    )
    assert (result.outcome, result.reason) == (
        Outcome.INVALID,
        "probe: data cap before the window",
    )
    assert result.payload.early_stop
    assert result.payload.total_payload_bytes >= 1_000_000


def test_datagrams_end_at_the_data_cap_too(iperf):
    test = capacity(protocol=Protocol.UDP, streams=1, window_s=30, udp_bits_per_second=8e6)
    result = run_throughput(test, at(iperf), ANY, threading.Event(), max_bytes=2_000_000)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert payload.early_stop_reason == "data cap"
    assert 1_500_000 < payload.total_payload_bytes < 2_200_000
    assert payload.udp_loss_share == 0


def test_a_slot_has_an_iperf_port_of_its_own(iperf, measurement):
    far = measurement(iperf_port=iperf.port)
    server = Server(host="127.0.0.1", http_port=far.port, iperf_port=1, name="main")
    result = run(capacity(warmup_s=0, window_s=1), server)
    assert result.outcome is Outcome.OK
    assert result.payload.server_check.slot is not None
    assert not far.leases


def test_a_test_on_a_server_that_is_too_slow_is_not_begun(iperf, measurement):
    control = {"down_bits_per_second": 60e6, "age_s": 60}
    far = measurement(control=control)
    server = Server(host="127.0.0.1", http_port=far.port, iperf_port=iperf.port)
    result = run(capacity(target_bits_per_second=40e6), server)
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: control test 60 Mbit/s")
    assert result.payload.server_check.control_age_s == 60
    assert result.payload.payload_bytes is None


def test_a_frozen_server_leaves_time_for_another(iperf, misbehaving):
    frozen = Server(host="127.0.0.1", iperf_port=misbehaving().port, name="frozen")
    test = capacity(warmup_s=0, window_s=1, connect_timeout_s=0.5)
    result = run_throughput(test, frozen, ANY, threading.Event(), others=[at(iperf)])
    assert result.outcome is Outcome.OK
    assert result.payload.server_check.tried == ("frozen: connect: no answer",)


def test_a_database_that_is_open_meanwhile_stays_whole(iperf, tmp_path):
    """The wrapper's destructor writes into descriptors that were closed and used again."""
    file = tmp_path / "spool.db"
    database = sqlite3.connect(file)
    database.execute("create table t (n)")
    test = capacity(warmup_s=0, window_s=1)
    before = open_descriptors()
    for number in range(2):
        run(test, at(iperf))
        with database:
            database.execute("insert into t values (?)", (number,))
    assert open_descriptors() == before
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    database.close()
    assert file.read_bytes().startswith(b"SQLite format 3\0")


def test_many_streams_do_not_block_on_the_wrappers_pipe(iperf):
    """Their report is longer than the 64 KiB that the pipe nobody reads would hold."""
    result = run(capacity(streams=40, warmup_s=1, window_s=3), at(iperf))
    assert result.outcome is Outcome.OK
    assert len(result.payload.intervals) == 4


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (ChildEnd(output=b"", fault="crashed: SIGSEGV"), "probe: iperf3 child crashed: SIGSEGV"),
        (ChildEnd(output=b"{}"), "probe: iperf3 child unreadable answer"),
        (ChildEnd(output=b"", fault="did not end", cancelled=True), "probe: cancelled"),
        (
            ChildEnd(output=b'{"ended":"fault","error":"OSError: no libiperf"}'),
            "probe: iperf3 child: OSError: no libiperf",
        ),
        (
            ChildEnd(output=b'{"ended":"finished","report":"{"}'),
            "probe: iperf3 child unreadable answer",
        ),
    ],
)
def test_a_fault_of_the_child_is_in_no_statistic(end, reason):
    error = read_end(end).error
    assert error.outcome is Outcome.INVALID
    assert error.reason.startswith(reason)


SECONDS = tuple(
    Interval(start_s=n, duration_s=1.0, payload_bytes=size, warmup=n == 0)
    for n, size in enumerate((500, 1000, 0))
)
STALLED = TrafficError("transfer", "stalled")


def test_what_is_missing_of_the_window_counts_with_zero_bytes():
    test = capacity(warmup_s=1, window_s=4)
    result = judge(test, Server(host="s"), ANY, Transferred(intervals=SECONDS, error=STALLED), None)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "transfer: stalled")
    assert result.payload.cut_off
    assert result.payload.window_s == 4
    assert result.payload.payload_bytes == 1000
    assert result.payload.bits_per_second == 2000
    assert result.payload.total_payload_bytes == 1500


def test_an_upload_of_which_nothing_arrived_has_the_rate_zero():
    sent = Transferred(intervals=SECONDS, received_bytes=0, received_s=2.0)
    result = judge(capacity(Direction.UP), Server(host="s"), ANY, sent, None)
    assert (result.payload.payload_bytes, result.payload.bits_per_second) == (0, 0)


def test_a_link_that_dies_in_the_warm_up_has_no_rate():
    result = judge(
        capacity(),
        Server(host="s"),
        ANY,
        Transferred(intervals=SECONDS[:1], error=STALLED),
        None,
    )
    assert result.payload.bits_per_second is None
    assert result.payload.payload_bytes is None


@pytest.mark.parametrize(
    ("counted", "outcome"),
    [(1400, "invalid"), (1500, "ok"), (3 << 20, "invalid")],
)
def test_the_interface_decides_about_a_download(counted, outcome):
    result = judge(
        capacity(),
        Server(host="s"),
        LO,
        Transferred(intervals=SECONDS),
        Counters(rx_bytes=counted, tx_bytes=0),
    )
    assert result.outcome == outcome


def data_connections(port: int) -> int:
    """Connections of clients to the port beyond the control connection."""
    found = subprocess.run(
        ["ss", "-Htn", "state", "established", f"( dport = :{port} )"],
        capture_output=True,
        text=True,
        check=True,
    )
    return len(found.stdout.splitlines()) - 1


def test_nothing_of_a_test_stays_behind(iperf):
    run(capacity(warmup_s=0, window_s=1), at(iperf))
    assert not list(Path("/dev/shm").glob("dosong-*/iperf3.*"))  # noqa: S108
    assert not [thread for thread in threading.enumerate() if "fuse" in thread.name]
