"""The server's answers, on real sockets."""

import email.utils
import http.client
import json
import logging
import socket
import socketserver
import threading
import time
from contextlib import suppress

import pytest

from sim.parts import wait_until
from sim.server import HttpServer, listener
from sim.server import http as served
from sim.server.control import Control
from sim.server.listener import Services
from sim.server.slots import Slots

DEADLINE_S = 20.0
TOKEN = "0123456789abcdef"  # noqa: S105 - a test's


@pytest.fixture
def content(tmp_path):
    (tmp_path / "a.m4s").write_bytes(bytes(range(100)))
    (tmp_path / "empty.ts").write_bytes(b"")
    return tmp_path


@pytest.fixture
def server(content):
    services = Services(
        slots=Slots(iperf_ports=[5201], http=1), control=Control(TOKEN), content=content
    )
    with HttpServer("127.0.0.1", services=services) as server:
        yield server


@pytest.fixture
def connection(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_S)
    yield connection
    connection.close()


@pytest.fixture
def bare():
    with HttpServer("127.0.0.1") as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_S)
        yield connection
        connection.close()


def ask(connection, method, target, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, body, headers)
    response = connection.getresponse()
    return response, response.read()


def raw(port: int, request: bytes) -> bytes:
    """What comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as stream:
        stream.sendall(request)
        answer = b""
        while piece := stream.recv(1 << 16):
            answer += piece
        return answer


def slot(connection, method="iperf3", seconds=30):
    body = json.dumps({"probe": "dn-01", "method": method, "seconds": seconds})
    response, answer = ask(connection, "POST", "/slots", body)
    return response, json.loads(answer)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/empty", 200),
        ("GET", "/generate_204", 204),
        ("GET", "/bytes/10", 200),
        ("GET", "/bytes/x", 400),
        ("GET", "/nothing", 404),
        ("GET", "/status", 200),
        ("GET", "/video/dash/1080p/manifest.mpd", 200),
        ("GET", "/video/hls/2160p/master.m3u8?segments=x", 400),
        ("GET", "/content/a.m4s", 200),
        ("GET", "/content/../a.m4s", 404),
        ("HEAD", "/content/a.m4s", 200),
        ("HEAD", "/bytes/10", 200),
        ("POST", "/nothing", 404),
        ("PUT", "/sink", 200),
        ("DELETE", "/slots/x", 404),
        ("PATCH", "/sink", 501),
    ],
)
def test_every_answer_has_its_status_and_a_date(connection, method, target, status):
    response, _ = ask(connection, method, target)
    assert response.status == status
    said = email.utils.parsedate_to_datetime(response.headers["Date"]).timestamp()
    assert abs(said - time.time()) < 5
    assert "Python" not in response.headers["Server"]


def test_a_captive_portal_check_finds_no_body_and_no_length(connection):
    response, body = ask(connection, "GET", "/generate_204")
    assert (response.status, body, response.headers["Content-Length"]) == (204, b"", None)


def test_ranges_of_the_same_bytes_fit_together(connection):
    size = 5_000_000  # longer than the pool
    _, whole = ask(connection, "GET", f"/bytes/{size}")
    for start, end in ((0, 0), (4_194_300, 4_194_310), (4_900_000, size - 1)):
        response, part = ask(connection, "GET", f"/bytes/{size}", Range=f"bytes={start}-{end}")
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes {start}-{end}/{size}"
        assert part == whole[start : end + 1]


def test_a_range_beyond_the_end_is_416_with_the_size(connection):
    for target, size in (("/bytes/10", 10), ("/content/a.m4s", 100)):
        response, _ = ask(connection, "GET", target, Range="bytes=1000-")
        assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{size}")


def test_a_file_is_sent_whole_or_in_part_with_its_type(connection):
    response, body = ask(connection, "GET", "/content/a.m4s")
    assert (response.headers["Content-Type"], body) == ("video/iso.segment", bytes(range(100)))
    response, body = ask(connection, "GET", "/content/a.m4s", Range="bytes=10-19")
    assert (response.status, body) == (206, bytes(range(10, 20)))
    assert ask(connection, "GET", "/content/empty.ts")[1] == b""


def test_an_upload_of_known_length_is_counted(connection):
    for size in (0, 1, 3_000_000):
        _, body = ask(connection, "POST", "/sink", bytes(size))
        assert json.loads(body) == {"received_bytes": size}


def test_a_chunked_upload_is_counted(connection):
    pieces = (bytes(size) for size in (1, 100_000, 70_000))
    connection.request("PUT", "/sink", pieces, encode_chunked=True)
    response = connection.getresponse()
    assert json.loads(response.read()) == {"received_bytes": 170_001}


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(server):
    answer = raw(
        server.port,
        b"POST /sink HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    )
    assert answer.startswith(b"HTTP/1.1 100 Continue")
    assert answer.endswith(b'{"received_bytes":5}')


def test_a_body_without_an_end_is_refused_and_the_connection_closed(server):
    answer = raw(server.port, b"POST /sink HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411")
    assert b"Connection: close" in answer


def test_a_body_where_none_belongs_is_not_the_next_request(server):
    smuggled = b"GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"
    length = str(len(smuggled)).encode()
    answer = raw(
        server.port,
        b"GET /empty HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n" + smuggled,
    )
    assert answer.count(b"HTTP/1.1") == 1


def test_an_upload_that_falls_silent_is_ended(server, monkeypatch):
    monkeypatch.setattr(served, "BODY_IDLE_S", 0.2)
    begun = time.monotonic()
    assert raw(server.port, b"POST /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n") == b""
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("limit", "beginning"),
    [
        ("IDLE_TIMEOUT_S", b"GET /empty HTTP/1.1\r\nX: "),
        ("MAX_REQUEST_S", b"POST /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n"),
    ],
)
def test_who_sends_a_byte_now_and_then_is_ended_too(server, monkeypatch, limit, beginning):
    monkeypatch.setattr(served, limit, 0.5)
    ended = threading.Event()
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as stream:

        def dribble() -> None:
            while not ended.wait(0.1):
                try:
                    stream.sendall(b"x")
                except OSError:
                    return

        stream.sendall(beginning)
        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            begun = time.monotonic()
            with suppress(ConnectionResetError):
                assert stream.recv(100) == b""
            assert time.monotonic() - begun < 5
        finally:
            ended.set()
            thread.join()


def test_a_slot_is_one_port_for_one_probe_until_it_is_given_back(connection):
    response, lease = slot(connection)
    assert response.status == 201
    assert (lease["iperf_port"], lease["expires_in_s"]) == (5201, 30)
    response, refusal = slot(connection)
    assert (response.status, refusal) == (503, {"error": "busy"})
    assert 1 <= int(response.headers["Retry-After"]) <= 30
    _, status = ask(connection, "GET", "/status")
    assert json.loads(status) == {"slots": 2, "busy": 1, "control": None}
    response, _ = ask(connection, "DELETE", f"/slots/{lease['slot']}")
    assert response.status == 204
    response, _ = ask(connection, "DELETE", f"/slots/{lease['slot']}")
    assert response.status == 404
    assert slot(connection)[0].status == 201


def test_an_http_slot_names_no_port(connection):
    assert slot(connection, "http")[1]["iperf_port"] is None


def test_what_is_no_request_for_a_slot_is_a_bad_one(connection):
    for body in (b"", b"{", b'{"probe":"x"}', b"[" * 4000):
        response, _ = ask(connection, "POST", "/slots", body)
        assert response.status == 400
    response, _ = ask(connection, "POST", "/slots", bytes(5000))
    assert response.status == 413


def test_a_server_without_slots_has_none_to_ask_for(bare):
    response, _ = slot(bare)
    assert response.status == 404
    assert ask(bare, "DELETE", "/slots/x")[0].status == 404
    _, status = ask(bare, "GET", "/status")
    assert json.loads(status) == {"slots": 0, "busy": 0, "control": None}


def test_a_control_test_is_told_to_everybody(connection):
    rates = {"down_bits_per_second": 9e8, "up_bits_per_second": 4e8}
    response, _ = ask(
        connection, "PUT", "/control", json.dumps(rates), Authorization=f"Bearer {TOKEN}"
    )
    assert response.status == 204
    state = json.loads(ask(connection, "GET", "/status")[1])["control"]
    assert 0 <= state.pop("age_s") < 10
    assert state == rates


def test_a_control_test_by_a_stranger_is_refused_and_no_token_is_logged(connection, caplog):
    caplog.set_level(logging.DEBUG)
    rates = json.dumps({"down_bits_per_second": 1, "up_bits_per_second": 1})
    response, _ = ask(connection, "PUT", "/control", rates)
    assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert ask(connection, "PUT", "/control", rates, Authorization="Bearer x")[0].status == 401
    authorization = f"Bearer {TOKEN}"
    for body in ("{}", '{"down_bits_per_second": -1, "up_bits_per_second": 1}'):
        response, _ = ask(connection, "PUT", "/control", body, Authorization=authorization)
        assert response.status == 400
    assert json.loads(ask(connection, "GET", "/status")[1])["control"] is None
    assert TOKEN not in caplog.text


def test_without_a_token_there_is_no_control(bare):
    rates = json.dumps({"down_bits_per_second": 1, "up_bits_per_second": 1})
    assert ask(bare, "PUT", "/control", rates, Authorization="Bearer ")[0].status == 404


def test_all_addresses_are_served_over_ipv4_and_ipv6():
    with HttpServer("::") as server:
        for host in ("127.0.0.1", "::1"):
            connection = http.client.HTTPConnection(host, server.port, timeout=DEADLINE_S)
            assert ask(connection, "GET", "/empty")[0].status == 200
            connection.close()


def test_an_upload_is_taken_far_faster_than_a_gigabit(server):
    size, piece = 1 << 27, bytes(1 << 18)
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as stream:
        stream.sendall(b"POST /sink HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        begun = time.monotonic()
        for _ in range(size // len(piece)):
            stream.sendall(piece)
        assert stream.recv(1 << 16).endswith(b'{"received_bytes":%d}' % size)
        assert 8 * size / (time.monotonic() - begun) > 1e9


def test_there_are_only_so_many_connections_and_a_free_place_is_used_again(monkeypatch):
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 2)
    request = b"GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"
    with HttpServer("127.0.0.1") as server:
        address = ("127.0.0.1", server.port)
        with socket.create_connection(address) as one, socket.create_connection(address) as two:
            for stream in (one, two):
                stream.sendall(request)
                assert stream.recv(100).startswith(b"HTTP/1.1 200")
            with socket.create_connection(address) as third, suppress(ConnectionResetError):
                assert third.recv(100) == b""

        def served_again() -> bool:
            with suppress(ConnectionResetError, BrokenPipeError):
                closing = request.replace(b"Host", b"Connection: close\r\nHost")
                return raw(server.port, closing).startswith(b"HTTP/1.1 200")
            return False

        wait_until(served_again, "an answer", DEADLINE_S)


def test_a_connection_for_which_no_thread_is_to_be_had_takes_no_place(monkeypatch):
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 1)

    def exhausted(*_):
        raise RuntimeError("can't start new thread")

    with HttpServer("127.0.0.1") as server:
        with monkeypatch.context() as patch:
            patch.setattr(socketserver.ThreadingMixIn, "process_request", exhausted)
            with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as refused:
                assert refused.recv(100) == b""
        request = b"GET /empty HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n"
        assert raw(server.port, request).startswith(b"HTTP/1.1 200")
