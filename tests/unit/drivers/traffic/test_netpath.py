import errno
import socket
import threading
import time

import msgspec
import pytest

from drivers.traffic import NetPath, TrafficError
from drivers.traffic.ip_family import IpFamily
from drivers.traffic.netpath import (
    HEAD_START_S,
    SLACK_BYTES,
    Address,
    Counters,
    counted_since,
    is_gone,
    open_stream,
    proves_path,
    read_counters,
    resolve,
)
from drivers.traffic.result import CancelledError, network_error
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


@pytest.mark.parametrize(("family", "host"), [("ipv6", "127.0.0.1"), ("ipv4", "::1")])
def test_an_address_of_the_wrong_family_was_set_up_so(family, host):
    with pytest.raises(TrafficError) as caught:
        resolve(host, 80, NetPath(family=IpFamily(family)), timeout_s=1, cancel=NEVER)
    assert (caught.value.stage, caught.value.outcome) == ("server", Outcome.INVALID)


def both(port: int) -> Address:
    """IPv6 first, as a name with both gives it."""
    ipv4 = Address(family=socket.AF_INET, host="127.0.0.1", port=port)
    return Address(family=socket.AF_INET6, host="::1", port=port, others=(ipv4,))


def test_of_two_addresses_the_one_that_works_is_taken(http_server):
    """Nobody listens at the first."""
    with open_stream(both(http_server.http_port), NetPath(interface="lo"), timeout_s=2) as stream:
        assert stream.family == socket.AF_INET
        stream.sendall(b"GET /empty HTTP/1.0\r\n\r\n")
        assert stream.recv(12) == b"HTTP/1.1 200"


def test_ipv6_is_taken_where_both_work():
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        address = both(listener.getsockname()[1])
        with open_stream(address, NetPath(), timeout_s=2) as stream:
            assert stream.family == socket.AF_INET6


def test_an_address_that_is_silent_loses_after_its_head_start(deaf_port, http_server):
    silent = Address(family=socket.AF_INET, host="127.0.0.1", port=deaf_port)
    works = Address(family=socket.AF_INET, host="127.0.0.1", port=http_server.http_port)
    begun = time.monotonic()
    address = msgspec.structs.replace(silent, others=(works,))
    open_stream(address, NetPath(), timeout_s=5).close()
    assert HEAD_START_S <= time.monotonic() - begun < 2


def test_two_addresses_that_are_silent_are_a_timeout(deaf_port):
    silent = Address(family=socket.AF_INET, host="127.0.0.1", port=deaf_port)
    with pytest.raises(TrafficError, match="connect: timeout"):
        open_stream(msgspec.structs.replace(silent, others=(silent,)), NetPath(), timeout_s=0.6)


@pytest.mark.parametrize("silent_first", [True, False])
def test_a_host_that_refused_was_reached_although_its_other_address_is_silent(
    deaf_port, refused_port, silent_first
):
    silent, refuses = (
        Address(family=socket.AF_INET, host="127.0.0.1", port=port)
        for port in (deaf_port, refused_port)
    )
    first, second = (silent, refuses) if silent_first else (refuses, silent)
    with pytest.raises(TrafficError, match="server: refused"):
        open_stream(msgspec.structs.replace(first, others=(second,)), NetPath(), timeout_s=0.6)


def test_two_addresses_that_refuse_are_a_server_that_is_down(refused_port):
    with pytest.raises(TrafficError, match="server: refused"):
        open_stream(both(refused_port), NetPath(), timeout_s=2)
