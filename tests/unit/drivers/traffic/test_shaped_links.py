"""On operators as network namespaces: right rates, dead links, vanished interfaces."""

import subprocess
import threading
from collections.abc import Iterator

import pytest

from drivers.traffic import NetPath, Server, profile, run_throughput, run_video
from drivers.traffic.profile import EarlyStop, Method, Protocol
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks
from sim.shaper import FRAME_BYTES, SEGMENT_BYTES
from tests.unit.drivers.traffic.ends import capacity, run_until, session
from wire.kinds.throughput import Direction
from wire.messages import Outcome

pytestmark = pytest.mark.root

RATES_MBIT = (20, 60, 200)
TOLERANCE = 0.02
MEASUREMENTS = 2
"""The machine is shared: a disturbed measurement may be repeated, a wrong one stays wrong."""


@pytest.fixture(scope="module")
def nets(tmp_path_factory) -> Iterator[OperatorNetworks]:
    links = [OperatorLink(str(rate), rate, rate) for rate in RATES_MBIT]
    with OperatorNetworks(links) as nets:
        for link in links:
            nets[link.name].serve(log=tmp_path_factory.mktemp(link.name) / "server.log")
        yield nets


@pytest.fixture
def net(tmp_path) -> Iterator[OperatorNetwork]:
    """One to be broken."""
    with OperatorNetworks([OperatorLink("viettel", 20, 20)]) as nets:
        nets["viettel"].serve(log=tmp_path / "server.log")
        yield nets["viettel"]


def far_end(net: OperatorNetwork) -> Server:
    return Server(host=net.server_host, http_port=net.http_port, iperf_port=net.iperf_port)


def path(net: OperatorNetwork) -> NetPath:
    return NetPath(interface=net.interface)


@pytest.mark.parametrize(
    ("rate_mbit", "method", "direction"),
    [
        *((rate, Method.IPERF3, direction) for rate in RATES_MBIT for direction in Direction),
        *((20, Method.HTTP, direction) for direction in Direction),
    ],
)
def test_a_measured_rate_is_within_two_percent_of_the_shaped_one(
    nets, rate_mbit, method, direction
):
    net = nets[str(rate_mbit)]
    errors = []
    for _ in range(MEASUREMENTS):
        test = capacity(direction, method, streams=4, warmup_s=1, window_s=4)
        result = run_throughput(test, far_end(net), path(net), threading.Event())
        assert (result.outcome, result.reason) == (Outcome.OK, None)
        errors.append(result.payload.bits_per_second / (rate_mbit * 1e6) - 1)
        if abs(errors[-1]) <= TOLERANCE:
            return
    pytest.fail(f"relative errors {errors}")


def test_a_session_that_loads_the_link_measures_its_rate(nets):
    net = nets["60"]
    test = session(media_bits_per_second=60_000_000, target_bits_per_second=60_000_000)
    errors = []
    for _ in range(MEASUREMENTS):
        result = run_video(test, far_end(net), path(net), threading.Event())
        assert (result.outcome, result.reason) == (Outcome.OK, None)
        errors.append(result.payload.bits_per_second / 60e6 - 1)
        if abs(errors[-1]) <= 0.05:
            return
    pytest.fail(f"relative errors {errors}")


@pytest.mark.parametrize("direction", list(Direction))
def test_a_certain_yes_costs_no_more_than_it_takes(nets, direction):
    net = nets["20"]
    stop = EarlyStop(at_least_bits_per_second=5e6)
    test = capacity(direction, streams=4, window_s=10, interval_s=0.5, early_stop=stop)
    payload = run_throughput(test, far_end(net), path(net), threading.Event()).payload
    assert payload.early_stop_reason == "at least 5 Mbit/s"
    assert not payload.cut_off
    assert payload.payload_bytes >= 10 * 5e6 / 8
    assert payload.window_s < 5
    assert payload.bits_per_second == pytest.approx(20e6, rel=0.05)


def test_a_data_cap_holds(nets):
    net = nets["60"]
    test = capacity(streams=4, window_s=30)
    result = run_throughput(test, far_end(net), path(net), threading.Event(), max_bytes=15_000_000)
    payload = result.payload
    assert (result.outcome, payload.early_stop_reason) == (Outcome.OK, "data cap")
    assert 13e6 < payload.total_payload_bytes < 15.5e6
    assert payload.bits_per_second == pytest.approx(60e6, rel=0.05)


def test_datagrams_beyond_the_links_rate_are_lost_and_counted(net):
    rate = round(20e6 * FRAME_BYTES / SEGMENT_BYTES)
    queue = ["tbf", "rate", f"{rate}bit", "burst", "30000b", "limit", "30000b"]
    shape = ["tc", "-n", net.namespace, "qdisc", "replace", "dev", "uplink", "root", *queue]
    subprocess.run(shape, check=True)  # shorter than the sender's own buffer
    test = capacity(protocol=Protocol.UDP, streams=1, window_s=3, udp_bits_per_second=60e6)
    payload = run_throughput(test, far_end(net), path(net), threading.Event()).payload
    carried = 20e6 * FRAME_BYTES / SEGMENT_BYTES * 1200 / 1242  # headers are fewer or more
    assert payload.protocol == "udp"
    assert payload.bits_per_second == pytest.approx(carried, rel=0.02)
    assert payload.udp_loss_share == pytest.approx(1 - carried / 60e6, abs=0.03)
    assert payload.udp_lost_packets < payload.udp_packets
    assert payload.jitter_ms > 0
    assert len(payload.intervals) == 4


@pytest.mark.parametrize("method", list(Method))
def test_a_link_that_dies_stalls_and_its_window_is_filled_with_zero_bytes(net, method, monkeypatch):
    monkeypatch.setattr(profile, "CLOSING_S", 1.0)

    def cut(progress) -> None:
        if progress.elapsed_s > 0.9:
            command = ["ip", "-n", net.namespace, "link", "set", "uplink", "down"]
            subprocess.run(command, check=True)

    test = capacity(method=method, warmup_s=0, window_s=3, connect_timeout_s=2)
    result = run_throughput(test, far_end(net), path(net), threading.Event(), cut)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.FAILED, "transfer: stalled")
    assert payload.cut_off
    assert payload.window_s == pytest.approx(3, abs=0.5)
    assert [bool(each.payload_bytes) for each in payload.intervals[:1]] == [True]
    assert not payload.intervals[-1].payload_bytes
    assert 0 < payload.bits_per_second < 15e6


def test_an_upload_does_not_count_what_never_left_the_probe(net, monkeypatch):
    monkeypatch.setattr(profile, "CLOSING_S", 1.0)

    def cut(progress) -> None:
        if progress.elapsed_s > 0.9:
            command = ["ip", "-n", net.namespace, "link", "set", "uplink", "down"]
            subprocess.run(command, check=True)

    test = capacity(Direction.UP, warmup_s=0, window_s=3, connect_timeout_s=2)
    payload = run_throughput(test, far_end(net), path(net), threading.Event(), cut).payload
    assert payload.cut_off
    assert 0 < payload.payload_bytes < 1.5 * 20e6 / 8


@pytest.mark.parametrize("method", list(Method))
def test_an_interface_that_vanishes_is_a_modem_gone_with_partial_data(net, method, monkeypatch):
    monkeypatch.setattr(profile, "CLOSING_S", 1.0)

    def unplug(progress) -> None:
        if progress.elapsed_s > 0.9:
            subprocess.run(["ip", "link", "del", net.interface], check=False, capture_output=True)

    test = capacity(method=method, warmup_s=0, window_s=3, connect_timeout_s=2)
    result = run_throughput(test, far_end(net), path(net), threading.Event(), unplug)
    assert (result.outcome, result.reason) == (
        Outcome.MODEM_GONE,
        f"interface: {net.interface} is gone",
    )
    assert result.payload.payload_bytes
    assert result.payload.cut_off


def test_a_test_without_an_interface_finds_its_way_by_the_routing_table(net):
    test = capacity(warmup_s=0, window_s=1)
    result = run_throughput(test, far_end(net), NetPath(), threading.Event())
    assert result.outcome is Outcome.OK
    assert result.payload.interface_rx_bytes is None


def test_the_server_is_free_again_after_a_cancelled_test(net):
    cancel = threading.Event()
    threading.Timer(1.5, cancel.set).start()
    run_throughput(capacity(window_s=30), far_end(net), path(net), cancel)
    outcomes = []

    def served() -> bool:
        test = capacity(warmup_s=0, window_s=1)
        result = run_throughput(test, far_end(net), path(net), threading.Event())
        outcomes.append(result.reason)
        return result.outcome is Outcome.OK

    run_until(served, "a test after the cancelled one", 30)
    assert set(outcomes[:-1]) <= {"server: busy"}
