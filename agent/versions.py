"""Versions of one thing beside each other, of which one is current: whole whenever the power goes.

    26.11/  26.12/  current -> 26.12  previous -> 26.11  tries  confirmed

A version is brought to the disk before `current` names it, and `current` is a link that one rename
replaces. A version that nobody has confirmed is on trial: whoever uses it counts its tries, and
goes back to the previous one when it will not work.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from agent.durable import PUBLIC, remove_durably, sync_folder, write_durably

CURRENT, PREVIOUS, TRIES, CONFIRMED = "current", "previous", "tries", "confirmed"
NAME = re.compile(r"(?!(?:current|previous|tries|confirmed)$)[A-Za-z0-9][A-Za-z0-9._+-]{0,49}")
"""Short enough for ext4 to keep a link to it in the inode: link and name are one write."""


class VersionError(Exception):
    """There is no such version, or nothing to go back to."""


class Standing(NamedTuple):
    """Which version is used, and how sure of it one is."""

    current: str | None
    previous: str | None
    """What is gone back to."""
    on_trial: bool
    tries: int
    """Of the current one, while it is on trial."""


class Versions:
    """The versions in one folder. Several processes may change it."""

    def __init__(self, folder: Path, *, confirmed: Path | None = None) -> None:
        """`confirmed` is kept elsewhere where whoever confirms must not switch."""
        self.folder = folder
        self._confirmed = folder / CONFIRMED if confirmed is None else confirmed

    def names(self) -> tuple[str, ...]:
        """All that are whole, in order."""
        if not self.folder.is_dir():
            return ()
        found = [path for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink()]
        return tuple(sorted(path.name for path in found if NAME.fullmatch(path.name)))

    def standing(self) -> Standing:
        """Where it stands now; raises OSError where that may not be read."""
        current, previous = self._target(CURRENT), self._target(PREVIOUS)
        on_trial = (
            current is not None
            and previous not in {None, current}
            and _text(self._confirmed) != current
        )
        name, _, tries = _text(self.folder / TRIES).partition(" ")
        counted = on_trial and name == current and tries.isdecimal()
        return Standing(current, previous, on_trial, int(tries) if counted else 0)

    def stage(self, name: str, fill: Callable[[Path], None]) -> None:
        """Bring a new version to the disk: `fill` puts it into an empty folder.

        Raises `VersionError` for a name that cannot be one, or is taken.
        """
        with self._alone():
            target = self._checked(name)
            if target.exists():
                raise VersionError(f"{target} is there already")
            draft = self.folder / f".{name}.new"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o750)
            fill(draft)
            _sync_tree(draft)
            draft.rename(target)
            sync_folder(self.folder)

    def use(self, name: str) -> None:
        """Make a version current; raises `VersionError` when there is none of that name.

        Where another is current already, the new one is on trial, and what was last confirmed is
        what one goes back to.
        """
        with self._alone():
            target = self._checked(name)
            if not target.is_dir():
                raise VersionError(f"{target} is not there")
            _sync_tree(target)
            now = self.standing()
            if now.current == name:
                return
            remove_durably(self.folder / TRIES)
            if not now.on_trial:
                self._point(PREVIOUS, now.current or name)
            self._point(CURRENT, name)

    def count_try(self) -> int:
        """Count one more try of a version on trial; how many there were. 0 without a trial."""
        with self._alone():
            now = self.standing()
            if not now.on_trial:
                return 0
            counted = f"{now.current} {now.tries + 1}"
            write_durably(self.folder / TRIES, counted.encode(), mode=PUBLIC)
            return now.tries + 1

    def confirm(self, name: str) -> None:
        """The version of this name works."""
        if _text(self._confirmed) != name:
            write_durably(self._confirmed, name.encode(), mode=PUBLIC)

    def confirm_current(self) -> str:
        """The current version works; its name. Raises `VersionError` when there is none."""
        current = self.standing().current
        if current is None:
            raise VersionError(f"{self.folder}: no version is current")
        self.confirm(current)
        return current

    def back(self) -> str:
        """Make the previous version current; its name. Raises `VersionError` without one."""
        with self._alone():
            _, previous = self._both()
            self._point(CURRENT, previous)
            return previous

    def swap(self) -> str:
        """Go back, with the other one to go back to in turn: both are on trial from now on."""
        with self._alone():
            current, previous = self._both()
            remove_durably(self._confirmed)
            remove_durably(self.folder / TRIES)
            self._point(CURRENT, previous)
            self._point(PREVIOUS, current)
            return previous

    def prune(self) -> None:
        """Remove all but the current and the previous version, and what never became one."""
        with self._alone():
            now = self.standing()
            for name in {*self.names()} - {now.current, now.previous}:
                shutil.rmtree(self.folder / name)
            for draft in self.folder.glob(".*.new"):
                if draft.is_dir() and not draft.is_symlink():
                    shutil.rmtree(draft)
            sync_folder(self.folder)

    def _both(self) -> tuple[str, str]:
        now = self.standing()
        if now.current is None or now.previous in {None, now.current}:
            raise VersionError(f"{self.folder}: there is nothing to go back to")
        return now.current, str(now.previous)

    def _checked(self, name: str) -> Path:
        if NAME.fullmatch(name) is None:
            raise VersionError(f"{name!r} cannot be the name of a version")
        return self.folder / name

    def _target(self, link: str) -> str | None:
        """The version that a link names, if it is there."""
        try:
            name = (self.folder / link).readlink().name
        except OSError:
            return None
        return name if (self.folder / name).is_dir() else None

    def _point(self, link: str, name: str) -> None:
        draft = self.folder / f".{link}.new"
        draft.unlink(missing_ok=True)
        draft.symlink_to(name)
        draft.replace(self.folder / link)
        sync_folder(self.folder)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes the folder meanwhile."""
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _text(file: Path) -> str:
    """What a small file says; nothing where there is none."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""


def _sync_tree(top: Path) -> None:
    """Bring all files below a folder, and their names, to the disk."""
    for folder, _, names in os.walk(top):
        for name in names:
            file = Path(folder, name)
            if file.is_symlink() or not file.is_file():
                continue  # a link is part of its folder
            handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(folder))
