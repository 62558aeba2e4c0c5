"""A test whose traffic leaves by another modem, while its own interface is busy as well."""

import socket
import threading
from collections.abc import Iterator

import pytest

from drivers.traffic import NetPath, Server, netpath, path_watch, run_throughput
from drivers.traffic.profile import Method
from sim.network import OperatorLink, OperatorNetwork, OperatorNetworks
from tests.unit.drivers.traffic.ends import capacity
from wire.messages import Outcome

pytestmark = pytest.mark.root

MBIT = 30


@pytest.fixture(scope="module")
def nets(tmp_path_factory) -> Iterator[OperatorNetworks]:
    links = [OperatorLink(name, MBIT, MBIT) for name in ("viettel", "mobifone")]
    with OperatorNetworks(links) as nets:
        for link in links:
            nets[link.name].serve(log=tmp_path_factory.mktemp(link.name) / "server.log")
        yield nets


@pytest.fixture
def busy(nets) -> Iterator[OperatorNetwork]:
    """An operator from whom somebody else downloads all the time, at full rate."""
    net, done = nets["viettel"], threading.Event()
    stream = socket.create_connection((net.server_host, net.http_port), timeout=5)
    stream.sendall(b"GET /bytes/1073741824 HTTP/1.1\r\nHost: x\r\n\r\n")

    def download() -> None:
        while not done.is_set() and stream.recv(1 << 16):
            pass

    thread = threading.Thread(target=download)
    thread.start()
    yield net
    done.set()
    thread.join(5)
    stream.close()


def test_it_is_invalid_although_the_bytes_would_agree(nets, busy, monkeypatch):
    """Nothing is bound here, as with a tool that ignores what it is told."""
    monkeypatch.setattr(netpath, "bind_to_interface", lambda *_: None)
    other = nets["mobifone"]
    index = socket.if_nametoindex(other.interface)
    monkeypatch.setattr(path_watch, "leading_out", lambda: frozenset({index}))
    server = Server(host=other.server_host, http_port=other.http_port)
    test = capacity(method=Method.HTTP, warmup_s=0, window_s=2)
    result = run_throughput(test, server, NetPath(interface=busy.interface), threading.Event())
    assert result.payload.interface_rx_bytes >= result.payload.total_payload_bytes * 0.9
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: wrong path")


def test_tests_on_two_modems_at_once_are_both_right(nets):
    results = {}

    def run(net: OperatorNetwork) -> None:
        server = Server(host=net.server_host, http_port=net.http_port)
        test = capacity(method=Method.HTTP, warmup_s=0, window_s=2)
        path = NetPath(interface=net.interface)
        results[net.link.name] = run_throughput(test, server, path, threading.Event())

    threads = [threading.Thread(target=run, args=(nets[name],)) for name in ("viettel", "mobifone")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [each.outcome for each in results.values()] == [Outcome.OK, Outcome.OK]
