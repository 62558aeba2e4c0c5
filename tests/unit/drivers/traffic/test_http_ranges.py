"""Byte ranges over HTTP, and a connection after a failed transfer."""

import threading

import pytest

from drivers.traffic import NetPath
from drivers.traffic.http import CHUNK_BYTES, Fuse, HttpConnection
from drivers.traffic.netpath import resolve
from drivers.traffic.result import TrafficError
from tests.unit.drivers.traffic.ends import run_until
from tests.unit.drivers.traffic.films import FilmServer
from wire.messages import Outcome


@pytest.fixture
def connect():
    cancel = threading.Event()
    opened = []

    def make(port):
        address = resolve("127.0.0.1", port, NetPath(), timeout_s=1, cancel=cancel)
        how = {"host": "127.0.0.1", "connect_timeout_s": 1}
        opened.append(HttpConnection(address, NetPath(), fuse, **how))
        return opened[-1]

    with Fuse(cancel, deadline_s=10) as fuse:
        yield make
        for each in opened:
            each.close()


def test_a_range_is_just_these_bytes(connect):
    with FilmServer({"/x": b"0123456789"}) as films:
        heard = []
        transfer = connect(films.port).get(
            "/x", silence_s=1, byte_range=(3, 5), expected_bytes=3, on_piece=heard.append
        )
    assert transfer.complete
    assert b"".join(heard) == b"345"


@pytest.mark.parametrize("told", [b"Content-Range: bytes 4-6/10\r\n", b"Content-Range: x\r\n", b""])
def test_another_range_than_was_asked_for_is_the_servers_fault(connect, misbehaving, told):
    head = b"HTTP/1.1 206 Partial Content\r\n" + told + b"Content-Length: 3\r\n\r\n456"
    connection = connect(misbehaving(head).port)
    transfer = connection.get("/x", silence_s=1, byte_range=(3, 5), expected_bytes=3)
    assert transfer.error.outcome is Outcome.INVALID
    assert transfer.error.reason == "server: sent another byte range"
    assert transfer.payload_bytes == 0


def test_after_a_failed_transfer_the_next_one_gets_a_connection_of_its_own(connect):
    with FilmServer({"/x": bytes(1_000_000), "/y": b"y"}) as films:
        connection = connect(films.port)
        # The rest of the body would be taken for the next answer.
        assert not connection.get("/x", silence_s=1, on_piece=_refuse).complete
        assert connection.get("/y", silence_s=1, expected_bytes=1).complete


def test_no_more_is_read_than_was_asked_for(connect, misbehaving):
    far = misbehaving(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + bytes(900_000))
    transfer = connect(far.port).get("/x", silence_s=1, expected_bytes=100)
    assert transfer.error.outcome is Outcome.INVALID
    assert transfer.error.reason == "server: sent more than 100 bytes"
    assert transfer.payload_bytes <= CHUNK_BYTES


def test_a_connection_that_the_server_closed_while_it_idled_is_opened_again(connect, misbehaving):
    """As web servers do after some seconds, while a player waits for room in its buffer."""
    far = misbehaving(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny", then_close=True)
    connection = connect(far.port)
    assert connection.get("/x", silence_s=1).complete
    run_until(connection._has_ended, "the server closed")
    assert connection.get("/x", silence_s=1).complete


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_http_is_not_the_networks_fault(connect, misbehaving, answer):
    error = connect(misbehaving(answer, then_close=True).port).get("/x", silence_s=1).error
    assert (error.outcome, error.reason) == (Outcome.INVALID, "server: does not speak HTTP")


def test_a_body_in_chunks_that_ends_within_one_was_cut(connect, misbehaving):
    cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc"
    error = connect(misbehaving(cut, then_close=True).port).get("/x", silence_s=1).error
    assert (error.outcome, error.reason) == (Outcome.FAILED, "transfer: closed early")


def _refuse(_: bytes) -> None:
    raise TrafficError("probe", "enough")
