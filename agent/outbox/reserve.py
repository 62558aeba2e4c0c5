"""Room on the disk kept for the moment when there is none left.

On a full disk SQLite cannot even delete: the reserve is given up then, so that what is stored can
be delivered and dropped, and made again when there is room for it several times over.
"""

import errno
import os
from pathlib import Path

ROOM_FOR = 4
"""It is made only where so many of its size are free."""
PARTS = 4
"""It is given up in so many."""


class Reserve:
    """A file of `size_bytes` that holds nothing."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    @property
    def there(self) -> bool:
        """Whether there is one, in full."""
        try:
            return self._path.stat().st_blocks * 512 >= self._size_bytes
        except FileNotFoundError:
            return False

    def make(self) -> bool:
        """Make it where there is room and it is not there; whether it is there."""
        if self.there:
            return True
        try:
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize < ROOM_FOR * self._size_bytes:
                return False
            with self._path.open("wb") as stream:
                os.posix_fallocate(stream.fileno(), 0, self._size_bytes)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self._path.unlink(missing_ok=True)
            return False
        return True

    def give_up(self) -> bool:
        """Give up a part of it; whether there was one left.

        In parts, because whoever fills the disk may take each of them before it is used.
        """
        try:
            size_bytes = self._path.stat().st_size
        except FileNotFoundError:
            return False
        left_bytes = size_bytes - self._size_bytes // PARTS
        if left_bytes > 0:
            os.truncate(self._path, left_bytes)
        else:
            self._path.unlink()
        return True
