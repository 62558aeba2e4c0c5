import itertools
import threading
import time
from types import SimpleNamespace

import pytest

from drivers.traffic import NetPath, Server, run_throughput
from drivers.traffic.profile import EarlyStop, Method
from tests.unit.drivers.traffic.ends import capacity
from wire.kinds.throughput import Direction
from wire.messages import Outcome

ANY = NetPath()
LO = NetPath(interface="lo")
UP, DOWN = Direction.UP, Direction.DOWN


def http(direction=DOWN, **changes):
    shape = {"warmup_s": 0.5, "window_s": 1, "interval_s": 0.5, "resource": "/bytes/100000000"}
    return capacity(direction, Method.HTTP, **(shape | changes))


def run(test, server, path=ANY, cancel=None, **how):
    far = Server(host="127.0.0.1", http_port=server.port)
    return run_throughput(test, far, path, cancel or threading.Event(), **how)


def test_the_warm_up_and_the_intervals_may_be_half_seconds(measurement):
    result = run(http(), measurement(slots=None))
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert [each.warmup for each in payload.intervals] == [True, False, False]
    assert payload.window_s == pytest.approx(1, abs=0.2)
    assert payload.planned_window_s == 1


def test_progress_tells_how_much_has_come(measurement):
    seen = []
    result = run(http(), measurement(slots=None), on_progress=seen.append)
    assert seen[-1].payload_bytes == result.payload.total_payload_bytes > 0


def test_streams_ask_for_their_own_ranges(measurement):
    far = measurement(slots=None)
    result = run(http(range_bytes=1_000_000), far)
    assert result.outcome is Outcome.OK
    assert result.payload.payload_bytes > 2_000_000


def test_a_resource_without_content_is_the_servers_fault(http_server):
    far = SimpleNamespace(port=http_server.http_port)
    result = run(http(resource="/empty"), far)
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: has nothing to download")


def test_an_upload_counts_what_has_arrived(measurement):
    result = run(http(UP, upload_bytes=1_000_000), measurement(), LO)
    payload = result.payload
    assert (result.reason, payload.direction) == (None, "up")
    assert payload.payload_bytes > 1_000_000
    assert payload.server_received_bytes % 1_000_000 == 0
    # A body was open on each stream at the last look; the server may have got its rest since.
    open_bytes = payload.total_payload_bytes - payload.server_received_bytes
    assert abs(open_bytes) <= 3 * 1_000_000


def test_an_upload_of_which_the_server_got_less_is_the_servers_fault(measurement):
    result = run(http(UP, upload_bytes=100_000), measurement(sink_loses=1))
    assert (result.outcome, result.reason) == (
        Outcome.INVALID,
        "server: received 99999 bytes of 100000",
    )


def test_streams_start_one_after_the_other(measurement):
    far = measurement(slots=None)
    starts = []
    first = time.monotonic()

    def watch() -> None:
        for number in range(1, 4):
            while len([each for each in far.seen if "bytes" in each]) < number:
                if time.monotonic() - first > 5:
                    return
                threading.Event().wait(0.01)
            starts.append(time.monotonic())

    watcher = threading.Thread(target=watch)
    watcher.start()
    run(http(streams=3, stagger_s=0.3, resource="/bytes/100000000000"), far)
    watcher.join(6)
    gaps = [late - early for early, late in itertools.pairwise(starts)]
    assert gaps == pytest.approx([0.3, 0.3], abs=0.15)


@pytest.mark.parametrize("direction", list(Direction))
def test_a_server_that_accepts_and_hangs_gives_no_answer(measurement, direction):
    test = http(direction, connect_timeout_s=0.5, slot_wait_s=0, window_s=1.5, upload_bytes=1 << 16)
    begun = time.monotonic()
    result = run(test, measurement(hang=True))
    assert time.monotonic() - begun < 6
    assert result.outcome is Outcome.FAILED
    # Upwards the hanging server's kernel takes a little.
    assert result.reason == ("request: no answer" if direction is DOWN else "transfer: stalled")


@pytest.mark.parametrize("direction", list(Direction))
def test_a_connection_reset_in_the_middle_keeps_what_came(measurement, direction):
    test = http(direction, upload_bytes=50_000_000, slot_wait_s=0, warmup_s=0, window_s=2)
    result = run(test, measurement(reset_after=5_000_000))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "transfer: reset")
    assert result.payload.cut_off
    assert result.payload.payload_bytes > 1_000_000
    assert result.payload.window_s == 2


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"redirect": "http://portal.example/"}, "portal: redirected to portal.example"),
        ({"page": b"<html>top up</html>"}, "portal: a web page in place of data"),
    ],
)
def test_a_portal_in_place_of_the_resource_is_invalid(measurement, direction, how, reason):
    result = run(http(direction, slot_wait_s=0, upload_bytes=1 << 16), measurement(**how))
    assert (result.outcome, result.reason) == (Outcome.INVALID, reason)


def test_redirections_are_never_followed(measurement):
    other = measurement()
    far = measurement(redirect=f"http://127.0.0.1:{other.port}/bytes/1000")
    result = run(http(slot_wait_s=0), far)
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: HTTP 302")
    assert not other.seen


@pytest.mark.parametrize("direction", list(Direction))
def test_a_data_cap_ends_the_test_well(measurement, direction):
    test = http(direction, warmup_s=0, window_s=30)
    result = run(test, measurement(), max_bytes=30_000_000)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert (payload.early_stop, payload.early_stop_reason) == (True, "data cap")
    assert not payload.cut_off
    assert payload.window_s < payload.planned_window_s == 30
    assert payload.bits_per_second == pytest.approx(8 * payload.payload_bytes / payload.window_s)


def test_a_data_cap_in_the_warm_up_leaves_no_result(measurement):
    result = run(http(warmup_s=5), measurement(), max_bytes=10_000)
    assert (result.outcome, result.reason) == (
        Outcome.INVALID,
        "probe: data cap before the window",
    )


def test_a_certain_yes_ends_the_test_early(measurement):
    stop = EarlyStop(at_least_bits_per_second=1e6)
    result = run(http(window_s=30, early_stop=stop), measurement())
    assert result.outcome is Outcome.OK
    assert result.payload.early_stop_reason == "at least 1 Mbit/s"
    assert result.payload.payload_bytes >= 30 * 1e6 / 8


def test_a_cancelled_test_gives_its_slot_back(measurement):
    far = measurement()
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    begun = time.monotonic()
    result = run(http(window_s=30), far, cancel=cancel)
    assert time.monotonic() - begun < 3
    assert result.reason == "probe: cancelled"
    assert not far.leases


def test_a_busy_server_is_invalid_and_another_one_is_taken(measurement):
    busy, free = measurement(slots=0), measurement()
    first = Server(host="127.0.0.1", http_port=busy.port, name="first")
    second = Server(host="127.0.0.1", http_port=free.port, name="second")
    alone = run_throughput(http(), first, ANY, threading.Event())
    assert (alone.outcome, alone.reason) == (Outcome.INVALID, "server: busy")
    result = run_throughput(http(), first, ANY, threading.Event(), others=[second])
    assert result.outcome is Outcome.OK
    assert result.payload.server_check.name == "second"
    assert result.payload.server_check.tried == ("first: server: busy",)


def test_the_network_is_not_blamed_where_one_server_answered(measurement, deaf_port):
    dead = Server(host="127.0.0.1", http_port=deaf_port, name="dead")
    busy = Server(host="127.0.0.1", http_port=measurement(slots=0).port, name="busy")
    test = http(connect_timeout_s=0.5, slot_wait_s=0.5)
    result = run_throughput(test, dead, ANY, threading.Event(), others=[busy])
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: busy")
    assert result.payload.server_check.tried == ("dead: connect: timeout",)


def test_the_servers_clock_stands_in_the_record(measurement):
    far = measurement(clock_error_s=-7200)
    result = run(http(), far, utc_s=time.time)
    assert result.outcome is Outcome.OK
    assert result.payload.server_check.clock_error_s == pytest.approx(-7200, abs=2)


def test_a_server_that_breaks_in_the_middle_is_the_result(measurement):
    broken, free = measurement(reset_after=1_000_000), measurement()
    servers = [Server(host="127.0.0.1", http_port=each.port) for each in (broken, free)]
    result = run_throughput(http(), servers[0], ANY, threading.Event(), others=servers[1:])
    assert result.reason == "transfer: reset"
    assert not free.seen
