"""Byte ranges over HTTP, and a connection after a failed transfer."""

import threading

import pytest

from drivers.traffic import NetPath
from drivers.traffic.http import CHUNK_BYTES, Fuse, HttpConnection
from drivers.traffic.netpath import resolve
from drivers.traffic.result import TrafficError
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


def _refuse(_: bytes) -> None:
    raise TrafficError("probe", "enough")
