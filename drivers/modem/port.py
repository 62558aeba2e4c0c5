"""One AT port: the only place that knows pyserial. Owned by one thread.

Every wait ends: reading and writing have deadlines, opening and closing do not wait for a modem.
A port that vanishes is closed at once and raises `GoneError`, whichever of its three exception
types pyserial happens to raise.
"""

import errno
import fcntl
import logging
import math
import os
import select
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

import serial

from drivers.modem.at import AnswersUnder, AtChannel, Reply
from drivers.modem.errors import BusyPortError, GoneError, TimedOutError

log = logging.getLogger(__name__)

BAUD_RATE = 115_200
"""Of no meaning over USB; the default of those few that hang on a real line."""
WRITE_TIMEOUT_S = 1.0
CHUNK_BYTES = 4096
QUIET_S = 0.15
"""Silence after which a late reply is believed to be over."""
MAX_DRAIN_S = 2.0
RESYNC_ATTEMPTS = 3
RESYNC_TIMEOUT_S = 0.5
KEPT_URCS = 256
LEAVE_PROMPT = b"\x1b"
"""Escape: gives up entering a text (TS 27.005 3.5.1)."""

# <linux/serial.h>: closing_wait is an unsigned short behind 40 bytes of struct serial_struct.
_SERIAL_STRUCT_BYTES = 128
_CLOSING_WAIT_OFFSET = 40
_CLOSING_WAIT_NONE = 65_535

_ONE = struct.pack("=Q", 1)
"""What counts up an eventfd."""

_GONE_EVENTS = select.POLLHUP | select.POLLERR | select.POLLNVAL
_IO_ERRORS = (serial.SerialException, OSError, termios.error)
"""An unplugged device raises the first from write, the second from read, the third from flush; the
third is no OSError."""


class _SharedError(OSError):
    """Somebody else took what was there to be read, or set the port up in another way."""


class Port:
    """An open AT port that carries one command at a time."""

    def __init__(self, device: serial.Serial, clock: Callable[[], float]) -> None:
        """Use `Port.open`."""
        self._serial = device
        self._clock = clock
        self._channel = AtChannel()
        self._urcs: deque[str] = deque(maxlen=KEPT_URCS)
        self._out_of_step = False
        self._interrupted = False
        self._gone = ""
        self._closed = False
        self._settings = termios.tcgetattr(device.fileno())
        # Ours, because a change of pyserial's timeout is a change of the device's settings.
        self._wake = os.fdopen(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC), "r+b", buffering=0)
        self._poll = select.poll()
        self._fd: int = device.fileno()
        self._poll.register(self._fd, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    @classmethod
    def open(cls, path: str, *, clock: Callable[[], float] = time.monotonic) -> Self:
        """The port at `path`, ours alone; raises `GoneError` or `BusyPortError`."""
        try:
            device = serial.Serial(
                path, BAUD_RATE, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True
            )
        except _IO_ERRORS as error:
            reason = getattr(error, "errno", None)
            if reason in {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}:
                raise BusyPortError("is held by another program", port=path) from error
            raise GoneError(f"does not open: {error}", port=path) from error
        try:
            _claim(device.fileno())
            return cls(device, clock)
        except _IO_ERRORS as error:
            device.close()
            raise GoneError(f"does not open: {error}", port=path) from error

    @property
    def path(self) -> str:
        """The device file."""
        return str(self._serial.port)

    @property
    def is_open(self) -> bool:
        """Whether the port is held: not after `close`, nor once it was found to be gone."""
        return not self._closed

    @property
    def dropped_bytes(self) -> int:
        """Bytes of lines and replies that were too long to be any."""
        return self._channel.dropped_bytes

    def answer_under(self, prefixes: AnswersUnder) -> None:
        """From now on these commands may answer under other prefixes than their own."""
        self._channel.answers_under = prefixes

    def command(self, text: str, timeout_s: float) -> Reply:
        """The reply to `text`, also one that says ERROR; raises `TimedOutError` or `GoneError`.

        After a timeout the next command first waits until the port is quiet and in step again.
        """
        self._interrupted = False
        with self._device(text):
            if self._out_of_step:
                self._resync(text)
            if unasked := self._read(0.0):
                self._sort(unasked)
            return self._exchange(text, timeout_s)

    def urcs(self) -> tuple[str, ...]:
        """Unsolicited lines since the last call, oldest first; bounded, the oldest are dropped."""
        if not self._gone:
            with self._device(""):
                self._sort(self._read(0.0))
        lines = tuple(self._urcs)
        self._urcs.clear()
        return lines

    def check(self) -> None:
        """Do nothing if the port is there; raises `GoneError` if not."""
        with self._device(""):
            self._sort(self._read(0.0))

    def interrupt(self) -> None:
        """Make a command that another thread waits for raise `TimedOutError` now."""
        self._interrupted = True
        with suppress(OSError, ValueError):
            # ValueError: closed meanwhile, so there is nothing left to wake.
            self._wake.write(_ONE)

    def close(self) -> None:
        """Let go of the port; does not wait for bytes nobody takes. Closing again does nothing."""
        self._gone = self._gone or "is closed"
        if self._closed:
            return
        self._closed = True
        self._wake.close()
        with suppress(*_IO_ERRORS):
            termios.tcflush(self._serial.fileno(), termios.TCIOFLUSH)
        if unsent_bytes(self._serial.fileno()):
            # Where closing_wait could not be set the driver waits up to 30 s for them to go.
            log.info("%s: closing it in the background", self.path)
            threading.Thread(
                target=_close, args=(self._serial,), name=f"closing {self.path}", daemon=True
            ).start()
        else:
            _close(self._serial)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _device(self, command: str) -> Iterator[None]:
        """Turn whatever pyserial raises into our errors, and close what is gone."""
        if self._gone:
            raise GoneError(self._gone, command=command, port=self.path)
        try:
            yield
        except serial.SerialTimeoutException as error:
            self._channel.abandon()
            self._out_of_step = True
            raise TimedOutError(
                f"port takes no bytes for {WRITE_TIMEOUT_S} s", command=command, port=self.path
            ) from error
        except _SharedError as error:
            self._gone = f"is used by another program as well: {error.strerror}"
            self.close()
            raise BusyPortError(self._gone, command=command, port=self.path) from error
        except _IO_ERRORS as error:
            self._gone = f"is gone: {error}"
            self.close()
            raise GoneError(self._gone, command=command, port=self.path) from error

    def _exchange(self, text: str, timeout_s: float) -> Reply:
        deadline = self._clock() + timeout_s
        self._write(self._channel.start(text))
        while not self._interrupted and (left_s := deadline - self._clock()) > 0:
            reply = self._sort(self._read(left_s))
            if reply is not None:
                return reply
            if self._channel.wants_text:
                self._write(LEAVE_PROMPT)
        came = self._channel.abandon()
        self._out_of_step = True
        if not self._interrupted:
            self._look_for_others()
        why = "interrupted" if self._interrupted else f"no answer in {timeout_s:g} s"
        raise TimedOutError(why, command=text, port=self.path, text=came)

    def _resync(self, command: str) -> None:
        """Bring question and answer into step; raises `TimedOutError` where nobody answers."""
        came = ""
        for _ in range(RESYNC_ATTEMPTS):
            self._drain()
            try:
                self._exchange("AT", RESYNC_TIMEOUT_S)
            except TimedOutError as error:
                if self._interrupted:
                    raise
                came = came or error.text
                continue
            self._drain()
            self._out_of_step = False
            log.info("%s: in step again", self.path)
            return
        raise TimedOutError("does not answer AT", command=command, port=self.path, text=came)

    def _drain(self) -> None:
        deadline = self._clock() + MAX_DRAIN_S
        while self._clock() < deadline and not self._interrupted:
            data = self._read(QUIET_S)
            if not data:
                return
            self._sort(data)

    def _sort(self, data: bytes) -> Reply | None:
        """Keep what is unsolicited; the reply, if `data` completes it."""
        reply = None
        for event in self._channel.feed(data):
            if isinstance(event, Reply):
                reply = event
            else:
                self._urcs.append(event.line)
        return reply

    def _write(self, data: bytes) -> None:
        """All of it: pyserial waits for room, but there nearly always is."""
        try:
            written = os.write(self._fd, data)
        except BlockingIOError:
            written = 0
        if written < len(data):
            self._serial.write(data[written:])

    def _read(self, timeout_s: float) -> bytes:
        """What has come, after at most `timeout_s`; empty when nothing did."""
        ready = [fd for fd, _ in self._poll.poll(math.ceil(timeout_s * 1000))]
        if ready and ready != [self._fd]:
            self._wake.read(len(_ONE))
        if self._fd not in ready:
            return b""
        try:
            data = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            what = "ready to be read, and nothing to read"
            raise OSError(errno.EIO, what) if self._hung_up() else _SharedError(errno.EBUSY, what)
        return data

    def _look_for_others(self) -> None:
        """Whoever opens a port sets it up in his way, ModemManager included."""
        if termios.tcgetattr(self._serial.fileno()) != self._settings:
            raise _SharedError(errno.EBUSY, "no answer, and its settings are not ours any more")

    def _hung_up(self) -> bool:
        """Whether the device is gone; where it is not, somebody else took what there was."""
        ready = dict(self._poll.poll(0))
        return bool(ready.get(self._fd, 0) & _GONE_EVENTS)


def _claim(fd: int) -> None:
    """Keep others out, and make closing a matter of no time."""
    if not os.ttyname(fd).startswith("/dev/pts/"):
        # pyserial's exclusive=True is advisory; ModemManager heeds this one. On a pty it would
        # outlive us for as long as the other end is open.
        fcntl.ioctl(fd, termios.TIOCEXCL)
    settings = termios.tcgetattr(fd)
    # Dropping DTR on close resets some modems, and drops the data call on others.
    settings[2] &= ~termios.HUPCL
    termios.tcsetattr(fd, termios.TCSANOW, settings)
    wait_for_nothing_on_close(fd)


def wait_for_nothing_on_close(fd: int) -> bool:
    """Set closing_wait to none: a port nobody reads would block close for 30 s.

    False where the driver has no such setting, as ptys have not, and where it may not be changed:
    Linux wants CAP_SYS_ADMIN for it.
    """
    state = bytearray(_SERIAL_STRUCT_BYTES)
    try:
        fcntl.ioctl(fd, termios.TIOCGSERIAL, state)
        struct.pack_into("=H", state, _CLOSING_WAIT_OFFSET, _CLOSING_WAIT_NONE)
        fcntl.ioctl(fd, termios.TIOCSSERIAL, state)
    except OSError as error:
        log.debug("no closing_wait here: %s", error)
        return False
    return True


def unsent_bytes(fd: int) -> int:
    """How much was written that the device has not taken; 0 where nobody can tell."""
    try:
        count: int = struct.unpack("=i", fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)))[0]
    except OSError:
        return 0
    return count


def _close(device: serial.Serial) -> None:
    with suppress(*_IO_ERRORS):
        device.close()
