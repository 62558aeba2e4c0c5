"""Files below one folder, for strangers: no way out of it, neither by `..` nor by a link."""

import errno
import os
import stat
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sim.server.resources import NotFoundError

MAX_DEPTH = 16
MAX_NAME_BYTES = 255
TYPES = {
    ".json": "application/json",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".mpd": "application/dash+xml",
    ".ts": "video/mp2t",
}
ANY_TYPE = "application/octet-stream"
ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENXIO})


class OpenFile(NamedTuple):
    """A file to be sent."""

    stream: BinaryIO
    size_bytes: int
    content_type: str


@contextmanager
def open_below(root: Path, path: str) -> Iterator[OpenFile]:
    """The regular file at a quoted path below `root`; raises `NotFoundError` and OSError."""
    *folders, name = _names(path)
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            inner = _open(folder, os.O_RDONLY | os.O_DIRECTORY, here)
            os.close(here)
            here = inner
        # Without O_NONBLOCK a FIFO would block us.
        file = _open(name, os.O_RDONLY | os.O_NONBLOCK, here)
    finally:
        os.close(here)
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        os.close(file)
        raise NotFoundError("no such file")
    with os.fdopen(file, "rb", buffering=0) as stream:
        yield OpenFile(stream, status.st_size, TYPES.get(Path(name).suffix.lower(), ANY_TYPE))


def _names(path: str) -> list[str]:
    names = [urllib.parse.unquote(part, errors="surrogateescape") for part in path.split("/")]
    if len(names) > MAX_DEPTH or not all(map(_is_name, names)):
        raise NotFoundError("no such file")
    return names


def _is_name(name: str) -> bool:
    return (
        0 < len(name) <= MAX_NAME_BYTES and not name.startswith(".") and not set(name) & {"/", "\0"}
    )


def _open(name: str, flags: int, folder: int) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in ABSENT or error.errno == errno.ENAMETOOLONG:
            raise NotFoundError("no such file") from error
        raise
    except UnicodeEncodeError as error:
        raise NotFoundError("no such file") from error
