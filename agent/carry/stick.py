"""The thread that sees a stick with a marker file being mounted, and copies the outbox onto it.

A stick may hang in the kernel for minutes: whatever touches it happens in this thread alone, which
no watchdog waits for.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from agent.carry.export import Export, Exported, Progress, Trouble, trouble_of
from agent.carry.folder import Folder
from agent.carry.telling import is_done, note
from agent.outbox.errors import OutboxError
from agent.runtime import Beat, Stop

log = logging.getLogger(__name__)

MARKER = "dosong-stick"
"""A file of this name at its root makes a stick ours, whatever it holds."""
FOLDER = "dosong"
DONE = "DONE.txt"
NOT_DONE = "NOT-DONE.txt"
MOUNTS = Path("/proc/self/mountinfo")
LOOK_EVERY_S = 2.0
MOST_MOUNTS_BYTES = 1 << 20


class RecordsEvents(Protocol):
    """`Recorder.event`, as far as it is used here."""

    def __call__(
        self,
        name: str,
        *,
        severity: str = "info",
        detail: dict[str, str | int | float | bool | None] | None = None,
    ) -> object:
        """Put an event on record."""


class Mount(NamedTuple):
    """A file system where it is mounted."""

    number: int
    """Of the mount: the next time it is plugged in it is another one."""
    device: int
    """Number of the file system, as `os.stat` says it."""
    point: Path
    source: str


class _StoppedError(Exception):
    """The agent ends: what is written is whole, the rest is for the next time."""


class StickWorker:
    """Serves each stick once while it is plugged in."""

    def __init__(
        self,
        export: Export,
        *,
        folders: Sequence[Path],
        record_event: RecordsEvents,
        mounts: Path = MOUNTS,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """Only what is mounted at or below `folders` is ever looked at."""
        self._export = export
        self._folders = tuple(folders)
        self._record_event = record_event
        self._mounts = mounts
        self._look_every_s = look_every_s
        self._known: frozenset[Mount] = frozenset()

    def run(self, stop: Stop, beat: Beat) -> None:
        """Look for sticks until stopped."""
        while not stop.is_set():
            beat()
            # One of each: in a service's sandbox a stick is mounted twice, at the same place.
            mounted = frozenset({mount.device: mount for mount in self._candidates()}.values())
            new = sorted(mounted - self._known)
            self._known &= mounted
            for mount in new:
                # Before it is served: one that makes us fail is not tried again and again.
                self._known |= {mount}
                self._look(mount, stop, beat)
            stop.wait(self._look_every_s)

    def _candidates(self) -> Iterator[Mount]:
        own = {_device_of(Path("/")), _device_of(self._export.outbox.parent)}
        for mount in read_mounts(self._mounts):
            if (
                any(folder in (mount.point, *mount.point.parents) for folder in self._folders)
                and mount.source.startswith("/dev/")
                and mount.device not in own
            ):
                yield mount

    def _look(self, mount: Mount, stop: Stop, beat: Beat) -> None:
        """Copy the outbox onto it, if it asks for that; whatever comes of it is put on record."""

        def go_on(_: Progress) -> None:
            beat()
            if stop.is_set():
                raise _StoppedError

        try:
            with Folder(mount.point) as root:
                # Unmounted meanwhile, its place is a folder of our own card.
                if root.device != mount.device or not root.has_file(MARKER):
                    return
                log.info("%s asks for records", mount.point)
                with root.inside(FOLDER) as folder:
                    told = self._serve(folder, go_on)
        except _StoppedError:
            return
        except OutboxError as error:
            self._tell_failure(Trouble.FAILED, str(error))
        except OSError as error:
            self._tell_failure(trouble_of(error), error.strerror or str(error))
        else:
            self._tell(told)

    def _serve(self, folder: Folder, go_on: Callable[[Progress], None]) -> Exported:
        for name in (DONE, NOT_DONE):
            folder.remove(name)
        told = self._export.into(folder, go_on)
        text = note(told, folder.path, self._export.utc()).encode()
        try:
            folder.write(DONE if is_done(told) else NOT_DONE, text)
        except OSError as error:
            # A disk in trouble takes no note of it either; the event says it.
            if told.trouble is None:
                raise
            log.debug("no note on the stick: %s", error)
        return told

    def _tell(self, told: Exported) -> None:
        if told.trouble is not None:
            self._tell_failure(told.trouble, told.reason, rows=told.rows, files=told.files)
            return
        detail: dict[str, str | int | float | bool | None] = {
            "rows": told.rows,
            "files": told.files,
            "bytes": told.bytes,
            "there_before": told.there,
            "unreadable": told.unreadable,
        }
        self._record_event("carried_out", detail=detail)
        log.info("carried out: %d records in %d files", told.rows, told.files)

    def _tell_failure(
        self, trouble: Trouble, reason: str, *, rows: int = 0, files: int = 0
    ) -> None:
        self._record_event(
            "carry_failed",
            severity="warning",
            detail={"trouble": trouble, "reason": reason, "rows": rows, "files": files},
        )
        log.warning("a stick did not take everything (%s): %s", trouble, reason)


def read_mounts(file: Path) -> list[Mount]:
    """What is mounted, by proc_pid_mountinfo(5); lines that are no such are left out."""
    with file.open("rb") as stream:
        text = os.fsdecode(stream.read(MOST_MOUNTS_BYTES))
    return [mount for line in text.splitlines() if (mount := _mount(line)) is not None]


def _mount(line: str) -> Mount | None:
    mounted, _, behind = line.partition(" - ")
    match (mounted.split(" "), behind.split(" ")):
        case ([number, _, device, _, point, *_], [_, source, *_]):
            major, _, minor = device.partition(":")
            try:
                where = os.makedev(int(major), int(minor))
                return Mount(int(number), where, Path(_plain(point)), _plain(source))
            except ValueError:
                return None
        case _:
            return None


def _plain(text: str) -> str:
    """Blanks and the like are written as octal numbers there."""
    raw = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8) & 0xFF]), os.fsencode(text))
    return os.fsdecode(raw)


def _device_of(path: Path) -> int:
    return path.stat().st_dev
