"""Bodies as they come over the wire, whole and in pieces."""

import io
import time
from email.message import Message

import pytest

from sim.server import bodies
from sim.server.bodies import BodyEndedError, BodyError, discard, read_small

CHUNKED = {"Transfer-Encoding": "chunked"}


class Dribble(io.RawIOBase):
    """A socket that has one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, into) -> int:
        byte = self._data.read(1)
        into[: len(byte)] = byte
        return len(byte)


@pytest.fixture(params=["whole", "in pieces"])
def stream(request):
    def make(data: bytes) -> io.BufferedReader:
        raw = io.BytesIO(data) if request.param == "whole" else Dribble(data)
        return io.BufferedReader(raw)

    return make


def headers(**named: str) -> Message:
    message = Message()
    for name, value in named.items():
        message[name.replace("_", "-")] = value
    return message


def discarded(stream: io.BufferedReader, **named: str) -> int:
    return discard(stream, headers(**named), memoryview(bytearray(8)))


def test_a_body_of_known_length_is_read_to_its_end_and_no_further(stream):
    body = stream(b"x" * 20 + b"GET")
    assert discarded(body, Content_Length="20") == 20
    assert body.read() == b"GET"


def test_chunks_are_counted_without_their_sizes(stream):
    body = stream(b"5\r\nhello\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET")
    assert discarded(body, Transfer_Encoding="chunked") == 15
    assert body.read() == b"GET"


def test_no_bytes_are_a_body_too(stream):
    assert discarded(stream(b""), Content_Length="0") == 0
    assert discarded(stream(b"0\r\n\r\n"), Transfer_Encoding="chunked") == 0


@pytest.mark.parametrize(
    ("status", "named"),
    [
        (411, {}),
        (400, {"Content_Length": "-1"}),
        (400, {"Content_Length": "1_0"}),
        (400, {"Content_Length": "٣"}),
        (413, {"Content_Length": "9" * 30}),
        (413, {"Content_Length": str(bodies.MAX_SINK_BYTES + 1)}),
        (400, {"Transfer_Encoding": "gzip"}),
        (400, {"Transfer_Encoding": "chunked", "Content_Length": "5"}),
    ],
)
def test_a_header_that_says_no_size_is_refused(stream, status, named):
    with pytest.raises(BodyError) as refused:
        discarded(stream(b""), **named)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"-5\r\nhello\r\n",
        b"5 5\r\nhello\r\n",
        b"5\r\nhelloo\r\n",
        b"1" * 100 + b"\r\n",
        b"1;" + b"e" * 5000 + b"\r\n",
        b"0\r\n" + b"T: x\r\n" * 100,
    ],
)
def test_chunks_that_are_none_are_refused(stream, data):
    with pytest.raises(BodyError):
        discarded(stream(data), Transfer_Encoding="chunked")


@pytest.mark.parametrize("data", [b"", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"0\r\n"])
def test_a_client_that_leaves_within_its_body_is_told_from_one_that_ended(stream, data):
    with pytest.raises(BodyEndedError):
        discarded(stream(data), Transfer_Encoding="chunked")


def test_the_sum_of_the_chunks_is_bounded(stream, monkeypatch):
    monkeypatch.setattr(bodies, "MAX_SINK_BYTES", 9)
    with pytest.raises(BodyError) as refused:
        discarded(stream(b"5\r\nhello\r\n" * 2), Transfer_Encoding="chunked")
    assert refused.value.status == 413


def test_a_body_that_is_kept_is_small(stream):
    assert read_small(stream(b"hello"), headers(Content_Length="5")) == b"hello"
    assert read_small(stream(b"5\r\nhello\r\n0\r\n\r\n"), headers(**CHUNKED)) == b"hello"
    assert read_small(stream(b""), headers()) == b""
    for named in ({"Content-Length": "4097"}, CHUNKED):
        with pytest.raises(BodyError):
            read_small(stream(b"1001\r\n"), headers(**named))


def test_a_large_body_costs_little_more_than_its_reads():
    size = 1 << 28
    with open("/dev/zero", "rb") as zeros:  # noqa: PTH123 - as a stream
        begun = time.thread_time()
        assert (
            discard(zeros, headers(Content_Length=str(size)), memoryview(bytearray(1 << 18)))
            == size
        )
        assert time.thread_time() - begun < 8 * size / 2e9
