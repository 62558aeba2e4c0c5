"""The program's own versions: which one runs, and whether it has proved itself.

Root switches them, and counts the starts of a new one before each of them
(`dosong-agent release started` of the previous release: the new one may not even start). The agent
may only say that it works, by a file in its state folder.
"""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

from agent.runtime import Notify
from agent.versions import CURRENT, Versions

log = logging.getLogger(__name__)

FOLDER = Path("/opt/dosong")
PROGRAM = Path("bin", "dosong-agent")
CONFIRMED = "confirmed-release"
STARTS = 3
"""Of a new release that did not prove itself in any of them: before the next one it is given up."""
PROVEN_AFTER_S = 300.0
GAP_S = 10.0
"""Between two meals of the watchdog: after a longer one the proof begins anew."""


class Releases(Versions):
    """Virtual environments beside each other, each named for what is in it."""

    def __init__(self, folder: Path, *, state_dir: Path) -> None:
        super().__init__(folder, confirmed=state_dir / CONFIRMED)

    def names(self) -> tuple[str, ...]:
        """All in which the program is."""
        return tuple(name for name in super().names() if (self.folder / name / PROGRAM).exists())

    def count_start(self) -> str | None:
        """One more start; the release that is current again, where the new one is given up."""
        return self.back() if self.count_try() > STARTS else None


def running(prefix: Path = Path(sys.prefix)) -> tuple[Path, str] | None:
    """Folder and name of the release this process is of; None where it is of none."""
    return (prefix.parent, prefix.name) if (prefix.parent / CURRENT).is_symlink() else None


class Proof:
    """Passes on what systemd is told, and notes when that has been good news for long enough.

    As `agent.runtime.Notify` it is told each second that all critical workers make progress.
    """

    def __init__(
        self,
        notify: Notify,
        *,
        made: Callable[[], int],
        proven: Callable[[], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`made` counts the records so far; `proven` is called once."""
        self._notify = notify
        self._made = made
        self._proven = proven
        self._now_s = now_s
        self._since_s: float | None = None
        self._made_then = 0
        self._alive_s = 0.0
        self._done = False

    def ready(self) -> None:
        """The service does its work now."""
        self._notify.ready()

    def alive(self) -> None:
        """Every critical worker makes progress."""
        self._notify.alive()
        if self._done:
            return
        now_s = self._now_s()
        if self._since_s is None or now_s - self._alive_s > GAP_S:
            self._since_s, self._made_then = now_s, self._made()
        self._alive_s = now_s
        if now_s - self._since_s >= PROVEN_AFTER_S and self._made() > self._made_then:
            self._done = True
            self._say()

    def stopping(self) -> None:
        """The service is on its way out."""
        self._notify.stopping()

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._notify.status(text)

    def _say(self) -> None:
        try:
            self._proven()
        except OSError as error:
            log.warning("this release cannot be confirmed: %s", error)


def confirm_running(state_dir: Path) -> None:
    """Confirm the release this process is of, if it is of one."""
    found = running()
    if found is not None:
        folder, name = found
        Releases(folder, state_dir=state_dir).confirm(name)
