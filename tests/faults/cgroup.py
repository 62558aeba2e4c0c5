"""A control group of our own: the kernel's limit for memory or threads, of version 1 or 2."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path("/sys/fs/cgroup")
V1_FILES = {"memory.max": "memory.limit_in_bytes"}
NO_LIMIT = {"memory.limit_in_bytes": "-1"}


class NoCgroupError(Exception):
    """This machine lets nobody make one."""


class Cgroup:
    """Limits one controller's file; a context manager. Raises `NoCgroupError`."""

    def __init__(self, limit: str) -> None:
        """`limit` is a file of version 2, such as `memory.max`."""
        controller = limit.partition(".")[0]
        v1 = ROOT / controller
        parent = v1 if v1.is_dir() else ROOT
        self._folder = parent / f"dosong-{os.getpid()}-{controller}"
        self._limit = V1_FILES.get(limit, limit) if v1.is_dir() else limit

    def take(self, pid: int) -> None:
        """Put a process into it, with all its threads."""
        (self._folder / "cgroup.procs").write_text(f"{pid}")

    def limit(self, value: int | None) -> None:
        """From now on; None lifts it."""
        text = NO_LIMIT.get(self._limit, "max") if value is None else f"{value}"
        (self._folder / self._limit).write_text(text)

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir()
        except OSError as error:
            raise NoCgroupError(str(error)) from error
        if not (self._folder / self._limit).exists():
            self._folder.rmdir()
            raise NoCgroupError(f"no {self._limit} in {self._folder.parent}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.rmdir()
