"""Files on a foreign disk: what may be read of them, and what of it may be believed.

A stick may hold links to our own files, pipes that block whoever opens them, a few bytes that
unpack into all of memory - or simply a bad spot. Of a frame with a checksum nothing is believed
that the checksum does not confirm: a digit that a bad spot has turned would be stored for good,
and the right row refused as a duplicate.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import zstandard

from wire.frames import CHUNK_BYTES, Frames

MAX_UNPACKED_BYTES = 4 << 30
"""Of one packed file: more than a probe's whole outbox."""


class Check(NamedTuple):
    """What is known of a packed file after it was read once."""

    believed_bytes: int
    """So much of it, unpacked and from the beginning, is as it was written."""
    size: int
    """As it lies on the disk."""
    sha256: str
    problem: str | None
    """Why not all of it is believed."""


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """A regular file and no link to one; OSError for anything else, at once."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    handle = os.open(file, flags)
    with open(handle, "rb") as stream:  # noqa: PTH123  # by its handle
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError("not a regular file")
        yield stream


def check(stream: BinaryIO) -> Check:
    """Read a packed file to its end, and go back to its beginning. Raises OSError."""
    digest = hashlib.sha256()
    size = 0

    def chunks() -> Iterator[bytes]:
        nonlocal size
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            yield chunk

    source = chunks()
    frames = Frames(source)
    problem = None
    try:
        for _ in frames:
            if frames.size > MAX_UNPACKED_BYTES:
                problem = f"unpacks to more than {MAX_UNPACKED_BYTES >> 30} GiB"
                break
        else:
            problem = frames.cut()
    except zstandard.ZstdError as error:
        problem = f"damaged: {error}"
    believed = frames.size if problem is None else frames.believed
    for _ in source:
        """The digest is that of the whole file."""
    stream.seek(0)
    return Check(believed, size, digest.hexdigest(), problem)


def unpacked(stream: BinaryIO, believed_bytes: int) -> Iterator[bytes]:
    """So much of a packed file that `check` has read."""
    left = believed_bytes
    for piece in Frames(iter(lambda: stream.read(CHUNK_BYTES), b"")):
        if len(piece) >= left:
            yield piece[:left]
            return
        left -= len(piece)
        yield piece
