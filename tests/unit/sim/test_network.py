import http.client
import json
import os
import signal
import subprocess
import sys
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
    def refuse(*_):
        raise network.NetworkError("tc", "no such qdisc")

    monkeypatch.setattr(network, "_shape", refuse)
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
