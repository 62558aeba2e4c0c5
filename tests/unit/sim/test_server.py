import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from contextlib import contextmanager

import pytest

from sim.cli import main
from sim.parts import ReservedPort, wait_until
from sim.server import BadRequestError, HttpServer, IperfServer, body_bytes, is_listening
from sim.server.iperf import MAX_LOG_BYTES, is_idle

DEADLINE_S = 20.0


@pytest.fixture
def server():
    with HttpServer("127.0.0.1") as server:
        yield server


@pytest.fixture
def connection(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_S)
    yield connection
    connection.close()


def got(connection, target):
    connection.request("GET", target)
    response = connection.getresponse()
    return response.status, response.read()


@pytest.mark.parametrize(
    ("target", "size"),
    [
        ("/empty", 0),
        ("/bytes/0", 0),
        ("/bytes/100000", 100_000),
        ("/segment/1080/0?bytes=2500000", 2_500_000),
        ("/segment/2160/17?x=1&bytes=5", 5),
    ],
)
def test_a_target_names_its_size(target, size):
    assert body_bytes(target) == size


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/bytes",
        "/bytes/-1",
        "/bytes/1e9",
        "/bytes/²",
        f"/bytes/{10**30}",
        "/segment/1080/0",
        "/segment/1080/0?bytes=x",
        "/segment/hd/0?bytes=1",
        "/etc/passwd",
    ],
)
def test_what_is_not_served_is_a_bad_request(target):
    with pytest.raises(BadRequestError):
        body_bytes(target)


def test_bodies_have_exactly_the_size_asked_for_on_one_connection(connection):
    for size in (0, 1, 65_536, 5_000_000):
        status, body = got(connection, f"/bytes/{size}")
        assert (status, len(body)) == (200, size)


def test_bodies_cannot_be_compressed(connection):
    _, body = got(connection, "/bytes/1000000")
    assert len(zlib.compress(body)) >= len(body)


def test_a_bad_request_is_answered_as_one(connection):
    status, _ = got(connection, "/bytes/many")
    assert status == 400


def test_a_client_that_leaves_early_disturbs_nobody(server, connection, capfd):
    with socket.create_connection(("127.0.0.1", server.port)) as rude:
        rude.sendall(b"GET /bytes/1000000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        rude.recv(1000)
    assert got(connection, "/empty") == (200, b"")
    assert "Traceback" not in capfd.readouterr().err


def test_one_connection_carries_far_more_than_two_hundred_megabits(connection):
    begun = time.monotonic()
    _, body = got(connection, "/bytes/50000000")
    assert 8 * len(body) / (time.monotonic() - begun) > 200e6


def iperf3(port):
    done = subprocess.run(
        ["iperf3", "-c", "127.0.0.1", "-p", str(port), "-n", "1M", "-J"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return json.loads(done.stdout)


def test_iperf_is_real_and_comes_back_when_it_dies(tmp_path):
    with (
        ReservedPort() as port,
        IperfServer("127.0.0.1", port.number, log=tmp_path / "log") as server,
    ):
        assert "error" not in iperf3(port.number)
        first = server.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: server.starts == 2, "second start", DEADLINE_S)
        wait_until(lambda: is_listening(port.number), "listening", DEADLINE_S)
        assert server.pid != first
        assert "error" not in iperf3(port.number)
    assert not is_listening(port.number)


def test_what_iperf_tells_does_not_fill_the_disk(tmp_path):
    log = tmp_path / "log"
    with ReservedPort() as port, IperfServer("127.0.0.1", port.number, log=log):
        with log.open("ab") as more:
            more.write(bytes(MAX_LOG_BYTES + 1))
        wait_until(lambda: log.stat().st_size < MAX_LOG_BYTES, "a shorter log", DEADLINE_S)
        assert "error" not in iperf3(port.number)
        assert b"\0" not in log.read_bytes()


@contextmanager
def started(*words):
    """The command, listening: the process and what it said."""
    command = [sys.executable, "-m", "sim", "server", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        killer = threading.Timer(DEADLINE_S, process.kill)
        killer.start()
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait()  # the killer sees to it
            killer.cancel()


def test_the_command_says_when_everything_listens_and_ends_on_sigterm():
    with ReservedPort() as iperf_port:
        with started("--http", 0, "--iperf", iperf_port.number) as (process, ready):
            assert ready["iperf"] == [iperf_port.number]
            assert ready["slots"] == 2
            assert is_listening(iperf_port.number)
            assert is_listening(ready["http"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        assert not is_listening(iperf_port.number)


def test_the_command_offers_what_its_options_say(tmp_path):
    (tmp_path / "token").write_text("0123456789abcdef\n")
    (tmp_path / "film.mp4").write_bytes(b"film")
    options = ["--content", tmp_path, "--control-token-file", tmp_path / "token"]
    with started("--http", 0, "--http-slots", 3, *options) as (_, ready):
        assert ready["slots"] == 3
        connection = http.client.HTTPConnection("127.0.0.1", ready["http"], timeout=DEADLINE_S)
        assert got(connection, "/content/film.mp4") == (200, b"film")
        assert json.loads(got(connection, "/status")[1])["slots"] == 3
        rates = '{"down_bits_per_second": 2, "up_bits_per_second": 1}'
        authorization = {"Authorization": "Bearer 0123456789abcdef"}
        connection.request("PUT", "/control", rates, authorization)
        assert connection.getresponse().status == 204
        connection.close()


@pytest.fixture
def weak_token(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weak").write_text("secret")
    return "secret"


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--iperf", "1", "--slots", "2"], 2, "--slots: from 0 to"),
        (["--http", "0", "--http-slots", "-1"], 2, "--http-slots: from 0 to"),
        (["--iperf", "1", "--content", "."], 2, "need --http"),
        (["--http", "0", "--content", "absent"], 2, "no folder absent"),
        (["--http", "0", "--control-token-file", "absent"], 1, "absent"),
        (["--http", "0", "--control-token-file", "weak"], 1, "weak: not a token"),
        (["--http", "0", "--bind", "192.0.2.1"], 1, "assign"),
    ],
)
def test_what_cannot_be_served_is_said(words, code, what, weak_token, capsys):
    assert main(["server", *words]) == code
    said = capsys.readouterr()
    assert what in said.err
    assert weak_token not in said.err + said.out


def slot(connection):
    body = json.dumps({"probe": "dn-01", "method": "iperf3", "seconds": 5})
    connection.request("POST", "/slots", body)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_a_port_is_leased_only_when_the_test_before_is_over():
    with ReservedPort() as port, started("--http", 0, "--iperf", port.number) as (_, ready):
        connection = http.client.HTTPConnection("127.0.0.1", ready["http"], timeout=DEADLINE_S)
        client = ["iperf3", "-c", "127.0.0.1", "-p", str(port.number), "-t", "30"]
        with subprocess.Popen(client, stdout=subprocess.DEVNULL) as stranger:
            wait_until(lambda: not is_idle(port.number), "the stranger's test", DEADLINE_S)
            assert slot(connection) == (503, {"error": "busy"})
            stranger.send_signal(signal.SIGINT)
        wait_until(lambda: slot(connection)[0] == 201, "a slot", DEADLINE_S)
        assert "error" not in iperf3(port.number)
        connection.close()


def test_the_command_needs_something_to_serve():
    done = subprocess.run(
        [sys.executable, "-m", "sim", "server"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "dosong-sim server: give --http or --iperf\n")
