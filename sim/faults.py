"""Faults on demand: a set of names from the command line, replaced by a file while it runs.

The file holds one name a line; writing it replaces the whole set, an empty file means healthy, and
removing it brings back what the command line said. Unknown names are reported once and ignored.
"""

import logging
from collections.abc import Collection, Iterable
from pathlib import Path

_log = logging.getLogger(__name__)

_MAX_FILE_BYTES = 4096


def faults_file(link: Path) -> Path:
    """Where a simulated device looks for faults unless told otherwise: beside its link."""
    return link.with_name(link.name + ".faults")


class FaultSwitch:
    """The faults in force at the moment."""

    def __init__(self, known: Collection[str], initial: Iterable[str], path: Path) -> None:
        """Start with some faults; the file need not be there."""
        self._known = frozenset(known)
        self._initial = frozenset(initial)
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._active = self._initial

    def active(self) -> frozenset[str]:
        """The faults in force; looks at the file only if it was changed."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            if self._seen is not None:
                self._seen = None
                self._active = self._initial
            return self._active
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen != self._seen:
            self._seen = seen
            self._active = self._read()
            _log.info("faults in force: %s", " ".join(sorted(self._active)) or "none")
        return self._active

    def _read(self) -> frozenset[str]:
        try:
            with self._path.open("rb") as file:
                named = set(file.read(_MAX_FILE_BYTES).decode(errors="replace").split())
        except FileNotFoundError:
            return self._initial
        for name in sorted(named - self._known):
            _log.warning("%s: unknown fault %r is ignored", self._path, name)
        return frozenset(named & self._known)
