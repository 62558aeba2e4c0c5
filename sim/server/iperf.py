"""The real iperf3, kept running, and whether a port is listened on."""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.parts import Part, PartError, find_command, wait_until

_log = logging.getLogger(__name__)

IPERF_IDLE_S = 15
"""A server whose client vanished stays busy until it has been idle for so long."""
LOOK_S = 0.2
RESTART_S = 0.5
START_TIMEOUT_S = 10.0
MAX_LOG_BYTES = 1 << 20
LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp."""
HELD = frozenset({"01", "08"})
"""TCP_ESTABLISHED, TCP_CLOSE_WAIT: a program still has the connection."""


class IperfServer:
    """One `iperf3 -s`, started again whenever it ends; a context manager. One test at a time."""

    def __init__(self, host: str, port: int, *, log: Path) -> None:
        """Prepare; raises `MissingCommandError` without iperf3."""
        command = [find_command("iperf3"), "-s", "-B", host, "-p", str(port)]
        command += ["--idle-timeout", str(IPERF_IDLE_S), "--forceflush"]
        self.port = port
        self.starts = 0
        self._part = Part(f"iperf3 on port {port}", command, log=log)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, name=f"iperf3-{port}")

    @property
    def pid(self) -> int | None:
        """Of the process that serves now or served last."""
        return self._part.pid

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            wait_until(lambda: is_listening(self.port), self._part.name, START_TIMEOUT_S)
        except PartError:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._part.stop(grace_s=1.0)

    def _keep_running(self) -> None:
        while not self._closing.is_set():
            if self._part.running:
                self._bound_log()
                self._closing.wait(LOOK_S)
                continue
            if self.starts:
                _log.warning("%s ended with code %s", self._part.name, self._part.kill())
                if self._closing.wait(RESTART_S):
                    return
            self._part.start()
            self.starts += 1

    def _bound_log(self) -> None:
        """Begin it anew before it fills the disk: iperf3 tells of every second of every stream."""
        log = self._part.log
        if log.stat().st_size > MAX_LOG_BYTES:
            os.truncate(log, 0)


def is_listening(port: int) -> bool:
    """Whether something listens on a TCP port in our network namespace (without touching it)."""
    return LISTENING in _states(port)


def is_idle(port: int) -> bool:
    """Whether an iperf3 listens on a TCP port here and nobody is connected: it takes a test.

    It is busy until it has put the last one away, or, when its client vanished, given it up.
    """
    states = set(_states(port))
    return LISTENING in states and not HELD & states


def _states(port: int) -> Iterator[str]:
    """Of each TCP socket on a local port."""
    wanted = f":{port:04X}"
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            if local.endswith(wanted):
                yield state
