"""A small disk of its own: ext4 on a loop device, to be filled, broken and counted. Needs root."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.parts import run_command

SECTOR_BYTES = 512
KEPT_FOR_ROOT = "0"
"""Per cent of the blocks: none, so that full is full for every user."""


class Disk:
    """Mounted at `path` for the length of a context."""

    def __init__(
        self, folder: Path, *, size_bytes: int = 16 << 20, options: str = "defaults"
    ) -> None:
        self.path = folder / "disk"
        self._image = folder / "disk.img"
        self._size_bytes = size_bytes
        self._options = options
        self._loop = ""

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(self._size_bytes)
        laid_out = "lazy_itable_init=0,lazy_journal_init=0"  # nothing is written behind our back
        run_command("mkfs.ext4", "-q", "-F", "-m", KEPT_FOR_ROOT, "-E", laid_out, str(self._image))
        self._loop = run_command("losetup", "--find", "--show", str(self._image)).strip()
        self.mount()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unmount()
        run_command("losetup", "--detach", self._loop)
        self._image.unlink()

    def mount(self) -> None:
        """Mount it, as it was mounted at first."""
        run_command("mount", "-o", self._options, self._loop, str(self.path))

    def unmount(self) -> None:
        """Unmount it, even where somebody has files of it open."""
        run_command("umount", "--lazy", str(self.path))

    def repair(self) -> None:
        """What is done at boot: check it, and mount it again."""
        self.unmount()
        run_command("e2fsck", "-p", "-f", self._loop, fine=(0, 1))
        self.mount()

    def sync(self) -> None:
        """Write down what waits to be."""
        run_command("sync", "--file-system", str(self.path))

    def fail(self) -> None:
        """An error of the file system, on which ext4 gives up writing (`errors=remount-ro`)."""
        name = Path(self._loop).name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test\n", "ascii")

    @property
    def free_bytes(self) -> int:
        """What anybody may still fill."""
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def fill(self, *, leave_bytes: int = 0) -> Path:
        """Let others fill it; the file to be removed to make room again."""
        file = self.path / "of-others"
        with file.open("ab") as stream:
            size = self.free_bytes - leave_bytes
            block = os.statvfs(self.path).f_frsize
            while size >= block:  # the last blocks go into the file's own tables
                try:
                    os.posix_fallocate(stream.fileno(), stream.tell(), size)
                except OSError:
                    size //= 2
                    continue
                stream.seek(0, os.SEEK_END)
                size = min(size, self.free_bytes - leave_bytes)
        return file

    @property
    def written_bytes(self) -> int:
        """All that was written to the device so far, the file system's own part included."""
        fields = Path(f"/sys/block/{Path(self._loop).name}/stat").read_text("ascii").split()
        return int(fields[6]) * SECTOR_BYTES
