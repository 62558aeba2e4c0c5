import threading
import time
import tracemalloc

import pytest

from drivers.traffic import NetPath, Server
from drivers.traffic.slot import Need, check_server
from wire.codec import PROBE_NAME
from wire.kinds.throughput import Direction
from wire.messages import Outcome

ANY = NetPath()
PAGE = b"<html>Nap the de tiep tuc</html>"
CONTROL = {"down_bits_per_second": 60e6, "up_bits_per_second": 90e6, "age_s": 300.0}


def need(**changes) -> Need:
    return Need(**({"method": "iperf3", "seconds": 12.0, "wait_s": 1.0} | changes))


def at(server, **more) -> Server:
    return Server(host="127.0.0.1", http_port=server.port, name="main", **more)


def visit(server, want, *, cancel=None, **how):
    """What is admitted, with the test being over at once."""
    deadline = time.monotonic() + 10
    with check_server(
        server, ANY, cancel or threading.Event(), want, deadline=deadline, **how
    ) as admission:
        return admission


def test_a_slot_is_held_while_the_test_runs_and_given_back(measurement):
    far = measurement(iperf_port=5333)
    deadline = time.monotonic() + 10
    with check_server(at(far), ANY, threading.Event(), need(), deadline=deadline) as admission:
        assert admission.error is None
        assert admission.iperf_port == 5333
        assert admission.check.slot in far.leases
        assert admission.check.waited_s < 1
        asked = far.leases[admission.check.slot]
        assert (asked["method"], asked["seconds"]) == ("iperf3", 12)
        assert PROBE_NAME.fullmatch(asked["probe"])
    assert not far.leases


def test_a_slot_is_asked_for_under_the_probes_name(measurement):
    far = measurement()
    deadline = time.monotonic() + 10
    want = need(probe="dn-01")
    with check_server(at(far), ANY, threading.Event(), want, deadline=deadline) as admission:
        assert far.leases[admission.check.slot]["probe"] == "dn-01"


def test_a_full_server_is_waited_for(measurement):
    far = measurement()
    far.leases["other"] = {}

    def free() -> None:
        far.asked.wait(5)
        far.leases.clear()

    thread = threading.Thread(target=free)
    thread.start()
    admission = visit(at(far), need(wait_s=5))
    thread.join(5)
    assert admission.error is None
    assert admission.check.slot is not None


def test_a_server_that_stays_full_is_busy(measurement):
    far = measurement(slots=0, retry_after="3600")
    begun = time.monotonic()
    admission = visit(at(far), need())
    assert (admission.error.outcome, admission.error.reason) == (Outcome.INVALID, "server: busy")
    assert admission.check.slot is None
    assert time.monotonic() - begun < 2


def test_a_cancelled_wait_ends_at_once_and_frees_what_it_had(measurement):
    far = measurement(slots=0, retry_after="5")
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    begun = time.monotonic()
    assert visit(at(far), need(wait_s=30), cancel=cancel).error.reason == "probe: cancelled"
    assert time.monotonic() - begun < 2


def test_a_server_without_slots_is_taken_as_it_is(measurement, http_server, refused_port):
    for server in (
        at(measurement(slots=None)),
        http_server,
        Server(host="127.0.0.1", http_port=refused_port),
        Server(host="127.0.0.1", iperf_port=1),
    ):
        admission = visit(server, need())
        assert admission.error is None
        assert admission.check.slot is None


def test_a_check_that_is_not_wanted_asks_nothing(measurement):
    far = measurement(slots=0)
    assert visit(at(far), need(wait_s=0)).error is None
    assert not far.seen


def test_a_server_that_hangs_holds_nobody_longer_than_the_wait(measurement):
    begun = time.monotonic()
    assert visit(at(measurement(hang=True)), need()).error is None
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("target", "direction", "reason"),
    [
        (40e6, Direction.DOWN, "server: control test 60 Mbit/s"),
        (40e6, Direction.UP, None),
        (30e6, Direction.DOWN, None),
        (None, Direction.DOWN, None),
    ],
)
def test_a_server_too_slow_in_its_control_test_proves_nothing(
    measurement, target, direction, reason
):
    want = need(target_bits_per_second=target, direction=direction)
    admission = visit(at(measurement(control=CONTROL)), want)
    assert (admission.error and admission.error.reason) == reason
    assert admission.check.control_bits_per_second == CONTROL[f"{direction}_bits_per_second"]
    assert admission.check.control_age_s == 300


def test_an_old_control_test_says_nothing(measurement):
    far = measurement(control=CONTROL | {"age_s": 7201})
    assert visit(at(far), need(target_bits_per_second=40e6)).error is None


@pytest.mark.parametrize(
    "control",
    [{"age_s": -1, "down_bits_per_second": 1}, {"age_s": "x"}, {"down_bits_per_second": 1e99}, 7],
)
def test_a_control_test_that_cannot_be_is_none(measurement, control):
    admission = visit(at(measurement(control=control)), need(target_bits_per_second=40e6))
    assert admission.error is None
    assert admission.check.control_bits_per_second is None


def test_the_servers_clock_is_compared_where_ours_is_known(measurement):
    far = measurement(clock_error_s=3600)
    assert visit(at(far), need(), utc_s=time.time).check.clock_error_s == pytest.approx(3600, abs=2)
    assert visit(at(far), need()).check.clock_error_s is None


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"redirect": "http://Portal.Example/topup?x"}, "portal: redirected to portal.example"),
        ({"page": PAGE}, "portal: answers for the server"),
    ],
)
def test_a_captive_portal_is_not_the_networks_refusal(measurement, how, reason):
    error = visit(at(measurement(**how)), need()).error
    assert (error.outcome, error.reason) == (Outcome.INVALID, reason)


def test_a_redirection_within_the_server_is_no_portal(measurement):
    far = measurement(redirect="http://127.0.0.1/elsewhere")
    assert visit(at(far), need()).error is None


@pytest.mark.parametrize(
    "how",
    [{"token": "../status"}, {"token": "x" * 129}, {"token": 7}, {"iperf_port": 70_000}],
)
def test_a_lease_that_makes_no_sense_is_none(measurement, how):
    admission = visit(at(measurement(**how)), need())
    assert admission.error is None
    assert (admission.check.slot, admission.iperf_port) == (None, None)


def test_an_endless_answer_is_cut(misbehaving):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
    far = misbehaving(head + b"x" * 200_000)
    begun = time.monotonic()
    assert visit(at(far), need()).check.slot is None
    assert time.monotonic() - begun < 2


def test_a_chunk_of_a_size_below_zero_is_no_way_to_fill_the_memory(misbehaving):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
    far = misbehaving(head + b"x" * 3_000_000)
    tracemalloc.start()
    before_bytes, _ = tracemalloc.get_traced_memory()
    assert visit(at(far), need()).check.slot is None
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes - before_bytes < 2_000_000
