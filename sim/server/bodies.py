"""Bodies of requests: read and thrown away as fast as they come, or small ones kept."""

import re
from collections.abc import Iterator
from email.message import Message
from http import HTTPStatus
from io import BufferedReader

MAX_SINK_BYTES = 1 << 37
"""A minute at 10 Gbit/s, and more."""
MAX_KEPT_BYTES = 4096
MAX_LINE_BYTES = 4096
MAX_TRAILERS = 32
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?\r?\n")
LENGTH = re.compile(r"\d{1,13}", re.ASCII)


class BodyError(Exception):
    """A body that is not taken; the connection cannot be used any further."""

    def __init__(self, status: HTTPStatus, what: str) -> None:
        """Keep both fields."""
        super().__init__(what)
        self.status = status
        self.what = what


class BodyEndedError(Exception):
    """The client left in the middle of its body."""


def has_body(headers: Message) -> bool:
    """Whether the request says that a body follows."""
    return "Transfer-Encoding" in headers or headers.get("Content-Length", "0").strip() != "0"


def discard(stream: BufferedReader, headers: Message, buffer: memoryview) -> int:
    """Read the body into `buffer` again and again; its size. Raises `BodyError`."""
    if _is_chunked(headers):
        received = 0
        for size in _chunk_sizes(stream):
            received += size
            if received > MAX_SINK_BYTES:
                raise _too_large(MAX_SINK_BYTES)
            _skip(stream, size, buffer)
        return received
    size = _length(headers, MAX_SINK_BYTES)
    _skip(stream, size, buffer)
    return size


def read_small(stream: BufferedReader, headers: Message) -> bytes:
    """A body to be understood, of at most `MAX_KEPT_BYTES`; raises `BodyError`."""
    if _is_chunked(headers):
        body = b""
        for size in _chunk_sizes(stream):
            if len(body) + size > MAX_KEPT_BYTES:
                raise _too_large(MAX_KEPT_BYTES)
            body += _exactly(stream, size)
        return body
    if not has_body(headers):
        return b""
    return _exactly(stream, _length(headers, MAX_KEPT_BYTES))


def _is_chunked(headers: Message) -> bool:
    encoding = headers.get("Transfer-Encoding")
    if encoding is None:
        return False
    if encoding.strip().lower() != "chunked" or "Content-Length" in headers:
        raise BodyError(HTTPStatus.BAD_REQUEST, "Transfer-Encoding: chunked alone, or a length")
    return True


def _length(headers: Message, most_bytes: int) -> int:
    texts = set(headers.get_all("Content-Length", []))
    if not texts:
        raise BodyError(HTTPStatus.LENGTH_REQUIRED, "neither a Content-Length nor chunked")
    text = texts.pop().strip()
    if texts or not text.isdecimal() or not text.isascii():
        raise BodyError(HTTPStatus.BAD_REQUEST, "Content-Length: not a number")
    if LENGTH.fullmatch(text) is None or int(text) > most_bytes:
        raise _too_large(most_bytes)
    return int(text)


def _too_large(most_bytes: int) -> BodyError:
    return BodyError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {most_bytes} bytes")


def _chunk_sizes(stream: BufferedReader) -> Iterator[int]:
    """The size of each chunk, whose bytes the caller reads before he asks for the next."""
    while True:
        found = CHUNK_SIZE.fullmatch(_line(stream))
        if found is None:
            raise BodyError(HTTPStatus.BAD_REQUEST, "not the size of a chunk")
        size = int(found[1], 16)
        if size == 0:
            break
        yield size
        if _line(stream) not in {b"\r\n", b"\n"}:
            raise BodyError(HTTPStatus.BAD_REQUEST, "a chunk is longer than its size")
    for _ in range(MAX_TRAILERS):
        if _line(stream) in {b"\r\n", b"\n"}:
            return
    raise BodyError(HTTPStatus.BAD_REQUEST, "too many trailers")


def _line(stream: BufferedReader) -> bytes:
    line = stream.readline(MAX_LINE_BYTES)
    if not line:
        raise BodyEndedError
    return line


def _skip(stream: BufferedReader, size: int, buffer: memoryview) -> None:
    while size > 0:
        read = stream.readinto1(buffer[: min(size, len(buffer))])
        if not read:
            raise BodyEndedError
        size -= read


def _exactly(stream: BufferedReader, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise BodyEndedError
    return data
