"""Tests on an operator with both internet protocols, and one whose addresses come and go."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pytest

from drivers.traffic import NetPath, Server, run_latency, run_throughput, run_video
from drivers.traffic.ip_family import IpFamily
from drivers.traffic.profile import LatencyMethod, Method
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks
from tests.unit.drivers.traffic.ends import capacity, round_trips, session
from wire.messages import Outcome

pytestmark = pytest.mark.root

PROBE6, SERVER6 = "fd5d:50::1", "fd5d:50::2"
NAME = "test.example"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Both(NamedTuple):
    net: OperatorNetwork
    path: NetPath
    """With the name server of the operator, who knows `NAME` by both addresses."""
    server: Server


def with_ipv6(net: OperatorNetwork) -> None:
    ip("-n", net.namespace, "addr", "add", f"{SERVER6}/64", "dev", "uplink", "nodad")
    ip("addr", "add", f"{PROBE6}/64", "dev", net.interface, "nodad")


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("both")
    with OperatorNetworks([OperatorLink("viettel", 50, 50)]) as nets:
        net = nets["viettel"]
        with_ipv6(net)
        log, http = folder / "dns.log", folder / "http.log"
        names = [sys.executable, "-m", "tests.unit.drivers.traffic.name_server"]
        net.run_in([*names, net.server_host, net.server_host, SERVER6], log=log).wait_until(
            lambda: log.read_bytes().strip(), "listening", 10
        )
        serve = [sys.executable, "-m", "sim", "server", "--bind", "::", "--http", "8080"]
        serve += ["--iperf", "5201"]
        net.run_in(serve, log=http).wait_until(
            lambda: b'{"host"' in http.read_bytes(), "listening", 20
        )
        path = NetPath(
            interface=net.interface,
            dns_servers=(net.server_host,),
            dns_port=int(log.read_text().split()[0]),
        )
        yield Both(net, path, Server(host=NAME, http_port=8080, iperf_port=5201))


def run(both: Both, method: LatencyMethod, family: IpFamily, **changes):
    profile = round_trips(method=method, address_family=family, **changes)
    return run_latency(profile, both.server, both.path, threading.Event())


@pytest.mark.parametrize("method", list(LatencyMethod))
@pytest.mark.parametrize(("family", "used"), [("ipv4", "ipv4"), ("ipv6", "ipv6"), ("any", "ipv6")])
def test_a_name_is_asked_of_the_operator_and_reached_by_the_family(both, method, family, used):
    result = run(both, method, IpFamily(family))
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert payload.address_family == used
    assert payload.address == {"ipv4": both.net.server_host, "ipv6": SERVER6}[used]
    assert payload.dns_server == both.net.server_host
    assert 0 < payload.dns_ms < 1000
    assert (payload.received, payload.loss_share, payload.data_ok) == (5, 0.0, True)


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("family", ["ipv4", "ipv6", "any"])
def test_a_capacity_test_takes_the_family_of_its_path(both, method, family):
    test = capacity(method=method, warmup_s=0, window_s=1)
    path = both.path.only(IpFamily(family))
    result = run_throughput(test, both.server, path, threading.Event())
    assert (result.outcome, result.reason) == (Outcome.OK, None)


def test_a_video_session_takes_the_family_of_its_path(both):
    path = both.path.only(IpFamily.IPV6)
    result = run_video(session(), both.server, path, threading.Event())
    assert (result.outcome, result.reason) == (Outcome.OK, None)


@pytest.fixture
def broken_ipv6(both) -> Iterator[None]:
    """The name still says IPv6, and the probe still has a route; nobody answers there."""
    where = ("-n", both.net.namespace, "addr")
    ip(*where, "del", f"{SERVER6}/64", "dev", "uplink")
    yield
    ip(*where, "add", f"{SERVER6}/64", "dev", "uplink", "nodad")


@pytest.mark.usefixtures("broken_ipv6")
@pytest.mark.parametrize("method", list(LatencyMethod))
def test_ipv6_that_does_not_work_costs_a_moment_and_no_test(both, method):
    result = run(both, method, IpFamily.ANY, timeout_s=0.8)
    payload = result.payload
    assert (result.outcome, payload.address_family) == (Outcome.OK, "ipv4")
    assert payload.received >= 4
    assert set(payload.lost) <= {0}


@pytest.mark.usefixtures("broken_ipv6")
@pytest.mark.parametrize("method", list(Method))
def test_a_capacity_test_goes_on_by_ipv4(both, method):
    test = capacity(method=method, warmup_s=0, window_s=1, slot_wait_s=0)
    result = run_throughput(test, both.server, both.path, threading.Event())
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert result.payload.window_s == pytest.approx(1, abs=0.3)


@pytest.mark.usefixtures("broken_ipv6")
@pytest.mark.parametrize("method", list(Method))
def test_a_profile_may_ask_for_one_family(both, method):
    test = capacity(
        method=method, warmup_s=0, window_s=1, slot_wait_s=0, address_family=IpFamily.IPV6
    )
    result = run_throughput(test, both.server, both.path, threading.Event())
    assert (result.outcome, result.reason) == (Outcome.FAILED, "connect: timeout")


@pytest.mark.usefixtures("broken_ipv6")
def test_ipv6_that_is_asked_for_and_does_not_work_is_a_failure(both):
    result = run(both, LatencyMethod.TCP, IpFamily.IPV6, timeout_s=0.3, count=1)
    assert (result.outcome, result.payload.address_family) == (Outcome.FAILED, "ipv6")


@pytest.fixture
def fragile(tmp_path) -> Iterator[Both]:
    """One to be broken."""
    with OperatorNetworks([OperatorLink("viettel", 20, 20)]) as nets:
        net = nets["viettel"]
        net.serve(log=tmp_path / "server.log")
        server = Server(host=net.server_host, http_port=net.http_port)
        yield Both(net, NetPath(interface=net.interface), server)


def interrupted(fragile: Both, *changes: tuple[str, ...], method=LatencyMethod.TCP):
    """A test in the middle of which something happens to its interface."""
    left = list(changes)

    def happen(_) -> None:
        while left:
            ip(*left.pop(0))

    profile = round_trips(method=method, count=3, timeout_s=0.5, data_bytes=0)
    return run_latency(profile, fragile.server, fragile.path, threading.Event(), happen)


def address_of(interface: str) -> str:
    said = subprocess.run(
        ["ip", "-j", "-4", "addr", "show", "dev", interface], capture_output=True, check=True
    )
    found = msgspec.json.decode(said.stdout)[0]["addr_info"][0]
    return f"{found['local']}/{found['prefixlen']}"


@pytest.mark.parametrize("method", list(LatencyMethod))
def test_an_address_that_changed_ends_as_a_failure_with_partial_data(fragile, method):
    """Also where the old one is back before the end: what was measured was on two connections."""
    interface = fragile.net.interface
    address = address_of(interface)
    where = (address, "dev", interface)
    result = interrupted(fragile, ("addr", "del", *where), ("addr", "add", *where), method=method)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "interface: address changed")
    assert result.payload.first_rtt_ms is not None


def test_an_interface_that_is_plugged_in_again_was_gone_all_the_same(fragile):
    name = fragile.net.interface
    result = interrupted(
        fragile,
        ("link", "del", name),
        ("link", "add", name, "type", "veth", "peer", "name", f"{name}b"),
    )
    assert (result.outcome, result.reason) == (Outcome.MODEM_GONE, f"interface: {name} is gone")
    assert result.payload.first_rtt_ms is not None


@pytest.mark.parametrize("method", list(LatencyMethod))
def test_a_black_hole_ends_by_the_deadline(fragile, method):
    ip("-n", fragile.net.namespace, "addr", "flush", "dev", "uplink")
    profile = round_trips(method=method, count=2, timeout_s=0.4, data_timeout_s=0.5)
    begun = time.monotonic()
    result = run_latency(profile, fragile.server, fragile.path, threading.Event())
    assert time.monotonic() - begun <= profile.deadline_s + 1
    assert (result.outcome, result.payload.received) == (Outcome.FAILED, 0)
