"""A serial line as a pseudo-terminal behind a stable name.

The name is a symbolic link, made and replaced in one step, so whoever opens it sees the old device
or the new one. After a kill a restart makes a new device behind the same name.
"""

import contextlib
import errno
import os
import select
import signal
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Self

_READ_BYTES = 4096
_HANG_UP_NAP_S = 0.03
"""Nobody has the line open: poll would return at once."""


class Line:
    """Our end of the line. Use as a context manager: it removes its link at the end."""

    def __init__(self, link: Path, *, mode: int = 0o660) -> None:
        """Make a device and put the link to it in place; raises `OSError`."""
        self._link = link
        self._mode = mode
        self._fd = -1
        self._device = ""
        self.plug_in()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    @property
    def device(self) -> str:
        """The device behind the link, e.g. `/dev/pts/7`; empty while unplugged."""
        return self._device

    def plug_in(self) -> None:
        """Make a new device behind the link."""
        self.unplug()
        master, slave = os.openpty()
        try:
            tty.setraw(slave)
            os.fchmod(slave, self._mode)
            self._device = os.ttyname(slave)
        finally:
            os.close(slave)
        os.set_blocking(master, False)
        self._fd = master
        fresh = self._link.with_name(f".{self._link.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        fresh.symlink_to(self._device)
        fresh.replace(self._link)

    def unplug(self) -> None:
        """Hang up and remove the link, if it is still ours."""
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):
            if self._link.readlink() == Path(self._device):
                self._link.unlink()
        os.close(self._fd)
        self._fd = -1
        self._device = ""

    def wait(self, timeout_s: float, *, to_write: bool = False, to_read: bool = True) -> bool:
        """Wait until something can be done or the time is over; whether anybody is there."""
        poll = select.poll()
        poll.register(
            self._fd, (select.POLLIN if to_read else 0) | (select.POLLOUT if to_write else 0)
        )
        events = poll.poll(max(0.0, timeout_s) * 1000)
        if events and events[0][1] & select.POLLHUP and not events[0][1] & select.POLLIN:
            time.sleep(min(timeout_s, _HANG_UP_NAP_S))
            return False
        return True

    def read(self) -> bytes:
        """What has come in; empty when nothing has."""
        try:
            return os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise

    def write(self, data: bytes) -> int:
        """Send what fits now; gives how many bytes did."""
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno == errno.EIO:
                return len(data)
            raise


class StopSignal:
    """Whether SIGTERM or SIGINT has come."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.is_set = False

    def set(self, _signal: int, _frame: FrameType | None) -> None:
        """For `signal.signal`."""
        self.is_set = True


@contextlib.contextmanager
def stop_signal() -> Iterator[StopSignal]:
    """Take SIGTERM and SIGINT as a request to finish."""
    stop = StopSignal()
    before = {number: signal.signal(number, stop.set) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
