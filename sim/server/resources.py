"""Request targets that ask for a number of bytes, and the part of them a `Range` asks for.

No I/O. Everything here comes from strangers.
"""

import re
import urllib.parse
from typing import NamedTuple

MAX_BODY_BYTES = 1 << 40
RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
DECIMAL = re.compile(r"\d{1,13}", re.ASCII)
MAX_INDEX_DIGITS = 6


class BadRequestError(ValueError):
    """The request asks for nothing we serve."""


class NotFoundError(BadRequestError):
    """There is no such resource."""


class UnsatisfiableRangeError(ValueError):
    """The range lies outside the body (RFC 9110, 15.5.17)."""


class Part(NamedTuple):
    """Some bytes of a body: from `start`, `size` of them."""

    start: int
    size: int


def body_bytes(target: str) -> int:
    """Size of the answer to a request target; raises `BadRequestError`."""
    url = split(target)
    match url.path.strip("/").split("/"):
        case ["empty"]:
            return 0
        case ["bytes", size]:
            return _size(size)
        case ["segment", height, index] if _is_index(height) and _is_index(index):
            return _size(first(url.query, "bytes") or "")
        case _:
            raise NotFoundError(f"no such resource: {url.path[:80]}")


def split(target: str) -> urllib.parse.SplitResult:
    """A request target in its parts; raises `BadRequestError`."""
    try:
        return urllib.parse.urlsplit(target)
    except ValueError as error:
        raise BadRequestError(f"no target: {error}") from error


def first(query: str, name: str) -> str | None:
    """The first value of a name in a query; None without one. Raises `BadRequestError`."""
    try:
        return urllib.parse.parse_qs(query, max_num_fields=16).get(name, [None])[0]
    except ValueError as error:
        raise BadRequestError("too many fields in the query") from error


def asked_part(header: str | None, size: int) -> Part | None:
    """What a `Range` header asks of a body of `size` bytes; None: all of it.

    RFC 9110, 14.2: what is malformed, of another unit or of several parts is ignored. Raises
    `UnsatisfiableRangeError`.
    """
    found = RANGE.fullmatch((header or "").replace(" ", ""))
    if found is None or found[0] == "bytes=-":
        return None
    start_text, end_text = found.groups()
    if not start_text:
        start, end = max(0, size - int(end_text)), size - 1
    else:
        start, end = int(start_text), min(int(end_text or size - 1), size - 1)
        if end_text and int(end_text) < start:
            return None
    if start > end:
        raise UnsatisfiableRangeError(f"{header} of {size} bytes")
    return Part(start, end - start + 1)


def _is_index(text: str) -> bool:
    return DECIMAL.fullmatch(text) is not None and len(text) <= MAX_INDEX_DIGITS


def _size(text: str) -> int:
    if DECIMAL.fullmatch(text) is None or int(text) > MAX_BODY_BYTES:
        raise BadRequestError(f"not a number of bytes up to {MAX_BODY_BYTES}: {text[:40]!r}")
    return int(text)
