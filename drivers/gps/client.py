"""gpsd over its socket. The only import of `gpsd`.

Of gpsd-py3 only the understanding of a response is used: its own socket has no time-out, never
reconnects and is shared by the whole process.
"""

import logging
import select
import socket
import time

import gpsd

from drivers.gps.report import Fix, Sky, Tpv, UnreadableReportError, fix, packet, read_line

log = logging.getLogger(__name__)

DEFAULT_PORT = 2947
WATCH = b'?WATCH={"enable":true,"json":true}\n'
PROBE = b"?VERSION;\n"
CONNECT_TIMEOUT_S = 3.0
SILENCE_S = 3.0
"""After this long without a byte the daemon is asked whether it lives; twice as long, it is not."""
FIRST_RETRY_S = 0.5
LAST_RETRY_S = 5.0
MAX_LINE_BYTES = 1 << 16
"""A sky view of a hundred satellites has about 12 kB."""
READ_BYTES = 1 << 14
MAX_FIXES = 64
"""Of one call: a daemon that was frozen hands over what it kept."""


class GpsClient:
    """Fixes from one gpsd. Owned by one thread; no call blocks longer than it was told to."""

    def __init__(self, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> None:
        """Nothing is opened yet."""
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._heard_mono_s = 0.0
        self._asked = False
        self._retry_mono_s = 0.0
        self._retry_s = FIRST_RETRY_S
        self._announced_loss = False
        self._skies: dict[str | None, Sky] = {}
        self.unreadable = 0
        """Lines that were not understood, since the client was made."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection to gpsd; a receiver behind it is another question."""
        return self._socket is not None

    def reports(self, timeout_s: float) -> tuple[Fix, ...]:
        """Fixes in order, as soon as there is one; none when `timeout_s` passed without.

        Connects (again, with back-off) by itself: an absent gpsd, a frozen one and a silent
        receiver all look the same here.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            found = self._read(deadline)
            if found or time.monotonic() >= deadline:
                return found

    def close(self) -> None:
        """Close the connection; idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._buffer.clear()
        self._skies.clear()

    def _read(self, deadline: float) -> tuple[Fix, ...]:
        """Wait for bytes, at most until `deadline`, and understand them."""
        now = time.monotonic()
        if self._socket is None and not self._connect(deadline):
            return ()
        stream = self._socket
        if stream is None:
            return ()
        wake = min(deadline, self._heard_mono_s + (2 if self._asked else 1) * SILENCE_S)
        try:
            readable, _, _ = select.select([stream], [], [], max(0.0, wake - now))
            if not readable:
                self._check_silence(stream)
                return ()
            received = stream.recv(READ_BYTES)
        except OSError as error:
            self._lose(error.strerror or str(error))
            return ()
        if not received:
            self._lose("closed by gpsd")
            return ()
        self._heard_mono_s = time.monotonic()
        self._asked = False
        return self._understand(received)

    def _connect(self, deadline: float) -> bool:
        """Connect if it is time to; else wait for that time or `deadline`."""
        now = time.monotonic()
        if now < self._retry_mono_s:
            pause_s = min(self._retry_mono_s, deadline) - now
            select.select([], [], [], max(0.0, pause_s))
            return False
        try:
            timeout_s = min(CONNECT_TIMEOUT_S, max(deadline - now, 0.1))
            stream = socket.create_connection(self._address, timeout=timeout_s)
        except OSError as error:
            self._lose(error.strerror or str(error))
            return False
        try:
            stream.sendall(WATCH)
        except OSError as error:
            stream.close()
            self._lose(error.strerror or str(error))
            return False
        self._socket = stream
        self._heard_mono_s = time.monotonic()
        self._asked = False
        return True

    def _check_silence(self, stream: socket.socket) -> None:
        """Ask a silent daemon for its version; leave one that does not answer either."""
        silent_s = time.monotonic() - self._heard_mono_s
        if silent_s >= 2 * SILENCE_S:
            self._lose("does not answer")
        elif silent_s >= SILENCE_S and not self._asked:
            self._asked = True
            stream.sendall(PROBE)

    def _lose(self, reason: str) -> None:
        self.close()
        self._retry_mono_s = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)
        if not self._announced_loss:
            self._announced_loss = True
            log.warning("gpsd at %s:%d lost (%s); trying again", *self._address, reason)

    def _recovered(self) -> None:
        self._retry_s = FIRST_RETRY_S
        if self._announced_loss:
            self._announced_loss = False
            log.info("gpsd at %s:%d answers again", *self._address)

    def _understand(self, received: bytes) -> tuple[Fix, ...]:
        self._buffer += received
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = bytearray(rest)
        if len(self._buffer) > MAX_LINE_BYTES:
            self.unreadable += 1
            self._lose(f"line of more than {MAX_LINE_BYTES} bytes")
        fixes: list[Fix] = []
        for line in lines:
            self._take(bytes(line), fixes)
        return tuple(fixes[-MAX_FIXES:])

    def _take(self, line: bytes, fixes: list[Fix]) -> None:
        if not line.strip():
            return
        try:
            report = read_line(line)
        except UnreadableReportError as error:
            self.unreadable += 1
            log.debug("gpsd said something unreadable: %s", error)
            return
        self._recovered()
        if isinstance(report, Sky):
            if report.satellites is not None or report.device not in self._skies:
                self._skies = {report.device: report}
        elif isinstance(report, Tpv):
            sky = self._skies.get(report.device)
            response = gpsd.GpsResponse.from_json(packet(report, sky))
            fixes.append(fix(response, report, sky))
