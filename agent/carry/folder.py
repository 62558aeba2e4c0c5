"""A folder on a foreign disk: a stick that is pulled out at any moment and whose files lie.

No link on it is followed, nothing but regular files is opened, and a file has its name only once
all of it is on the disk.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

DRAFT = "dosong.part"
MOST_NAMES = 50_000
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY


class Folder:
    """An open folder. Every method may raise OSError, as disks do that are pulled out."""

    def __init__(self, path: Path, *, handle: int | None = None) -> None:
        """Open `path`, or go by a folder that is open already."""
        self.path = path
        self._handle = os.open(path, _FOLDER) if handle is None else handle

    @property
    def device(self) -> int:
        """Number of the file system it is on, as `os.stat` says it."""
        return os.fstat(self._handle).st_dev

    def inside(self, name: str) -> Self:
        """A folder in this one, made where it is not there."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self._handle)
            os.fsync(self._handle)
        handle = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self._handle)
        return type(self)(self.path / name, handle=handle)

    def claim(self) -> None:
        """Be the only one who writes here until closed; BlockingIOError where somebody else is."""
        fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def names(self) -> list[str]:
        """What lies in it, in order; of a folder that was filled to do harm only a part."""
        with os.scandir(self._handle) as entries:
            return sorted(entry.name for entry in islice(entries, MOST_NAMES))

    def has_file(self, name: str) -> bool:
        """Whether there is a regular file of this name."""
        try:
            found = os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISREG(found.st_mode)

    def free_bytes(self) -> int:
        """What is left for us on its file system."""
        disk = os.fstatvfs(self._handle)
        return disk.f_bavail * disk.f_frsize

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """A regular file; anything else is an OSError at once, also what blocks when opened."""
        handle = os.open(name, _READ | os.O_NONBLOCK, dir_fd=self._handle)
        with open(handle, "rb") as stream:  # noqa: PTH123  # by its handle
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(f"{name} is no regular file")
            yield stream

    @contextmanager
    def draft(self) -> Iterator[BinaryIO]:
        """A file without a name of its own yet: gone at the end unless `keep` gave it one."""
        self.remove(DRAFT)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(DRAFT, flags, 0o644, dir_fd=self._handle)
        try:
            with open(handle, "wb", buffering=0) as stream:  # noqa: PTH123  # by its handle
                yield stream
        finally:
            # A disk that is gone keeps it, under a name that nobody takes for a record file.
            with suppress(OSError):
                self.remove(DRAFT)

    def keep(self, draft: BinaryIO, name: str) -> None:
        """Give the draft its name; on return both are on the disk."""
        os.fsync(draft.fileno())
        os.replace(DRAFT, name, src_dir_fd=self._handle, dst_dir_fd=self._handle)
        os.fsync(self._handle)

    def write(self, name: str, content: bytes) -> None:
        """Replace a small file; on return it is on the disk."""
        with self.draft() as stream:
            write_all(stream, content)
            self.keep(stream, name)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._handle)

    def close(self) -> None:
        """Let go of it, so that the disk can be unmounted."""
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def write_all(stream: BinaryIO, content: bytes) -> None:
    """Unbuffered streams may take a part only: what fits before the disk is full."""
    left = memoryview(content)
    while left:
        left = left[stream.write(left) :]
