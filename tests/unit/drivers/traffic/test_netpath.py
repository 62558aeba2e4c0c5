import contextlib
import errno
import json
import socket
import subprocess
import threading
import time

import pytest

from drivers.traffic import NetPath, TrafficError
from drivers.traffic.netpath import (
    SLACK_BYTES,
    Address,
    Counters,
    RoutingError,
    counted_since,
    is_gone,
    open_stream,
    proves_path,
    read_counters,
    resolve,
    routing_table,
)
from drivers.traffic.result import CancelledError, network_error
from sim.network import OperatorLink, OperatorNetworks
from wire.messages import Outcome

NEVER = threading.Event()


def test_an_address_needs_no_resolver():
    found = resolve("127.0.0.1", 80, NetPath(), timeout_s=1, cancel=NEVER)
    assert found == Address(family=socket.AF_INET, host="127.0.0.1", port=80)


def test_a_name_that_does_not_exist_is_a_failure_of_dns():
    with pytest.raises(TrafficError) as caught:
        resolve("no such name", 80, NetPath(), timeout_s=20, cancel=NEVER)
    assert (caught.value.stage, caught.value.outcome) == ("dns", Outcome.FAILED)


def test_a_name_server_of_another_way_out_says_nothing_of_a_bound_test():
    with pytest.raises(TrafficError, match="dns: ") as caught:
        resolve("no such name", 80, NetPath(interface="lo"), timeout_s=20, cancel=NEVER)
    assert caught.value.outcome is Outcome.INVALID


@pytest.fixture
def stuck_resolver(monkeypatch):
    """getaddrinfo that blocks, as with dead name servers, until the test is over."""
    release = threading.Event()

    def hang(*_args, **_more):
        release.wait(30)
        raise socket.gaierror("too late for anybody")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield
    release.set()


@pytest.mark.usefixtures("stuck_resolver")
def test_a_resolver_that_hangs_is_left_at_the_deadline():
    begun = time.monotonic()
    with pytest.raises(TrafficError, match="dns: timeout"):
        resolve("example.invalid", 80, NetPath(), timeout_s=0.3, cancel=NEVER)
    assert time.monotonic() - begun < 5


@pytest.mark.usefixtures("stuck_resolver")
def test_waiting_for_a_resolver_is_cancelled():
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    with pytest.raises(CancelledError):
        resolve("example.invalid", 80, NetPath(), timeout_s=60, cancel=cancel)


def test_a_stream_is_bound_to_its_interface(http_server):
    address = resolve("127.0.0.1", http_server.http_port, NetPath(), timeout_s=1, cancel=NEVER)
    with open_stream(address, NetPath(interface="lo"), timeout_s=1) as stream:
        bound = stream.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
    assert bound.rstrip(b"\0") == b"lo"


def test_binding_to_no_such_interface_is_a_modem_gone():
    address = Address(family=socket.AF_INET, host="127.0.0.1", port=9)
    with pytest.raises(TrafficError) as caught:
        open_stream(address, NetPath(interface="nosuch0"), timeout_s=1)
    assert (caught.value.stage, caught.value.outcome) == ("bind", Outcome.MODEM_GONE)


def test_counters_grow_with_traffic():
    path = NetPath(interface="lo")
    before = read_counters(path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"x" * 1000, ("127.0.0.1", 9))
    assert counted_since(path, before).tx_bytes >= 1000


def test_what_cannot_be_counted_is_unknown_and_never_zero():
    assert read_counters(NetPath()) is None
    assert read_counters(NetPath(interface="nosuch0")) is None
    assert counted_since(NetPath(interface="lo"), None) is None
    assert counted_since(NetPath(), Counters(rx_bytes=1, tx_bytes=1)) is None


def test_only_a_named_interface_can_be_gone():
    assert is_gone(NetPath(interface="nosuch0"))
    assert not is_gone(NetPath(interface="lo"))
    assert not is_gone(NetPath())


@pytest.mark.parametrize(
    ("counted", "claimed", "transferred", "agrees"),
    [
        (1_000_000, 1_000_000, 1_000_000, True),
        (999_999, 1_000_000, 1_000_000, False),
        (1_250_000 + SLACK_BYTES, 1_000_000, 1_000_000, True),
        (1_250_001 + SLACK_BYTES, 1_000_000, 1_000_000, False),
        (0, 0, 5_000_000, True),
        (SLACK_BYTES + 1, 0, 0, False),
        (SLACK_BYTES + 1, 0, None, True),
        (999_999, 1_000_000, None, False),
    ],
)
def test_counted_bytes_prove_the_path_or_not(counted, claimed, transferred, agrees):
    proof = proves_path(counted_bytes=counted, claimed_bytes=claimed, transferred_bytes=transferred)
    assert proof is agrees


@pytest.mark.parametrize(
    ("error", "stage", "reason", "outcome"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connect", "server: refused", "invalid"),
        (TimeoutError("timed out"), "connect", "connect: timeout", "failed"),
        (TimeoutError("timed out"), "transfer", "transfer: stalled", "failed"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "transfer", "transfer: reset", "failed"),
        (OSError(errno.ENETUNREACH, "x"), "connect", "connect: network unreachable", "failed"),
        (OSError(errno.ENODEV, "x"), "bind", "bind: no such interface", "modem_gone"),
        (PermissionError(errno.EPERM, "Not Permitted"), "bind", "bind: not permitted", "invalid"),
    ],
)
def test_what_the_kernel_says_becomes_outcome_and_reason(error, stage, reason, outcome):
    ours = network_error(stage, error)
    assert (ours.reason, ours.outcome) == (reason, Outcome(outcome))


def ip(*arguments: str) -> list[dict]:
    said = subprocess.run(["ip", "-j", *arguments], capture_output=True, text=True, check=True)
    return json.loads(said.stdout)


@pytest.mark.root
def test_a_modems_routing_table_is_used_by_what_is_bound_to_it_and_by_nothing_else(tmp_path):
    hidden = "10.255.255.254"
    with OperatorNetworks([OperatorLink("viettel", 50, 50)]) as nets:
        net = nets["viettel"]
        subprocess.run(
            ["ip", "-n", net.namespace, "addr", "add", f"{hidden}/32", "dev", "lo"], check=True
        )
        serve = ["python3", "-m", "http.server", "--bind", hidden, "8099", "-d", str(tmp_path)]
        log = tmp_path / "server.log"
        net.run_in(["env", "PYTHONUNBUFFERED=1", *serve], log=log).wait_until(
            lambda: b"Serving" in log.read_bytes(), "listening", 10
        )
        address = Address(family=socket.AF_INET, host=hidden, port=8099)
        path = NetPath(interface=net.interface)
        with routing_table(net.interface, table=4711, gateway=net.server_host):
            open_stream(address, path, timeout_s=3).close()
            bound = ip("route", "get", hidden, "oif", net.interface)[0]
            assert (bound["dev"], bound["gateway"]) == (net.interface, net.server_host)
            with contextlib.suppress(subprocess.CalledProcessError):  # no route at all is as good
                assert ip("route", "get", hidden)[0]["dev"] != net.interface
        assert not [rule for rule in ip("rule") if rule.get("oif") == net.interface]


def test_a_refused_routing_change_names_the_command():
    with (
        pytest.raises(RoutingError, match="ip route replace") as caught,
        routing_table("nosuch0", table=4712),
    ):
        pass
    assert caught.value.said
