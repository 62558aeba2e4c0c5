import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim import network
from sim.network import OperatorLink, OperatorNetworks, remove_leftovers
from sim.parts import wait_until

LINKS = [OperatorLink("viettel", 20, 10), OperatorLink("vinaphone", 60, 20)]
DEADLINE_S = 20.0


def namespaces(pid: int) -> list[str]:
    return [each.name for each in Path("/run/netns").glob(f"dosong-{pid}-*")]


def devices(pid: int) -> list[str]:
    return [each.name for each in Path("/sys/class/net").glob(f"ds{pid}-*")]


def status(host: str, port: int) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
    try:
        connection.request("GET", "/empty")
        return connection.getresponse().status
    finally:
        connection.close()


def test_without_root_everything_is_loopback_and_says_so(monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with OperatorNetworks(LINKS) as nets:
        assert not nets.shaped
        assert "no rate is shaped" in nets.note
        assert nets.note in caplog.text
        one, other = nets["viettel"], nets["vinaphone"]
        assert (one.interface, one.server_host) == (None, "127.0.0.1")
        assert len({one.http_port, one.iperf_port, other.http_port, other.iperf_port}) == 4
        one.serve(log=tmp_path / "server.log")
        assert status(one.server_host, one.http_port) == 200


@pytest.mark.root
def test_each_operator_is_a_namespace_of_its_own_and_nothing_stays(tmp_path):
    with OperatorNetworks(LINKS) as nets:
        assert nets.note is None
        assert len(namespaces(os.getpid())) == len(devices(os.getpid())) == 2
        for name in ("viettel", "vinaphone"):
            nets[name].serve(log=tmp_path / f"{name}.log")
            assert status(nets[name].server_host, nets[name].http_port) == 200
        assert nets["viettel"].interface != nets["vinaphone"].interface
        assert max(len(device) for device in devices(os.getpid())) <= 15
    assert namespaces(os.getpid()) == devices(os.getpid()) == []


@pytest.mark.root
def test_a_command_runs_on_the_operators_side(tmp_path):
    log = tmp_path / "log"
    with OperatorNetworks(LINKS[:1]) as nets:
        part = nets["viettel"].run_in(["ip", "-j", "addr", "show", "uplink"], log=log)
        assert part.wait(DEADLINE_S) == 0
        address = json.loads(log.read_bytes())[0]["addr_info"][0]["local"]
        assert address == nets["viettel"].server_host


@pytest.mark.root
def test_a_rate_is_shaped_with_the_headers_on_top():
    with OperatorNetworks(LINKS[:1]) as nets:
        said = subprocess.run(
            ["tc", "-j", "qdisc", "show", "dev", nets["viettel"].interface],
            capture_output=True,
            text=True,
            check=True,
        )
        (shaper,) = json.loads(said.stdout)
    assert shaper["kind"] == "tbf"
    assert 8 * shaper["options"]["rate"] == pytest.approx(10e6 * 1514 / 1448, rel=1e-3)


@pytest.mark.root
def test_where_networks_cannot_be_made_the_loopback_serves_and_the_reason_is_said(monkeypatch):
    def refuse(**_):
        raise network.NetworkError("tc", "no such qdisc")

    monkeypatch.setattr(network, "Shaper", refuse)
    with OperatorNetworks(LINKS) as nets:
        assert not nets.shaped
        assert nets.note.startswith("tc: no such qdisc: the operators share the loopback")
        assert {nets[link.name].server_host for link in LINKS} == {"127.0.0.1"}
        assert namespaces(os.getpid()) == devices(os.getpid()) == []


MAKER = """
import signal, sys
from pathlib import Path
from sim.network import OperatorLink, OperatorNetworks
with OperatorNetworks([OperatorLink("viettel", 20, 10)]) as nets:
    nets["viettel"].run_in(["sleep", "600"], log=Path(sys.argv[1]))
    print("made", flush=True)
    signal.pause()
"""


@pytest.mark.root
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    maker = subprocess.Popen(
        [sys.executable, "-c", MAKER, str(tmp_path / "log")], stdout=subprocess.PIPE
    )
    with maker:
        assert maker.stdout.readline() == b"made\n"
        assert len(namespaces(maker.pid)) == 1
        maker.send_signal(signal.SIGKILL)
    remove_leftovers()
    assert namespaces(maker.pid) == []
    wait_until(lambda: not devices(maker.pid), "end of the devices", DEADLINE_S)


@pytest.mark.root
def test_the_networks_of_a_living_process_are_let_alone():
    with OperatorNetworks(LINKS[:1]) as nets:
        remove_leftovers()
        assert namespaces(os.getpid()) == [nets["viettel"].namespace]


def received(stream, limit_s):
    """Bytes that arrive within a time."""
    size, ends = 0, time.monotonic() + limit_s
    while (left_s := ends - time.monotonic()) > 0:
        stream.settimeout(left_s)
        try:
            size += len(stream.recv(1 << 16))
        except TimeoutError:
            break
    return size


def download(net):
    stream = socket.create_connection((net.server_host, net.http_port), DEADLINE_S)
    stream.sendall(b"GET /bytes/1000000000 HTTP/1.1\r\nHost: x\r\n\r\n")
    return stream


def settles(stream, rate_mbit):
    """Wait until it comes at this rate."""

    def comes() -> bool:
        return 8e-6 * received(stream, 0.5) / 0.5 == pytest.approx(rate_mbit, rel=0.25)

    wait_until(comes, f"{rate_mbit} Mbit/s", DEADLINE_S)


@pytest.fixture
def net(tmp_path):
    with OperatorNetworks(LINKS[:1], ipv6=True) as nets:
        nets["viettel"].serve(log=tmp_path / "server.log", iperf_ports=nets["viettel"].iperf_ports)
        yield nets["viettel"]


@pytest.mark.root
def test_a_rate_changes_while_traffic_flows(net):
    with download(net) as stream:
        received(stream, 0.3)
        net.set_rate(down_mbit=80)
        settles(stream, 80)
        net.set_rate(down_mbit=10)
        settles(stream, 10)


@pytest.mark.root
def test_a_black_hole_swallows_without_a_word_and_ends_at_the_rate_set_last(net):
    with download(net) as stream:
        received(stream, 0.2)
        net.black_hole()
        received(stream, 0.1)
        assert received(stream, 0.5) == 0
        net.set_rate(down_mbit=40)
        assert received(stream, 0.1) == 0
        net.come_back()
        settles(stream, 40)


OF_ITS_OWN = 500
"""Bytes that the kernel itself may send on a new link: its IPv6 says who it is."""


@pytest.mark.root
@pytest.mark.parametrize("way", ["down", "up"])
def test_one_direction_alone_can_be_black(net, way):
    inside = ["ip", "-n", net.namespace, "-j", "-s", "link", "show", "uplink"]

    def counted() -> tuple[int, int]:
        said = json.loads(subprocess.run(inside, capture_output=True, check=True).stdout)
        return said[0]["stats64"]["rx"]["bytes"], said[0]["stats64"]["tx"]["bytes"]

    net.black_hole(down=way == "down", up=way == "up")
    up_before, down_before = counted()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, net.interface.encode())
        probe.sendto(bytes(1000), (net.server_host, 9))  # answered with ICMP: unreachable
    if way == "down":
        wait_until(lambda: counted()[0] - up_before >= 1000, "the datagram", DEADLINE_S)
        assert counted()[1] - down_before < OF_ITS_OWN
    else:
        assert counted()[0] - up_before < OF_ITS_OWN
    net.come_back()
    assert status(net.server_host, net.http_port) == 200


@pytest.mark.root
def test_a_rate_of_nothing_is_none(net):
    with pytest.raises(ValueError, match="black_hole"):
        net.set_rate(up_mbit=0)


@pytest.mark.root
def test_the_server_listens_on_ipv6_and_on_two_iperf_ports_for_tcp_and_udp(net):
    assert status(net.server_host6, net.http_port) == 200
    for host, port in zip((net.server_host, net.server_host6), net.iperf_ports, strict=True):
        for udp in ([], ["-u", "-b", "1M"]):
            where = [host, "-p", str(port)]
            answers = []

            def answered(where=where, udp=udp, answers=answers) -> bool:
                command = ["iperf3", "-J", "-c", *where, "-n", "50K", *udp]
                done = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
                answers.append(json.loads(done.stdout).get("error"))
                return "busy" not in (answers[-1] or "")  # with the end of the one before

            wait_until(answered, "a free server", DEADLINE_S)
            assert answers[-1] is None, (where, udp)


@pytest.mark.root
def test_a_second_server_stands_beside_the_first(net, tmp_path):
    net.serve(log=tmp_path / "second.log", http_port=8081, iperf_ports=[5211])
    assert status(net.server_host, 8080) == status(net.server_host, 8081) == 200


def test_where_nothing_is_shaped_no_rate_can_change(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with OperatorNetworks(LINKS[:1]) as nets, pytest.raises(network.NetworkError):
        nets["viettel"].black_hole()


@pytest.mark.root
def test_three_operators_at_once_each_have_their_own_rate(tmp_path):
    links = [
        OperatorLink("a", 1000, 500),
        OperatorLink("b", 300, 1000),
        OperatorLink("c", 60, 20),
    ]
    reverse = {"a": ["-R"], "b": [], "c": ["-R"]}
    expected = {"a": 1000e6, "b": 1000e6, "c": 60e6}

    def rates(nets) -> dict[str, float]:
        clients = {}
        for name, more in reverse.items():
            net = nets[name]
            where = ["-c", net.server_host, "-p", str(net.iperf_port), "--bind-dev", net.interface]
            command = ["iperf3", "-J", *where, "-P", "4", "-O", "1", "-t", "2", *more]
            clients[name] = subprocess.Popen(command, stdout=subprocess.PIPE)
        return {
            name: json.loads(client.communicate(timeout=DEADLINE_S)[0])["end"]["sum_received"][
                "bits_per_second"
            ]
            for name, client in clients.items()
        }

    with OperatorNetworks(links) as nets:
        for name in reverse:
            nets[name].serve(log=tmp_path / name)
        measured = rates(nets)
        if measured != pytest.approx(expected, rel=0.05):
            measured = rates(nets)  # the machine is shared: disturbed once, wrong twice
        assert measured == pytest.approx(expected, rel=0.05)
